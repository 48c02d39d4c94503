"""The rows of an XPORT file: blocks of fixed-width bytes <-> columns of a polars frame, a column at a time.

Source: SAS TS-140. Text is blank-padded, numbers are IBM floats cut to 2 to 8 bytes; rows follow one another without a
break, and blanks fill the last 80-byte record. That padding cannot be told from a last row of blanks: see `row_count`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import ibm_float

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Cells = list[list[int | str]]
"""[row from 0, 16 hexadecimal digits]: numbers no double gives back, above all the special missing values .A to .Z and ._"""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a variable stands in a row: `start` and `length` in bytes."""

    name: str
    numeric: bool
    length: int
    start: int


def row_count(area: bytes, length: int) -> int | None:
    """How many rows of `length` bytes an area of 80-byte records holds; None if its end cannot be padding (a cut file).

    Blank rows that fit in the last record's padding are padding.
    """
    most = len(area) // length
    least = 0 if not area else (len(area) - 80) // length + 1
    if most < least or area[most * length :].strip(b" "):
        return None
    while most > least and not area[(most - 1) * length : most * length].strip(b" "):
        most -= 1
    return most


def read_texts(block: NDArray[Any], columns: list[Column], encoding: str, where: Where) -> list[pl.Series]:
    """The text columns, trailing blanks dropped, empty as null. Raises UnreadableInputError at a byte not of `encoding`.

    All are split at one go: a column's cells are joined by a control character that none of them has.
    """
    made: dict[str, pl.Series] = {}
    whole: list[pl.Series] = []
    splits: list[pl.Expr] = []
    separator = next((code for code in (31, 30, 29, 28, 1, 2, 3) if not (block == code).any()), None)
    for column in columns:
        cells = block[:, column.start : column.start + column.length]
        if separator is None or not len(cells):
            texts = [_decoded(row.tobytes(), encoding) for row in cells]
            made[column.name] = pl.Series(column.name, texts, pl.String)
            continue
        joined = np.full((len(cells), column.length + 1), separator, np.uint8)
        joined[:, :-1] = cells
        try:
            text = joined.tobytes()[:-1].decode(encoding)
        except UnicodeDecodeError as error:
            row = error.start // (column.length + 1)
            place = Where(file=where.file, dataset=where.dataset, variable=column.name)
            raise _not_of_encoding(encoding, place, row) from error
        whole.append(pl.Series(column.name, [text]))
        splits.append(pl.col(column.name).str.split(chr(separator)).explode())
    frame = pl.DataFrame(whole).select(splits) if whole else pl.DataFrame()
    both = pl.DataFrame([made.get(column.name, frame.get_column(column.name, default=None)) for column in columns])
    stripped = [pl.col(column.name).str.strip_chars_end(" ") for column in columns]
    return both.select(pl.when(one != "").then(one) for one in stripped).get_columns() if columns else []


def _decoded(raw: bytes, encoding: str) -> str:
    return raw.decode(encoding, "strict")


def _not_of_encoding(encoding: str, where: Where, row: int) -> UnreadableInputError:
    place = Where(file=where.file, dataset=where.dataset, variable=where.variable, row=row + 1)
    return UnreadableInputError(
        f"The text is not {encoding}.", place, "give the file's encoding, for example encoding='windows-1252'"
    )


def read_numbers(block: NDArray[Any], column: Column) -> tuple[pl.Series, Cells]:
    """One numeric column as Float64 with nulls, and the cells a double would not give back."""
    raw = np.zeros((len(block), 8), np.uint8)
    raw[:, : column.length] = block[:, column.start : column.start + column.length]
    bits = raw.view(">u8").astype(np.uint64).ravel()
    missing = ibm_float.is_missing(bits)
    values = ibm_float.decode(bits)
    odd = np.flatnonzero(np.where(missing, bits != ibm_float.MISSING, ~ibm_float.returns(bits)))
    series = pl.Series(column.name, values)
    if missing.any():
        series = series.set(pl.Series(missing), None)
    return series, [[int(row), f"{int(bits[row]):016x}"] for row in odd]


def write_texts(block: NDArray[Any], frame: pl.DataFrame, columns: list[Column], encoding: str) -> None:
    """Fill the text columns of the block; `check_text` has passed. All are padded and joined at one go."""
    cells = frame.select(pl.col(one.name).fill_null("").str.strip_chars_end(" ") for one in columns)
    plain = cells.select((pl.all().str.len_bytes() == pl.all().str.len_chars()).all()).row(0) if columns else ()
    padded = [
        pl.col(one.name).str.pad_end(one.length).str.join("")
        for one, is_ascii in zip(columns, plain, strict=True)
        if is_ascii
    ]
    joined = cells.select(padded).row(0, named=True) if padded else {}
    for column in columns:
        whole = joined.get(column.name)
        if whole is None:
            raw = b"".join(cell.encode(encoding).ljust(column.length) for cell in cells[column.name])
        else:
            raw = whole.encode("ascii")
        block[:, column.start : column.start + column.length] = np.frombuffer(raw, np.uint8).reshape(-1, column.length)


