"""The dialects of ResearchStudy read as R5: the registry's own `fhir.json` (R6 ballot), and converters' R5 without focus.

The registry's output is a pilot in the shape of the R6 ballot: a Bundle with a ResearchStudy of the profile
study-registry-record, its groups, interventions and sites contained. What moved between R5 and the ballot is moved
back here, by name; the lines then read R5 alone. Seen: the elements that R5 lacks (purposeType,
objective.outcomeMeasure, relatesTo, EvidenceVariable.classifier, comparisonGroup by a Group); sources in docs/registry.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.registry_arms import KIND
from trialbridge.mappings.registry_spellings import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.fhir.located import Resource

PROFILE = "study-registry-record"
_BALLOT = ("purposeType", "relatesTo", "citeAs")
_TYPE = re.compile(r"intervention type:\s*(?P<type>.+)", re.IGNORECASE)


def is_ballot(resource: Resource) -> bool:
    """Whether a resource has the ballot's shape: its profile, or elements of ResearchStudy that R5 does not have."""
    if resource.get("resourceType") != "ResearchStudy":
        return False
    profiles = (resource.get("meta") or {}).get("profile") or ()
    objectives = resource.get("objective") or ()
    return (
        any(PROFILE in str(one) for one in profiles)
        or any(name in resource for name in _BALLOT)
        or any("outcomeMeasure" in one for one in objectives if isinstance(one, dict))
    )


def as_r5(resources: Iterable[Resource]) -> list[Resource]:
    """The resources as R5 has them; what does not differ is shared."""
    given = list(resources)
    beside = {f"{one.get('resourceType')}/{one.get('id')}": one for one in given}
    return [_resource(one, beside) for one in given]


def _resource(resource: Resource, beside: dict[str, Resource]) -> Resource:
    kind = resource.get("resourceType")
    if kind == "EvidenceVariable":
        return _intervention(resource)
    if kind != "ResearchStudy":
        return resource
    contained = [_resource(one, beside) for one in resource.get("contained") or () if isinstance(one, dict)]
    near = {**beside, **{f"#{one.get('id')}": one for one in contained}}
    study = {**resource, **({"contained": contained} if contained else {})}
    purposes = study.get("purposeType")
    if isinstance(purposes, list) and purposes:
        study.setdefault("primaryPurposeType", purposes[0])
    measures = list(_measures(study.get("objective") or ()))
    if measures:
        study["outcomeMeasure"] = [*(study.get("outcomeMeasure") or ()), *measures]
    groups = [_group(one, near) for one in study.get("comparisonGroup") or () if isinstance(one, dict)]
    if groups:
        study["comparisonGroup"] = groups
    return study


def _measures(objectives: Iterable[Any]) -> Iterable[Resource]:
    """Outcome measures, which the ballot keeps below the objectives; one without a type has its objective's."""
    for objective in objectives:
        if not isinstance(objective, dict):
            continue
        for one in objective.get("outcomeMeasure") or ():
            if not isinstance(one, dict):
                continue
            kind = one.get("type") or objective.get("type")
            endpoint = one.get("endpoint") or {}
            name = one.get("name") or (endpoint.get("display") if isinstance(endpoint, dict) else None)
            types = kind if isinstance(kind, list) else [kind] if kind else []
            yield {**one, **({"name": name} if name else {}), **({"type": types} if types else {})}


def _intervention(variable: Resource) -> Resource:
    """`Intervention type: Drug` among the classifiers, as R5's context of use."""
    for one in variable.get("classifier") or ():
        found = _TYPE.fullmatch(text_of(one).strip())
        if found:
            context = {"code": KIND, "valueCodeableConcept": {"text": found["type"]}}
            return {**variable, "useContext": [context, *(variable.get("useContext") or ())]}
    return variable


def _group(group: Resource, near: dict[str, Resource]) -> Resource:
    """A comparison group; where a Group describes it, its title, kind, description and exposures come from there."""
    found = next(
        (
            near[reference]
            for name in ("eligibility", "intendedExposure", "observedGroup")
            if isinstance(group.get(name), dict) and (reference := str(group[name].get("reference"))) in near
        ),
        None,
    )
    made = {
        name: value for name, value in group.items() if not (name == "intendedExposure" and isinstance(value, dict))
    }
    if found is None:
        return made
    for name, value in (
        ("name", found.get("title")),
        ("type", found.get("code")),
        ("description", found.get("description")),
    ):
        if value:
            made.setdefault(name, value)
    exposures = [
        one["valueReference"]
        for one in found.get("characteristic") or ()
        if isinstance(one, dict) and isinstance(one.get("valueReference"), dict)
    ]
    if exposures:
        made.setdefault("intendedExposure", exposures)
    return made


def with_focus(study: Resource) -> Resource:
    """A study whose interventions stand at its groups alone: they are put into `focus` too, each once, in order."""
    if study.get("focus"):
        return study
    seen: dict[str, Resource] = {}
    for group in study.get("comparisonGroup") or ():
        for one in (group.get("intendedExposure") or ()) if isinstance(group, dict) else ():
            if isinstance(one, dict) and isinstance(one.get("reference"), str):
                seen.setdefault(one["reference"], {"reference": {"reference": one["reference"]}})
    return {**study, "focus": list(seen.values())} if seen else study
