"""SV, subject visits: Encounters that stand for protocol visits.

Hospital encounters are no protocol visits: only those with a visit number's identifier are read. Source: SDTMIG 3.4, SV.
"""

from __future__ import annotations

from trialbridge.mappings.common import PLANNED, STUDYID, day, epoch, record_of
from trialbridge.mappings.kit import Extra, Mapping, Resource, line
from trialbridge.mappings.names import NULL_FLAVOR, coding
from trialbridge.mappings.spellings import DATE, NUMBER_AS_TEXT, SUBJECT, TEXT


def _is_visit(resource: Resource) -> bool:
    identifiers = [one for one in resource.get("identifier") or () if isinstance(one, dict)]
    return any(str(one.get("system", "")).endswith(("/sid/visitnum", "/sid/visit")) for one in identifiers)


SV = Mapping(
    domain="SV",
    name="SV",
    resource="Encounter",
    key=("STUDYID", "USUBJID", "VISITNUM", "VISIT"),
    when=_is_visit,
    lines=(
        line("USUBJID", "Encounter.subject", SUBJECT),
        line("VISITNUM", "Encounter.identifier.where(system=%visitnum).value", NUMBER_AS_TEXT),
        line("VISIT", "Encounter.identifier.where(system=%visit).value", TEXT),
        line("SVSTDTC", "Encounter.period.start", DATE, only="R4"),
        line("SVENDTC", "Encounter.period.end", DATE, only="R4"),
        line("SVSTDTC", "Encounter.actualPeriod.start", DATE, only="R5"),
        line("SVENDTC", "Encounter.actualPeriod.end", DATE, only="R5"),
    ),
    extras=(
        Extra("Encounter.type[0].text", lambda row, _ctx: row.get("VISIT")),
        Extra("Encounter.identifier.where(system=%sdtm-record).value", record_of("VISITNUM", "VISIT")),
        Extra(
            "Encounter.status",
            lambda row, ctx: (
                ("finished" if ctx.release == "R4" else "completed")
                if row.get("SVENDTC") or row.get("SVSTDTC")
                else ("cancelled" if row.get("SVOCCUR") == "N" else "unknown")
            ),
        ),
        Extra("Encounter.class", lambda _row, _ctx: coding(NULL_FLAVOR, "UNK", "unknown"), releases=("R4",)),
    ),
    derived=(STUDYID, *PLANNED, day("SVSTDY", "SVSTDTC"), day("SVENDY", "SVENDTC"), epoch("SVSTDTC")),
)
