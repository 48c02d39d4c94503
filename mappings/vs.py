"""VS, vital signs: Observations with LOINC codes; a blood pressure is one Observation of two components, two rows.

Heart rate and pulse rate share a LOINC code: the NCIt coding tells them apart. Source: FHIR R4 vital signs profile;
joint mapping, VS.
"""

from __future__ import annotations

from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Extra, Resource
from trialbridge.mappings.names import LOINC, coding, concept
from trialbridge.mappings.observed import findings
from trialbridge.mappings.route import has_code

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
)
VITAL = concept(coding("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital Signs"))


def _is_vital_sign(resource: Resource) -> bool:
    return has_code(resource, "C66741", *CODES)


VS = findings(
    "VS",
    TEST,
    codelist="VSTESTCD",
    when=_is_vital_sign,
    extras=(Extra("Observation.category[0]", lambda _row, _ctx: {"coding": [dict(VITAL["coding"][0])]}),),
)
