"""`trialbridge validate`: options as CDISC CORE spells them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, BaseUrl, Encoding, FhirVersion, NoColor, Quiet, SdtmVersion, StudyFile

commands = typer.Typer()


class Level(StrEnum):
    """The severity from which on issues make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"


@commands.command()
def validate(
    *,
    source: Annotated[
        list[Path] | None, typer.Argument(metavar="SOURCE", help="Files or folders of SDTM or FHIR, known by content.")
    ] = None,
    standard: Annotated[str, typer.Option("--standard", "-s", help="sdtmig.")] = "sdtmig",
    version: SdtmVersion = None,
    data: Annotated[Path | None, typer.Option("--data", "-d", metavar="DIR", help="As SOURCE: a folder.")] = None,
    dataset_path: Annotated[
        list[Path] | None, typer.Option("--dataset-path", "-dp", metavar="FILE", help="As SOURCE: a file. Repeatable.")
    ] = None,
    define_xml_path: Annotated[
        Path | None,
        typer.Option(
            "--define-xml-path", "-dxp", metavar="FILE", help="The study's define: checked, and used to read."
        ),
    ] = None,
    package: Annotated[
        list[str] | None,
        typer.Option("--controlled-terminology-package", "-ct", metavar="NAME", help="sdtmct-2025-03-28, …"),
    ] = None,
    rules: Annotated[
        list[str] | None, typer.Option("--rules", "-r", metavar="ID", help="These only, by our id, CDISC's or FDA's.")
    ] = None,
    exclude_rules: Annotated[list[str] | None, typer.Option("--exclude-rules", "-er", metavar="ID")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="NAME", help="The report's name, without ending.")
    ] = None,
    output_format: Annotated[
        list[str] | None, typer.Option("--output-format", "-of", metavar="json|xlsx|csv|html", help="Repeatable.")
    ] = None,
    max_report_rows: Annotated[
        int, typer.Option("--max-report-rows", "-mr", min=0, help="Issues in sheets and pages; 0: all. JSON has all.")
    ] = 1000,
    max_errors_per_rule: Annotated[
        int, typer.Option("--max-errors-per-rule", "-me", min=0, help="Issues kept of one rule; 0: all.")
    ] = 0,
    ig: Annotated[
        list[str] | None, typer.Option("--ig", metavar="NAME#VERSION", help="FHIR package with profiles. Repeatable.")
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="URL", help="A profile all of its type must meet. Repeatable."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="Of FHIR: the study's own lines (.xlsx or .yaml).")
    ] = None,
    study_file: StudyFile = None,
    fhir_only: Annotated[bool, typer.Option("--fhir-only", help="Of FHIR: not what it says as SDTM.")] = False,
    triage: Annotated[
        Path | None, typer.Option("--triage", metavar="FILE", help="Decisions of an earlier run. Default: beside -o.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="ours|core|both", help="core, or both: CDISC CORE beside our rules.")
    ] = "ours",
    core: Annotated[
        Path | None,
        typer.Option(
            "--core", "--core-path", metavar="PATH", help="CORE's program, source or Python 3.12 environment; or uvx."
        ),
    ] = None,
    core_cache: Annotated[
        Path | None, typer.Option("--core-cache", metavar="DIR", help="CORE's rules and metadata, for its library.")
    ] = None,
    fail_on: Annotated[Level, typer.Option("--fail-on", help="Issues that make the exit code 1.")] = Level.ERROR,
    fhir_version: FhirVersion = None,
    base_url: BaseUrl = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Say what is wrong with a study, SDTM or FHIR: where, why, and how to mend it."""
    from trialbridge.commands import validate as command

    wanted = command.Wanted(
        sources=(*(source or ()), *([data] if data is not None else []), *(dataset_path or ())),
        standard=standard,
        version=version,
        define=define_xml_path,
        packages=tuple(package or ()),
        rules=tuple(rules or ()),
        excluded=tuple(exclude_rules or ()),
        output=output,
        formats=tuple(output_format or ()),
        rows=max_report_rows,
        most=max_errors_per_rule,
        igs=tuple(ig or ()),
        profiles=tuple(profile or ()),
        fhir_version=fhir_version,
        base_url=base_url,
        fhir_only=fhir_only,
        mapping=mapping,
        study_file=study_file,
        triage=triage,
        fail_on=fail_on.value,
        engine=engine,
        core_path=core,
        core_cache=core_cache,
        encoding=encoding,
    )
    raise typer.Exit(command.run(wanted, as_json=as_json, quiet=quiet, no_color=no_color))
