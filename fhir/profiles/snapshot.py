"""Snapshots made from differentials: the base's elements, unfolded where the differential reaches in, and constrained.

Facts: https://hl7.org/fhir/R4/profiling.html#snapshot, https://hl7.org/fhir/R4/elementdefinition.html#id (ids as
`Observation.component:size.value[x]`). Only what validation needs is kept right: cardinality, types, values, bindings,
constraints, slicing; texts are the differential's where it has any. `tests/fhir/profiles/test_snapshots.py` makes the
snapshots of R4's and mCODE's profiles anew and compares them with the published ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.fhir.profiles.tree import type_code

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.profiles.definitions import Definitions

Element = dict[str, Any]
_OWN = frozenset({"id", "path", "sliceName", "constraint", "base"})
_BY_TYPE = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
_BY_URL = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}


def with_snapshot(definition: Resource, definitions: Definitions) -> Resource | None:
    """The definition with a snapshot: its own, else one made; None where its base is not at hand or does not fit."""
    if definition.get("snapshot", {}).get("element"):
        return definition
    key = f"{definition['url']}|{definition.get('version', '')}"
    if key not in definitions.generated:
        definitions.generated[key] = None  # a base that leads back to itself ends here
        definitions.generated[key] = generated(definition, definitions)
    return definitions.generated[key]


def generated(definition: Resource, definitions: Definitions) -> Resource | None:
    """The definition with a snapshot made from its differential, whether it has one or not; None: see `with_snapshot`."""
    base = definitions.structure(definition.get("baseDefinition", ""))
    whole = with_snapshot(base, definitions) if base else None
    if whole is None:
        return None
    draft = _Draft(whole, definition["type"], definitions)
    for element in definition.get("differential", {}).get("element", ()):
        if not draft.constrain(element):
            return None
    return {**definition, "snapshot": {"element": draft.elements}}


class _Draft:
    """A snapshot in the making: its elements in order, found by id."""

    def __init__(self, base: Resource, kind: str, definitions: Definitions) -> None:
        self._definitions = definitions
        self.elements = [_renamed(one, base["type"], kind, kind) for one in base["snapshot"]["element"]]
        self._by_id = {one["id"]: one for one in self.elements}
        self._types: dict[str, list[Element]] = {}

    def constrain(self, given: Element) -> bool:
        """Apply one element of a differential. False where it speaks of an element that cannot be."""
        own = self._id(given)
        target = self._reached(own)
        if target is None:
            return False
        self._merge(target, given)
        return True

    def _id(self, given: Element) -> str:
        """The element's id, made of its path where the differential has none; `valueQuantity` as a slice of `value[x]`."""
        own: str = given.get("id") or given["path"] + (f":{given['sliceName']}" if "sliceName" in given else "")
        parts = own.split(".")
        for number in range(1, len(parts)):
            above = ".".join(parts[:number])
            if self._reached(above) is None:
                break
            name = parts[number].partition(":")[0]
            if not name.endswith("[x]") and not self._below(above, name):
                parts[number] = self._choice(above, name) or parts[number]
                self._only(".".join([above, parts[number]]))
        return ".".join(parts)

    def _choice(self, above: str, name: str) -> str | None:
        """`value[x]:valueQuantity` for `valueQuantity`, where the element above has such a choice."""
        parent = self._by_id[above]
        if not self._children(parent):
            self._unfold(parent)
        for one in self._children(self._by_id[above]):
            stem = one["id"].rpartition(".")[2]
            if stem.endswith("[x]") and name.startswith(stem[:-3]) and name[len(stem) - 3 :][:1].isupper():
                return f"{stem}:{name}"
        return None

    def _only(self, own: str) -> None:
        """A choice spoken of by a type's own name alone (`valueQuantity`, as R4's profiles do) may be of no other."""
        base = self._by_id.get(own.rpartition(":")[0])
        if base is None or own in self._by_id:
            return
        stem = own.rpartition(".")[2].partition("[")[0]
        before = base.get("type", []) if base.get("slicing", {}).get("rules") == "closed" else []
        base["slicing"] = {**_BY_TYPE, "rules": "closed"}
        base["type"] = [*before, *_of_choice(self._all_types(base), stem, own.rpartition(":")[2])]

    def _all_types(self, base: Element) -> list[Element]:
        """The types a choice had before it was narrowed."""
        return self._types.setdefault(base["id"], list(base.get("type", [])))

    def _below(self, above: str, name: str) -> bool:
        if f"{above}.{name}" in self._by_id:
            return True
        parent = self._by_id[above]
        if not self._children(parent):
            self._unfold(parent)
        return f"{above}.{name}" in self._by_id

    def _reached(self, own: str) -> Element | None:
        """The element of an id, unfolded or sliced into being where need be."""
        found = self._by_id.get(own)
        if found is not None:
            return found
        above, _, last = own.rpartition(".")
        name, _, slice_name = last.partition(":")
        if slice_name:
            outer, _, _ = slice_name.rpartition("/")
            base = f"{above}.{name}" if above else name
            home = self._reached(f"{base}:{outer}") if outer else self._reached(base)
            return None if home is None else self._slice(home, own, slice_name)
        parent = self._reached(above) if above else None
        if parent is None:
            return None
        if not self._children(parent):
            self._unfold(parent)
        return self._by_id.get(own)

    def _slice(self, base: Element, own: str, slice_name: str) -> Element:
        """A new slice of an element, after what is there of it."""
        name = own.rpartition(".")[2].partition(":")[0]
        if "slicing" not in base and name.endswith("[x]"):
            base["slicing"] = _BY_TYPE
        elif "slicing" not in base and name in {"extension", "modifierExtension"}:
            base["slicing"] = _BY_URL
        made = {key: value for key, value in base.items() if key != "slicing"} | {"id": own, "sliceName": slice_name}
        made["min"] = 0
        if name.endswith("[x]"):
            made["type"] = _of_choice(made.get("type", []), name[:-3], slice_name)
        last = max(number for number, one in enumerate(self.elements) if _belongs(one["id"], base["id"]))
        self.elements.insert(last + 1, made)
        self._by_id[own] = made
        return made

    def _children(self, parent: Element) -> list[Element]:
        head = parent["id"] + "."
        return [one for one in self.elements if one["id"].startswith(head) and "." not in one["id"][len(head) :]]

    def _unfold(self, parent: Element) -> None:
        """Put under an element what its type, the element it repeats, or the unsliced element has there."""
        own, source, root = parent["id"], *self._source(parent)
        made = [_renamed(one, root, own, parent["path"]) for one in source]
        place = next(number for number, one in enumerate(self.elements) if one is parent)
        self.elements[place + 1 : place + 1] = made
        self._by_id |= {one["id"]: one for one in made}

    def _source(self, parent: Element) -> tuple[list[Element], str]:
        """The elements to unfold, and the id that stands before theirs."""
        own: str = parent["id"]
        head, _, last = own.rpartition(".")
        if ":" in last:
            unsliced = f"{head}.{last.partition(':')[0]}"
            found = [one for one in self.elements if one["id"].startswith(unsliced + ".")]
            if found:
                return found, unsliced
        reference = parent.get("contentReference", "").partition("#")[2]
        if reference:
            found = [one for one in self.elements if one["id"].startswith(reference + ".")]
            parent.pop("contentReference")
            parent["type"] = [{"code": "BackboneElement"}]
            return found, reference
        definition = self._type(parent)
        if definition is None:
            return [], own
        elements = definition["snapshot"]["element"]
        return elements[1:], elements[0]["id"]

    def _type(self, parent: Element) -> Resource | None:
        """The definition of an element's type: its one profile, else the type that all its entries share."""
        types = parent.get("type", ())
        codes = {type_code(one) for one in types}
        profiles = [url for one in types for url in one.get("profile", ())]
        found = self._definitions.structure(profiles[0]) if len(profiles) == 1 else None
        if found is None:
            found = self._definitions.type(codes.pop() if len(codes) == 1 else "Element")
        return with_snapshot(found, self._definitions) if found else None

    def _merge(self, target: Element, given: Element) -> None:
        """Say of an element what the differential says of it."""
        for key, value in given.items():
            if key not in _OWN:
                target[key] = value
        if "constraint" in given:
            # An invariant of the same key is the base's own, said again.
            known = {one["key"] for one in target.get("constraint", ())}
            target["constraint"] = [
                *target.get("constraint", ()),
                *(one for one in given["constraint"] if one["key"] not in known),
            ]


def _renamed(one: Element, root: str, own: str, path: str) -> Element:
    """A copy of an element under another id and path."""
    base = one.get("base") or {"path": one["path"], "min": one.get("min", 0), "max": one.get("max", "*")}
    length = len(one["id"]) - len(one["id"].removeprefix(root))
    inner = one["path"].split(".")[len(root.split(".")) :]
    return {**one, "id": own + one["id"][length:], "path": ".".join([path, *inner]), "base": base}


def _belongs(one: str, base: str) -> bool:
    """Whether an id is that of the base, of what is below it, or of one of its slices."""
    return one == base or one.startswith((f"{base}.", f"{base}:", f"{base}/"))


def _of_choice(types: list[Element], stem: str, slice_name: str) -> list[Element]:
    """The one type that a choice's slice is named after (`valueQuantity`); all where it is named otherwise."""
    named = slice_name.removeprefix(stem).lower()
    return [one for one in types if type_code(one).lower() == named] or types
