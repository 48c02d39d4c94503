"""A record's arms and interventions: R4's arm and PlanDefinition, R5's comparisonGroup and EvidenceVariable.

R5 ties an arm to its interventions by comparisonGroup.intendedExposure; all interventions stand in `focus`, also those
of no arm. R4's PlanDefinition names its arms in useContext. The names of its interventions at each arm, which the
record repeats, are made from these.
Sources: HL7 mapping "clinicaltrials-gov"; mCODE's trial matching (protocol -> PlanDefinition); R5's example.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.dm import arm_id
from trialbridge.mappings.names import absent
from trialbridge.mappings.registry_kit import Each, Line, Linked, Members, Release, Special, Spelling, Value
from trialbridge.mappings.registry_spellings import R5_CORE, TEXT, concept, text_of
from trialbridge.registry.content import at, items, put, texts
from trialbridge.registry.files.arm_names import name_interventions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.mappings.kit import Resource
    from trialbridge.mappings.registry_kit import Content, Reading, Writing

A = "armsInterventionsModule."
CONTEXT = "http://terminology.hl7.org/CodeSystem/usage-context-type"
KIND = {"system": "https://clinicaltrials.gov", "code": "interventionType", "display": "Intervention Type for CT.gov"}
TIME_FRAME_TEXT = "Time Frame: "
_TYPE = concept("InterventionType")


def _arm_context(value: Any, _release: Release) -> Resource | None:
    if not isinstance(value, str) or not value.strip():
        return None
    return {"code": {"system": CONTEXT, "code": "program"}, "valueCodeableConcept": {"text": value}}


def _is_arm_context(element: Any) -> str | None:
    code = element.get("code") if isinstance(element, dict) else None
    is_it = isinstance(code, dict) and code.get("code") == "program"
    return text_of(element.get("valueCodeableConcept")) or None if is_it else None


def _kind(value: Any, release: Release) -> Resource | None:
    found = _TYPE.to_fhir(value, release)
    return {"code": KIND, "valueCodeableConcept": found} if found else None


def _is_kind(element: Any) -> str | None:
    code = element.get("code") if isinstance(element, dict) else None
    if not isinstance(code, dict) or code.get("code") != KIND["code"]:
        return None
    found = _TYPE.to_record(element.get("valueCodeableConcept"))
    return found if isinstance(found, str) else None


ARM_LABEL = Spelling("label of an arm as a context of use", _arm_context, _is_arm_context)
INTERVENTION_KIND = Spelling("type of an intervention as a context of use", _kind, _is_kind, "InterventionType")
NOTE = Spelling(
    "note",
    lambda value, _release: {"text": value} if isinstance(value, str) and value.strip() else None,
    lambda element: TEXT.to_record(element.get("text")) if isinstance(element, dict) else None,
)


def _time(element: Any) -> str | None:
    said = element.get("text") if isinstance(element, dict) else None
    return said.removeprefix(TIME_FRAME_TEXT) if isinstance(said, str) and said.startswith(TIME_FRAME_TEXT) else None


_TIME = Spelling(
    "time frame as a note",
    lambda value, _release: {"text": TIME_FRAME_TEXT + value} if isinstance(value, str) and value.strip() else None,
    _time,
)


TIME_FRAME: tuple[Line, ...] = (
    Linked(
        "",
        "Each.reference",
        "EvidenceVariable",
        (Value("timeFrame", "EvidenceVariable.note[0]", _TIME),),
        {"status": "active"},
        ("R5",),
        single=True,
    ),
)


def _tie(content: Mapping[str, Any], study: Resource, _writing: Writing) -> None:
    """Point each comparison group at the interventions that name it; give the groups their link ids."""
    groups = study.get("comparisonGroup") or []
    _name(groups)
    names = {one["name"]: one for one in groups if "name" in one}
    for name, one in names.items():
        one["linkId"] = arm_id(name)
    shown = {_label(one): one for one in items(content, A + "interventions")}
    for (label, one), focus in zip(shown.items(), study.get("focus") or (), strict=False):
        for arm in texts(one, "armGroupLabels"):
            if arm in names:
                exposures = names[arm].setdefault("intendedExposure", [])
                exposures.append({**focus["reference"], "display": label})


def _name(arms: list[Resource]) -> None:
    """FHIR wants a name for each arm."""
    for one in arms:
        if "name" not in one:
            one["_name"] = absent("unknown")


def _machine_name(plan: Resource) -> None:
    """The name programs call a plan by: its title in letters and digits (invariant pdf-0)."""
    if "title" in plan:
        words = re.findall(r"[A-Za-z0-9]+", plan["title"])
        plan["name"] = ("Intervention" + "".join(word.capitalize() for word in words))[:200]


def _label(intervention: Mapping[str, Any]) -> str:
    kind = _TYPE.to_fhir(intervention.get("type"), "R5") or {}
    return f"{kind.get('text', '')}: {intervention.get('name', '')}"


def _untie(study: Resource, content: Content, _reading: Reading) -> None:
    """The arms of each intervention from the exposures of the groups."""
    interventions = [one for one in at(content, A + "interventions") or () if isinstance(one, dict)]
    for one, focus in zip(interventions, _focus(study), strict=False):
        arms = [
            group["name"]
            for group in study.get("comparisonGroup") or ()
            if isinstance(group, dict) and "name" in group and focus in _exposures(group)
        ]
        if arms:
            put(one, "armGroupLabels", arms)
    name_interventions(content)


def _focus(study: Resource) -> list[Any]:
    found = [one.get("reference") for one in study.get("focus") or () if isinstance(one, dict)]
    return [one.get("reference") for one in found if isinstance(one, dict)]


def _exposures(group: Resource) -> list[Any]:
    return [one.get("reference") for one in group.get("intendedExposure") or () if isinstance(one, dict)]


_ARM_TYPES: dict[Release, str] = {"R4": "", "R5": R5_CORE + "research-study-arm-type"}
_ARM: tuple[Line, ...] = (
    Value("label", "Each.name", TEXT),
    Value("type", "Each.type", concept("ArmGroupType", "", _ARM_TYPES)),
    Value("description", "Each.description", TEXT),
)
LINES: tuple[Line, ...] = (
    Each(A + "armGroups", "ResearchStudy.arm", _ARM, releases=("R4",)),
    Each(A + "armGroups", "ResearchStudy.comparisonGroup", _ARM, releases=("R5",)),
    Linked(
        A + "interventions",
        "ResearchStudy.protocol",
        "PlanDefinition",
        (
            Value("type", "PlanDefinition.topic[0]", _TYPE),
            Value("name", "PlanDefinition.title", TEXT),
            Value("description", "PlanDefinition.description", TEXT),
            Members("armGroupLabels", "PlanDefinition.useContext", ARM_LABEL),
            Special("", "PlanDefinition.name", lambda _one, plan, _writing: _machine_name(plan), lambda *_given: None),
        ),
        {"status": "unknown"},
        ("R4",),
    ),
    Linked(
        A + "interventions",
        "ResearchStudy.focus.reference",
        "EvidenceVariable",
        (
            Value("type", "EvidenceVariable.useContext[0]", INTERVENTION_KIND),
            Value("name", "EvidenceVariable.title", TEXT),
            Value("description", "EvidenceVariable.description", TEXT),
            Members("otherNames", "EvidenceVariable.note", NOTE),
        ),
        {"status": "active"},
        ("R5",),
    ),
    Special(
        A + "armGroups.interventionNames, interventions.armGroupLabels",
        "ResearchStudy.comparisonGroup.intendedExposure, linkId",
        _tie,
        _untie,
        ("R5",),
    ),
    Special(
        A + "armGroups.interventionNames",
        "PlanDefinition.useContext",
        lambda _content, study, _writing: _name(study.get("arm") or []),
        lambda _study, content, _reading: name_interventions(content),
        ("R4",),
    ),
)
