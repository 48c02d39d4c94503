"""TS, trial summary: which parameters stand in elements of ResearchStudy, and how each is written and read.

A parameter's values, in the order of TSSEQ, are the elements of one place. R4 lacks outcome measures, the numbers of
subjects and the study design: there they stand in the cross-version extensions of R5's elements. Parameters without a
place travel row by row. Source: SDTMIG 3.4 section 7.6; FHIR R4 and R5 ResearchStudy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.kit import codes
from trialbridge.mappings.names import FROM_R5, NCIT, SCT, coding, concept
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.mappings.kit import Release, Resource, Row

LONGEST = 200
"""Characters of a character variable (XPT's limit); a longer text goes on in TSVAL1, TSVAL2 …"""
CDISC, ISO_8601, REGISTRY, SNOMED = "CDISC CT", "ISO 8601", "ClinicalTrials.gov", "SNOMED"
REGISTRY_SYSTEM = "http://clinicaltrials.gov"
PHASES = codes(
    "TPHASE (C66737) and phase",
    {
        "NOT APPLICABLE": "n-a",
        "EARLY PHASE I": "early-phase-1",
        "PHASE I TRIAL": "phase-1",
        "PHASE I/II TRIAL": "phase-1-phase-2",
        "PHASE II TRIAL": "phase-2",
        "PHASE II/III TRIAL": "phase-2-phase-3",
        "PHASE III TRIAL": "phase-3",
        "PHASE IV TRIAL": "phase-4",
    },
)
PURPOSES = codes(
    "TINDTP (C66736) and primary purpose",
    {
        "TREATMENT": "treatment",
        "PREVENTION": "prevention",
        "DIAGNOSIS": "diagnostic",
        "SUPPORTIVE CARE": "supportive-care",
        "SCREENING": "screening",
        "HEALTH SERVICES RESEARCH": "health-services-research",
        "BASIC SCIENCE": "basic-science",
        "DEVICE FEASIBILITY": "device-feasibility",
    },
)
_SYSTEMS: dict[Release, str] = {"R4": "http://terminology.hl7.org/CodeSystem/", "R5": "http://hl7.org/fhir/"}
"""Where the code systems of ResearchStudy stand (research-study-phase and its like): R5 took them into FHIR itself."""
_DESIGN = {"STYPE": "C99077", "INTMODEL": "C99076", "TBLIND": "C66735"}
"""Parameters that describe the design, and the codelist whose C-codes tell them apart within `studyDesign`."""
_ROLE = concept(coding("http://hl7.org/fhir/research-study-party-role", "lead-sponsor"))
_NCT = re.compile(r"NCT\d{8}")
Values = list[dict[str, Any]]
"""The values of a parameter in order: TSVAL (the whole text), and TSVALCD, TSVCDREF where it has them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parameter stands. `write` puts its values into the study, `read` gives them."""

    parameter: str
    write: Callable[[Resource, Values, Release], None]
    read: Callable[[Resource, Release], Values]
    where: str


def rows_of(study: Resource, studyid: str, release: Release, ct: str) -> Iterator[Row]:
    """The rows that a ResearchStudy tells. `ct` is the date of the terminology its coded values are of."""
    package = terminology.default()
    for place in PLACES:
        for number, value in enumerate(place.read(study, release), start=1):
            row: Row = {"STUDYID": studyid, "DOMAIN": "TS", "TSSEQ": float(number), "TSPARMCD": place.parameter}
            row["TSPARM"] = package.decode("TSPARMCD", place.parameter)
            row |= value | dict(zip(_columns(), cut(value["TSVAL"]), strict=False))
            if row.get("TSVCDREF") == CDISC:
                row["TSVCDVER"] = ct
            yield {name: one for name, one in row.items() if one}


def whole(row: Row) -> str:
    """The text of a row, its continuations joined."""
    names = _columns()
    return "".join(iter(lambda: row.get(next(names)) or "", ""))


def cut(text: str) -> list[str]:
    """A text in pieces of at most 200 characters, cut after a space where there is one; joined they give it back."""
    pieces = []
    while len(text) > LONGEST:
        at = text.rfind(" ", 0, LONGEST) + 1 or LONGEST
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text]


def _columns() -> Iterator[str]:
    yield "TSVAL"
    number = 0
    while True:
        number += 1
        yield f"TSVAL{number}"


def _term(codelist: str, value: str) -> dict[str, Any] | None:
    term = terminology.default().codelist(codelist).by_value(value)
    return coding(NCIT, term.code, term.preferred_term) if term is not None else None


def _coded(codelist: str, value: str) -> dict[str, Any]:
    """A value with the C-code and the reference that CDISC's terminology gives it."""
    term = terminology.default().codelist(codelist).by_value(value)
    return {"TSVAL": value} | ({"TSVALCD": term.code, "TSVCDREF": CDISC} if term is not None else {})


# --- one element of the study -----------------------------------------------------------------------------------------


def _text(parameter: str, element: str) -> Place:
    def write(study: Resource, values: Values, _release: Release) -> None:
        study[element] = values[0]["TSVAL"]

    def read(study: Resource, _release: Release) -> Values:
        found = study.get(element)
        return [{"TSVAL": found}] if isinstance(found, str) and found else []

    return Place(parameter, write, read, f"ResearchStudy.{element}")


