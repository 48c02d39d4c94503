"""The end of a conversion, readable: records in and out, cells or elements and their reason, findings, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from trialbridge.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from rich.console import Console

    from trialbridge.base.finding import Finding
    from trialbridge.commands.outcome import Outcome

_SHOWN = 10  # kinds of finding, and of rejects, in the terminal; all of them are in the files
_ASIDE = {"forms to sdtm": "in no block", "forms to fhir": "in no block", "sdtm to forms": "no form for them"}
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}


def show(done: Outcome, output: Path, formats: tuple[str, ...], console: Console) -> None:
    """Print the summary."""
    console.print(_records(done))
    given = sum(one.given for one in done.accounts)
    kept = sum(one.kept for one in done.accounts)
    rejected = sum(one.rejected for one in done.accounts)
    aside = sum(one.aside for one in done.accounts)
    what = {"sdtm": "rows", "forms": "records"}.get(done.kind, "resources")
    parts = [f"{kept:,} converted"]
    parts += [f"{rejected:,} rejected"] if done.kind != "sdtm" else []
    parts += [f"{aside:,} set aside ({_ASIDE.get(done.direction, 'given twice, or no study data')})"] if aside else []
    verdict = "[green]it adds up[/]" if done.adds_up else "[bold red]IT DOES NOT ADD UP[/]"
    console.print(f"{given:,} {what} = {' + '.join(parts)}: {verdict}")
    if done.ledger is not None:
        totals = done.ledger.totals()
        unit = "elements" if done.kind == "fhir" else "cells"
        accounted = ", ".join(f"{times:,} {reason}" for reason, times in totals.items())
        unfollowed = "not followed (--no-residue)" if kept else "none"
        console.print(f"{sum(totals.values()):,} {unit}: {accounted or unfollowed}")
    made = "  ".join(f"{name} {count:,}" for name, count in done.made.items())
    console.print(f"made: {made or 'nothing'}")
    show_rejects(done, console)
    told = {id(one.finding) for one in done.rejects}
    show_findings((one for one in done.findings if id(one) not in told), console)
    asked = sum(one.id == "TB-CRF-ASK" for one in done.findings)
    if asked:
        console.print(f"{asked:,} doubtful values were left empty; settle them in adjudication.xlsx, then run with it")
    console.print(f"written: {escape(str(output))} ({', '.join(formats)})")


def _records(done: Outcome) -> Table:
    """One line a dataset or resource type."""
    table = Table(title=f"{done.kind.upper()} to {done.to.upper()} {done.release if 'fhir' in done.direction else ''}")
    table.add_column({"sdtm": "dataset", "forms": "form"}.get(done.kind, "resource type"))
    columns = ["in", "out"] if done.kind == "sdtm" else ["in", "converted", "rejected"]
    places = done.ledger.by_place() if done.ledger else {}
    reasons = [one for one in (done.ledger.totals() if done.ledger else ()) if any(one in of for of in places.values())]
    for name in (*columns, *reasons):
        table.add_column(name, justify="right")
    for one in done.accounts:
        counted = places.get(one.name, {})
        numbers = [one.given, one.kept, *([one.rejected] if done.kind != "sdtm" else [])]
        cells = [f"{counted[reason]:,}" if reason in counted else "" for reason in reasons]
        table.add_row(one.name, *(f"{number:,}" for number in numbers), *cells)
    return table


def show_rejects(done: Outcome, console: Console) -> None:
    """The first rejects, with their place and reason."""
    for one in done.rejects[:_SHOWN]:
        console.print(
            f"[red]rejected[/] {escape(str(one.finding.where))}: {escape(one.finding.message)}", soft_wrap=True
        )
    if len(done.rejects) > _SHOWN:
        console.print(f"… and {len(done.rejects) - _SHOWN:,} more: rejects.ndjson")


def show_findings(findings: Iterable[Finding], console: Console) -> None:
    """Findings by kind: how often, and the first of each."""
    everything = list(findings)
    kinds = _kinds(everything, lambda one: one.message)
    if len(kinds) > _SHOWN:  # messages that name ids differ, and would crowd out all else
        kinds = _kinds(everything, lambda _: "")
    ordered = sorted(kinds, key=lambda those: list(_COLOURS).index(str(those[0].severity)))
    for those in ordered[:_SHOWN]:
        first = those[0]
        times = f" ({len(those):,} times, first: {first.where})" if len(those) > 1 else f" [{first.where}]"
        text = escape(f"{first.id} {first.message}{times if str(first.where) or len(those) > 1 else ''}")
        console.print(f"[{_COLOURS[str(first.severity)]}]{first.severity}[/] {text}", soft_wrap=True)
        if first.fix and first.severity is not Severity.NOTE:
            console.print(f"  → {escape(first.fix)}", soft_wrap=True)
    if len(ordered) > _SHOWN:
        console.print(f"… and {len(ordered) - _SHOWN} more kinds: findings.json")


def _kinds(findings: Iterable[Finding], what: Callable[[Finding], str]) -> list[list[Finding]]:
    """Findings of one severity and id that say the same."""
    kinds: dict[tuple[str, str, str], list[Finding]] = {}
    for one in findings:
        kinds.setdefault((str(one.severity), one.id, what(one)), []).append(one)
    return list(kinds.values())
