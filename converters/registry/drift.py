"""Drift between a registry's record and the study's data: rules `rule(record, study) -> Iterator[Finding]`.

A record is kept by hand while the data move on. Each rule compares one thing the record says with what the data show;
where the data do not have what a rule needs it finds nothing. "Today" is the day of the last data.
Sources: 42 CFR 11.64 (when a record must be updated); definitions of the data elements compared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.registry import flow as registry_flow
from trialbridge.converters.registry.baseline import age_of
from trialbridge.converters.registry.subjects import arms, rows, text
from trialbridge.converters.registry.ts import rows as ts_rows
from trialbridge.mappings.registry_countries import alpha3
from trialbridge.mappings.registry_outcomes import answer_to
from trialbridge.mappings.registry_ts import SEX
from trialbridge.registry import criteria
from trialbridge.registry.content import items, number_of
from trialbridge.registry.content import text as text_at
from trialbridge.registry.dates import surely_before
from trialbridge.registry.markup import plain
from trialbridge.sdtm import terminology
from trialbridge.study_file.design import Design

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.registry.record import Record
    from trialbridge.sdtm.table import Study

P = "protocolSection."
_RECIST = re.compile(r"\b(?:i?RECIST)\s*(?:version|v\.?)?\s*([01]\.\d)?", re.IGNORECASE)
RECRUITING = frozenset({"NOT_YET_RECRUITING", "RECRUITING", "ENROLLING_BY_INVITATION"})
ENDED = frozenset({"COMPLETED", "TERMINATED"})
NEEDS = {
    "pfs": ("RS or TR", ("RS", "TR")),
    "remission-irradiated": ("TR and PR", ("TR",)),
    "remission-non-irradiated": ("TR and PR", ("TR",)),
    "toxicity": ("AE", ("AE",)),
}
# What TS and a record may say apart without contradiction: the record gives the public's words, TS the protocol's.
_NOT_COMPARED = frozenset("COMPTRT INDIC KEYWORD OUTMSEXP OUTMSPRI OUTMSSEC SPREFID TRT SENDTC SSTDTC".split())


def enrolment(record: Record, study: Study) -> Iterator[Finding]:
    """The actual enrolment is the number of subjects with an arm; an estimate is not passed by the data."""
    if "DM" not in study:
        return
    started = arms(study, record, []).started
    count, kind = record.enrollment.count, record.enrollment.type
    path = P + "designModule.enrollmentInfo"
    if kind == "ACTUAL" and count is not None and count != started:
        message = f"The record's actual enrolment is {count}; {started} subjects of DM have an arm."
        yield _warning("ENROLMENT", path, message, "correct the record or the data")
    if kind == "ESTIMATED" and count is not None and started > count:
        message = f"The record estimates {count} participants; {started} subjects of DM have an arm already."
        yield _warning("ENROLMENT", path, message, "give a new estimate or the actual number")


def start(record: Record, study: Study) -> Iterator[Finding]:
    """The actual start is the day the first participant was enrolled: the first consent or start of a subject with an arm."""
    first = min(_days(record, study, "RFICDTC") or _days(record, study, "RFSTDTC"), default="")
    path = P + "statusModule.startDateStruct"
    if not first or not record.start.date:
        return
    apart = surely_before(first, record.start.date) or surely_before(record.start.date, first)
    if record.start.type == "ACTUAL" and apart:
        message = f"The record's actual start is {record.start.date}; the first participant was enrolled on {first}."
        yield _warning("START", path, message, "correct the record or the data")
    if record.start.type == "ESTIMATED":
        yield _warning(
            "START",
            path,
            f"The record's start is an estimate; a participant was enrolled on {first}.",
            "give the actual date",
        )


def completion(record: Record, study: Study) -> Iterator[Finding]:
    """An actual completion is not before the last data; an estimated one does not lie before them."""
    last = max(_days(record, study, "RFPENDTC") or _days(record, study, "RFENDTC"), default="")
    for name, date in (
        ("completionDateStruct", record.completion),
        ("primaryCompletionDateStruct", record.primary_completion),
    ):
        path = f"{P}statusModule.{name}"
        if name == "completionDateStruct" and date.date and last and surely_before(date.date, last):
            kind = date.type.lower() or "given"
            message = f"The record's completion is {date.date} ({kind}); a participant took part until {last}."
            yield _warning("COMPLETION", path, message, "correct the record or the data")
        if date.type == "ESTIMATED" and last and _all_ended(record, study):
            message = (
                f"The record's date is an estimate ({date.date}); all participants have ended, the last on {last}."
            )
            yield _warning("COMPLETION", path, message, "give the actual date")


def status(record: Record, study: Study) -> Iterator[Finding]:
    """The status fits the subjects: who is enrolled, whether all have ended, whether any has not (status definitions)."""
    if "DM" not in study:
        return
    found = arms(study, record, [])
    path, said = P + "statusModule.overallStatus", record.status
    if said == "NOT_YET_RECRUITING" and found.started:
        message = f"The record says NOT_YET_RECRUITING; {found.started} subjects have an arm."
        yield _error("STATUS", path, message, "update the status")
    elif said in RECRUITING and _all_ended(record, study):
        message = f"The record says {said}; all {found.started} participants have a disposition."
        yield _warning("STATUS", path, message, "update the status, or see whether more are to come")
    if said in ENDED and "DS" in study:
        ends = registry_flow.dispositions(study)
        open_ = sum(text(one, "USUBJID") not in ends for subjects in found.planned.values() for one in subjects)
        if open_:
            yield _warning(
                "STATUS", path, f"The record says {said}; {open_} participants have no disposition.", "complete DS"
            )


def arm_labels(record: Record, study: Study) -> Iterator[Finding]:
    """The arms of the data are those of the record."""
    labels = {one.label.casefold(): one.label for one in record.arms}
    if not labels or "DM" not in study:
        return
    path = P + "armsInterventionsModule.armGroups"
    found = arms(study, record, [])
    names = {*found.planned, *(text(row, "ARM") for row in rows(study, "TA"))} - {""}
    for name in sorted(names):
        if name.casefold() not in labels:
            yield _warning(
                "ARMS", path, f"The data's arm {name!r} is none of the record's.", "call it the same in both"
            )
    for key, label in labels.items():
        if key not in {one.casefold() for one in names}:
            yield _warning(
                "ARMS", path, f"The record's arm {label!r} has no participant in the data.", "see whether it has begun"
            )


def outcome_data(record: Record, study: Study) -> Iterator[Finding]:
    """The data hold what the registered outcome measures need, and RS holds the version of RECIST that they name."""
    versions = {found for row in rows(study, "RS") if (found := _version(text(row, "RSCAT")))}
    numbers = {"PRIMARY": 0, "SECONDARY": 0, "OTHER": 0}
    for one in record.outcomes:
        path = f"{P}outcomesModule.{one.kind.lower()}Outcomes[{numbers[one.kind]}]"
        numbers[one.kind] += 1
        key = answer_to(one.measure, one.description)
        what, needed = NEEDS.get(key or "", ("", ()))
        if needed and not any(name in study for name in needed):
            yield _warning("OUTCOMES", path, f"{one.measure!r} needs {what}; the data have none.", "add the data")
        named = _version(f"{one.measure} {one.description}")
        if named and versions and named not in versions:
            message = f"{one.measure!r} is by {named}; RS holds responses by {', '.join(sorted(versions))}."
            yield _warning(
                "RECIST", path, message, "compute the registered version (trialbridge recist) or correct the record"
            )


def _version(said: str) -> str:
    """`RECIST 1.0`, or empty where no version is named."""
    found = _RECIST.search(said)
    return f"RECIST {found[1]}" if found and found[1] else ""


def eligibility(record: Record, study: Study) -> Iterator[Finding]:
    """Subjects with an arm are of the ages and the sex that the record admits."""
    if "DM" not in study:
        return
    everyone = [one for subjects in arms(study, record, []).planned.values() for one in subjects]
    of = record.eligibility
    low, high = _years(of.minimum_age), _years(of.maximum_age)
    ages = [age for one in everyone if (age := age_of(one)) is not None]
    young = sum(low is not None and age < low for age in ages)
    old = sum(high is not None and age >= high + 1 for age in ages)
    path = P + "eligibilityModule."
    if young:
        yield _warning(
            "ELIGIBILITY", path + "minimumAge", f"{young} participants are younger than {of.minimum_age}.", "check both"
        )
    if old:
        yield _warning(
            "ELIGIBILITY", path + "maximumAge", f"{old} participants are older than {of.maximum_age}.", "check both"
        )
    only = SEX.pairs.to_fhir(of.sex, None)
    others = sum(text(one, "SEX") not in ("", only) for one in everyone) if only in ("F", "M") else 0
    if others:
        yield _warning("ELIGIBILITY", path + "sex", f"{others} participants are not of the sex {of.sex}.", "check both")


def criteria_texts(record: Record, study: Study) -> Iterator[Finding]:
    """TI holds the criteria of the record: as many, and the same words but for case and blanks."""
    if "TI" not in study:
        return
    said = {(one.category, _key(plain(one.line))): one.line for one in criteria.split(record.eligibility.criteria)}
    held = {(text(row, "IECAT"), _key(text(row, "IETEST"))): text(row, "IETESTCD") for row in rows(study, "TI")}
    path = P + "eligibilityModule.eligibilityCriteria"
    for key, code in held.items():
        if not any(_same(key, other) for other in said):
            yield _note(
                "CRITERIA",
                path,
                f"{code} of TI is not among the record's criteria in these words.",
                "align the wording",
            )
    missing = sum(not any(_same(other, key) for other in held) for key in said)
    if missing:
        yield _note(
            "CRITERIA", path, f"{missing} criteria of the record are not in TI in these words.", "align the wording"
        )


def _key(said: str) -> str:
    return re.sub(r"\W+", " ", said).strip().casefold()


def _same(held: tuple[str, str], said: tuple[str, str]) -> bool:
    """The same criterion; TI's may be shortened."""
    return held[0] == said[0] and (held[1] == said[1] or (len(held[1]) > 100 and said[1].startswith(held[1])))


