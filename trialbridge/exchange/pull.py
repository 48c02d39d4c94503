"""Pull: a study's resources from a server into a folder that `convert` takes as it is; again, only what is new.

The order: who is in it (`exchange.subjects`), what the server can give of each type, the parts one by one
(`exchange.pull_parts`), what they point at, what is gone, and last the folder itself. Each part is kept whole as soon as
it is there, and everything is put together from the parts: a pull killed anywhere goes on, and gives the same.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.order import TYPES
from trialbridge.exchange import pull_parts
from trialbridge.exchange.kinds import kinds
from trialbridge.exchange.pull_gone import gone_from
from trialbridge.exchange.pull_state import STATE, WORK, Asked, Work, alone, lines, state_of, write_state
from trialbridge.exchange.pull_wanted import Pulled, Wanted
from trialbridge.exchange.subjects import Found, find
from trialbridge.fhir.bundle import instant
from trialbridge.fhir.elements import resource_types
from trialbridge.fhir.files import ndjson
from trialbridge.fhir.located import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release
    from trialbridge.fhir.server.client import Server

FOUND = "found"
"""The part that says who is in it."""


def pull(server: Server, wanted: Wanted, told: Callable[[str], None] = lambda _: None) -> Pulled:
    """Bring the study into the folder. Raises ServerError, UnreadableInputError, UnknownNameError.

    `told` hears what is being done.
    """
    with alone(wanted.folder, "pull"):
        return _pull(server, wanted, told)


def _pull(server: Server, wanted: Wanted, told: Callable[[str], None]) -> Pulled:
    capabilities = server.capabilities()
    begun = _time(server)
    before = state_of(wanted.folder)
    _own_folder(wanted.folder, before)
    types = _types(wanted, capabilities.release)
    way = pull_parts.way(wanted, capabilities)
    asked = Asked(server.url, wanted.scope.as_dict(), types, way, wanted.since)
    since = _since(wanted, asked, before)
    work = Work(wanted.folder, Asked(server.url, asked.scope, types, way, since))
    earlier_parts = [one for one in work.parts() if one != FOUND]
    outcome = Pulled(capabilities.release, since, way, resumed=work.resumed)
    if "begun" not in work.plan:
        work.note(begun=begun)
    told("finding the subjects")
    found = _found(server, wanted, work)
    outcome.findings += found.findings
    outcome.subjects = found.patients
    earlier = {name_of(one): one for one in held(wanted.folder)} if before else {}
    base = earlier if since else {}
    known = set(before.get("subjects", ())) if since else set()
    parts = pull_parts.Parts(server, wanted, work, found, types, base, known, since)
    gone = _brought(parts, outcome, told)
    outcome.received.update(one["resourceType"] for one in found.resources.values())
    outcome.received.update(one["resourceType"] for name in earlier_parts for one in work.read(name))
    told("writing")
    now = _together(parts, gone)
    _compare(earlier, now, gone, outcome, work)
    _write(wanted.folder, now.values(), outcome)
    write_state(
        wanted.folder, {**_state(asked, work.plan["begun"], wanted, outcome), "gone": _gone(before, now, outcome)}
    )
    work.remove()
    return outcome


def _brought(parts: pull_parts.Parts, outcome: Pulled, told: Callable[[str], None]) -> dict[str, str]:
    """Bring all parts; the names of what is gone, with the reason."""
    gone: dict[str, str] = {}
    if outcome.way == "export":
        gone |= pull_parts.by_export(parts, outcome, told)
    else:
        pull_parts.by_search(parts, outcome, told)
    pull_parts.follow(parts, told)
    if parts.since:
        told("looking for what is gone")
        gone |= gone_from(parts)
    outcome.received = parts.received
    outcome.findings.extend(pull_parts.foreign(parts))
    return gone


def held(folder: Path) -> Iterator[Resource]:
    """The resources an earlier pull left in a folder, file by file."""
    for path in sorted(folder.glob("[A-Z]*.ndjson")):
        yield from lines(path)


def _own_folder(folder: Path, before: dict[str, Any]) -> None:
    """Refuse to mix with other people's data. Raises UnreadableInputError."""
    if not folder.is_dir() or before or (folder / WORK / "plan.json").exists():
        return
    others = [one.name for one in folder.iterdir() if not one.name.startswith(".")]
    if others:
        message = f"The folder holds what no pull has written ({', '.join(sorted(others)[:3])})."
        raise UnreadableInputError(message, Where(file=str(folder)), "give an empty folder with -o")


def _types(wanted: Wanted, release: Release) -> tuple[str, ...]:
    if wanted.types is None:
        return kinds(release)
    for one in wanted.types:
        if one not in resource_types(release):
            raise UnknownNameError(f"FHIR {release} has no resource type {one}.", fix="check --type")
    return tuple(sorted({*wanted.types, "ResearchStudy", "ResearchSubject", "Patient"}))


