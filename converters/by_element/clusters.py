"""Which lines, extras and parts of a mapping go through which root element: the first step of its plan.

What goes through the same element stays together; members of a root list whose conditions exclude one another
(`identifier.where(system=…)`) are apart. An Observation's value stays with the reason why there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.converters.steps import matcher
from trialbridge.fhir.paths import Choice, parse
from trialbridge.mappings.names import constants

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.fhir.paths import Path, Step
    from trialbridge.mappings.kit import Extra, Line, Mapping, Part, Release

EACH = "Each"
Parts = dict[str, "Part"]


@dataclass(slots=True)
class Thing:
    """A line, extra or part, the root step it goes through, and its place in writing (None: it is only read)."""

    each: bool
    """Whether it goes through the list element that is the record, not through the primary resource."""
    step: Step
    place: int | None
    line: Line | None = None
    extra: Extra | None = None
    part: Part | None = None


@dataclass(slots=True)
class Cluster:
    """What goes through one root element, or some members of a root list (`member`).

    `guests` are lines that other elements have first, with the path and spelling by which they are read here.
    """

    names: set[str]
    things: list[Thing]
    member: bool = False
    guests: list[tuple[Line, str, Any]] = field(default_factory=list)
    interrupted: bool = False
    """Whether others of its list, or of its list element, are written between its first thing and its last."""
    each: bool = False

    @property
    def begins(self) -> int:
        """The place of its first thing."""
        return (self.span() or (1 << 30, 0))[0]

    def first_line(self) -> Line | None:
        """The line that begins it, if a line does."""
        return next((one.line for one in self.things if one.place == self.begins), None)

    def span(self) -> tuple[int, int] | None:
        """The places of the first and the last thing that writes it."""
        places = [one.place for one in self.things if one.place is not None]
        return (min(places), max(places)) if places else None


def through(path: Path, primary: str, parts: Parts) -> tuple[bool, Step] | None:
    """The root step that a path goes through, by the links of parts if need be; and whether it is of the list element."""
    while path.root not in {primary, EACH}:
        if path.root not in parts:
            return None
        path = parse(parts[path.root].link)
    return path.root == EACH, path.steps[0]


def base_of(name: str) -> str:
    """The name of an element, also of its extensions' (`_birthDate`)."""
    return name.removeprefix("_")


def clusters(
    mapping: Mapping, reader: Mapping, release: Release, base: str, parts: tuple[Parts, Parts]
) -> list[Cluster] | None:
    """The root elements of what `mapping` writes and `reader` reads (`parts` of both); None where a path begins nowhere."""
    things = _things(mapping, reader, release, parts)
    if things is None:
        return None
    guests: list[tuple[Line, str, Any, tuple[bool, Step]]] = []
    for one in reader.lines:
        for path, spelling in one.also if release in one.releases and one.direction != "to_fhir" else ():
            root = through(parse(path), reader.resource, parts[1])
            if root is not None:
                guests.append((one, path, spelling, root))
    bound = constants(base)
    fixed = frozenset(map(base_of, mapping.fixed))
    found: list[Cluster] = []
    for each in (False, True):
        here = [one for one in things if one.each is each]
        inside = [one for one in guests if one[3][0] is each]
        its = _named(here, inside, bound, frozenset() if each else fixed)
        for cluster in its:
            cluster.each = each
        if each:
            _interrupt(its)
        found += its
    if mapping.resource == "Observation":
        found = _together(found, lambda one: any(n.startswith("value") or n == "dataAbsentReason" for n in one.names))
    return [one for one in found if one.span() is not None or (one.names & fixed and not one.each)]


def _named(things: list[Thing], guests: list[Any], bound: Any, fixed: frozenset[str]) -> list[Cluster]:
    found: list[Cluster] = []
    for name in dict.fromkeys((*(base_of(one.step.name) for one in things), *fixed)):
        mine = [one for one in things if base_of(one.step.name) == name]
        inside = [one for one in guests if base_of(one[3][1].name) == name]
        apart = name not in fixed and all(isinstance(one.step, Choice) for one in mine)
        apart = apart and all(isinstance(one[3][1], Choice) or one[2].shape == "member" for one in inside)
        its = _apart(mine, bound) if apart else [Cluster({name}, mine)]
        for cluster in its:
            for line, path, spelling, (_, step) in inside:
                steps = [one.step for one in cluster.things]
                if not apart or not isinstance(step, Choice) or any(_may_meet(step, one, bound) for one in steps):
                    cluster.guests.append((line, path, spelling))
        found += its
    return found


def _interrupt(its: list[Cluster]) -> None:
    """The root elements of a list element stand in the order in which they are begun."""
    for one in its:
        first, last = one.span() or (0, 0)
        one.interrupted = any(first < other.begins < last for other in its)


def _things(mapping: Mapping, reader: Mapping, release: Release, parts: tuple[Parts, Parts]) -> list[Thing] | None:
    """All that goes through a root element: what writes, in its order, then what reads; None where a path begins nowhere."""
    found: list[Thing] = []
    places: list[tuple[str, dict[str, Any]]] = []
    lines = [one for one in mapping.lines if release in one.releases and one.direction != "to_sdtm"]
    places += [(one.path, {"line": one}) for one in lines]
    places += [(one.path, {"extra": one}) for one in mapping.extras if release in one.releases]
    places += [(one.link, {"part": one}) for one in parts[0].values() if one.needs]
    for place, (path, what) in enumerate(places):
        root = through(parse(path), mapping.resource, parts[0])
        if root is None:
            return None
        found.append(Thing(*root, place, **what))
    read: list[tuple[str, dict[str, Any]]] = []
    lines = [one for one in reader.lines if release in one.releases and one.direction != "to_fhir"]
    read += [(one.path, {"line": one}) for one in lines]
    read += [(one.link, {"part": one}) for one in parts[1].values()]
    for path, what in read:
        root = through(parse(path), reader.resource, parts[1])
        if root is None:
            return None
        found.append(Thing(*root, None, **what))
    return found


def _apart(things: list[Thing], bound: Any) -> list[Cluster]:
    """Members of a list by their conditions: those that could be one stay together, and those written in turns."""
    its: list[Cluster] = []
    for thing in things:
        near = [one for one in its if any(_may_meet(thing.step, other.step, bound) for other in one.things)]
        joint = Cluster({thing.step.name}, [], member=True)
        for one in near:
            joint.things += one.things
            its.remove(one)
        joint.things.append(thing)
        its.append(joint)
    its = sorted((one for one in its if one.span() is not None), key=lambda one: one.begins)
    _interrupt(its)
    for one in its:
        if one.interrupted and one.first_line() is None:
            return [Cluster({things[0].step.name}, things)]
    return its


def _may_meet(one: Step, other: Step, bound: Any) -> bool:
    """Whether one list element may meet both conditions."""
    if not isinstance(one, Choice) or not isinstance(other, Choice):
        return True
    first, second = dict(matcher(one.conditions, bound).simple), dict(matcher(other.conditions, bound).simple)
    return not any(first[key] != second[key] for key in first.keys() & second.keys())


def _together(its: list[Cluster], belongs: Callable[[Cluster], bool]) -> list[Cluster]:
    joint = Cluster(set(), [])
    rest: list[Cluster] = []
    for one in its:
        if belongs(one) and not one.each:
            joint.names |= one.names
            joint.things += one.things
            joint.guests += one.guests
        else:
            rest.append(one)
    return [*rest, joint] if joint.names else rest
