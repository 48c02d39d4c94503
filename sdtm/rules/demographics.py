"""DM: one record a subject, age, race and ethnicity, and death as the other datasets tell it.

Sources: SDTMIG 3.4, 5.2 (DM); SDTM 2.0, 3.2.1; CDISC SDTM and SDTMIG conformance rules 2.0; FDA business rules 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity, Where
from trialbridge.sdtm.rules.declare import Hit, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset

_IG = "SDTMIG 3.4, 5.2"
_ANIMAL = ("SPECIES", "STRAIN", "SBSTRAIN", "AGETXT", "RPATHCD")


@rule(
    "TB-DM-0001",
    "DM is missing.",
    "add the dataset DM with a record for each subject",
    cdisc="CG0368",
    section=_IG,
    domains="DM",
)
def dm_is_there(data: Data) -> Iterator[Hit]:
    """A study has a dataset DM, since every subject's other records refer to it."""
    if not data.has("DM"):
        yield Hit(Where(dataset="DM"))


@rule(
    "TB-DM-0002",
    "USUBJID has more than one record in DM.",
    "keep one record a subject",
    cdisc="CG0151",
    section=_IG,
    domains="DM",
)
def usubjid_once(data: Data) -> Iterator[Hit]:
    """Each USUBJID has exactly one record in DM."""
    dm = data.dataset("DM", "USUBJID")
    yield from dm.hits(dm.given("USUBJID") & pl.col("USUBJID").is_duplicated(), "USUBJID")


@rule(
    "TB-DM-0003",
    "SUBJID has more than one record in DM.",
    "give each subject of the study an own SUBJID",
    cdisc="CG0150",
    section=_IG,
    domains="DM",
)
def subjid_once(data: Data) -> Iterator[Hit]:
    """Within a study, SUBJID tells the subjects apart."""
    dm = data.dataset("DM", "SUBJID", "STUDYID")
    yield from dm.hits(dm.given("SUBJID") & pl.struct("STUDYID", "SUBJID").is_duplicated(), "SUBJID")


@rule(
    "TB-DM-0004",
    "AGE has a value but AGEU has none.",
    "give the unit of the age",
    cdisc="CG0665",
    section=_IG,
    domains="DM",
)
def age_has_unit(data: Data) -> Iterator[Hit]:
    """An age is given with its unit."""
    dm = data.dataset("DM", "AGE")
    yield from dm.hits(dm.given("AGE") & dm.missing("AGEU"), "AGE", "AGEU")


@rule(
    "TB-DM-0005",
    "AGEU has a value but AGE has none.",
    "give the age, or leave the unit empty",
    cdisc="CG0666 CG0434",
    section=_IG,
    domains="DM",
)
def unit_has_age(data: Data) -> Iterator[Hit]:
    """A unit of age is given only with an age."""
    dm = data.dataset("DM", "AGEU", "AGE")
    yield from dm.hits(dm.given("AGEU") & dm.missing("AGE") & dm.missing("AGETXT"), "AGEU", "AGE")


@rule("TB-DM-0006", "AGE is negative.", "mend the age", fda="FB4001", section=_IG, domains="DM")
def age_is_positive(data: Data) -> Iterator[Hit]:
    """An age is not below zero."""
    dm = data.dataset("DM", "AGE")
    if dm.frame.schema["AGE"].is_numeric():
        yield from dm.hits(pl.col("AGE") < 0, "AGE")


@rule(
    "TB-DM-0007",
    "AGE is missing for a subject who is no screen failure.",
    "give the age at the reference start",
    severity=Severity.WARNING,
    fda="FB0501",
    section=_IG,
    domains="DM",
)
def age_is_given(data: Data) -> Iterator[Hit]:
    """A subject who is no screen failure has an age."""
    dm = data.dataset("DM", "AGE")
    failed = (dm.text("ARMNRS") == "SCREEN FAILURE") | (dm.text("ARMCD") == "SCRNFAIL")
    yield from dm.hits(dm.missing("AGE") & ~failed, "AGE", "ARMNRS")


@rule(
    "TB-DM-0008",
    "A variable that is only for animal studies is in DM.",
    "take the variable out",
    cdisc="CG0356 CG0357 CG0358 CG0533 CG0641 CG0642 CG0643 CG0644",
    section="SDTMIG 3.4, 5.2; SDTM 2.0, 3.2.1",
    domains="DM",
)
def no_animal_variables(data: Data) -> Iterator[Hit]:
    """DM of a study in humans has no SPECIES, STRAIN, SBSTRAIN, AGETXT or RPATHCD."""
    dm = data.dataset("DM")
    for name in _ANIMAL:
        if dm.has(name):
            yield dm.hit(name)


