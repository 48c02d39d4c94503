"""Tools that flatten FHIR beside ours, and fhir.resources' models with our mapping: Patients and Observations to columns.

    python -P benchmarks/peers.py --environment /tmp/peers --make
    python -P benchmarks/peers.py --environment /tmp/peers --subjects 1000 --rounds 3

The input is the Re-Induction example's DM, TU, TR and RS as FHIR. Every tool has a process of its own and does as many
of the Patients and Observations as it can do in some seconds, evenly taken (`SAMPLES`); rates are those resources per CPU
second, imports not counted. Ours reads and converts what they refer to as well (Encounters, BodyStructures, …), which its
rate does not count. What each makes of them differs: see peers_flatten.py, and the docs; that pysof's values of TR are
ours is checked.

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
SAMPLES = {
    "pysof": 4000,
    "sqlonfhir": 400,
    "flat-fhir": 1000,
    "fhir-pyrate, every element": 1000,
    "fhir-pyrate, FHIRPaths": 300,
    "fhiry": 300,
}
MODELS_SAMPLE = 2000
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


def make(folder: Path, subjects: int) -> tuple[int, int]:
    """The input; its resources and bytes."""
    from re_induction.generate import build

    from trialbridge.converters.study import to_fhir
    from trialbridge.fhir.jsontext import encode
    from trialbridge.sdtm.table import study

    whole = build(subjects=subjects)
    resources = to_fhir(study([whole[name] for name in (*DATASETS, "SV")])).resources
    for kind in {one["resourceType"] for one in resources}:
        lines = [encode(one) + b"\n" for one in resources if one["resourceType"] == kind]
        (folder / f"{kind}.ndjson").write_bytes(b"".join(lines))
    files = [folder / f"{kind}.ndjson" for kind in peers_flatten.KINDS]
    return sum(path.read_bytes().count(b"\n") for path in files), sum(path.stat().st_size for path in files)


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

    asked.sample = MODELS_SAMPLE
    folder, share = peers_flatten.sample(asked)
    lines = [line for kind in peers_flatten.KINDS for line in (folder / f"{kind}.ndjson").read_bytes().splitlines()]
    kinds = [kind for kind in peers_flatten.KINDS for _ in (folder / f"{kind}.ndjson").read_bytes().splitlines()]
    for kind in peers_flatten.KINDS:
        get_fhir_model_class(kind)

    def run() -> float:
        made = (get_fhir_model_class(kind).model_validate_json(line) for kind, line in zip(kinds, lines, strict=True))
        to_sdtm([decode(one.model_dump_json().encode()) for one in made], residue=False)
        return share

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
    views, python = folder / "views", str(asked.environment / "bin" / "python")
    for _ in range(asked.rounds):
        for name in asked.only:
            words = [str(folder), "--views", str(views), "--sample", str(SAMPLES.get(name, 0))]
            if name in OURS:
                found[name].append(runner.once(__file__, name, ["--export", *words]))
            else:
                found[name].append(runner.once(peers_flatten.__file__, name, words, python))
    return found


def agreement(asked: argparse.Namespace, folder: Path) -> tuple[int, int]:
    """In how many records of TR with a quantity pysof has our value, and of how many."""
    from trialbridge.converters import bulk

    words = [str(folder), "--views", str(folder / "views"), "--sample", "0", "--keep", str(folder)]
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
    parser.add_argument("--environment", type=Path, default=Path("/tmp/peers"), help="the peers' virtual environment")  # noqa: S108
    parser.add_argument("--make", action="store_true", help="build it first")
    parser.add_argument("--subjects", type=int, default=1000)
    for hidden, kind in (("--export", Path), ("--views", Path), ("--sample", int)):
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    runner.add_arguments(parser, VARIANTS, rounds=3)
    asked = parser.parse_args()
    if asked.one:
        runner.child(VARIANTS, asked)
        return
    if asked.make:
        make_environment(asked.environment)
        return
    with tempfile.TemporaryDirectory() as name:
        count, size = make(Path(name), asked.subjects)
        make_views(Path(name) / "views")
        found = measure(asked, Path(name))
        same, records = agreement(asked, Path(name)) if "pysof" in asked.only else (0, 0)
    print(
        f"{count:,} Patients and Observations, {size / 1e6:,.0f} MB; {asked.rounds} rounds, {runner.told_of_machine()}\n"
    )
    told = []
    for name, runs in found.items():
        rate = count / runner.median(runs, "cpu")
        ratios = [f"{runner.ratio(runs, found[unit]):.1f}" if unit in found else "" for unit in list(OURS)[:2]]
        done = round(count * runs[0]["share"])
        told.append((name, f"{done:,}", f"{rate:,.0f}", *ratios, f"{runner.median(runs, 'mb'):,.0f}"))
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
