"""AE, adverse events: AdverseEvent as the AE Clinical Research profiles have it (R4 backport and R5).

The grade (AETOXGR) is their ae-grade extension: R4's own severity cannot hold 4 and 5. Seriousness criteria are written
for serious events only, for the profile forbids them otherwise. MedDRA's levels share one code system, so each coding
carries its level. Causality is per suspect: the study treatment as a whole (AEREL), radiotherapy and immune therapy
(SUPPAE AERELRT, AERELIO). R4 has room for one identifier, which is AESPID's.
"""

from __future__ import annotations

from typing import Any

from trialbridge.mappings.common import STUDYID, day, epoch
from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.ds import DATE_INSIDE
from trialbridge.mappings.kit import Context, Extra, Line, Mapping, Part, Release, Row, Spelling, line
from trialbridge.mappings.names import (
    AE_OUTCOME,
    AE_RESEARCH,
    AE_SEVERITY,
    BACKPORT,
    CRITERIA,
    NCIT,
    SERIOUSNESS,
    coding,
)
from trialbridge.mappings.spellings import DATE, NUMBER_AS_TEXT, RECORD, STUDY, SUBJECT, TEXT

GRADES = {
    "1": coding(NCIT, "C41338", "Grade 1 Mild Adverse Event"),
    "2": coding(NCIT, "C41339", "Grade 2 Moderate Adverse Event"),
    "3": coding(NCIT, "C41340", "Grade 3 Severe Adverse Event"),
    "4": coding(NCIT, "C41337", "Grade 4 Life Threatening or Disabling Adverse Event"),
    "5": coding(NCIT, "C48275", "Grade 5 Death Related to Adverse Event"),
}
_LEGACY = "http://hl7.org/fhir/us/ctcae/CodeSystem/ctcae-grade-code-system"
GRADE = in_codelist(
    "CTCAE grade",
    further={grade: (one,) for grade, one in GRADES.items()},
    aliases={(_LEGACY, grade): grade for grade in "012345"},
)


def _numbered(element: Any, _ctx: Context) -> str | None:
    """A grade as an integer in an extension whose url ends in `ctc-grade` (Onconova)."""
    if not isinstance(element, dict) or not str(element.get("url", "")).endswith("adverse-event-ctc-grade"):
        return None
    value = element.get("valueInteger")
    return str(value) if isinstance(value, int) and 0 <= value <= 5 else None


def _coded_severity(element: Any, _ctx: Context) -> str | None:
    """A grade as a coding of severity by a CTCAE code system (the German core data set)."""
    for one in element.get("coding") or () if isinstance(element, dict) else ():
        if "ctcae" in str(one.get("system", "")).lower() and str(one.get("code")) in set("012345"):
            return str(one["code"])
    return None


NUMBERED_GRADE = Spelling("grade as an integer extension (read only)", _numbered, lambda _v, _c: None, shape="member")
CODED_SEVERITY_GRADE = Spelling("grade as severity's coding (read only)", _coded_severity, lambda _v, _c: None)
OUTCOME = in_codelist(
    "AEOUT (C66768) and R4's outcome",
    "C66768",
    further={
        "RECOVERED/RESOLVED": (coding(AE_OUTCOME, "resolved", "Resolved"),),
        "RECOVERING/RESOLVING": (coding(AE_OUTCOME, "recovering", "Recovering"),),
        "NOT RECOVERED/NOT RESOLVED": (coding(AE_OUTCOME, "ongoing", "Ongoing"),),
        "RECOVERED/RESOLVED WITH SEQUELAE": (coding(AE_OUTCOME, "resolvedWithSequelae", "Resolved with Sequelae"),),
        "FATAL": (coding(AE_OUTCOME, "fatal", "Fatal"),),
        "UNKNOWN": (coding(AE_OUTCOME, "unknown", "Unknown"),),
    },
    text=False,
)
SEVERITY = in_codelist(
    "AESEV (C66769) and severity",
    "C66769",
    further={
        value: (coding(AE_SEVERITY, value.lower(), value.capitalize()),) for value in ("MILD", "MODERATE", "SEVERE")
    },
    text=False,
)
SERIOUS = in_codelist(
    "AESER",
    further={
        "Y": (coding(SERIOUSNESS, "serious", "Serious"),),
        "N": (coding(SERIOUSNESS, "non-serious", "Non-serious"),),
    },
    aliases={(SERIOUSNESS, "Serious"): "Y", (SERIOUSNESS, "Non-serious"): "N"},
    text=False,
)
ACTION = in_codelist("AEACN", "C66767")
RELATEDNESS = in_codelist(
    "AEREL: no codelist; the four NCIt degrees where they fit, else text",
    further={
        "NOT RELATED": (coding(NCIT, "C53256", "Not Related"),),
        "UNLIKELY": (coding(NCIT, "C53257", "Unlikely Related"),),
        "POSSIBLE": (coding(NCIT, "C53258", "Possibly Related"),),
        "UNLIKELY RELATED": (coding(NCIT, "C53257", "Unlikely Related"),),
        "POSSIBLY RELATED": (coding(NCIT, "C53258", "Possibly Related"),),
        "RELATED": (coding(NCIT, "C53260", "Related"),),
    },
    text_first=True,
    loses="without the text, UNLIKELY RELATED and UNLIKELY are one, and POSSIBLY RELATED and POSSIBLE",
)
_LEVELS = (
    ("LLT", "AELLT", "AELLTCD"),
    ("PT", "AEDECOD", "AEPTCD"),
    ("HLT", "AEHLT", "AEHLTCD"),
    ("HLGT", "AEHLGT", "AEHLGTCD"),
    ("SOC", "AESOC", "AESOCCD"),
    ("BODSYS", "AEBODSYS", "AEBDSYCD"),
)
_SUSPECTS = (("AEREL", "Study treatment"), ("SUPP.AERELRT", "Radiotherapy"), ("SUPP.AERELIO", "Immune therapy"))


