"""Errors to plant in the Re-Induction example, one at a time, each with the rules that must find it and no other.

The expected ids are written by reasoning: what the changed cell breaks of itself, and what it breaks with its neighbours
(a date that moves makes its study day wrong; a code without its name breaks the pair). Rows are found by what is in
them, so that another example or seed will do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.sdtm.table import Study, Variable, table

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = "#"
Change = "Callable[[Study], Study]"
c = pl.col


@dataclass(frozen=True, slots=True)
class Plant:
    """One error: its name, what is done to the study, the ids of the rules that must find it."""

    name: str
    change: Callable[[Study], Study]
    expected: frozenset[str]


def with_frame(study: Study, name: str, frame: pl.DataFrame) -> Study:
    """The study with other rows in one dataset; labels are kept, new columns have none."""
    return study.with_tables([replace(table(name, frame, study[name].variables, study[name].label))])


def row_of(study: Study, name: str, where: pl.Expr) -> int:
    """The number, from 0, of the first row that fulfils the condition."""
    rows = study[name].frame.with_row_index(ROW).filter(where)
    assert rows.height, f"{name} has no such row"
    return int(rows[ROW][0])


def cells(name: str, where: pl.Expr, **values: Any) -> Callable[[Study], Study]:
    """Puts values into the first row that fulfils the condition; a function makes its value of the row."""

    def change(study: Study) -> Study:
        frame = study[name].frame
        number = row_of(study, name, where)
        row = frame.row(number, named=True)
        for variable, value in values.items():
            new = value(row) if callable(value) else value
            column = frame[variable].to_list()
            column[number] = new
            frame = frame.with_columns(pl.Series(variable, column, frame.schema[variable]))
        return with_frame(study, name, frame)

    return change


def copied(name: str, where: pl.Expr, **values: Any) -> Callable[[Study], Study]:
    """Adds a copy of the first row that fulfils the condition, with these values."""

    def change(study: Study) -> Study:
        frame = study[name].frame
        row = frame.slice(row_of(study, name, where), 1)
        row = row.with_columns(pl.lit(value).cast(frame.schema[key]).alias(key) for key, value in values.items())
        return with_frame(study, name, pl.concat([frame, row.select(frame.columns)]))

    return change


def removed(name: str, where: pl.Expr) -> Callable[[Study], Study]:
    """Takes the first row that fulfils the condition out."""

    def change(study: Study) -> Study:
        frame = study[name].frame.with_row_index(ROW)
        return with_frame(study, name, frame.filter(c(ROW) != row_of(study, name, where)).drop(ROW))

    return change


def columns(name: str, make: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Study], Study]:
    """Changes a dataset's columns as a whole."""
    return lambda study: with_frame(study, name, make(study[name].frame))


def labelled(name: str, variable: str, label: str) -> Callable[[Study], Study]:
    """Gives a variable another label."""

    def change(study: Study) -> Study:
        one = study[name]
        new = tuple(Variable(v.name, label, v.type) if v.name == variable else v for v in one.variables)
        return study.with_tables([replace(one, variables=new)])

    return change


def days_later(variable: str, days: int) -> Callable[[dict[str, Any]], str]:
    """The row's date, so many days later."""
    return lambda row: (date.fromisoformat(row[variable][:10]) + timedelta(days)).isoformat()


def subject_of(name: str, where: pl.Expr) -> Callable[[Study], str]:
    """Who the first such row is of."""
    return lambda study: study[name].frame["USUBJID"][row_of(study, name, where)]


def of_subject(who: Callable[[Study], str], change: Callable[[pl.Expr], Callable[[Study], Study]]) -> Any:
    """A change of a row of the subject that is found in the study."""
    return lambda study: change(c("USUBJID") == who(study))(study)


