"""DM, demographics: ResearchSubject, its Patient, Consent, the site's study and the site.

The subject's identity is the ResearchSubject's; a hospital's record number never becomes USUBJID. A site is a
ResearchStudy of its own, part of the study (the joint mapping's two-level model): R4 gives a ResearchSubject no other
link to a site. COUNTRY is the site's. The study's arms carry ARMCD, for R4 knows arms by name alone.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import TYPE_CHECKING, Any

from iso3166 import countries

from trialbridge.mappings.common import STUDYID, day, record_of
from trialbridge.mappings.kit import Context, Derived, Extra, Mapping, Part, Resource, Row, Spelling, line
from trialbridge.mappings.names import ABSENT, CDCREC, MCODE, NULL_FLAVOR, absent, coding, concept
from trialbridge.mappings.spellings import DATE, DAY, SUBJECT, TEXT, YES

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingOf

_GENDERS = {"M": "male", "F": "female", "U": "unknown", "INTERSEX": "other", "UNDIFFERENTIATED": "other"}
_SEXES = {"male": "M", "female": "F", "unknown": "U", "other": "U"}
SEX = Spelling(
    "SEX (C66731) and administrative gender",
    lambda code, _ctx: _SEXES.get(code) if isinstance(code, str) else None,
    lambda value, _ctx: _GENDERS.get(value),
    pairs=_GENDERS,
    loses="FHIR's other is wider than INTERSEX (CT 2023-12 on) and UNDIFFERENTIATED (CT to 2022-09); it is read as U",
)
_RACES = {
    "AMERICAN INDIAN OR ALASKA NATIVE": coding(CDCREC, "1002-5", "American Indian or Alaska Native"),
    "ASIAN": coding(CDCREC, "2028-9", "Asian"),
    "BLACK OR AFRICAN AMERICAN": coding(CDCREC, "2054-5", "Black or African American"),
    "NATIVE HAWAIIAN OR OTHER PACIFIC ISLANDER": coding(CDCREC, "2076-8", "Native Hawaiian or Other Pacific Islander"),
    "WHITE": coding(CDCREC, "2106-3", "White"),
    "OTHER": coding(CDCREC, "2131-1", "Other Race"),
    "UNKNOWN": coding(NULL_FLAVOR, "UNK", "unknown"),
    "NOT REPORTED": coding(NULL_FLAVOR, "ASKU", "asked but unknown"),
}
_ETHNICITIES = {
    "HISPANIC OR LATINO": coding(CDCREC, "2135-2", "Hispanic or Latino"),
    "NOT HISPANIC OR LATINO": coding(CDCREC, "2186-5", "Not Hispanic or Latino"),
    "UNKNOWN": coding(NULL_FLAVOR, "UNK", "unknown"),
    "NOT REPORTED": coding(NULL_FLAVOR, "ASKU", "asked but unknown"),
}


def _omb(name: str, table: MappingOf[str, dict[str, Any]]) -> Spelling:
    """US Core race or ethnicity: ombCategory and the text that must be there. Several categories are MULTIPLE."""
    back = {(one["system"], one["code"]): value for value, one in table.items()}

    def to_sdtm(element: Any, _ctx: Context) -> str | None:
        found = [
            back.get((one["valueCoding"].get("system"), one["valueCoding"].get("code")))
            for one in element.get("extension") or ()
            if one.get("url") == "ombCategory" and isinstance(one.get("valueCoding"), dict)
        ]
        if len(found) > 1:
            return "MULTIPLE"
        texts = [one.get("valueString") for one in element.get("extension") or () if one.get("url") == "text"]
        return found[0] if found else (texts[0] if texts else None)

    def to_fhir(value: str, _ctx: Context) -> dict[str, Any]:
        category = [{"url": "ombCategory", "valueCoding": table[value]}] if value in table else []
        return {"extension": [*category, {"url": "text", "valueString": value}]}

    return Spelling(name, to_sdtm, to_fhir, pairs={value: one["code"] for value, one in table.items()})


RACE = _omb("RACE (C74457) and OMB race", _RACES)
ETHNIC = _omb("ETHNIC (C66790) and OMB ethnicity", _ETHNICITIES)
DEATH_FLAG = Spelling("dead without a date", YES.to_sdtm, YES.to_fhir)


def _country(value: Any, _ctx: Context) -> str | None:
    """ISO 3166-1 alpha-3; alpha-2, numeric codes and names are read, any other text stays as it is."""
    if not isinstance(value, str) or not value:
        return None
    found = countries.get(value.strip(), None)
    return found.alpha3 if found is not None else value


COUNTRY = Spelling("country as ISO 3166-1 alpha-3; alpha-2, numbers and names are read", _country, TEXT.to_fhir)


def arm_id(name: str) -> str:
    """The id of a comparison group in R5: the arm's name in FHIR's id alphabet; marked where that says less than it."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:48]
    if plain.replace("-", " ") == name:
        return plain
    return f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def _arm_name(link: Any, ctx: Context) -> str | None:
    name = ctx.fact("arm name", link) if isinstance(link, str) else None
    return name if isinstance(name, str) else None


