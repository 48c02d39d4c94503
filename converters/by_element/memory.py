"""What a process has made so far by elements: plans, and the entries of their elements and derivations.

What hangs on the subjects at hand is forgotten with them, and so is the rest when it becomes too much: memory stays
bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.by_element.derived import Answers
from trialbridge.converters.by_element.plan import Element, Plan, plan
from trialbridge.converters.by_element.rows import Codes, Memo, Traced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.converters.by_element.rows import Columns
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.mappings.kit import Mapping, Release

MOST = 5_000
"""Entries that are kept of one element at the most."""


class Memory:
    """Plans and what they have made so far, for a dictionary, a release and a base url."""

    def __init__(self, dictionary: Dictionary, release: Release, base: str) -> None:
        self.dictionary = dictionary
        self._release: Release = release
        self._base = base
        parts = [part for one in dictionary.mappings for part in one.parts if part.needs]
        self.shared = frozenset(one.type for one in parts) | {"Device"}
        """Types of resources that rows share: a part of one mapping may be another's primary resource."""
        self._plans: dict[tuple[str, Mapping, Mapping], Plan | None] = {}
        self._shared: dict[Any, Element] = {}
        self._own: dict[str, dict[Any, Element]] = {}
        self._met: dict[int, tuple[set[int], dict[Any, Mapping | None]]] = {}
        self._readers: dict[tuple[str, Mapping], Mapping] = {}
        self._mappings: dict[str, Memo[Mapping]] = {}
        self._went = {True: 0, False: 0}
        self._linked = {True: 0, False: 0}
        self.answers = Answers()
        """What was derived for the subjects at hand."""

    def plan(self, dataset: str, mapping: Mapping, reader: Mapping) -> Plan | None:
        """The plan of a mapping for one dataset, where `reader` reads back what it wrote; or None."""
        key = (dataset, mapping, reader)
        if key not in self._plans:
            self._plans[key] = plan(
                mapping, reader, self._release, self._base, self._shared, self._own.setdefault(dataset, {})
            )
        return self._plans[key]

    def reader(self, dataset: str, mapping: Mapping) -> Mapping:
        """The mapping that is likely to read back what another one writes."""
        return self._readers.get((dataset, mapping), mapping)

    def read_by(self, dataset: str, mapping: Mapping, reader: Mapping) -> None:
        """Remember which mapping read back."""
        self._readers[dataset, mapping] = reader

    def mappings(self, dataset: str, columns: Columns) -> tuple[Codes, list[Mapping]]:
        """Of each row which mapping takes it, and the mappings."""

        def run(at: int) -> tuple[Mapping, list[str], bool]:
            row = Traced(columns, at, {})
            return self.dictionary.for_row(dataset, row), row.asked, False  # type: ignore[arg-type]  # a row or context that is watched

        _, codes, found = self._mappings.setdefault(dataset, Memo[Any]()).of(columns, run)
        places: dict[Mapping, int] = {}
        for one in found:
            places.setdefault(one, len(places))
        return np.array([places[one] for one in found], dtype=np.int64)[codes], list(places)

    def met(self, of: Plan) -> tuple[set[int], dict[Any, Mapping | None]]:
        """Which elements were looked at to find the mapping that reads, and what was found of their entries."""
        return self._met.setdefault(id(of), (set(), {}))

    def forget(self) -> None:
        """Let go of what hangs on the subjects at hand."""
        self.answers.clear()
        for one in self._plans.values():
            if one is not None:
                self._forget(one)

    def _forget(self, one: Plan) -> None:
        met, found = self.met(one)
        if len(found) > MOST or not all(one.elements[at].memo.lasting for at in met):
            found.clear()
        for memo in _memos(one):
            memo.forget(MOST)
        for known in one.compared:
            if len(known) > MOST:
                known.clear()

    def bound(self, most: int) -> None:
        """Let go of all that was made where it is more than so many entries in all."""
        plans = {id(one): one for one in self._plans.values() if one is not None}.values()
        memos = {id(memo): memo for one in plans for memo in _memos(one)}.values()
        if sum(map(len, memos)) > most:
            self.clear()

    def clear(self) -> None:
        """Let go of all that was made: what was begun with a group cannot be gone on with. Plans stay."""
        self.answers.clear()
        self._met.clear()
        self._mappings.clear()
        for one in self._plans.values():
            if one is not None:
                for memo in _memos(one):
                    memo.clear()

    @property
    def links(self) -> bool:
        """Whether references are to be made by templates: not where group after group has not fitted."""
        return self._linked[False] < 3 + self._linked[True]

    def linked(self, *, well: bool) -> None:
        """Remember whether a group could be made with templates."""
        self._linked[well] += 1

    def went(self, *, well: bool) -> None:
        """Remember whether a group could be made by elements."""
        self._went[well] += 1

    @property
    def worthwhile(self) -> bool:
        """Whether it is worth trying: not where group after group has not fitted."""
        return self._went[False] < 3 + self._went[True]


def _memos(of: Plan) -> Iterator[Memo[Any]]:
    """All that a plan remembers."""
    for one in of.elements:
        yield one.memo
        if one.links is not None:
            yield one.links.memo
    yield from of.derived
