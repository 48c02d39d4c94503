"""FHIR XML text as resources (https://hl7.org/fhir/R4/xml.html), safely.

Parsed by expat, not lxml, for one reason: it tells where in the bytes an element lies, so the narrative's xhtml and a
rejected entry are kept letter for letter. A document type is refused as soon as it begins, before any entity could be
declared, so nothing is expanded (billion laughs) and nothing fetched (XXE); depth is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.fhir.elements import elements, resource_types
from trialbridge.fhir.files.bundle import REJECTED, items_of
from trialbridge.fhir.files.xml_write import FHIR, INTEGERS, XHTML
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import reject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.fhir.elements import Element
    from trialbridge.fhir.located import Item, Resource
    from trialbridge.fhir.releases import Release

DEEPEST = 200  # elements inside one another; official examples stay below 40
_DECLARED = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._\-]+)["']""")
_START_TAG = re.compile(rb"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*(/?)>""")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_SCHEMA_HINT = "http://www.w3.org/2001/XMLSchema-instance "


@dataclass(slots=True, eq=False)
class Node:
    """An element as parsed: `namespace name`, attributes, children; where its text lies in the bytes."""

    tag: str
    attributes: dict[str, str]
    line: int
    start: int
    end: int = 0
    children: list[Node] = field(default_factory=list)
    has_text: bool = False
    scope: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name without its namespace."""
        return self.tag.rpartition(" ")[2]


def read(data: bytes, file: str, release: Release) -> Iterator[Item]:
    """The resources of one XML document: a resource, or a Bundle, whose wrong entries are rejected one by one.

    Raises UnreadableInputError where the document is not well-formed, declares a document type or is not FHIR.
    """
    text = _as_utf8(data, file)
    root = _parsed(text, file)
    if not root.tag.startswith(FHIR + " "):
        message = f"This is XML, but not FHIR: its root is not in the namespace {FHIR}."
        raise UnreadableInputError(message, Where(file=file), "Give FHIR XML.")
    entries = [child for child in root.children if root.name == "Bundle" and child.name == "entry"]
    if entries:
        root.children = [child for child in root.children if child.name != "entry"]
    try:
        resource = _resource(root, release, "", text)
    except TrialbridgeError as error:
        where = Where(file=file, line=error.where.line, path=error.where.path)
        yield reject(source(root, text), where, error.message, error.fix)
        return
    read_entries: list[Any] = []
    for number, entry in enumerate(entries):
        try:
            read_entries.append(_entry(entry, release, f"Bundle.entry[{number}]", text))
        except TrialbridgeError as error:
            where = Where(file=file, line=error.where.line, path=error.where.path)
            yield reject(source(entry, text), where, error.message, error.fix)
            read_entries.append(REJECTED)
    yield from items_of({**resource, "entry": read_entries} if entries else resource, file)


def _entry(node: Node, release: Release, path: str, data: bytes) -> dict[str, Any]:
    """One entry of a Bundle."""
    if node.tag != f"{FHIR} entry":
        raise _wrong(node, path, f"FHIR {release} has no such element.")
    return _object(node, "Bundle.entry", release, path, data)


def _as_utf8(data: bytes, file: str) -> bytes:
    """The document in UTF-8, whatever it is written in."""
    declared = _DECLARED.match(data)
    name = declared[1].decode() if declared else "utf-8"
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        name = "utf-16"
    elif data.startswith(b"\xef\xbb\xbf"):
        name = "utf-8-sig"
    try:
        return data.decode(name).encode()
    except (LookupError, ValueError):
        message = f"The XML is not in the encoding it names ({name})."
        raise UnreadableInputError(message, Where(file=file), "Save the file as UTF-8.") from None


def _parsed(data: bytes, file: str) -> Node:
    """The document's root."""
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    top = Node("", {}, 0, 0)
    open_nodes = [top]
    scope: dict[str, str] = {}

    def refused(message: str, fix: str) -> UnreadableInputError:
        return UnreadableInputError(message, Where(file=file, line=parser.CurrentLineNumber), fix)

    def doctype(*_: Any) -> None:
        raise refused(
            "The XML declares a document type (DOCTYPE), which FHIR forbids.", "Remove the DOCTYPE and its entities."
        )

    def start(tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag, attributes, parser.CurrentLineNumber, parser.CurrentByteIndex)
        if not open_nodes[-1].tag.startswith(XHTML):  # what lies inside xhtml is kept as text alone
            open_nodes[-1].children.append(node)
            node.scope = dict(scope) if tag.startswith(XHTML) else {}
        open_nodes.append(node)
        if len(open_nodes) > DEEPEST:
            raise refused(f"The XML is nested more than {DEEPEST} deep.", "This is no FHIR resource.")

    def end(_: str) -> None:
        open_nodes.pop().end = parser.CurrentByteIndex

    def text(characters: str) -> None:
        if characters.strip():
            open_nodes[-1].has_text = True

    def namespace(prefix: str | None, uri: str | None) -> None:
        scope[prefix or ""] = uri or ""

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler, parser.StartNamespaceDeclHandler = doctype, namespace
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat's "this is all"
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        where = Where(file=file, line=error.lineno)
        raise UnreadableInputError(
            f"This is not well-formed XML: {what}.", where, "Export the file again; it may be cut."
        ) from None
    return top.children[0]


