"""CSV, CORE's layout, XLSX and Parquet: types that are not guessed, texts that are not evaluated, errors with lines."""

from __future__ import annotations

import csv as stdlib_csv
import json
import zipfile
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import openpyxl
import polars as pl
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.sdtm import files
from trialbridge.sdtm.files import column_types, core_csv, csv, parquet, xlsx, xlsx_write
from trialbridge.sdtm.table import Study, Variable, study, table

if TYPE_CHECKING:
    from pathlib import Path

# --- types by SDTM's names ---


@pytest.mark.parametrize(
    ("dataset", "variable", "numeric"),
    [
        ("DM", "AGE", True),
        ("DM", "SITEID", False),
        ("AE", "AESEQ", True),
        ("AE", "AELLTCD", True),
        ("TR", "TRSTRESN", True),
        ("TR", "TRORRES", False),
        ("SUPPAE", "QVAL", False),
        ("SUPPAE", "IDVARVAL", False),
        ("ZZ", "ZZDY", True),  # no domain of the guide
        ("ZZ", "ZZTESTCD", False),
        ("EX", "EXDOSE", True),
        ("EX", "EXDOSTXT", False),
        ("TS", "TSSEQ", True),
        ("TS", "TSVAL", False),
        ("TA", "TAETORD", True),
    ],
)
def test_num_or_char_by_name(dataset: str, variable: str, numeric: bool) -> None:
    """SDTMIG's type of a variable would be missed, and 701 of a site become a number."""
    assert column_types.is_numeric(dataset, variable) is numeric


@pytest.mark.parametrize(
    "texts",
    [
        ["007"],
        ["1", "x"],
        ["1 "],
        ["+1"],
        ["0x10"],
        ["1_000"],
        ["1e999"],
        ["NaN"],
        ["inf"],
        ["1,5"],
        ["12345678901234567891"],
        ["0.12345678901234567891"],
    ],
)
def test_what_a_double_would_change_stays_text(texts: list[str]) -> None:
    """A leading zero or the twentieth digit would be lost by reading a column as numbers."""
    assert column_types.typed("AE", pl.Series("AESEQ", texts)).to_list() == texts


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0),
        ("-1.50", -1.5),
        (".5", 0.5),
        ("1E-5", 1e-5),
        ("0", 0.0),
        ("12345678901234567000", 1.2345678901234567e19),
    ],
)
def test_plain_numbers_become_numbers(text: str, number: float) -> None:
    """A number in a Num variable would stay a text."""
    assert column_types.typed("AE", pl.Series("AESEQ", [text, None])).to_list() == [number, None]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_double_has_a_text_that_gives_it_back(numbers: list[float]) -> None:
    """A number written as text would be another when read."""
    texts = column_types.number_texts(pl.Series("AESEQ", numbers))
    assert [float(text) for text in texts] == numbers
    assert column_types.typed("AE", texts).to_list() == numbers


# --- CSV ---


def test_python_reads_our_csv(nasty: Any, tmp_path: Path) -> None:
    """Our quoting would be readable by us alone."""
    path = csv.write(study([nasty]), tmp_path)[0]
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(stdlib_csv.reader(text, strict=True))
    assert rows[0] == nasty.frame.columns
    assert [row[3] or None for row in rows[1:]] == nasty.frame["ZZTERM"].to_list()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"STUDYID,AGE\nA,1\nB\n", "dm.csv, row 2, line 3: The row has 1 values"),
        (b'STUDYID,AGE\n"A\nB",1\nC,2,3\n', "dm.csv, row 2, line 4: The row has 3 values"),
        (b'STUDYID,AGE\nA,"1\n', "dm.csv, line 2: The line is no CSV"),
        (b'STUDYID,AGE\nA,"1"x\n', "dm.csv, line 2: The line is no CSV"),
        (b"STUDYID,AGE\nA,1\nM\xfcller,2\n", "dm.csv, line 3: The line is not UTF-8"),
        (b"STUDYID,STUDYID\nA,1\n", "line 1: STUDYID names two columns"),
        (b"STUDYID,,AGE\nA,1,2\n", "line 1: The first line does not name every column"),
        (b"STUDYID,,\nA,,1\n", "row 1, line 2: The row has 3 values, the first line names 1"),
        (b"", "line 1: The first line does not name every column"),
    ],
)
def test_a_broken_csv_names_its_line(raw: bytes, says: str, tmp_path: Path) -> None:
    """A ragged row would be filled up, or an open quote swallow the rest of the file."""
    path = tmp_path / "dm.csv"
    path.write_bytes(raw)
    with pytest.raises(UnreadableInputError, match=says):
        csv.read(path)


