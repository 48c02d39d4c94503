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
