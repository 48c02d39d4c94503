"""Ages wherever FHIR has them: one above the limit goes, and every age of a subject who is above it.

HIPAA, 45 CFR 164.514(b)(2)(i)(C), names all ages over 89 and all elements of dates indicative of such an age: of a
subject of 93 the age at onset, beside a date of onset, tells the year of birth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.deidentify_ages import Said, of_something_else, over, unit_code, years

if TYPE_CHECKING:
    from trialbridge.base.deidentify_ages import AgeRules
    from trialbridge.fhir.elements import Element

_WHEN = ("onset[x]", "abatement[x]", "performed[x]", "occurrence[x]")
"""Where a Range is one of ages, as FHIR says of these elements."""


def is_age(element: Element, value: dict[str, Any]) -> bool:
    """Whether an element holds an age: an Age, or a Range where FHIR means one, or one in years."""
    if element.type != "Range":
        return element.type == "Age"
    return element.path.rpartition(".")[2] in _WHEN or any(_unit(one) == "a" for one in _ends(value))


def above(value: dict[str, Any], most: int) -> bool:
    """Whether an age, or an end of a range of ages, is above so many years, or may be (`> 89`)."""
    return any(_above(one, most) for one in _ends(value) or [value])


def result_said(observation: dict[str, Any], rules: AgeRules) -> tuple[Said | None, bool]:
    """What the code of an Observation or a component says its value is, and whether that is an age above the limit.

    A quantity in a unit of time above the limit tells of such an age, whatever its code says.
    """
    said = _said(observation.get("code"), rules)
    if said is Said.BIRTH:
        return said, False
    values = [one for name, one in observation.items() if name.startswith("value")]
    return said, any(_result_above(one, said, rules.most) for one in values)


def tells(observation: dict[str, Any]) -> bool:
    """Whether the value of an Observation or a component holds a number: `unknown` is no age."""
    values = [one for name, one in observation.items() if name.startswith("value")]
    return any(one.isdigit() for value in values for one in "".join(_texts(value)))


def _said(concept: Any, rules: AgeRules) -> Said | None:
    concept = concept if isinstance(concept, dict) else {}
    codings = [one for one in concept.get("coding") or () if isinstance(one, dict)]
    found = [rules.of_code(str(one.get("system")), str(one.get("code"))) for one in codings]
    labels = [concept.get("text"), *(one.get("display") for one in codings)]
    found += [rules.of_label(one) for one in labels if isinstance(one, str)]
    if any(isinstance(one, str) and rules.of_name(one) for one in labels):
        found.append(Said.AGE)
    return next((one for one in found if one), None)


def _result_above(value: Any, said: Said | None, most: int) -> bool:
    if isinstance(value, dict) and ("value" in value or _ends(value)):
        parts = [one for one in _ends(value) or [value] if _unit(one) or (said and not _of_something_else(one))]
        return any(_above(one, most) for one in parts)
    if said is None or isinstance(value, bool):
        return False
    return any(over(one, None, most) for one in _texts(value))


def _texts(value: Any) -> list[str]:
    """What a result says in words or numbers: of a CodeableConcept what it shows, for its codes are numbers often."""
    if not isinstance(value, dict):
        return [str(value)]
    if "coding" not in value and "text" not in value:
        return [str(value)]
    texts = [value.get("text"), *(one.get("display") for one in value.get("coding") or ())]
    return [one for one in texts if isinstance(one, str)]


def _ends(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in (value.get("low"), value.get("high")) if isinstance(one, dict)]


def _above(quantity: dict[str, Any], most: int) -> bool:
    """A number without a unit counts as years, and an age that cannot be read as one above."""
    try:
        told = years(float(quantity["value"]), _unit(quantity))
    except (KeyError, TypeError, ValueError):
        return "value" in quantity
    return told > most or (quantity.get("comparator") in {">", ">="} and told >= most)


def _of_something_else(quantity: dict[str, Any]) -> bool:
    return any(of_something_else(one) for one in (quantity.get("unit"), quantity.get("code")) if isinstance(one, str))


def _unit(quantity: dict[str, Any]) -> str | None:
    """The UCUM code of a duration, from code or unit; None where neither tells one."""
    code, unit = quantity.get("code"), quantity.get("unit")
    return unit_code(code if isinstance(code, str) else None) or unit_code(unit if isinstance(unit, str) else None)
