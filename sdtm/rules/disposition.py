"""DS, EX and MH beside DM: consent, death, the first and last treatment, who was treated, what came before.

Sources: SDTMIG 3.4, 5.2, 6.1.3 (EX), 6.2.4 (DS), 6.2.7 (MH); conformance rules 2.0; FDA business rules 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import moments, shapes
from trialbridge.sdtm.rules.data import NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data
    from trialbridge.sdtm.rules.declare import Hit

_DS, _DM, _FB = "SDTMIG 3.4, 6.2.4", "SDTMIG 3.4, 5.2", "FDA business rules 1.5"
_EVENT = "DISPOSITION EVENT"


@rule(
    "TB-DS-0001",
    "DSTERM is COMPLETED but DSDECOD is not.",
    "write COMPLETED in DSDECOD",
    cdisc="CG0065",
    section=_DS,
    domains="DS",
)
def completed_is_completed(data: Data) -> Iterator[Hit]:
    """A subject who is said to have completed is coded so."""
    ds = data.dataset("DS", "DSTERM", "DSDECOD")
    yield from ds.hits((ds.text("DSTERM") == "COMPLETED") & (ds.text("DSDECOD") != "COMPLETED"), "DSDECOD", "DSTERM")


@rule(
    "TB-DS-0002",
    "The death in DS is not on DTHDTC.",
    "mend DSSTDTC or DTHDTC",
    cdisc="CG0069",
    fda="FB0611",
    section=f"{_DS}; {_FB}",
    domains="DS DM",
)
def death_on_its_date(data: Data) -> Iterator[Hit]:
    """The disposition DEATH is dated as DTHDTC in DM."""
    ds = data.dataset("DS", "USUBJID", "DSDECOD", "DSSTDTC")
    rows = data.with_subject(ds, "DTHDTC").filter(ds.text("DSDECOD") == "DEATH")
    same = pl.col("DSSTDTC").str.slice(0, 10) == pl.col("DTHDTC").str.slice(0, 10)
    yield from ds.hits_of(rows.filter(~same.fill_null(value=False)), "DSSTDTC", "DTHDTC")


@rule(
    "TB-DS-0003",
    "The consent in DS is not on RFICDTC.",
    "mend DSSTDTC or RFICDTC",
    cdisc="CG0068 CG0143",
    section=f"{_DS}; {_DM}",
    domains="DS DM",
)
def consent_on_its_date(data: Data) -> Iterator[Hit]:
    """A subject's first informed consent in DS is dated as RFICDTC in DM."""
    ds = data.dataset("DS", "USUBJID", "DSDECOD", "DSSTDTC")
    consents = ds.frame.filter((ds.text("DSDECOD") == "INFORMED CONSENT OBTAINED") & ds.given("DSSTDTC"))
    first = consents.sort("DSSTDTC").unique("USUBJID", keep="first", maintain_order=True)
    rows = first.join(data.subjects("RFICDTC"), on="USUBJID")
    same = pl.col("DSSTDTC").str.slice(0, 10) == pl.col("RFICDTC").str.slice(0, 10)
    yield from ds.hits_of(rows.filter(~same.fill_null(value=False)), "DSSTDTC", "RFICDTC")


@rule(
    "TB-DS-0004",
    "The subject has two disposition events in an epoch.",
    "keep one, or tell them apart by DSSCAT",
    cdisc="CG0535 CG0536 CG0537 CG0538 CG0539",
    section=_DS,
    domains="DS",
)
def one_event_an_epoch(data: Data) -> Iterator[Hit]:
    """In an epoch a subject has one disposition event, or one for each DSSCAT."""
    ds = data.dataset("DS", "USUBJID", "DSCAT", "EPOCH")
    mask = (ds.text("DSCAT") == _EVENT) & ds.given("EPOCH")
    yield from ds.hits_of(shapes.repeated(ds, mask, "USUBJID", "EPOCH", "DSSCAT"), "DSDECOD", "EPOCH", "DSSCAT")


@rule(
    "TB-DS-0005",
    "DSCAT is missing for a disposition event.",
    "give the category",
    fda="FB1401",
    section=f"{_DS}; {_FB}",
    domains="DS",
)
def events_have_category(data: Data) -> Iterator[Hit]:
    """A record whose DSDECOD is a reason of completion or non-completion has DSCAT."""
    ds = data.dataset("DS", "DSDECOD")
    if "NCOMPLT" not in data.terminology:
        raise NotThereError("the terminology has no codelist NCOMPLT")
    reasons = [term.submission_value for term in data.terminology.codelist("NCOMPLT").terms]
    yield from ds.hits(ds.text("DSDECOD").is_in(reasons) & ds.missing("DSCAT"), "DSCAT", "DSDECOD")


