"""Parquet: a file is a form; columns typed as they are, texts verbatim."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.crf.files.xlsx import plain
from trialbridge.crf.model import Cell, Column, Form, Record, Source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KIND = "parquet"


def read(path: Path) -> Source:
    """One form, named as the file without its ending. Raises UnreadableInputError."""
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableInputError("This is no whole Parquet file.", Where(file=str(path)), "fetch it again") from error
    form = form_of_rows(path.stem, [Column(one, one) for one in frame.columns], frame.iter_rows(), path.name)
    return Source(KIND, {form.name: form})


def form_of_rows(name: str, columns: Iterable[Column], rows: Iterable[tuple[Any, ...]], file: str) -> Form:
    """A form of typed rows, the first of them row 1 (there is no header row)."""
    columns = tuple(columns)
    records = []
    for number, row in enumerate(rows, 1):
        cells = {
            column.name: cell
            for column, value in zip(columns, row, strict=True)
            if (cell := cell_of(value)) is not None
        }
        records.append(Record(number, cells))
    return Form(name, columns, tuple(records), file)


def cell_of(value: Any) -> Cell | None:  # noqa: PLR0911 - one a type
    """A typed value as a cell: its text in ISO 8601, or as a plain number."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return Cell("TRUE" if value else "FALSE", value)
    if isinstance(value, dt.datetime):
        return Cell(value.isoformat(timespec="minutes" if not value.second else "seconds"), value)
    if isinstance(value, dt.date | dt.time):
        return Cell(value.isoformat(), value)
    if isinstance(value, int | float):
        return Cell(plain(value), value)
    if isinstance(value, Decimal):
        return Cell(format(value, "f"), value)
    return Cell(str(value))


def write(source: Source, folder: Path) -> list[Path]:
    """One file a form, all columns text, so that every digit stays."""
    made = []
    for form in source:
        target = folder / f"{form.name}.parquet"
        texts = {one.name: [record.text(one.name) for record in form.records] for one in form.columns}
        pl.DataFrame(texts, dict.fromkeys(texts, pl.String)).write_parquet(target)
        made.append(target)
    return made
