"""Both directions on Apache Spark (local[2]): CPU seconds a million resources, beside one machine and Spark's JSON reader.

    python -P benchmarks/spark.py -o /tmp/spark --subjects 50 500 2000 --rounds 3

Makes the example's FHIR as NDJSON and its SDTM as XPT and Parquet once, then runs each variant in a process (and JVM) of
its own, round by round, and prints Markdown. CPU is that of the process, the JVM and all Python workers together, from
when the session is there and has run a first small job; what starting costs is printed apart. That SQL's cells are ours
is checked first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "examples")]

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession

RESOURCES_A_SUBJECT = 127
_REFERENCE = "struct<reference:string>"
_CONCEPT = "struct<coding:array<struct<system:string,code:string>>,text:string>"
_QUANTITY = "struct<value:decimal(20,6),unit:string>"
_ALL = "resourceType string, id string, identifier array<struct<system:string,value:string>>"
SCHEMAS = {
    "Observation": f"{_ALL}, subject {_REFERENCE}, code {_CONCEPT}, effectiveDateTime string, valueQuantity {_QUANTITY}, "
    f"valueString string, valueCodeableConcept {_CONCEPT}, method {_CONCEPT}, bodySite {_CONCEPT}, "
    f"encounter {_REFERENCE}, performer array<{_REFERENCE}>, focus array<{_REFERENCE}>",
    "AdverseEvent": f"{_ALL}, subject {_REFERENCE}, event {_CONCEPT}, date string, seriousness {_CONCEPT}, outcome {_CONCEPT}",
    "Procedure": f"{_ALL}, subject {_REFERENCE}, code {_CONCEPT}, performedPeriod struct<start:string,`end`:string>",
    "MedicationAdministration": f"{_ALL}, subject {_REFERENCE}, medicationCodeableConcept {_CONCEPT}, "
    f"effectivePeriod struct<start:string,`end`:string>, dosage struct<dose:{_QUANTITY}>",
    "Encounter": f"{_ALL}, subject {_REFERENCE}, period struct<start:string,`end`:string>",
    "BodyStructure": f"{_ALL}, patient {_REFERENCE}, location {_CONCEPT}",
    "Patient": f"{_ALL}, birthDate string, gender string, deceasedDateTime string",
    "ResearchSubject": f"{_ALL}, individual {_REFERENCE}, study {_REFERENCE}, assignedArm string, actualArm string",
}
"""What Spark's own reader is told to read: the elements that most lines of the dictionary read, by type."""


LESIONS = ("DM", "SV", "TU", "TR", "RS")
"""What SQL is given: DM, the lesions and the visits."""


def made(folder: Path, subjects: int) -> None:
    """The inputs, made once."""
    from export import export
    from re_induction.generate import build

    from trialbridge.converters.study import to_fhir
    from trialbridge.fhir.files import write
    from trialbridge.sdtm import files
    from trialbridge.sdtm.table import study as whole

    if not (folder / "fhir").is_dir():
        export(folder / "fhir", subjects)
    if not (folder / "xpt").is_dir():
        study = build(subjects=subjects)
        for kind in ("parquet", "xpt"):
            files.write(study, folder / kind, kind)
    if not (folder / "lesions").is_dir():
        study = files.read(folder / "xpt")
        lesions = to_fhir(whole([study[name] for name in LESIONS], version=study.version, ct=study.ct))
        write(lesions.resources, folder / "lesions", "ndjson", "R4")


def session() -> SparkSession:
    """A session of two threads that has run a job."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    found = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "3g")
        .config("spark.sql.shuffle.partitions", "8")
        .getOrCreate()
    )
    found.range(0, 10, 1, 2).mapInArrow(lambda batches: batches, "id long").count()
    return found


def _through(frame: DataFrame) -> None:
    """Make every row, and write none."""
    frame.write.format("noop").mode("overwrite").save()


def to_sdtm(mode: Any, given: str = "fhir") -> Callable[[Any, Path], None]:
    """FHIR to SDTM on Spark."""

    def run(spark: SparkSession, folder: Path) -> None:
        from trialbridge.converters.spark import files_to_sdtm

        with tempfile.TemporaryDirectory() as spool:
            found = files_to_sdtm(spark, sorted((folder / given).glob("*.ndjson")), Path(spool), mode=mode)
            for one in found.tables.values():
                _through(one)

    return run


def from_xpt(spark: SparkSession, folder: Path) -> None:
    """SDTM files to FHIR on Spark."""
    from trialbridge.converters.spark.fhir import files_to_fhir

    _through(files_to_fhir(spark, [folder / "xpt"]).resources)


def from_tables(spark: SparkSession, folder: Path) -> None:
    """SDTM in Parquet, as DataFrames, to FHIR on Spark."""
    from pyarrow import parquet
    from pyspark.sql.pandas.types import from_arrow_schema

    from trialbridge.converters.spark.fhir import tables_to_fhir

    tables = {}
    for path in sorted((folder / "parquet").glob("*.parquet")):
        schema = from_arrow_schema(parquet.read_schema(path))  # a catalog's tables have one: Spark need not look
        tables[path.stem] = spark.read.schema(schema).parquet(str(path))
    _through(tables_to_fhir(spark, tables).resources)


def json_reader(spark: SparkSession, folder: Path) -> None:
    """Spark's own JSON reader with an explicit schema, every field of it a column; nothing mapped."""
    from pyspark.sql import functions

    for kind, schema in SCHEMAS.items():
        frame = spark.read.schema(schema).json(str(folder / "fhir" / f"{kind}.ndjson"))
        columns = [functions.col(name) for name in frame.columns if name != "identifier"]
        coded = [functions.col(f"{name}.coding")[0]["code"] for name, of in frame.dtypes if "coding" in of]
        _through(frame.select(*columns, functions.col("identifier")[0]["value"].alias("key"), *coded))


