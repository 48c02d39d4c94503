"""PR, procedures: radiotherapy as mCODE's course summary, anything else as a plain Procedure.

SDTM gives the course's total dose in Gy, mCODE fixes centigray and delivers it to a volume; fractions have no SDTM
variable and go by SUPPPR. mCODE links no volume to a tumour, so the course points at the lesion (PRLNKID) by FHIR's
own procedure-targetBodyStructure. PRTRT is the verbatim text: mCODE fixes the code of every course.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trialbridge.mappings.anatomy import LOCATION, SIDE, TOWARD
from trialbridge.mappings.common import PLANNED, STUDY_EXTENSION, STUDYID, Fragment, day, epoch, record_lines, visit
from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Context, Extra, Line, Mapping, Part, Resource, Row, Spelling, codes, line
from trialbridge.mappings.names import MCODE, NULL_FLAVOR, SCT, UCUM, absent, coding, concept
from trialbridge.mappings.spellings import COUNT, DATE, LESION, TEXT

COURSE = coding(SCT, "1217123003", "Radiotherapy course of treatment")
DECODED = in_codelist("procedure", "C101858", text=False)
COURSE_DECODED = in_codelist("procedure", "C101858", lead=(COURSE,), text=False)
INTENT = in_codelist(
    "treatment intent",
    further={
        "CURATIVE": (coding(SCT, "373808002", "Curative - procedure intent"),),
        "PALLIATIVE": (coding(SCT, "363676003", "Palliative - procedure intent"),),
        "SUPPORTIVE CARE": (coding(SCT, "399707004", "Supportive - procedure intent"),),
        "PREVENTATIVE": (coding(SCT, "129428001", "Preventive - procedure intent"),),
    },
    text=False,
)
_PHOTONS = coding(SCT, "1156506007", "External beam radiation therapy using photons")
_TECHNIQUES = {
    "INTENSITY-MODULATED RADIATION THERAPY": coding(SCT, "441799006", "Intensity modulated radiation therapy"),
    "3D CONFORMAL RADIATION THERAPY": coding(SCT, "1162782007", "Three dimensional external beam radiation therapy"),
}
_RADIOTHERAPY = frozenset(
    {
        *_TECHNIQUES,
        "EXTERNAL BEAM RADIATION THERAPY",
        "RADIOTHERAPY",
        "STEREOTACTIC BODY RADIATION THERAPY",
        "BRACHYTHERAPY",
    }
)
OCCURRED = codes("PROCCUR and status", {"N": "not-done"})
DOSE = "Procedure.extension(%dose-to-volume).extension('totalDoseDelivered').value.ofType(Quantity)"
MODALITY = "Procedure.extension(%modality-and-technique)"

_visit = visit("Procedure.encounter")


def _centigray(value: float, ctx: Context) -> dict[str, Any] | None:
    """Gy to cGy, exactly; other units have no place in mCODE."""
    if ctx.row.get(f"{ctx.row['DOMAIN']}DOSU") != "Gy":
        return None
    exact = Decimal(repr(value)) * 100
    whole = exact == exact.to_integral_value()
    return {"value": int(exact) if whole else exact.normalize(), "unit": "cGy", "system": UCUM, "code": "cGy"}


def _unit(quantity: Any) -> str | None:
    return quantity.get("code") or quantity.get("unit") if isinstance(quantity, dict) else None


def _dose(quantity: Any, _ctx: Context) -> float | None:
    """The dose in Gy where its unit is cGy, in its own unit else; a number without a unit is no dose."""
    value = quantity.get("value") if isinstance(quantity, dict) and _unit(quantity) else None
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return None
    return float(Decimal(value) / 100) if _unit(quantity) == "cGy" else float(value)


def _dose_unit(quantity: Any, _ctx: Context) -> str | None:
    unit = _unit(quantity)
    return "Gy" if unit == "cGy" else unit


GRAY = Spelling("dose in Gy; mCODE wants cGy", _dose, _centigray)
DOSE_UNIT = Spelling("unit of the dose; cGy is read as Gy", _dose_unit, lambda _value, _ctx: None)


def _is_course_row(row: Row) -> bool:
    return row.get("PRCAT") == "RADIATION THERAPY" or row.get("PRDECOD") in _RADIOTHERAPY


def is_course(resource: Resource) -> bool:
    """Whether a Procedure is a whole course of radiotherapy (mCODE)."""
    codings = (resource.get("code") or {}).get("coding") or ()
    return any(one.get("code") == COURSE["code"] and one.get("system") == SCT for one in codings)


def _status(row: Row, _ctx: Context) -> Any:
    if row.get("PROCCUR") == "N" or row.get("PRSTAT") == "NOT DONE":
        return "not-done"
    if row.get("PRENRTPT") == "ONGOING":
        return "in-progress"
    return "completed" if row.get("PRSTDTC") else "unknown"


def _modality(row: Row, _ctx: Context) -> Any:
    """Modality and technique: photons only where the decoded term implies them; else what is written, uncoded."""
    technique = _TECHNIQUES.get(row.get("PRDECOD") or "")
    if technique is None:
        unclassified = coding(NULL_FLAVOR, "UNC", "un-encoded")
        text = row.get("PRTRT") or row.get("PRDECOD") or "radiotherapy"
        return [
            {"url": MCODE + "mcode-radiotherapy-modality", "valueCodeableConcept": concept(unclassified, text=text)},
            {"url": MCODE + "mcode-radiotherapy-technique", "valueCodeableConcept": concept(unclassified, text=text)},
        ]
    return [
        {"url": MCODE + "mcode-radiotherapy-modality", "valueCodeableConcept": concept(_PHOTONS)},
        {"url": MCODE + "mcode-radiotherapy-technique", "valueCodeableConcept": concept(technique)},
    ]


def _sessions(row: Row, _ctx: Context) -> Any:
    count = row.get("SUPP.PRFRACN")
    return int(count) if isinstance(count, str) and count.isdigit() else None


def _reason(row: Row, ctx: Context) -> Any:
    cancer = ctx.fact("cancer", row.get("USUBJID"))
    return [cancer] if cancer and ctx.release == "R4" else None


def _course_profile(row: Row, ctx: Context) -> Any:
    claims = ctx.release == "R4" and row.get("PRSTDTC") and _status(row, ctx) in {"completed", "in-progress"}
    return {"profile": [MCODE + "mcode-radiotherapy-course-summary"]} if claims else None


def _lines(decoded: Spelling) -> tuple[Line, ...]:
    return (
        *record_lines("PR", "Procedure", STUDY_EXTENSION),
        line("PRGRPID", "Procedure.identifier.where(system=%grpid).value", TEXT),
        line("PRLNKGRP", "Procedure.identifier.where(system=%lnkgrp).value", TEXT),
        line("PRDECOD", "Procedure.code", decoded, source="joint mapping, PR"),
        line("PRTRT", "Procedure.code.text", TEXT, "Procedure.code.coding[0].display", source="joint mapping, PR"),
        line("PRCAT", "Procedure.category.text", TEXT, only="R4", source="joint mapping, PR"),
        line("PRCAT", "Procedure.category[0].text", TEXT, only="R5"),
        line("PROCCUR", "Procedure.status", OCCURRED, direction="to_sdtm", source="joint mapping, PR"),
        line("PRINDC", "Procedure.reasonCode[0].text", TEXT, only="R4", source="joint mapping, PR"),
        line("PRINDC", "Procedure.reason[0].concept.text", TEXT, only="R5"),
        line("PRLOC", "Procedure.bodySite[0]", LOCATION, source="joint mapping, PR"),
        line("PRLAT", "Procedure.bodySite[0].extension(%laterality).value.ofType(CodeableConcept)", SIDE),
        line("PRDIR", "Procedure.bodySite[0].extension(%location-qualifier).value.ofType(CodeableConcept)", TOWARD),
        line(
            "PRSTDTC",
            "Procedure.performed.ofType(Period).start",
            DATE,
            "Procedure.performed.ofType(dateTime)",
            only="R4",
        ),
        line("PRENDTC", "Procedure.performed.ofType(Period).end", DATE, only="R4"),
        line(
            "PRSTDTC",
            "Procedure.occurrence.ofType(Period).start",
            DATE,
            "Procedure.occurrence.ofType(dateTime)",
            only="R5",
        ),
        line("PRENDTC", "Procedure.occurrence.ofType(Period).end", DATE, only="R5"),
        line(
            "PRLNKID",
            "Procedure.extension(%target-body-structure).value.ofType(Reference)",
            LESION,
            note="the irradiated lesion; mCODE has no link from volume to tumour",
        ),
        *_visit.lines,
    )


def volume(domain: str, *needs: str) -> Fragment:
    """The volume a dose was delivered to (mCODE asks for one); its lesion is named where --LNKID says which."""

    def place(row: Row, ctx: Context) -> Any:
        return LOCATION.to_fhir(row[f"{domain}LOC"], ctx) if row.get(f"{domain}LOC") else None

    part = Part(
        "Volume",
        "BodyStructure",
        ("STUDYID", "USUBJID", "DOMAIN", f"{domain}SEQ"),
        "Procedure.extension(%dose-to-volume).extension('volume').value.ofType(Reference)",
        needs,
    )
    name = f"{domain}LNKID"
    extras = (
        Extra("Volume.patient", lambda row, ctx: ctx.subject(row["USUBJID"])),
        Extra("Volume.identifier[0]", lambda row, _ctx: {"use": "usual", "value": f"PTV-{row.get(name) or '1'}"}),
        Extra("Volume.morphology", lambda _row, _ctx: concept(coding(SCT, "228793007", "Planning target volume"))),
        Extra("Volume.location", place, ("R4",)),
        Extra("Volume.includedStructure[0].structure", lambda row, ctx: place(row, ctx) or absent("unknown"), ("R5",)),
        Extra(
            "Volume.meta",
            lambda _row, ctx: {"profile": [MCODE + "mcode-radiotherapy-volume"]} if ctx.release == "R4" else None,
        ),
    )
    return Fragment(part, (), extras)


_volume = volume("PR", "PRDOSE", "SUPP.PRFRACN")
_derived = (STUDYID, *PLANNED, day("PRSTDY", "PRSTDTC"), day("PRENDY", "PRENDTC"), epoch("PRSTDTC"))

COURSE_SUMMARY = Mapping(
    domain="PR",
    name="PR radiotherapy course",
    resource="Procedure",
    key=("STUDYID", "DOMAIN", "USUBJID", "PRSEQ"),
    given=_is_course_row,
    when=is_course,
    shape=is_course,
    parts=(_visit.part, _volume.part),
    lines=(
        *_lines(COURSE_DECODED),
        line("PRDOSE", DOSE, GRAY, source="mCODE radiotherapy dose delivered to volume"),
        line("PRDOSU", DOSE, DOSE_UNIT, direction="to_sdtm", note="written with the dose"),
        line(
            "SUPP.PRFRACN",
            "Procedure.extension(%dose-to-volume).extension('fractionsDelivered').value.ofType(unsignedInt)",
            COUNT,
            "Procedure.extension(%sessions).value.ofType(unsignedInt)",
        ),
        line("SUPP.PRTRTINT", "Procedure.extension(%intent).value.ofType(CodeableConcept)", INTENT),
    ),
    extras=(
        *_visit.extras,
        Extra("Procedure.status", _status),
        Extra("Procedure.meta", _course_profile),
        Extra(f"{MODALITY}.extension", _modality),
        Extra("Procedure.extension(%sessions).value.ofType(unsignedInt)", _sessions),
        Extra("Procedure.reasonReference", _reason, ("R4",)),
        *_volume.extras,
    ),
    derived=_derived,
)
PLAIN = Mapping(
    domain="PR",
    name="PR procedure",
    resource="Procedure",
    key=COURSE_SUMMARY.key,
    when=lambda resource: resource.get("resourceType") == "Procedure",
    parts=(_visit.part,),
    lines=_lines(DECODED),
    extras=(*_visit.extras, Extra("Procedure.status", _status)),
    derived=_derived,
)
PR = (COURSE_SUMMARY, PLAIN)