@rule(
    "TB-DM-0009",
    "DTHDTC has a value but DTHFL is not Y.",
    "set DTHFL to Y, or take the date of death out",
    cdisc="CG0435",
    fda="FB0606",
    section=_IG,
    domains="DM",
)
def date_of_death_has_flag(data: Data) -> Iterator[Hit]:
    """A subject with a date of death has DTHFL = Y."""
    dm = data.dataset("DM", "DTHDTC")
    yield from dm.hits(dm.given("DTHDTC") & (dm.text("DTHFL") != "Y"), "DTHDTC", "DTHFL")


@rule(
    "TB-DM-0010",
    "DTHFL is neither Y nor empty.",
    "write Y for a subject who died, else nothing",
    cdisc="CG0131",
    section=_IG,
    domains="DM",
)
def death_flag_is_y(data: Data) -> Iterator[Hit]:
    """DTHFL is Y or empty; N is not used."""
    dm = data.dataset("DM", "DTHFL")
    yield from dm.hits(dm.given("DTHFL") & (dm.text("DTHFL") != "Y"), "DTHFL")


@rule(
    "TB-DM-0011",
    "DTHFL is Y but DTHDTC is missing.",
    "give the date of death as far as it is known",
    severity=Severity.WARNING,
    fda="FB0610",
    section=_IG,
    domains="DM",
)
def death_has_date(data: Data) -> Iterator[Hit]:
    """A subject with DTHFL = Y has a date of death, partial if need be."""
    dm = data.dataset("DM", "DTHFL", "DTHDTC")
    yield from dm.hits((dm.text("DTHFL") == "Y") & dm.missing("DTHDTC"), "DTHFL", "DTHDTC")


def _dead_without_flag(data: Data, one: Dataset, says: pl.Expr, *variables: str) -> Iterator[Hit]:
    """DM's records without DTHFL = Y for whom the records of another dataset that fulfil `says` tell of death."""
    dm = data.dataset("DM", "USUBJID", "DTHFL")
    told = one.frame.filter(says).unique("USUBJID", keep="first", maintain_order=True).select("USUBJID", *variables)
    living = dm.frame.filter(dm.text("DTHFL") != "Y").join(told, on="USUBJID", how="inner", suffix="#")
    yield from dm.hits_of(living, "DTHFL", *variables)


@rule(
    "TB-DM-0012",
    "An adverse event led to death but DTHFL in DM is not Y.",
    "set DTHFL to Y, or mend AESDTH",
    cdisc="CG0135",
    fda="FB0604",
    section="SDTMIG 3.4, 5.2 and 6.2.1",
    domains="DM AE",
)
def fatal_event_has_flag(data: Data) -> Iterator[Hit]:
    """A subject with an adverse event of AESDTH = Y has DTHFL = Y in DM."""
    ae = data.dataset("AE", "USUBJID", "AESDTH")
    yield from _dead_without_flag(data, ae, ae.text("AESDTH") == "Y", "AESDTH")


@rule(
    "TB-DM-0013",
    "An adverse event has the outcome FATAL but DTHFL in DM is not Y.",
    "set DTHFL to Y, or mend AEOUT",
    cdisc="CG0134",
    fda="FB0603",
    section="SDTMIG 3.4, 5.2 and 6.2.1",
    domains="DM AE",
)
def fatal_outcome_has_flag(data: Data) -> Iterator[Hit]:
    """A subject with an adverse event of AEOUT = FATAL has DTHFL = Y in DM."""
    ae = data.dataset("AE", "USUBJID", "AEOUT")
    yield from _dead_without_flag(data, ae, ae.text("AEOUT") == "FATAL", "AEOUT")


@rule(
    "TB-DM-0014",
    "The disposition is DEATH but DTHFL in DM is not Y.",
    "set DTHFL to Y, or mend DSDECOD",
    cdisc="CG0136",
    fda="FB0605",
    section="SDTMIG 3.4, 5.2 and 6.2.4",
    domains="DM DS",
)
def disposition_death_has_flag(data: Data) -> Iterator[Hit]:
    """A subject with DSDECOD = DEATH has DTHFL = Y in DM."""
    ds = data.dataset("DS", "USUBJID", "DSDECOD")
    yield from _dead_without_flag(data, ds, ds.text("DSDECOD") == "DEATH", "DSDECOD")


@rule(
    "TB-DM-0015",
    "The subject's status is DEAD but DTHFL in DM is not Y.",
    "set DTHFL to Y, or mend SSSTRESC",
    cdisc="CG0132",
    fda="FB0601",
    section="SDTMIG 3.4, 5.2 and 6.3.12",
    domains="DM SS",
)
def status_dead_has_flag(data: Data) -> Iterator[Hit]:
    """A subject with SSSTRESC = DEAD has DTHFL = Y in DM."""
    ss = data.dataset("SS", "USUBJID", "SSSTRESC")
    yield from _dead_without_flag(data, ss, ss.text("SSSTRESC") == "DEAD", "SSSTRESC")


