"""De-identified FHIR resources: every element by the rule of its path, else of its type, else of what FHIR says it is.

The walk goes by the release's own element tables, so an element that FHIR does not know is dropped, as is an extension
that the rules do not keep. Codes, numbers, quantities and uris of systems stay; ids and references become pseudonyms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.deidentify import Action, Person, Tally, scrubbed
from trialbridge.fhir.deidentify_ages import above, is_age, result_said, tells
from trialbridge.fhir.elements import elements, primitive_types, resource_types

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialbridge.base.deidentify_ages import AgeRules
    from trialbridge.fhir.elements import Element
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release

MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
PSEUDED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "PSEUDED"}
"""The security label of pseudonymised content (FHIR R4 6.1.0.1)."""
_GONE: Any = object()
_DISPLAY = ("display", "_display")
LIMITS_OF_AGE = "Observation.referenceRange.age"
"""Whose limits of normal these are: a laboratory may send those of all ages, so they make nobody old."""
_RESULTS = frozenset({"Observation", "Observation.component"})


@dataclass(frozen=True, slots=True)
class FhirRules:
    """Actions by element path (`Patient.photo`) and by type; which resources, identifier systems, extensions stay."""

    subject_resources: frozenset[str]
    study_resources: frozenset[str]
    types: Mapping[str, Action]
    paths: Mapping[str, Action]
    identifiers: Mapping[str, Action]
    extensions: tuple[str, ...]
    ages: AgeRules


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a walk asks of the outside.

    `reference(text)` gives the new `Type/id` of a reference; `identifier(system, value, person)` the new value of an
    identifier of ours, None to drop it; `special` has extensions of ours by url: the new extension, or None. Ages above
    the limit go, and all ages of the subjects `too_old` (USUBJID), who are added to as the walk finds them; `ages` has
    the id() of the elements whose record says that their result is an age that must go.
    """

    rules: FhirRules
    release: Release
    tally: Tally
    reference: Callable[[str], str]
    identifier: Callable[[str, str, Person | None], str | None]
    special: Mapping[str, Callable[[Resource, Resource, Person | None], Resource | None]] = field(default_factory=dict)
    too_old: set[str] = field(default_factory=set)
    ages: frozenset[int] = frozenset()


def deidentified(resource: Resource, person: Person | None, around: Surroundings) -> Resource:
    """A copy of the resource as the rules leave it; its id, and where it stands, are the caller's business.

    `person` None: a resource of the trial, whose dates and texts stay.
    """
    kind = str(resource["resourceType"])
    walk = _Walk(resource, person, around)
    made: Resource = {"resourceType": kind, **walk.element(resource, kind)}
    if person is not None:
        meta = made.setdefault("meta", {})
        meta.setdefault("security", []).append(dict(PSEUDED))
    return made


