"""Progression-free survival: every subject's time with its reason, and the Kaplan-Meier estimate.

    done = survival.progression_free_survival(study)
    done.results[0].explanation
    done.curve.median, done.rate.survival

Works on SDTM tables alone and changes none. The rules are `PfsRules`, stated in the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.survival_events import PfsResult, Plan, result
from trialbridge.oncology.survival_kaplan_meier import Estimate, KaplanMeier, kaplan_meier
from trialbridge.oncology.survival_rules import DEFAULT, START_WORDS, PfsRules, TherapyRecords
from trialbridge.oncology.survival_sources import cutoff_of, gather, interval_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.sdtm.table import Study

__all__ = [
    "Estimate",
    "KaplanMeier",
    "PfsResult",
    "PfsRules",
    "Survival",
    "TherapyRecords",
    "kaplan_meier",
    "progression_free_survival",
]

THREE_MONTHS = 91
"""Days of a quarter of a year, as the time of the rate where nothing else is asked for."""
_COLUMNS: dict[str, type[pl.DataType]] = {
    "USUBJID": pl.String,
    "STARTDT": pl.String,
    "ADT": pl.String,
    "AVAL": pl.Float64,
    "CNSR": pl.Float64,
    "EVNTDESC": pl.String,
    "EXPLANATION": pl.String,
}


@dataclass(frozen=True, slots=True)
class Survival:
    """Every subject's result, the curve over those determined, the rate at `rate.time` days, and doubts.

    `interval`: planned days between assessments, None where unknown (then none counts as missed). `cutoff`: ISO 8601.
    """

    rules: PfsRules
    results: tuple[PfsResult, ...]
    curve: KaplanMeier
    rate: Estimate
    interval: int | None
    cutoff: str
    findings: tuple[Finding, ...]

    def as_frame(self) -> pl.DataFrame:
        """One row a subject: AVAL in days (day of start is 1), CNSR 0 event, 1 censored, null undetermined."""
        rows = [
            (
                one.usubjid,
                one.start or None,
                one.date or None,
                None if one.days is None else float(one.days),
                None if one.event is None else float(not one.event),
                one.reason,
                one.explanation,
            )
            for one in self.results
        ]
        return pl.DataFrame(rows, schema=_COLUMNS, orient="row")

    def sentence(self) -> str:
        """The result in words, for a table's footnote."""
        curve, rate = self.curve, self.rate
        start = START_WORDS[self.rules.start]
        median = "not reached" if curve.median is None else f"{curve.median:g} days"
        limits = f"{_days(curve.median_low)} to {_days(curve.median_high)}"
        if rate.survival is None:
            at = f"no subject was followed to day {rate.time:g}"
        else:
            low, high = _percent(rate.low), _percent(rate.high)
            at = f"at day {rate.time:g} {rate.survival:.1%} ({curve.level:.0%} CI {low} to {high}, log-log)"
        return (
            f"Kaplan-Meier from {start}: {curve.n_events} events in {curve.n} subjects; {at}; "
            f"median {median} ({curve.level:.0%} CI {limits})"
        )


def progression_free_survival(
    study: Study, rules: PfsRules = DEFAULT, *, day: float = THREE_MONTHS, level: float = 0.95
) -> Survival:
    """Progression-free survival of every subject with a start, by the rules; the rate at `day` with its limits.

    Raises UnknownNameError when there is no start, no response of the evaluator, or a cut-off that is no whole date.
    """
    facts, findings = gather(study, rules)
    cutoff, interval = cutoff_of(study, rules), interval_of(study, rules)
    span = bounds(cutoff) if cutoff else None
    if cutoff and span is None:
        raise UnknownNameError(f"The data cut-off {cutoff!r} is no date.", fix="give it as YYYY-MM-DD")
    if rules.missed_assessments is not None and interval is None:
        said = "The planned interval of assessments is not known (no TV.VISITDY): none is counted as missed."
        findings.append(Finding("TB-PFS-003", Severity.WARNING, Where(dataset="TV"), said, "give assessment_days"))
    plan = Plan(rules, span[1] if span else None, interval)
    results = tuple(result(usubjid, facts[usubjid], plan) for usubjid in sorted(facts))
    findings += _undetermined(results)
    curve = survival_curve(results, level)
    return Survival(rules, results, curve, curve.at(day), interval, cutoff, tuple(findings))


def survival_curve(results: Iterable[PfsResult], level: float = 0.95) -> KaplanMeier:
    """The Kaplan-Meier estimate over these results; those undetermined are left out."""
    known = [(one.days, one.event) for one in results if one.days is not None and one.event is not None]
    return kaplan_meier([days for days, _ in known], [event for _, event in known], level)


def _undetermined(results: Iterable[PfsResult]) -> Iterable[Finding]:
    for one in results:
        if one.event is None:
            where = Where(subject=one.usubjid)
            fix = "complete the date, or ask for an imputation (impute)"
            yield Finding("TB-PFS-001", Severity.WARNING, where, f"Not in the estimate, {one.explanation}.", fix)


def _days(value: float | None) -> str:
    return "not reached" if value is None else f"{value:g}"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"