def write_numbers(block: NDArray[Any], frame: pl.DataFrame, columns: list[Column]) -> None:
    """Fill the numeric columns of the block; `check_numbers` has passed, so that what is no number is missing."""
    if not columns:
        return
    values = frame.select(one.name for one in columns).to_numpy()
    missing = np.isnan(values)
    bits = np.where(missing, ibm_float.MISSING, ibm_float.encode(np.where(missing, 0.0, values)))
    raw = np.ascontiguousarray(bits.T).astype(">u8").view(np.uint8).reshape(len(columns), -1, 8)
    for column, one in zip(columns, raw, strict=True):
        block[:, column.start : column.start + column.length] = one[:, : column.length]


def put_cells(block: NDArray[Any], cells: Mapping[Column, Cells], offset: int) -> None:
    """Put cells back as they stood into the block whose first row is the table's row `offset`."""
    for column, found in cells.items():
        for row, digits in found:
            if offset <= int(row) < offset + len(block):
                raw = np.frombuffer(bytes.fromhex(str(digits)), np.uint8)
                block[int(row) - offset, column.start : column.start + column.length] = raw[: column.length]


def longest(frame: pl.DataFrame, names: list[str]) -> dict[str, tuple[int, bool]]:
    """Of text columns: the bytes of the longest value, and whether all are ASCII; of all columns at one go."""
    if not names or not frame.height:
        return dict.fromkeys(names, (0, True))
    cells = frame.select(pl.col(names).fill_null("").str.strip_chars_end(" "))
    sizes = cells.select(pl.all().str.len_bytes().max()).row(0)
    plain = cells.select((pl.all().str.len_bytes() == pl.all().str.len_chars()).all()).row(0)
    return dict(zip(names, zip(sizes, plain, strict=True), strict=True))


def check_text(series: pl.Series, declared: int | None, encoding: str, where: Where, before: int = 0) -> int:
    """The bytes of the longest value of a column.

    Raises DoesNotFitError naming the first cell that is longer than declared, longer than 200 bytes, or not of
    `encoding`; `before` rows of the dataset stand before these.
    """
    cells = series.fill_null("").str.strip_chars_end(" ")
    sizes = cells.str.len_bytes()
    odd = (sizes != cells.str.len_chars()).arg_true().to_list()
    if odd:
        encoded = sizes.to_list()
        for row in odd:
            encoded[row] = _encoded_size(cells[row], encoding, where, before + row)
        sizes = pl.Series(encoded, dtype=pl.UInt32)
    limit = 200 if declared is None else min(declared, 200)
    over = (sizes > limit).arg_true()
    if len(over):
        row = over[0]
        kind = "the declared length" if limit == declared else "the limit of XPORT version 5"
        raise DoesNotFitError(
            f"The value has {sizes[row]} bytes, {kind} is {limit}; it is not cut.",
            _at(where, before + row),
            "raise the variable's length" if limit == declared and limit < 200 else "split the text into SUPP-- or CO",
        )
    most = sizes.max()
    return int(most) if isinstance(most, int) else 0


def _encoded_size(text: str, encoding: str, where: Where, row: int) -> int:
    try:
        return len(text.encode(encoding))
    except UnicodeEncodeError as error:
        letter = text[error.start]
        raise DoesNotFitError(
            f"{letter!r} (U+{ord(letter):04X}) is not {encoding}.",
            _at(where, row),
            "spell it in ASCII (FDA takes nothing else), or write with encoding='utf-8'",
        ) from error


def check_numbers(series: pl.Series, length: int, where: Where, before: int = 0) -> None:
    """Raise DoesNotFitError naming the first number that an IBM float of `length` bytes does not hold."""
    values = series.fill_null(0.0).to_numpy()
    bad = np.flatnonzero(~ibm_float.fits(values))
    if len(bad):
        row = int(bad[0])
        raise DoesNotFitError(
            f"{float(values[row])} is outside XPORT's numbers (0, or 5.4e-79 to 7.2e75 in size).",
            _at(where, before + row),
            "leave the value empty or convert its unit",
        )
    if length < 8:
        bits = ibm_float.encode(values)
        cut = np.flatnonzero(bits & np.uint64((1 << (8 * (8 - length))) - 1))
        if len(cut):
            raise DoesNotFitError(
                f"The number needs more than the {length} bytes declared for it.",
                _at(where, before + int(cut[0])),
                "declare a length of 8",
            )


def _at(where: Where, row: int) -> Where:
    return Where(file=where.file, dataset=where.dataset, variable=where.variable, row=row + 1)
