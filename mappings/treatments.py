"""EX, EC and CM: medication as MedicationAdministration (given in the study) and MedicationStatement (taken besides).

A name without strength is --TRT; the dictionary's term is --DECOD. A request is no proof of intake, so CM is written as
a statement. Not done is no exposure: such rows are EC's. Source: joint mapping, CM; mCODE medication administration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trialbridge.mappings.common import STUDY_EXTENSION, STUDYID, VISITDY, Fragment, day, epoch, record_lines, visit
from trialbridge.mappings.concepts import in_codelist, last_display
from trialbridge.mappings.kit import (
    Context,
    Derived,
    Extra,
    Line,
    Mapping,
    Part,
    Release,
    Resource,
    Row,
    Spelling,
    codes,
    line,
)
from trialbridge.mappings.names import SCT, UCUM, absent, coding
from trialbridge.mappings.spellings import DATE, NUMBER, TEXT

ROUTE = in_codelist(
    "route of administration",
    "C66729",
    further={
        "INTRAVENOUS": (coding(SCT, "47625008", "Intravenous route"),),
        "ORAL": (coding(SCT, "26643006", "Oral route"),),
    },
)
_DOSE_UNITS = {"mg": "mg", "mg/kg": "mg/kg", "g": "g", "ug": "ug", "mL": "mL", "mg/m2": "mg/m2", "Gy": "Gy"}
DECODED = Spelling(
    "dictionary term as the display of a coding",
    last_display,
    lambda value, _ctx: {"coding": [{"display": value}]},
)


def _lines(
    domain: str, resource: str, medication: tuple[str, str], effective: tuple[str, str], dosage: tuple[str, str]
) -> tuple[Line, ...]:
    """The lines of an Interventions domain: paths by release (R4, R5) of the medication, the period and the dose."""
    subject = "subject"
    lines: list[Line] = list(record_lines(domain, resource, STUDY_EXTENSION, subject))
    releases: tuple[Release, ...] = ("R4", "R5")
    for at, release in enumerate(releases):
        drug, period, dose = (f"{resource}.{one[at]}" for one in (medication, effective, dosage))
        lines += [
            line(f"{domain}DECOD", drug, DECODED, only=release),
            line(
                f"{domain}TRT",
                f"{drug}.text",
                TEXT,
                f"{drug}.coding[0].display",
                "Drug.code.text",
                "Drug.code.coding[0].display",
                only=release,
            ),
            line(f"{domain}STDTC", f"{period}.ofType(Period).start", DATE, f"{period}.ofType(dateTime)", only=release),
            line(f"{domain}ENDTC", f"{period}.ofType(Period).end", DATE, only=release),
            line(f"{domain}DOSE", f"{dose}.value", NUMBER, only=release),
            line(f"{domain}DOSU", f"{dose}.unit", TEXT, f"{dose}.code", only=release),
        ]
    return tuple(lines)


def _units(domain: str, dose: str, release: Release) -> tuple[Extra, ...]:
    def known(row: Row) -> str | None:
        return _DOSE_UNITS.get(row.get(f"{domain}DOSU") or "") if row.get(f"{domain}DOSE") is not None else None

    return (
        Extra(f"{dose}.code", lambda row, _ctx: known(row), (release,)),
        Extra(f"{dose}.system", lambda row, _ctx: UCUM if known(row) else None, (release,)),
    )


def _administered(domain: str, given: Any, shape: Any) -> Mapping:
    shown = visit("MedicationAdministration.context")
    shown_r5 = visit("MedicationAdministration.encounter")
    resource = "MedicationAdministration"

    def status(row: Row, _ctx: Context) -> str:
        return "not-done" if row.get(f"{domain}OCCUR") == "N" else "completed"

    return Mapping(
        domain=domain,
        name=domain,
        resource=resource,
        key=("STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ"),
        given=given,
        when=shape,
        parts=(_for(shown, "R4"), _for(shown_r5, "R5"), *_drug(resource)),
        lines=(
            *_lines(
                domain,
                resource,
                ("medication.ofType(CodeableConcept)", "medication.concept"),
                ("effective", "occurence"),
                ("dosage.dose", "dosage.dose"),
            ),
            line(f"{domain}ROUTE", f"{resource}.dosage.route", ROUTE),
            line(f"{domain}CAT", f"{resource}.category.text", TEXT, only="R4"),
            *((line("ECOCCUR", f"{resource}.status", NOT_GIVEN, direction="to_sdtm"),) if domain == "EC" else ()),
            *shown.lines,
        ),
        extras=(
            *shown.extras,
            Extra(f"{resource}.status", status),
            *_required(domain, resource),
            *_units(domain, f"{resource}.dosage.dose", "R4"),
            *_units(domain, f"{resource}.dosage.dose", "R5"),
        ),
        derived=_derived(domain),
    )


NOT_GIVEN = codes("not given", {"N": "not-done"})
NOT_TAKEN = codes("not taken", {"N": "not-taken"})


def _required(domain: str, resource: str) -> tuple[Extra, ...]:
    """What FHIR demands of a record and a row may lack: said to be unknown, never made up."""

    def drug(row: Row, _ctx: Context) -> Any:
        return None if row.get(f"{domain}TRT") or row.get(f"{domain}DECOD") else absent("unknown")

    def when(row: Row, _ctx: Context) -> Any:
        return None if row.get(f"{domain}STDTC") or row.get(f"{domain}ENDTC") else absent("unknown")

    named = (
        Extra(f"{resource}.medicationCodeableConcept", drug, ("R4",)),
        Extra(f"{resource}.medication.concept", drug, ("R5",)),
    )
    if domain == "CM":
        return named
    return (
        *named,
        Extra(f"{resource}.effectivePeriod", when, ("R4",)),
        Extra(f"{resource}.occurencePeriod", when, ("R5",)),
    )


def _drug(resource: str) -> tuple[Part, ...]:
    """The Medication a record points at, where it names none itself."""
    return (
        Part("Drug", "Medication", (), f"{resource}.medication.ofType(Reference)", (), releases=("R4",)),
        Part("Drug", "Medication", (), f"{resource}.medication.reference", (), releases=("R5",)),
    )


def _for(fragment: Fragment, release: Release) -> Any:
    return replace(fragment.part, releases=(release,))


def _derived(domain: str) -> tuple[Derived, ...]:
    return (
        STUDYID,
        VISITDY,
        day(f"{domain}STDY", f"{domain}STDTC"),
        day(f"{domain}ENDY", f"{domain}ENDTC"),
        epoch(f"{domain}STDTC"),
    )


def _was_given(resource: Resource) -> bool:
    return resource.get("status") not in {"not-done", "entered-in-error"}


def _was_not_given(resource: Resource) -> bool:
    return resource.get("status") == "not-done"


def _always(_: Any) -> bool:
    return True


EX = _administered("EX", _always, _was_given)
EC = _administered("EC", _always, _was_not_given)
CM = Mapping(
    domain="CM",
    name="CM",
    resource="MedicationStatement",
    key=("STUDYID", "DOMAIN", "USUBJID", "CMSEQ"),
    when=lambda resource: resource.get("resourceType") == "MedicationStatement",
    parts=_drug("MedicationStatement"),
    lines=(
        *_lines(
            "CM",
            "MedicationStatement",
            ("medication.ofType(CodeableConcept)", "medication.concept"),
            ("effective", "effective"),
            ("dosage[0].doseAndRate[0].dose.ofType(Quantity)", "dosage[0].doseAndRate[0].dose.ofType(Quantity)"),
        ),
        line("CMOCCUR", "MedicationStatement.status", NOT_TAKEN, only="R4", direction="to_sdtm"),
        line("CMROUTE", "MedicationStatement.dosage[0].route", ROUTE),
        line("CMDOSTXT", "MedicationStatement.dosage[0].text", TEXT, source="joint mapping, CM"),
        line("CMINDC", "MedicationStatement.reasonCode[0].text", TEXT, only="R4", source="joint mapping, CM"),
        line("CMINDC", "MedicationStatement.reason[0].concept.text", TEXT, only="R5"),
        line("CMCAT", "MedicationStatement.category.text", TEXT, only="R4", source="joint mapping, CM"),
        line("CMCAT", "MedicationStatement.category[0].text", TEXT, only="R5"),
    ),
    extras=(
        Extra(
            "MedicationStatement.status",
            lambda row, _ctx: (
                "not-taken" if row.get("CMOCCUR") == "N" else ("completed" if row.get("CMENDTC") else "unknown")
            ),
            ("R4",),
        ),
        Extra("MedicationStatement.status", lambda _row, _ctx: "recorded", ("R5",)),
        *_required("CM", "MedicationStatement"),
        *_units("CM", "MedicationStatement.dosage[0].doseAndRate[0].dose.ofType(Quantity)", "R4"),
        *_units("CM", "MedicationStatement.dosage[0].doseAndRate[0].dose.ofType(Quantity)", "R5"),
    ),
    derived=_derived("CM"),
)
