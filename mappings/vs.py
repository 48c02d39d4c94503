"""VS, vital signs: Observations with LOINC codes; a blood pressure is one Observation of two components, two rows.

Heart rate and pulse rate share a LOINC code: the NCIt coding tells them apart. Source: FHIR R4 vital signs profile;
joint mapping, VS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.common import STUDY_EXTENSION, collected, visit
from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Extra, Mapping, line
from trialbridge.mappings.names import LOINC, UCUM, coding
from trialbridge.mappings.observed import findings
from trialbridge.mappings.route import has_code
from trialbridge.mappings.spellings import RECORD, RESULT, STUDY, SUBJECT, TEXT, plain_decimal
from trialbridge.mappings.units import UNIT

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Context, Resource, Row

_LOINC = {
    "SYSBP": ("8480-6", "Systolic blood pressure"),
    "DIABP": ("8462-4", "Diastolic blood pressure"),
    "HR": ("8867-4", "Heart rate"),
    "PULSE": ("8867-4", "Heart rate"),
    "RESP": ("9279-1", "Respiratory rate"),
    "OXYSAT": ("2708-6", "Oxygen saturation in Arterial blood"),
    "WEIGHT": ("29463-7", "Body weight"),
    "HEIGHT": ("8302-2", "Body height"),
    "BMI": ("39156-5", "Body mass index (BMI) [Ratio]"),
    "TEMP": ("8310-5", "Body temperature"),
}
CODES = tuple({(LOINC, code) for code, _ in _LOINC.values()} | {(LOINC, "59408-5")})
TEST = in_codelist(
    "vital signs test",
    "C66741",
    further={value: (coding(LOINC, code, display),) for value, (code, display) in _LOINC.items()},
    aliases={(LOINC, "59408-5"): "OXYSAT"},
    text=False,
    loses="LOINC alone does not tell PULSE from HR; the NCIt coding does",
)
VITAL_SIGNS = coding("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital Signs")
PANEL = coding(LOINC, "85354-9", "Blood pressure panel with all children optional")
POSITION = in_codelist("position of the subject", "C71148")


def _is_vital_sign(resource: Resource) -> bool:
    return has_code(resource, "C66741", *CODES)


def _is_panel(resource: Resource) -> bool:
    codings = (resource.get("code") or {}).get("coding") or ()
    return any(one.get("code") == PANEL["code"] and one.get("system") == LOINC for one in codings)


def _category(_row: Row, _ctx: Context) -> Any:
    return {"coding": [dict(VITAL_SIGNS)]}


_position = line(
    "VSPOS", "Observation.extension(%body-position).value.ofType(CodeableConcept)", POSITION, source="FHIR bodyPosition"
)
_plain = findings(
    "VS",
    TEST,
    codelist="VSTESTCD",
    when=_is_vital_sign,
    extra_lines=(_position,),
    extras=(Extra("Observation.category[0]", _category),),
)
_visit = visit("Observation.encounter")
VALUE = "Each.value.ofType(Quantity)"
BLOOD_PRESSURE = Mapping(
    domain="VS",
    name="VS blood pressure",
    resource="Observation",
    key=(
        "STUDYID",
        "USUBJID",
        "VSDTC",
        "VISITNUM",
        "VISIT",
        "VSPOS",
        "VSTPT",
        "VSTPTNUM",
        "VSREPNUM",
        "VSLOC",
        "VSLAT",
    ),
    given=lambda row: row.get("VSTESTCD") in {"SYSBP", "DIABP"} and plain_decimal(row.get("VSORRES")) is not None,
    when=_is_panel,
    parts=(_visit.part,),
    lines=(
        line("USUBJID", "Observation.subject", SUBJECT),
        line("STUDYID", f"Observation.{STUDY_EXTENSION}", STUDY),
        collected("VS"),
        _position,
        line("VSSEQ", "Each.extension(%x-sdtm-record).value.ofType(Identifier).value", RECORD),
        line("VSTESTCD", "Each.code", TEST),
        line("VSTEST", "Each.code.text", TEXT),
        line("VSORRES", VALUE, RESULT),
        line("VSORRESU", f"{VALUE}.unit", TEXT, (f"{VALUE}.code", UNIT)),
        *_visit.lines,
    ),
    fixed={"status": "final", "category": [{"coding": [VITAL_SIGNS]}], "code": {"coding": [PANEL]}},
    extras=(
        *_visit.extras,
        Extra(
            "Each.extension(%x-sdtm-record).value.ofType(Identifier).system", lambda _row, ctx: ctx.url("sdtm-record")
        ),
        Extra(f"{VALUE}.system", lambda row, ctx: UCUM if UNIT.to_fhir(row.get("VSORRESU"), ctx) else None),
        Extra(f"{VALUE}.code", lambda row, ctx: UNIT.to_fhir(row.get("VSORRESU"), ctx)),
    ),
    derived=_plain[0].derived,
    each={"R4": "Observation.component", "R5": "Observation.component"},
)
VS = (BLOOD_PRESSURE, *_plain)
