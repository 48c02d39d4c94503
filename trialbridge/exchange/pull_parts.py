"""The parts of a pull: by search or by `$export`, and what they point at.

A server may ignore a parameter it does not know and give everybody's data: what does not belong to the subjects asked
for is left out again, and said (TB-PULL-FOREIGN). What the server cannot give is said too (TB-PULL-TYPE).
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.base.errors import ServerError, UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.http import shown
from trialbridge.exchange.kinds import of_subject, patients, references
from trialbridge.exchange.pull_state import lines
from trialbridge.fhir.located import is_resource, name_of
from trialbridge.fhir.server import bulk
from trialbridge.fhir.server.client import RefusedError
from trialbridge.fhir.server.search import IDS, everything, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.exchange.pull_state import Work
    from trialbridge.exchange.pull_wanted import Pulled, Wanted
    from trialbridge.exchange.subjects import Found
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.server.capability import Capabilities
    from trialbridge.fhir.server.client import Parameters, Server

_SUBJECTS = 20  # subjects a search asks for at once
_DEPTH = 4


@dataclass(slots=True)
class Parts:
    """A pull at work. `base` is what is held from before (incremental pulls), `known` the subjects of before."""

    server: Server
    wanted: Wanted
    work: Work
    found: Found
    types: tuple[str, ...]
    base: dict[str, Resource]
    known: set[str]
    since: str | None
    received: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Task:
    """One search: its part's name, type, parameters, and whether only what changed is wanted."""

    name: str
    kind: str
    parameters: Parameters
    fresh: bool


def way(wanted: Wanted, capabilities: Capabilities) -> str:
    """`search` or `export`. Raises UnknownNameError where an export is wanted that the server does not offer."""
    level = "group" if wanted.scope.group else "patient"
    offered = capabilities.exports(level) or (level == "patient" and capabilities.exports("system"))
    if wanted.way == "export" and not offered:
        message = f"The server offers no $export of {'a group' if level == 'group' else 'patients'}."
        raise UnknownNameError(message, fix="leave --export out: the resources are then searched")
    if wanted.way == "export" or (wanted.way == "auto" and wanted.scope.group and offered):
        return "export"
    return "search"


# --- by search --------------------------------------------------------------------------------------------------------


def by_search(parts: Parts, outcome: Pulled, told: Callable[[str], None]) -> None:
    """Bring the parts by searches, several at a time."""
    left = [one for one in tasks(parts, outcome) if not parts.work.has(one.name)]
    done = 0

    def run(task: Task) -> None:
        nonlocal done
        parts.work.keep(task.name, list(_given(parts, task)))
        with parts.lock:
            done += 1
            told(f"pulling: {done} of {len(left)} searches")

    pool = ThreadPoolExecutor(max_workers=parts.wanted.workers)
    try:
        for _ in pool.map(run, left):
            pass
    finally:  # after a failure the rest is not even begun
        pool.shutdown(cancel_futures=True)


def tasks(parts: Parts, outcome: Pulled) -> Iterator[Task]:
    """The searches to make: for each type by subjects, some at a time."""
    capabilities = parts.server.capabilities()
    unable: list[str] = []
    for kind in parts.types:
        if kind == "Patient" or (of_subject(kind, capabilities.release) and kind != "ResearchSubject"):
            can = capabilities.of_type(kind)
            parameter = "_id" if kind == "Patient" else can.first("patient", "subject")
            if not can.searchable or parameter is None:
                unable.append(kind)
                continue
            for name, some, fresh in _chunks(parts):
                yield Task(f"{kind}-{name}", kind, ((parameter, _values(some, parameter)),), fresh)
    if unable and "everything" in capabilities.of_type("Patient").operations:
        parts.work.note(everything=unable)
        for number, patient in enumerate(parts.found.patients):
            yield Task(f"everything-{number:05}", "", (("patient", patient),), fresh=False)
    else:
        outcome.findings.extend(_unable(parts, kind) for kind in unable if kind in capabilities.types)
        absent = [kind for kind in unable if kind not in capabilities.types]
        if absent:
            outcome.findings.append(_absent(parts, absent))


def _chunks(parts: Parts) -> Iterator[tuple[str, list[str], bool]]:
    """Subjects some at a time: those known from before, of whom only news are wanted, apart from new ones."""
    for fresh in (False, True):
        its = [one for one in parts.found.patients if (one in parts.known) is fresh]
        for at in range(0, len(its), _SUBJECTS):
            yield f"{'news' if fresh else 'all'}-{at // _SUBJECTS:04}", its[at : at + _SUBJECTS], fresh


def _values(some: Iterable[str], parameter: str) -> str:
    return ",".join(one.partition("/")[2] if parameter == "_id" else one for one in some)


