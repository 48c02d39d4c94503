"""`trialbridge report`: reports shown, merged, compared, decided on, and made a section of the reviewer's guide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trialbridge.base.writing import whole_file
from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.report import (
    conformance,
    conformance_diff,
    conformance_files,
    conformance_read,
    conformance_text,
    reviewers_guide,
    triage,
)

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.report.conformance import Report


def read(path: Path) -> Report:
    """A report of any kind, with the decisions that stand beside it."""
    report = conformance_read.read(path)
    return triage.carried(report, {**report.decisions, **triage.read(triage.beside(path))})


def show(path: Path, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, or 2 where it is no report."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        report = read(path)
        if shell.as_json:
            shell.json(conformance.plain(report))
        else:
            conformance_text.show(report, shell.out)
        return CLEAN

    return guarded(shell, run)


def merge(
    paths: tuple[Path, ...], output: Path, formats: tuple[str, ...], rows: int, *, as_json: bool, no_color: bool
) -> int:
    """The exit code: 0, or 2 where one is no report."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        report = conformance_read.merged([read(one) for one in paths])
        written = conformance_files.write(report, output, formats, None, rows)
        triage.write(report.decisions, triage.beside(output))
        if shell.as_json:
            shell.json({**conformance.plain(report), "files": [str(one) for one in written]})
        else:
            shell.out.print(f"{len(report.issues):,} issues of {len(paths)} reports", soft_wrap=True)
            shell.out.print(f"written: {', '.join(str(one) for one in written)}", markup=False, soft_wrap=True)
        return CLEAN

    return guarded(shell, run)


def diff(old: Path, new: Path, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0 where nothing is new, 1 where an issue is, 2 where one is no report."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        found = conformance_diff.compare(read(old), read(new))
        if shell.as_json:
            shell.json(found.as_dict())
        else:
            conformance_diff.show(found, shell.out)
        return FOUND if found.new else CLEAN

    return guarded(shell, run)


def decide(
    path: Path, key: str, decision: conformance.Decision, *, as_json: bool = False, no_color: bool = False
) -> int:
    """The exit code: 0, or 2 where the report has no such kind of issue."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        report = read(path)
        today = decision.date or datetime.now(UTC).date().isoformat()
        known = triage.decided(report.decisions, key, replace(decision, date=today))
        triage.write(known, triage.beside(path))
        changed = [name for name in known if known[name] != report.decisions.get(name)]
        if shell.as_json:
            shell.json({"file": str(triage.beside(path)), "changed": changed})
        else:
            for name in changed:
                shell.out.print(f"{name}: {decision.disposition}", markup=False, soft_wrap=True)
            shell.out.print(f"written: {triage.beside(path)}", markup=False, soft_wrap=True)
        return CLEAN

    return guarded(shell, run)


def guide(path: Path, output: Path | None, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, or 2 where it is no report. Without an output the text goes to standard output."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        text = reviewers_guide.section(read(path))
        if output is not None:
            with whole_file(output) as part:
                part.write_text(text, encoding="utf-8", newline="\n")
        if shell.as_json:
            shell.json({"file": str(output) if output is not None else None, "markdown": text})
        elif output is None:
            shell.out.print(text, markup=False, soft_wrap=True)
        else:
            shell.out.print(f"written: {output}", markup=False, soft_wrap=True)
        return CLEAN

    return guarded(shell, run)
