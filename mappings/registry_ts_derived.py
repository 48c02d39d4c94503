"""Trial summary parameters that come from several fields of a record, or are of the tables we write themselves.

Each is a function from the protocol section to rows of TS, and where that is certain another from rows to fields.
Sources: as `registry_ts`; what of two phases, of arms' types and of status a parameter says is our reading, noted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.registry_ts import (
    CONTROL,
    ISO_8601,
    NO_YES,
    PHASE,
    REGISTRY,
    STUDY_TYPE,
    TsValue,
    ct,
    single,
)
from trialbridge.registry.content import at, flag, items, put, texts, whole
from trialbridge.registry.content import text as text_at
from trialbridge.registry.dates import is_partial_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Protocol = Any
Content = dict[str, Any]
ENDED = frozenset({"COMPLETED", "TERMINATED", "WITHDRAWN"})
COMPARATORS = ("PLACEBO_COMPARATOR", "ACTIVE_COMPARATOR", "SHAM_COMPARATOR")
_DURATION = re.compile(r"(\d+) (Year|Month|Week|Day)s?")
REGISTERS = {"EUDRACT_NUMBER": "EudraCT", "CTIS": "CTIS", "REGISTRY": "Registry"}
SDTM_MODEL = {"3.3": "1.7", "3.4": "2.0"}
"""The SDTM model of each version of the guide."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A parameter and how its rows come from the protocol section; `back` puts what rows say into a protocol section."""

    code: str
    fields: str
    rows: Callable[[Protocol], list[TsValue]]
    back: Callable[[list[TsValue], Content], None] | None = None
    note: str = ""


def _title(protocol: Protocol) -> list[TsValue]:
    """The brief title where there is no official one."""
    if text_at(protocol, "identificationModule.officialTitle"):
        return []
    said = single(text_at(protocol, "identificationModule.briefTitle"))
    return [TsValue(said)] if said else []


def _phase(protocol: Protocol) -> list[TsValue]:
    said = PHASE.pairs.to_fhir(",".join(texts(protocol, "designModule.phases")), None)
    return [ct(said, PHASE.nci)] if said else []


def _phase_back(rows: list[TsValue], content: Content) -> None:
    found = PHASE.pairs.to_sdtm(rows[0].value, None) if rows else None
    if found:
        put(content, "designModule.phases", found.split(","))


def _type(protocol: Protocol) -> list[TsValue]:
    kind = text_at(protocol, "designModule.studyType")
    kind = "PATIENT_REGISTRY" if flag(protocol, "designModule.patientRegistry") else kind
    said = STUDY_TYPE.pairs.to_fhir(kind, None)
    return [ct(said, STUDY_TYPE.nci)] if said else []


def _type_back(rows: list[TsValue], content: Content) -> None:
    found = STUDY_TYPE.pairs.to_sdtm(rows[0].value, None) if rows else None
    if found == "PATIENT_REGISTRY":
        put(content, "designModule.studyType", "OBSERVATIONAL")
        put(content, "designModule.patientRegistry", value=True)
    elif found:
        put(content, "designModule.studyType", found)


def _identifiers(protocol: Protocol) -> list[TsValue]:
    nct = text_at(protocol, "identificationModule.nctId")
    found = [TsValue(nct, code=nct, reference=REGISTRY)] if nct else []
    for one in items(protocol, "identificationModule.secondaryIdInfos"):
        register = REGISTERS.get(text_at(one, "type"))
        number = text_at(one, "id")
        if register and number:
            found.append(TsValue(number, code=number, reference=text_at(one, "domain") or register))
    return found


def _identifiers_back(rows: list[TsValue], content: Content) -> None:
    kinds = {name: kind for kind, name in REGISTERS.items()}
    others = []
    for one in rows:
        if re.fullmatch(r"NCT\d{8}", one.value):
            put(content, "identificationModule.nctId", one.value)
        elif one.value:
            kind = kinds.get(one.reference, "REGISTRY")
            domain = {} if one.reference in kinds or not one.reference else {"domain": one.reference}
            others.append({"id": one.value, "type": kind, **domain})
    if others:
        put(content, "identificationModule.secondaryIdInfos", others)


def _number(kind: str) -> Callable[[Protocol], list[TsValue]]:
    def rows(protocol: Protocol) -> list[TsValue]:
        count = whole(protocol, "designModule.enrollmentInfo.count")
        is_it = text_at(protocol, "designModule.enrollmentInfo.type") == kind
        return [TsValue(str(count))] if is_it and count is not None else []

    return rows


