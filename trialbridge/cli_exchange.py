"""`trialbridge pull`, `push` and `sync`: exchange with FHIR servers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_access import (
    BasicPasswd,
    BasicUser,
    BearerToken,
    Ca,
    Cert,
    CertKey,
    Proxy,
    Retries,
    Scope,
    SmartClientId,
    SmartKey,
    SmartTokenUrl,
    Timeout,
    Url,
    way_in,
)
from trialbridge.cli_options import AsJson, BaseUrl, FhirVersion, NoColor, Quiet, SdtmVersion

commands = typer.Typer()
Audit = Annotated[
    Path | None,
    typer.Option("--audit", metavar="FILE", help="Where every request is logged, without patient data."),
]
Study = Annotated[
    str | None,
    typer.Option("--study", metavar="ID", help="An identifier of the study, SYSTEM|ID, or ResearchStudy/ID."),
]
Group = Annotated[str | None, typer.Option("--group", metavar="ID", help="The id of a Group of patients.")]
Subjects = Annotated[
    Path | None,
    typer.Option("--subjects", metavar="FILE", help="Subjects, one a line: an identifier, SYSTEM|ID, or Patient/ID."),
]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Repeatable, or with commas. Default: all that the mappings read."),
]
Export = Annotated[
    bool | None,
    typer.Option(
        "--export/--no-export", help="By Bulk Data $export, or by search. Default: $export for a --group, if offered."
    ),
]
Overlap = Annotated[
    float,
    typer.Option("--overlap", metavar="SECONDS", min=0, help="How far before the last pull `--since auto` asks."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, max=32, help="Requests at a time.")]
PageSize = Annotated[int, typer.Option("--page-size", min=1, max=10_000, help="Resources a page of a search.")]


class Ids(StrEnum):
    """Who chooses the ids of new resources."""

    AUTO = "auto"
    CLIENT = "client"
    SERVER = "server"


class OnError(StrEnum):
    """What a refused entry does to the rest."""

    CONTINUE = "continue"
    STOP = "stop"
    ROLLBACK = "rollback"


class FailOn(StrEnum):
    """The severity from which on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"


FailOnOption = Annotated[FailOn, typer.Option("--fail-on", help="Findings that make the exit code 1.")]


@commands.command()
def pull(
    *,
    url: Url,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the study's resources.")],
    study: Study = None,
    group: Group = None,
    subjects: Subjects = None,
    types: Types = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="auto|INSTANT", help="Only what changed since the last pull, or then."),
    ] = None,
    overlap: Overlap = 60.0,
    export: Export = None,
    base_url: BaseUrl = None,
    workers: Workers = 4,
    page_size: PageSize = 500,
    bearer_token: BearerToken = None,
    basic_user: BasicUser = None,
    basic_passwd: BasicPasswd = None,
    smart_client_id: SmartClientId = None,
    smart_key: SmartKey = None,
    smart_token_url: SmartTokenUrl = None,
    scope: Scope = None,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
    proxy: Proxy = None,
    timeout: Timeout = 60.0,
    retries: Retries = 4,
    audit: Audit = None,
    fail_on: FailOnOption = FailOn.ERROR,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Pull a study's resources from a FHIR server into a folder that `convert` takes; again, only what is new."""
    from trialbridge.commands import pull as command

    way = "auto" if export is None else "export" if export else "search"
    raise typer.Exit(
        command.run(
            way_in(
                url,
                bearer_token,
                basic_user,
                basic_passwd,
                smart_client_id,
                smart_key,
                smart_token_url,
                scope,
                ca,
                cert,
                cert_key,
                proxy,
                timeout,
                retries,
                audit or output / ".audit.ndjson",
            ),
            command.Asked(
                output, study, group, subjects, tuple(types or ()), since, overlap, way, base_url, workers, page_size
            ),
            fail_on=fail_on.value,
            as_json=as_json,
            quiet=quiet,
            no_color=no_color,
        )
    )