@dataclass(slots=True)
class _Walk:
    """One resource being copied."""

    top: Resource
    person: Person | None
    around: Surroundings

    def element(self, value: Resource, node: str) -> Resource:
        """The members of an object, each by its rule."""
        known = elements(node, self.around.release)
        made: Resource = {}
        no_result = node in _RESULTS and self.person is not None and self._result_goes(value, self.person)
        for name, old in value.items():
            if name == "resourceType":
                continue
            bare = name.removeprefix("_")
            if no_result and bare.startswith("value"):
                self.around.tally.add(f"{node}.value[x]", "age", int(name == bare))
                continue
            found = known.get(bare)
            if found is None:
                self.around.tally.add(f"{node}.{name}", Action.DROP)
            elif name != bare:
                self._sibling(made, name, old, found)
            else:
                new = self._member(old, found)
                if new is not _GONE:
                    made[name] = new
        for name in [one for one in made if one.startswith("_") and one[1:] in value and one[1:] not in made]:
            if isinstance(value[name[1:]], list):
                del made[name]  # nulls of a list that is gone
        return made

    def _sibling(self, made: Resource, name: str, old: Any, element: Element) -> None:
        """What stands beside a primitive: its extensions."""
        if self._action(element) in {Action.DROP, Action.MASK}:
            self.around.tally.add(element.path, Action.DROP)
            return
        new = [self._beside(one) for one in old] if isinstance(old, list) else self._beside(old)
        if new and new != [None] * (len(new) if isinstance(new, list) else 0):
            made[name] = new

    def _beside(self, old: Any) -> Any:
        if not isinstance(old, dict):
            return None
        return self.element({key: one for key, one in old.items() if key == "extension"}, "Element") or None

    def _action(self, element: Element) -> Action | None:
        rules = self.around.rules
        return rules.paths.get(element.path) or rules.types.get(element.type)

    def _member(self, old: Any, element: Element) -> Any:
        """A member's new value, or _GONE."""
        if isinstance(old, list):
            new = [self._one(one, element) for one in old]
            if element.primitive:  # places count: the sibling's list stands beside this one
                kept = [None if one is _GONE else one for one in new]
                return kept if any(one is not None for one in kept) else _GONE
            return [one for one in new if one is not _GONE] or _GONE
        return self._one(old, element)

    def _one(self, old: Any, element: Element) -> Any:
        """One value of an element: by its rule, else by what it is."""
        action = self._action(element)
        if element.type == "Extension":
            return self._extension(old)
        if element.name == "id" and element.primitive:
            return _GONE
        if action is Action.MASK:
            self.around.tally.add(element.path, Action.MASK)
            return {"extension": [dict(one) for one in MASKED["extension"]]}
        if action is Action.DROP or (not element.primitive and not isinstance(old, dict)):
            self.around.tally.add(element.path, Action.DROP)
            return _GONE
        if element.primitive:
            return self._primitive(old, element, action)
        return self._complex(old, element)

    def _complex(self, old: Resource, element: Element) -> Any:
        if element.type == "Identifier":
            return self._identifier(old, element)
        if element.node == "Resource":
            return self._contained(old)
        if element.type == "Reference":
            return self._reference(old, element) or _GONE
        if self.person is not None and is_age(element, old) and self._tells_age(old, element, self.person):
            self.around.tally.add(element.path, "age")
            return _GONE
        return self.element(old, element.node) or _GONE

    def _tells_age(self, old: Resource, element: Element, person: Person) -> bool:
        over = above(old, self.around.rules.ages.most)
        if over and element.path != LIMITS_OF_AGE:
            self.around.too_old.add(person.usubjid)
        return over or person.usubjid in self.around.too_old

    def _result_goes(self, observation: Resource, person: Person) -> bool:
        """Whether the value of an Observation or a component is an age that must go, or tells such a subject's birth."""
        said, over = result_said(observation, self.around.rules.ages)
        if over:
            self.around.too_old.add(person.usubjid)
        known = said is not None and person.usubjid in self.around.too_old and tells(observation)
        return over or known or id(observation) in self.around.ages

    def _reference(self, old: Resource, element: Element) -> Resource:
        """A reference; its display by the rule of this very place (`Observation.specimen.display`), else of all."""
        action = self.around.rules.paths.get(f"{element.path}.display")
        if action in {None, Action.DROP} or not isinstance(old.get("display"), str):
            return self.element(old, element.node)
        made = self.element({name: one for name, one in old.items() if name not in _DISPLAY}, element.node)
        new = self._primitive(old["display"], elements("Reference", self.around.release)["display"], action)
        return made if new is _GONE else {**made, "display": new}

    def _primitive(self, old: Any, element: Element, action: Action | None) -> Any:
        if element.path == "Reference.reference":
            return self.around.reference(old) if isinstance(old, str) else _GONE
        if self.person is None or action in {None, Action.KEEP} or not isinstance(old, str):
            return old
        new = self.person.moved(old) if action is Action.SHIFT else scrubbed(old, self.person)
        if new is None:
            self.around.tally.add(element.path, Action.DROP)
            return _GONE
        if new != old:
            self.around.tally.add(element.path, action or Action.KEEP)
        return new

    def _identifier(self, old: Any, element: Element) -> Any:
        """An identifier by its system; of a resource of the trial all stay."""
        system, value = (old.get("system"), old.get("value")) if isinstance(old, dict) else (None, None)
        new = self.around.identifier(str(system), value, self.person) if isinstance(value, str) else None
        if new is None:
            self.around.tally.add(element.path, Action.DROP)
            return _GONE
        if new == value and self.person is None:
            return self.element({key: one for key, one in old.items() if key != "assigner"}, "Identifier")
        if new != value:
            self.around.tally.add(element.path, Action.PSEUDONYM)
        return {key: one for key, one in {**old, "value": new}.items() if key in {"system", "value", "use", "type"}}

    def _contained(self, old: Any) -> Any:
        kind = old.get("resourceType") if isinstance(old, dict) else None
        rules = self.around.rules
        if kind not in rules.subject_resources | rules.study_resources or kind not in resource_types(
            self.around.release
        ):
            self.around.tally.add(f"contained {kind}", Action.DROP)
            return _GONE
        return {"resourceType": kind, **({"id": old["id"]} if "id" in old else {}), **self.element(old, str(kind))}

    def _extension(self, old: Any) -> Any:
        url = old.get("url") if isinstance(old, dict) else None
        if not isinstance(url, str):
            return _GONE
        special = self.around.special.get(url)
        if special is not None:
            return special(old, self.top, self.person) or _GONE
        absolute = ":" in url
        if absolute and not url.startswith(self.around.rules.extensions):
            self.around.tally.add(f"extension {url}", Action.DROP)
            return _GONE
        inside = self.element(old, "Extension")
        return inside if len(inside) > 1 else _GONE


def is_primitive(type_name: str, release: Release) -> bool:
    """Whether FHIR has this as a primitive type; for checking a rule set."""
    return type_name in primitive_types(release)
