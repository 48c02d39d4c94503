"""Reported outcome measures: complete, consistent within themselves, and those that were registered.

Sources: definition of the Outcome Measures module; NLM Major Comments (dispersion missing for continuous data, data
appear invalid, information within the measure or the analysis inconsistent).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.registry.content import items, text, texts
from trialbridge.registry.measures import PARTICIPANTS
from trialbridge.registry.rules.say import error, warning
from trialbridge.registry.rules.tables import CONTINUOUS, COUNTS, cells, denominators, outcome_measures, real

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

_PERCENT = re.compile(r"\bper ?cent(?:age)?s?\b|%|\bproportion\b", re.IGNORECASE)
_COUNT = re.compile(r"\s*(?:number|count) of (?:participants|patients|subjects)\b", re.IGNORECASE)
_PEOPLE = re.compile(r"(?:participants?|patients?|subjects?|people)", re.IGNORECASE)
_P_VALUE = re.compile(r"(?:<=?|>=?|=|≤|≥)?\s*(0?\.\d+|0|1(?:\.0+)?|\.\d+)", re.ASCII)
REGISTERED = {"PRIMARY": "PRIMARY", "SECONDARY": "SECONDARY"}


def registered_are_reported(record: Record) -> Iterator[Finding]:
    """Every registered primary and secondary outcome measure is reported under its title and kind.

    Source: 42 CFR 11.48(a)(3) (results for each pre-specified measure).
    """
    reported = {(text(one, "type"), _same(text(one, "title"))) for _, one in outcome_measures(record)}
    if not reported:
        return
    for one in record.outcomes:
        if one.kind in REGISTERED and (one.kind, _same(one.measure)) not in reported:
            message = f"The registered {one.kind.lower()} outcome {one.measure!r} is not reported under that title."
            yield error(
                "OUTCOME-MISSING", "resultsSection.outcomeMeasuresModule", message, "report it or align the titles"
            )


def reported_were_registered(record: Record) -> Iterator[Finding]:
    """A measure reported as primary or secondary was registered as such, with the same time frame.

    Source: NLM Major Comment on information inconsistent with other parts of the record.
    """
    known = {(one.kind, _same(one.measure)): one.time_frame for one in record.outcomes}
    if not known:
        return
    for path, one in outcome_measures(record):
        key = (text(one, "type"), _same(text(one, "title")))
        if key[0] not in REGISTERED:
            continue
        if key not in known:
            message = f"{text(one, 'title')!r} is reported as {key[0].lower()} but was not registered as such."
            yield warning(
                "OUTCOME-UNREGISTERED", path, message, "call it other pre-specified or post hoc, or register it"
            )
        elif _same(known[key]) != _same(text(one, "timeFrame")):
            message = f"The time frame {text(one, 'timeFrame')!r} was registered as {known[key]!r}."
            yield warning("OUTCOME-TIME-FRAME", path + ".timeFrame", message, "align them")


def _same(title: str) -> str:
    return " ".join(title.replace("\\", "").split()).casefold()


def outcome_dispersion_is_given(record: Record) -> Iterator[Finding]:
    """A mean or median has a measure of dispersion or precision and its numbers. Source: NLM Major Comment."""
    for path, one in outcome_measures(record):
        if text(one, "paramType") not in CONTINUOUS:
            continue
        title, dispersion = text(one, "title"), text(one, "dispersionType")
        if dispersion in ("", "NA", "Not Applicable") and not _nobody(one):
            yield error("DISPERSION", path, f"{title!r} has no measure of dispersion.", "add it")
            continue
        for cell in cells(one, path):
            given = ("spread", "lowerLimit", "upperLimit", "comment")
            if not any(text(cell.content, name) for name in given) and text(cell.content, "value") != "NA":
                yield error("DISPERSION", cell.path, f"{cell.group}: the number of dispersion is missing.", "give it")


def _nobody(outcome: Mapping[str, Any]) -> bool:
    return not any(denominators(outcome).values())


def values_are_valid(record: Record) -> Iterator[Finding]:
    """Values are numbers or NA with a comment; counts are whole, not over those analysed; percentages not over 100.

    Source: NLM Major Comment that data appear invalid; definition of Outcome Data.
    """
    for path, one in outcome_measures(record):
        kind, unit = text(one, "paramType"), text(one, "unitOfMeasure")
        overall = denominators(one) if kind == "COUNT_OF_PARTICIPANTS" else {}
        by_class = {f"{path}.classes[{n}]": denominators(of) for n, of in enumerate(items(one, "classes"))}
        for cell in cells(one, path):
            value = text(cell.content, "value")
            number = real(value)
            if value == "NA" and not text(cell.content, "comment"):
                yield error("VALUE-NA", cell.path, f"{cell.group}: NA stands without a comment.", "say why")
            elif value and value != "NA" and number is None:
                yield error("VALUE-INVALID", cell.path, f"{cell.group}: {value!r} is no number.", "give a number or NA")
            if number is None:
                continue
            most = (overall | by_class.get(cell.path, {})).get(cell.group) if overall else None
            if kind in COUNTS and (number < 0 or number != int(number)):
                yield error("VALUE-INVALID", cell.path, f"{cell.group}: {value!r} is no count.", "give a whole number")
            elif most is not None and number > most:
                message = f"{cell.group}: {value} of {most} analysed."
                yield error("VALUE-INVALID", cell.path, message, "correct the count or the number analysed")
            elif kind not in COUNTS and _PERCENT.search(unit) and "change" not in unit and number > 100:
                yield warning("VALUE-INVALID", cell.path, f"{cell.group}: {value} percent.", "check the value")


def limits_enclose_values(record: Record) -> Iterator[Finding]:
    """A value lies between its lower and upper limit. Source: NLM Major Comment on inconsistency within the measure."""
    for path, one in outcome_measures(record):
        for cell in cells(one, path):
            low, value, high = (real(text(cell.content, name)) for name in ("lowerLimit", "value", "upperLimit"))
            if (low is not None and high is not None and low > high) or (
                value is not None and ((low is not None and value < low) or (high is not None and value > high))
            ):
                message = f"{cell.group}: {text(cell.content, 'value')} does not lie between its limits."
                yield error("LIMITS", cell.path, message, "correct value or limits")


def unit_fits_measure(record: Record) -> Iterator[Finding]:
    """A title that counts participants has participants as unit, and a count of people is a count of participants.

    Source: example of NLM's Major Comment on an inconsistent unit of measure; definition of Measure Type.
    """
    for path, one in outcome_measures(record):
        title, unit, kind = text(one, "title"), text(one, "unitOfMeasure"), text(one, "paramType")
        if _COUNT.match(title) and _PERCENT.search(unit):
            message = f"The title counts participants, the unit is {unit!r}."
            yield error("UNIT", path + ".unitOfMeasure", message, "correct title or unit")
        if _PERCENT.match(title) and _PEOPLE.fullmatch(unit.strip()):
            message = f"The title is a percentage, the unit is {unit!r}."
            yield error("UNIT", path + ".unitOfMeasure", message, "correct title or unit")
        if kind == "NUMBER" and _PEOPLE.fullmatch(unit.strip()):
            message = "A number of participants is to be given as a count of participants."
            yield warning("UNIT", path + ".paramType", message, "use COUNT_OF_PARTICIPANTS")
        if text(one, "reportingStatus") == "POSTED" and items(one, "classes") and not unit:
            yield error("UNIT", path, f"{title!r} has no unit of measure.", "give it")


def tables_are_complete(record: Record) -> Iterator[Finding]:
    """A reported table has groups, the number analysed for each, and belongs to them only; nobody analysed is explained.

    Source: definition of the Outcome Measures module.
    """
    for path, one in outcome_measures(record):
        if text(one, "reportingStatus") == "NOT_POSTED":
            continue
        groups = {text(group, "id") for group in items(one, "groups")}
        analysed = denominators(one)
        if not groups:
            yield error("OUTCOME-TABLE", path, f"{text(one, 'title')!r} has no groups.", "add them")
        for group in sorted(groups - analysed.keys()):
            yield error("OUTCOME-TABLE", path, f"The number analysed in {group} is missing.", "give it")
        for group in sorted({cell.group for cell in cells(one, path)} - groups):
            yield error("GROUP-UNKNOWN", path, f"There is no group {group!r}.", "list it among the groups")
        if groups and _nobody(one) and not text(one, "populationDescription"):
            yield error("OUTCOME-TABLE", path, "Nobody was analysed, and nothing says why.", "describe the population")


def units_are_counted(record: Record) -> Iterator[Finding]:
    """A measure of lesions, eyes or the like gives both the participants and the units analysed. Source: Units Analyzed."""
    for path, one in outcome_measures(record):
        units = text(one, "denomUnitsSelected") or text(one, "typeUnitsAnalyzed")
        if text(one, "paramType") == "COUNT_OF_UNITS" and units in ("", PARTICIPANTS):
            yield error(
                "UNITS-ANALYSED", path, "Units are counted, but not named.", "name the unit and its denominators"
            )
        elif units not in ("", PARTICIPANTS) and not denominators(one, units):
            yield error("UNITS-ANALYSED", path, f"The number of {units} analysed is missing.", "give it for each group")


def analyses_are_consistent(record: Record) -> Iterator[Finding]:
    """An analysis names groups of its table, a p-value between 0 and 1, limits around its estimate.

    Source: definition of Statistical Analysis; NLM Major Comments on inconsistent analyses.
    """
    for path, one in outcome_measures(record):
        groups = {text(group, "id") for group in items(one, "groups")}
        for number, analysis in enumerate(items(one, "analyses")):
            place = f"{path}.analyses[{number}]"
            for group in texts(analysis, "groupIds"):
                if group not in groups:
                    yield error("GROUP-UNKNOWN", place, f"There is no group {group!r}.", "name groups of the table")
            p_value = text(analysis, "pValue")
            if p_value and not _P_VALUE.fullmatch(p_value.strip()):
                message = f"The p-value {p_value!r} does not lie between 0 and 1."
                yield error("ANALYSIS", place + ".pValue", message, "correct it")
            low, value, high = (real(text(analysis, name)) for name in ("ciLowerLimit", "paramValue", "ciUpperLimit"))
            if (low is not None and high is not None and low > high) or (
                value is not None and ((low is not None and value < low) or (high is not None and value > high))
            ):
                yield error("ANALYSIS", place, "The estimate does not lie within its interval.", "correct the numbers")
            if p_value and not text(analysis, "statisticalMethod"):
                yield error("ANALYSIS", place, "A p-value stands without its method.", "name the statistical method")
