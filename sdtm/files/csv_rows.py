"""The rows of a CSV file as columns of text, and back (RFC 4180; Python's csv module, which knows a row's line)."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import column_types

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_FIELD = 1 << 27  # characters; the csv module's own limit of 131,072 would refuse long narratives
ROWS_AT_A_TIME = 50_000


class NotOfEncodingError(UnreadableInputError):
    """Bytes that are no text of the encoding."""


def read(file: Path, separator: str = ",", encoding: str = "utf-8") -> list[pl.Series]:
    """Each column as text, empty as null. A byte-order mark is dropped, blank lines are passed over.

    Raises UnreadableInputError naming the line: a row with too few or too many values, an open quote, not UTF-8.
    """
    csv.field_size_limit(LONGEST_FIELD)
    with file.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as text:
        lines = csv.reader(text, strict=True, delimiter=separator)
        try:
            first = next(lines, [])
            width = len(first)
            names = first[: max((place for place, name in enumerate(first, 1) if name), default=0)]
            _check_names(names, file)
            rows = list(_rows(lines, names, width, file))
        except csv.Error as error:
            where = Where(file=file.name, line=lines.line_num)
            raise UnreadableInputError(f"The line is no CSV: {error}.", where, "close or double its quotes") from error
        except UnicodeDecodeError as error:
            where = Where(file=file.name, line=_line_of(file, error, encoding))
            fix = "save the file as CSV UTF-8, or name its encoding (--encoding windows-1252, say)"
            raise NotOfEncodingError(f"The line is not {encoding.upper()}.", where, fix) from error
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    columns = [pl.Series(name, column, pl.String) for name, column in zip(names, cells, strict=True)]
    return [column.set(column == "", None) for column in columns]


def _check_names(names: list[str], file: Path) -> None:
    where = Where(file=file.name, line=1)
    if not names or not all(names):
        raise UnreadableInputError("The first line does not name every column.", where, "name each variable")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UnreadableInputError(f"{twice[0]} names two columns.", where, "rename or remove one of them")


def _rows(lines: Iterator[list[str]], names: list[str], width: int, file: Path) -> Iterator[list[str]]:
    """Each row cut to the named columns: unnamed ones at the end, which spreadsheets leave behind, must be empty."""
    number, named = 0, len(names)
    for row in lines:
        if not row:
            continue
        number += 1
        if len(row) not in {named, width} or any(row[named:]):
            raise UnreadableInputError(
                f"The row has {len(row)} values, the first line names {named} columns.",
                Where(file=file.name, row=number, line=getattr(lines, "line_num", None)),
                "put text with separators or line breaks in quotes, or name the column",
            )
        yield row[:named]


def _line_of(file: Path, error: UnicodeDecodeError, encoding: str) -> int | None:
    """The line of the first byte that is not of the encoding; None where lines do not end in one byte."""
    if encoding.startswith(("utf-16", "utf-32")):
        return None
    for number, line in enumerate(file.read_bytes().split(b"\n"), 1):
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            return number
    return error.start


def write(frame: pl.DataFrame, path: Path) -> None:
    """A frame in normal form as CSV: null as empty, numbers in their shortest exact text, lines ended by LF.

    Raises DoesNotFitError for an infinite number and for NaN, which nobody reads back as a number.

    Not through polars or Python's csv module: the one writes an only column's null as a blank line, the other leaves a
    carriage return without quotes.
    """
    _check_numbers(frame, path)
    empty = "" if frame.width > 1 else '""'
    names = _quoted(pl.Series(frame.columns, dtype=pl.String))
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(names) + "\n")
        for offset in range(0, frame.height, ROWS_AT_A_TIME):
            part = frame.slice(offset, ROWS_AT_A_TIME)
            texts = pl.DataFrame([_cells(column).fill_null(empty) for column in part])
            file.write(texts.select(pl.concat_str(pl.all(), separator=",")).to_series().str.join("\n").item() + "\n")


def _check_numbers(frame: pl.DataFrame, path: Path) -> None:
    for column in frame:
        odd = (~column.is_finite()).arg_true().to_list() if column.dtype.is_float() else []
        if odd:
            where = Where(file=path.name, variable=column.name, row=odd[0] + 1)
            raise DoesNotFitError("CSV has no infinite number and no NaN.", where, "leave the value empty")


def _cells(column: pl.Series) -> pl.Series:
    return column_types.number_texts(column) if column.dtype.is_numeric() else _quoted(column)


def _quoted(texts: pl.Series) -> pl.Series:
    """Texts with a quote, comma or line break in quotes, and their quotes doubled."""
    quoted = '"' + texts.str.replace_all('"', '""', literal=True) + '"'
    return quoted.zip_with(texts.str.contains('[",\r\n]').fill_null(value=False), texts).alias(texts.name)
