"""A record's eligibility and enrolment as FHIR's Group: R4's ResearchStudy.enrollment, R5's recruitment.

A criterion is a characteristic with the code TI gives it (INCL01, EXCL01), as `mappings.design` writes TI, so that the
record's and TI's Group say the same. Ages, sex and the like are characteristics named as the registry names them.
Source: HL7 mapping "clinicaltrials-gov" (enrollment); R5 ResearchStudy.recruitment; SDTMIG 3.4 section 7.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.registry_kit import Line, Linked, Member, Members, Release, Special, Spelling, Value
from trialbridge.mappings.registry_spellings import BOOLEAN, COUNT, TEXT, characteristic, concept, text_of
from trialbridge.registry import criteria
from trialbridge.registry.content import put, text

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Resource
    from trialbridge.mappings.registry_kit import Content, Reading, Writing
    from trialbridge.registry.criteria import Category

E, ENROLLMENT = "eligibilityModule.", "designModule.enrollmentInfo."
UCUM = "http://unitsofmeasure.org"
UNITS = {"year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min"}
_AGE = re.compile(r"(\d{1,4}) ((Year|Month|Week|Day|Hour|Minute)s?)")
_CRITERION = re.compile(r"(INCL|EXCL)\d+")
WHOLE_TEXT = "Eligibility Criteria"


def _age(value: Any, _release: Release) -> Resource | None:
    found = _AGE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    return {"value": int(found[1]), "unit": found[2], "system": UCUM, "code": UNITS[found[3].casefold()]}


def _is_age(element: Any) -> str | None:
    if not isinstance(element, dict) or not isinstance(element.get("unit"), str) or "value" not in element:
        return None
    return f"{element['value']} {element['unit']}"


AGE = Spelling("age", _age, _is_age)
ACTUAL = Spelling(
    "ACTUAL as true",
    lambda value, _release: {"ACTUAL": True, "ESTIMATED": False}.get(value) if isinstance(value, str) else None,
    lambda element: {True: "ACTUAL", False: "ESTIMATED"}.get(element) if isinstance(element, bool) else None,
)
TEXT_CONCEPT = Spelling(
    "text of a concept",
    lambda value, release: _as_concept(TEXT.to_fhir(value, release)),
    lambda of: text_of(of) or None,
)


def _as_concept(value: str | None) -> Resource | None:
    return {"text": value} if value else None


CODE, PLAIN = "valueCodeableConcept", "valueBoolean"
CHARACTERISTICS: tuple[tuple[str, str, str, Spelling], ...] = (
    (E + "sex", "Sex", CODE, concept("Sex")),
    (E + "genderBased", "Gender Based", PLAIN, BOOLEAN),
    (E + "genderDescription", "Gender Description", CODE, TEXT_CONCEPT),
    (E + "minimumAge", "Minimum Age", "valueQuantity", AGE),
    (E + "maximumAge", "Maximum Age", "valueQuantity", AGE),
    (E + "healthyVolunteers", "Accepts Healthy Volunteers", PLAIN, BOOLEAN),
    (E + "studyPopulation", "Study Population", CODE, TEXT_CONCEPT),
    (E + "samplingMethod", "Sampling Method", CODE, concept("SamplingMethod")),
)
_STANDARD_AGE = ("Standard Age", CODE, concept("StandardAge"))
NAMED = frozenset({_STANDARD_AGE[0], *(name for _, name, _, _ in CHARACTERISTICS)})


def codes(found: tuple[criteria.Criterion, ...]) -> list[str]:
    r"""IETESTCD of each criterion: INCL01 … and EXCL01 …, numbered in their order.

    >>> codes(criteria.split("Inclusion Criteria:\n\n* Adult\n\nExclusion Criteria:\n\n* Pregnant"))
    ['INCL01', 'EXCL01']
    """
    numbers: dict[str, int] = {}
    named = []
    for one in found:
        kind = "EXCL" if one.category == "EXCLUSION" else "INCL"
        numbers[kind] = numbers.get(kind, 0) + 1
        named.append(f"{kind}{numbers[kind]:02}")
    return named


def _write(content: Mapping[str, Any], group: Resource, _writing: Writing) -> None:
    whole = text(content, E + "eligibilityCriteria")
    found = criteria.split(whole)
    into = group.setdefault("characteristic", [])
    if found and all(one.category for one in found):
        for code, one in zip(codes(found), found, strict=True):
            exclude = one.category == "EXCLUSION"
            into.append({"code": {"text": code}, CODE: {"text": one.text}, "exclude": exclude})
    elif whole.strip():
        into.append({"code": {"text": WHOLE_TEXT}, CODE: {"text": whole}, "exclude": False})
    if not into:
        del group["characteristic"]


def _read(group: Resource, content: Content, _reading: Reading) -> None:
    given: list[tuple[Category, str]] = []
    for one in group.get("characteristic") or ():
        name = text_of(one.get("code")) if isinstance(one, dict) else ""
        said = text_of(one.get(CODE)) if isinstance(one, dict) else ""
        if name == WHOLE_TEXT and said:
            put(content, E + "eligibilityCriteria", said)
            return
        if said and name not in NAMED:
            shown = said if _CRITERION.fullmatch(name) or name == said or not name else f"{name}: {said}"
            given.append(("EXCLUSION" if one.get("exclude") is True else "INCLUSION", shown))
    if given:
        put(content, E + "eligibilityCriteria", criteria.compose(given))


_CRITERIA = Special(E + "eligibilityCriteria", "Group.characteristic, a criterion each", _write, _read)
_SHARED: tuple[Line, ...] = (
    _CRITERIA,
    *(
        Member(field, "Group.characteristic", characteristic(name, value, inner))
        for field, name, value, inner in CHARACTERISTICS
    ),
    Members(E + "stdAges", "Group.characteristic", characteristic(*_STANDARD_AGE)),
)
LINES: tuple[Line, ...] = (
    Linked(
        "",
        "ResearchStudy.enrollment",
        "Group",
        (
            Value(ENROLLMENT + "count", "Group.quantity", COUNT),
            Value(ENROLLMENT + "type", "Group.actual", ACTUAL),
            *_SHARED,
        ),
        {"type": "person", "actual": False, "name": "Enrolment and eligibility criteria"},
        ("R4",),
        single=True,
    ),
    Special(
        ENROLLMENT + "count, type",
        "ResearchStudy.recruitment.targetNumber, actualNumber",
        lambda content, study, _writing: _write_number(content, study),
        lambda study, content, _reading: _read_number(study, content),
        ("R5",),
    ),
    Linked(
        "",
        "ResearchStudy.recruitment.eligibility",
        "Group",
        _SHARED,
        {"type": "person", "membership": "definitional", "name": "Eligibility criteria"},
        ("R5",),
        single=True,
    ),
)
_NUMBERS = {"ACTUAL": "actualNumber", "ESTIMATED": "targetNumber"}


def _write_number(content: Mapping[str, Any], study: Resource) -> None:
    info = content.get("designModule")
    info = info.get("enrollmentInfo") if isinstance(info, Mapping) else None
    if isinstance(info, Mapping):
        name = _NUMBERS.get(text(info, "type") or "ESTIMATED")
        count = COUNT.to_fhir(info.get("count"), "R5")
        if name and count is not None:
            study.setdefault("recruitment", {})[name] = count


def _read_number(study: Resource, content: Content) -> None:
    recruitment = study.get("recruitment")
    for kind, name in _NUMBERS.items():
        count = COUNT.to_record(recruitment.get(name)) if isinstance(recruitment, dict) else None
        if count is not None:
            put(content, ENROLLMENT + "count", count)
            put(content, ENROLLMENT + "type", kind)
            return
