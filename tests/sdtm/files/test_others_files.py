"""Files of other programs (pyarrow, openpyxl, a text editor): what they hold is read as it is, or said to be left out."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING

import openpyxl
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from trialbridge import sources
from trialbridge.base.errors import DoesNotFitError, UnknownNameError, UnreadableInputError
from trialbridge.sdtm import files
from trialbridge.sdtm.define import sheets
from trialbridge.sdtm.files import parquet
from trialbridge.sdtm.table import study, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ["STUDYID", "USUBJID", "VSSEQ", "VSORRES"]


# --- Parquet ---

_at = dt.datetime.fromisoformat


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([1, 2**53 + 1], pa.int64()), "9007199254740993 is a number no double holds"),
        (pa.array([None, 2**64 - 1], pa.uint64()), "18446744073709551615 is a number no double holds"),
        (pa.array([Decimal("1.5"), Decimal("12345678901234567890.12")], pa.decimal128(38, 2)), "890.12 is a number no"),
        (pa.array([1.5, float("-inf")]), "-inf is no number"),
    ],
)
def test_a_number_of_parquet_that_would_change_is_an_error(tmp_path: Path, column: pa.Array, said: str) -> None:
    """A large integer, a long decimal or an infinity would be read as another number without a word."""
    pyarrow.parquet.write_table(pa.table({"STUDYID": ["S", "S"], "XX": column}), tmp_path / "vs.parquet")
    with pytest.raises(UnreadableInputError, match=f"^vs.parquet, row 2, XX: .*{said}"):
        files.read(tmp_path)


def test_numbers_of_parquet_that_stay_are_read(tmp_path: Path) -> None:
    """The check for changed numbers would refuse good ones, or a missing value would be NaN."""
    columns = {
        "INT": pa.array([2**53, -(2**53), 2**60], pa.int64()),
        "DEC": pa.array([Decimal("162.9000000000"), Decimal("0.1"), None], pa.decimal128(38, 10)),
        "NAN": pa.array([1.0, float("nan"), None]),
    }
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "vs.parquet")
    expected = [(2.0**53, 162.9, 1.0), (-(2.0**53), 0.1, None), (2.0**60, None, None)]
    assert files.read(tmp_path / "vs.parquet")["VS"].frame.rows() == expected


def test_times_of_parquet_are_iso_8601(tmp_path: Path) -> None:
    """A date-time would have a blank where SDTM wants T, a date a midnight nobody recorded, a span would be a crash."""
    moment = _at("2020-01-02T03:04:05")
    columns = {
        "DTM": pa.array([moment, _at("2020-01-02")], pa.timestamp("us")),
        "FRACTION": pa.array([moment.replace(microsecond=250000), None], pa.timestamp("us")),
        "ZONE": pa.array([moment, None], pa.timestamp("ms", "Europe/Berlin")),
        "DAYS": pa.array([_at("2020-01-02"), _at("2021-02-03")], pa.timestamp("ns")),
        "DAY": pa.array([dt.date(2020, 1, 2), None]),
        "TIME": pa.array([dt.time(1, 2, 3, 500000), dt.time(0, 0)], pa.time64("us")),
        "SPAN": pa.array([dt.timedelta(hours=30, minutes=5), dt.timedelta(seconds=-1.5)], pa.duration("us")),
    }
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "vs.parquet")
    found = files.read(tmp_path / "vs.parquet")["VS"].frame.rows(named=True)
    assert found[0] == {
        "DTM": "2020-01-02T03:04:05",
        "FRACTION": "2020-01-02T03:04:05.250",
        "ZONE": "2020-01-02T04:04:05+01:00",
        "DAYS": "2020-01-02",
        "DAY": "2020-01-02",
        "TIME": "01:02:03.500",
        "SPAN": "PT30H5M",
    }
    assert [found[1][name] for name in ("DTM", "DAYS", "TIME", "SPAN")] == [
        "2020-01-02T00:00:00",
        "2021-02-03",
        "00:00:00",
        "-PT1.5S",
    ]


def test_a_piece_of_parquet_spells_times_as_the_whole(tmp_path: Path) -> None:
    """Read in pieces, a column's times would be dates in one piece and date-times in the other."""
    moments = [_at("2020-01-02"), _at("2020-01-03T04:05:00")]
    pyarrow.parquet.write_table(pa.table({"DTC": moments}), tmp_path / "vs.parquet")
    assert parquet.read_rows(tmp_path / "vs.parquet", 0, 1).frame["DTC"].to_list() == ["2020-01-02T00:00:00"]


