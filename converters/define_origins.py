"""What the dictionary tells a define of origins: the FHIR path each variable was read from, the method it is derived by.

A study that was converted from FHIR is described by its lines; of a study that came as SDTM only the derivations are
told, for nothing is known of where its cells were read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.sdtm.define.origins import Told

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Mapping, Release
    from trialbridge.sdtm.table import Study


def told(
    study: Study, release: Release | None = None, dictionary: Dictionary = DICTIONARY
) -> dict[tuple[str, str], Told]:
    """By (dataset, variable). `release` is the FHIR release the study was converted from; None: it came as SDTM."""
    found: dict[tuple[str, str], Told] = {}
    for table in study:
        if not dictionary.takes(table.name, table.frame.columns):
            continue
        mappings = dictionary.of(table.name)
        paths = _paths(mappings, release) if release is not None else {}
        methods = {one.variable: _method(one.note, one.source) for each in mappings for one in each.derived if one.note}
        for name in table.frame.columns:
            if name in paths or name in methods:
                found[table.name, name] = Told(paths.get(name, ""), methods.get(name, ""))
    return found


def _paths(mappings: tuple[Mapping, ...], release: Release) -> dict[str, str]:
    """`FHIR R4: Patient.gender`, by variable; the first path of its first line, by each mapping of the domain."""
    found: dict[str, dict[str, None]] = {}
    for mapping in mappings:
        for one in mapping.lines:
            if release in one.releases and one.direction != "to_fhir":
                path = one.path.replace("Each", mapping.each[release], 1) if mapping.each else one.path
                found.setdefault(one.variable, {}).setdefault(path)
    return {name: f"FHIR {release}: {' or '.join(paths)}" for name, paths in found.items()}


def _method(note: str, source: str) -> str:
    text = f"{note[0].upper()}{note[1:]}"
    return f"{text} ({source})." if source else f"{text}."
