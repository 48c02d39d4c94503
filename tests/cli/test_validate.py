"""validate, rules and report on the command line: exit codes, options as CORE spells them, files, decisions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trialbridge.sdtm.define import xml

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"


@pytest.fixture
def faulty(study):
    """The small study with a subject who is twice in DM (SDTMIG 3.4, 5.2: one record a subject)."""
    dm = study / "dm.csv"
    dm.write_text(dm.read_text() + "S1,DM,S1-02,02,2020-02-11,A,1961,M,RT,Radiotherapy\n")
    return study


def test_the_example_is_clean(run):
    """The bundled study would give a false alarm, or not be checked at all."""
    done = run("validate", EXAMPLE / "sdtm", "--json")
    assert done.code == 0, done.json["summary"]
    assert done.json["issues"] == {"error": 0, "warning": 0, "note": 0}
    assert done.json["rules"]["SUCCESS"] > 10


def test_an_issue_is_found_and_told(run, faulty):
    """An error would not make the exit code 1, or be told without its rule and the way to mend it."""
    done = run("validate", faulty, "-r", "TB-DM-0002")
    assert done.code == 1
    for text in ("TB-DM-0002", "USUBJID has more than one record in DM.", "keep one record a subject", "2 errors"):
        assert text in done.out
    assert "S1-02" not in done.out


def test_a_format_without_a_file_is_refused(run, faulty, tmp_path, monkeypatch):
    """A page would be asked for, nothing be written, and nothing be said."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = run("validate", faulty, "-of", "html")
    assert done.code == 2
    assert "-of html has no file to go to" in done.err
    assert "-o NAME" in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_options_as_core_spells_them(run, faulty, tmp_path):
    """A command line written for CORE would not run here."""
    name = tmp_path / "out" / "rep"
    words = (
        "validate",
        "-s",
        "sdtmig",
        "-v",
        "3-4",
        "-d",
        faulty,
        "-ct",
        "sdtmct-2025-03-28",
        "-r",
        "TB-DM-0002",
        "-er",
    )
    done = run(
        *words, "CG0368", "-o", name, "-of", "JSON", "-of", "XLSX", "-of", "html", "-of", "csv", "-mr", 10, "-me", 1
    )
    assert done.code == 1
    assert sorted(one.name for one in name.parent.iterdir()) == [
        *("rep.csv", "rep.html", "rep.json", "rep.triage.json", "rep.xlsx"),
    ]
    held = json.loads((name.parent / "rep.json").read_bytes())
    assert held["Conformance_Details"]["Issue_Limit_Per_Rule"] == "1"
    assert held["Conformance_Details"]["CT_Version"] == "sdtmct-2025-03-28"
    assert [one["core_id"] for one in held["Issue_Details"]] == ["TB-DM-0002"]
    assert {one["filename"]: one["length"] for one in held["Dataset_Details"]} == {"DM": 3, "AE": 3}
    files = run("validate", "-dp", faulty / "dm.csv", "-dp", faulty / "ae.csv", "-r", "CG0151", "--json")
    assert files.json["issues"]["error"] == 2


def test_decisions_last(run, faulty, tmp_path):
    """What was waived would fail the next run again; or a new kind of issue pass because another was waived."""
    name = tmp_path / "rep"
    words = ("validate", faulty, "-r", "TB-DM-0002", "-o", name)
    assert run(*words).code == 1
    done = run(
        "report",
        "decide",
        tmp_path / "rep.json",
        "TB-DM-0002|DM",
        "waive",
        "--comment",
        "re-screened",
        "--date",
        "2026-01-01",
    )
    assert done.code == 0
    again = run(*words)
    assert again.code == 0
    assert "2 documented or waived" in again.out
    assert "re-screened" in run("report", "guide", tmp_path / "rep.json").out
    assert json.loads((tmp_path / "rep.json").read_bytes())["Issue_Details"][0]["disposition"] == "waive"


def test_reports_compared_and_merged(run, study, tmp_path):
    """A new issue would not be told from an old one."""
    old, new, both = tmp_path / "old", tmp_path / "new", tmp_path / "both"
    assert run("validate", study, "-r", "TB-DM-0002", "-o", old).code == 0
    dm = study / "dm.csv"
    dm.write_text(dm.read_text() + "S1,DM,S1-02,02,2020-02-11,A,1961,M,RT,Radiotherapy\n")
    assert run("validate", study, "-r", "TB-DM-0002", "-o", new).code == 1
    changed = run("report", "diff", f"{old}.json", f"{new}.json", "--json")
    assert (changed.code, changed.json["new"], changed.json["gone"]) == (1, 2, 0)
    assert run("report", "diff", f"{new}.json", f"{old}.json").code == 0
    assert run("report", "merge", f"{old}.json", f"{new}.json", "-o", both, "-of", "csv").code == 0
    assert (tmp_path / "both.csv").is_file()
    assert "TB-DM-0002" in run("report", "show", f"{new}.json").out


