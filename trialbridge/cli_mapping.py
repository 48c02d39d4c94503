"""`trialbridge mapping`: the dictionary as a file a study can edit, and as SQL-on-FHIR views."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, BaseUrl, NoColor

commands = typer.Typer(help="The dictionary: export it, judge a study's own lines, write views.", no_args_is_help=True)
Mapping = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="The study's own lines (.xlsx or .yaml).")
]


@commands.command()
def export(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write: .xlsx or .yaml.")],
    mapping: Mapping = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Write every line and code pair, to read or to edit."""
    from trialbridge.commands import mapping as command

    raise typer.Exit(command.export(output, mapping=mapping, as_json=as_json, no_color=no_color))


@commands.command()
def check(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study's own lines (.xlsx or .yaml).")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Say what a study's mapping changes and what is wrong with it, by cell or line."""
    from trialbridge.commands import mapping as command

    raise typer.Exit(command.check(file, as_json=as_json, no_color=no_color))


@commands.command()
def views(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    mapping: Mapping = None,
    fhir_version: Annotated[str, typer.Option("--fhir-version", metavar="R4|R5", help="FHIR release.")] = "R4",
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Write the read direction as SQL-on-FHIR ViewDefinitions, one file a view."""
    from trialbridge.commands import mapping as command

    raise typer.Exit(
        command.views(
            output, mapping=mapping, fhir_version=fhir_version, base_url=base_url, as_json=as_json, no_color=no_color
        )
    )
