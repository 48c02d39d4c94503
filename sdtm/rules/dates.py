"""Dates: written in ISO 8601, in their order, before death and the end of participation.

Sources: SDTMIG 3.4, 4.4 (timing variables) and 5.2; CDISC conformance rules 2.0; FDA business rules 1.5. An order is
found wrong only where it surely is: a partial date is every instant it may stand for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import moments
from trialbridge.sdtm.rules.data import EVENTS, FINDINGS, INTERVENTIONS, OBSERVATIONS, SPECIAL, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_IG = "SDTMIG 3.4, 4.4"
_FB = "FDA business rules 1.5"
_DATES, _DURATIONS = ("DTC",), ("DUR", "ELTM", "EVLINT", "STINT", "ENINT", "PDUR")
_NOT_ISO = ("MIDSDTC",)


def _date_variables(one: Dataset) -> list[str]:
    """The variables of a dataset that hold dates or durations."""
    ends = (*_DATES, *_DURATIONS)
    return [
        name
        for name, kind in one.table.frame.schema.items()
        if kind == pl.String and name.endswith(ends) and not one.name.startswith("SUPP") and name not in _NOT_ISO
    ]


@rule(
    "TB-DTC-0001",
    "The date or duration is not ISO 8601.",
    "write it as YYYY-MM-DDThh:mm:ss or PnYnMnDTnHnMnS",
    section=f"{_IG}.1 to 4.4.3",
)
def dates_are_iso(data: Data) -> Iterator[Hit]:
    """Dates, intervals and durations are written in the extended format of ISO 8601, missing parts as the guide says."""
    found = False
    for one in data.all:
        for name in _date_variables(one):
            found = True
            wrong = moments.malformed(one.frame[name])
            if wrong:
                yield from one.hits(pl.col(name).is_in(wrong), name)
    if not found:
        raise NotThereError("the study has no date")


def _after(one: Dataset, frame: pl.DataFrame, first: str, second: str) -> Iterator[Hit]:
    """Records whose first moment is surely after the second."""
    names = one.of(first), one.of(second)
    if any(frame.schema.get(name) != pl.String for name in names):
        return
    spans = moments.with_spans(frame.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in names)), *names)
    yield from one.hits_of(spans.filter(moments.surely_before(names[1], names[0])), first, second)


def _dm_order(data: Data, first: str, second: str) -> Iterator[Hit]:
    """DM's records where the first date is surely after the second."""
    dm = data.dataset("DM", first, second)
    yield from _after(dm, dm.frame, first, second)


@rule("TB-DTC-0002", "The start is after the end.", "mend one of the two dates", fda="FB3209", section=f"{_IG}; {_FB}")
def start_before_end(data: Data) -> Iterator[Hit]:
    """--STDTC is not after --ENDTC."""
    for one in data.datasets("--STDTC", "--ENDTC", classes=(INTERVENTIONS, EVENTS, SPECIAL), but=("DM",)):
        yield from _after(one, one.frame, "--STDTC", "--ENDTC")


@rule(
    "TB-DTC-0003",
    "The collection starts after its end.",
    "mend one of the two dates",
    fda="FB3210",
    section=f"{_IG}; {_FB}",
)
def collection_before_end(data: Data) -> Iterator[Hit]:
    """In findings --DTC is not after --ENDTC."""
    for one in data.datasets("--DTC", "--ENDTC", classes=(FINDINGS,)):
        yield from _after(one, one.frame, "--DTC", "--ENDTC")


@rule(
    "TB-DTC-0004",
    "RFSTDTC is after RFENDTC.",
    "mend one of the two dates",
    fda="FB3404",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
    domains="DM",
)
def reference_period(data: Data) -> Iterator[Hit]:
    """The reference period starts before it ends."""
    yield from _dm_order(data, "RFSTDTC", "RFENDTC")


