"""The rows of an XPORT file: blocks of fixed-width bytes <-> columns of a polars frame, a column at a time.

Source: SAS TS-140. Text is blank-padded, numbers are IBM floats cut to 2 to 8 bytes; rows follow one another without a
break, and blanks fill the last 80-byte record. That padding cannot be told from a last row of blanks: see `row_count`.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import fixed_width, ibm_float

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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

    @property
    def place(self) -> slice:
        """Its bytes."""
        return slice(self.start, self.start + self.length)


def row_count(area: memoryview, length: int) -> int | None:
    """How many rows of `length` bytes an area of 80-byte records holds; None if its end cannot be padding (a cut file).

    Blank rows that fit in the last record's padding are padding.
    """
    most = len(area) // length
    least = 0 if not area else (len(area) - 80) // length + 1
    if most < least or bytes(area[most * length :]).strip(b" "):
        return None
    while most > least and not bytes(area[(most - 1) * length : most * length]).strip(b" "):
        most -= 1
    return most


def read_texts(block: NDArray[Any], columns: list[Column], encoding: str, where: Where) -> list[pl.Series]:
    """The text columns, trailing blanks dropped, empty as null. Raises UnreadableInputError at a byte not of `encoding`."""
    series: list[pl.Series] = []
    for column in columns:
        made = None
        if _is_utf_8(encoding) or (_keeps_ascii(encoding) and block[:, column.place].max(initial=0) < 128):
            made = fixed_width.to_texts(column.name, block, column.start, column.length)
        if made is None:
            place = Where(file=where.file, dataset=where.dataset, variable=column.name)
            made = _decoded(column.name, block[:, column.place], encoding, place)
        series.append(made)
    return series


@cache
def _is_utf_8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


@cache
def _keeps_ascii(encoding: str) -> bool:
    """Whether in this encoding the bytes below 128 are what they are in ASCII."""
    try:
        return bytes(range(128)).decode(encoding) == bytes(range(128)).decode("ascii")
    except UnicodeDecodeError:
        return False


def _decoded(name: str, cells: NDArray[Any], encoding: str, where: Where) -> pl.Series:
    """A column of which some text is not ASCII, or not of `encoding`: each of its different cells decoded."""
    known: dict[bytes, str | None] = {}
    texts: list[str | None] = []
    for row, cell in enumerate(cells):
        raw = cell.tobytes()
        if raw not in known:
            try:
                known[raw] = raw.decode(encoding).rstrip(" ") or None
            except UnicodeDecodeError as error:
                raise _not_of_encoding(encoding, where, row) from error
        texts.append(known[raw])
    return pl.Series(name, texts, pl.String)


def _not_of_encoding(encoding: str, where: Where, row: int) -> UnreadableInputError:
    place = Where(file=where.file, dataset=where.dataset, variable=where.variable, row=row + 1)
    return UnreadableInputError(
        f"The text is not {encoding}.", place, "name the file's encoding (--encoding windows-1252, say)"
    )


def read_numbers(block: NDArray[Any], column: Column) -> tuple[pl.Series, Cells]:
    """One numeric column as Float64 with nulls, and the cells a double would not give back."""
    raw = np.zeros((len(block), 8), np.uint8)
    fixed_width.items(raw, 0, column.length)[:] = fixed_width.items(block, column.start, column.length)
    bits = raw.view(">u8").astype(np.uint64).ravel()
    missing = ibm_float.is_missing(bits)
    odd = np.flatnonzero(np.where(missing, bits != ibm_float.MISSING, ~ibm_float.returns(bits)))
    series = fixed_width.numbers(column.name, ibm_float.decode(bits), missing)
    return series, [[int(row), f"{int(bits[row]):016x}"] for row in odd]


def write_texts(block: NDArray[Any], frame: pl.DataFrame, columns: list[Column], encoding: str) -> None:
    """Fill the text columns of the block; `check_text` has passed."""
    for column in columns:
        texts = frame.get_column(column.name)
        if encoding == "ascii" or _is_utf_8(encoding) or (_keeps_ascii(encoding) and fixed_width.measure(texts)[1]):
            cells = fixed_width.to_cells(texts, column.length)
        else:
            raw = b"".join(_encoded(texts, encoding, column.length))
            cells = np.frombuffer(raw, np.uint8).reshape(-1, column.length)
        fixed_width.put(block, column.start, cells, column.length)


def _encoded(texts: pl.Series, encoding: str, length: int) -> Iterator[bytes]:
    """The bytes of each text, each different one encoded once."""
    known: dict[str | None, bytes] = {None: b" " * length}
    for text in texts:
        if text not in known:
            known[text] = text.rstrip(" ").encode(encoding).ljust(length)
        yield known[text]


def write_numbers(block: NDArray[Any], frame: pl.DataFrame, columns: list[Column]) -> None:
    """Fill the numeric columns of the block; `check_numbers` has passed, so that what is no number is missing."""
    for column in columns:
        values = frame.get_column(column.name).to_numpy()
        bits = np.where(np.isnan(values), ibm_float.MISSING, ibm_float.encode(values))
        raw = bits.astype(">u8").view(np.uint8).reshape(-1, 8)
        fixed_width.put(block, column.start, raw, column.length)


def put_cells(block: NDArray[Any], cells: Mapping[Column, Cells], offset: int) -> None:
    """Put cells back as they stood into the block whose first row is the table's row `offset`."""
    for column, found in cells.items():
        for row, digits in found:
            if offset <= int(row) < offset + len(block):
                raw = np.frombuffer(bytes.fromhex(str(digits)), np.uint8)
                block[int(row) - offset, column.start : column.start + column.length] = raw[: column.length]


def longest(frame: pl.DataFrame, names: list[str]) -> dict[str, tuple[int, bool]]:
    """Of text columns: the bytes of the longest value, and whether all are ASCII."""
    return {name: fixed_width.measure(frame.get_column(name)) for name in names}


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
            "spell it in ASCII (FDA takes nothing else), or name an encoding (--encoding utf-8)",
        ) from error


def check_numbers(series: pl.Series, length: int, where: Where, before: int = 0) -> None:
    """Raise DoesNotFitError naming the first number that an IBM float of `length` bytes does not hold."""
    values = series.to_numpy()  # a null is NaN
    bad = np.flatnonzero(~ibm_float.fits(values))
    if len(bad) > series.null_count():
        bad = np.flatnonzero(~ibm_float.fits(series.fill_null(0.0).to_numpy()))
        row = int(bad[0])
        raise DoesNotFitError(
            f"{float(values[row])} is outside XPORT's numbers (0, or 5.4e-79 to 7.2e75 in size).",
            _at(where, before + row),
            "leave the value empty or convert its unit",
        )
    if length < 8:
        bits = ibm_float.encode(series.fill_null(0.0).to_numpy())
        cut = np.flatnonzero(bits & np.uint64((1 << (8 * (8 - length))) - 1))
        if len(cut):
            raise DoesNotFitError(
                f"The number needs more than the {length} bytes declared for it.",
                _at(where, before + int(cut[0])),
                "declare a length of 8",
            )


def _at(where: Where, row: int) -> Where:
    return Where(file=where.file, dataset=where.dataset, variable=where.variable, row=row + 1)
