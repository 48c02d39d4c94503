"""Writing to a server: transactions, batches and single requests, and what became of each entry.

Sources: https://hl7.org/fhir/R4/http.html#transaction, #transaction-response, #cond-update, #create (If-None-Exist),
#concurrency (If-Match). Every way gives the same outcome: one `Result` an entry, or an error for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trialbridge.base.errors import ServerError
from trialbridge.base.finding import Where
from trialbridge.base.http import shown
from trialbridge.fhir.located import Resource, is_resource
from trialbridge.fhir.server.client import RefusedError, Response, failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialbridge.fhir.server.client import Server

Way = Literal["transaction", "batch", "single"]


@dataclass(frozen=True, slots=True)
class Write:
    """One thing to do: PUT (update, or create with our id), POST (create; the server chooses), DELETE.

    `if_match` is the version that must be there, `if_none_exist` a search that must find nothing (else what it finds is
    taken for done). `full_url` names the entry for references inside a transaction.
    """

    method: Literal["PUT", "POST", "DELETE"]
    url: str
    resource: Resource | None = None
    full_url: str | None = None
    if_match: str | None = None
    if_none_exist: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one `Write`: status, the name and version it has now, the OperationOutcome where there is one."""

    status: int
    name: str | None = None
    version: str | None = None
    outcome: Resource | None = None

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300 and not failed(self.outcome)


def ways(server: Server) -> Way:
    """The best way a server offers."""
    offered = server.capabilities().interactions
    return "transaction" if "transaction" in offered else "batch" if "batch" in offered else "single"


def write(server: Server, writes: Sequence[Write], way: Way) -> list[Result]:
    """Do all of these: all or none in a `transaction`, each for itself in a `batch` or one by one.

    Raises RefusedError where the server refuses all, ServerError where nobody knows what it did: ask it then.
    """
    if way == "single":
        return [_single(server, one) for one in writes]
    bundle = {"resourceType": "Bundle", "type": way, "entry": [_entry(one, server) for one in writes]}
    response = server.ask("POST", "", resource=bundle, headers={"Prefer": "return=minimal"}, repeat=False)
    if not 200 <= response.status < 300:
        raise RefusedError(response, f"The {way} was refused")
    told = response.resource
    entries = told.get("entry") if told is not None and told["resourceType"] == "Bundle" else None
    if not isinstance(entries, list) or len(entries) != len(writes):
        message = f"The server answered {response.status} to a {way}, but not with what became of its entries."
        raise ServerError(message, Where(file=shown(server.url)), status=response.status, uncertain=True)
    return [_result(entry, one) for entry, one in zip(entries, writes, strict=True)]


def _entry(one: Write, server: Server) -> dict[str, Any]:
    request: dict[str, Any] = {"method": one.method, "url": one.url}
    if one.if_match:
        request["ifMatch"] = f'W/"{one.if_match}"'
    if one.if_none_exist:
        request["ifNoneExist"] = one.if_none_exist
    if one.resource is None:
        return {"request": request}
    return {"fullUrl": one.full_url or f"{server.url}/{one.url}", "resource": one.resource, "request": request}


def _single(server: Server, one: Write) -> Result:
    headers = {"Prefer": "return=minimal"}
    if one.if_match:
        headers["If-Match"] = f'W/"{one.if_match}"'
    if one.if_none_exist:
        headers["If-None-Exist"] = one.if_none_exist
    response = server.ask(one.method, one.url, resource=one.resource, headers=headers, repeat=False)
    if response.status >= 500:
        raise RefusedError(response, f"{one.method} {one.url.partition('/')[0]} failed")
    return _of_response(response, one)


def _of_response(response: Response, one: Write) -> Result:
    body = response.resource
    outcome = body if body is not None and body["resourceType"] == "OperationOutcome" else None
    name, version = _located(response.headers.get("Location", ""))
    if body is not None and outcome is None and body.get("id"):
        name = name or f"{body['resourceType']}/{body['id']}"
    return Result(response.status, name or _given(one), version or response.version, outcome)


def _result(entry: Any, one: Write) -> Result:
    """An entry of a transaction-response or batch-response."""
    told = entry.get("response") if isinstance(entry, dict) else None
    told = told if isinstance(told, dict) else {}
    try:
        status = int(str(told.get("status", "")).split(maxsplit=1)[0])
    except (ValueError, IndexError):
        status = 500
    outcome = told.get("outcome")
    name, version = _located(str(told.get("location", "")))
    body: Any = entry.get("resource") if isinstance(entry, dict) else None
    if is_resource(body) and body["resourceType"] != "OperationOutcome":
        name = name or f"{body['resourceType']}/{body.get('id')}"
        version = version or (body.get("meta") or {}).get("versionId")
    etag = str(told.get("etag", "")).removeprefix("W/").strip('"')
    return Result(status, name or _given(one), version or etag or None, outcome if is_resource(outcome) else None)


def _given(one: Write) -> str | None:
    """The name in the request itself."""
    return one.url if "/" in one.url else None


def _located(address: str) -> tuple[str | None, str | None]:
    """Name and version in a Location.

    >>> _located("http://h/fhir/Patient/1/_history/3"), _located("Patient/1"), _located("")
    (('Patient/1', '3'), ('Patient/1', None), (None, None))
    """
    path, _, version = address.partition("/_history/")
    steps = path.split("/")
    name = "/".join(steps[-2:]) if len(steps) >= 2 and steps[-2][:1].isupper() else None
    return name, version or None
