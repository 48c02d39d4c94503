"""What is gone from a server since the last pull: counted first, listed only where a count does not fit.

A history would tell too, but of other patients as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.exchange.kinds import patients
from trialbridge.exchange.pull_parts import by_kind, tasks
from trialbridge.exchange.pull_wanted import Pulled
from trialbridge.fhir.located import name_of
from trialbridge.fhir.server.client import RefusedError
from trialbridge.fhir.server.search import IDS, search

if TYPE_CHECKING:
    from trialbridge.exchange.pull_parts import Parts
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.server.client import Parameters


def gone_from(parts: Parts) -> dict[str, str]:
    """What is held and the server has no more, with the reason."""
    subjects = set(parts.found.patients)
    now = dict(parts.base)
    for name in parts.work.parts():
        now.update((name_of(one), one) for one in parts.work.read(name))
    gone = {
        name: "its subject is not among those asked for any more"
        for name, one in now.items()
        if patients(one) and not patients(one) & subjects
    }
    for task in tasks(parts, Pulled()):  # what the tasks lack was said when they were run
        if task.kind:
            some = set(task.parameters[0][1].split(","))
            mine = {n for n, one in now.items() if one["resourceType"] == task.kind and _owned(one, some)}
            gone |= dict.fromkeys(_lost(parts, task.kind, task.parameters, mine - set(gone)), "deleted on the server")
    studies = {name for name in parts.base if name.startswith(("ResearchStudy/", "ResearchSubject/"))}
    gone |= dict.fromkeys(studies - set(parts.found.resources) - set(gone), "no more of the study on the server")
    loose = {n for n, one in parts.base.items() if not patients(one) and n not in parts.found.resources} - studies
    for kind, its in by_kind(loose):
        for at in range(0, len(its), IDS):
            some_ids = its[at : at + IDS]
            asked = (("_id", ",".join(some_ids)),)
            if parts.server.capabilities().of_type(kind).searchable:
                lost = _lost(parts, kind, asked, {f"{kind}/{own}" for own in some_ids})
                gone |= dict.fromkeys(lost, "deleted on the server")
    return gone


def _owned(one: Resource, some: set[str]) -> bool:
    return any(name in some or name.partition("/")[2] in some for name in patients(one))


def _lost(parts: Parts, kind: str, asked: Parameters, mine: set[str]) -> set[str]:
    """Those of `mine` that the server does not list among the matches."""
    if not mine:
        return set()
    if _count(parts, kind, asked) == len(mine):
        return set()
    listed = {
        name_of(one)
        for page in search(parts.server, kind, (*asked, ("_elements", "id")), page=parts.wanted.page)
        for one in page.matches
    }
    return mine - listed


def _count(parts: Parts, kind: str, asked: Parameters) -> int | None:
    """How many match, as the server counts; None where it does not."""
    try:
        page: Any = next(search(parts.server, kind, (*asked, ("_summary", "count"))))
    except RefusedError:
        return None
    return page.total if isinstance(page.total, int) else None
