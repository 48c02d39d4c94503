"""Where in a resource a cell's value stands: a line's path with the list positions really used, raw value, code pair.

The compiled reading is fast and forgets its way. This walks the same lines slowly, one variable at a time, and keeps
it. What a spelling did inside an element (which coding of a concept, or its text) is found out by asking it: a part
that can be changed without changing the answer is not where the answer came from.

Paths are FHIRPath with JSON's names for choice types (`Observation.component[0].valueQuantity.value`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.converters import steps
from trialbridge.converters.sound import sound
from trialbridge.fhir.located import name_of
from trialbridge.fhir.paths import Choice, Index, parse
from trialbridge.mappings.names import constants

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as MappingOf

    from trialbridge.converters.context import Context
    from trialbridge.converters.to_sdtm import Source
    from trialbridge.fhir.bundle import Pool
    from trialbridge.fhir.paths import Step
    from trialbridge.mappings.kit import Line, Mapping, Release, Resource, Spelling

_OTHER_TEXT = "\N{REPLACEMENT CHARACTER}"  # a text no record has, to see whether a spelling looks at the text


@dataclass(frozen=True, slots=True)
class Home:
    """An object that paths start from: its JSON, its path in the resource of the source that holds it.

    `resource` is that resource's `Type/id`; None for a stand-in the conversion made, which no source holds. `link`
    is the path of the reference that led there from the primary resource. `logical` is set for a reference by
    identifier alone: its one identifier is the resource's whole content.
    """

    element: Resource
    path: str
    resource: str | None
    link: str = ""
    logical: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """The code a value was translated from: `male` is `M`, a system's code is a submission value."""

    code: Any
    value: str
    system: str = ""
    display: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON, without what is not known."""
        about = {"system": self.system, "code": self.code, "display": self.display}
        return {**{key: value for key, value in about.items() if value not in ("", None)}, "value": self.value}


@dataclass(frozen=True, slots=True)
class Trace:
    """A value found by a line: where, what stood there, and the pair of codes that did it, if any."""

    home: Home
    path: str
    raw: Any
    line: Line
    line_path: str
    spelling: str
    pair: Pair | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One path a line is read from, ready to follow."""

    line: Line
    text: str
    root: str
    steps: tuple[Step, ...]
    spelling: Spelling


@lru_cache(maxsize=512)
def ways(mapping: Mapping, release: Release, base: str) -> MappingOf[str, tuple[Way, ...]]:
    """The paths each variable of a mapping is read from in a release: of each line its own, then its others."""
    bound = constants(base)
    found: dict[str, list[Way]] = {}
    for also in (False, True):
        for one in mapping.lines:
            if release not in one.releases or one.direction == "to_fhir":
                continue
            for text, spelling in one.also if also else ((one.path, one.spelling),):
                path = parse(text)
                way = Way(one, text, path.root, steps.bind(path.steps, bound), spelling)
                found.setdefault(one.variable, []).append(way)
    return {variable: tuple(its) for variable, its in found.items()}


# --- where paths start ------------------------------------------------------------------------------------------------


def homes(source: Source, ctx: Context, held: Pool) -> dict[str, Home]:
    """The primary resource, the list element and the parts of a record, by the name its lines call them."""
    kind = source.mapping.resource
    primary = _home(source.primary, held, source.primary, kind)
    found = {kind: primary}
    if source.each is not None:
        found["Each"] = Home(source.each, _member_path(source, primary, ctx), primary.resource)
    bound = constants(ctx.base)
    for part in source.mapping.parts:
        element = source.parts.get(part.name)
        start = found.get(parse(part.link).root)
        if element is None or start is None or ctx.release not in part.releases:
            continue
        at = locate(start, steps.bind(parse(part.link).steps, bound))
        link = at[2] if at and start.resource is not None else ""  # a stand-in's reference is nobody's
        home = _home(element, held, source.primary, part.type, link)
        if home.resource is None and at and "identifier" in element and isinstance(at[0], dict):
            # a reference by identifier: the context read it as a resource that has nothing else
            home = Home({"identifier": [at[0].get("identifier")]}, at[2], start.resource, link, logical=True)
        found[part.name] = home
    return found


