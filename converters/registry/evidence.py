"""A record's results as FHIR R5 Evidence, for readers of FHIR: an EvidenceReport with a section for each module.

One Evidence for each measure and group: the group as the population, the measure as the variable, a statistic for each
row with its denominator and limits. Participant flow and adverse events are the same: a statistic for each milestone,
reason and term. Nothing is read back from here: the section itself is carried whole with the study.
Source: R5 Evidence and EvidenceReport; the modules and their order are those of the public converters' results.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.registry_evidence import COUNTED, PARAMETERS, concept, level, limits, spread
from trialbridge.registry.content import items, number_of, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trialbridge.converters.registry.lines import Writer
    from trialbridge.mappings.kit import Resource

Groups = dict[tuple[str, str], dict[str, Any]]
"""Title and description of a group -> the Reference to its resource."""
MOST = 2**31
COUNT = concept("statistic-type", PARAMETERS["COUNT_OF_PARTICIPANTS"])


@dataclass(frozen=True, slots=True)
class _Table:
    """One measure: what is measured, of whom, and for each group its statistics."""

    title: str
    groups: Sequence[Mapping[str, Any]]
    statistics: Mapping[str, list[Resource]]
    description: str = ""
    population: str = ""


def report(section: Mapping[str, Any], writer: Writer) -> Resource | None:
    """A Reference to the report of a results section; None where nothing in it can be shown."""
    sections = []
    groups: dict[tuple[str, str], Resource] = {}
    for title, tables in (
        ("Participant flow", _flow(section.get("participantFlowModule"))),
        ("Baseline characteristics", _measures(section.get("baselineCharacteristicsModule"), "measures")),
        ("Outcome measures", _measures(section.get("outcomeMeasuresModule"), "outcomeMeasures")),
        ("Adverse events", _events(section.get("adverseEventsModule"))),
    ):
        entries = [
            entry for number, one in enumerate(tables) for entry in _evidence(one, f"{title} {number}", writer, groups)
        ]
        if entries:
            sections.append({"title": title, "entryReference": entries})
    if not sections:
        return None
    subject = {"note": [{"text": "Results of the study as the registry has them"}]}
    return writer.make("EvidenceReport", "results", {"status": "active", "subject": subject, "section": sections})


def _evidence(one: _Table, key: str, writer: Writer, groups: Groups) -> Iterator[Resource]:
    for group in one.groups:
        own = text(group, "id")
        statistics = one.statistics.get(own)
        title = text(group, "title")
        if not statistics or not title:
            continue
        population: Resource = {"variableRole": concept("variable-role", ("population", "population"))}
        population["observed"] = _group(group, writer, groups)
        if one.population:
            population["description"] = one.population
        measured = {
            "variableRole": concept("variable-role", ("measuredVariable", "measured variable")),
            "description": one.title,
        }
        body: Resource = {"title": f"{one.title}: {title}", "status": "active"}
        if one.description:
            body["description"] = one.description
        body |= {"variableDefinition": [population, measured], "statistic": statistics}
        yield writer.make("Evidence", f"{key} {own}", body)


def _group(group: Mapping[str, Any], writer: Writer, groups: Groups) -> Resource:
    """A Reference to the group; groups of one title and description are one."""
    key = (text(group, "title"), text(group, "description"))
    if key not in groups:
        body: Resource = {"type": "person", "membership": "definitional", "name": key[0]}
        if key[1].strip():
            body["description"] = key[1]
        groups[key] = writer.make("Group", f"results {len(groups) + 1}", body)
    return dict(groups[key])


def _flow(module: Any) -> Iterator[_Table]:
    """A table for each period: its milestones, and the reasons for not completing."""
    for period in items(module, "periods"):
        found: dict[str, list[Resource]] = {}
        for kind, cells in (("milestones", "achievements"), ("dropWithdraws", "reasons")):
            for one in items(period, kind):
                for cell in items(one, cells):
                    _add(found, cell, text(one, "type"), number_of(cell.get("numSubjects")))
        yield _Table(text(period, "title") or "Participant flow", items(module, "groups"), found)


def _add(found: dict[str, list[Resource]], cell: Mapping[str, Any], said: str, count: int | None) -> None:
    if count is not None and 0 <= count < MOST and said.strip():
        one = {"statisticType": COUNT, "category": {"text": said}, "numberAffected": count}
        found.setdefault(text(cell, "groupId"), []).append(one)


def _measures(module: Any, name: str) -> Iterator[_Table]:
    for measure in items(module, name):
        groups = items(measure, "groups") or items(module, "groups")
        sizes = _sizes(measure) or _sizes(module)
        found: dict[str, list[Resource]] = {}
        for block in items(measure, "classes"):
            own = _sizes(block) or sizes
            for row in items(block, "categories"):
                said = ": ".join(filter(None, (text(block, "title"), text(row, "title"))))
                for cell in items(row, "measurements"):
                    group = text(cell, "groupId")
                    found.setdefault(group, []).append(_statistic(measure, cell, said, own.get(group)))
        frame = text(measure, "timeFrame")
        title = text(measure, "title") + (f" ({frame})" if frame else "")
        population = text(measure, "populationDescription") or text(module, "populationDescription")
        if title.strip():
            yield _Table(title, groups, found, text(measure, "description").strip(), population.strip())


def _sizes(of: Any) -> dict[str, int]:
    """Group id -> participants."""
    found = next((one for one in items(of, "denoms") if text(one, "units") == "Participants"), {})
    counts = {text(one, "groupId"): number_of(one.get("value")) for one in items(found, "counts")}
    return {group: count for group, count in counts.items() if count is not None and 0 <= count < MOST}


def _statistic(measure: Mapping[str, Any], cell: Mapping[str, Any], said: str, size: int | None) -> Resource:
    parameter, dispersion = text(measure, "paramType"), text(measure, "dispersionType")
    kind = concept("statistic-type", PARAMETERS.get(parameter), parameter.replace("_", " ").capitalize() or "Number")
    made: Resource = {"statisticType": kind}
    if said:
        made["category"] = {"text": said}
    unit = text(measure, "unitOfMeasure").strip()
    value = _number(text(cell, "value"))
    if value is None:
        made["note"] = [{"text": text(cell, "comment").strip() or "Not available"}]
    elif parameter in COUNTED and value == value.to_integral_value() and 0 <= value < MOST:
        made["numberAffected" if parameter == "COUNT_OF_PARTICIPANTS" else "numberOfEvents"] = int(value)
    else:
        made["quantity"] = {"value": value, **({"unit": unit} if unit else {})}
    if size is not None:
        made["sampleSize"] = {"numberOfParticipants": size}
    estimates = [*_spread(cell, dispersion, unit), *_limits(cell, dispersion, unit)]
    return {**made, **({"attributeEstimate": estimates} if estimates else {})}


def _spread(cell: Mapping[str, Any], dispersion: str, unit: str) -> Iterator[Resource]:
    value = _number(text(cell, "spread"))
    if value is not None:
        kind = spread(dispersion) or {"text": dispersion or "Dispersion"}
        yield {"type": kind, "quantity": {"value": value, **({"unit": unit} if unit else {})}}


def _limits(cell: Mapping[str, Any], dispersion: str, unit: str) -> Iterator[Resource]:
    ends = {"low": _number(text(cell, "lowerLimit")), "high": _number(text(cell, "upperLimit"))}
    known = {
        name: {"value": value, **({"unit": unit} if unit else {})} for name, value in ends.items() if value is not None
    }
    low, high = ends["low"], ends["high"]
    if known and not (low is not None and high is not None and low > high):
        of = level(dispersion)
        made: Resource = {"type": limits(dispersion) or {"text": dispersion or "Interval"}}
        yield {**made, **({"level": Decimal(of)} if of else {}), "range": known}


def _number(said: str) -> Decimal | None:
    """A number of the section, which has all as text; None for NA and the like."""
    try:
        value = Decimal(said.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) < 18 else None


def _events(module: Any) -> Iterator[_Table]:
    """Deaths of any cause, serious events, other events: a statistic for each term."""
    groups = items(module, "eventGroups")
    frame = text(module, "timeFrame")
    suffix = f" ({frame})" if frame else ""
    deaths: dict[str, list[Resource]] = {}
    for one in groups:
        count, size = number_of(one.get("deathsNumAffected")), number_of(one.get("deathsNumAtRisk"))
        if count is not None:
            deaths[text(one, "id")] = [_event("Deaths of any cause", None, count, size)]
    yield _Table("All-cause mortality" + suffix, groups, deaths)
    for name, title in (("seriousEvents", "Serious adverse events"), ("otherEvents", "Other adverse events")):
        found: dict[str, list[Resource]] = {}
        for term in items(module, name):
            said = ": ".join(filter(None, (text(term, "organSystem"), text(term, "term"))))
            for cell in items(term, "stats"):
                numbers = [number_of(cell.get(one)) for one in ("numEvents", "numAffected", "numAtRisk")]
                if said.strip() and any(one is not None for one in numbers):
                    found.setdefault(text(cell, "groupId"), []).append(_event(said, *numbers))
        yield _Table(title + suffix, groups, found, text(module, "description").strip())


def _event(said: str, events: int | None, affected: int | None, at_risk: int | None) -> Resource:
    made: Resource = {"statisticType": COUNT, "category": {"text": said}}
    for name, count in (("numberOfEvents", events), ("numberAffected", affected)):
        if count is not None and 0 <= count < MOST:
            made[name] = count
    if at_risk is not None and 0 <= at_risk < MOST:
        made["sampleSize"] = {"numberOfParticipants": at_risk}
    return made
