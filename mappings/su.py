"""SU, substance use: Observations of category social history, the amount used as their value.

A smoking status (LOINC 72166-2) says how much in no way SDTM has, so only records that name the domain are read.
Source: SDTMIG 3.4, SU; FHIR observation-category.
"""

from __future__ import annotations

from typing import Any

from trialbridge.mappings.common import STUDY_EXTENSION, STUDYID, day, epoch, record_lines
from trialbridge.mappings.concepts import last_display
from trialbridge.mappings.kit import Extra, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import absent, coding
from trialbridge.mappings.spellings import DATE, NUMBER, TEXT

SOCIAL = coding("http://terminology.hl7.org/CodeSystem/observation-category", "social-history", "Social History")
DECODED = Spelling(
    "dictionary term as the display of a coding",
    last_display,
    lambda value, _ctx: {"coding": [{"display": value}]},
)
_PERIOD, _AMOUNT = "Observation.effective.ofType(Period)", "Observation.value.ofType(Quantity)"


def _never(_resource: Resource) -> bool:
    return False


def _uncoded(row: Row, _ctx: Any) -> Any:
    return None if row.get("SUTRT") or row.get("SUDECOD") else absent("unknown")


SU = Mapping(
    domain="SU",
    name="SU",
    resource="Observation",
    key=("STUDYID", "DOMAIN", "USUBJID", "SUSEQ"),
    when=_never,
    lines=(
        *record_lines("SU", "Observation", STUDY_EXTENSION),
        line("SUDECOD", "Observation.code", DECODED),
        line("SUTRT", "Observation.code.text", TEXT),
        line("SUCAT", "Observation.category[0].text", TEXT),
        line("SUDOSE", f"{_AMOUNT}.value", NUMBER),
        line("SUDOSU", f"{_AMOUNT}.unit", TEXT),
        line("SUSTDTC", f"{_PERIOD}.start", DATE),
        line("SUENDTC", f"{_PERIOD}.end", DATE),
    ),
    fixed={"status": "final"},
    extras=(
        Extra("Observation.category[0]", lambda _row, _ctx: {"coding": [dict(SOCIAL)]}),
        Extra("Observation.code", _uncoded),
    ),
    derived=(STUDYID, day("SUSTDY", "SUSTDTC"), day("SUENDY", "SUENDTC"), epoch("SUSTDTC")),
)
