"""A pool of resources in which references are followed, as a Bundle's rules say.

Sources: https://hl7.org/fhir/R4/bundle.html#references (fullUrl, relative and absolute references),
https://hl7.org/fhir/R4/references.html (contained, version-specific references), resource.html#Meta (versions).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity
from trialbridge.fhir.located import Located, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trialbridge.fhir.located import Resource

# The end of a RESTful URL: Type/id, with a version perhaps (http.html, "Resource URL").
_REST = re.compile(r"(?:^|/)([A-Z][A-Za-z0-9]*/[A-Za-z0-9.\-]{1,64})(?:/_history/([A-Za-z0-9.\-]{1,64}))?$")


class Pool:
    """Resources by `Type/id`, by fullUrl and inside their containers. Made by `pool`.

    `items` are the resources kept, in the order given; `findings` tells of duplicates. Two resources are the same
    one when they have the same fullUrl, or the same Type/id and not two different fullUrls; of two that differ the
    one with the later meta.versionId, else the later meta.lastUpdated, else the one given last is kept (TB-FHIR-TWICE),
    the other stays reachable by a versioned reference only.
    """

    __slots__ = ("_by_key", "_by_url", "_homes", "_kept", "_places", "_versions", "findings", "items")

    def __init__(self) -> None:
        self.items: list[Located] = []
        self.findings: list[Finding] = []
        self._by_key: dict[str, Located] = {}
        self._by_url: dict[str, Located] = {}
        self._versions: dict[tuple[str, str], Located] = {}
        self._homes: dict[int, Located] = {}  # id() of a resource or contained resource -> the item that holds it
        self._kept: list[Resource] = []  # keeps alive what _homes names by id() and items no longer holds
        self._places: dict[int, int] = {}  # id() of an item -> its index in items

    def __len__(self) -> int:
        return len(self.items)

    def of_type(self, resource_type: str) -> list[Resource]:
        """All resources of one type, in order."""
        return [item.resource for item in self.items if item.resource.get("resourceType") == resource_type]

    def get(self, key: str) -> Resource | None:
        """The resource called `Type/id`, or None."""
        item = self._by_key.get(key)
        return item.resource if item else None

    def located(self, resource: Resource) -> Located | None:
        """Where a resource of this pool (the object itself, or one contained in it) came from."""
        return self._homes.get(id(resource))

    def resolve(self, reference: Mapping[str, Any] | None, within: Resource) -> Resource | None:
        """The resource a Reference found inside `within` points at, or None where the pool does not hold it.

        Follows `#id` (and `#`, the container), `Type/id`, urn:uuid and absolute URLs, each with a version or
        without. A relative reference in a resource with a RESTful fullUrl means the resource on the same server; one
        to a version gives that version only. A reference by identifier alone is not followed.
        """
        text = reference.get("reference") if reference else None
        if not isinstance(text, str) or not text:
            return None
        home = self._homes.get(id(within))
        if text[0] == "#":
            return _contained(text[1:], home.resource if home else within)
        item = self._item(text, home.full_url if home else None)
        return item.resource if item else None

    def _item(self, text: str, full_url: str | None) -> Located | None:
        """What a relative or absolute reference points at, seen from a resource with this fullUrl."""
        if text in self._by_url:
            return self._by_url[text]
        parts = _rest(text)
        if parts is None:
            return None
        key, version, relative, wanted = parts
        if relative and full_url and (base := base_of(full_url)):
            wanted = f"{base}/{key}"
        item = self._by_url.get(wanted)
        if item is None:
            item = self._by_key.get(key)
            # An absolute URL is answered by Type/id only where nothing says the resource lives on another server.
            if item and not relative and item.full_url and base_of(item.full_url):
                return None
        return self._at_version(item, key, version) if item and version else item

    def _at_version(self, item: Located, key: str, version: str) -> Located | None:
        """The item in that version; one whose version is not stated is taken to be the one meant."""
        stated = _meta(item.resource).get("versionId")
        return item if stated is None or stated == version else self._versions.get((key, version))

    def _add(self, item: Located) -> None:
        """Take one resource in, settling duplicates."""
        resource, key = item.resource, name_of(item.resource)
        named = "/" in key
        other = self._by_url.get(item.full_url) if item.full_url else None
        if other is None and named:
            other = self._by_key.get(key)
            if other and item.full_url and other.full_url and item.full_url != other.full_url:
                self._say(item, f"{key} stands under two fullUrls; they are kept as two resources.", Severity.WARNING)
                self._append(item, None)
                return
        if other is None:
            self._append(item, key if named else None)
            return
        self._kept.append(resource)
        self._homes[id(resource)] = other
        if other.resource != resource:
            self._settle(other, item, key)
        elif item.full_url:
            self._by_url[item.full_url] = other

    def _append(self, item: Located, key: str | None) -> None:
        """Take in a resource that was not there yet."""
        self._places[id(item)] = len(self.items)
        self.items.append(item)
        self._index(item, key)

    def _settle(self, other: Located, item: Located, key: str) -> None:
        """Keep the later of two versions of one resource."""
        later, why = _later(other, item)
        earlier = other if later is item else item
        self._versions[key, str(_meta(earlier.resource).get("versionId"))] = earlier
        self._homes[id(earlier.resource)] = earlier
        if later is item:
            place = self._places.pop(id(other))
            self._places[id(item)] = place
            self.items[place] = item
            self._kept.append(other.resource)
            self._index(item, key if "/" in key else None)
        for url in (other.full_url, item.full_url):
            if url:
                self._by_url[url] = later
        self._say(item, f"{key} was given twice with different content; {why} is used.", Severity.WARNING)

    def _index(self, item: Located, key: str | None) -> None:
        """Enter an item under its names."""
        if key:
            self._by_key[key] = item
        if item.full_url:
            self._by_url[item.full_url] = item
        self._homes[id(item.resource)] = item
        contained = item.resource.get("contained")
        for inner in contained if isinstance(contained, list) else ():
            self._homes[id(inner)] = item

    def _say(self, item: Located, message: str, severity: Severity) -> None:
        self.findings.append(
            Finding("TB-FHIR-TWICE", severity, item.where, message, "Give each resource once, with meta.versionId.")
        )


def pool(items: Iterable[Located | Resource]) -> Pool:
    """A `Pool` of resources, as read (`Reading.resources`) or plain."""
    made = Pool()
    for item in items:
        made._add(located(item))  # noqa: SLF001 - the pool's own maker
    return made


def located(item: Located | Resource) -> Located:
    """The same as `Located`."""
    return item if isinstance(item, Located) else Located(item)


def with_references(resource: Resource, renamed: Callable[[str], str]) -> Resource:
    """The resource with every Reference.reference replaced by what `renamed` gives; what does not change is shared."""
    changed: Resource = _rewritten(resource, renamed)
    return changed


def relative_references(items: Iterable[Located | Resource]) -> list[Resource]:
    """The resources with references by fullUrl (urn:uuid, absolute) written as `Type/id` where the target is among them.

    So a Bundle's resources keep pointing at one another once they stand alone, as in NDJSON.
    """
    listed = [located(item) for item in items]
    names = {item.full_url: name_of(item.resource) for item in listed if item.full_url and "id" in item.resource}
    if not names:
        return [item.resource for item in listed]
    return [with_references(item.resource, lambda text: names.get(text, text)) for item in listed]


def _rewritten(value: Any, renamed: Callable[[str], str]) -> Any:
    """A JSON value with its references renamed; the same object where nothing changes."""
    if isinstance(value, dict):
        changed = {key: new for key, old in value.items() if (new := _rewritten(old, renamed)) is not old}
        text = value.get("reference")
        if isinstance(text, str) and (name := renamed(text)) != text:
            changed["reference"] = name
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        members = [_rewritten(member, renamed) for member in value]
        return members if any(new is not old for new, old in zip(members, value, strict=True)) else value
    return value


@lru_cache(maxsize=8192)
def _rest(text: str) -> tuple[str, str | None, bool, str] | None:
    """Of a RESTful reference: Type/id, version, whether it is relative, and the reference without version."""
    matched = _REST.search(text)
    if not matched:
        return None
    return matched[1], matched[2], matched.start() == 0 and not text.startswith("/"), text[: matched.end(1)]


def _contained(name: str, container: Resource) -> Resource | None:
    """The contained resource of that id; the container itself for `#`."""
    if not name:
        return container
    contained = container.get("contained")
    for inner in contained if isinstance(contained, list) else ():
        if isinstance(inner, dict) and inner.get("id") == name:
            return inner
    return None


def base_of(full_url: str) -> str | None:
    """The server's base URL in a RESTful fullUrl; None for urn:uuid and the like."""
    matched = _REST.search(full_url)
    return full_url[: matched.start()] if matched and matched.start() else None


def _meta(resource: Resource) -> Mapping[str, Any]:
    meta = resource.get("meta")
    return meta if isinstance(meta, dict) else {}


def _later(first: Located, second: Located) -> tuple[Located, str]:
    """The later of two versions, and what tells so."""
    one, two = _meta(first.resource), _meta(second.resource)
    versions = (str(one.get("versionId")), str(two.get("versionId")))
    if all(text.isdecimal() for text in versions) and versions[0] != versions[1]:
        later = first if int(versions[0]) > int(versions[1]) else second
        return later, f"version {max(map(int, versions))}, the later meta.versionId,"
    times = (instant(one.get("lastUpdated")), instant(two.get("lastUpdated")))
    if times[0] and times[1] and times[0] != times[1]:
        return (first if times[0] > times[1] else second), "the one with the later meta.lastUpdated"
    return second, "the one given last"


def instant(text: Any) -> datetime | None:
    """An instant, None where it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
