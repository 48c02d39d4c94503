"""Dataset-JSON 1.1 in its three forms: the specification's own example, attributes that come back, errors with lines."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.sdtm import files
from trialbridge.sdtm.files import dataset_json, dataset_ndjson, dsjc
from trialbridge.sdtm.table import Variable, study, table

if TYPE_CHECKING:
    from pathlib import Path

# After the full example of the specification, with its kinds of columns.
EXAMPLE: dict[str, Any] = {
    "datasetJSONCreationDateTime": "2023-06-28T15:38:43",
    "datasetJSONVersion": "1.1.0",
    "fileOID": "www.sponsor.xyz.org.project123.final",
    "dbLastModifiedDateTime": "2023-05-31T00:00:00",
    "originator": "Sponsor XYZ",
    "sourceSystem": {"name": "Software ABC", "version": "1.0.0"},
    "studyOID": "cdisc.com.CDISCPILOT01",
    "metaDataVersionOID": "MDV.MSGv2.0.SDTMIG.3.3.SDTM.1.7",
    "metaDataRef": "https://metadata.location.org/CDISCPILOT01/define.xml",
    "itemGroupOID": "IG.DM",
    "isReferenceData": False,
    "records": 3,
    "name": "DM",
    "label": "Demographics",
    "columns": [
        {"itemOID": "IT.DM.STUDYID", "name": "STUDYID", "label": "Study Identifier", "dataType": "string", "length": 12, "keySequence": 1},
        {"itemOID": "IT.DM.RFSTDTC", "name": "RFSTDTC", "label": "Start", "dataType": "date"},
        {"itemOID": "IT.DM.AGE", "name": "AGE", "label": "Age", "dataType": "integer", "length": 3},
        {"itemOID": "IT.DM.BMI", "name": "BMI", "label": "BMI", "dataType": "decimal", "targetDataType": "decimal", "length": 16},
        {"itemOID": "IT.DM.DOSE", "name": "DOSE", "label": "Dose", "dataType": "double", "displayFormat": "8.2"},
        {"itemOID": "IT.DM.SAFE", "name": "SAFE", "label": "Safe", "dataType": "boolean"},
        {"itemOID": "IT.DM.TRTSDT", "name": "TRTSDT", "label": "First", "dataType": "date", "targetDataType": "integer", "displayFormat": "E8601DA."},
    ],
    "rows": [
        ["CDISCPILOT01", "2014-01", 84, "30.8983333232059", 1.5, True, "2014-01-02"],
        ["CDISCPILOT01", None, None, "162.90", 2, False, None],
        ["CDISCPILOT01", "2014", 76, None, None, None, "2014-07-02"],
    ],
}  # fmt: skip


def as_json(content: dict[str, Any]) -> bytes:
    """One object."""
    return json.dumps(content).encode()


def as_lines(content: dict[str, Any]) -> bytes:
    """A line of metadata, a line a row."""
    head = {key: value for key, value in content.items() if key != "rows"}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (head, *content["rows"]))


FORMS = {"json": as_json, "ndjson": as_lines, "dsjc": lambda content: zlib.compress(as_lines(content))}


def content_of(path: Path) -> dict[str, Any]:
    """What a file says, by Python's own json and zlib."""
    raw = path.read_bytes()
    if path.suffix == ".json":
        return json.loads(raw)
    lines = (zlib.decompress(raw) if path.suffix == ".dsjc" else raw).decode().splitlines()
    return {**json.loads(lines[0]), "rows": [json.loads(line) for line in lines[1:]]}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("to", FORMS)
def test_everything_comes_back_in_every_form(form: str, to: str, tmp_path: Path) -> None:
    """An attribute, an item's metadata, the spelling of a decimal or the order of the attributes would be lost."""
    path = tmp_path / f"dm.{form}"
    path.write_bytes(FORMS[form](EXAMPLE))
    again = content_of(files.write(files.read(path), tmp_path / "again", to)[0])
    assert again == EXAMPLE
    assert list(again) == list(EXAMPLE)
    assert [list(column) for column in again["columns"]] == [list(column) for column in EXAMPLE["columns"]]


