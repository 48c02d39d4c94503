"""What applies at one place, put together: all nodes that speak of it, as one plan that is made once and kept.

A place is spoken of by its type's definition, by the profile of the resource, by profiles of its type, by the slice it
falls into and by an extension's own definition. A `Plan` is made of such a set of nodes; the walk over the resource
then looks things up and never asks again where they come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.fhir.profiles.snapshot import with_snapshot
from trialbridge.fhir.profiles.tree import compiled

if TYPE_CHECKING:
    from trialbridge.fhir.profiles.definitions import Definitions
    from trialbridge.fhir.profiles.tree import Invariant, Node

_NO_ROOT = frozenset({"BackboneElement", "Element", "Resource", ""})


@dataclass(slots=True, eq=False)
class Member:
    """What a JSON key stands for: the element (`value[x]`), the type its value has, the nodes that speak of it."""

    key: str
    name: str
    code: str
    primitive: bool
    repeats: bool
    nodes: tuple[Node, ...]
    path: str
    """FHIRPath of the value seen from its parent: `code`, `value.ofType(Quantity)`."""
    sliced: tuple[Node, ...]
    plan: Plan | None = None


@dataclass(slots=True, eq=False)
class Plan:
    """All that applies to a value of one type. `required` are the nodes below that must be there, by element name."""

    code: str
    nodes: tuple[Node, ...]
    members: dict[str, Member]
    required: tuple[Node, ...]
    invariants: tuple[tuple[Invariant, Node], ...]
    alternatives: tuple[tuple[Node, ...], ...]
    valued: tuple[Node, ...]
    """The nodes that ask something of the value as a whole: fixed, pattern, bounds, length."""
    bound: tuple[tuple[str, str, Node], ...]
    """Value sets with the strength each binds with (required, extensible, maximum), each once and at its strongest."""
    names: frozenset[str]
    """What an extension's context may call this place: the type, its ancestors, the path of the element."""
    grown: dict[tuple[Node, ...], Plan] = field(default_factory=dict)

    @property
    def is_extension(self) -> bool:
        """Whether values are extensions, which bring their own definition."""
        return self.code == "Extension"


