"""A bulk export to SDTM, against merely parsing the same bytes: ratios of CPU time and peak memory.

    python -P benchmarks/export.py -o /tmp/export --subjects 1000
    python -P benchmarks/bulk.py /tmp/export --rounds 5

Each variant runs in a process of its own, round by round, so that a busy machine slows all alike; medians of the ratios
are printed as Markdown. Seconds of CPU are printed for the record: on a shared machine they say little.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLE = 400
BLOCK = 1 << 22


def lines(files: list[Path]) -> Iterator[bytes]:
    """The lines of all files, read in blocks."""
    for path in files:
        rest = b""
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                *whole, rest = (rest + block).split(b"\n")
                yield from whole
        if rest:
            yield rest


def parse_orjson(files: list[Path], _: int) -> None:
    """The unit: the bytes parsed into dicts and dropped."""
    import orjson

    for line in lines(files):
        orjson.loads(line)


def parse_exact(files: list[Path], _: int) -> None:
    """The same with decimals kept exact, by msgspec."""
    from trialbridge.fhir.jsontext import decode

    for line in lines(files):
        decode(line)


def strict_only(files: list[Path], _: int) -> None:
    """The structure of every resource checked, nothing converted."""
    from trialbridge.converters.bulk_scan import kind_of
    from trialbridge.fhir.strict import sound

    for line in lines(files):
        sound(line, kind_of(line), "R4")


def fhir_resources(files: list[Path], _: int) -> float:
    """fhir.resources' models made of a sample of resources, scaled to all."""
    from fhir.resources.R4B import get_fhir_model_class

    every = list(lines(files))
    some = every[:: max(1, len(every) // SAMPLE)]
    kinds = [json.loads(line)["resourceType"] for line in some]
    for kind in set(kinds):
        get_fhir_model_class(kind)
    start = time.process_time()
    for kind, line in zip(kinds, some, strict=True):
        get_fhir_model_class(kind).model_validate_json(line)
    return (time.process_time() - start) * len(every) / len(some)


def converted(mode: str, kind: str | None = None) -> Callable[[list[Path], int], None]:
    """A bulk conversion to rows in Arrow files, and to dataset files of a kind if one is given."""

    def run(files: list[Path], workers: int) -> None:
        from trialbridge.converters import bulk
        from trialbridge.sdtm.files import parts

        with tempfile.TemporaryDirectory() as folder, bulk.to_sdtm(files, mode=mode, workers=workers) as told:
            for one in told.datasets if kind else ():
                parts.write(one.about, one.height, one.frames, Path(folder), kind)

    return run


def in_memory(files: list[Path], _: int) -> None:
    """The ordinary conversion: everything in memory, residue and ledger made."""
    from trialbridge.converters.study import to_sdtm
    from trialbridge.fhir.files import read

    to_sdtm(read(files).resources)


VARIANTS: dict[str, Callable[[list[Path], int], Any]] = {
    "orjson parses": parse_orjson,
    "msgspec parses, exact decimals": parse_exact,
    "structure checked (strict), nothing converted": strict_only,
    "mapped": converted("mapped"),
    "strict": converted("strict"),
    "mapped, Parquet written": converted("mapped", "parquet"),
    "strict, XPORT written": converted("strict", "xpt"),
    "in memory, residue and ledger": in_memory,
    "fhir.resources makes models (sample, scaled), nothing converted": fhir_resources,
}


def one(name: str, files: list[Path], workers: int) -> dict[str, float]:
    """Run a variant here: CPU seconds, wall seconds and peak memory in MB, children with them."""
    start, wall = _cpu(), time.perf_counter()
    given = VARIANTS[name](files, workers)
    cpu = given if isinstance(given, float) else _cpu() - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"cpu": cpu, "wall": time.perf_counter() - wall, "mb": peak / 1024}


def _cpu() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def main() -> None:
    """Run variants side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--one", choices=list(VARIANTS), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    files = sorted(asked.export.glob("*.ndjson"))
    if asked.one:
        print(json.dumps(one(asked.one, files, asked.workers)))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in asked.only}
    for _ in range(asked.rounds):
        for name in asked.only:
            words = [sys.executable, "-P", __file__, str(asked.export), "--one", name, "--workers", str(asked.workers)]
            found[name].append(json.loads(subprocess.run(words, capture_output=True, check=True, text=True).stdout))
    size, count = sum(path.stat().st_size for path in files), sum(1 for _ in lines(files))
    print(f"{count:,} resources, {size / 1e6:,.0f} MB; {asked.rounds} rounds, {asked.workers} worker(s)\n")
    print("| what | rate, orjson's parse = 1 | resources per CPU second | CPU s | peak memory, MB |")
    print("|---|---|---|---|---|")
    unit = found[asked.only[0]]
    for name, runs in found.items():
        ratio = statistics.median(base["cpu"] / run["cpu"] for base, run in zip(unit, runs, strict=True))
        cpu = statistics.median(run["cpu"] for run in runs)
        peak = statistics.median(run["mb"] for run in runs)
        print(f"| {name} | {ratio:.3f} | {count / cpu:,.0f} | {cpu:.1f} | {peak:,.0f} |")


if __name__ == "__main__":
    main()
