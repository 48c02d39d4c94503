"""Reading SAS XPORT version 5: a file's members as tables (layout: TS-140, see xpt_header and xpt_rows)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import sniffing, xpt_header, xpt_rows
from trialbridge.sdtm.files.xpt_format import format_text
from trialbridge.sdtm.table import NOTHING, Table, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBER_MARK = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
KNOWN_OF_TABLE = frozenset({"name", "label", "namestr_line"})
KNOWN_OF_VARIABLE = frozenset({"type", "name", "label", "length", "number", "position"})


def members(file: Path, encoding: str) -> Iterator[Table]:
    """Each dataset of a file. Raises UnreadableInputError."""
    raw = file.read_bytes()
    where = Where(file=file.name)
    if not raw.startswith(sniffing.XPT_MARK):
        kind = "XPORT version 8, not 5" if raw.startswith(sniffing.XPT8_MARK) else "no SAS XPORT version 5 file"
        raise UnreadableInputError(f"This is {kind}.", where, "export it as XPORT version 5 (SAS: libname … xport)")
    start = xpt_header.size(xpt_header.LIBRARY)
    if len(raw) % 80 or len(raw) <= start:
        raise _cut(where, f"its {len(raw)} bytes are not the whole number of 80-byte records a library has")
    if not raw.startswith(MEMBER_MARK, start):
        raise _cut(where, f"no member header at byte {start}")
    library = xpt_header.decode(xpt_header.LIBRARY, raw[:start])
    kept = xpt_header.unusual(xpt_header.LIBRARY, library, frozenset())
    while start < len(raw):
        end = _next_member(raw, start)
        yield _member(memoryview(raw)[start:end], kept, encoding, where)
        start = end


def _cut(where: Where, why: str) -> UnreadableInputError:
    return UnreadableInputError(f"The file is cut or broken: {why}.", where, "fetch or export the file again")


def _next_member(raw: bytes, start: int) -> int:
    """Where the next member begins: the mark at a multiple of 80 bytes; else the end of the file."""
    records = np.frombuffer(raw, np.uint8).reshape(-1, 80)[start // 80 + 1 :]
    found = np.flatnonzero(records[:, 0] == MEMBER_MARK[0])
    found = found[(records[found, : len(MEMBER_MARK)] == np.frombuffer(MEMBER_MARK, np.uint8)).all(axis=1)]
    return start + 80 + 80 * int(found[0]) if len(found) else len(raw)


def _member(raw: memoryview, library: xpt_header.Values, encoding: str, where: Where) -> Table:
    size = xpt_header.size(xpt_header.MEMBER)
    if len(raw) < size:
        raise _cut(where, "the header of a member is not whole")
    header = xpt_header.decode(xpt_header.MEMBER, bytes(raw[:size]))
    count, width = str(header["namestr_line"])[54:58], str(header["member_line"])[74:78]
    if not count.isdecimal() or width != "0140":
        raise _cut(where, f"a member of {count!r} variables described in {width!r} bytes (140 expected)")
    name = _text(header["name"], encoding, where).upper()
    where = Where(file=where.file, dataset=name)
    rows_at = size + -(-int(count) * 140 // 80) * 80
    observations = bytes(raw[rows_at : rows_at + 80])
    if not observations.startswith(b"HEADER RECORD*******OBS"):
        raise _cut(where, "no header of observations after its variables")
    variables, columns = _variables(bytes(raw[size:rows_at]), int(count), encoding, where)
    frame, cells, check = _rows(raw[rows_at + 80 :], columns, encoding, where)
    label = _text(header["label"], encoding, where)
    line = xpt_header.decode(xpt_header.OBSERVATIONS, observations)
    kept: dict[str, Any] = {
        **library,
        **xpt_header.unusual(xpt_header.MEMBER, header, KNOWN_OF_TABLE),
        **_unlike("name", header["name"], name, encoding),
        **_unlike("label", header["label"], label, encoding),
        **xpt_header.unusual(xpt_header.OBSERVATIONS, line, frozenset()),
        **check,
    }
    variables = [_with_cells(variable, cells.get(variable.name)) for variable in variables]
    return Table(name, frame, tuple(variables), label, {"xpt": kept} if kept else NOTHING)


def _variables(raw: bytes, count: int, encoding: str, where: Where) -> tuple[list[Variable], list[xpt_rows.Column]]:
    variables: list[Variable] = []
    columns: list[xpt_rows.Column] = []
    position = 0
    for index in range(count):
        values = xpt_header.decode(xpt_header.NAMESTR, raw[index * 140 : (index + 1) * 140])
        name, label = _text(values["name"], encoding, where), _text(values["label"], encoding, where)
        numeric, length = values["type"] == 1, int(values["length"])
        place = Where(file=where.file, dataset=where.dataset, variable=name)
        if values["type"] not in {1, 2} or length < 1 or (numeric and length not in range(2, 9)):
            raise _cut(place, f"a variable of type {values['type']} and length {length}")
        if values["position"] != position:
            raise _cut(place, f"the variable stands at byte {values['position']} of its row, not {position}")
        if any(name == before.name for before in variables):
            raise _cut(place, "the variable is there twice")
        kept: dict[str, Any] = {
            **xpt_header.unusual(xpt_header.NAMESTR, values, KNOWN_OF_VARIABLE),
            **_unlike("name", values["name"], name, encoding),
            **_unlike("label", values["label"], label, encoding),
            **({"number": values["number"]} if values["number"] != index + 1 else {}),
            **({"length": length} if numeric and length != 8 else {}),
        }
        shown = format_text(values)
        extra = {**({"displayFormat": shown} if shown else {}), **({"xpt": kept} if kept else {})}
        variables.append(Variable(name, label, "Num" if numeric else "Char", length, extra or NOTHING))
        columns.append(xpt_rows.Column(name, numeric, length, position))
        position += length
    return variables, columns


def _text(value: str | int, encoding: str, where: Where) -> str:
    """A name or label: the bytes in the file's encoding, without padding."""
    try:
        return str(value).encode("latin-1").decode(encoding).rstrip(" \0")
    except UnicodeDecodeError as error:
        raise UnreadableInputError(
            f"A name or label is not {encoding}.", where, "name the file's encoding (--encoding windows-1252, say)"
        ) from error


