"""Participant flow adds up: started, completed, not completed, reasons.

Sources: definition of the Participant Flow module (a period's STARTED is its COMPLETED plus its NOT COMPLETED, whose
reasons add up to it); NLM Major Comment that information within the module is inconsistent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.registry.content import items, number_of, text
from trialbridge.registry.flow import COMPLETED, NOT_COMPLETED, STARTED
from trialbridge.registry.rules.say import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

MODULE = "participantFlowModule"
PATH = "resultsSection.participantFlowModule"


def _counts(of: Mapping[str, Any], path: str) -> dict[str, int]:
    """The number of subjects of each group."""
    found = ((text(one, "groupId"), number_of(one.get("numSubjects"))) for one in items(of, path))
    return {group: number for group, number in found if number is not None}


def _milestones(period: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {text(one, "type"): _counts(one, "achievements") for one in items(period, "milestones")}


def _periods(record: Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, one in enumerate(items(record.results, MODULE + ".periods")):
        yield f"{PATH}.periods[{number}]", one


def periods_have_their_milestones(record: Record) -> Iterator[Finding]:
    """Each period says for every group how many started and completed. Source: definition of Milestone."""
    groups = {text(one, "id") for one in items(record.results, MODULE + ".groups")}
    for path, period in _periods(record):
        milestones = _milestones(period)
        for name in (STARTED, COMPLETED):
            lacking = sorted(groups - milestones.get(name, {}).keys())
            if lacking:
                message = f"{name} is not given for {', '.join(lacking)}."
                yield error("FLOW-MILESTONE", path, message, "give a number for every group")


def flow_adds_up(record: Record) -> Iterator[Finding]:
    """In each period and group STARTED is COMPLETED plus NOT COMPLETED. Source: definition of Milestone."""
    for path, period in _periods(record):
        milestones = _milestones(period)
        for group, started in milestones.get(STARTED, {}).items():
            completed = milestones.get(COMPLETED, {}).get(group)
            left = milestones.get(NOT_COMPLETED, {}).get(group)
            if completed is not None and completed > started:
                message = f"{group}: {completed} completed of {started} who started."
                yield error("FLOW-SUM", path, message, "correct the numbers")
            elif completed is not None and left is not None and completed + left != started:
                message = f"{group}: {completed} completed and {left} did not, but {started} started."
                yield error("FLOW-SUM", path, message, "correct the numbers")


def reasons_add_up(record: Record) -> Iterator[Finding]:
    """The reasons for not completing add up to those who did not, where any are given. Source: Reason Not Completed."""
    for path, period in _periods(record):
        milestones = _milestones(period)
        reasons = [_counts(one, "reasons") for one in items(period, "dropWithdraws")]
        for group, started in milestones.get(STARTED, {}).items():
            completed = milestones.get(COMPLETED, {}).get(group)
            if not reasons or completed is None:
                continue
            given = sum(one.get(group, 0) for one in reasons)
            if given != started - completed:
                message = f"{group}: reasons are given for {given}, but {started - completed} did not complete."
                yield error("FLOW-REASONS", path, message, "give a reason for each, Other included")


def groups_are_listed(record: Record) -> Iterator[Finding]:
    """A number belongs to a group of the module, and groups have different titles. Source: structure of the API."""
    groups = items(record.results, MODULE + ".groups")
    ids = {text(one, "id") for one in groups}
    titles = [text(one, "title").casefold() for one in groups]
    for title in sorted({one for one in titles if titles.count(one) > 1}):
        yield error("GROUP-TWICE", PATH + ".groups", f"Two groups are called {title!r}.", "rename one")
    for path, period in _periods(record):
        named = {group for counts in _milestones(period).values() for group in counts}
        named |= {group for one in items(period, "dropWithdraws") for group in _counts(one, "reasons")}
        for group in sorted(named - ids):
            yield error("GROUP-UNKNOWN", path, f"There is no group {group!r}.", "list it among the groups")


def started_fits_enrolment(record: Record) -> Iterator[Finding]:
    """Those who started the first period are those enrolled, or the details say why not.

    Source: definitions of Enrollment (actual) and of Pre-assignment Details.
    """
    first = next(_periods(record), None)
    if first is None or record.enrollment.type != "ACTUAL" or record.enrollment.count is None:
        return
    started = sum(_milestones(first[1]).get(STARTED, {}).values())
    if started > record.enrollment.count:
        message = f"{started} started, but only {record.enrollment.count} were enrolled."
        yield error("FLOW-ENROLMENT", first[0], message, "correct enrolment or flow")
    elif started != record.enrollment.count and not text(record.results, MODULE + ".preAssignmentDetails"):
        message = f"{started} started of {record.enrollment.count} enrolled, and nothing says why."
        yield warning("FLOW-ENROLMENT", first[0], message, "explain it in the pre-assignment details")