def _since(wanted: Wanted, asked: Asked, before: dict[str, Any]) -> str | None:
    """From when on to ask. Raises UnreadableInputError where `auto` has nothing to go by."""
    if wanted.since is None:
        return None
    if wanted.since != "auto":
        try:
            moment = datetime.fromisoformat(wanted.since)
        except ValueError:
            raise UnknownNameError(
                f"{wanted.since} is no instant.", fix="give --since auto, or 2026-01-31T00:00:00Z"
            ) from None
        if not asked.goes_on(before):
            raise _nothing_before(wanted.folder)
        return _instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if not before:
        return None  # the first pull
    if not asked.goes_on(before):
        raise _nothing_before(wanted.folder)
    moment = datetime.fromisoformat(before["begun"]) - timedelta(seconds=wanted.overlap)
    return _instant(moment)


def _nothing_before(folder: Path) -> UnreadableInputError:
    message = "The folder holds no earlier pull of the same subjects and types from the same server."
    return UnreadableInputError(
        message, Where(file=str(folder / STATE)), "pull without --since, or give another folder"
    )


def _time(server: Server) -> str:
    """The server's clock, to the second; ours where it does not tell."""
    try:
        return _instant(parsedate_to_datetime(server.clock or ""))
    except ValueError:
        return _instant(datetime.now(UTC))


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _found(server: Server, wanted: Wanted, work: Work) -> Found:
    """Who is in it: asked of the server, or as an earlier run found it."""
    if "patients" in work.plan and work.has(FOUND):
        return Found({name_of(one): one for one in work.read(FOUND)}, list(work.plan["patients"]))
    found = find(server, wanted.scope, wanted.base_url)
    work.keep(FOUND, found.resources.values())
    work.note(patients=found.patients)
    return found


def _together(parts: pull_parts.Parts, gone: dict[str, str]) -> dict[str, Resource]:
    """What is held now: what was held, what was brought (of two versions the later), without what is gone."""
    now = dict(parts.base)
    for name in parts.work.parts():
        for resource in parts.work.read(name):
            key = name_of(resource)
            if resource["resourceType"] in parts.types and not _older(resource, now.get(key)):
                now[key] = resource
    return {key: one for key, one in now.items() if key not in gone}


def _older(one: Resource, other: Resource | None) -> bool:
    """Whether a resource is an earlier version than another, by meta.lastUpdated; one without it is."""
    if other is None:
        return False
    mine, theirs = (instant((each.get("meta") or {}).get("lastUpdated")) for each in (one, other))
    return theirs is not None and (mine is None or mine < theirs)


def _compare(
    before: dict[str, Resource], now: dict[str, Resource], gone: dict[str, str], outcome: Pulled, work: Work
) -> None:
    """What this pull changes in the folder; a run that was killed while writing has said it already."""
    outcome.held = Counter(one["resourceType"] for one in now.values())
    if "added" not in work.plan:
        work.note(
            added=[key for key in now if key not in before],
            changed=[key for key, one in now.items() if key in before and before[key] != one],
            removed={key: gone.get(key, "the server gives it no more") for key in before if key not in now},
        )
    outcome.added, outcome.changed = list(work.plan["added"]), list(work.plan["changed"])
    outcome.removed = dict(work.plan["removed"])


def _write(folder: Path, resources: Iterable[Resource], outcome: Pulled) -> None:
    """The folder: a file a type and the manifest; files of types that have nothing any more go."""
    ranks = {name: rank for rank, name in enumerate(TYPES)}
    ordered = sorted(resources, key=lambda one: ranks.get(one["resourceType"], len(ranks)))
    made = {path.name for path in ndjson.write(ordered, folder, outcome.release)}
    for path in folder.glob("[A-Z]*.ndjson"):
        if path.name not in made:
            path.unlink()


def _state(asked: Asked, begun: str, wanted: Wanted, outcome: Pulled) -> dict[str, Any]:
    return {
        "software": f"trialbridge {version('trialbridge')}",
        "server": asked.server,
        "release": outcome.release,
        "scope": asked.scope,
        "types": list(asked.types),
        "way": outcome.way,
        "baseUrl": wanted.base_url,
        "begun": begun,
        "ended": _instant(datetime.fromtimestamp(time.time(), UTC)),
        "since": outcome.since,
        "subjects": outcome.subjects,
        "held": dict(sorted(outcome.held.items())),
        "added": outcome.added,
        "changed": outcome.changed,
        "removed": outcome.removed,
        "findings": [one.as_dict() for one in outcome.findings],
    }


def _gone(before: dict[str, Any], now: dict[str, Resource], outcome: Pulled) -> dict[str, str]:
    """All that any pull into this folder found gone, with the reason; what came back apart."""
    gone: dict[str, str] = {**before.get("gone", {}), **outcome.removed}
    return {name: why for name, why in gone.items() if name not in now}


def nothing_found(outcome: Pulled) -> Iterator[Finding]:
    """TB-PULL-EMPTY where there is no subject."""
    if not outcome.subjects:
        message = "No subject was found: the folder holds the study alone."
        yield Finding(
            "TB-PULL-EMPTY", Severity.WARNING, Where(resource="Patient"), message, "check --study and your rights"
        )
