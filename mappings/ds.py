"""DS, disposition: the subject's progress through the study.

R5 has it: ResearchSubject.progress, a list of states and milestones. R4 keeps one status, so there each record is the
cross-version extension of that element. A date inside an extension has no place for a literal; what does not fit
travels with the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.mappings.common import STUDYID, day, epoch
from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Context, Extra, Line, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import coding
from trialbridge.mappings.spellings import DATE, RECORD, SUBJECT, TEXT
from trialbridge.sdtm.dates import fhir_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingOf

DATE_INSIDE = Spelling(
    "--DTC inside an extension: a legal FHIR dateTime or nothing",
    lambda value, _ctx: value if isinstance(value, str) else None,
    lambda cell, _ctx: fhir_prefix(cell),
)
DECODED = in_codelist("disposition", "C66727", "C114118", "C150811", text=False)
_STATE_TYPE = "http://terminology.hl7.org/CodeSystem/research-subject-state-type"
CATEGORY = in_codelist(
    "disposition category",
    "C74558",
    further={
        "PROTOCOL MILESTONE": (coding(_STATE_TYPE, "Milestone", "Milestone"),),
        "DISPOSITION EVENT": (coding(_STATE_TYPE, "Enrollment", "Enrollment status"),),
    },
)
_STATUS = {
    "COMPLETED": "off-study",
    "SCREEN FAILURE": "ineligible",
    "ENTERED INTO TRIAL": "on-study",
    "INFORMED CONSENT OBTAINED": "screening",
    "RANDOMIZED": "on-study",
}


def _r4(name: str, of: str) -> str:
    return f"Each.extension('{name}').value.ofType({of})"


def _lines(concept: str) -> tuple[Line, ...]:
    return (
        line("USUBJID", "ResearchSubject.individual", SUBJECT, only="R4", direction="to_sdtm"),
        line("USUBJID", "ResearchSubject.subject", SUBJECT, only="R5", direction="to_sdtm"),
        line("DSSEQ", "Each.extension(%x-sdtm-record).value.ofType(Identifier).value", RECORD),
        line("DSCAT", _r4("type", "CodeableConcept"), CATEGORY, only="R4"),
        line("DSCAT", "Each.type", CATEGORY, only="R5"),
        line("DSDECOD", _r4(concept, "CodeableConcept"), DECODED, only="R4"),
        line("DSTERM", _r4(concept, "CodeableConcept") + ".text", TEXT, only="R4"),
        line("DSDECOD", f"Each.{concept}", DECODED, only="R5"),
        line("DSTERM", f"Each.{concept}.text", TEXT, only="R5"),
        line("DSSTDTC", _r4("startDate", "dateTime"), DATE_INSIDE, only="R4"),
        line("DSSTDTC", "Each.startDate", DATE, only="R5"),
    )


def _status(row: Row, parts: MappingOf[str, Resource], ctx: Context) -> None:
    """The subject's status: in R4 the last disposition's; R5 has the list itself, and its status is of another kind."""
    ctx.subject(row["USUBJID"])
    if ctx.release != "R4" or row.get("DSDECOD") is None:
        return
    subject = parts["ResearchSubject"]
    status = _STATUS.get(row["DSDECOD"])
    if status is None and row.get("DSCAT") == "DISPOSITION EVENT":
        status = "off-study"
    if status and subject.get("status") not in {"off-study", "ineligible"}:
        subject["status"] = status
        subject.pop("_status", None)


def _is_milestone(row: Row) -> bool:
    return row.get("DSCAT") == "PROTOCOL MILESTONE"


def _has_milestone(element: Resource) -> bool:
    return "milestone" in element or any(one.get("url") == "milestone" for one in element.get("extension") or ())


_each: dict[str, str] = {"R4": "ResearchSubject.extension(%progress)", "R5": "ResearchSubject.progress"}
_derived = (STUDYID, day("DSSTDY", "DSSTDTC"), day("DSDY", "DSDTC"), epoch("DSSTDTC"))
_extras = (
    Extra("Each.extension(%x-sdtm-record).value.ofType(Identifier).system", lambda _row, ctx: ctx.url("sdtm-record")),
)

MILESTONE = Mapping(
    domain="DS",
    name="DS milestone",
    resource="ResearchSubject",
    key=("STUDYID", "USUBJID"),
    given=_is_milestone,
    shape=_has_milestone,
    lines=_lines("milestone"),
    extras=_extras,
    derived=_derived,
    each={"R4": _each["R4"], "R5": _each["R5"]},
    after_write=_status,
)
DISPOSITION = Mapping(
    domain="DS",
    name="DS disposition",
    resource="ResearchSubject",
    key=("STUDYID", "USUBJID"),
    lines=_lines("reason"),
    extras=_extras,
    derived=_derived,
    each={"R4": _each["R4"], "R5": _each["R5"]},
    after_write=_status,
)
DS = (MILESTONE, DISPOSITION)
