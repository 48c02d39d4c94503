"""How quick the conversions are, as ratios to a bare JSON parse of the same bytes, in one run.

    python benchmarks/convert.py --subjects 200 --rounds 5

The study is the Re-Induction example at any size (same seed, same bytes). Each variant is timed in turn, round by
round, so that a busy machine slows all alike; medians of the ratios are printed as Markdown. Seconds are not results.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import orjson
from re_induction.generate import build

from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = 500


def variants(subjects: int) -> tuple[int, int, dict[str, Callable[[], Any]]]:
    """Bytes and resources of the study as NDJSON, and what is timed."""
    study = build(subjects=subjects)
    resources = to_fhir(study).resources
    lines = [encode(resource) for resource in resources]
    plain = [orjson.loads(line) for line in lines]
    some = resources[:: max(1, len(resources) // SAMPLE)]
    share = len(resources) / len(some)

    def checked() -> float:
        start = time.process_time()
        for resource in some:
            check(resource, "R4")
        return (time.process_time() - start) * share

    return (
        sum(map(len, lines)),
        len(lines),
        {
            "parse JSON, exact decimals": lambda: [bool(decode(line)) for line in lines],
            "orjson.dumps of the same resources": lambda: [len(orjson.dumps(one)) for one in plain],
            "SDTM to FHIR, carried values and ledger": lambda: to_fhir(study),
            "FHIR to SDTM, without residue": lambda: to_sdtm(resources, residue=False),
            "FHIR to SDTM, residue and ledger": lambda: to_sdtm(resources),
            f"check by fhir.resources (sample of {len(some)}, scaled)": checked,
        },
    )


def main() -> None:
    """Time all variants side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    size, count, timed = variants(asked.subjects)
    gc.freeze()  # what is timed must not pay for walking what was made before
    spent: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(asked.rounds):
        for name, run in timed.items():
            start = time.process_time()
            given = run()
            spent[name].append(given if isinstance(given, float) else time.process_time() - start)
    base = spent["parse JSON, exact decimals"]
    print(f"{asked.subjects} subjects, {count:,} resources, {size / 1e6:.1f} MB; {asked.rounds} rounds\n")
    print("| what | CPU time, as a multiple of the parse (median) |")
    print("|---|---|")
    for name, seconds in spent.items():
        ratio = statistics.median(one / unit for one, unit in zip(seconds, base, strict=True))
        print(f"| {name} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
