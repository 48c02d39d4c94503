"""Adverse events: the three tables are there, their numbers fit one another, and the threshold is kept.

Sources: 42 CFR 11.48(a)(4) (all-cause mortality, serious events, other events over a threshold of at most 5 percent);
definition of the Adverse Event module; NLM Major Comments on adverse events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.registry.adverse_events import HIGHEST_THRESHOLD, exceeds
from trialbridge.registry.content import at, items, number_of, text
from trialbridge.registry.rules.say import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

MODULE = "adverseEventsModule"
PATH = "resultsSection.adverseEventsModule"
TABLES = (("seriousEvents", "serious"), ("otherEvents", "other"))


def _terms(record: Record, table: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, one in enumerate(items(record.results, f"{MODULE}.{table}")):
        yield f"{PATH}.{table}[{number}]", one


def _threshold(record: Record) -> float | None:
    try:
        return float(text(record.results, MODULE + ".frequencyThreshold"))
    except ValueError:
        return None


def events_say_when_and_how(record: Record) -> Iterator[Finding]:
    """The module has a time frame, a threshold from 0 to 5, and all-cause mortality with those at risk.

    Source: 42 CFR 11.48(a)(4)(i) and (iii).
    """
    if not at(record.results, MODULE):
        return
    if not text(record.results, MODULE + ".timeFrame"):
        yield error("EVENTS-TIME-FRAME", PATH, "The time frame of adverse events is missing.", "give it")
    threshold = _threshold(record)
    if items(record.results, MODULE + ".otherEvents") and (
        threshold is None or not 0 <= threshold <= HIGHEST_THRESHOLD
    ):
        given = text(record.results, MODULE + ".frequencyThreshold")
        message = f"The threshold {given!r} is not from 0 to {HIGHEST_THRESHOLD}."
        yield error("EVENTS-THRESHOLD", PATH + ".frequencyThreshold", message, "give a percentage up to 5")
    for number, group in enumerate(items(record.results, MODULE + ".eventGroups")):
        if group.get("deathsNumAffected") is None and not text(record.results, MODULE + ".allCauseMortalityComment"):
            path = f"{PATH}.eventGroups[{number}]"
            yield warning("EVENTS-MORTALITY", path, "Deaths of any cause are not given.", "give them, 0 included")


def affected_fit_at_risk(record: Record) -> Iterator[Finding]:
    """Nobody is affected who was not at risk, and there are at least as many events as subjects affected.

    Source: NLM Major Comment on inconsistency within the module.
    """
    for number, group in enumerate(items(record.results, MODULE + ".eventGroups")):
        for kind in ("deaths", "serious", "other"):
            affected, at_risk = (number_of(group.get(f"{kind}Num{name}")) for name in ("Affected", "AtRisk"))
            if affected is not None and at_risk is not None and affected > at_risk:
                message = f"{kind}: {affected} affected of {at_risk} at risk."
                yield error("EVENTS-AT-RISK", f"{PATH}.eventGroups[{number}]", message, "correct the numbers")
    for table, _ in TABLES:
        for path, one in _terms(record, table):
            for stats in items(one, "stats"):
                yield from _stats(one, stats, path)


def _stats(term: Mapping[str, Any], stats: Mapping[str, Any], path: str) -> Iterator[Finding]:
    affected, at_risk, events = (number_of(stats.get(name)) for name in ("numAffected", "numAtRisk", "numEvents"))
    name = f"{text(term, 'term')}, {text(stats, 'groupId')}"
    if affected is not None and at_risk is not None and affected > at_risk:
        yield error("EVENTS-AT-RISK", path, f"{name}: {affected} affected of {at_risk} at risk.", "correct the numbers")
    if affected is not None and events is not None and events < affected:
        yield error("EVENTS-COUNT", path, f"{name}: {events} events in {affected} subjects.", "correct the numbers")


def totals_fit_terms(record: Record) -> Iterator[Finding]:
    """Subjects affected in all lie between the most affected by one term and the sum over the terms.

    Source: NLM Major Comment on inconsistency within the module.
    """
    for table, kind in TABLES:
        by_group: dict[str, list[int]] = {}
        for _, one in _terms(record, table):
            for stats in items(one, "stats"):
                by_group.setdefault(text(stats, "groupId"), []).append(number_of(stats.get("numAffected")) or 0)
        for number, group in enumerate(items(record.results, MODULE + ".eventGroups")):
            total = number_of(group.get(f"{kind}NumAffected"))
            terms = by_group.get(text(group, "id"), [])
            if total is not None and not max(terms, default=0) <= total <= sum(terms):
                message = f"{kind}: {total} affected in all; the terms allow {max(terms, default=0)} to {sum(terms)}."
                yield error("EVENTS-TOTAL", f"{PATH}.eventGroups[{number}]", message, "count subjects, not events")


def others_exceed_threshold(record: Record) -> Iterator[Finding]:
    """Each other term exceeds the threshold strictly in at least one group. Source: 42 CFR 11.48(a)(4)(iii)(B)."""
    threshold = _threshold(record)
    if threshold is None:
        return
    for path, one in _terms(record, "otherEvents"):
        shares = [
            (number_of(stats.get("numAffected")), number_of(stats.get("numAtRisk"))) for stats in items(one, "stats")
        ]
        if not any(exceeds(affected or 0, at_risk or 0, threshold) for affected, at_risk in shares):
            message = f"{text(one, 'term')} is over {threshold:g} percent in no group."
            yield warning("EVENTS-THRESHOLD", path, message, "leave it out or lower the threshold")


def terms_are_complete(record: Record) -> Iterator[Finding]:
    """A term stands once in its organ system, with every group, its assessment and its organ system.

    Source: definition of the Adverse Event module.
    """
    groups = {text(one, "id") for one in items(record.results, MODULE + ".eventGroups")}
    for table, _ in TABLES:
        seen: set[tuple[str, str]] = set()
        for path, one in _terms(record, table):
            name, system = text(one, "term"), text(one, "organSystem")
            key = (system.casefold(), name.casefold())
            if key in seen:
                yield error("EVENTS-TWICE", path, f"{name} stands twice in {system}.", "add up the numbers")
            seen.add(key)
            for field in ("term", "organSystem", "assessmentType"):
                if not text(one, field):
                    yield error("EVENTS-TERM", path, f"{name or 'A term'} has no {field}.", "give it")
            given = {text(stats, "groupId") for stats in items(one, "stats")}
            for group in sorted(groups - given):
                yield error("EVENTS-TERM", path, f"{name} has no number for {group}.", "give it, 0 included")
            for group in sorted(given - groups):
                yield error("GROUP-UNKNOWN", path, f"There is no group {group!r}.", "list it among the groups")


def serious_are_apart(record: Record) -> Iterator[Finding]:
    """Serious events are reported, or nought stands for them, where other events are.

    Source: NLM Major Comment that serious events are not reported apart from others.
    """
    if not items(record.results, MODULE + ".otherEvents"):
        return
    for number, group in enumerate(items(record.results, MODULE + ".eventGroups")):
        if number_of(group.get("seriousNumAtRisk")) is None:
            message = f"{text(group, 'title')}: nothing is said of serious events."
            yield error(
                "EVENTS-SERIOUS", f"{PATH}.eventGroups[{number}]", message, "give affected and at risk, 0 included"
            )
