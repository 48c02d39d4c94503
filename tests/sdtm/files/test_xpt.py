"""SAS XPORT version 5: TS-140's own numbers, two independent readers, bytes that come back, errors that name the cell."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import polars_readstat
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.sdtm import files
from trialbridge.sdtm.files import ibm_float, xpt, xpt_format
from trialbridge.sdtm.table import Study, Table, Variable, study, table

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = math.nextafter(16.0**63, 0)  # IBM's numbers end below 16^63
SMALLEST = 5.397605346934028e-79  # 16^-65, IBM's smallest normalised number


# --- numbers ---


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (1.0, 0x4110000000000000),  # TS-140's example of a number
        (-118.625, 0xC276A00000000000),  # the worked example of IBM's Principles of Operation, as Wikipedia has it
        (0.0, 0x0000000000000000),
        (0.5, 0x4080000000000000),
        (16.0, 0x4210000000000000),
        (2.0, 0x4120000000000000),
        (100.0, 0x4264000000000000),
        (SMALLEST, 0x0010000000000000),
        (LARGEST, 0x7FFFFFFFFFFFFFF8),
    ],
)
def test_worked_examples(value: float, bits: int) -> None:
    """The IBM encoding itself would be wrong."""
    assert int(ibm_float.encode(np.array([value]))[0]) == bits
    assert float(ibm_float.decode(np.array([bits], np.uint64))[0]) == value


HELD = st.just(0.0) | st.floats(SMALLEST, LARGEST) | st.floats(-LARGEST, -SMALLEST)


@given(st.lists(HELD, max_size=50))
def test_every_double_in_range_comes_back(values: list[float]) -> None:
    """A double within IBM's range would lose a bit."""
    array = np.array(values, np.float64)
    assert ibm_float.fits(array).all()
    assert ibm_float.decode(ibm_float.encode(array)).tolist() == values


@given(st.floats().filter(lambda value: not (value == 0 or SMALLEST <= abs(value) <= LARGEST)))
def test_no_other_double_is_taken(value: float) -> None:
    """A number beyond IBM's range, NaN or infinity would be written as something else."""
    assert not ibm_float.fits(np.array([value])).any()


@pytest.mark.parametrize("bits", [0x4100000000000001 | 1 << 55, 0x4101000000000000])
def test_what_a_double_cannot_give_back_is_noticed(bits: int) -> None:
    """A mainframe's 56-bit or unnormalised fraction would come back changed without a word."""
    assert not ibm_float.returns(np.array([bits], np.uint64)).any()


# --- bytes that come back ---


FRAMES: dict[str, dict[str, list[Any]]] = {
    "mixed": {"USUBJID": ["01", "02", None], "AGE": [1 / 3, None, -0.25], "NOTE": [" a", None, None]},
    "numbers": {"X": [0.0, 1e-70, 7.2e75 / 16, -1.0, None, 1e10]},
    "one text": {"A": ["x"], "B": ["yy"]},
    "eighty": {"A": ["x"] * 80, "B": ["yy"] * 80},
    "long": {"A": ["x" * 200], "B": ["y" * 200]},
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("writer", ["pyreadstat", "polars_readstat"])
def test_a_foreign_file_comes_back_byte_by_byte(name: str, writer: str, tmp_path: Path) -> None:
    """Reading and writing a file another tool made would change its header, its layout or a number."""
    frame = pl.DataFrame(FRAMES[name])
    path = tmp_path / "dm.xpt"
    labels = dict.fromkeys(frame.columns, "A label of this variable")
    if writer == "pyreadstat":
        pyreadstat.write_xport(
            frame, path, file_label="Demographics", column_labels=labels, table_name="dm", file_format_version=5
        )
    else:
        polars_readstat.write_xpt(
            frame, path, version=5, table_name="DM", file_label="Demographics", variable_labels=labels
        )
    one = xpt.read(path)["DM"]
    assert one.frame.equals(frame)
    assert one.label == "Demographics"
    again = xpt.write(study([one]), tmp_path / "again")[0]
    assert again.read_bytes() == path.read_bytes()


def test_formats_and_informats_come_back(tmp_path: Path) -> None:
    """A display format would be lost, in the bytes or as displayFormat."""
    path = tmp_path / "ex.xpt"
    pyreadstat.write_xport(
        pl.DataFrame({"D": [1.0], "N": [2.5], "C": ["x"]}),
        path,
        table_name="EX",
        file_format_version=5,
        variable_format={"D": "DATE9.", "N": "8.2", "C": "$CHAR20."},
    )
    one = xpt.read(path)["EX"]
    assert [of.extra.get("displayFormat") for of in one.variables] == ["DATE9.", "8.2", "$CHAR20."]
    assert xpt.write(study([one]), tmp_path / "again")[0].read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("text", "name", "length", "decimals"),
    [
        ("DATE9.", "DATE", 9, 0),
        ("8.2", "", 8, 2),
        ("$CHAR20.", "$CHAR", 20, 0),
        ("E8601DA.", "E8601DA", 0, 0),
        ("BEST", "BEST", 0, 0),
    ],
)
def test_formats_in_three_fields(text: str, name: str, length: int, decimals: int) -> None:
    """A SAS format would be split at the wrong place."""
    fields = xpt_format.format_fields(text, Where())
    assert fields == {"format": name, "format_length": length, "format_decimals": decimals}
    assert xpt_format.format_text(fields) == (text if "." in text else f"{text}.")


