"""Writing Dataset-JSON 1.1: a table's metadata and its rows in blocks (CDISC Dataset-JSON v1.1 Specification).

Attributes stand in the order the specification recommends. What it requires and a table does not carry is made from
the names: `IG.DM`, `IT.DM.AGE`; the creation time is a fixed one, so that the same data give the same bytes. A Num
column without a known dataType is `integer` if all its values are whole, else `float`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import exact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trialbridge.sdtm.table import Table, Variable

Frames = Callable[[], Iterable[pl.DataFrame]]
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


Types = dict[str, str]
"""dataType by variable."""


def write_frames(one: Table, height: int, frames: Frames, path: Path, *, lines: bool) -> None:
    """A dataset of which `one` is the metadata and `frames` gives its `height` rows, some at a time, as often as asked.

    As one JSON object, or as NDJSON with `lines`. Raises DoesNotFitError.
    """
    types = data_types(one, frames, path.name)
    head = metadata(one, types, height)
    with path.open("wb") as file:
        if lines:
            file.write(head + b"\n")
            for rows in row_blocks(one, types, frames, path.name):
                file.write(ENCODER.encode_lines(rows))
            return
        file.write(head[:-1] + b',"rows":[')
        between = b""
        for rows in row_blocks(one, types, frames, path.name):
            file.write(between + ENCODER.encode(rows)[1:-1])
            between = b","
        file.write(b"]}\n")


def metadata(one: Table, types: Types, height: int) -> bytes:
    """The metadata object of a dataset of so many rows, without rows."""
    known = {"datasetJSONCreationDateTime": CREATED, "datasetJSONVersion": VERSION, "itemGroupOID": f"IG.{one.name}"}
    known |= {key: value for key, value in one.extra.items() if key not in OURS}
    head: dict[str, Any] = {key: known.pop(key) for key in BEFORE if key in known}
    head |= known
    head |= {"records": height, "name": one.name, "label": one.label}
    head["columns"] = [_column(one, variable, types[variable.name]) for variable in one.variables]
    return ENCODER.encode(head)


def _column(one: Table, variable: Variable, data_type: str) -> dict[str, Any]:
    known = {key: value for key, value in variable.extra.items() if key not in OURS}
    if variable.length is not None and not _is_xpt_length(variable):
        known["length"] = variable.length
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


@dataclass(slots=True)
class _Seen:
    """What all values of a Num column are."""

    whole: bool = True
    boolean: bool = True
    there: bool = False

    def look(self, column: pl.Series) -> None:
        """Take in some more values."""
        if self.whole or self.boolean:
            self.whole = self.whole and bool(((column == column.round()) & (column.abs() <= WHOLE)).all())
            self.boolean = self.boolean and bool(column.is_in([0.0, 1.0]).all())
        self.there = self.there or column.null_count() < len(column)


def data_types(one: Table, frames: Frames, file: str) -> Types:
    """The dataType of each variable. Raises DoesNotFitError for a number JSON cannot hold."""
    seen = {variable.name: _Seen() for variable in one.variables if variable.type == "Num"}
    before = 0
    for frame in frames() if seen else ():
        for name, facts in seen.items():
            column = frame[name]
            finite = column.is_finite()
            if not finite.fill_null(value=True).all():
                raise DoesNotFitError(
                    "JSON has no infinite number and no NaN.",
                    Where(file=file, dataset=one.name, variable=name, row=before + int((~finite).arg_true()[0]) + 1),
                    "leave the value empty",
                )
            facts.look(column)
        before += frame.height
    return {variable.name: _data_type(variable, seen.get(variable.name)) for variable in one.variables}


def _data_type(variable: Variable, seen: _Seen | None) -> str:
    known = str(variable.extra.get("dataType", ""))
    if seen is None:
        return known if known and known not in NUMERIC else "string"
    if known in {"float", "double", "decimal"} or (known == "integer" and seen.whole):
        return known
    if known == "boolean" and seen.boolean:
        return known
    return "integer" if seen.whole and seen.there else "float"


def row_blocks(one: Table, types: Types, frames: Frames, file: str) -> Iterator[list[tuple[Any, ...]]]:
    """The rows as their dataTypes want them, some thousand at a time."""
    for frame in frames():
        columns = []
        for variable in one.variables:
            data_type, column = types[variable.name], frame[variable.name]
            if data_type == "integer":
                column = column.cast(pl.Int64)
            elif data_type == "boolean":
                column = column.cast(pl.Boolean)
            elif data_type == "decimal":
                column = pl.Series(variable.name, exact.texts(replace(one, frame=frame), variable, file), pl.String)
            columns.append(column)
        for block in pl.DataFrame(columns).iter_slices(ROWS_AT_A_TIME):
            yield block.rows()
