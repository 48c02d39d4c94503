"""On Spark, in two threads of this machine, an export gives what it gives without Spark."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trialbridge.converters import bulk
from trialbridge.converters.study import to_fhir
from trialbridge.fhir.files import write
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.table import study

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
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    yield made
    made.stop()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The FHIR of four subjects of the example."""
    whole = sdtm_files.read(EXAMPLE / "sdtm")
    names = whole["DM"].frame["USUBJID"].sort()[:4]
    kept = [
        replace(one, frame=one.frame.filter(pl.col("USUBJID").is_null() | pl.col("USUBJID").is_in(names.implode())))
        if "USUBJID" in one.frame.columns
        else one
        for one in whole
    ]
    folder = tmp_path_factory.mktemp("fhir")
    write(to_fhir(study(kept, version=whole.version, ct=whole.ct)).resources, folder, "ndjson", "R4")
    return sorted(folder.glob("*.ndjson"))


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


def test_a_table_of_resources_gives_the_same_tables(spark, files, tmp_path):
    """A lakehouse keeps resources in tables, not in files."""
    from trialbridge.converters.spark import resources_to_sdtm

    lines = [(line,) for path in files for line in path.read_text().splitlines()]
    spark.createDataFrame(lines, "resource string").write.parquet(str(tmp_path / "lake"))
    found = resources_to_sdtm(spark, spark.read.parquet(str(tmp_path / "lake")), tmp_path / "spool")
    with bulk.to_sdtm(files) as told:
        for one in told.study():
            assert _rows(found.tables[one.name]) == Counter(one.frame.iter_rows()), one.name
