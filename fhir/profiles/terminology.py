"""Whether a code is in a value set, as far as the definitions at hand can tell.

Facts: https://hl7.org/fhir/R4/valueset.html#compositions (include, exclude, filters; systems and value sets of one
include are intersected), https://hl7.org/fhir/R4/codesystem.html#hierarchy. The answer is True, False, or None where
it would need a code system that is not at hand (SNOMED CT, LOINC and UCUM are never). Some systems are grammars and
are answered by them: media types (BCP 13), languages (BCP 47).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.profiles.definitions import Definitions

_GRAMMARS = {
    "urn:ietf:bcp:13": re.compile(r"xml|json|ttl|none|[\w.+\-]+/[\w.+\-*]+(\s*;.*)?"),
    "urn:ietf:bcp:47": re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"),
}


@dataclass(frozen=True, slots=True)
class _Part:
    """One include or exclude: the codes of a system (None: not known which), and the value sets it is limited to."""

    system: str
    codes: frozenset[str] | None
    fold: bool
    grammar: re.Pattern[str] | None
    value_sets: tuple[str, ...]


@dataclass(slots=True)
class _Concepts:
    """A code system's concepts: code -> properties, and parent -> children."""

    properties: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    below: dict[str, set[str]] = field(default_factory=dict)


class Terminology:
    """The value sets of one set of definitions, taken apart when first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._parts: dict[str, tuple[list[_Part], list[_Part]] | None] = {}
        self._concepts: dict[str, _Concepts | None] = {}

    def known(self, value_set: str) -> bool:
        """Whether the value set is at hand at all."""
        return self._of(value_set) is not None

    def contains(self, value_set: str, system: str | None, code: str, trail: tuple[str, ...] = ()) -> bool | None:
        """Whether a code is in a value set; `system` None where the data give none (a `code` element)."""
        parts = self._of(value_set)
        if parts is None or value_set in trail:
            return None
        includes, excludes = parts
        trail = (*trail, value_set)
        inside = _any(self._in_part(part, system, code, trail) for part in includes)
        if inside is False or not excludes:
            return inside
        outside = _any(self._in_part(part, system, code, trail) for part in excludes)
        if outside:
            return False
        return inside if outside is False else None

    def _in_part(self, part: _Part, system: str | None, code: str, trail: tuple[str, ...]) -> bool | None:
        answer: bool | None = True
        if part.system:
            if system is not None and system != part.system:
                return False
            if part.grammar:
                answer = part.grammar.fullmatch(code) is not None
            elif part.codes is None:
                answer = None
            else:
                answer = (code.lower() if part.fold else code) in part.codes
        for value_set in part.value_sets:
            inner = self.contains(value_set, system, code, trail)
            if inner is False or answer is False:
                return False
            answer = None if inner is None else answer
        return answer

    def _of(self, value_set: str) -> tuple[list[_Part], list[_Part]] | None:
        if value_set not in self._parts:
            resource = self._definitions.value_set(value_set)
            self._parts[value_set] = self._taken_apart(resource) if resource else None
        return self._parts[value_set]

    def _taken_apart(self, resource: Resource) -> tuple[list[_Part], list[_Part]] | None:
        compose, expansion = resource.get("compose"), resource.get("expansion")
        if compose and compose.get("include"):
            return [self._part(one) for one in compose["include"]], [
                self._part(one) for one in compose.get("exclude", ())
            ]
        if expansion and expansion.get("contains") is not None:
            return list(_expanded(expansion)), []
        return None

    def _part(self, given: Resource) -> _Part:
        system, value_sets = given.get("system", ""), tuple(given.get("valueSet", ()))
        grammar = _GRAMMARS.get(system) if not given.get("concept") and not given.get("filter") else None
        codes: frozenset[str] | None = None
        fold = False
        if system and "concept" in given:
            codes = frozenset(one["code"] for one in given["concept"])
        elif system and grammar is None and (concepts := self._of_system(system, given.get("version"))):
            fold = self._folds(system)
            codes = _filtered(concepts, given.get("filter", ()))
            if codes is not None and fold:
                codes = frozenset(code.lower() for code in codes)
        return _Part(system, codes, fold, grammar, value_sets)

    def _folds(self, system: str) -> bool:
        """Whether a code system says that upper and lower case are the same to it."""
        resource = self._definitions.code_system(system)
        return resource is not None and resource.get("caseSensitive") is False

    def _of_system(self, system: str, version: str | None) -> _Concepts | None:
        """The concepts of a code system that lists all of them; None for any other."""
        key = f"{system}|{version}" if version else system
        if key not in self._concepts:
            resource = self._definitions.code_system(key)
            whole = resource is not None and resource.get("content") == "complete" and resource.get("concept")
            self._concepts[key] = _read(resource) if resource and whole else None
        return self._concepts[key]


def _any(answers: Iterator[bool | None]) -> bool | None:
    """True where one is; None where none is and one is unknown."""
    unknown = False
    for one in answers:
        if one:
            return True
        unknown = unknown or one is None
    return None if unknown else False


def _expanded(expansion: Resource) -> Iterator[_Part]:
    """A ready expansion as parts, one a system."""
    codes: dict[str, set[str]] = {}
    left = list(expansion["contains"])
    while left:
        one = left.pop()
        if "code" in one and not one.get("abstract"):
            codes.setdefault(one.get("system", ""), set()).add(one["code"])
        left += one.get("contains", ())
    for system, found in codes.items():
        yield _Part(system, frozenset(found), fold=False, grammar=None, value_sets=())


def _read(resource: Resource) -> _Concepts:
    """The concepts of a code system, nested or with parents as properties."""
    made = _Concepts()
    left: list[tuple[Resource, str]] = [(one, "") for one in resource.get("concept", ())]
    while left:
        one, parent = left.pop()
        code = one["code"]
        properties: dict[str, list[Any]] = {}
        for each in one.get("property", ()):
            value = next((each[key] for key in each if key.startswith("value")), None)
            properties.setdefault(each["code"], []).append(value["code"] if isinstance(value, dict) else value)
        made.properties[code] = properties
        for above in (parent, *properties.get("parent", ()), *properties.get("subsumedBy", ())):
            if above:
                made.below.setdefault(str(above), set()).add(code)
        left += [(each, code) for each in one.get("concept", ())]
    return made


def _filtered(concepts: _Concepts, filters: Any) -> frozenset[str] | None:
    """The codes that pass all filters; None where a filter is of a kind that cannot be answered."""
    codes = set(concepts.properties)
    for one in filters:
        passes = _FILTERS.get(one.get("op", ""))
        if passes is None:
            return None
        codes &= passes(concepts, str(one.get("property", "")), str(one.get("value", "")))
    return frozenset(codes)


def _descendants(concepts: _Concepts, code: str) -> set[str]:
    found: set[str] = set()
    left = [code]
    while left:
        for one in concepts.below.get(left.pop(), ()):
            if one not in found:
                found.add(one)
                left.append(one)
    return found


def _is_a(concepts: _Concepts, _name: str, value: str) -> set[str]:
    return _descendants(concepts, value) | ({value} & concepts.properties.keys())


def _texts(concepts: _Concepts, code: str, name: str) -> list[str]:
    """The values of a property as text; `concept` and `code` name the code itself."""
    if name in {"concept", "code"}:
        return [code]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in concepts.properties[code].get(name, ())]


def _having(holds: Callable[[list[str], str], bool]) -> Callable[[_Concepts, str, str], set[str]]:
    def passes(concepts: _Concepts, name: str, value: str) -> set[str]:
        return {code for code in concepts.properties if holds(_texts(concepts, code, name), value)}

    return passes


_FILTERS: dict[str, Callable[[_Concepts, str, str], set[str]]] = {
    "is-a": _is_a,
    "descendent-of": lambda concepts, _, value: _descendants(concepts, value),
    "child-of": lambda concepts, _, value: set(concepts.below.get(value, ())),
    "is-not-a": lambda concepts, name, value: set(concepts.properties) - _is_a(concepts, name, value),
    "generalizes": lambda concepts, _, value: {
        code for code in concepts.properties if code == value or value in _descendants(concepts, code)
    },
    "=": _having(lambda texts, value: value in texts),
    "in": _having(lambda texts, value: bool({one.strip() for one in value.split(",")} & set(texts))),
    "not-in": _having(lambda texts, value: not {one.strip() for one in value.split(",")} & set(texts)),
    "exists": _having(lambda texts, value: bool(texts) == (value == "true")),
    "regex": _having(lambda texts, value: any(re.fullmatch(value, one) for one in texts)),
}
