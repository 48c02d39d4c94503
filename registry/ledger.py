"""The loss ledger of a format: what a record holds that does not come back when the file written is read again.

The check is the proof: the writer's own reader reads the file, and every value that differs is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry.content import leaves
from trialbridge.registry.markup import plain

# What the registry itself computes, assigns or dates, so that a sponsor's upload never holds it.
REGISTRY_MAKES = re.compile(
    r"derivedSection\b|annotationSection\b"
    r"|protocolSection\.identificationModule\.(nctId\b|nctIdAliases|organization\.class|secondaryIdInfos\[\]\.link"
    r"|orgStudyIdInfo\.link)"
    r"|protocolSection\.statusModule\.(lastKnownStatus|studyFirst|resultsFirst|resultsWaived|dispFirst|lastUpdate)"
    r"|protocolSection\.sponsorCollaboratorsModule\.(leadSponsor|collaborators\[\])\.class"
    r"|protocolSection\.oversightModule\.fdaaa801Violation"
    r"|protocolSection\.designModule\.nPtrsToThisExpAccNctId"
    r"|protocolSection\.eligibilityModule\.stdAges"
    r"|protocolSection\.contactsLocationsModule\.locations\[\]\.(geoPoint|countryCode)"
    r"|protocolSection\.referencesModule\.references\[\]\.retractions"
)
_WHOLE_SECTIONS = re.compile(r"((?:derived|annotation|document)Section)\b")
_NUMBER = re.compile(r"\[\d+\]")


def losses(before: Mapping[str, Any], after: Mapping[str, Any], target: str) -> list[Finding]:
    """One finding for each field of `before` that `after` does not hold with the same value, with how often.

    A note where the registry makes the field itself or only escapes of markdown differ, else a warning. Paths count
    `[]` for every member of a list; what the registry derives or holds as documents is one finding a section.
    """
    there = dict(leaves(_aligned(before, after)))
    counts: dict[str, list[int]] = {}
    for path, value in leaves(before):
        if path in there and there[path] == value:
            continue
        if value in ({}, []):
            continue
        section = _WHOLE_SECTIONS.match(path)
        count = counts.setdefault(section[1] if section else _NUMBER.sub("[]", path), [0, 0, 0])
        count[_how(value, path in there, there.get(path))] += 1
    return [finding for path, numbers in counts.items() for finding in _findings(path, numbers, target)]


def _how(before: Any, there: bool, after: Any) -> int:  # noqa: FBT001 - a fact of the comparison, not an option
    """0 gone, 1 changed, 2 the same but for escapes of markdown."""
    same = isinstance(before, str) and isinstance(after, str) and plain(before) == plain(after)
    return 2 if same else int(there)


def _aligned(before: Any, after: Any) -> Any:
    """`after` with the lists that lost members filled up with empty ones, so that members stand at the same number.

    Members are matched by their longest text, in order.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return {name: _aligned(before.get(name), value) for name, value in after.items()}
    if not isinstance(before, list | tuple) or not isinstance(after, list | tuple):
        return after
    if len(after) >= len(before):
        return [*map(_aligned, before, after), *after[len(before) :]]
    filled, rest = [], list(after)
    for number, one in enumerate(before):
        forced = len(rest) == len(before) - number
        taken = bool(rest) and (forced or _longest(one) == _longest(rest[0]))
        filled.append(_aligned(one, rest.pop(0)) if taken else None)
    return filled


def _longest(member: Any) -> str:
    return max((str(value) for _, value in leaves(member)), key=len, default="")


def _findings(path: str, numbers: list[int], target: str) -> list[Finding]:
    where = Where(path=path)
    gone, changed, escaped = numbers
    found = []
    if gone:
        makes = REGISTRY_MAKES.match(path)
        why = "the registry makes it itself" if makes else "there is no place for it"
        message = f"{gone} not carried in {target}: {why}."
        severity = Severity.NOTE if makes else Severity.WARNING
        found.append(Finding("TB-REG-LOST", severity, where, message, "" if makes else "enter it by hand"))
    if changed:
        message = f"{changed} written in {target} in a way that reads back different."
        found.append(Finding("TB-REG-CHANGED", Severity.WARNING, where, message, "compare it with the record"))
    if escaped:
        message = f"{escaped} written in {target} without the escapes of markdown."
        found.append(Finding("TB-REG-MARKUP", Severity.NOTE, where, message))
    return found