def countries(record: Record, study: Study) -> Iterator[Finding]:
    """Participants are of countries that the record has facilities in."""
    listed = {alpha3(one.country) for one in record.locations if one.country} - {None}
    held = {text(one, "COUNTRY") for one in rows(study, "DM")} - {""}
    for code in sorted(held - {one or "" for one in listed}) if listed else ():
        path = P + "contactsLocationsModule.locations"
        yield _warning(
            "COUNTRIES", path, f"Participants are of {code}; the record has no facility there.", "add the facility"
        )


def trial_summary(record: Record, study: Study) -> Iterator[Finding]:
    """TS says the same as the record where both speak of the same thing."""
    made: dict[str, list[str]] = {}
    ignored: list[Finding] = []
    for row in ts_rows(
        record, Design(), terminology.default(), study.version if study.version in ("3.3", "3.4") else "3.4", ignored
    ):
        made.setdefault(row["TSPARMCD"], []).append(str(row.get("TSVAL") or row["TSVALNF"]))
    held: dict[str, list[str]] = {}
    for row in rows(study, "TS"):
        held.setdefault(text(row, "TSPARMCD"), []).append(text(row, "TSVAL") or text(row, "TSVALNF"))
    for code in sorted((set(made) & set(held)) - _NOT_COMPARED - {"SDTMVER", "SDTIGVER"}):
        one, other = ({_key(value) for value in values} for values in (made[code], held[code]))
        if one != other:
            message = f"{code}: the record says {'; '.join(made[code])[:120]}, TS says {'; '.join(held[code])[:120]}."
            yield _warning("TS", f"TS.{code}", message, "correct one of them")


