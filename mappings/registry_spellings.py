"""How single values of a registry record are spelled in FHIR.

A value of an enumeration becomes a CodeableConcept: FHIR's own code where there is one, the registry's value as a
coding of the enumeration, and a text `Label: Value` as the public converters write it. All three are read.
Sources: enumerations in `registry/data/enums.tsv`; texts as in HL7's example `example-ctgov-study-record` (R5 5.0.0).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.registry_kit import Release, Spelling
from trialbridge.registry.dates import is_partial_date
from trialbridge.registry.enums import enumeration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.mappings.kit import Resource
    from trialbridge.registry.enums import Side

ENUM = "https://clinicaltrials.gov/data-api/about-api/study-data-structure#enum-"
"""The registry's page that lists an enumeration, by its name: the system of its values."""
R5_CORE, THO = "http://hl7.org/fhir/", "http://terminology.hl7.org/CodeSystem/"
NCT_SYSTEM = "http://clinicaltrials.gov"
NCT_SYSTEMS = frozenset(
    {
        *(
            f"{scheme}://{host}clinicaltrials.gov{rest}"
            for scheme in ("http", "https")
            for host in ("", "www.")
            for rest in ("", "/", "/nctid", "/ct2/show/")
        ),
        "urn:oid:2.16.840.1.113883.3.1077",
    }
)
"""Systems seen for NCT numbers; the first of HL7's NamingSystem is written."""
_SIDE: Mapping[Release, Side] = {"R4": "r4", "R5": "r5"}


def _text(value: Any) -> str | None:
    """A text that FHIR can hold: not empty, not blank."""
    return value if isinstance(value, str) and value.strip() else None


TEXT = Spelling("text", lambda value, _release: _text(value), _text)
DATE = Spelling(
    "date", lambda value, _release: value if isinstance(value, str) and is_partial_date(value) else None, _text
)
BOOLEAN = Spelling(
    "yes or no",
    lambda value, _release: value if isinstance(value, bool) else None,
    lambda element: element if isinstance(element, bool) else None,
)
COUNT = Spelling(
    "whole number",
    lambda value, _release: value if _is_count(value) else None,
    lambda element: element if _is_count(element) else None,
)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


DECIMAL = Spelling(
    "decimal number",
    lambda value, _release: value if _number(value) else None,
    lambda element: element if _number(element) else None,
)


def codings(element: Any) -> Iterator[Resource]:
    """The codings of a CodeableConcept, whatever its shape."""
    found = element.get("coding") if isinstance(element, dict) else None
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict):
            yield one


def text_of(element: Any) -> str:
    """The text of a CodeableConcept, empty if it has none."""
    found = element.get("text") if isinstance(element, dict) else None
    return found if isinstance(found, str) else ""


def has_code(element: Any, code: str) -> bool:
    """Whether a CodeableConcept has that code in any system (FHIR moved its code systems between releases)."""
    return any(one.get("code") == code for one in codings(element))


CONCEPT_TEXT = Spelling(
    "text of a concept",
    lambda value, _release: {"text": value} if _text(value) else None,
    lambda element: _text(text_of(element)) or next((_text(one.get("display")) for one in codings(element)), None),
)


def code(name: str) -> Spelling:
    """A value of an enumeration as a plain code of the release."""
    of = enumeration(name)

    def to_fhir(value: Any, release: Release) -> str | None:
        return of.writes[_SIDE[release]].get(value) if isinstance(value, str) else None

    def to_record(element: Any) -> str | None:
        key = element.casefold() if isinstance(element, str) else ""
        return of.reads["r4"].get(key) or of.reads["r5"].get(key)

    return Spelling(f"code for {name}", to_fhir, to_record, name)


