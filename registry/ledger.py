"""The loss ledger of a format: what a record holds that does not come back when the file written is read again.

The check is the proof: the writer's own reader reads the file, and every value that differs is named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry.content import leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the registry itself computes, assigns or dates, so that a sponsor's upload never holds it.
REGISTRY_MAKES = re.compile(
    r"derivedSection\b|annotationSection\b|documentSection\b|hasResults\b"
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
_NUMBER = re.compile(r"\[\d+\]")


def losses(before: Mapping[str, Any], after: Mapping[str, Any], target: str) -> list[Finding]:
    """One finding for each field of `before` that `after` does not hold with the same value, with how often.

    A note where the registry makes the field itself, else a warning. Paths count `[]` for every member of a list.
    """
    there = dict(leaves(after))
    counts: dict[str, list[int]] = {}
    for path, value in leaves(before):
        if path in there and there[path] == value:
            continue
        if value in ({}, []):
            continue
        count = counts.setdefault(_NUMBER.sub("[]", path), [0, 0])
        count[path in there] += 1
    return [finding for path, (gone, changed) in counts.items() for finding in _findings(path, gone, changed, target)]


def _findings(path: str, gone: int, changed: int, target: str) -> list[Finding]:
    where = Where(path=path)
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
    return found
