"""HO, healthcare encounters: Encounters that are no visits of the protocol, such as a stay in hospital.

A hospital's export is full of encounters that the trial never asked about, so only records that name the domain are
read. Source: SDTMIG 3.4, HO; FHIR Encounter.
"""

from __future__ import annotations

from typing import Any

from trialbridge.mappings.common import STUDY_EXTENSION, STUDYID, day, epoch, record_lines
from trialbridge.mappings.concepts import last_display
from trialbridge.mappings.kit import Context, Extra, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import NULL_FLAVOR, coding
from trialbridge.mappings.spellings import DATE, TEXT

DECODED = Spelling(
    "decoded term as the display of a coding",
    last_display,
    lambda value, _ctx: {"coding": [{"display": value}]},
)
_CLASSES = {"HOSPITAL": ("IMP", "inpatient encounter"), "EMERGENCY ROOM": ("EMER", "emergency")}


def _class(row: Row, ctx: Context) -> Any:
    code = _CLASSES.get(row.get("HODECOD") or "")
    made = coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", *code) if code else None
    if ctx.release == "R4":  # required there
        return made or coding(NULL_FLAVOR, "UNK", "unknown")
    return [{"coding": [made]}] if made else None


def _status(row: Row, ctx: Context) -> str:
    if row.get("HOOCCUR") == "N":
        return "cancelled"
    return ("finished" if ctx.release == "R4" else "completed") if row.get("HOENDTC") else "unknown"


def _never(_resource: Resource) -> bool:
    return False


HO = Mapping(
    domain="HO",
    name="HO",
    resource="Encounter",
    key=("STUDYID", "DOMAIN", "USUBJID", "HOSEQ"),
    when=_never,
    lines=(
        *record_lines("HO", "Encounter", STUDY_EXTENSION),
        line("HODECOD", "Encounter.type[0]", DECODED),
        line("HOTERM", "Encounter.type[0].text", TEXT),
        line("HOSTDTC", "Encounter.period.start", DATE, only="R4"),
        line("HOENDTC", "Encounter.period.end", DATE, only="R4"),
        line("HOSTDTC", "Encounter.actualPeriod.start", DATE, only="R5"),
        line("HOENDTC", "Encounter.actualPeriod.end", DATE, only="R5"),
    ),
    extras=(Extra("Encounter.class", _class), Extra("Encounter.status", _status)),
    derived=(STUDYID, day("HOSTDY", "HOSTDTC"), day("HOENDY", "HOENDTC"), epoch("HOSTDTC")),
)
