"""A registry record to SDTM's trial design (TS, TI, TA, TE, TV) and back.

TS and TI come from the record, TA, TE, TV and the parameters no record holds from the study file's `design` and
`visits`; what neither says is a finding, never a made-up row. `to_tables` reads its tables back and gives the rest:
record and rest together are the record again (`to_record`), and a table edited since wins over the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.registry import ti as registry_ti
from trialbridge.converters.registry import ts as registry_ts
from trialbridge.converters.registry.rest import Rest, rest, restored
from trialbridge.registry.content import put
from trialbridge.registry.fields import in_order
from trialbridge.registry.record import Record
from trialbridge.sdtm import metadata, terminology
from trialbridge.sdtm.table import Study, Table, Variable, table
from trialbridge.study_file.design import Design
from trialbridge.study_file.visits import Visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """The tables, what is missing or doubtful, and the rest of the record."""

    study: Study
    findings: tuple[Finding, ...]
    rest: tuple[Rest, ...] = field(default=())


def to_tables(
    record: Record,
    design: Design | None = None,
    visits: Visits | None = None,
    *,
    studyid: str = "",
    version: str = "3.4",
) -> Written:
    """Trial design datasets of a record. STUDYID is by default the registry's number. What is missing is a finding."""
    own = studyid or record.nct_id or record.org_study_id
    plan, planned = design or Design(), visits or Visits()
    findings: list[Finding] = []
    package = terminology.default()
    rows = {
        "TA": list(_arms(plan, record, findings)),
        "TE": [_element(one) for one in sorted(plan.elements, key=lambda one: one.code)],
        "TI": list(registry_ti.rows(record, plan.criteria_version, findings)),
        "TS": registry_ts.rows(record, plan, package, version, findings),
        "TV": [_visit(one) for one in sorted(planned.planned, key=lambda one: one.number)],
    }
    findings += _missing(rows, planned)
    tables = [_table(name, given, own, version) for name, given in rows.items() if given]
    study = Study({one.name: one for one in tables}, version=version, ct=package.package, source=record.source)
    return Written(study, tuple(findings), tuple(rest(record.content, native(study))))


def _table(name: str, rows: Sequence[Row], studyid: str, version: str) -> Table:
    """The rows as a table in the guide's order, with its labels: required and expected variables, and those filled."""
    known = metadata.domain(name, version)
    filled = {variable for row in rows for variable, value in row.items() if value not in (None, "")}
    columns = [one.name for one in known.variables if one.core in ("Req", "Exp") or one.name in filled]
    columns = [*dict.fromkeys(["STUDYID", "DOMAIN", *columns])]
    beyond = sorted(filled - set(columns), key=_piece)
    at = columns.index("TSVAL") + 1 if "TSVAL" in columns else len(columns)
    columns[at:at] = beyond
    whole = [{"STUDYID": studyid, "DOMAIN": name, **row} for row in rows]
    numeric = {one.name for one in known.variables if one.type == "Num"}
    frame = pl.DataFrame(
        {column: [row.get(column) for row in whole] for column in columns},
        schema={column: pl.Float64 if column in numeric else pl.String for column in columns},
        strict=False,
    )
    further = [Variable(one, f"Parameter Value {_piece(one)}") for one in beyond]
    return metadata.describe(table(name, frame, further, known.label), version)


def _piece(variable: str) -> int:
    """TSVAL2 stands after TSVAL1 and before TSVAL10."""
    return int("".join(sign for sign in variable if sign.isdigit()) or 0)


def _arms(design: Design, record: Record, findings: list[Finding]) -> Iterable[Row]:
    labels = [one.label for one in record.arms]
    names = {one.code: one.name for one in design.elements}
    for arm in sorted(design.arms, key=lambda one: one.code):
        if labels and arm.arm not in labels:
            message = f"The design's arm {arm.arm!r} is none of the record's: {', '.join(labels)}."
            findings.append(_finding("ARM-UNKNOWN", "TA", "ARM", message, "use the record's label", Severity.WARNING))
        for number, step in enumerate(arm.path, 1):
            yield {
                "ARMCD": arm.code,
                "ARM": arm.arm,
                "TAETORD": float(number),
                "ETCD": step.element,
                "ELEMENT": names[step.element],
                "TABRANCH": step.branch,
                "TATRANS": step.transition,
                "EPOCH": step.epoch,
            }
    for label in labels:
        if design.arms and label not in {one.arm for one in design.arms}:
            message = f"The record's arm {label!r} has no way through the elements."
            fix = "add it to design.arms of the study file"
            findings.append(_finding("DESIGN-MISSING", "TA", "ARM", message, fix, Severity.WARNING))


