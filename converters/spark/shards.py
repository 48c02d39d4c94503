"""What an executor does in FHIR to SDTM on Spark: its shards converted, their rows laid down as Parquet by dataset.

The executor writes the files itself, so that rows never pass through the JVM to be written. A task's shards come to one
file a dataset (more where it holds much); the name is that of its first shard, so a task that runs twice writes the
same file, which is renamed into place when it is whole.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from trialbridge.base.writing import whole_file
from trialbridge.converters.bulk.join import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from trialbridge.converters.bulk import Setting
    from trialbridge.converters.bulk.index import Groups
    from trialbridge.converters.bulk.part import Part, Stored

    Batches = Iterator[pa.RecordBatch]

_HELD = 128_000_000
"""Bytes of rows that a task holds before it writes them."""


def worker(setting: bytes, shards: Groups, laid: Path) -> Callable[[Batches], Batches]:
    """The function for `mapInArrow`: numbers of shards come in, what became of each (a pickled Part) goes out."""

    def convert(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = _Rows(laid)
        for batch in batches:
            for number in batch.column("id").to_pylist():
                part = _setting(setting).convert((number, shards[number]))
                rows.take(part)
                yield pa.RecordBatch.from_arrays([pa.array([pickle.dumps(part)], pa.binary())], names=["part"])
        rows.write()

    return convert


@lru_cache(maxsize=2)
def _setting(pickled: bytes) -> Setting:
    """What shards are converted with, read once a process: it remembers what all shards share.

    It travels in the function, not as a broadcast, which Spark Connect does not have.
    """
    setting: Setting = pickle.loads(pickled)  # noqa: S301 - made by the driver, by us
    return setting


@dataclass(slots=True)
class _Rows:
    """The rows of a task that are not yet written, by dataset."""

    laid: Path
    first: int = -1
    size: int = 0
    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def take(self, part: Part) -> None:
        """Take a part's rows out of it."""
        if self.first < 0:
            self.first = part.number
        for name, one in part.stored.items():
            frame = one.frame()
            self.size += int(frame.estimated_size())
            self.frames.setdefault(name, []).append(frame)
        part.stored = {name: _without_rows(one) for name, one in part.stored.items()}
        if self.size >= _HELD:
            self.write()

    def write(self) -> None:
        """Write them."""
        for name, frames in self.frames.items():
            for at, frame in enumerate(_together(frames)):
                with whole_file(self.laid / name / f"{self.first:06}-{at}.parquet") as path:
                    frame.write_parquet(path, compression="snappy")
        self.first, self.size, self.frames = -1, 0, {}


def _together(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames as one, where no column is a number in one of them and text in another."""
    kinds: dict[str, pl.DataType] = {}
    if any(kinds.setdefault(name, kind) != kind for one in frames for name, kind in one.schema.items()):
        return frames
    return [pl.concat(frames, how="diagonal")]


def _without_rows(one: Stored) -> Stored:
    return replace(one, arrow=b"")


def arrow_schema(variables: Iterable[tuple[str, str]]) -> pa.Schema:
    """Columns given by name and type (`Char`, `Num`), as Spark takes them."""
    return pa.schema([(name, pa.float64() if kind == "Num" else pa.string()) for name, kind in variables])


def reader(variables: tuple[tuple[str, str], ...]) -> Callable[[Batches], Batches]:
    """The function for `mapInArrow`: paths of files come in, their rows with every column of its type go out."""
    schema = arrow_schema(variables)

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path in batch.column("path").to_pylist():
                yield from typed(pl.read_parquet(path), variables).to_arrow().cast(schema).to_batches()

    return read
