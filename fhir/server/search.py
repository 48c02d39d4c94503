"""Search: pages followed to the end, included resources told apart, and what was not given noticed.

Sources: https://hl7.org/fhir/R4/search.html, http.html#paging. A search by personal numbers goes by POST, so that they
do not stand in the access logs of every proxy; where the server has no POST search, by GET.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import ServerError
from trialbridge.base.finding import Where
from trialbridge.base.http import origin, shown
from trialbridge.fhir.located import is_resource, name_of
from trialbridge.fhir.server.client import RefusedError, failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.server.client import Parameters, Response, Server

STRICT = {"Prefer": "handling=strict"}
PAGE = 500
_LONGEST_QUERY = 1800  # characters of a GET's query; longer ones go by POST
IDS = 50
"""How many ids a search asks for at once."""
_MOST_AT_ONCE = 10_000


@dataclass(slots=True)
class Page:
    """One page: what matched, what came along, the server's remarks. `total` is what the server says matched in all."""

    matches: list[Resource] = field(default_factory=list)
    included: list[Resource] = field(default_factory=list)
    outcomes: list[Resource] = field(default_factory=list)
    total: int | None = None
    following: str | None = None


def search(
    server: Server, kind: str, parameters: Parameters = (), *, page: int = PAGE, private: bool = False
) -> Iterator[Page]:
    """The pages of a search, in order. Raises ServerError where a page cannot be had, or not all matches are given.

    `private` says that the values must not stand in an address.
    """
    found = _page(_first(server, kind, (*parameters, ("_count", str(page))), private=private), server)
    given = _names(found)
    if found.following is None and found.total is not None and len(given) < found.total <= _MOST_AT_ONCE:
        # a server without paging gives the first page only: ask for all at once
        asked = (*parameters, ("_count", str(found.total)))
        found = _page(_first(server, kind, asked, private=private), server)
        given = _names(found)
    total = found.total
    yield found
    seen: set[str] = set()
    while found.following is not None:
        if found.following in seen:
            raise _incomplete(server, kind, "its pages go round in a ring")
        seen.add(found.following)
        found = _page(server.ask("GET", found.following), server)
        given |= _names(found)
        yield found
    if total is not None and len(given) < total and not _counts_only(parameters):
        raise _incomplete(server, kind, f"it says {total} match and gave {len(given)}")


def _names(page: Page) -> set[str]:
    """The matches by name: what stands on two pages, because the data changed meanwhile, is one; another was then left out."""
    return {name_of(one) for one in page.matches}


def matches(server: Server, kind: str, parameters: Parameters = (), **options: Any) -> Iterator[Resource]:
    """The resources that match, without those that came along. See `search`."""
    for page in search(server, kind, parameters, **options):
        yield from page.matches


def by_ids(server: Server, kind: str, ids: Iterable[str]) -> Iterator[Resource]:
    """The resources of a type with these ids, those that are there: `_id` with several at once."""
    listed = list(ids)
    for at in range(0, len(listed), IDS):
        yield from matches(server, kind, (("_id", ",".join(listed[at : at + IDS])),), page=IDS)


def everything(server: Server, patient: str, parameters: Parameters = ()) -> Iterator[Page]:
    """`Patient/id/$everything`, page by page (https://hl7.org/fhir/R4/patient-operation-everything.html)."""
    found = _page(server.ask("GET", f"{patient}/$everything", parameters=parameters), server)
    yield found
    seen: set[str] = set()
    while found.following is not None:
        if found.following in seen:
            raise _incomplete(server, f"{patient}/$everything", "its pages go round in a ring")
        seen.add(found.following)
        found = _page(server.ask("GET", found.following), server)
        yield found


def escaped(text: str) -> str:
    r"""A value in which search's own separators stand for themselves.

    >>> escaped("a|b,c$d")
    'a\\|b\\,c\\$d'
    """
    for separator in "\\|,$":
        text = text.replace(separator, "\\" + separator)
    return text


def token(system: str | None, value: str) -> str:
    """A token to search for: `system|value`, or the value in whatever system."""
    return escaped(value) if system is None else f"{escaped(system)}|{escaped(value)}"


def _first(server: Server, kind: str, parameters: Parameters, *, private: bool) -> Response:
    if private or len(server.at("", parameters)) > _LONGEST_QUERY:
        response = server.ask("POST", f"{kind}/_search", form=parameters, headers=STRICT)
        if response.status not in (404, 405, 415, 501):
            return response
    return server.ask("GET", kind, parameters=parameters, headers=STRICT)


def _page(response: Response, server: Server) -> Page:
    """An answer as a page. Raises RefusedError for an error and for what is no search result."""
    bundle = response.resource
    if not response.ok or bundle is None or bundle["resourceType"] != "Bundle":
        raise RefusedError(response, "The search failed")
    page = Page(total=bundle["total"] if isinstance(bundle.get("total"), int) else None)
    for number, entry in enumerate(bundle.get("entry") or ()):
        resource: Any = entry.get("resource") if isinstance(entry, dict) else None
        if not is_resource(resource) or not (resource.get("id") or resource["resourceType"] == "OperationOutcome"):
            message = f"Entry {number} of a search's page is no resource, or has no id."
            raise ServerError(
                message, Where(file=shown(response.url)), "tell the server's owner", status=response.status
            )
        told = entry.get("search")
        mode = told.get("mode") if isinstance(told, dict) else None
        if resource["resourceType"] == "OperationOutcome":
            page.outcomes.append(resource)
        else:
            (page.included if mode == "include" else page.matches).append(resource)
    if any(failed(one) for one in page.outcomes):
        raise RefusedError(_with(response, next(one for one in page.outcomes if failed(one))), "The search failed")
    for link in bundle.get("link") or ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            page.following = _at_home(link["url"], server)
    return page


def _with(response: Response, outcome: Resource) -> Response:
    return type(response)(response.status, response.headers, outcome, response.url)


def _at_home(url: str, server: Server) -> str:
    """The next page's address. A server behind a proxy may name itself by another scheme or port; never another host."""
    joined = server.http.home.join(url)
    if origin(str(joined)) == origin(server.url):
        return str(joined)
    if joined.host == server.http.home.host:
        return str(joined.copy_with(scheme=server.http.home.scheme, port=server.http.home.port))
    where = Where(file=shown(server.url))
    fix = f"call the server by the name it gives itself, {origin(str(joined))}, or have its base URL mended"
    raise ServerError("The next page of a search is on another host.", where, fix)


def _counts_only(parameters: Parameters) -> bool:
    return any(name == "_summary" for name, _ in parameters)


def _incomplete(server: Server, kind: str, why: str) -> ServerError:
    where = Where(file=shown(server.url), resource=kind)
    fix = "give a larger --page-size, or fewer subjects at once; the server may hide what we may not see"
    return ServerError(f"The server does not give all of a search: {why}.", where, fix)
