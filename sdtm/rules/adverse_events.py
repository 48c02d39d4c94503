"""AE: seriousness and its criteria, outcome, grade and death, dates, and the dictionary's hierarchy.

Sources: SDTMIG 3.4, 6.2.1 (AE) and 4.3.5 (MedDRA); CTCAE 4.03 and 5.0 (grade 5 is death related to an adverse event);
CDISC conformance rules 2.0; FDA business rules 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import moments, shapes
from trialbridge.sdtm.rules.data import EVENTS, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_IG, _FB, _MEDDRA = "SDTMIG 3.4, 6.2.1", "FDA business rules 1.5", "SDTMIG 3.4, 4.3.5"
CRITERIA = ("AESCAN", "AESCONG", "AESDISAB", "AESDTH", "AESHOSP", "AESLIFE", "AESOD", "AESMIE", "AESINTV")
# Name, code, and the ids of the FDA's one-to-one rule.
_LEVELS = (("--LLT", "--LLTCD"), ("--HLT", "--HLTCD"), ("--HLGT", "--HLGTCD"), ("--SOC", "--SOCCD"))


def _some_criterion(ae: Dataset) -> pl.Expr:
    """Whether any seriousness criterion is Y."""
    return pl.any_horizontal(ae.text(name) == "Y" for name in CRITERIA)


@rule(
    "TB-AE-0001",
    "A seriousness criterion is Y but AESER is not.",
    "write Y in AESER, or mend the criterion",
    cdisc="CG0041 CG0042",
    section=_IG,
    domains="AE",
)
def criterion_makes_serious(data: Data) -> Iterator[Hit]:
    """An event that fulfils a criterion of seriousness has AESER = Y."""
    ae = data.dataset("AE", "AESER")
    there = [name for name in CRITERIA if ae.has(name)]
    yield from ae.hits(_some_criterion(ae) & (ae.text("AESER") != "Y"), "AESER", *there)


@rule(
    "TB-AE-0002",
    "AESER is Y but no criterion of seriousness is.",
    "say what made the event serious",
    severity=Severity.WARNING,
    section=f"{_IG}; ICH E2A, II.B",
    domains="AE",
)
def serious_has_criterion(data: Data) -> Iterator[Hit]:
    """A serious event fulfils at least one criterion, where the dataset has criteria."""
    ae = data.dataset("AE", "AESER")
    there = [name for name in CRITERIA if ae.has(name)]
    if not there:
        raise NotThereError("AE has no criterion of seriousness")
    yield from ae.hits((ae.text("AESER") == "Y") & ~_some_criterion(ae), "AESER", *there)


@rule(
    "TB-AE-0003",
    "AE has a variable that it does not take.",
    "take it out",
    cdisc="CG0040 CG0044 CG0304",
    section=_IG,
    domains="AE",
)
def no_occurrence(data: Data) -> Iterator[Hit]:
    """AE holds events that happened: it has no AEOCCUR, AESTAT or AEREASND."""
    yield from shapes.present([data.dataset("AE")], "AEOCCUR", "AESTAT", "AEREASND")


@rule(
    "TB-AE-0004",
    "AEOUT is FATAL but AESDTH is not Y.",
    "write Y in AESDTH, or mend AEOUT",
    severity=Severity.WARNING,
    section=_IG,
    domains="AE",
)
def fatal_is_death(data: Data) -> Iterator[Hit]:
    """An event with a fatal outcome resulted in death."""
    ae = data.dataset("AE", "AEOUT", "AESDTH")
    yield from ae.hits((ae.text("AEOUT") == "FATAL") & (ae.text("AESDTH") != "Y"), "AESDTH", "AEOUT")


@rule(
    "TB-AE-0005",
    "AESDTH is Y but AEOUT is not FATAL.",
    "write FATAL in AEOUT, or mend AESDTH",
    severity=Severity.WARNING,
    section=_IG,
    domains="AE",
)
def death_is_fatal(data: Data) -> Iterator[Hit]:
    """An event that resulted in death has a fatal outcome."""
    ae = data.dataset("AE", "AEOUT", "AESDTH")
    yield from ae.hits((ae.text("AESDTH") == "Y") & (ae.text("AEOUT") != "FATAL"), "AEOUT", "AESDTH")


@rule(
    "TB-AE-0006",
    "The grade is 5 but the event is not fatal.",
    "mend the grade, AEOUT or AESDTH",
    section="CTCAE 5.0, grades; SDTMIG 3.4, 6.2.1",
    domains="AE",
)
def grade_5_is_death(data: Data) -> Iterator[Hit]:
    """Grade 5 of CTCAE is death: AEOUT is FATAL, and AESDTH is Y where it is there."""
    ae = data.dataset("AE", "AETOXGR", "AEOUT")
    alive = (ae.text("AEOUT") != "FATAL") | ((ae.text("AESDTH") != "Y") if ae.has("AESDTH") else pl.lit(value=False))
    yield from ae.hits((ae.text("AETOXGR") == "5") & alive, "AETOXGR", "AEOUT", "AESDTH")


@rule(
    "TB-AE-0007",
    "The event is fatal but the grade is not 5.",
    "write grade 5, or mend AEOUT",
    section="CTCAE 5.0, grades; SDTMIG 3.4, 6.2.1",
    domains="AE",
)
def death_is_grade_5(data: Data) -> Iterator[Hit]:
    """A graded event with a fatal outcome or AESDTH = Y has grade 5."""
    ae = data.dataset("AE", "AETOXGR")
    dead = (ae.text("AEOUT") == "FATAL") | (ae.text("AESDTH") == "Y")
    yield from ae.hits(dead & ae.given("AETOXGR") & (ae.text("AETOXGR") != "5"), "AETOXGR", "AEOUT", "AESDTH")


@rule(
    "TB-AE-0008",
    "AETOXGR is no grade.",
    "write 1, 2, 3, 4 or 5",
    severity=Severity.WARNING,
    section="CTCAE 5.0, grades; SDTMIG 3.4, 6.2.1",
    domains="AE",
)
def grades_are_grades(data: Data) -> Iterator[Hit]:
    """A toxicity grade of an adverse event is 1 to 5."""
    yield from shapes.neither_of([data.dataset("AE", "AETOXGR")], "AETOXGR", "12345")


@rule(
    "TB-AE-0009",
    "AEENDTC is given for an event that is not over.",
    "take the date out, or mend AEOUT",
    fda="FB3409",
    section=_FB,
    domains="AE",
)
def not_over_has_no_end(data: Data) -> Iterator[Hit]:
    """An event that is not resolved has no end."""
    ae = data.dataset("AE", "AEOUT", "AEENDTC")
    yield from ae.hits((ae.text("AEOUT") == "NOT RECOVERED/NOT RESOLVED") & ae.given("AEENDTC"), "AEENDTC", "AEOUT")


@rule(
    "TB-AE-0010",
    "AEENDTC is missing for an event that is over.",
    "give the date, or mend AEOUT",
    severity=Severity.WARNING,
    fda="FB3410",
    section=_FB,
    domains="AE",
)
def over_has_end(data: Data) -> Iterator[Hit]:
    """An event that is resolved has an end."""
    ae = data.dataset("AE", "AEOUT", "AEENDTC")
    yield from ae.hits((ae.text("AEOUT") == "RECOVERED/RESOLVED") & ae.missing("AEENDTC"), "AEENDTC", "AEOUT")


@rule(
    "TB-AE-0011",
    "A fatal event does not end with the death.",
    "give AEENDTC the date of death",
    severity=Severity.WARNING,
    fda="FB0612",
    section=_FB,
    domains="AE DM",
)
def fatal_ends_with_death(data: Data) -> Iterator[Hit]:
    """A fatal event ends on DTHDTC."""
    ae = data.dataset("AE", "USUBJID", "AEOUT", "AEENDTC")
    rows = data.with_subject(ae, "DTHDTC").filter(ae.text("AEOUT") == "FATAL")
    same_day = pl.col("AEENDTC").str.slice(0, 10) == pl.col("DTHDTC").str.slice(0, 10)
    yield from ae.hits_of(rows.filter(~same_day.fill_null(value=False)), "AEENDTC", "DTHDTC")


@rule(
    "TB-AE-0012",
    "The event begins after the subject's last disposition.",
    "mend AESTDTC or DSSTDTC",
    severity=Severity.WARNING,
    fda="FB3401",
    section=_FB,
    domains="AE DS",
)
def events_before_disposition(data: Data) -> Iterator[Hit]:
    """An event does not begin after the subject's last date in DS."""
    ae, ds = data.dataset("AE", "USUBJID", "AESTDTC"), data.dataset("DS", "USUBJID", "DSSTDTC")
    ended = moments.with_spans(ds.frame.drop_nulls("DSSTDTC"), "DSSTDTC")
    last = ended.group_by("USUBJID").agg(
        pl.col("DSSTDTC", "DSSTDTC#first", "DSSTDTC#after", "DSSTDTC#zoned").sort_by("DSSTDTC#after").last()
    )
    rows = moments.with_spans(ae.frame.drop_nulls("AESTDTC"), "AESTDTC").join(last, on="USUBJID")
    yield from ae.hits_of(rows.filter(moments.surely_before("DSSTDTC", "AESTDTC")), "AESTDTC", "DSSTDTC")


