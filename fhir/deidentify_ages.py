"""Ages wherever FHIR has them: one above the limit goes, and every age of a subject who is above it.

HIPAA, 45 CFR 164.514(b)(2)(i)(C), names all ages over 89 and all elements of dates indicative of such an age: of a
subject of 93 the age at onset, beside a date of onset, tells the year of birth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbridge.fhir.elements import Element

_DAYS = {"a": 365.25, "mo": 30.4375, "wk": 7.0, "d": 1.0, "h": 1 / 24, "min": 1 / 1440}
_UNITS = {"year": "a", "yr": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min"}
_WHEN = ("onset[x]", "abatement[x]", "performed[x]", "occurrence[x]")
"""Where a Range is one of ages, as FHIR says of these elements."""


def is_age(element: Element, value: dict[str, Any]) -> bool:
    """Whether an element holds an age: an Age, or a Range where FHIR means one, or one in years."""
    if element.type != "Range":
        return element.type == "Age"
    ends = [one for one in (value.get("low"), value.get("high")) if isinstance(one, dict)]
    return element.path.rpartition(".")[2] in _WHEN or any(_code(one) == "a" for one in ends)


def above(value: dict[str, Any], most: int) -> bool:
    """Whether an age, or an end of a range of ages, is above so many years, or may be (`> 89`)."""
    ends = [one for one in (value.get("low"), value.get("high")) if isinstance(one, dict)] or [value]
    return any(_above(one, most) for one in ends)


def _above(quantity: dict[str, Any], most: int) -> bool:
    """A number without a unit counts as years, and an age that cannot be read as one above."""
    code = _code(quantity)
    try:
        years = float(quantity["value"]) * _DAYS.get(code or "a", _DAYS["a"]) / _DAYS["a"]
    except (KeyError, TypeError, ValueError):
        return "value" in quantity
    return years > most or (quantity.get("comparator") in {">", ">="} and years >= most)


def _code(quantity: dict[str, Any]) -> str | None:
    """The UCUM code of a duration, from code or unit; None where neither tells one."""
    if quantity.get("code") in _DAYS:
        return str(quantity["code"])
    unit = str(quantity.get("unit") or "").strip().lower().rstrip(".")
    return unit if unit in _DAYS else _UNITS.get(unit.removesuffix("s"))
