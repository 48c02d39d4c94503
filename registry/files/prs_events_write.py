"""Adverse events of a results section as PRS results XML (`reportedEvents`).

Source: RRSUploadSchema 2017.04.18. Vocabulary and assessment stand at every term, so the table has no defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.registry.content import items, text, whole
from trialbridge.registry.files import rrs
from trialbridge.registry.files.prs_parts import group_ids, group_of, some, spelled
from trialbridge.registry.files.xmltree import add

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

    from trialbridge.registry.files.xmllines import Findings

EVENT_GROUP = (
    ("numDeaths", "deathsNumAffected"),
    ("numSubjectsFrequentEvents", "otherNumAffected"),
    ("numSubjectsSeriousEvents", "seriousNumAffected"),
    ("partAtRiskAllCauseMort", "deathsNumAtRisk"),
    ("partAtRiskFrequentEvents", "otherNumAtRisk"),
    ("partAtRiskSeriousEvents", "seriousNumAtRisk"),
)
EVENT_STATS = (("numEvents", "numEvents"), ("numSubjectsAffected", "numAffected"), ("numSubjects", "numAtRisk"))


def write(module: Mapping[str, Any], result: etree._Element, findings: Findings) -> None:
    """Add `reportedEvents` to the result."""
    ids = group_ids(rrs.EVENTS, items(module, "eventGroups"))
    element = add(result, "reportedEvents")
    some(element, "allCauseMortComment", text(module, "allCauseMortalityComment"))
    some(element, "frequencyReportingThreshold", text(module, "frequencyThreshold"))
    frequent = add(element, "frequentAdverseEvents")
    for one in items(module, "otherEvents"):
        _event(one, add(frequent, "frequentEvent"), ids, findings)
    groups = add(element, "interventionGroups")
    for one in items(module, "eventGroups"):
        _event_group(one, add(groups, "interventionGroup", id=ids[text(one, "id")]))
    some(element, "notes", text(module, "description"))
    serious = add(element, "seriousAdverseEvents")
    for one in items(module, "seriousEvents"):
        _event(one, add(serious, "seriousEvent"), ids, findings)
    some(element, "timeFrame", text(module, "timeFrame"))


def _event_group(group: Mapping[str, Any], element: etree._Element) -> None:
    some(element, "description", text(group, "description"))
    _numbers(group, element, EVENT_GROUP)
    some(element, "title", text(group, "title"))


def _numbers(of: Mapping[str, Any], element: etree._Element, names: Sequence[tuple[str, str]]) -> None:
    for tag, name in names:
        number = whole(of, name)
        if number is not None:
            add(element, tag, str(number))


def _event(event: Mapping[str, Any], element: etree._Element, ids: Mapping[str, str], findings: Findings) -> None:
    stats = add(element, "adverseEventStats")
    for one in items(event, "stats"):
        counted = add(stats, "eventStats")
        add(counted, "reportingGroupId", group_of(ids, one))
        _numbers(one, counted, EVENT_STATS)
    path = "resultsSection.adverseEventsModule.assessmentType"
    some(element, "assessmentType", spelled("EventAssessment", text(event, "assessmentType"), path, findings))
    some(element, "notes", text(event, "notes"))
    some(element, "organSystemName", text(event, "organSystem"))
    some(element, "sourceVocabulary", text(event, "sourceVocabulary"))
    some(element, "term", text(event, "term"))
