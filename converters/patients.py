"""Which Patient is meant: one that is named by an identifier alone, one that was replaced by another.

Logical references: https://hl7.org/fhir/R4/references.html#logical. Of other types nothing is followed that way: an
identifier of ours (of a lesion, say) is one subject's, not the study's.

Patients that their hospital has found to be one person: https://hl7.org/fhir/R4/patient.html#maintain-link, `replaced-by`
on the one that must no longer be used, `replaces` on the other. Other links (`seealso`, `refer`) change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.mappings.kit import Resource

Name = tuple[str, str]
"""System and value of an identifier."""


def names(resource: Resource) -> Iterator[Name]:
    """The identifiers of a resource that have both a system and a value."""
    listed = resource.get("identifier")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and (found := _name(one)) is not None:
            yield found


def patient_named(reference: Any) -> Name | None:
    """The identifier by which a Reference names a Patient; None where it has a literal reference, or is to another type."""
    if not isinstance(reference, dict) or "reference" in reference or reference.get("type") not in (None, "Patient"):
        return None
    identifier = reference.get("identifier")
    return _name(identifier) if isinstance(identifier, dict) else None


def _name(identifier: Resource) -> Name | None:
    system, value = identifier.get("system"), identifier.get("value")
    return (system, value) if isinstance(system, str) and isinstance(value, str) else None


class Patients:
    """Patients by their identifiers; an identifier that two of them have names none."""

    def __init__(self) -> None:
        self._by_name: dict[Name, Resource | None] = {}
        self.current: dict[str, str] = {}
        """The one to use instead of each that was replaced, by reference."""

    def enter(self, patient: Resource) -> None:
        """Take in a Patient."""
        for name in names(patient):
            if self._by_name.setdefault(name, patient) is not patient:
                self._by_name[name] = None

    def named(self, reference: Any) -> Resource | None:
        """The Patient that a logical reference names."""
        name = patient_named(reference)
        return self._by_name.get(name) if name is not None else None


def made_literal(value: Any, found: Callable[[Resource], Resource | None]) -> Any:
    """A JSON value with each logical reference to a Patient replaced by what `found` has; the same object where none is."""
    if isinstance(value, list):
        members = [made_literal(one, found) for one in value]
        return members if any(new is not old for new, old in zip(members, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    if "resourceType" not in value and patient_named(value) is not None and (literal := found(value)) is not None:
        return {**{name: one for name, one in value.items() if name != "identifier"}, **literal}
    changed = {name: new for name, old in value.items() if (new := made_literal(old, found)) is not old}
    return {**value, **changed} if changed else value


def replacements(patient: Resource, mine: str, other: Callable[[Any], str | None]) -> Iterator[tuple[str, str]]:
    """Who was replaced and by whom, as a Patient's links say; `mine` is what it is called, `other` the name of a target."""
    listed = patient.get("link")
    for one in listed if isinstance(listed, list) else ():
        kind = one.get("type") if isinstance(one, dict) else None
        if kind not in ("replaced-by", "replaces") or (its := other(one.get("other"))) in {None, mine}:
            continue
        yield (mine, str(its)) if kind == "replaced-by" else (str(its), mine)


def current(replaced: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The Patient to use in the end instead of each that was replaced.

    Those that replace one another in a circle, or that two have replaced, are left as they are.
    """
    found: dict[str, set[str]] = {}
    for old, new in replaced:
        found.setdefault(old, set()).add(new)
    return {old: end for old in found if (end := _end(old, found)) is not None}


def _end(old: str, found: dict[str, set[str]]) -> str | None:
    met = {old}
    while old in found:
        if len(found[old]) > 1:
            return None
        (old,) = found[old]
        if old in met:
            return None
        met.add(old)
    return old
