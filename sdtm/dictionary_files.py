"""MedDRA, WHODrug and LOINC as their owners distribute them, read from the user's licensed copy.

* MedDRA: the folder MedAscii: `mdhier.asc` and `llt.asc`, fields ended by `$` (MedDRA distribution file format).
* WHODrug B3: `DD.txt` (names), `DDA.txt` (their ATC codes), `INA.txt` (ATC texts), columns by position; or the same three
  as `.csv`. A record is drug record number, sequence 1 and 2; sequence 01, 001 is the preferred name.
* LOINC: `Loinc.csv`, by the names of its columns.

Nothing of them is shipped. Each reader gives rows of plain text for `dictionaries.py` to keep.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Cells = tuple[str, ...]
"""A kind (`PT`, `LLT`, `DRUG`, `ATC`, `LOINC`) and what it says."""


def read_meddra(folder: Path) -> Iterator[Cells]:
    """`PT`: codes and names of PT, HLT, HLGT, SOC (the primary path); `LLT`: code, name, PT's code, current (Y, N)."""
    for cells in _dollars(_file(folder, "mdhier.asc"), 12):
        pt, hlt, hlgt, soc, pt_name, hlt_name, hlgt_name, soc_name = cells[:8]
        if cells[11] == "Y":
            yield "PT", pt, pt_name, hlt, hlt_name, hlgt, hlgt_name, soc, soc_name
    for cells in _dollars(_file(folder, "llt.asc"), 10):
        yield "LLT", cells[0], cells[1], cells[2], cells[9] or "Y"


def read_whodrug(folder: Path) -> Iterator[Cells]:
    """`DRUG`: record, sequences 1 and 2, name; `ATC`: record, sequences, code; `TEXT`: ATC code and text."""
    if _has(folder, "DD.txt"):
        for line in _lines(_file(folder, "DD.txt")):
            yield "DRUG", line[0:6], line[6:8], line[8:11], line[30:].strip()
        for line in _lines(_file(folder, "DDA.txt")):
            yield "ATC", line[0:6], line[6:8], line[8:11], line[12:19].strip()
        for line in _lines(_file(folder, "INA.txt")):
            yield "TEXT", line[0:7].strip(), line[8:].strip()
        return
    for cells in _commas(_file(folder, "DD.csv"), 12):
        yield "DRUG", *cells[:3], cells[11]
    for cells in _commas(_file(folder, "DDA.csv"), 5):
        yield "ATC", *cells[:3], cells[4]
    for cells in _commas(_file(folder, "INA.csv"), 3):
        yield "TEXT", cells[0], cells[2]


def read_loinc(path: Path) -> Iterator[Cells]:
    """`LOINC`: number, long common name, status."""
    file = path if path.is_file() else _file(path, "Loinc.csv")
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        wanted = ("LOINC_NUM", "LONG_COMMON_NAME", "STATUS")
        missing = [name for name in wanted if name not in (rows.fieldnames or ())]
        if missing:
            raise UnreadableInputError(
                f"This is no Loinc.csv: it has no column {', '.join(missing)}.", Where(file=str(file)), "give Loinc.csv"
            )
        for row in rows:
            yield "LOINC", *(row[name] or "" for name in wanted)


READERS: dict[str, Callable[[Path], Iterable[Cells]]] = {
    "meddra": read_meddra,
    "whodrug": read_whodrug,
    "loinc": read_loinc,
}


def _has(folder: Path, name: str) -> bool:
    return folder.is_dir() and any(one.name.lower() == name.lower() for one in folder.iterdir())


def _file(folder: Path, name: str) -> Path:
    """The file of that name in the folder, in any case (distributions differ)."""
    if folder.is_dir():
        for one in folder.iterdir():
            if one.name.lower() == name.lower():
                return one
    message = f"There is no {name} in it."
    raise UnreadableInputError(message, Where(file=str(folder)), "give the folder of the distribution's files")


def _lines(file: Path) -> Iterator[str]:
    """The lines that are not empty; UTF-8, else Latin-1, as older releases are written."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    for line in text.splitlines():
        if line.strip():
            yield line


def _dollars(file: Path, least: int) -> Iterator[list[str]]:
    for number, line in enumerate(_lines(file), start=1):
        cells = line.split("$")
        _enough(cells, least, file, number)
        yield [one.strip() for one in cells]


def _commas(file: Path, least: int) -> Iterator[list[str]]:
    for number, cells in enumerate(csv.reader(_lines(file)), start=1):
        _enough(cells, least, file, number)
        yield [one.strip() for one in cells]


def _enough(cells: list[str], least: int, file: Path, number: int) -> None:
    if len(cells) < least:
        message = f"A line of {file.name} has {len(cells)} fields; its layout has at least {least}."
        raise UnreadableInputError(message, Where(file=str(file), line=number), "give the file as it was distributed")
