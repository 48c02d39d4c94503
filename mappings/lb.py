"""LB, laboratory: Observations with the LOINC code of LBLOINC, the normal range and its flag.

LBTESTCD to LOINC is one to many, so the LOINC code is kept as collected and never guessed. Source: joint mapping, LB.
"""

from __future__ import annotations

from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Extra, Resource, line
from trialbridge.mappings.names import coding
from trialbridge.mappings.observed import findings
from trialbridge.mappings.route import has_code
from trialbridge.mappings.spellings import CODE, RESULT, TEXT

_FLAGS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
TEST = in_codelist("laboratory test", "C65047", text=False)
FLAG = in_codelist(
    "normal range indicator",
    "C78736",
    further={
        "NORMAL": (coding(_FLAGS, "N", "Normal"),),
        "LOW": (coding(_FLAGS, "L", "Low"),),
        "HIGH": (coding(_FLAGS, "H", "High"),),
        "ABNORMAL": (coding(_FLAGS, "A", "Abnormal"),),
    },
    aliases={(_FLAGS, "LL"): "LOW", (_FLAGS, "HH"): "HIGH"},
)
LABORATORY = coding("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory")
RANGE = "Observation.referenceRange[0]"


def _is_laboratory(resource: Resource) -> bool:
    categories = resource.get("category") or ()
    codings = [one for category in categories for one in category.get("coding") or ()]
    return has_code(resource, "C65047") or any(one.get("code") == "laboratory" for one in codings)


LB = findings(
    "LB",
    TEST,
    codelist="LBTESTCD",
    when=_is_laboratory,
    extra_lines=(
        line("LBLOINC", "Observation.code.coding.where(system=%loinc).code", CODE, source="joint mapping, LB"),
        line("LBORNRLO", f"{RANGE}.low", RESULT, source="joint mapping, LB"),
        line("LBORNRHI", f"{RANGE}.high", RESULT, source="joint mapping, LB"),
        line("LBNRIND", "Observation.interpretation[0]", FLAG, source="joint mapping, LB"),
        line("LBSPEC", "Observation.specimen.display", TEXT, note="a specimen named, not described"),
    ),
    extras=(Extra("Observation.category[0]", lambda _row, _ctx: {"coding": [dict(LABORATORY)]}),),
)
