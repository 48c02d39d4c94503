"""Terminology packages as files: our own tab-separated text, and NCI's text, XLSX and ODM-XML as published.

NCI's text and XLSX have one row a codelist and one a term, with the columns `Code`, `Codelist Code` (empty in a
codelist's own row), `Codelist Extensible (Yes/No)`, `Codelist Name`, `CDISC Submission Value`, `CDISC Synonym(s)`
(parted by semicolons), `CDISC Definition`, `NCI Preferred Term` and, in newer files, a last one with standard and date.
Our own text holds the same without definitions and loads faster; docs/make_sdtm_data.py states its lines.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from itertools import chain
from typing import TYPE_CHECKING

from trialbridge.base import workbook
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.sdtm.codelists import Codelist, Term, Terminology
from trialbridge.sdtm.terminology_odm import read_odm

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_REQUIRED = (
    "Code",
    "Codelist Code",
    "Codelist Extensible (Yes/No)",
    "Codelist Name",
    "CDISC Submission Value",
    "CDISC Synonym(s)",
    "NCI Preferred Term",
)
_KINDS = "NCI's tab-separated text, XLSX or ODM-XML of a CDISC terminology package"
_STANDARD_AND_DATE = re.compile(
    r"\b(?P<standard>SDTM|SEND|ADaM|CDASH|Define-XML|Protocol|DDF)\b.*?(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
)
_PACKAGE = re.compile(r"[a-z-]+ct-[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


def read_package(path: Path, package: str | None = None) -> Terminology:
    """A package as NCI publishes it, of whichever of the three kinds the file's beginning shows.

    `package` (`sdtmct-2025-03-28`) is only needed where neither the file nor its name tells standard and date.
    Raises UnreadableInputError if the file is missing, none of these, incomplete, or tells no date.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise UnreadableInputError(f"Cannot be read: {error.strerror}.", Where(file=str(path))) from error
    if head.startswith(b"PK"):
        title, codelists = _read_xlsx(path)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        title, codelists = read_odm(path)
    elif head.startswith(_OLD_EXCEL):
        raise UnreadableInputError("This is an old Excel file (.xls).", Where(file=str(path)), "save it as .xlsx")
    else:
        title, codelists = _read_text(path)
    if not codelists:
        raise UnreadableInputError("The file holds no codelist.", Where(file=str(path)), f"give {_KINDS}")
    return Terminology(package_name(package, title, path), codelists)


def package_name(given: str | None, title: str, path: Path) -> str:
    """`sdtmct-2025-03-28` as given, else from what the file calls itself, else from its name.

    Raises UnreadableInputError if none of them tells.
    """
    if given is not None:
        if not is_package_name(given):
            raise UnreadableInputError(f"{given!r} is no name of a package.", fix="write it like sdtmct-2025-03-28")
        return given
    match = _STANDARD_AND_DATE.search(title) or _STANDARD_AND_DATE.search(path.name.replace("_", " "))
    if match is None and is_package_name(path.stem):
        return path.stem
    if match is None:
        fix = "name the file as NCI's archive does (SDTM Terminology 2025-03-28.txt), or give the package's name"
        raise UnreadableInputError(
            "The file does not tell the package's standard and date.", Where(file=str(path)), fix
        )
    return f"{match['standard'].lower()}ct-{match['date']}"


def is_package_name(text: str) -> bool:
    """Whether the text is a package's name: standard, `ct-` and date; so it is also safe as a file's name."""
    return _PACKAGE.fullmatch(text) is not None


def read_compact(text: str, file: str) -> Terminology:
    """A package from our own text. `file` is for errors. Raises UnreadableInputError with the line."""
    about = {"package": "", "about": ""}
    codelists: list[Codelist] = []
    head: list[str] = []
    terms: list[Term] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        kind, *cells = line.split("\t")
        if kind == "T" and len(cells) >= 3 and head:
            terms.append(Term(cells[0], cells[1], cells[2], tuple(cells[3:])))
        elif kind == "L" and len(cells) == 5:
            if head:
                codelists.append(_codelist(head, terms))
            head, terms = cells, []
        elif kind.startswith("#"):
            if kind[1:] in about and cells:
                about[kind[1:]] = cells[0]
        else:
            raise UnreadableInputError(
                "Not a line of a terminology file.", Where(file=file, line=number), "install anew"
            )
    if not head or not about["package"]:
        raise UnreadableInputError("The file holds no terminology package.", Where(file=file), "install it anew")
    codelists.append(_codelist(head, terms))
    return Terminology(about["package"], tuple(codelists), about["about"])


def _codelist(head: list[str], terms: list[Term]) -> Codelist:
    code, extensible, value, name, preferred = head
    return Codelist(code, value, name, extensible == "Yes", tuple(terms), preferred)


