"""How the commands that talk to a FHIR server get in: their common options, and the access made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.exchange.connection import Access

_ACCESS = "Getting in"

Url = Annotated[str, typer.Argument(metavar="URL", help="The server's FHIR base, such as https://host/fhir.")]
BearerToken = Annotated[
    Path | None,
    typer.Option(
        "--bearer-token",
        metavar="FILE",
        help="A file with the token (or TRIALBRIDGE_BEARER_TOKEN).",
        rich_help_panel=_ACCESS,
    ),
]
BasicUser = Annotated[
    str | None, typer.Option("--basic-user", metavar="NAME", help="The user's name.", rich_help_panel=_ACCESS)
]
BasicPasswd = Annotated[
    Path | None,
    typer.Option(
        "--basic-passwd",
        metavar="FILE",
        help="A file with the password (or TRIALBRIDGE_BASIC_PASSWD).",
        rich_help_panel=_ACCESS,
    ),
]
SmartClientId = Annotated[
    str | None,
    typer.Option(
        "--smart-client-id", metavar="ID", help="SMART Backend Services: our client id.", rich_help_panel=_ACCESS
    ),
]
SmartKey = Annotated[
    Path | None,
    typer.Option("--smart-key", metavar="FILE", help="Our private key, PEM or JWK.", rich_help_panel=_ACCESS),
]
SmartTokenUrl = Annotated[
    str | None,
    typer.Option(
        "--smart-token-url",
        metavar="URL",
        help="Where tokens are given. Default: as the server says.",
        rich_help_panel=_ACCESS,
    ),
]
Scope = Annotated[
    str | None,
    typer.Option(
        "--scope",
        metavar="SCOPES",
        help="What to ask for. Default: system/*.rs, to write system/*.cruds.",
        rich_help_panel=_ACCESS,
    ),
]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", metavar="FILE", help="Authorities to trust, PEM.", rich_help_panel=_ACCESS),
]
Cert = Annotated[
    Path | None,
    typer.Option("--cert", metavar="FILE", help="Our certificate, PEM (mutual TLS).", rich_help_panel=_ACCESS),
]
CertKey = Annotated[
    Path | None,
    typer.Option(
        "--cert-key",
        metavar="FILE",
        help="Its key; a password stands in TRIALBRIDGE_CERT_PASSWD.",
        rich_help_panel=_ACCESS,
    ),
]
Proxy = Annotated[
    str | None,
    typer.Option(
        "--proxy", metavar="URL", help="The proxy to go by (or HTTPS_PROXY, NO_PROXY).", rich_help_panel=_ACCESS
    ),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="The longest silence.", rich_help_panel=_ACCESS),
]
Retries = Annotated[
    int,
    typer.Option("--retries", min=0, max=20, help="How often a request is tried again.", rich_help_panel=_ACCESS),
]


def way_in(
    url: str,
    bearer_token: Path | None,
    basic_user: str | None,
    basic_passwd: Path | None,
    smart_client_id: str | None,
    smart_key: Path | None,
    smart_token_url: str | None,
    scope: str | None,
    ca: Path | None,
    cert: Path | None,
    cert_key: Path | None,
    proxy: str | None,
    timeout: float,
    retries: int,
    audit: Path | None = None,
) -> Callable[[], Access]:
    """What makes the access when the command runs: wrong options are then told as its errors are."""

    def made() -> Access:
        from trialbridge.exchange.connection import Access

        return Access(
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
            retries + 1,
            audit,
        )

    return made
