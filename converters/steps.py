"""The few moves that compiled functions make inside a resource: find a list element, make one, descend.

`Matcher` is a `where(...)` whose constants are bound: conditions on a list element, each a place in it and a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.paths import Child, Choice, Condition, Constant, Index, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Bound conditions: `simple` are (key, text), `deep` are (steps, value)."""

    simple: tuple[tuple[str, Any], ...]
    deep: tuple[tuple[tuple[Step, ...], Any], ...]


def matcher(conditions: Iterable[Condition], constants: Mapping[str, Any]) -> Matcher:
    """The conditions of a path's `where` with `%constants` bound. KeyError for a constant nobody defined."""
    simple: list[tuple[str, Any]] = []
    deep: list[tuple[tuple[Step, ...], Any]] = []
    for condition in conditions:
        value = constants[condition.value.name] if isinstance(condition.value, Constant) else condition.value
        if len(condition.steps) == 1 and isinstance(condition.steps[0], Child) and isinstance(value, str):
            simple.append((condition.steps[0].name, value))
        else:
            deep.append((bind(condition.steps, constants), value))
    return Matcher(tuple(simple), tuple(deep))


def bind(steps: tuple[Step, ...], constants: Mapping[str, Any]) -> tuple[Step, ...]:
    """The same steps with `%constants` replaced by their values."""
    bound: list[Step] = []
    for step in steps:
        if isinstance(step, Choice):
            conditions = tuple(
                Condition(
                    bind(one.steps, constants),
                    constants[one.value.name] if isinstance(one.value, Constant) else one.value,
                )
                for one in step.conditions
            )
            bound.append(Choice(step.name, conditions))
        else:
            bound.append(step)
    return tuple(bound)


def equals(element: Any, wanted: Any) -> bool:
    """Equality; a wanted CodeableConcept is met by any coding it shares (system and code)."""
    if isinstance(wanted, dict) and "coding" in wanted:
        if not isinstance(element, dict):
            return False
        codings = element.get("coding") or ()
        return any(
            coding.get("code") == one["code"] and coding.get("system") == one["system"]
            for coding in codings
            for one in wanted["coding"]
        )
    return bool(element == wanted)


def matches(element: Any, match: Matcher) -> bool:
    """Whether a list element meets all conditions."""
    if not isinstance(element, dict):
        return False
    for key, text in match.simple:
        if element.get(key) != text:
            return False
    return all(equals(follow(element, steps), value) for steps, value in match.deep)


def pick(items: list[Any] | None, match: Matcher) -> Any:
    """The first element that meets the conditions, or None."""
    if items:
        for element in items:
            if matches(element, match):
                return element
    return None


def pick_by(items: list[Any] | None, key: str, text: str) -> Any:
    """The first element that has this text at this key, or None: `pick` for the commonest condition."""
    if items:
        for element in items:
            if isinstance(element, dict) and element.get(key) == text:
                return element
    return None


def follow(element: Any, steps: tuple[Step, ...]) -> Any:
    """The value at bound steps below an element, or None."""
    for step in steps:
        if not isinstance(element, dict):
            return None
        element = element.get(step.name)
        if isinstance(step, Index):
            element = element[step.at] if isinstance(element, list) and len(element) > step.at else None
        elif isinstance(step, Choice):
            element = pick(element, matcher(step.conditions, {}))
    return element


def place(element: Resource, steps: tuple[Step, ...], value: Any) -> None:
    """Write `value` at bound steps below an element, making what is missing on the way."""
    for step in steps[:-1]:
        element = descend(element, step)
    last = steps[-1]
    if isinstance(last, Child):
        element[last.name] = value
    else:
        descend(element, last).update(value)


def descend(element: Resource, step: Step) -> Resource:
    """The child of that step, made if it is not there."""
    if isinstance(step, Child):
        return child(element, step.name)
    if isinstance(step, Index):
        return nth(element, step.name, step.at)
    return choose(element, step.name, matcher(step.conditions, {}))


def child(element: Resource, name: str) -> Resource:
    """A child object, made if it is not there."""
    found: Resource | None = element.get(name)
    if found is None:
        found = element[name] = {}
    return found


def nth(element: Resource, name: str, at: int) -> Resource:
    """The nth object of a list, made (with those before it) if it is not there."""
    items: list[Resource] = element.setdefault(name, [])
    while len(items) <= at:
        items.append({})
    return items[at]


def choose(element: Resource, name: str, match: Matcher) -> Resource:
    """The list element that meets the conditions; made to meet them, at the end, if there is none."""
    items: list[Resource] = element.setdefault(name, [])
    found: Resource | None = pick(items, match)
    if found is None:
        found = fresh(match)
        items.append(found)
    return found


def fresh(match: Matcher) -> Resource:
    """A new element that meets the conditions."""
    made: Resource = dict(match.simple)
    for steps, value in match.deep:
        place(made, steps, value)
    return made


def put(element: Resource, name: str, value: Any) -> None:
    """Set a child; an object is merged into one that another line has begun."""
    begun = element.get(name)
    if isinstance(begun, dict) and isinstance(value, dict):
        begun.update(value)
    else:
        element[name] = value
