"""Lines that many domains share: who, which study, which record, which visit, which evaluator.

Sources: SDTMIG 3.4 sections 4.1 (identifiers), 4.4.5 (visits); the joint mapping's rules where it has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Context, Derived, Extra, Line, Part, Row, derived_of, line
from trialbridge.mappings.names import NULL_FLAVOR, coding
from trialbridge.mappings.spellings import DATE, NUMBER_AS_TEXT, RECORD, STUDY, SUBJECT, TEXT, number_text, record_id
from trialbridge.sdtm.dates import day_number, study_day, study_days

if TYPE_CHECKING:
    from collections.abc import Callable

EVALUATOR = in_codelist("evaluator", "C78735")


def record_lines(domain: str, resource: str, study: str | None, subject: str = "subject") -> tuple[Line, ...]:
    """STUDYID, USUBJID, --SEQ, --SPID, --REFID of a resource with an identifier list.

    `study` is the path of the reference to the study, or None where the release allows none: it then follows from
    the subject.
    """
    lines = [
        line("USUBJID", f"{resource}.{subject}", SUBJECT, source="joint mapping, LB: Patient"),
        line(
            f"{domain}SEQ",
            f"{resource}.identifier.where(system=%sdtm-record).value",
            RECORD,
            note="--SEQ travels in the record's business identifier, so that RELREC and SUPP-- stay valid",
        ),
        line(f"{domain}SPID", f"{resource}.identifier.where(system=%spid).value", TEXT),
        line(f"{domain}REFID", f"{resource}.identifier.where(system=%refid).value", TEXT),
    ]
    if study:
        lines.append(line("STUDYID", f"{resource}.{study}", STUDY, source="FHIR extension workflow-researchStudy"))
    return tuple(lines)


STUDY_EXTENSION = "extension(%research-study).value.ofType(Reference)"


def record_of(*rest: str) -> Callable[[Row, Context], str]:
    """The record identifier of a row that has no --SEQ: STUDYID|dataset|USUBJID| and these variables."""

    def how(row: Row, ctx: Context) -> str:
        last = [row.get(one) for one in rest]
        tail = " ".join(number_text(one) if isinstance(one, float) else one or "" for one in last)
        return record_id(row.get("STUDYID"), ctx.dataset, row.get("USUBJID"), tail)

    return how


def _study_of_subject(row: Row, ctx: Context) -> Any:
    return ctx.fact("studyid", row.get("USUBJID"))


STUDYID = Derived(
    "STUDYID", _study_of_subject, "the study of the subject's ResearchSubject", alike=("STUDYID", "USUBJID")
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part with the lines and extras that belong to it, to be joined to a mapping."""

    part: Part
    lines: tuple[Line, ...]
    extras: tuple[Extra, ...] = ()


@lru_cache(maxsize=64)
def visit(link: str) -> Fragment:
    """The Encounter that stands for a protocol visit, and the lines of VISITNUM and VISIT."""
    return Fragment(
        Part(
            "Visit",
            "Encounter",
            key=("STUDYID", "USUBJID", "VISITNUM", "VISIT"),
            link=link,
            needs=("VISITNUM", "VISIT"),
            fixed={"status": "unknown"},
        ),
        (
            line("VISITNUM", "Visit.identifier.where(system=%visitnum).value", NUMBER_AS_TEXT),
            line(
                "VISIT",
                "Visit.identifier.where(system=%visit).value",
                TEXT,
                note="the type of a hospital's own encounter is no visit of the protocol, so the name is an identifier",
            ),
        ),
        (
            Extra("Visit.type[0].text", lambda row, _ctx: row.get("VISIT")),
            Extra("Visit.subject", lambda row, ctx: ctx.subject(row["USUBJID"])),
            Extra("Visit.class", lambda _row, _ctx: coding(NULL_FLAVOR, "UNK", "unknown"), releases=("R4",)),
        ),
    )


def evaluator(domain: str, link: str) -> Fragment:
    """The PractitionerRole that stands for the evaluator, and the lines of --EVAL and --EVALID."""
    part = Part(
        "Evaluator",
        "PractitionerRole",
        key=("STUDYID", f"{domain}EVAL", f"{domain}EVALID"),
        link=link,
        needs=(f"{domain}EVAL", f"{domain}EVALID"),
    )
    lines = (
        line(f"{domain}EVAL", "Evaluator.code[0]", EVALUATOR),
        line(f"{domain}EVALID", "Evaluator.identifier.where(system=%evalid).value", TEXT),
    )
    return Fragment(part, lines)


def day(variable: str, date: str) -> Derived:
    """A study day: the date's distance from RFSTDTC, no day 0, none for partial dates (SDTMIG 4.4.4)."""

    def of(usubjid: str | None, when: str | None, ctx: Context) -> float | None:
        reference = ctx.fact("rfstdtc", usubjid)
        found = study_day(when, reference) if reference else None
        return None if found is None else float(found)

    note, source = f"study day of {date}", "SDTMIG 3.4 section 4.4.4"
    return derived_of(variable, ("USUBJID", date), of, note, source, "day", ((_reference_day, _day), study_days))


def _reference_day(usubjid: str | None, ctx: Context) -> float | None:
    reference = ctx.fact("rfstdtc", usubjid)
    return day_number(reference) if reference else None


def _day(when: str | None, _ctx: Context) -> float | None:
    return None if when is None else day_number(when)


def epoch(date: str) -> Derived:
    """EPOCH: the element of SE in which the date lies."""

    def of(usubjid: str | None, when: str | None, ctx: Context) -> Any:
        return ctx.fact("epoch", usubjid, when) if when else None

    note = f"the epoch of SE in which {date} lies"
    return derived_of("EPOCH", ("USUBJID", date), of, note, "SDTMIG 3.4 section 4.4.6", "EPOCH")


def _planned_day(row: Row, ctx: Context) -> Any:
    return ctx.fact("visitdy", row["VISITNUM"]) if row.get("VISITNUM") is not None else None


def _planned(kind: str, known: str) -> Callable[[Row, Context], Any]:
    return lambda row, ctx: ctx.fact(kind, row[known]) if row.get(known) is not None else None


PLANNED = (
    Derived("VISITNUM", _planned("visitnum", "VISIT"), "the number of the visit in TV", "SDTMIG 3.4 section 4.4.5"),
    Derived("VISIT", _planned("visit", "VISITNUM"), "the name of the visit in TV", "SDTMIG 3.4 section 4.4.5"),
    Derived("VISITDY", _planned_day, "the planned day of the visit in TV", "SDTMIG 3.4, TV"),
)
"""What TV says of a planned visit."""


def collected(domain: str) -> Line:
    """--DTC of a finding: when it was observed."""
    return line(
        f"{domain}DTC",
        "Observation.effective.ofType(dateTime)",
        DATE,
        ("Observation.effective.ofType(Period).start", DATE),
    )


def learn_planned(row: Row, ctx: Context) -> None:
    """Remember a row of TV."""
    number, name = row.get("VISITNUM"), row.get("VISIT")
    if number is not None:
        ctx.learn("visitdy", number, value=row.get("VISITDY"))
        ctx.learn("visit", number, value=name)
    if name is not None:
        ctx.learn("visitnum", name, value=number)
