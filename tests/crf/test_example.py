"""The bundled example on the template's forms: to SDTM, to FHIR and back, every cell."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from trialbridge.cli import app

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"


def run(*words):
    """The command line in this process; standard output as JSON."""
    done = CliRunner().invoke(app, [str(one) for one in (*words, "--json")], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def sheets(path):
    """Every cell with a value of a workbook's sheets, by sheet: read by openpyxl alone."""
    book = openpyxl.load_workbook(path)
    return {one.title: [row for row in one.iter_rows(values_only=True) if any(row)] for one in book.worksheets}


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    """The whole example on forms."""
    folder = tmp_path_factory.mktemp("forms")
    code, said = run("convert", EXAMPLE / "sdtm", "--to", "forms", "-o", folder)
    assert code == 0
    assert said["findings"]["warning"] == said["findings"]["error"] == 0
    return folder / "forms.xlsx"


def test_the_workbook_holds_what_was_collected(workbook):
    """The forms would lack records, or hold what only SDTM derives."""
    found = sheets(workbook)
    assert len(found["Demography"]) == 1 + 43
    assert len(found["Adverse events"]) == 1 + 160
    assert len(found["Measurements"]) + len(found["Sums of diameters"]) == 2 + 1396
    first = dict(zip(found["Demography"][0], found["Demography"][1], strict=True))
    assert first["Subject"] == "01-0007"
    assert not {"USUBJID", "EPOCH", "AESTDY"} & {*found["Demography"][0], *found["Adverse events"][0]}


def test_workbook_to_sdtm_gives_the_example(workbook, tmp_path):
    """A cell of the example would come out of its workbook different, or a dataset be missing."""
    folder = workbook.parent  # with the findings and the manifest beside the workbook
    code, said = run("convert", folder, "--to", "sdtm", "-o", tmp_path / "sdtm", "--format", "ndjson", "--lineage")
    assert code == 0
    assert said["addsUp"]
    assert said["findings"] == {"error": 0, "warning": 0, "note": 0}
    code, difference = run("diff", EXAMPLE / "sdtm", tmp_path / "sdtm")
    assert (code, difference["differences"]) == (0, [])
    compared = sum(one["compared"] for one in difference["places"].values())
    lines = [json.loads(line) for line in (tmp_path / "sdtm" / "lineage.ndjson").read_text().splitlines()]
    assert {one["dataset"] for one in lines} >= {"DM", "AE", "TR"}
    birth = next(one for one in lines if one["dataset"] == "DM" and one["variable"] == "BRTHDTC")
    assert birth["sources"][0]["table"] == "Demography"
    assert openpyxl.load_workbook(workbook)["Demography"][birth["sources"][0]["cell"]].value == birth["value"]
    assert compared > 100_000


def test_fhir_to_the_workbook_gives_every_cell(tmp_path):
    """A cell of a form would be lost on the way through FHIR (the example's three subjects in FHIR)."""
    assert run("convert", EXAMPLE / "fhir", "--to", "forms", "-o", tmp_path / "a")[0] == 0
    code, _ = run("convert", tmp_path / "a" / "forms.xlsx", "--to", "fhir", "-o", tmp_path / "fhir")
    assert code == 0
    assert run("convert", tmp_path / "fhir", "--to", "forms", "-o", tmp_path / "b")[0] == 0
    one, other = (sheets(tmp_path / name / "forms.xlsx") for name in "ab")
    assert len(one["Demography"]) == 1 + 3
    assert one == other


def test_an_empty_template_is_told_by_its_file(tmp_path):
    """A coordinator with several workbooks would not know which one lacks the study's identifier."""
    assert run("template", "-o", tmp_path / "crf.xlsx")[0] == 0
    code, said = run("convert", tmp_path / "crf.xlsx", "--to", "sdtm", "-o", tmp_path / "sdtm")
    assert code == 2
    assert "crf.xlsx" in said["error"]["where"]


def test_tables_of_other_names_are_refused(tmp_path):
    """A wrong sheet name in the study file would end well, with nothing made."""
    (tmp_path / "patients.csv").write_text("Patient,Sex\n1,M\n")
    (tmp_path / "given.yaml").write_text(
        "study: {id: S1}\nsubjects: {column: Patient}\nsources: {people: {table: Nowhere, keys: [Patient]}}\n"
        "domains: [{domain: DM, from: people, variables: {SUBJID: Patient}}]\n"
    )
    words = ("--study-file", tmp_path / "given.yaml", "--to", "sdtm", "-o", tmp_path / "sdtm")
    code, said = run("convert", tmp_path / "patients.csv", *words)
    assert code == 2
    assert "Nowhere" in said["error"]["message"]
    assert "patients" in said["error"]["message"]
    assert not (tmp_path / "sdtm").exists()
    (tmp_path / "given.yaml").unlink()
    code, said = run("convert", tmp_path, "--to", "sdtm", "-o", tmp_path / "sdtm")
    assert code == 2
    assert "--study-file" in said["error"]["fix"]
