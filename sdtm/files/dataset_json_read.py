"""Reading Dataset-JSON 1.1: the bytes of a JSON or NDJSON file as a table (CDISC Dataset-JSON v1.1 Specification).

A row is decoded straight to the types its columns declare, so that a text in a numeric column is an error that names
row and variable. Decimals exchanged as text keep their spelling (`12.50`) in the variable's `extra["literals"]`.
"""

from __future__ import annotations

import math
import re
import types
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import exact
from trialbridge.sdtm.table import NOTHING, Table, Variable, VariableType, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOM = b"\xef\xbb\xbf"
DECIMAL = re.compile(r"[+-]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
EXACT = 2.0**53
"""Up to here every integer is a double."""

JSON_TYPES: Mapping[str, Any] = {
    "string": str | None,
    "integer": int | None,
    "decimal": str | None,
    "float": float | None,
    "double": float | None,
    "boolean": bool | None,
    "datetime": str | None,
    "date": str | None,
    "time": str | None,
    "URI": str | None,
}
"""dataType -> what stands in the rows (section "Supported Column Data Type Combinations")."""

NUMERIC = frozenset({"integer", "decimal", "float", "double", "boolean"})


class Column(msgspec.Struct, frozen=True, rename={"item_oid": "itemOID", "data_type": "dataType"}):
    """What a column's metadata must have; the rest is taken as it is."""

    item_oid: str
    name: str
    label: str
    data_type: str
    length: int | None = None


class Metadata(msgspec.Struct, frozen=True, rename={"version": "datasetJSONVersion", "oid": "itemGroupOID"}):
    """What a dataset's metadata must have; the rest is taken as it is."""

    version: str
    oid: str
    records: int
    name: str
    label: str
    columns: list[Column]
    rows: msgspec.Raw = msgspec.Raw(b"[]")


def read_table(raw: bytes, file: str) -> Table:
    """The table of a file in either form. Raises UnreadableInputError naming the line, row or variable."""
    raw = raw.removeprefix(BOM)
    line, _, rest = raw.partition(b"\n")
    lined = _is_whole(line) and (not rest.lstrip() or rest.lstrip().startswith(b"["))
    known, everything = _metadata(line if lined and not _has_rows(line) else raw, file)
    where = Where(file=file, dataset=known.name)
    kinds = [_kind(column, where) for column in known.columns]
    row_type: Any = types.GenericAlias(tuple, tuple(kinds))
    if lined and not _has_rows(line):
        rows = _decode_lines(rest, row_type, known, where)
    else:
        rows = _decode_rows(bytes(known.rows), row_type, known, where)
    if len(rows) != known.records:
        at = Where(file=file, dataset=known.name, line=len(rows) + 1) if lined else where
        raise UnreadableInputError(
            f"The metadata says {known.records} records, the file has {len(rows)}.",
            at,
            "the file is cut or was edited: fetch or export it again",
        )
    return _table(known, everything, rows, where)


def _is_whole(line: bytes) -> bool:
    return line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}")


def _has_rows(line: bytes) -> bool:
    return re.search(rb'"rows"\s*:', line) is not None


def _metadata(raw: bytes, file: str) -> tuple[Metadata, dict[str, Any]]:
    """The attributes we need, checked, and all attributes but the rows, as they stand."""
    fix = "give a Dataset-JSON 1.1 file (version 1.0, with clinicalData, is not read)"
    try:
        known = msgspec.json.decode(raw, type=Metadata)
        attributes = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        everything = {key: msgspec.json.decode(value) for key, value in attributes.items() if key != "rows"}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableInputError(f"This is no Dataset-JSON: {error}.", Where(file=file), fix) from error
    if not known.version.startswith("1.1"):
        raise UnreadableInputError(f"This is Dataset-JSON {known.version}, not 1.1.", Where(file=file), fix)
    return known, everything


def _kind(column: Column, where: Where) -> Any:
    if column.data_type not in JSON_TYPES:
        raise UnreadableInputError(
            f"{column.data_type!r} is no dataType of Dataset-JSON 1.1.",
            Where(file=where.file, dataset=where.dataset, variable=column.name),
            f"use one of {', '.join(JSON_TYPES)}",
        )
    return JSON_TYPES[column.data_type]


def _decode_rows(raw: bytes, row_type: Any, known: Metadata, where: Where) -> list[tuple[Any, ...]]:
    try:
        rows: list[tuple[Any, ...]] = msgspec.json.decode(raw, type=list[row_type])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken_row(error, known, where, None) from error
    return rows


