"""JSON documents: a Bundle, a single resource or an array of resources; and Bundles written.

Sources: https://hl7.org/fhir/R4/bundle.html (entries, fullUrl, bdl-1 to bdl-12), https://hl7.org/fhir/R4/http.html#transaction
(requests, conditional create), https://hl7.org/fhir/R4/search.html#escaping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote
from uuid import UUID, uuid5

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.base.writing import whole_file
from trialbridge.fhir.bundle import base_of, located, with_references
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import decode, encode, pretty
from trialbridge.fhir.located import Located, is_resource, name_of, reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from trialbridge.fhir.located import Item, Resource, Role
    from trialbridge.fhir.releases import Release

BundleType = Literal["collection", "transaction", "batch", "searchset"]
FILE = "bundle.json"
REJECTED: Resource = {}  # stands (this very object) for an entry the XML reader has rejected already
# In R4 an AdverseEvent cannot be searched by identifier, so a conditional create cannot find it again.
_NO_IDENTIFIER_SEARCH = frozenset({("R4", "AdverseEvent")})
_ENTRY_NAMES = UUID(
    "6f0b7f3e-5a55-5d0b-9a3c-2f6a3a1c7d10"
)  # for entries whose resource has no id; any constant would do


def read(data: bytes, file: str) -> Iterator[Item]:
    """The resources of one JSON document. Raises UnreadableInputError where the document as a whole is broken."""
    try:
        value = decode(data)
    except UnreadableInputError as error:
        raise UnreadableInputError(error.message, Where(file=file), error.fix) from None
    if not isinstance(value, list):
        yield from items_of(value, file)
        return
    for number, member in enumerate(value):
        yield from items_of(member, file, path=f"[{number}]")


def items_of(
    value: Any, file: str | None, line: int | None = None, path: str = "", full_url: str | None = None
) -> Iterator[Item]:
    """One JSON value as items: a resource as itself, a Bundle as its entries (nested ones too), else a reject."""
    if not is_resource(value):
        missing = "it is not an object" if not isinstance(value, dict) else "it has no resourceType"
        where = Where(file=file, line=line, path=path or None)
        yield reject(encode(value).decode(), where, f"This is no FHIR resource: {missing}.", "Mend it at its source.")
    elif value["resourceType"] == "Bundle":
        yield from _entries(value, file, line, path or "Bundle", full_url)
    else:
        role: Role = "outcome" if value["resourceType"] == "OperationOutcome" else "resource"
        yield Located(value, file, line, path, full_url, role)


def _entries(bundle: Resource, file: str | None, line: int | None, path: str, full_url: str | None) -> Iterator[Item]:
    """The entries' resources, then the Bundle without them."""
    entries = bundle.get("entry", [])
    where = Where(file=file, line=line, path=f"{path}.entry")
    if not isinstance(entries, list):
        yield reject(encode(entries).decode(), where, "Bundle.entry is not a list.", "Mend the Bundle at its source.")
        entries = []
    shells: list[Any] = []
    for number, entry in enumerate(entries):
        if entry is REJECTED:
            shells.append({})
            continue
        place = f"{path}.entry[{number}].resource"
        if not isinstance(entry, dict) or "resource" not in entry:
            yield _without_resource(entry, Where(file=file, line=line, path=place))
            shells.append({})
            continue
        url = entry.get("fullUrl")
        yield from items_of(entry["resource"], file, line, place, url if isinstance(url, str) else None)
        shells.append({key: part for key, part in entry.items() if key != "resource"})
    envelope = {**bundle, "entry": shells} if shells else {key: v for key, v in bundle.items() if key != "entry"}
    yield Located(envelope, file, line, path, full_url, "envelope")


def _without_resource(entry: Any, where: Where) -> Item:
    """An entry that holds no resource: right for a DELETE or a response, wrong otherwise."""
    text = encode(entry).decode()
    if isinstance(entry, dict) and ("request" in entry or "response" in entry):
        return reject(text, where, "The entry holds a request or a response and no resource.", severity=Severity.NOTE)
    return reject(text, where, "The entry holds no resource.", "Mend the Bundle at its source.")


def write(
    resources: Iterable[Located | Resource],
    folder: Path,
    release: Release,
    kind: BundleType = "collection",
    base_url: str = BASE,
    *,
    conditional: bool = False,
) -> list[Path]:
    """`bundle.json` in the folder; its path. See `bundle_of`."""
    bundle = bundle_of(resources, release, kind, base_url, conditional=conditional)
    with whole_file(folder / FILE) as part:
        part.write_bytes(pretty(bundle))
    return [folder / FILE]


