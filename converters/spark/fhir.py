"""SDTM to FHIR on Apache Spark: the same groups of subjects, the same functions, on as many machines as there are.

`files_to_fhir` takes dataset files that all executors see; `tables_to_fhir` takes a Spark DataFrame a dataset (Delta,
Parquet). Both give a DataFrame of resources, the very bytes that one machine makes. What subjects share is made on the
driver, from DM, and sent; each group of subjects (`applyInArrow`) hands back what else it made that no subject owns;
the driver compares that and keeps one. Where it is not the same from all groups, NotInTurnError is raised, as on one
machine.
"""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
import polars as pl
import pyarrow as pa
from pyarrow import parquet
from pyspark.sql.pandas.types import to_arrow_schema

from trialbridge.base.collector import without_collector
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.converters import to_fhir as whole
from trialbridge.converters.bulk.job import dictionary_of
from trialbridge.converters.bulk_fhir import AT_ONCE
from trialbridge.converters.bulk_fhir import lines as bulk_fhir_lines
from trialbridge.converters.bulk_fhir import shared as bulk_fhir_shared
from trialbridge.converters.bulk_fhir.group import Group, Made, NotInTurnError, Setting
from trialbridge.converters.bulk_fhir.lines import Lines, as_lines
from trialbridge.converters.bulk_fhir.plan import cut
from trialbridge.converters.spark import rows as spark_rows
from trialbridge.fhir.ids import BASE
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.table import Study, study, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pyspark.sql import DataFrame, GroupedData, SparkSession

    from trialbridge.converters.spark.rows import Stretch
    from trialbridge.converters.to_fhir import ToFhir
    from trialbridge.mappings.kit import Release
    from trialbridge.sdtm.table import Table

_COLUMNS = "resourceType string, id string, subject string, resource string"
_LAID = f"{_COLUMNS}, part binary"
_DEMOGRAPHICS = ("DM", "SUPPDM")


@dataclass(frozen=True, slots=True)
class OnSpark:
    """What a conversion on Spark gives: a DataFrame of resources; findings and ledger; resources by type; what is held.

    The columns are resourceType, id, subject (the reference to whom it belongs, `Patient/…`; null for what subjects
    share) and resource (its JSON).
    """

    resources: DataFrame
    told: ToFhir
    counts: Counter[str]
    laid: DataFrame | None

    def unpersist(self) -> None:
        """Let go of what the executors hold, when the resources have been written. In a `spool` they hold nothing."""
        if self.laid is not None:
            self.laid.unpersist()


@dataclass(frozen=True, slots=True)
class _Options:
    """What a conversion is asked for; it travels."""

    base: str
    release: Release
    mapping: Path | None
    study_file: Path | None
    spool: Path | None
    strict: bool

    def held(self, spark: SparkSession, packed: DataFrame) -> DataFrame:
        """The packed rows, made once."""
        if self.spool is None:
            return packed.persist()
        place = str(self.spool / uuid4().hex)
        packed.write.parquet(place)
        return spark.read.schema(spark_rows.PACKED).parquet(place)


def files_to_fhir(
    spark: SparkSession,
    files: Iterable[Path],
    *,
    base: str = BASE,
    release: Release = "R4",
    mapping: Path | None = None,
    study_file: Path | None = None,
    at_once: int = AT_ONCE,
    strict: bool = False,
    spool: Path | None = None,
) -> OnSpark:
    """The resources of the study that dataset files tell. Files, `mapping` and `study_file` are seen by all executors.

    A task reads one file (of Parquet some rows). What is in between is persisted; or it and the resources lie as Parquet
    in the folder `spool`, which all executors see, until it is deleted: where executors come and go, or nothing can be
    persisted. `strict` holds what is made against FHIR's structure, as `bulk_fhir.to_lines` does. Raises
    UnreadableInputError, DoesNotFitError for NaN and infinity, and NotInTurnError where the study must be converted as a
    whole.
    """
    todo = spark_rows.pieces(files)
    # One small file tells the standard's version and the controlled terminology, and DM how many subjects there are.
    first = sdtm_files.read([todo[0].path], todo[0].kind)
    named = [one for one in todo if one.path.stem.upper() == "DM"]
    subjects = sum(one.frame.height for piece in named for one in piece.tables())
    packed = spark_rows.of_files(spark, todo, _groups(subjects, at_once))
    about = replace(first, tables={}, residue=())
    return _converted(spark, packed, about, _Options(base, release, mapping, study_file, spool, strict), at_once)


