"""The eligibility text: two headings, criteria one by one, ages and sex as the fields say.

Sources: definition of Eligibility Criteria (a list under inclusion and exclusion), of the ages and of Sex; NLM Major
Comment that eligibility criteria appear to be missing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.registry.content import text
from trialbridge.registry.criteria import split
from trialbridge.registry.rules.say import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

CRITERIA = "protocolSection.eligibilityModule.eligibilityCriteria"
MODULE = "protocolSection.eligibilityModule."
_DAYS = {"Year": 365.25, "Month": 30.4, "Week": 7, "Day": 1, "Hour": 1 / 24, "Minute": 1 / 1440}
_AGE = re.compile(r"(\d+) (Year|Month|Week|Day|Hour|Minute)s?", re.ASCII)
_LEAST_AGE = re.compile(
    r"(?:≥|>=|>=|at least|older than or equal to|minimum)\s*(\d{1,2})\s*years|\b(\d{1,2})\s*years(?: of age)? (?:or|and) (?:older|above|over)",
    re.IGNORECASE,
)


def criteria_are_given(record: Record) -> Iterator[Finding]:
    """There are criteria, and at least one for inclusion. Source: NLM Major Comment on missing eligibility criteria."""
    found = split(record.eligibility.criteria)
    if record.eligibility.criteria and not found:
        yield error("CRITERIA", CRITERIA, "The text has headings but no criteria.", "list them")
    elif found and not any(one.category == "INCLUSION" for one in found):
        yield error("CRITERIA", CRITERIA, "No criterion for inclusion is found.", "write a heading Inclusion Criteria:")


def criteria_have_headings(record: Record) -> Iterator[Finding]:
    """Criteria stand under the headings for inclusion and for exclusion. Source: definition of Eligibility Criteria."""
    found = split(record.eligibility.criteria)
    loose = sum(not one.category for one in found)
    if loose:
        message = f"{loose} lines stand under neither heading."
        yield warning("CRITERIA-HEADING", CRITERIA, message, "write Inclusion Criteria: and Exclusion Criteria:")
    if found and not any(one.category == "EXCLUSION" for one in found):
        yield warning("CRITERIA-HEADING", CRITERIA, "No criterion for exclusion is found.", "add them, or say none")


def criteria_are_single(record: Record) -> Iterator[Finding]:
    """No criterion stands twice under one heading. Source: protocol review criteria."""
    seen: set[tuple[str, str]] = set()
    for one in split(record.eligibility.criteria):
        key = (one.category, one.line.casefold())
        if key in seen:
            yield warning("CRITERIA-TWICE", CRITERIA, f"A criterion stands twice: {one.line[:80]!r}.", "remove one")
        seen.add(key)


def ages_in_order(record: Record) -> Iterator[Finding]:
    """The lowest age is not above the highest. Source: definitions of Minimum and Maximum Age."""
    least, most = _days(record.eligibility.minimum_age), _days(record.eligibility.maximum_age)
    if least is not None and most is not None and least > most:
        message = f"{record.eligibility.minimum_age} is more than {record.eligibility.maximum_age}."
        yield error("AGE-ORDER", MODULE + "minimumAge", message, "exchange them")


def _days(age: str) -> float | None:
    match = _AGE.fullmatch(age)
    return int(match[1]) * _DAYS[match[2]] if match else None


def ages_fit_criteria(record: Record) -> Iterator[Finding]:
    """A lowest age the criteria name is the one in the field. Source: NLM Major Comment on inconsistent information."""
    least = _days(record.eligibility.minimum_age)
    for one in split(record.eligibility.criteria):
        match = _LEAST_AGE.search(one.text.replace("\\", ""))
        if one.category != "INCLUSION" or not match or not re.search(r"\bage|\bold|\byears (?:or|and)", one.text):
            continue
        years = int(match[1] or match[2])
        if least is not None and round(least / _DAYS["Year"]) != years:
            message = f"The criteria say {years} years, the field {record.eligibility.minimum_age}."
            yield error("AGE-CRITERIA", MODULE + "minimumAge", message, "correct one of them")


def gender_is_described(record: Record) -> Iterator[Finding]:
    """Eligibility by gender is described. Source: definition of Gender Eligibility Description."""
    if record.eligibility.gender_based and not text(record.content, MODULE + "genderDescription"):
        message = "Eligibility goes by gender, and nothing describes how."
        yield error("GENDER", MODULE + "genderDescription", message, "describe it")
