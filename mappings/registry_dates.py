"""A record's dates and FHIR: R5's progressStatus, R4's extension researchStudy-studyRegistration, and the period.

A date is a row of an activity with its period and whether it is actual. The study's own time (`overall-study`) is one
row where start and completion are of one type, else two, as the public converters write it.
Sources: R5 ResearchStudy.progressStatus; HL7 extensions pack 5.x, researchStudy-studyRegistration {activity, actual,
period}; code system research-study-registration-activity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.registry_kit import Line, Special, Spelling
from trialbridge.mappings.registry_spellings import ENUM, R5_CORE, codings, has_code, text_of
from trialbridge.registry.content import at, put, text
from trialbridge.registry.dates import is_partial_date
from trialbridge.registry.enums import enumeration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.mappings.kit import Resource
    from trialbridge.mappings.registry_kit import Content, Reading, Release, Writing

STATES, ACTIVITIES = R5_CORE + "research-study-status", R5_CORE + "research-study-registration-activity"
REGISTRATION = R5_CORE + "StructureDefinition/researchStudy-studyRegistration"
OVERALL = "overall-study"
DATES: Mapping[str, str] = {
    "statusVerifiedDate": "record-verification",
    "primaryCompletionDateStruct": "primary-outcome-data-collection",
    "studyFirstSubmitDate": "registration-submission",
    "studyFirstSubmitQcDate": "registration-submission-qc",
    "studyFirstPostDateStruct": "registration-posting",
    "resultsFirstSubmitDate": "results-submission",
    "resultsFirstSubmitQcDate": "results-submission-qc",
    "resultsFirstPostDateStruct": "results-posting",
    "dispFirstSubmitDate": "disposition-submission",
    "dispFirstSubmitQcDate": "disposition-submission-qc",
    "dispFirstPostDateStruct": "disposition-posting",
    "lastUpdateSubmitDate": "update-submission",
    "lastUpdatePostDateStruct": "update-posting",
}
"""Field of the statusModule -> activity. A field ending in Struct holds a date and its type."""
TYPES: Mapping[str, bool] = {"ACTUAL": True, "ESTIMATED": False}
_STATUS = enumeration("Status")


def _state(value: Any, _release: Release) -> Resource | None:
    if value not in _STATUS.values:
        return {"state": {"text": value}} if isinstance(value, str) and value.strip() else None
    code = _STATUS.writes["r5"].get(value)
    shown = _STATUS.writes["public"].get(value, value)
    own = {"system": STATES, "code": code} if code else {"system": ENUM + "Status", "code": value}
    return {"state": {"coding": [{**own, "display": shown}], "text": shown}}


def _is_state(element: Any) -> str | None:
    """A row that tells of recruitment: of a state that is no activity and not the whole study's time."""
    state = element.get("state") if isinstance(element, dict) else None
    for one in codings(state):
        key = str(one.get("code", ""))
        if one.get("system") == ENUM + "Status":
            return key
        if one.get("system") == STATES and key != OVERALL:
            return _STATUS.reads["r5"].get(key)
    if any(True for _ in codings(state)) or "period" in element:
        return None
    shown = text_of(state)
    return _STATUS.reads["public"].get(" ".join(shown.split()).casefold()) or shown or None


STATE = Spelling("recruitment status as a state of progress", _state, _is_state, "Status")


def _rows(status: Any) -> list[tuple[str, bool | None, Resource]]:
    """Activity, whether actual, and period of each date that FHIR can hold."""
    found: list[tuple[str, bool | None, Resource]] = []
    ends = [
        (name, text(status, f"{field}.date"), TYPES.get(text(status, f"{field}.type")))
        for field, name in (("startDateStruct", "start"), ("completionDateStruct", "end"))
    ]
    ends = [one for one in ends if is_partial_date(one[1])]
    if len(ends) == 2 and ends[0][2] == ends[1][2]:
        found.append((OVERALL, ends[0][2], {name: date for name, date, _ in ends}))
    else:
        found += [(OVERALL, actual, {name: date}) for name, date, actual in ends]
    for field, activity in DATES.items():
        struct = field.endswith("Struct")
        date = text(status, field + ".date" if struct else field)
        if is_partial_date(date):
            found.append((activity, TYPES.get(text(status, field + ".type")) if struct else None, {"end": date}))
    return found


def _concept(activity: str) -> Resource:
    return {"coding": [{"system": STATES if activity == OVERALL else ACTIVITIES, "code": activity}]}


def _write(content: Mapping[str, Any], study: Resource, writing: Writing) -> None:
    rows = _rows(at(content, "statusModule"))
    for activity, actual, period in rows:
        if writing.release == "R5":
            row: Resource = {"state": _concept(activity)}
            row |= {} if actual is None else {"actual": actual}
            study.setdefault("progressStatus", []).append({**row, "period": period})
            continue
        parts: list[Resource] = [{"url": "activity", "valueCodeableConcept": _concept(activity)}]
        parts += [] if actual is None else [{"url": "actual", "valueBoolean": actual}]
        parts.append({"url": "period", "valuePeriod": period})
        study.setdefault("extension", []).append({"url": REGISTRATION, "extension": parts})
    whole = {name: date for activity, _, period in rows if activity == OVERALL for name, date in period.items()}
    if whole:
        study["period"] = whole


def _read(study: Resource, content: Content, _reading: Reading) -> None:
    for state, actual, period in [*_progress(study), *_registrations(study)]:
        known = {True: "ACTUAL", False: "ESTIMATED"}.get(actual) if isinstance(actual, bool) else None
        if has_code(state, OVERALL):
            for name, field in (("start", "startDateStruct"), ("end", "completionDateStruct")):
                _put(content, field, period.get(name), known)
        for field, activity in DATES.items():
            if has_code(state, activity):
                _put(content, field, period.get("end") or period.get("start"), known)
    whole = study.get("period")
    if isinstance(whole, dict):
        for name, field in (("start", "startDateStruct"), ("end", "completionDateStruct")):
            if at(content, f"statusModule.{field}") is None:
                _put(content, field, whole.get(name), None)


def _put(content: Content, field: str, date: Any, kind: str | None) -> None:
    if not isinstance(date, str) or at(content, f"statusModule.{field}") is not None:
        return
    if not field.endswith("Struct"):
        put(content, f"statusModule.{field}", date)
        return
    put(content, f"statusModule.{field}.date", date)
    if kind:
        put(content, f"statusModule.{field}.type", kind)


def _progress(study: Resource) -> list[tuple[Any, Any, Resource]]:
    rows = study.get("progressStatus")
    found = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    return [(one.get("state"), one.get("actual"), _period(one.get("period"))) for one in found]


def _registrations(study: Resource) -> list[tuple[Any, Any, Resource]]:
    found = []
    for one in study.get("extension") or ():
        if isinstance(one, dict) and one.get("url") == REGISTRATION:
            parts = {part.get("url"): part for part in one.get("extension") or () if isinstance(part, dict)}
            activity = parts.get("activity", {}).get("valueCodeableConcept")
            actual = parts.get("actual", {}).get("valueBoolean")
            found.append((activity, actual, _period(parts.get("period", {}).get("valuePeriod"))))
    return found


def _period(value: Any) -> Resource:
    return value if isinstance(value, dict) else {}


LINES: tuple[Line, ...] = (
    Special(
        "statusModule: start, primary completion, completion, verification, submission and posting dates",
        "ResearchStudy.progressStatus (R5), extension researchStudy-studyRegistration (R4), period",
        _write,
        _read,
    ),
)
