"""SDTM files written and read, against other tools on the same frames, in one run; values compared by pyreadstat.

    python -P benchmarks/tables.py --subjects 2000 --rounds 5

Each variant has a process of its own, in which it is warmed up once; written is into a folder that is not there yet.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import polars as pl
import runner

from trialbridge.sdtm import files
from trialbridge.sdtm.table import Study, study

if TYPE_CHECKING:
    from collections.abc import Callable

DATASETS = ("TR", "RS", "AE", "LB", "VS", "TU")
TARGET = "target"


def make(folder: Path, subjects: int) -> tuple[int, int, int]:
    """The example's datasets in each format, pyreadstat's reading of ours compared; their rows, cells, bytes of XPORT."""
    import pyreadstat
    from re_induction.generate import build

    whole = build(subjects=subjects)
    of = study([whole[name] for name in DATASETS])
    for kind in ("parquet", "xpt", "json"):
        files.write(of, folder / kind, kind)
    for one in of:  # what we write, pyreadstat reads
        found, _ = pyreadstat.read_xport(str(folder / "xpt" / f"{one.name.lower()}.xpt"), output_format="polars")
        assert found.equals(one.frame.with_columns(pl.col(pl.String).fill_null(""))), one.name
        assert files.read(folder / "xpt")[one.name].frame.equals(one.frame), one.name
    size = sum(path.stat().st_size for path in (folder / "xpt").iterdir())
    return sum(t.frame.height for t in of), sum(t.frame.height * t.frame.width for t in of), size


def _given(asked: argparse.Namespace) -> Study:
    return files.read(asked.folder / "parquet")


def _warm(run: Callable[[Path], object], folder: Path) -> runner.Run:
    """The run into a new folder, once done before."""
    target = folder / TARGET
    shutil.rmtree(target, ignore_errors=True)
    run(target)
    shutil.rmtree(target)
    return lambda: run(target)


def ours(kind: str) -> Callable[[argparse.Namespace], runner.Run]:
    """A format written by us."""

    def ready(asked: argparse.Namespace) -> runner.Run:
        of = _given(asked)
        return _warm(lambda target: files.write(of, target, kind), asked.folder)

    return ready


def ours_read(kind: str) -> Callable[[argparse.Namespace], runner.Run]:
    """A format read by us."""

    def ready(asked: argparse.Namespace) -> runner.Run:
        files.read(asked.folder / kind)
        return lambda: files.read(asked.folder / kind)

    return ready


def pyreadstat_writes(*, pandas: bool) -> Callable[[argparse.Namespace], runner.Run]:
    """XPORT by pyreadstat."""

    def ready(asked: argparse.Namespace) -> runner.Run:
        import pyreadstat

        of = _given(asked)

        def write(target: Path) -> None:
            target.mkdir()
            for one in of:
                frame = one.frame.to_pandas() if pandas else one.frame
                name = str(target / f"{one.name.lower()}.xpt")
                pyreadstat.write_xport(frame, name, file_format_version=5, table_name=one.name)

        return _warm(write, asked.folder)

    return ready


def pyreadstat_reads(form: str) -> Callable[[argparse.Namespace], runner.Run]:
    """XPORT read by pyreadstat."""

    def ready(asked: argparse.Namespace) -> runner.Run:
        import pyreadstat

        def read() -> None:
            for path in sorted((asked.folder / "xpt").iterdir()):
                pyreadstat.read_xport(str(path), output_format=form)

        read()
        return read

    return ready


def polars_readstat_writes(asked: argparse.Namespace) -> runner.Run:
    """XPORT by polars-readstat."""
    import polars_readstat

    of = _given(asked)

    def write(target: Path) -> None:
        target.mkdir()
        for one in of:
            polars_readstat.write_xpt(
                one.frame, str(target / f"{one.name.lower()}.xpt"), version=5, table_name=one.name
            )

    return _warm(write, asked.folder)


def polars_readstat_reads(asked: argparse.Namespace) -> runner.Run:
    """XPORT read by polars-readstat."""
    import polars_readstat

    def read() -> None:
        for path in sorted((asked.folder / "xpt").iterdir()):
            polars_readstat.scan_readstat(str(path), missing_string_as_null=True).collect()

    read()
    return read


def orjson_writes(asked: argparse.Namespace) -> runner.Run:
    """The rows alone as JSON, 20,000 at a time, by orjson: what Dataset-JSON cannot beat by much."""
    import orjson

    of = _given(asked)

    def write(target: Path) -> None:
        target.mkdir()
        for one in of:
            with (target / one.name).open("wb") as file:
                file.writelines(orjson.dumps(part.rows()) for part in one.frame.iter_slices(20_000))

    return _warm(write, asked.folder)


def orjson_reads(asked: argparse.Namespace) -> runner.Run:
    """Dataset-JSON parsed by orjson, and its rows made a frame of what types polars finds."""
    import orjson

    def read() -> None:
        for path in sorted((asked.folder / "json").iterdir()):
            whole = orjson.loads(path.read_bytes())
            names = [column["name"] for column in whole["columns"]]
            pl.DataFrame(whole["rows"], names, orient="row", infer_schema_length=None)

    read()
    return read


VARIANTS: dict[str, Callable[[argparse.Namespace], runner.Run]] = {
    "XPORT written": ours("xpt"),
    "XPORT written by pyreadstat, from polars": pyreadstat_writes(pandas=False),
    "XPORT written by pyreadstat, from pandas": pyreadstat_writes(pandas=True),
    "XPORT written by polars-readstat": polars_readstat_writes,
    "XPORT read": ours_read("xpt"),
    "XPORT read by pyreadstat, to polars": pyreadstat_reads("polars"),
    "XPORT read by pyreadstat, to pandas": pyreadstat_reads("pandas"),
    "XPORT read by polars-readstat": polars_readstat_reads,
    "Dataset-JSON written": ours("json"),
    "rows as JSON by orjson, 20,000 at a time": orjson_writes,
    "Dataset-JSON read": ours_read("json"),
    "Dataset-JSON read by orjson and polars": orjson_reads,
    "Parquet written": ours("parquet"),
    "Parquet read": ours_read("parquet"),
}
UNITS = ("XPORT written", "XPORT read", "Dataset-JSON written", "Dataset-JSON read", "Parquet written", "Parquet read")
"""Each variant is told as a multiple of the last of these before it."""


def main() -> None:
    """Time all writers and readers side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    runner.add_arguments(parser, VARIANTS)
    asked = parser.parse_args()
    if asked.one:
        runner.child(VARIANTS, asked)
        return
    with tempfile.TemporaryDirectory() as name:
        rows, cells, size = make(Path(name), asked.subjects)
        found = runner.run(__file__, asked.only, asked.rounds, ["--folder", name])
    print(f"{rows:,} rows, {cells / 1e6:.1f} million cells, {size / 1e6:.0f} MB of XPORT; {asked.rounds} rounds\n")
    told, unit = [], found[asked.only[0]]
    for name, runs in found.items():
        unit = runs if name in UNITS else unit
        per_cell = 1e9 * runner.median(runs, "cpu") / cells
        peak = runner.median(runs, "mb")
        told.append((name, f"{runner.ratio(runs, unit):.2f}", f"{per_cell:.0f}", f"{peak:.0f}"))
    runner.print_table(("what", "CPU time, as a multiple of ours (median)", "ns a cell", "peak memory, MB"), told)


if __name__ == "__main__":
    main()
