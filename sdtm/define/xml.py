"""Reading and writing define.xml: the declarations of `elements`, followed in either direction.

What is read is written again as the same document: elements in the order of the official schema, attributes in the
order of their declaration. What no declaration knows (a vendor's extension, ARM's analysis results, texts in a second
language) is not kept, and a finding names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_file
from trialbridge.base.xmltree import check, line_of, local_name, parse, serialize
from trialbridge.sdtm.define import elements as spelt
from trialbridge.sdtm.define.define_2_0 import upgrade
from trialbridge.sdtm.define.model import Define

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from lxml import etree

    from trialbridge.sdtm.define.elements import Attribute, Child, Element

ODM = "http://www.cdisc.org/ns/odm/v1.3"
DEF = "http://www.cdisc.org/ns/def/v2.1"
XLINK = "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {"def": DEF, "xlink": XLINK}
_LANG = f"{{{XML}}}lang"


@dataclass(frozen=True, slots=True)
class Reading:
    """A define as read, and findings on what it holds that the standard does not know."""

    define: Define
    findings: tuple[Finding, ...] = ()


# --- writing ----------------------------------------------------------------------------------------------------------


def write(define: Define, target: Path, stylesheet: str = "") -> Path:
    """The file, whole or not at all. `stylesheet` is the href of an XSL to be named at its head."""
    with whole_file(target) as part:
        part.write_bytes(to_bytes(define, stylesheet))
    return target


def to_bytes(define: Define, stylesheet: str = "") -> bytes:
    """The document: the same define gives the same bytes. Raises DoesNotFitError for characters XML cannot hold."""
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    prefixes: dict[Any, str] = {None: ODM, **_PREFIXES}  # the stubs know no default namespace
    root = etree.Element(f"{{{ODM}}}ODM", nsmap=prefixes)
    root.set("FileType", "Snapshot")
    root.set("ODMVersion", "1.3.2")
    _set(root, spelt.FILE_ATTRIBUTES, define)
    study = etree.SubElement(root, f"{{{ODM}}}Study", OID=define.study_oid)
    about = etree.SubElement(study, f"{{{ODM}}}GlobalVariables")
    for field, name in spelt.GLOBAL:
        etree.SubElement(about, f"{{{ODM}}}{name}").text = _fit(getattr(define, field), name)
    version = etree.SubElement(study, f"{{{ODM}}}MetaDataVersion")
    _set(version, spelt.VERSION_ATTRIBUTES, define)
    _append(version, spelt.VERSION_CHILDREN, define)
    if stylesheet:
        root.addprevious(etree.ProcessingInstruction("xml-stylesheet", f'type="text/xsl" href="{stylesheet}"'))
    return serialize(root.getroottree())


def _set(node: etree._Element, attributes: tuple[Attribute, ...], record: Any) -> None:
    for one in attributes:
        value = getattr(record, one.field)
        if one.kind == "yes-no":
            node.set(_tag(one.name, attribute=True), "Yes" if value else "No")
        elif one.kind == "yes":
            if value:
                node.set(_tag(one.name, attribute=True), "Yes")
        elif one.required or value not in ("", None):
            node.set(_tag(one.name, attribute=True), _fit(str(value), one.name))


def _append(node: etree._Element, children: tuple[Child, ...], record: Any) -> None:
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    for child in children:
        value = getattr(record, child.field)
        values = value if child.many else (value,) if value not in ("", None) else ()
        values = [one for one in values if child.when is None or child.when(one)]
        outer, _, name = child.name.rpartition("/")
        home = etree.SubElement(node, _tag(outer)) if outer and values else node
        for one in values:
            try:
                _child(etree.SubElement(home, _tag(name)), child, one)
            except DoesNotFitError as error:
                raise _within(error, name, one) from None


def _within(error: DoesNotFitError, name: str, record: Any) -> DoesNotFitError:
    """The error with the element around it before its path: which codelist, which item."""
    oid = getattr(record, "oid", "")
    here = f"{name.rpartition(':')[2]}[@OID='{oid}']" if oid else name.rpartition(":")[2]
    path = f"{here}/{error.where.path}" if error.where.path != here else here
    return DoesNotFitError(error.message, replace(error.where, path=path), "remove it from the data, or from the file")


def _child(node: etree._Element, child: Child, value: Any) -> None:
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    if child.of == "content":
        node.text = _fit(value, child.name)
    elif child.of == "text":
        inner = etree.SubElement(node, f"{{{ODM}}}TranslatedText")
        inner.set(_LANG, "en")
        inner.text = _fit(value, child.name)
    elif isinstance(child.of, str):
        node.set(child.of, _fit(value, child.name))
    else:
        _set(node, child.of.attributes, value)
        _append(node, child.of.children, value)
        if child.of.content:
            node.text = _fit(getattr(value, child.of.content), child.name)


def _fit(text: str, name: str) -> str:
    check(text, name)
    return text


def _tag(name: str, *, attribute: bool = False) -> str:
    prefix, _, local = name.rpartition(":")
    if prefix:
        return f"{{{_PREFIXES[prefix]}}}{local}"
    return local if attribute else f"{{{ODM}}}{local}"


# --- reading ----------------------------------------------------------------------------------------------------------


def is_define(head: bytes) -> bool:
    """Whether a file that begins like this is a define.xml."""
    return b"<ODM" in head and b"http://www.cdisc.org/ns/def/v2." in head


def read(path: Path) -> Reading:
    """A define.xml of version 2.1 or 2.0. Raises UnreadableInputError naming the file, the line and the element."""
    return from_bytes(path.read_bytes(), path.name)


def from_bytes(data: bytes, file: str = "define.xml") -> Reading:
    """As `read`, of a document at hand."""
    root = parse(data, file)
    if root.tag != f"{{{ODM}}}ODM":
        raise _wrong(f"The root is {local_name(root)}, not ODM 1.3.", root, file, "give a Define-XML 2.0 or 2.1 file")
    upgrade(root, file)
    reader = _Reader(file)
    version = reader.one(root, "Study/MetaDataVersion")
    study = reader.one(root, "Study")
    about = reader.one(root, "Study/GlobalVariables")
    reader.apart(root, ("Study",))
    reader.apart(study, ("GlobalVariables", "MetaDataVersion"), {"OID"})
    reader.apart(about, tuple(name for _, name in spelt.GLOBAL), set())
    told: dict[str, Any] = {
        "study_oid": study.get("OID") or "",
        **{field: (about.findtext(f"{{{ODM}}}{name}") or "").strip() for field, name in spelt.GLOBAL},
        **reader.attributes(root, spelt.FILE_ATTRIBUTES, {"FileType", "ODMVersion"}),
        **reader.attributes(version, spelt.VERSION_ATTRIBUTES),
        **reader.children(version, spelt.VERSION_CHILDREN),
    }
    return Reading(Define(**told), tuple(reader.findings()))


class _Reader:
    """Reads elements by their declarations and notes what no declaration knows, each kind once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.unknown: dict[str, tuple[int, int]] = {}

    def one(self, root: etree._Element, path: str) -> etree._Element:
        """The first element at a path. Raises UnreadableInputError."""
        found = root.find("/".join(f"{{{ODM}}}{name}" for name in path.split("/")))
        if found is None:
            raise _wrong(f"It has no {path}.", root, self.file, "give a whole define.xml")
        return found

    def apart(self, node: etree._Element, names: tuple[str, ...] = (), attributes: set[str] | None = None) -> None:
        """Note what stands beside these elements, each of them once, and beside these attributes (None: any may)."""
        left = [f"{{{ODM}}}{name}" for name in names]
        for inner in node:
            if inner.tag in left:
                left.remove(str(inner.tag))
            else:
                self._note(f"{_shown(node.tag)}/{_shown(inner.tag)}", inner)
        for name in node.attrib if attributes is not None else ():
            if str(name) not in (attributes or ()):
                self._note(f"{_shown(node.tag)}/@{_shown(name)}", node)

    def record(self, node: etree._Element, of: Element) -> Any:
        """The record of an element."""
        told = {**self.attributes(node, of.attributes), **self.children(node, of.children)}
        if of.content:
            told[of.content] = "".join(str(part) for part in node.itertext())
        return of.record(**told)

    def attributes(
        self,
        node: etree._Element,
        known: tuple[Attribute, ...],
        also: AbstractSet[str] = frozenset(),
    ) -> dict[str, Any]:
        """The fields that are attributes."""
        told: dict[str, Any] = {}
        left = {str(name) for name in node.attrib} - also
        for one in known:
            name = _tag(one.name, attribute=True)
            text = node.get(name)
            left.discard(name)
            if text is None and one.required:
                raise _wrong(f"{local_name(node)} has no {one.name}.", node, self.file, "add the attribute")
            if text is not None:
                told[one.field] = self._value(node, one, text)
        for name in left:
            self._note(f"{_shown(node.tag)}/@{_shown(name)}", node)
        return told

    def _value(self, node: etree._Element, one: Attribute, text: str) -> Any:
        if one.kind == "integer":
            try:
                return int(text)
            except ValueError:
                message = f"{local_name(node)}/@{one.name} is {text!r}, no whole number."
                raise _wrong(message, node, self.file, "correct the number") from None
        return text == "Yes" if one.kind in ("yes", "yes-no") else text

    def children(self, node: etree._Element, known: tuple[Child, ...]) -> dict[str, Any]:
        """The fields that are elements."""
        told: dict[str, Any] = {}
        by_tag = {_tag(part): child for child in known for part in (child.name.split("/")[0],)}
        for inner in node:
            child = by_tag.get(str(inner.tag))
            if child is None:
                self._note(f"{_shown(node.tag)}/{_shown(inner.tag)}", inner)
                continue
            nodes = self._inside(inner, child) if "/" in child.name else [inner]
            for one in nodes:
                if not child.many and child.field in told:
                    self._note(f"{_shown(node.tag)}/{_shown(one.tag)}", one)
                    continue
                value = self._child(one, child)
                if child.many:
                    told[child.field] = (*told.get(child.field, ()), value)
                else:
                    told[child.field] = value
        return told

    def _inside(self, node: etree._Element, child: Child) -> list[etree._Element]:
        """The elements of an element that only holds others; what else is in it is noted."""
        wanted = _tag(child.name.rpartition("/")[2])
        for one in node:
            if one.tag != wanted:
                self._note(f"{_shown(node.tag)}/{_shown(one.tag)}", one)
        for name in node.attrib:
            self._note(f"{_shown(node.tag)}/@{_shown(name)}", node)
        return [one for one in node if one.tag == wanted]

    def _child(self, node: etree._Element, child: Child) -> Any:
        if isinstance(child.of, str) and child.of != "text":
            self.apart(node, attributes=set() if child.of == "content" else {child.of})
        if child.of == "content":
            return node.text or ""
        if child.of == "text":
            return self._text(node)
        if isinstance(child.of, str):
            return node.get(child.of) or ""
        return self.record(node, child.of)

    def _text(self, node: etree._Element) -> str:
        """The text in English, or in the language that comes first."""
        texts = [one for one in node if one.tag == f"{{{ODM}}}TranslatedText"]
        for one in node:
            if one not in texts:
                self._note(f"{_shown(node.tag)}/{_shown(one.tag)}", one)
        english = [one for one in texts if (one.get(_LANG) or "en").startswith("en")]
        chosen = (english or texts)[:1]
        for one in texts:
            if one not in chosen:
                self._note(f"{_shown(node.tag)}/TranslatedText[@xml:lang='{one.get(_LANG)}']", one)
        return (chosen[0].text or "").strip() if chosen else ""

    def _note(self, path: str, node: etree._Element) -> None:
        line, times = self.unknown.get(path, (line_of(node) or 0, 0))
        self.unknown[path] = (line, times + 1)

    def findings(self) -> Iterator[Finding]:
        """A warning for each kind of thing that was passed over."""
        for path, (line, times) in self.unknown.items():
            message = f"{times} times {path}: not part of Define-XML 2.1 as read here, so it is not kept."
            where = Where(file=self.file, line=line or None, path=path)
            yield Finding(
                "TB-DEFINE-0001", Severity.WARNING, where, message, "keep the original beside what is written"
            )


def _shown(name: Any) -> str:
    text = str(name)
    namespace, _, local = text.rpartition("}")
    prefix = {DEF: "def:", XLINK: "xlink:", XML: "xml:"}.get(namespace[1:], "" if namespace[1:] in ("", ODM) else "?:")
    return f"{prefix}{local}"


def _wrong(message: str, node: etree._Element, file: str, fix: str) -> UnreadableInputError:
    return UnreadableInputError(message, Where(file=file, line=line_of(node)), fix)
