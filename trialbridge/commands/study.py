"""`trialbridge study`: the study file's JSON Schema, and what is wrong with a study file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.writing import whole_file
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.fhir.jsontext import pretty
from trialbridge.study_file import workbook
from trialbridge.study_file.load import load
from trialbridge.study_file.schema import schema

if TYPE_CHECKING:
    from pathlib import Path


def published(output: Path | None, *, as_json: bool = False, no_color: bool = False) -> int:
    """Write the schema to a file, or to standard output."""
    shell = Shell(as_json, no_color=no_color)

    def run() -> int:
        if output is None:
            shell.json(schema())
            return CLEAN
        with whole_file(output) as part:
            part.write_bytes(pretty(schema()))
        if as_json:
            shell.json({"written": str(output)})
        else:
            shell.out.print(f"Written: {output}")
        return CLEAN

    return guarded(shell, run)


def check(file: Path, *, as_json: bool = False, no_color: bool = False) -> int:
    """0 where the file is right; 2 with each wrong place and its line."""
    shell = Shell(as_json, no_color=no_color)

    def run() -> int:
        found = load(file)
        told = {
            "study": found.study.id,
            "sources": len(found.sources),
            "domains": len({one.domain for one in found.domains}),
            "lines": sum(1 for one in found.domains for _ in one.lines()),
            "codes": len(found.codes),
            "visits": len(found.visits.planned),
        }
        if as_json:
            shell.json(told)
        else:
            counted = ", ".join(f"{number} {name}" for name, number in told.items() if name != "study")
            shell.out.print(f"{file} is right: study {found.study.id}, {counted}.")
        return CLEAN

    return guarded(shell, run)


def export(file: Path, output: Path, *, as_json: bool = False, no_color: bool = False) -> int:
    """Write a study file as a workbook."""
    shell = Shell(as_json, no_color=no_color)

    def run() -> int:
        workbook.write(load(file), output)
        if as_json:
            shell.json({"written": str(output)})
        else:
            shell.out.print(f"Written: {output}")
        return CLEAN

    return guarded(shell, run)
