"""A conformance report in the terminal: what ran, counts by rule, one line how to mend each; never a cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from trialbridge.base.finding import Severity
from trialbridge.base.rule import Status

if TYPE_CHECKING:
    from rich.console import Console

    from trialbridge.report.conformance import Report, RuleRun

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_ORDER = list(COLOURS)
_RULES = 25
"""Rules listed in the terminal; all are in the files."""


@dataclass(slots=True)
class _Line:
    """One rule's issues."""

    severity: Severity
    datasets: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    fix: str = ""

    @property
    def message(self) -> str:
        """The commonest message, and how many others there are."""
        more = len(self.messages) - 1
        return self.messages.most_common(1)[0][0] + (f" (and {more} more of the kind)" if more else "")


def show(report: Report, console: Console) -> None:
    """Print the report."""
    for note in report.notes:
        console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    lines = _lines(report)
    if lines:
        console.print(_table(lines, report))
    console.print(_verdict(report))
    console.print(_ran(report.rules), soft_wrap=True)


def _lines(report: Report) -> list[tuple[str, _Line]]:
    found: dict[str, _Line] = {}
    for one in report.issues:
        line = found.setdefault(one.rule, _Line(one.severity, fix=one.fix))
        line.messages[one.message] += 1
        line.datasets[one.dataset] += 1
        line.severity = min(line.severity, one.severity, key=_ORDER.index)
    return sorted(found.items(), key=lambda item: (_ORDER.index(item[1].severity), -item[1].datasets.total(), item[0]))


def _table(lines: list[tuple[str, _Line]], report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    table.add_column("", no_wrap=True)
    table.add_column("rule", no_wrap=True)
    table.add_column("issues", justify="right", no_wrap=True)
    table.add_column("where", max_width=18)
    table.add_column("what, and how to mend it", ratio=1)
    rules = report.rule()
    for name, line in lines[:_RULES]:
        colour = COLOURS[line.severity]
        rule = rules.get(name)
        fix = line.fix or (rule.fix if rule is not None else "")
        text = escape(line.message) + (f"\n[dim]→ {escape(fix)}[/]" if fix else "")
        table.add_row(f"[{colour}]{line.severity}[/]", name, f"{line.datasets.total():,}", _where(line), text)
    if len(lines) > _RULES:
        table.add_row("", "…", "", "", f"{len(lines) - _RULES} more rules with issues: see the report's files")
    return table


def _where(line: _Line) -> str:
    listed = [f"{name or 'study'}" for name, _ in line.datasets.most_common(3)]
    more = len(line.datasets) - len(listed)
    return escape(", ".join(listed) + (f" +{more}" if more > 0 else ""))


def _verdict(report: Report) -> str:
    counted = Counter(one.severity for one in report.issues)
    settled = len(report.issues) - len(report.open_issues())
    named = (
        ("datasets", "records")
        if not dict(report.details).get("Standard", "").startswith("FHIR")
        else ("types", "resources")
    )
    checked = f"{len(report.datasets)} {named[0]}, {sum(one.records for one in report.datasets):,} {named[1]}"
    if not report.issues:
        return f"[green]no issue[/] in {checked}"
    parts = [
        f"[{COLOURS[of]}]{counted[of]:,} {of}{'s' if counted[of] != 1 else ''}[/]" for of in COLOURS if counted[of]
    ]
    decided = f" ({settled:,} documented or waived)" if settled else ""
    return f"{', '.join(parts)}{decided} in {checked}"


def _ran(rules: tuple[RuleRun, ...]) -> str:
    """Which engine ran how many rules, and how many did not."""
    told = []
    for engine in dict.fromkeys(one.engine for one in rules):
        its = Counter(one.status for one in rules if one.engine == engine)
        ran = its[Status.SUCCESS] + its[Status.ISSUE_REPORTED]
        skipped = f", {its[Status.SKIPPED]} skipped" if its[Status.SKIPPED] else ""
        broken = f", [red]{its[Status.EXECUTION_ERROR]} failed[/]" if its[Status.EXECUTION_ERROR] else ""
        told.append(f"{engine}: {ran} rules ran{skipped}{broken}")
    return f"[dim]{'; '.join(told)}[/]"