def _flag_to_fhir(value: str, ctx: Context) -> bool | None:
    """A criterion's flag: only of serious events (a profile invariant)."""
    return {"Y": True, "N": False}.get(value) if ctx.row.get("AESER") == "Y" else None


FLAG = Spelling(
    "seriousness criterion, of serious events",
    lambda value, _ctx: {True: "Y", False: "N"}.get(value) if isinstance(value, bool) else None,
    _flag_to_fhir,
)


def _meddra(element: str, release: Release) -> list[Line]:
    lines = []
    for level, term, code in _LEVELS:
        place = f"{element}.coding.where(system=%meddra and extension(%x-meddra-level).valueCode='{level}')"
        others = (
            [(f"{element}.coding.where(system=%meddra)"), (f"{element}.coding.where(system=%meddra-tho)")]
            if level == "PT"
            else []
        )
        lines.append(line(term, place + ".display", TEXT, *(o + ".display" for o in others), only=release))
        lines.append(line(code, place + ".code", NUMBER_AS_TEXT, *(o + ".code" for o in others), only=release))
    return lines


def _criteria(release: Release) -> list[Line]:
    url = "%seriousness-criteria" if release == "R4" else "%seriousness-criteria-r5"
    other = "%seriousness-criteria-r5" if release == "R4" else "%seriousness-criteria"
    present = ".extension('criterionPresent').value.ofType(boolean)"
    return [
        line(
            flag,
            f"AdverseEvent.extension.where(url={url} and {_of(flag)}){present}",
            FLAG,
            f"AdverseEvent.extension.where(url={other} and {_of(flag)}){present}",
            only=release,
        )
        for flag in (name.upper() for name in CRITERIA)
    ]


def _of(flag: str) -> str:
    return f"extension('criterionCode').valueCodeableConcept=%criterion-{flag.lower()}"


def _suspects(release: Release) -> list[Line]:
    first = (
        "AdverseEvent.extension(%suspect-entity).extension('causality').extension('entityRelatedness')"
        ".value.ofType(CodeableConcept)"
    )
    lines = []
    for variable, suspect in _SUSPECTS:
        if release == "R4":
            path = (
                "AdverseEvent.extension.where(url=%suspect-entity and "
                f"extension('instance').valueReference.display='{suspect}')"
                ".extension('causality').extension('entityRelatedness').value.ofType(CodeableConcept)"
            )
            others = [first, "AdverseEvent.suspectEntity[0].causality[0].assessment"]
        else:
            path = (
                f"AdverseEvent.suspectEntity.where(instanceReference.display='{suspect}').causality.entityRelatedness"
            )
            others = ["AdverseEvent.suspectEntity[0].causality.entityRelatedness"]
        lines.append(line(variable, path, RELATEDNESS, *(others if variable == "AEREL" else ()), only=release))
    return lines


def _status(row: Row, _ctx: Context) -> str:
    """The state of the event as far as the record tells it."""
    if row.get("AEENDTC") or (row.get("AEOUT") or "").startswith(("RECOVERED", "FATAL")):
        return "completed"
    return "in-progress" if row.get("AEOUT") in {"NOT RECOVERED/NOT RESOLVED", "RECOVERING/RESOLVING"} else "unknown"


def _profile(row: Row, ctx: Context) -> Any:
    """The profile is claimed where it can hold: it wants an outcome, and its value set has no unknown."""
    if row.get("AEOUT") is None or row["AEOUT"] == "UNKNOWN" or OUTCOME.to_fhir(row["AEOUT"], ctx) is None:
        return None
    base = BACKPORT if ctx.release == "R4" else AE_RESEARCH
    return {"profile": [base + "AdverseEvent-clinical-research"]}


