"""A FHIR server: requests and answers as resources, decimals exact, refusals as errors.

Sources: https://hl7.org/fhir/R4/http.html. A server's OperationOutcome is shown by its codes and paths alone: its free
text may quote patients. It is kept whole in the error's `outcome`, for files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from trialbridge.base.errors import ServerError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.http import Client, shown
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.fhir.located import Resource, is_resource
from trialbridge.fhir.server.capability import Capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JSON = "application/fhir+json"
Parameters = tuple[tuple[str, str], ...]
"""Search parameters in their order; a name may stand more than once."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: status, headers, and the resource in its body, if there is one."""

    status: int
    headers: Mapping[str, str]
    resource: Resource | None
    url: str

    @property
    def ok(self) -> bool:
        """Whether it was done: a status of 2xx, and no OperationOutcome that says otherwise."""
        return 200 <= self.status < 300 and not failed(self.resource)

    @property
    def version(self) -> str | None:
        """The version in the ETag (`W/"3"`), without its quotes."""
        tag = self.headers.get("ETag", "").removeprefix("W/").strip('"')
        return tag or None


class RefusedError(ServerError):
    """The server's refusal, with its OperationOutcome if it gave one."""

    def __init__(self, response: Response, doing: str, fix: str = "") -> None:
        self.outcome = response.resource if _is_outcome(response.resource) else None
        told = said(self.outcome)
        message = f"{doing}: the server answered {response.status}{f' ({told})' if told else ''}."
        super().__init__(message, Where(file=shown(response.url)), fix or _FIX.get(response.status, ""))
        self.status = response.status


_FIX = {
    401: "give credentials, or check them (--smart-client-id, --bearer-token, --basic-user)",
    403: "ask the server's owner for the right, or for a wider scope",
    404: "check the address: it must be the FHIR base, such as https://host/fhir",
    429: "the server is overloaded: try later, or with --workers 1",
}


class Server:
    """A FHIR server at its base URL, over one HTTP client.

    `clock` is what the server's clock showed (an HTTP date) when it told its capabilities.
    """

    def __init__(self, http: Client) -> None:
        self.http = http
        self.url = str(http.home).rstrip("/")
        self.clock: str | None = None
        self._capabilities: Capabilities | None = None

    def __enter__(self) -> Self:
        """The server itself."""
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def at(self, path: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
        """The address of a path below the base; an absolute address stays as it is."""
        address = path if "://" in path else f"{self.url}/{path}" if path else self.url
        query = urlencode(list(parameters), safe=":/,|")
        return f"{address}?{query}" if query else address

    def ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Iterable[tuple[str, str]] = (),
        resource: Resource | None = None,
        form: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> Response:
        """One request, whatever is answered. Raises ServerError where no FHIR is: no answer, HTML, broken JSON."""
        sent: dict[str, str] = {"Accept": JSON}
        content = None
        if resource is not None:
            sent["Content-Type"] = JSON
            content = encode(resource)
        elif form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            content = urlencode(form).encode()
        url = self.at(path, parameters)
        answer = self.http.send(method, url, headers={**sent, **(headers or {})}, content=content, repeat=repeat)
        body = _resource(answer.body, answer.status, answer.headers.get("Content-Type", ""), url)
        return Response(answer.status, answer.headers, body, url)

    def read(self, name: str) -> Resource | None:
        """The resource called `Type/id`; None where it never was (404) or was deleted (410). Raises RefusedError."""
        response = self.ask("GET", name)
        if response.status in (404, 410):
            return None
        if not response.ok or response.resource is None:
            raise RefusedError(response, f"{name} cannot be read")
        return response.resource

    def capabilities(self) -> Capabilities:
        """What the server says it can do, asked once. Raises ServerError where there is no CapabilityStatement."""
        if self._capabilities is None:
            response = self.ask("GET", "metadata")
            found = response.resource
            if not response.ok or found is None or found["resourceType"] != "CapabilityStatement":
                raise RefusedError(response, "There is no CapabilityStatement", _FIX[404])
            self._capabilities = Capabilities.of(found)
            self.clock = response.headers.get("Date")
        return self._capabilities


def failed(resource: Resource | None) -> bool:
    """Whether a resource is an OperationOutcome with an error in it."""
    if not _is_outcome(resource):
        return False
    assert resource is not None
    return any(one.get("severity") in ("fatal", "error") for one in issues(resource))


def issues(outcome: Resource) -> list[dict[str, Any]]:
    """The issues of an OperationOutcome."""
    listed = outcome.get("issue")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def said(outcome: Resource | None) -> str:
    """The codes and paths of an OperationOutcome's errors: `error invalid at Patient.name`; nothing of its free text."""
    parts: list[str] = []
    for one in issues(outcome) if outcome else ():
        if one.get("severity") not in ("fatal", "error"):
            continue
        places = one.get("expression") or one.get("location") or ()
        at = ", ".join(str(place) for place in places[:2]) if isinstance(places, list) else ""
        text = f"{one.get('severity')} {one.get('code')}{f' at {at}' if at else ''}"
        if text not in parts:
            parts.append(text)
    return "; ".join(parts[:3])


def _is_outcome(resource: Resource | None) -> bool:
    return resource is not None and resource.get("resourceType") == "OperationOutcome"


def _resource(body: bytes, status: int, kind: str, url: str) -> Resource | None:
    """The resource in a body; None for an empty one, and for an error page."""
    if not body.strip():
        return None
    why = ""
    try:
        found = decode(body)
    except UnreadableInputError as error:
        found, why = None, f" {error.message}"
    if is_resource(found):
        resource: Resource = found
        return resource
    if status >= 400 or status == 202:
        return None
    message = f"The answer is no FHIR ({kind.partition(';')[0] or 'no Content-Type'}).{why}"
    fix = "check the address: it must be the FHIR base; a login page or a proxy may stand before it"
    raise ServerError(message, Where(file=shown(url)), fix, status=status)
