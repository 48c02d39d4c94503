"""`trialbridge deidentify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, BaseUrl, FhirVersion, NoColor, Quiet

commands = typer.Typer()


@commands.command()
def deidentify(
    *,
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="Files or folders, known by content.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    key_file: Annotated[Path, typer.Option("--key-file", metavar="FILE", help="The secret key; keep it apart.")],
    new_key: Annotated[bool, typer.Option("--new-key", help="Make the key file; it must not be there yet.")] = False,
    rules: Annotated[Path | None, typer.Option("--rules", metavar="FILE", help="Your own rule set (YAML).")] = None,
    linkage: Annotated[
        Path | None, typer.Option("--linkage", metavar="FILE", help="Write who is who (CSV), apart from the data.")
    ] = None,
    format: Annotated[  # noqa: A002 - the user's word
        list[str] | None, typer.Option("--format", metavar="FORMAT", help="As for convert; the language stays.")
    ] = None,
    fhir_version: FhirVersion = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Shift dates by subject, put pseudonyms for ids, drop or scrub what tells of persons; SDTM or FHIR."""
    from trialbridge.commands import deidentify as command

    wanted = command.Wanted(
        tuple(source), output, key_file, new_key, rules, linkage, tuple(format or ()), fhir_version, base_url
    )
    raise typer.Exit(command.run(wanted, as_json=as_json, quiet=quiet, no_color=no_color))
