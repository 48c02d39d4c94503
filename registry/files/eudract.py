"""EudraCT adverse event XML: the adverse events of a trial as EMA's results upload takes them.

From the same data as ClinicalTrials.gov's adverse events, and what EudraCT asks beyond them: how many serious events
were related to treatment, how many were fatal, how many deaths resulted from adverse events. What is not given is left
out or marked nil, with a finding; never set to nought.

Source: adverseEvents.xsd 1.1 (European Medicines Agency); ids of organ classes: data/eudract-soc.tsv.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_file
from trialbridge.registry.adverse_events import SYSTEMATIC
from trialbridge.registry.files.xmltree import add
from trialbridge.registry.files.xmltree import serialize as xml_bytes
from trialbridge.registry.markup import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lxml import etree

    from trialbridge.registry.adverse_events import AdverseEvent, AdverseEvents, EventGroup, EventStats

NAMESPACE = "http://eudract.ema.europa.eu/schema/clinical_trial_result/adverse_events"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ASSESSED = {True: "ADV_EVT_ASSESS_TYPE.systematic", False: "ADV_EVT_ASSESS_TYPE.non_systematic"}
MEDDRA = "ADV_EVT_DICTIONARY_NAME.meddra"
ORGAN_SYSTEM_VERSION = 22
"""The version of EMA's list of organ classes that public examples give; the list itself is not versioned by MedDRA."""
_MEDDRA = re.compile(r"MedDRA\s*\(?\s*(?:v(?:ersion|\.)?\s*)?([\d.]*)\)?", re.IGNORECASE)
LENGTHS = {"description": (0, 350), "timeFrame": (1, 255), "title": (2, 62), "group description": (0, 999)}
TERM, NOTES, OTHER_NAME, VERSION = (2, 100), (0, 250), (0, 20), (0, 10)


@dataclass(frozen=True, slots=True)
class Serious:
    """What EudraCT asks of a serious term in a group: related events, deaths, and deaths related to treatment."""

    occurrences_related: int | None = None
    deaths: int | None = None
    deaths_related: int | None = None


@dataclass(frozen=True, slots=True)
class Causality:
    """The numbers ClinicalTrials.gov does not have.

    `serious` goes from (organ system, term, group id) to `Serious`; `deaths_from_events` from group id to deaths.
    """

    serious: Mapping[tuple[str, str, str], Serious] = field(default_factory=dict)
    deaths_from_events: Mapping[str, int] = field(default_factory=dict)


NO_CAUSALITY = Causality()


def serialize(
    events: AdverseEvents, causality: Causality = NO_CAUSALITY, *, organ_system_version: int = ORGAN_SYSTEM_VERSION
) -> tuple[bytes, list[Finding]]:
    """Adverse events as one XML document, valid under adverseEvents.xsd, and what it lacks.

    Raises DoesNotFitError for texts longer than the schema takes, a threshold over 5 and a group without subjects.
    """
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    findings: list[Finding] = []
    root = etree.Element(f"{{{NAMESPACE}}}adverseEvents", nsmap={"aev": NAMESPACE, "xsi": XSI})
    every = (*events.serious_events, *events.other_events)
    common = every[0].source_vocabulary if every else ""
    if events.description:
        add(root, "description", _fitting(events.description, "description", LENGTHS["description"]))
    if events.frequency_threshold:
        add(root, "nonSeriousEventFrequencyThreshold", _threshold(events.frequency_threshold))
    if events.time_frame:
        add(root, "timeFrame", _fitting(events.time_frame, "timeFrame", LENGTHS["timeFrame"]))
    if every:
        _assessed(root, every[0])
        _dictionary(root, common)
    ids = {one.id: f"ReportingGroup-{number}" for number, one in enumerate(events.event_groups, 1)}
    groups = add(root, "reportingGroups")
    for one in events.event_groups:
        _group(groups, one, ids, causality, findings)
    writer = _Terms(ids, common, organ_system_version, causality, findings)
    for plural, terms in (("nonSerious", events.other_events), ("serious", events.serious_events)):
        table = add(root, plural + "AdverseEvents")
        for term in terms:
            _term(add(table, plural + "AdverseEvent"), term, writer, serious=plural == "serious")
    return xml_bytes(root), [*findings, *_without_causality(events, causality)]


def _without_causality(events: AdverseEvents, causality: Causality) -> list[Finding]:
    """One warning for all serious terms whose relation to treatment and deaths are not given."""
    asked = [(event.organ_system, event.term, one.group_id) for event in events.serious_events for one in event.stats]
    missing = sum(key not in causality.serious for key in asked)
    if not missing:
        return []
    message = f"{missing} of {len(asked)} serious terms by group lack relation to treatment and deaths; left out."
    where = Where(variable="occurrencesCausallyRelatedToTreatment")
    return [Finding("TB-REG-EU-MISSING", Severity.WARNING, where, message, "give them in Causality")]


