"""What all benchmarks share: variants side by side, each in a process of its own, round by round, and a table of ratios.

A script gives its variants as name -> function that makes ready what is to be timed and returns it. `run` starts the
script again for each variant and round (with `--one NAME`), so that a busy machine slows all alike and no variant finds
another's memory or imports; `child` is what that process does. CPU time and memory are those of the process and its
children. A run may return the share of the input that it did: its time is then scaled to the whole; or a dict of
measures, which then stand instead of what was measured around it.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

SAMPLED_EVERY = 0.1  # seconds
Run = Callable[[], object]
Variants = Mapping[str, Callable[[argparse.Namespace], Run]]
Measured = dict[str, float]


def add_arguments(parser: argparse.ArgumentParser, variants: Variants, rounds: int = 5) -> None:
    """The options all benchmarks have."""
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--only", nargs="*", default=list(variants), choices=list(variants), metavar="VARIANT")
    parser.add_argument("--one", choices=list(variants), help=argparse.SUPPRESS)


def cpu() -> float:
    """CPU seconds of this process and of its ended children."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def child(variants: Variants, asked: argparse.Namespace) -> None:
    """Run the variant asked for here and print what it took."""
    run = variants[asked.one](asked)
    start, wall = cpu(), time.perf_counter()
    told = run()
    spent, walled = cpu() - start, time.perf_counter() - wall
    share = told if isinstance(told, float) else 1.0
    measured = {"cpu": spent / share, "wall": walled / share, "mb": own_peak(), "share": share}
    print(json.dumps(measured | (told if isinstance(told, dict) else {})))


def own_peak() -> float:
    """The most memory this process had, in MB; rusage would also tell what its parent had when it was started."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else math.nan


def tree_memory(pid: int) -> float:
    """What a process and its descendants have now, in MB: shared pages are counted once (PSS)."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{one}/smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) / 1024 if found else 0
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:  # it has ended
            continue
    return total


def run(script: str, names: Sequence[str], rounds: int, arguments: Sequence[str]) -> dict[str, list[Measured]]:
    """Each variant in a fresh process, round by round."""
    found: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            found[name].append(once(script, name, arguments))
    return found


def once(script: str, name: str, arguments: Sequence[str], python: str = sys.executable) -> Measured:
    """One variant in a fresh process."""
    words = [python, "-P", script, *arguments, "--one", name]
    out, tree = finished(words)
    measured: Measured = json.loads(out.splitlines()[-1])
    measured["tree_mb"] = max(tree, measured["mb"])
    return measured


def finished(words: Sequence[str]) -> tuple[str, float]:
    """What a command printed, and the most memory that it and its descendants had, in MB. Ends if it failed."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    tree = 0.0
    while True:
        try:
            out, errors = process.communicate(timeout=SAMPLED_EVERY)
            break
        except subprocess.TimeoutExpired:
            tree = max(tree, tree_memory(process.pid))
    if process.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{errors}")
    return out, tree


def ratio(runs: Sequence[Measured], unit: Sequence[Measured]) -> float:
    """The median over the rounds of a variant's CPU time as a multiple of the unit's."""
    return statistics.median(one["cpu"] / base["cpu"] for one, base in zip(runs, unit, strict=True))


def median(runs: Sequence[Measured], what: str) -> float:
    """The median of one of the measures."""
    return statistics.median(one[what] for one in runs)


def told_of_machine() -> str:
    """Where this was measured."""
    return f"Python {platform.python_version()}, {platform.machine()}"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A Markdown table."""
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
