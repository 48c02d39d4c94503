"""What starting costs: `--help`, and a conversion of a few subjects, beside `python -c "import polars"`.

    python -P benchmarks/startup.py --rounds 9

Each is a process of its own, in turn, round by round; CPU time, as a multiple of the import of polars in the same round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

SUBJECTS = 5
RUN = "import sys; from trialbridge.cli import app; sys.argv[0] = 'trialbridge'; app()"


def inputs(folder: Path) -> None:
    """A few subjects of the example as XPT and as FHIR NDJSON."""
    from re_induction.generate import build

    from trialbridge.converters.study import to_fhir
    from trialbridge.fhir.files import write
    from trialbridge.sdtm import files

    study = build(subjects=SUBJECTS)
    files.write(study, folder / "sdtm", "xpt")
    write(to_fhir(study).resources, folder / "fhir", "ndjson", "R4")


def cpu(words: list[str]) -> float:
    """CPU seconds of a command."""
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run them in turn and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs(folder)
        convert = [sys.executable, "-P", "-c", RUN, "convert", "--quiet", "-o", str(folder / "out")]
        fhir, sdtm = str(folder / "fhir"), str(folder / "sdtm")
        todo = {
            "`import polars`": [sys.executable, "-P", "-c", "import polars"],
            "`import polars, numpy, pydantic, typer`": [sys.executable, "-P", "-c", "import polars, numpy, pydantic, typer"],
            "`trialbridge --help`": [sys.executable, "-P", "-c", RUN, "--help"],
            "FHIR to SDTM (Parquet), mapped": [*convert, fhir, "--to", "sdtm", "--format", "parquet", "--no-residue", "--no-check"],
            "FHIR to SDTM (XPT), strict": [*convert, fhir, "--to", "sdtm", "--no-residue"],
            "FHIR to SDTM (XPT), residue and ledger": [*convert, fhir, "--to", "sdtm"],
            "SDTM (XPT) to FHIR": [*convert, sdtm, "--to", "fhir"],
        }  # fmt: skip
        found: dict[str, list[float]] = {}
        for at in range(rounds + 1):  # the first fills caches
            for what, words in todo.items():
                seconds = cpu(words)
                if at:
                    found.setdefault(what, []).append(seconds)
    base = found["`import polars`"]
    print(f"{SUBJECTS} subjects; {rounds} rounds; Python {sys.version.split()[0]}\n")
    print("| what | CPU time, `import polars` = 1 | CPU s |\n|---|---|---|")
    for what, runs in found.items():
        ratio = statistics.median(run / one for run, one in zip(runs, base, strict=True))
        print(f"| {what} | {ratio:.2f} | {statistics.median(runs):.2f} |")


if __name__ == "__main__":
    main()