def test_a_define_is_checked_and_used(run, study, tmp_path):
    """With -dxp the define would not be compared with the data, nor its facts be used to read them."""
    path = tmp_path / "define.xml"
    assert run("define", study, "-o", path, "-q").code == 0
    assert run("validate", study, "-dxp", path, "-r", "TB-DEFINE-0108", "-r", "TB-DEFINE-0105").code == 0
    text = path.read_text().replace('CodedValue="F"', 'CodedValue="X"')
    path.write_text(text)
    done = run("validate", study, "-dxp", path, "-r", "TB-DEFINE-0108", "--json")
    assert done.code == 1
    assert done.json["summary"][0]["dataset"] == "DM"
    broken = tmp_path / "broken.xml"
    broken.write_bytes(xml.to_bytes(xml.read(path).define)[:900])
    assert run("validate", study, "-dxp", broken).code == 2


def test_fhir_and_what_it_says(run, tmp_path):
    """Of resources only FHIR's own faults would be told, or an issue not name the element it came from."""
    subject = {"reference": "Patient/p1"}
    record = {"resourceType": "ResearchSubject", "status": "on-study", "study": {"reference": "ResearchStudy/s1"}}
    resources = [
        {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1950-01-01"},
        {"resourceType": "ResearchStudy", "id": "s1", "status": "active", "identifier": [{"value": "S1"}]},
        {**record, "id": "r1", "individual": subject},
        {
            "resourceType": "Observation",
            "id": "o1",
            "status": "final",
            "code": {"text": "x"},
            "subject": subject,
            "category": [{"coding": [{"sys": 1}]}],
        },
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle))
    done = run("validate", path, "-o", tmp_path / "rep", "-of", "json", "--json")
    assert done.code == 1
    held = json.loads((tmp_path / "rep.json").read_bytes())
    unknown = next(one for one in held["Issue_Details"] if one["core_id"] == "TB-FHIR-UNKNOWN")
    assert (unknown["dataset"], unknown["variables"]) == ("Observation", ["category.coding"])
    assert "Observation/o1" in unknown["fhir_source"]
    assert any(one["engine"] == "trialbridge" for one in held["Rules_Report"])
    alone = run("validate", path, "--fhir-only", "--json").json
    assert {one["rule"].partition("-")[2].partition("-")[0] for one in alone["summary"]} == {"FHIR"}


def test_the_rules(run):
    """A rule's text, source and remedy would not be told; or a standard's id not lead to ours."""
    listed = run("rules", "list", "--json").json
    assert {"TB-DM-0002", "TB-DEFINE-0108"} <= {one["id"] for one in listed}
    assert all(one["text"] and one["fix"] and one["section"] for one in listed)
    assert "Each USUBJID has exactly one record in DM." in run("rules", "show", "CG0151").out
    assert "value set" in run("rules", "show", "TB-FHIR-BINDING").out
    assert run("rules", "show", "TB-NO-9999").code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to validate"),
        (("STUDY", "-s", "adamig"), "no rules for adamig"),
        (("STUDY", "-v", "3-2"), "no rules for SDTMIG 3-2"),
        (("STUDY", "-r", "TB-NO-1"), "no rule TB-NO-1"),
        (("STUDY", "-of", "pdf"), "no report format"),
        (("STUDY", "-ct", "sdtmct-1999-01-01"), "not installed"),
        (("STUDY", "--triage", "nowhere.xpt"), ""),
    ],
)
def test_wrong_use(run, study, words, message):
    """A wrong option would be passed over, and a run be trusted that did not do what was asked."""
    done = run("validate", *(study if one == "STUDY" else one for one in words))
    if not message:
        assert done.code in (0, 1)  # decisions that do not exist yet are none
        return
    assert done.code == 2
    assert message in done.err


def test_lineage_beside_the_tables_is_used(run, study, tmp_path):
    """Of tables that came from FHIR an issue would not name the element its cell was read from."""
    dm = study / "dm.csv"
    dm.write_text(dm.read_text().replace(",F,", ",W,"))
    cell = {"dataset": "DM", "row": 1, "variable": "SEX", "resource": "Patient/p1", "path": "Patient.gender"}
    (study / "lineage.ndjson").write_text(json.dumps(cell) + "\n" + json.dumps({**cell, "row": 2}) + "\n")
    assert run("validate", study, "-r", "TB-CT-0001", "-o", tmp_path / "rep").code == 1
    (issue,) = json.loads((tmp_path / "rep.json").read_bytes())["Issue_Details"]
    assert (issue["row"], issue["variables"], issue["values"]) == (1, ["SEX"], ["W"])
    assert issue["fhir_source"] == "Patient/p1 Patient.gender"
