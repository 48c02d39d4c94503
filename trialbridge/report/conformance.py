"""A conformance report: what was checked, by which rules, and every issue found; the five parts that CORE's reports have.

`Report` is plain data that every format writes and every reader gives. Cells (values) are in it: it is for files, and
what a terminal shows of it has none.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity
from trialbridge.base.rule import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trialbridge.base.finding import Finding
    from trialbridge.base.rule import Checked

OURS = "trialbridge"
FULLY = "fully executable"
"""The executability of a rule that needs nobody's judgement (CORE's words)."""


class Disposition(StrEnum):
    """What a person has decided about a kind of issue."""

    OPEN = "open"
    FIX = "fix"
    DOCUMENT = "document"
    WAIVE = "waive"


SETTLED = frozenset({Disposition.DOCUMENT, Disposition.WAIVE})
"""Decided not to be mended: such issues do not make the exit code 1."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A disposition with its reason, and who made it when."""

    disposition: Disposition = Disposition.OPEN
    comment: str = ""
    by: str = ""
    date: str = ""


UNDECIDED = Decision()


@dataclass(frozen=True, slots=True)
class Issue:
    """One place that breaks a rule. `row` counts records from 1; `variables` and `values` go together.

    `source` is where the cell came from in FHIR: `Patient/p1 Patient.gender`; of a FHIR issue, the resource and path.
    """

    rule: str
    message: str
    dataset: str
    severity: Severity = Severity.ERROR
    subject: str = ""
    row: int | None = None
    seq: str = ""
    variables: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    source: str = ""
    fix: str = ""
    executability: str = FULLY
    file: str = ""

    @property
    def key(self) -> str:
        """What a disposition is about: RULE|DOMAIN|VARIABLES."""
        return "|".join((self.rule, self.dataset, ",".join(self.variables)))

    @property
    def fingerprint(self) -> tuple[str, ...]:
        """The same issue in two runs: by record, not by row number where --SEQ or the FHIR source names the record."""
        place = self.seq or self.source or ("" if self.row is None else f"row {self.row}")
        return (self.key, self.subject, place)


@dataclass(frozen=True, slots=True)
class RuleRun:
    """A rule and what became of it. `engine` is trialbridge, CORE or Pinnacle 21; `why` tells why it was skipped."""

    id: str
    message: str = ""
    status: Status = Status.SUCCESS
    version: str = "1"
    cdisc: tuple[str, ...] = ()
    fda: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR
    text: str = ""
    fix: str = ""
    section: str = ""
    engine: str = OURS
    why: str = ""


@dataclass(frozen=True, slots=True)
class Checkedset:
    """One dataset, or type of resource, that was checked."""

    name: str
    label: str = ""
    path: str = ""
    modified: str = ""
    size_kb: float = 0.0
    records: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report. `details` are name and value, in CORE's order; `total` counts issues before any limit."""

    details: tuple[tuple[str, str], ...] = ()
    datasets: tuple[Checkedset, ...] = ()
    issues: tuple[Issue, ...] = ()
    rules: tuple[RuleRun, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def decision(self, issue: Issue) -> Decision:
        """What was decided about issues of its kind."""
        return self.decisions.get(issue.key, UNDECIDED)

    def rule(self) -> dict[str, RuleRun]:
        """The rules by id."""
        return {one.id: one for one in self.rules}

    def summary(self) -> list[tuple[str, str, str, int]]:
        """Dataset, rule, message and how often, in that order."""
        counted = Counter((one.dataset, one.rule, one.message) for one in self.issues)
        return sorted((dataset, rule, message, times) for (dataset, rule, message), times in counted.items())

    def open_issues(self) -> list[Issue]:
        """The issues that nobody has decided to leave."""
        return [one for one in self.issues if self.decision(one).disposition not in SETTLED]


def rules_of(checked: Iterable[Checked], engine: str = OURS) -> list[RuleRun]:
    """What became of rules, without their findings."""
    return [
        RuleRun(
            id=one.rule.id,
            message=one.rule.message,
            status=one.status,
            cdisc=one.rule.cdisc,
            fda=one.rule.fda,
            severity=one.rule.severity,
            text=one.rule.text,
            fix=one.rule.fix,
            section=one.rule.section,
            engine=engine,
            why=one.why,
        )
        for one in checked
    ]


def issues_of(findings: Iterable[Finding], source: Callable[[Finding], str] | None = None) -> list[Issue]:
    """Findings as issues; `source` tells where in FHIR a finding's cell came from."""
    return [_issue(one, source(one) if source is not None else "") for one in findings]


def _issue(one: Finding, source: str) -> Issue:
    where = one.where
    resource_type = (where.resource or where.path or "").partition("/")[0].partition(".")[0]
    named = tuple(name for name, _ in one.cells) or ((where.variable,) if where.variable else ())
    if where.dataset is None and where.path:
        named = tuple(one for one in (_element(where.path),) if one)
    values = tuple(value for _, value in one.cells)
    in_fhir = " ".join(part for part in (where.resource, where.path) if part)
    return Issue(
        rule=one.id,
        message=one.message,
        dataset=where.dataset or resource_type,
        severity=one.severity,
        subject=where.subject or "",
        row=where.row,
        seq=where.seq or "",
        variables=named,
        values=values,
        source=source or in_fhir,
        fix=one.fix,
        file=where.file or "",
    )


def _element(path: str) -> str:
    """A path without its places in lists, so that alike issues are one kind: `Patient.name[0].given` -> `name.given`.

    Of a Bundle's entry it is the path within the entry's resource.
    """
    inner = re.sub(r"^(Bundle\.entry\[\d+\]\.resource|[A-Z]\w*)\.?", "", path)
    return ".".join(step.partition("[")[0] for step in inner.split("."))


def shared(issues: Iterable[Issue], most: int) -> list[Issue]:
    """At most `most` issues (0: all), shared out evenly among the rules, so that none is hidden by a loud one.

    >>> loud = [Issue("A", "", "DM", row=n) for n in range(9)]
    >>> [one.rule for one in shared([*loud, Issue("B", "", "DM"), Issue("B", "", "DM")], 5)]
    ['A', 'A', 'A', 'B', 'B']
    """
    by_rule: dict[str, list[Issue]] = {}
    for one in issues:
        by_rule.setdefault(one.rule, []).append(one)
    left, share = most, dict.fromkeys(by_rule, 0)
    for number, name in enumerate(sorted(by_rule, key=lambda name: len(by_rule[name]))):
        share[name] = min(len(by_rule[name]), left // (len(by_rule) - number))
        left -= share[name]
    return [one for name, its in by_rule.items() for one in (its[: share[name]] if most else its)]


def as_values(issue: Issue) -> list[str]:
    """The values as CORE writes them: `null` where a variable has none."""
    given = issue.values or ("",) * len(issue.variables)
    return [value if value.strip() and value.lower() != "nan" else "null" for value in given] or ["null"]


def plain(report: Report) -> dict[str, Any]:
    """Counts for `--json` on the terminal: no cell is in it."""
    severities = Counter(str(one.severity) for one in report.issues)
    statuses = Counter(str(one.status) for one in report.rules)
    return {
        "issues": {severity: severities.get(severity, 0) for severity in ("error", "warning", "note")},
        "open": len(report.open_issues()),
        "rules": dict(sorted(statuses.items())),
        "summary": [
            {"dataset": dataset, "rule": rule, "message": message, "issues": times}
            for dataset, rule, message, times in report.summary()
        ],
        "notes": list(report.notes),
    }
