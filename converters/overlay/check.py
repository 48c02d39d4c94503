"""Whether a path a study gives is one of FHIR's: each element exists in the release, lists are lists, the type fits.

The judge is HL7's definitions (`fhir.elements`); what an extension may hold is its own publisher's business and is not
checked beyond FHIR's types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.errors import NotInvertibleError, UnknownNameError
from trialbridge.fhir.elements import elements
from trialbridge.fhir.paths import Child, Choice, Constant, parse
from trialbridge.mappings.names import constants

if TYPE_CHECKING:
    from trialbridge.fhir.elements import Element
    from trialbridge.fhir.paths import Path, Step
    from trialbridge.fhir.releases import Release
    from trialbridge.mappings.kit import Mapping


def node_of(mapping: Mapping, root: str, release: Release) -> str | None:
    """The definition a path may begin at: the primary's type, a part's, or the elements of `each`; None if no part."""
    if root == "Each" and mapping.each:
        return element_at_end(parse(mapping.each[release]), mapping.resource, release, listed=True).node
    if root == mapping.resource:
        return mapping.resource
    return next((part.type for part in mapping.parts if part.name == root and release in part.releases), None)


def roots_of(mapping: Mapping, release: Release) -> list[str]:
    """The names a path may begin with."""
    parts = [part.name for part in mapping.parts if release in part.releases]
    return list(dict.fromkeys([*(["Each"] if mapping.each else []), mapping.resource, *parts]))


def end_of(mapping: Mapping, text: str, release: Release, *, listed: bool = False) -> Element:
    """The element at the end of a path of a mapping; `listed` where the path names a whole list.

    Raises NotInvertibleError, UnknownNameError saying what is wrong.
    """
    path = parse(text)
    node = node_of(mapping, path.root, release)
    if node is None:
        known = ", ".join(roots_of(mapping, release))
        raise UnknownNameError(f"{mapping.name} has no part {path.root} in {release}.", fix=f"Begin with {known}.")
    if not path.steps:
        raise NotInvertibleError(f"The path {text!r} names no element.", fix="say which element of it")
    return element_at_end(path, node, release, listed=listed)


def element_at_end(path: Path, node: str, release: Release, *, listed: bool = False) -> Element:
    """The definition of a path's last step, from a node on; `listed` if the path is of a list, as `each` is."""
    return _walk(path.steps, node, release, path.text, listed=listed)


def _walk(steps: tuple[Step, ...], node: str, release: Release, text: str, *, listed: bool = False) -> Element:
    element: Element | None = None
    for number, step in enumerate(steps):
        name = step.name.removeprefix("_")
        try:
            element = elements(node, release).get(name)
        except UnknownNameError:
            element = None
        if element is None:
            raise UnknownNameError(
                f"FHIR {release} has no {step.name} in {node} ({text}).",
                fix="Look the element up in FHIR's definition.",
            )
        single = isinstance(step, Child) and not (listed and number == len(steps) - 1)
        if single and element.is_list:
            raise NotInvertibleError(
                f"{node}.{name} is a list ({text}).", fix=f"write {name}[0] or {name}.where(key='value')"
            )
        if not isinstance(step, Child) and not element.is_list:
            raise NotInvertibleError(f"{node}.{name} is no list ({text}).", fix=f"write {name} alone")
        if isinstance(step, Choice):
            _conditions(step, element.node, release, text)
        node = element.node
    if element is None:
        raise NotInvertibleError(f"The path {text!r} names no element.", fix="say which element of it")
    return element


def _conditions(step: Choice, node: str, release: Release, text: str) -> None:
    bound = constants()
    for condition in step.conditions:
        if isinstance(condition.value, Constant) and condition.value.name not in bound:
            known = "Use a name of docs/mapping.md, or the text itself in quotes."
            raise UnknownNameError(f"%{condition.value.name} is defined nowhere ({text}).", fix=known)
        found = _walk(condition.steps, node, release, text)
        concept = isinstance(condition.value, Constant) and isinstance(bound[condition.value.name], dict)
        if concept != (not found.primitive):
            what = "compares a code with a text" if not concept else "compares a text with a code"
            raise NotInvertibleError(f"A condition of {text} {what}.", fix="compare texts with texts")
