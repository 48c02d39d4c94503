"""The sheets of a specification workbook (Pinnacle 21's layout): names, columns, and what else they are called.

Headers are known without regard to case, blanks and signs; sheets and columns of other names are passed over.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from trialbridge.base import workbook
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, str]

SHEETS: dict[str, tuple[str, ...]] = {
    "Define": ("Attribute", "Value"),
    "Standards": ("ID", "Name", "Type", "Publishing Set", "Version", "Status", "Comment"),
    "Datasets": (
        *(
            "Dataset",
            "Label",
            "Class",
            "SubClass",
            "Structure",
            "Key Variables",
            "Standard",
            "Has No Data",
            "Repeating",
        ),
        *("Reference Data", "Domain", "Comment", "File"),
    ),
    "Variables": (
        *("Order", "Dataset", "Variable", "Label", "Data Type", "Length", "Significant Digits", "Format", "Mandatory"),
        *("Assigned Value", "Codelist", "Origin", "Source", "Pages", "Method", "Predecessor", "Role", "Has No Data"),
        *("Non Standard", "Origin Description", "Comment"),
    ),
    "ValueLevel": (
        *("Order", "Dataset", "Variable", "Where Clause", "Description", "Data Type", "Length", "Significant Digits"),
        *("Format", "Mandatory", "Assigned Value", "Codelist", "Origin", "Source", "Pages", "Method", "Predecessor"),
        *("Origin Description", "Comment", "Join Comment"),
    ),
    "WhereClauses": ("ID", "Dataset", "Variable", "Comparator", "Value", "Comment"),
    "Codelists": (
        *("ID", "Name", "NCI Codelist Code", "Data Type", "Terminology", "Comment", "Order", "Term", "NCI Term Code"),
        *("Decoded Value", "Extended Value"),
    ),
    "Dictionaries": ("ID", "Name", "Data Type", "Dictionary", "Version", "Href", "Ref"),
    "Methods": ("ID", "Name", "Type", "Description", "Expression Context", "Expression Code", "Document", "Pages"),
    "Comments": ("ID", "Description", "Document", "Pages"),
    "Documents": ("ID", "Title", "Href"),
}
ATTRIBUTES = {
    "StudyName": "study_name",
    "StudyDescription": "study_text",
    "ProtocolName": "protocol",
    "FileOID": "file_oid",
    "StudyOID": "study_oid",
    "MetaDataVersionOID": "oid",
    "MetaDataVersionName": "name",
    "MetaDataVersionDescription": "text",
    "CreationDateTime": "created",
    "DefineVersion": "version",
    "Context": "context",
    "Originator": "originator",
    "SourceSystem": "source_system",
    "SourceSystemVersion": "source_system_version",
    "AsOfDateTime": "as_of",
}
"""Rows of the sheet Define, and the field of the define each is."""
NEEDED = ("Datasets", "Variables")
_SHEET_NAMES = {"study": "Define", "value level": "ValueLevel", "where clauses": "WhereClauses"}
_COLUMN_NAMES = {
    "domain name": "Dataset",
    "variable name": "Variable",
    "type": "Data Type",
    "datatype": "Data Type",
    "digits": "Significant Digits",
    "displayformat": "Format",
    "keyvariables": "Key Variables",
    "keys": "Key Variables",
    "codelistid": "Codelist",
    "decode": "Decoded Value",
    "codedvalue": "Term",
    "ncicode": "NCI Codelist Code",
    "purpose": "",
    "where": "Where Clause",
    "label": "Label",
    "page": "Pages",
}


def plain(text: str) -> str:
    """A header as it is compared: letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _known(sheet: str) -> dict[str, str]:
    columns = SHEETS[sheet]
    others = {plain(name): of for name, of in _COLUMN_NAMES.items() if of in columns}
    if sheet == "ValueLevel":
        others["label"] = "Description"
    return {**others, **{plain(one): one for one in columns}}


def read(path: Path) -> dict[str, list[Row]]:
    """The rows of each known sheet, by column; empty rows are passed over. Raises UnreadableInputError."""
    from openpyxl import load_workbook  # noqa: PLC0415 - only workbooks need it
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    try:
        with warnings.catch_warnings(), path.open("rb") as opened:
            warnings.simplefilter("ignore", UserWarning)  # of styles and extensions, which hold no data
            book = load_workbook(opened, read_only=True, data_only=True)
            raw = {sheet.title: workbook.rows(sheet) for sheet in book.worksheets}
    except (
        BadZipFile,
        InvalidFileException,
        LookupError,
        TypeError,
        RuntimeError,
        ValueError,
        SyntaxError,
        EOFError,
    ) as error:
        message = f"This is no whole XLSX workbook: {error}."
        raise UnreadableInputError(message, Where(file=path.name), "save it again as .xlsx") from error
    by_name = {plain(one): one for one in SHEETS} | {plain(one): of for one, of in _SHEET_NAMES.items()}
    found = {name: _rows(name, rows) for title, rows in raw.items() if (name := by_name.get(plain(title)))}
    missing = [one for one in NEEDED if one not in found]
    if missing:
        message = f"The workbook has no sheet {' and no sheet '.join(missing)}."
        raise UnreadableInputError(message, Where(file=path.name), f"a specification has {', '.join(SHEETS)}")
    return found


def _rows(sheet: str, rows: list[tuple[Any, ...]]) -> list[Row]:
    known = _known(sheet)
    header = next((row for row in rows if any(cell is not None for cell in row)), ())
    names = [known.get(plain(str(cell)), "") if cell is not None else "" for cell in header]
    start = rows.index(header) + 1 if header else 0
    found = []
    for row in rows[start:]:
        cells = {name: text(cell) for name, cell in zip(names, row, strict=False) if name}
        if any(cells.values()):
            found.append(cells)
    return found


def text(cell: Any) -> str:
    """A cell as text, numbers in their shortest form."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return repr(cell).removesuffix(".0")
    return str(cell).strip()