def _date(parameter: str, element: str) -> Place:
    def write(study: Resource, values: Values, _release: Release) -> None:
        if re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", values[0]["TSVAL"]):
            study.setdefault("period", {})[element] = values[0]["TSVAL"]

    def read(study: Resource, _release: Release) -> Values:
        found = (study.get("period") or {}).get(element)
        return [{"TSVAL": found[:10], "TSVCDREF": ISO_8601}] if isinstance(found, str) and found else []

    return Place(parameter, write, read, f"ResearchStudy.period.{element}")


def _code(parameter: str, element: str, codelist: str, pairs: Any, system: str) -> Place:
    back = {code: value for value, code in pairs.pairs.items()}

    def write(study: Resource, values: Values, release: Release) -> None:
        value = values[0]["TSVAL"]
        own = pairs.pairs.get(value)
        codings = [coding(_SYSTEMS[release] + system, own)] if own else []
        nci = _term(codelist, value)
        if codings or nci:
            study[element] = concept(*codings, *([nci] if nci else []))

    def read(study: Resource, _release: Release) -> Values:
        codings = sorted(
            _codings(study.get(element)), key=lambda one: one.get("system") != NCIT
        )  # the C-code goes first
        for one in codings:
            term = terminology.default().codelist(codelist).by_code(one.get("code") or "")
            value = term.submission_value if term and one.get("system") == NCIT else back.get(one.get("code") or "")
            if value:
                return [_coded(codelist, value)]
        return []

    return Place(parameter, write, read, f"ResearchStudy.{element}")


