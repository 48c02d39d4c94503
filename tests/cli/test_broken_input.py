"""Broken input: a clear error or a reject, exit code 2 or 1, never a traceback, never half an output."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

ENTRY = [sys.executable, "-P", "-c", "from trialbridge.cli import main; main()"]
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><Patient xmlns="http://hl7.org/fhir"><id value="&c;"/></Patient>'
)


def refused(run, tmp_path, source, *words):
    """Convert the source; assert that it ends with 2, says one error, and writes nothing. The error."""
    out = tmp_path / "never"
    done = run("convert", source, "--to", "fhir", "-o", out, *words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error:")
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("never*"))
    assert not list(tmp_path.glob(".never*"))
    return done.err


def test_cut_xpt(run, study, tmp_path):
    """A cut XPT would be read in part, or end in a traceback."""
    run("convert", study, "--to", "sdtm", "-o", tmp_path / "x", "--format", "xpt")
    whole = (tmp_path / "x" / "dm.xpt").read_bytes()
    (tmp_path / "x" / "dm.xpt").write_bytes(whole[:-93])
    assert "dm.xpt" in refused(run, tmp_path, tmp_path / "x")


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_xpt_by_name_alone(run, study, tmp_path, content):
    """A broken dm.xpt among sound files would be passed over, and its subjects silently be missing."""
    (study / "dm.xpt").write_bytes(content)
    assert "dm.xpt" in refused(run, tmp_path, study)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.parquet", b"PAR1xxxx"),
        ("t.xlsx", b"PK\x03\x04junk"),
        ("t.dsjc", b"x\x9cjunkjunk"),
        ("t.json", b'{"datasetJSONVersion":"1.1.0","rows":[['),
        ("t.ndjson", b'{"datasetJSONVersion":"1.1.0","itemGroupOID":"IG.DM","name":"DM","columns":[]}\n["a"\n'),
        ("t.csv", b'STUDYID,DOMAIN,USUBJID\nS1,DM\n"'),
        ("t.json", b'{"neither": "this", "nor": "that"}'),
        ("t.json", b"[1, 2"),
        ("t.txt", b"\xff\x00 whatever"),
        ("empty.csv", b""),
    ],
)
def test_other_broken_files(run, tmp_path, name, content):
    """A broken file would end in a traceback, or its error not name it."""
    (tmp_path / name).write_bytes(content)
    assert name in refused(run, tmp_path, tmp_path / name)


def test_entity_bomb(run, tmp_path):
    """Entities would be expanded."""
    (tmp_path / "bomb.xml").write_text(BOMB)
    assert "DOCTYPE" in refused(run, tmp_path, tmp_path / "bomb.xml")


def test_broken_bundle(run, tmp_path):
    """A cut Bundle named outright would give a part of its entries."""
    (tmp_path / "b.json").write_text('{"resourceType":"Bundle","type":"collection","entry":[{"resource":')
    assert "b.json" in refused(run, tmp_path, tmp_path / "b.json")


def test_truncated_ndjson_rejects_its_last_line(run, patient, tmp_path):
    """The lines before the cut would be lost, or the cut line vanish."""
    line = json.dumps(patient)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Patient.ndjson").write_text(line + "\n" + line[:30])
    done = run("convert", tmp_path / "in", "--to", "sdtm", "-o", tmp_path / "o", "--json")
    assert done.code == 1
    assert done.json["made"] == {"DM": 1}
    (reject,) = [json.loads(one) for one in (tmp_path / "o" / "rejects.ndjson").read_text().splitlines()]
    assert (reject["file"], reject["line"], reject["text"]) == ("Patient.ndjson", 2, line[:30])
    assert reject["reason"]


def test_broken_file_in_a_folder_is_rejected_whole(run, patient, tmp_path):
    """A file of a FHIR folder whose content is no FHIR at all would be passed over."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Patient.ndjson").write_text(json.dumps(patient) + "\n")
    (tmp_path / "in" / "Observation.json").write_text("garbage")
    done = run("convert", tmp_path / "in", "--to", "sdtm", "-o", tmp_path / "o", "--json")
    assert (done.code, done.json["rejected"], done.json["addsUp"]) == (1, 1, True)