@pytest.mark.parametrize("text", ["VERYLONGFORMAT9.", "a b.", "%8.2"])
def test_what_is_no_format_is_refused(text: str, tmp_path: Path) -> None:
    """A format too long for its field would be cut or shift the header."""
    one = table("DM", pl.DataFrame({"AGE": [1.0]}), [Variable("AGE", extra={"displayFormat": text})])
    with pytest.raises(DoesNotFitError, match="AGE"):
        xpt.write(study([one]), tmp_path)


# --- a file made by hand from TS-140 ---


def record(text: str) -> bytes:
    """One 80-byte record."""
    return text.encode("ascii").ljust(80)


def namestr(number: int, name: str, *, numeric: bool, length: int, position: int) -> bytes:
    """The description of a variable as TS-140's C structure has it."""
    kind = 1 if numeric else 2
    label, form = f"Label of {name}".ljust(40).encode(), b" " * 8
    head = struct.pack(
        ">4h8s40s8s3h2x8s2hl",
        kind,
        0,
        length,
        number,
        name.ljust(8).encode(),
        label,
        form,
        0,
        0,
        0,
        form,
        0,
        0,
        position,
    )
    return head.ljust(140, b"\0")


def made_by_hand(rows: bytes, name: str = "LB", *, length: int = 8) -> bytes:
    """A member with LBSEQ (a number) and LBTEST (4 bytes)."""
    count = "000000000200000000000000000000"
    variables = namestr(1, "LBSEQ", numeric=True, length=length, position=0)
    variables += namestr(2, "LBTEST", numeric=False, length=4, position=length)
    return b"".join(
        (
            record("HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!000000000000000001600000000140"),
            record("HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!" + "0" * 30),
            record(f"SAS     {name:<8}SASDATA 9.4     X64_10PR{'':24}16FEB11:10:07:55"),
            record(f"16FEB11:10:07:56{'':16}Laboratory Test Results"),
            record("HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!" + count),
            variables.ljust(320),
            record("HEADER RECORD*******OBS     HEADER RECORD!!!!!!!" + "0" * 30),
            rows.ljust(-(-len(rows) // 80) * 80),
        )
    )


LIBRARY = (
    record("HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!" + "0" * 30)
    + record(f"SAS     SAS     SASLIB  9.4     X64_10PR{'':24}16FEB11:10:07:55")
    + record("16FEB11:10:07:56")
)


def test_special_missing_values_come_back(tmp_path: Path) -> None:
    """.A (asked for, not known) would become an ordinary missing value on the way through."""
    cells = (bytes.fromhex("4110000000000000"), b"A" + b"\0" * 7, b"." + b"\0" * 7, b"_" + b"\0" * 7)
    path = tmp_path / "lb.xpt"
    path.write_bytes(LIBRARY + made_by_hand(b"".join(cell + b"GLUC" for cell in cells)))
    one = xpt.read(path)["LB"]
    assert one.frame["LBSEQ"].to_list() == [1.0, None, None, None]
    assert (one.label, one.variables[1].label) == ("Laboratory Test Results", "Label of LBTEST")
    assert one.extra["xpt"]["sas_version"] == "9.4"
    assert xpt.write(study([one]), tmp_path / "again")[0].read_bytes() == path.read_bytes()
    moved = replace(one, frame=one.frame.reverse())
    with pytest.raises(DoesNotFitError, match=r"lb\.xpt, LB, LBSEQ: The rows have changed"):
        xpt.write(study([moved]), tmp_path / "moved")


def test_special_missing_values_are_told(tmp_path: Path) -> None:
    """.A and ._ would be nothing but empty in another format, and nobody be told; a plain missing value is no news."""
    path = tmp_path / "lb.xpt"
    cells = (b"A" + b"\0" * 7, b"A" + b"\0" * 7, b"." + b"\0" * 7, b"_" + b"\0" * 7, bytes.fromhex("4180000000000001"))
    path.write_bytes(LIBRARY + made_by_hand(b"".join(cell + b"GLUC" for cell in cells)))
    found = files.read(path)
    assert [(one.id, one.severity) for one in found.notes] == [("TB-FILE-0004", Severity.NOTE)]
    assert "(.A 2, ._ 1)" in found.notes[0].message
    path.write_bytes(LIBRARY + made_by_hand(b"." + b"\0" * 7 + b"GLUC"))
    assert files.read(path).notes == ()


def test_mainframe_numbers_come_back(tmp_path: Path) -> None:
    """A number with 56 bits, or an unnormalised one, would come back rounded."""
    cells = (bytes.fromhex("4180000000000001"), bytes.fromhex("4101000000000000"))
    path = tmp_path / "lb.xpt"
    path.write_bytes(LIBRARY + made_by_hand(b"".join(cell + b"GLUC" for cell in cells)))
    one = xpt.read(path)["LB"]
    assert one.frame["LBSEQ"].to_list() == [8.0, 0.0625]
    assert xpt.write(study([one]), tmp_path / "again")[0].read_bytes() == path.read_bytes()


def test_short_numbers(tmp_path: Path) -> None:
    """A numeric variable of 3 bytes would be misread, or a number cut to fit it."""
    path = tmp_path / "lb.xpt"
    path.write_bytes(LIBRARY + made_by_hand(bytes.fromhex("411000") + b"GLUC", length=3))
    one = xpt.read(path)["LB"]
    assert one.frame["LBSEQ"].to_list() == [1.0]
    assert xpt.write(study([one]), tmp_path / "again")[0].read_bytes() == path.read_bytes()
    third = replace(one, frame=one.frame.with_columns(LBSEQ=pl.lit(1 / 3)))
    with pytest.raises(DoesNotFitError, match=r"LB, row 1, LBSEQ: The number needs more than the 3 bytes"):
        xpt.write(study([third]), tmp_path / "cut")


def test_several_members_in_one_file(tmp_path: Path) -> None:
    """Only the first dataset of a file would be read."""
    row = bytes.fromhex("4110000000000000") + b"GLUC"
    path = tmp_path / "all.xpt"
    path.write_bytes(LIBRARY + made_by_hand(row) + made_by_hand(row * 9, "LC"))
    of = xpt.read(path)
    assert {one.name: one.frame.height for one in of} == {"LB": 1, "LC": 9}
    path.write_bytes(LIBRARY + made_by_hand(row) * 2)
    with pytest.raises(Exception, match="LB is given twice"):
        xpt.read(path)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda raw: raw[:-1], "80-byte records"),
        (lambda raw: raw[:-80], "last row"),
        (lambda raw: raw[:400], "not whole"),
        (lambda raw: raw[:960], "no header of observations"),
        (lambda raw: raw[:80].replace(b"LIBRARY ", b"LIBV8   ") + raw[80:], "version 8"),
        (lambda raw: b"x" + raw[1:], "no SAS XPORT"),
        (lambda raw: raw[:240] + b"x" + raw[241:], "member header"),
        (lambda raw: raw.replace(b"01600000000140", b"01600000000136"), "140 expected"),
        (lambda raw: raw.replace(struct.pack(">h8s", 2, b"LBTEST  "), struct.pack(">h8s", 2, b"LBSEQ   ")), "twice"),
        (lambda raw: raw[:640] + b"\0\x03" + raw[642:], "type 3"),
    ],
)
def test_a_broken_file_says_where(damage: Any, says: str, tmp_path: Path) -> None:
    """A cut or garbled file would be read in part."""
    path = tmp_path / "lb.xpt"
    raw = LIBRARY + made_by_hand((bytes.fromhex("4110000000000000") + b"GLUC") * 20)
    path.write_bytes(damage(raw))
    with pytest.raises(UnreadableInputError, match=says) as caught:
        xpt.read(path)
    assert caught.value.where.file == "lb.xpt"


