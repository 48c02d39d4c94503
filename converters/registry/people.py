"""Persons in a registry's FHIR: dropped unless asked for, with a note that says how many, never who.

What counts: Practitioner and PractitionerRole resources, contained or beside; parties whose role is a person's;
contacts and the principal investigator; the contacts of a Location. The narrative repeats them, so it goes too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.mappings.registry_places import OFFICIAL, PERSON_ROLES
from trialbridge.mappings.registry_spellings import has_code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.fhir.located import Located, Resource

KINDS = frozenset({"Practitioner", "PractitionerRole", "Person"})
FIELDS = {"ResearchStudy": ("contact", "principalInvestigator", "text"), "Location": ("contact", "text")}


def without_people(items: Iterable[Located]) -> tuple[list[Located], list[Finding]]:
    """The resources without persons, where they came from, and one note when any was dropped."""
    kept: list[Located] = []
    dropped = 0
    for item in items:
        left, less = _kept([item.resource])
        kept += [replace(item, resource=one) for one in left]
        dropped += less
    if not dropped:
        return kept, []
    message = f"{dropped} left out: contacts of persons are carried only when asked."
    return kept, [Finding("TB-REG-CONTACT-DROPPED", Severity.NOTE, Where(), message, "read with contacts")]


def _kept(resources: Iterable[Resource]) -> tuple[list[Resource], int]:
    found, dropped = [], 0
    for one in resources:
        if one.get("resourceType") in KINDS:
            dropped += 1
            continue
        fields = FIELDS.get(str(one.get("resourceType")), ())
        dropped += sum(name in one for name in fields if name != "text")
        kept = {name: value for name, value in one.items() if name not in fields}
        if isinstance(kept.get("contained"), list):
            inner = [each for each in kept["contained"] if isinstance(each, dict)]
            contained, less = _kept(inner)
            kept, dropped = _with(kept, "contained", contained), dropped + less
        if isinstance(kept.get("associatedParty"), list):
            parties = [each for each in kept["associatedParty"] if not _is_person(each)]
            dropped += len(kept["associatedParty"]) - len(parties)
            kept = _with(kept, "associatedParty", parties)
        found.append(kept)
    return found, dropped


def _with(resource: Resource, name: str, members: list[Any]) -> Resource:
    if members:
        return {**resource, name: members}
    return {key: value for key, value in resource.items() if key != name}


def _is_person(party: Any) -> bool:
    role = party.get("role") if isinstance(party, dict) else None
    return any(has_code(role, code) for code in PERSON_ROLES) or OFFICIAL.to_record(role) is not None
