"""TS to and from ResearchStudy: what the study's elements say is read from them, the other rows travel as they are.

The same lens as everywhere: the parameters are written into the study, read back, and only rows that come back
different travel as Basic, with a hash of what the elements said of each cell. Source: `mappings.ts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.carry import extension, hash_of
from trialbridge.converters.generic import to_basic
from trialbridge.converters.records import Record
from trialbridge.mappings.ts import PLACES, rows_of, whole
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.carry import Carried
    from trialbridge.converters.context import Context
    from trialbridge.converters.ledger import Ledger
    from trialbridge.mappings.kit import Resource, Row

Key = tuple[Any, Any]


def ct_date(package: str) -> str:
    """The date of a terminology package (`sdtmct-2025-03-28`); of the one in use where none is named."""
    return (package or terminology.default().package).removeprefix("sdtmct-").removeprefix("SDTM CT ")


def summary_to_fhir(records: Iterable[Record], label: str, ctx: Context, ct: str, ledger: Ledger) -> None:
    """Write the rows of TS: into the study they are of, and the rest as Basic."""
    by_study: dict[str, list[Record]] = {}
    for record in records:
        by_study.setdefault(record.row.get("STUDYID") or "", []).append(record)
    for studyid, its in by_study.items():
        told: dict[Key, Row] = {}
        if studyid:
            study = ctx.resources[ctx.study(studyid)["reference"]]
            _write(study, its, ctx)
            told = _told(study, studyid, ctx, ct)
        for record in its:
            _settle(record, told, label, ctx, ledger)


def _write(study: Resource, records: Iterable[Record], ctx: Context) -> None:
    """A parameter's rows, where their TSSEQ count 1, 2, 3 …: a list has no other numbers."""
    by_parameter: dict[str, dict[float, Row]] = {}
    for one in records:
        row, seq = one.row, one.row.get("TSSEQ")
        if row.get("DOMAIN") == "TS" and isinstance(seq, float) and row.get("TSVAL"):
            by_parameter.setdefault(row.get("TSPARMCD") or "", {}).setdefault(seq, row)
    for place in PLACES:
        rows = by_parameter.get(place.parameter, {})
        values: list[Row] = []
        while (found := rows.get(float(len(values) + 1))) is not None:
            values.append({**found, "TSVAL": whole(found)})
        if values:
            place.write(study, values, ctx.release)


def _told(study: Resource, studyid: str, ctx: Context, ct: str) -> dict[Key, Row]:
    return {_key(row): row for row in rows_of(study, studyid, ctx.release, ct)}


def _key(row: Row) -> Key:
    return row.get("TSPARMCD"), row.get("TSSEQ")


def _settle(record: Record, told: dict[Key, Row], label: str, ctx: Context, ledger: Ledger) -> None:
    """Carry a row that the elements do not tell, or tell otherwise; its cells that they tell have a hash of that."""
    row = record.row
    native = told.pop(_key(row), {}) if row.get("DOMAIN") == "TS" else {}
    ledger.record("TS", "out")
    if native == row:
        for variable in row:
            derived = variable in {"DOMAIN", "TSSEQ", "TSPARM", "TSVCDVER"}
            ledger.count("TS", variable, "derived" if derived else "read")
        return
    made = to_basic(record, label, ctx)
    url = ctx.url("x-sdtm-variable")
    names = dict.fromkeys((*row, *native))
    made["extension"] = [extension(url, name, row.get(name), native.get(name)) for name in names]
    for variable in row:
        ledger.count("TS", variable, "carried")


def summary_to_sdtm(
    studies: Iterable[tuple[str, Resource]],
    kept: Iterable[tuple[Resource, list[Carried]]],
    ctx: Context,
    ct: str,
    findings: list[Finding],
) -> list[Record]:
    """The rows of TS: what the studies (STUDYID, ResearchStudy) tell, and what was carried while it still holds."""
    told: dict[tuple[str, Key], Row] = {}
    for studyid, study in studies:
        for key, row in _told(study, studyid, ctx, ct).items():
            told.setdefault((studyid, key), row)
    rows: list[Row] = []
    for resource, cells in kept:
        values: Row = {one.name: one.value for one in cells if one.value is not None}
        place = (values.get("STUDYID") or "", _key(values))
        native = told.get(place, {}) if any(one.native_hash for one in cells) else {}
        for one in cells:
            now = native.get(one.name)
            if one.native_hash is not None and one.native_hash != hash_of(now):
                findings.append(_changed(one.name, resource))
                if now is None:
                    values.pop(one.name, None)
                else:
                    values[one.name] = now
        if native:
            del told[place]
        rows.append(values)
    return [Record("TS", number, row) for number, row in enumerate([*rows, *told.values()], start=1)]


def _changed(variable: str, resource: Resource) -> Finding:
    return Finding(
        "TB-CARRIED-STALE",
        Severity.WARNING,
        Where(dataset="TS", resource=f"Basic/{resource.get('id')}", variable=variable),
        "The study's element was changed after the value was carried along; the element's value is used.",
        "check which of the two is right",
    )
