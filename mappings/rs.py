"""RS, disease response: responses by RECIST and the like, and clinical classifications (ECOG).

The test and the response are coded in NCIt (one to one with CDISC's terms); mCODE's fixed code and SNOMED CT values come
first where the response is one of the five that mCODE allows. The criteria (RSCAT) are the Observation's method.
RS "NE" is a result; "not done" is the absence of one.
"""

from __future__ import annotations

from typing import Any

from trialbridge.mappings.common import (
    PLANNED,
    STUDY_EXTENSION,
    STUDYID,
    collected,
    day,
    epoch,
    evaluator,
    record_lines,
    visit,
)
from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.findings import CANCELLED, NOT_DONE, decoded, same_as
from trialbridge.mappings.kit import Context, Derived, Extra, Line, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import DCM, LOINC, MCODE, SCT, coding, concept
from trialbridge.mappings.observed import DISPLAY, UNCODED
from trialbridge.mappings.route import has_code
from trialbridge.mappings.spellings import LESION, TEXT, plain_decimal

PROGRESSION = coding(LOINC, "97509-4", "Cancer disease progression")
RESPONSE_LOINC = coding(LOINC, "88040-1", "Response to cancer treatment")
ECOG = coding(LOINC, "89247-1", "ECOG Performance Status score")
_READ = {(LOINC, "97509-4"): "OVRLRESP", (LOINC, "88040-1"): "OVRLRESP", (LOINC, "89247-1"): "ECOG101"}
TEST = in_codelist("response test", "C96782", aliases=_READ, text=False)
MCODE_TEST = in_codelist(
    "response test", "C96782", further={"OVRLRESP": (RESPONSE_LOINC,)}, aliases=_READ, lead=(PROGRESSION,), text=False
)
ECOG_TEST = in_codelist("clinical classification test", "C96782", aliases=_READ, lead=(ECOG,), text=False)
RESPONSE = in_codelist(
    "response",
    "C96785",
    further={
        "CR": (coding(SCT, "103338009", "In full remission"), coding(LOINC, "LA28366-5", "Complete response")),
        "PR": (coding(SCT, "103337004", "In partial remission"), coding(LOINC, "LA28369-9", "Partial response")),
        "SD": (coding(SCT, "359746009", "Patient's condition stable"), coding(LOINC, "LA28371-5", "Stable disease")),
        "PD": (
            coding(SCT, "271299001", "Patient's condition worsened"),
            coding(LOINC, "LA28370-7", "Progressive disease"),
        ),
        "NE": (coding(SCT, "709137006", "Patient condition undetermined"),),
    },
    text=False,
)
MCODE_LEGAL = frozenset({"CR", "PR", "SD", "PD", "NE"})
CRITERIA = in_codelist(
    "response criteria",
    "C124298",
    "C118971",
    further={
        "RECIST 1.0": (coding(DCM, "126080", "RECIST 1.0"),),
        "RECIST 1.1": (coding(DCM, "126081", "RECIST 1.1"),),
    },
)
_ANSWERS = {0: "LA9622-7", 1: "LA9623-5"}

_visit = visit("Observation.encounter")
_evaluator = evaluator("RS", "Observation.performer[0]")


def _lines(test: Spelling) -> tuple[Line, ...]:
    return (
        *record_lines("RS", "Observation", STUDY_EXTENSION),
        line("RSGRPID", "Observation.identifier.where(system=%grpid).value", TEXT),
        line("RSLNKGRP", "Observation.identifier.where(system=%lnkgrp).value", TEXT),
        line("RSLNKID", "Observation.focus[0]", LESION),
        line("RSTESTCD", "Observation.code", test),
        line("RSTEST", "Observation.code.text", TEXT),
        line("RSCAT", "Observation.method", CRITERIA),
        line("RSSTAT", "Observation.dataAbsentReason", NOT_DONE, ("Observation.status", CANCELLED)),
        line("RSREASND", "Observation.dataAbsentReason.text", TEXT),
        collected("RS"),
        *_visit.lines,
        *_evaluator.lines,
    )


CODED = (
    line("RSSCAT", "Observation.category[0].text", TEXT),
    line("RSSTRESC", "Observation.value.ofType(CodeableConcept)", RESPONSE),
    line(
        "RSORRES",
        "Observation.value.ofType(CodeableConcept).text",
        TEXT,
        ("Observation.value.ofType(CodeableConcept)", DISPLAY),
    ),
)


