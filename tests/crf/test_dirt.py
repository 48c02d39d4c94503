"""Dirt, a kind a test: each gives the right value or a question, never a silent guess.

What is right is written down here by hand, from the calendar, SDTMIG 4.4 (dates) and the CDISC terminology.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("trialbridge_test_dirty", Path(__file__).with_name("dirty.py"))
dirty = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(dirty)
convert, one_cell, book = dirty.convert, dirty.one_cell, dirty.book

DATE = {"date": "Value"}
NUMBER = {"assign": "Value"}
MALE = {"assign_ct": "Value"}

READ = {  # what is read as it stands: text, domain, variable, line, reading, value
    "ISO date": ("2019-12-25", "VS", "VSDTC", DATE, {}, "2019-12-25"),
    "day first, as announced": ("03-04-2019", "VS", "VSDTC", DATE, {"dates": "day-first"}, "2019-04-03"),
    "month first, as announced": ("03/04/2019", "VS", "VSDTC", DATE, {"dates": "month-first"}, "2019-03-04"),
    "a day that can be no month": ("25/12/2019", "VS", "VSDTC", DATE, {}, "2019-12-25"),
    "the same day and month": ("04-04-2019", "VS", "VSDTC", DATE, {}, "2019-04-04"),
    "Dutch month": ("5 mrt. 2019", "VS", "VSDTC", DATE, {}, "2019-03-05"),
    "Dutch month in full": ("1 augustus 2019", "VS", "VSDTC", DATE, {}, "2019-08-01"),
    "English month": ("05-Oct-2019", "VS", "VSDTC", DATE, {}, "2019-10-05"),
    "SAS date": ("05OCT2019", "VS", "VSDTC", DATE, {}, "2019-10-05"),
    "weekday and ordinal": ("Monday 5th of August 2019", "VS", "VSDTC", DATE, {}, "2019-08-05"),
    "unknown day": ("UN-JUN-2019", "VS", "VSDTC", DATE, {}, "2019-06"),
    "unknown day and month": ("??/??/2019", "VS", "VSDTC", DATE, {}, "2019"),
    "month and year": ("06-2019", "VS", "VSDTC", DATE, {}, "2019-06"),
    "dots": ("25.12.2019", "VS", "VSDTC", DATE, {}, "2019-12-25"),
    "date and Dutch time": ("2019-12-25 14u30", "VS", "VSDTC", DATE, {}, "2019-12-25T14:30"),
    "date and time with pm": ("25/12/2019 2:30 PM", "VS", "VSDTC", DATE, {}, "2019-12-25T14:30"),
    "blanks and invisible characters": ("\u00a0 2019-12-25\u200b ", "VS", "VSDTC", DATE, {}, "2019-12-25"),
    "word for missing, as announced": ("Onbekend", "VS", "VSDTC", DATE, {"missing": ["onbekend"]}, None),
    "decimal comma": ("12,5", "DM", "AGE", NUMBER, {"decimal": "comma"}, 12.5),
    "decimal comma that tells itself": ("12,5", "DM", "AGE", NUMBER, {}, 12.5),
    "both signs, European": ("1.234,5", "DM", "AGE", NUMBER, {}, 1234.5),
    "both signs, English": ("1,234.5", "DM", "AGE", NUMBER, {}, 1234.5),
    "thousands by a blank": ("1 234", "DM", "AGE", NUMBER, {}, 1234.0),
    "thousands by a comma, as announced": ("1,234", "DM", "AGE", NUMBER, {"decimal": "point"}, 1234.0),
    "typographic minus": ("\u22125", "VS", "VSSTRESN", NUMBER, {}, -5.0),
    "full-width digits": ("\uff16\uff15", "DM", "AGE", NUMBER, {}, 65.0),
    "code in other letters": ("nivolumab MG".split()[1], "EX", "EXDOSU", MALE, {}, "mg"),
    "synonym of a code": ("Female", "DM", "SEX", MALE, {}, "F"),
    "yes in Dutch": ("ja", "AE", "AESER", MALE, {}, "Y"),
    "no as a number": ("0", "AE", "AESER", MALE, {}, "N"),
    "inner blanks in a text": ("Shortness  of\u00a0 breath ", "AE", "AETERM", NUMBER, {}, "Shortness of breath"),
    "leading zeros": ("007", "DM", "SITEID", NUMBER, {}, "007"),
}
ASKED = {  # what is asked: text, domain, variable, line, reading, kind, proposal
    "day and month swapped or not": ("03-04-2019", "VS", "VSDTC", DATE, {}, "day and month may be swapped", "2019-04-03"),
    "swapped against the announced order": (
        *("12/25/2019", "VS", "VSDTC", DATE, {"dates": "day-first"}),
        *("day and month may be swapped", "2019-12-25"),
    ),
    "a day the month does not have": ("31-02-2019", "VS", "VSDTC", DATE, {}, "impossible date", "2019-02"),
    "no leap year": ("2019-02-29", "VS", "VSDTC", DATE, {}, "impossible date", "2019-02"),
    "month 13": ("2019-13-01", "VS", "VSDTC", DATE, {}, "impossible date", "2019"),
    "two digits of a year": ("5 mrt 19", "VS", "VSDTC", DATE, {}, "two-digit year", "2019-03-05"),
    "a spreadsheet's day": ("43682", "VS", "VSDTC", DATE, {}, "date as a number", "2019-08-05"),
    "no date": ("last summer", "VS", "VSDTC", DATE, {}, "unreadable date", ""),
    "no time of day": ("2019-12-25 25:10", "VS", "VSDTC", DATE, {}, "unreadable time", "2019-12-25"),
    "no time of day in ISO 8601": ("2019-12-25T24:10", "VS", "VSDTC", DATE, {}, "unreadable time", "2019-12-25"),
    "in the future": ("2091-12-25", "VS", "VSDTC", DATE, {"latest": "2021-03-01"}, "date out of range", ""),
    "before any patient": ("1019-12-25", "VS", "VSDTC", DATE, {}, "date out of range", ""),
    "unk": ("unk", "AE", "AETERM", NUMBER, {}, "word for missing", ""),
    "a limit in a number": (">5", "DM", "AGE", NUMBER, {}, "not a number", ""),
    "a decimal or thousands comma": ("1,234", "DM", "AGE", NUMBER, {}, "decimal or thousands separator", "1234"),
    "a decimal or thousands point": ("1.234", "DM", "AGE", NUMBER, {}, "decimal or thousands separator", "1.234"),
    "the other decimal sign": ("12.5", "DM", "AGE", NUMBER, {"decimal": "comma"}, "decimal or thousands separator", "12.5"),
    "a unit with the number": ("65 years", "DM", "AGE", NUMBER, {}, "not a number", "65"),
    "a letter O among digits": ("6O", "DM", "AGE", NUMBER, {}, "not a number", "60"),
    "a percentage": ("5%", "DM", "AGE", NUMBER, {}, "not a number", "5"),
    "a typo in a code": ("recoverd/resolved", "AE", "AEOUT", MALE, {}, "unmapped code", "RECOVERED/RESOLVED"),
    "a code of no list": ("Z", "DM", "SEX", MALE, {}, "unmapped code", ""),
    "neither yes nor no": ("maybe", "AE", "AESER", MALE, {}, "unmapped code", ""),
    "wrong encoding": ("Mu\u0308ller".replace("u\u0308", "\u00c3\u00bc"), "AE", "AETERM", NUMBER, {}, "broken characters", "Müller"),
    "a lost character": ("M\ufffdller", "AE", "AETERM", NUMBER, {}, "broken characters", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_read(tmp_path, name):
    """A text that can be read for certain would be asked about, or read wrongly."""
    text, domain, variable, line, reading, value = READ[name]
    found = one_cell(tmp_path, text, domain, variable, line, **reading)
    assert found.asked == []
    assert found.values(domain, variable) == [value]


@pytest.mark.parametrize("name", ASKED)
def test_asked(tmp_path, name):
    """A doubtful text would be guessed at, or its question lack the proposal."""
    text, domain, variable, line, reading, kind, proposal = ASKED[name]
    found = one_cell(tmp_path, text, domain, variable, line, **reading)
    assert found.asked == [(kind, "Value", proposal)]
    assert found.values(domain, variable) == [None]


# --- what only a workbook has -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "domain", "variable", "line", "value"),
    [
        (dt.date(2019, 4, 3), "VS", "VSDTC", DATE, "2019-04-03"),
        (dt.datetime(2019, 4, 3, 14, 30), "VS", "VSDTC", DATE, "2019-04-03T14:30"),  # noqa: DTZ001 - Excel has no zones
        ("65", "DM", "AGE", NUMBER, 65.0),
        (65, "DM", "AGE", NUMBER, 65.0),
        (True, "AE", "AESER", MALE, "Y"),
        (1.234, "VS", "VSSTRESN", NUMBER, 1.234),
        (7, "DM", "SITEID", NUMBER, "7"),
    ],
    ids=["date", "date and time", "number as text", "number", "boolean", "three decimals", "number as identifier"],
)
def test_typed_cells(tmp_path, typed, domain, variable, line, value):
    """A typed cell would be read through its looks: a date turned, a decimal taken for thousands."""
    found = one_cell(tmp_path, "", domain, variable, line, typed=typed, decimal="comma")
    assert (found.asked, found.values(domain, variable)) == ([], [value])


def vitals(folder, rows, change=None, **sections):
    """A sheet of weights converted."""
    block = {"domain": "VS", "from": "form", "variables": {"VSTESTCD": "'WEIGHT'", "VSORRES": "Weight"}}
    return convert(folder, book(folder, rows, change), [block], **sections)


def test_merged_cells(tmp_path):
    """A subject merged over its rows would stand in the first of them alone."""
    rows = [["Subject", "Visit", "Weight"], ["01", "A", 70], [None, "B", 71], ["02", "A", 80]]
    found = vitals(tmp_path, rows, lambda sheet: sheet.merge_cells("A2:A3"))
    assert found.values("VS", "USUBJID") == ["S-01", "S-01", "S-02"]
    assert found.asked == []


def test_a_subject_that_is_not_merged_is_asked_for(tmp_path):
    """An empty cell below a subject would silently take the subject above."""
    found = vitals(tmp_path, [["Subject", "Weight"], ["01", 70], [None, 71]])
    assert found.values("VS", "USUBJID") == ["S-01"]
    assert [kind for kind, *_ in found.asked] == ["key is empty"]
    assert [one.row for one in found.done.rejected] == [3]


def test_merged_header(tmp_path):
    """A header of two rows, merged across, would lose which column is which."""
    rows = [["Subject", "Body", None], [None, "Weight", "Height"], ["01", 70, 180]]

    def merge(sheet):
        sheet.merge_cells("B1:C1")
        sheet.merge_cells("A1:A2")

    block = {"domain": "VS", "from": "form", "variables": {"VSTESTCD": "'WEIGHT'", "VSORRES": "Body / Weight"}}
    found = convert(tmp_path, book(tmp_path, rows, merge), [block])
    assert found.values("VS", "VSORRES") == ["70"]


def test_title_above_the_header(tmp_path):
    """A title row would be taken for the header."""
    found = vitals(tmp_path, [["Vital signs of our centre"], [], ["Subject", "Weight"], ["01", 70]])
    assert found.values("VS", "VSORRES") == ["70"]


def test_header_row_as_announced(tmp_path):
    """A header that the study file places would be looked for elsewhere."""
    from trialbridge.crf.files import xlsx

    path = book(tmp_path, [["made", "by", "hand"], ["Subject", "Weight"], ["01", 70]])
    form = xlsx.read(path, {"Form": (2, 2)}).forms["Form"]
    assert [one.name for one in form.columns[:2]] == ["Subject", "Weight"]


def test_hidden_column(tmp_path):
    """A hidden column would be read, or left out, without a word."""

    def hide(sheet):
        sheet.column_dimensions["B"].hidden = True

    found = vitals(tmp_path, [["Subject", "Weight"], ["01", 70]], hide)
    assert found.values("VS", "VSORRES") == ["70"]
    assert "TB-CRF-HIDDEN" in found.findings


def test_hidden_rows(tmp_path):
    """Rows hidden by a filter would be read, or left out, without a word."""

    def hide(sheet):
        sheet.row_dimensions[3].hidden = True

    found = vitals(tmp_path, [["Subject", "Weight"], ["01", 70], ["02", 80]], hide)
    assert found.values("VS", "VSORRES") == ["70", "80"]
    assert "TB-CRF-HIDDEN" in found.findings


def test_blank_rows(tmp_path):
    """Empty rows would end the table, or become records."""
    found = vitals(tmp_path, [["Subject", "Weight"], ["01", 70], [], [None, " "], ["02", 80]])
    assert found.values("VS", "VSORRES") == ["70", "80"]


def test_formula_without_a_value(tmp_path):
    """A formula that was never calculated would give its text as the value."""
    found = vitals(tmp_path, [["Subject", "Weight"], ["01", "=70+1"]])
    assert found.values("VS", "VSORRES") == [None]
    assert [kind for kind, *_ in found.asked] == ["formula without a value"]


def test_formula_with_a_value(tmp_path):
    """A formula's stored value would not be read."""
    import zipfile

    path = book(tmp_path, [["Subject", "Weight"], ["01", "=70+1"]])
    with zipfile.ZipFile(path) as given:  # as Excel saves it: with the result
        parts = {one: given.read(one) for one in given.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = (
        parts[name].replace(b"<v></v>", b"<v>71</v>").replace(b"<v />", b"<v>71</v>").replace(b"<v/>", b"<v>71</v>")
    )
    with zipfile.ZipFile(path, "w") as made:
        for one, data in parts.items():
            made.writestr(one, data)
    block = {"domain": "VS", "from": "form", "variables": {"VSORRES": "Weight"}}
    assert convert(tmp_path, path, [block]).values("VS", "VSORRES") == ["71"]


def test_error_in_a_cell(tmp_path):
    """#N/A would become a result."""

    def fail(sheet):
        sheet["B2"].value, sheet["B2"].data_type = "#N/A", "e"

    found = vitals(tmp_path, [["Subject", "Weight"], ["01", 0]], fail)
    assert found.values("VS", "VSORRES") == [None]
    assert [kind for kind, *_ in found.asked] == ["error in the cell"]


def test_percent_format(tmp_path):
    """A cell that shows 5% would be read as 0.05, or as 5, without a question."""

    def percent(sheet):
        sheet["B2"].number_format = "0%"

    block = {"domain": "VS", "from": "form", "variables": {"VSSTRESN": "Weight"}}
    found = convert(tmp_path, book(tmp_path, [["Subject", "Weight"], ["01", 0.05]], percent), [block])
    assert found.values("VS", "VSSTRESN") == [None]
    assert found.asked == [("not a number", "Weight", "5")]


def test_columns_of_one_name(tmp_path):
    """The second of two columns with one name would hide the first."""
    found = vitals(tmp_path, [["Subject", "Weight", "Weight"], ["01", 70, 71]])
    assert found.values("VS", "VSORRES") == ["70"]
    assert "TB-CRF-HEADER" in found.findings


def test_column_without_a_name(tmp_path):
    """A column without a name would vanish."""
    found = vitals(tmp_path, [["Subject", "Weight", None], ["01", 70, "see letter"]])
    assert "TB-CRF-HEADER" in found.findings
    assert found.values("VS", "VSORRES") == ["70"]


# --- records ----------------------------------------------------------------------------------------------------------

KEYED = {"form": {"table": "Form", "keys": ["Subject"]}}


def test_duplicate_record(tmp_path):
    """A record given twice would be counted twice, or dropped without a question."""
    found = vitals(tmp_path, [["Subject", "Weight"], ["01", 70], ["01", 70]], sources=KEYED)
    assert [kind for kind, *_ in found.asked] == ["duplicate record"]
    assert found.values("VS", "VSORRES") == ["70"]
    assert [one.row for one in found.done.rejected] == [3]


def test_same_key_other_values(tmp_path):
    """Of two records with one key, one would win without a question."""
    found = vitals(tmp_path, [["Subject", "Weight"], ["01", 70], ["01", 72]], sources=KEYED)
    assert [kind for kind, *_ in found.asked] == ["same key, different values"]


def test_number_of_another_form(tmp_path):
    """A subject's number that lost its zeros in a spreadsheet would become another subject."""
    found = vitals(tmp_path, [["Subject", "Weight"], ["001", 70], [2, 71]], subjects={"pattern": r"\d{3}"})
    assert found.values("VS", "USUBJID") == ["S-001"]
    assert [kind for kind, *_ in found.asked] == ["unknown subject"]


def test_subject_that_nobody_enrolled(tmp_path):
    """Records of a subject without demography would pass without a question."""
    rows = [["Subject", "Sex", "Weight"], ["01", "M", 70], ["02", None, 71]]
    blocks = [
        {"domain": "DM", "from": "form", "when": "[Sex] is given", "variables": {"SEX": {"assign_ct": "Sex"}}},
        {"domain": "VS", "from": "form", "variables": {"VSORRES": "Weight"}},
    ]
    found = convert(tmp_path, book(tmp_path, rows), blocks)
    assert found.asked == [("unknown subject", "Subject", "")]
    assert found.values("VS", "VSORRES") == ["70", "71"]


def test_end_before_start(tmp_path):
    """An event that ends before it begins would pass without a question."""
    rows = [
        ["Subject", "Event", "From", "To"],
        ["01", "Cough", "2019-05-02", "2019-05-01"],
        ["01", "Rash", "2019-05-02", "2019-05"],
    ]
    variables = {"AETERM": "Event", "AESTDTC": {"date": "From"}, "AEENDTC": {"date": "To"}}
    found = convert(tmp_path, book(tmp_path, rows), [{"domain": "AE", "from": "form", "variables": variables}])
    assert found.asked == [("end before start", "To", "")]
    assert found.values("AE", "AEENDTC") == ["2019-05-01", "2019-05"]


def test_two_records_to_look_up(tmp_path):
    """Of two different values to look up, one would be taken without a question."""
    rows = [["Subject", "Weight", "Consent"], ["01", 70, "2019-05-01"], ["01", 71, "2019-05-02"]]
    variables = {"RFICDTC": {"lookup": "Consent", "in": "form"}}
    block = {"domain": "DM", "from": "form", "when": "[Weight] = 70", "variables": variables}
    found = convert(tmp_path, book(tmp_path, rows), [block])
    assert [kind for kind, *_ in found.asked] == ["no single record to look up"]
    assert found.values("DM", "RFICDTC") == [None]


def test_limit_in_a_result(tmp_path):
    """A result below the limit of detection would be asked about, lose its sign, or become a number."""
    rows = [["Subject", "ALT"], ["01", "<5"], ["02", 40]]
    variables = {
        "LBTESTCD": "'ALT'",
        "LBORRES": "ALT",
        "LBSTRESC": {"convert": "ALT", "times": 2},
        "LBSTRESN": {"derive": "number"},
    }
    found = convert(tmp_path, book(tmp_path, rows), [{"domain": "LB", "from": "form", "variables": variables}])
    assert found.asked == []
    assert found.values("LB", "LBORRES") == ["<5", "40"]
    assert found.values("LB", "LBSTRESC") == ["<10", "80"]
    assert found.values("LB", "LBSTRESN") == [None, 80.0]
    assert found.values("LB", "LBTEST") == ["Alanine Aminotransferase"] * 2


# --- text files -------------------------------------------------------------------------------------------------------

TERM = [{"domain": "AE", "from": "form", "variables": {"AETERM": "Event"}}]


@pytest.mark.parametrize(
    ("data", "asked", "finding", "value"),
    [
        ("Subject;Event\n01;Ödeem\n".encode("cp1252"), [], "TB-CRF-ENCODING", "Ödeem"),
        ("Subject,Event\n01,Ödeem\n".encode("utf-16"), [], None, "Ödeem"),
        ("\ufeffSubject,Event\n01,Ödeem\n".encode(), [], None, "Ödeem"),
        (b'Subject;Event\r\n01;"Cough; with\r\nfever"\r\n', [], None, "Cough; with fever"),
        (b"sep=;\nSubject;Event\n01;Cough\n", [], None, "Cough"),
        (b"Subject\tEvent\n01\tCough\n", [], None, "Cough"),
    ],
    ids=["Windows-1252", "UTF-16", "byte order mark", "delimiter and line end in quotes", "sep= line", "tabs"],
)
def test_text_files(tmp_path, data, asked, finding, value):
    """A text file would be read in the wrong encoding or cut at the wrong sign."""
    path = tmp_path / "form.csv"
    path.write_bytes(data)
    found = convert(tmp_path, path, TERM)
    assert (found.asked, found.values("AE", "AETERM")) == (asked, [value])
    assert [one for one in found.findings if one.startswith("TB-CRF-E")] == ([finding] if finding else [])


def test_mixed_encodings(tmp_path):
    """A line in another encoding than the rest of its file would be taken as it looks."""
    path = tmp_path / "form.csv"
    path.write_bytes("Subject,Event\n01,Ödeem\n".encode() + "02,Ödeem\n".encode("cp1252"))
    found = convert(tmp_path, path, TERM)
    assert found.asked == [("broken characters", "Event", "Ödeem")]
    assert found.values("AE", "AETERM") == ["Ödeem", None]


def test_row_with_too_many_cells(tmp_path):
    """A comma in an unquoted text would move all that follows, without a word."""
    path = tmp_path / "form.csv"
    path.write_bytes(b"Subject,Event\n01,Cough, dry\n")
    assert "TB-CRF-ROW" in convert(tmp_path, path, TERM).findings


def test_a_condition_on_a_column_that_is_not_there(tmp_path):
    """A misspelled column in a condition would silently make no rows."""
    from trialbridge.base.errors import UnreadableInputError

    block = {"domain": "VS", "from": "form", "when": "[Wieght] is given", "variables": {"VSORRES": "Weight"}}
    with pytest.raises(UnreadableInputError, match="Wieght"):
        convert(tmp_path, book(tmp_path, [["Subject", "Weight"], ["01", 70]]), [block])
