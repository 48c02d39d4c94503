"""`trialbridge terminology add | list | use`: packages as NCI publishes them, in the user's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from pathlib import Path


def add(file: Path, package: str | None, *, as_json: bool = False, no_color: bool = False) -> int:
    """Install a package; it is not chosen by that. The exit code: 0, or 2 where the file is no package."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        made = terminology.install(file, package)
        terms = sum(len(one.terms) for one in made.codelists)
        if shell.as_json:
            shell.json({"package": made.package, "codelists": len(made.codelists), "terms": terms})
        else:
            shell.out.print(f"{made.package}: {len(made.codelists):,} codelists, {terms:,} terms, installed")
            if terminology.default().package != made.package:
                shell.out.print(f"To use it: trialbridge terminology use {made.package}")
        return CLEAN

    return guarded(shell, run)


def show(*, as_json: bool = False, no_color: bool = False) -> int:
    """List the packages."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        names, in_use = terminology.available(), terminology.default().package
        if shell.as_json:
            shell.json({"available": list(names), "bundled": terminology.BUNDLED, "in_use": in_use})
        else:
            for name in names:
                marks = [
                    word
                    for word, holds in (("bundled", name == terminology.BUNDLED), ("in use", name == in_use))
                    if holds
                ]
                shell.out.print(f"{name}{'  ' + ', '.join(marks) if marks else ''}")
        return CLEAN

    return guarded(shell, run)


def use(name: str, *, as_json: bool = False, no_color: bool = False) -> int:
    """Choose a package; `bundled` goes back to ours. The exit code: 0, or 2 where it is not installed."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        terminology.select(None if name == "bundled" else name)
        in_use = terminology.default().package
        if shell.as_json:
            shell.json({"in_use": in_use})
        else:
            shell.out.print(f"in use: {in_use}")
            if os.environ.get("TRIALBRIDGE_CT"):
                shell.out.print("The environment variable TRIALBRIDGE_CT goes before your choice.")
        return CLEAN

    return guarded(shell, run)
