"""Why a cell is empty: where its value would stand in FHIR, and what a computed one lacks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from trialbridge.converters.origins import asked
from trialbridge.converters.tracing import ways

if TYPE_CHECKING:
    from trialbridge.converters.to_sdtm import Source
    from trialbridge.mappings.kit import Context, Mapping, Release


@dataclass(frozen=True, slots=True)
class Gap:
    """`paths` are the elements a value is read from, the first the one to fill; `lacks` what a computation misses.

    `note` says how it would be computed. All empty: no line of the dictionary reads it.
    """

    paths: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    note: str = ""


def gap_of(source: Source, variable: str, ctx: Context) -> Gap:
    """Why a record has no value for a variable."""
    paths = places_of(source.mapping, variable, ctx.release, ctx.base)
    derived = next((one for one in source.mapping.derived if one.variable == variable), None)
    if derived is None:
        return Gap(paths)
    row = source.record.row
    _, inputs = asked(derived, row, ctx)
    lacks = []
    for name in inputs:
        known = row.get(name)
        if name == "DM.RFSTDTC":
            known = ctx.fact("rfstdtc", row.get("USUBJID"))
        elif "." in name or name.startswith("("):
            known = None
        if known in (None, ""):
            lacks.append(name)
    return Gap(paths, tuple(lacks), derived.note)


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
