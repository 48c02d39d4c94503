"""The absolute names FHIR content goes by: code systems, profiles, extensions, and our own under a configurable base.

Sources: HL7 Terminology (THO), FHIR R4 4.0.1, mCODE STU4 4.0.0, AE Clinical Research R4-backport 1.0.1 and R5 IG 1.0.1,
US Core 6.1.0, CodeX Radiation Therapy 2.0.0, DICOM PS3.16.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from trialbridge.fhir.extensions import NAMES
from trialbridge.fhir.ids import BASE

NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
SCT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
MEDDRA = "https://www.meddra.org"
MEDDRA_THO = "http://terminology.hl7.org/CodeSystem/MDRAE"
CDCREC = "urn:oid:2.16.840.1.113883.6.238"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ABSENT_CODES = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
SERIOUSNESS = "http://terminology.hl7.org/CodeSystem/adverse-event-seriousness"
AE_OUTCOME = "http://terminology.hl7.org/CodeSystem/adverse-event-outcome"
AE_SEVERITY = "http://terminology.hl7.org/CodeSystem/adverse-event-severity"

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
BACKPORT = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/"
AE_RESEARCH = "http://hl7.org/fhir/uv/ae-research-ig/StructureDefinition/"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
FROM_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"
CORE = "http://hl7.org/fhir/StructureDefinition/"

CRITERIA = {  # seriousness criteria, by the SDTM flag in lower case
    "aesdth": ("C48275", "Death Related to Adverse Event"),
    "aeslife": ("C84266", "Life Threatening"),
    "aeshosp": ("C83052", "Requires Inpatient Hospitalization"),
    "aesdisab": ("C11338", "Persistent Or Significant Disability"),
    "aescong": ("C83117", "Congenital Anomaly or Birth Defect"),
    "aesmie": ("C82521", "Other Medically Important Condition"),
    "aesintv": ("C201939", "Required Intervention to Prevent Permanent Impairment or Damage"),
}

OURS = (  # identifier systems: {base}/sid/{name}
    "studyid usubjid subjid siteid invid tulnkid lnkgrp visitnum visit evalid sdtm-record spid refid grpid armcd spdevid"
).split()
OUR_EXTENSIONS = NAMES  # {base}/StructureDefinition/{name}


def coding(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A Coding."""
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(*codings: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    """A CodeableConcept."""
    made: dict[str, Any] = {"coding": list(codings)} if codings else {}
    return made | ({"text": text} if text else {})


def absent(reason: str) -> dict[str, Any]:
    """What stands beside a primitive that is not there: the data-absent-reason extension."""
    return {"extension": [{"url": ABSENT, "valueCode": reason}]}


@lru_cache(maxsize=8)
def constants(base: str = BASE) -> dict[str, Any]:
    """What `%name` in a path stands for, under a base url for our own identifier systems and extensions."""
    fixed: dict[str, Any] = {
        "base": base,
        "ncit": NCIT,
        "loinc": LOINC,
        "ucum": UCUM,
        "meddra": MEDDRA,
        "meddra-tho": MEDDRA_THO,
        "seriousness": SERIOUSNESS,
        "research-study": CORE + "workflow-researchStudy",
        "target-body-structure": CORE + "procedure-targetBodyStructure",
        "body-position": CORE + "observation-bodyPosition",
        "race": US_CORE + "us-core-race",
        "ethnicity": US_CORE + "us-core-ethnicity",
        "tumor-identifier": concept(coding("http://hl7.org/fhir/resource-types", "BodyStructure")),
        "tumor-longest": concept(coding(LOINC, "33728-7", "Size.maximum dimension in Tumor")),
        "tumor-other": concept(coding(LOINC, "33729-5", "Size additional dimension in Tumor")),
        "related-condition": MCODE + "mcode-related-condition",
        "intent": MCODE + "mcode-procedure-intent",
        "modality-and-technique": MCODE + "mcode-radiotherapy-modality-and-technique",
        "sessions": MCODE + "mcode-radiotherapy-sessions",
        "dose-to-volume": MCODE + "mcode-radiotherapy-dose-delivered-to-volume",
        "laterality": MCODE + "mcode-laterality-qualifier",
        "location-qualifier": MCODE + "mcode-body-location-qualifier",
        "ae-status": BACKPORT + "status",
        "ae-grade": BACKPORT + "ae-grade",
        "ae-grade-r5": AE_RESEARCH + "ae-grade",
        "ctcae-grade": "http://hl7.org/fhir/us/ctcae/StructureDefinition/ctcae-grade",
        "ae-severity": AE_RESEARCH + "ae-severity",
        "seriousness-criteria": BACKPORT + "seriousness-criteria",
        "seriousness-criteria-r5": AE_RESEARCH + "seriousness-criteria",
        "resolve-date": BACKPORT + "resolve-date",
        "mitigating-action": BACKPORT + "mitigating-action",
        "suspect-entity": BACKPORT + "suspect-entity",
        "occurrence-r5": FROM_R5 + "AdverseEvent.occurrence",
        **{f"criterion-{flag}": concept(coding(NCIT, code, display)) for flag, (code, display) in CRITERIA.items()},
        "progress": FROM_R5 + "ResearchSubject.progress",
    }
    for name in OURS:
        fixed[name] = f"{base}/sid/{name}"
    for name in OUR_EXTENSIONS:
        fixed[f"x-{name}"] = f"{base}/StructureDefinition/{name}"
    return fixed
