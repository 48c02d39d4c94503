"""The order in which resources, and the elements in them, are written: as FHIR's definitions list them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from trialbridge.fhir.elements import elements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.mappings.kit import Release, Resource

TYPES = (
    "ResearchStudy PlanDefinition Group Location Practitioner PractitionerRole Patient ResearchSubject Consent Encounter Condition "
    "BodyStructure Procedure MedicationAdministration MedicationStatement Observation AdverseEvent Basic"
).split()


@lru_cache(maxsize=256)
def _ranks(resource_type: str, release: Release) -> dict[str, int]:
    names = ["resourceType", *elements(resource_type, release)]
    return {name: rank for rank, name in enumerate(names)}


def in_order(resources: Iterable[Resource], release: Release) -> list[Resource]:
    """Resources by type (what others point at first), each with its root elements in the order of its definition."""
    by_type: dict[str, list[Resource]] = {name: [] for name in TYPES}
    for resource in resources:
        by_type.setdefault(resource["resourceType"], []).append(tidy(resource, release))
    return [resource for group in by_type.values() for resource in group]


def tidy(resource: Resource, release: Release) -> Resource:
    """The resource with its root elements in the order of its definition; unknown ones last."""
    return {name: resource[name] for name in _ordered(resource["resourceType"], release, tuple(resource))}


@lru_cache(maxsize=4096)
def _ordered(resource_type: str, release: Release, names: tuple[str, ...]) -> list[str]:
    ranks = _ranks(resource_type, release)
    last = len(ranks)
    return sorted(names, key=lambda name: ranks.get(name.removeprefix("_"), last))
