"""Adverse events of a registry's results from AE and DM: all-cause mortality, serious events, other frequent events.

By the arm in fact; at risk is who was treated in it. A term is AEDECOD (AETERM where it is not coded) within its organ
class. Other events are shown where more than the threshold (at most 5 %) of any arm is affected, then for all arms; the
total of other events counts the subjects of the terms shown. Deaths are those of DM, of any cause.
Source: 42 CFR 11.48(a)(4); EudraCT's questions on causality: adverseEvents.xsd 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.registry.subjects import rows, text
from trialbridge.mappings.registry_terms import RELATED, cased, organ_system
from trialbridge.registry.adverse_events import HIGHEST_THRESHOLD, SYSTEMATIC, AdverseEvents, EventGroup, event, exceeds
from trialbridge.registry.files.eudract import Causality, Serious

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialbridge.converters.registry.subjects import Arms, Row
    from trialbridge.registry.adverse_events import AdverseEvent
    from trialbridge.sdtm.table import Study

Term = tuple[str, str]
"""Organ class and term."""
By = dict[Term, dict[str, list["Row"]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: threshold in percent, the vocabulary with its version, how events were asked for."""

    threshold: float = 5
    vocabulary: str = ""
    assessment: str = SYSTEMATIC
    time_frame: str = ""
    description: str = ""


def adverse_events(
    study: Study, arms: Arms, wanted: Wanted, findings: list[Finding]
) -> tuple[AdverseEvents, Causality] | None:
    """The module, and what EudraCT asks beyond it. None without AE. Raises DoesNotFitError for a threshold over 5."""
    if not 0 <= wanted.threshold <= HIGHEST_THRESHOLD:
        message = f"The threshold is {wanted.threshold:g} %; the registry takes 0 to {HIGHEST_THRESHOLD}."
        raise DoesNotFitError(message, fix="give a lower one")
    if "AE" not in study:
        findings.append(_finding("EVENTS-MISSING", None, "The study has no AE; adverse events are left out.", "add AE"))
        return None
    ids = {title: f"EG{number:03}" for number, title in enumerate(arms.actual)}
    of = {text(one, "USUBJID"): ids[title] for title, subjects in arms.actual.items() for one in subjects}
    at_risk = {ids[title]: len(subjects) for title, subjects in arms.actual.items()}
    serious, other = _collected(study, of, findings)
    frequent = {term: by for term, by in other.items() if _is_frequent(by, at_risk, wanted.threshold)}
    groups = tuple(
        EventGroup(
            ids[title],
            title,
            arms.titles[title],
            sum(_is_dead(one) for one in subjects),
            len(subjects),
            _affected(serious, ids[title]),
            len(subjects),
            _affected(frequent, ids[title]),
            len(subjects),
        )
        for title, subjects in arms.actual.items()
    )
    _say_deaths(study, arms, findings)
    early = _before_treatment(study, arms)
    if early:
        message = f"{early} of the events counted began before the first treatment of their subject."
        fix = "leave them out of AE where only treatment-emergent events are to be posted"
        findings.append(_finding("EVENTS-BEFORE", "AESTDTC", message, fix))
    if not wanted.vocabulary:
        message = "The vocabulary of the terms and its version are not in SDTM; none is named."
        findings.append(
            _finding("VOCABULARY-MISSING", "AEDECOD", message, "give it, such as MedDRA 27.0 or CTCAE (4.0)")
        )
    module = AdverseEvents(
        f"{wanted.threshold:g}",
        wanted.time_frame or _time_frame(arms, consent=bool(early)),
        wanted.description,
        "",
        groups,
        tuple(_event(term, by, at_risk, wanted) for term, by in sorted(serious.items())),
        tuple(_event(term, by, at_risk, wanted) for term, by in sorted(frequent.items())),
    )
    return module, _causality(serious, ids, arms, study, findings)


def _collected(study: Study, of: Mapping[str, str], findings: list[Finding]) -> tuple[By, By]:
    """Serious and other events by term and group; records of subjects at risk in no arm are said."""
    serious: By = {}
    other: By = {}
    outside, unknown, uncoded, unsaid = 0, set(), 0, 0
    for row in rows(study, "AE"):
        group = of.get(text(row, "USUBJID"))
        if group is None:
            outside += 1
            continue
        given = text(row, "AESOC") or text(row, "AEBODSYS")
        system = organ_system(given)
        if system is None:
            unknown.add(given)
        uncoded += not text(row, "AEDECOD")
        term = (system or cased(given), cased(text(row, "AEDECOD") or text(row, "AETERM")))
        unsaid += text(row, "AESER").upper() not in ("Y", "N")
        into = serious if text(row, "AESER").upper() == "Y" else other
        into.setdefault(term, {}).setdefault(group, []).append(row)
    if outside:
        message = f"{outside} events are of subjects who were not treated in any arm; they are not counted."
        findings.append(_finding("EVENTS-OUTSIDE", "USUBJID", message, "check DM and AE"))
    if unsaid:
        message = f"{unsaid} events do not say whether they are serious (Y or N); they count as not serious."
        findings.append(_finding("SERIOUS-UNSAID", "AESER", message, "complete AESER"))
    if unknown:
        message = f"These are no organ classes of MedDRA: {', '.join(sorted(unknown)) or 'none given'}."
        findings.append(_finding("ORGAN-SYSTEM", "AEBODSYS", message, "code the events"))
    if uncoded:
        message = f"{uncoded} events are not coded; their verbatim terms stand in."
        findings.append(_finding("EVENTS-UNCODED", "AEDECOD", message, "code the events"))
    return serious, other


