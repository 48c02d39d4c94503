"""Writing SAS XPORT version 5: one table as a file of one member (layout: TS-140, see xpt_header and xpt_rows)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import xpt_header, xpt_rows
from trialbridge.sdtm.files.xpt_format import format_fields, format_text
from trialbridge.sdtm.table import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trialbridge.sdtm.table import Table, Variable

NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")
BLOCK = 16_384  # rows packed at a time, to bound memory


Frames = Callable[[], Iterable["pl.DataFrame"]]


def write_table(one: Table, path: Path, encoding: str) -> None:
    """Write the table to `path`. Raises DoesNotFitError naming the cell, variable or dataset."""
    write_frames(one, lambda: (one.frame,), path, encoding)


def write_frames(one: Table, frames: Frames, path: Path, encoding: str) -> None:
    """Write a dataset of which `one` is the metadata and `frames` gives the rows, some at a time, as often as asked.

    They are asked for twice: how long the texts are stands before the rows. Raises DoesNotFitError.
    """
    where = Where(file=path.name, dataset=one.name)
    carried: Mapping[str, Any] = one.extra.get("xpt", NOTHING)
    _check_name(one.name, where)
    columns, namestrs = _layout(one, _lengths(one, frames, encoding, where), encoding, where)
    header = {
        **carried,
        "name": _as_it_stood(carried.get("name", ""), one.name, upper=True),
        "label": _as_it_stood(carried.get("label", ""), _label(one.label, encoding, where)),
        "namestr_line": xpt_header.namestr_line(len(columns)),
    }
    with path.open("wb") as file:
        file.write(xpt_header.encode(xpt_header.LIBRARY, carried) + xpt_header.encode(xpt_header.MEMBER, header))
        file.write(xpt_header.padded(b"".join(namestrs)))
        file.write(xpt_header.encode(xpt_header.OBSERVATIONS, carried))
        written = sum(file.write(block) for block in _blocks(one, frames, columns, encoding, where))
        file.write(b" " * (-written % 80))


def _lengths(one: Table, frames: Frames, encoding: str, where: Where) -> dict[str, int]:
    """The bytes of each column, once every cell is known to fit."""
    if len(one.variables) > 9999:
        raise DoesNotFitError("An XPORT dataset has at most 9999 variables.", where, "split the dataset")
    texts = [variable for variable in one.variables if variable.type == "Char"]
    numbers = {v.name: int(v.extra.get("xpt", NOTHING).get("length", 8)) for v in one.variables if v.type == "Num"}
    lengths = {variable.name: 0 for variable in texts}
    height = 0
    last = None
    for frame in frames():
        sizes = xpt_rows.longest(frame, list(lengths))
        for variable in texts:
            size, plain = sizes[variable.name]
            if not plain or size > min(variable.length or 200, 200):
                place = Where(file=where.file, dataset=one.name, variable=variable.name)
                size = xpt_rows.check_text(frame[variable.name], variable.length, encoding, place, height)
            lengths[variable.name] = max(lengths[variable.name], size)
        for name, length in numbers.items():
            place = Where(file=where.file, dataset=one.name, variable=name)
            xpt_rows.check_numbers(frame.get_column(name), length, place, height)
        height += frame.height
        last = frame if frame.height else last
    declared = {variable.name: variable.length for variable in texts}
    found = {name: declared[name] or max(1, size) for name, size in lengths.items()} | numbers
    if last is not None and not numbers:
        _check_last_row(last.tail(1), height, sum(found.values()), where)
    return {variable.name: found[variable.name] for variable in one.variables}


def _layout(
    one: Table, lengths: Mapping[str, int], encoding: str, where: Where
) -> tuple[list[xpt_rows.Column], list[bytes]]:
    columns: list[xpt_rows.Column] = []
    namestrs: list[bytes] = []
    position = 0
    for index, variable in enumerate(one.variables):
        place = Where(file=where.file, dataset=one.name, variable=variable.name)
        _check_name(variable.name, place)
        carried = variable.extra.get("xpt", NOTHING)
        numeric = variable.type == "Num"
        length = lengths[variable.name]
        values = {
            "number": index + 1,
            **carried,
            **_format(variable, carried, place),
            "type": 1 if numeric else 2,
            "length": length,
            "position": position,
            "name": _as_it_stood(carried.get("name", ""), variable.name),
            "label": _as_it_stood(carried.get("label", ""), _label(variable.label, encoding, place)),
        }
        namestrs.append(xpt_header.encode(xpt_header.NAMESTR, values))
        columns.append(xpt_rows.Column(variable.name, numeric, length, position))
        position += length
    return columns, namestrs


def _format(variable: Variable, carried: Mapping[str, Any], where: Where) -> dict[str, str | int]:
    """The format's fields: those of `displayFormat` where it says other than the header read."""
    shown = variable.extra.get("displayFormat", "")
    return {} if not shown or shown == format_text(carried) else format_fields(shown, where)