ARM_LINK = Spelling("the arm's comparison group", _arm_name, lambda value, _ctx: arm_id(value))


def _learn(row: Row, parts: MappingOf[str, Resource], ctx: Context) -> None:
    """Remember the subject's study, and the row's arms."""
    del parts
    ctx.learn("studyid", row["USUBJID"], value=row.get("STUDYID"))
    ctx.subject(row["USUBJID"])
    for name, code in (("ARM", "ARMCD"), ("ACTARM", "ACTARMCD")):
        if row.get(name) and row.get("STUDYID"):  # the study has the arms: where there is none, nobody reads them
            ctx.learn("arm", row.get("STUDYID"), row[name], value=row.get(code))
            ctx.learn("arm name", arm_id(row[name]), value=row[name])


def _one_site(row: Row, parts: MappingOf[str, Resource | None], _ctx: Context) -> None:
    """A study of several sites says nothing of where one subject is."""
    site = parts.get("Site")
    if site is not None and len(site.get("site") or ()) > 1:
        row.pop("COUNTRY", None)


def _arm_code(arm: str) -> Any:
    return lambda row, ctx: ctx.fact("arm", row.get("STUDYID"), row[arm]) if row.get(arm) else None


def _known(kind: str) -> Any:
    return lambda row, ctx: ctx.fact(kind, row.get("USUBJID"))


def _age(row: Row, _ctx: Context) -> float | None:
    born, reference = (row.get("BRTHDTC") or "")[:10], (row.get("RFSTDTC") or "")[:10]
    try:
        first, last = date.fromisoformat(born), date.fromisoformat(reference)
    except ValueError:
        return None
    return float(last.year - first.year - ((last.month, last.day) < (first.month, first.day)))


def _profile(_row: Row, ctx: Context) -> Any:
    return {"profile": [MCODE + "mcode-cancer-patient"]} if ctx.oncology and ctx.release == "R4" else None


def _given(consent: Resource) -> bool:
    """Whether a consent was given: neither proposed nor rejected nor entered in error."""
    decision = consent.get("decision") or (consent.get("provision") or {}).get("type")
    return consent.get("status") in {"active", "inactive"} and decision != "deny"


def _study(row: Row, ctx: Context) -> Any:
    """The study itself where no site is known; said to be unknown where there is none (study is required)."""
    if row.get("SITEID"):
        return None
    return ctx.study(row["STUDYID"]) if row.get("STUDYID") else absent("unknown")


CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_patient = {"name": [{"extension": [{"url": ABSENT, "valueCode": "masked"}]}]}
_subject_key = ("STUDYID", "USUBJID")

