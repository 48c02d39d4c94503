"""Trial design: TA, TE, TV as PlanDefinitions whose actions are the rows, TI as the enrolment Group's characteristics.

One PlanDefinition a dataset (arms' elements, elements, visits), told apart by its record identifier; only our own are
read, for a hospital's plans are no trial design. What an action has no element for travels with it.
Source: SDTMIG 3.4 section 7; FHIR R4 PlanDefinition, Group and ResearchStudy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.mappings.common import learn_planned, record_of
from trialbridge.mappings.kit import Extra, Mapping, Spelling, line
from trialbridge.mappings.names import absent, concept
from trialbridge.mappings.spellings import NUMBER_AS_TEXT, TEXT, record_parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as MappingOf

    from trialbridge.mappings.kit import Context, Line, Resource, Row

    AfterRead = Callable[[Row, MappingOf[str, Resource | None], Context], None]

STUDYID_IN_RECORD = Spelling(
    "STUDYID within the record identifier",
    lambda value, _ctx: (record_parts(value) or [""])[0] or None,
    lambda _value, _ctx: None,
)
EXCLUDES = Spelling(
    "IECAT as exclude",
    lambda value, _ctx: {True: "EXCLUSION", False: "INCLUSION"}.get(value) if isinstance(value, bool) else None,
    lambda value, _ctx: {"EXCLUSION": True, "INCLUSION": False}.get(value),
    pairs={"EXCLUSION": "true", "INCLUSION": "false"},
)
KIND = "http://terminology.hl7.org/CodeSystem/plan-definition-type"


def _named(dataset: str) -> Callable[[Resource], bool]:
    """Whether a resource's record identifier names the dataset."""

    def when(resource: Resource) -> bool:
        return any(
            str(one.get("system", "")).endswith("/sid/sdtm-record")
            and (record_parts(one.get("value")) or ("", ""))[1] == dataset
            for one in resource.get("identifier") or ()
            if isinstance(one, dict)
        )

    return when


def _plan(domain: str, title: str, lines: tuple[Line, ...], after_read: AfterRead | None = None) -> Mapping:
    told = [one.variable for one in lines]
    return Mapping(
        domain=domain,
        name=domain,
        resource="PlanDefinition",
        key=("STUDYID", "DOMAIN"),
        when=_named(domain),
        lines=(
            line(
                "STUDYID",
                "PlanDefinition.identifier.where(system=%sdtm-record).value",
                STUDYID_IN_RECORD,
                direction="to_sdtm",
            ),
            *lines,
        ),
        fixed={"status": "unknown", "title": title, "type": concept({"system": KIND, "code": "clinical-protocol"})},
        extras=(
            Extra("PlanDefinition.identifier.where(system=%sdtm-record).value", record_of()),
            Extra("Each._title", lambda row, _ctx: None if any(map(row.get, told)) else absent("unknown")),
        ),
        each={"R4": "PlanDefinition.action", "R5": "PlanDefinition.action"},
        after_read=after_read,
    )


def _learn_visit(row: Row, _parts: MappingOf[str, Resource | None], ctx: Context) -> None:
    learn_planned(row, ctx)


TV = _plan(
    "TV",
    "Planned visits",
    (
        line("VISITNUM", "Each.prefix", NUMBER_AS_TEXT),
        line("VISIT", "Each.title", TEXT),
        line("TVSTRL", "Each.description", TEXT),
    ),
    after_read=_learn_visit,
)
TE = _plan(
    "TE",
    "Elements of the trial",
    (
        line("ETCD", "Each.prefix", TEXT),
        line("ELEMENT", "Each.title", TEXT),
        line("TESTRL", "Each.description", TEXT),
    ),
)
TA = _plan(
    "TA",
    "Elements of each arm",
    (
        line("ETCD", "Each.prefix", TEXT),
        line("ELEMENT", "Each.title", TEXT),
        line("TABRANCH", "Each.description", TEXT),
        line("EPOCH", "Each.textEquivalent", TEXT),
    ),
)


def _value(row: Row, _ctx: Context) -> Any:
    return None if row.get("IETEST") else {"text": "not stated"}


TI = Mapping(
    domain="TI",
    name="TI",
    resource="Group",
    key=("STUDYID", "DOMAIN"),
    when=_named("TI"),
    lines=(
        line("STUDYID", "Group.identifier.where(system=%sdtm-record).value", STUDYID_IN_RECORD, direction="to_sdtm"),
        line("IETESTCD", "Each.code.text", TEXT),
        line("IETEST", "Each.value.ofType(CodeableConcept).text", TEXT),
        line("IECAT", "Each.exclude", EXCLUDES),
    ),
    extras=(
        Extra("Group.identifier.where(system=%sdtm-record).value", record_of()),
        Extra("Each.value.ofType(CodeableConcept)", _value),
        Extra("Each.code", lambda row, _ctx: None if row.get("IETESTCD") else {"text": "not stated"}),
        Extra("Each._exclude", lambda row, _ctx: None if row.get("IECAT") in EXCLUDES.pairs else absent("unknown")),
        Extra("Group.actual", lambda _row, _ctx: False, ("R4",)),
        Extra("Group.membership", lambda _row, _ctx: "definitional", ("R5",)),
    ),
    fixed={"type": "person", "name": "Eligibility criteria"},
    each={"R4": "Group.characteristic", "R5": "Group.characteristic"},
)