def _home(element: Resource, held: Pool, within: Resource, kind: str, link: str = "") -> Home:
    item = held.located(element)
    if item is None:
        return Home(element, kind, None, link)
    if item.resource is element or not element.get("resourceType"):
        return Home(element, str(element.get("resourceType") or kind), named(element, held), link)
    for number, one in enumerate(item.resource.get("contained") or ()):
        if one is element:
            path = f"{item.resource.get('resourceType')}.contained[{number}]"
            return Home(element, path, named(item.resource, held), link)
    return Home(element, kind, named(within, held), link)  # an earlier version the pool set aside


def named(resource: Resource, held: Pool) -> str | None:
    """`Type/id`; without an id the fullUrl or the file and line it was read from. None if no source holds it."""
    item = held.located(resource)
    if item is None:
        return None
    if "id" in resource or item.resource is not resource:
        return name_of(resource)
    place = item.full_url or ":".join(str(part) for part in (item.file, item.line) if part is not None)
    return f"{name_of(resource)} ({place})" if place else name_of(resource)


def _member_path(source: Source, primary: Home, ctx: Context) -> str:
    """The path of the list element that is the record."""
    path = parse(source.mapping.each[ctx.release])
    name = path.steps[-1].name
    for number, one in enumerate(source.primary.get(name) or ()):
        if one is source.each:
            return f"{primary.path}.{name}[{number}]"
    return f"{primary.path}.{name}"


# --- following a path -------------------------------------------------------------------------------------------------


def locate(home: Home, along: tuple[Step, ...]) -> tuple[Any, Any, str] | None:
    """Value, the sibling that holds a primitive's extensions, and path at bound steps; None where there is neither."""
    element: Any = home.element
    sibling: Any = None
    path = home.path
    for step in along:
        if not isinstance(element, dict):
            return None
        here = element.get(step.name)
        if isinstance(step, Index | Choice):
            at = _position(here, step)
            if here is None or at is None:
                return None
            place = step.name if home.logical and element is home.element else f"{step.name}[{at}]"
            element, sibling, path = here[at], None, f"{path}.{place}"
        else:
            element, sibling, path = here, element.get(f"_{step.name}"), f"{path}.{step.name}"
    return None if element is None and sibling is None else (element, sibling, path)


def _position(items: Any, step: Index | Choice) -> int | None:
    if not isinstance(items, list):
        return None
    if isinstance(step, Index):
        return step.at if len(items) > step.at else None
    match = steps.matcher(step.conditions, {})
    return next((number for number, one in enumerate(items) if steps.matches(one, match)), None)


def found_by_line(
    source: Source, places: MappingOf[str, Home], variable: str, value: Any, ctx: Context
) -> Trace | None:
    """How a line gave a variable that value; None where no line gives it."""
    for way in ways(source.mapping, ctx.release, ctx.base).get(variable, ()):
        home = places.get(way.root)
        if home is None:
            continue
        with sound(source.primary, []):  # the conversion has told of what is not shaped as FHIR says
            at = locate(home, way.steps)
            trace = _told(way, home, at, value, ctx) if at is not None else None
            if trace is not None:
                return trace
    return None


def _told(way: Way, home: Home, at: tuple[Any, Any, str], value: Any, ctx: Context) -> Trace | None:
    """The trace, if the element says that value in the line's spelling."""
    if way.spelling.shape == "literal":
        return _told_literal(way, home, at, value, ctx)
    raw, _, path = at
    if way.spelling.shape == "member":
        members = enumerate(raw if isinstance(raw, list) else ())
        number, raw = next(
            ((number, one) for number, one in members if way.spelling.to_sdtm(one, ctx) is not None), (0, None)
        )
        path = f"{path}[{number}]"
    if raw is None or way.spelling.to_sdtm(raw, ctx) != value:
        return None
    path, raw, pair = _pinned(path, raw, way.spelling, value, ctx)
    return Trace(home, path, raw, way.line, way.text, way.spelling.name, pair)


