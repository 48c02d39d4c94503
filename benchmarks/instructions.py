"""Instructions of a kernel, counted by valgrind: a measure that no other job on the machine disturbs.

    python -P benchmarks/instructions.py            # apt-get install valgrind

Each kernel runs under callgrind twice, on some rows or lines and on twice as many, all else alike; the difference is
what so many rows or lines cost, without start-up. valgrind runs threads one after another and knows no AVX-512, so the
kernels of numpy and polars for AVX2 are counted. Instructions are not time, but their ratios hold on any machine.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.sdtm.table import Study

ROWS, LINES = 20_000, 1_000
SUBJECTS = 30
STEADY = {"PYTHONHASHSEED": "0", "POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def make(folder: Path) -> None:
    """TR as Parquet, and as XPORT at both sizes; the lines of an export."""
    import polars as pl
    from re_induction.generate import build

    from trialbridge.converters.study import to_fhir
    from trialbridge.fhir.jsontext import encode
    from trialbridge.sdtm import files

    for times in (2, 1):
        whole = build(subjects=times * SUBJECTS)
        resources = [encode(one) for one in to_fhir(whole).resources]
        (folder / f"export-{times}.ndjson").write_bytes(b"\n".join(resources))
    few = whole["TR"].frame
    most = pl.concat([few] * (1 + 2 * ROWS // few.height)).head(2 * ROWS)
    most.write_parquet(folder / "tr.parquet")
    for times in (1, 2):
        files.write(tr(folder, times), folder / f"xpt-{times}", "xpt")
    lines = (resources * (1 + 2 * LINES // len(resources)))[: 2 * LINES]
    (folder / "lines.ndjson").write_bytes(b"\n".join(lines))


def tr(folder: Path, times: int) -> Study:
    """So many rows of TR: the same file is read for both sizes."""
    import polars as pl

    from trialbridge.sdtm.table import study, table

    return study([table("TR", pl.read_parquet(folder / "tr.parquet").head(times * ROWS))])


def lines(folder: Path, times: int) -> list[bytes]:
    """So many lines, of the same file for both sizes."""
    return (folder / "lines.ndjson").read_bytes().splitlines()[: times * LINES]


def write(folder: Path, times: int) -> runner.Run:
    """XPORT by us."""
    from trialbridge.sdtm import files

    of = tr(folder, times)
    return lambda: files.write(of, folder / "ours", "xpt")


def pyreadstat_writes(folder: Path, times: int) -> runner.Run:
    """XPORT by pyreadstat."""
    import pyreadstat

    frame, name = tr(folder, times)["TR"].frame, str(folder / "theirs.xpt")
    return lambda: pyreadstat.write_xport(frame, name, file_format_version=5, table_name="TR")


def read(folder: Path, times: int) -> runner.Run:
    """XPORT read by us."""
    from trialbridge.sdtm import files

    return lambda: files.read(folder / f"xpt-{times}")


def pyreadstat_reads(folder: Path, times: int) -> runner.Run:
    """XPORT read by pyreadstat."""
    import pyreadstat

    return lambda: pyreadstat.read_xport(str(folder / f"xpt-{times}" / "tr.xpt"), output_format="polars")


def orjson_parses(folder: Path, times: int) -> runner.Run:
    """Lines parsed by orjson."""
    import orjson

    given = lines(folder, times)
    return lambda: [bool(orjson.loads(line)) for line in given]


def decoded(folder: Path, times: int) -> runner.Run:
    """Lines parsed with exact decimals."""
    from trialbridge.fhir.jsontext import decode

    given = lines(folder, times)
    return lambda: [bool(decode(line)) for line in given]


def checked(folder: Path, times: int) -> runner.Run:
    """The structure of lines checked."""
    from trialbridge.converters.bulk.lines import kind_of
    from trialbridge.fhir.strict import sound

    given = lines(folder, times)
    for kind, line in {kind_of(line): line for line in lines(folder, 2)}.items():
        sound(line, kind, "R4")  # the Structs of each type are made here
    return lambda: [sound(line, kind_of(line), "R4") for line in given]


def converted(mode: str) -> Callable[[Path, int], runner.Run]:
    """A whole export to SDTM; what is made once (Structs, compiled lines) is made before."""

    def ready(folder: Path, times: int) -> runner.Run:
        from trialbridge.converters import bulk

        def run(size: int) -> None:
            with bulk.to_sdtm([folder / f"export-{size}.ndjson"], mode=mode, workers=1) as told:
                assert told.datasets

        run(2)
        return lambda: run(times)

    return ready


KERNELS: dict[str, tuple[int, str, Callable[[Path, int], runner.Run]]] = {
    "XPORT written": (ROWS, "row of TR", write),
    "XPORT written by pyreadstat, from polars": (ROWS, "row of TR", pyreadstat_writes),
    "XPORT read": (ROWS, "row of TR", read),
    "XPORT read by pyreadstat, to polars": (ROWS, "row of TR", pyreadstat_reads),
    "orjson parses": (LINES, "resource", orjson_parses),
    "decoded, exact decimals": (LINES, "resource", decoded),
    "structure checked (strict)": (LINES, "resource", checked),
    "converted to SDTM, mapped": (0, "resource", converted("mapped")),
    "converted to SDTM, strict": (0, "resource", converted("strict")),
}
UNITS = ("XPORT written", "XPORT read", "orjson parses")


def more_resources(folder: Path) -> int:
    """How many resources the larger export has beyond the smaller."""
    less, more = ((folder / f"export-{times}.ndjson").read_bytes().count(b"\n") for times in (1, 2))
    return more - less


def counted(name: str, folder: Path, times: int) -> int:
    """The instructions of one run of a kernel, with start-up."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-P", __file__]
    words += ["--one", name, "--folder", str(folder), "--times", str(times)]
    done = subprocess.run(words, capture_output=True, check=False, text=True, env={**os.environ, **STEADY})
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"{name} failed:\n{done.stderr}")
    return int(found[1])


def main() -> None:
    """Count each kernel at both sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, choices=(1, 2), help=argparse.SUPPRESS)
    runner.add_arguments(parser, KERNELS)
    asked = parser.parse_args()
    if asked.one:
        kernel = KERNELS[asked.one][2](asked.folder, asked.times)
        gc.disable()
        kernel()
        return
    told, unit = [], 0.0
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        for kernel in asked.only:
            size, thing, _ = KERNELS[kernel]
            size = size or more_resources(Path(name))
            once, twice = (counted(kernel, Path(name), times) for times in (1, 2))
            each = (twice - once) / size
            unit = each if kernel in UNITS or not unit else unit
            told.append((kernel, thing, f"{each:,.0f}", f"{each / unit:.2f}"))
    runner.print_table(("kernel", "of each", "instructions", "as a multiple"), told)


if __name__ == "__main__":
    main()
