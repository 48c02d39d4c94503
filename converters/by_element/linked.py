"""The resources that are made beside rows by templates (`by_element.links`): one for each key, of the first row that has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.by_element.rows import UnfitError
from trialbridge.converters.by_element.said import hole_text, mark
from trialbridge.fhir.jsontext import decode

if TYPE_CHECKING:
    from trialbridge.converters.by_element.part import Rows
    from trialbridge.converters.by_element.rows import Codes, Columns
    from trialbridge.converters.by_element.said import Said
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Resource


@dataclass(slots=True)
class Linked:
    """Resources of one type that the rows of one mapping link to."""

    name: str
    """How the mapping calls them."""
    kind: str
    rows: Codes
    """The rows that made them, by number in the dataset's part at hand."""
    ids: list[str]
    templates: list[Said]
    """Of each resource what it was made from."""
    of_rows: list[str | None]
    """Of each row of the mapping the id of the resource that it links to."""
    lines: list[bytes] = field(default_factory=list)
    odd: set[int] = field(default_factory=set)
    """The resources (from 0) with a text of the row's that is more than plain ASCII: it may be none for FHIR."""
    _index: dict[str, int] = field(default_factory=dict)

    def resource(self, wanted: str) -> Resource | None:
        """The resource of that id."""
        if not self._index:
            self._index = {one: at for at, one in enumerate(self.ids)}
        at = self._index.get(wanted)
        return None if at is None else decode(self.lines[at])


def linked(part: Rows, number: int, ctx: Context) -> Linked | None:
    """What the templates of an element make. Raises UnfitError where rows of one key would make different things."""
    its = part.plan.elements[number].links
    entries, codes = part.entries[number], part.codes[number]
    if its is None or its.part is None or not any(one.link for one in entries):
        return None
    if not part.mine.all():
        raise UnfitError("rows that are handed on")
    places, ids = part.columns.column(its.id_of)
    rows = np.flatnonzero(np.array([bool(one.link) for one in entries])[codes])
    first = np.zeros(len(ids), dtype=np.int64)
    first[places[rows[::-1]]] = rows[::-1]
    if (codes[rows] != codes[first[places[rows]]]).any():
        raise UnfitError("rows of one key that say different things of it")
    made = np.unique(first[places[rows]])
    of_rows: list[str | None] = [None] * len(codes)
    for row, at in zip(rows.tolist(), places[rows].tolist(), strict=True):
        of_rows[row] = ids[at]
    mine = [ids[at] for at in places[made].tolist()]
    templates = [entries[at] for at in codes[made].tolist()]
    found = Linked(its.part.name, its.part.type, part.rows[made], mine, templates, of_rows)
    _write(found, part.columns, made)
    for variable in its.sealed:
        _tell_names(found, variable, part.columns, made, ctx)
    return found


def _write(found: Linked, columns: Columns, rows: Codes) -> None:
    """Join the resources of these rows, as JSON."""
    of: dict[int, list[int]] = {}
    for at, one in enumerate(found.templates):
        of.setdefault(id(one), []).append(at)
    texts: dict[str, list[bytes]] = {}
    found.lines = [b""] * len(rows)
    for places in of.values():
        pieces: list[Any] = []
        for piece in found.templates[places[0]].pieces:
            if isinstance(piece, bytes):
                pieces.append(repeat(piece))
                continue
            numbers, values = columns.column(piece)
            if piece not in texts:
                texts[piece] = [hole_text(value) for value in values]
            cells = [texts[piece][at] for at in numbers[rows[places]].tolist()]
            pieces.append(cells)
            if piece[:1] != "@":
                found.odd.update(at for at, cell in zip(places, cells, strict=True) if not plain(cell))
        for at, line in zip(places, map(b"".join, zip(*pieces, strict=False)), strict=False):
            found.lines[at] = line


def plain(text: bytes) -> bool:
    """Whether a JSON text is plain ASCII, without anything escaped."""
    return text.isascii() and b"\\" not in text


def _tell_names(found: Linked, variable: str, columns: Columns, rows: Codes, ctx: Context) -> None:
    """Tell the context by which name lesions can be read that are not among its resources."""
    system, text = ctx.url("tulnkid"), mark(variable)
    known: dict[int, bool] = {}
    names = [values[at] for numbers, values in [columns.column(variable)] for at in numbers[rows].tolist()]
    for template, one, name in zip(found.templates, found.ids, names, strict=True):
        if id(template) not in known:
            its = [each.get("value") for each in template.link.get("identifier") or () if each.get("system") == system]
            known[id(template)] = its[:1] == [text]
        if known[id(template)]:
            ctx.lesion_names[f"{found.kind}/{one}"] = name
