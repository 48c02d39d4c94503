"""Opening an XLSX workbook that someone sent: broken ones end in one clear error, warnings about styles are not told."""

from __future__ import annotations

import warnings
import zlib
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from pathlib import Path

    from openpyxl.workbook import Workbook

Rows = list[tuple[Any, ...]]


def opened(path: Path, *, values: bool) -> Workbook:
    """The workbook, whole; `values` gives formulas' stored values, else the formulas.

    Raises UnreadableInputError. The file is closed again.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 - 0.3 s that only workbooks need
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore", UserWarning)  # of styles and extensions, which hold no data
            return load_workbook(file, data_only=values)
    except (
        BadZipFile,
        InvalidFileException,
        LookupError,
        ValueError,
        TypeError,
        RuntimeError,
        SyntaxError,
        EOFError,
        zlib.error,
    ) as error:
        message = f"This is no whole XLSX workbook ({type(error).__name__})."
        raise UnreadableInputError(message, Where(file=str(path)), "save it again as .xlsx") from error


def rows(sheet: Any) -> Rows:
    """All rows of a sheet that is read row by row, each as far as it has cells.

    What the sheet says of its own size is not believed: some programs write it wrong, and cells would be left out.
    """
    sheet.reset_dimensions()
    return list(sheet.iter_rows(values_only=True))
