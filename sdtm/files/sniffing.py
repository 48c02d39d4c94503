"""What kind of dataset file this is, judged by content, never by its name. Each test takes a path and the file's head."""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 1 << 16
"""How many bytes of a file the tests look at."""

XPT_MARK = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
XPT8_MARK = b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!"
BOM = b"\xef\xbb\xbf"
SEPARATORS = (",", ";", "\t")

CORE_TABLES = "_datasets.csv"
CORE_VARIABLES = "_variables.csv"


def head_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD)


def is_xpt(_path: Path, head: bytes) -> bool:
    """SAS XPORT of version 5 or 8 (the reader explains that it takes 5 alone)."""
    return head.startswith((XPT_MARK, XPT8_MARK))


def is_dataset_json(_path: Path, head: bytes) -> bool:
    """A JSON object with Dataset-JSON's attributes that is not the first line of NDJSON."""
    return _names_dataset_json(head) and not _first_line_is_metadata(head)


def is_dataset_ndjson(_path: Path, head: bytes) -> bool:
    """A first line of Dataset-JSON metadata without rows."""
    return _names_dataset_json(head) and _first_line_is_metadata(head)


def is_dsjc(_path: Path, head: bytes) -> bool:
    """A zlib (or gzip) stream of Dataset-NDJSON."""
    if head[:1] != b"\x78" and not head.startswith(b"\x1f\x8b"):
        return False
    try:
        return _names_dataset_json(zlib.decompressobj(wbits=47).decompress(head, HEAD))
    except zlib.error:
        return False


def _names_dataset_json(head: bytes) -> bool:
    text = head.removeprefix(BOM).lstrip()
    return text.startswith(b"{") and (b'"datasetJSON' in text or b'"itemGroupOID"' in text)


def _first_line_is_metadata(head: bytes) -> bool:
    line, newline, _ = head.removeprefix(BOM).lstrip().partition(b"\n")
    closed = line.rstrip().endswith(b"}") and not re.search(rb'"rows"\s*:\s*\[', line)
    return closed and bool(newline or len(head) < HEAD)


def is_parquet(_path: Path, head: bytes) -> bool:
    """Parquet's magic number."""
    return head.startswith(b"PAR1")


def is_xlsx(path: Path, head: bytes) -> bool:
    """A zip with a SpreadsheetML workbook inside."""
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as file:
            return "xl/workbook.xml" in file.namelist()
    except zipfile.BadZipFile:
        return True  # a cut workbook: the reader says so


def is_csv(path: Path, head: bytes) -> bool:
    """Text whose first line names variables, STUDYID among them (every SDTM dataset has it)."""
    return path.name not in {CORE_TABLES, CORE_VARIABLES} and separator(head) is not None


def is_utf_16(head: bytes) -> bool:
    """A byte-order mark of UTF-16, which spreadsheets write ("Unicode text")."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff"))


def text_of(head: bytes) -> str:
    """The beginning of a text file; what is not UTF-8 (or UTF-16, by its mark) is replaced."""
    if is_utf_16(head):
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    return head.removeprefix(BOM).decode(errors="replace")


def separator(head: bytes) -> str | None:
    """What stands between the values of a CSV dataset: a comma, else a semicolon or tab; None if it is no dataset.

    STUDYID in capitals is enough; in other letters (a centre's table may have it) an SDTM identifier must be beside it.
    """
    line = text_of(head).splitlines()[:1]
    if not line or "\0" in line[0]:
        return None
    for mark in SEPARATORS:
        names = {name.strip().strip('"') for name in line[0].split(mark)}
        capitals = {name.upper() for name in names}
        if "STUDYID" in names or ("STUDYID" in capitals and capitals & {"DOMAIN", "RDOMAIN", "USUBJID"}):
            return mark
    return None


def is_core_folder(path: Path) -> bool:
    """A folder in the input layout of CDISC CORE: `_datasets.csv` and `_variables.csv` beside the data."""
    return path.is_dir() and (path / CORE_TABLES).is_file() and (path / CORE_VARIABLES).is_file()
