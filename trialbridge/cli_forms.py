"""Commands about a centre's own tables: the study file, drafts of it, profiles, previews, the template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, NoColor, Quiet, StudyFile

commands = typer.Typer()
study = typer.Typer(help="The study file (study.yaml): its JSON Schema, and checking one.", no_args_is_help=True)
commands.add_typer(study, name="study")
database = typer.Typer(help="SDTM datasets and forms as tables of a database, in and out.", no_args_is_help=True)
commands.add_typer(database, name="database")
Database = Annotated[
    str,
    typer.Option(
        "--database", metavar="env:NAME|FILE", help="The connection string's variable or .dburl file, or SQLite."
    ),
]


@study.command("schema")
def study_schema(
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file. Default: standard output.")] = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Write the JSON Schema of the study file, for editors that check as you type."""
    from trialbridge.commands import study as command

    raise typer.Exit(command.published(output, as_json=as_json, no_color=no_color))


@study.command("check")
def study_check(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study file (.yaml).")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Say what is wrong with a study file, each place with its line."""
    from trialbridge.commands import study as command

    raise typer.Exit(command.check(file, as_json=as_json, no_color=no_color))


@study.command("export")
def study_export(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study file (.yaml or .xlsx).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The workbook to write (.xlsx).")],
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Write a study file as a workbook, which is read in its place."""
    from trialbridge.commands import study as command

    raise typer.Exit(command.export(file, output, as_json=as_json, no_color=no_color))


@commands.command()
def template(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The workbook to write (.xlsx).")],
    study_id: Annotated[str | None, typer.Option("--study-id", metavar="ID", help="STUDYID, to be filled in.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write a workbook of case report forms for radiotherapy and immune therapy, which converts as it stands."""
    from trialbridge.commands import template as command

    raise typer.Exit(command.run(output, study=study_id, as_json=as_json, quiet=quiet, no_color=no_color))


@database.command("load")
def database_load(
    *,
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="SDTM, or a workbook of forms.")],
    where: Database,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write datasets or forms into a database, all of them or none; tables of the same names are replaced."""
    from trialbridge.commands import database as command

    raise typer.Exit(command.load(source, where, as_json=as_json, quiet=quiet, no_color=no_color))


@database.command("save")
def database_save(
    *,
    where: Database,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="As of convert.")] = "dataset-json",  # noqa: A002 - the user's word
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write the SDTM datasets of a database as files."""
    from trialbridge.commands import database as command

    raise typer.Exit(command.save(where, output, format, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def redcap(
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="The project's API, as https://redcap.example.org/api/.")],
    token: Annotated[str, typer.Option("--token", metavar="env:NAME|FILE", help="Where the API token stands.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Fetch a REDCap project's records and data dictionary, for `convert`."""
    from trialbridge.commands import redcap as command

    raise typer.Exit(command.run(url, token, output, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def profile(
    *,
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="A centre's own tables.")],
    mask: Annotated[bool, typer.Option("--mask", help="Show counts and types, and no values.")] = False,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show what is in a centre's tables: columns, types, ranges, frequencies, suspicious values."""
    from trialbridge.commands import profile as command

    raise typer.Exit(command.run(source, mask=mask, as_json=as_json, no_color=no_color))


@commands.command()
def init(
    *,
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="A centre's own tables.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The study file to write (.yaml).")],
    study_id: Annotated[str, typer.Option("--study-id", metavar="ID", help="STUDYID.")] = "STUDY",
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Draft a study file from what the tables show; each guess with its confidence and reason."""
    from trialbridge.commands import init as command

    raise typer.Exit(command.run(source, output, study=study_id, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def preview(
    *,
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="A centre's own tables.")],
    study_file: StudyFile = None,
    rows: Annotated[int, typer.Option("--rows", min=1, max=50, help="Rows of each dataset.")] = 2,
    mask: Annotated[bool, typer.Option("--mask", help="Show where values come from, and no values.")] = False,
    fhir_version: Annotated[str, typer.Option("--fhir-version", metavar="R4|R5", help="FHIR release.")] = "R4",
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show the first rows of each dataset and the first resource of each type, beside the cells they come from."""
    from trialbridge.commands import preview as command

    raise typer.Exit(
        command.run(
            source, study_file, rows=rows, mask=mask, fhir_version=fhir_version, as_json=as_json, no_color=no_color
        )
    )