@rule(
    "TB-AE-0013", "The event began before birth.", "mend AESTDTC or BRTHDTC", section="SDTMIG 3.4, 5.2", domains="AE DM"
)
def events_after_birth(data: Data) -> Iterator[Hit]:
    """An event does not begin before the subject is born."""
    ae = data.dataset("AE", "USUBJID", "AESTDTC")
    rows = moments.with_spans(data.with_subject(ae, "BRTHDTC"), "AESTDTC", "BRTHDTC")
    yield from ae.hits_of(rows.filter(moments.surely_before("AESTDTC", "BRTHDTC")), "AESTDTC", "BRTHDTC")


@rule(
    "TB-AE-0014",
    "SUPPAE names another serious event but AESMIE is not Y.",
    "write Y in AESMIE",
    cdisc="CG0043",
    section=_IG,
    domains="AE SUPPAE",
)
def other_reason_is_flagged(data: Data) -> Iterator[Hit]:
    """Where SUPPAE tells an other medically important serious event (AESOSP), AESMIE is Y."""
    ae, supp = data.dataset("AE", "USUBJID", "AESEQ"), data.dataset("SUPPAE", "USUBJID", "QNAM", "IDVARVAL")
    told = supp.frame.filter(pl.col("QNAM") == "AESOSP").select(
        "USUBJID", pl.col("IDVARVAL").cast(pl.Float64, strict=False).alias("AESEQ")
    )
    if ae.frame.schema["AESEQ"] == pl.Float64:
        rows = ae.frame.join(told.unique(), on=["USUBJID", "AESEQ"], how="semi")
        yield from ae.hits_of(rows.filter(ae.text("AESMIE") != "Y"), "AESMIE" if ae.has("AESMIE") else "AESEQ")


