"""Bulk Data `$export`: asked for, waited for, and its files brought to disk; it goes on after a break.

Source: https://hl7.org/fhir/uv/bulkdata/export.html (version 2). An export is asked for once; its status address is
kept by the caller, so that a run that was killed asks again for the same export and fetches only the files it lacks.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trialbridge.base.errors import ServerError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.http import origin, shown
from trialbridge.base.http_retry import pause
from trialbridge.base.writing import whole_file
from trialbridge.fhir.jsontext import BYTE_ORDER_MARK, decode
from trialbridge.fhir.server.client import JSON, RefusedError, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trialbridge.base.http import Answer
    from trialbridge.fhir.server.client import Server

Level = Literal["system", "patient", "group"]
Role = Literal["output", "deleted", "error"]
_LONGEST_PAUSE = 120.0
_TYPE = re.compile(r"[A-Za-z]{0,64}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export: from the whole server, of all patients, or of a group; which types; changed since when."""

    level: Level = "system"
    group: str | None = None
    types: tuple[str, ...] = ()
    since: str | None = None
    filters: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """`$export` where it stands for this level."""
        return {"system": "$export", "patient": "Patient/$export", "group": f"Group/{self.group}/$export"}[self.level]

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The parameters of the request."""
        found = [("_outputFormat", "application/fhir+ndjson")]
        if self.types:
            found.append(("_type", ",".join(self.types)))
        if self.since:
            found.append(("_since", self.since))
        found.extend(("_typeFilter", one) for one in self.filters)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export: which role it has, the type of its resources, its address, how many they are."""

    role: Role
    type: str
    url: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A finished export: the server's time it speaks of, its files, whether they need our credentials."""

    time: str
    files: tuple[File, ...]
    needs_token: bool


def begin(server: Server, wanted: Wanted) -> str:
    """Ask for an export; the address that tells how it goes. Raises RefusedError."""
    headers = {"Prefer": "respond-async", "Accept": JSON}
    response = server.ask("GET", wanted.path, parameters=wanted.parameters, headers=headers)
    address = response.headers.get("Content-Location")
    if response.status != 202 or not address:
        raise RefusedError(response, "The export was not begun")
    return str(server.http.home.join(address))


def wait(
    server: Server, address: str, *, seconds: float, told: Callable[[str], None] = lambda _: None
) -> Manifest | None:
    """The manifest once the export is done; None where the server knows no such export (any more).

    Raises ServerError where the export failed or takes longer than `seconds`.
    """
    until = time.monotonic() + seconds
    number = 0
    while True:
        answer = server.http.send("GET", address, headers={"Accept": "application/json"})
        if answer.status == 200:
            return _manifest(server, answer)
        if answer.status in (404, 410):
            return None
        if answer.status != 202:
            raise RefusedError(_response(answer), "The export failed")
        told(answer.headers.get("X-Progress", ""))
        number += 1
        nap = pause(min(number, 6), answer.headers.get("Retry-After"), _LONGEST_PAUSE)
        if time.monotonic() + nap > until:
            message = f"The export is not done after {seconds:,.0f} seconds."
            raise ServerError(message, Where(file=shown(address)), "run the same command again: it goes on waiting")
        time.sleep(nap)


def cancel(server: Server, address: str) -> None:
    """Tell the server that the export is not needed any more; a server that cannot is no matter."""
    server.http.send("DELETE", address)


def fetch(server: Server, manifest: Manifest, folder: Path) -> Iterator[tuple[File, Path]]:
    """Each file of the export in the folder, whole; those that are there already are not fetched again.

    Raises RefusedError where a file is not given, ServerError where it holds fewer resources than it should.
    """
    for number, file in enumerate(manifest.files, start=1):
        if manifest.needs_token and origin(file.url) != origin(server.url):
            message = "The export's files are on another host that asks for our credentials: they are not sent there."
            raise ServerError(message, Where(file=shown(file.url)), "have the server give its files itself")
        target = folder / f"{number:04}-{file.role}-{file.type}.ndjson"
        if not target.exists():
            with whole_file(target) as part:
                answer = server.http.download(file.url, part, headers={"Accept": "application/fhir+ndjson"})
                if answer.status not in (200, 206):
                    raise RefusedError(_response(answer), f"A file of {file.type} is not given")
                _check(part, file)
        yield file, target


def _check(path: Path, file: File) -> None:
    """Raise ServerError for a file that is no NDJSON (a page to log in on), or holds less than the manifest says."""
    found = 0
    with path.open("rb") as lines:
        for line in lines:
            if found == 0 and line.strip() and not line.lstrip().removeprefix(BYTE_ORDER_MARK).startswith(b"{"):
                message = f"A file of {file.type} is no NDJSON."
                raise ServerError(message, Where(file=shown(file.url)), "a login page or a proxy may stand before it")
            found += bool(line.strip())
    if file.count is not None and found < file.count:
        message = f"A file of {file.type} holds {found} resources; the manifest says {file.count}."
        raise ServerError(message, Where(file=shown(file.url)), "run the same command again")


def _manifest(server: Server, answer: Answer) -> Manifest:
    """The manifest, with those that follow it (version 2 allows several pages)."""
    files: list[File] = []
    first = told = _object(answer)
    seen: set[str] = set()
    while True:
        for role in ("output", "deleted", "error"):
            files.extend(_files(told.get(role), role, server))
        links = [one for one in told.get("link") or () if isinstance(one, dict) and isinstance(one.get("url"), str)]
        following = next((one["url"] for one in links if one.get("relation") == "next"), None)
        if following is None or following in seen:
            break
        seen.add(following)
        told = _object(server.http.send("GET", str(server.http.home.join(following))))
    return Manifest(str(first.get("transactionTime", "")), tuple(files), first.get("requiresAccessToken") is True)


def _files(listed: Any, role: Role, server: Server) -> Iterator[File]:
    for one in listed if isinstance(listed, list) else ():
        url, kind = (one.get("url"), one.get("type", "")) if isinstance(one, dict) else (None, "")
        if not isinstance(url, str) or not _TYPE.fullmatch(str(kind)):  # the type becomes a part of a file's name
            message = f"The export's manifest names a file ({role}) without an address, or of no resource type."
            raise ServerError(message, Where(file=shown(server.url)), "tell the server's owner")
        count = one.get("count")
        yield File(role, str(kind), str(server.http.home.join(url)), count if isinstance(count, int) else None)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        found = decode(answer.body)
    except UnreadableInputError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("output", []), list):
        raise ServerError("The export's manifest is no JSON of that kind.", Where(file=shown(answer.url)))
    return found


def _response(answer: Answer) -> Response:
    """An answer as a response, its OperationOutcome read if it has one."""
    try:
        found = decode(answer.body)
    except UnreadableInputError:
        found = None
    resource = found if isinstance(found, dict) and found.get("resourceType") == "OperationOutcome" else None
    return Response(answer.status, answer.headers, resource, answer.url)
