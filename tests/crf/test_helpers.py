"""init, profile, preview, template: what helps to write a study file, and what helps to fill the forms."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

from trialbridge.base.errors import UnreadableInputError
from trialbridge.cli import app
from trialbridge.crf.files import read
from trialbridge.sdtm import terminology
from trialbridge.study_file.load import load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

from redcap_oncology import generate  # noqa: E402 - the examples are no installed package


def run(*words):
    """The command line in this process: exit code, standard output, standard error."""
    done = CliRunner().invoke(app, [str(one) for one in words], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def redcap(tmp_path):
    """The invented REDCap project."""
    generate.write(tmp_path / "redcap")
    return tmp_path / "redcap" / "flat"


@pytest.fixture
def dutch(tmp_path):
    """A workbook as a Dutch centre writes it."""
    book = openpyxl.Workbook()
    people = book.active
    people.title = "Patiënten"
    people.append(["Patiënt", "Geslacht", "Geboortedatum", "Datum toestemming"])
    for number, (sex, born) in enumerate([("man", "05-03-1950"), ("vrouw", "25-12-1961"), ("man", "13-07-1948")], 1):
        people.append([f"P{number:02d}", sex, born, dt.date(2020, 1, number)])
    events = book.create_sheet("Bijwerkingen")
    events.append(["Patiënt", "Omschrijving", "Graad", "Begindatum", "Einddatum", "Ernstig", "Afloop"])
    events.append(["P01", "Hoesten", "1", "25-01-2020", "30-01-2020", "nee", "hersteld"])
    events.append(["P02", "Moeheid", "2", "26-02-2020", "onbekend", "ja", "niet hersteld"])
    vitals = book.create_sheet("Vitale functies")
    vitals.append(["Patiënt", "Visite", "Datum", "Gewicht (kg)", "Pols"])
    vitals.append(["P01", "Screening", dt.date(2020, 1, 3), "71,5", 70])
    vitals.append(["P01", "Week 6", dt.date(2020, 2, 3), "70,5", 72])
    path = tmp_path / "dutch.xlsx"
    book.save(path)
    return path


def test_draft_of_a_redcap_project(redcap, tmp_path):
    """A draft would miss what names, labels, choices and the dictionary tell, or not convert."""
    code, _, _ = run("init", redcap, "-o", tmp_path / "study.yaml", "--study-id", "RCONC", "-q")
    assert code == 0
    file = load(tmp_path / "study.yaml")
    made = {(one.domain, name): line for one in file.domains for name, line in one.variables.items()}
    assert made["DM", "BRTHDTC"].date == "dob"
    assert made["DM", "RFICDTC"].date == "consent_date"
    assert file.codes[made["DM", "SEX"].codes].root["F"].read == ("2",)
    assert made["AE", "AETERM"].assign == "ae_term"
    assert made["AE", "AETOXGR"].assign == "ae_grade"
    assert file.reading.missing == ("-99", "NI")
    assert file.sources["adverse_event"].keys == ("record_id", "redcap_event_name", "redcap_repeat_instance")
    code, said, _ = run(
        "convert", redcap, "--study-file", tmp_path / "study.yaml", "--to", "sdtm", "-o", tmp_path / "o", "--json"
    )
    assert json.loads(said)["made"]["AE"] == sum(len(one["events"]) for one in generate.patients())


def test_each_guess_says_how_sure_and_why(redcap, tmp_path):
    """A guess would stand as if it were known, or a column be left out."""
    run("init", redcap, "-o", tmp_path / "study.yaml", "-q")
    lines = (tmp_path / "study.yaml").read_text().splitlines()
    guesses = [line for line in lines if ": {assign" in line or ": {date:" in line]
    assert all("#" in line for line in guesses if "codes: VISITS" not in line)
    assert any("not mapped: ecog" in line for line in lines)


def test_draft_of_a_dutch_workbook(dutch, tmp_path):
    """Dutch names, words and dates would not be known."""
    assert run("init", dutch, "-o", tmp_path / "study.yaml", "-q")[0] == 0
    file = load(tmp_path / "study.yaml")
    assert (file.reading.dates, file.reading.decimal, file.reading.missing) == ("day-first", "comma", ("onbekend",))
    words = (
        "convert",
        dutch,
        "--study-file",
        tmp_path / "study.yaml",
        "--to",
        "sdtm",
        "-o",
        tmp_path / "o",
        "--format",
        "csv",
    )
    code, said, _ = run(*words, "--json")
    assert (code, json.loads(said)["findings"]) == (0, {"error": 0, "warning": 0, "note": 0})
    people = (tmp_path / "o" / "dm.csv").read_text()
    assert "1950-03-05" in people
    assert "2020-01-01" in people
    events = (tmp_path / "o" / "ae.csv").read_text()
    assert "NOT RECOVERED/NOT RESOLVED" in events
    assert "2020-02-26" in events
    assert "70,5" in (tmp_path / "o" / "vs.csv").read_text()


def test_a_draft_does_not_overwrite(dutch, tmp_path):
    """A study file someone has worked on would be lost."""
    (tmp_path / "study.yaml").write_text("mine")
    assert run("init", dutch, "-o", tmp_path / "study.yaml")[0] == 2
    assert (tmp_path / "study.yaml").read_text() == "mine"


def test_profile(dutch):
    """A column's type, range, frequencies or doubts would be wrong."""
    code, said, _ = run("profile", dutch, "--json")
    forms = {name: {one["column"]: one for one in its} for name, its in json.loads(said).items()}
    assert code == 0
    assert forms["Patiënten"]["Geboortedatum"] | {"column": ""} == {
        "column": "",
        "label": "Geboortedatum",
        "type": "date",
        "filled": 3,
        "empty": 0,
        "distinct": 3,
        "suspicious": {},
        "lowest": "1948-07-13",
        "highest": "1961-12-25",
        "frequent": {"05-03-1950": 1, "25-12-1961": 1, "13-07-1948": 1},
    }
    assert forms["Bijwerkingen"]["Ernstig"]["type"] == "yes/no"
    assert (forms["Vitale functies"]["Gewicht (kg)"]["lowest"], forms["Vitale functies"]["Pols"]["highest"]) == (
        "70.5",
        "72",
    )


