"""A bulk export to SDTM, against merely parsing the same bytes: ratios of CPU time and peak memory.

    python -P benchmarks/export.py -o /tmp/export --subjects 1000
    python -P benchmarks/bulk.py /tmp/export --rounds 5

Each variant runs in a process of its own, round by round, so that a busy machine slows all alike; medians of the ratios
are printed as Markdown. Seconds of CPU are printed for the record: on a shared machine they say little.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

import runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Variant = Callable[[list[Path], int], object]

SAMPLE = 400
SUBJECTS = 20
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
    from trialbridge.converters.bulk.lines import kind_of
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


def models_mapped(files: list[Path], _: int) -> float:
    """fhir.resources with the same mapping: models made of each line, their JSON decoded, our reading functions.

    Of some subjects with all that is theirs or nobody's, scaled to all lines. Its classes are loaded before.
    """
    from fhir.resources.R4B import get_fhir_model_class

    from trialbridge.converters.study import to_sdtm
    from trialbridge.fhir.jsontext import decode

    patient = re.compile(rb'"Patient/([^"]+)"')
    ids = [json.loads(line)["id"] for line in lines([path for path in files if path.stem == "Patient"])]
    chosen = {one.encode() for one in ids[:: max(1, len(ids) // SUBJECTS)][:SUBJECTS]}
    count, some = 0, []
    for line in lines(files):
        count += 1
        whose = set(patient.findall(line))
        if not whose - chosen and (
            whose or json.loads(line).get("id", "").encode() in chosen or b'"Patient"' not in line
        ):
            some.append(line)
    kinds = [json.loads(line)["resourceType"] for line in some]
    for kind in set(kinds):
        get_fhir_model_class(kind)
    start = time.process_time()
    made = (get_fhir_model_class(kind).model_validate_json(line) for kind, line in zip(kinds, some, strict=True))
    to_sdtm([decode(one.model_dump_json().encode()) for one in made], residue=False)
    return (time.process_time() - start) * count / len(some)


def converted(mode: str, kind: str | None = None, *, residue: bool = False) -> Callable[[list[Path], int], None]:
    """A bulk conversion to rows in Arrow files, and to dataset files of a kind if one is given."""

    def run(files: list[Path], workers: int) -> None:
        from trialbridge.converters import bulk
        from trialbridge.sdtm.files import parts

        with (
            tempfile.TemporaryDirectory() as folder,
            bulk.to_sdtm(files, mode=mode, workers=workers, residue=residue) as told,
        ):
            for one in told.datasets if kind else ():
                parts.write(one.about, one.height, one.frames, Path(folder), kind)

    return run


def in_memory(files: list[Path], _: int) -> None:
    """The ordinary conversion: everything in memory, residue and ledger made."""
    from trialbridge.converters.study import to_sdtm
    from trialbridge.fhir.files import read

    to_sdtm(read(files).resources)


VARIANTS: dict[str, Variant] = {
    "orjson parses": parse_orjson,
    "msgspec parses, exact decimals": parse_exact,
    "structure checked (strict), nothing converted": strict_only,
    "mapped": converted("mapped"),
    "strict": converted("strict"),
    "residue and ledger, by shards": converted("strict", residue=True),
    "mapped, Parquet written": converted("mapped", "parquet"),
    "strict, XPORT written": converted("strict", "xpt"),
    "in memory, residue and ledger": in_memory,
    "fhir.resources makes models (sample, scaled), nothing converted": fhir_resources,
    "fhir.resources, the same mapping (sample, scaled)": models_mapped,
}


def ready(variant: Variant) -> Callable[[argparse.Namespace], runner.Run]:
    """A variant as the runner wants it; one that takes a sample returns the CPU seconds of the whole."""

    def run(asked: argparse.Namespace) -> object:
        scaled = variant(sorted(asked.export.glob("*.ndjson")), asked.workers)
        return None if scaled is None else {"cpu": scaled}

    return lambda asked: lambda: run(asked)


def main() -> None:
    """Run variants side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    runner.add_arguments(parser, VARIANTS)
    asked = parser.parse_args()
    files = sorted(asked.export.glob("*.ndjson"))
    if asked.one:
        runner.child({asked.one: ready(VARIANTS[asked.one])}, asked)
        return
    found = runner.run(__file__, asked.only, asked.rounds, [str(asked.export), "--workers", str(asked.workers)])
    size, count = sum(path.stat().st_size for path in files), sum(1 for _ in lines(files))
    print(f"{count:,} resources, {size / 1e6:,.0f} MB; {asked.rounds} rounds, {asked.workers} worker(s)\n")
    told = []
    for name, runs in found.items():
        rate = 1 / runner.ratio(runs, found[asked.only[0]])
        spent = runner.median(runs, "cpu")
        told.append(
            (name, f"{rate:.3f}", f"{count / spent:,.0f}", f"{spent:.1f}", f"{runner.median(runs, 'tree_mb'):,.0f}")
        )
    heads = ("what", "rate, orjson's parse = 1", "resources per CPU second", "CPU s", "peak memory, MB")
    runner.print_table(heads, told)


if __name__ == "__main__":
    main()
