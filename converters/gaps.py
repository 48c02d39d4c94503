"""Why a cell is empty: where its value would stand in FHIR, what stands there instead, what a computed one lacks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.converters.origins import asked
from trialbridge.converters.tracing import locate, ways
from trialbridge.mappings.names import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingOf

    from trialbridge.converters.to_sdtm import Source
    from trialbridge.converters.tracing import Home
    from trialbridge.mappings.kit import Context, Mapping, Release


@dataclass(frozen=True, slots=True)
class Gap:
    """`paths` are the elements a value is read from, the first the one to fill; `lacks` what a computation misses.

    `unread` is the path of an element that is there and that the line does not understand (a code of no pair);
    `absent` is the reason the source gives for its absence. `note` says how the value would be computed. All empty:
    no line of the dictionary reads it.
    """

    paths: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    unread: str = ""
    absent: str = ""
    note: str = ""


def gap_of(source: Source, variable: str, ctx: Context, places: MappingOf[str, Home]) -> Gap:
    """Why a record has no value for a variable; `places` are the homes of its paths (`tracing.homes`)."""
    paths = places_of(source.mapping, variable, ctx.release, ctx.base)
    unread, absent = _instead(source, variable, ctx, places)
    derived = next((one for one in source.mapping.derived if one.variable == variable), None)
    if derived is None:
        return Gap(paths, (), unread, absent)
    row = source.record.row
    _, inputs = asked(derived, row, ctx)
    lacks = []
    for name in inputs:
        known = row.get(name)
        if name == "DM.RFSTDTC":
            known = ctx.fact("rfstdtc", row.get("USUBJID"))
        if known in (None, ""):
            lacks.append(name)
    return Gap(paths, tuple(lacks), unread, absent, derived.note)


def _instead(source: Source, variable: str, ctx: Context, places: MappingOf[str, Home]) -> tuple[str, str]:
    """The path of what stands there and is not understood, and the reason given for what does not."""
    absent = ""
    for way in ways(source.mapping, ctx.release, ctx.base).get(variable, ()):
        home = places.get(way.root)
        at = locate(home, way.steps) if home is not None and home.resource is not None else None
        if at is None:
            continue
        value, sibling, path = at
        if value is None:
            absent = absent or _reason(sibling)
        elif not isinstance(value, dict | list) or (isinstance(value, dict) and {"coding", "text"} & set(value)):
            return path, absent
        elif isinstance(value, dict):
            absent = absent or _reason(value)
    return "", absent


def _reason(element: Any) -> str:
    """The code of a data-absent-reason extension."""
    for one in (element or {}).get("extension") or () if isinstance(element, dict) else ():
        if isinstance(one, dict) and one.get("url") == ABSENT:
            return str(one.get("valueCode") or "unknown")
    return ""


@lru_cache(maxsize=4096)
def places_of(mapping: Mapping, variable: str, release: Release, base: str) -> tuple[str, ...]:
    """The paths a variable is read from, each beginning with a resource type (or the list its records are)."""
    types = {part.name: part.type for part in mapping.parts if release in part.releases}
    if mapping.each:
        types["Each"] = mapping.each[release]
    found = []
    for way in ways(mapping, release, base).get(variable, ()):
        root, _, rest = way.text.partition(".")
        found.append(f"{types.get(root, root)}.{rest}")
    return tuple(dict.fromkeys(found))
