"""SDTM tables on Spark, cut into groups of subjects: the rows of a group lie in Arrow blobs that travel together.

A row keeps its place: the number of its partition, and its own in that partition. From these, and from how many rows
each partition had, follows the number it has in its dataset.
"""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.converters.bulk_fhir.group import bare
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.files import parquet
from trialbridge.sdtm.table import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from trialbridge.sdtm.table import Table

PACKED = "dataset string, place int, cut int, arrow binary, told binary"
NOBODY = -1
"""The group of the rows that name no subject."""
ROWS = 200_000
"""Rows that a task holds before it packs them."""
_AT = "#"
_TYPES = {"dataset": pa.string(), "place": pa.int32(), "cut": pa.int32(), "arrow": pa.binary(), "told": pa.binary()}


@dataclass(slots=True)
class Stretch:
    """What is known of a partition of a dataset.

    `filled` are the columns that have a value, `odd` the first row (from 0) with NaN or infinity, by column.
    """

    about: Table
    place: int
    height: int = 0
    filled: set[str] = field(default_factory=set)
    odd: dict[str, int] = field(default_factory=dict)
    studyids: dict[str, None] = field(default_factory=dict)

    def take(self, frame: pl.DataFrame) -> None:
        """Note some more rows."""
        for name, kind in frame.schema.items():
            column = frame[name]
            if column.null_count() < frame.height:
                self.filled.add(name)
            if kind == pl.Float64 and name not in self.odd:
                rows = column.is_finite().fill_null(value=True).not_().arg_true()
                if len(rows):
                    self.odd[name] = self.height + int(rows[0])
        if "STUDYID" in frame.columns:
            self.studyids |= dict.fromkeys(one for one in frame["STUDYID"].unique(maintain_order=True) if one)
        self.height += frame.height


def group_of(usubjid: Any, groups: int) -> int:
    """The group of a subject: the same on every machine."""
    return zlib.crc32(str(usubjid).encode()) % groups


def pack(tables: Iterable[Table], about: Table, place: int, groups: int) -> Iterator[pa.RecordBatch]:
    """The rows of a partition by group, some at a time, and at the end what is known of it."""
    stretch = Stretch(bare(about), place)
    held: list[pl.DataFrame] = []
    for one in tables:
        at = pl.Series(_AT, range(stretch.height, stretch.height + one.frame.height), pl.Int64)
        stretch.take(one.frame)
        held.append(one.frame.with_columns(at))
        if sum(frame.height for frame in held) >= ROWS:
            yield _packed(about.name, place, pl.concat(held), groups)
            held = []
    if held:
        yield _packed(about.name, place, pl.concat(held), groups)
    yield _batch([(about.name, place, None, None, pickle.dumps(stretch))])


def _packed(name: str, place: int, frame: pl.DataFrame, groups: int) -> pa.RecordBatch:
    rows: list[tuple[Any, ...]] = []
    for number, part in _by_group(frame, groups):
        held = BytesIO()
        part.write_ipc(held, compression="lz4")
        rows.append((name, place, number, held.getvalue(), None))
    return _batch(rows)


def _by_group(frame: pl.DataFrame, groups: int) -> Iterator[tuple[int, pl.DataFrame]]:
    if "USUBJID" not in frame.columns:
        if frame.height:
            yield NOBODY, frame
        return
    known = {name: group_of(name, groups) for name in frame["USUBJID"].unique().drop_nulls()}
    number = frame["USUBJID"].replace_strict(known, default=NOBODY, return_dtype=pl.Int64).fill_null(NOBODY)
    split = frame.with_columns(number.alias("#cut")).partition_by("#cut", as_dict=True, include_key=False)
    for (key,), part in split.items():
        yield int(str(key)), part


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((),) * len(_TYPES)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, _TYPES.values(), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(_TYPES))


def unpacked(
    blobs: Iterable[tuple[str, int, bytes]], offsets: Mapping[tuple[str, int], int]
) -> dict[str, pl.DataFrame]:
    """The rows of blobs (dataset, place, Arrow) by dataset in their order, with their number from 1 as column `#`."""
    found: dict[str, list[pl.DataFrame]] = {}
    for name, place, arrow in blobs:
        frame = pl.read_ipc(BytesIO(arrow))
        found.setdefault(name, []).append(frame.with_columns(pl.col(_AT) + offsets[name, place] + 1))
    return {name: pl.concat(frames).sort(_AT) for name, frames in found.items()}


# --- where the rows come from -----------------------------------------------------------------------------------------


def of_frames(frames: Mapping[str, DataFrame], about: Mapping[str, Table], groups: int) -> DataFrame:
    """Spark DataFrames, one a dataset, packed; `about` has their metadata."""
    made = [one.mapInArrow(_of_batches(about[name], groups), PACKED) for name, one in frames.items()]
    while len(made) > 1:  # by twos, for Spark looks through the whole plan with every union
        pairs = [made[at : at + 2] for at in range(0, len(made), 2)]
        made = [one[0].union(one[1]) if len(one) > 1 else one[0] for one in pairs]
    return made[0]


def _of_batches(about: Table, groups: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext  # noqa: PLC0415 - of the task that runs here

        task = TaskContext.get()
        assert task is not None
        made = (_normal(pl.from_arrow(batch), about) for batch in batches if batch.num_rows)
        yield from pack(made, about, task.partitionId(), groups)

    return run


def _normal(frame: Any, about: Table) -> Table:
    return table(about.name, frame, about.variables, about.label)


@dataclass(frozen=True, slots=True)
class Piece:
    """What a task reads: a file of datasets, or some rows of a Parquet file."""

    path: Path
    kind: str
    start: int = 0
    count: int = 0

    def tables(self) -> list[Table]:
        """The datasets."""
        if self.count:
            return [parquet.read_rows(self.path, self.start, self.count)]
        return list(sdtm_files.read([self.path], self.kind))


def pieces(files: Iterable[Path], rows: int = ROWS * 5) -> list[Piece]:
    """The tasks of files: a file each, but for Parquet some rows of it. Raises UnreadableInputError."""
    found: list[Piece] = []
    for path, kind in sdtm_files.survey(files)[0]:
        if kind == "parquet":
            whole = parquet.height(path)
            found.extend(Piece(path, kind, at, min(rows, whole - at)) for at in range(0, whole, rows))
        if kind != "parquet" or not whole:
            found.append(Piece(path, kind))
    if not found:
        raise UnreadableInputError("There is no dataset here.", Where(file=", ".join(map(str, files))))
    return found


def of_files(spark: SparkSession, todo: list[Piece], groups: int) -> DataFrame:
    """Files that all executors see, packed; a task reads one of them (or some rows of a Parquet file)."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column("id").to_pylist():
                for one in todo[place].tables():
                    about = replace(one, frame=one.frame.clear())
                    cut = (replace(one, frame=frame) for frame in one.frame.iter_slices(ROWS))
                    yield from pack(cut, about, place, groups)

    return spark.range(0, len(todo), 1, len(todo)).mapInArrow(run, PACKED)
