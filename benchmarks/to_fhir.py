"""SDTM to FHIR, as ratios to `orjson.dumps` alone on the same dicts, in one run.

    POLARS_MAX_THREADS=1 python -P benchmarks/to_fhir.py --subjects 1000 --rounds 5

The study is the Re-Induction example at any size (same seed, same bytes). Each variant is timed in turn, round by
round, so that a busy machine slows all alike; the ratios are of CPU time, their medians are printed as Markdown.
`orjson.dumps` is given floats where we have exact decimals, which it does not write. Ours begins with the tables in
memory, makes every resource, reads it back, carries what differs, and ends with NDJSON in memory.
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

from trialbridge.converters import bulk_fhir
from trialbridge.fhir.check import model_type
from trialbridge.fhir.strict import sound

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.converters.bulk_fhir import Lines

SAMPLE = 500


def variants(subjects: int, more: bool) -> tuple[int, int, dict[str, Callable[[], Any]]]:  # noqa: FBT001 - of this script alone
    """Bytes and resources of the study as NDJSON, and what is timed."""
    study = build(subjects=subjects)
    made: list[Lines] = []
    bulk_fhir.to_lines(study, made.append)
    lines = [(one.kind, line) for one in made for line in one.text.splitlines()]
    plain = [orjson.loads(line) for _, line in lines]
    some = [(kind, line) for kind, line in lines[:: max(1, len(lines) // SAMPLE)]]
    share = len(lines) / len(some)

    def given(_: Lines) -> None:
        """Nothing is kept."""

    def strictly(made: Lines) -> None:
        for line in made.text.splitlines():
            sound(line, made.kind, "R4")

    def dumped() -> float:
        models = [(model_type(kind, "R4"), orjson.loads(line)) for kind, line in some]
        start = time.process_time()
        for model, value in models:
            one = model.model_validate(value)
            one.model_dump_json()
        return (time.process_time() - start) * share

    found: dict[str, Callable[[], Any]] = {
        "`orjson.dumps` alone": lambda: [len(orjson.dumps(one)) for one in plain],
        "SDTM to FHIR, as NDJSON": lambda: bulk_fhir.to_lines(study, given),
        "the same, each distinct element decoded strictly": lambda: bulk_fhir.to_lines(study, given, strict=True),
        "the same, each line decoded strictly afterwards": lambda: bulk_fhir.to_lines(study, strictly),
        f"fhir.resources, construct and dump (sample of {len(some)}, scaled)": dumped,
    }
    if more:
        found["SDTM to FHIR, resource by resource"] = lambda: bulk_fhir.to_fhir(study, lambda _: None)
    return sum(len(line) for _, line in lines), len(lines), found


def main() -> None:
    """Time all variants side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--resource-by-resource", action="store_true", help="also the functions row by row")
    asked = parser.parse_args()
    size, count, timed = variants(asked.subjects, asked.resource_by_resource)
    gc.freeze()  # what is timed must not pay for walking what was made before
    spent: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(asked.rounds):
        for name, run in timed.items():
            start = time.process_time()
            given = run()
            spent[name].append(given if isinstance(given, float) else time.process_time() - start)
    (
        base,
        *_,
    ) = spent.values()
    slowest = next(its for name, its in spent.items() if name.startswith("fhir.resources"))
    print(f"{asked.subjects:,} subjects, {count:,} resources, {size / 1e6:.0f} MB; {asked.rounds} rounds\n")
    print("| what | rate, `orjson.dumps` = 1 | rate, fhir.resources = 1 | CPU time of a resource |")
    print("|---|---|---|---|")
    for name, seconds in spent.items():
        rate = statistics.median(unit / one for one, unit in zip(seconds, base, strict=True))
        times = statistics.median(unit / one for one, unit in zip(seconds, slowest, strict=True))
        print(f"| {name} | {rate:.3g} | {times:.3g} | {statistics.median(seconds) / count * 1e6:.3g} µs |")


if __name__ == "__main__":
    main()
