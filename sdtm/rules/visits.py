"""Visits, epochs and elements: SV, SE and TV beside every dataset that names them.

Sources: SDTMIG 3.4, 4.4.5 (clinical encounters), 5.3 (SE), 5.5 (SV), 7.3.1 (TV); CDISC conformance rules 2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import moments, shapes
from trialbridge.sdtm.rules.data import EVENTS, FINDINGS, INTERVENTIONS, OBSERVATIONS, SPECIAL
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_IG = "SDTMIG 3.4, 4.4.5"
_SV, _SE = "SDTMIG 3.4, 5.5", "SDTMIG 3.4, 5.3"


@rule(
    "TB-VIS-0001",
    "VISIT and VISITNUM do not go one to one.",
    "give each visit one number",
    cdisc="CG0035",
    fda="FB0919",
    section=_IG,
)
def visits_one_to_one(data: Data) -> Iterator[Hit]:
    """A visit has one number and a number one visit; unplanned visits have names of their own."""
    for one in data.datasets("VISIT", "VISITNUM"):
        yield from shapes.not_one_to_one(one, "VISIT", "VISITNUM")


@rule(
    "TB-VIS-0002",
    "VISITNUM is not among the subject's in SV.",
    "add the visit to SV, or mend VISITNUM",
    cdisc="CG0034",
    section=_SV,
)
def visits_are_in_sv(data: Data) -> Iterator[Hit]:
    """A subject's visit in any dataset is in SV."""
    sv = data.dataset("SV", "USUBJID", "VISITNUM").frame.select("USUBJID", "VISITNUM").unique()
    for one in data.datasets("VISITNUM", "USUBJID", but=("SV", "TV")):
        if one.frame.schema["VISITNUM"] == sv.schema["VISITNUM"]:
            rows = one.frame.filter(one.given("VISITNUM")).join(sv, on=["USUBJID", "VISITNUM"], how="anti")
            yield from one.hits_of(rows, "VISITNUM")


def _planned(one: Dataset, data: Data) -> pl.DataFrame:
    """The rows of planned visits: those that SV calls planned, or all where SV says nothing of it."""
    if not data.has("SV", "USUBJID", "VISITNUM", "SVPRESP"):
        return one.frame.clear()
    sv = data.dataset("SV")
    planned = sv.frame.filter(sv.text("SVPRESP") == "Y").select("USUBJID", "VISITNUM").unique()
    if one.frame.schema["VISITNUM"] != planned.schema["VISITNUM"]:
        return one.frame.clear()
    return one.frame.join(planned, on=["USUBJID", "VISITNUM"], how="semi")


def _not_in_tv(data: Data, name: str) -> Iterator[Hit]:
    """Records of planned visits whose value is not in TV."""
    tv = data.dataset("TV", name)
    data.dataset("SV", "SVPRESP")
    known = tv.frame[name].drop_nulls().unique()
    for one in data.datasets(name, "VISITNUM", "USUBJID", but=("TV",)):
        rows = _planned(one, data)
        if rows.schema.get(name) == known.dtype:
            yield from one.hits_of(
                rows.filter(one.given(name) & ~pl.col(name).is_in(known.implode())), name, "VISITNUM"
            )


@rule(
    "TB-VIS-0003",
    "The planned visit's VISITNUM is not in TV.",
    "mend VISITNUM, or TV",
    cdisc="CG0033 CG0655",
    section=_IG,
)
def planned_numbers_are_in_tv(data: Data) -> Iterator[Hit]:
    """The number of a planned visit (SVPRESP = Y) is in TV."""
    yield from _not_in_tv(data, "VISITNUM")


@rule(
    "TB-VIS-0004",
    "The planned visit's VISIT is not in TV.",
    "write the visit as TV has it",
    cdisc="CG0031 CG0657",
    section=_IG,
)
def planned_visits_are_in_tv(data: Data) -> Iterator[Hit]:
    """The name of a planned visit (SVPRESP = Y) is in TV, in the same spelling."""
    yield from _not_in_tv(data, "VISIT")