@rule(
    "TB-DM-0016",
    "There are death details but DTHFL in DM is not Y.",
    "set DTHFL to Y, or take the death details out",
    cdisc="CG0133",
    fda="FB0602",
    section="SDTMIG 3.4, 5.2 and 6.3.4",
    domains="DM DD",
)
def death_details_have_flag(data: Data) -> Iterator[Hit]:
    """A subject with a record in DD has DTHFL = Y in DM."""
    dd = data.dataset("DD", "USUBJID")
    yield from _dead_without_flag(data, dd, pl.lit(value=True))


@rule(
    "TB-DM-0017",
    "A clinical event is a death but DTHFL in DM is not Y.",
    "set DTHFL to Y, or mend CETERM",
    fda="FB0607",
    section="SDTMIG 3.4, 5.2 and 6.2.2",
    domains="DM CE",
)
def clinical_death_has_flag(data: Data) -> Iterator[Hit]:
    """A subject with CETERM or CEDECOD = DEATH has DTHFL = Y in DM."""
    ce = data.dataset("CE", "USUBJID", "CETERM")
    says = (ce.text("CETERM").str.to_uppercase() == "DEATH") | (ce.text("CEDECOD").str.to_uppercase() == "DEATH")
    yield from _dead_without_flag(data, ce, says, "CETERM")


@rule(
    "TB-DM-0018",
    "RACE is MULTIPLE but SUPPDM does not hold the races.",
    "give each race in SUPPDM (RACE1, RACE2, ...)",
    severity=Severity.WARNING,
    cdisc="CG0531",
    section="SDTMIG 3.4, 5.2, assumption on RACE",
    domains="DM SUPPDM",
)
def several_races_are_listed(data: Data) -> Iterator[Hit]:
    """Where RACE is MULTIPLE, SUPPDM holds each race that was given."""
    dm = data.dataset("DM", "RACE", "USUBJID")
    several = dm.frame.filter(dm.text("RACE") == "MULTIPLE")
    if data.has("SUPPDM", "USUBJID", "QNAM"):
        supp = data.dataset("SUPPDM")
        listed = supp.frame.filter(pl.col("QNAM").str.starts_with("RACE")).select("USUBJID")
        several = several.join(listed, on="USUBJID", how="anti")
    yield from dm.hits_of(several, "RACE")


@rule(
    "TB-DM-0019",
    "SUPPDM holds several races but RACE is not MULTIPLE.",
    "write MULTIPLE in RACE",
    severity=Severity.WARNING,
    cdisc="CG0140",
    section="SDTMIG 3.4, 5.2, assumption on RACE",
    domains="DM SUPPDM",
)
def several_races_are_multiple(data: Data) -> Iterator[Hit]:
    """A subject with several races in SUPPDM (RACE1, RACE2, ...) has RACE = MULTIPLE."""
    dm = data.dataset("DM", "RACE", "USUBJID")
    supp = data.dataset("SUPPDM", "USUBJID", "QNAM")
    listed = (
        supp.frame.filter(pl.col("QNAM").str.contains(r"^RACE[0-9]+$"))
        .group_by("USUBJID")
        .agg(pl.col("QNAM").n_unique().alias("#races"))
        .filter(pl.col("#races") > 1)
    )
    yield from dm.hits_of(dm.frame.filter(dm.text("RACE") != "MULTIPLE").join(listed, on="USUBJID"), "RACE")


@rule(
    "TB-DM-0020",
    "USUBJID does not hold SUBJID.",
    "build USUBJID of STUDYID, SITEID and SUBJID, or state how it is built",
    severity=Severity.NOTE,
    section=_IG,
    domains="DM",
)
def usubjid_holds_subjid(data: Data) -> Iterator[Hit]:
    """USUBJID usually ends in SUBJID; where some subjects' does not although others' does, one of the two is mistyped."""
    dm = data.dataset("DM", "USUBJID", "SUBJID")
    holds = pl.col("USUBJID").str.ends_with(pl.col("SUBJID"))
    if dm.frame.select(holds.mean()).item() or 0:
        yield from dm.hits(~holds, "USUBJID", "SUBJID")


RULES = (
    dm_is_there,
    usubjid_once,
    subjid_once,
    age_has_unit,
    unit_has_age,
    age_is_positive,
    age_is_given,
    no_animal_variables,
    date_of_death_has_flag,
    death_flag_is_y,
    death_has_date,
    fatal_event_has_flag,
    fatal_outcome_has_flag,
    disposition_death_has_flag,
    status_dead_has_flag,
    death_details_have_flag,
    clinical_death_has_flag,
    several_races_are_listed,
    several_races_are_multiple,
    usubjid_holds_subjid,
)