def test_a_byte_order_mark_and_unknown_columns(tmp_path: Path) -> None:
    """Excel's byte-order mark would become part of STUDYID's name, or a column SDTM lacks vanish."""
    path = tmp_path / "dm.csv"
    path.write_bytes(b"\xef\xbb\xbfSTUDYID,AGE,MINE\r\nS1,40,007\r\n\r\nS1,,\r\n")
    one = files.read(path)["DM"]
    assert one.frame.rows() == [("S1", 40.0, "007"), ("S1", None, None)]


def test_empty_columns_at_the_end(tmp_path: Path) -> None:
    """A CSV saved by a spreadsheet with unnamed empty columns (as CORE-000125's test case) would be refused."""
    path = tmp_path / "dm.csv"
    path.write_bytes(b"STUDYID,AGE,,\nS1,40,,\nS1,41,,\n")
    assert csv.read(path)["DM"].frame.rows() == [("S1", 40.0), ("S1", 41.0)]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


@given(st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT), max_size=20))
def test_any_text_comes_back_from_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """Some text would change in CSV."""
    one = table("ZZ", pl.DataFrame(rows, {"STUDYID": pl.String, "ZZTERM": pl.String}, orient="row"))
    path = csv.write(study([one]), tmp_path_factory.mktemp("any"))[0]
    assert csv.read(path)["ZZ"].frame.rows() == one.frame.rows()


# --- CORE's layout ---


def test_cores_layout_as_its_test_cases_have_it(tmp_path: Path) -> None:
    """CORE would not find its files: names, first lines and version as in cdisc-open-rules."""
    frame = pl.DataFrame({"STUDYID": ["S1"], "AGE": [40.0]})
    variables = [Variable("STUDYID", "Study Identifier", length=12), Variable("AGE", "Age", "Num", 8)]
    one = study([table("DM", frame, variables, "Demographics")], version="3.4", ct="sdtmct-2025-03-28")
    paths = core_csv.write(one, tmp_path)
    assert {path.name: path.read_text() for path in paths} == {
        "dm.csv": "STUDYID,AGE\nS1,40\n",
        "_datasets.csv": "Filename,Label\ndm,Demographics\n",
        "_variables.csv": "dataset,variable,label,type,length\ndm,STUDYID,Study Identifier,Char,12\ndm,AGE,Age,Num,8\n",
        ".env": "PRODUCT=SDTMIG\nVERSION=3-4\nCT=sdtmct-2025-03-28\n",
    }
    back = files.read(tmp_path)
    assert (back.standard, back.version, back.ct) == ("SDTMIG", "3.4", "sdtmct-2025-03-28")
    assert back["DM"].variables == one["DM"].variables


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("_datasets.csv", "Filename,Label\ndm,Demographics\nae,Events\n", "ae.csv is missing"),
        ("_datasets.csv", "File,Label\ndm,x\n", "_datasets.csv, line 1: There is no column Filename"),
        ("_variables.csv", "dataset,variable,label,type,length\ndm,AGE,Age,Nom,8\n", "_variables.csv, line 2, AGE"),
        ("_variables.csv", "dataset,variable,label,type,length\ndm,AGE,Age,Num,x\n", "_variables.csv, line 2, AGE"),
        ("dm.csv", "STUDYID,AGE\nS1\n", "dm.csv, row 1, line 2"),
        (".env", b"PRODUCT=\xff", ".env: The file is not UTF-8"),
    ],
)
def test_a_broken_core_folder_is_named(name: str, content: str | bytes, says: str, tmp_path: Path) -> None:
    """A dataset listed and not there, or an unknown type, would pass unseen."""
    core_csv.write(study([table("DM", pl.DataFrame({"STUDYID": ["S1"], "AGE": [40.0]}))]), tmp_path)
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UnreadableInputError, match=says):
        files.read(tmp_path)


