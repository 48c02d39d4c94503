"""Writing forms as a workbook that people fill: drop-downs, validation, help, and the records there are.

Texts stay texts (dates too, in ISO 8601, so that partial dates can be written and no program turns them); a number is
written as a number only where it reads back as the same digits. The same forms give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from functools import cache
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.crf.files.xlsx import TEMPLATE, plain
from trialbridge.crf.layout import Field, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from trialbridge.crf.model import Form, Source

LAST_ROW = 2000
"""Drop-downs and validation reach down to this row, or past the last record."""
_LONGEST_INLINE = 250
_STAMP = dt.datetime(2020, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None)
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
_DIGITS = 15  # more than these a spreadsheet does not keep
FILL, INK, SOFT = "FF1F4E79", "FFFFFFFF", "FFDDEBF7"


def write(
    source: Source,
    path: Path,
    sheets: Sequence[Sheet] = (),
    lists: Mapping[str, tuple[bool, Sequence[str]]] | None = None,
) -> None:
    """The forms of a source as a workbook. Raises DoesNotFitError where a text holds what a sheet cannot.

    `sheets` describe the columns (a form without one is written plainly); `lists` are the codelists by code: whether
    other terms are allowed, and the terms.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - 0.3 s that only workbooks need

    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]  # a new workbook has one
    described = {one.name: one for one in sheets}
    if sheets:
        book.properties.keywords = TEMPLATE
        _read_me(book, sheets)
    ranges = _Ranges(book, lists or {})
    for form in source:
        sheet = described.get(form.name) or Sheet(
            form.name, "", tuple(Field(one.name, "id", one.help) for one in form.columns)
        )
        _form(book, form, sheet, ranges)
    ranges.finish()
    with whole_file(path) as part:
        steady(book, part)


def steady(book: Workbook, path: Path) -> None:
    """Save a workbook so that the same content gives the same bytes: without the time of writing."""
    book.properties.created = _STAMP
    book.properties.creator = "trialbridge"
    book.save(path)
    with zipfile.ZipFile(path) as given:
        entries = [(one, given.read(one)) for one in given.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            whole = _MODIFIED.sub(rb"\g<1>2020-01-01T00:00:00Z", data) if name == "docProps/core.xml" else data
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, whole)


def _read_me(book: Workbook, sheets: Sequence[Sheet]) -> None:
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415 - loaded with the workbook

    page = book.create_sheet("Read me")
    page.sheet_view.showGridLines = False
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 28, 100
    lines = [
        ("Case report forms", "Radiotherapy and immune therapy. Fill the sheets; trialbridge makes SDTM and FHIR of them."),
        ("", "trialbridge convert THIS-FILE.xlsx --to sdtm -o OUT      (or --to fhir)"),
        ("Dates", "2019-08-05, or as far as they are known: 2019-08, 2019. Times: 09:30."),
        ("Numbers", "A decimal point or comma; no units and no thousands separators. A limit in a result is written <5."),
        ("Empty cells", "Leave empty what is not known. Words such as unknown or n.a. are asked about."),
        ("Drop-downs", "Choose where there is a list. Lists that allow other terms warn only."),
        ("Privacy", "This file holds patients' data: keep it where the trial's rules say, and send it encrypted."),
        ("", "Draft for qualified review. Not a validated system."),
        ("", ""),
        ("Sheet", "What it holds"),
        *((one.name, one.about) for one in sheets),
    ]  # fmt: skip
    for number, (name, text) in enumerate(lines, 1):
        page.cell(number, 1, name).font = Font(
            bold=True, size=16 if number == 1 else 11, color=FILL if number == 1 else None
        )
        page.cell(number, 2, text).alignment = Alignment(wrap_text=True, vertical="top")


class _Ranges:
    """Lists that are too long to stand in a drop-down itself: columns of the hidden sheet Lists."""

    def __init__(self, book: Workbook, lists: Mapping[str, tuple[bool, Sequence[str]]]) -> None:
        self.book, self.lists = book, lists
        self.page: Worksheet | None = None
        self.places: dict[str, str] = {}

    def formula(self, name: str, values: Sequence[str]) -> str:
        """What a drop-down of these values points at."""
        from openpyxl.utils import get_column_letter  # noqa: PLC0415 - loaded with the workbook

        inline = ",".join(values)
        if len(inline) <= _LONGEST_INLINE and not any("," in one or '"' in one for one in values):
            return f'"{inline}"'
        if name not in self.places:
            if self.page is None:
                self.page = self.book.create_sheet("Lists")
            column = len(self.places) + 1
            self.page.cell(1, column, name)
            for row, value in enumerate(values, 2):
                self.page.cell(row, column, value).data_type = "s"
            letter = get_column_letter(column)
            self.places[name] = f"Lists!${letter}$2:${letter}${len(values) + 1}"
        return self.places[name]

    def finish(self) -> None:
        """Hide the sheet, after all others."""
        if self.page is not None:
            self.book.move_sheet(self.page, len(self.book.sheetnames))
            self.page.sheet_state = "hidden"