def _is_frequent(by: Mapping[str, Sequence[Row]], at_risk: Mapping[str, int], threshold: float) -> bool:
    return any(exceeds(_subjects(by.get(group, ())), count, threshold) for group, count in at_risk.items())


def _subjects(events: Sequence[Row]) -> int:
    return len({text(one, "USUBJID") for one in events})


def _affected(terms: By, group: str) -> int:
    return len({text(one, "USUBJID") for by in terms.values() for one in by.get(group, ())})


def _event(term: Term, by: Mapping[str, Sequence[Row]], at_risk: Mapping[str, int], wanted: Wanted) -> AdverseEvent:
    numbers = {group: (len(by.get(group, ())), _subjects(by.get(group, ())), count) for group, count in at_risk.items()}
    return event(term[1], term[0], numbers, vocabulary=wanted.vocabulary, assessment=wanted.assessment)


def _before_treatment(study: Study, arms: Arms) -> int:
    """How many events of treated subjects surely began before the first treatment, as far as dates go."""
    at_risk = {text(one, "USUBJID") for subjects in arms.actual.values() for one in subjects}
    count = 0
    for row in rows(study, "AE"):
        subject, began = text(row, "USUBJID"), text(row, "AESTDTC")[:10]
        start = arms.starts.get(subject, "")[:10] if subject in at_risk else ""
        known = min(len(began), len(start))
        count += bool(known) and began[:known] < start[:known]
    return count


def _time_frame(arms: Arms, *, consent: bool) -> str:
    """From the first treatment (from consent, where events before treatment count) to the end of participation.

    And how long that was at most.
    """
    longest = 0
    for subjects in arms.actual.values():
        for one in subjects:
            begin = _day((text(one, "RFICDTC") if consent else "") or arms.starts[text(one, "USUBJID")])
            end = _day(text(one, "RFPENDTC") or text(one, "RFENDTC"))
            if begin and end:
                longest = max(longest, (end - begin).days + 1)
    most = f", at most {longest} days" if longest else ""
    return f"From {'informed consent' if consent else 'first treatment'} to end of participation{most}"


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def _causality(serious: By, ids: Mapping[str, str], arms: Arms, study: Study, findings: list[Finding]) -> Causality:
    """For EudraCT: related and fatal serious events by term, and deaths that an event led to."""
    found, unknown, unanswered = {}, set(), 0
    for (system, term), by in serious.items():
        for group in ids.values():
            events = by.get(group, ())
            answers = [RELATED.get(text(one, "AEREL").upper()) for one in events]
            unknown |= {text(one, "AEREL") for one, answer in zip(events, answers, strict=True) if answer is None}
            unanswered += answers.count(None)
            fatal = [one for one in events if _is_fatal(one)]
            related = sum(RELATED.get(text(one, "AEREL").upper()) is True for one in fatal)
            known = None not in answers
            found[system, term, group] = Serious(
                sum(answer is True for answer in answers) if known else None,
                _subjects(fatal),
                related if known else None,
            )
    if unanswered:
        shown = ", ".join(sorted(unknown - {""})) or "blank"
        message = f"{unanswered} serious events do not say whether they are related in words known here ({shown})."
        findings.append(_finding("CAUSALITY", "AEREL", message, "complete AEREL; needed for EudraCT only"))
    dead = {text(one, "USUBJID") for one in rows(study, "AE") if _is_fatal(one)}
    deaths = {
        ids[title]: sum(text(one, "USUBJID") in dead for one in subjects) for title, subjects in arms.actual.items()
    }
    return Causality(found, deaths)


def _is_dead(row: Row) -> bool:
    return text(row, "DTHFL").upper() == "Y"


def _say_deaths(study: Study, arms: Arms, findings: list[Finding]) -> None:
    """A warning for subjects who are dead by another variable than DTHFL, which is what is counted."""
    dead = {text(one, "USUBJID") for one in rows(study, "AE") if _is_fatal(one)}
    dead |= {text(one, "USUBJID") for one in rows(study, "DS") if text(one, "DSDECOD").upper() == "DEATH"}
    others = sum(
        not _is_dead(one) and bool(text(one, "DTHDTC") or text(one, "USUBJID") in dead)
        for subjects in arms.actual.values()
        for one in subjects
    )
    if others:
        message = f"{others} participants are dead by DTHDTC, DS or AE and not by DTHFL; they are not among the deaths."
        where = Where(dataset="DM", variable="DTHFL")
        findings.append(Finding("TB-REG-DEATHS-UNSAID", Severity.WARNING, where, message, "complete DTHFL"))


def _is_fatal(row: Row) -> bool:
    return text(row, "AESDTH").upper() == "Y" or text(row, "AEOUT").upper() == "FATAL"


def _finding(name: str, variable: str | None, message: str, fix: str) -> Finding:
    return Finding(f"TB-REG-{name}", Severity.WARNING, Where(dataset="AE", variable=variable), message, fix)
