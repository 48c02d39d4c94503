"""What the records of a shard lead to: each one's own resource and its parts, as the mapping that read it links them.

The links alone are read, by a mapping that has no lines: so the parts are those the record was read with.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.converters import bulk_shard
from trialbridge.converters.bulk_fhir_group import not_in_turn
from trialbridge.converters.columnar.plans import STEP
from trialbridge.converters.compile import Compiled, compiled
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import Located

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trialbridge.converters.bulk_residue_shard import Rest
    from trialbridge.converters.bulk_shard import Sources
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.residue_lines import Line
    from trialbridge.mappings.kit import Mapping as Lines
    from trialbridge.mappings.kit import Release, Resource

_LAST = 1 << 62
"""Records that stand in for a resource come after those that have one."""


@lru_cache(maxsize=256)
def _links(mapping: Lines, release: Release, base: str) -> Compiled:
    """A mapping's links to its parts, compiled."""
    return compiled(replace(mapping, lines=(), extras=(), derived=()), release, base)


class Linked:
    """A shard's resources, decoded, and what is shared."""

    def __init__(self, lines: Sequence[Line | None], rest: Rest, sources: Sources, dictionary: Dictionary) -> None:
        self._job = rest.job
        self._dictionary = dictionary
        self._stand_ins = sources.stand_ins
        self._lines = lines
        shared = bulk_shard.shared_items(rest.job)
        self._items = [None if one is None else Located(decode(one.text)) for one in lines]
        mine = [(at, one) for at, one in enumerate(self._items) if one is not None]
        mine.sort(key=lambda one: sources.moved.get(one[0], one[0]))
        self._pool = pool([*shared, *(one for _, one in mine)])
        named = zip(shared, rest.shared, strict=True)
        self._keys = {id(one.resource): key for one, key in named if key is not None}
        self._keys |= {id(one.resource): line.key for at, one in mine if (line := lines[at]) is not None}

    def resolve(self, reference: Any, within: Resource | None = None) -> Resource | None:
        """The resource that a reference points at (as a context's `resolve`)."""
        return self._pool.resolve(reference, within or {}) if isinstance(reference, dict) else None

    def pairs(self, dataset: str, place: int, reader: int, made: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """What a row at this place makes (`made`, by the names of the parts), and what it is in the source."""
        for name, kind, key in self._parts(dataset, place, reader):
            its = made.get(name)
            if its is not None and its.partition("/")[0] == kind:
                yield its, key

    def _parts(self, dataset: str, place: int, reader: int) -> Iterator[tuple[str, str, str]]:
        """Name, type and key of what a row was read from."""
        if place < 0:
            return  # it travelled as it is
        at = place // STEP
        if at >= len(self._lines):
            for name, of in self._stand_ins[place].items():
                line = self._lines[of]
                if line is not None:
                    yield name, line.kind, line.key
            return
        item = self._items[at]
        if item is None or reader < 0:
            raise not_in_turn(f"A record of {dataset}")
        mapping = bulk_shard.readers_of(self._dictionary, dataset)[reader]
        functions = _links(mapping, self._job.release, self._job.base)
        _, parts = functions.read(item.resource, {}, self)
        for name, part in zip(functions.names, parts, strict=True):
            key = self._keys.get(id(part))
            if name != "Each" and part is not None and key is not None:
                yield name, str(part.get("resourceType")), key

    def turn(self, place: int) -> int:
        """When a record is read among those of its dataset."""
        at = place // STEP
        if at < len(self._lines):
            line = self._lines[at]
            return line.place if line is not None else 0
        places = [line.place for of in self._stand_ins[place].values() if (line := self._lines[of]) is not None]
        return _LAST + min(places, default=0)