def _told_literal(way: Way, home: Home, at: tuple[Any, Any, str], value: Any, ctx: Context) -> Trace | None:
    """Of a primitive: it says the value itself, or an extension beside it does."""
    raw, sibling, path = at
    to_sdtm = way.spelling.to_sdtm
    if raw is None or to_sdtm(raw, None, ctx) != value:
        if to_sdtm(raw, sibling, ctx) != value:
            return None
        for number, one in enumerate((sibling or {}).get("extension") or ()):
            if isinstance(one, dict) and one.get("valueString") == value:
                path, raw = f"{path}.extension[{number}].valueString", value
                break
    return Trace(home, path, raw, way.line, way.text, way.spelling.name)


# --- inside an element ------------------------------------------------------------------------------------------------


def _pinned(path: str, raw: Any, spelling: Spelling, value: Any, ctx: Context) -> tuple[str, Any, Pair | None]:
    """Which part of an element the value came from: path, raw value, code pair."""
    if not isinstance(raw, dict | list):
        translated = isinstance(raw, bool) or value in spelling.pairs
        return path, raw, Pair(raw, str(value)) if translated else None
    if isinstance(raw, dict) and isinstance(raw.get("coding"), list):
        return _in_concept(path, raw, spelling, value, ctx)
    if isinstance(raw, dict) and "value" in raw:
        return *_in_quantity(path, raw, spelling, value, ctx), None
    for below, coding in _codings(path, raw):
        if coding.get("code") == spelling.pairs.get(value):
            return f"{below}.code", coding["code"], _pair(coding, value)
    for below, text in _texts(path, raw):
        if text == value:
            return below, text, None
    return path, raw, None


def _in_quantity(path: str, raw: Resource, spelling: Spelling, value: Any, ctx: Context) -> tuple[str, Any]:
    """The number of a Quantity, or the literal beside it, if that alone says it; else the whole (`<` and 5)."""
    if spelling.to_sdtm({"value": raw["value"]}, ctx) == value:
        return f"{path}.value", raw["value"]
    sibling = raw.get("_value")
    if isinstance(sibling, dict) and spelling.to_sdtm({"value": raw["value"], "_value": sibling}, ctx) == value:
        for number, one in enumerate(sibling.get("extension") or ()):
            if isinstance(one, dict) and one.get("valueString") == value:
                return f"{path}.value.extension[{number}].valueString", value
    return path, raw


def _in_concept(path: str, raw: Resource, spelling: Spelling, value: Any, ctx: Context) -> tuple[str, Any, Pair | None]:
    """Which coding of a CodeableConcept it was, or its text."""
    other = {**raw, "text": _OTHER_TEXT} if "text" in raw else raw
    if spelling.to_sdtm(other, ctx) != value:
        return f"{path}.text", raw["text"], None
    for number, coding in enumerate(raw["coding"]):
        bare = {key: coding[key] for key in ("system", "code") if key in coding}
        if bare and spelling.to_sdtm({"coding": [bare]}, ctx) == value:
            return f"{path}.coding[{number}].code", coding.get("code"), _pair(coding, value)
    for number, coding in enumerate(raw["coding"]):
        if coding.get("display") and spelling.to_sdtm({"coding": [coding]}, ctx) == value:
            return f"{path}.coding[{number}].display", coding["display"], None
    return path, raw, None


def _pair(coding: Resource, value: Any) -> Pair:
    return Pair(coding.get("code"), str(value), str(coding.get("system") or ""), str(coding.get("display") or ""))


def _codings(path: str, value: Any) -> Iterator[tuple[str, Resource]]:
    """Every object with system and code inside a value, with its path."""
    if isinstance(value, dict):
        if "code" in value and "system" in value:
            yield path, value
        for key, inner in value.items():
            yield from _codings(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _codings(f"{path}[{number}]", inner)


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text inside a value, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(f"{path}[{number}]", inner)
    elif isinstance(value, str):
        yield path, value
