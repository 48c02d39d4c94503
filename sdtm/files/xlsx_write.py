"""Writing SpreadsheetML (ECMA-376) with inline texts and exact numbers, and nothing else.

Not through openpyxl: it writes numbers with 16 digits (0.30000000000000004 needs 17), takes a text that begins with `=`
for a formula, and stamps the time. Here a text is always a text (`t="inlineStr"`), so nothing is evaluated, and the
same data give the same bytes.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import polars as pl

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where
from trialbridge.sdtm.files import column_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

MOST_ROWS = 1_048_575  # 2^20 without the row of names
MOST_CHARACTERS = 32_767
SHEET_NAME = re.compile(r"[^\[\]:*?/\\]{1,31}")
ROWS_AT_A_TIME = 20_000

# ST_Xstring (ECMA-376 Part 1, 22.9.2.19): a character XML cannot hold is _xHHHH_; a text that looks so is escaped itself.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
MAY_BE_UNSAFE = r"[\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]|_x[0-9A-Fa-f]{4}_"  # for polars, whose regex looks not ahead


def write_workbook(sheets: Mapping[str, pl.DataFrame], path: Path) -> None:
    """A workbook of frames in normal form, the first row of each sheet its column names. Raises DoesNotFitError."""
    for name, frame in sheets.items():
        _check(name, frame, path.name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for place, text in _parts(list(sheets)):
            file.writestr(_entry(place), DECLARATION + text)
        for number, frame in enumerate(sheets.values(), 1):
            with file.open(_entry(f"xl/worksheets/sheet{number}.xml"), "w") as sheet:
                for text in _sheet(frame):
                    sheet.write(text.encode("utf-8"))


def _entry(place: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(place, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _check(name: str, frame: pl.DataFrame, file: str) -> None:
    if not SHEET_NAME.fullmatch(name):
        raise DoesNotFitError(
            f"{name!r} cannot name a sheet.", Where(file=file, dataset=name), "use at most 31 letters, digits and _"
        )
    if frame.height > MOST_ROWS or frame.width > 16_384:
        raise DoesNotFitError(
            f"{frame.height} rows of {frame.width} columns are more than a sheet holds (1,048,575 of 16,384).",
            Where(file=file, dataset=name),
            "write Parquet or Dataset-JSON, or split the dataset",
        )
    for column in frame:
        where = Where(file=file, dataset=name, variable=column.name)
        if column.dtype == pl.String:
            bad, what = column.str.len_chars() > MOST_CHARACTERS, f"a text longer than {MOST_CHARACTERS} characters"
        else:
            bad, what = ~column.cast(pl.Float64).is_finite(), "a number that is infinite or NaN"
        rows = bad.arg_true()
        if len(rows):
            at = Where(file=where.file, dataset=where.dataset, variable=where.variable, row=int(rows[0]) + 1)
            raise DoesNotFitError(f"A cell cannot hold {what}.", at, "split the text, or leave the value empty")


def _parts(names: list[str]) -> Iterator[tuple[str, str]]:
    """Every part of the package but the sheets."""
    numbers = range(1, len(names) + 1)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{kind}.worksheet+xml"/>'
        for number in numbers
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    types = (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="{relations}"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{overrides}</Types>'
    )
    yield "[Content_Types].xml", types
    root = (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    )
    yield "_rels/.rels", root
    sheets = "".join(
        f'<sheet name="{escape(name, {chr(34): "&quot;"})}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, names, strict=True)
    )
    yield "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>'
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    yield "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'


def _sheet(frame: pl.DataFrame) -> Iterator[str]:
    yield f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
    yield '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
    names = pl.DataFrame([pl.Series(str(index), [name]) for index, name in enumerate(frame.columns)])
    yield _rows(names)
    for offset in range(0, frame.height, ROWS_AT_A_TIME):
        yield _rows(frame.slice(offset, ROWS_AT_A_TIME))
    yield "</sheetData></worksheet>"


def _rows(frame: pl.DataFrame) -> str:
    cells = [_number_cells(column) if column.dtype.is_numeric() else _text_cells(column) for column in frame]
    if not cells:
        return "<row/>"
    return "".join(f"<row>{''.join(row)}</row>" for row in pl.DataFrame(cells).iter_rows())


def _number_cells(column: pl.Series) -> pl.Series:
    texts = column_types.number_texts(column)
    return ("<c><v>" + texts + "</v></c>").fill_null("<c/>").alias(column.name)


def _text_cells(column: pl.Series) -> pl.Series:
    texts = column
    if texts.str.contains(MAY_BE_UNSAFE).any():
        coded = [text and UNSAFE.sub(lambda found: f"_x{ord(found[0]):04X}_", text) for text in column]
        texts = pl.Series(column.name, coded, pl.String)
    for letter, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        texts = texts.str.replace_all(letter, entity, literal=True)
    start = '<c t="inlineStr"><is><t xml:space="preserve">'
    return (start + texts + "</t></is></c>").fill_null("<c/>").alias(column.name)
