"""Adjudication: questions out, decisions in, the same again at the next run."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
import yaml
from typer.testing import CliRunner

from trialbridge.cli import app

ROWS = """Subject,Sex,Birth,Event,Started
01,Femael,1950,Cough,03-04-2019
02,M,1951,n.a.,2019-04-05
02,M,1951,n.a.,2019-04-05
03,X,1952,Rash,2019-06-31
"""
STUDY = {
    "study": {"id": "S"},
    "sources": {"form": {}},
    "domains": [
        {
            "domain": "DM",
            "from": "form",
            "variables": {"SUBJID": "Subject", "SEX": {"assign_ct": "Sex"}, "BRTHDTC": {"date": "Birth"}},
        },
        {"domain": "AE", "from": "form", "variables": {"AETERM": "Event", "AESTDTC": {"date": "Started"}}},
    ],
}


@pytest.fixture
def folder(tmp_path):
    """A form with five kinds of doubt, and its study file."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "form.csv").write_text(ROWS)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return tmp_path


def convert(folder, out, *more):
    """Convert to CSV; exit code and what was said."""
    words = ["convert", folder / "in" / "form.csv", "--study-file", folder / "study.yaml", "--to", "sdtm"]
    words += ["-o", folder / out, "--format", "csv", "--json", *more]
    done = CliRunner().invoke(app, [str(one) for one in words], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def settle(folder, source, target, decisions):
    """Fill in decisions by column and text, as a person would."""
    book = openpyxl.load_workbook(folder / source / "adjudication.xlsx")
    page = book["Adjudication"]
    names = {cell.value: cell.column for cell in page[1]}
    left = dict(decisions)
    for row in range(2, page.max_row + 1):
        key = page.cell(row, names["As it stands"]).value or page.cell(row, names["Column"]).value
        if key in left:
            for name, value in zip(("Decision", "Edited value", "Who", "Why so"), left.pop(key), strict=True):
                page.cell(row, names[name]).value = value
    assert not left
    book.save(folder / target)


def column(folder, out, dataset, variable):
    """A column of a CSV written."""
    head, *rows = [line.split(",") for line in (folder / out / f"{dataset}.csv").read_text().splitlines()]
    return [row[head.index(variable)].strip('"') for row in rows]


DECISIONS = {
    "Femael": ("accept", None, "JD", "typing error, seen in the file"),
    "03-04-2019": ("edit", "2019-03-04", "JD", "the site writes the month first"),
    "n.a.": ("reject", None, "JD", "no event"),
    "(record) row 4": ("accept", None, "JD", "entered twice"),
    "X": ("edit", "F", "JD", "source document"),
    "2019-06-31": ("accept", None, "JD", "day unknown"),
}


def test_doubts_decisions_and_the_next_run(folder):
    """A decision would not be applied, or the doubt be asked again; two runs would differ."""
    code, said = convert(folder, "one")
    assert said["addsUp"]
    assert code == 1  # a record was not used
    assert column(folder, "one", "dm", "SEX") == ["", "M", ""]
    assert column(folder, "one", "ae", "AESTDTC") == ["", "2019-04-05", ""]
    rejected = [json.loads(line) for line in (folder / "one" / "rejects.ndjson").read_text().splitlines()]
    assert len(rejected) == said["records"]["form"]["rejected"] == 1
    settle(folder, "one", "decided.xlsx", DECISIONS)
    outs = []
    for out in ("two", "three"):
        _, said = convert(folder, out, "--adjudication", folder / "decided.xlsx")
        assert said["findings"]["warning"] == 0
        assert column(folder, out, "dm", "SEX") == ["F", "M", "F"]
        assert column(folder, out, "ae", "AETERM") == ["Cough", "", "Rash"]
        assert column(folder, out, "ae", "AESTDTC") == ["2019-03-04", "2019-04-05", "2019-06"]
        outs.append({one.name: one.read_bytes() for one in (folder / out).iterdir() if one.name != "run_manifest.json"})
    assert outs[0] == outs[1]
    kept = openpyxl.load_workbook(folder / "two" / "adjudication.xlsx")["Adjudication"]
    assert kept.max_row == 1 + len(DECISIONS)


def test_a_decision_without_who_or_why(folder):
    """A decision that nobody stands for would be applied."""
    convert(folder, "one")
    settle(folder, "one", "decided.xlsx", {"Femael": ("accept", None, "JD", None)})
    convert(folder, "two", "--adjudication", folder / "decided.xlsx")
    assert column(folder, "two", "dm", "SEX")[0] == ""
    found = json.loads((folder / "two" / "findings.json").read_text())["findings"]
    assert [one["message"] for one in found if one["id"] == "TB-CRF-UNSIGNED"] != []


def test_an_edit_that_is_doubtful_itself(folder):
    """An edited value would be believed without being read."""
    convert(folder, "one")
    settle(folder, "one", "decided.xlsx", {"2019-06-31": ("edit", "31 June", "JD", "so it says")})
    convert(folder, "two", "--adjudication", folder / "decided.xlsx")
    assert column(folder, "two", "ae", "AESTDTC")[2] == ""


def test_an_unknown_decision_is_told_with_its_row(folder):
    """A misspelled decision would be passed over."""
    convert(folder, "one")
    settle(folder, "one", "decided.xlsx", {"Femael": ("aceept", None, "JD", "typo")})
    code, said = convert(folder, "two", "--adjudication", folder / "decided.xlsx")
    assert code == 2
    assert "row" in said["error"]["where"]
    assert "aceept" in said["error"]["message"]


def test_nothing_of_a_patient_in_messages(folder):
    """A value of a patient would stand in a finding."""
    convert(folder, "one")
    text = (folder / "one" / "findings.json").read_text()
    assert len(json.loads(text)["findings"]) > 3  # the questions are told
    assert not any(value in text for value in ("Femael", "03-04-2019", "n.a.", "2019-06-31", "Cough"))


def test_drop_down_for_the_decision(folder):
    """The person who decides would have to know the words by heart."""
    convert(folder, "one")
    rules = openpyxl.load_workbook(folder / "one" / "adjudication.xlsx")["Adjudication"].data_validations.dataValidation
    assert [one.formula1 for one in rules] == ['"accept,reject,edit"']
    assert Path(folder / "one" / "adjudication.xlsx").stat().st_size > 0