def test_profile_shows_values_only_when_asked(dutch):
    """A masked profile would show a patient's value; an open one would not say that it does."""
    _, said, warned = run("profile", dutch)
    assert "Hoesten" in said
    assert "--mask" in warned
    for more in ((), ("--json",)):
        _, said, _ = run("profile", dutch, "--mask", *more)
        assert not any(value in said for value in ("Hoesten", "P01", "1950", "vrouw", "71,5"))


def test_preview(redcap):
    """A row or element would not be shown beside the cell it is made of."""
    study = EXAMPLES / "redcap_oncology" / "study.yaml"
    code, said, _ = run("preview", redcap, "--study-file", study, "--rows", 1, "--json")
    assert code == 0
    first = generate.patients()[0]
    shown = {(one["group"], one["name"]): one for one in json.loads(said)["datasets"]}
    assert shown["DM", "BRTHDTC"]["value"] == first["dob"]
    assert shown["DM", "BRTHDTC"]["origin"] == f"demographics row 2 dob = {first['dob']!r}"
    born = next(one for one in json.loads(said)["resources"] if one["name"] == "Patient.birthDate")
    assert (born["value"], born["origin"]) == (first["dob"], f"DM.BRTHDTC ← demographics row 2 dob = {first['dob']!r}")
    _, said, _ = run("preview", redcap, "--study-file", study, "--mask")
    assert first["dob"] not in said


