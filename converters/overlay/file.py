"""The files a study writes its mapping in: a workbook, or YAML; every text with the cell or line it stands in.

Both hold the same two lists, `lines` and `codes`; other sheets and keys are for people and are not read. All is text:
a number in a cell is the text it shows, YAML's scalars are taken as they stand, so that `no` or `1.0` stays what was
written. Nothing is evaluated, and YAML builds no objects.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import polars as pl

from trialbridge.base import workbook
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_file
from trialbridge.sdtm.files.xlsx_write import write_workbook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLUMNS = {
    "lines": (
        *("line", "mapping", "domain", "variable", "R4", "R5", "also", "spelling", "says", "when"),
        *("direction", "source", "note"),
    ),
    "codes": ("table", "value", "system", "code", "display", "way"),
}
"""The columns of the two lists that are read."""
YAML = frozenset({".yaml", ".yml"})
MOST_BYTES = 20_000_000  # the whole dictionary is 0.2 MB
_CODE = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: its texts by column (columns that are not given are absent), and where each stands."""

    cells: Mapping[str, str]
    places: Mapping[str, Where]
    where: Where

    def at(self, column: str) -> Where:
        """Where a column's text stands; the row where it has none."""
        return self.places.get(column, self.where)


@dataclass(slots=True)
class Book:
    """What a file holds, and what is wrong with its form."""

    lines: list[Entry] = field(default_factory=list)
    codes: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, where: Where, message: str, fix: str) -> None:
        """Note what cannot be used."""
        self.findings.append(Finding("TB-MAPPING-FORM", Severity.ERROR, where, message, fix))


def read(path: Path) -> Book:
    """The lines and code pairs of a workbook or YAML file. Raises UnreadableInputError where it is neither."""
    if path.suffix.lower() in YAML:
        return _from_yaml(path)
    if path.suffix.lower() == ".xlsx":
        return _from_xlsx(path)
    raise UnreadableInputError("A mapping is a workbook or YAML.", Where(file=path.name), "name it .xlsx or .yaml")


def write(lists: Mapping[str, Sequence[Mapping[str, str]]], path: Path) -> None:
    """Lists of rows as sheets of a workbook, or as YAML; by the file's ending. Raises UnreadableInputError."""
    if path.suffix.lower() not in YAML | {".xlsx"}:
        message = "A mapping is written as a workbook or as YAML."
        raise UnreadableInputError(message, Where(file=path.name), "name it .xlsx or .yaml")
    with whole_file(path) as part:
        if path.suffix.lower() in YAML:
            part.write_text(_as_yaml(lists), encoding="utf-8")
        else:
            write_workbook({name: _frame(name, rows) for name, rows in lists.items()}, part)


def _frame(name: str, rows: Sequence[Mapping[str, str]]) -> pl.DataFrame:
    columns = COLUMNS.get(name) or tuple(rows[0])
    return pl.DataFrame(
        {one: [row.get(one) or None for row in rows] for one in columns}, dict.fromkeys(columns, pl.String)
    )


# --- workbooks --------------------------------------------------------------------------------------------------------


def _from_xlsx(path: Path) -> Book:
    from openpyxl import load_workbook  # noqa: PLC0415 - 0.3 s that only workbooks need
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    book = Book()
    try:
        with warnings.catch_warnings(), path.open("rb") as opened:
            warnings.simplefilter("ignore", UserWarning)  # of styles and extensions, which hold no data
            sheets = load_workbook(opened, read_only=True, data_only=False)
            held = {one.title: workbook.rows(one) for one in sheets.worksheets if one.title in COLUMNS}
    except (
        BadZipFile,
        InvalidFileException,
        LookupError,
        TypeError,
        ValueError,
        SyntaxError,
        EOFError,
        zlib.error,
    ) as error:
        raise UnreadableInputError(
            f"This is no whole XLSX workbook: {error}.", Where(file=path.name), "save it again as .xlsx"
        ) from error
    if not held:
        raise UnreadableInputError("The workbook has no sheet lines or codes.", Where(file=path.name), "export one")
    for name, into in (("lines", book.lines), ("codes", book.codes)):
        into.extend(_sheet(path.name, name, held.get(name) or [], book))
    return book


def _sheet(file: str, sheet: str, rows: Sequence[tuple[Any, ...]], book: Book) -> list[Entry]:
    names: dict[int, str] = {}
    for at, cell in enumerate(rows[0] if rows else ()):
        if cell is None:
            continue
        name = str(cell).strip()
        if name not in COLUMNS[sheet] or name in names.values():
            known = ", ".join(COLUMNS[sheet])
            book.refuse(_cell(file, sheet, 1, at), f"The column {name!r} is unknown or stands twice.", f"use {known}")
        else:
            names[at] = name
    return [
        entry
        for number, row in enumerate(rows[1:], start=2)
        if any(cell is not None for cell in row)
        for entry in [_row(file, sheet, number, row, names, book)]
    ]


