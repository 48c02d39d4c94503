"""`trialbridge diff`: two studies cell by cell, or two sets of resources element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge import api
from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.report import differences

if TYPE_CHECKING:
    from pathlib import Path


def run(a: Path, b: Path, most: int, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0 equal, 1 different, 2 unreadable. `most` differences are listed, all where it is 0."""
    shell = Shell(as_json=as_json, no_color=no_color)
    return guarded(shell, lambda: _run(a, b, most, shell))


def _run(a: Path, b: Path, most: int, shell: Shell) -> int:
    found = api.diff(a, b)
    if shell.as_json:
        about = found.as_dict()
        if most:
            about["differences"] = about["differences"][:most]
        shell.json({**about, "count": len(found.differences)})
    else:
        differences.show(found, most, shell.out)
    return CLEAN if found.equal else FOUND
