"""Toxicity by CTCAE 4.0, 4.03 and 5.0: checks of terms and grades, attribution, worst grades.

    findings = ctcae.check(study, "4.0")
    ctcae.worst_grades(study, by="AEDECOD", attributed_to=ctcae.RADIOTHERAPY)

AETOXGR holds the number of the grade alone (SDTMIG 3.4, AE); which scale and version it is, the data do not say, so
the version is always named. The term is looked for in AELLT (CTCAE terms are lowest level terms), then AEMODIFY,
AEDECOD, AETERM. Laboratory values are graded by `ctcae_lab`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.oncology.ctcae_terms import VERSIONS, Term, find, folded, terms
from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.recist_input import records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.sdtm.table import Study

__all__ = [
    "ANY_TREATMENT",
    "IMMUNE_THERAPY",
    "RADIOTHERAPY",
    "VERSIONS",
    "Attribution",
    "Term",
    "attributed",
    "check",
    "find",
    "terms",
    "worst_grades",
]

TERM_VARIABLES = ("AELLT", "AEMODIFY", "AEDECOD", "AETERM")
_AE = (
    "USUBJID",
    "AEOUT",
    "AESDTH",
    "AESER",
    "AETOXGR",
    "AEBODSYS",
    "AESOC",
    "AEREL",
    "AESTDTC",
    *TERM_VARIABLES,
)
_FATAL = 5
_RELATED = frozenset(
    ("RELATED", "POSSIBLY RELATED", "PROBABLY RELATED", "DEFINITELY RELATED", "POSSIBLE", "PROBABLE", "DEFINITE", "Y")
)
_UNRELATED = frozenset(
    ("NOT RELATED", "UNLIKELY RELATED", "UNRELATED", "UNLIKELY", "NOT APPLICABLE", "NA", "NONE", "N")
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """A treatment an event may be attributed to: the variable of AE or SUPPAE that says so, and the words for yes.

    Words are compared without letter case. A word neither here nor among the usual words for no is a finding.
    """

    name: str
    variable: str
    related: frozenset[str] = _RELATED


RADIOTHERAPY = Attribution("radiotherapy", "AERELRT")
IMMUNE_THERAPY = Attribution("immune therapy", "AERELIO")
ANY_TREATMENT = Attribution("study treatment", "AEREL")


def check(study: Study, version: str) -> list[Finding]:
    """What in AE is against CTCAE: unknown terms, grades a term does not have, grade 5 and death apart.

    Raises UnknownNameError when the version is unknown or there is no AE.
    """
    terms(version)
    dead = {row["USUBJID"] for row in records(study, "DM", ("USUBJID", "DTHFL", "DTHDTC")) if _died(row)}
    found: list[Finding] = []
    for number, row in enumerate(_events(study), 1):
        where = Where(dataset="AE", subject=row["USUBJID"], row=number, variable="AETOXGR")
        found += _term_findings(row, where, version)
        found += _fatal_findings(row, where, dead if "DM" in study else None)
    return found


def _died(row: Mapping[str, str]) -> bool:
    return row["DTHFL"] == "Y" or bool(row["DTHDTC"])


def _events(study: Study) -> Iterator[dict[str, Any]]:
    """The rows of AE; AESEQ as text, empty where there is none; GRADE an int or None."""
    if "AE" not in study:
        raise UnknownNameError(f"Toxicity needs AE; the study has {', '.join(study.tables) or 'nothing'}.")
    frame = study["AE"].frame
    numbers = frame["AESEQ"] if "AESEQ" in frame.columns else pl.Series([None] * frame.height)
    grades = _numeric_grades(frame)
    for row, seq, grade in zip(records(study, "AE", _AE), numbers, grades, strict=True):
        row["AESEQ"] = _number(seq)
        row["AETOXGR"] = row["AETOXGR"] or grade
        row["GRADE"] = int(row["AETOXGR"]) if row["AETOXGR"] in ("0", "1", "2", "3", "4", "5") else None
        yield row


def _numeric_grades(frame: pl.DataFrame) -> list[str]:
    """Grades of an AETOXGR that came as a number."""
    if frame.schema.get("AETOXGR") != pl.Float64:
        return [""] * frame.height
    return [_number(value) for value in frame["AETOXGR"]]


def _number(value: float | str | None) -> str:
    """3.0 -> 3, as SUPP-- writes the sequence number it points at."""
    return "" if value is None else str(value).strip().removesuffix(".0")


def _term_findings(row: Mapping[str, Any], where: Where, version: str) -> Iterator[Finding]:
    term = _term(row, version)
    grade = row["AETOXGR"]
    if not grade:
        yield Finding("TB-CTCAE-003", Severity.WARNING, where, "The event has no grade.", "give AETOXGR, 1 to 5")
    elif row["GRADE"] in (None, 0):
        said = f"{grade!r} is no grade; the grades of an event are 1 to 5."
        yield Finding("TB-CTCAE-003", Severity.ERROR, where, said, "give the number alone")
    if term is None:
        said = f"No term of CTCAE {version} in {', '.join(TERM_VARIABLES)}: not checked."
        yield Finding("TB-CTCAE-001", Severity.NOTE, where, said, "give the CTCAE term in AELLT")
        return
    if row["GRADE"] and row["GRADE"] not in term.grades:
        has = ", ".join(str(one) for one in term.grades)
        said = f"CTCAE {version} has no grade {row['GRADE']} of {term.name}; it has {has}."
        yield Finding("TB-CTCAE-002", Severity.ERROR, where, said, "correct the grade, the term or the version")
    soc = row["AESOC"] or row["AEBODSYS"]
    if soc and folded(soc) != folded(term.soc):
        said = f"CTCAE {version} has {term.name} under {term.soc}, AE under {soc}."
        where = Where(dataset="AE", subject=where.subject, row=where.row, variable="AESOC")
        yield Finding(
            "TB-CTCAE-007", Severity.NOTE, where, said, "MedDRA versions differ in this; see whether it is meant"
        )


def _term(row: Mapping[str, Any], version: str) -> Term | None:
    """The CTCAE term of an event: the first of the variables that holds one."""
    named = (find(row[variable], version) for variable in TERM_VARIABLES if row[variable])
    return next((one for one in named if one is not None), None)


def _fatal_findings(row: Mapping[str, Any], where: Where, dead: set[str] | None) -> Iterator[Finding]:
    """Grade 5, AEOUT FATAL and AESDTH Y go together, and with a death in DM."""
    fatal, grade = row["AEOUT"] == "FATAL", row["GRADE"]
    if grade == _FATAL and row["AEOUT"] and not fatal:
        said = f"Grade 5 is death; AEOUT is {row['AEOUT']}."
        yield Finding("TB-CTCAE-004", Severity.ERROR, where, said, "correct AETOXGR or AEOUT")
    if fatal and grade is not None and grade != _FATAL:
        said = f"AEOUT is FATAL; the grade is {grade}, not 5."
        yield Finding("TB-CTCAE-004", Severity.ERROR, where, said, "correct AETOXGR or AEOUT")
    if row["AESDTH"] == "Y" and grade is not None and grade != _FATAL:
        said = f"AESDTH is Y; the grade is {grade}, not 5."
        yield Finding("TB-CTCAE-005", Severity.ERROR, where, said, "correct AETOXGR or AESDTH")
    if grade == _FATAL and row["AESDTH"] == "N":
        said = "Grade 5 is death; AESDTH is N."
        yield Finding("TB-CTCAE-005", Severity.ERROR, where, said, "correct AETOXGR or AESDTH")
    if grade == _FATAL and row["AESER"] == "N":
        said = "Grade 5 is death; AESER is N."
        yield Finding("TB-CTCAE-005", Severity.ERROR, where, said, "an event that results in death is serious")
    if grade == _FATAL and dead is not None and row["USUBJID"] not in dead:
        said = "Grade 5 is death; DM has no death of this subject."
        yield Finding("TB-CTCAE-006", Severity.ERROR, where, said, "correct AETOXGR, or DTHFL and DTHDTC in DM")


def attributed(study: Study, to: Attribution) -> tuple[dict[tuple[str, str], bool], list[Finding]]:
    """Subject and AESEQ -> whether the event is attributed to a treatment, and words not understood.

    From the variable in AE, else from SUPPAE (IDVAR AESEQ). Events of which nothing is said are not in it.
    """
    said: dict[tuple[str, str], str] = {}
    for row in records(study, "SUPPAE", ("USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QVAL")):
        if row["QNAM"] == to.variable and row["IDVAR"] == "AESEQ":
            said[(row["USUBJID"], _number(row["IDVARVAL"]))] = row["QVAL"]
    if "AE" in study and study["AE"].frame.schema.get(to.variable) == pl.String:
        frame = study["AE"].frame.select("USUBJID", "AESEQ", to.variable).drop_nulls()
        said.update({(subject, _number(seq)): word for subject, seq, word in frame.iter_rows()})
    found: dict[tuple[str, str], bool] = {}
    doubts: dict[str, int] = defaultdict(int)
    for key, word in said.items():
        upper = word.upper()
        if upper in {one.upper() for one in to.related}:
            found[key] = True
        elif upper in _UNRELATED:
            found[key] = False
        else:
            doubts[word] += 1
    where = Where(dataset="AE", variable=to.variable)
    findings = [
        Finding(
            "TB-CTCAE-008",
            Severity.WARNING,
            where,
            f"{word!r} ({count} events): related or not?",
            "name the words for yes",
        )
        for word, count in sorted(doubts.items())
    ]
    return found, findings


def worst_grades(
    study: Study,
    *,
    by: str = "AEDECOD",
    attributed_to: Attribution | None = None,
    periods: Mapping[str, tuple[str, str]] | None = None,
) -> pl.DataFrame:
    """The worst grade of each subject and term, from AETOXGR.

    `by` is a variable of AE: AEDECOD, AELLT, AESOC, AEBODSYS …; empty text: over all events. `attributed_to`: only
    events attributed to that treatment. `periods`: subject -> first and last day (ISO 8601); only events that begin
    within, a partial date counting unless it surely lies outside; subjects without a period are left out.
    Columns USUBJID, TERM (absent when over all), GRADE and EVENTS (Int64), AESEQ of the first worst. Events without a
    grade are counted but grade nothing; GRADE null when none has one. Raises UnknownNameError.
    """
    if by and "AE" in study and by not in study["AE"].frame.columns:
        raise UnknownNameError(f"AE has no variable {by}.", Where(dataset="AE", variable=by))
    related = attributed(study, attributed_to)[0] if attributed_to else None
    worst: dict[tuple[str, str], tuple[int | None, str, int]] = {}
    named = study["AE"].frame[by].to_list() if by and "AE" in study else None
    for index, row in enumerate(_events(study)):
        usubjid = row["USUBJID"]
        if related is not None and not related.get((usubjid, row["AESEQ"]), False):
            continue
        if periods is not None and not _within(row["AESTDTC"], periods.get(usubjid)):
            continue
        key = (usubjid, (named[index] or "") if named else "")
        grade, seq, events = worst.get(key, (None, "", 0))
        if row["GRADE"] is not None and (grade is None or row["GRADE"] > grade):
            grade, seq = row["GRADE"], row["AESEQ"]
        worst[key] = (grade, seq or row["AESEQ"], events + 1)
    rows = [(usubjid, term or None, *values) for (usubjid, term), values in sorted(worst.items())]
    frame = pl.DataFrame(rows, schema=_WORST, orient="row")
    return frame if by else frame.drop("TERM")


_WORST: dict[str, type[pl.DataType]] = {
    "USUBJID": pl.String,
    "TERM": pl.String,
    "GRADE": pl.Int64,
    "AESEQ": pl.String,
    "EVENTS": pl.Int64,
}


def _within(dtc: str, period: tuple[str, str] | None) -> bool:
    """Whether an event may have begun in the period; one without a date may."""
    if period is None:
        return False
    began, first, last = bounds(dtc), bounds(period[0]), bounds(period[1])
    if began is None or first is None or last is None:
        return True
    return began[1] >= first[0] and began[0] <= last[1]
