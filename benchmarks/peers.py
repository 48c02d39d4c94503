"""Tools that flatten FHIR beside ours, and fhir.resources' models with our mapping: Patients and Observations to columns.

    python -P benchmarks/peers.py --environment /tmp/peers --make
    python -P benchmarks/peers.py --environment /tmp/peers --subjects 1000 --rounds 3

The input is the Re-Induction example's DM, TU, TR and RS as FHIR. Every tool has a process of its own and does as many
of the Patients and Observations as it can do in some seconds, evenly taken (`SAMPLES`); rates are resources per CPU second,
imports not counted. Ours has what they refer to as well (Encounters, BodyStructures, …), as it must. What each makes of
them differs: see peers_flatten.py, and the docs; that pysof's values of TR are ours is checked.

`--make` builds the environment of benchmarks/peers.txt. The wheel of pysof 0.2.6 brings an OpenSSL that wants
GLIBC_2.38; where that does not load (Debian 12) it is replaced by the system's.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import peers_flatten
import runner

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
DATASETS = ("DM", "TU", "TR", "RS")
KINDS = peers_flatten.KINDS
SAMPLES = {
    "pysof": 4000,
    "sqlonfhir": 400,
    "flat-fhir": 1000,
    "fhir-pyrate, every element": 1000,
    "fhir-pyrate, FHIRPaths": 300,
    "fhiry": 300,
    "fhir.resources, the same mapping": 2000,
}
SYSTEM_LIBRARIES = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu"), Path("/usr/lib64"))


def make_environment(folder: Path) -> None:
    """A virtual environment with the peers."""
    venv.create(folder, with_pip=True, clear=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", HERE / "peers.txt"], check=True)
    if _loads(python):
        return
    for bundled in folder.glob("lib/python*/site-packages/pysof.libs/lib*.so.3"):
        name = f"{bundled.name.partition('-')[0]}.so.3"
        ours = next((one / name for one in SYSTEM_LIBRARIES if (one / name).exists()), None)
        if ours:
            bundled.unlink()
            bundled.symlink_to(ours)
            print(f"pysof: its {name} does not load here, the system's is taken")
    if not _loads(python):
        print("pysof does not load; leave it out by --only")


def _loads(python: Path) -> bool:
    words = [python, "-c", "import pysof._pysof"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def make(folder: Path, subjects: int) -> None:
    """The input, one file a resource type."""
    from re_induction.generate import build

    from trialbridge.converters.study import to_fhir
    from trialbridge.fhir.jsontext import encode
    from trialbridge.sdtm.table import study

    whole = build(subjects=subjects)
    resources = to_fhir(study([whole[name] for name in (*DATASETS, "SV")])).resources
    for kind in {one["resourceType"] for one in resources}:
        lines = [encode(one) + b"\n" for one in resources if one["resourceType"] == kind]
        (folder / f"{kind}.ndjson").write_bytes(b"".join(lines))


def sample(folder: Path, count: int) -> Path:
    """A folder with about so many Patients and Observations, evenly taken of both."""
    target = folder / f"some-{count}"
    if not target.exists():
        target.mkdir()
        every = {kind: (folder / f"{kind}.ndjson").read_bytes().splitlines(keepends=True) for kind in KINDS}
        step = max(1, sum(map(len, every.values())) // count)
        for kind, lines in every.items():
            (target / f"{kind}.ndjson").write_bytes(b"".join(lines[::step]))
    return target


def resources_in(folder: Path) -> int:
    """How many resources lie in a folder."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.ndjson"))


def make_views(folder: Path) -> None:
    """Our ViewDefinitions, one file a view."""
    from trialbridge.converters import views
    from trialbridge.converters.dictionary import DICTIONARY

    views.write(DICTIONARY, folder)


def ours(mode: str) -> Callable[[argparse.Namespace], runner.Run]:
    """The bulk conversion: whole SDTM datasets, coded, joined, with --SEQ and --DY."""

    def ready(asked: argparse.Namespace) -> runner.Run:
        from trialbridge.converters import bulk

        files = sorted(asked.export.glob("*.ndjson"))

        def run() -> None:
            with bulk.to_sdtm(files, mode=mode, workers=1) as told:
                rows = {one.about.name: one.height for one in told.datasets}
            assert all(rows.get(name) for name in DATASETS), rows

        return run

    return ready


