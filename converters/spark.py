"""FHIR to SDTM on Apache Spark: the same shards, the same functions, on as many machines as there are.

`files_to_sdtm` takes NDJSON files that all executors see (a mounted volume): a task is a list of byte ranges, so Spark
never moves the text. `resources_to_sdtm` takes a DataFrame with a column of resources as JSON (Delta, Parquet). Both
give a Spark DataFrame for each dataset, cell for cell what `bulk.to_sdtm` gives.

Spark runs our functions by `mapInArrow`: Arrow batches go to Python and come back, rows are never pickled. The way back
is `spark_fhir`.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from trialbridge.converters import bulk, bulk_shard
from trialbridge.converters.bulk_join import typed
from trialbridge.converters.bulk_scan import SHARD_BYTES, scan
from trialbridge.converters.bulk_shard import Job, Mode, Part, dictionary_of
from trialbridge.fhir.ids import BASE, system

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from trialbridge.converters.bulk import Bulk, Setting
    from trialbridge.converters.bulk_join import Dataset
    from trialbridge.converters.bulk_scan import Plan
    from trialbridge.converters.bulk_shard import Stored
    from trialbridge.fhir.releases import Release

_LAID = "number int, dataset string, arrow binary, part binary"
_PARTS = "-"
"""Stands for a dataset where a row has what else is known of a shard."""
_BYTES = 128_000_000


@dataclass(frozen=True, slots=True)
class OnSpark:
    """What a conversion on Spark gives: a DataFrame for each dataset; `told` as `bulk.to_sdtm` has it, but for the rows."""

    tables: dict[str, DataFrame]
    told: Bulk


def files_to_sdtm(
    spark: SparkSession,
    files: Iterable[Path],
    spool: Path,
    *,
    base: str = BASE,
    release: Release | None = None,
    version: str = "3.4",
    mode: Mode = "strict",
    mapping: Path | None = None,
    study_file: Path | None = None,
    dictionaries: tuple[str, ...] = (),
    shard_bytes: int = SHARD_BYTES,
) -> OnSpark:
    """The study that NDJSON files tell. Files, `mapping`, `study_file` and `spool` must be seen by all executors.

    `spool` is a folder for the unpacked text of gzip files and for the rows, as Parquet; it may go when the tables have
    been written. Raises NotInLinesError where a line holds a Bundle.
    """
    plan = scan(
        files, dictionary_of(mapping, study_file, dictionaries), system(base, "usubjid"), spool, release, shard_bytes
    )
    shared = tuple(plan.shared.read(plan.files, plan.names))
    job = Job(shared, base, plan.release, mode, mapping, study_file, dictionaries)
    setting = pickle.dumps(bulk.Setting(job, plan.files, plan.names, None))

    def convert(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column("task").to_pylist():
                yield _laid(_setting(setting).convert(pickle.loads(task)))  # noqa: S301 - made below, by us

    tasks = [(number, pickle.dumps((number, lines))) for number, lines in bulk.tasks(plan)]
    spread = spark.createDataFrame(tasks, "number int, task binary").repartition(_partitions(spark, plan, len(tasks)))
    laid = spool / f"laid-{uuid4().hex}"
    spread.mapInArrow(convert, _LAID).write.partitionBy("dataset").parquet(str(laid))
    kept = spark.read.schema("part binary").parquet(str(laid / f"dataset={_PARTS}")).collect()
    parts = sorted((pickle.loads(row.part) for row in kept), key=_number)  # noqa: S301 - made in _laid, by us
    told = bulk.told(plan, parts, bulk_shard.package_in(job), version)
    return OnSpark({one.name: _table(spark, laid, one) for one in told.datasets}, told)


@lru_cache(maxsize=2)
def _setting(pickled: bytes) -> Setting:
    """What shards are converted with, read once a process: it remembers what all shards share.

    It travels in the function, not as a broadcast, which Spark Connect does not have.
    """
    setting: Setting = pickle.loads(pickled)  # noqa: S301 - made above, by us
    return setting


def _partitions(spark: SparkSession, plan: Plan, shards: int) -> int:
    """How many tasks: as many as a shuffle has, more where they were larger than Spark's own; each writes a file a dataset."""
    return min(shards, max(int(spark.conf.get("spark.sql.shuffle.partitions") or 1), plan.size // _BYTES))


def resources_to_sdtm(
    spark: SparkSession, resources: DataFrame, spool: Path, *, column: str = "resource", **options: Any
) -> OnSpark:
    """The study that a DataFrame of resources tells: a column of JSON texts, one resource a row.

    They are laid down as NDJSON in `spool`, a folder that all executors see and that does not exist yet; then as
    `files_to_sdtm`, whose other options it takes.
    """
    resources.select(resources[column].alias("value")).write.text(str(spool))
    files = sorted(path for path in spool.iterdir() if path.name.startswith("part-"))
    return files_to_sdtm(spark, files, spool, **options)


def _number(part: Part) -> int:
    return part.number


def _laid(part: Part) -> pa.RecordBatch:
    """A part as rows: the Arrow bytes of each dataset, then what else is known of it."""
    rows: list[tuple[Any, ...]] = [(part.number, name, one.arrow, None) for name, one in part.stored.items()]
    part.stored = {name: _without_rows(one) for name, one in part.stored.items()}
    rows.append((part.number, _PARTS, None, pickle.dumps(part)))
    types = {"number": pa.int32(), "dataset": pa.string(), "arrow": pa.binary(), "part": pa.binary()}
    columns = zip(zip(*rows, strict=True), types.values(), strict=True)
    return pa.RecordBatch.from_arrays([pa.array(column, kind) for column, kind in columns], names=list(types))


def _without_rows(one: Stored) -> Stored:
    return replace(one, arrow=b"")


def _table(spark: SparkSession, laid: Path, one: Dataset) -> DataFrame:
    """A dataset as a DataFrame. Rows of a table have no order on Spark; within a shard they are in SDTM's."""
    variables = tuple((variable.name, variable.type) for variable in one.about.variables)
    kinds = {name: pa.float64() if kind == "Num" else pa.string() for name, kind in variables}
    schema = ", ".join(f"`{name}` {'double' if kind == 'Num' else 'string'}" for name, kind in variables)
    if one.whole is not None or not one.parts:
        return spark.createDataFrame(one.table().frame.rows(), schema)

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for arrow in batch.column("arrow").to_pylist():
                frame = typed(bulk_shard.frame_of(arrow), variables)
                yield from frame.to_arrow().cast(pa.schema(list(kinds.items()))).to_batches()

    return spark.read.schema("arrow binary").parquet(str(laid / f"dataset={one.name}")).mapInArrow(read, schema)
