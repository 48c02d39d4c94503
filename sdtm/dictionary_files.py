"""MedDRA, WHODrug and LOINC as their owners distribute them, read from the user's licensed copy.

* MedDRA: the folder MedAscii: `mdhier.asc` and `llt.asc`, fields ended by `$` (MedDRA distribution file format).
* WHODrug B3: `DD.txt` (names), `DDA.txt` (their ATC codes), `INA.txt` (ATC texts), columns by position; or the same three
  as `.csv`. A record is drug record number, sequence 1 and 2; sequence 01, 001 is the preferred name.
* WHODrug C3: `MP.csv` (products: record id, product id, drug record number, sequences 1 to 4, substance or not, name, …),
  `ThG.csv` (ATC codes: id, code, date, official, the product's record id), `ATC.csv` (code, level, text). The order of
  their fields is that which public loaders of them share (the R package vigicaen, `tb_who`, among them). Its text
  files are not read: their columns have moved between releases.
* LOINC: `Loinc.csv`, by the names of its columns.

Nothing of them is shipped. Each reader gives rows of plain text for `dictionaries.py` to keep.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import polars as pl

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
    """`DRUG`: record, sequences 1 and 2, name; `ATC`: record, sequences, code; `TEXT`: ATC code and text.

    Raises UnreadableInputError for a folder that holds neither B3 nor C3's CSV.
    """
    if _has(folder, "MP.csv"):
        yield from _whodrug_c3(folder)
        return
    if not (_has(folder, "DD.txt") or _has(folder, "DD.csv")):
        raise _no_whodrug(folder)
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


def _whodrug_c3(folder: Path) -> Iterator[Cells]:
    """The same of C3, where a name stands once for each country, form and strength, and ATC codes by product."""
    products = _fields(
        _file(folder, "MP.csv"), {0: "id", 2: "record", 3: "first", 4: "second", 8: "name"}
    ).with_columns(pl.col("record").str.zfill(6), pl.col("first").str.zfill(2), pl.col("second").str.zfill(3))
    drugs = products.select("record", "first", "second", "name").unique(maintain_order=True)
    yield from (("DRUG", *cells) for cells in drugs.iter_rows())
    codes = _fields(_file(folder, "ThG.csv"), {1: "code", 4: "id"})
    found = codes.join(products, on="id", maintain_order="left").select("record", "first", "second", "code")
    yield from (("ATC", *cells) for cells in found.unique(maintain_order=True).iter_rows())
    yield from (("TEXT", *cells) for cells in _fields(_file(folder, "ATC.csv"), {0: "code", 2: "text"}).iter_rows())


def _no_whodrug(folder: Path) -> UnreadableInputError:
    if _has(folder, "MP.txt"):
        message = "These are WHODrug C3's text files, whose columns differ between releases: they are not read."
        fix = "give the folder of C3's CSV files (MP.csv, ThG.csv, ATC.csv), or of B3 (DD, DDA, INA; text or CSV)"
        return UnreadableInputError(message, Where(file=str(folder)), fix)
    message = "There is no WHODrug in it: neither B3 (DD, DDA, INA; text or CSV) nor C3's CSV (MP, ThG, ATC)."
    return UnreadableInputError(message, Where(file=str(folder)), "give the folder of the distribution's files")


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


def _fields(file: Path, wanted: dict[int, str]) -> pl.DataFrame:
    """The columns at those positions, named, as trimmed text: for files of millions of lines."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        first = next(csv.reader(stream), [])
    _enough(first, max(wanted) + 1, file, 1)
    try:
        frame = _read_fields(file, wanted, "utf8")
    except pl.exceptions.ComputeError:  # no UTF-8, as older releases are written
        frame = _read_fields(file, wanted, "latin-1")
    lacking = frame.with_row_index("line", 1).filter(pl.any_horizontal(pl.col(*wanted.values()).is_null()))
    if not lacking.is_empty():
        message = f"A line of {file.name} lacks {', '.join(one for one in wanted.values() if lacking[one][0] is None)}."
        where = Where(file=str(file), line=int(lacking["line"][0]))
        raise UnreadableInputError(message, where, "give the file as it was distributed")
    return frame


def _read_fields(file: Path, wanted: dict[int, str], encoding: str) -> pl.DataFrame:
    frame = pl.read_csv(file, has_header=False, infer_schema=False, columns=list(wanted), encoding=encoding)
    return frame.rename(dict(zip(frame.columns, wanted.values(), strict=True))).select(pl.all().str.strip_chars())


def _enough(cells: list[str], least: int, file: Path, number: int) -> None:
    if len(cells) < least:
        message = f"A line of {file.name} has {len(cells)} fields; its layout has at least {least}."
        raise UnreadableInputError(message, Where(file=str(file), line=number), "give the file as it was distributed")
