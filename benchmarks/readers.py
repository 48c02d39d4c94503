"""What compiled columnar readers take to read an export's lines, nothing mapped, against orjson's parse of the same bytes.

    python -P benchmarks/peers.py --make                 # once: the environment in which they live
    python -P benchmarks/export.py -o /tmp/export --subjects 1000
    python -P benchmarks/readers.py /tmp/export --rounds 5

It tells what a conversion built on one of them could come to at best. Each reads the files whole, with the schema given,
which is found out beforehand and not timed, on one thread, into columns in memory. All read numbers as binary floats.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent))

import runner


def orjson_parses(asked: argparse.Namespace) -> runner.Run:
    """The unit: each line parsed into dicts and dropped."""
    import orjson

    def run() -> None:
        for path in asked.export:
            with path.open("rb") as stream:
                for line in stream:
                    orjson.loads(line)

    return run


def pyarrow_reads(asked: argparse.Namespace) -> runner.Run:
    """Arrow's reader, in C++."""
    import pyarrow as pa
    from pyarrow import json

    pa.set_cpu_count(1)
    how = json.ReadOptions(use_threads=False, block_size=1 << 24)
    schemas = {path: json.read_json(path, how).schema for path in asked.export}

    def run() -> None:
        for path, schema in schemas.items():
            json.read_json(path, how, json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"))

    return run


def duckdb_reads(asked: argparse.Namespace) -> runner.Run:
    """DuckDB's reader, in C++, into a table."""
    import duckdb

    base = duckdb.connect(config={"threads": 1})
    schemas = {}
    for path in asked.export:
        source = f"read_json('{path}', format = 'nd', sample_size = -1)"
        found = base.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - the caller's own files
        schemas[path] = ", ".join(f"'{name}': '{kind}'" for name, kind, *_ in found)

    def run() -> None:
        for path, schema in schemas.items():
            source = f"read_json('{path}', format = 'nd', columns = {{{schema}}})"
            base.execute(f"CREATE OR REPLACE TABLE read AS SELECT * FROM {source}")  # noqa: S608 - the caller's own files

    return run


def polars_reads(asked: argparse.Namespace) -> runner.Run:
    """Polars' reader, in Rust."""
    import polars as pl

    schemas = {path: pl.read_ndjson(path, infer_schema_length=None).schema for path in asked.export}

    def run() -> None:
        for path, schema in schemas.items():
            pl.read_ndjson(path, schema=schema)

    return run


VARIANTS = {
    "orjson parses": orjson_parses,
    "pyarrow reads": pyarrow_reads,
    "DuckDB reads": duckdb_reads,
    "polars reads": polars_reads,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, nargs="+", help="a folder of NDJSON files, or the files")
    parser.add_argument("--environment", type=Path, default=Path("/tmp/peers"), help="the readers' virtual environment")  # noqa: S108 - a default
    runner.add_arguments(parser, VARIANTS)
    asked = parser.parse_args()
    asked.export = [
        one for path in asked.export for one in (sorted(path.glob("*.ndjson")) if path.is_dir() else [path])
    ]
    if asked.one:
        runner.child(VARIANTS, asked)
        return
    python = str(asked.environment / "bin" / "python")
    files = [str(path) for path in asked.export]
    found: dict[str, list[runner.Measured]] = {name: [] for name in asked.only}
    for _ in range(asked.rounds):
        for name in asked.only:
            found[name].append(runner.once(__file__, name, files, python))
    unit = found["orjson parses"]
    megabytes = sum(path.stat().st_size for path in asked.export) / 1e6
    print(f"{megabytes:.0f} MB of NDJSON; {asked.rounds} rounds; {runner.told_of_machine()}\n")
    print("| what | rate, orjson's parse = 1 | CPU s | peak memory, MB |\n|---|---|---|---|")
    for name, runs in found.items():
        print(
            f"| {name} | {1 / runner.ratio(runs, unit):.2f} | {runner.median(runs, 'cpu'):.1f} | {runner.median(runs, 'mb'):.0f} |"
        )


if __name__ == "__main__":
    main()
