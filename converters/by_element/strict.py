"""What is made by elements held against FHIR's structure: each distinct element decoded strictly, once.

A line is surely right where each of its root elements is, and where together they are all that a resource of its type
must have. What is not surely right is left to the boundary check, which says what is wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.by_element.rows import distinct
from trialbridge.converters.by_element.said import filled, put_in
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.strict import Elements, sound

if TYPE_CHECKING:
    from trialbridge.converters.by_element.assembly import Strip
    from trialbridge.converters.by_element.linked import Linked
    from trialbridge.converters.by_element.part import Rows
    from trialbridge.converters.by_element.plan import Element
    from trialbridge.converters.by_element.said import Said
    from trialbridge.fhir.releases import Release

Flags = np.ndarray[Any, np.dtype[np.bool_]]
_elements = lru_cache(maxsize=256)(Elements)


def unsure(part: Rows, carried: list[Strip], members: dict[int, bytes], release: Release) -> Flags:
    """Of each row whether its resource is not surely right. `members` are the rows that are a resource's list, as JSON."""
    plan = part.plan
    known = _elements(plan.mapping.resource, release)
    found = np.zeros(part.columns.height, dtype=bool)
    shapes = []
    for number, element in enumerate(plan.elements):
        if element.each or element.borrowed:
            continue
        codes, entries = part.codes[number], part.entries[number]
        for one in entries:
            if one.sound is None:
                one.sound = all(known.right(name, encode(value)) for name, value in one.made.items())
        wrong = [not one.sound for one in entries]
        if any(wrong):
            found |= np.array(wrong)[codes]
        if element.holes:
            found |= _filled_wrong(part, number, element, known)
        kinds: dict[Any, int] = {}
        numbers = [kinds.setdefault(_shape(one), len(kinds)) for one in entries]
        shapes.append((np.array(numbers, dtype=np.int64)[codes], list(kinds)))
    for strip in () if plan.listed else carried:
        wrong = [bool(one) and not known.right("extension", b"[%s]" % one[1:]) for one in strip.texts]
        if any(wrong) and strip.codes is not None:
            found |= np.array(wrong)[strip.codes]
    first, inverse = distinct(shapes, part.columns.height)
    found |= np.array([not known.complete(_members(part, at)) for at in first.tolist()], dtype=bool)[inverse]
    name, _ = plan.listed or ("", None)
    for at, text in members.items():
        found[at] |= not known.right(name, b"[%s]" % text)
    return found


_PROBE = "a  b"
"""A text that no primitive type takes but those that take any text: it is neither code nor id, url, date or number."""


def _filled_wrong(part: Rows, number: int, element: Element, known: Elements) -> Flags:
    """Of each row whether the text that is passed on verbatim is wrong at its place: of each text once."""
    (variable,) = element.holes
    first, inverse = part.columns.distinct([variable])
    if isinstance(element.holes[variable], float):
        return np.zeros(len(inverse), dtype=bool)  # another number in the same text
    wrong = []
    free: bool | None = None
    for at, (text,) in zip(first.tolist(), part.columns.keys([variable], first), strict=True):
        said = part.entry(number, at)
        if text is not None and free is None:
            free = all(known.right(name, encode(value)) for name, value in put_in(said.made, _PROBE).items())
        if text is None or (free and text.isascii() and encode(text).count(b"\\") == 0):
            wrong.append(False)
            continue
        made = filled(element, said, part.columns, at)
        wrong.append(not all(known.right(name, encode(value)) for name, value in made.items()))
    return np.array(wrong, dtype=bool)[inverse]


def _shape(said: Said) -> tuple[tuple[str, bool], ...]:
    """Which elements there are; and of a primitive's sibling whether an extension may say why the primitive is not there."""
    if said.shape is None:
        said.shape = tuple((name, name[:1] == "_" and "extension" in value) for name, value in said.made.items())
    return said.shape


def _members(part: Rows, at: int) -> dict[str, bytes]:
    """The root elements of one row's resource."""
    found = {"resourceType": b'""', "id": b'"x"'}
    for number, element in enumerate(part.plan.elements):
        if not (element.each or element.borrowed):
            for name, value in part.entry(number, at).made.items():
                found[name] = encode(value)
    if part.plan.listed:
        found.setdefault(part.plan.listed[0], b"[]")
    return found


def unsure_links(made: list[Linked], release: Release) -> list[bytes]:
    """The lines that templates made beside the rows which are not surely right: a template is asked about once."""
    found: list[bytes] = []
    known: dict[int, bool] = {}
    for each in made:
        for at, (template, line) in enumerate(zip(each.templates, each.lines, strict=True)):
            if id(template) not in known:
                texts = [one if isinstance(one, bytes) else _within(one) for one in template.pieces]
                known[id(template)] = sound(b"".join(texts), each.kind, release)
            if at in each.odd or not known[id(template)]:
                found.append(line)
    return found


def _within(column: str) -> bytes:
    """What may stand in a template's hole: an id, or a text that only a plain string takes."""
    return b"x" if column[:1] == "@" else _PROBE.encode()
