"""`trialbridge dictionary`: MedDRA, WHODrug and LOINC from your licensed copy; nothing of them is shipped."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, NoColor, StudySource

commands = typer.Typer(help="MedDRA, WHODrug and LOINC from your licensed copy.", no_args_is_help=True)


class Kind(StrEnum):
    """A dictionary we can read."""

    MEDDRA = "meddra"
    WHODRUG = "whodrug"
    LOINC = "loinc"


@commands.command("add")
def add(
    *,
    kind: Annotated[Kind, typer.Argument(help="Which dictionary it is.")],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="MedAscii, the B3 folder, or Loinc.csv.")],
    version: Annotated[str, typer.Option("--version", "-v", help="Its version: 27.1, 2025Mar1, 2.78.")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Install a dictionary into your own folder."""
    from trialbridge.commands import dictionaries as command

    raise typer.Exit(command.add(kind.value, source, version, as_json=as_json, no_color=no_color))


@commands.command("list")
def listed(*, as_json: AsJson = False, no_color: NoColor = False) -> None:
    """List the installed dictionaries."""
    from trialbridge.commands import dictionaries as command

    raise typer.Exit(command.show(as_json=as_json, no_color=no_color))


@commands.command("check")
def check(
    *,
    study: StudySource,
    dictionary: Annotated[list[str], typer.Option("--dictionary", metavar="NAME", help="meddra-27.1. Repeatable.")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Check a study's terms and codes against dictionaries."""
    from trialbridge.commands import dictionaries as command

    raise typer.Exit(command.check(study, tuple(dictionary), as_json=as_json, no_color=no_color))
