"""What the records of a shard lead to: each one's own resource and its parts, as the mapping that read it links them.

The links alone are read, by a mapping that has no lines: so the parts are those the record was read with.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.converters.bulk import shard as bulk_shard
from trialbridge.converters.bulk_fhir.group import not_in_turn
from trialbridge.converters.columnar.plans import STEP
from trialbridge.converters.compile import Compiled, compiled
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.jsontext import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trialbridge.converters.bulk.part import Sources
    from trialbridge.converters.bulk.residue_shard import Rest
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.residue_lines import Line
    from trialbridge.fhir.bundle import Pool
    from trialbridge.mappings.kit import Mapping as Lines
    from trialbridge.mappings.kit import Release, Resource

_PLAIN = re.compile(r"[A-Z][A-Za-z0-9]*/[A-Za-z0-9.\-]{1,64}")
LAST = 1 << 62
"""Records that stand in for a resource come after those that have one."""


@lru_cache(maxsize=256)
def _links(mapping: Lines, release: Release, base: str) -> Compiled:
    """A mapping's links to its parts, compiled."""
    return compiled(replace(mapping, lines=(), extras=(), derived=()), release, base)


class Linked:
    """A shard's resources, each decoded when it is asked for, and what is shared."""

    def __init__(self, lines: Sequence[Line | None], rest: Rest, sources: Sources, dictionary: Dictionary) -> None:
        self._rest = rest
        self._dictionary = dictionary
        self._sources = sources
        self._lines = lines
        shared = zip(bulk_shard.shared_items(rest.job), rest.shared, strict=True)
        self._known = {key: one.resource for one, key in shared if key is not None}
        self._keys = {id(one): key for key, one in self._known.items()}
        self._places = {one.key: at for at, one in enumerate(lines) if one is not None}
        self._pool: Pool | None = None

    def resolve(self, reference: Any, within: Resource | None = None) -> Resource | None:
        """The resource that a reference points at (as a context's `resolve`)."""
        text = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(text, str):
            return None
        if self._pool is None and _PLAIN.fullmatch(text):
            found = self._known.get(text)
            if found is None and text in self._places:
                found = self._decoded(self._places[text])
            return found
        if self._pool is None:
            self._pool = self._whole()
        return self._pool.resolve(reference, within or {})

    def _decoded(self, at: int) -> Resource:
        """The resource of a line."""
        line = self._lines[at]
        assert line is not None
        found = self._known.get(line.key)
        if found is None:
            found = self._known[line.key] = decode(line.text)
            self._keys[id(found)] = line.key
        return found

    def _whole(self) -> Pool:
        """All resources, where references are no plain ones."""
        mine = [at for at, one in enumerate(self._lines) if one is not None]
        mine.sort(key=lambda at: self._sources.moved.get(at, at))
        return pool([*bulk_shard.shared_items(self._rest.job), *map(self._decoded, mine)])

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
            for name, of in self._sources.stand_ins[place].items():
                line = self._lines[of]
                if line is not None:
                    yield name, line.kind, line.key
            return
        line = self._lines[at]
        if line is None or reader < 0:
            raise not_in_turn(f"A record of {dataset}")
        mapping = bulk_shard.readers_of(self._dictionary, dataset)[reader]
        functions = _links(mapping, self._rest.job.release, self._rest.job.base)
        own = self._known.get(line.key) or (decode(line.text) if self._pool is None else self._decoded(at))
        _, parts = functions.read(own, {}, self)
        for name, part in zip(functions.names, parts, strict=True):
            key = line.key if part is own else self._keys.get(id(part))
            if name != "Each" and part is not None and key is not None:
                yield name, str(part.get("resourceType")), key

    def turn(self, place: int) -> int:
        """When a record is read among those of its dataset."""
        at = place // STEP
        if at < len(self._lines):
            line = self._lines[at]
            return line.place if line is not None else 0
        places = [line.place for of in self._sources.stand_ins[place].values() if (line := self._lines[of]) is not None]
        return LAST + min(places, default=0)
