"""Lines that hold for records of some value only: a variant of their mapping, chosen by that value on either side.

The variable asked for must be readable from the record's own resource, so that the record written is known again; if it
is not, the plain mapping reads it and what differs is carried, as always.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import NotInvertibleError
from trialbridge.converters.context import Context
from trialbridge.converters.steps import bind, follow
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.paths import parse
from trialbridge.mappings.names import constants

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.fhir.paths import Step
    from trialbridge.mappings.kit import Line, Mapping, Resource, Row


def conditional(mapping: Mapping, condition: tuple[str, str], lines: tuple[Line, ...]) -> Mapping:
    """The variant of a mapping for records whose variable has that value. Raises NotInvertibleError."""
    variable, value = condition
    holds = _reader(mapping, variable, value)
    given, shape = mapping.given, mapping.shape

    def asked(row: Row) -> bool:
        return row.get(variable) == value and given(row)

    def shaped(resource: Resource) -> bool:
        return shape(resource) and holds(resource)

    return replace(mapping, name=f"{mapping.name} where {variable} = {value!r}", lines=lines, given=asked, shape=shaped)


def _reader(mapping: Mapping, variable: str, value: str) -> Callable[[Resource], bool]:
    """Whether a resource says that value. Raises NotInvertibleError where it cannot be asked."""
    root = "Each" if mapping.each else mapping.resource
    found: list[tuple[tuple[Step, ...], Any]] = []
    for one in mapping.lines:
        if one.variable != variable or one.direction == "to_fhir" or one.spelling.shape != "value":
            continue
        path = parse(one.path)
        if path.root == root and not _ours(one.path):
            found.append((bind(path.steps, constants(BASE)), one.spelling.to_sdtm))
    if not found:
        raise NotInvertibleError(
            f"{mapping.name} cannot tell {variable} from the record's {root} alone.",
            fix="ask for a variable whose line begins there and needs no identifier system",
        )
    ctx = Context(BASE, "R4")

    def holds(resource: Resource) -> bool:
        for steps, to_sdtm in found:
            element = follow(resource, steps)
            if element is not None and to_sdtm(element, ctx) == value:
                return True
        return False

    return holds


def _ours(path: str) -> bool:
    """Whether a path names one of our own systems, which hang on the base url."""
    here, there = constants(BASE), constants("urn:other")
    names = [part.split(")")[0].split(" ")[0] for part in path.split("%")[1:]]
    return any(here.get(name) != there.get(name) for name in (name.rstrip("=.,") for name in names))
