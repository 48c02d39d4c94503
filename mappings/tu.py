"""TU, tumour identification: one row per lesion per evaluator.

Two resources: the Observation that identifies (test, result, date, method, evaluator) and the BodyStructure that is the
lesion (mCODE tumor: TULNKID, location). A lesion belongs to the assessor who chose it, so each has a BodyStructure of
their own. "Previously irradiated" (TUPREVIR) is not "irradiated on study".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.anatomy import DIRECTION, LATERALITY, LOCATION, METHOD, SIDE
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
from trialbridge.mappings.findings import decoded, same_as
from trialbridge.mappings.kit import Context, Extra, Mapping, Part, Resource, Row, line
from trialbridge.mappings.names import DCM, MCODE, absent, coding
from trialbridge.mappings.observed import UNCODED
from trialbridge.mappings.route import has_code
from trialbridge.mappings.spellings import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as MappingOf

TEST = in_codelist("tumour identification test", "C96784", text=False)
RESULT = in_codelist(
    "tumour identification result",
    "C123650",
    further={
        "TARGET": (coding(DCM, "112074", "Target Lesion at Baseline"),),
        "NON-TARGET": (coding(DCM, "112075", "Non-Target Lesion at Baseline"),),
    },
    text=False,
)

_visit = visit("Observation.encounter")
_evaluator = evaluator("TU", "Observation.performer[0]")


def _is_identification(resource: Resource) -> bool:
    return has_code(resource, "C96784")


def _condition(row: Row, ctx: Context) -> Any:
    return ctx.fact("cancer", row.get("USUBJID"))


def _profile(row: Row, ctx: Context) -> Any:
    return {"profile": [MCODE + "mcode-tumor"]} if ctx.release == "R4" and row.get("TULOC") else None


def _learn_class(row: Row, parts: MappingOf[str, Resource], ctx: Context) -> None:
    """Remember what kind of lesion this is, and which BodyStructure it has."""
    key = (row.get("USUBJID"), row.get("TULNKID"), row.get("TUEVAL"), row.get("TUEVALID"))
    lesion = parts.get("Lesion")
    learn_lesions([(*key, row.get("TUSTRESC"), lesion["id"] if lesion is not None else None)], ctx)


def learn_lesions(lesions: Iterable[tuple[Any, ...]], ctx: Context) -> None:
    """Remember lesions: USUBJID, TULNKID, TUEVAL, TUEVALID, TUSTRESC, and the id of the BodyStructure if there is one."""
    for *key, result, one in lesions:
        ctx.learn("lesion class", *key, value=result)
        if one is not None:
            reference = {"reference": f"BodyStructure/{one}"}
            ctx.learn("lesion", *key, value=reference)
            ctx.learn("lesion", *key[:2], value=reference)


def _learn_class_read(row: Row, _parts: MappingOf[str, Resource | None], ctx: Context) -> None:
    key = (row.get("USUBJID"), row.get("TULNKID"), row.get("TUEVAL"), row.get("TUEVALID"))
    ctx.learn("lesion class", *key, value=row.get("TUSTRESC"))


TU = Mapping(
    domain="TU",
    name="TU",
    resource="Observation",
    key=("STUDYID", "DOMAIN", "USUBJID", "TUSEQ"),
    when=_is_identification,
    parts=(
        Part(
            "Lesion",
            "BodyStructure",
            key=("STUDYID", "USUBJID", "TULNKID", "TUEVAL", "TUEVALID"),
            link="Observation.focus[0]",
            needs=("TULNKID",),
        ),
        _visit.part,
        _evaluator.part,
    ),
    lines=(
        *record_lines("TU", "Observation", STUDY_EXTENSION),
        line("TUGRPID", "Observation.identifier.where(system=%grpid).value", TEXT),
        line(
            "TULNKID",
            "Lesion.identifier.where(use='usual' and system=%tulnkid and type=%tumor-identifier).value",
            TEXT,
            "Lesion.identifier.where(type=%tumor-identifier).value",
            "Lesion.identifier[0].value",
            source="mCODE tumor: identifier, use usual, type BodyStructure",
        ),
        line("TUTESTCD", "Observation.code", TEST),
        line("TUTEST", "Observation.code.text", TEXT),
        line("TUSTRESC", "Observation.value.ofType(CodeableConcept)", RESULT),
        line("TUORRES", "Observation.value.ofType(CodeableConcept).text", TEXT),
        line("TULOC", "Lesion.location", LOCATION, only="R4"),
        line("TULOC", "Lesion.includedStructure[0].structure", LOCATION, only="R5"),
        line("TULAT", "Lesion.locationQualifier", LATERALITY, only="R4"),
        line("TULAT", "Lesion.includedStructure[0].laterality", SIDE, only="R5"),
        line("TUDIR", "Lesion.locationQualifier", DIRECTION, only="R4"),
        line("TUDIR", "Lesion.includedStructure[0].qualifier", DIRECTION, only="R5"),
        line("TUMETHOD", "Observation.method", METHOD),
        collected("TU"),
        *_visit.lines,
        *_evaluator.lines,
    ),
    fixed={"status": "final"},
    extras=(
        *_visit.extras,
        UNCODED,
        Extra("Lesion.meta", _profile),
        Extra(
            "Lesion.includedStructure[0].structure",
            lambda row, _ctx: None if row.get("TULOC") else absent("unknown"),
            ("R5",),
        ),
        Extra("Lesion.patient", lambda row, ctx: ctx.subject(row["USUBJID"])),
        Extra("Lesion.extension(%related-condition).value.ofType(Reference)", _condition),
    ),
    derived=(
        STUDYID,
        *PLANNED,
        decoded("TUTEST", "TUTESTCD", "TUTESTCD"),
        same_as("TUSTRESC", "TUORRES"),
        same_as("TUORRES", "TUSTRESC"),
        day("TUDY", "TUDTC"),
        epoch("TUDTC"),
    ),
    after_write=_learn_class,
    after_read=_learn_class_read,
)
