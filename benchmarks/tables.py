"""SDTM files written and read, against pyreadstat on the same frames, in one run; values compared by pyreadstat.

python -P benchmarks/tables.py --subjects 500 --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import polars as pl
import pyreadstat
from re_induction.generate import build

from trialbridge.sdtm import files
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    from collections.abc import Callable

DATASETS = ("TR", "RS", "AE", "LB", "VS", "TU")


def main() -> None:
    """Time all writers and readers side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    whole = build(subjects=asked.subjects)
    of = study([whole[name] for name in DATASETS])
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours", Path(folder) / "theirs"
        theirs.mkdir()

        def write_theirs(*, pandas: bool) -> None:
            for one in of:
                frame = one.frame.to_pandas() if pandas else one.frame
                name = str(theirs / f"{one.name.lower()}.xpt")
                pyreadstat.write_xport(frame, name, file_format_version=5, table_name=one.name)

        def read_theirs(**options: str) -> None:
            for one in of:
                pyreadstat.read_xport(str(ours / f"{one.name.lower()}.xpt"), **options)

        files.write(of, ours, "xpt")
        for one in of:  # what we write, pyreadstat reads
            found, _ = pyreadstat.read_xport(str(ours / f"{one.name.lower()}.xpt"), output_format="polars")
            assert found.equals(one.frame.with_columns(pl.col(pl.String).fill_null(""))), one.name
        runs: dict[str, Callable[[], object]] = {
            "XPORT written": lambda: files.write(of, ours, "xpt"),
            "XPORT written by pyreadstat, from polars": lambda: write_theirs(pandas=False),
            "XPORT written by pyreadstat, from pandas": lambda: write_theirs(pandas=True),
            "XPORT read": lambda: files.read(ours),
            "XPORT read by pyreadstat, to pandas": read_theirs,
            "XPORT read by pyreadstat, to polars": lambda: read_theirs(output_format="polars"),
            "Dataset-JSON written": lambda: files.write(of, Path(folder) / "json", "json"),
            "Parquet written": lambda: files.write(of, Path(folder) / "parquet", "parquet"),
        }
        spent: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(asked.rounds):
            for name, run in runs.items():
                start = time.process_time()
                run()
                spent[name].append(time.process_time() - start)
    cells = sum(one.frame.height * one.frame.width for one in of)
    print(f"{sum(one.frame.height for one in of):,} rows, {cells / 1e6:.1f} million cells; {asked.rounds} rounds\n")
    print("| what | CPU time, as a multiple of ours (median) |\n|---|---|")
    for name, seconds in spent.items():
        base = spent["XPORT read" if " read" in name else "XPORT written"]
        ratio = statistics.median(one / unit for one, unit in zip(seconds, base, strict=True))
        print(f"| {name} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