@rule(
    "TB-DS-0006",
    "RFXSTDTC is not the first EXSTDTC.",
    "mend RFXSTDTC or EX",
    cdisc="CG0148",
    section=_DM,
    domains="DM EX",
)
def first_treatment(data: Data) -> Iterator[Hit]:
    """RFXSTDTC is the subject's earliest EXSTDTC, as far as EX and PR hold the study's treatments, and not empty where EX has one."""
    dm, ex = data.dataset("DM", "USUBJID", "RFXSTDTC"), data.dataset("EX", "USUBJID", "EXSTDTC")
    given = ex.frame.drop_nulls("EXSTDTC")
    if data.has("EX", "EXDOSE") and ex.frame.schema["EXDOSE"].is_numeric():
        given = given.filter((pl.col("EXDOSE") > 0) | pl.col("EXDOSE").is_null() | (ex.text("EXTRT") == "PLACEBO"))
    first = given.group_by("USUBJID").agg(pl.col("EXSTDTC").min().alias("#first"))
    rows = dm.frame.join(first, on="USUBJID")
    wrong = pl.col("RFXSTDTC").str.slice(0, 10).ne_missing(pl.col("#first").str.slice(0, 10))
    yield from dm.hits_of(rows.filter(wrong).rename({"#first": "EXSTDTC"}), "RFXSTDTC", "EXSTDTC")


@rule(
    "TB-DS-0007",
    "RFXENDTC is not the last date of EX.",
    "mend RFXENDTC or EX",
    cdisc="CG0147",
    section=_DM,
    domains="DM EX",
)
def last_treatment(data: Data) -> Iterator[Hit]:
    """RFXENDTC is the subject's latest EXSTDTC or EXENDTC, and not empty where every treatment has an end."""
    dm, ex = data.dataset("DM", "USUBJID", "RFXENDTC"), data.dataset("EX", "USUBJID", "EXSTDTC")
    ends = (
        pl.max_horizontal(ex.col("EXSTDTC").str.slice(0, 10), ex.col("EXENDTC").str.slice(0, 10))
        if ex.has("EXENDTC")
        else ex.col("EXSTDTC")
    )
    last = ex.frame.group_by("USUBJID").agg(ends.max().alias("#last"), ex.missing("EXENDTC").any().alias("#open"))
    rows = dm.frame.join(last.drop_nulls("#last"), on="USUBJID")
    other = pl.col("RFXENDTC").str.slice(0, 10) != pl.col("#last").str.slice(0, 10)
    wrong = other | (pl.col("RFXENDTC").is_null() & ~pl.col("#open"))
    yield from dm.hits_of(rows.filter(wrong).rename({"#last": "EXENDTC"}), "RFXENDTC", "EXENDTC")


@rule(
    "TB-DS-0008",
    "A subject with an arm has no exposure and ARMNRS is empty.",
    "add the exposure, or say why there is none",
    severity=Severity.WARNING,
    fda="FB2302 FB2306",
    section=_FB,
    domains="DM EX",
)
def treated_have_exposure(data: Data) -> Iterator[Hit]:
    """A subject without a record in EX has ARMNRS."""
    dm, ex = data.dataset("DM", "USUBJID", "ARMNRS"), data.dataset("EX", "USUBJID")
    rows = dm.frame.filter(dm.missing("ARMNRS")).join(ex.frame.select("USUBJID"), on="USUBJID", how="anti")
    yield from dm.hits_of(rows, "ARMNRS")


@rule(
    "TB-DS-0009",
    "A subject with exposure has no actual arm.",
    "give ACTARMCD, or say UNPLANNED TREATMENT in ARMNRS",
    fda="FB2304",
    section=_FB,
    domains="DM EX",
)
def exposed_have_an_arm(data: Data) -> Iterator[Hit]:
    """A subject with a record in EX has ACTARMCD, or ARMNRS says that the treatment was not planned."""
    dm, ex = data.dataset("DM", "USUBJID", "ACTARMCD"), data.dataset("EX", "USUBJID")
    rows = dm.frame.filter(dm.missing("ACTARMCD") & (dm.text("ARMNRS") != "UNPLANNED TREATMENT"))
    yield from dm.hits_of(rows.join(ex.frame.select("USUBJID"), on="USUBJID", how="semi"), "ACTARMCD")


