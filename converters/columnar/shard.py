"""The lines of a shard that are read by columns, beside the resources that are read as wholes."""

from __future__ import annotations

from functools import lru_cache
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.columnar.members import NotPlainError
from trialbridge.converters.columnar.rows import Rows, rows_of
from trialbridge.converters.columnar.types import Reader
from trialbridge.converters.subjects import learn_subject
from trialbridge.converters.to_sdtm import STANDING_IN, stale_note
from trialbridge.fhir.jsontext import decode, encode

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping as MappingOf

    from numpy.typing import NDArray

    from trialbridge.base.finding import Finding
    from trialbridge.converters.columnar.plans import Plan, Table
    from trialbridge.converters.context import Context
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.package import Package
    from trialbridge.mappings.kit import Mapping, Release, Resource, Row

LINES = frozenset({"Observation", "AdverseEvent", "MedicationAdministration", "MedicationStatement"})
"""Types that are read by columns alone: nothing that is read points at them."""
TARGETS = frozenset({"Encounter", "Condition", "Procedure", "ResearchSubject"})
"""Types that are read by columns, and stand in the pool as well: others point at them."""
TYPES = LINES | TARGETS


class _Readers(local):
    """The readers of this thread; each remembers what it has read from one shard to the next."""

    def __init__(self) -> None:
        self.of = lru_cache(maxsize=32)(Reader)


_READERS = _Readers()


def forget() -> None:
    """Let go of what this thread's readers remember."""
    _READERS.of.cache_clear()


def suits(dictionary: Dictionary) -> bool:
    """Whether a dictionary's records may be read by columns: a study's own rules and coders look at whole resources."""
    return dictionary.tailoring is None and dictionary.coder is None


class Columnar:
    """The lines of one shard that are read by columns (`to_sdtm.Beside`).

    `lines` are the lines by type, each with its place in the shard, its file and its number there; `passive` has, by
    their id(), the places of those resources that stand in the pool as well. `strict`: lines of LINES were not checked
    so far, and are here. Where lines must be read as wholes
    NotPlainError is raised: those whose places stand in `refused`, or all, if none does.
    """

    def __init__(
        self,
        lines: MappingOf[str, list[tuple[int, tuple[str, int, bytes]]]],
        passive: MappingOf[int, int],
        dictionary: Dictionary,
        release: Release,
        base: str,
        *,
        strict: bool = False,
    ) -> None:
        self.lines = lines
        self.passive = passive
        self.rows: dict[str, list[Rows]] = {}
        self.read_by: dict[str, list[tuple[Mapping, NDArray[np.int64]]]] = {}
        """By dataset: the mapping that read rows, and their places."""
        self.datasets: Collection[str] = ()
        self.refused: list[int] = []
        self._known: dict[Any, Any] = {}
        self._seen: dict[str, set[bytes]] = {}
        self._readers = {
            kind: _READERS.of(kind, dictionary, release, base, strict=strict and kind in LINES) for kind in lines
        }
        self._package: Package | None = None

    def begin(self, ctx: Context, package: Package | None, left_out: Collection[int]) -> None:
        """Take the lines' rows, but for resources of the pool that are no records (by their id())."""
        self._package = package
        aside = {self.passive[one] for one in left_out if one in self.passive}
        for kind, one in self._readers.items():
            one.begin(ctx)
            seen = self._seen[kind] = set()
            lines = self.lines[kind]
            if aside:
                lines = [line for line in lines if line[0] not in aside]
            one.take(lines, ctx, self.refused.append, seen)
        if self.refused:
            raise NotPlainError
        self.datasets = list(dict.fromkeys(plan.dataset for plan in self._plans()))

    def end(self) -> None:
        """The shard is read, or given up: readers live on, and hold nothing of it."""
        for one in self._readers.values():
            one.end()

    def touches(self, resource: Resource) -> bool:
        """Whether a resource read as a whole has to do with one of these: it has the same id, or may point at it."""
        if id(resource) in self.passive:
            return False
        kind = str(resource.get("resourceType"))
        own = resource.get("id")
        if isinstance(own, str) and f'"{own}"'.encode() in self._seen.get(kind, ()):
            return True
        return kind == "AdverseEvent" and any(f'"{one}/'.encode() in encode(resource) for one in LINES)

    def _plans(self) -> list[Plan]:
        return [plan for one in self._readers.values() for plan in one.plans.values() if plan.rows]

    def focused(self, ctx: Context) -> dict[str, set[int]]:
        """The id() of what the first `focus` of each record points at, by dataset."""
        found: dict[str, set[int]] = {}
        for plan in self._plans():
            for at, (_, element) in enumerate(plan.elements, start=1 + len(plan.keyed)):
                if element.names != ("focus",):
                    continue
                mine = found.setdefault(plan.dataset, set())
                for number in {row[at] for row in plan.rows}:
                    text = element.texts[number]
                    first = decode(text)[:1] if text is not None else []
                    mine.update(id(ctx.resolve(one, {})) for one in first)
        return found

    def exposure(self, ctx: Context) -> list[Row]:
        """The rows of EX, as far as they are known before DM."""
        found: list[Row] = []
        for plan in self._plans():
            if plan.dataset == "EX":
                found += [one.row for one in rows_of(plan, plan.table(), ctx, self._columns("EX")).records()]
        return found

    def _columns(self, dataset: str) -> frozenset[str] | None:
        declared = self._package.datasets.get(dataset) if self._package else None
        return declared.columns if declared else None

    def read(self, dataset: str, ctx: Context, findings: list[Finding]) -> None:
        """Read a dataset's rows."""
        for plan in self._plans():
            if plan.dataset != dataset:
                continue
            table = plan.table()
            rows = rows_of(plan, table, ctx, self._columns(dataset), self._known)
            findings.extend(self._stale(place, name) for place, name in sorted(rows.stale))
            if plan.bare and self._package is not None and plan.mapping.domain in STANDING_IN:
                table = table.at(_without_stand_ins(rows, plan.mapping.domain))
            _learn(plan, table, rows, ctx)
            self.rows.setdefault(dataset, []).append(rows)
            self.read_by.setdefault(dataset, []).append((plan.mapping, rows.places))
            if plan.mapping.domain == "DM" or plan.mapping.after_read is not None:
                self._known.clear()

    def _stale(self, place: int, name: str) -> Finding:
        line = next(line for lines in self.lines.values() for at, line in lines if at == place)
        resource = decode(line[2])
        return stale_note(name, {"resourceType": resource.get("resourceType"), "id": resource.get("id")})


def _without_stand_ins(rows: Rows, domain: str) -> np.ndarray:
    """Leave out subjects and visits that were only made for others to point at; the rows that stay."""
    more = [one.given for name, one in rows.columns.items() if name not in STANDING_IN[domain]]
    stays = np.logical_or.reduce(more) if more else np.zeros(len(rows.places), bool)
    rows.without(~stays)
    return np.flatnonzero(stays)


def _learn(plan: Plan, table: Table, rows: Rows, ctx: Context) -> None:
    """What later datasets ask of this one's rows, in their order."""
    mapping = plan.mapping
    if mapping.domain != "DM" and mapping.after_read is None:
        return
    found = [one.row for one in rows.records()]
    if mapping.domain == "DM":
        if len({row.get("USUBJID") for row in found}) < len(found):
            raise NotPlainError  # what the first row of a subject says is known when its second is read
        for row in found:
            learn_subject(row, ctx)
    if mapping.after_read is not None:
        before = [dict(row) for row in found]
        for row, parts in zip(found, rows.parts(plan, table), strict=True):
            mapping.after_read(row, parts, ctx)
        rows.changed(before, found)