def test_a_core_listing_that_is_missing(real: Study, tmp_path: Path) -> None:
    """A folder without _variables.csv would be read as CORE's with every type guessed."""
    core_csv.write(study([real["DM"]]), tmp_path)
    (tmp_path / "_variables.csv").unlink()
    with pytest.raises(UnreadableInputError, match=r"_variables\.csv: The file is missing"):
        files.read(tmp_path, kind="core")


# --- XLSX ---


def test_openpyxl_sees_texts_as_texts(nasty: Any, tmp_path: Path) -> None:
    """A text beginning with = would be evaluated, or a number shown as text."""
    book = openpyxl.load_workbook(xlsx.write(study([nasty]), tmp_path)[0])
    assert book.sheetnames == ["ZZ", "_datasets", "_variables"]
    cells = {cell.value: cell.data_type for cell in book["ZZ"]["D"]}
    assert cells["=1+1"] in {"inlineStr", "s"}
    assert cells["007"] in {"inlineStr", "s"}
    assert "f" not in cells.values()
    numbers = [cell.value for cell in book["ZZ"]["E"]][1:]
    assert numbers == nasty.frame["ZZSTRESN"].to_list()
    assert [cell.value for cell in book["_datasets"][2]] == ["ZZ", "Nasty 'Things' & Others"]


def test_the_package_is_well_formed(nasty: Any, tmp_path: Path) -> None:
    """A part of the workbook would be no XML, or carry today's date."""
    from lxml import etree

    with zipfile.ZipFile(xlsx.write(study([nasty]), tmp_path)[0]) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for name in file.namelist():
            etree.fromstring(file.read(name))


def test_a_workbook_made_by_hand(tmp_path: Path) -> None:
    """A workbook without our two sheets would lose a dataset, take a site for a number, or a date for a serial."""
    import datetime as dt

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "dm"
    sheet.append(["STUDYID", "SITEID", "AGE", "RFSTDTC", "BRTHDTC", "NOTE"])
    sheet.append(["S1", 701, 40, dt.datetime(2024, 1, 2), dt.datetime(1984, 5, 6, 7, 8), 0.1])  # noqa: DTZ001 - a cell has no zone
    sheet.append(["S1", "007", None, "2024-01", None, True])
    book.save(tmp_path / "any.xlsx")
    one = files.read(tmp_path)["DM"]
    assert one.frame.rows() == [
        ("S1", "701", 40.0, "2024-01-02", "1984-05-06T07:08:00", "0.1"),
        ("S1", "007", None, "2024-01", None, "TRUE"),
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["STUDYID", "STUDYID"], ["S1", "S2"]], "DM, line 1: The first row does not name every column once"),
        ([["STUDYID", None, "AGE"], ["S1", "S2", 3]], "DM, line 1"),
        ([["STUDYID"], ["S1", "beyond"]], "DM, row 1: A value stands beyond"),
    ],
)
def test_a_wrong_sheet_is_named(rows: list[list[Any]], says: str, tmp_path: Path) -> None:
    """A value outside the named columns would be dropped."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "DM"
    for row in rows:
        sheet.append(row)
    book.save(tmp_path / "any.xlsx")
    with pytest.raises(UnreadableInputError, match=says):
        files.read(tmp_path / "any.xlsx")


@pytest.mark.parametrize(
    ("name", "frame", "says"),
    [
        ("DM", {"A": ["x", "y" * 32_768]}, "sdtm.xlsx, DM, row 2, A: A cell cannot hold a text longer"),
        ("DM", {"A": [1.0, float("inf")]}, "sdtm.xlsx, DM, row 2, A: A cell cannot hold a number"),
        ("D" * 32, {"A": ["x"]}, "cannot name a sheet"),
        ("_DM", {"A": ["x"]}, "must not begin with _"),
    ],
)
def test_what_a_sheet_cannot_hold(name: str, frame: dict[str, list[Any]], says: str, tmp_path: Path) -> None:
    """A text would be cut at Excel's limit, or a workbook written that Excel repairs."""
    with pytest.raises(DoesNotFitError, match=says):
        xlsx.write(study([table(name, pl.DataFrame(frame))]), tmp_path)


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(min_size=1, max_size=50), st.none() | st.floats(allow_nan=False, allow_infinity=False)
        ),
        max_size=10,
    )
)
def test_any_text_and_number_comes_back_from_xlsx(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """A control character, an escape or a number of 17 digits would change in a workbook."""
    one = table("ZZ", pl.DataFrame(rows, {"T": pl.String, "N": pl.Float64}, orient="row"))
    path = xlsx.write(study([one]), tmp_path_factory.mktemp("any"))[0]
    assert xlsx.read(path)["ZZ"].frame.rows() == one.frame.rows()


# --- Parquet ---


def test_parquet_keeps_all_a_table_knows(real: Study, tmp_path: Path) -> None:
    """Labels, lengths or what another format left in extra would be lost between steps."""
    extra = {"xpt": {"os": "X64", "cells": [[0, "41" + "0" * 14]]}}
    one = real["DM"]
    one = replace(
        one, extra=extra, variables=(replace(one.variables[0], length=12, extra={"keySequence": 1}), *one.variables[1:])
    )
    path = parquet.write(study([one]), tmp_path)[0]
    back = parquet.read(path)["DM"]
    assert (back.label, back.extra, back.variables) == (one.label, extra, one.variables)
    about = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"trialbridge"])
    assert about["variables"][0]["label"] == "Study Identifier"


