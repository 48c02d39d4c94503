"""XML read without entities, document types or network, and written the same way every time.

A document type is refused (none of the standards read here has one), so nothing can be expanded or fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from lxml import etree

_ILLEGAL = {*range(0x20)} - {0x9, 0xA, 0xD} | {0xFFFE, 0xFFFF}


def parse(data: bytes, file: str) -> etree._Element:
    """The root of an XML document. Raises UnreadableInputError naming the line."""
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or None
        message = f"This is not well-formed XML: {error.msg}."
        raise UnreadableInputError(message, Where(file=file, line=line), "fetch it again") from None
    except ValueError as error:
        raise UnreadableInputError(str(error), Where(file=file), "give the file as it was fetched") from None
    if root.getroottree().docinfo.internalDTD is not None:
        message = "It declares a document type, which no XML of this kind does."
        raise UnreadableInputError(message, Where(file=file), "remove the DOCTYPE")
    return root


def local_name(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def line_of(element: etree._Element) -> int | None:
    """The line of the document an element begins at, as far as it is known."""
    known: Any = element.sourceline  # the stubs have no type for it
    return known or None


def child_text(element: etree._Element, path: str) -> str:
    """The text of the first element at a path, stripped; empty if there is none."""
    found = element.find(path)
    return "" if found is None else "".join(str(part) for part in found.itertext()).strip()


def add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new child, with text. Raises DoesNotFitError for characters that XML cannot hold."""
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    for value in (text or "", *attributes.values()):
        check(value, name)
    element = etree.SubElement(parent, name, attributes)
    element.text = text
    return element


def check(text: str, name: str) -> None:
    """Raise DoesNotFitError if XML cannot hold a text."""
    wrong = next((one for one in text if ord(one) in _ILLEGAL or 0xD800 <= ord(one) <= 0xDFFF), None)
    if wrong is not None:
        message = f"XML cannot hold the character U+{ord(wrong):04X}."
        raise DoesNotFitError(message, Where(path=name), "remove it from the record")


def serialize(root: etree._Element | etree._ElementTree) -> bytes:
    """A document as UTF-8 with declaration and line breaks."""
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