def tables_to_fhir(
    spark: SparkSession,
    tables: Mapping[str, DataFrame],
    *,
    like: Study | None = None,
    base: str = BASE,
    release: Release = "R4",
    mapping: Path | None = None,
    study_file: Path | None = None,
    at_once: int = AT_ONCE,
    strict: bool = False,
    spool: Path | None = None,
) -> OnSpark:
    """The resources of a study whose datasets are Spark DataFrames, by name (`DM`).

    `like` is a study that says what a DataFrame does not: standard, version, controlled terminology, labels and lengths
    (its rows are not looked at). A dataset's rows count in the order in which Spark gives them. Raises as
    `files_to_fhir`.
    """
    like = like or Study()
    about = {name.upper(): _described(name, one, like) for name, one in tables.items()}
    frames = {name.upper(): one for name, one in tables.items()}
    subjects = frames["DM"].count() if "DM" in frames else 0
    packed = spark_rows.of_frames(frames, about, _groups(subjects, at_once))
    options = _Options(base, release, mapping, study_file, spool, strict)
    return _converted(spark, packed, replace(like, tables=about, residue=()), options, at_once)


def _groups(subjects: int, at_once: int) -> int:
    """How many groups: as many as on one machine; without DM, which tells the number of subjects, a hundred."""
    return -(-subjects // at_once) if subjects else 100


def _described(name: str, frame: DataFrame, like: Study) -> Table:
    """A dataset without rows."""
    empty = pl.from_arrow(to_arrow_schema(frame.schema).empty_table())
    assert isinstance(empty, pl.DataFrame)
    known = like.tables.get(name.upper())
    return table(name, empty, known.variables, known.label, known.extra) if known else table(name, empty)


def _converted(spark: SparkSession, packed: DataFrame, about: Study, options: _Options, at_once: int) -> OnSpark:
    packed = options.held(spark, packed)
    for_driver = f"told is not null or dataset in {_DEMOGRAPHICS} or cut = {spark_rows.NOBODY}"
    known = packed.where(for_driver).select("dataset", "place", "arrow", "told").collect()
    of = _Whole([row.told for row in known if row.told is not None], about)
    dictionary = dictionary_of(options.mapping, options.study_file)
    result = whole.ToFhir([])
    wrong = whole.wrong_columns(of.study, dictionary, result.findings)
    blobs = ((row.dataset, row.place, bytes(row.arrow)) for row in known if row.arrow is not None)
    rows = spark_rows.unpacked(blobs, of.offsets)
    nobody = of.group(spark_rows.NOBODY, {name: _of_nobody(frame) for name, frame in rows.items()})
    demographics = study(_plain(of.study[name], rows[name]) for name in _DEMOGRAPHICS if name in rows)
    setting = bulk_fhir_shared.begin(
        cut(demographics, at_once).groups(),
        nobody.study,
        oncology=any(name in of.study for name in ("TU", "TR", "RS")),
        base=options.base,
        release=options.release,
        wrong=wrong,
        dictionary=dictionary,
    )
    work = _Work(setting, options, of.offsets, of.without_rows())
    laid, parts, resources = _made(spark, packed.where("cut >= 0").groupBy("cut"), work)
    together = bulk_fhir_shared.Together(setting, dictionary, result)
    counts: Counter[str] = Counter()
    for part, count in sorted(parts, key=_number):
        if isinstance(part, NotInTurnError):
            raise part
        together.add(part)
        counts.update(count)
    shared = together.end(nobody, of.study, of.heights)
    packed.unpersist()
    counts.update(one["resourceType"] for one in shared)
    lines = as_lines(shared)
    if options.strict:
        result.findings.extend(bulk_fhir_lines.wrong_structure(lines, options.release))
    last = spark.createDataFrame(pa.concat_tables(map(_rows, lines or [Lines("", 0, b"")])), _COLUMNS)
    return OnSpark(resources.unionByName(last), together.result, counts, laid)


def _made(
    spark: SparkSession, groups: GroupedData, work: _Work
) -> tuple[DataFrame | None, list[tuple[Made | NotInTurnError, Counter[str]]], DataFrame]:
    """The groups' resources: what the executors hold of them, what else became of each group, and the resources."""

    def persisted(blobs: pa.Table) -> pa.Table:  # a plain function: Spark counts the arguments of what it is given
        return work.persisted(blobs)

    def written(blobs: pa.Table) -> pa.Table:
        return work.written(folder, blobs)

    laid = None
    if work.options.spool is None:
        laid = groups.applyInArrow(persisted, _LAID).persist()
        parts = laid.where("part is not null").select("part").collect()
        resources = laid.where("part is null").drop("part")
    else:
        folder = work.options.spool / uuid4().hex
        folder.mkdir(parents=True)
        parts = groups.applyInArrow(written, "part binary").collect()
        resources = spark.read.schema(_COLUMNS).parquet(str(folder))
    return laid, [pickle.loads(row.part) for row in parts], resources  # noqa: S301 - ours


def _number(part: tuple[Made | NotInTurnError, Counter[str]]) -> int:
    return part[0].number if isinstance(part[0], Made) else -1


def _of_nobody(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("USUBJID").is_null()) if "USUBJID" in frame.columns else frame


def _plain(about: Table, frame: pl.DataFrame) -> Table:
    return replace(about, frame=frame.drop("#"))


class _Whole:
    """What the partitions tell of the study: how many rows, where each partition's begin, which columns have values."""

    def __init__(self, told: Iterable[bytes], about: Study) -> None:
        stretches: list[Stretch] = sorted(map(pickle.loads, told), key=_place)
        self.heights: dict[str, int] = {}
        self.offsets: dict[tuple[str, int], int] = {}
        by_name: dict[str, list[Stretch]] = {}
        for one in stretches:
            name = one.about.name
            self.offsets[name, one.place] = self.heights.setdefault(name, 0)
            self.heights[name] += one.height
            by_name.setdefault(name, []).append(one)
        self.study = replace(about, tables={name: _one_table(its) for name, its in by_name.items()})
        self._refuse_odd_numbers(by_name)

    def without_rows(self) -> Study:
        """Its datasets described, without rows: it travels."""
        return replace(self.study, tables={one.name: replace(one, frame=one.frame.clear()) for one in self.study})

    def group(self, number: int, rows: Mapping[str, pl.DataFrame]) -> Group:
        """A group of these rows."""
        return _group(number, rows, self.study)

    def _refuse_odd_numbers(self, by_name: Mapping[str, list[Stretch]]) -> None:
        for name, its in by_name.items():
            for variable in self.study[name].variables:
                for one in its:
                    if variable.name in one.odd:
                        row = self.offsets[name, one.place] + one.odd[variable.name] + 1
                        raise whole.odd_number(Where(dataset=name, row=row, variable=variable.name))


def _place(one: Stretch) -> int:
    return one.place


def _one_table(its: list[Stretch]) -> Table:
    """A dataset by example: as many rows as it has STUDYIDs, a value in the first where the column has one at all."""
    about = its[0].about
    if not any(one.height for one in its):
        return about
    filled = frozenset().union(*(one.filled for one in its))
    studyids: list[str | None] = list(dict.fromkeys(name for one in its for name in one.studyids)) or [None]
    columns = []
    for name, kind in about.frame.schema.items():
        first = (1.0 if kind == pl.Float64 else "x") if name in filled else None
        cells = studyids if name == "STUDYID" else [first, *[None] * (len(studyids) - 1)]
        columns.append(pl.Series(name, cells, kind))
    return replace(about, frame=pl.DataFrame(columns))


def _group(number: int, rows: Mapping[str, pl.DataFrame], about: Study) -> Group:
    tables = {one.name: _plain(one, rows[one.name]) for one in about if one.name in rows and rows[one.name].height}
    numbers = {name: rows[name]["#"].to_list() for name in tables}
    subjects = dict.fromkeys(
        name for one in tables.values() if "USUBJID" in one.frame.columns for name in one.frame["USUBJID"].drop_nulls()
    )
    return Group(number, tuple(subjects), replace(about, tables=tables), numbers)


@dataclass(frozen=True, slots=True)
class _Work:
    """What an executor does with the blobs of one group; it travels."""

    setting: Setting
    options: _Options
    offsets: Mapping[tuple[str, int], int]
    about: Study

    def persisted(self, blobs: pa.Table) -> pa.Table:
        """The group's resources as rows, then what else became of it."""
        rows, part = self._convert(blobs)
        rows = rows.append_column("part", pa.nulls(rows.num_rows, pa.binary()))
        last = {name: [None] for name in rows.column_names[:-1]} | {"part": [part]}
        return pa.concat_tables([rows, pa.table(last, schema=rows.schema)])

    def written(self, folder: Path, blobs: pa.Table) -> pa.Table:
        """What else became of the group; its resources go to a file, the same if the task runs twice."""
        rows, part = self._convert(blobs)
        if rows.num_rows:
            with whole_file(folder / f"{blobs.column('cut')[0].as_py():06}.parquet") as path:
                parquet.write_table(rows, path)
        return pa.table({"part": pa.array([part], pa.binary())})

    def _convert(self, blobs: pa.Table) -> tuple[pa.Table, bytes]:
        columns = (blobs.column(name).to_pylist() for name in ("dataset", "place", "arrow"))
        rows = spark_rows.unpacked(zip(*columns, strict=True), self.offsets)
        dictionary = dictionary_of(self.options.mapping, self.options.study_file)
        group = _group(blobs.column("cut")[0].as_py(), rows, self.about)
        made: Made | NotInTurnError
        try:
            with without_collector():
                made, lines = bulk_fhir_lines.convert(self.setting, group, dictionary, strict=self.options.strict)
        except NotInTurnError as refused:
            made, lines = refused, []
        part = pickle.dumps((made, Counter({one.kind: one.count for one in lines})))
        return pa.concat_tables([_rows(one) for one in lines] or [_rows(Lines("", 0, b""))]), part


def _rows(lines: Lines) -> pa.Table:
    """Resources of one type: its name, their ids, to whom they belong, their JSON."""
    texts = lines.text.splitlines()
    named = [_NAMED.decode(text) for text in texts]
    kinds = pa.array([lines.kind] * len(texts), pa.string())
    ids = pa.array([one.id for one in named], pa.string())
    owners = [f"Patient/{one.id}" if lines.kind == "Patient" else one.owner() for one in named]
    arrays = [kinds, ids, pa.array(owners, pa.string()), pa.array(texts, pa.binary()).cast(pa.string())]
    return pa.table(arrays, names=["resourceType", "id", "subject", "resource"])


class _Link(msgspec.Struct):
    """A reference, as far as it is looked at."""

    reference: str | None = None


class _Named(msgspec.Struct):
    """A resource of ours, as far as it is looked at."""

    id: str
    subject: _Link | None = None
    patient: _Link | None = None
    individual: _Link | None = None

    def owner(self) -> str | None:
        """The reference to whom it belongs."""
        links = (self.subject, self.patient, self.individual)
        return next((one.reference for one in links if one is not None and one.reference), None)


_NAMED = msgspec.json.Decoder(_Named)
