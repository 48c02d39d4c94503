"""From what a user says to a server that answers: credentials from files or the environment, limits, the audit log."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx

from trialbridge.base.errors import ServerError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.http import Client, Settings, shown
from trialbridge.fhir.server.audit import AuditLog
from trialbridge.fhir.server.auth import BackendServices, Basic, Bearer, discover, scope_for
from trialbridge.fhir.server.client import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trialbridge.base.http import Authorization, Try

BEARER, PASSWORD, CERTIFICATE_PASSWORD = (
    "TRIALBRIDGE_BEARER_TOKEN",
    "TRIALBRIDGE_BASIC_PASSWD",
    "TRIALBRIDGE_CERT_PASSWD",
)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Access:
    """A server's address and how to get in. Secrets are named by their files; or they stand in the environment."""

    url: str
    bearer_token: Path | None = None
    basic_user: str | None = None
    basic_passwd: Path | None = None
    smart_client_id: str | None = None
    smart_key: Path | None = None
    smart_token_url: str | None = None
    scope: str | None = None
    ca: Path | None = None
    cert: Path | None = None
    cert_key: Path | None = None
    proxy: str | None = None
    timeout: float = 60.0
    tries: int = 5
    audit: Path | None = None
    run: str = field(default_factory=lambda: uuid4().hex[:12])

    def __post_init__(self) -> None:
        """Refuse an address that is none, or that holds a secret. Raises UnreadableInputError."""
        try:
            address = httpx.URL(self.url)
        except httpx.InvalidURL:
            address = httpx.URL("")
        if address.scheme not in ("http", "https") or not address.host:
            raise UnreadableInputError(
                "This is no address of a server.", Where(file=self.url), "give https://host/fhir"
            )
        if address.userinfo:
            fix = "give --basic-user and --basic-passwd FILE"
            raise UnreadableInputError("A password does not belong into an address.", Where(file=shown(self.url)), fix)


@contextmanager
def opened(access: Access, *, write: bool = False) -> Iterator[tuple[Server, list[Finding]]]:
    """The server, let in; with what is to be said of the connection. Raises ServerError, UnreadableInputError."""
    with ExitStack() as stack:
        watch: Callable[[Try], None] = lambda _: None  # noqa: E731 - nobody watches
        if access.audit is not None:
            watch = stack.enter_context(AuditLog(access.audit, access.url, access.run)).note
        settings = _settings(access)
        agent = {"User-Agent": f"trialbridge/{version('trialbridge')}", "X-Request-Id": access.run}
        authorization = None
        if access.smart_client_id or access.smart_key:
            plain = stack.enter_context(Client(access.url, settings, headers=agent, watch=watch))
            authorization = _smart(access, plain, write=write)
        else:
            authorization = _simple(access)
        http = stack.enter_context(Client(access.url, settings, authorization, headers=agent, watch=watch))
        yield Server(http), list(_doubts(access, authorization))


def _settings(access: Access) -> Settings:
    return Settings(
        seconds=access.timeout,
        whole=max(600.0, access.timeout * 10),
        tries=access.tries,
        proxy=access.proxy,
        ca=access.ca,
        certificate=access.cert,
        key=access.cert_key,
        password=os.environ.get(CERTIFICATE_PASSWORD),
    )


def _simple(access: Access) -> Authorization | None:
    token = _secret(access.bearer_token, BEARER)
    if access.basic_user:
        password = _secret(access.basic_passwd, PASSWORD)
        if password is None:
            raise UnreadableInputError("There is no password.", fix=f"give --basic-passwd FILE, or set {PASSWORD}")
        return Basic(access.basic_user, password)
    return Bearer(token) if token else None


def _smart(access: Access, http: Client, *, write: bool) -> Authorization:
    if not (access.smart_client_id and access.smart_key):
        raise UnreadableInputError("SMART needs a client and its key.", fix="give --smart-client-id and --smart-key")
    capable: frozenset[str] = frozenset()
    token_url = access.smart_token_url
    if token_url is None:
        token_url, capable = discover(http, access.url, _stated(Server(http)))
    scope = access.scope or scope_for(write=write, capable=capable)
    return BackendServices(http, token_url, access.smart_client_id, access.smart_key, scope)


def _stated(server: Server) -> str | None:
    """Where the CapabilityStatement says tokens are given; it may itself be out of reach without one."""
    try:
        return server.capabilities().token_url
    except ServerError:
        return None


def _secret(file: Path | None, variable: str) -> str | None:
    """The secret in a file, without the line end; else in the environment. Raises UnreadableInputError."""
    if file is None:
        return os.environ.get(variable) or None
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise UnreadableInputError("The secret cannot be read.", Where(file=str(file)), "check the path") from None
    if not found:
        raise UnreadableInputError("The file of the secret is empty.", Where(file=str(file)), "check the path")
    return found


def _doubts(access: Access, authorization: Authorization | None) -> Iterator[Finding]:
    address = httpx.URL(access.url)
    if authorization is not None and address.scheme == "http" and address.host not in _LOOPBACK:
        yield Finding(
            "TB-SERVER-PLAIN",
            Severity.WARNING,
            Where(file=shown(access.url)),
            "Credentials and patient data go to this server unencrypted.",
            "use https",
        )