def _condition(row: Row, ctx: Context) -> Any:
    return None if row.get("RSLNKID") else ctx.fact("cancer", row.get("USUBJID"))


def _derived_from(row: Row, ctx: Context) -> Any:
    group = row.get("RSLNKGRP")
    return [dict(one) for one in ctx.group("lnkgrp", row.get("USUBJID"), group)] or None if group else None


def _stresn(row: Row, _ctx: Context) -> float | None:
    exact = plain_decimal(row.get("RSSTRESC") or "")
    return None if exact is None else float(exact)


DERIVED = (
    STUDYID,
    *PLANNED,
    decoded("RSTEST", "RSTESTCD", "ONCRTSCD"),
    same_as("RSSTRESC", "RSORRES"),
    same_as("RSORRES", "RSSTRESC"),
    Derived("RSSTRESN", _stresn, "RSSTRESC as a number"),
    day("RSDY", "RSDTC"),
    epoch("RSDTC"),
)
EXTRAS = (
    *_visit.extras,
    UNCODED,
    Extra("Observation.derivedFrom", _derived_from, note="the tumour results of the same RSLNKGRP"),
)


def _mcode_profile(_row: Row, ctx: Context) -> Any:
    return {"profile": [MCODE + "mcode-cancer-disease-status"]} if ctx.release == "R4" else None


def _is_response(resource: Resource) -> bool:
    return has_code(resource, "C96782", *_READ)


def _is_mcode_status(row: Row) -> bool:
    return (
        row.get("RSTESTCD") in {"OVRLRESP", "TRGRESP", "NTRGRESP", "BESTRESP"}
        and row.get("RSSTRESC") in MCODE_LEGAL
        and row.get("RSDTC") is not None
        and row.get("RSSTAT") is None
    )


def _score(cell: str, _ctx: Context) -> int | None:
    return int(cell) if cell in {"0", "1", "2", "3", "4", "5"} else None


SCORE = Spelling("ECOG score", lambda value, _ctx: str(value) if isinstance(value, int) else None, _score)


def _is_score(resource: Resource) -> bool:
    return "valueInteger" in resource


def _answer(row: Row, _ctx: Context) -> Any:
    code = _ANSWERS.get(_score(row.get("RSORRES") or "", _ctx) or 0) if row.get("RSORRES") in {"0", "1"} else None
    return [concept(coding(LOINC, code))] if code else None


def _ecog_meta(row: Row, ctx: Context) -> Any:
    claims = ctx.release == "R4" and row.get("RSORRES") in {"0", "1"} and row.get("RSDTC")
    return {"profile": [MCODE + "mcode-ecog-performance-status"]} if claims else None


ECOG_STATUS = Mapping(
    domain="RS",
    name="RS ECOG performance status",
    resource="Observation",
    key=("STUDYID", "DOMAIN", "USUBJID", "RSSEQ"),
    given=lambda row: row.get("RSTESTCD") == "ECOG101" and row.get("RSORRES") in {"0", "1", "2", "3", "4", "5"},
    when=_is_response,
    shape=_is_score,
    parts=(_visit.part, _evaluator.part),
    lines=(*_lines(ECOG_TEST), line("RSORRES", "Observation.valueInteger", SCORE)),
    fixed={
        "status": "final",
        "category": [
            {
                "coding": [
                    coding("http://terminology.hl7.org/CodeSystem/observation-category", "survey", "Survey"),
                ]
            }
        ],
    },
    extras=(*EXTRAS, Extra("Observation.interpretation", _answer), Extra("Observation.meta", _ecog_meta)),
    derived=DERIVED,
)
STATUS = Mapping(
    domain="RS",
    name="RS cancer disease status",
    resource="Observation",
    key=ECOG_STATUS.key,
    given=_is_mcode_status,
    when=_is_response,
    parts=(_visit.part, _evaluator.part),
    lines=(*_lines(MCODE_TEST), *CODED),
    fixed={"status": "final"},
    extras=(*EXTRAS, Extra("Observation.focus[0]", _condition), Extra("Observation.meta", _mcode_profile)),
    derived=DERIVED,
)
RESPONDED = Mapping(
    domain="RS",
    name="RS response",
    resource="Observation",
    key=ECOG_STATUS.key,
    when=_is_response,
    parts=(_visit.part, _evaluator.part),
    lines=(*_lines(TEST), *CODED),
    fixed={"status": "final"},
    extras=(*EXTRAS, Extra("Observation.focus[0]", _condition)),
    derived=DERIVED,
)
RS = (ECOG_STATUS, STATUS, RESPONDED)
