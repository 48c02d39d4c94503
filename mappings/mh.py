"""MH, medical history: Condition. The primary cancer is an mCODE primary cancer condition that other records point at.

`entered-in-error` never becomes MHOCCUR = N (the joint mapping lists it; a record made in error is no record).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.common import STUDYID, day, epoch
from trialbridge.mappings.concepts import last_display
from trialbridge.mappings.kit import Context, Extra, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import MCODE, SCT, coding, concept
from trialbridge.mappings.spellings import DATE, RECORD, SUBJECT, TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingOf

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
_CANCERS = {  # what a dictionary term begins with (the stage follows) -> the code mCODE's value set has for it
    "NON-SMALL CELL LUNG CANCER": coding(SCT, "254637007", "Non-small cell lung cancer"),
    "NON-SMALL CELL LUNG CARCINOMA": coding(SCT, "254637007", "Non-small cell lung cancer"),
}


def is_primary_cancer(row: Row) -> bool:
    """Whether a row is the diagnosis of the cancer under study."""
    return row.get("MHCAT") == "PRIMARY DIAGNOSIS"


def _decoded_to_fhir(value: str, _ctx: Context) -> dict[str, Any]:
    """The dictionary term as a coding: SNOMED CT where mCODE wants it and the term is known, the display always."""
    known = [one for begin, one in _CANCERS.items() if value.upper().startswith(begin)]
    return {"coding": [*known, {"display": value}]}


DECODED = Spelling("dictionary term as the display of a coding", last_display, _decoded_to_fhir)


def _clinical(row: Row, _ctx: Context) -> Any:
    """Ended conditions are resolved (invariant con-4); a primary cancer or an ongoing condition is active."""
    if row.get("MHENDTC"):
        return concept(coding(_CLINICAL, "resolved"))
    if is_primary_cancer(row) or row.get("MHENRTPT") == "ONGOING" or row.get("MHENRF") in {"ONGOING", "DURING/AFTER"}:
        return concept(coding(_CLINICAL, "active"))
    return None


def _profile(row: Row, ctx: Context) -> Any:
    claims = ctx.release == "R4" and is_primary_cancer(row) and row.get("MHDECOD") and not row.get("MHENDTC")
    return {"profile": [MCODE + "mcode-primary-cancer-condition"]} if claims else None


def _holds(condition: Resource) -> bool:
    """Whether a Condition was not ruled out: a refuted one is no history."""
    codings = (condition.get("verificationStatus") or {}).get("coding") or ()
    return all(one.get("code") != "refuted" for one in codings)


def _learn_cancer(row: Row, parts: MappingOf[str, Resource], ctx: Context) -> None:
    if is_primary_cancer(row):
        ctx.learn("cancer", row.get("USUBJID"), value={"reference": f"Condition/{parts['Condition']['id']}"})


MH = Mapping(
    domain="MH",
    name="MH",
    resource="Condition",
    key=("STUDYID", "DOMAIN", "USUBJID", "MHSEQ"),
    when=_holds,
    lines=(
        line("USUBJID", "Condition.subject", SUBJECT),
        line("MHSEQ", "Condition.identifier.where(system=%sdtm-record).value", RECORD),
        line("MHSPID", "Condition.identifier.where(system=%spid).value", TEXT),
        line("MHDECOD", "Condition.code", DECODED, source="joint mapping, MH"),
        line("MHTERM", "Condition.code.text", TEXT, "Condition.code.coding[0].display", source="joint mapping, MH"),
        line("MHCAT", "Condition.category[0].text", TEXT, source="joint mapping, MH"),
        line("MHSTDTC", "Condition.onset.ofType(dateTime)", DATE, source="joint mapping, MH"),
        line("MHENDTC", "Condition.abatement.ofType(dateTime)", DATE, source="joint mapping, MH"),
        line("MHDTC", "Condition.recordedDate", DATE, source="joint mapping, MH"),
    ),
    extras=(
        Extra("Condition.meta", _profile),
        Extra("Condition.clinicalStatus", _clinical, ("R4",)),
        Extra(
            "Condition.clinicalStatus",
            lambda row, ctx: _clinical(row, ctx) or concept(coding(_CLINICAL, "unknown")),
            ("R5",),
        ),
        Extra("Condition.verificationStatus", lambda _row, _ctx: concept(coding(_VERIFICATION, "confirmed"))),
        Extra("Condition.category[0]", lambda _row, _ctx: {"coding": [coding(_CATEGORY, "problem-list-item")]}),
    ),
    derived=(STUDYID, day("MHSTDY", "MHSTDTC"), day("MHENDY", "MHENDTC"), day("MHDY", "MHDTC"), epoch("MHSTDTC")),
    after_write=_learn_cancer,
)
