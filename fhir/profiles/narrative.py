"""The XHTML of a narrative: well-formed, without script or form, with some content (R4 narrative.html, txt-1, txt-2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator

XHTML = "http://www.w3.org/1999/xhtml"
ELEMENTS = frozenset(
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li "
    "ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var".split()
)
ATTRIBUTES = frozenset(
    "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset "
    "cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel "
    "rev rowspan rules scope shape span src start style summary tabindex title type valign value vspace width".split()
)
_NAMED = re.compile(r"&(?!#|(?:amp|lt|gt|quot|apos);)[A-Za-z][A-Za-z0-9]*;")


def narrative_faults(text: str) -> Iterator[str]:
    """What is wrong with a narrative's div. The text itself is never quoted.

    >>> list(narrative_faults('<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">a</p></div>'))
    ['The attribute onclick cannot stand in a narrative.']
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        # HTML's named characters (&nbsp;) are allowed by FHIR though XML knows five: as a blank they do no harm.
        root = etree.fromstring(_NAMED.sub("&#160;", text).encode(), parser)
    except etree.XMLSyntaxError:
        yield "The narrative is not well-formed XHTML."
        return
    if root.tag != f"{{{XHTML}}}div":
        yield "A narrative is one div in the namespace of XHTML."
        return
    yield from dict.fromkeys(_forbidden(root))
    images = root.iter(f"{{{XHTML}}}img")
    if not "".join(map(str, root.itertext())).strip() and next(images, None) is None:
        yield "A narrative has some text or an image."


def _forbidden(root: etree._Element) -> Iterator[str]:
    for element in root.iter():
        tag: Any = element.tag
        if tag is etree.PI:
            yield "A processing instruction cannot stand in a narrative."
        if not isinstance(tag, str):  # a comment or the like
            continue
        name: Any = etree.QName(tag)
        if name.namespace != XHTML or name.localname not in ELEMENTS:
            yield f"The element {name.localname} cannot stand in a narrative."
        for attribute in element.attrib:
            own: Any = etree.QName(
                str(attribute)
            )  # its namespace is None for a plain attribute, whatever its stub says
            if own.namespace is None and own.localname not in ATTRIBUTES:
                yield f"The attribute {own.localname} cannot stand in a narrative."
        link = element.get("href", "") + element.get("src", "")
        if link.strip().lower().startswith("javascript:"):
            yield "A link cannot run a script in a narrative."