@rule(
    "TB-DTC-0005",
    "RFSTDTC has a time and RFENDTC is the same day without one: their order cannot be shown.",
    "give both with the same precision",
    severity=Severity.NOTE,
    fda="FB3404",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
    domains="DM",
)
def reference_period_precise(data: Data) -> Iterator[Hit]:
    """On one day both ends of the reference period have a time, or neither: else the start seems to be after the end."""
    dm = data.dataset("DM", "RFSTDTC", "RFENDTC")
    same_day = dm.text("RFSTDTC").str.slice(0, 10) == dm.text("RFENDTC")
    yield from dm.hits(same_day & (dm.text("RFSTDTC").str.len_chars() > 10), "RFSTDTC", "RFENDTC")


@rule(
    "TB-DTC-0006",
    "RFXSTDTC is after RFXENDTC.",
    "mend one of the two dates",
    fda="FB3408",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
    domains="DM",
)
def exposure_period(data: Data) -> Iterator[Hit]:
    """The first study treatment is not after the last."""
    yield from _dm_order(data, "RFXSTDTC", "RFXENDTC")


@rule(
    "TB-DTC-0007",
    "RFICDTC is after RFSTDTC.",
    "mend one of the two dates",
    fda="FB3411",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
    domains="DM",
)
def consent_before_start(data: Data) -> Iterator[Hit]:
    """Informed consent is not after the reference start."""
    yield from _dm_order(data, "RFICDTC", "RFSTDTC")


@rule(
    "TB-DTC-0008",
    "RFICDTC is after RFXSTDTC.",
    "mend one of the two dates",
    fda="FB3412",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
    domains="DM",
)
def consent_before_treatment(data: Data) -> Iterator[Hit]:
    """Informed consent is not after the first study treatment."""
    yield from _dm_order(data, "RFICDTC", "RFXSTDTC")


@rule(
    "TB-DTC-0009",
    "RFCSTDTC is after RFCENDTC.",
    "mend one of the two dates",
    fda="FB3413",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
    domains="DM",
)
def challenge_period(data: Data) -> Iterator[Hit]:
    """The first challenge agent is not after the last."""
    yield from _dm_order(data, "RFCSTDTC", "RFCENDTC")


@rule(
    "TB-DTC-0010",
    "The birth is after the consent.",
    "mend one of the two dates",
    section="SDTMIG 3.4, 5.2",
    domains="DM",
)
def born_before_consent(data: Data) -> Iterator[Hit]:
    """A subject is born before consent."""
    yield from _dm_order(data, "BRTHDTC", "RFICDTC")


@rule(
    "TB-DTC-0011",
    "The consent is after the death.",
    "mend one of the two dates",
    section="SDTMIG 3.4, 5.2",
    domains="DM",
)
def consent_before_death(data: Data) -> Iterator[Hit]:
    """A subject consents before death."""
    yield from _dm_order(data, "RFICDTC", "DTHDTC")


@rule(
    "TB-DTC-0012",
    "RFPENDTC is before the consent.",
    "mend one of the two dates",
    section="SDTMIG 3.4, 5.2",
    domains="DM",
)
def participation_ends_after_consent(data: Data) -> Iterator[Hit]:
    """Participation ends after consent."""
    yield from _dm_order(data, "RFICDTC", "RFPENDTC")


def _than_subject(data: Data, datasets: list[Dataset], name: str, limit: str) -> Iterator[Hit]:
    """Records whose moment is surely after the subject's limit in DM."""
    for one in datasets:
        yield from _after(one, data.with_subject(one, limit), name, limit)


@rule(
    "TB-DTC-0013",
    "The collection is after the end of participation.",
    "mend the date or RFPENDTC",
    severity=Severity.WARNING,
    fda="FB3406",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
)
def collected_in_time(data: Data) -> Iterator[Hit]:
    """--DTC is not after RFPENDTC; data of after the end of participation are looked at."""
    having = data.datasets("--DTC", "USUBJID", classes=(*OBSERVATIONS, SPECIAL), but=("DM",))
    yield from _than_subject(data, having, "--DTC", "RFPENDTC")