def test_text_of_another_encoding(tmp_path: Path) -> None:
    """Latin-1 bytes would be read as something else, without saying in which row."""
    path = tmp_path / "lb.xpt"
    path.write_bytes(LIBRARY + made_by_hand(b"\x41\x10\0\0\0\0\0\0GLUC" + b"\x41\x10\0\0\0\0\0\0M\xfcll"))
    with pytest.raises(UnreadableInputError, match=r"lb\.xpt, LB, row 2, LBTEST: The text is not utf-8"):
        xpt.read(path)
    one = xpt.read(path, encoding="windows-1252")["LB"]
    assert one.frame["LBTEST"].to_list() == ["GLUC", "Müll"]
    assert xpt.write(study([one]), tmp_path / "again", encoding="windows-1252")[0].read_bytes() == path.read_bytes()


# --- two independent readers ---


def edge_table() -> Table:
    """The values on which writers of XPT are known to fail."""
    numbers = [0.0, None, -1.5, 1e-70, 7.2e75, 1 / 3, LARGEST, SMALLEST, -7.2e75]
    texts = ["x" * 200, None, " leading", "inner  blanks", '"', "0", ".", "a" * 79, "b"]
    frame = pl.DataFrame({"SUBJ": texts, "VALUE": numbers, "EMPTY": pl.Series([None] * 9, dtype=pl.String)})
    about = [Variable("SUBJ", "A label of exactly forty characters here"), Variable("VALUE", "Number")]
    return table("ZZ", frame, about, "A dataset label of exactly forty chars !")