@rule("TB-VIS-0005", "VISITDY is not that of TV.", "write the planned day as TV has it", cdisc="CG0032", section=_IG)
def planned_days_are_in_tv(data: Data) -> Iterator[Hit]:
    """VISITDY of a visit is the planned day that TV has for its VISITNUM."""
    tv = data.dataset("TV", "VISITNUM", "VISITDY")
    planned = tv.frame.filter(tv.given("VISITDY")).select("VISITNUM", pl.col("VISITDY").alias("#day")).unique()
    days = planned.group_by("VISITNUM").agg(pl.col("#day"))
    for one in data.datasets("VISITDY", "VISITNUM", but=("TV",)):
        if one.frame.schema["VISITNUM"] == days.schema["VISITNUM"] and one.frame.schema["VISITDY"] == pl.Float64:
            rows = one.frame.filter(one.given("VISITDY")).join(days, on="VISITNUM", how="inner")
            yield from one.hits_of(rows.filter(~pl.col("VISITDY").is_in(pl.col("#day"))), "VISITDY", "VISITNUM")


@rule(
    "TB-VIS-0006",
    "An unplanned visit has a number that TV plans.",
    "give the visit a number of its own",
    cdisc="CG0656",
    section=_SV,
    domains="SV",
)
def unplanned_numbers_are_not_in_tv(data: Data) -> Iterator[Hit]:
    """The number of an unplanned visit (SVPRESP empty) is not in TV."""
    sv = data.dataset("SV", "VISITNUM", "SVPRESP")
    planned = data.dataset("TV", "VISITNUM").frame["VISITNUM"].drop_nulls().implode()
    yield from sv.hits(sv.missing("SVPRESP") & sv.given("VISITNUM") & pl.col("VISITNUM").is_in(planned), "VISITNUM")


@rule(
    "TB-VIS-0007",
    "SVPRESP is not Y although SVOCCUR has a value.",
    "write Y, or leave SVOCCUR empty",
    cdisc="CG0654",
    section=_SV,
    domains="SV",
)
def occurrence_was_planned(data: Data) -> Iterator[Hit]:
    """Whether a visit occurred is told of planned visits only."""
    sv = data.dataset("SV", "SVOCCUR", "SVPRESP")
    yield from sv.hits(sv.given("SVOCCUR") & (sv.text("SVPRESP") != "Y"), "SVOCCUR", "SVPRESP")


@rule(
    "TB-VIS-0008",
    "VISITDY is given for an unplanned visit.",
    "leave VISITDY empty",
    cdisc="CG0658",
    section=_SV,
    domains="SV",
)
def unplanned_have_no_planned_day(data: Data) -> Iterator[Hit]:
    """An unplanned visit has no planned day."""
    sv = data.dataset("SV", "VISITDY", "SVPRESP")
    yield from sv.hits(sv.given("VISITDY") & sv.missing("SVPRESP"), "VISITDY", "SVPRESP")


@rule(
    "TB-VIS-0009",
    "The subject has the visit twice.",
    "keep one record a visit",
    cdisc="CG0410",
    section=_SV,
    domains="SV",
)
def visits_once(data: Data) -> Iterator[Hit]:
    """A subject has one record in SV for each visit."""
    sv = data.dataset("SV", "USUBJID", "VISITNUM")
    yield from sv.hits_of(shapes.repeated(sv, sv.given("VISITNUM"), "USUBJID", "VISITNUM", "SVCNTMOD"), "VISITNUM")


@rule(
    "TB-VIS-0010",
    "A visit that did not occur has dates.",
    "leave the dates empty, or write SVOCCUR = Y",
    section=_SV,
    domains="SV",
)
def missed_visits_have_no_dates(data: Data) -> Iterator[Hit]:
    """A planned visit with SVOCCUR = N has neither start nor end."""
    sv = data.dataset("SV", "SVOCCUR")
    yield from sv.hits((sv.text("SVOCCUR") == "N") & (sv.given("SVSTDTC") | sv.given("SVENDTC")), "SVOCCUR", "SVSTDTC")


