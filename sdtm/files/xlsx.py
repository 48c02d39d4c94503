"""XLSX: one workbook a study, one sheet a dataset, the first row its variables; for people to look at and to edit.

Two more sheets keep what cells cannot say: `_datasets` (dataset, label) and `_variables` (dataset, variable, label, type,
length). A workbook without them is read too: a column's type is then SDTM's (see `column_types`). Reading is openpyxl's,
writing our own (see `xlsx_write`).
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
import zlib
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile

import polars as pl

from trialbridge.base import workbook
from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_folder
from trialbridge.sdtm import metadata, temporal
from trialbridge.sdtm.files import column_types, folder, sniffing, xlsx_cells
from trialbridge.sdtm.files.xlsx_write import write_workbook
from trialbridge.sdtm.table import Variable, study, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table

DATASETS = "_datasets"
VARIABLES = "_variables"
FILE = "sdtm.xlsx"
CODE = re.compile(r"_x([0-9A-Fa-f]{4})_")

Sheets = dict[str, list[tuple[Any, ...]]]


def read(path: Path) -> Study:
    """The datasets of a workbook, or of all workbooks in a folder; sheets that begin with `_` are no datasets.

    Raises UnreadableInputError naming file, sheet and row.
    """
    files = folder.members(path, sniffing.is_xlsx)
    books = [(file, *_sheets(file)) for file in files]
    notes = [
        _passed_over(file, name)
        for file, sheets, _ in books
        for name, rows in sheets.items()
        if not _is_dataset(name, sheets) and any(cell is not None for row in rows for cell in row)
    ]
    for file, sheets, odd in books:
        notes += [note for name in sheets if _is_dataset(name, sheets) for note in _hidden(file, name, odd[name])]
    tables = (one for file, sheets, _ in books for one in _tables(file, sheets))
    return study(tables, source=str(path), notes=tuple(notes))


def _is_dataset(name: str, sheets: Sheets) -> bool:
    """Whether a sheet is a dataset: it is listed in `_datasets`, or among its first row is STUDYID, as in every dataset."""
    if name.startswith("_") or any(row and row[0] == name for row in sheets.get(DATASETS, ())):
        return True
    first = {str(cell).strip().upper() for cell in (sheets[name][:1] or [()])[0] if cell is not None}
    return "STUDYID" in first or name.upper().startswith("SUPP") or name.upper() in _named_datasets()


@cache
def _named_datasets() -> frozenset[str]:
    return frozenset(one.name for one in metadata.domains())


def _passed_over(file: Path, name: str) -> Finding:
    message = "The first row of the sheet does not name STUDYID: no dataset, passed over."
    fix = "put the names of the variables into its first row, if it is one"
    return Finding("TB-FILE-0001", Severity.WARNING, Where(file=file.name, dataset=name), message, fix)


def _hidden(file: Path, name: str, odd: xlsx_cells.Odd) -> Iterator[Finding]:
    """TB-FILE-0003 for merged cells. Raises UnreadableInputError for a formula whose value is not there."""
    if odd.without_value is not None:
        message = f"The cell {odd.without_value} holds a formula without its value."
        fix = "open the workbook in a spreadsheet and save it, which computes it; or put the value in its place"
        raise UnreadableInputError(message, Where(file=file.name, dataset=name), fix)
    if odd.merged:
        message = (
            f"Cells are merged ({', '.join(odd.merged[:3])}): the first of them has the value, the others are empty."
        )
        where = Where(file=file.name, dataset=name)
        yield Finding("TB-FILE-0003", Severity.WARNING, where, message, "unmerge them, and give each row its value")


def _tables(file: Path, sheets: Sheets) -> Iterator[Table]:
    labels = {str(row[0]): _text(row[1]) or "" for row in _listing(sheets, DATASETS, 2, file)}
    variables: dict[str, dict[str, Variable]] = {}
    for name, variable, label, kind, length in _listing(sheets, VARIABLES, 5, file):
        about = Variable(str(variable), _text(label) or "", "Num" if kind == "Num" else "Char", _length(length, file))
        variables.setdefault(str(name), {})[about.name] = about
    for name, rows in sheets.items():
        if not name.startswith("_") and _is_dataset(name, sheets):
            known = variables.get(name, {})
            yield table(name, _frame(name, rows, known, file), known.values(), labels.get(name, ""))


def _length(cell: Any, file: Path) -> int | None:
    """A variable's length. Raises UnreadableInputError for what is no whole number."""
    text = _text(cell)
    if text is not None and not text.isdecimal():
        where = Where(file=file.name, dataset=VARIABLES)
        raise UnreadableInputError(f"{text!r} is no length.", where, "give bytes, or leave it empty")
    return None if text is None else int(text)