@rule(
    "TB-DS-0010",
    "EX is missing.",
    "add the study treatments",
    severity=Severity.WARNING,
    cdisc="CG0407",
    section="SDTMIG 3.4, 6.1.3",
    domains="EX",
)
def exposure_is_there(data: Data) -> Iterator[Hit]:
    """A study in which subjects have arms and were treated (RFXSTDTC) has EX."""
    dm = data.dataset("DM", "RFXSTDTC")
    if not data.has("EX") and dm.frame["RFXSTDTC"].null_count() < dm.frame.height:
        yield dm.hit("RFXSTDTC")


@rule(
    "TB-DS-0011",
    "The medical history begins after the reference start.",
    "move it to AE or CE, or mend the date",
    severity=Severity.WARNING,
    cdisc="CG0079",
    section="SDTMIG 3.4, 6.2.7",
    domains="MH DM",
)
def history_is_history(data: Data) -> Iterator[Hit]:
    """Medical history begins before the reference start."""
    mh = data.dataset("MH", "USUBJID", "MHSTDTC")
    rows = moments.with_spans(data.with_subject(mh, "RFSTDTC"), "MHSTDTC", "RFSTDTC")
    yield from mh.hits_of(rows.filter(moments.surely_before("RFSTDTC", "MHSTDTC")), "MHSTDTC", "RFSTDTC")


@rule(
    "TB-DS-0012",
    "The treatment was given before consent.",
    "mend EXSTDTC or RFICDTC",
    section=f"{_DM}; ICH E6, 4.8",
    domains="EX DM",
)
def treatment_after_consent(data: Data) -> Iterator[Hit]:
    """Study treatment is not given before informed consent."""
    ex = data.dataset("EX", "USUBJID", "EXSTDTC")
    rows = moments.with_spans(data.with_subject(ex, "RFICDTC"), "EXSTDTC", "RFICDTC")
    yield from ex.hits_of(rows.filter(moments.surely_before("EXSTDTC", "RFICDTC")), "EXSTDTC", "RFICDTC")


@rule(
    "TB-DS-0013",
    "The subject's status is DEAD but DS tells no death.",
    "add the disposition DEATH, or mend SSSTRESC",
    cdisc="CG0067",
    fda="FB0614",
    section=_FB,
    domains="SS DS",
)
def status_dead_is_disposed(data: Data) -> Iterator[Hit]:
    """A subject with SSSTRESC = DEAD has a disposition DEATH."""
    ss, ds = data.dataset("SS", "USUBJID", "SSSTRESC"), data.dataset("DS", "USUBJID", "DSDECOD")
    dead = ss.frame.filter(ss.text("SSSTRESC") == "DEAD")
    told = ds.frame.filter(pl.col("DSDECOD") == "DEATH").select("USUBJID")
    yield from ss.hits_of(dead.join(told, on="USUBJID", how="anti"), "SSSTRESC")


@rule(
    "TB-DS-0014",
    "The subject's status is DEAD at a date before the death.",
    "mend SSDTC or DTHDTC",
    cdisc="CG0171",
    fda="FB0613",
    section=_FB,
    domains="SS DM",
)
def dead_not_before_death(data: Data) -> Iterator[Hit]:
    """A status DEAD is of the day of death or later."""
    ss = data.dataset("SS", "USUBJID", "SSSTRESC", "SSDTC")
    rows = data.with_subject(ss, "DTHDTC").filter(ss.text("SSSTRESC") == "DEAD")
    spans = moments.with_spans(rows, "SSDTC", "DTHDTC")
    yield from ss.hits_of(spans.filter(moments.surely_before("SSDTC", "DTHDTC")), "SSDTC", "DTHDTC")


@rule(
    "TB-DS-0015",
    "The deviation is before consent.",
    "mend DVSTDTC or RFICDTC",
    cdisc="CG0075",
    section="SDTMIG 3.4, 6.2.5",
    domains="DV DM",
)
def deviations_after_consent(data: Data) -> Iterator[Hit]:
    """A protocol deviation does not begin before consent."""
    dv = data.dataset("DV", "USUBJID", "DVSTDTC")
    rows = moments.with_spans(data.with_subject(dv, "RFICDTC"), "DVSTDTC", "RFICDTC")
    yield from dv.hits_of(rows.filter(moments.surely_before("DVSTDTC", "RFICDTC")), "DVSTDTC", "RFICDTC")


RULES = (
    completed_is_completed,
    death_on_its_date,
    consent_on_its_date,
    one_event_an_epoch,
    events_have_category,
    first_treatment,
    last_treatment,
    treated_have_exposure,
    exposed_have_an_arm,
    exposure_is_there,
    history_is_history,
    treatment_after_consent,
    status_dead_is_disposed,
    dead_not_before_death,
    deviations_after_consent,
)