@rule(
    "TB-VIS-0011",
    "The record's date is not within its visit.",
    "mend the date, the visit, or SV",
    severity=Severity.NOTE,
    section=_SV,
)
def records_within_visits(data: Data) -> Iterator[Hit]:
    """A finding of a visit is dated within the visit's start and end in SV, as far as these are known to the day."""
    sv = data.dataset("SV", "USUBJID", "VISITNUM", "SVSTDTC", "SVENDTC")
    visits = moments.with_spans(sv.frame.drop_nulls(["SVSTDTC", "SVENDTC"]), "SVSTDTC", "SVENDTC")
    spans = visits.group_by("USUBJID", "VISITNUM").agg(pl.col("SVSTDTC#first").min(), pl.col("SVENDTC#after").max())
    for one in data.datasets("VISITNUM", "--DTC", "USUBJID", classes=(FINDINGS,)):
        name = one.of("--DTC")
        if one.frame.schema["VISITNUM"] != spans.schema["VISITNUM"]:
            continue
        rows = moments.with_spans(one.frame.filter(one.given("--DTC")), name).join(spans, on=["USUBJID", "VISITNUM"])
        early, late = (
            pl.col(f"{name}#after") <= pl.col("SVSTDTC#first"),
            pl.col(f"{name}#first") >= pl.col("SVENDTC#after"),
        )
        yield from one.hits_of(rows.filter(early | late), "--DTC", "VISITNUM")


@rule("TB-VIS-0012", "EPOCH is not in TA.", "write the epoch as TA has it", cdisc="CG0009", section="SDTMIG 3.4, 7.2.2")
def epochs_are_in_ta(data: Data) -> Iterator[Hit]:
    """Every EPOCH of the study is one of TA."""
    known = data.dataset("TA", "EPOCH").frame["EPOCH"]
    for one in data.datasets("EPOCH", but=("TA",)):
        yield from shapes.not_among(one, "EPOCH", known)


@rule(
    "TB-VIS-0013",
    "EPOCH is missing although the record is dated within an element.",
    "give the element's epoch",
    severity=Severity.WARNING,
    fda="FB2201",
    section="SDTMIG 3.4, 4.4.12; FDA business rules 1.5",
)
def epochs_are_given(data: Data) -> Iterator[Hit]:
    """A record that has EPOCH for a variable and begins within one of the subject's elements in SE has that epoch."""
    for one, rows, start in _in_elements(data):
        found = rows.filter(one.missing("EPOCH") & pl.col("#epoch").is_not_null())
        yield from one.hits_of(found.unique("#row", keep="first", maintain_order=True), "EPOCH", start)


@rule(
    "TB-VIS-0014",
    "EPOCH is not that of the element the record begins in.",
    "write the epoch of SE, or mend the date",
    severity=Severity.WARNING,
    cdisc="CG0218",
    section="SDTMIG 3.4, 4.4.12 and 5.3",
)
def epochs_fit_elements(data: Data) -> Iterator[Hit]:
    """A record that surely begins within one of the subject's elements in SE has that element's epoch."""
    for one, rows, start in _in_elements(data):
        found = rows.filter(one.given("EPOCH") & (pl.col("EPOCH") != pl.col("#epoch")))
        yield from one.hits_of(found.unique("#row", keep="first", maintain_order=True), "EPOCH", start)


_Within = list[tuple["Dataset", pl.DataFrame, str]]


def _in_elements(data: Data) -> _Within:
    """Each dataset with EPOCH, its rows that surely begin within one of the subject's elements, and its starting date.

    Raises NotThereError.
    """
    made: _Within = data.once("elements", lambda: list(_within(data)))
    return made


def _within(data: Data) -> Iterator[tuple[Dataset, pl.DataFrame, str]]:
    """What `_in_elements` keeps for the run."""
    se = data.dataset("SE", "USUBJID", "EPOCH", "SESTDTC", "SEENDTC")
    elements = moments.with_spans(
        se.frame.drop_nulls(["SESTDTC", "SEENDTC"]).select(
            "USUBJID", pl.col("EPOCH").alias("#epoch"), "SESTDTC", "SEENDTC"
        ),
        "SESTDTC",
        "SEENDTC",
    )
    for one in data.datasets("EPOCH", "USUBJID", classes=(*OBSERVATIONS, SPECIAL), but=("SE",)):
        name = "--STDTC" if one.cls in {INTERVENTIONS, EVENTS, SPECIAL} else "--DTC"
        start = one.of(name)
        if one.frame.schema.get(start) == pl.String:
            dated = one.frame.filter(pl.col(start).is_not_null())
            rows = moments.with_spans(dated, start).join(elements, on="USUBJID")
            after_start = pl.col(f"{start}#first") >= pl.col("SESTDTC#after")
            yield one, rows.filter(after_start & (pl.col(f"{start}#after") <= pl.col("SEENDTC#first"))), start


