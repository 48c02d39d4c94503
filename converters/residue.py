"""The residue: FHIR content that has no home in SDTM, so that tables and residue together give the resources back.

The tables are turned into FHIR again and compared with the source, element by element; what differs is the residue. It
is thereby exact by construction. One line of `residue.ndjson` is one of:

* `{"resource": "Patient/john", "made": "Patient/5f…"}`: the resource the tables make is the source's by another id;
* `{"resource": "Patient/john", "path": "Patient.name[0]", "value": …}`: an element to set;
* `{"resource": "Patient/john", "path": "Patient.active", "absent": true}`: an element the source does not have;
* `{"resource": "Encounter/7c…", "made": "Encounter/7c…", "absent": true}`: a resource the tables make is not in the source;
* a path that is the resource type alone: the whole resource is to be added.

Paths are FHIRPath with JSON's names of elements (`_birthDate` for what stands beside a primitive).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.converters.context import fresh
from trialbridge.fhir.bundle import with_references
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from trialbridge.converters.ledger import Ledger

Entry = Mapping[str, Any]
Resource = dict[str, Any]
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def residue_of(
    source: Mapping[str, Resource], made: Mapping[str, Resource], renames: Mapping[str, str]
) -> Iterator[Entry]:
    """The entries that turn `made` into `source`; both by reference (`Type/id`), `renames` from made to source.

    What is not in the source comes first, by its name; then the source's resources in their order.
    """
    taken = {other: key for key, other in renames.items()}
    renamed = any(key != other for key, other in renames.items())
    absent = (key for key in made if key not in renames and (key not in source or key in taken))
    yield from sorted(map(not_there, absent), key=encode)
    for key, resource in source.items():
        mine = taken.get(key, key if key in made else None)
        kind = str(resource.get("resourceType"))
        if mine is None:
            yield {"resource": key, "path": kind, "value": resource}
            continue
        if mine != key:
            yield {"resource": key, "made": mine}
        ours = _renamed(made[mine], key, renames) if renamed or mine != key else made[mine]
        if not _identical(ours, resource):
            yield from ({"resource": key, **change} for change in changes(ours, resource, kind))


def not_there(made: str) -> dict[str, Any]:
    """The entry that a resource the tables make is not in the source."""
    return {"resource": made, "made": made, "absent": True}


def restored(made: Iterable[Resource], residue: Iterable[Entry]) -> list[Resource]:
    """The resources that the tables made, with the residue put back. Raises UnreadableInputError on a broken entry."""
    entries = list(residue)
    renames = {entry["made"]: entry["resource"] for entry in entries if "made" in entry and not entry.get("absent")}
    dropped = {entry["made"] for entry in entries if "made" in entry and entry.get("absent")}
    everything = {f"{one['resourceType']}/{one['id']}": one for one in made}
    known = {key: one for key, one in everything.items() if key not in dropped}
    found = {renames.get(key, key): _renamed(one, renames.get(key, key), renames) for key, one in known.items()}
    for entry in entries:
        if "made" in entry:
            continue
        try:
            key, path = entry["resource"], entry["path"]
        except KeyError as error:
            raise UnreadableInputError(
                f"A residue entry has no {error}.", fix="use the residue.ndjson as written"
            ) from None
        if "." not in path and "[" not in path:
            found[key] = fresh(entry["value"])
        elif key in found:
            _apply(found[key], path, entry)
    return list(found.values())


def _renamed(made: Resource, key: str, renames: Mapping[str, str]) -> Resource:
    """A made resource under the source's ids."""
    copy: Resource = fresh(with_references(made, lambda text: renames.get(text, text)))
    own = key.partition("/")[2]
    if own:
        copy["id"] = own
    return copy


def changes(made: Any, source: Any, path: str) -> Iterator[dict[str, Any]]:
    """What to set and what to take away to turn `made` into `source`."""
    if isinstance(made, dict) and isinstance(source, dict):
        for name, value in source.items():
            if name in made:
                yield from changes(made[name], value, f"{path}.{name}")
            else:
                yield {"path": f"{path}.{name}", "value": value}
        yield from ({"path": f"{path}.{name}", "absent": True} for name in made if name not in source)
    elif isinstance(made, list) and isinstance(source, list):
        for at, value in enumerate(source):
            if at < len(made):
                yield from changes(made[at], value, f"{path}[{at}]")
            else:
                yield {"path": f"{path}[{at}]", "value": value}
        yield from ({"path": f"{path}[{at}]", "absent": True} for at in range(len(made) - 1, len(source) - 1, -1))
    elif not same(made, source):
        yield {"path": path, "value": source}


def _identical(made: Resource, source: Resource) -> bool:
    """Whether two resources are the same JSON, member by member in the same order: the common case, quickly told."""
    try:
        return encode(made) == encode(source)
    except DoesNotFitError:
        return False


def same(one: Any, other: Any) -> bool:
    """Whether two primitives are the same, decimals digit by digit: 23.50 is not 23.5 (FHIR R4 2.24.0.1)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | Decimal) and isinstance(other, int | Decimal):
        return str(one) == str(other)
    return bool(one == other)


def _apply(resource: Resource, path: str, entry: Entry) -> None:
    """Set or take away one element in place."""
    kind = str(resource.get("resourceType", ""))
    steps: list[str | int] = [found[1] or int(found[2]) for found in _STEP.finditer(path, len(kind))]
    element: Any = resource
    try:
        for step in steps[:-1]:
            element = element[step]
        last: Any = steps[-1]
        if entry.get("absent"):
            del element[last]
        elif isinstance(element, list) and last == len(element):
            element.append(fresh(entry["value"]))
        else:
            element[last] = fresh(entry["value"])
    except (KeyError, IndexError, TypeError):
        # The tables were edited since: the element this entry speaks of is no longer made.
        return


def leaves(value: Any, path: str) -> list[str]:
    """The path of every primitive below a value, without list positions."""
    found: list[str] = []
    _gather(value, path, found.append)
    return found


def _gather(value: Any, path: str, add: Callable[[str], None]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            below = _below(path, name)
            if isinstance(inner, dict | list):
                _gather(inner, below, add)
            else:
                add(below)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, path, add)
    else:
        add(path)


@lru_cache(maxsize=65_536)
def _below(path: str, name: str) -> str:
    return f"{path}.{name}"


# --- the ledger of the source's elements ------------------------------------------------------------------------------

_PLACES = re.compile(r"\[\d+\]")


def missing_of(entries: Iterable[Entry]) -> Counter[str]:
    """Of the entries of one resource: how often each element, by its path without positions, is residue."""
    found: Counter[str] = Counter()
    for entry in entries:
        if "value" in entry:
            found.update(leaves(entry["value"], _PLACES.sub("", entry["path"])))
    return found


def account_resource(ledger: Ledger, kind: str, missing: Mapping[str, int], times: int = 1) -> None:
    """A resource came in, and was read, or is residue as a whole."""
    ledger.record(kind, "in", times)
    ledger.record(kind, "residue" if missing.get(f"{kind}.resourceType") else "read", times)


def account(
    ledger: Ledger, kind: str, elements: Mapping[str, int], missing: Mapping[str, int], *, skipped: bool
) -> None:
    """Elements of a resource, by path and how often: residue as far as they are missing, else read.

    What is missing of a record that was entered in error is skipped.
    """
    for path, times in elements.items():
        kept = min(times, missing.get(path, 0))
        if kept:
            ledger.count(kind, path, "skipped" if skipped else "residue", kept)
        if times > kept:
            ledger.count(kind, path, "read", times - kept)
