"""What the numbers of a results section are in FHIR's Evidence: kinds of statistics, of dispersion, roles of variables.

Sources: HL7 code systems statistic-type, attribute-estimate-type and variable-role (terminology 7.0.1); MeasureParam and
MeasureDispersionType of the registry's API v2, whose outcome measures write the dispersion as text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.mappings.kit import Resource

THO = "http://terminology.hl7.org/CodeSystem/"
PARAMETERS: Mapping[str, tuple[str, str]] = {
    "MEAN": ("C53319", "Mean"),
    "LEAST_SQUARES_MEAN": ("C53319", "Mean"),
    "MEDIAN": ("C28007", "Median"),
    "COUNT_OF_PARTICIPANTS": ("C25463", "Count"),
    "COUNT_OF_UNITS": ("C25463", "Count"),
}
"""MeasureParam -> statistic type; others are given by their text."""
COUNTED = frozenset({"COUNT_OF_PARTICIPANTS", "COUNT_OF_UNITS"})
_SPREADS = (
    (re.compile(r"standard[ _]deviation", re.IGNORECASE), ("C53322", "Standard deviation")),
    (re.compile(r"standard[ _]error", re.IGNORECASE), ("0000037", "Standard error of the mean")),
)
_LIMITS = (
    (re.compile(r"confidence", re.IGNORECASE), ("C53324", "Confidence interval")),
    (re.compile(r"inter[- _]?quartile", re.IGNORECASE), ("C53245", "Interquartile range")),
    (re.compile(r"range", re.IGNORECASE), ("C38013", "Range")),
)
_LEVEL = re.compile(r"(\d{2}(?:\.\d+)?)")
LEVELS = {"CONFIDENCE_975": "0.975"}


def concept(system: str, known: tuple[str, str] | None, text: str = "") -> Resource:
    """A concept of one of HL7's code systems; by its text alone where it has no code."""
    if known is None:
        return {"text": text}
    return {"coding": [{"system": THO + system, "code": known[0], "display": known[1]}]}


def spread(dispersion: str) -> Resource | None:
    """The kind of a single measure of dispersion."""
    return _found(_SPREADS, dispersion)


def limits(dispersion: str) -> Resource | None:
    """The kind of an interval."""
    return _found(_LIMITS, dispersion)


def _found(table: tuple[tuple[re.Pattern[str], tuple[str, str]], ...], dispersion: str) -> Resource | None:
    return next((concept("attribute-estimate-type", known) for word, known in table if word.search(dispersion)), None)


def level(dispersion: str) -> str | None:
    """The level of a confidence interval as a fraction.

    >>> level("95% Confidence Interval"), level("CONFIDENCE_975"), level("Full Range")
    ('0.95', '0.975', None)
    """
    if dispersion in LEVELS:
        return LEVELS[dispersion]
    found = _LEVEL.search(dispersion) if "confidence" in dispersion.casefold() else None
    return f"0.{found[1].replace('.', '')}" if found else None
