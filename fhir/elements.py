"""Which elements every FHIR resource, datatype and backbone element has: the tables behind paths, XML and checks.

Read from `data/elements_*.json.gz`, which `docs/make_fhir_data.py` makes from HL7's StructureDefinitions; they cover
the whole release. A table is called a node here and has the name FHIR's definitions use: a type (`Observation`,
`Quantity`, `boolean`) or the path of a backbone element (`Observation.component`). Tables are read when first asked for.

>>> element_at("Observation.component.valueQuantity.value", "R4").type
'decimal'
>>> element_at("Observation.component.valueMoney", "R4") is None
True
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from trialbridge.base.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.fhir.releases import Release

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Element:
    """One element under its JSON name: a choice type (`value[x]`) gives one of these for each type it may take.

    `path` is the definition's own (`Observation.value[x]`); `type` the FHIR type code; `node` the table of what lies
    below (`Quantity`, `Observation.component`; `Resource` where any resource may stand). `required` says that the
    definition's minimum is at least one, for a choice: that one of its types must be there. `targets` are the
    resource types a Reference or canonical may point at, empty where the definition leaves it open. `attribute` is
    true where XML writes an attribute instead of an element.
    """

    name: str
    path: str
    type: str
    node: str
    is_list: bool
    required: bool
    choice: bool
    primitive: bool
    attribute: bool
    targets: tuple[str, ...]


class _Tables(msgspec.Struct, frozen=True):
    """A data file as it stands."""

    origin: str
    release: str
    fhirVersion: str  # noqa: N815 - the data file's key
    kinds: dict[str, frozenset[str]]
    nodes: dict[str, list[list[Any]]]


@lru_cache(maxsize=2)
def _tables(release: Release) -> _Tables:
    """The whole release."""
    with gzip.open(DATA / f"elements_{release.lower()}.json.gz") as stream:
        return msgspec.json.decode(stream.read(), type=_Tables)


def resource_types(release: Release) -> frozenset[str]:
    """The names of the resource types that may stand in data (`Resource` and `DomainResource` do not)."""
    return _tables(release).kinds["resource"]


def primitive_types(release: Release) -> frozenset[str]:
    """The names of the primitive datatypes: `string`, `decimal`, `xhtml`, ..."""
    return _tables(release).kinds["primitive-type"]


def nodes(release: Release) -> frozenset[str]:
    """Every name `elements` takes: resource types, datatypes, abstract types and paths of backbone elements."""
    return frozenset(_tables(release).nodes)


@cache
def elements(node: str, release: Release) -> Mapping[str, Element]:
    """JSON name -> element of a type (`Observation`) or backbone element (`Observation.component`), in FHIR's order.

    Choice types stand under each JSON name they can have (`valueQuantity`, `valueString`, ...). Of a primitive type
    this is what its underscore twin holds (`_birthDate`): id and extension. Raises UnknownNameError.
    """
    try:
        rows = _tables(release).nodes[node]
    except KeyError:
        raise UnknownNameError(f"FHIR {release} has no type or backbone element {node}.") from None
    return MappingProxyType({element.name: element for row in rows for element in _of_row(node, row, release)})


def _of_row(node: str, row: list[Any], release: Release) -> Iterator[Element]:
    """The elements one row stands for; none where the definition forbids it (maximum 0)."""
    name, types, least, most = row[:4]
    if most == "0":
        return
    stem = name.removesuffix("[x]")
    choice = stem != name
    for given in types:
        code, targets = (given[0], tuple(given[1])) if isinstance(given, list) else (given, ())
        path = f"{node}.{name}"
        below = code
        if code.startswith("#"):  # a content reference: the same content as elsewhere in the resource
            below, code = code[1:], "BackboneElement"
        elif code in {"BackboneElement", "Element"}:
            below = path
        yield Element(
            name=stem + code[0].upper() + code[1:] if choice else stem,
            path=path,
            type=code,
            node=below,
            is_list=most != "1",
            required=least > 0,
            choice=choice,
            primitive=code in _tables(release).kinds["primitive-type"],
            attribute=len(row) > 4,
            targets=targets,
        )


@lru_cache(maxsize=4096)  # paths may come from users: bounded
def element_at(path: str, release: Release) -> Element | None:
    """The element a path of JSON names leads to (`Patient.name.family`, `Observation.valueQuantity.code`), or None.

    Lists are passed through without an index; from a slot for any resource (`contained`, `Bundle.entry.resource`)
    only the elements every resource has are reached.
    """
    node, *names = path.split(".")
    if not names or node not in _tables(release).nodes:
        return None
    element = None
    for name in names:
        element = elements(node, release).get(name) if node in _tables(release).nodes else None
        if element is None:
            return None
        node = element.node
    return element