def write(events: AdverseEvents, target: Path, causality: Causality = NO_CAUSALITY) -> list[Finding]:
    """Adverse events as one file, whole or not at all; gives what it lacks."""
    data, findings = serialize(events, causality)
    with whole_file(target) as part:
        part.write_bytes(data)
    return findings


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the writing of every term shares."""

    ids: Mapping[str, str]
    vocabulary: str
    version: int
    causality: Causality
    findings: list[Finding]


def _fitting(markdown: str, name: str, length: tuple[int, int]) -> str:
    text = plain(markdown)
    if not length[0] <= len(text) <= length[1]:
        message = f"{name} has {len(text)} characters; EudraCT takes {length[0]} to {length[1]}."
        raise DoesNotFitError(message, Where(path=name), "shorten it in the source; nothing is cut")
    return text


def _threshold(text: str) -> str:
    try:
        fits = 0 <= float(text) <= 5
    except ValueError:
        fits = False
    if not fits:
        raise DoesNotFitError(f"The frequency threshold is {text!r}; EudraCT takes 0 to 5.", fix="lower it")
    return text


def _nil(parent: etree._Element, name: str) -> None:
    add(parent, name).set(f"{{{XSI}}}nil", "true")


def _number(parent: etree._Element, name: str, number: int | None) -> None:
    if number is None:
        _nil(parent, name)
    else:
        add(parent, name, str(number))


def _assessed(parent: etree._Element, event: AdverseEvent) -> None:
    if not event.assessment_type:
        return
    add(add(parent, "assessmentMethod"), "value", ASSESSED[event.assessment_type == SYSTEMATIC])


def _dictionary(parent: etree._Element, vocabulary: str) -> None:
    """`MedDRA 27.0` as dictionary and version; another dictionary by its name."""
    element = add(parent, "dictionary")
    match = _MEDDRA.fullmatch(vocabulary.strip())
    if match:
        _nil(element, "otherName")
        if match[1]:
            add(element, "version", _fitting(match[1], "version", VERSION))
        else:
            _nil(element, "version")
        add(add(element, "name"), "value", MEDDRA)
        return
    if vocabulary:
        add(element, "otherName", _fitting(vocabulary, "otherName", OTHER_NAME))
    else:
        _nil(element, "otherName")
    _nil(element, "version")
    _nil(element, "name")


def _group(
    parent: etree._Element,
    group: EventGroup,
    ids: Mapping[str, str],
    causality: Causality,
    findings: list[Finding],
) -> None:
    element = add(parent, "reportingGroup", id=ids[group.id])
    add(element, "title", _fitting(group.title, "title", LENGTHS["title"]))
    if group.description:
        add(element, "description", _fitting(group.description, "description", LENGTHS["group description"]))
    else:
        _nil(element, "description")
    exposed = group.serious_num_at_risk
    if exposed is not None and exposed < 1:
        raise DoesNotFitError(f"Group {group.id} has no subjects; EudraCT takes groups of at least one.", fix="drop it")
    from_events = causality.deaths_from_events.get(group.id)
    for name, number in (
        ("subjectsAffectedByNonSeriousAdverseEvents", group.other_num_affected),
        ("subjectsAffectedBySeriousAdverseEvents", group.serious_num_affected),
        ("subjectsExposed", exposed),
        ("deathsAllCauses", group.deaths_num_affected),
        ("deathsResultingFromAdverseEvents", from_events),
    ):
        _number(element, name, number)
    if from_events is None:
        message = f"Group {group.id}: deaths resulting from adverse events are not given; marked nil."
        where = Where(variable="deathsResultingFromAdverseEvents")
        findings.append(Finding("TB-REG-EU-MISSING", Severity.WARNING, where, message, "give them in Causality"))


def _term(element: etree._Element, event: AdverseEvent, writer: _Terms, *, serious: bool) -> None:
    if event.notes:
        add(element, "description", _fitting(event.notes, "description", NOTES))
    add(element, "term", _fitting(event.term, "term", TERM))
    code = organ_systems().get(event.organ_system.casefold())
    if code:
        system = add(element, "organSystem")
        add(system, "eutctId", code)
        add(system, "version", str(writer.version))
    else:
        message = f"{event.organ_system!r} is no organ class of MedDRA; {event.term!r} is written without."
        found = Finding("TB-REG-EU-ORGAN-SYSTEM", Severity.WARNING, Where(path="organSystem"), message, "correct it")
        writer.findings.append(found)
    _assessed(element, event)
    other = event.source_vocabulary != writer.vocabulary
    add(element, "dictionaryOverridden", "true" if other else "false")
    if other:
        _dictionary(element, event.source_vocabulary)
    values = add(element, "values")
    for one in event.stats:
        _value(values, one, event, writer, serious=serious)


def _value(parent: etree._Element, stats: EventStats, event: AdverseEvent, writer: _Terms, *, serious: bool) -> None:
    if stats.group_id not in writer.ids:
        raise DoesNotFitError(f"{event.term}: group {stats.group_id!r} is not among the groups.", fix="list it")
    element = add(parent, "value", reportingGroupId=writer.ids[stats.group_id])
    _optional(element, "occurrences", stats.num_events)
    _optional(element, "subjectsAffected", stats.num_affected)
    _optional(element, "subjectsExposed", stats.num_at_risk)
    if not serious:
        return
    more = writer.causality.serious.get((event.organ_system, event.term, stats.group_id))
    if more is None:
        return
    _optional(element, "occurrencesCausallyRelatedToTreatment", more.occurrences_related)
    fatalities = add(element, "fatalities")
    _optional(fatalities, "deaths", more.deaths)
    _optional(fatalities, "deathsCausallyRelatedToTreatment", more.deaths_related)


def _optional(parent: etree._Element, name: str, number: int | None) -> None:
    if number is not None:
        add(parent, name, str(number))


@cache
def organ_systems() -> Mapping[str, str]:
    """EMA's id of each organ class by its name in lower case, in MedDRA's and in ClinicalTrials.gov's spelling."""
    table = files("trialbridge.registry").joinpath("data", "eudract-soc.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {name.casefold(): cells[0] for cells in rows for name in cells[1:]}