@rule(
    "TB-AE-0015",
    "A dictionary's name and code do not go one to one.",
    "code by one version of the dictionary",
    cdisc="CG0049 CG0083",
    fda="FB0906 FB0907 FB0908 FB0909 FB0910 FB0911",
    section=_MEDDRA,
)
def levels_one_to_one(data: Data) -> Iterator[Hit]:
    """Each level of the dictionary has one code a name and one name a code, in events."""
    events = data.datasets(classes=(EVENTS,))
    found = False
    for name, code in (*_LEVELS, ("--DECOD", "--PTCD"), ("--BODSYS", "--BDSYCD")):
        for one in events:
            if one.has(name, code):
                found = True
                yield from shapes.not_one_to_one(one, name, code)
    if not found:
        raise NotThereError("no dataset of events has a dictionary's codes")


@rule(
    "TB-AE-0016", "--PTCD has a value but --DECOD has none.", "give the preferred term", cdisc="CG0050", section=_MEDDRA
)
def code_has_term(data: Data) -> Iterator[Hit]:
    """A preferred term's code comes with the term."""
    yield from shapes.given_without(data.datasets("--PTCD", classes=(EVENTS,)), "--PTCD", "--DECOD")


@rule(
    "TB-AE-0017",
    "--BODSYS has a value but --BDSYCD has none.",
    "give the code of the body system",
    severity=Severity.WARNING,
    cdisc="CG0082",
    section=_MEDDRA,
)
def body_system_has_code(data: Data) -> Iterator[Hit]:
    """A body system comes with its code where any record has one: a dataset without the licensed codes is passed over."""
    for one in data.datasets("--BODSYS", "--BDSYCD", classes=(EVENTS,)):
        if one.frame[one.of("--BDSYCD")].null_count() < one.frame.height:
            yield from one.hits(one.given("--BODSYS") & one.missing("--BDSYCD"), "--BDSYCD", "--BODSYS")


