"""Persons in a record: names, telephones and addresses of contacts and investigators. Dropped unless asked for.

What counts: central contacts, overall officials, contacts of locations, the name of an investigator who is the
responsible party, and the point of contact for results. Titles and affiliations stay: they name no person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

PERSONS = (
    "protocolSection.contactsLocationsModule.centralContacts",
    "protocolSection.contactsLocationsModule.overallOfficials",
    "protocolSection.contactsLocationsModule.locations.contacts",
    "protocolSection.sponsorCollaboratorsModule.responsibleParty.investigatorFullName",
    "protocolSection.sponsorCollaboratorsModule.responsibleParty.oldNameTitle",
    "resultsSection.moreInfoModule.pointOfContact",
)


def without_contacts(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """A study without its persons, and a note for each kind that was dropped (how many, never who)."""
    findings = []
    for path in PERSONS:
        content, dropped = _without(content, path.split("."))
        if dropped:
            message = f"{dropped} left out: contacts of persons are carried only when asked."
            where = Where(path=path)
            findings.append(Finding("TB-REG-CONTACT-DROPPED", Severity.NOTE, where, message, "read with contacts"))
    return dict(content), findings


def _without(content: Any, path: Sequence[str]) -> tuple[Any, int]:
    """The same content without what stands at a path (through lists), and how many things that were."""
    if isinstance(content, list):
        parts = [_without(one, path) for one in content]
        return [part for part, _ in parts], sum(dropped for _, dropped in parts)
    if not isinstance(content, Mapping) or path[0] not in content:
        return content, 0
    here = content[path[0]]
    if len(path) == 1:
        rest = {name: value for name, value in content.items() if name != path[0]}
        return rest, len(here) if isinstance(here, list) else 1
    changed, dropped = _without(here, path[1:])
    return ({**content, path[0]: changed} if dropped else content), dropped