def _number_back(kind: str) -> Callable[[list[TsValue], Content], None]:
    def back(rows: list[TsValue], content: Content) -> None:
        if rows and rows[0].value.isdigit() and at(content, "designModule.enrollmentInfo") is None:
            put(content, "designModule.enrollmentInfo", {"count": int(rows[0].value), "type": kind})

    return back


def _date(field: str) -> Callable[[Protocol], list[TsValue]]:
    """An actual date; a planned one is no date of TS."""

    def rows(protocol: Protocol) -> list[TsValue]:
        date = text_at(protocol, f"statusModule.{field}.date")
        actual = text_at(protocol, f"statusModule.{field}.type") == "ACTUAL"
        return [TsValue(date, reference=ISO_8601)] if actual and is_partial_date(date) else []

    return rows


def _date_back(field: str) -> Callable[[list[TsValue], Content], None]:
    def back(rows: list[TsValue], content: Content) -> None:
        if rows and rows[0].value:
            put(content, f"statusModule.{field}", {"date": rows[0].value[:10], "type": "ACTUAL"})

    return back


def _random(protocol: Protocol) -> list[TsValue]:
    allocation = text_at(protocol, "designModule.designInfo.allocation")
    return [ct("Y" if allocation == "RANDOMIZED" else "N", NO_YES)] if allocation else []


def _random_back(rows: list[TsValue], content: Content) -> None:
    if rows and rows[0].value == "Y":
        put(content, "designModule.designInfo.allocation", "RANDOMIZED")


def _arms(protocol: Protocol) -> list[Mapping[str, Any]]:
    return list(items(protocol, "armsInterventionsModule.armGroups"))


def _is(kind: str, protocol: Protocol) -> bool:
    return text_at(protocol, "designModule.studyType") == kind


def _quotient(protocol: Protocol) -> list[TsValue]:
    """One arm gets all subjects; of several the record does not say how many each."""
    return [TsValue("1")] if _is("INTERVENTIONAL", protocol) and len(_arms(protocol)) == 1 else []


def _control(protocol: Protocol) -> list[TsValue]:
    """Placebo before active before sham, as the arms' types say; NONE where arms are typed and none is a comparator."""
    kinds = {text_at(one, "type") for one in _arms(protocol)} - {""}
    if not kinds or not _is("INTERVENTIONAL", protocol):
        return []
    said = next((kind.partition("_")[0] for kind in COMPARATORS if kind in kinds), "NONE")
    return [ct(said, CONTROL)]


def _how_many(kind: str) -> Callable[[Protocol], list[TsValue]]:
    return lambda protocol: [TsValue(str(len(_arms(protocol))))] if _is(kind, protocol) and _arms(protocol) else []


def _treatments(protocol: Protocol, *, comparators: bool) -> list[str]:
    """Names of interventions: of experimental arms, or of comparators and no experimental arm."""
    labels = {text_at(one, "label"): text_at(one, "type") for one in _arms(protocol)}
    found = []
    for one in items(protocol, "armsInterventionsModule.interventions"):
        kinds = {labels.get(arm, "") for arm in texts(one, "armGroupLabels")}
        experimental, compared = "EXPERIMENTAL" in kinds, bool(kinds & set(COMPARATORS))
        if (compared and not experimental) if comparators else experimental:
            found.append(single(text_at(one, "name")))
    return [name for name in found if name]


def _trt(protocol: Protocol) -> list[TsValue]:
    return [TsValue(name) for name in _treatments(protocol, comparators=False)]


def _comparator(protocol: Protocol) -> list[TsValue]:
    if not _is("INTERVENTIONAL", protocol) or not _arms(protocol):
        return []
    found = [TsValue(name) for name in _treatments(protocol, comparators=True)]
    return found or (
        [] if any(text_at(one, "type") in COMPARATORS for one in _arms(protocol)) else [TsValue(null_flavor="NA")]
    )


def _ongoing(protocol: Protocol) -> list[TsValue]:
    status = text_at(protocol, "statusModule.overallStatus")
    return [ct("N" if status in ENDED else "Y", NO_YES)] if status and status not in ("UNKNOWN", "WITHHELD") else []


COMMERCIAL = {"COMMERCIAL": "C187708", "NON-COMMERCIAL": "C187709"}


def _commercial(protocol: Protocol) -> list[TsValue]:
    kind = text_at(protocol, "sponsorCollaboratorsModule.leadSponsor.class")
    return (
        [ct("COMMERCIAL" if kind == "INDUSTRY" else "NON-COMMERCIAL", COMMERCIAL)] if kind and kind != "UNKNOWN" else []
    )