def _unlike(part: str, raw: str | int, text: str, encoding: str) -> dict[str, str]:
    """The field as it stood, where its text alone would not give it back (padded with zero bytes, in lower case)."""
    return {} if text.encode(encoding).decode("latin-1") == raw else {part: str(raw)}


def _rows(
    area: memoryview, columns: list[xpt_rows.Column], encoding: str, where: Where
) -> tuple[pl.DataFrame, dict[str, xpt_rows.Cells], dict[str, int]]:
    length = sum(column.length for column in columns)
    count = xpt_rows.row_count(area, length) if length else 0
    if count is None:
        raise _cut(where, f"its last row of {length} bytes is not whole")
    block = np.frombuffer(area, np.uint8, count * length).reshape(count, length)
    cells: dict[str, xpt_rows.Cells] = {}
    texts = [column for column in columns if not column.numeric]
    found = {one.name: one for one in xpt_rows.read_texts(block, texts, encoding, where)}
    for column in columns:
        if column.numeric:
            found[column.name], cells[column.name] = xpt_rows.read_numbers(block, column)
    series = [found[column.name] for column in columns]
    if not any(cells.values()):
        return pl.DataFrame(series), cells, {}
    plain = block.copy()
    xpt_rows.write_numbers(plain, pl.DataFrame(series), [column for column in columns if column.numeric])
    return pl.DataFrame(series), cells, {"rows_crc32": zlib.crc32(plain.tobytes())}


def _with_cells(variable: Variable, cells: xpt_rows.Cells | None) -> Variable:
    if not cells:
        return variable
    kept = {**variable.extra.get("xpt", NOTHING), "cells": cells}
    return Variable(variable.name, variable.label, variable.type, variable.length, {**variable.extra, "xpt": kept})
