"""Study days: right by their date and RFSTDTC, given where both are whole, in their order.

Sources: SDTMIG 3.4, 4.4.4 (--DY); CDISC conformance rules 2.0; FDA business rules 1.5. A partial date has no day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import moments
from trialbridge.sdtm.rules.data import FINDINGS, OBSERVATIONS, SPECIAL
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_IG = "SDTMIG 3.4, 4.4"
_FB = "FDA business rules 1.5"
_PERIODS = {"--DY": "--DTC", "--STDY": "--STDTC", "--ENDY": "--ENDTC"}


def _days(data: Data, day: str, date: str) -> Iterator[tuple[Dataset, pl.DataFrame]]:
    """Each dataset with these two, its rows beside DM's RFSTDTC, days reckoned."""
    having = [one for one in data.datasets(day, date, "USUBJID") if one.frame.schema[one.of(date)] == pl.String]
    reference = data.subjects("RFSTDTC")
    for one in having:
        if one.frame.schema[one.of(day)].is_numeric():
            frame = one.frame if one.name == "DM" else one.frame.join(reference, on="USUBJID", how="left")
            yield one, moments.with_days(frame, one.of(date), "RFSTDTC")


def _wrong_days(data: Data, day: str, but: tuple[str, ...] = ()) -> Iterator[Hit]:
    """Records whose study day is not what its date and RFSTDTC give."""
    date = _PERIODS[day]
    for one, frame in _days(data, day, date):
        if one.prefix not in but:
            right = moments.study_day(one.of(date))
            yield from one.hits_of(frame.filter(pl.col(one.of(day)) != right), day, date)


@rule(
    "TB-DTC-0016",
    "--DY is not the study day of --DTC.",
    "reckon it anew; there is no day 0",
    cdisc="CG0006",
    fda="FB1603",
    section=f"{_IG}.4",
)
def dy_is_right(data: Data) -> Iterator[Hit]:
    """--DY is --DTC less RFSTDTC in days, plus one from RFSTDTC on; there is no day 0."""
    yield from _wrong_days(data, "--DY")


@rule(
    "TB-DTC-0017",
    "--STDY is not the study day of --STDTC.",
    "reckon it anew; there is no day 0",
    cdisc="CG0220",
    section=f"{_IG}.4",
)
def stdy_is_right(data: Data) -> Iterator[Hit]:
    """--STDY is --STDTC less RFSTDTC in days, plus one from RFSTDTC on; there is no day 0."""
    yield from _wrong_days(data, "--STDY", ("DM",))


@rule(
    "TB-DTC-0018",
    "--ENDY is not the study day of --ENDTC.",
    "reckon it anew; there is no day 0",
    cdisc="CG0222",
    section=f"{_IG}.4",
)
def endy_is_right(data: Data) -> Iterator[Hit]:
    """--ENDY is --ENDTC less RFSTDTC in days, plus one from RFSTDTC on; there is no day 0."""
    yield from _wrong_days(data, "--ENDY", ("DM",))


@rule(
    "TB-DTC-0019",
    "--DY is given although a date is not whole.",
    "leave the study day empty",
    cdisc="CG0007",
    section=f"{_IG}.4",
)
def no_day_of_partial_dates(data: Data) -> Iterator[Hit]:
    """A study day is given only where its date and RFSTDTC are known to the day."""
    for one, frame, day, date in _all_days(data):
        unknown = pl.col(f"{one.of(date)}#day").is_null() | pl.col("RFSTDTC#day").is_null()
        yield from one.hits_of(frame.filter(pl.col(one.of(day)).is_not_null() & unknown), day, date)


_Days = list[tuple["Dataset", pl.DataFrame, str, str]]


def _all_days(data: Data) -> _Days:
    """Each pair of a study day and its date in a dataset, its rows beside RFSTDTC, days reckoned. Raises NotThereError."""
    made: _Days = data.once("days", lambda: list(_reckoned(data)))
    return made


def _reckoned(data: Data) -> Iterator[tuple[Dataset, pl.DataFrame, str, str]]:
    """What `_all_days` keeps for the run."""
    reference = data.subjects("RFSTDTC")
    for one in data.datasets("USUBJID"):
        for day, date in _PERIODS.items():
            if one.has(day, date) and one.frame.schema[one.of(date)] == reference.schema["RFSTDTC"] == pl.String:
                frame = one.frame if one.name == "DM" else one.frame.join(reference, on="USUBJID", how="left")
                yield one, moments.with_days(frame, one.of(date), "RFSTDTC"), day, date


@rule(
    "TB-DTC-0020",
    "A study day is missing although it can be reckoned.",
    "fill it in",
    severity=Severity.WARNING,
    fda="FB1602",
    section=f"{_IG}.4; {_FB}",
)
def days_are_given(data: Data) -> Iterator[Hit]:
    """A study day that is in the dataset is filled wherever its date and RFSTDTC are known to the day."""
    for one, frame, day, date in _all_days(data):
        known = pl.col(f"{one.of(date)}#day").is_not_null() & pl.col("RFSTDTC#day").is_not_null()
        yield from one.hits_of(frame.filter(pl.col(one.of(day)).is_null() & known), day, date)


@rule(
    "TB-DTC-0021",
    "The dataset has a date but not its study day.",
    "add the study day",
    severity=Severity.WARNING,
    fda="FB1601 FB3201 FB3202 FB3203",
    section=f"{_IG}.4; {_FB}",
)
def dates_have_days(data: Data) -> Iterator[Hit]:
    """A dataset of observations with --DTC, --STDTC or --ENDTC has --DY, --STDY or --ENDY beside it; SE and SV have the latter."""
    for one in data.datasets(classes=(*OBSERVATIONS, SPECIAL)):
        for day, date in _PERIODS.items():
            asked = one.cls != SPECIAL or day != "--DY"
            if asked and one.has(date) and not one.has(day):
                yield one.hit(day)


@rule(
    "TB-DTC-0022",
    "The dataset has a study day but not its date.",
    "add the date",
    fda="FB3204 FB3205 FB3206",
    section=f"{_IG}.4; {_FB}",
)
def days_have_dates(data: Data) -> Iterator[Hit]:
    """A dataset of observations, or a special-purpose one, with --DY, --STDY or --ENDY has the date beside it."""
    for one in data.datasets(classes=(*OBSERVATIONS, SPECIAL)):
        for day, date in _PERIODS.items():
            if one.has(day) and not one.has(date):
                yield one.hit(date)


@rule(
    "TB-DTC-0023",
    "The study day of the start is after that of the end.",
    "mend one of the two",
    fda="FB3207 FB3208",
    section=_FB,
)
def days_in_order(data: Data) -> Iterator[Hit]:
    """--STDY, or --DY of findings, is not greater than --ENDY."""
    for one in data.datasets("--ENDY", classes=(*OBSERVATIONS, SPECIAL)):
        first = "--DY" if one.cls == FINDINGS else "--STDY"
        if one.has(first) and all(one.frame.schema[one.of(name)].is_numeric() for name in (first, "--ENDY")):
            yield from one.hits(one.col(first) > one.col("--ENDY"), first, "--ENDY")


RULES = (
    dy_is_right,
    stdy_is_right,
    endy_is_right,
    no_day_of_partial_dates,
    days_are_given,
    dates_have_days,
    days_have_dates,
    days_in_order,
)