def _retained(code: str) -> Callable[[Protocol], list[TsValue]]:
    says = {
        "BRIND": {"NONE_RETAINED": "N", "SAMPLES_WITH_DNA": "Y", "SAMPLES_WITHOUT_DNA": "Y"},
        "BRDNAIND": {"NONE_RETAINED": "N", "SAMPLES_WITH_DNA": "Y", "SAMPLES_WITHOUT_DNA": "N"},
    }[code]

    def rows(protocol: Protocol) -> list[TsValue]:
        said = says.get(text_at(protocol, "designModule.bioSpec.retention"))
        return [ct(said, NO_YES)] if said else []

    return rows


def _each(path: str, field: str) -> Callable[[Protocol], list[TsValue]]:
    return lambda protocol: [TsValue(said) for one in items(protocol, path) if (said := single(text_at(one, field)))]


def _follow_up(protocol: Protocol) -> list[TsValue]:
    found = _DURATION.fullmatch(text_at(protocol, "designModule.targetDuration"))
    return [TsValue(f"P{found[1]}{found[2][0]}", reference=ISO_8601)] if found else []


CONTACTS = "contactsLocationsModule.centralContacts"
DERIVED: tuple[Derived, ...] = (
    Derived("ACTSUB", "designModule.enrollmentInfo", _number("ACTUAL"), _number_back("ACTUAL")),
    Derived("BRDNAIND", "designModule.bioSpec.retention", _retained("BRDNAIND")),
    Derived("BRIND", "designModule.bioSpec.retention", _retained("BRIND")),
    Derived("CITNSTDY", "referencesModule.references.citation", _each("referencesModule.references", "citation")),
    Derived(
        "CMSPSTAT",
        "leadSponsor.class",
        _commercial,
        note="INDUSTRY is commercial, every other class is not: our reading",
    ),
    Derived(
        "COMPTRT",
        "interventions, armGroups.type",
        _comparator,
        note="NA where the arms have types and none is a comparator",
    ),
    Derived(
        "CONEMAIL",
        "centralContacts.email",
        _each(CONTACTS, "email"),
        note="only where the record was read with contacts",
    ),
    Derived(
        "CONNAME", "centralContacts.name", _each(CONTACTS, "name"), note="only where the record was read with contacts"
    ),
    Derived(
        "CONPHONE",
        "centralContacts.phone",
        _each(CONTACTS, "phone"),
        note="only where the record was read with contacts",
    ),
    Derived("NARMS", "armGroups", _how_many("INTERVENTIONAL")),
    Derived("NCOHORT", "armGroups", _how_many("OBSERVATIONAL")),
    Derived("ONGOSIND", "statusModule.overallStatus", _ongoing, note="N when completed, terminated or withdrawn"),
    Derived("PLANSUB", "designModule.enrollmentInfo", _number("ESTIMATED"), _number_back("ESTIMATED")),
    Derived("PUBMEDID", "referencesModule.references.pmid", _each("referencesModule.references", "pmid")),
    Derived("RANDOM", "designInfo.allocation", _random, _random_back),
    Derived("RANDQT", "armGroups", _quotient, note="one arm gets all"),
    Derived("REGID", "nctId, secondaryIdInfos", _identifiers, _identifiers_back),
    Derived(
        "SENDTC",
        "completionDateStruct",
        _date("completionDateStruct"),
        _date_back("completionDateStruct"),
        "only an actual date",
    ),
    Derived(
        "SSTDTC", "startDateStruct", _date("startDateStruct"), _date_back("startDateStruct"), "only an actual date"
    ),
    Derived("STYPE", "studyType, patientRegistry", _type, _type_back),
    Derived(
        "TCNTRL",
        "armGroups.type",
        _control,
        note="placebo before active before sham before none, by the arms' types: our reading",
    ),
    Derived("TITLE", "briefTitle", _title, note="where there is no official title"),
    Derived("TPHASE", "designModule.phases", _phase, _phase_back),
    Derived("TRGFUDUR", "designModule.targetDuration", _follow_up),
    Derived("TRT", "interventions, armGroups.type", _trt, note="interventions of experimental arms"),
    Derived("URLSTDY", "seeAlsoLinks.url", _each("referencesModule.seeAlsoLinks", "url")),
    Derived("URLSTDYD", "seeAlsoLinks.label", _each("referencesModule.seeAlsoLinks", "label")),
)
