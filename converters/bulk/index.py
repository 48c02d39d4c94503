"""Where the lines of an export stand and whose they are, in files: an entry of 24 bytes a line, however many there are.

The first pass enters line after line; at the end the lines are laid down group by group (those of nobody, a shard, the
shared ones), in their own order within each. No more than `AT_ONCE` entries are held.
"""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from trialbridge.converters.bulk.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

AT_ONCE = 1 << 18
"""So many entries are held before they are laid down."""
ENTRY = np.dtype([("file", "i4"), ("number", "i4"), ("start", "i8"), ("length", "i4"), ("owner", "i4")])


@dataclass(slots=True)
class Entries:
    """The lines in the order they are met: number of the file, number of the line from 1, first byte, length, owner.

    What an owner's number means is the first pass's affair.
    """

    path: Path
    file: array[int] = field(default_factory=lambda: array("i"))
    number: array[int] = field(default_factory=lambda: array("i"))
    start: array[int] = field(default_factory=lambda: array("q"))
    length: array[int] = field(default_factory=lambda: array("i"))
    owner: array[int] = field(default_factory=lambda: array("i"))
    _laid: int = 0

    def fill(self, at: int) -> None:
        """Say of the lines entered last that they are of this file."""
        self.file.extend([at] * (len(self.owner) - len(self.file)))

    def lay(self, *, all_of_them: bool = False) -> None:
        """Lay the entries down, if they are many or all are wanted."""
        count = len(self.owner)
        if not count or not (all_of_them or count >= AT_ONCE):
            return
        held = np.empty(count, ENTRY)
        for name in ENTRY.names or ():
            column: array[int] = getattr(self, name)
            held[name] = np.frombuffer(column, column.typecode)
            del column[:]
        with self.path.open("ab" if self._laid else "wb") as out:
            out.write(held.tobytes())
        self._laid += count

    def blocks(self) -> Iterator[NDArray[np.void]]:
        """All entries, some at a time."""
        self.lay(all_of_them=True)
        for at in range(0, self._laid, AT_ONCE):
            yield _read(self.path, at, min(AT_ONCE, self._laid - at))


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of lines, each read from the file when it is asked for. They travel to whatever process sees the file."""

    path: Path
    bounds: tuple[int, ...]
    """The number of the line at which each begins, and where the last ends."""

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __getitem__(self, at: int) -> Lines:
        begin, end = self.bounds[at : at + 2]
        found = _read(self.path, begin, end - begin)
        return Lines(*(np.ascontiguousarray(found[name]) for name in ("file", "number", "start", "length")))

    def __iter__(self) -> Iterator[Lines]:
        return (self[at] for at in range(len(self)))


def grouped(entries: Entries, groups: NDArray[np.int64], lines: NDArray[np.int64], path: Path) -> Groups:
    """The lines laid down in `path` by group: `groups` and `lines` have the group and number of lines of each owner.

    Owners are numbered from 0 on; those below 0 stand at the end, as Python counts.
    """
    sizes = np.bincount(groups, weights=lines).astype(np.int64)
    at = np.cumsum(sizes) - sizes
    bounds = (*at.tolist(), int(sizes.sum()))
    with path.open("wb") as out:
        for block in entries.blocks():
            group = groups[block["owner"]]
            order = np.argsort(group, kind="stable")
            _lay(out, block[order], group[order], at)
    return Groups(path, bounds)


def _lay(out: BinaryIO, entries: NDArray[np.void], group: NDArray[np.int64], at: NDArray[np.int64]) -> None:
    """Lay down entries that stand by group, each group's where its last ones ended (`at`, moved on)."""
    cuts = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(group)]
    for begin, end in pairwise(cuts):
        one = group[begin]
        os.pwrite(out.fileno(), entries[begin:end].tobytes(), int(at[one]) * ENTRY.itemsize)
        at[one] += end - begin


def _read(path: Path, at: int, count: int) -> NDArray[np.void]:
    found: NDArray[np.void] = np.fromfile(path, ENTRY, count, offset=at * ENTRY.itemsize)
    return found
