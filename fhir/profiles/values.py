"""What is asked of a value as a whole: its primitive type, fixed and pattern values, bounds, lengths, value sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity
from trialbridge.fhir.profiles.primitives import equal, fault, matches, outside

if TYPE_CHECKING:
    from trialbridge.fhir.profiles.plan import Plan
    from trialbridge.fhir.profiles.tree import Node
    from trialbridge.fhir.profiles.walk import Walk

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
"""A code of this system says that there is no value. US Core (General Guidance, Missing Data) has it used where a
binding is extensible or preferred; under a maximum value set, which does not list it, that is a warning, no error."""
ANY_RESOURCE = frozenset({"Resource", "DomainResource"})


def check(walk: Walk, value: Any, plan: Plan, path: str) -> None:
    """Everything that speaks of this value and not of what is below it."""
    report = walk.report
    if not isinstance(value, dict) and (wrong := fault(plan.code, value)):
        report.say("VALUE", path, f"This is no {plan.code}: {wrong}.")
        return
    for node in plan.valued:
        if "fixed" in node.given and not equal(value, node.given["fixed"]):
            report.say("FIXED", path, f"The fixed value {_shown(node.given['fixed'])} is asked for ({_by(node)}).")
        if "pattern" in node.given and not matches(value, node.given["pattern"]):
            report.say("PATTERN", path, f"The pattern {_shown(node.given['pattern'])} is asked for ({_by(node)}).")
        if node.bounds and (wrong := outside(value, node.bounds)):
            report.say("VALUE", path, f"This lies {wrong} ({_by(node)}).")
        if node.longest is not None and isinstance(value, str) and len(value) > node.longest:
            report.say("VALUE", path, f"This is longer than {node.longest} characters ({_by(node)}).")
    for value_set, strength, node in plan.bound:
        _in(walk, value, node, value_set, strength, path)
    if plan.code == "Attachment":
        _attachment(walk, value, path)


def _attachment(walk: Walk, value: dict[str, Any], path: str) -> None:
    """The size of an attachment is that of its data (datatypes.html#Attachment)."""
    data, size = value.get("data"), value.get("size")
    if isinstance(data, str):
        packed = "".join(data.split())
        length = len(packed) // 4 * 3 - packed[-2:].count("=")
        number = int(size) if isinstance(size, (int, str)) and str(size).isdecimal() else None
        if number is not None and number != length:
            walk.report.say("VALUE", f"{path}.size", f"The size stated is {number}, the data has {length} bytes.")


def _in(walk: Walk, value: Any, node: Node, value_set: str, strength: str, path: str) -> None:
    """Say where a value is not in a value set it is bound to, or that it could not be found out."""
    severity = Severity.WARNING if strength == "extensible" else Severity.ERROR
    codings = _codings(value)
    if codings is None:
        return
    if not codings:
        # Text alone: a required value set asks for a code; an extensible one for a code only where one fits. The unit
        # of a Quantity may stay without a code, unless its cardinality says otherwise.
        if severity is Severity.ERROR and ("text" in value or "coding" in value):
            walk.report.say("BINDING", path, f"A code of {value_set} is asked for ({strength}; {_by(node)}).", severity)
        return
    answers = [walk.terminology.contains(value_set, system, code) for system, code in codings]
    if True in answers:
        return
    cells = tuple((path, f"{system}|{code}" if system else code) for system, code in codings)
    if None in answers:
        walk.report.unchecked(path, f"{value_set} cannot be expanded here: the code was not checked ({_by(node)}).")
        return
    if strength == "maximum" and all(system == ABSENT for system, _ in codings):
        severity = Severity.WARNING
    what = "The code is" if len(codings) == 1 else "None of the codes is"
    walk.report.say("BINDING", path, f"{what} not in {value_set} ({strength}; {_by(node)}).", severity, cells)


def _codings(value: Any) -> list[tuple[str | None, str]] | None:
    """The codes a value holds, with their systems; None where it is of no type that is bound.

    A Coding without system is in no value set, so its system is the empty text, not None.
    """
    if isinstance(value, str):
        return [(None, value)]
    if not isinstance(value, dict):
        return None
    if "reference" in value or "concept" in value:  # R5's CodeableReference
        concept = value.get("concept")
        return _codings(concept) if isinstance(concept, dict) else None
    if "coding" in value or "text" in value:
        given = value.get("coding")
        listed = given if isinstance(given, list) else []
        return [(str(one.get("system") or ""), one["code"]) for one in listed if _has_code(one)]
    if "code" in value or "value" in value or "system" in value or "unit" in value:
        return [(str(value.get("system") or ""), value["code"])] if _has_code(value) else []
    return []


def _has_code(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("code"), str)


def _shown(value: Any) -> str:
    """A value of a definition, short enough for a message."""
    from trialbridge.fhir.jsontext import encode  # noqa: PLC0415 - only where something is wrong

    text = encode(value).decode()
    return text if len(text) <= 200 else text[:197] + "…"


def _by(node: Node) -> str:
    return f"{node.definition.rpartition('/')[2]}, {node.id}"
