"""Value-level metadata: what the results of one test, the values of one qualifier or trial parameter are.

Findings by --TESTCD (and --CAT where one code stands in several categories), SUPP-- by QNAM, TS by TSPARMCD
(Define-XML 2.1 specification, section 4.2.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.sdtm.define.codelists import TS_CODELISTS
from trialbridge.sdtm.define.measure import Measured, measured, measured_values
from trialbridge.sdtm.define.model import Check, Item, ItemRef, Origin, ValueList, WhereClause
from trialbridge.sdtm.define.origins import INVESTIGATOR, QORIG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.sdtm.define.codelists import Codelists
    from trialbridge.sdtm.metadata import DomainMetadata
    from trialbridge.sdtm.table import Table


@dataclass(frozen=True, slots=True)
class Valued:
    """The value list of one variable, with its items and where clauses."""

    variable: str
    values: ValueList
    items: tuple[Item, ...]
    where: tuple[WhereClause, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """The records with one code (and category): their values, and what they are called."""

    by: tuple[tuple[str, str], ...]
    label: str
    frame: pl.DataFrame


def valued(table: Table, standard: DomainMetadata | None, codelists: Codelists) -> Iterator[Valued]:
    """The value lists of a dataset: none of a variable without values, for the standard has no empty list."""
    names = table.frame.columns
    code, label, category, variables = _by(table)
    if not {code, *variables[:1]} <= set(names):
        return
    parts = _named(_parts(table, code, label, category))
    for variable in variables:
        by_name = variable in _BY_NAME
        filled = [
            (tail, part)
            for tail, part in parts
            if by_name or (variable in names and part.frame[variable].null_count() < part.frame.height)
        ]
        if filled:
            yield _valued(table, variable, filled, None if by_name else standard, codelists)


_BY_NAME = frozenset({"QVAL", "TSVAL"})


def _by(table: Table) -> tuple[str, str, str, tuple[str, ...]]:
    """The variables that name a value (its code, label and category), and those that hold it."""
    if table.name.startswith("SUPP"):
        return "QNAM", "QLABEL", "", ("QVAL",)
    if table.name == "TS":
        return "TSPARMCD", "TSPARM", "", ("TSVAL",)
    code, label, category, *values = (
        f"{table.domain}{one}" for one in ("TESTCD", "TEST", "CAT", "ORRES", "STRESC", "STRESN")
    )
    return code, label, category, tuple(values)


def _parts(table: Table, code: str, label: str, category: str) -> Iterator[_Part]:
    """The records by code; by category as well, where the code stands in more than one."""
    for key, frame in table.frame.drop_nulls(code).group_by(code, maintain_order=True):
        value = str(key[0])
        named = str(frame[label].drop_nulls().first() or value) if label in frame.columns else value
        several = category in frame.columns and frame[category].n_unique() > 1 and not frame[category].has_nulls()
        if not several:
            yield _Part(((code, value),), named, frame)
            continue
        for within, inner in frame.group_by(category, maintain_order=True):
            yield _Part(((code, value), (category, str(within[0]))), f"{named} ({within[0]})", inner)


def _named(parts: Iterable[_Part]) -> list[tuple[str, _Part]]:
    """The parts in order, each with the end of its OIDs, the same for all variables of the dataset."""
    found: dict[str, _Part] = {}
    for part in sorted(parts, key=lambda one: one.by):
        tail = ".".join(_oid_part(value) for _, value in part.by)
        number = 2
        name = tail
        while name in found:
            name, number = f"{tail}.{number}", number + 1
        found[name] = part
    return list(found.items())


def _valued(
    table: Table, variable: str, parts: list[tuple[str, _Part]], standard: DomainMetadata | None, codelists: Codelists
) -> Valued:
    items, refs, where = [], [], []
    for number, (tail, part) in enumerate(parts, start=1):
        item = _item(table, variable, part, tail, standard, codelists)
        clause = _clause(table, part, tail)
        items.append(item)
        where.append(clause)
        refs.append(ItemRef(item=item.oid, order=number, where=(clause.oid,)))
    oid = f"VL.{table.name}.{variable}"
    return Valued(variable, ValueList(oid=oid, items=tuple(refs)), tuple(items), tuple(where))


def _oid_part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)


def _clause(table: Table, part: _Part, tail: str) -> WhereClause:
    first = part.by[0][0]
    checks = tuple(Check(item=f"IT.{table.name}.{name}", comparator="EQ", values=(value,)) for name, value in part.by)
    return WhereClause(oid=f"WC.{table.name}.{first}.{tail}", checks=checks)


def _item(
    table: Table, variable: str, part: _Part, tail: str, standard: DomainMetadata | None, codelists: Codelists
) -> Item:
    column = part.frame[variable]
    texts = [str(one) for one in column.drop_nulls().unique().sort().to_list()]
    found = measured(column) if column.dtype != pl.String else measured_values(texts)
    if table.name == "TS" and found.type == "float":  # versions look like numbers: 3.4, 2.0
        found = Measured("text", max(len(one.encode()) for one in texts))
    codelist = "" if found.type != "text" else _codelist(table, variable, part, texts, standard, codelists)
    return Item(
        oid=f"IT.{table.name}.{variable}.{tail}",
        name=part.by[0][1],
        type=found.type,
        length=found.length,
        digits=found.digits,
        format=found.format,
        label=_label(part, table, found),
        codelist=codelist,
        origins=_origins(table, part),
    )


def _label(part: _Part, table: Table, found: Measured) -> str:
    unit = f"{table.domain}ORRESU"
    if found.type not in ("integer", "float") or unit not in part.frame.columns:
        return part.label
    units = part.frame[unit].drop_nulls().unique().to_list()
    return f"{part.label} [{units[0]}]" if len(units) == 1 else part.label


def _codelist(
    table: Table, variable: str, part: _Part, texts: list[str], standard: DomainMetadata | None, codelists: Codelists
) -> str:
    if table.name == "TS":
        return codelists.of_values(TS_CODELISTS.get(part.by[0][1], ""), texts)
    if standard is None or variable not in standard:
        return codelists.of_values("NY", texts) if variable == "QVAL" else ""
    codes: list[Any] = list(standard.variable(variable).codelists)
    if not codes and f"{table.domain}STRESC" in standard:
        codes = list(standard.variable(f"{table.domain}STRESC").codelists)
    return next((oid for code in codes if (oid := codelists.of_values(code, texts))), "")


def _origins(table: Table, part: _Part) -> tuple[Origin, ...]:
    if table.name == "TS":
        return (Origin(type="Protocol", source="Sponsor"),)
    if "QORIG" not in part.frame.columns:
        return ()
    written = [str(one) for one in part.frame["QORIG"].drop_nulls().unique().sort().to_list()]
    found = [QORIG.get(one.upper(), Origin(type="Collected", source=INVESTIGATOR, text=one)) for one in written]
    return tuple(dict.fromkeys(found))
