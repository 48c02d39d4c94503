"""REDCap: flat and EAV exports with their dictionary, and the API on a server of our own.

The expected values are the generator's own facts about its invented patients; the formats are REDCap's documented ones.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from typer.testing import CliRunner

from trialbridge.cli import app
from trialbridge.crf import files
from trialbridge.crf.files import redcap
from trialbridge.sdtm import files as sdtm_files

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

from redcap_oncology import generate  # noqa: E402 - the examples are no installed package


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """The invented project's export."""
    folder = tmp_path_factory.mktemp("redcap")
    generate.write(folder)
    return folder


def run(*words):
    """The command line in this process; standard output as JSON."""
    done = CliRunner().invoke(app, [str(one) for one in (*words, "--json")], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["flat", "eav"])
def test_an_export_becomes_sdtm(export, tmp_path, kind):
    """A patient, event, checkbox or repeated instrument would be lost or mixed up."""
    words = ("convert", export / kind, "--study-file", EXAMPLES / "redcap_oncology" / "study.yaml", "--to", "sdtm")
    code, said = run(*words, "-o", tmp_path / "o", "--format", "ndjson")
    assert (code, said["addsUp"], said["findings"]["warning"]) == (0, True, 0)
    study = sdtm_files.read(tmp_path / "o")
    people = generate.patients()
    rows = {one["SUBJID"]: one for one in study["DM"].rows()}
    assert {number: (one["SEX"], one["BRTHDTC"], one["RFICDTC"], one["RFSTDTC"]) for number, one in rows.items()} == {
        one["number"]: ({"1": "M", "2": "F"}.get(one["sex"]), one["dob"], one["consent"], one["start"])
        for one in people
    }
    events = [
        (one["USUBJID"][-3:], one["AETERM"], one["AETOXGR"], one["AESTDTC"], one["AESER"]) for one in study["AE"].rows()
    ]
    truth = [
        (one["number"], term, grade, start, "NY"[int(serious)])
        for one in people
        for term, grade, start, serious in one["events"]
    ]
    assert sorted(events) == sorted(truth)
    weights = [(one["USUBJID"][-3:], one["VISIT"], one["VSORRES"]) for one in study["VS"].rows()]
    truth = [
        (one["number"], visit, text)
        for one in people
        for visit, text in zip(("SCREENING", "WEEK 6"), one["weights"], strict=True)
        if text
    ]
    assert sorted(weights) == sorted(truth)
    assert len(list(study["MH"].rows())) == sum(len(one["comorbidity"]) for one in people)


def test_the_dictionary_describes_the_columns(export):
    """Labels, choices and types of the dictionary would be lost."""
    forms = files.read([export / "flat"]).forms
    assert list(forms) == list(generate.FORMS)
    assert forms["demographics"].column("sex").codes == {"1": "Male", "2": "Female", "-99": "Unknown"}
    assert forms["demographics"].column("comorbidity___2").label == "Other conditions (choice=COPD)"
    assert forms["radiotherapy"].column("rt_dose").label == "Total dose (Gy)"


def test_records_without_a_dictionary(export):
    """Records alone would be refused, or their instruments guessed."""
    found = files.read([export / "flat" / "records.csv"])
    assert [one.id for one in found.findings] == ["TB-CRF-REDCAP"]
    assert len(found.forms) == 1


def test_labelled_export(export, tmp_path):
    """An export with labels for headers would not be matched with its dictionary."""
    labels = {name: label for name, _, _, label, _, _ in generate.FIELDS}
    head, *rest = (export / "flat" / "records.csv").read_text().splitlines()
    names = [labels.get(one, one) for one in head.split(",")]
    (tmp_path / "records.csv").write_text("\n".join([",".join(names), *rest]))
    (tmp_path / "dictionary.csv").write_bytes((export / "flat" / "dictionary.csv").read_bytes())
    found = redcap.read_all([tmp_path / "records.csv", tmp_path / "dictionary.csv"])
    assert found.forms["adverse_event"].records[0].text("ae_term")


def spoiled(export, tmp_path, kind, *changes):
    """The export with texts of its records changed, read with its dictionary."""
    text = (export / kind / "records.csv").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "records.csv").write_text(text)
    (tmp_path / "dictionary.csv").write_bytes((export / kind / "dictionary.csv").read_bytes())
    return redcap.read_all([tmp_path / "records.csv", tmp_path / "dictionary.csv"])


