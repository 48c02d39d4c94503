"""Writing Dataset-JSON 1.1: a table's metadata and its rows in blocks (CDISC Dataset-JSON v1.1 Specification).

Attributes stand in the order the specification recommends. What it requires and a table does not carry is made from
the names: `IG.DM`, `IT.DM.AGE`; the creation time is a fixed one, so that the same data give the same bytes. A Num
column without a known dataType is `integer` if all its values are whole, else `float`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.table import Table, Variable

ENCODER = msgspec.json.Encoder()
ROWS_AT_A_TIME = 20_000
CREATED = "1960-01-01T00:00:00"
VERSION = "1.1.0"

BEFORE = (
    "datasetJSONCreationDateTime",
    "datasetJSONVersion",
    "fileOID",
    "dbLastModifiedDateTime",
    "originator",
    "sourceSystem",
    "studyOID",
    "metaDataVersionOID",
    "metaDataRef",
    "itemGroupOID",
    "isReferenceData",
)
OF_COLUMN = ("targetDataType", "length", "displayFormat", "keySequence")
OURS = frozenset({"xpt", "rows_crc32", "literals", "itemOID", "dataType"})
NUMERIC = frozenset({"integer", "decimal", "float", "double", "boolean"})
WHOLE = 2.0**53


def metadata(one: Table, file: str) -> bytes:
    """The metadata object of a dataset, without rows. Raises DoesNotFitError for a number JSON cannot hold."""
    known = {"datasetJSONCreationDateTime": CREATED, "datasetJSONVersion": VERSION, "itemGroupOID": f"IG.{one.name}"}
    known |= {key: value for key, value in one.extra.items() if key not in OURS}
    head: dict[str, Any] = {key: known.pop(key) for key in BEFORE if key in known}
    head |= known
    head |= {"records": one.frame.height, "name": one.name, "label": one.label}
    head["columns"] = [_column(one, variable, file) for variable in one.variables]
    return ENCODER.encode(head)


def _column(one: Table, variable: Variable, file: str) -> dict[str, Any]:
    known = {key: value for key, value in variable.extra.items() if key not in OURS}
    if variable.length is not None and not _is_xpt_length(variable):
        known["length"] = variable.length
    data_type = _data_type(one, variable, file)
    if data_type == "decimal":
        known.setdefault("targetDataType", "decimal")
    column = {
        "itemOID": variable.extra.get("itemOID", f"IT.{one.name}.{variable.name}"),
        "name": variable.name,
        "label": variable.label,
        "dataType": data_type,
    }
    column |= {key: known.pop(key) for key in OF_COLUMN if key in known}
    return column | known


def _is_xpt_length(variable: Variable) -> bool:
    """XPT's eight bytes of a float say nothing of the digits that Dataset-JSON's length counts."""
    return variable.type == "Num" and "dataType" not in variable.extra


def _data_type(one: Table, variable: Variable, file: str) -> str:
    known = str(variable.extra.get("dataType", ""))
    column = one.frame[variable.name]
    if variable.type == "Char":
        return known if known and known not in NUMERIC else "string"
    finite = column.is_finite()
    if not finite.fill_null(value=True).all():
        raise DoesNotFitError(
            "JSON has no infinite number and no NaN.",
            Where(file=file, dataset=one.name, variable=variable.name, row=int((~finite).arg_true()[0]) + 1),
            "leave the value empty",
        )
    whole = bool(((column == column.round()) & (column.abs() <= WHOLE)).all())
    if known in {"float", "double", "decimal"} or (known == "integer" and whole):
        return known
    if known == "boolean" and column.is_in([0.0, 1.0]).all():
        return known
    return "integer" if whole and column.count() else "float"


def row_blocks(one: Table, file: str) -> Iterator[list[tuple[Any, ...]]]:
    """The rows as their dataTypes want them, some thousand at a time."""
    columns = []
    for variable in one.variables:
        data_type, column = _data_type(one, variable, file), one.frame[variable.name]
        if data_type == "integer":
            column = column.cast(pl.Int64)
        elif data_type == "boolean":
            column = column.cast(pl.Boolean)
        elif data_type == "decimal":
            column = pl.Series(variable.name, exact.texts(one, variable, file), pl.String)
        columns.append(column)
    frame = pl.DataFrame(columns)
    for offset in range(0, one.frame.height, ROWS_AT_A_TIME):
        yield frame.slice(offset, ROWS_AT_A_TIME).rows()