DM = Mapping(
    domain="DM",
    name="DM",
    resource="ResearchSubject",
    key=_subject_key,
    parts=(
        Part("Patient", "Patient", ("USUBJID",), "ResearchSubject.individual", ("USUBJID",), _patient, ("R4",)),
        Part("Patient", "Patient", ("USUBJID",), "ResearchSubject.subject", ("USUBJID",), _patient, ("R5",)),
        Part(
            "Site",
            "ResearchStudy",
            ("STUDYID", "SITEID"),
            "ResearchSubject.study",
            ("SITEID",),
            {"_status": absent("unknown")},
        ),
        Part("Location", "Location", ("STUDYID", "SITEID", "COUNTRY"), "Site.site[0]", ("COUNTRY",)),
        Part(
            "Investigator",
            "Practitioner",
            ("STUDYID", "INVID", "INVNAM"),
            "Site.principalInvestigator",
            ("INVID", "INVNAM"),
            releases=("R4",),
        ),
        Part(
            "Consent",
            "Consent",
            _subject_key,
            "ResearchSubject.consent",
            ("RFICDTC",),
            {
                "status": "active",
                "scope": concept(coding(CONSENT_SCOPE, "research", "Research")),
                "category": [concept(coding("http://loinc.org", "59284-0", "Consent Document"))],
                "policyRule": {"text": "Informed consent to take part in the study"},
            },
            ("R4",),
            _given,
        ),
        Part(
            "Consent",
            "Consent",
            _subject_key,
            "ResearchSubject.consent[0]",
            ("RFICDTC",),
            {"status": "active", "category": [concept(coding("http://loinc.org", "59284-0", "Consent Document"))]},
            ("R5",),
            _given,
        ),
    ),
    lines=(
        line(
            "USUBJID",
            "ResearchSubject.identifier.where(system=%usubjid).value",
            TEXT,
            ("ResearchSubject.individual", SUBJECT),
            only="R4",
            source="joint mapping, LB",
        ),
        line(
            "USUBJID",
            "ResearchSubject.identifier.where(system=%usubjid).value",
            TEXT,
            ("ResearchSubject.subject", SUBJECT),
            only="R5",
        ),
        line("SUBJID", "ResearchSubject.identifier.where(system=%subjid).value", TEXT, source="joint mapping, DM"),
        line("SITEID", "Site.identifier.where(system=%siteid).value", TEXT, source="joint mapping, DM"),
        line("RFPENDTC", "ResearchSubject.period.end", DATE),
        line("RFICDTC", "Consent.dateTime", DATE, only="R4"),
        line("RFICDTC", "Consent.date", DAY, only="R5"),
        line("DTHDTC", "Patient.deceased.ofType(dateTime)", DATE, source="joint mapping, DM"),
        line("DTHFL", "Patient.deceased.ofType(boolean)", DEATH_FLAG, direction="to_sdtm"),
        line("BRTHDTC", "Patient.birthDate", DAY, source="joint mapping, DM"),
        line("SEX", "Patient.gender", SEX),
        line("RACE", "Patient.extension(%race)", RACE, source="US Core race"),
        line("ETHNIC", "Patient.extension(%ethnicity)", ETHNIC, source="US Core ethnicity"),
        line("ARM", "ResearchSubject.assignedArm", TEXT, only="R4"),
        line("ACTARM", "ResearchSubject.actualArm", TEXT, only="R4"),
        line("ARM", "ResearchSubject.assignedComparisonGroup", ARM_LINK, only="R5"),
        line("ACTARM", "ResearchSubject.actualComparisonGroup", ARM_LINK, only="R5"),
        line("COUNTRY", "Location.address.country", COUNTRY, note="the site's country"),
        line("INVID", "Investigator.identifier.where(system=%invid).value", TEXT, only="R4"),
        line("INVNAM", "Investigator.name[0].text", TEXT, only="R4"),
    ),
    fixed={"_status": absent("unknown")},
    extras=(
        Extra("ResearchSubject.identifier.where(system=%sdtm-record).value", record_of("SUBJID")),
        Extra("Patient.meta", _profile),
        Extra("Patient.identifier.where(system=%usubjid).value", lambda row, _ctx: row.get("USUBJID")),
        Extra("Patient._gender", lambda row, _ctx: None if row.get("SEX") in SEX.pairs else absent("unknown")),
        Extra(
            "Patient.deceased.ofType(boolean)",
            lambda row, _ctx: True if row.get("DTHFL") == "Y" and not row.get("DTHDTC") else None,
            note="deceased[x] holds either; the date says more",
        ),
        Extra(
            "ResearchSubject.study",
            _study,
            note="a subject without a site belongs to the study itself",
        ),
        Extra("Site.partOf[0]", lambda row, ctx: ctx.study(row["STUDYID"]) if row.get("STUDYID") else None),
        Extra("Consent.patient", lambda row, ctx: ctx.subject(row["USUBJID"]), ("R4",)),
        Extra("Consent.subject", lambda row, ctx: ctx.subject(row["USUBJID"]), ("R5",)),
    ),
    derived=(
        STUDYID,
        Derived("RFXSTDTC", _known("rfxstdtc"), "the earliest EXSTDTC", "SDTMIG 3.4 section 5.2, DM"),
        Derived("RFXENDTC", _known("rfxendtc"), "the latest EXENDTC, or EXSTDTC", "SDTMIG 3.4 section 5.2, DM"),
        Derived("RFSTDTC", _known("reference start"), "only where the study file says what it is"),
        Derived("DTHFL", lambda row, _ctx: "Y" if row.get("DTHDTC") else None, "Y where there is a date of death"),
        Derived("ARMCD", _arm_code("ARM"), "the code of the study's arm"),
        Derived("ACTARMCD", _arm_code("ACTARM"), "the code of the study's arm"),
        Derived("AGE", _age, "whole years from BRTHDTC to RFSTDTC"),
        Derived("AGEU", lambda row, _ctx: "YEARS" if row.get("AGE") is not None else None, "AGE is in years"),
        day("DMDY", "DMDTC"),
    ),
    after_write=_learn,
    after_read=_one_site,
)