def test_an_instruments_own_label(export, tmp_path):
    """A labelled export names an instrument as its designer did, and every record of it would vanish."""
    before = redcap.read_all([export / "flat" / "records.csv", export / "flat" / "dictionary.csv"])
    after = spoiled(export, tmp_path, "flat", (",adverse_event,", ",Toxicity (CTCAE),"))
    told = [[one.text("ae_term") for one in found.forms["adverse_event"].records] for found in (before, after)]
    assert told[0] == told[1]
    assert all(told[0])


def test_values_in_a_row_of_another_instrument_are_told(export, tmp_path):
    """A weight in a row that names the repeating instrument of adverse events would vanish without a word."""
    lines = (export / "flat" / "records.csv").read_text().splitlines()
    row = next(line for line in lines if ",adverse_event," in line)
    cells = row.split(",")
    cells[lines[0].split(",").index("weight")] = "70.5"
    found = spoiled(export, tmp_path, "flat", (row, ",".join(cells)))
    assert [(one.where.line, "values of examination" in one.message) for one in found.findings] == [
        (lines.index(row) + 1, True)
    ]


def test_a_field_named_like_an_instruments_status(export, tmp_path):
    """A field of the dictionary whose name ends in _complete would be taken for REDCap's own, and vanish."""
    (tmp_path / "dictionary.csv").write_text(
        (export / "flat" / "dictionary.csv").read_text().replace("rt_fractions,", "rt_complete,")
    )
    (tmp_path / "records.csv").write_text(
        (export / "flat" / "records.csv").read_text().replace("rt_fractions", "rt_complete")
    )
    found = redcap.read_all([tmp_path / "records.csv", tmp_path / "dictionary.csv"])
    assert all(one.text("rt_complete") for one in found.forms["radiotherapy"].records)
    assert not found.findings


def test_two_values_of_one_field_in_eav(export, tmp_path):
    """One field entered twice would be taken for a checkbox, and its column vanish for every patient."""
    lines = (export / "eav" / "records.csv").read_text().splitlines()
    row = next(line for line in lines if ",weight," in line)
    before = redcap.read_all([export / "eav" / "records.csv", export / "eav" / "dictionary.csv"])
    found = spoiled(export, tmp_path, "eav", (row, f"{row}\n{row.rpartition(',')[0]},99.9"))
    weights = [[one.text("weight") for one in source.forms["examination"].records] for source in (before, found)]
    assert weights[1] == [f"{weights[0][0]}; 99.9", *weights[0][1:]]
    assert ["weight has 2 values" in one.message for one in found.findings] == [True]


def test_the_record_id_of_eav_is_the_dictionarys_first_field(export, tmp_path):
    """Without a row of its own, and beside another field called …_id, the record's id would be lost."""
    text = (export / "eav" / "records.csv").read_text().splitlines()
    kept = [line.replace(",rt_fractions,", ",device_id,") for line in text if ",record_id," not in line]
    (tmp_path / "records.csv").write_text("\n".join(kept))
    (tmp_path / "dictionary.csv").write_text(
        (export / "eav" / "dictionary.csv").read_text().replace("rt_fractions,", "device_id,")
    )
    found = redcap.read_all([tmp_path / "records.csv", tmp_path / "dictionary.csv"])
    assert all(one.text("record_id") for one in found.forms["radiotherapy"].records)


@pytest.fixture
def server(export):
    """An API on loopback that wants the token SECRET."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            asked.append(form)
            good = form.get("token") == ["SECRET"]
            name = {"record": "records.csv", "metadata": "dictionary.csv"}[form["content"][0]]
            body = (export / "flat" / name).read_bytes() if good else b"error"
            self.send_response(200 if good else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}/api/", asked
    made.shutdown()
    thread.join()
    made.server_close()


def test_api(server, export, tmp_path, monkeypatch):
    """What the API gives would not be what an export by hand gives."""
    url, asked = server
    monkeypatch.setenv("REDCAP_TOKEN", "SECRET")
    code, said = run("redcap", url, "--token", "env:REDCAP_TOKEN", "-o", tmp_path / "got")
    assert (code, sorted(said["files"])) == (0, ["dictionary.csv", "records.csv"])
    for name in said["files"]:
        assert (tmp_path / "got" / name).read_bytes() == (export / "flat" / name).read_bytes()
    assert {one["content"][0] for one in asked} == {"record", "metadata"}


def test_a_refused_token_is_not_told(server, tmp_path):
    """A wrong token would stand in the message, or leave half an export."""
    (tmp_path / "token").write_text("WRONG-TOKEN\n")
    code, said = run("redcap", server[0], "--token", tmp_path / "token", "-o", tmp_path / "got")
    assert code == 2
    assert "WRONG-TOKEN" not in json.dumps(said)
    assert not (tmp_path / "got").exists()
