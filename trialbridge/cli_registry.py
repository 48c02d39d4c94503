"""`trialbridge registry`: a trial's record in a registry and what is submitted to it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, BaseUrl, NoColor, Quiet, StudySource

commands = typer.Typer(help="A trial's record in a registry: convert, results, check, fetch.", no_args_is_help=True)


class Target(StrEnum):
    """What a record becomes."""

    FHIR = "fhir"
    SDTM = "sdtm"
    V2 = "v2"
    PRS = "prs"


class FailOn(StrEnum):
    """The severity from which on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"


class Asked(StrEnum):
    """How adverse events were asked for."""

    SYSTEMATIC = "systematic"
    NON_SYSTEMATIC = "non-systematic"


RecordSource = Annotated[
    Path,
    typer.Argument(
        metavar="RECORD", help="API v2 JSON, PRS or public XML, FHIR (ResearchStudy, fhir.json), or a folder of ours."
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")]
Contacts = Annotated[
    bool, typer.Option("--contacts", help="Carry the names and addresses of persons; else they are left out.")
]
OrgName = Annotated[
    str, typer.Option("--org-name", metavar="NAME", help="The short name you log in to PRS with; no record holds it.")
]
Failing = Annotated[FailOn, typer.Option("--fail-on", help="From which severity on the exit code is 1.")]


@commands.command()
def convert(
    *,
    record: RecordSource,
    to: Annotated[Target, typer.Option("--to", help="What to make of the record.")],
    output: Output,
    fhir_version: Annotated[
        str, typer.Option("--fhir-version", metavar="R4|R4B|R5", help="The FHIR release written.")
    ] = "R5",
    file_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="FHIR: bundle or ndjson. SDTM: dataset-json, xpt, csv, …")
    ] = "",
    study_file: Annotated[
        Path | None, typer.Option("--study-file", metavar="FILE", help="study.yaml with `design` and `visits`.")
    ] = None,
    org_name: OrgName = "",
    contacts: Contacts = False,
    base_url: BaseUrl = None,
    fail_on: Failing = FailOn.ERROR,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write a record as FHIR, SDTM trial design, API v2 JSON or PRS XML."""
    from trialbridge.commands import registry as command

    wanted = command.Wanted(
        record, to.value, output, fhir_version, file_format, study_file, org_name, contacts, base_url or ""
    )
    raise typer.Exit(command.convert(wanted, fail_on=fail_on.value, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def results(
    *,
    study: StudySource,
    record: Annotated[Path, typer.Option("--record", metavar="RECORD", help="The record whose results these are.")],
    output: Output,
    vocabulary: Annotated[
        str, typer.Option("--vocabulary", metavar="NAME", help='Of the event terms: "MedDRA 27.0", "CTCAE (4.0)".')
    ] = "",
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=5, help="Percent; other events over it in any arm are shown.")
    ] = 5,
    assessment: Annotated[Asked, typer.Option("--assessment", help="How events were asked for.")] = Asked.SYSTEMATIC,
    time_frame: Annotated[
        str, typer.Option("--time-frame", help="Of adverse events. Default: first treatment to end of participation.")
    ] = "",
    criteria: Annotated[
        str, typer.Option("--criteria", metavar="1.0|1.1|irecist", help="The version of the response criteria.")
    ] = "1.0",
    ctcae: Annotated[str, typer.Option("--ctcae", metavar="4.0|4.03|5.0", help="The version grades are of.")] = "4.0",
    day: Annotated[int, typer.Option("--day", min=1, help="Days after radiotherapy at which outcomes count.")] = 91,
    window: Annotated[int, typer.Option("--window", min=0, help="Days around --day.")] = 28,
    evaluator: Annotated[
        str, typer.Option("--evaluator", metavar="NAME", help="RSEVAL and TREVAL of the reader who counts.")
    ] = "INVESTIGATOR",
    org_name: OrgName = "",
    contacts: Contacts = False,
    fail_on: Failing = FailOn.ERROR,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Compute the results section from a study's data: API v2 JSON, PRS XML, EudraCT XML, a page."""
    from trialbridge.commands import registry_results as command

    wanted = command.Wanted(
        study,
        record,
        output,
        vocabulary,
        threshold,
        assessment.value,
        time_frame,
        criteria,
        ctcae,
        day,
        window,
        evaluator,
        org_name,
        contacts,
    )
    raise typer.Exit(command.run(wanted, fail_on=fail_on.value, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def check(
    *,
    record: RecordSource,
    study: Annotated[
        Path | None,
        typer.Option("--study", metavar="STUDY", help="The study's data, to see where record and data differ."),
    ] = None,
    fail_on: Failing = FailOn.ERROR,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Say what the registry's reviewers would send back, and where the record and the data differ."""
    from trialbridge.commands import registry_check as command

    raise typer.Exit(command.run(record, study, fail_on=fail_on.value, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def page(
    *,
    record: RecordSource,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")],
    contacts: Contacts = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write a record, its results tables and what the check finds as one readable HTML page."""
    from trialbridge.commands import registry_check as command

    raise typer.Exit(command.page(record, output, contacts=contacts, as_json=as_json, quiet=quiet, no_color=no_color))


@commands.command()
def fetch(
    *,
    nct_id: Annotated[str, typer.Argument(metavar="NCT", help="The registry's number: NCT03406468.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The JSON file to write. Default: NUMBER.json here.")
    ] = None,
    address: Annotated[
        str, typer.Option("--address", metavar="URL", help="Where the registry's API v2 is.")
    ] = "https://clinicaltrials.gov/api/v2",
    contacts: Contacts = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Get a record from the registry by its number. The only command that asks a registry anything."""
    from trialbridge.commands import registry_fetch as command

    raise typer.Exit(
        command.run(nct_id, output, address, contacts=contacts, as_json=as_json, quiet=quiet, no_color=no_color)
    )
