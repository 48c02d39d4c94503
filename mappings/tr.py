"""TR, tumour results: what was measured or judged of a lesion at a visit, and sums as collected.

Four shapes of Observation: the longest diameter as mCODE tumor size (the number lives in a component), the
perpendicular in its other dimension, any other number as a quantity, and a state as a coded value. Sums are carried
as collected and never computed here (RECIST: the sponsor should not derive results in SDTM).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.anatomy import METHOD
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
from trialbridge.mappings.kit import Context, Derived, Extra, Line, Mapping, Resource, Row, derived_of, line
from trialbridge.mappings.names import ABSENT_CODES, LOINC, MCODE, UCUM, coding, concept
from trialbridge.mappings.observed import UNCODED
from trialbridge.mappings.route import has_code
from trialbridge.mappings.spellings import LESION, RESULT, TEXT, compared, number_text, plain_decimal
from trialbridge.mappings.units import UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as MappingOf

SIZE = coding(LOINC, "21889-1", "Size Tumor")
TEST = in_codelist("tumour test", "C96779", aliases={(LOINC, "21889-1"): "LDIAM"}, text=False)
SIZE_TEST = in_codelist("tumour test", "C96779", aliases={(LOINC, "21889-1"): "LDIAM"}, lead=(SIZE,), text=False)
STATE = in_codelist("tumour state", "C124309", text=False)
LONGEST = "Observation.component.where(code=%tumor-longest)"
OTHER = "Observation.component.where(code=%tumor-other)"

_visit = visit("Observation.encounter")
_evaluator = evaluator("TR", "Observation.performer[0]")
_MILLIMETRES = {"mm": Decimal(1), "cm": Decimal(10)}


def _standard(row: Row) -> Decimal | None:
    """The result in mm, from a result in mm or cm."""
    exact = plain_decimal(row.get("TRORRES") or "")
    factor = _MILLIMETRES.get(row.get("TRORRESU") or "")
    return None if exact is None or factor is None else exact * factor


def _stresc(row: Row, _ctx: Context) -> str | None:
    standard = _standard(row)
    return row.get("TRORRES") if standard is None else number_text(standard)


def _stresn(row: Row, _ctx: Context) -> float | None:
    exact = plain_decimal(row.get("TRSTRESC") or "")
    return None if exact is None else float(exact)


def _stresu(row: Row, _ctx: Context) -> str | None:
    return "mm" if _standard(row) is not None else None


def _group(usubjid: str | None, lnkid: str | None, evaluator: str | None, evalid: str | None, ctx: Context) -> Any:
    return ctx.fact("lesion class", usubjid, lnkid, evaluator, evalid)


def _join_group(row: Row, parts: MappingOf[str, Resource], ctx: Context) -> None:
    join_groups([(row.get("USUBJID"), row.get("TRLNKGRP"), parts["Observation"]["id"])], ctx)


def join_groups(results: Iterable[tuple[str | None, str | None, str]], ctx: Context) -> None:
    """Remember results (USUBJID, TRLNKGRP, id of the Observation) by their group, for the responses that follow from it."""
    for usubjid, group, one in results:
        if group:
            ctx.group("lnkgrp", usubjid, group).append({"reference": f"Observation/{one}"})


DERIVED = (
    STUDYID,
    *PLANNED,
    decoded("TRTEST", "TRTESTCD", "TRTESTCD"),
    Derived("TRSTRESC", _stresc, "the result in mm", "SDTMIG 3.4 section 4.5.1.1"),
    Derived("TRSTRESN", _stresn, "TRSTRESC as a number"),
    Derived("TRSTRESU", _stresu, "mm"),
    derived_of("TRGRPID", ("USUBJID", "TRLNKID", "TREVAL", "TREVALID"), _group, "TARGET, NON-TARGET or NEW, from TU"),
    day("TRDY", "TRDTC"),
    epoch("TRDTC"),
)


def _lines(test: Any, number: str) -> tuple[Line, ...]:
    """The lines of TR with the result at `number`: an element with value[x] and dataAbsentReason."""
    return (
        *record_lines("TR", "Observation", STUDY_EXTENSION),
        line("TRLNKGRP", "Observation.identifier.where(system=%lnkgrp).value", TEXT),
        line("TRLNKID", "Observation.focus[0]", LESION),
        line("TRTESTCD", "Observation.code", test),
        line("TRTEST", "Observation.code.text", TEXT),
        line("TRORRES", f"{number}.value.ofType(Quantity)", RESULT),
        line("TRORRESU", f"{number}.value.ofType(Quantity).code", UNIT),
        line("TRSTAT", f"{number}.dataAbsentReason", NOT_DONE, ("Observation.status", CANCELLED)),
        line("TRREASND", f"{number}.dataAbsentReason.text", TEXT),
        line("TRMETHOD", "Observation.method", METHOD),
        collected("TR"),
        *_visit.lines,
        *_evaluator.lines,
    )


def _unit_extras(number: str) -> tuple[Extra, ...]:
    def if_unit(value: Any) -> Any:
        return lambda row, _ctx: value(row["TRORRESU"]) if row.get("TRORRESU") and row.get("TRORRES") else None

    return (
        Extra(f"{number}.value.ofType(Quantity).unit", if_unit(lambda unit: unit)),
        Extra(f"{number}.value.ofType(Quantity).system", if_unit(lambda _unit: UCUM)),
    )


def _size_profile(_row: Row, ctx: Context) -> Any:
    return {"profile": [MCODE + "mcode-tumor-size"]} if ctx.release == "R4" else None


def _is_tumour_test(resource: Resource) -> bool:
    return has_code(resource, "C96779", (LOINC, "21889-1"))


def _is_size(row: Row, test: str) -> bool:
    sized = plain_decimal(row.get("TRORRES") or "") is not None and row.get("TRORRESU") in _MILLIMETRES
    missing = row.get("TRORRES") is None and row.get("TRORRESU") is None and row.get("TRSTAT") == "NOT DONE"
    return row.get("TRTESTCD") == test and row.get("TRLNKID") is not None and (sized or missing)


def _has_component(code: str, resource: Resource) -> bool:
    components = resource.get("component") or ()
    return any(
        one.get("code") == code and ("valueQuantity" in component or "dataAbsentReason" in component)
        for component in components
        for one in (component.get("code") or {}).get("coding") or ()
    )


def _is_perpendicular(resource: Resource) -> bool:
    codings = (resource.get("code") or {}).get("coding") or ()
    return any(one.get("code") == "C96685" for one in codings) and _has_component("33729-5", resource)


SIZE_LONGEST = Mapping(
    domain="TR",
    name="TR longest diameter",
    resource="Observation",
    key=("STUDYID", "DOMAIN", "USUBJID", "TRSEQ"),
    given=lambda row: _is_size(row, "LDIAM"),
    when=_is_tumour_test,
    shape=lambda resource: _has_component("33728-7", resource),
    parts=(_visit.part, _evaluator.part),
    lines=_lines(SIZE_TEST, LONGEST),
    fixed={"status": "final"},
    extras=(*_visit.extras, Extra("Observation.meta", _size_profile), *_unit_extras(LONGEST)),
    derived=DERIVED,
    after_write=_join_group,
)
SIZE_PERPENDICULAR = Mapping(
    domain="TR",
    name="TR longest perpendicular",
    resource="Observation",
    key=SIZE_LONGEST.key,
    given=lambda row: _is_size(row, "LPERP"),
    when=_is_tumour_test,
    shape=_is_perpendicular,
    parts=SIZE_LONGEST.parts,
    lines=_lines(SIZE_TEST, OTHER),
    fixed={"status": "final"},
    extras=(
        *SIZE_LONGEST.extras[:-2],
        *_unit_extras(OTHER),
        Extra(
            f"{LONGEST}.dataAbsentReason",
            lambda _row, _ctx: concept(coding(ABSENT_CODES, "not-applicable", "Not Applicable")),
            note="mCODE tumor size wants the longest dimension; this record is about the perpendicular alone",
        ),
    ),
    derived=DERIVED,
    after_write=_join_group,
)
STATED = Mapping(
    domain="TR",
    name="TR state",
    resource="Observation",
    key=SIZE_LONGEST.key,
    given=lambda row: row.get("TRORRES") is not None and compared(row["TRORRES"]) is None,
    when=_is_tumour_test,
    shape=lambda resource: "valueCodeableConcept" in resource,
    parts=SIZE_LONGEST.parts,
    lines=(
        *(one for one in _lines(TEST, "Observation") if one.variable not in {"TRORRES", "TRORRESU"}),
        line("TRSTRESC", "Observation.value.ofType(CodeableConcept)", STATE),
        line("TRORRES", "Observation.value.ofType(CodeableConcept).text", TEXT),
    ),
    fixed={"status": "final"},
    extras=(*_visit.extras, UNCODED),
    derived=(*DERIVED, same_as("TRORRES", "TRSTRESC")),
    after_write=_join_group,
)
MEASURED = Mapping(
    domain="TR",
    name="TR quantity",
    resource="Observation",
    key=SIZE_LONGEST.key,
    when=_is_tumour_test,
    parts=SIZE_LONGEST.parts,
    lines=_lines(TEST, "Observation"),
    fixed={"status": "final"},
    extras=(*_visit.extras, UNCODED, *_unit_extras("Observation")),
    derived=DERIVED,
    after_write=_join_group,
)
TR = (SIZE_PERPENDICULAR, SIZE_LONGEST, STATED, MEASURED)
