"""The lines of resources, joined of encoded elements in the order of FHIR's definitions.

A strip is a text for every row, given by a code for each row and a text for each code. Neighbours that say little
between them become one strip, so that a line is joined of few pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.by_element.rows import UnfitError
from trialbridge.converters.by_element.said import OTHER, hole_text, interned
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.converters.by_element.part import Rows
    from trialbridge.converters.by_element.rows import Codes, Column
    from trialbridge.converters.by_element.said import Said
    from trialbridge.converters.ledger import Ledger

_NO_TEXT = (b"", b"")
_NO_HOLE: Column = (np.zeros(0, dtype=np.int64), [None])
_Counted = tuple["Codes", "list[tuple[tuple[str, str], ...]]"]
_Places = dict[tuple[int, int], "Strip"]
"""By what stands first among the carried: those the elements say by first paths (0), by others (1), the rest (2), the derived (3)."""


@dataclass(slots=True)
class Strip:
    """A text for each row: `codes` None means that all have the first."""

    texts: list[bytes]
    codes: Codes | None = None

    def cells(self) -> Iterable[bytes]:
        """Each row's text."""
        if self.codes is None:
            return repeat(self.texts[0])
        texts = self.texts
        return [texts[one] for one in self.codes.tolist()]


class Pieces:
    """What the lines of some rows are joined of."""

    def __init__(self, part: Rows, derived: list[tuple[int, Codes, list[Said]]], dataset: str, url: str) -> None:
        self._part = part
        self._dataset = dataset
        self._carried: _Places = {}
        self._counted: list[_Counted] = []
        plan, columns = part.plan, part.columns
        names = {name: at for at, name in enumerate(columns.names)}
        for codes, entries in zip(part.codes, part.entries, strict=True):
            self._counted.append((codes, [one.counts for one in entries]))
            for variable, met in {key[:2] for one in entries for key in one.carried}:
                place = names.get(variable, 0) if met == OTHER else plan.order[variable]
                self._carried[met, place] = _carried(codes, entries, variable, met)
        for turn, codes, entries in derived:
            self._counted.append((codes, [one.counts for one in entries]))
            if any(one.carried for one in entries):
                self._carried[OTHER + 1, turn] = _carried(codes, entries, plan.reader.derived[turn].variable, OTHER)
        for variable, place in names.items():
            if variable not in plan.homes and variable not in plan.derivable and variable != "DOMAIN":
                self._other(variable, place, url)

    def _other(self, variable: str, place: int, url: str) -> None:
        """A variable that no element says: it is carried where there is one."""
        codes, values = self._part.columns.column(variable)
        if values == [None]:
            return
        qualifiers = self._part.columns.column(f"={variable}")[1] if variable[:5] == "SUPP." else [None] * len(values)
        texts: list[bytes] = []
        counts: list[tuple[tuple[str, str], ...]] = []
        for value, qualifier in zip(values, qualifiers, strict=True):
            reason, carry = None, None
            if value is not None:
                reason, carry = whole.settled(variable, None, value, qualifier, url, derived=False)
            texts.append(b"" if carry is None else b"," + encode(carry))
            counts.append(() if reason is None else interned(((variable, reason),)))
        self._carried[OTHER, place] = Strip(texts, codes)
        self._counted.append((codes, counts))

    @property
    def carried(self) -> list[Strip]:
        """The extensions that carry what no element says, in their order."""
        return [self._carried[place] for place in sorted(self._carried)]

    def count(self, rows: Codes, ledger: Ledger) -> None:
        """Account for these rows' cells."""
        totals: dict[int, int] = {}
        known: dict[int, tuple[tuple[str, str], ...]] = {}
        for codes, counts in self._counted:
            here = dict(zip(map(id, counts), counts, strict=True))
            known.update(here)
            if len(here) == 1:  # all count the same
                totals[id(counts[0])] = totals.get(id(counts[0]), 0) + len(rows)
                continue
            for key, times in zip(
                map(id, counts), np.bincount(codes[rows], minlength=len(counts)).tolist(), strict=True
            ):
                totals[key] = totals.get(key, 0) + times
        for key, times in totals.items():
            for variable, reason in known[key] if times else ():
                ledger.count(*whole.place_of(self._dataset, variable), reason, times)
        if len(rows):
            ledger.count(self._dataset, "DOMAIN", "derived", len(rows))
            ledger.record(self._dataset, "out", len(rows))

    def lines(self, rows: Codes) -> list[bytes]:
        """The resources of these rows, as JSON."""
        if not len(rows):
            return []
        part, listed = self._part, self._part.plan.listed
        ids = part.ids
        lists: dict[str, list[Strip]] = {}
        if listed and part.resources is not None:
            first, inverse = part.resources
            its: list[list[bytes]] = [[] for _ in first]
            for of, text in zip(inverse[rows].tolist(), self.members(rows), strict=True):
                its[of].append(text)
            fit = [at for at, one in enumerate(its) if one]
            texts = [b',"%s":[%s]' % (listed[0].encode(), b",".join(its[at])) for at in fit]
            lists[listed[0]] = [Strip(texts, np.arange(len(fit)))]
            ids, rows = [ids[at] for at in fit], first[fit]
        else:
            ids = ids if len(rows) == len(ids) else [ids[at] for at in rows.tolist()]
        head = repeat(b'{"resourceType":"%s","id":"' % part.plan.mapping.resource.encode())
        strips = self._of(rows, self._strips(lists.keys()), lists)
        return list(
            map(b"".join, zip(head, [one.encode() for one in ids], *(one.cells() for one in strips), strict=False))
        )

    def members(self, rows: Codes) -> list[bytes]:
        """The list elements of these rows, as JSON."""
        listed = self._part.plan.listed
        if not len(rows) or not listed:
            return []
        begun = encode(listed[1])[:-1]
        plan = self._part.plan
        names = dict.fromkeys(name for one in plan.elements if one.each for name in one.names)
        strips = self._of(rows, [(name, self._named(name, each=True)) for name in names], {})
        texts = list(map(b"".join, zip(*(one.cells() for one in strips), strict=False)))
        if any(b'"extension":[' not in one for one in texts) and self._carried:
            raise UnfitError("a list element without a record's identifier")
        start = 0 if listed[1] else 1
        return [begun + one[start:] + b"}" for one in texts]

    def _of(self, rows: Codes, named: list[tuple[str, list[Strip]]], lists: Mapping[str, list[Strip]]) -> list[Strip]:
        """The strips of these rows alone; those of `lists` are so already."""
        strips = []
        for name, its in named:
            if name in lists:
                strips += lists[name]
            elif len(rows) == self._part.columns.height and (rows == np.arange(len(rows))).all():
                strips += its
            else:
                strips += [one if one.codes is None else Strip(one.texts, one.codes[rows]) for one in its]
        return _fewer(strips, len(rows))

    def _strips(self, lists: Iterable[str]) -> list[tuple[str, list[Strip]]]:
        """The strips of a resource's root elements, in the order of its definition."""
        plan = self._part.plan
        names = {name for one in plan.elements if not one.each and not one.borrowed for name in one.names} | set(lists)
        if self._carried and not plan.listed:
            names.add("extension")
        found = [(name, self._named(name, each=False)) for name in sorted(names, key=plan.ranks.__getitem__)]
        return [("", [Strip([b'"'])]), *found, ("", [Strip([b"}"])])]

    def _named(self, name: str, *, each: bool) -> list[Strip]:
        """A root element; a list of members that are apart, with what is carried behind them."""
        plan = self._part.plan
        numbers = [
            at for at, one in enumerate(plan.elements) if name in one.names and one.each is each and not one.borrowed
        ]
        carried: list[Strip] = []
        if name == "extension" and bool(plan.listed) is each:
            carried = self.carried
        if carried or (numbers and plan.elements[numbers[0]].member):
            members = [one for number in numbers for one in self._texts(number, name, bare=True)]
            return _list(name, [*members, *carried])
        return self._texts(numbers[0], name) if numbers else []

    def _texts(self, number: int, name: str, *, bare: bool = False) -> list[Strip]:
        """The text of an element: one strip, or three where its hole is filled row by row. `bare`: a list's members alone."""
        element, codes = self._part.plan.elements[number], self._part.codes[number]
        if not element.holes and element.links is None and not bare:
            return [Strip([one.texts.get(name, _NO_TEXT)[0] for one in self._part.entries[number]], codes)]
        texts = [one.texts.get(name, _NO_TEXT) for one in self._part.entries[number]]
        if bare and not element.member:
            start = len(b',"":[') + len(name)  # its members, with a comma before
            texts = [(b"," + before[start:-1], b"") if before else (b"", b"") for before, _ in texts]
        before = Strip([one for one, _ in texts], codes)
        holes = self._part.holes(number)
        if not any(holes):
            return [before]
        return [before, self._filling(holes, codes), Strip([one for _, one in texts], codes)]

    def _filling(self, holes: list[str], codes: Codes) -> Strip:
        """What stands in an element's hole: the cell of the column that `holes` has for each entry."""
        names = list(dict.fromkeys(holes))
        columns = [self._part.columns.column(one) if one else _NO_HOLE for one in names]
        texts = [[hole_text(one) for one in values] for _, values in columns]
        if len(names) == 1:
            return Strip(texts[0], columns[0][0])
        which = np.array([names.index(one) for one in holes], dtype=np.int64)[codes]
        found = np.zeros(len(codes), dtype=np.int64)
        start = 0
        for at, (its, _) in enumerate(columns):
            mine = which == at
            found[mine] = start + (its[mine] if names[at] else 0)
            start += len(texts[at])
        return Strip([one for its in texts for one in its], found)