def test_the_normal_form_of_the_example(tmp_path: Path) -> None:
    """A column would come in the wrong type, or a missing value as a text."""
    path = tmp_path / "dm.json"
    path.write_bytes(as_json(EXAMPLE))
    one = dataset_json.read(path)["DM"]
    assert [of.type for of in one.variables] == ["Char", "Char", "Num", "Num", "Num", "Num", "Char"]
    assert one.frame["AGE"].to_list() == [84.0, None, 76.0]
    assert one.frame["BMI"].to_list() == [30.8983333232059, 162.9, None]
    assert one.frame["SAFE"].to_list() == [1.0, 0.0, None]
    assert one.variables[0].length == 12
    assert one.variables[0].extra["keySequence"] == 1


def test_pretty_printed_json_and_lines_with_carriage_returns(tmp_path: Path) -> None:
    """An indented file would be taken for NDJSON, or Windows line ends break a row."""
    path = tmp_path / "dm.json"
    path.write_text(json.dumps(EXAMPLE, indent=2))
    assert files.sniff(path) == "json"
    pretty = files.read(path)["DM"].frame
    path.write_bytes(as_lines(EXAMPLE).replace(b"\n", b"\r\n"))
    assert files.sniff(path) == "ndjson"
    assert files.read(path)["DM"].frame.equals(pretty)


def test_a_gzip_stream_is_read(tmp_path: Path) -> None:
    """A .dsjc that a writer made with gzip would be refused."""
    path = tmp_path / "dm.dsjc"
    path.write_bytes(gzip.compress(as_lines(EXAMPLE)))
    assert dsjc.read(path)["DM"].frame.height == 3


def test_no_rows(tmp_path: Path) -> None:
    """Metadata sent without data (records 0, rows left out) would be refused."""
    path = tmp_path / "dm.json"
    path.write_bytes(as_json({key: value for key, value in EXAMPLE.items() if key != "rows"} | {"records": 0}))
    assert dataset_json.read(path)["DM"].frame.shape == (0, 7)


def without(key: str) -> dict[str, Any]:
    """The example lacking an attribute."""
    return {name: value for name, value in EXAMPLE.items() if name != key}


def with_cell(row: int, column: int, value: Any) -> dict[str, Any]:
    """The example with one other cell."""
    rows = [list(cells) for cells in EXAMPLE["rows"]]
    rows[row][column] = value
    return {**EXAMPLE, "rows": rows}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({**EXAMPLE, "records": 4}, "DM.*says 4 records, the file has 3"),
        (with_cell(1, 2, "84"), r"DM, row 2,.*AGE"),
        (with_cell(1, 2, 1.5), r"DM, row 2,.*AGE"),
        (with_cell(2, 0, 7), r"DM, row 3,.*STUDYID"),
        (with_cell(0, 3, "30,x"), r"row 1, BMI: '30,x' is no decimal"),
        (with_cell(0, 3, "1e999"), "row 1, BMI: '1e999' is no decimal"),
        (with_cell(0, 3, "nan"), "row 1, BMI: 'nan' is no decimal"),
        (with_cell(0, 2, 9007199254740993), "row 1, AGE: 9007199254740993 is an integer no double holds"),
        ({**EXAMPLE, "rows": [*EXAMPLE["rows"][:2], ["short"]]}, "DM, row 3"),
        ({**EXAMPLE, "datasetJSONVersion": "1.0.0"}, "Dataset-JSON 1.0.0, not 1.1"),
        ({**EXAMPLE, "columns": [{**EXAMPLE["columns"][0], "dataType": "text"}] * 7}, "'text' is no dataType"),
        ({**EXAMPLE, "columns": [EXAMPLE["columns"][0]] * 7, "rows": [], "records": 0}, "twice"),
        *((without(key), key) for key in ("records", "name", "label", "columns", "itemGroupOID", "datasetJSONVersion")),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_wrong_is_named(form: str, content: dict[str, Any], says: str, tmp_path: Path) -> None:
    """A wrong type, a short row, a wrong count or a missing attribute would pass or end in a traceback."""
    path = tmp_path / f"dm.{form}"
    path.write_bytes(FORMS[form](content))
    with pytest.raises(UnreadableInputError) as caught:
        files.read(path, kind=form)
    assert re.search(says, str(caught.value))
    assert caught.value.where.file == path.name


