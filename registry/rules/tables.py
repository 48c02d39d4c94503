"""What the rules on baseline and outcome tables share: their cells and denominators, walked one by one."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from trialbridge.registry.content import items, number_of, text
from trialbridge.registry.measures import PARTICIPANTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.registry.record import Record

COUNTS = ("COUNT_OF_PARTICIPANTS", "COUNT_OF_UNITS")
CONTINUOUS = (
    "MEAN",
    "MEDIAN",
    "GEOMETRIC_MEAN",
    "LEAST_SQUARES_MEAN",
    "GEOMETRIC_LEAST_SQUARES_MEAN",
    "LOG_MEAN",
)
BASELINE = "resultsSection.baselineCharacteristicsModule"
OUTCOMES = "resultsSection.outcomeMeasuresModule.outcomeMeasures"


@dataclass(frozen=True, slots=True)
class Cell:
    """A measurement with its group, the path of its class, and the title of its category."""

    path: str
    category: str
    group: str
    content: Mapping[str, Any]


def baseline_measures(record: Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each baseline measure with its path."""
    for number, one in enumerate(items(record.results, "baselineCharacteristicsModule.measures")):
        yield f"{BASELINE}.measures[{number}]", one


def outcome_measures(record: Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each reported outcome measure with its path."""
    for number, one in enumerate(items(record.results, "outcomeMeasuresModule.outcomeMeasures")):
        yield f"{OUTCOMES}[{number}]", one


def cells(measure: Mapping[str, Any], path: str) -> Iterator[Cell]:
    """Each cell of a measure's table."""
    for number, of in enumerate(items(measure, "classes")):
        for category in items(of, "categories"):
            for one in items(category, "measurements"):
                place = f"{path}.classes[{number}]"
                yield Cell(place, text(category, "title"), text(one, "groupId"), one)


def denominators(holder: Mapping[str, Any], units: str = PARTICIPANTS) -> dict[str, int]:
    """The denominator of each group in one unit."""
    return {
        text(count, "groupId"): number
        for one in items(holder, "denoms")
        if text(one, "units") == units
        for count in items(one, "counts")
        if (number := number_of(count.get("value"))) is not None
    }


def real(value: Any) -> float | None:
    """A number from its text, None for NA, infinity and the like."""
    try:
        number = float(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return number if number is not None and isfinite(number) else None
