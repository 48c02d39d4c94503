"""QS, questionnaires: Observations of category survey, one for each answer.

Performance status (ECOG) is RS's. A foreign survey is read with its question as QSTEST; QSTESTCD and QSCAT come from
CDISC's supplement for the instrument and are never guessed. Source: SDTMIG 3.4, QS; FHIR observation-category.
"""

from __future__ import annotations

from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Extra, Resource
from trialbridge.mappings.names import coding
from trialbridge.mappings.observed import findings

SURVEY = coding("http://terminology.hl7.org/CodeSystem/observation-category", "survey", "Survey")
ANSWERS = (
    "dataAbsentReason",
    *(
        f"value{kind}"
        for kind in "Quantity CodeableConcept String Boolean Integer Range Ratio SampledData Time DateTime Period "
        "Attachment Reference".split()
    ),
)
"""The elements of an Observation that hold its result (value[x] of R4 and R5), or say why there is none."""


def _is_survey(resource: Resource) -> bool:
    """Whether an Observation is an answer; a panel that only gathers answers is none."""
    codings = [one for category in resource.get("category") or () for one in category.get("coding") or ()]
    if not any(one.get("code") == SURVEY["code"] for one in codings):
        return False
    return any(name in resource for name in ANSWERS)


QS = findings(
    "QS",
    method=in_codelist("method of the questionnaire"),
    when=_is_survey,
    extras=(Extra("Observation.category[0]", lambda _row, _ctx: {"coding": [dict(SURVEY)]}),),
)
