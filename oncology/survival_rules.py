"""The rules of progression-free survival as data: what starts the clock, what is an event, what censors.

The defaults are the usual primary definition of registration trials (as in the US Food and Drug Administration's guidance
on clinical trial endpoints for cancer drugs): events are progression and death from any cause; new anticancer therapy,
and more than one missed assessment before the event, censor at the last adequate assessment; without an assessment
after the start the time is censored on day 1. A protocol may decide otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Start = Literal["radiotherapy", "end of radiotherapy", "reference start"]
Imputation = Literal["first", "last"]

_NEW = (
    "NEW ANTICANCER THERAPY",
    "NEW ANTI-CANCER THERAPY",
    "SUBSEQUENT ANTICANCER THERAPY",
    "SUBSEQUENT ANTI-CANCER THERAPY",
    "SUBSEQUENT RADIATION THERAPY",
    "SUBSEQUENT RADIOTHERAPY",
)


@dataclass(frozen=True, slots=True)
class TherapyRecords:
    """Where new anticancer therapy is recorded: a domain (CM, PR, EX) and its categories (--CAT or --SCAT)."""

    domain: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PfsRules:
    """A rule set. Times in days; the day of the start is day 1.

    `start`: first fraction of radiotherapy (earliest PRSTDTC), its end (latest PRENDTC), or DM.RFSTDTC.
    `progression`: RS OVRLRESP of the chosen evaluator as reported, or computed from TU and TR by `recist`.
    `criteria`: "1.0", "1.1" or "irecist"; required to compute, and where RS holds more than one RSCAT.
    `evaluator`, `evaluator_id`: RSEVAL and RSEVALID whose assessments count; an empty id is any, if there is only one.
    `missed_assessments`: so many missing in a row before the event censor it; None: never.
    `assessment_days`: the planned interval; None: the median gap of TV.VISITDY over the assessed visits.
    `assessment_window`: days an assessment may be late before the next counts as missed.
    `new_therapy`: where new anticancer therapy is recorded; empty: it does not censor.
    `cutoff`: data cut-off, ISO 8601; None: DCUTDTC in TS, else none. What is later does not count.
    `impute`: a partial date becomes the first or last day it may mean; None: nothing is imputed, and a subject whose
    result depends on the missing part has none.
    """

    start: Start = "radiotherapy"
    progression: Literal["reported", "computed"] = "reported"
    criteria: str | None = None
    evaluator: str = "INVESTIGATOR"
    evaluator_id: str = ""
    missed_assessments: int | None = 2
    assessment_days: int | None = None
    assessment_window: int = 14
    new_therapy: tuple[TherapyRecords, ...] = (
        TherapyRecords("CM", _NEW),
        TherapyRecords("PR", _NEW),
        TherapyRecords("EX", _NEW),
    )
    cutoff: str | None = None
    impute: Imputation | None = None


DEFAULT = PfsRules()
START_WORDS = {
    "radiotherapy": "the first fraction of radiotherapy",
    "end of radiotherapy": "the end of radiotherapy",
    "reference start": "the reference start (RFSTDTC)",
}
