"""Plain CSV (RFC 4180), a file a dataset: UTF-8, a first line of variable names, empty for missing.

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


def read(path: Path) -> Study:
    """The dataset of a CSV file (named by the file), or of all CSV files in a folder that have a STUDYID.

    Raises UnreadableInputError naming the line of a ragged row, a wrong quote, or bytes that are not UTF-8.
    """
    return study((_read_table(file) for file in folder.members(path, sniffing.is_csv)), source=str(path))


def _read_table(file: Path) -> Table:
    name = file.stem.upper()
    texts = csv_rows.read(file)
    return table(name, pl.DataFrame([column_types.typed(name, column) for column in texts]))


def write(of: Study, target: Path) -> list[Path]:
    """One `.csv` a dataset into the folder `target`. Raises DoesNotFitError."""
    return folder.write_each(of, target, ".csv", lambda one, path: csv_rows.write(one.frame, path))
