"""Any dataset by its class: Findings, Events and Interventions of domains that have no mapping of their own.

A sponsor's own domains, SEND's, device domains: what the class gives goes to native elements (the subject, the device,
the visit, the term or treatment, its dates, its place, its dose), the rest travels with the record.

* Findings: an Observation (`observed.py`).
* Events: an Observation too, for a domain nobody knows may hold deviations or shipments, which are no Conditions. Its
  code is the dataset, its value the term.
* Interventions: a MedicationAdministration where a dose, form or route says that something was administered; else a
  Procedure.

Source: SDTM 2.0 sections 3.1.1 to 3.1.3 (classes), 3.1.4 (identifiers: SPDEVID).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.anatomy import LOCATION, SIDE
from trialbridge.mappings.common import PLANNED, STUDY_EXTENSION, STUDYID, day, epoch, evaluator, record_lines, visit
from trialbridge.mappings.concepts import last_display
from trialbridge.mappings.kit import Extra, Line, Mapping, Part, Spelling, codes, line
from trialbridge.mappings.names import absent
from trialbridge.mappings.observed import findings
from trialbridge.mappings.spellings import DATE, TEXT
from trialbridge.mappings.treatments import administered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.mappings.kit import Context, Release, Resource, Row

DATASETS = "/CodeSystem/sdtm-dataset"
DECODED = Spelling(
    "dictionary term as the display of a coding",
    last_display,
    lambda value, _ctx: {"coding": [{"display": value}]},
)
OCCURRED = codes("did not occur", {"N": "not-done"})
_IDENTIFIERS = {"STUDYID", "DOMAIN", "USUBJID"}


def is_by_class(dataset: str, columns: Iterable[str]) -> bool:
    """Whether a dataset's columns are those of a class: its identifiers, --SEQ, and --TESTCD, --TERM or --TRT."""
    domain, found = dataset[:2], set(columns)
    topics = ({f"{domain}TESTCD", f"{domain}ORRES"}, {f"{domain}TERM"}, {f"{domain}TRT"})
    return _IDENTIFIERS | {f"{domain}SEQ"} <= found and any(topic <= found for topic in topics)


@lru_cache(maxsize=256)
def of_class(domain: str) -> tuple[Mapping, ...]:
    """The mappings of a domain that has none of its own, in the order they are asked; the last takes what is left."""
    return (events(domain), *interventions(domain), *findings(domain, **_with_device("Observation.device")))


def _never(_resource: Resource) -> bool:
    return False


def _with_device(link: str) -> dict[str, Any]:
    """The device a finding was made with (SPDEVID), as `findings` takes it."""
    return {"parts": (_device(link, ("R4", "R5")),), "extra_lines": (DEVICE,)}


def _device(link: str, releases: Any) -> Part:
    return Part("Device", "Device", ("STUDYID", "SPDEVID"), link, ("SPDEVID",), releases=releases)


DEVICE = line("SPDEVID", "Device.identifier.where(system=%spdevid).value", TEXT)


def _place(domain: str, path: str) -> tuple[Line, ...]:
    return (
        line(f"{domain}LOC", path, LOCATION),
        line(f"{domain}LAT", f"{path}.extension(%laterality).value.ofType(CodeableConcept)", SIDE),
    )


def events(domain: str) -> Mapping:
    """Events: the term is the value of an Observation whose code is the dataset."""
    shown, judged = visit("Observation.encounter"), evaluator(domain, "Observation.performer[0]")
    value, period = "Observation.value.ofType(CodeableConcept)", "Observation.effective.ofType(Period)"

    def code(_row: Row, ctx: Context) -> Resource:
        return {"coding": [{"system": f"{ctx.base}{DATASETS}", "code": ctx.dataset}]}

    return Mapping(
        domain=domain,
        name=f"{domain} event",
        resource="Observation",
        key=("STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ"),
        given=lambda row: bool(row.get(f"{domain}TERM") or row.get(f"{domain}DECOD")) and not row.get(f"{domain}TRT"),
        when=_never,
        shape=_is_event,
        parts=(shown.part, judged.part, _device("Observation.device", ("R4", "R5"))),
        lines=(
            *record_lines(domain, "Observation", STUDY_EXTENSION),
            line(f"{domain}GRPID", "Observation.identifier.where(system=%grpid).value", TEXT),
            line(f"{domain}DECOD", value, DECODED),
            line(f"{domain}TERM", f"{value}.text", TEXT),
            line(f"{domain}CAT", "Observation.category[0].text", TEXT),
            line(f"{domain}STDTC", f"{period}.start", DATE),
            line(f"{domain}ENDTC", f"{period}.end", DATE),
            *_place(domain, "Observation.bodySite"),
            DEVICE,
            *shown.lines,
            *judged.lines,
        ),
        fixed={"status": "final"},
        extras=(*shown.extras, Extra("Observation.code", code)),
        derived=_dated(domain),
    )


