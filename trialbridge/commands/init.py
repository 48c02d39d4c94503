"""`trialbridge init`: a draft of the study file from what a source shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.converters.forms.draft import draft
from trialbridge.crf import files
from trialbridge.study_file.load import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def run(
    given: Sequence[Path],
    output: Path,
    *,
    study: str,
    as_json: bool = False,
    quiet: bool = False,
    no_color: bool = False,
) -> int:
    """Write the draft; it is read again, so that what is written is valid. An existing file is not overwritten."""
    shell = Shell(as_json, quiet, no_color)

    def make() -> int:
        if output.exists():
            message = "There is a file of that name already."
            raise UnreadableInputError(message, Where(file=str(output)), "give another name with -o, or move it")
        text = draft(files.read(given), study)
        with whole_file(output) as part:
            part.write_text(text, encoding="utf-8")
            found = load(part)
        unmapped = text.count("# not mapped:")
        told = {
            "written": str(output),
            "sources": len(found.sources),
            "lines": sum(1 for one in found.domains for _ in one.lines()),
            "notMapped": unmapped,
        }
        if shell.as_json:
            shell.json(told)
        elif shell.speaks:
            shell.out.print(
                f"Drafted: {output}: {told['sources']} tables, {told['lines']} lines, {unmapped} columns not mapped. Read every line before use."
            )
        return CLEAN

    return guarded(shell, make)
