"""FHIR to SDTM on Apache Spark: the same shards, the same functions, on as many machines as there are.

`files_to_sdtm` takes NDJSON files that all executors see (a mounted volume): a task is a list of byte ranges, so Spark
never moves the text. `resources_to_sdtm` takes a DataFrame with a column of resources as JSON (Delta, Parquet). Both
give a Spark DataFrame for each dataset, cell for cell what `bulk.to_sdtm` gives.

Spark runs our functions by `mapInArrow`: Arrow batches go to Python and come back, rows are never pickled. The way back
is `spark.fhir`.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pyspark.sql import functions

from trialbridge.converters import bulk
from trialbridge.converters.bulk import shard as bulk_shard
from trialbridge.converters.bulk.job import Job, Mode, dictionary_of
from trialbridge.converters.bulk.scan import SHARD_BYTES, scan
from trialbridge.converters.spark import shards as spark_shards
from trialbridge.fhir.ids import BASE, system

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from trialbridge.converters.bulk import Bulk
    from trialbridge.converters.bulk.join import Dataset
    from trialbridge.converters.bulk.part import Part
    from trialbridge.converters.bulk.scan import Plan
    from trialbridge.fhir.releases import Release

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
    laid = spool / f"laid-{uuid4().hex}"
    laid.mkdir(parents=True)
    plan = scan(
        files, dictionary_of(mapping, study_file, dictionaries), system(base, "usubjid"), laid, release, shard_bytes
    )
    shared = tuple(plan.shared.read(plan.files, plan.names))
    job = Job(shared, base, plan.release, mode, mapping, study_file, dictionaries)
    setting = pickle.dumps(bulk.Setting(job, plan.files, plan.names, None))
    count = len(plan.groups)
    done = spark.range(0, count, 1, _partitions(spark, plan, count)).mapInArrow(
        spark_shards.worker(setting, plan.groups, laid), "part binary"
    )
    parts = sorted((pickle.loads(row.part) for row in done.collect()), key=_number)  # noqa: S301 - made by us
    told = bulk.told(plan, parts, bulk_shard.package_in(job), version, job.dictionary())
    return OnSpark({one.name: _table(spark, laid / one.name, one) for one in told.datasets}, told)


def _partitions(spark: SparkSession, plan: Plan, shards: int) -> int:
    """How many tasks: two a core, so that none waits long for the last; more where they were larger than Spark's own.

    A session without a context (Spark Connect) does not tell its cores: then as many as a shuffle has.
    """
    context = getattr(spark, "sparkContext", None)
    cores = 2 * context.defaultParallelism if context else int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    return min(shards, max(cores, plan.size // _BYTES))


def resources_to_sdtm(
    spark: SparkSession, resources: DataFrame, spool: Path, *, column: str = "resource", **options: Any
) -> OnSpark:
    """The study that a DataFrame of resources tells: a column of JSON texts, one resource a row.

    They are laid down as NDJSON in `spool`, a folder that all executors see and that does not exist yet; then as
    `files_to_sdtm`, whose other options it takes. JSON may be pretty-printed.
    """
    # A carriage return is blank between JSON's tokens as a line feed is, and as wrong inside a string.
    lines = functions.replace(resources[column], functions.lit("\n"), functions.lit("\r"))
    resources.select(lines.alias("value")).write.text(str(spool))
    files = sorted(path for path in spool.iterdir() if path.name.startswith("part-"))
    return files_to_sdtm(spark, files, spool, **options)


def _number(part: Part) -> int:
    return part.number


def _table(spark: SparkSession, folder: Path, one: Dataset) -> DataFrame:
    """A dataset as a DataFrame. Rows of a table have no order on Spark; within a shard they are in SDTM's."""
    variables = tuple((variable.name, variable.type) for variable in one.about.variables)
    schema = ", ".join(f"`{name}` {'double' if kind == 'Num' else 'string'}" for name, kind in variables)
    if one.whole is not None or not one.parts:
        rows = one.table().frame.to_arrow().cast(spark_shards.arrow_schema(variables))
        return spark.createDataFrame(rows, schema)
    kinds = dict(variables)
    if all(kinds[name] == kind for part in one.parts for name, kind in part.columns.items()):
        return spark.read.schema(schema).parquet(str(folder))
    paths = [(str(path),) for path in sorted(folder.glob("*.parquet"))]
    return spark.createDataFrame(paths, "path string").mapInArrow(spark_shards.reader(variables), schema)
