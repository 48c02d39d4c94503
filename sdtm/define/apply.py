"""A define used for reading a study: what files without metadata (CSV, a plain workbook) do not say of themselves.

Labels and lengths that are missing are filled, columns get the define's type, Dataset-JSON's attributes (itemOID, key
sequence, display format) are filled, and the study gets the standard and terminology package. What the data say
themselves is never changed: where the two differ, `checks` says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.sdtm.files import column_types

if TYPE_CHECKING:
    from trialbridge.sdtm.define.model import Dataset, Define, Item, ItemRef
    from trialbridge.sdtm.table import Study, Table, Variable

NUMERIC = frozenset({"integer", "float", "double"})


def apply(define: Define, study: Study) -> Study:
    """The study as its define describes it."""
    tables = [_table(one, define.dataset[one.name], define) if one.name in define.dataset else one for one in study]
    guide, packages = define.guide(), [one for one in define.packages() if one.startswith("sdtmct-")]
    about: dict[str, Any] = {}
    if guide is not None and guide.name == "SDTMIG" and guide.version:
        about = {"standard": guide.name, "version": guide.version}
    if packages and not study.ct:
        about["ct"] = packages[0]
    return replace(study.with_tables(tables), **about)


def _table(table: Table, dataset: Dataset, define: Define) -> Table:
    described = {
        define.item[ref.item].name: (ref, define.item[ref.item]) for ref in dataset.items if ref.item in define.item
    }
    columns, variables = [], []
    for variable in table.variables:
        column = table.frame[variable.name]
        if variable.name in described:
            column, variable = _described(column, variable, *described[variable.name])  # noqa: PLW2901 - as described
        columns.append(column)
        variables.append(variable)
    return replace(table, frame=pl.DataFrame(columns), variables=tuple(variables), label=table.label or dataset.label)


def _described(column: pl.Series, variable: Variable, ref: ItemRef, item: Item) -> tuple[pl.Series, Variable]:
    numeric = item.type in NUMERIC
    if numeric and column.dtype == pl.String:
        column = column_types.typed("", column, "Num")
    elif not numeric and column.dtype != pl.String:
        column = column_types.number_texts(column).alias(column.name)
    extra: dict[str, Any] = {"itemOID": item.oid, **({"displayFormat": item.format} if item.format else {})}
    if ref.key is not None:
        extra["keySequence"] = ref.key
    return column, replace(
        variable,
        label=variable.label or item.label,
        length=variable.length or (item.length if column.dtype == pl.String else None),
        type="Char" if column.dtype == pl.String else "Num",
        extra={**extra, **variable.extra},
    )