def test_column_of_no_domain(run, tmp_path):
    """A column that SDTM does not know would go through unnoticed, or be dropped."""
    (tmp_path / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID,SEX,FAVCOL\nS1,DM,S1-01,F,blue\n")
    assert run("convert", tmp_path / "dm.csv", "--to", "fhir", "-o", tmp_path / "o").code == 0
    found = json.loads((tmp_path / "o" / "findings.json").read_text())["findings"]
    assert [(one["id"], one["dataset"], one["variable"]) for one in found] == [("TB-SDTM-COLUMN", "DM", "FAVCOL")]
    run("convert", tmp_path / "o", "--to", "sdtm", "-o", tmp_path / "back", "--format", "csv")
    assert (tmp_path / "back" / "dm.csv").read_text() == (tmp_path / "dm.csv").read_text()


def test_known_columns_are_no_finding(run, study, tmp_path):
    """Every study would be warned of: the columns of the fixture are all in the guide."""
    run("convert", study, "--to", "fhir", "-o", tmp_path / "o")
    assert json.loads((tmp_path / "o" / "findings.json").read_text())["findings"] == []


def test_csv_that_is_no_dataset_is_told_of(run, study, tmp_path):
    """A CSV without STUDYID in a study's folder would be passed over without a word."""
    (study / "vs.csv").write_text("SUBJECT,VSTESTCD\n01,WEIGHT\n")
    run("convert", study, "--to", "fhir", "-o", tmp_path / "o")
    found = json.loads((tmp_path / "o" / "findings.json").read_text())["findings"]
    assert [(one["id"], one["file"]) for one in found] == [("TB-FILE-0001", "vs.csv")]


def test_both_languages_in_one_call(run, study, patient, tmp_path):
    """SDTM and FHIR given together would be read as one of them."""
    (tmp_path / "p.json").write_text(json.dumps(patient))
    out = tmp_path / "never"
    done = run("convert", study, tmp_path / "p.json", "--to", "fhir", "-o", out)
    assert done.code == 2
    assert "SDTM" in done.err
    assert not out.exists()


def test_nothing_there(run, tmp_path):
    """An empty folder, or one of sub-folders alone, would give an empty output."""
    (tmp_path / "void" / "xpt").mkdir(parents=True)
    (tmp_path / "void" / "xpt" / "dm.csv").write_text("STUDYID,USUBJID\nS,1\n")
    assert str(tmp_path / "void" / "xpt") in refused(run, tmp_path, tmp_path / "void").replace("\n", "")
    assert "no such file" in refused(run, tmp_path, tmp_path / "absent.xpt").lower()


def test_broken_residue(run, study, tmp_path):
    """A residue file that is none would be used, or end in a traceback."""
    (study / "residue.ndjson").write_text(
        '{"resource": "Patient/1", "path": "Patient.active", "value": true}\n{"x": 1}\n'
    )
    assert "line 2" in refused(run, tmp_path, study)


@pytest.mark.parametrize(
    "words",
    [("--format", "pdf"), ("--fhir-version", "R9"), ("-v", "9-9"), ("--format", "xpt")],
)
def test_wrong_arguments(run, study, tmp_path, words):
    """A format, release or guide that does not exist would be taken for another."""
    refused(run, tmp_path, study, *words)


def test_output_among_the_input(run, study):
    """The output would be mixed with the input, and the next run read both."""
    before = sorted(study.iterdir())
    done = run("convert", study, "--to", "fhir", "-o", study)
    assert done.code == 2
    assert sorted(study.iterdir()) == before


def test_output_is_a_file(run, study, tmp_path):
    """A file in the way would be overwritten."""
    (tmp_path / "o").write_text("mine")
    assert run("convert", study, "--to", "fhir", "-o", tmp_path / "o").code == 2
    assert (tmp_path / "o").read_text() == "mine"


def test_value_that_does_not_fit_leaves_the_earlier_output(run, study, tmp_path):
    """A text of 201 bytes would be cut in XPT, or half of the files be replaced before the error."""
    assert run("convert", study, "--to", "sdtm", "-o", tmp_path / "o", "--format", "xpt").code == 0
    before = {one.name: one.read_bytes() for one in (tmp_path / "o").iterdir()}
    (study / "dm.csv").write_text(f"STUDYID,DOMAIN,USUBJID,SEX,ARM\nS1,DM,S1-01,F,{'x' * 201}\n")
    done = run("convert", study, "--to", "sdtm", "-o", tmp_path / "o", "--format", "xpt")
    assert done.code == 2
    assert "ARM" in done.err
    assert {one.name: one.read_bytes() for one in (tmp_path / "o").iterdir()} == before


def test_error_as_json(run, tmp_path):
    """A script that asked for JSON would get none when the input is broken."""
    (tmp_path / "bomb.xml").write_text(BOMB)
    done = run("convert", tmp_path / "bomb.xml", "--to", "sdtm", "-o", tmp_path / "o", "--json")
    assert done.code == 2
    assert done.json["error"]["where"].startswith("bomb.xml")
    assert done.json["error"]["fix"]


def test_program_itself(tmp_path):
    """The installed program would show a traceback where the functions behind it do not."""
    (tmp_path / "dm.xpt").write_bytes(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!000")
    words = ["convert", str(tmp_path / "dm.xpt"), "--to", "fhir", "-o", str(tmp_path / "o")]
    done = subprocess.run([*ENTRY, *words], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: dm.xpt")
    assert "Traceback" not in done.stderr
    assert "fault of trialbridge" not in done.stderr


def test_our_own_fault_is_said_to_be_ours(tmp_path):
    """A fault of ours would show a traceback, or be blamed on the data: --no-check lets nonsense through."""
    broken = {"resourceType": "Patient", "id": "p", "extension": 5}
    (tmp_path / "p.json").write_text(json.dumps(broken))
    words = ["convert", str(tmp_path / "p.json"), "--to", "sdtm", "-o", str(tmp_path / "o"), "--no-check"]
    environment = {key: value for key, value in os.environ.items() if key != "TRIALBRIDGE_DEBUG"}
    done = subprocess.run([*ENTRY, *words], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert "TB-RESOURCE-SHAPE" in done.stdout
    assert (tmp_path / "o" / "findings.json").exists()