def test_pyreadstat_reads_the_same(tmp_path: Path) -> None:
    """Our file would be readable by us alone."""
    one = edge_table()
    frame, about = pyreadstat.read_xport(str(xpt.write(study([one]), tmp_path)[0]), output_format="polars")
    assert frame["VALUE"].fill_nan(None).to_list() == one.frame["VALUE"].to_list()
    assert [text or None for text in frame["SUBJ"]] == one.frame["SUBJ"].to_list()
    assert about.column_labels == ["A label of exactly forty characters here", "Number", None]
    assert (about.table_name, about.file_label) == ("ZZ", "A dataset label of exactly forty chars !")
    assert about.variable_storage_width == {"SUBJ": 200, "VALUE": 8, "EMPTY": 1}


def test_polars_readstat_reads_the_same(tmp_path: Path) -> None:
    """Our file would be readable by us and ReadStat's way of reading alone."""
    one = edge_table()
    path = xpt.write(study([one]), tmp_path)[0]
    frame = polars_readstat.scan_readstat(str(path), missing_string_as_null=True).collect()
    assert frame.equals(one.frame)


@pytest.mark.parametrize("name", ["DM", "AE", "SUPPAE", "TR"])
def test_real_data_read_by_pyreadstat(name: str, real: Study, tmp_path: Path) -> None:
    """A cell of real data would differ for a reader that is not ours."""
    one = real[name]
    frame, _ = pyreadstat.read_xport(str(xpt.write(study([one]), tmp_path)[0]), output_format="polars")
    numbers = frame.with_columns(pl.col(pl.Float64).fill_nan(None))
    assert table(name, numbers, one.variables).frame.equals(one.frame)


def test_the_header_is_the_same_as_readstats(tmp_path: Path) -> None:
    """Our own header would differ from the one the field knows, beyond its dates."""
    frame = pl.DataFrame({"USUBJID": ["01", "02"], "AGE": [1.0, None]})
    pyreadstat.write_xport(frame, tmp_path / "dm.xpt", table_name="DM", file_format_version=5)
    theirs = (tmp_path / "dm.xpt").read_bytes()
    ours = xpt.write(study([table("DM", frame)]), tmp_path / "ours")[0].read_bytes()
    for start in (144, 160, 464, 480):  # the four dates of 16 characters
        theirs = theirs[:start] + b"01JAN60:00:00:00" + theirs[start + 16 :]
    justify = 640 + 140 + 68  # ReadStat says 1, to the right, of a number; SAS's own default is 0
    theirs = theirs[:justify] + b"\0\0" + theirs[justify + 2 :]
    assert ours == theirs


# --- what does not fit ---