@rule("TB-VIS-0015", "SESTDTC is missing.", "give the element's start", cdisc="CG0208", section=_SE, domains="SE")
def elements_start(data: Data) -> Iterator[Hit]:
    """Each of a subject's elements has a start."""
    se = data.dataset("SE", "SESTDTC")
    yield from se.hits(se.missing("SESTDTC"), "SESTDTC")


@rule(
    "TB-VIS-0016",
    "An element does not end where the next begins.",
    "give SEENDTC the next element's SESTDTC",
    cdisc="CG0207",
    section=_SE,
    domains="SE",
)
def elements_meet(data: Data) -> Iterator[Hit]:
    """A subject's element ends when the next begins."""
    se = data.dataset("SE", "USUBJID", "SESTDTC", "SEENDTC")
    order = "TAETORD" if se.has("TAETORD") else "SESTDTC"
    rows = se.frame.sort("USUBJID", "SESTDTC", order, nulls_last=True, maintain_order=True)
    rows = rows.with_columns(pl.col("SESTDTC").shift(-1).over("USUBJID").alias("#next"))
    wrong = pl.col("#next").is_not_null() & pl.col("SEENDTC").is_not_null() & (pl.col("SEENDTC") != pl.col("#next"))
    yield from se.hits_of(rows.filter(wrong), "SEENDTC", "SESTDTC")


@rule(
    "TB-VIS-0017",
    "SEENDTC is missing although another element follows.",
    "give the next element's SESTDTC",
    cdisc="CG0209",
    section=_SE,
    domains="SE",
)
def elements_end(data: Data) -> Iterator[Hit]:
    """Only a subject's last element may have no end."""
    se = data.dataset("SE", "USUBJID", "SESTDTC", "SEENDTC")
    rows = se.frame.sort("USUBJID", "SESTDTC", nulls_last=True, maintain_order=True)
    rows = rows.with_columns(pl.col("SESTDTC").shift(-1).over("USUBJID").alias("#next"))
    yield from se.hits_of(
        rows.filter(pl.col("SEENDTC").is_null() & pl.col("#next").is_not_null()), "SEENDTC", "SESTDTC"
    )


@rule(
    "TB-VIS-0018",
    "What is said of an unplanned element does not agree.",
    "UNPLAN has SEUPDES, and neither ELEMENT nor TAETORD",
    cdisc="CG0152 CG0206 CG0210 CG0211",
    section=_SE,
    domains="SE",
)
def unplanned_elements(data: Data) -> Iterator[Hit]:
    """An element of ETCD = UNPLAN is described in SEUPDES and has no ELEMENT or TAETORD; other elements have no SEUPDES."""
    se = data.dataset("SE", "ETCD")
    unplanned = se.text("ETCD") == "UNPLAN"
    wrong = (unplanned & (se.given("ELEMENT") | se.given("TAETORD") | se.missing("SEUPDES"))) | (
        ~unplanned & se.given("SEUPDES")
    )
    yield from se.hits(wrong, "ETCD", "ELEMENT", "TAETORD", "SEUPDES")


RULES = (
    visits_one_to_one,
    visits_are_in_sv,
    planned_numbers_are_in_tv,
    planned_visits_are_in_tv,
    planned_days_are_in_tv,
    unplanned_numbers_are_not_in_tv,
    occurrence_was_planned,
    unplanned_have_no_planned_day,
    visits_once,
    missed_visits_have_no_dates,
    records_within_visits,
    epochs_are_in_ta,
    epochs_are_given,
    epochs_fit_elements,
    elements_start,
    elements_meet,
    elements_end,
    unplanned_elements,
)
