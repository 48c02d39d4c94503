"""`trialbridge serve`: the web service, from its settings to the last request."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.commands.shell import CLEAN, Shell, guarded

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.web.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for. Sizes are megabytes, times seconds."""

    host: str = "127.0.0.1"
    port: int = 8080
    at_once: int = 2
    waiting: int = 32
    most_body: int = 64
    most_unpacked: int = 512
    seconds: float = 300.0
    grace: int = 30
    api_keys: Path | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_scope: str | None = None
    anyone: bool = False
    folder: Path | None = None
    base_url: str | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None


def run(wanted: Wanted, *, as_json: bool = False, no_color: bool = False) -> int:
    """0 when the service was asked to end and did; 2 where it could not start."""
    shell = Shell(as_json=as_json, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    try:
        import uvicorn  # noqa: PLC0415 - an extra

        from trialbridge.web.app import create  # noqa: PLC0415 - an extra
        from trialbridge.web.callers import open_to_others  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = f"The service's libraries are not installed ({error.name})."
        raise UnreadableInputError(message, fix="pip install 'trialbridge[serve]'") from None
    settings = settings_of(wanted)
    if wanted.api_keys is not None and open_to_others(wanted.api_keys):
        message = f"warning: everyone on this machine can read the keys in {wanted.api_keys}: chmod 600 it"
        shell.err.print(message, markup=False)
    if shell.as_json:
        shell.json({"url": _url(wanted)})
        sys.stdout.flush()
    shell.err.print(f"trialbridge serves at {_url(wanted)}; its documentation is at /docs", markup=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it once more when all is done: the end is no failure
    uvicorn.run(
        create(settings),
        host=wanted.host,
        port=wanted.port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=wanted.grace,
        timeout_keep_alive=15,
        h11_max_incomplete_event_size=64 * 1024,
        ssl_certfile=wanted.certificate,
        ssl_keyfile=wanted.certificate_key,
    )
    return CLEAN


def settings_of(wanted: Wanted) -> Settings:
    """The service's settings. Raises UnreadableInputError where anyone could call from elsewhere, UnknownNameError."""
    from trialbridge.fhir.ids import BASE  # noqa: PLC0415 - beside the settings
    from trialbridge.web.callers import read_keys  # noqa: PLC0415 - an extra
    from trialbridge.web.settings import MEGABYTE, Oidc, Settings  # noqa: PLC0415 - an extra

    oidc = None
    if wanted.oidc_issuer:
        if not wanted.oidc_audience:
            raise UnknownNameError("An issuer needs an audience.", fix="give --oidc-audience")
        oidc = Oidc(wanted.oidc_issuer, wanted.oidc_audience, scope=wanted.oidc_scope)
    keys = read_keys(wanted.api_keys) if wanted.api_keys else {}
    if not keys and oidc is None and not wanted.anyone and not _here(wanted.host):
        raise UnreadableInputError(
            "Anyone could call this service from elsewhere.",
            Where(file=f"{wanted.host}:{wanted.port}"),
            "give --api-keys or --oidc-issuer; or --anyone, where something else keeps the door",
        )
    settings = Settings(
        at_once=wanted.at_once,
        waiting=wanted.waiting,
        most_body=wanted.most_body * MEGABYTE,
        most_unpacked=wanted.most_unpacked * MEGABYTE,
        seconds=wanted.seconds,
        base_url=wanted.base_url or BASE,
        keys=keys,
        oidc=oidc,
    )
    if wanted.folder is None:
        return settings
    if not wanted.folder.is_dir():
        raise UnreadableInputError("There is no such folder.", Where(file=str(wanted.folder)), "make it")
    return replace(settings, folder=wanted.folder)


def _url(wanted: Wanted) -> str:
    """Where the service is."""
    host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
    return f"{'https' if wanted.certificate else 'http'}://{host}:{wanted.port}"


def _here(host: str) -> bool:
    """Whether the address is this machine's own alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