def models(asked: argparse.Namespace) -> runner.Run:
    """fhir.resources with the same mapping: its models made of each line, their JSON decoded, our reading functions."""
    from fhir.resources.R4B import get_fhir_model_class

    from trialbridge.converters.study import to_sdtm
    from trialbridge.fhir.jsontext import decode

    lines = [(kind, line) for kind in KINDS for line in (asked.export / f"{kind}.ndjson").read_bytes().splitlines()]
    for kind in KINDS:
        get_fhir_model_class(kind)

    def run() -> None:
        made = (get_fhir_model_class(kind).model_validate_json(line) for kind, line in lines)
        to_sdtm([decode(one.model_dump_json().encode()) for one in made], residue=False)

    return run


OURS: dict[str, Callable[[argparse.Namespace], runner.Run]] = {
    "trialbridge, mapped": ours("mapped"),
    "trialbridge, strict": ours("strict"),
    "fhir.resources, the same mapping": models,
}
VARIANTS = {**OURS, **peers_flatten.VARIANTS}


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, list[runner.Measured]]:
    """Each tool in a fresh process, round by round."""
    found: dict[str, list[runner.Measured]] = {name: [] for name in asked.only}
    python = str(asked.environment / "bin" / "python")
    for _ in range(asked.rounds):
        for name in asked.only:
            given = sample(folder, SAMPLES[name]) if name in SAMPLES else folder
            if name in OURS:
                one = runner.once(__file__, name, ["--export", str(given)])
            else:
                one = runner.once(peers_flatten.__file__, name, [str(given), "--views", str(folder / "views")], python)
            done = resources_in(given)
            found[name].append({**one, "done": done, "cpu": one["cpu"] / done})
    return found


def agreement(asked: argparse.Namespace, folder: Path) -> tuple[int, int]:
    """In how many records of TR with a quantity pysof has our value, and of how many."""
    from trialbridge.converters import bulk

    words = [str(folder), "--views", str(folder / "views")]
    runner.once(peers_flatten.__file__, "pysof", words, str(asked.environment / "bin" / "python"))
    theirs = {}
    with (folder / "tr_quantity.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            record = row["trseq"].split("|")  # study, dataset, subject, sequence number
            if row["trorres_value"] and record[1:2] == ["TR"]:
                theirs[record[2], float(record[3])] = float(row["trorres_value"])
    with bulk.to_sdtm(sorted(folder.glob("*.ndjson")), mode="strict", workers=1) as told:
        rows = told.study()["TR"].frame.select("USUBJID", "TRSEQ", "TRORRES").rows()
    ours = {(subject, number): value for subject, number, value in rows}
    return sum(float(ours.get(record) or "nan") == value for record, value in theirs.items()), len(theirs)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, default=Path("/tmp/peers"), help="the peers' virtual environment")  # noqa: S108 - a default
    parser.add_argument("--make", action="store_true", help="build it first")
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--export", type=Path, help=argparse.SUPPRESS)
    runner.add_arguments(parser, VARIANTS, rounds=3)
    asked = parser.parse_args()
    if asked.one:
        runner.child(VARIANTS, asked)
        return
    if asked.make:
        make_environment(asked.environment)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, asked.subjects)
        make_views(folder / "views")
        size = sum(path.stat().st_size for path in folder.glob("*.ndjson"))
        print(
            f"{resources_in(folder):,} resources, {size / 1e6:,.0f} MB; {asked.rounds} rounds, {runner.told_of_machine()}\n"
        )
        found = measure(asked, folder)
        same, records = agreement(asked, folder) if "pysof" in asked.only else (0, 0)
    told = []
    for name, runs in found.items():
        ratios = [f"{runner.ratio(runs, found[unit]):.1f}" if unit in found else "" for unit in list(OURS)[:2]]
        rate = 1 / runner.median(runs, "cpu")
        told.append((name, f"{runs[0]['done']:,}", f"{rate:,.0f}", *ratios, f"{runner.median(runs, 'mb'):,.0f}"))
    heads = (
        "what",
        "resources done",
        "resources per CPU second",
        "mapped is so many times as fast",
        "strict",
        "peak MB",
    )
    runner.print_table(heads, told)
    if records:
        print(f"\npysof has our value in {same:,} of {records:,} records of TR with a quantity")


if __name__ == "__main__":
    main()
