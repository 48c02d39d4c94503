"""`trialbridge mapping export | check | views`: the dictionary as a file to edit, a study's file judged, SQL-on-FHIR views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.finding import Severity
from trialbridge.commands.shell import CLEAN, Shell, exit_code, guarded
from trialbridge.converters import views as sql_on_fhir
from trialbridge.converters.dictionary import DICTIONARY
from trialbridge.converters.overlay import dictionary_of, overlay
from trialbridge.converters.overlay import export as overlay_export
from trialbridge.converters.overlay import file as overlay_file
from trialbridge.fhir.releases import release as release_named

if TYPE_CHECKING:
    from pathlib import Path


def export(output: Path, *, mapping: Path | None = None, as_json: bool = False, no_color: bool = False) -> int:
    """Write every line and code pair as .xlsx or .yaml (`mapping`: of a study's own). The exit code: 0, or 2."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        dictionary = DICTIONARY if mapping is None else dictionary_of(mapping)
        rows = overlay_export.rows_of(dictionary.mappings)
        overlay_file.write(rows, output)
        counts = {name: len(rows[name]) for name in overlay_file.COLUMNS}
        if shell.as_json:
            shell.json({"file": str(output), **counts})
        else:
            shell.out.print(f"{output}: {counts['lines']:,} lines, {counts['codes']:,} code pairs")
        return CLEAN

    return guarded(shell, run)


def check(file: Path, *, as_json: bool = False, no_color: bool = False) -> int:
    """Say what a study's mapping changes and what is wrong with it. The exit code: 0, 1 with errors, 2 if unreadable."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        made = overlay(file)
        if shell.as_json:
            shell.json({"changes": made.changed, "findings": [one.as_dict() for one in made.findings]})
        else:
            for one in made.findings:
                shell.out.print(str(one), markup=False, soft_wrap=True)
            errors = sum(one.severity is Severity.ERROR for one in made.findings)
            shell.out.print(f"{made.changed:,} changes, {errors:,} errors")
        return exit_code(made.findings, Severity.ERROR)

    return guarded(shell, run)


def views(
    output: Path,
    *,
    mapping: Path | None = None,
    fhir_version: str = "R4",
    base_url: str | None = None,
    as_json: bool = False,
    no_color: bool = False,
) -> int:
    """Write the ViewDefinitions into a folder. The exit code: 0, or 2."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        dictionary = DICTIONARY if mapping is None else dictionary_of(mapping)
        release = release_named(fhir_version)
        base = {} if base_url is None else {"base": base_url.rstrip("/")}
        made = sql_on_fhir.write(dictionary, output, release, **base)
        missing = sql_on_fhir.left_out(dictionary, release, **base)
        if shell.as_json:
            left = [{"mapping": one.mapping, "variable": one.variable, "why": one.why} for one in missing]
            shell.json({"views": [one.name for one in made], "left_out": left})
        else:
            shell.out.print(f"{output}: {len(made)} views")
            for one in missing:
                shell.out.print(f"  without a column: {one.mapping} {one.variable}: {one.why}", markup=False)
        return CLEAN

    return guarded(shell, run)