@rule(
    "TB-AE-0018",
    "--DECOD is not under one --SOC.",
    "use the primary system organ class",
    severity=Severity.WARNING,
    section=_MEDDRA,
)
def one_primary_class(data: Data) -> Iterator[Hit]:
    """A preferred term has one system organ class: MedDRA gives each one primary path."""
    for one in data.datasets("--DECOD", "--SOC", classes=(EVENTS,)):
        decod, soc = one.of("--DECOD"), one.of("--SOC")
        counted = one.frame.filter(one.given("--DECOD") & one.given("--SOC")).group_by(decod, soc).len("#n")
        usual = pl.col("#n") == pl.col("#n").max().over(decod)
        odd = counted.filter((pl.len().over(decod) > 1) & (~usual | (usual.sum().over(decod) > 1))).select(decod, soc)
        yield from one.hits_of(one.frame.join(odd, on=[decod, soc], how="semi"), "--SOC", "--DECOD")


@rule(
    "TB-AE-0019",
    "--TOX and --TOXGR do not go together.",
    "give the grade with the toxicity",
    cdisc="CG0084 CG0428",
    section="SDTM 2.0, 3.1.2, --TOX and --TOXGR",
)
def toxicity_has_grade(data: Data) -> Iterator[Hit]:
    """A toxicity comes with its grade."""
    for one in data.datasets("--TOX"):
        if not one.has("--TOXGR"):
            yield one.hit("--TOX")
        else:
            yield from one.hits(one.given("--TOX") & one.missing("--TOXGR"), "--TOXGR", "--TOX")


@rule(
    "TB-AE-0020",
    "AESTDTC is missing.",
    "give the start as far as it is known",
    severity=Severity.WARNING,
    section=_IG,
    domains="AE",
)
def events_have_a_start(data: Data) -> Iterator[Hit]:
    """An adverse event has a start, partial if need be, or is told relative to a time point."""
    ae = data.dataset("AE", "AESTDTC")
    yield from ae.hits(ae.missing("AESTDTC") & ae.missing("AESTRF") & ae.missing("AESTRTPT"), "AESTDTC")


@rule(
    "TB-AE-0021",
    "DM says the subject died, but DS tells no death.",
    "add the disposition DEATH, or mend DTHFL",
    severity=Severity.WARNING,
    fda="FB0608",
    section=_FB,
    domains="DM DS",
)
def death_is_told(data: Data) -> Iterator[Hit]:
    """A subject with DTHFL = Y has a record in DS with DSDECOD = DEATH."""
    dm, ds = data.dataset("DM", "USUBJID", "DTHFL"), data.dataset("DS", "USUBJID", "DSDECOD")
    told = ds.frame.filter(pl.col("DSDECOD") == "DEATH").select("USUBJID")
    yield from dm.hits_of(dm.frame.filter(dm.text("DTHFL") == "Y").join(told, on="USUBJID", how="anti"), "DTHFL")


@rule(
    "TB-AE-0022",
    "The answer is neither Y nor N.",
    "write Y or N, or nothing",
    cdisc="CG0387 CG0388 CG0389 CG0390 CG0391 CG0392 CG0393 CG0394 CG0395 CG0396",
    section=_IG,
    domains="AE",
)
def answers_are_yes_or_no(data: Data) -> Iterator[Hit]:
    """AESER, its criteria and AECONTRT are Y, N or empty: U and NA of the codelist NY are for other questions."""
    ae = data.dataset("AE")
    for name in ("AESER", *CRITERIA, "AECONTRT"):
        yield from shapes.neither_of([ae], name, ["Y", "N"])


RULES = (
    criterion_makes_serious,
    serious_has_criterion,
    no_occurrence,
    fatal_is_death,
    death_is_fatal,
    grade_5_is_death,
    death_is_grade_5,
    grades_are_grades,
    not_over_has_no_end,
    over_has_end,
    fatal_ends_with_death,
    events_before_disposition,
    events_after_birth,
    other_reason_is_flagged,
    levels_one_to_one,
    code_has_term,
    body_system_has_code,
    one_primary_class,
    toxicity_has_grade,
    events_have_a_start,
    death_is_told,
    answers_are_yes_or_no,
)