def write_compact(terminology: Terminology, target: Path) -> None:
    """The package as our own text, whole or not at all."""
    lines: list[tuple[str, ...]] = [("#package", terminology.package), ("#about", terminology.about)]
    for one in terminology.codelists:
        extensible = "Yes" if one.extensible else "No"
        lines.append(("L", one.code, extensible, one.submission_value, one.name, one.preferred_term))
        lines += [("T", term.code, term.submission_value, term.preferred_term, *term.synonyms) for term in one.terms]
    with whole_file(target) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(_one_line(cell) for cell in line) + "\n" for line in lines)


def _one_line(text: str) -> str:
    """The text without tabs and line breaks, which an XML or XLSX cell may hold and no submission value means."""
    return " ".join(text.split()) if re.search(r"[\t\r\n]", text) else text


def _read_text(path: Path) -> tuple[str, tuple[Codelist, ...]]:
    """NCI's tab-separated text: UTF-8, in older packages Windows-1252. Quotation marks are part of the text."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            where = Where(file=str(path))
            raise UnreadableInputError("Neither UTF-8 nor Windows-1252 text.", where, f"give {_KINDS}") from error
    return _from_rows((line.rstrip("\r").split("\t") for line in text.split("\n")), path)


def _read_xlsx(path: Path) -> tuple[str, tuple[Codelist, ...]]:
    """NCI's XLSX: the sheet whose first row has the columns; its title tells the date."""
    import openpyxl  # noqa: PLC0415 - heavy, and needed here only

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of missing styles and unknown extensions
            # In memory: a workbook that openpyxl refuses leaves its file open.
            book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
        message = f"Not a readable XLSX file: {error}."
        raise UnreadableInputError(message, Where(file=str(path)), f"give {_KINDS}") from error
    try:
        for sheet in book.worksheets:
            rows = ([_cell(value) for value in row] for row in workbook.rows(sheet))
            first = next(rows, [])
            if set(_REQUIRED) <= {cell.strip() for cell in first}:
                padded = (row + [""] * (len(first) - len(row)) for row in rows)  # empty cells at the end may be absent
                title, codelists = _from_rows(chain([first], padded), path)
                return f"{title} {sheet.title}".strip(), codelists
    finally:
        book.close()
    message = f"No sheet has the columns {', '.join(_REQUIRED)} in its first row."
    raise UnreadableInputError(message, Where(file=str(path)), f"give {_KINDS}")


def _cell(value: object) -> str:
    """A cell as text: a code list's value `5` is stored as a number by some spreadsheet programs."""
    return "" if value is None else str(value)


def _from_rows(rows: Iterable[list[str]], path: Path) -> tuple[str, tuple[Codelist, ...]]:
    """What the file calls itself, and its codelists. Raises UnreadableInputError with the row."""
    numbered = enumerate(rows, start=1)
    columns = [cell.strip() for cell in next(numbered, (1, []))[1]]
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        message = f"The first row lacks the columns {', '.join(missing)}."
        raise UnreadableInputError(message, Where(file=str(path), row=1), f"give {_KINDS}")
    code, of, extensible, name, value, synonyms, preferred = (columns.index(column) for column in _REQUIRED)
    dated = next((index for index, column in enumerate(columns) if "date" in column.lower()), None)
    title = ""
    heads: dict[str, tuple[str, str, bool, str]] = {}
    terms: dict[str, list[Term]] = {}
    for number, cells in numbered:
        if not any(cells):
            continue
        where = Where(file=str(path), row=number)
        if len(cells) <= max(code, of, extensible, name, value, synonyms, preferred) or not cells[code].strip():
            raise UnreadableInputError("The row is incomplete.", where, "fetch the file again")
        if dated is not None and len(cells) > dated:
            title = title or cells[dated].strip()
        codelist = cells[of].strip()
        if not codelist:
            key = cells[code].strip()
            heads[key] = (
                cells[value].strip(),
                cells[name].strip(),
                _yes(cells[extensible], where),
                cells[preferred].strip(),
            )
            terms[key] = []
        elif codelist in terms:
            terms[codelist].append(_term(cells[code], cells[value], cells[preferred], cells[synonyms], where))
        else:
            raise UnreadableInputError(
                f"A term of codelist {codelist}, which has no row above.", where, "fetch the file again"
            )
    codelists = tuple(
        Codelist(key, value, name, extensible, tuple(terms[key]), preferred)
        for key, (value, name, extensible, preferred) in heads.items()
    )
    return title, codelists


def _yes(text: str, where: Where) -> bool:
    answer = text.strip().lower()
    if answer not in ("yes", "no"):
        raise UnreadableInputError(
            f"Codelist Extensible is {text!r}, neither Yes nor No.", where, "fetch the file again"
        )
    return answer == "yes"


def _term(code: str, value: str, preferred: str, synonyms: str, where: Where) -> Term:
    if not value.strip():
        raise UnreadableInputError("A term without a CDISC Submission Value.", where, "fetch the file again")
    several = tuple(one.strip() for one in synonyms.split(";") if one.strip())
    return Term(code.strip(), value.strip(), preferred.strip(), several)