def _sheets(file: Path) -> tuple[Sheets, dict[str, xlsx_cells.Odd]]:
    """The values of each sheet, and what is odd about its cells."""
    from openpyxl import load_workbook  # noqa: PLC0415 - 0.3 s that only workbooks need
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    try:
        with warnings.catch_warnings(), file.open("rb") as opened:
            warnings.simplefilter("ignore", UserWarning)  # of styles and extensions, which hold no data
            book = load_workbook(opened, read_only=True, data_only=True)
            sheets, odd = {}, {}
            for sheet in cast("list[Any]", book.worksheets):
                sheets[sheet.title] = workbook.rows(sheet)
                with sheet._get_source() as source:  # noqa: SLF001 - which part of the package it is, only this knows
                    odd[sheet.title] = xlsx_cells.look(source.read())
            return sheets, odd
    except (
        BadZipFile,
        InvalidFileException,
        LookupError,  # a part, or an encoding, that is not there
        TypeError,  # an attribute that openpyxl's classes do not have
        RuntimeError,  # a packing or a password that zipfile does not know
        ValueError,
        SyntaxError,
        EOFError,
        OSError,
        zlib.error,
    ) as error:
        raise UnreadableInputError(
            f"This is no whole XLSX workbook: {error}.", Where(file=file.name), "save it again as .xlsx"
        ) from error


def _listing(sheets: Sheets, name: str, width: int, file: Path) -> list[tuple[Any, ...]]:
    rows = [row for row in sheets.get(name, [])[1:] if any(cell is not None for cell in row)]
    rows = [row + (None,) * (width - len(row)) for row in rows]  # empty cells at the end need not be there
    short = [number for number, row in enumerate(rows, 2) if row[0] is None]
    if short:
        raise UnreadableInputError(
            f"A row of the sheet {name} names no dataset.",
            Where(file=file.name, dataset=name, row=short[0] - 1),
            "fill its first column",
        )
    return [row[:width] for row in rows]


def _frame(name: str, rows: list[tuple[Any, ...]], known: dict[str, Variable], file: Path) -> pl.DataFrame:
    names = list(rows[0]) if rows else []
    while names and names[-1] is None:
        names.pop()
    twice = [one for one, times in Counter(names).items() if times > 1 or one is None]
    if twice:
        where = Where(file=file.name, dataset=name, line=1)
        raise UnreadableInputError("The first row does not name every column once.", where, "name each variable")
    body = rows[1:]
    while body and all(cell is None for cell in body[-1]) and not known:
        body.pop()  # an edited workbook keeps rows whose cells were emptied
    for number, row in enumerate(body, 1):
        if any(cell is not None for cell in row[len(names) :]):
            where = Where(file=file.name, dataset=name, row=number)
            fix = "name its column or clear it; the names of the variables stand in the first row"
            raise UnreadableInputError("A value stands beyond the named columns.", where, fix)
    columns = []
    for index, variable in enumerate(names):
        cells = [row[index] if index < len(row) else None for row in body]
        texts = pl.Series(str(variable), [_text(cell) for cell in cells], pl.String)
        declared = known[str(variable)].type if str(variable) in known else None
        columns.append(column_types.typed(name.upper(), texts, declared))
    return pl.DataFrame(columns)


def _text(cell: Any) -> str | None:
    """A cell as text: a number in its shortest form, a date as ISO 8601, an escaped character as itself."""
    if cell is None:
        return None
    if isinstance(cell, str):
        return CODE.sub(lambda found: chr(int(found[1], 16)), cell) if "_x" in cell else cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    if isinstance(cell, dt.date | dt.time | dt.timedelta):
        return temporal.as_text(cell)
    return repr(cell).removesuffix(".0")


def write(of: Study, target: Path) -> list[Path]:
    """One workbook `sdtm.xlsx` into the folder `target`. Raises DoesNotFitError naming the cell or dataset."""
    if not of.tables:
        return []
    reserved = [one.name for one in of if one.name.startswith("_")]
    if reserved:
        raise DoesNotFitError(
            "A dataset's name must not begin with _.", Where(file=FILE, dataset=reserved[0]), "rename the dataset"
        )
    sheets = {one.name: one.frame for one in of}
    sheets[DATASETS] = _described([("dataset", pl.String), ("label", pl.String)], [(one.name, one.label) for one in of])
    schema = [("dataset", pl.String), ("variable", pl.String), ("label", pl.String), ("type", pl.String)]
    rows = [(one.name, of.name, of.label, of.type, of.length) for one in of for of in one.variables]
    sheets[VARIABLES] = _described([*schema, ("length", pl.Int64)], rows)
    with whole_folder(target) as part:
        write_workbook(sheets, part / FILE)
    return [target / FILE]


def _described(schema: Sequence[tuple[str, Any]], rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    return table("", pl.DataFrame(rows, schema, orient="row")).frame