# --- XLSX ---


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes rows as sheet VS by openpyxl, and may edit the sheet's XML and add rows to `_variables`."""

    def make(*rows: list[object], edit: tuple[str, str] = ("", ""), variables: tuple[object, ...] = ()) -> Path:
        made = openpyxl.Workbook()
        sheet = made.active
        assert sheet is not None
        sheet.title = "VS"
        for row in (NAMES, *rows):
            sheet.append(row)
        if variables:
            about = made.create_sheet("_variables")
            about.append(["dataset", "variable", "label", "type", "length"])
            about.append(variables)
        made.save(tmp_path / "made.xlsx")
        target = tmp_path / "study.xlsx"
        with zipfile.ZipFile(tmp_path / "made.xlsx") as old, zipfile.ZipFile(target, "w") as new:
            for part in old.namelist():
                text = old.read(part)
                if part == "xl/worksheets/sheet1.xml":
                    edited = re.sub(edit[0], edit[1], text.decode()) if edit[0] else text.decode()
                    assert edited != text.decode() or not edit[0]
                    text = edited.encode()
                new.writestr(part, text)
        return target

    return make


def test_what_a_sheet_says_of_its_size_is_not_believed(book: Callable[..., Path]) -> None:
    """Of a sheet whose program wrote `A1` for its size all columns but one, and all rows, would be lost without a word."""
    path = book(["S", "1", 1, "a"], ["S", "1", 2, "b"], edit=('<dimension ref="[^"]*"', '<dimension ref="A1"'))
    assert files.read(path)["VS"].frame.rows() == [("S", "1", 1.0, "a"), ("S", "1", 2.0, "b")]


def test_a_specification_of_the_wrong_size_is_read_whole(tmp_path: Path) -> None:
    """Of a specification whose sheets understate their size variables would be left out of the Define-XML."""
    made = openpyxl.Workbook()
    for number, name in enumerate(sheets.NEEDED):
        sheet = made.create_sheet(name, number)
        sheet.append(["Dataset", "Label"])
        sheet.append(["DM", "Demographics"])
    made.save(tmp_path / "made.xlsx")
    with zipfile.ZipFile(tmp_path / "made.xlsx") as old, zipfile.ZipFile(tmp_path / "spec.xlsx", "w") as new:
        for part in old.namelist():
            new.writestr(part, re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', old.read(part)))
    assert sheets.read(tmp_path / "spec.xlsx")["Datasets"] == [{"Dataset": "DM", "Label": "Demographics"}]


def test_a_formula_without_its_value_is_an_error(book: Callable[..., Path]) -> None:
    """What a program computes that never computed it would be an empty cell."""
    with pytest.raises(UnreadableInputError, match=r"^study.xlsx, VS: The cell D3 holds a formula without its value\."):
        files.read(book(["S", "1", 1, "a"], ["S", "1", 2, "=1+1"]))


@pytest.mark.parametrize(
    ("cell", "value"),
    [("<c r='D2' t='str'><f>IF(A1=1,1,\"\")</f><v></v></c>", None), ('<c r="D2"><f>1+1</f><v>2</v></c>', "2")],
)
def test_a_formula_with_its_value_is_its_value(book: Callable[..., Path], cell: str, value: str | None) -> None:
    """A workbook that a spreadsheet saved would be refused."""
    path = book(["S", "1", 1, "here"], edit=(r'<c r="D2".*?</c>', cell))
    assert files.read(path)["VS"].frame["VSORRES"].to_list() == [value]


def test_merged_cells_are_said(book: Callable[..., Path]) -> None:
    """A subject written once over its merged rows would be missing from the other rows without a word."""
    merged = ("</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="B2:B3"/></mergeCells>')
    found = files.read(book(["S", "1", 1, "a"], ["S", None, 2, "b"], edit=merged))
    assert [(one.id, str(one.where)) for one in found.notes] == [("TB-FILE-0003", "study.xlsx, VS")]
    assert "B2:B3" in found.notes[0].message


def test_a_span_of_a_workbook_is_a_duration(book: Callable[..., Path]) -> None:
    """A cell of the format [h]:mm would be the text `datetime.timedelta(...)`."""
    found = files.read(book(["S", "1", 1, dt.timedelta(hours=30, minutes=5)], ["S", "1", 2, dt.time(3, 4)]))
    assert found["VS"].frame["VSORRES"].to_list() == ["PT30H5M", "03:04:00"]


def test_a_wrong_length_in_a_workbook_is_told(book: Callable[..., Path]) -> None:
    """A slip in the sheet of variables would be a traceback."""
    with pytest.raises(UnreadableInputError, match=r"^study.xlsx, _variables: 'ten' is no length"):
        files.read(book(["S", "1", 1, "a"], variables=("VS", "VSORRES", "", "Char", "ten")))


def test_a_listing_without_its_last_cells_is_read(book: Callable[..., Path]) -> None:
    """A spreadsheet leaves empty cells at the end of a row out: the workbook would be refused after an edit."""
    found = files.read(book(["S", "1", 1, "a"], variables=("VS", "VSORRES", "Result", "Char")))
    assert found["VS"].variable("VSORRES").label == "Result"


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("[Content_Types].xml", b"PartName", b"PartNamh"),
        ("xl/workbook.xml", b"<workbook", b'<?xml version="1.0" encoding="UTF-88"?><workbook'),
    ],
)
def test_a_broken_part_of_a_workbook_is_told(
    book: Callable[..., Path], tmp_path: Path, part: str, old: bytes, new: bytes
) -> None:
    """An attribute openpyxl does not know, or an encoding nobody knows, would be a traceback."""
    with zipfile.ZipFile(book(["S", "1", 1, "a"])) as whole, zipfile.ZipFile(tmp_path / "broken.xlsx", "w") as broken:
        for name in whole.namelist():
            text = whole.read(name)
            assert name != part or old in text
            broken.writestr(name, text.replace(old, new) if name == part else text)
    with pytest.raises(UnreadableInputError, match=r"^broken\.xlsx: This is no whole XLSX workbook"):
        files.read(tmp_path / "broken.xlsx", "xlsx")