def test_foreign_parquet(tmp_path: Path) -> None:
    """A Parquet file of another tool could not be read, or would keep integers and empty texts."""
    pl.DataFrame({"STUDYID": ["S", ""], "AGE": [1, None], "OK": [True, False]}).write_parquet(tmp_path / "dm.parquet")
    one = files.read(tmp_path)["DM"]
    assert one.frame.rows() == [("S", 1.0, 1.0), (None, None, 0.0)]


def test_a_damaged_sheet_is_refused(real: Study, tmp_path: Path) -> None:
    """A flipped byte within a workbook's compressed sheet would end in a traceback."""
    path = xlsx.write(study([real["DM"]]), tmp_path)[0]
    raw = bytearray(path.read_bytes())
    sheet = raw.index(b"xl/worksheets/sheet1.xml") + 24
    raw[sheet + 10 : sheet + 60] = b"\xff" * 50
    path.write_bytes(raw)
    with pytest.raises(UnreadableInputError, match=r"sdtm\.xlsx"):
        xlsx.read(path)


@pytest.mark.parametrize("column", [[[1], [2]], [{"a": 1}, {"a": 2}], [b"a", b"b"]])
def test_nested_parquet_is_refused(column: list[Any], tmp_path: Path) -> None:
    """A list in a cell would end in a traceback."""
    pl.DataFrame({"LIST": column}).write_parquet(tmp_path / "dm.parquet")
    with pytest.raises(UnreadableInputError, match=r"dm\.parquet, LIST"):
        files.read(tmp_path)


def test_a_broken_entry_is_refused(tmp_path: Path) -> None:
    """A damaged entry of ours would be passed over and the labels lost."""
    pl.DataFrame({"A": ["x"]}).write_parquet(tmp_path / "dm.parquet", metadata={"trialbridge": "{"})
    with pytest.raises(UnreadableInputError, match="trialbridge"):
        files.read(tmp_path)


def test_what_a_sheet_holds():
    """Excel would cut a dataset at its last row or column (its limits: 1,048,576 rows, the header one, and 16,384 columns)."""
    whole = pl.DataFrame({"V": pl.zeros(1_048_575, eager=True)})
    xlsx_write._check("AE", whole, "sdtm.xlsx")
    wide = SimpleNamespace(height=1, width=16_385)
    for frame in (pl.concat([whole, whole[:1]]), wide):
        with pytest.raises(DoesNotFitError, match="more than a sheet holds"):
            xlsx_write._check("AE", frame, "sdtm.xlsx")
