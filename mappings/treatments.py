"""EX, EC and CM: medication as MedicationAdministration (given in the study) and MedicationStatement (taken besides).

A name without strength is --TRT; the dictionary's term is --DECOD. A request is no proof of intake, so CM is written as
a statement. Not done is no exposure: such rows are EC's. Source: joint mapping, CM; mCODE medication administration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trialbridge.mappings.anatomy import LOCATION, SIDE
from trialbridge.mappings.common import PLANNED, STUDY_EXTENSION, STUDYID, Fragment, day, epoch, record_lines, visit
from trialbridge.mappings.concepts import in_codelist, last_display, ncit_of
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
from trialbridge.mappings.pr import DOSE, DOSE_UNIT, GRAY, is_course, volume
from trialbridge.mappings.spellings import DATE, LESION, NUMBER, TEXT
from trialbridge.mappings.units import ucum_of

ROUTE = in_codelist(
    "route of administration",
    "C66729",
    further={
        "INTRAVENOUS": (coding(SCT, "47625008", "Intravenous route"),),
        "ORAL": (coding(SCT, "26643006", "Oral route"),),
    },
)
DECODED = Spelling(
    "dictionary term as the display of a coding",
    last_display,
    lambda value, _ctx: {"coding": [{"display": value}]},
)


def _lines(
    domain: str, resource: str, medication: tuple[str, str], effective: tuple[str, str] | None, dosage: tuple[str, str]
) -> tuple[Line, ...]:
    """The lines of an Interventions domain: paths by release (R4, R5) of the medication, the period and the dose.

    `effective` None: the resource has no period of its own.
    """
    subject = "subject"
    lines: list[Line] = list(record_lines(domain, resource, STUDY_EXTENSION, subject))
    releases: tuple[Release, ...] = ("R4", "R5")
    for at, release in enumerate(releases):
        drug, dose = (f"{resource}.{one[at]}" for one in (medication, dosage))
        if effective is not None:
            lines += _period(domain, f"{resource}.{effective[at]}", release)
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
            line(f"{domain}DOSE", f"{dose}.value", NUMBER, only=release),
            line(f"{domain}DOSU", f"{dose}.unit", TEXT, f"{dose}.code", only=release),
        ]
    return tuple(lines)


def _period(domain: str, at: str, release: Release) -> list[Line]:
    return [
        line(f"{domain}STDTC", f"{at}.ofType(Period).start", DATE, f"{at}.ofType(dateTime)", only=release),
        line(f"{domain}ENDTC", f"{at}.ofType(Period).end", DATE, only=release),
    ]


def _units(domain: str, dose: str, release: Release) -> tuple[Extra, ...]:
    def known(row: Row) -> str | None:
        return ucum_of(row.get(f"{domain}DOSU") or "") if row.get(f"{domain}DOSE") is not None else None

    return (
        Extra(f"{dose}.code", lambda row, _ctx: known(row), (release,)),
        Extra(f"{dose}.system", lambda row, _ctx: UCUM if known(row) else None, (release,)),
    )


def administered(domain: str, given: Any, shape: Any) -> Mapping:
    """An Interventions domain as MedicationAdministrations: the rows for which `given` holds, the resources `shape` knows."""
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
            *(
                (line(f"{domain}OCCUR", f"{resource}.status", NOT_GIVEN, direction="to_sdtm"),)
                if domain in {"EC", "CM"}
                else ()
            ),
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
        *PLANNED,
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


def _never(_resource: Resource) -> bool:
    return False


def is_radiation(row: Row) -> bool:
    """Whether an exposure is radiotherapy: its dose is a radiation dose."""
    return row.get("EXDOSU") in {"Gy", "cGy"}


def _fraction(procedure: Resource) -> bool:
    """Whether a Procedure is a course of radiotherapy that was given."""
    return is_course(procedure) and procedure.get("status") not in {"not-done", "entered-in-error"}


_RADIOTHERAPY = ncit_of(("C101858",), "RADIOTHERAPY") or {}
_seen, _volume = visit("Procedure.encounter"), volume("EX", "EXDOSE")
RADIATION_EXPOSURE = Mapping(
    domain="EX",
    name="EX radiotherapy",
    resource="Procedure",
    key=("STUDYID", "DOMAIN", "USUBJID", "EXSEQ"),
    given=is_radiation,
    when=_fraction,
    parts=(_seen.part, _volume.part),
    lines=(
        *record_lines("EX", "Procedure", STUDY_EXTENSION),
        line("EXLNKID", "Procedure.extension(%target-body-structure).value.ofType(Reference)", LESION),
        line("EXTRT", "Procedure.code.text", TEXT, "Procedure.code.coding[0].display"),
        line("EXCAT", "Procedure.category.text", TEXT, only="R4"),
        line("EXCAT", "Procedure.category[0].text", TEXT, only="R5"),
        line("EXDOSE", DOSE, GRAY, source="mCODE radiotherapy dose delivered to volume"),
        line("EXDOSU", DOSE, DOSE_UNIT, direction="to_sdtm", note="written with the dose"),
        line("EXLOC", "Procedure.bodySite[0]", LOCATION),
        line("EXLAT", "Procedure.bodySite[0].extension(%laterality).value.ofType(CodeableConcept)", SIDE),
        line(
            "EXSTDTC",
            "Procedure.performed.ofType(Period).start",
            DATE,
            "Procedure.performed.ofType(dateTime)",
            only="R4",
        ),
        line("EXENDTC", "Procedure.performed.ofType(Period).end", DATE, only="R4"),
        line(
            "EXSTDTC",
            "Procedure.occurrence.ofType(Period).start",
            DATE,
            "Procedure.occurrence.ofType(dateTime)",
            only="R5",
        ),
        line("EXENDTC", "Procedure.occurrence.ofType(Period).end", DATE, only="R5"),
        *_seen.lines,
    ),
    extras=(
        *_seen.extras,
        *_volume.extras,
        Extra("Procedure.status", lambda _row, _ctx: "completed"),
        Extra("Procedure.code.coding[0]", lambda _row, _ctx: dict(_RADIOTHERAPY)),
    ),
    derived=_derived("EX"),
)
_EX_MEDICINE = administered("EX", _always, _was_given)
EX = (RADIATION_EXPOSURE, _EX_MEDICINE)
EC = administered("EC", _always, _was_not_given)
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


def _foreign(
    domain: str, resource: str, dose: str, effective: tuple[str, str] | None = None, further: tuple[Line, ...] = ()
) -> Mapping:
    """A medicine as a hospital records it elsewhere: read only where the study file says so."""
    return Mapping(
        domain=domain,
        name=f"{domain} from {resource}",
        resource=resource,
        key=("STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ"),
        when=_never,
        parts=_drug(resource),
        lines=(
            *_lines(
                domain,
                resource,
                ("medication.ofType(CodeableConcept)", "medication.concept"),
                effective,
                (f"{dose}.doseAndRate[0].dose.ofType(Quantity)",) * 2,
            ),
            line(f"{domain}ROUTE", f"{resource}.{dose}.route", ROUTE),
            line(f"{domain}DOSTXT", f"{resource}.{dose}.text", TEXT),
            *further,
        ),
        derived=_derived(domain),
    )


def _planned(resource: str, otherwise: str) -> tuple[Line, ...]:
    """The period a request or a dispense is for, else the day it was written or handed over."""
    bounds = f"{resource}.dosageInstruction[0].timing.repeat.bounds.ofType(Period)"
    return (
        line("CMSTDTC", f"{bounds}.start", DATE, f"{resource}.{otherwise}"),
        line("CMENDTC", f"{bounds}.end", DATE),
    )


_REQUEST = (
    *_planned("MedicationRequest", "authoredOn"),
    line("CMINDC", "MedicationRequest.reasonCode[0].text", TEXT, only="R4"),
    line("CMINDC", "MedicationRequest.reason[0].concept.text", TEXT, only="R5"),
)
FOREIGN_MEDICINES = (
    _foreign("EX", "MedicationStatement", "dosage[0]", ("effective", "effective")),
    administered("CM", _always, _never),
    _foreign("CM", "MedicationRequest", "dosageInstruction[0]", further=_REQUEST),
    _foreign(
        "CM", "MedicationDispense", "dosageInstruction[0]", further=_planned("MedicationDispense", "whenHandedOver")
    ),
)
"""Not in the dictionary by itself: which of these are records is for the study to say (`study_file.records`)."""