class Plans:
    """Trees and plans of one set of definitions, made when first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._roots: dict[str, Node | None] = {}
        self._plans: dict[tuple[str, tuple[Node, ...]], Plan] = {}
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self._primitive: dict[str, bool] = {}

    def root(self, canonical: str) -> Node | None:
        """The tree of a StructureDefinition; None where it is not known or its snapshot cannot be made."""
        if canonical not in self._roots:
            definition = self.definitions.structure(canonical)
            whole = with_snapshot(definition, self.definitions) if definition else None
            self._roots[canonical] = compiled(whole) if whole else None
        return self._roots[canonical]

    def type_root(self, code: str) -> Node | None:
        """The tree of a FHIR type."""
        definition = self.definitions.type(code)
        return self.root(definition["url"]) if definition else None

    def is_primitive(self, code: str) -> bool:
        """Whether a type is primitive."""
        if code not in self._primitive:
            definition = self.definitions.type(code)
            self._primitive[code] = definition is not None and definition["kind"] == "primitive-type"
        return self._primitive[code]

    def ancestors(self, code: str) -> tuple[str, ...]:
        """A type and what it is derived from, itself first: `Patient`, `DomainResource`, `Resource`."""
        if code not in self._ancestors:
            found: list[str] = []
            current: str | None = code
            while current and current not in found:
                found.append(current)
                definition = self.definitions.type(current)
                current = (definition or {}).get("baseDefinition", "").rpartition("/")[2] or None
            self._ancestors[code] = tuple(found)
        return self._ancestors[code]

    def plan(self, code: str, nodes: tuple[Node, ...]) -> Plan:
        """The plan of a value of this type of which these nodes speak."""
        key = (code, nodes)
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = self._made(code, nodes)
        return found

    def member_plan(self, member: Member) -> Plan:
        """The plan of a member's values before slices and extensions say more."""
        if member.plan is None:
            member.plan = self.plan(member.code, member.nodes)
        return member.plan

    def grown(self, plan: Plan, more: tuple[Node, ...]) -> Plan:
        """A plan of which further nodes (a slice, an extension's definition) speak too."""
        found = plan.grown.get(more)
        if found is None:
            found = plan.grown[more] = self.plan(plan.code, (*plan.nodes, *more))
        return found

    def _made(self, code: str, nodes: tuple[Node, ...]) -> Plan:
        everything, alternatives = self._closure(code, nodes)
        invariants: dict[tuple[str, str], tuple[Invariant, Node]] = {}
        for node in everything:
            for one in node.invariants:
                invariants.setdefault((one.key, one.expression), (one, node))
        members = self._members(everything)
        required = tuple(
            below
            for node in everything
            for below in node.members.values()
            if below.least or any(_wants(one) for one in below.slices.values())
        )
        paths = {node.path for node in everything}
        paths |= {path.removesuffix("[x]") for path in paths}
        profiles = {node.definition for node in everything}
        names = frozenset({*self.ancestors(code), *paths, *profiles, *(f"{n.definition}#{n.path}" for n in everything)})
        valued = tuple(node for node in everything if node.given or node.bounds or node.longest is not None)
        found = tuple(invariants.values())
        return Plan(code, everything, members, required, found, alternatives, valued, _bound(everything), names)

    def _closure(self, code: str, nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], tuple[tuple[Node, ...], ...]]:
        """The nodes, with the definition of the type first and the profiles of the type; and sets of which one must hold."""
        found: dict[Node, None] = {}
        alternatives = []
        if code not in _NO_ROOT and (root := self.type_root(code)):
            found[root] = None
        for node in nodes:
            found[node] = None
            if node.content and (same := self._elsewhere(node)):
                found[same] = None
            for one in node.types:
                if one.code != code or not one.profiles:
                    continue
                roots = tuple(root for profile in one.profiles if (root := self.root(profile)))
                if len(one.profiles) == 1 and roots:
                    found[roots[0]] = None
                elif len(roots) == len(one.profiles) and len(roots) > 1:
                    alternatives.append(roots)
        return tuple(found), tuple(alternatives)

    def _elsewhere(self, node: Node) -> Node | None:
        """The node a content reference means, in its own tree."""
        current = node.root
        for part in node.content.split(".")[1:]:
            current = current.members.get(part.partition(":")[0]) if current else None
        return current

    def _members(self, nodes: tuple[Node, ...]) -> dict[str, Member]:
        """JSON key -> member. The type's own definition says which keys there are; profiles only speak of them."""
        names: dict[str, list[Node]] = {}
        for node in nodes:
            for name, below in node.members.items():
                names.setdefault(name, []).append(below)
        made = {}
        for name, speakers in names.items():
            widest = speakers[0]
            types = widest.codes() or ("BackboneElement",)
            sliced = tuple(one for one in speakers if one.slices or (one.slicing and one.slicing.rules == "closed"))
            choice = name.endswith("[x]")
            for code in types:
                key = name[:-3] + code[0].upper() + code[1:] if choice else name
                path = f"{name[:-3]}.ofType({code})" if choice else name
                made[key] = Member(
                    key, name, code, self.is_primitive(code), widest.repeats, tuple(speakers), path, sliced
                )
        return made


def _bound(nodes: tuple[Node, ...]) -> tuple[tuple[str, str, Node], ...]:
    """The value sets these nodes bind, without repeating one that is bound as strongly already."""
    found: dict[str, tuple[str, Node]] = {}
    for node in nodes:
        one = node.binding
        if one is None:
            continue
        if one.value_set and one.strength in {"required", "extensible"}:
            before = found.get(one.value_set)
            if before is None or (before[0] == "extensible" and one.strength == "required"):
                found[one.value_set] = (one.strength, node)
        if one.most and found.get(one.most, ("", None))[0] != "required":
            found[one.most] = ("maximum", node)
    return tuple((value_set, strength, node) for value_set, (strength, node) in found.items())


def _wants(node: Node) -> bool:
    """Whether a slice, or one within it, must be there."""
    return node.least > 0