AE = Mapping(
    domain="AE",
    name="AE",
    resource="AdverseEvent",
    key=("STUDYID", "DOMAIN", "USUBJID", "AESEQ"),
    when=lambda resource: resource.get("actuality") != "potential",
    lines=(
        line("STUDYID", "AdverseEvent.study[0]", STUDY),
        line("USUBJID", "AdverseEvent.subject", SUBJECT),
        line("AESEQ", "AdverseEvent.extension(%x-sdtm-record).value.ofType(Identifier).value", RECORD, only="R4"),
        line("AESEQ", "AdverseEvent.identifier.where(system=%sdtm-record).value", RECORD, only="R5"),
        line("AESPID", "AdverseEvent.identifier.value", TEXT, only="R4", source="joint mapping, AE"),
        line("AESPID", "AdverseEvent.identifier.where(system=%spid).value", TEXT, only="R5"),
        line("AEREFID", "AdverseEvent.identifier.where(system=%refid).value", TEXT, only="R5"),
        line(
            "AETERM",
            "AdverseEvent.event.text",
            TEXT,
            "Effect.code.text",
            "AdverseEvent.event.coding[0].display",
            "Effect.code.coding[0].display",
            only="R4",
            note="read also from the resulting condition, the joint mapping's home of the term",
        ),
        line(
            "AETERM",
            "AdverseEvent.code.text",
            TEXT,
            "AdverseEvent.code.coding[0].display",
            "Effect.code.text",
            "Effect.code.coding[0].display",
            only="R5",
        ),
        *_meddra("AdverseEvent.event", "R4"),
        *_meddra("AdverseEvent.code", "R5"),
        line("AECAT", "AdverseEvent.category[0].text", TEXT, source="joint mapping, AE"),
        line(
            "AESTDTC",
            "AdverseEvent.date",
            DATE,
            "AdverseEvent.extension(%occurrence-r5).value.ofType(Period).start",
            only="R4",
            source="joint mapping, AE",
        ),
        line(
            "AEENDTC",
            "AdverseEvent.extension(%resolve-date).value.ofType(dateTime)",
            DATE_INSIDE,
            ("AdverseEvent.extension(%occurrence-r5).value.ofType(Period).end", DATE),
            only="R4",
            source="AE backport resolve-date",
        ),
        line(
            "AESTDTC",
            "AdverseEvent.occurrence.ofType(Period).start",
            DATE,
            "AdverseEvent.occurrence.ofType(dateTime)",
            only="R5",
        ),
        line("AEENDTC", "AdverseEvent.occurrence.ofType(Period).end", DATE, only="R5"),
        line("AEDTC", "AdverseEvent.recordedDate", DATE),
        line("AESEV", "AdverseEvent.severity", SEVERITY, only="R4"),
        line("AESEV", "AdverseEvent.extension(%ae-severity).value.ofType(CodeableConcept)", SEVERITY, only="R5"),
        line(
            "AETOXGR",
            "AdverseEvent.extension(%ae-grade).value.ofType(CodeableConcept)",
            GRADE,
            "AdverseEvent.extension(%ae-grade-r5).value.ofType(CodeableConcept)",
            "AdverseEvent.extension(%ctcae-grade).value.ofType(CodeableConcept)",
            ("AdverseEvent.extension", NUMBERED_GRADE),
            ("AdverseEvent.severity", CODED_SEVERITY_GRADE),
            only="R4",
            note="five homes are read: both profiles' extension, mCODE's older one, a numbered one, severity's coding",
            source="AE backport ae-grade",
        ),
        line(
            "AETOXGR",
            "AdverseEvent.extension(%ae-grade-r5).value.ofType(CodeableConcept)",
            GRADE,
            "AdverseEvent.extension(%ae-grade).value.ofType(CodeableConcept)",
            only="R5",
            source="AE research ae-grade",
        ),
        line("AESER", "AdverseEvent.seriousness", SERIOUS, source="joint mapping, AE"),
        *_criteria("R4"),
        *_criteria("R5"),
        *_suspects("R4"),
        *_suspects("R5"),
        line(
            "AEACN",
            "AdverseEvent.extension(%mitigating-action).extension('item').value.ofType(CodeableConcept)",
            ACTION,
            only="R4",
        ),
        line("AEACN", "AdverseEvent.mitigatingAction[0].item.ofType(CodeableConcept)", ACTION, only="R5"),
        line("AEOUT", "AdverseEvent.outcome", OUTCOME, only="R4"),
        line("AEOUT", "AdverseEvent.outcome[0]", OUTCOME, only="R5"),
    ),
    parts=(
        Part("Effect", "Condition", (), "AdverseEvent.resultingCondition[0]", (), releases=("R4",)),
        Part("Effect", "Condition", (), "AdverseEvent.resultingEffect[0]", (), releases=("R5",)),
    ),
    fixed={"actuality": "actual"},
    extras=(
        Extra("AdverseEvent.meta", _profile),
        Extra(
            "AdverseEvent.modifierExtension",
            lambda row, ctx: [{"url": BACKPORT + "status", "valueCode": _status(row, ctx)}],
            ("R4",),
        ),
        Extra("AdverseEvent.status", _status, ("R5",)),
        Extra(
            "AdverseEvent.extension(%x-sdtm-record).value.ofType(Identifier).system",
            lambda _row, ctx: ctx.url("sdtm-record"),
            ("R4",),
        ),
        Extra(
            "AdverseEvent.identifier.system",
            lambda row, ctx: ctx.url("spid") if row.get("AESPID") else None,
            ("R4",),
        ),
    ),
    derived=(STUDYID, day("AESTDY", "AESTDTC"), day("AEENDY", "AEENDTC"), day("AEDY", "AEDTC"), epoch("AESTDTC")),
)