def posted_results(record: Record, study: Study) -> Iterator[Finding]:
    """Results in the record start with as many participants, and put as many at risk, as the data have."""
    if not record.results or "DM" not in study:
        return
    found = arms(study, record, [])
    flow = record.results.get("participantFlowModule")
    titles = {text_at(one, "id"): text_at(one, "title") for one in items(flow, "groups")}
    for period in items(flow, "periods")[:1]:
        for one in items(period, "milestones"):
            if text_at(one, "type") == "STARTED":
                for cell in items(one, "achievements"):
                    yield from _posted(
                        "participantFlowModule",
                        titles.get(text_at(cell, "groupId"), ""),
                        cell.get("numSubjects"),
                        found.planned,
                    )
    for group in items(record.results.get("adverseEventsModule"), "eventGroups"):
        yield from _posted("adverseEventsModule", text_at(group, "title"), group.get("seriousNumAtRisk"), found.actual)


def _posted(module: str, title: str, count: Any, held: Any) -> Iterator[Finding]:
    posted, subjects = number_of(count), held.get(title)
    if posted is not None and subjects is not None and posted != len(subjects):
        message = f"{title!r} has {posted} participants in the record's results; the data have {len(subjects)}."
        yield _warning("RESULTS", f"resultsSection.{module}", message, "compute the results anew")


def _days(record: Record, study: Study, variable: str) -> list[str]:
    """The days of a variable of DM, of subjects with an arm."""
    if "DM" not in study:
        return []
    everyone = [one for subjects in arms(study, record, []).planned.values() for one in subjects]
    return [day for one in everyone if (day := text(one, variable)[:10])]


def _all_ended(record: Record, study: Study) -> bool:
    """Whether every subject with an arm has a disposition."""
    if "DS" not in study or "DM" not in study:
        return False
    ends = registry_flow.dispositions(study)
    everyone = [one for subjects in arms(study, record, []).planned.values() for one in subjects]
    return bool(everyone) and all(text(one, "USUBJID") in ends for one in everyone)


def _years(age: str) -> float | None:
    number, _, unit = age.partition(" ")
    factors = {"Year": 1, "Month": 1 / 12, "Week": 7 / 365.25, "Day": 1 / 365.25}
    factor = factors.get(unit.removesuffix("s"))
    return int(number) * factor if number.isdigit() and factor else None


RULES: tuple[Callable[[Record, Study], Iterator[Finding]], ...] = (
    enrolment,
    start,
    completion,
    status,
    arm_labels,
    outcome_data,
    eligibility,
    criteria_texts,
    countries,
    trial_summary,
    posted_results,
)


def drift(record: Record, study: Study) -> Iterable[Finding]:
    """What all rules find, in their order."""
    return [finding for rule in RULES for finding in rule(record, study)]


def _error(name: str, path: str, message: str, fix: str) -> Finding:
    return Finding(f"TB-REG-DRIFT-{name}", Severity.ERROR, Where(path=path), message, fix)


def _warning(name: str, path: str, message: str, fix: str) -> Finding:
    return Finding(f"TB-REG-DRIFT-{name}", Severity.WARNING, Where(path=path), message, fix)


def _note(name: str, path: str, message: str, fix: str) -> Finding:
    return Finding(f"TB-REG-DRIFT-{name}", Severity.NOTE, Where(path=path), message, fix)