def by_sql(spark: SparkSession, folder: Path) -> None:
    """DM, TU, TR and RS by Spark's own JSON reader and SQL."""
    from spark_sql import tables

    for frame in tables(spark, folder / "lesions"):
        _through(frame)


def check(folder: Path) -> None:
    """Print where SQL's cells are not ours."""
    from spark_sql import differences

    from trialbridge.converters import bulk

    with bulk.to_sdtm(sorted((folder / "lesions").glob("*.ndjson")), mode="mapped") as told:
        found = differences(session(), folder / "lesions", told.study())
    print(f"DM, TU, TR and RS by SQL and by us, rows and cells that differ: {dict(found)}\n")


def alone_to_sdtm(_: None, folder: Path) -> None:
    """FHIR to SDTM by a pool of two processes."""
    from trialbridge.converters import bulk

    with bulk.to_sdtm(sorted((folder / "fhir").glob("*.ndjson")), mode="mapped", workers=2) as told:
        for one in told.datasets:
            for _frame in one.frames():
                pass


def alone_to_fhir(_: None, folder: Path) -> None:
    """SDTM to FHIR by a pool of two processes."""
    from trialbridge.converters import bulk_fhir
    from trialbridge.sdtm import files

    bulk_fhir.to_lines(files.read(folder / "xpt"), lambda _: None, workers=2)


SPARK: dict[str, Callable[[Any, Path], None]] = {
    "Spark's JSON reader, explicit schema, projected": json_reader,
    "FHIR to SDTM on Spark, mapped": to_sdtm("mapped"),
    "FHIR to SDTM on Spark, strict": to_sdtm("strict"),
    "DM, SV, TU, TR, RS alone: Spark's JSON reader and SQL for DM, TU, TR, RS": by_sql,
    "DM, SV, TU, TR, RS alone: FHIR to SDTM on Spark, mapped": to_sdtm("mapped", "lesions"),
    "SDTM (XPT files) to FHIR on Spark": from_xpt,
    "SDTM (Parquet as DataFrames) to FHIR on Spark": from_tables,
}
ALONE: dict[str, Callable[[Any, Path], None]] = {
    "FHIR to SDTM by two processes, mapped": alone_to_sdtm,
    "SDTM to FHIR by two processes": alone_to_fhir,
}


