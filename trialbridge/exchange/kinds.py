"""Which resource types a study is made of, and whose a resource is.

Only what the mappings read is asked for: what nobody can use should not leave the hospital.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.fhir.elements import elements, resource_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release

_LINKS = ("subject", "patient", "individual")
_ALWAYS = ("ResearchStudy", "ResearchSubject", "Patient", "Basic")


def kinds(release: Release, dictionary: Dictionary = DICTIONARY) -> tuple[str, ...]:
    """The types whose resources the mappings read, by name."""
    found = set(_ALWAYS)
    for mapping in dictionary.mappings:
        found.add(mapping.resource)
        found.update(part.type for part in mapping.parts if release in part.releases)
    return tuple(sorted(found & resource_types(release)))


def of_subject(kind: str, release: Release) -> bool:
    """Whether resources of a type belong to one patient: an element of theirs points at a Patient."""
    table = elements(kind, release)
    links = [table[name] for name in _LINKS if name in table and table[name].type == "Reference"]
    return any({"Patient", "Resource"} & set(one.targets) or not one.targets for one in links)  # Basic: anything


def patients(resource: Resource) -> set[str]:
    """The patients (`Patient/id`) a resource says it belongs to; a Patient belongs to itself."""
    if resource.get("resourceType") == "Patient":
        return {f"Patient/{resource.get('id')}"}
    found = set()
    for name in _LINKS:
        link = resource.get(name)
        text = link.get("reference") if isinstance(link, dict) else None
        if isinstance(text, str) and (named := local(text)) and named.startswith("Patient/"):
            found.add(named)
    return found


def local(reference: str) -> str | None:
    """`Type/id` of a literal reference, relative or absolute, without its version; None for any other.

    >>> local("Patient/1"), local("http://h/fhir/Patient/1/_history/2"), local("#x"), local("urn:uuid:1")
    ('Patient/1', 'Patient/1', None, None)
    """
    if reference.startswith(("#", "urn:")):
        return None
    steps = reference.partition("/_history/")[0].split("/")
    if len(steps) < 2 or not steps[-2][:1].isupper() or not steps[-1]:
        return None
    return "/".join(steps[-2:])


def references(value: Any) -> Iterator[str]:
    """`Type/id` of every literal reference in a resource."""
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str) and (named := local(text)):
            yield named
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