def bundle_of(
    resources: Iterable[Located | Resource],
    release: Release,
    kind: BundleType = "collection",
    base_url: str = BASE,
    *,
    conditional: bool = False,
) -> Resource:
    """A Bundle of these resources, without a date (deterministic), its references consistent.

    An entry keeps the fullUrl it was read with; else it is `base_url/Type/id`, or urn:uuid where the resource has no id.
    A transaction or batch updates `Type/id` by PUT (POST without an id). With `conditional`, a resource with an
    identifier is created only if no other has it (POST with ifNoneExist); the server then chooses the id, so these
    entries get a urn:uuid and the references inside the Bundle name that. The same resource given twice stands once.
    Raises DoesNotFitError where two that differ would have one fullUrl, or something is no resource.
    """
    entries: list[dict[str, Any]] = []
    known: dict[str, Resource] = {}
    urls: dict[str, str] = {}  # Type/id -> fullUrl
    moved: dict[str, str] = {}  # a fullUrl that is not used here -> the one that is
    request = kind in {"transaction", "batch"}
    for item in map(located, resources):
        resource = item.resource
        if not is_resource(resource):
            raise DoesNotFitError(
                "This is no FHIR resource: it has no resourceType.", item.where, "Write resources only."
            )
        search = _if_none_exist(resource, release) if request and conditional else None
        url = _full_url(item, base_url, len(entries), moves=search is not None)
        if url in known:
            if known[url] == resource:
                continue
            message = f"{name_of(resource)} stands twice with different content."
            raise DoesNotFitError(message, item.where, "Join them with fhir.bundle.pool.")
        known[url] = resource
        if "id" in resource:
            urls[name_of(resource)] = url
        if search is not None:
            moved |= {f"{base_url.rstrip('/')}/{name_of(resource)}": url, item.full_url or url: url}
        entries.append(_entry(resource, url, kind, search))
    _point_inside(entries, urls, moved)
    bundle: Resource = {"resourceType": "Bundle", "type": kind}
    if kind == "searchset":
        bundle["total"] = len(entries)
    return {**bundle, "entry": entries} if entries else bundle


def _point_inside(entries: list[dict[str, Any]], urls: Mapping[str, str], moved: Mapping[str, str]) -> None:
    """Make every reference to a resource of the Bundle name its fullUrl, or be relative to the same base.

    A relative reference means `base/Type/id` with the base of its own entry's fullUrl (bundle.html#references).
    """
    known = {entry["fullUrl"] for entry in entries}
    for entry in entries:
        base = base_of(entry["fullUrl"])

        def renamed(text: str, base: str | None = base) -> str:
            if base and f"{base}/{text}" in known:
                return text
            return moved.get(text) or urls.get(text, text)

        entry["resource"] = with_references(entry["resource"], renamed)


def _full_url(item: Located, base_url: str, number: int, *, moves: bool) -> str:
    """The fullUrl of the entry at this place; `moves` says that the server will choose the id."""
    if item.full_url and not (moves and not item.full_url.startswith("urn:")):
        return item.full_url
    name = name_of(item.resource)
    if "/" not in name:  # the place tells alike resources without ids apart: they may well be two
        return f"urn:uuid:{uuid5(_ENTRY_NAMES, f'{number} {encode(item.resource).decode()}')}"
    return f"urn:uuid:{uuid5(_ENTRY_NAMES, name)}" if moves else f"{base_url.rstrip('/')}/{name}"


def _entry(resource: Resource, url: str, kind: BundleType, search: str | None) -> dict[str, Any]:
    """One entry, with its request or search as the Bundle's type asks (bdl-2 to bdl-4)."""
    entry: dict[str, Any] = {"fullUrl": url, "resource": resource}
    if kind == "searchset":
        entry["search"] = {"mode": "match"}
    elif kind in {"transaction", "batch"}:
        name = name_of(resource)
        if search is not None:
            entry["request"] = {"method": "POST", "url": resource["resourceType"], "ifNoneExist": search}
        else:
            entry["request"] = {"method": "PUT" if "/" in name else "POST", "url": name}
    return entry


def _if_none_exist(resource: Resource, release: Release) -> str | None:
    """The search for the resource's first identifier (`identifier=system|value`), None where there is none to search."""
    given = resource.get("identifier")
    if (release, resource["resourceType"]) in _NO_IDENTIFIER_SEARCH:
        return None
    first = given[0] if isinstance(given, list) and given else given
    if not isinstance(first, dict) or not first.get("system") or not first.get("value"):
        return None
    parts = (_escaped(str(first[key])) for key in ("system", "value"))
    return "identifier=" + "|".join(parts)


def _escaped(text: str) -> str:
    """A search value: the search's own separators escaped by a backslash, then what a URL cannot hold by %."""
    for separator in "\\|,$":
        text = text.replace(separator, "\\" + separator)
    return quote(text, safe=":/")
