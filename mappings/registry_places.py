"""A record's facilities and people in FHIR.

A facility is a Location. In R5 one whose recruitment status is known is reached by a contained ResearchStudy of the
site that is part of the study, as the public converters do; R4's site takes a Location alone. Countries stand in R4's
`location` and R5's `region` too, for readers; they are not read back. People (contacts, officials) are there only when
the record was read with contacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.registry_dates import STATE
from trialbridge.mappings.registry_kit import Each, Line, Linked, Special, Value
from trialbridge.mappings.registry_spellings import DECIMAL, R5_CORE, TEXT, concept, has_code
from trialbridge.registry.content import at, items, put, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.mappings.kit import Resource
    from trialbridge.mappings.registry_kit import Content, Reading, Writing

C = "contactsLocationsModule."
PLACE = (
    ("facility", "name", TEXT),
    ("city", "address.city", TEXT),
    ("state", "address.state", TEXT),
    ("zip", "address.postalCode", TEXT),
    ("country", "address.country", TEXT),
    ("geoPoint.lat", "position.latitude", DECIMAL),
    ("geoPoint.lon", "position.longitude", DECIMAL),
)
"""Field of a location, its place in Location, its spelling."""


def _write(content: Mapping[str, Any], study: Resource, writing: Writing) -> None:
    countries: dict[str, None] = {}
    for number, one in enumerate(items(content, C + "locations")):
        body: Resource = {"status": "active", "mode": "instance"}
        for field, path, spelling in PLACE:
            element = spelling.to_fhir(at(one, field), writing.release)
            if element is not None:
                put(body, path, element)
        if len(body.get("position", {"": 0, " ": 0})) != 2:
            del body["position"]  # FHIR wants both coordinates
        site = writing.make("Location", f"site {number + 1}", body)
        state = STATE.to_fhir(one.get("status"), writing.release) if writing.release == "R5" else None
        if state:
            own = f"site-{number + 1}"
            child = {"resourceType": "ResearchStudy", "id": own, "partOf": [{"reference": "#"}], "status": "active"}
            study.setdefault("contained", []).append({**child, "site": [site], "progressStatus": [state]})
            site = {"reference": f"#{own}"}
        study.setdefault("site", []).append(site)
        if country := text(one, "country"):
            countries[country] = None
    if countries:
        study["location" if writing.release == "R4" else "region"] = [{"text": one} for one in countries]


def _read(study: Resource, content: Content, reading: Reading) -> None:
    found = []
    for reference in study.get("site") or ():
        site = reading.resolve(reference)
        states: Any = ()
        if site is not None and site.get("resourceType") == "ResearchStudy":
            states = site.get("progressStatus") or ()
            below = site.get("site") or [None]
            site = reading.resolve(below[0])
        if site is None or site.get("resourceType") != "Location":
            continue
        one: Content = {}
        for field, path, spelling in PLACE:
            value = spelling.to_record(at(site, path))
            if value is not None:
                put(one, field, value)
        status = next((value for state in states if (value := STATE.to_record(state))), None)
        if status:
            one["status"] = status
        if one:
            found.append(one)
    if found:
        put(content, C + "locations", found)


OFFICIAL = concept(
    "OfficialRole", "", {"R4": R5_CORE + "research-study-party-role", "R5": R5_CORE + "research-study-party-role"}
)
_CONTACT: tuple[Line, ...] = (
    Value("phone", "Practitioner.telecom.where(system='phone').value", TEXT),
    Value("email", "Practitioner.telecom.where(system='email').value", TEXT),
)
CONTACT_ROLES = ("recruitment-contact", "general-contact")
PERSON_ROLES = (
    *CONTACT_ROLES,
    "primary-investigator",
    "sub-investigator",
    "study-chair",
    "study-director",
    "sponsor-investigator",
)
PARTY: tuple[Line, ...] = (
    Linked("", "Each.party", "Organization", (Value("name", "Organization.name", TEXT),), {}, ("R5",), single=True),
)
PEOPLE: tuple[Line, ...] = (
    Each(
        C + "centralContacts",
        "ResearchStudy.contact",
        (
            Value("name", "Each.name", TEXT),
            Value("phone", "Each.telecom.where(system='phone').value", TEXT),
            Value("email", "Each.telecom.where(system='email').value", TEXT),
        ),
        releases=("R4",),
    ),
    Each(
        C + "centralContacts",
        "ResearchStudy.associatedParty",
        (
            Value("name", "Each.name", TEXT),
            Value("role", "Each.classifier[0]", concept("ContactRole")),
            Linked("", "Each.party", "Practitioner", _CONTACT, {}, ("R5",), single=True),
        ),
        {"role": {"coding": [{"system": R5_CORE + "research-study-party-role", "code": CONTACT_ROLES[0]}]}},
        lambda element: any(has_code(element.get("role"), code) for code in CONTACT_ROLES),
        ("R5",),
    ),
    Each(
        C + "overallOfficials",
        "ResearchStudy.associatedParty",
        (
            Value("name", "Each.name", TEXT),
            Value("role", "Each.role", OFFICIAL),
            Value("affiliation", "Each.party.display", TEXT),
        ),
        mine=lambda element: OFFICIAL.to_record(element.get("role")) is not None,
        releases=("R5",),
    ),
)
LINES: tuple[Line, ...] = (
    Special(
        C + "locations", "ResearchStudy.site -> Location; its status in R5 in a contained ResearchStudy", _write, _read
    ),
)
