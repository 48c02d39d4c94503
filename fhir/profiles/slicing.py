"""Which slice a member of a list falls into: discriminators as functions, made once for each slice.

Facts: https://hl7.org/fhir/R4/profiling.html#discriminator (value, pattern, exists, type, profile; the restricted
FHIRPath of their paths: names, extension(url), resolve(), ofType(), $this), R5 adds `position`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.profiles.primitives import equal, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.fhir.profiles.plan import Plans
    from trialbridge.fhir.profiles.scope import Scope
    from trialbridge.fhir.profiles.terminology import Terminology
    from trialbridge.fhir.profiles.tree import Node

_STEP = re.compile(r"\$this|extension\('([^']*)'\)|resolve\(\)|(?:ofType|as)\(([^)]*)\)|([A-Za-z][A-Za-z0-9]*)")
Step = tuple[str, str]
Valued = tuple[Any, str]
"""A value and its FHIR type code, "" where the step there does not tell."""


def steps(path: str) -> tuple[Step, ...] | None:
    """A discriminator's path as steps (`name`, `extension`, `resolve`, `type`); None where it is of no known form.

    >>> steps("value.coding"), steps("$this"), steps("extension('http://x').value.ofType(code)")[-1]
    ((('name', 'value'), ('name', 'coding')), (), ('type', 'code'))
    """
    found: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        url, kind, name = match.groups()
        if url is not None:
            found.append(("extension", url))
        elif kind is not None:
            found.append(("type", kind))
        elif name is not None:
            found.append(("name", name))
        elif match[0] == "resolve()":
            found.append(("resolve", ""))
        at = match.end()
        if at < len(path):
            if path[at] != ".":
                return None
            at += 1
    return tuple(found)


def reached(start: Valued, path: Iterable[Step], scope: Scope) -> list[Valued]:
    """The values a path leads to in the data."""
    current = [start]
    for kind, name in path:
        current = [each for value in current for each in _step(value, kind, name, scope)]
    return current


def _step(valued: Valued, kind: str, name: str, scope: Scope) -> list[Valued]:
    value, code = valued
    if kind == "resolve":
        found = scope.resolve(value)
        return [(found, found["resourceType"])] if found else []
    if kind == "type":
        return [valued] if code == name else []
    if not isinstance(value, dict):
        return []
    if kind == "extension":
        return [(one, "Extension") for one in _listed(value.get("extension")) if _url(one) == name]
    if name in value:
        return [(one, one.get("resourceType", "") if isinstance(one, dict) else "") for one in _listed(value[name])]
    return list(_twin_or_choice(value, name))


def _twin_or_choice(value: dict[str, Any], name: str) -> Iterator[Valued]:
    """A primitive that has extensions alone, or a choice; the type in its key is told apart without regard to case."""
    if "_" + name in value:
        yield None, ""
    for key, member in value.items():
        if key.startswith(name) and key[len(name) :][:1].isupper():
            for one in _listed(member):
                yield one, key[len(name) :]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _url(one: Any) -> Any:
    return one.get("url") if isinstance(one, dict) else None


class Matchers:
    """Slice -> whether a value belongs to it: True, False, or None where that cannot be told."""

    def __init__(self, plans: Plans, terminology: Terminology, conforms: Callable[[Any, Node, Scope], bool]) -> None:
        self._plans = plans
        self._terminology = terminology
        self._conforms = conforms
        self._made: dict[tuple[Node, Node], Callable[[Valued, Scope], bool | None]] = {}

    def of(self, base: Node, one: Node) -> Callable[[Valued, Scope], bool | None]:
        """The test of a slice `one` of `base`."""
        key = (base, one)
        if key not in self._made:
            self._made[key] = self._slice_test(base, one)
        return self._made[key]

    def _slice_test(self, base: Node, one: Node) -> Callable[[Valued, Scope], bool | None]:
        discriminators = base.slicing.discriminators if base.slicing else ()
        if base.name in {"extension", "modifierExtension"} and discriminators in {(), (("value", "url"),)}:
            url = self.extension_url(one)
            if url is not None:
                return lambda valued, _scope: _url(valued[0]) == url
        if not discriminators and base.name.endswith("[x]"):
            discriminators = (("type", "$this"),)
        if not discriminators:
            return lambda _valued, _scope: None
        tests = [self._test(one, kind, path) for kind, path in discriminators]

        def belongs(valued: Valued, scope: Scope) -> bool | None:
            unknown = False
            for test in tests:
                answer = test(valued, scope)
                if answer is False:
                    return False
                unknown = unknown or answer is None
            return None if unknown else True

        return belongs

    def _test(self, one: Node, kind: str, path: str) -> Callable[[Valued, Scope], bool | None]:
        way = steps(path)
        if way is None:
            return lambda _valued, _scope: None
        nodes = self.nodes_at(one, way)
        if kind == "exists":
            return _existence(way, nodes)
        if kind == "type":
            return self._typed(way, nodes)
        if kind == "profile":
            return self._profiled(way, nodes)
        if kind in {"value", "pattern"}:
            return self._valued(way, nodes)
        return lambda _valued, _scope: None

    def nodes_at(self, one: Node, way: Iterable[Step]) -> list[Node]:
        """The nodes a path leads to in the definitions, following profiles of types and targets of references."""
        current = [one]
        for kind, name in way:
            current = [each for node in current for each in self._below(node, kind, name)]
        return current

    def _below(self, node: Node, kind: str, name: str) -> list[Node]:
        if kind == "type":
            return [node]
        if kind == "resolve":
            return [root for each in node.types for url in each.targets if (root := self._plans.root(url))]
        homes = [node, *self._type_roots(node)]
        if kind == "extension":
            slices = [
                one
                for home in homes
                if "extension" in home.members
                for one in home.members["extension"].slices.values()
            ]
            return [one for one in slices if self.extension_url(one) == name]
        for home in homes:
            below = home.members.get(name) or home.members.get(name + "[x]")
            # A snapshot that repeats an element without saying more of it must not hide the profile of its type.
            if below is not None and (
                home is not node or below.given or below.members or below.binding or below.slices
            ):
                return [below]
        for home in homes:
            below = home.members.get(name) or home.members.get(name + "[x]")
            if below is not None:
                return [below]
        return []

    def _type_roots(self, node: Node) -> list[Node]:
        """The definitions of a node's types: their profiles where there are any, else the types themselves."""
        profiled = [root for one in node.types for url in one.profiles if (root := self._plans.root(url))]
        return profiled or [root for one in node.types if (root := self._plans.type_root(one.code))]

    def extension_url(self, one: Node) -> str | None:
        """The url an extension slice asks for: of its profile, or fixed within it."""
        for each in one.types:
            if each.profiles:
                return each.profiles[0].partition("|")[0]
        url = one.members.get("url")
        fixed = url.given.get("fixed") if url else None
        return fixed if isinstance(fixed, str) else None

    def _valued(self, way: tuple[Step, ...], nodes: list[Node]) -> Callable[[Valued, Scope], bool | None]:
        demands = [demand for node in nodes if (demand := self.demand(node))]
        if not demands:
            return lambda _valued, _scope: None

        def test(valued: Valued, scope: Scope) -> bool | None:
            unknown = False
            for value, _ in reached(valued, way, scope):
                answers = [demand(value) for demand in demands]
                if all(answers):
                    return True
                unknown = unknown or (None in answers and False not in answers)
            return None if unknown else False

        return test

    def demand(self, node: Node) -> Callable[[Any], bool | None] | None:
        """What a node asks of a value: fixed, pattern, what its members ask, a required binding; None: nothing."""
        if "fixed" in node.given:
            fixed = node.given["fixed"]
            return lambda value: equal(value, fixed)
        if "pattern" in node.given:
            pattern = node.given["pattern"]
            return lambda value: matches(value, pattern)
        below = [(name, inner) for name, one in node.members.items() if one.least and (inner := self.demand(one))]
        sliced = [
            (name, inner)
            for name, one in node.members.items()
            for each in one.slices.values()
            if each.least and (inner := self.demand(each))
        ]
        if below or sliced:
            return lambda value: _members_meet(value, [*below, *sliced])
        if node.binding and node.binding.strength == "required":
            value_set = node.binding.value_set
            return lambda value: self._in_value_set(value, value_set)
        return None

    def _in_value_set(self, value: Any, value_set: str) -> bool | None:
        if isinstance(value, dict) and "coding" in value:
            answers = [self._in_value_set(one, value_set) for one in _listed(value["coding"])]
            return True if True in answers else None if None in answers else False
        if isinstance(value, dict):
            code, system = value.get("code"), value.get("system")
        else:
            code, system = value, None
        return isinstance(code, str) and self._terminology.contains(value_set, system, code)

    def _typed(self, way: tuple[Step, ...], nodes: list[Node]) -> Callable[[Valued, Scope], bool | None]:
        codes = {code.lower() for node in nodes for code in node.codes()}
        # Paths ending in resolve() name the resource's type; `nodes` are then the roots of the targets.
        codes |= {node.resource_type.lower() for node in nodes if not node.types and "." not in node.path}
        resolves = bool(way) and way[-1][0] == "resolve"

        def test(valued: Valued, scope: Scope) -> bool | None:
            found = reached(valued, way, scope)
            if not found and resolves:
                return self._unresolved(valued, way, codes, scope)
            return any(code.lower() in codes for _, code in found)

        return test

    def _unresolved(self, valued: Valued, way: tuple[Step, ...], codes: set[str], scope: Scope) -> bool | None:
        """The type of a reference that leads nowhere, by its text."""
        from trialbridge.fhir.profiles.scope import type_in  # noqa: PLC0415 - types only above

        for value, _ in reached(valued, way[:-1], scope):
            text = value.get("type") or type_in(str(value.get("reference", ""))) if isinstance(value, dict) else None
            if text:
                return str(text).lower() in codes
        return None

    def _profiled(self, way: tuple[Step, ...], nodes: list[Node]) -> Callable[[Valued, Scope], bool | None]:
        roots = [root for node in nodes for root in self._profile_roots(node)]
        if not roots:
            return lambda _valued, _scope: None

        def test(valued: Valued, scope: Scope) -> bool | None:
            found = reached(valued, way, scope)
            if not found:
                return None if way and way[-1][0] == "resolve" else False
            return any(self._conforms(value, root, scope) for value, _ in found for root in roots)

        return test

    def _profile_roots(self, node: Node) -> list[Node]:
        if not node.types and "." not in node.path:
            return [node]
        return [root for one in node.types for url in one.profiles if (root := self._plans.root(url))]


def _existence(way: tuple[Step, ...], nodes: list[Node]) -> Callable[[Valued, Scope], bool | None]:
    """Slices told apart by whether an element is there: minimum 1 or maximum 0."""
    if any(node.most == 0 for node in nodes):
        return lambda valued, scope: not reached(valued, way, scope)
    return lambda valued, scope: bool(reached(valued, way, scope))


def _members_meet(value: Any, demands: list[tuple[str, Callable[[Any], bool | None]]]) -> bool | None:
    """Whether each demanded member has a value that meets the demand."""
    if not isinstance(value, dict):
        return False
    unknown = False
    for name, demand in demands:
        stem = name.removesuffix("[x]")
        keys = [name] if stem == name else [key for key in value if key.startswith(stem)]
        answers = [demand(one) for key in keys for one in _listed(value.get(key))]
        if True not in answers:
            if None not in answers:
                return False
            unknown = True
    return None if unknown else True
