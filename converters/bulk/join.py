"""The parts of all shards as whole datasets, one after the other, never held in memory as a whole.

Shards stand in the order of their subjects, so the parts of a dataset stand in its order too; where they do not (a
dataset that is not sorted by subject first) they are merged.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.converters.relrec import RELATIONS, relrec_of
from trialbridge.converters.tables import layout, numbered_note, sort_key, unnamed_note
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm import metadata
from trialbridge.sdtm.table import Variable, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trialbridge.base.finding import Finding
    from trialbridge.converters.bulk.part import Part, Stored
    from trialbridge.converters.package import Package
    from trialbridge.sdtm.table import Table

ROWS_AT_A_TIME = 20_000


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of the study: its metadata (a table of one row that has a value wherever the column has one) and parts."""

    about: Table
    height: int
    parts: tuple[Stored, ...]
    whole: Table | None = field(default=None)

    @property
    def name(self) -> str:
        """Its name."""
        return self.about.name

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows, in their order, some thousand at a time; every column there and of its type."""
        if self.whole is not None:
            yield self.whole.frame
            return
        if self.in_order():
            for part in self.parts:
                yield typed(part.frame(), self._columns)
        else:
            yield from self._merged()

    def table(self) -> Table:
        """The dataset in memory."""
        if self.whole is not None:
            return self.whole
        frames = list(self.frames())
        empty = self.about.frame.clear()
        rows = pl.concat(frames) if frames else empty
        return table(self.name, rows, self.about.variables, self.about.label)

    @property
    def _columns(self) -> tuple[tuple[str, str], ...]:
        return tuple((variable.name, variable.type) for variable in self.about.variables)

    def in_order(self) -> bool:
        """Whether the parts, one after another, are in the dataset's order."""
        return all(one.last <= other.first for one, other in zip(self.parts, self.parts[1:], strict=False))

    def _merged(self) -> Iterator[pl.DataFrame]:
        """The rows of all parts by their sort keys."""

        def rows(part: Stored) -> Iterator[dict[str, Any]]:
            yield from typed(part.frame(), self._columns).iter_rows(named=True)

        merged = heapq.merge(*map(rows, self.parts), key=lambda row: sort_key(row, self.name))
        schema = self.about.frame.schema
        while block := list(islice(merged, ROWS_AT_A_TIME)):
            yield pl.DataFrame(block, schema=schema)


def typed(frame: pl.DataFrame, variables: Iterable[tuple[str, str]]) -> pl.DataFrame:
    """A part's frame with all columns of its dataset, given by name and type (`Char`, `Num`)."""
    columns = []
    for name, kind in variables:
        wanted = pl.Float64 if kind == "Num" else pl.String
        if name not in frame.columns:
            columns.append(pl.Series(name, [None] * frame.height, wanted))
            continue
        column = frame[name]
        if column.dtype == pl.Float64 and wanted == pl.String:
            column = pl.Series(name, [None if one is None else number_text(one) for one in column], wanted)
        columns.append(column)
    return pl.DataFrame(columns)


def joined(parts: Sequence[Part], package: Package | None, version: str, rank: Callable[[str], int]) -> list[Dataset]:
    """The datasets of all parts; with RELREC where no package declares one and the records are related.

    `rank` is a dataset's place in the order of reading (`Dictionary.rank`).
    """
    version = package.version if package else version
    found = [_dataset(name, parts, package, version) for name in _names(parts, package, rank)]
    if package is None and not any(one.name == "RELREC" for one in found):
        there = [any(part.related[at] for part in parts) for at in range(len(RELATIONS))]
        studyids = {one.name: next((part.studyid for part in one.parts if part.studyid), None) for one in found}
        made = relrec_of(there, studyids, version)
        if made is not None:
            found.append(Dataset(made, made.frame.height, (), made))
    return found


def numbered(parts: Iterable[Part]) -> list[Finding]:
    """The notes on records that were given a --SEQ, over all parts."""
    counts: dict[str, int] = {}
    for part in parts:
        for name, count in part.numbered.items():
            counts[name] = counts.get(name, 0) + count
    return [numbered_note(name, count) for name, count in counts.items()]


def unnamed(datasets: Iterable[Dataset]) -> list[Finding]:
    """The findings on records that name no subject, over all parts."""
    return [finding for one in datasets for finding in unnamed_note(one.name, sum(part.unnamed for part in one.parts))]


def _names(parts: Sequence[Part], package: Package | None, rank: Callable[[str], int]) -> list[str]:
    """The datasets in their order: the package's; then by rank, those of one rank as the parts have them.

    Without a package those come first whose rows travelled as they are, and TS, which is told of studies, after them.
    """
    names = list(package.datasets) if package else []
    if not package:
        plain = dict.fromkeys(name for part in parts for name in part.plain)
        names = sorted(plain, key=lambda one: one == "TS")
    first = len(names)
    for part in parts:
        at = first
        for name in part.stored:
            if name in names:
                at = max(first, names.index(name) + 1)
            else:
                names.insert(at, name)
                at += 1
    return [*names[:first], *sorted(names[first:], key=lambda one: rank(one.removeprefix("SUPP")))]


def _dataset(name: str, parts: Sequence[Part], package: Package | None, version: str) -> Dataset:
    stored = tuple(part.stored[name] for part in parts if name in part.stored)
    declared = package.datasets.get(name) if package else None
    kinds: dict[str, set[str]] = {}
    for one in stored:
        for column, kind in one.columns.items():
            kinds.setdefault(column, set()).add(kind)
    variables = layout(name, set(kinds), lambda column: "Num" in kinds.get(column, ()), declared, version)
    example = {one.name: _example(one, kinds.get(one.name)) for one in variables}
    made = table(name, pl.DataFrame(list(example.values())), variables, declared.label if declared else "")
    if not declared:
        made = metadata.describe(made, version)
    return Dataset(made, sum(one.height for one in stored), stored)


def _example(variable: Variable, kinds: set[str] | None) -> pl.Series:
    """One cell of a column: of its type in all parts, empty where no part has a value."""
    if kinds is None:
        return pl.Series(variable.name, [None], pl.Float64 if variable.type == "Num" else pl.String)
    return pl.Series(variable.name, [1.0] if kinds == {"Num"} else ["x"])
