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


def _is_survey(resource: Resource) -> bool:
    """Whether an Observation is an answer; a panel that only gathers answers is none."""
    codings = [one for category in resource.get("category") or () for one in category.get("coding") or ()]
    answers = any(name.startswith("value") for name in resource) or "dataAbsentReason" in resource
    return answers and any(one.get("code") == SURVEY["code"] for one in codings)


QS = findings(
    "QS",
    method=in_codelist("method of the questionnaire"),
    when=_is_survey,
    extras=(Extra("Observation.category[0]", lambda _row, _ctx: {"coding": [dict(SURVEY)]}),),
)