def _row(file: str, sheet: str, number: int, row: tuple[Any, ...], names: Mapping[int, str], book: Book) -> Entry:
    cells: dict[str, str] = {}
    places: dict[str, Where] = {}
    for at, name in names.items():
        places[name] = _cell(file, sheet, number, at)
        try:
            cells[name] = _text(row[at] if at < len(row) else None)
        except ValueError as error:
            book.refuse(places[name], str(error), "format the cell as text and write it again")
            cells[name] = ""
    return Entry(cells, places, _cell(file, sheet, number, 0))


def _cell(file: str, sheet: str, row: int, column: int) -> Where:
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - loaded with the workbook

    return Where(file=file, path=f"{sheet}!{get_column_letter(column + 1)}{row}")


def _text(cell: Any) -> str:
    """A cell as the text it shows. Raises ValueError for what a mapping cannot hold."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        if cell.startswith("="):
            raise ValueError("The cell holds a formula; which text was meant cannot be told.")
        return _CODE.sub(lambda found: chr(int(found[1], 16)), cell).strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return repr(cell).removesuffix(".0")
    what = "a date" if isinstance(cell, dt.date | dt.time) else "a formula"
    raise ValueError(f"The cell holds {what}; which text was meant cannot be told.")


# --- YAML -------------------------------------------------------------------------------------------------------------


def _as_yaml(lists: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    import yaml  # noqa: PLC0415 - only YAML mappings need it

    plain = {
        name: [{key: value for key, value in row.items() if value} for row in rows] for name, rows in lists.items()
    }
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=False)
    return text


def _from_yaml(path: Path) -> Book:
    import yaml  # noqa: PLC0415 - only YAML mappings need it

    data = path.read_bytes()
    if len(data) > MOST_BYTES:
        raise UnreadableInputError("The file is larger than any mapping.", Where(file=path.name), "give a mapping")
    book = Book()
    try:
        if any(isinstance(one, yaml.AliasToken) for one in yaml.scan(data, yaml.SafeLoader)):
            raise UnreadableInputError("The mapping uses YAML aliases.", Where(file=path.name), "write the values out")
        root = yaml.compose(data, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Where(file=path.name, line=mark.line + 1 if mark else None)
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise UnreadableInputError(f"This is no YAML: {problem}.", where, "mind the indents and quotes") from error
    except UnicodeDecodeError as error:
        raise UnreadableInputError("This is no UTF-8 text.", Where(file=path.name), "save it as UTF-8") from error
    if not isinstance(root, yaml.MappingNode):
        raise UnreadableInputError(
            "A mapping has lines: and codes:.", Where(file=path.name), "see docs/custom-mapping.md"
        )
    for key, node in root.value:
        if key.value in COLUMNS:
            into = book.lines if key.value == "lines" else book.codes
            into.extend(_listed(path.name, key.value, node, book))
    return book


def _listed(file: str, name: str, node: Any, book: Book) -> list[Entry]:
    if node.id != "sequence":
        if node.value:
            where = Where(file=file, line=node.start_mark.line + 1)
            book.refuse(where, f"{name} is a list.", "begin each with a dash")
        return []
    return [entry for one in node.value for entry in [_item(file, name, one, book)] if entry is not None]


def _item(file: str, name: str, node: Any, book: Book) -> Entry | None:
    where = Where(file=file, line=node.start_mark.line + 1)
    if node.id != "mapping":
        book.refuse(where, f"Each of {name} has named parts.", f"write key: value with {', '.join(COLUMNS[name])}")
        return None
    cells: dict[str, str] = {}
    places: dict[str, Where] = {}
    for key, value in node.value:
        at = Where(file=file, line=key.start_mark.line + 1)
        if key.value not in COLUMNS[name] or key.value in cells:
            book.refuse(at, f"{key.value!r} is unknown or stands twice.", f"use {', '.join(COLUMNS[name])}")
            continue
        places[key.value] = at
        parts = value.value if value.id == "sequence" else [value]
        if any(one.id != "scalar" for one in parts):
            book.refuse(at, f"{key.value} is a text or a list of texts.", "write it on one line")
            continue
        null = "tag:yaml.org,2002:null"
        cells[key.value] = "\n".join("" if one.tag == null else one.value.strip() for one in parts)
    return Entry(cells, places, where)