def _is_event(resource: Resource) -> bool:
    code = resource.get("code")
    codings = (code.get("coding") or ()) if isinstance(code, dict) else ()
    return any(str(one.get("system", "")).endswith(DATASETS) for one in codings)


def interventions(domain: str) -> tuple[Mapping, Mapping]:
    """Interventions: something administered, or a procedure."""
    shown = visit("Procedure.encounter")

    def dosed(row: Row) -> bool:
        return any(row.get(f"{domain}{one}") is not None for one in ("DOSE", "DOSTXT", "DOSFRM", "ROUTE"))

    def status(row: Row, _ctx: Context) -> str:
        undone = row.get(f"{domain}OCCUR") == "N" or row.get(f"{domain}STAT") == "NOT DONE"
        return "not-done" if undone else ("completed" if row.get(f"{domain}STDTC") else "unknown")

    def unnamed(row: Row, _ctx: Context) -> Any:
        return None if row.get(f"{domain}TRT") or row.get(f"{domain}DECOD") else absent("unknown")

    times: tuple[tuple[Release, str], ...] = (("R4", "performed"), ("R5", "occurrence"))
    procedure = Mapping(
        domain=domain,
        name=f"{domain} procedure",
        resource="Procedure",
        key=("STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ"),
        given=lambda row: bool(row.get(f"{domain}TRT") or row.get(f"{domain}DECOD")),
        when=_never,
        parts=(
            shown.part,
            _device("Procedure.usedReference[0]", ("R4",)),
            _device("Procedure.used[0].reference", ("R5",)),
        ),
        lines=(
            *record_lines(domain, "Procedure", STUDY_EXTENSION),
            line(f"{domain}GRPID", "Procedure.identifier.where(system=%grpid).value", TEXT),
            line(f"{domain}DECOD", "Procedure.code", DECODED),
            line(f"{domain}TRT", "Procedure.code.text", TEXT),
            line(f"{domain}CAT", "Procedure.category.text", TEXT, only="R4"),
            line(f"{domain}CAT", "Procedure.category[0].text", TEXT, only="R5"),
            line(f"{domain}OCCUR", "Procedure.status", OCCURRED, direction="to_sdtm"),
            line(f"{domain}INDC", "Procedure.reasonCode[0].text", TEXT, only="R4"),
            line(f"{domain}INDC", "Procedure.reason[0].concept.text", TEXT, only="R5"),
            *(line(f"{domain}STDTC", f"Procedure.{at}.ofType(Period).start", DATE, only=of) for of, at in times),
            *(line(f"{domain}ENDTC", f"Procedure.{at}.ofType(Period).end", DATE, only=of) for of, at in times),
            *_place(domain, "Procedure.bodySite[0]"),
            DEVICE,
            *shown.lines,
        ),
        extras=(*shown.extras, Extra("Procedure.status", status), Extra("Procedure.code", unnamed)),
        derived=_dated(domain),
    )
    return administered(domain, dosed, _never), procedure


def _dated(domain: str) -> tuple[Any, ...]:
    return (
        STUDYID,
        *PLANNED,
        day(f"{domain}STDY", f"{domain}STDTC"),
        day(f"{domain}ENDY", f"{domain}ENDTC"),
        epoch(f"{domain}STDTC"),
    )


TYPES = frozenset(one.resource for one in of_class("XX"))
"""The resource types that the mappings of unknown domains read."""