def _given(parts: Parts, task: Task) -> Iterator[Resource]:
    """What one search gives, without what was not asked for."""
    if task.name.startswith("everything-"):
        wanted = set(parts.work.plan["everything"])
        pages = everything(parts.server, task.parameters[0][1], (("_type", ",".join(sorted(wanted))),))
        yield from _ours(parts, (one for page in pages for one in page.matches if one["resourceType"] in wanted), {})
        return
    kept: dict[str, Resource] = {}
    for resource in _since(parts, task):
        kept[name_of(resource)] = resource
    yield from _ours(parts, kept.values(), {"kind": task.kind})


def _since(parts: Parts, task: Task) -> Iterator[Resource]:
    """The matches, only those changed since where that is wanted; all where the server refuses to tell."""
    page = parts.wanted.page
    if task.fresh and parts.since:
        try:
            asked = (*task.parameters, ("_lastUpdated", f"ge{parts.since}"))
            yield from list(matches(parts.server, task.kind, asked, page=page))
        except RefusedError as error:
            if error.status not in (400, 422, 501):
                raise
        else:
            return
    yield from matches(parts.server, task.kind, task.parameters, page=page)


def _ours(parts: Parts, resources: Iterable[Resource], asked: dict[str, str]) -> Iterator[Resource]:
    """The resources of the subjects asked for; the others counted."""
    subjects = set(parts.found.patients)
    for one in resources:
        kind = one["resourceType"]
        with parts.lock:
            parts.received[kind] += 1
        if patients(one) & subjects and asked.get("kind", kind) == kind:
            yield one
        else:
            with parts.lock:
                parts.foreign[kind] += 1


# --- by $export -------------------------------------------------------------------------------------------------------


def by_export(parts: Parts, outcome: Pulled, told: Callable[[str], None]) -> dict[str, str]:
    """The parts of an export; what it says was deleted."""
    server, work = parts.server, parts.work
    told("waiting for the export")
    manifest = None
    if "export" in work.plan:
        manifest = bulk.wait(server, work.plan["export"], seconds=parts.wanted.patience, told=told)
    if manifest is None:
        for old in (work.folder / "export").glob("*") if (work.folder / "export").is_dir() else ():
            old.unlink()
        address = bulk.begin(server, _wanted_export(parts))
        work.note(export=address)
        manifest = bulk.wait(server, address, seconds=parts.wanted.patience, told=told)
    if manifest is None:
        message = "The server has forgotten the export it had begun."
        raise ServerError(message, Where(file=shown(server.url)), "run the same command again")
    (work.folder / "export").mkdir(exist_ok=True)
    gone: dict[str, str] = {}
    files = []
    for file, path in bulk.fetch(server, manifest, work.folder / "export"):
        told(f"brought {path.name}")
        files.append((file, path))
    if parts.wanted.scope.group and not parts.found.patients:  # a group that does not name its members
        given = (name_of(one) for file, path in files if file.type == "Patient" for one in lines(path))
        parts.found.patients = list(dict.fromkeys(given))
        work.note(patients=parts.found.patients)
    for file, path in files:
        if file.role == "output":
            if not work.has(path.stem):
                work.keep(path.stem, _exported(parts, lines(path)))
        elif file.role == "deleted":
            gone |= dict.fromkeys(_deleted(lines(path)), "deleted on the server")
        else:
            outcome.findings.extend(_export_errors(lines(path)))
    bulk.cancel(server, work.plan["export"])  # the server may free its files
    return gone


def _wanted_export(parts: Parts) -> bulk.Wanted:
    capabilities = parts.server.capabilities()
    types = tuple(one for one in parts.types if one in capabilities.types)
    since = parts.since if set(parts.found.patients) <= parts.known else None  # new subjects are wanted whole
    if parts.wanted.scope.group:
        return bulk.Wanted("group", parts.wanted.scope.group.removeprefix("Group/"), types, since)
    return bulk.Wanted("patient" if capabilities.exports("patient") else "system", None, types, since)


def _exported(parts: Parts, given: Iterable[Resource]) -> Iterator[Resource]:
    """The resources of our types and subjects; those of nobody (a Location) only if something points at them, later."""
    release = parts.server.capabilities().release
    for one in given:
        if not is_resource(one) or one["resourceType"] not in parts.types:
            continue
        parts.received[one["resourceType"]] += 1
        mine = one["resourceType"] == "Patient" or of_subject(one["resourceType"], release)
        if mine and patients(one) & set(parts.found.patients):
            yield one


def _deleted(given: Iterable[Resource]) -> Iterator[str]:
    """The names in Bundles of DELETE requests."""
    for bundle in given:
        for entry in bundle.get("entry") or ():
            request = entry.get("request") or {}
            if request.get("method") == "DELETE":
                yield str(request.get("url"))