def swapped(first: str, second: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Two columns change places."""

    def make(frame: pl.DataFrame) -> pl.DataFrame:
        names = frame.columns
        one, other = names.index(first), names.index(second)
        names[one], names[other] = names[other], names[one]
        return frame.select(names)

    return make


def p(name: str, change: Any, expected: str) -> Plant:
    """A plant; the ids without `TB-`, parted by blanks."""
    return Plant(name, change, frozenset(f"TB-{one}" for one in expected.split()))


def at_new_lesion(study: Study) -> pl.Expr:
    """The records of RS at the visit and by the evaluator of the first new lesion in TU."""
    row = study["TU"].frame.filter(c("TUORRES") == "NEW").row(0, named=True)
    return (c("USUBJID") == row["USUBJID"]) & (c("VISITNUM") == row["VISITNUM"]) & (c("RSEVAL") == row["TUEVAL"])


DEAD, ALIVE = c("DTHFL") == "Y", c("DTHFL").is_null() & c("ARMCD").is_not_null()
dead, alive = subject_of("DM", DEAD), subject_of("DM", ALIVE)
FOLLOW_UP = c("VISITNUM") > 2
WHOLE = r"^\d{4}-\d{2}-\d{2}"
DIAMETER = (c("TRTESTCD") == "LDIAM") & c("TRSTRESN").is_not_null()
LATER_SIZE = DIAMETER & FOLLOW_UP & c("TRLOBXFL").is_null()
SUM = (c("TRTESTCD") == "SUMLDIAM") & c("TRSTRESN").is_not_null()
RADIOTHERAPY = c("PRLNKID").is_not_null()
OVERALL = (c("RSTESTCD") == "OVRLRESP") & c("RSSTRESC").is_not_null()
UNFLAGGED_ALT = (c("LBTESTCD") == "ALT") & c("LBLOBXFL").is_null() & (c("LBNRIND") == "NORMAL")
IN_VISIT = c("LBLOBXFL").is_null() & c("LBSTRESN").is_not_null()


PLANTS = (
    # Structure
    p("required variable missing", columns("DM", lambda f: f.drop("SEX")), "STR-0001"),
    p("required value missing", cells("DM", ALIVE, COUNTRY=None), "STR-0002"),
    p("expected variable missing", columns("LB", lambda f: f.drop("LBSTRESU")), "STR-0003"),
    p("variables out of order", columns("DM", swapped("SEX", "RACE")), "STR-0004"),
    p("label of another variable", labelled("AE", "AESER", "Severity"), "STR-0005"),
    p("label too long is not the guide's either", labelled("VS", "VSPOS", "P" * 41), "STR-0005 STR-0009"),
    p("number written as text", columns("VS", lambda f: f.with_columns(c("VSSTRESN").cast(pl.String))), "STR-0006"),
    p(
        "unknown variable with a long name",
        columns("AE", lambda f: f.with_columns(AESOMETHING=pl.lit("x"))),
        "STR-0007 STR-0011",
    ),
    p("place of a lesion in TR", columns("TR", lambda f: f.with_columns(TRLOC=pl.lit("LUNG"))), "STR-0020"),
    p("dataset without records", columns("MH", lambda f: f.clear()), "STR-0010"),
    # Limits of the files
    p("letter that is not ASCII", cells("AE", c("AESEQ") == 1, AETERM="Diarrhée"), "XPT-0002"),
    p("201 bytes", cells("CM", c("CMSEQ") == 1, CMINDC="x" * 201), "XPT-0001"),
    p("blank in front", cells("CM", c("CMSEQ") == 1, CMINDC=" PAIN"), "XPT-0003"),
    p("period for nothing", cells("CM", c("CMSEQ") == 1, CMINDC="."), "XPT-0004"),
    # Identifiers
    p(
        "subject who is not in DM has no visits and no reference start either",
        cells("VS", c("VSDY").is_not_null(), USUBJID="NOBODY"),
        "ID-0001 VIS-0002 DTC-0019",
    ),
    p("another study", cells("AE", c("AESEQ") == 1, STUDYID="NCT00000000"), "ID-0002"),
    p("copied --SEQ", cells("LB", c("LBSEQ") == 2, LBSEQ=1.0), "ID-0004"),
    p("--SEQ with a fraction", cells("LB", c("LBSEQ") == 2, LBSEQ=2.5), "ID-0005"),
    p("record twice", copied("VS", c("VSLOBXFL").is_null(), VSSEQ=999.0), "ID-0009"),
    # Terminology
    p("sex outside the closed codelist", cells("DM", ALIVE, SEX="X"), "CT-0001"),
    p(
        "outcome outside the closed codelist",
        cells("AE", c("AEOUT") == "RECOVERED/RESOLVED", AEOUT="RECOVERED"),
        "CT-0001",
    ),
    p("specimen in another case", cells("LB", IN_VISIT, LBSPEC=lambda row: row["LBSPEC"].title()), "CT-0002"),
    p("route that nobody knows", cells("CM", c("CMROUTE").is_not_null(), CMROUTE="BY SPOONFUL"), "CT-0003"),
    p(
        "name of another test",
        cells("VS", c("VSTESTCD") == "SYSBP", VSTEST="Diastolic Blood Pressure"),
        "CT-0004 CT-0005",
    ),
    p("code that nobody knows breaks the pair", cells("LB", IN_VISIT, LBTESTCD="ALTX"), "CT-0003 CT-0005"),
    p("code that begins with a digit", cells("LB", IN_VISIT, LBTESTCD="1ALT"), "CT-0003 CT-0005 CT-0011"),
    p(
        "milestone called an event",
        cells("DS", c("DSDECOD") == "ENTERED INTO TRIAL", DSCAT="DISPOSITION EVENT"),
        "CT-0008",
    ),
    p("country of two letters", cells("DM", ALIVE, COUNTRY="NL"), "CT-0009"),
    p("flag N", cells("LB", c("LBLOBXFL").is_null(), LBLOBXFL="N"), "CT-0006"),
    # Dates and days
    p(
        "month 13 is no date, and then there is no study day",
        cells("AE", c("AESTDTC").str.contains(WHOLE) & c("AESTDY").is_not_null(), AESTDTC="2019-13-01"),
        "DTC-0001 DTC-0019",
    ),
    p(
        "end before start, and the day of the end is wrong with it",
        cells("AE", c("AEENDTC").str.contains(WHOLE) & (c("AESTDY") > 1), AEENDTC=days_later("AESTDTC", -3)),
        "DTC-0002 DTC-0018",
    ),
    p("study day off by one", cells("VS", c("VSDY") > 1, VSDY=lambda row: row["VSDY"] + 1), "DTC-0016"),
    p("study day 0", cells("AE", c("AESTDY").is_not_null(), AESTDY=0.0), "DTC-0017"),
    p("study day missing", cells("CM", c("CMENDY").is_not_null(), CMENDY=None), "DTC-0020"),
    p("age wrong by five years", cells("DM", ALIVE, AGE=lambda row: row["AGE"] + 5), "DTC-0024"),
    p(
        "examined after the end of participation: day and visit do not fit either",
        of_subject(alive, lambda who: cells("LB", who & IN_VISIT, LBDTC="2030-01-01")),
        "DTC-0013 DTC-0016 VIS-0011",
    ),
    # Visits and epochs
    p("visit with another number", cells("VS", FOLLOW_UP, VISITNUM=99.0), "VIS-0001 VIS-0002"),
    p(
        "visit in another spelling",
        cells("LB", (c("VISITNUM") == 3) & IN_VISIT, VISIT="VISIT THREE"),
        "VIS-0001 VIS-0004",
    ),
    p("planned day of another visit", cells("VS", c("VISITDY").is_not_null(), VISITDY=4711.0), "VIS-0005"),
    p("epoch that TA does not have", cells("CM", c("EPOCH").is_not_null(), EPOCH="WASHOUT"), "VIS-0012 VIS-0014"),
    # Results
    p(
        "standard result missing although there is a unit",
        cells("LB", UNFLAGGED_ALT, LBSTRESC=None),
        "RES-0001 RES-0006",
    ),
    p("unit missing", cells("TR", LATER_SIZE, TRORRESU=None), "RES-0011"),
    p(
        "number that is not the text",
        cells("VS", c("VSSTRESN") > 1, VSSTRESN=lambda row: row["VSSTRESN"] + 1),
        "RES-0010",
    ),
    p("done and not done", cells("LB", UNFLAGGED_ALT, LBSTAT="NOT DONE"), "RES-0003 RES-0005"),
    p("reason without status", cells("LB", UNFLAGGED_ALT, LBREASND="HEMOLYZED"), "RES-0004"),
    p("normal called high", cells("LB", UNFLAGGED_ALT, LBNRIND="HIGH"), "RES-0015"),
    p(
        "baseline flag on a later scan, so that the response is reckoned from there",
        cells("TR", LATER_SIZE, TRLOBXFL="Y"),
        "RES-0017 RES-0019 ONC-0101",
    ),
    # Adverse events
    p("hospital but not serious", cells("AE", c("AESER") == "N", AESHOSP="Y"), "AE-0001"),
    p("grade 5 of the living", cells("AE", c("AETOXGR") == "2", AETOXGR="5"), "AE-0006"),
    p("fatal with grade 3", cells("AE", c("AEOUT") == "FATAL", AETOXGR="3"), "AE-0007"),
    p(
        "not over, with an end",
        cells(
            "AE", (c("AEOUT") == "RECOVERED/RESOLVED") & c("AEENDTC").is_not_null(), AEOUT="NOT RECOVERED/NOT RESOLVED"
        ),
        "AE-0009",
    ),
    # Demographics, arms, death
    p("age without unit", cells("DM", ALIVE, AGEU=None), "DM-0004"),
    p("subject twice", copied("DM", ALIVE), "DM-0002 DM-0003"),
    p(
        "death without flag, told by date, event, outcome and disposition",
        cells("DM", DEAD, DTHFL=None),
        "DM-0009 DM-0012 DM-0013 DM-0014",
    ),
    p(
        "arm that TA does not have: neither its name's code nor the actual arm",
        cells("DM", ALIVE, ARMCD="RTX"),
        "ARM-0007 ARM-0010 ARM-0011",
    ),
    p("arm without end of reference", cells("DM", ALIVE, RFENDTC=None), "ARM-0012"),
    p(
        "death on another day",
        cells("DS", c("DSDECOD") == "DEATH", DSSTDTC=days_later("DSSTDTC", -1)),
        "DS-0002 DTC-0017",
    ),
    # Doses and relations
    p("dose without unit", cells("PR", RADIOTHERAPY, PRDOSU=None), "QUA-0015"),
    p("qualifier of no record", cells("SUPPAE", c("IDVAR") == "AESEQ", IDVARVAL="999"), "REL-0003"),
    p("qualifier twice", copied("SUPPAE", c("IDVAR") == "AESEQ"), "REL-0008"),
    p("relation with one side", removed("RELREC", c("IDVAR") == "AESEQ"), "REL-0016"),
    # Trial summary
    p("blinding outside the codelist", cells("TS", c("TSPARMCD") == "TBLIND", TSVAL="OPEN"), "TS-0002"),
    p("age in words", cells("TS", c("TSPARMCD") == "AGEMIN", TSVAL="18 YEARS"), "TS-0003"),
    p("parameter missing", removed("TS", c("TSPARMCD") == "SDTMVER"), "TS-0001"),
    # Oncology: where a target's size is not known, the response is not evaluable, and RS says otherwise (ONC-0101)
    p(
        "lesion without identification in TR is missed at its visit",
        cells("TR", LATER_SIZE, TRLNKID=None),
        "ONC-0002 ONC-0007 ONC-0101",
    ),
    p("lesion that TU does not know", cells("TR", LATER_SIZE, TRLNKID="INV-T99"), "ONC-0001 ONC-0007 ONC-0101"),
    p(
        "sum off by 1 mm",
        cells(
            "TR",
            SUM,
            TRSTRESN=lambda row: row["TRSTRESN"] + 1,
            TRSTRESC=lambda row: f"{row['TRSTRESN'] + 1:g}",
            TRORRES=lambda row: f"{row['TRSTRESN'] + 1:g}",
        ),
        "ONC-0010",
    ),
    p("scan of another kind", cells("TR", LATER_SIZE & (c("TRMETHOD") == "CT SCAN"), TRMETHOD="MRI"), "ONC-0011"),
    p("target called non-target", cells("TR", LATER_SIZE, TRGRPID="NON-TARGET"), "ONC-0012"),
    p("target not assessed", removed("TR", LATER_SIZE), "ONC-0007 ONC-0101"),
    p(
        "target not measured at baseline",
        cells(
            "TR",
            DIAMETER & (c("VISITNUM") == 1) & (c("TRLOBXFL") == "Y"),
            TRORRES=None,
            TRORRESU=None,
            TRSTRESC=None,
            TRSTRESN=None,
            TRSTRESU=None,
            TRLOBXFL=None,
            TRSTAT="NOT DONE",
            TRREASND="SCAN NOT PERFORMED",
        ),
        "ONC-0006 ONC-0101",
    ),
    p(
        "overall response that its components do not give",
        cells("RS", OVERALL & (c("RSSTRESC") == "PR"), RSORRES="SD", RSSTRESC="SD"),
        "ONC-0101 ONC-0102",
    ),
    p(
        "no progression at a new lesion",
        lambda study: cells("RS", OVERALL & at_new_lesion(study), RSORRES="SD", RSSTRESC="SD")(study),
        "ONC-0022 ONC-0101 ONC-0102",
    ),
    p(
        "performance status 7",
        cells("RS", c("RSTESTCD") == "ECOG101", RSORRES="7", RSSTRESC="7", RSSTRESN=7.0),
        "ONC-0024",
    ),
    p("irradiated lesion that TU does not know", cells("PR", RADIOTHERAPY, PRLNKID="INV-T99"), "ONC-0030"),
    p("dose that is not its fractions", cells("PR", RADIOTHERAPY, PRDOSE=25.0), "ONC-0036"),
    p("lesion said not to be irradiated", cells("SUPPTU", c("QVAL") == "Y", QVAL="N"), "ONC-0032"),
)
