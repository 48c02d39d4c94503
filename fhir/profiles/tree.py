"""A StructureDefinition's snapshot as a tree of nodes: what each element may hold, compiled once.

Facts: https://hl7.org/fhir/R4/elementdefinition.html (cardinality, types, values, binding, constraint),
https://hl7.org/fhir/R4/profiling.html#slicing (slices, re-slicing, `@default`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource

FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
BEST_PRACTICE = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"
DEFAULT_SLICE = "@default"


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type an element may have: its code, the profiles its value must meet (one of), and what a reference may name."""

    code: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    aggregation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """A value set and how strongly it binds; `most` is the maximum value set of an extensible binding."""

    strength: str
    value_set: str
    most: str = ""


@dataclass(frozen=True, slots=True)
class Invariant:
    """A constraint of a definition: its key, whether breaking it is an error, what it says, its FHIRPath."""

    key: str
    severity: str
    human: str
    expression: str
    best_practice: bool = False


@dataclass(frozen=True, slots=True)
class Slicing:
    """How a list is cut into slices: discriminators as (type, path), and the rules."""

    discriminators: tuple[tuple[str, str], ...]
    ordered: bool
    rules: str


@dataclass(slots=True, eq=False)
class Node:
    """One ElementDefinition. `most` None means `*`; `members` are the elements below by name (`value[x]`).

    `definition` is the StructureDefinition's URL, `resource_type` the type it constrains; `given` holds the fixed value
    and the pattern under the names `fixed` and `pattern`. `repeats` tells whether JSON writes a list.
    """

    id: str
    path: str
    name: str
    definition: str
    resource_type: str
    least: int
    most: int | None
    repeats: bool
    types: tuple[TypeRef, ...]
    given: dict[str, Any]
    bounds: dict[str, Any]
    longest: int | None
    binding: Binding | None
    invariants: tuple[Invariant, ...]
    slicing: Slicing | None
    content: str
    root: Node | None = None
    slice_name: str = ""
    members: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    def codes(self) -> tuple[str, ...]:
        """The codes of its types."""
        return tuple(one.code for one in self.types)


def compiled(definition: Resource) -> Node:
    """The tree of a StructureDefinition that has a snapshot."""
    url, kind = definition["url"], definition["type"]
    nodes: dict[str, Node] = {}
    root: Node | None = None
    for element in definition["snapshot"]["element"]:
        node = _node(element, url, kind)
        nodes[node.id] = node
        if root is None:
            root = node
            continue
        node.root = root
        above, _, last = node.id.rpartition(".")
        name, colon, slice_name = last.partition(":")
        if colon:
            node.slice_name = slice_name
            _put_slice(nodes, node, f"{above}.{name}" if above else name, slice_name)
        elif above in nodes:
            nodes[above].members[name] = node
    assert root is not None  # a snapshot has its root
    return root


def _put_slice(nodes: dict[str, Node], node: Node, base: str, name: str) -> None:
    """A slice under the element it slices, or under the slice it re-slices (`a/b` is a slice of slice `a`)."""
    outer, _, inner = name.rpartition("/")
    home = nodes.get(f"{base}:{outer}") if outer else None
    if home is not None:
        home.slices[inner] = node
    elif base in nodes:
        nodes[base].slices[name] = node


def _node(element: Resource, url: str, kind: str) -> Node:
    path = element["path"]
    most = element.get("max", "*")
    base = element.get("base", {}).get("max", most)
    own = element.get("id") or path
    return Node(
        id=own,
        path=path,
        name=path.rpartition(".")[2],
        definition=url,
        resource_type=kind,
        least=int(element.get("min", 0)),
        most=None if most == "*" else int(most),
        repeats=base not in {"0", "1"},
        types=_types(element),
        given=_values(element, "fixed", "pattern"),
        bounds=_values(element, "minValue", "maxValue"),
        longest=element.get("maxLength"),
        binding=_binding(element.get("binding", {})),
        invariants=tuple(_invariant(one) for one in element.get("constraint", ()) if one.get("expression")),
        slicing=_slicing(element.get("slicing")),
        content=element.get("contentReference", "").partition("#")[2],
    )


def _values(element: Resource, *stems: str) -> dict[str, Any]:
    """The choice elements of these names: `fixedUri` under `fixed`."""
    found = {}
    for key, value in element.items():
        for stem in stems:
            if key.startswith(stem) and key[len(stem) :][:1].isupper():
                found[stem] = value
    return found


def type_code(given: Resource) -> str:
    """The FHIR type of a type entry: FHIRPath's system types carry it in an extension."""
    code: str = given.get("code", "")
    if not code.startswith("http://hl7.org/fhirpath/"):
        return code
    named = (one for one in given.get("extension", ()) if one.get("url") == FHIR_TYPE)
    extension = next(named, None)
    if extension is None:
        return code.rpartition(".")[2].lower()
    return str(extension.get("valueUrl") or extension.get("valueUri"))


def _types(element: Resource) -> tuple[TypeRef, ...]:
    # R4 and R4B say string of a resource's id in its type's extension, and id in the text and in R5.
    if element.get("base", {}).get("path") == "Resource.id":
        return (TypeRef("id"),)
    return tuple(_type(one) for one in element.get("type", ()))


def _type(given: Resource) -> TypeRef:
    return TypeRef(
        type_code(given),
        tuple(given.get("profile", ())),
        tuple(given.get("targetProfile", ())),
        tuple(given.get("aggregation", ())),
    )


def _binding(given: Resource) -> Binding | None:
    most = next((e.get("valueCanonical", "") for e in given.get("extension", ()) if e.get("url") == MAX_VALUE_SET), "")
    if not most and (given.get("strength") not in {"required", "extensible"} or "valueSet" not in given):
        return None
    return Binding(given["strength"], given.get("valueSet", ""), most)


def _invariant(given: Resource) -> Invariant:
    practice = any(e.get("url") == BEST_PRACTICE and e.get("valueBoolean") for e in given.get("extension", ()))
    return Invariant(
        given["key"], given.get("severity", "error"), given.get("human", ""), given["expression"], practice
    )


def _slicing(given: Resource | None) -> Slicing | None:
    if given is None:
        return None
    how = tuple((one["type"], one["path"]) for one in given.get("discriminator", ()))
    return Slicing(how, bool(given.get("ordered", False)), given.get("rules", "open"))