def _decode_lines(raw: bytes, row_type: Any, known: Metadata, where: Where) -> list[tuple[Any, ...]]:
    decoder = msgspec.json.Decoder(row_type)
    try:
        rows: list[tuple[Any, ...]] = decoder.decode_lines(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        rows = [_decode_line(line, decoder, known, where, number) for number, line in enumerate(raw.split(b"\n"), 2)]
    return rows


def _decode_line(
    line: bytes, decoder: msgspec.json.Decoder[Any], known: Metadata, where: Where, number: int
) -> tuple[Any, ...]:
    try:
        row: tuple[Any, ...] = decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken_row(error, known, where, number) from error
    return row


def _broken_row(error: Exception, known: Metadata, where: Where, line: int | None) -> UnreadableInputError:
    """The error with its place, which msgspec gives as `$[3][5]` in a list of rows, `$[5]` in a row."""
    places = [int(place) for place in re.findall(r"\[(\d+)\]", str(error).partition("`$")[2])]
    row = (line - 1) if line is not None else (places.pop(0) + 1 if places else None)
    variable = known.columns[places[0]].name if places and places[0] < len(known.columns) else None
    return UnreadableInputError(
        f"The row cannot be read: {str(error).partition(' - at')[0]}.",
        Where(file=where.file, dataset=where.dataset, row=row, line=line, variable=variable),
        "a row is an array with one value of its dataType, or null, for each column; a cut file must be fetched again",
    )


def _table(known: Metadata, everything: dict[str, Any], rows: Sequence[tuple[Any, ...]], where: Where) -> Table:
    described = everything.pop("columns")
    columns: Any = list(zip(*rows, strict=True)) if rows else [()] * len(known.columns)
    frame, variables, carried = {}, [], False
    for column, about, cells in zip(known.columns, described, columns, strict=True):
        place = Where(file=where.file, dataset=where.dataset, variable=column.name)
        if column.name in frame:
            raise UnreadableInputError("The column is there twice.", place, "keep one of them")
        extra = {key: value for key, value in about.items() if key not in {"name", "label", "length"}}
        kind: VariableType = "Num" if column.data_type in NUMERIC else "Char"
        if column.data_type == "decimal":
            frame[column.name], literals = _decimals(column.name, cells, place)
            carried = carried or bool(literals)
            extra |= {"literals": literals} if literals else {}
        elif kind == "Num":
            frame[column.name] = _numbers(column, cells, place)
        else:
            frame[column.name] = pl.Series(column.name, cells, pl.String)
        variables.append(Variable(column.name, column.label, kind, column.length, extra))
    about_table = {key: value for key, value in everything.items() if key not in {"records", "name", "label"}}
    made = table(known.name, pl.DataFrame(frame), variables, known.label, about_table or NOTHING)
    if carried:
        about_table["rows_crc32"] = exact.fingerprint(made.frame)
    return made


def _numbers(column: Column, cells: Sequence[Any], where: Where) -> pl.Series:
    for row, value in enumerate(cells) if column.data_type == "integer" and _has_large(cells) else ():
        if value is not None and abs(value) > EXACT and float(value) != value:
            raise UnreadableInputError(
                f"{value} is an integer no double holds exactly.",
                Where(file=where.file, dataset=where.dataset, variable=where.variable, row=row + 1),
                "exchange it as a string",
            )
    return pl.Series(column.name, cells, pl.Boolean if column.data_type == "boolean" else None, strict=False).cast(
        pl.Float64
    )


def _has_large(integers: Sequence[int | None]) -> bool:
    """Whether one may be beyond what every double holds."""
    try:
        return bool((pl.Series(integers, dtype=pl.Int64).abs() > int(EXACT)).any())
    except (OverflowError, TypeError, pl.exceptions.PolarsError):
        return True


def _decimals(name: str, cells: Sequence[str | None], where: Where) -> tuple[pl.Series, exact.Literals]:
    texts = pl.Series(name, cells, pl.String)
    texts = texts.set(texts == "", None)
    numbers = texts.cast(pl.Float64, strict=False)
    others = (~exact.come_back(texts)).arg_true().to_list()
    found: list[float] = []
    literals: exact.Literals = []
    for row, text in zip(others, texts[others].to_list(), strict=True):
        number = _decimal(text)
        if number is None:
            raise UnreadableInputError(
                f"{text!r} is no decimal number.",
                Where(file=where.file, dataset=where.dataset, variable=where.variable, row=row + 1),
                "use digits with a dot before the decimals",
            )
        found.append(number)
        if exact.decimal_text(number) != text:
            literals.append([row, text])
    return (numbers.scatter(others, found) if others else numbers), literals


def _decimal(text: str) -> float | None:
    """The number of a decimal text, which may have commas between thousands; None if it is none or too large."""
    number = float(text.replace(",", "")) if DECIMAL.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None