def test_template(tmp_path):
    """A sheet would lack its drop-downs, help or checks, or offer terms that the terminology does not have."""
    code, _, _ = run("template", "-o", tmp_path / "crf.xlsx", "--study-id", "S1", "-q")
    assert code == 0
    book = openpyxl.load_workbook(tmp_path / "crf.xlsx")
    wanted = "Demography Consent Diagnosis Lesions Measurements Response Disposition Death".split()
    assert {
        *wanted,
        "Prior therapy",
        "Radiotherapy course",
        "Radiotherapy fractions",
        "Immune therapy",
        "Adverse events",
    } <= set(book.sheetnames)
    assert book["Study"]["B2"].value == "S1"
    assert book["Lists"].sheet_state == "hidden"
    lists = {column[0].value: [cell.value for cell in column[1:] if cell.value] for column in book["Lists"].columns}
    organs = {one.submission_value for one in terminology.default().codelist("C74456")}
    assert set(lists["C74456"]) == organs
    rules = {str(one.sqref): one for one in book["Demography"].data_validations.dataValidation}
    sex = rules["F2:F2000"]
    terms = {one.submission_value for one in terminology.default().codelist("C66731")}
    assert (sex.type, set(sex.formula1.strip('"').split(","))) == ("list", terms)
    assert {"F", "M"} <= terms
    for sheet in book.worksheets:
        if sheet.title not in ("Read me", "Lists"):
            columns = sheet.max_column
            helped = [one for one in sheet.data_validations.dataValidation if one.prompt]
            assert len(helped) == columns, sheet.title


def test_an_empty_template_converts(tmp_path):
    """A template with a single patient would need more before it converts."""
    run("template", "-o", tmp_path / "crf.xlsx", "--study-id", "S1", "-q")
    book = openpyxl.load_workbook(tmp_path / "crf.xlsx")
    book["Demography"].append(["01", "A", None, dt.date(1950, 3, 14), 70, "F"])
    book["Planned visits"].append([1, "SCREENING", -14])
    book.save(tmp_path / "filled.xlsx")
    code, said, _ = run(
        "convert", tmp_path / "filled.xlsx", "--to", "sdtm", "-o", tmp_path / "o", "--format", "csv", "--json"
    )
    assert (code, json.loads(said)["made"]) == (0, {"TV": 1, "DM": 1, "RELREC": 6})
    assert "S1,DM,S1-01,01" in (tmp_path / "o" / "dm.csv").read_text()


def test_forms_without_a_study_file(dutch, tmp_path):
    """A workbook nobody described would end in an error that does not say what to do."""
    code, _, told = run("convert", dutch, "--from", "forms", "--to", "sdtm", "-o", tmp_path / "o")
    assert code == 2
    assert "trialbridge init" in told


def test_a_form_that_stands_in_two_files(tmp_path):
    """One of the two would hide the other's records."""
    rows = pl.DataFrame({"patient": ["1"], "weight": ["80"]})
    rows.write_csv(tmp_path / "visit.csv")
    rows.write_parquet(tmp_path / "visit.parquet")
    with pytest.raises(UnreadableInputError, match="The form visit stands twice"):
        read([tmp_path])


def test_a_study_file_does_not_make_sdtm_forms(tmp_path):
    """SDTM or FHIR given with a study file of domains would be taken for a centre's tables."""
    study = EXAMPLES / "redcap_oncology" / "study.yaml"
    sdtm = tmp_path / "sdtm"
    sdtm.mkdir()
    (sdtm / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID,SUBJID,SEX\nS,DM,S-1,1,F\n")
    for name in ("xpt", "dataset-json", "parquet", "csv", "xlsx", "dsjc"):
        code, said, _ = run("convert", sdtm, "--to", "sdtm", "-o", tmp_path / name, "--format", name, "-q")
        assert code == 0
        code, said, _ = run(
            "convert", tmp_path / name, "--study-file", study, "--to", "fhir", "-o", tmp_path / f"{name}-fhir", "--json"
        )
        assert (code, json.loads(said)["direction"]) == (0, "sdtm to fhir"), name