def _element(one: Any) -> Row:
    return {"ETCD": one.code, "ELEMENT": one.name, "TESTRL": one.start, "TEENRL": one.end, "TEDUR": one.duration}


def _visit(one: Any) -> Row:
    return {"VISITNUM": one.number, "VISIT": one.name, "VISITDY": one.day, "TVSTRL": one.start, "TVENRL": one.end}


def _missing(rows: Mapping[str, Sequence[Row]], visits: Visits) -> Iterable[Finding]:
    """What a record does not say and the study file does not either."""
    for name, what, section in (
        ("TE", "elements", "design.elements"),
        ("TA", "the arms' ways through the elements", "design.arms"),
        ("TV", "visits", "visits.planned"),
        ("TI", "eligibility criteria", ""),
    ):
        if not rows[name]:
            fix = f"give them in {section} of the study file" if section else "complete the record"
            message = f"No record holds {what}; {name} is not written." if section else f"There are no {what}."
            yield _finding("DESIGN-MISSING", name, None, message, fix, Severity.WARNING)
    for one in visits.planned:
        if not one.start:
            fix = "give the visit's `start` in the study file"
            yield _finding(
                "DESIGN-MISSING", "TV", "TVSTRL", f"Visit {one.name!r} has no start rule.", fix, Severity.WARNING
            )


def _finding(name: str, dataset: str, variable: str | None, message: str, fix: str, severity: Severity) -> Finding:
    return Finding(f"TB-REG-{name}", severity, Where(dataset=dataset, variable=variable), message, fix)


def native(study: Study) -> dict[str, Any]:
    """What trial design datasets alone say of a record."""
    protocol: dict[str, Any] = {}
    if "TS" in study:
        registry_ts.read(study["TS"], protocol)
    if "TI" in study:
        criteria = registry_ti.text(study["TI"])
        if criteria:
            put(protocol, "eligibilityModule.eligibilityCriteria", criteria)
    if "TA" in study:
        arms = dict.fromkeys(row["ARM"] for row in study["TA"].rows() if row.get("ARM"))
        if arms:
            put(protocol, "armsInterventionsModule.armGroups", [{"label": one} for one in arms])
    return {"protocolSection": protocol} if protocol else {}


def to_record(study: Study, places: Iterable[Rest] = ()) -> tuple[Record, list[Finding]]:
    """The record that trial design datasets and the rest give; without a rest what the datasets say.

    What the datasets say and no record does (parameters, elements, visits) is a finding, TB-REG-LOST.
    """
    findings: list[Finding] = []
    content = restored(native(study), places, findings)
    record = Record(in_order(content), study.source)
    return record, [*findings, *_unsaid(study, record)]


def _unsaid(study: Study, record: Record) -> Iterable[Finding]:
    """What of the trial design no record holds, by dataset."""
    if "TS" in study:
        yield from registry_ts.unsaid(study["TS"], record)
    if "TI" in study:
        said = {(one["IECAT"], one["IETEST"]) for one in registry_ti.rows(record, "", [])}
        lost = sum((row.get("IECAT"), row.get("IETEST")) not in said for row in study["TI"].rows())
        if lost:
            yield _lost("TI", f"{lost} criteria are not in the record as TI has them.")
    for name, what in (("TA", "the arms' ways through the elements"), ("TE", "elements"), ("TV", "visits")):
        if name in study and study[name].frame.height:
            yield _lost(name, f"{study[name].frame.height} rows of {name} are not in the record: it has no {what}.")


def _lost(dataset: str, message: str) -> Finding:
    return _finding("LOST", dataset, None, message, "keep the tables beside the record", Severity.WARNING)
