"""Findings of any domain as Observations: a number as a quantity, anything else as a string.

One function makes the mappings of a domain from its two letters, so that a domain with nothing special to say is one
call. Source: SDTM 2.0 section 3.1.3 (the Findings class); joint mapping LB and VS rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.anatomy import LOCATION, METHOD, SIDE
from trialbridge.mappings.common import (
    PLANNED,
    STUDY_EXTENSION,
    STUDYID,
    collected,
    day,
    epoch,
    evaluator,
    record_lines,
    visit,
)
from trialbridge.mappings.findings import CANCELLED, NOT_DONE, decoded, same_as
from trialbridge.mappings.kit import Context, Derived, Extra, Line, Mapping, Part, Resource, Row, Spelling, line
from trialbridge.mappings.names import UCUM, absent
from trialbridge.mappings.spellings import COUNT, RESULT, TEXT, compared, plain_decimal
from trialbridge.mappings.units import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

TESTED = Spelling(
    "test code as the display of a coding",
    lambda element, _ctx: _display(element),
    lambda value, _ctx: {"coding": [{"display": value}]},
)
DISPLAY = Spelling(
    "the display of a coded value that no term matches",
    lambda element, _ctx: _first_display(element),
    lambda _value, _ctx: None,
)
STRING = "Observation.value.ofType(string)"
QUANTITY = "Observation.value.ofType(Quantity)"


def _display(element: Any) -> str | None:
    codings = element.get("coding") or () if isinstance(element, dict) else ()
    bare = [one.get("display") for one in codings if "code" not in one]
    return bare[0] if bare else None


def _first_display(element: Any) -> str | None:
    codings = element.get("coding") or () if isinstance(element, dict) else ()
    return next((one["display"] for one in codings if one.get("display")), None)


UNCODED = Extra(
    "Observation.code",
    lambda row, _ctx: (
        None if row.get(f"{row['DOMAIN']}TESTCD") or row.get(f"{row['DOMAIN']}TEST") else absent("unknown")
    ),
    note="an Observation must have a code; a row without a test has none",
)


def _never(_resource: Resource) -> bool:
    return False


def findings(
    domain: str,
    tests: Spelling = TESTED,
    *,
    codelist: str | None = None,
    method: Spelling = METHOD,
    parts: tuple[Part, ...] = (),
    when: Callable[[Resource], bool] = _never,
    extra_lines: tuple[Line, ...] = (),
    extras: tuple[Extra, ...] = (),
    further: tuple[Derived, ...] = (),
) -> tuple[Mapping, Mapping]:
    """The two mappings of a Findings domain: numbers, and all other results.

    `tests` spells --TESTCD; `codelist` names the codelist that decodes it; `method` spells --METHOD; `when` knows
    foreign Observations (without it only records that name the domain are read); `parts` are what `extra_lines` need.
    """
    shown = visit("Observation.encounter")
    judged = evaluator(domain, "Observation.performer[0]")

    def is_number(row: Row) -> bool:
        return compared(row.get(f"{domain}ORRES")) is not None

    def system(row: Row, ctx: Context) -> str | None:
        unit = row.get(f"{domain}ORRESU")
        return UCUM if unit and is_number(row) and UNIT.to_fhir(unit, ctx) else None

    def code(row: Row, ctx: Context) -> Any:
        unit = row.get(f"{domain}ORRESU")
        return UNIT.to_fhir(unit, ctx) if unit and is_number(row) else None

    def stresn(row: Row, _ctx: Context) -> float | None:
        exact = plain_decimal(row.get(f"{domain}STRESC") or "")
        return None if exact is None else float(exact)

    lines = (
        *record_lines(domain, "Observation", STUDY_EXTENSION),
        line(f"{domain}GRPID", "Observation.identifier.where(system=%grpid).value", TEXT),
        line(f"{domain}TESTCD", "Observation.code", tests),
        line(f"{domain}TEST", "Observation.code.text", TEXT),
        line(f"{domain}CAT", "Observation.category[0].text", TEXT),
        line(f"{domain}STAT", "Observation.dataAbsentReason", NOT_DONE, ("Observation.status", CANCELLED)),
        line(f"{domain}REASND", "Observation.dataAbsentReason.text", TEXT),
        line(f"{domain}METHOD", "Observation.method", method),
        line(f"{domain}LOC", "Observation.bodySite", LOCATION),
        line(
            f"{domain}LAT",
            "Observation.bodySite.extension(%laterality).value.ofType(CodeableConcept)",
            SIDE,
        ),
        collected(domain),
        *extra_lines,
        *shown.lines,
        *judged.lines,
    )
    derived = (
        STUDYID,
        *PLANNED,
        *((decoded(f"{domain}TEST", f"{domain}TESTCD", codelist),) if codelist else ()),
        *further,
        same_as(f"{domain}STRESC", f"{domain}ORRES"),
        Derived(f"{domain}STRESN", stresn, f"{domain}STRESC as a number"),
        same_as(f"{domain}STRESU", f"{domain}ORRESU"),
        day(f"{domain}DY", f"{domain}DTC"),
        epoch(f"{domain}DTC"),
    )
    key = ("STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ")
    numbers = Mapping(
        domain=domain,
        name=f"{domain} quantity",
        resource="Observation",
        key=key,
        given=is_number,
        when=when,
        shape=lambda resource: "valueQuantity" in resource,
        parts=(shown.part, judged.part, *parts),
        lines=(
            *lines,
            line(f"{domain}ORRES", QUANTITY, RESULT),
            line(f"{domain}ORRESU", f"{QUANTITY}.unit", TEXT, (f"{QUANTITY}.code", UNIT)),
        ),
        fixed={"status": "final"},
        extras=(*shown.extras, *extras, UNCODED, Extra(f"{QUANTITY}.system", system), Extra(f"{QUANTITY}.code", code)),
        derived=derived,
    )
    others = Mapping(
        domain=domain,
        name=f"{domain} text",
        resource="Observation",
        key=key,
        when=when,
        parts=(shown.part, judged.part, *parts),
        lines=(
            *lines,
            line(
                f"{domain}ORRES",
                STRING,
                TEXT,
                ("Observation.value.ofType(CodeableConcept).text", TEXT),
                ("Observation.value.ofType(CodeableConcept)", DISPLAY),
                ("Observation.value.ofType(integer)", COUNT),
            ),
        ),
        fixed={"status": "final"},
        extras=(*shown.extras, *extras, UNCODED),
        derived=derived,
    )
    return numbers, others
