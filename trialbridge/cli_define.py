"""`trialbridge define`: the Define-XML of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, FhirVersion, NoColor, Quiet, SdtmVersion, StudyFile

commands = typer.Typer()


@commands.command()
def define(
    *,
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE", help="A study (SDTM or FHIR), or a define.xml or specification to be rewritten."
        ),
    ],
    output: Annotated[
        list[Path],
        typer.Option("--output", "-o", metavar="FILE", help="define.xml, define.html or spec.xlsx. Repeatable."),
    ],
    spec: Annotated[
        Path | None,
        typer.Option("--spec", metavar="FILE", help="A define.xml or workbook whose words are used: labels, origins …"),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="The study's own lines (.xlsx or .yaml).")
    ] = None,
    study_file: StudyFile = None,
    package: Annotated[
        str | None,
        typer.Option("--controlled-terminology-package", "-ct", metavar="NAME", help="sdtmct-2025-03-28, …"),
    ] = None,
    dictionary: Annotated[
        list[str] | None,
        typer.Option("--dictionary", metavar="NAME=VERSION", help="MedDRA=27.1, WHODrug=…, LOINC=…. Repeatable."),
    ] = None,
    archive: Annotated[
        str, typer.Option("--archive", metavar="SUFFIX", help="Dataset files: xpt, json, ndjson.")
    ] = "xpt",
    acrf: Annotated[str, typer.Option("--acrf", metavar="HREF", help="The annotated CRF beside the define.")] = "",
    document: Annotated[
        list[str] | None, typer.Option("--document", metavar="HREF=TITLE", help="A document beside it. Repeatable.")
    ] = None,
    created: Annotated[
        str | None,
        typer.Option(
            "--created", metavar="ISO8601", help="CreationDateTime. Default: SOURCE_DATE_EPOCH, or the input's."
        ),
    ] = None,
    stylesheet: Annotated[str, typer.Option("--stylesheet", metavar="HREF", help="An XSL to name in define.xml.")] = "",
    fhir_version: FhirVersion = None,
    version: SdtmVersion = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write the Define-XML 2.1 of a study, its readable page, or its specification workbook."""
    from trialbridge.commands import define as command

    wanted = command.Wanted(
        sources=tuple(source),
        outputs=tuple(output),
        spec=spec,
        mapping=mapping,
        study_file=study_file,
        fhir_version=fhir_version,
        version=version,
        package=package,
        dictionaries=tuple(dictionary or ()),
        archive=archive,
        crf=acrf,
        documents=tuple(document or ()),
        created=created,
        stylesheet=stylesheet,
    )
    raise typer.Exit(command.run(wanted, as_json=as_json, quiet=quiet, no_color=no_color))