def _export_errors(given: Iterable[Resource]) -> Iterator[Finding]:
    """The export's own remarks, by their codes: their text may quote patients."""
    severities = {"fatal": Severity.ERROR, "error": Severity.ERROR, "warning": Severity.WARNING}
    for outcome in given:
        for issue in outcome.get("issue") or ():
            severity = severities.get(str(issue.get("severity")), Severity.NOTE)
            message = f"The export reported {issue.get('severity')}: {issue.get('code')}."
            yield Finding(
                "TB-FHIR-OUTCOME", severity, Where(resource="OperationOutcome"), message, "ask the server's owner"
            )


# --- what the parts point at ------------------------------------------------------------------------------------------


def follow(parts: Parts, told: Callable[[str], None]) -> None:
    """Bring what resources at hand point at, of our types and of no other patient, until nothing is missing."""
    asked: set[str] = set()
    for depth in range(_DEPTH):
        name = f"follow-{depth}"
        if not parts.work.has(name):
            told("following references")
            wanted = _missing(parts, asked)
            if depth == 0 and parts.since:
                parts.work.keep("follow-news", _news(parts))
            if not wanted:
                return
            parts.work.keep(name, _fetched(parts, wanted))
            asked |= wanted
        else:
            asked |= _missing(parts, asked)


def _missing(parts: Parts, asked: set[str]) -> set[str]:
    """The names that something at hand points at and that are not at hand."""
    here = set(parts.base)
    pointed: set[str] = set()
    for name in parts.work.parts():
        for resource in parts.work.read(name):
            here.add(name_of(resource))
            pointed.update(references(resource))
    return {one for one in pointed - here - asked if one.partition("/")[0] in parts.types and one[:8] != "Patient/"}


def _fetched(parts: Parts, wanted: set[str]) -> Iterator[Resource]:
    """These resources, those the server has, searched by id, some at a time; or read where it has no such search."""
    subjects = set(parts.found.patients)
    for kind, its in by_kind(wanted):
        can = parts.server.capabilities().of_type(kind)
        if can.searchable:
            given: Iterable[Resource] = _with_ids(parts, kind, its, ())
        elif "read" in can.interactions:
            given = (one for own in its if (one := parts.server.read(f"{kind}/{own}")) is not None)
        else:
            given = ()
        for one in given:
            parts.received[kind] += 1
            if not patients(one) or patients(one) & subjects:
                yield one


def _news(parts: Parts) -> Iterator[Resource]:
    """What changed of the things held that belong to no subject (sites, practitioners, medications)."""
    asked = (("_lastUpdated", f"ge{parts.since}"),)
    loose = {name for name, one in parts.base.items() if not patients(one) and name not in parts.found.resources}
    for kind, its in by_kind(loose):
        if parts.server.capabilities().of_type(kind).searchable:
            for one in _with_ids(parts, kind, its, asked):
                parts.received[kind] += 1
                yield one


def _with_ids(parts: Parts, kind: str, ids: list[str], more: Parameters) -> Iterator[Resource]:
    for at in range(0, len(ids), IDS):
        asked = (("_id", ",".join(ids[at : at + IDS])), *more)
        yield from _since(parts, Task("", kind, asked, fresh=False))


def by_kind(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The ids of names (`Type/id`), by type."""
    sorted_out: dict[str, list[str]] = {}
    for one in sorted(names):
        kind, _, own = one.partition("/")
        sorted_out.setdefault(kind, []).append(own)
    return list(sorted_out.items())


# --- findings ---------------------------------------------------------------------------------------------------------


def _unable(parts: Parts, kind: str) -> Finding:
    where = Where(file=shown(parts.server.url), resource=kind)
    message = f"The server cannot search {kind} by patient or subject: none was pulled."
    return Finding("TB-PULL-TYPE", Severity.WARNING, where, message, "pull with --export if the server offers it")


def _absent(parts: Parts, kinds: list[str]) -> Finding:
    where = Where(file=shown(parts.server.url))
    message = f"The server has no {', '.join(kinds)}."
    return Finding("TB-PULL-TYPE", Severity.NOTE, where, message, "")


def foreign(parts: Parts) -> Iterator[Finding]:
    """TB-PULL-FOREIGN for each type of which others' resources were given."""
    for kind, times in sorted(parts.foreign.items()):
        where = Where(file=shown(parts.server.url), resource=kind)
        message = f"The server gave {times} {kind} of others than the subjects asked for; they were left out."
        fix = "tell the server's owner: it ignores a search parameter it says it knows"
        yield Finding("TB-PULL-FOREIGN", Severity.WARNING, where, message, fix)