def concept(name: str, label: str = "", systems: Mapping[Release, str] | None = None, *, raw: bool = False) -> Spelling:
    """A value of an enumeration as a CodeableConcept with the text `Label: Value`.

    `systems` are FHIR's code systems for it. Without `label` the text is the value's display alone; `raw` writes the
    API's own value into the text. A value the enumeration does not know is written as text and read back from it.
    """
    of = enumeration(name)
    raw_values = {value.casefold(): value for value in of.values}
    prefix = f"{label}: " if label else ""

    def shown(value: str) -> str:
        return value if raw else of.writes["public"].get(value) or of.writes["prs"].get(value) or value

    def to_fhir(value: Any, release: Release) -> Resource | None:
        if not _text(value):
            return None
        if value not in of.values:
            return {"text": f"{prefix}{value}"}
        found = []
        own = of.writes[_SIDE[release]].get(value)
        if own and systems and value not in of.lossy[_SIDE[release]]:
            found.append({"system": systems[release], "code": own})
        found.append({"system": ENUM + name, "code": value, "display": shown(value)})
        return {"coding": found, "text": prefix + shown(value)}

    def to_record(element: Any) -> str | None:
        for one in codings(element):
            if one.get("system") == ENUM + name and isinstance(one.get("code"), str):
                return str(one["code"])
        if systems:
            for one in codings(element):
                key = str(one.get("code", "")).casefold()
                if one.get("system") in _both(systems) and (
                    value := of.reads["r5"].get(key) or of.reads["r4"].get(key)
                ):
                    return value
        return read_text(text_of(element))

    def read_text(text: str) -> str | None:
        if not text.casefold().startswith(prefix.casefold()) or not text.strip():
            return None
        rest = text[len(prefix) :].strip()
        key = " ".join(rest.split()).casefold()
        known = raw_values.get(key) or of.reads["public"].get(key) or of.reads["prs"].get(key)
        return known or (rest if label else None)

    return Spelling(f"concept for {name}", to_fhir, to_record, name)


def _both(systems: Mapping[Release, str]) -> frozenset[str]:
    """A code system under the names it has had: in core and in HL7's terminology."""
    names = {one.rsplit("/", 1)[-1] for one in systems.values()}
    return frozenset({base + name for name in names for base in (R5_CORE, THO)})


def moved(name: str) -> dict[Release, str]:
    """A code system that R5's core took from HL7's terminology: where each release has it."""
    return {"R4": THO + name, "R5": R5_CORE + name}


def labelled(label: str, inner: Spelling = TEXT) -> Spelling:
    """A value as the text `Label: value` of a concept; yes-or-no values as Yes and No, numbers as digits."""
    prefix = f"{label}: " if not label.endswith(" ") else label

    def to_fhir(value: Any, _release: Release) -> Resource | None:
        text = _shown(value, inner)
        return None if text is None else {"text": prefix + text}

    def to_record(element: Any) -> Any:
        text = text_of(element)
        return _meant(text[len(prefix) :], inner) if text.startswith(prefix) else None

    return Spelling(f"text {label}", to_fhir, to_record)


def _shown(value: Any, inner: Spelling) -> str | None:
    if inner is BOOLEAN:
        return {True: "Yes", False: "No"}.get(value) if isinstance(value, bool) else None
    if inner is COUNT:
        return str(value) if _is_count(value) else None
    return _text(value)


def _meant(text: str, inner: Spelling) -> Any:
    if inner is BOOLEAN:
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.strip().casefold())
    if inner is COUNT:
        return int(text) if text.isdigit() else None
    return _text(text)


def characteristic(name: str, value: str, inner: Spelling) -> Spelling:
    """A field of the eligibility as a Group.characteristic with that code; `value` is the choice (`valueBoolean`)."""

    def to_fhir(of: Any, release: Release) -> Resource | None:
        element = inner.to_fhir(of, release)
        return None if element is None else {"code": {"text": name}, value: element, "exclude": False}

    def to_record(element: Any) -> Any:
        is_it = isinstance(element, dict) and text_of(element.get("code")) == name
        return inner.to_record(element.get(value)) if is_it else None

    return Spelling(f"characteristic {name}", to_fhir, to_record, inner.enumeration)
