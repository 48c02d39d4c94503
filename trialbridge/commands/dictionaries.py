"""`trialbridge dictionary add | list | check`: the user's licensed dictionaries, in the user's own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge import sources
from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.converters import coder
from trialbridge.converters.study import to_sdtm
from trialbridge.sdtm import dictionaries

if TYPE_CHECKING:
    from pathlib import Path


def add(kind: str, source: Path, version: str, *, as_json: bool = False, no_color: bool = False) -> int:
    """Install one. The exit code: 0, or 2 where it is not readable as such."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        made = dictionaries.install(kind, source, version)
        if shell.as_json:
            shell.json({"dictionary": made.name, "terms": len(made)})
        else:
            shell.out.print(f"{made.name}: {len(made):,} terms, installed", markup=False)
        return CLEAN

    return guarded(shell, run)


def show(*, as_json: bool = False, no_color: bool = False) -> int:
    """List them."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        names = dictionaries.available()
        if shell.as_json:
            shell.json({"available": list(names)})
        else:
            shell.out.print("\n".join(names) or "none installed: trialbridge dictionary add", markup=False)
        return CLEAN

    return guarded(shell, run)


def check(study: Path, names: tuple[str, ...], *, as_json: bool = False, no_color: bool = False) -> int:
    """Check a study. The exit code: 0, 1 where a term or code is not the dictionary's, 2 where unreadable."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        loaded = [dictionaries.load(name) for name in names]
        source = sources.find([study])
        if source.kind == "fhir":
            told = to_sdtm(sources.read_resources(source, None).items, residue=False).study
        else:
            told = sources.read_study(source)
        found = list(coder.check(told, loaded))
        if shell.as_json:
            shell.json({"dictionaries": list(names), "findings": [one.as_dict() for one in found]})
        else:
            for one in found:
                shell.out.print(f"{one.where}: {one.message} {one.fix}", markup=False, soft_wrap=True)
            shell.out.print(f"{len(found):,} findings by {', '.join(names)}", markup=False)
        return FOUND if found else CLEAN

    return guarded(shell, run)
