"""Places of lines in an export: file and line as one number; the position of a resource among all; numbers of rows."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.bulk.index import ENTRY
from trialbridge.converters.bulk.join import typed
from trialbridge.converters.tables import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.bulk.index import Groups
    from trialbridge.converters.bulk.join import Dataset
    from trialbridge.converters.bulk.lines import Lines
    from trialbridge.converters.bulk.part import Part


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions (from 1) that resources have among all of the source, in reading order.

    `index` is the file of the first pass, `gone` the places that hold no resource of the study, in order.
    """

    index: Path
    gone: NDArray[np.int64]

    def of(self, place: int) -> int:
        """The position of one place."""
        entries = np.memmap(self.index, ENTRY, mode="r")
        low, high = 0, len(entries)
        while low < high:
            middle = (low + high) // 2
            if code_of(int(entries[middle]["file"]), int(entries[middle]["number"])) < place:
                low = middle + 1
            else:
                high = middle
        return low + 1 - int(np.searchsorted(self.gone, place))


def positions(index: Path, parts: Iterable[Part], shards: Groups, gone: Iterable[int]) -> Positions:
    """The positions in an export; `gone` are the places of nobody's lines that hold no resource of the study."""
    found = list(gone)
    for part in parts:
        sources = part.sources
        if part.number and sources is not None and sources.left_out:
            codes = codes_of(shards[part.number - 1])
            places = set(sources.moved.values())
            found += codes[[one for one in sources.left_out if one not in places]].tolist()
            found += codes[list(sources.moved)].tolist()
    return Positions(index, np.sort(np.array(found, np.int64)))


def code_of(file: int, number: int) -> int:
    """A file and a line of it as one number, which puts lines in reading order."""
    return file << 40 | number


def codes_of(lines: Lines) -> NDArray[np.int64]:
    """The same of lines."""
    codes: NDArray[np.int64] = (lines.file.astype(np.int64) << 40) | lines.number
    return codes


# --- numbers of rows --------------------------------------------------------------------------------------------------


def numbers_of(datasets: Sequence[Dataset], parts: Iterable[Part]) -> dict[int, dict[str, int | NDArray[np.int64]]]:
    """By shard and dataset the numbers (from 1) of the rows in the whole; of the first, where they stand together."""
    turns = {one.name: iter(_numbers(one)) for one in datasets if one.whole is None}
    return {part.number: {name: next(turns[name]) for name in part.stored if name in turns} for part in parts}


def _numbers(one: Dataset) -> list[int | NDArray[np.int64]]:
    if one.in_order():
        ends = np.cumsum([0, *(part.height for part in one.parts)]) + 1
        return [int(first) for first in ends[:-1]]

    def keys(at: int) -> Iterator[tuple[Any, int]]:
        columns = [(each.name, each.type) for each in one.about.variables]
        for row in typed(one.parts[at].frame(), columns).iter_rows(named=True):
            yield sort_key(row, one.name), at

    found: list[list[int]] = [[] for _ in one.parts]
    merged = heapq.merge(*map(keys, range(len(one.parts))), key=lambda row: row[0])
    for number, (_, at) in enumerate(merged, start=1):
        found[at].append(number)
    return [np.array(its, np.int64) for its in found]


# --- names given twice ------------------------------------------------------------------------------------------------

_NAMES_AT_ONCE = 2_000_000


def meet(keys: Sequence[Path], lonely: Sequence[Path]) -> tuple[bool, bool]:
    """Whether a name stands among `keys` twice, and whether one of `lonely` stands among them.

    Files of numbers in order (`bulk.residue_shard.write_names`), gone through some at a time.
    """
    size = sum(path.stat().st_size for path in keys) // 8
    steps = 1 + size // _NAMES_AT_ONCE
    bounds = [(1 << 64) * at // steps for at in range(steps + 1)]
    twice = among = False
    for low, high in pairwise(bounds):
        mine = _between(keys, low, high)
        twice = twice or len(np.unique(mine)) < len(mine)
        among = among or bool(np.isin(_between(lonely, low, high), mine).any())
    return twice, among


def _between(paths: Iterable[Path], low: int, high: int) -> NDArray[np.uint64]:
    """The numbers from `low` to below `high`."""
    found = [np.empty(0, np.uint64)]
    for path in paths:
        numbers = np.fromfile(path, np.uint64)
        begin = np.searchsorted(numbers, np.uint64(low))
        end = len(numbers) if high >= 1 << 64 else np.searchsorted(numbers, np.uint64(high))
        found.append(numbers[begin:end])
    return np.concatenate(found)