def source(node: Node, data: bytes) -> str:
    """The element's text as it stands in the document."""
    matched = _START_TAG.match(data, node.start)
    empty = matched is not None and matched[1] == b"/"
    stop = matched.end() if matched and empty else data.index(b">", node.end) + 1
    return data[node.start : stop].decode()


def _wrong(node: Node, path: str, message: str) -> UnreadableInputError:
    return UnreadableInputError(message, Where(line=node.line, path=path), "Mend the resource at its source.")


def _resource(node: Node, release: Release, path: str, data: bytes) -> Resource:
    """A resource element as JSON."""
    kind = node.name
    if node.tag != f"{FHIR} {kind}" or kind not in resource_types(release):
        raise _wrong(node, path or kind, f"FHIR {release} has no resource {kind}.")
    return {"resourceType": kind, **_object(node, kind, release, path or kind, data)}


def _object(node: Node, table_name: str, release: Release, path: str, data: bytes) -> dict[str, Any]:
    """An element with children as a JSON object."""
    table = elements(table_name, release)
    if node.has_text:
        raise _wrong(node, path, "Text stands between the elements.")
    made: dict[str, Any] = {}
    for name, value in node.attributes.items():
        if not name.startswith(_SCHEMA_HINT):
            if name not in table or not table[name].attribute:
                raise _wrong(node, f"{path}.{name}", f"FHIR {release} has no such attribute.")
            made[name] = value
    groups: dict[str, list[Node]] = {}
    for child in node.children:
        groups.setdefault(child.name, []).append(child)
    for name, group in groups.items():
        element = table.get(name)
        namespace = XHTML if element and element.type == "xhtml" else FHIR
        if element is None or element.attribute or any(child.tag != f"{namespace} {name}" for child in group):
            raise _wrong(group[0], f"{path}.{name}", f"FHIR {release} has no such element.")
        if len(group) > 1 and not element.is_list:
            raise _wrong(group[1], f"{path}.{name}", "The element may stand only once.")
        made |= _element(group, element, release, f"{path}.{name}", data)
    return made


def _element(group: list[Node], element: Element, release: Release, path: str, data: bytes) -> dict[str, Any]:
    """One element, or a list's elements, under its JSON name and its underscore twin's."""
    name = element.name
    places = [f"{path}[{number}]" for number in range(len(group))] if element.is_list else [path]
    if element.type == "xhtml":
        return {name: _narrative(group[0], data)}
    if not element.primitive:
        values = [_value(node, element, release, place, data) for node, place in zip(group, places, strict=True)]
        return {name: values if element.is_list else values[0]}
    pairs = [_primitive(node, element, release, place, data) for node, place in zip(group, places, strict=True)]
    made: dict[str, Any] = {}
    for key, members in ((name, [own for own, _ in pairs]), ("_" + name, [twin for _, twin in pairs])):
        if any(member is not None for member in members):
            made[key] = members if element.is_list else members[0]
    return made


def _value(node: Node, element: Element, release: Release, path: str, data: bytes) -> Any:
    """A complex element, or the resource in a slot for one."""
    if element.node != "Resource":
        return _object(node, element.node, release, path, data)
    if len(node.children) != 1 or node.attributes or node.has_text:
        raise _wrong(node, path, "Exactly one resource belongs here.")
    return _resource(node.children[0], release, path, data)


def _primitive(
    node: Node, element: Element, release: Release, path: str, data: bytes
) -> tuple[Any, dict[str, Any] | None]:
    """The value of a primitive element, and its id and extensions."""
    text = node.attributes.pop("value", None)
    twin = _object(node, element.type, release, path, data) if node.attributes or node.children or node.has_text else {}
    if text is None and not twin:
        raise _wrong(node, path, "The primitive has neither value nor extension.")
    return (None if text is None else _typed(text, element, node, path)), twin or None


def _typed(text: str, element: Element, node: Node, path: str) -> Any:
    """A value's text as JSON has it."""
    if element.type == "boolean":
        if text not in {"true", "false"}:
            raise _wrong(node, path, "true or false belongs here.")
        return text == "true"
    if element.type in INTEGERS:
        if not _INTEGER.fullmatch(text):
            raise _wrong(node, path, "An integer belongs here.")
        return decode(text)
    if element.type == "decimal":
        if not _NUMBER.fullmatch(text):
            raise _wrong(node, path, "A number belongs here.")
        return decode(text)
    return text


def _narrative(node: Node, data: bytes) -> str:
    """The xhtml as it stands in the document, line ends too; declarations it inherits are added: it must stand alone."""
    text = source(node, data)
    tag = text[: text.index(">")]
    missing = ""
    for prefix, uri in node.scope.items():
        mark = f"xmlns:{prefix}=" if prefix else "xmlns="
        used = f"{prefix}:" in text if prefix else text.startswith("<div")
        if mark not in tag and used:
            missing += f' {mark}"{uri}"'
    name = re.match(r"<[^\s/>]+", text)
    at = name.end() if name else 0
    return text[:at] + missing + text[at:]
