"""Workbooks: a sheet is a form. Dates, numbers and texts as Excel holds them, with the text a person sees.

Header rows are found (or given), merged headers joined from the outer to the inner by ` / `. A merged range in the
data holds its value in each of its cells, as it looks. Hidden rows, columns and sheets are read and reported.
Source: ECMA-376 Part 1, 18.3 (sheets) and 18.8.30 (number formats); read by openpyxl.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.workbook import opened
from trialbridge.crf.files.headers import named
from trialbridge.crf.model import Cell, Column, Form, Record, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from openpyxl.worksheet.worksheet import Worksheet

KIND = "xlsx"
TEMPLATE = "trialbridge template"
"""What a workbook of ours says of itself (its keywords)."""
PASSED_OVER = frozenset({"read me", "lists", "fields"})
"""Sheets of our own template that hold no records."""


def read(path: Path, headers: Mapping[str, tuple[int, int]] | None = None) -> Source:
    """The sheets of a workbook; `headers` gives the first and last header row of a sheet. Raises UnreadableInputError."""
    book = opened(path, values=False)
    template = (book.properties.keywords or "").startswith(TEMPLATE)
    sheets = [one for one in book.worksheets if not (template and one.title.casefold() in PASSED_OVER)]
    values = opened(path, values=True) if any(_has_formula(one) for one in sheets) else None
    forms: dict[str, Form] = {}
    findings: list[Finding] = []
    for sheet in sheets:
        seen = _Sheet(sheet, values[sheet.title] if values else None, path.name, findings)
        form = seen.form((headers or {}).get(sheet.title))
        if form is not None:
            forms[form.name] = form
    return Source(KIND, forms, tuple(findings), {"template": template})


def read_all(paths: Iterable[Path], headers: Mapping[str, tuple[int, int]]) -> Source:
    """The sheets of several workbooks, with the header rows given."""
    found = [read(one, headers) for one in paths]
    forms = {form.name: form for one in found for form in one}
    about = {key: value for one in found for key, value in one.about.items()}
    return Source(KIND, forms, tuple(note for one in found for note in one.findings), about)


def _has_formula(sheet: Worksheet) -> bool:
    return any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


@dataclass(slots=True)
class _Sheet:
    """One sheet on the way to a form."""

    sheet: Worksheet
    values: Worksheet | None
    file: str
    findings: list[Finding]
    merged: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def form(self, header: tuple[int, int] | None) -> Form | None:
        """The form, or None for a sheet without cells."""
        if self.sheet.max_row == 1 and self.sheet.max_column == 1 and self.sheet.cell(1, 1).value is None:
            return None
        for area in self.sheet.merged_cells.ranges:
            for row in range(area.min_row, area.max_row + 1):
                for column in range(area.min_col, area.max_col + 1):
                    self.merged[row, column] = (area.min_row, area.min_col)
        first, last = header or self._header()
        columns = self._columns(first, last)
        if not columns:
            return None
        records = self._records(last + 1, columns)
        if self.sheet.sheet_state != "visible":
            self._note("TB-CRF-HIDDEN", "The sheet is hidden; it is read like the others.", "leave it out of sources")
        return Form(self.sheet.title, tuple(columns.values()), tuple(records), self.file)

    def _header(self) -> tuple[int, int]:
        """The header's rows: the first with two texts side by side, and the next one where cells are merged across."""
        for row in range(1, min(self.sheet.max_row, 30) + 1):
            cells = [self.sheet.cell(row, column).value for column in range(1, self.sheet.max_column + 1)]
            if sum(isinstance(one, str) and bool(one.strip()) for one in cells) >= min(2, self.sheet.max_column):
                across = any(
                    self.merged.get((row, column), (row, column))[1] != column
                    for column in range(1, self.sheet.max_column + 1)
                )
                return (row, row + 1) if across and self.sheet.max_row > row + 1 else (row, row)
        return (1, 1)

    def _columns(self, first: int, last: int) -> dict[int, Column]:
        from openpyxl.utils import get_column_letter  # noqa: PLC0415 - loaded with the workbook

        texts: dict[int, list[str]] = {}
        for at in range(1, self.sheet.max_column + 1):
            parts = [self._cell(row, at) for row in range(first, last + 1)]
            texts[at] = list(dict.fromkeys(one.text.strip() for one in parts if one is not None and one.text.strip()))
        filled = {
            at
            for row in self.sheet.iter_rows(min_row=last + 1)
            for at, one in enumerate(row, 1)
            if one.value is not None
        }
        names = named(
            {at: " / ".join(parts) for at, parts in texts.items() if parts or at in filled}, get_column_letter
        )
        where = Where(file=self.file, dataset=self.sheet.title)
        self.findings.extend(names.findings(where))
        found: dict[int, Column] = {}
        for at, name in names.given.items():
            letter = get_column_letter(at)
            hidden = self._hidden_column(letter, at)
            found[at] = Column(name, letter, label=name, hidden=hidden)
            if hidden:
                self._note(
                    "TB-CRF-HIDDEN",
                    f"Column {letter} ({name}) is hidden; it is read like the others.",
                    "show it, and see whether it belongs to the data",
                )
        return found

    def _hidden_column(self, letter: str, at: int) -> bool:
        """Whether a column is hidden, alone or within a group (openpyxl keeps a group under its first letter)."""
        for one in self.sheet.column_dimensions.values():
            if one.hidden and one.min is not None and one.max is not None and one.min <= at <= one.max:
                return True
        return letter in self.sheet.column_dimensions and bool(self.sheet.column_dimensions[letter].hidden)

    def _records(self, start: int, columns: Mapping[int, Column]) -> list[Record]:
        found: list[Record] = []
        hidden = 0
        for row in range(start, self.sheet.max_row + 1):
            cells = {column.name: cell for at, column in columns.items() if (cell := self._cell(row, at)) is not None}
            if not cells:
                continue
            unseen = row in self.sheet.row_dimensions and bool(self.sheet.row_dimensions[row].hidden)
            hidden += unseen
            found.append(Record(row, cells, hidden=unseen))
        if hidden:
            self._note(
                "TB-CRF-HIDDEN",
                f"{hidden} rows are hidden; they are read like the others.",
                "clear the filter, and see whether they belong to the data",
            )
        return found

    def _cell(self, row: int, column: int) -> Cell | None:
        """A cell, None where it is empty."""
        top = self.merged.get((row, column))
        given = self.sheet.cell(*(top or (row, column)))
        notes = ("merged",) if top and top != (row, column) else ()
        if given.data_type == "f":
            cached = self.values.cell(*(top or (row, column))) if self.values is not None else None
            if cached is None or cached.value is None:
                return Cell("", None, (*notes, "formula without a value"))
            return _shown(cached, (*notes, "formula"))
        return None if given.value is None else _shown(given, notes)

    def _note(self, kind: str, message: str, fix: str) -> None:
        self.findings.append(
            Finding(kind, Severity.WARNING, Where(file=self.file, dataset=self.sheet.title), message, fix)
        )