def _carried(codes: Codes, entries: list[Said], variable: str, met: int) -> Strip:
    texts = [b"".join(b"," + text for *key, text in one.carried if key == [variable, met]) for one in entries]
    return Strip(texts, codes)


def _list(name: str, strips: list[Strip]) -> list[Strip]:
    """A list of its members, each with a comma before it; nothing where there is none."""
    if not strips:
        return []
    start = b',"%s":[' % name.encode()
    first, *others = strips
    if all(first.texts):
        return [Strip([start + one[1:] for one in first.texts], first.codes), *others, Strip([b"]"])]
    joined = _fewer(strips, 1 << 30)
    if len(joined) == 1:
        only = joined[0]
        return [Strip([start + one[1:] + b"]" if one else b"" for one in only.texts], only.codes)]
    rows = list(map(b"".join, zip(*(one.cells() for one in joined), strict=False)))
    return [Strip([start + one[1:] + b"]" if one else b"" for one in rows], np.arange(len(rows)))]


def _fewer(strips: list[Strip], height: int) -> list[Strip]:
    """The same lines of fewer strips."""
    found: list[Strip] = []
    for one in strips:
        before = found[-1] if found else None
        if before is None:
            found.append(one)
        elif one.codes is None or before.codes is None:
            found[-1] = Strip(
                [first + second for first in before.texts for second in one.texts],
                before.codes if one.codes is None else one.codes,
            )
        elif one.codes is before.codes:
            found[-1] = Strip(
                [first + second for first, second in zip(before.texts, one.texts, strict=True)], one.codes
            )
        elif len(before.texts) * len(one.texts) * 4 <= min(height, len(one.codes)):
            found[-1] = Strip(
                [first + second for first in before.texts for second in one.texts],
                before.codes * len(one.texts) + one.codes,
            )
        else:
            found.append(one)
    return found