@rule(
    "TB-DTC-0014",
    "The end is after the end of participation.",
    "mend the date or RFPENDTC",
    severity=Severity.WARNING,
    fda="FB3407",
    section=f"SDTMIG 3.4, 5.2; {_FB}",
)
def ended_in_time(data: Data) -> Iterator[Hit]:
    """--ENDTC is not after RFPENDTC, save in DS."""
    having = data.datasets("--ENDTC", "USUBJID", classes=(*OBSERVATIONS, SPECIAL), but=("DM", "DS"))
    yield from _than_subject(data, having, "--ENDTC", "RFPENDTC")


@rule(
    "TB-DTC-0015", "The record is of after the subject's death.", "mend the date or DTHDTC", section="SDTMIG 3.4, 5.2"
)
def nothing_after_death(data: Data) -> Iterator[Hit]:
    """Nothing starts or is examined after DTHDTC, save what is about the death itself (DD, DS, SS, autopsy in MI)."""
    data.dataset("DM", "USUBJID", "DTHDTC")
    about_death = ("DD", "DS", "SS", "MI")
    for one in data.datasets("USUBJID", classes=OBSERVATIONS, but=about_death):
        # --DTC of events and interventions is when they were reported, which may be later.
        name = "--STDTC" if one.cls in {EVENTS, INTERVENTIONS} else "--DTC"
        if one.has(name):
            yield from _than_subject(data, [one], name, "DTHDTC")


@rule(
    "TB-DTC-0024",
    "AGE is not that of BRTHDTC at RFICDTC or RFSTDTC.",
    "mend the age or the date of birth",
    severity=Severity.WARNING,
    section="SDTMIG 3.4, 5.2",
    domains="DM",
)
def age_fits_birth(data: Data) -> Iterator[Hit]:
    """An age in years is that of the date of birth, at consent or at the reference start, as far as both are known."""
    dm = data.dataset("DM", "AGE", "AGEU", "BRTHDTC", "RFSTDTC")
    at = [name for name in ("RFICDTC", "RFSTDTC", "DMDTC") if dm.has(name)]
    rows = dm.frame.filter((dm.col("AGEU") == "YEARS") & dm.given("AGE") & dm.given("BRTHDTC"))
    spans = moments.with_spans(rows, "BRTHDTC", *at)
    year = 365.2425 * 86400
    low = pl.min_horizontal(pl.col(f"{name}#first") for name in at) - pl.col("BRTHDTC#after")
    high = pl.max_horizontal(pl.col(f"{name}#after") for name in at) - pl.col("BRTHDTC#first")
    # Leap days move a birthday by a day or two against the mean year.
    slack = 2 * 86400
    wrong = (pl.col("AGE") < ((low - slack) / year).floor()) | (pl.col("AGE") > ((high + slack) / year).floor())
    yield from dm.hits_of(spans.filter(wrong), "AGE", "BRTHDTC", "RFSTDTC")


@rule(
    "TB-DTC-0025",
    "SE's records are not numbered in the order of their dates.",
    "number them anew",
    cdisc="CG0620 CG0662",
    section="SDTMIG 3.4, 5.3 and 5.4",
    domains="SE SM",
)
def special_records_in_order(data: Data) -> Iterator[Hit]:
    """In SE and SM --SEQ follows --STDTC within a subject."""
    for one in data.datasets("--SEQ", "--STDTC", "USUBJID", only=("SE", "SM")):
        seq, start = one.of("--SEQ"), one.of("--STDTC")
        rows = moments.with_spans(one.frame.filter(one.given("--STDTC")), start).sort("USUBJID", seq)
        earlier = pl.col(f"{start}#after").shift(-1).over("USUBJID") <= pl.col(f"{start}#first")
        yield from one.hits_of(rows.filter(earlier), "--SEQ", "--STDTC")


RULES = (
    dates_are_iso,
    start_before_end,
    collection_before_end,
    reference_period,
    reference_period_precise,
    exposure_period,
    consent_before_start,
    consent_before_treatment,
    challenge_period,
    born_before_consent,
    consent_before_death,
    participation_ends_after_consent,
    collected_in_time,
    ended_in_time,
    nothing_after_death,
    age_fits_birth,
    special_records_in_order,
)