def test_a_cut_ndjson_names_its_line(tmp_path: Path) -> None:
    """A file cut within a row, or after one, would be read in part."""
    path = tmp_path / "dm.ndjson"
    lines = as_lines(EXAMPLE)
    path.write_bytes(lines[:-10])
    with pytest.raises(UnreadableInputError, match="line 4"):
        dataset_ndjson.read(path)
    path.write_bytes(lines[: lines.rindex(b"[")])
    with pytest.raises(UnreadableInputError, match=r"line 3.*says 3 records, the file has 2"):
        dataset_ndjson.read(path)


def test_bytes_after_the_stream_are_refused(tmp_path: Path) -> None:
    """Bytes appended to a compressed file would go unseen."""
    path = tmp_path / "dm.dsjc"
    path.write_bytes(FORMS["dsjc"](EXAMPLE) + b"more")
    with pytest.raises(UnreadableInputError, match="Other bytes follow"):
        dsjc.read(path)


def test_decimals_of_changed_rows_are_not_guessed(tmp_path: Path) -> None:
    """162.90 would be written at another record, or lose its zero without a word."""
    path = tmp_path / "dm.json"
    path.write_bytes(as_json(EXAMPLE))
    one = dataset_json.read(path)["DM"]
    with pytest.raises(DoesNotFitError, match=r"DM, BMI: The rows have changed"):
        dataset_json.write(study([replace(one, frame=one.frame.reverse())]), tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_json_lacks_are_refused(number: float, tmp_path: Path) -> None:
    """NaN would be written as null."""
    with pytest.raises(DoesNotFitError, match="DM, row 2, AGE"):
        dataset_json.write(study([table("DM", pl.DataFrame({"AGE": [1.0, number]}))]), tmp_path)


def test_what_a_plain_table_gets(tmp_path: Path) -> None:
    """A required attribute would be missing, or the creation time come from the clock."""
    frame = pl.DataFrame({"USUBJID": ["1"], "AGE": [40.0], "BMI": [22.5], "DMDY": pl.Series([None], dtype=pl.Float64)})
    variables = [Variable("AGE", "Age", "Num"), Variable("USUBJID", length=20)]
    content = content_of(dataset_json.write(study([table("DM", frame, variables, "Demographics")]), tmp_path)[0])
    assert content == {
        "datasetJSONCreationDateTime": "1960-01-01T00:00:00",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": "IG.DM",
        "records": 1,
        "name": "DM",
        "label": "Demographics",
        "columns": [
            {"itemOID": "IT.DM.USUBJID", "name": "USUBJID", "label": "", "dataType": "string", "length": 20},
            {"itemOID": "IT.DM.AGE", "name": "AGE", "label": "Age", "dataType": "integer"},
            {"itemOID": "IT.DM.BMI", "name": "BMI", "label": "", "dataType": "float"},
            {"itemOID": "IT.DM.DMDY", "name": "DMDY", "label": "", "dataType": "float"},
        ],
        "rows": [["1", 40, 22.5, None]],
    }


def test_an_xpt_format_is_a_display_format(tmp_path: Path) -> None:
    """What XPT and Dataset-JSON both know would be lost between them, or XPT's own header leak into JSON."""
    one = table("DM", pl.DataFrame({"D": [1.0]}), [Variable("D", "Date", "Num", extra={"displayFormat": "DATE9."})])
    through = files.read(files.write(study([one]), tmp_path, "xpt"))
    column = content_of(files.write(through, tmp_path, "json")[0])["columns"][0]
    assert column == {
        "itemOID": "IT.DM.D",
        "name": "D",
        "label": "Date",
        "dataType": "integer",
        "displayFormat": "DATE9.",
    }


@given(
    st.lists(
        st.tuples(st.none() | st.text(min_size=1), st.none() | st.floats(allow_nan=False, allow_infinity=False)),
        max_size=20,
    )
)
def test_any_text_and_number_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """Some character or number would change in JSON."""
    one = table("DM", pl.DataFrame(rows, {"T": pl.String, "N": pl.Float64}, orient="row"))
    path = dataset_ndjson.write(study([one]), tmp_path_factory.mktemp("any"))[0]
    assert dataset_ndjson.read(path)["DM"].frame.rows() == one.frame.rows()
