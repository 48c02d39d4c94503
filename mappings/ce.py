"""CE, clinical events: Conditions that the protocol calls neither adverse events nor history.

A hospital's Condition is history by itself, so only records that name the domain are read. Source: SDTMIG 3.4, CE.
"""

from __future__ import annotations

from typing import Any

from trialbridge.mappings.common import STUDYID, day, epoch
from trialbridge.mappings.concepts import in_codelist, last_display
from trialbridge.mappings.kit import Context, Extra, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import SCT, coding, concept
from trialbridge.mappings.spellings import DATE, RECORD, SUBJECT, TEXT

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
SEVERITY = in_codelist(
    "severity of a clinical event",
    further={
        "MILD": (coding(SCT, "255604002", "Mild"),),
        "MODERATE": (coding(SCT, "6736007", "Moderate"),),
        "SEVERE": (coding(SCT, "24484000", "Severe"),),
    },
)
DECODED = Spelling(
    "dictionary term as the display of a coding",
    last_display,
    lambda value, _ctx: {"coding": [{"display": value}]},
)


def _clinical(row: Row, ctx: Context) -> Any:
    """Resolved where it ended (invariant con-4); R5 demands a status in any case."""
    if row.get("CEENDTC"):
        return concept(coding(_CLINICAL, "resolved"))
    return concept(coding(_CLINICAL, "unknown")) if ctx.release == "R5" else None


def _never(_resource: Resource) -> bool:
    return False


CE = Mapping(
    domain="CE",
    name="CE",
    resource="Condition",
    key=("STUDYID", "DOMAIN", "USUBJID", "CESEQ"),
    when=_never,
    lines=(
        line("USUBJID", "Condition.subject", SUBJECT),
        line("CESEQ", "Condition.identifier.where(system=%sdtm-record).value", RECORD),
        line("CESPID", "Condition.identifier.where(system=%spid).value", TEXT),
        line("CEREFID", "Condition.identifier.where(system=%refid).value", TEXT),
        line("CEDECOD", "Condition.code", DECODED),
        line("CETERM", "Condition.code.text", TEXT),
        line("CECAT", "Condition.category[0].text", TEXT),
        line("CESEV", "Condition.severity", SEVERITY),
        line("CESTDTC", "Condition.onset.ofType(dateTime)", DATE),
        line("CEENDTC", "Condition.abatement.ofType(dateTime)", DATE),
        line("CEDTC", "Condition.recordedDate", DATE),
    ),
    extras=(
        Extra("Condition.clinicalStatus", _clinical),
        Extra("Condition.verificationStatus", lambda _row, _ctx: concept(coding(_VERIFICATION, "confirmed"))),
        Extra("Condition.category[0]", lambda _row, _ctx: {"coding": [coding(_CATEGORY, "encounter-diagnosis")]}),
    ),
    derived=(STUDYID, day("CESTDY", "CESTDTC"), day("CEENDY", "CEENDTC"), day("CEDY", "CEDTC"), epoch("CESTDTC")),
)