def tree_cpu() -> float:
    """CPU seconds of this process and all that came of it (proc(5): fields 14 to 17 of stat)."""
    parents, spent = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        spent[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(spent[pid] for pid in ours)


def one(name: str, folder: Path) -> dict[str, float]:
    """Run a variant here."""
    wall = time.perf_counter()
    spark = session() if name in SPARK else None
    begun, start = tree_cpu(), time.perf_counter()
    (SPARK | ALONE)[name](spark, folder)
    found = {
        "cpu": tree_cpu() - begun,
        "wall": time.perf_counter() - start,
        "begun cpu": begun,
        "begun wall": start - wall,
    }
    if spark is not None:
        spark.stop()
    return found


def main() -> None:
    """Run variants side by side and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--subjects", type=int, nargs="+", default=[50, 500, 2000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="Run nothing: print what runs so far have given.")
    parser.add_argument("--one", choices=[*SPARK, *ALONE], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one, asked.output)))
        return
    sizes = [Size(asked.output / str(subjects), subjects) for subjects in sorted(asked.subjects)]
    for size in sizes:
        size.make()
        if asked.report:
            size.remember()
        else:
            size.kept.unlink(missing_ok=True)
    if not asked.report:
        check(sizes[0].folder)
    for _ in range(0 if asked.report else asked.rounds):
        for name in (*SPARK, *ALONE):
            for size in sizes:
                size.run(name)
    report(sizes)


class Size:
    """One input and its runs."""

    def __init__(self, folder: Path, subjects: int) -> None:
        self.folder = folder
        self.subjects = subjects
        self.kept = folder / "runs.ndjson"
        self.runs: dict[str, list[dict[str, float]]] = {}

    def make(self) -> None:
        """Make the input."""
        made(self.folder, self.subjects)
        counts, sizes = {}, {}
        for kind in ("fhir", "lesions"):
            texts = [path.read_bytes() for path in (self.folder / kind).glob("*.ndjson")]
            counts[kind], sizes[kind] = sum(one.count(b"\n") for one in texts), sum(map(len, texts))
        self.counts, self.size = counts, sizes["fhir"]

    def count(self, name: str) -> int:
        """How many resources a variant reads or makes."""
        return self.counts["lesions" if name.startswith("DM, SV") else "fhir"]

    def run(self, name: str) -> None:
        """One run of a variant, in a process of its own."""
        words = [sys.executable, "-P", __file__, "-o", str(self.folder), "--one", name]
        said = subprocess.run(words, capture_output=True, check=True, text=True).stdout
        self.runs.setdefault(name, []).append(json.loads(said.splitlines()[-1]))
        with self.kept.open("a") as file:
            file.write(json.dumps([name, self.runs[name][-1]]) + "\n")

    def remember(self) -> None:
        """Take the runs of before."""
        for line in self.kept.read_text().splitlines():
            name, run = json.loads(line)
            self.runs.setdefault(name, []).append(run)

    def median(self, name: str, key: str) -> float:
        """The median of a variant's runs."""
        return statistics.median(run[key] for run in self.runs[name])


READER = next(iter(SPARK))
SHOWN = [name for name in SPARK if name.startswith(("FHIR", "SDTM"))]


def line(name: str, small: Size, large: Size) -> tuple[float, float]:
    """CPU seconds whatever the size, and CPU seconds a resource, from two sizes."""
    least, most = small.count(name), large.count(name)
    slope = (large.median(name, "cpu") - small.median(name, "cpu")) / (most - least)
    return max(0.0, large.median(name, "cpu") - slope * most), slope


def report(sizes: list[Size]) -> None:
    """The result as Markdown: ratios and CPU, then core hours by size."""
    small, large = sizes[0], sizes[-1]
    start = statistics.median(large.median(name, "begun cpu") for name in SPARK)
    rounds = min(len(runs) for size in sizes for runs in size.runs.values())
    print(
        f"{large.subjects:,} subjects, {large.counts['fhir']:,} resources, {large.size / 1e6:,.0f} MB of NDJSON; ",
        end="",
    )
    print(
        f"local[2]; {rounds} rounds. Starting (JVM, session, first job) costs {start:.0f} s of CPU and is not counted."
    )
    print(f"Whatever the size, and a million resources: from {small.subjects:,} and {large.subjects:,} subjects.\n")
    print(
        "| what | resources | CPU s | of which whatever the size | CPU s a million resources | a resource, reader = 1 | wall s |"
    )
    print("|---|---|---|---|---|---|---|")
    unit = line(READER, small, large)[1]
    for name in large.runs:
        fixed, slope = line(name, small, large)
        cpu, wall = (large.median(name, key) for key in ("cpu", "wall"))
        print(
            f"| {name} | {large.count(name):,} | {cpu:.1f} | {fixed:.1f} | {slope * 1e6:,.0f} | {slope / unit:.2f} | {wall:.1f} |"
        )
    print("\nCore hours; divide by the cores. *Extrapolated* by whatever the size and a resource:\n")
    print("| subjects | resources | NDJSON | " + " | ".join(SHOWN) + " |")
    print("|---|---|---|" + "---|" * len(SHOWN))
    for size in sizes:
        cells = [f"measured: {size.median(name, 'cpu') / 3600:.2g}" for name in SHOWN]
        _row(size.subjects, size.counts["fhir"], size.size, cells)
    if len(sizes) > 2:
        lines = [line(name, *sizes[-3:-1]) for name in SHOWN]
        cells = [f"*{(fixed + slope * large.counts['fhir']) / 3600:.2g}*" for fixed, slope in lines]
        print(f"| {large.subjects:,}, foretold from the two sizes before | | | " + " | ".join(cells) + " |")
    for subjects in (20_000, 1_000_000):
        count = subjects * RESOURCES_A_SUBJECT
        lines = [line(name, small, large) for name in SHOWN]
        cells = [f"*{(fixed + slope * count) / 3600:.2g}*" for fixed, slope in lines]
        _row(subjects, count, large.size / large.counts["fhir"] * count, cells)


def _row(subjects: int, count: int, size: float, cells: list[str]) -> None:
    print(f"| {subjects:,} | {count:,} | {size / 1e9:,.1f} GB | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