def _as_it_stood(raw: str, text: str, *, upper: bool = False) -> str:
    """The field as a file had it (padded with zero bytes, dataset name in lower case) if it still says `text`."""
    said = raw.rstrip(" \0")
    return raw if raw and (said.upper() if upper else said) == text else text


def _check_name(name: str, where: Where) -> None:
    if not NAME.fullmatch(name):
        raise DoesNotFitError(
            f"{name!r} is no name of XPORT version 5: 1 to 8 of A-Z, 0-9 and _, no digit first.", where, "rename it"
        )


def _label(text: str, encoding: str, where: Where) -> str:
    """The label's bytes, one Latin-1 character each, as the header module takes them."""
    try:
        raw = text.encode(encoding)
    except UnicodeEncodeError as error:
        raise DoesNotFitError(
            f"The label {text!r} is not {encoding}.", where, "spell it in ASCII, or name an encoding (--encoding utf-8)"
        ) from error
    if len(raw) > 40:
        raise DoesNotFitError(f"The label {text!r} has {len(raw)} bytes, the limit is 40.", where, "shorten the label")
    return raw.decode("latin-1")


def _check_last_row(last: pl.DataFrame, height: int, length: int, where: Where) -> None:
    """Raise DoesNotFitError if rows without any value at the end would be read as padding (row_count's rule)."""
    blank = last.select(pl.all_horizontal(pl.all().is_null() | (pl.all().str.strip_chars_end(" ") == "")))
    area = -(-height * length // 80) * 80
    if blank.to_series()[-1] and height > (area - 80) // length + 1:
        raise DoesNotFitError(
            "The last row has no value at all; XPORT cannot tell it from the padding at the file's end.",
            Where(file=where.file, dataset=where.dataset, row=height),
            "remove the empty row",
        )


def _blocks(
    one: Table, frames: Frames, columns: list[xpt_rows.Column], encoding: str, where: Where
) -> Iterator[memoryview]:
    """The rows, BLOCK at a time, with the carried cells put back where they stood."""
    cells = {column: one.variable(column.name).extra.get("xpt", NOTHING).get("cells", ()) for column in columns}
    cells = {column: found for column, found in cells.items() if found and column.numeric}
    numbers = [column for column in columns if column.numeric]
    texts = [column for column in columns if not column.numeric]
    length, check, offset = sum(column.length for column in columns), 0, 0
    for part in (part for frame in frames() for part in frame.iter_slices(BLOCK)):
        block = np.empty((part.height, length), np.uint8)
        xpt_rows.write_numbers(block, part, numbers)
        xpt_rows.write_texts(block, part, texts, encoding)
        if cells:
            check = zlib.crc32(block.data, check)
            xpt_rows.put_cells(block, cells, offset)
        offset += part.height
        yield block.data
    if cells and check != one.extra.get("xpt", NOTHING).get("rows_crc32"):
        raise DoesNotFitError(
            "The rows have changed since they were read, so special missing values (.A to .Z) cannot be put back.",
            Where(file=where.file, dataset=one.name, variable=next(iter(cells)).name),
            "drop extra['xpt']['cells'] of the variable: they are then plain missing values",
        )
