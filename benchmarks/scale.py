"""How cost and memory grow: exports of 1, 4, 16, 64 thousand subjects converted, by one worker and two, in one run.

    python -P benchmarks/scale.py --folder /tmp/scale                      # hours and 15 GB for the largest
    python -P benchmarks/scale.py --folder /tmp/scale --thousands 0.2 1    # 200 and 1000 subjects

An export is made, converted in each way, and deleted before the next. A size that the disk does not hold, with as much
again for what is being worked on, is left out and said. Every figure is of a fresh process; memory is the most that the
process and its workers had at one time (shared pages once), sampled ten times a second.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bulk
import runner

UNIT = "orjson parses"
MB_A_SUBJECT = 0.24
HEADS = (
    "subjects",
    "resources",
    "MB",
    "what",
    "workers",
    "CPU s",
    "wall s",
    "resources per CPU second",
    "rate, orjson's parse = 1",
    "peak memory of all processes, MB",
)


def fits(folder: Path, subjects: int) -> bool:
    """Whether the disk holds such an export twice."""
    free = shutil.disk_usage(folder).free / 1e6
    wanted = 2 * MB_A_SUBJECT * subjects
    if free < wanted:
        print(f"{subjects:,} subjects left out: {wanted:,.0f} MB wanted, {free:,.0f} MB free", file=sys.stderr)
    return free >= wanted


def make(folder: Path, subjects: int, smaller: Path | None) -> None:
    """The export, by a process of its own."""
    script = str(Path(__file__).resolve().parent / "export.py")
    words = [sys.executable, "-P", script, "-o", str(folder), "--subjects", str(subjects)]
    runner.finished([*words, *(["--of", str(smaller)] if smaller else [])])


def measure(export: Path, subjects: int, asked: argparse.Namespace) -> list[tuple[object, ...]]:
    """Each way with each number of workers, round by round."""
    files = sorted(export.glob("*.ndjson"))
    size, count = sum(path.stat().st_size for path in files), sum(1 for _ in bulk.lines(files))
    ways = [(UNIT, 1), *((what, workers) for what in asked.what for workers in asked.workers)]
    found: dict[tuple[str, int], list[runner.Measured]] = {way: [] for way in ways}
    for _ in range(asked.rounds):
        for what, workers in ways:
            one = runner.once(bulk.__file__, what, [str(export), "--workers", str(workers)])
            found[what, workers].append(one)
            told = (
                f"{subjects:,} subjects, {what}, {workers} worker(s): {one['cpu']:,.1f} s of CPU, {one['wall']:,.1f} s"
            )
            print(told, file=sys.stderr, flush=True)
    rows: list[tuple[object, ...]] = []
    for (what, workers), runs in found.items():
        spent, walled, peak = (runner.median(runs, name) for name in ("cpu", "wall", "tree_mb"))
        rate = 1 / runner.ratio(runs, found[UNIT, 1])
        times = (f"{spent:,.1f}", f"{walled:,.1f}", f"{count / spent:,.0f}", f"{rate:.3f}", f"{peak:,.0f}")
        rows.append((f"{subjects:,}", f"{count:,}", f"{size / 1e6:,.0f}", what, workers, *times))
    return rows


def main() -> None:
    """All sizes, one after another, and one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where exports are made and deleted")
    parser.add_argument("--thousands", type=float, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument(
        "--what", nargs="+", default=["mapped", "strict"], choices=list(bulk.VARIANTS), metavar="VARIANT"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[object, ...]] = []
    thousand: Path | None = None
    try:
        for subjects in (round(1000 * one) for one in asked.thousands):
            export = asked.folder / f"export-{subjects}"
            if not fits(asked.folder, subjects):
                continue
            start = time.monotonic()
            make(export, subjects, thousand)
            print(f"{subjects:,} subjects made in {time.monotonic() - start:,.0f} s", file=sys.stderr, flush=True)
            rows += measure(export, subjects, asked)
            if subjects == 1000:
                thousand = export
            else:
                shutil.rmtree(export)
    finally:
        for left in asked.folder.glob("export-*"):
            shutil.rmtree(left)
    print(f"{runner.told_of_machine()}; {asked.rounds} round(s)\n")
    runner.print_table(HEADS, rows)


if __name__ == "__main__":
    main()
