"""`trialbridge serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialbridge.cli_options import AsJson, BaseUrl, NoColor

commands = typer.Typer()


@commands.command()
def serve(
    *,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8080,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Conversions at a time, a process each.")] = 2,
    waiting: Annotated[int, typer.Option("--waiting", min=0, help="Requests that may wait; more get 429.")] = 32,
    max_body: Annotated[int, typer.Option("--max-body", min=1, metavar="MB", help="The largest body.")] = 64,
    max_unpacked: Annotated[
        int, typer.Option("--max-unpacked", min=1, metavar="MB", help="The largest body once unpacked.")
    ] = 512,
    timeout: Annotated[float, typer.Option("--timeout", min=1, metavar="SECONDS", help="For one conversion.")] = 300,
    grace: Annotated[
        int, typer.Option("--grace", min=0, metavar="SECONDS", help="For running requests when asked to end.")
    ] = 30,
    api_keys: Annotated[
        Path | None, typer.Option("--api-keys", metavar="FILE", help="Callers' keys: one `name:key` a line.")
    ] = None,
    oidc_issuer: Annotated[
        str | None, typer.Option("--oidc-issuer", metavar="URL", help="Whose bearer tokens are taken.")
    ] = None,
    oidc_audience: Annotated[
        str | None, typer.Option("--oidc-audience", metavar="NAME", help="Whom the tokens must be for.")
    ] = None,
    oidc_scope: Annotated[
        str | None, typer.Option("--oidc-scope", metavar="SCOPE", help="A scope the tokens must have.")
    ] = None,
    anyone: Annotated[bool, typer.Option("--anyone", help="Let anyone call, though not from this machine.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Where bodies are spooled. Default: the temporary one."),
    ] = None,
    certificate: Annotated[Path | None, typer.Option("--certificate", metavar="FILE", help="TLS certificate.")] = None,
    certificate_key: Annotated[
        Path | None, typer.Option("--certificate-key", metavar="FILE", help="Its private key.")
    ] = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Serve the conversions and checks over HTTP (the package's extra: serve)."""
    from trialbridge.commands import serve as command

    wanted = command.Wanted(
        host=host,
        port=port,
        at_once=workers,
        waiting=waiting,
        most_body=max_body,
        most_unpacked=max_unpacked,
        seconds=timeout,
        grace=grace,
        api_keys=api_keys,
        oidc_issuer=oidc_issuer,
        oidc_audience=oidc_audience,
        oidc_scope=oidc_scope,
        anyone=anyone,
        folder=folder,
        base_url=base_url,
        certificate=certificate,
        certificate_key=certificate_key,
    )
    raise typer.Exit(command.run(wanted, as_json=as_json, no_color=no_color))