@pytest.mark.parametrize(
    ("frame", "variable", "says"),
    [
        ({"A": ["x", "y" * 201]}, {}, r"dm\.xpt, DM, row 2, A: The value has 201 bytes"),
        ({"A": ["x", "yyy"]}, {"length": 2}, r"dm\.xpt, DM, row 2, A: The value has 3 bytes, the declared length is 2"),
        ({"A": ["x", None, "Müller"]}, {}, r"dm\.xpt, DM, row 3, A: 'ü' \(U\+00FC\) is not ascii"),
        ({"A": [1.0, 7.3e75]}, {}, r"dm\.xpt, DM, row 2, A: 7.3e\+75 is outside"),
        ({"A": [1.0, None, -1e-79]}, {}, r"dm\.xpt, DM, row 3, A: -1e-79 is outside"),
        ({"A": [float("nan")]}, {}, r"dm\.xpt, DM, row 1, A: nan is outside"),
        ({"A": [float("inf")]}, {}, r"dm\.xpt, DM, row 1, A: inf is outside"),
        ({"TOOLONGNA": ["x"]}, {}, r"dm\.xpt, DM, TOOLONGNA: 'TOOLONGNA' is no name"),
        ({"lower": ["x"]}, {}, "'lower' is no name"),
        ({"1A": ["x"]}, {}, "'1A' is no name"),
        ({"A B": ["x"]}, {}, "'A B' is no name"),
        ({"A": ["x"]}, {"label": "l" * 41}, r"dm\.xpt, DM, A: The label 'l+' has 41 bytes"),
        ({"A": ["x"]}, {"label": "Größe"}, r"dm\.xpt, DM, A: The label 'Größe' is not ascii"),
        ({"A": ["x", None]}, {}, r"dm\.xpt, DM, row 2: The last row has no value at all"),
    ],
)
def test_what_does_not_fit_names_its_place(
    frame: dict[str, list[Any]], variable: dict[str, Any], says: str, tmp_path: Path
) -> None:
    """A value, name or label would be cut or changed instead of refused."""
    name = next(iter(frame))
    one = table("DM", pl.DataFrame(frame), [Variable(name, **variable)])
    with pytest.raises(DoesNotFitError, match=says):
        xpt.write(study([one]), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "label"), [("TOOLONGNA", ""), ("D-M", ""), ("DM", "l" * 41)])
def test_a_dataset_name_or_label_that_does_not_fit(name: str, label: str, tmp_path: Path) -> None:
    """A dataset's name or label would be cut."""
    with pytest.raises(DoesNotFitError):
        xpt.write(study([table(name, pl.DataFrame({"A": ["x"]}), label=label)]), tmp_path)


def test_utf_8_on_request(tmp_path: Path) -> None:
    """Non-ASCII text could not be written even when asked for, or its bytes counted as characters."""
    one = table("DM", pl.DataFrame({"A": ["é" * 100, "x"]}), [Variable("A", "Größe")])
    path = xpt.write(study([one]), tmp_path, encoding="utf-8")[0]
    back = xpt.read(path)["DM"]
    assert back.frame.equals(one.frame)
    assert (back.variables[0].length, back.variables[0].label) == (200, "Größe")
    longer = table("DM", pl.DataFrame({"A": ["é" * 101]}))
    with pytest.raises(DoesNotFitError, match="202 bytes"):
        xpt.write(study([longer]), tmp_path, encoding="utf-8")


def test_an_edited_label_is_written(tmp_path: Path) -> None:
    """What a file carried along would win over what a user changed since."""
    path = tmp_path / "dm.xpt"
    pyreadstat.write_xport(pl.DataFrame({"A": ["x"]}), path, table_name="dm", file_label="Old", file_format_version=5)
    one = xpt.read(path)["DM"]
    edited = replace(one, label="New", variables=(replace(one.variables[0], label="New too"),))
    again = xpt.read(xpt.write(study([edited]), tmp_path / "again")[0])["DM"]
    assert (again.label, again.variables[0].label) == ("New", "New too")


@pytest.mark.parametrize("rows", [1, 2, 26, 27, 40, 53, 54, 81])
def test_empty_text_rows_before_the_end(rows: int, tmp_path: Path) -> None:
    """Blank rows would be taken for padding though more rows follow, or the count go wrong at a record's edge."""
    texts = [None] * (rows - 1) + ["abc"]
    one = table("DM", pl.DataFrame({"A": pl.Series(texts, dtype=pl.String)}))
    assert xpt.read(xpt.write(study([one]), tmp_path)[0])["DM"].frame.equals(one.frame)


PRINTABLE = st.text(st.characters(min_codepoint=1, max_codepoint=126), min_size=1, max_size=200)


@given(st.lists(st.tuples(st.none() | PRINTABLE, st.none() | HELD), max_size=30))
def test_any_ascii_text_and_number_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """Some text or number would not come back; trailing blanks have no meaning in XPT."""
    frame = pl.DataFrame(rows, {"T": pl.String, "N": pl.Float64}, orient="row")
    path = xpt.write(study([table("DM", frame)]), tmp_path_factory.mktemp("any"))[0]
    expected = [((text or "").rstrip(" ") or None, number) for text, number in rows]
    assert xpt.read(path)["DM"].frame.rows() == expected