def _form(book: Workbook, form: Form, sheet: Sheet, ranges: _Ranges) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill  # noqa: PLC0415 - loaded with the workbook
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - as above
    from openpyxl.worksheet.properties import PageSetupProperties  # noqa: PLC0415 - as above

    page = book.create_sheet(form.name)
    names = [one.name for one in form.columns]
    fields = {one.name: one for one in sheet.fields}
    page.page_setup.orientation = "landscape"
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.print_title_rows = "1:1"
    page.freeze_panes = "B2" if "Subject" in names[:1] else "A2"
    page.row_dimensions[1].height = 32
    last = max(LAST_ROW, len(form.records) + 200)
    for at, name in enumerate(names, 1):
        field = fields.get(name) or Field(name, "text", "")
        head = page.cell(1, at, name)
        head.font = Font(name="Calibri", bold=True, color=INK)
        head.fill = PatternFill("solid", fgColor=FILL)
        head.alignment = Alignment(wrap_text=True, vertical="center")
        letter = get_column_letter(at)
        longest = max((len(one.text(name) or "") for one in form.records[:200]), default=0)
        page.column_dimensions[letter].width = min(44, max(11, len(name) * 0.75, longest) + 2)
        if sheet.about:
            _validated(page, field, f"{letter}2:{letter}{last}", ranges)
    for row, record in enumerate(form.records, 2):
        for at, name in enumerate(names, 1):
            text = record.text(name)
            if text is not None:
                _cell(page, row, at, text, fields.get(name), Where(dataset=form.name, row=row, variable=name))
    if form.records:
        page.auto_filter.ref = f"A1:{get_column_letter(len(names))}{len(form.records) + 1}"


def _cell(page: Worksheet, row: int, column: int, text: str, field: Field | None, where: Where) -> None:
    from openpyxl.utils.exceptions import IllegalCharacterError  # noqa: PLC0415 - loaded with the workbook

    number = None if field is not None and field.kind in ("date", "time") else number_of(text)
    cell: Any = page.cell(row, column)
    try:
        cell.value = text if number is None else number
    except IllegalCharacterError:
        raise DoesNotFitError("A cell cannot hold a control character.", where, "take it out of the text") from None
    if number is None:
        cell.data_type = "s"  # a text that begins with = is no formula
        cell.number_format = "@"
    else:
        cell.alignment = _left()


@cache
def _left() -> Any:
    from openpyxl.styles import Alignment  # noqa: PLC0415 - loaded with the workbook

    return Alignment(horizontal="left")


def number_of(text: str) -> float | int | None:
    """The number of a text that reads back as the same digits.

    >>> number_of("10.1"), number_of("007"), number_of("100.0")
    (10.1, None, None)
    """
    if not re.fullmatch(r"-?\d+(\.\d+)?", text) or len(text) > _DIGITS:
        return None
    value = float(text)
    return (int(value) if value.is_integer() else value) if plain(value) == text else None


def _validated(page: Worksheet, field: Field, cells: str, ranges: _Ranges) -> None:
    """The drop-down or check of a column, with its help as the prompt."""
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415 - loaded with the workbook

    first = cells.partition(":")[0]
    rule = DataValidation(allow_blank=True)
    rule.promptTitle, rule.prompt = field.name[:32], field.help[:255]
    rule.showInputMessage = True
    if field.kind in ("codes", "list"):
        open_, values = (
            ranges.lists[field.codelist]
            if field.kind == "codes"
            else (field.kind == "list" and len(field.values) == 1 and field.values[0] != "Y", field.values)
        )
        rule.type, rule.formula1 = "list", ranges.formula(field.codelist or f"{page.title} {field.name}", values)
        _error(
            rule,
            "warning" if open_ else "stop",
            "Choose from the list." if not open_ else "This term is not in the list. Keep it?",
        )
    elif field.kind == "visit":
        rule.type, rule.formula1 = "list", "'Planned visits'!$B$2:$B$60"
        _error(rule, "warning", "This is no planned visit. Keep it, as UNSCHEDULED 2.1?")
    elif field.kind == "whole":
        rule.type, rule.operator, rule.formula1, rule.formula2 = "whole", "between", "-99999", "99999"
        _error(rule, "stop", "A whole number, please.")
    elif field.kind == "number":
        rule.type, rule.operator, rule.formula1, rule.formula2 = "decimal", "between", "-9999999", "9999999"
        _error(rule, "stop", "A number without a unit, please.")
    elif field.kind == "date":
        rule.type = "custom"
        rule.formula1 = f'OR(ISNUMBER({first}),AND(ISNUMBER(VALUE(LEFT({first},4))),OR(LEN({first})=4,AND(MID({first},5,1)="-",OR(LEN({first})=7,LEN({first})=10)))))'
        _error(rule, "stop", "Write 2019-08-05, or 2019-08, or 2019.")
    elif field.kind == "time":
        rule.type, rule.formula1 = "custom", f'OR(ISNUMBER({first}),AND(LEN({first})=5,MID({first},3,1)=":"))'
        _error(rule, "stop", "Write 09:30.")
    rule.add(cells)
    page.add_data_validation(rule)


def _error(rule: Any, style: str, message: str) -> None:
    rule.showErrorMessage = True
    rule.errorStyle, rule.errorTitle, rule.error = style, "Please check", message
