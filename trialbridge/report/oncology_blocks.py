"""The tables of the oncology page: responses, remission rates, outcomes, disagreements with RS, findings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trialbridge.report.figures_data import counted, said
from trialbridge.report.figures_style import plain
from trialbridge.report.oncology_page import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trialbridge.base.finding import Finding
    from trialbridge.oncology.outcomes import Outcome, Value
    from trialbridge.oncology.recist import Assessment
    from trialbridge.oncology.survival import Survival
    from trialbridge.report.oncology_tables import Tables

_MOST_FINDINGS = 500


def best(done: Assessment) -> Block:
    """Best overall responses by reader and lesion group."""
    readers = sorted({(one.eval, one.evalid, one.group) for one in done.best})
    cells = Counter((one.eval, one.evalid, one.group, plain(one.response)) for one in done.best)
    there = list(counted(plain(one.response) for one in done.best))
    rows = tuple(
        (said(one[:2]), one[2].capitalize(), *(cells[(*one, response)] for response in there)) for one in readers
    )
    asked = done.criteria.confirmation if done.choices.confirmation is None else done.choices.confirmation
    note = f"Complete and partial response {'must' if asked else 'need not'} be confirmed ({done.criteria.label})."
    return Block("Best overall response", ("Reader", "Lesions", *there), rows, note)


def rates(found: Tables, day: int, window: int) -> Block:
    """Remission rates by reader and lesion group."""
    rows = tuple(
        (
            said((one.eval, one.evalid)),
            one.group.capitalize(),
            one.remissions,
            one.n,
            one.assessed,
            one.rate * 100,
            f"{one.low:.1%} to {one.high:.1%}",
        )
        for one in found.rates
    )
    columns = ("Reader", "Lesions", "In remission", "Subjects", "Assessed", "%", "95% CI")
    note = (
        f"Complete or partial response {day} days (±{window}) after the end of radiotherapy; subjects who were not "
        "assessed count as not in remission; exact intervals (Clopper-Pearson)."
    )
    return Block("Remission rates", columns, rows, note)


def survival(pfs: Survival) -> Block:
    """Every subject's progression-free survival with its reason."""
    rows = tuple(
        (one.usubjid, one.days, "" if one.event is None else "event" if one.event else "censored", one.explanation)
        for one in pfs.results
    )
    columns = ("Subject", "Days", "", "Why")
    return Block("Progression-free survival by subject", columns, rows, f"{pfs.sentence()}.", folded=True)


def outcomes(measures: Sequence[Outcome]) -> Iterator[Block]:
    """The outcome tables, one a measure."""
    for one in measures:
        columns = ("", *(f"{group.title} (n = {group.participants})" for group in one.groups))
        rows = tuple(
            (
                ", ".join(filter(None, (row.title, row.category))) or one.unit,
                *(_value(next((v for v in row.values if v.group == group.id), None), one) for group in one.groups),
            )
            for row in one.rows
        )
        sentences = (one.description, f"Time frame: {one.time_frame}", *one.footnotes)
        note = " ".join(f"{text.rstrip('.')}." for text in sentences if text)
        yield Block(f"Outcome: {one.title}", columns, rows, note)


def _value(value: Value | None, of: Outcome) -> str:
    if value is None or value.number is None:
        return "–" if value is None else value.text or "–"
    number = _digits(value.number, of)
    if of.level is None:
        return number
    low, high = ("not estimable" if one is None else _digits(one, of) for one in (value.low, value.high))
    return f"{number} ({of.level:.0%} CI {low} to {high})"


def _digits(value: float, of: Outcome) -> str:
    """A percentage with one decimal; counts and days as they are."""
    return f"{value:.1f}" if of.unit.startswith("percent") else f"{value:g}"


def disagreements(found: Tables) -> Block:
    """The reported responses that are not what was computed, each with the reason."""
    rows: list[tuple[Any, ...]] = []
    for row in found.disagreements.iter_rows(named=True):
        reader = said((row["RSEVAL"] or "", row["RSEVALID"] or ""))
        place = (row["USUBJID"], reader, row["VISIT"] or row["RSDTC"] or "", row["RSTESTCD"])
        rows.append((*place, row["REPORTED"], row["COMPUTED"], row["EXPLANATION"]))
    agree = found.compared - len(rows)
    columns = ("Subject", "Reader", "Visit", "Test", "Reported", "Computed", "Why")
    note = f"Reported and computed agree in {agree} of {found.compared} rows of RS."
    return Block("Reported and computed responses", columns, tuple(rows), note, folded=True)


def findings(found: Iterable[Finding]) -> Block:
    """What was doubtful in the data."""
    its = list(found)
    rows = tuple((str(one.severity), one.id, str(one.where), one.message, one.fix) for one in its[:_MOST_FINDINGS])
    note = "" if its else "None."
    if len(its) > _MOST_FINDINGS:
        note = f"The first {_MOST_FINDINGS} of {len(its)}; all are in findings.json."
    return Block("Findings on the data", ("", "Id", "Where", "What", "Fix"), rows, note, folded=True)