@commands.command()
def push(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="FHIR resources, in any format.")],
    url: Url,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read everything back and compare it element by element.")
    ] = False,
    on_error: Annotated[
        OnError, typer.Option("--on-error", help="After a refused entry: go on, stop, or undo this push.")
    ] = OnError.CONTINUE,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also over what was changed on the server since the last push.")
    ] = False,
    ids: Annotated[
        Ids, typer.Option("--ids", help="Who chooses ids. Default: we, where the server allows.")
    ] = Ids.AUTO,
    bundle_size: Annotated[int, typer.Option("--bundle-size", min=1, max=5000, help="Resources a transaction.")] = 100,
    fhir_version: FhirVersion = None,
    base_url: BaseUrl = None,
    workers: Workers = 4,
    bearer_token: BearerToken = None,
    basic_user: BasicUser = None,
    basic_passwd: BasicPasswd = None,
    smart_client_id: SmartClientId = None,
    smart_key: SmartKey = None,
    smart_token_url: SmartTokenUrl = None,
    scope: Scope = None,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
    proxy: Proxy = None,
    timeout: Timeout = 60.0,
    retries: Retries = 4,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="DIR", help="Where journal, refusals and audit go. Default: DIR/.push."),
    ] = None,
    deidentify: Annotated[
        Path | None,
        typer.Option("--deidentify", metavar="KEY", help="Send it de-identified by this key file (see deidentify)."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Your own rule set of de-identification.")
    ] = None,
    fail_on: FailOnOption = FailOn.ERROR,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Push a study's resources to a FHIR server; a second push changes nothing."""
    from trialbridge.commands import push as command

    raise typer.Exit(
        command.run(
            way_in(
                url,
                bearer_token,
                basic_user,
                basic_passwd,
                smart_client_id,
                smart_key,
                smart_token_url,
                scope,
                ca,
                cert,
                cert_key,
                proxy,
                timeout,
                retries,
            ),
            command.Asked(
                folder,
                dry_run,
                verify,
                on_error.value,
                overwrite,
                ids.value,
                bundle_size,
                base_url,
                workers,
                log,
                deidentify,
                rules,
                fhir_version,
            ),
            fail_on=fail_on.value,
            as_json=as_json,
            quiet=quiet,
            no_color=no_color,
        )
    )


@commands.command()
def sync(
    *,
    url: Url,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The folder: fhir/ as it is now, versions/0001, 0002, … of the study."),
    ],
    study: Study = None,
    group: Group = None,
    subjects: Subjects = None,
    types: Types = None,
    format: Annotated[  # noqa: A002 - the user's word
        list[str] | None, typer.Option("--format", metavar="FORMAT", help="Repeatable, as of convert --to sdtm.")
    ] = None,
    version: SdtmVersion = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="The study's own lines (.xlsx or .yaml).")
    ] = None,
    accept_edits: Annotated[
        bool, typer.Option("--accept-edits", help="Go on although the last version was changed by hand.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Pull everything anew, not only what changed.")] = False,
    overlap: Overlap = 60.0,
    export: Export = None,
    base_url: BaseUrl = None,
    workers: Workers = 4,
    page_size: PageSize = 500,
    bearer_token: BearerToken = None,
    basic_user: BasicUser = None,
    basic_passwd: BasicPasswd = None,
    smart_client_id: SmartClientId = None,
    smart_key: SmartKey = None,
    smart_token_url: SmartTokenUrl = None,
    scope: Scope = None,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
    proxy: Proxy = None,
    timeout: Timeout = 60.0,
    retries: Retries = 4,
    audit: Audit = None,
    fail_on: FailOnOption = FailOn.ERROR,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Stay in step with a FHIR server: pull what changed, and write the next version of the study with its changes."""
    from trialbridge.commands import pull as pulling
    from trialbridge.commands import sync as command

    way = "auto" if export is None else "export" if export else "search"
    since = None if full else "auto"
    named = (output / "fhir", study, group, subjects, tuple(types or ()), since, overlap, way)
    raise typer.Exit(
        command.run(
            way_in(
                url,
                bearer_token,
                basic_user,
                basic_passwd,
                smart_client_id,
                smart_key,
                smart_token_url,
                scope,
                ca,
                cert,
                cert_key,
                proxy,
                timeout,
                retries,
                audit or output / ".audit.ndjson",
            ),
            command.Asked(
                output,
                pulling.Asked(*named, base_url, workers, page_size),
                tuple(format or ()),
                version,
                mapping,
                accept_edits,
            ),
            fail_on=fail_on.value,
            as_json=as_json,
            quiet=quiet,
            no_color=no_color,
        )
    )