def _shown(cell: Any, notes: tuple[str, ...]) -> Cell | None:  # noqa: PLR0911 - one a type
    """A cell with a value: its text as it looks, and its typed value."""
    value = cell.value
    if cell.data_type == "e":
        return Cell(str(value), None, (*notes, "error"))
    if isinstance(value, str):
        return Cell(value, None, notes) if value.strip() else None
    if isinstance(value, bool):
        return Cell("TRUE" if value else "FALSE", value, notes)
    if isinstance(value, dt.datetime):
        whole = value.time() == dt.time()
        return Cell(value.date().isoformat() if whole else value.isoformat(timespec="minutes"), value, notes)
    if isinstance(value, dt.time):
        return Cell(value.isoformat(timespec="minutes"), value, notes)
    if isinstance(value, dt.date):
        return Cell(value.isoformat(), value, notes)
    if isinstance(value, int | float):
        text = plain(value)
        if "%" in str(cell.number_format):
            exact = Decimal(text) * 100
            return Cell(f"{format(exact.normalize(), 'f')}%", value, (*notes, "percent"))
        return Cell(text, value, notes)
    return Cell(str(value), None, notes)


def plain(value: float) -> str:
    """A number's shortest digits that read as the same number, without an exponent.

    >>> plain(5.0), plain(0.1), plain(1e-7)
    ('5', '0.1', '0.0000001')
    """
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")
