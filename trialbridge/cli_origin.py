"""`trialbridge trace` and `trialbridge readiness`: where a cell comes from, and what a source cannot fill."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, BaseUrl, FhirVersion, NoColor, SdtmVersion, StudyFile, StudySource

commands = typer.Typer()


@commands.command()
def trace(
    *,
    study: StudySource,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="DM.SEX, DM or SEX; all if left out.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", metavar="USUBJID", help="One subject only.")] = None,
    row: Annotated[int | None, typer.Option("--row", min=1, help="One row only, counted from 1.")] = None,
    most: Annotated[int, typer.Option("--max", min=0, help="At most so many cells; 0 lists all.")] = 10,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="A page whose cells open their source.")
    ] = None,
    fhir_version: FhirVersion = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show the resource, element, line and code pair that a cell comes from (or goes to)."""
    from trialbridge.commands import trace as command

    wanted = command.Wanted(study, name, subject, row, most, html, fhir_version, base_url)
    raise typer.Exit(command.run(wanted, as_json=as_json, no_color=no_color))


@commands.command()
def readiness(
    *,
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="Files or folders, known by content.")],
    queries: Annotated[
        Path | None, typer.Option("--queries", metavar="FILE", help="A CSV of what to ask the sites.")
    ] = None,
    study_file: StudyFile = None,
    fhir_version: FhirVersion = None,
    version: SdtmVersion = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Say which required and expected variables a source can fill, by subject and site, and what to ask for."""
    from trialbridge.commands import readiness as command

    wanted = command.Wanted(tuple(source), queries, fhir_version, version, base_url, study_file)
    raise typer.Exit(command.run(wanted, as_json=as_json, no_color=no_color))
