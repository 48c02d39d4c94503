"""Plain CSV (RFC 4180), a file a dataset: UTF-8, a first line of variable names, empty for missing.

Read as spreadsheets save it, too: values separated by semicolons or tabs, UTF-16 with its mark, and what is not UTF-8 in the encoding that is named.

CSV says nothing of labels, types and lengths: a column's type is SDTM's (see `column_types`); labels are lost on writing.
CORE's layout (`core_csv`) and XLSX keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.sdtm.files import column_types, csv_rows, folder, sniffing
from trialbridge.sdtm.table import study, table

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table


def read(path: Path, *, encoding: str | None = None) -> Study:
    """The dataset of a CSV file (named by the file), or of all CSV files in a folder that have a STUDYID.

    Raises UnreadableInputError naming the line of a ragged row, a wrong quote, or bytes that are not UTF-8
    (nor of `encoding`).
    """
    return study((_read_table(file, encoding) for file in folder.members(path, sniffing.is_csv)), source=str(path))


def _read_table(file: Path, encoding: str | None) -> Table:
    name = file.stem.upper()
    head = sniffing.head_of(file)
    separator = sniffing.separator(head) or ","
    try:
        texts = csv_rows.read(file, separator, "utf-16" if sniffing.is_utf_16(head) else "utf-8")
    except csv_rows.NotOfEncodingError:
        if encoding is None:
            raise
        texts = csv_rows.read(file, separator, encoding)
    return table(name, pl.DataFrame([column_types.typed(name, column) for column in texts]))


def write(of: Study, target: Path) -> list[Path]:
    """One `.csv` a dataset into the folder `target`. Raises DoesNotFitError."""
    return folder.write_each(of, target, ".csv", lambda one, path: csv_rows.write(one.frame, path))
