"""SE, subject elements: a subject's passage through the elements of an arm, as entries of the subject's progress.

R5 has ResearchSubject.progress (in R4 its cross-version extension): the element is the entry's type, its epoch the
subject's state where FHIR has one for it. DS shares the list; an entry says in its record identifier whose it is, and
one that says nothing is DS's. Source: SDTMIG 3.4, SE; FHIR R5 ResearchSubject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.common import STUDYID, day, record_of
from trialbridge.mappings.ds import DATE_INSIDE
from trialbridge.mappings.kit import Context, Extra, Mapping, Resource, Row, Spelling, line
from trialbridge.mappings.names import coding
from trialbridge.mappings.spellings import CODE, DATE, RECORD, SUBJECT, TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingOf

_SYSTEM = "http://terminology.hl7.org/CodeSystem/research-subject-state"
_STATES = {
    "SCREENING": coding(_SYSTEM, "screening", "Screening"),
    "TREATMENT": coding(_SYSTEM, "on-study-intervention", "On-study-intervention"),
    "OBSERVATION": coding(_SYSTEM, "on-study-observation", "On-study-observation"),
    "FOLLOW-UP": coding(_SYSTEM, "follow-up", "Follow-up"),
}
_EPOCHS = {one["code"]: epoch for epoch, one in _STATES.items()}


def _epoch_of(element: Any, _ctx: Context) -> str | None:
    codings = element.get("coding") or () if isinstance(element, dict) else ()
    return next((_EPOCHS[one["code"]] for one in codings if one.get("code") in _EPOCHS), None)


STATE = Spelling(
    "epoch as the subject's state",
    _epoch_of,
    lambda value, _ctx: {"coding": [dict(_STATES[value])]} if value in _STATES else None,
    pairs={epoch: one["code"] for epoch, one in _STATES.items()},
)


def _system(row: Row, ctx: Context) -> str | None:
    return f"{ctx.base}/CodeSystem/sdtm-element" if CODE.to_fhir(row.get("ETCD"), ctx) else None


def _enrol(row: Row, _parts: MappingOf[str, Resource], ctx: Context) -> None:
    """A subject that DM does not list still has a ResearchSubject with a Patient."""
    ctx.subject(row["USUBJID"])


def _learn_element(row: Row, _parts: MappingOf[str, Resource | None], ctx: Context) -> None:
    ctx.learn_element(row)


def _r4(name: str, of: str) -> str:
    return f"Each.extension('{name}').value.ofType({of})"


_RECORD = "Each.extension(%x-sdtm-record).value.ofType(Identifier)"
_UNNUMBERED = record_of("ETCD", "TAETORD", "SESTDTC")
SE = Mapping(
    domain="SE",
    name="SE",
    resource="ResearchSubject",
    key=("STUDYID", "USUBJID"),
    named_only=True,
    lines=(
        line("USUBJID", "ResearchSubject.individual", SUBJECT, only="R4", direction="to_sdtm"),
        line("USUBJID", "ResearchSubject.subject", SUBJECT, only="R5", direction="to_sdtm"),
        line("SESEQ", f"{_RECORD}.value", RECORD),
        line("ETCD", _r4("type", "CodeableConcept") + ".coding[0].code", CODE, only="R4"),
        line("ELEMENT", _r4("type", "CodeableConcept") + ".text", TEXT, only="R4"),
        line("EPOCH", _r4("subjectState", "CodeableConcept"), STATE, only="R4"),
        line("SEUPDES", _r4("reason", "CodeableConcept") + ".text", TEXT, only="R4"),
        line("SESTDTC", _r4("startDate", "dateTime"), DATE_INSIDE, only="R4"),
        line("SEENDTC", _r4("endDate", "dateTime"), DATE_INSIDE, only="R4"),
        line("ETCD", "Each.type.coding[0].code", CODE, only="R5"),
        line("ELEMENT", "Each.type.text", TEXT, only="R5"),
        line("EPOCH", "Each.subjectState", STATE, only="R5"),
        line("SEUPDES", "Each.reason.text", TEXT, only="R5"),
        line("SESTDTC", "Each.startDate", DATE, only="R5"),
        line("SEENDTC", "Each.endDate", DATE, only="R5"),
    ),
    extras=(
        Extra(_r4("type", "CodeableConcept") + ".coding[0].system", _system, ("R4",)),
        Extra("Each.type.coding[0].system", _system, ("R5",)),
        Extra(f"{_RECORD}.system", lambda _row, ctx: ctx.url("sdtm-record")),
        Extra(
            f"{_RECORD}.value",
            lambda row, ctx: None if row.get("SESEQ") is not None else _UNNUMBERED(row, ctx),
            note="an entry without SESEQ still says that it is SE's",
        ),
    ),
    derived=(STUDYID, day("SESTDY", "SESTDTC"), day("SEENDY", "SEENDTC")),
    each={"R4": "ResearchSubject.extension(%progress)", "R5": "ResearchSubject.progress"},
    after_write=_enrol,
    after_read=_learn_element,
)