def _codings(element: Any) -> list[Resource]:
    found = element.get("coding") if isinstance(element, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


# --- lists ------------------------------------------------------------------------------------------------------------


def _write_conditions(study: Resource, values: Values, _release: Release) -> None:
    study["condition"] = [
        concept(*([coding(SCT, one["TSVALCD"])] if one.get("TSVCDREF") == SNOMED and one.get("TSVALCD") else []))
        | {"text": one["TSVAL"]}
        for one in values
    ]


def _read_conditions(study: Resource, _release: Release) -> Values:
    found: Values = []
    for one in _listed(study.get("condition")):
        codings = _codings(one)
        text = one.get("text") or next((each["display"] for each in codings if each.get("display")), None)
        snomed = next((each["code"] for each in codings if each.get("system") == SCT and each.get("code")), None)
        if text:
            found.append({"TSVAL": text} | ({"TSVALCD": snomed, "TSVCDREF": SNOMED} if snomed else {}))
    return found


def _write_focus(study: Resource, values: Values, release: Release) -> None:
    texts = [{"text": one["TSVAL"]} for one in values]
    study["focus"] = texts if release == "R4" else [{"concept": one} for one in texts]


def _read_focus(study: Resource, release: Release) -> Values:
    found = [one if release == "R4" else one.get("concept") or {} for one in _listed(study.get("focus"))]
    return [{"TSVAL": one["text"]} for one in found if one.get("text")]


def _write_registered(study: Resource, values: Values, _release: Release) -> None:
    made = [{"system": REGISTRY_SYSTEM, "value": one["TSVAL"]} for one in values if _NCT.fullmatch(one["TSVAL"])]
    if made:
        study.setdefault("identifier", []).extend(made)


def _read_registered(study: Resource, _release: Release) -> Values:
    values = [one.get("value") for one in _listed(study.get("identifier")) if _is_registry(one.get("system"))]
    return [
        {"TSVAL": one, "TSVALCD": one, "TSVCDREF": REGISTRY}
        for one in dict.fromkeys(values)
        if isinstance(one, str) and _NCT.fullmatch(one)
    ]


def _is_registry(system: Any) -> bool:
    return isinstance(system, str) and "clinicaltrials.gov" in system.lower()


def _write_sponsor(study: Resource, values: Values, release: Release) -> None:
    name = values[0]["TSVAL"]
    if release == "R4":
        study["sponsor"] = {"display": name}
    else:
        study.setdefault("associatedParty", []).append({"name": name, "role": _ROLE})


def _read_sponsor(study: Resource, release: Release) -> Values:
    if release == "R4":
        name = (study.get("sponsor") or {}).get("display")
        return [{"TSVAL": name}] if isinstance(name, str) and name else []
    for one in _listed(study.get("associatedParty")):
        roles = {each.get("code") for each in _codings(one.get("role"))}
        name = one.get("name") or (one.get("party") or {}).get("display")
        if roles & {"lead-sponsor", "sponsor"} and name:
            return [{"TSVAL": name}]
    return []


def _aim(parameter: str, element: str, kind: str) -> Place:
    """Objectives and outcome measures: a list that several parameters share, told apart by type."""
    kinds = {
        release: concept(coding(system + "research-study-objective-type", kind)) for release, system in _SYSTEMS.items()
    }
    extension = FROM_R5 + f"ResearchStudy.{element}"

    def write(study: Resource, values: Values, release: Release) -> None:
        for one in values:
            if element == "objective":
                study.setdefault(element, []).append({"name": one["TSVAL"], "type": kinds[release]})
            elif release == "R5":
                study.setdefault(element, []).append({"name": one["TSVAL"], "type": [kinds[release]]})
            else:
                inside = [
                    {"url": "name", "valueString": one["TSVAL"]},
                    {"url": "type", "valueCodeableConcept": kinds[release]},
                ]
                study.setdefault("extension", []).append({"url": extension, "extension": inside})

    def read(study: Resource, release: Release) -> Values:
        found = _listed(study.get(element))
        if element != "objective" and release == "R4":
            found = [
                {"name": _inside(one, "name"), "type": _inside(one, "type")}
                for one in _listed(study.get("extension"))
                if one.get("url") == extension
            ]
        return [{"TSVAL": one["name"]} for one in found if one.get("name") and kind in _types(one.get("type"))]

    return Place(parameter, write, read, f"ResearchStudy.{element}")


def _types(types: Any) -> set[Any]:
    return {one.get("code") for each in (types if isinstance(types, list) else [types]) for one in _codings(each)}


def _number(parameter: str, element: str) -> Place:
    """The planned and the actual number of subjects."""
    extension = FROM_R5 + "ResearchStudy.recruitment"

    def write(study: Resource, values: Values, release: Release) -> None:
        text = values[0]["TSVAL"]
        if not (text.isascii() and text.isdigit() and str(int(text)) == text):
            return
        if release == "R5":
            study.setdefault("recruitment", {})[element] = int(text)
            return
        home = next((one for one in _listed(study.get("extension")) if one.get("url") == extension), None)
        if home is None:
            home = {"url": extension, "extension": []}
            study.setdefault("extension", []).append(home)
        home["extension"].append({"url": element, "valueUnsignedInt": int(text)})

    def read(study: Resource, release: Release) -> Values:
        if release == "R5":
            found = (study.get("recruitment") or {}).get(element)
        else:
            homes = [one for one in _listed(study.get("extension")) if one.get("url") == extension]
            found = _inside(homes[0], element) if homes else None
        return [{"TSVAL": str(found)}] if isinstance(found, int) and not isinstance(found, bool) else []

    return Place(parameter, write, read, f"ResearchStudy.recruitment.{element}")


def _design(parameter: str, codelist: str) -> Place:
    """The design's terms share one list; the codelist of a C-code says whose it is."""
    extension = FROM_R5 + "ResearchStudy.studyDesign"

    def write(study: Resource, values: Values, release: Release) -> None:
        for one in values:
            nci = _term(codelist, one["TSVAL"])
            if nci is not None and release == "R5":
                study.setdefault("studyDesign", []).append(concept(nci))
            elif nci is not None:
                made = {"url": extension, "valueCodeableConcept": concept(nci)}
                study.setdefault("extension", []).append(made)

    def read(study: Resource, release: Release) -> Values:
        extensions = [one for one in _listed(study.get("extension")) if one.get("url") == extension]
        kept = [one.get("valueCodeableConcept") for one in extensions]
        found: Values = []
        for one in _listed(study.get("studyDesign")) if release == "R5" else kept:
            for each in _codings(one):
                term = terminology.default().codelist(codelist).by_code(each.get("code") or "")
                if term is not None and each.get("system") == NCIT:
                    found.append(_coded(codelist, term.submission_value))
        return found

    return Place(parameter, write, read, "ResearchStudy.studyDesign")


def _listed(value: Any) -> list[Resource]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _inside(extension: Resource, url: str) -> Any:
    for one in _listed(extension.get("extension")):
        if one.get("url") == url:
            return next((value for key, value in one.items() if key.startswith("value")), None)
    return None


PLACES = (
    _text("TITLE", "title"),
    _code("TPHASE", "phase", "C66737", PHASES, "research-study-phase"),
    _code("TINDTP", "primaryPurposeType", "C66736", PURPOSES, "research-study-prim-purp-type"),
    Place("INDIC", _write_conditions, _read_conditions, "ResearchStudy.condition"),
    Place("TRT", _write_focus, _read_focus, "ResearchStudy.focus"),
    Place("REGID", _write_registered, _read_registered, "ResearchStudy.identifier"),
    Place("SPONSOR", _write_sponsor, _read_sponsor, "ResearchStudy.sponsor; R5 associatedParty"),
    _date("SSTDTC", "start"),
    _date("SENDTC", "end"),
    _aim("OBJPRIM", "objective", "primary"),
    _aim("OBJSEC", "objective", "secondary"),
    _aim("OBJEXP", "objective", "exploratory"),
    _aim("OUTMSPRI", "outcomeMeasure", "primary"),
    _aim("OUTMSSEC", "outcomeMeasure", "secondary"),
    _aim("OUTMSEXP", "outcomeMeasure", "exploratory"),
    _number("PLANSUB", "targetNumber"),
    _number("ACTSUB", "actualNumber"),
    *(_design(parameter, codelist) for parameter, codelist in _DESIGN.items()),
)
TOLD_AT = {place.parameter: place.where for place in PLACES}
"""The element of each parameter."""
