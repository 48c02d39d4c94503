"""What a Bundle must keep besides its constraints: fullUrl and ids, what each type asks of its entries, links of pages.

Facts: https://hl7.org/fhir/R4/bundle.html (fullUrl: absolute, unlike for two resources, ending in the resource's id
where it is RESTful), https://hl7.org/fhir/R4/http.html#transaction (request), #messaging, documents.html. Constraints
bdl-1 to bdl-12 are in the definition and are not repeated here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity
from trialbridge.fhir.bundle import base_of
from trialbridge.fhir.located import is_resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.fhir.profiles.report import Report

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:\S+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+")
_METHODS = {"GET": False, "HEAD": False, "DELETE": False, "POST": True, "PUT": True, "PATCH": True}
"""Whether a request carries a resource."""
_REQUESTS = frozenset({"transaction", "batch"})
Said = tuple[str, str, Severity]
"""Where below the Bundle, what, how bad."""


def check(bundle: dict[str, Any], path: str, report: Report) -> None:
    """The rules of a Bundle and its entries."""
    kind = bundle.get("type")
    given = bundle.get("entry")
    entries = [one for one in (given if isinstance(given, list) else ()) if isinstance(one, dict)]
    for number, entry in enumerate(entries):
        for rule in _RULES:
            for where, message, severity in rule(entry, str(kind)):
                report.say("BUNDLE", f"{path}.entry[{number}]{where}", message, severity)
    for where, message, severity in _together(entries, str(kind)):
        report.say("BUNDLE", path + where, message, severity)


def _resource(entry: dict[str, Any]) -> dict[str, Any] | None:
    """The entry's resource, where it is one."""
    resource = entry.get("resource")
    return resource if is_resource(resource) else None


def _full_url(entry: dict[str, Any], kind: str) -> Iterator[Said]:
    """A fullUrl is an absolute URL or a well-formed URN, and every stored resource has one."""
    url = entry.get("fullUrl")
    if url is None:
        if kind in {"document", "message", "collection", "searchset"} and "resource" in entry:
            severity = Severity.ERROR if kind == "document" else Severity.WARNING
            yield "", f"An entry of a {kind} has a fullUrl, so that references to it can be followed.", severity
        return
    if not isinstance(url, str):
        return  # its type is found elsewhere
    if not _SCHEME.fullmatch(url):
        yield ".fullUrl", "A fullUrl is absolute: a URL, urn:uuid:… or urn:oid:….", Severity.ERROR
    elif url.lower().startswith("urn:uuid:") and not _UUID.fullmatch(url):
        yield ".fullUrl", "This is no UUID in lower case.", Severity.ERROR
    elif url.startswith("urn:oid:") and not _OID.fullmatch(url):
        yield ".fullUrl", "This is no OID.", Severity.ERROR


def _same_id(entry: dict[str, Any], kind: str) -> Iterator[Said]:
    """The end of a RESTful fullUrl is the type and id of the resource."""
    url, resource = entry.get("fullUrl"), _resource(entry)
    if not isinstance(url, str) or resource is None or not url.startswith(("http://", "https://")):
        return
    own = resource.get("id")
    if base_of(url) is None or "/_history/" in url:
        return
    *_, type_name, last = url.rstrip("/").split("/")
    if own is None:
        # A resource about to be made has no id yet; a stored one has.
        if kind not in _REQUESTS:
            yield ".resource", "The fullUrl is that of a stored resource, so the resource has its id.", Severity.ERROR
    elif (type_name, last) != (resource["resourceType"], own):
        yield ".fullUrl", "The end of the fullUrl is not the type and id of the resource.", Severity.ERROR


def _request(entry: dict[str, Any], kind: str) -> Iterator[Said]:
    """What a request asks for fits what it carries; PUT names the resource's own id."""
    request = entry.get("request")
    if not isinstance(request, dict) or kind not in _REQUESTS:
        return
    method, url, resource = request.get("method"), request.get("url"), _resource(entry)
    carries = _METHODS.get(str(method))
    if carries is True and resource is None:
        yield "", f"A {method} carries a resource.", Severity.ERROR
    if carries is False and resource is not None:
        yield ".resource", f"A {method} carries no resource.", Severity.ERROR
    if not isinstance(url, str) or resource is None:
        return
    target = url.partition("?")[0].rstrip("/").split("/")
    if method == "POST" and "$" not in url and target[-1] != resource["resourceType"]:
        yield (
            ".request.url",
            f"A POST of a {resource['resourceType']} goes to {resource['resourceType']}.",
            Severity.ERROR,
        )
    if method == "PUT" and "?" not in url:
        if len(target) < 2 or target[-2] != resource["resourceType"]:
            yield (
                ".request.url",
                f"A PUT of a {resource['resourceType']} goes to {resource['resourceType']}/id.",
                Severity.ERROR,
            )
        elif resource.get("id") != target[-1]:
            yield ".request.url", "A PUT names the id of the resource it carries.", Severity.ERROR


def _search(entry: dict[str, Any], kind: str) -> Iterator[Said]:
    """An outcome among the results of a search is an OperationOutcome."""
    search, resource = entry.get("search"), _resource(entry)
    wanted = kind == "searchset" and isinstance(search, dict) and search.get("mode") == "outcome"
    if wanted and (resource is None or resource["resourceType"] != "OperationOutcome"):
        yield ".resource", "A search's outcome is an OperationOutcome.", Severity.ERROR


_RULES: tuple[Callable[[dict[str, Any], str], Iterator[Said]], ...] = (_full_url, _same_id, _request, _search)


def _together(entries: list[dict[str, Any]], kind: str) -> Iterator[Said]:
    """No two entries stand for one resource; a document and a message begin with their own."""
    if kind in {"document", "message"} and not entries:
        yield "", f"A {kind} has entries.", Severity.ERROR
    if kind == "history":
        return
    seen: dict[str, int] = {}
    for number, entry in enumerate(entries):
        request = entry.get("request")
        url = request.get("url") if isinstance(request, dict) else None
        writes = isinstance(request, dict) and request.get("method") in {"PUT", "DELETE", "PATCH"}
        if kind == "transaction" and writes and isinstance(url, str) and "?" not in url:
            first = seen.setdefault(url.strip("/"), number)
            if first != number:
                yield f".entry[{number}].request.url", f"Entry {first} writes the same resource.", Severity.ERROR