def test_a_workbook_packed_in_an_unknown_way_is_told(book: Callable[..., Path]) -> None:
    """A part with a password, or packed as nobody can unpack it, would be a traceback."""
    path = book(["S", "1", 1, "a"])
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as whole:
        at = whole.getinfo("xl/worksheets/sheet1.xml").header_offset
    entry = raw.index(b"xl/worksheets/sheet1.xml", raw.index(b"PK\x01\x02")) - 46
    raw[at + 6] |= 1
    raw[entry + 8] |= 1  # "encrypted", in both headers
    path.write_bytes(raw)
    with pytest.raises(UnreadableInputError, match=r"^study\.xlsx: This is no whole XLSX workbook"):
        files.read(path, "xlsx")


# --- CSV and CORE's layout ---


@pytest.mark.parametrize("kind", ["csv", "core"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_csv_has_no_number_that_is_none(tmp_path: Path, kind: str, number: float) -> None:
    """NaN would be written as a text, and the column read back as texts."""
    one = table("DM", pl.DataFrame({"STUDYID": ["S", "S"], "AGE": [1.0, number]}))
    with pytest.raises(DoesNotFitError, match=r"^dm\.csv, row 2, AGE: CSV has no infinite number"):
        files.write(study([one]), tmp_path / "out", kind)
    assert not (tmp_path / "out").exists()


def test_blanks_around_names_are_no_part_of_them(tmp_path: Path) -> None:
    """`STUDYID, USUBJID` would name a variable ` USUBJID` that nothing finds."""
    (tmp_path / "dm.csv").write_text("STUDYID, USUBJID\nS,1\n")
    found = files.read(tmp_path)
    assert found["DM"].frame.rows(named=True) == [{"STUDYID": "S", "USUBJID": "1"}]
    assert [one.id for one in found.notes] == ["TB-FILE-0002"]
    (tmp_path / "dm.csv").write_text("STUDYID, USUBJID,USUBJID\nS,1,2\n")
    with pytest.raises(UnreadableInputError, match="USUBJID names two columns"):
        files.read(tmp_path)


def test_a_dataset_that_core_does_not_list_is_said(tmp_path: Path) -> None:
    """A dataset forgotten in `_datasets.csv` would be left out without a word."""
    one = table("DM", pl.DataFrame({"STUDYID": ["S"]}))
    files.write(study([one]), tmp_path, "core")
    (tmp_path / "ae.csv").write_text("STUDYID,AETERM\nS,cough\n")
    found = files.read(tmp_path)
    assert [(one.id, one.where.file) for one in found.notes] == [("TB-FILE-0001", "ae.csv")]


# --- folders ---


def test_a_folder_of_data_beside_the_data_is_said(tmp_path: Path) -> None:
    """Datasets in a sub-folder (`split/`) would be left out of the conversion without a word."""
    (tmp_path / "dm.csv").write_text("STUDYID,USUBJID\nS,1\n")
    for name, text in (("split", "STUDYID,LBTEST\nS,x\n"), (".hidden", "STUDYID,LBTEST\nS,x\n"), ("notes", "no data")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lb.csv").write_text(text)
    found = sources.find([tmp_path])
    assert [(one.id, one.where.file) for one in found.findings] == [("TB-FILE-0001", "split/")]


@pytest.mark.parametrize("name", ["latin-one", "base64", "undefined", "a\0b", ""])
def test_what_is_no_encoding_of_text_is_told(tmp_path: Path, name: str) -> None:
    """A codec that is none of text (base64), or a name that can be none, would be a traceback."""
    (tmp_path / "dm.csv").write_bytes("STUDYID,ARM\nS,Ü\n".encode("latin-1"))
    with pytest.raises(UnknownNameError, match="There is no encoding"):
        files.read(tmp_path, encoding=name)
