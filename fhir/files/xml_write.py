"""A resource as FHIR XML text (https://hl7.org/fhir/R4/xml.html): nothing of the JSON is left out or altered.

Order, lists and types come from the element tables. The narrative's xhtml goes in as it stands. What XML could not give
back (an element the release does not know, a string where a number belongs, null, an empty list) is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from html.entities import html5
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.parsers import expat

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where
from trialbridge.fhir.elements import elements, resource_types
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.located import is_resource, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.fhir.elements import Element
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
INTEGERS = frozenset({"integer", "unsignedInt", "positiveInt"})
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})


def xml_text(resource: Resource, release: Release) -> str:
    """The XML document of one resource (a Bundle too), indented, without declaration.

    Raises DoesNotFitError, with the path, for what FHIR XML of this release cannot hold.
    """
    page = _Page(release)
    try:
        page.resource(resource, "", 0, f' xmlns="{FHIR}"')
    except RecursionError:
        raise DoesNotFitError("The resource is nested too deeply.", Where(resource=name_of(resource))) from None
    return "".join(page.out)


def _refuse(path: str, message: str) -> DoesNotFitError:
    return DoesNotFitError(message, Where(path=path), "Mend the resource; fhir.check says what is wrong with it.")


@dataclass(slots=True)
class _Page:
    """The document being written: its lines so far. A path says where in the resource a method stands."""

    release: Release
    out: list[str] = field(default_factory=list)

    def resource(self, resource: Any, path: str, depth: int, attributes: str = "") -> None:
        """A resource as an element of its type's name."""
        if not is_resource(resource) or resource["resourceType"] not in resource_types(self.release):
            raise _refuse(path, f"This is no resource of FHIR {self.release}.")
        kind = resource["resourceType"]
        members = {key: value for key, value in resource.items() if key != "resourceType"}
        self.object(Tag(kind, kind, attributes), members, path or kind, depth)

    def object(self, tag: Tag, value: Any, path: str, depth: int) -> None:
        """An object as an element: its attributes, then its children in the definition's order."""
        table = elements(tag.node, self.release)
        if not isinstance(value, dict):
            raise _refuse(path, "An object belongs here.")
        for key in value:
            if not _may_stand(key, table):
                raise _refuse(f"{path}.{key}", f"FHIR {self.release} has no such element.")
        start = f"{'  ' * depth}<{tag.name}{tag.attributes}"
        for name, element in table.items():
            if element.attribute and name in value:
                start += f' {name}="{_attribute(value[name], element, f"{path}.{name}")}"'
        at = len(self.out)
        self.out.append(start + ">\n")
        for name, element in table.items():
            if not element.attribute and (name in value or "_" + name in value):
                for own, twin, place in _members(value, element, f"{path}.{name}"):
                    self.member(element, own, twin, place, depth + 1)
        if len(self.out) == at + 1:
            self.out[at] = start + "/>\n"
        else:
            self.out.append(f"{'  ' * depth}</{tag.name}>\n")

    def member(self, element: Element, own: Any, twin: Any, path: str, depth: int) -> None:
        """One value of an element: xhtml, a primitive, a resource in its slot, or an object."""
        indent = "  " * depth
        if element.type == "xhtml":
            self.out.append(f"{indent}{_narrative(own, path)}\n")
        elif element.primitive:
            if own is None and not twin:
                raise _refuse(path, "The primitive has neither value nor extension.")
            if twin == {}:
                raise _refuse(path, "The primitive's id and extensions are empty.")
            attributes = "" if own is None else f' value="{_attribute(own, element, path)}"'
            self.object(Tag(element.name, element.type, attributes), {} if twin is None else twin, path, depth)
        elif element.node == "Resource":
            self.out.append(f"{indent}<{element.name}>\n")
            self.resource(own, path, depth + 1)
            self.out.append(f"{indent}</{element.name}>\n")
        else:
            self.object(Tag(element.name, element.node), own, path, depth)


class Tag(NamedTuple):
    """An element to be opened: its name, the table of what lies inside, attributes already written."""

    name: str
    node: str
    attributes: str = ""


def _may_stand(key: str, table: Mapping[str, Element]) -> bool:
    """Whether an object may have this key: `_name` is for primitives alone, and not for attributes."""
    element = table.get(key)
    if element is None and key.startswith("_"):
        element = table.get(key[1:])
        return element is not None and element.primitive and not element.attribute and element.type != "xhtml"
    return element is not None


def _members(value: Mapping[str, Any], element: Element, path: str) -> Iterator[tuple[Any, Any, str]]:
    """Each value of an element with what its underscore twin holds, and its path."""
    name = element.name
    own, twin = value.get(name), value.get("_" + name)
    for key, given in ((name, own), ("_" + name, twin)):
        if key not in value:
            continue
        if given is None:
            raise _refuse(path, "null cannot stand here.")
        if isinstance(given, list) is not element.is_list:
            raise _refuse(path, "A list belongs here." if element.is_list else "A list cannot stand here.")
        if element.is_list and all(member is None for member in given):
            raise _refuse(path, "The list is empty.")
    if not element.is_list:
        yield own, twin, path
        return
    if own and twin and len(own) != len(twin):
        raise _refuse(path, "The list and its underscore twin are of different length.")
    length = len(own or twin or ())
    for number in range(length):
        yield own[number] if own else None, twin[number] if twin else None, f"{path}[{number}]"


def _attribute(value: Any, element: Element, path: str) -> str:
    """The text of a primitive value as an attribute; refused where reading it back would give something else."""
    if element.type == "boolean":
        if isinstance(value, bool):
            return "true" if value else "false"
        raise _refuse(path, "true or false belongs here.")
    if element.type in INTEGERS:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise _refuse(path, "An integer belongs here.")
    if element.type == "decimal":
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite():
            return encode(value).decode()
        raise _refuse(path, "A number belongs here.")
    if not isinstance(value, str):
        raise _refuse(path, "A string belongs here.")
    if _ILLEGAL.search(value):
        raise _refuse(path, "The text has a control character, which XML cannot hold.")
    return value.translate(_ESCAPES)


def _narrative(value: Any, path: str) -> str:
    """The xhtml as it stands; HTML's named entities (`&nbsp;`), which XML does not know, as numbers."""
    if not isinstance(value, str):
        raise _refuse(path, "The narrative is a string of xhtml.")
    text = _NAMED.sub(_numbered, value.strip())
    roots: list[str] = []
    depth = [0]

    def start(name: str, _: dict[str, str]) -> None:
        if not depth[0]:
            roots.append(name)
        depth[0] += 1

    def end(_: str) -> None:
        depth[0] -= 1

    def doctype(*_: Any) -> None:
        raise _refuse(path, "The narrative declares a document type.")

    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, doctype
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003 - expat's "this is all"
    except (expat.ExpatError, UnicodeEncodeError):
        raise _refuse(path, "The narrative is not well-formed xhtml.") from None
    if roots != [f"{XHTML} div"] or text.startswith("<?"):
        raise _refuse(path, f'The narrative must be one <div xmlns="{XHTML}">.')
    return text


def _numbered(matched: re.Match[str]) -> str:
    """A named entity as character references."""
    name = matched[1]
    if name in _XML_ENTITIES or name not in html5:
        return matched[0]
    return "".join(f"&#{ord(char)};" for char in html5[name])
