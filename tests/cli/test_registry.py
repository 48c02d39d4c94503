"""trialbridge registry: convert, results, check, page, fetch."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest
from lxml import etree

from trialbridge.sdtm.files import read

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "registry" / "data"
RECORD = DATA / "NCT03406468.json"
EXAMPLE = ROOT / "examples" / "re_induction"
CONTENT = json.loads(RECORD.read_text())


def convert(run, source, to, output, *options):
    """`registry convert`, which must end well."""
    done = run("registry", "convert", source, "--to", to, "-o", output, "--json", *options)
    assert done.code == 0, done.err
    return done.json


@pytest.mark.parametrize("options", [(), ("--fhir-version", "R4B"), ("--fhir-version", "R4"), ("--format", "ndjson")])
def test_to_fhir_and_back(options, run, tmp_path):
    """If it failed, a record would change on its way through FHIR files."""
    told = convert(run, RECORD, "fhir", tmp_path / "fhir", *options)
    assert told["resources"]["ResearchStudy"] == 1
    assert told["values"]["in elements"] == (71 if "R4B" in options or "R4" in options else 87)
    convert(run, tmp_path / "fhir", "v2", tmp_path / "v2")
    assert json.loads((tmp_path / "v2" / "record.json").read_text()) == CONTENT


def test_to_sdtm_and_back(run, tmp_path):
    """If it failed, a record would change on its way through trial design datasets and the rest beside them."""
    plan = EXAMPLE / "study.yaml"
    told = convert(run, RECORD, "sdtm", tmp_path / "sdtm", "--study-file", plan, "--format", "xpt")
    assert told["rows"] == {"TA": 3, "TE": 3, "TI": 6, "TS": 65, "TV": 6}
    assert {"TB-REG-TS-DIFFERS"} == {one["id"] for one in told["findings"]}
    convert(run, tmp_path / "sdtm", "v2", tmp_path / "v2")
    assert json.loads((tmp_path / "v2" / "record.json").read_text()) == CONTENT


@pytest.mark.parametrize("options", [("--fhir-version", "R4"), ("--fhir-version", "R5"), ("--format", "ndjson")])
@pytest.mark.parametrize(
    "protocol", [{"identificationModule": {"briefTitle": "A draft"}}, {"conditionsModule": {"conditions": ["x"]}}]
)
def test_a_draft_comes_home_in_its_release(protocol, options, run, tmp_path):
    """If it failed, R5 of a short record would be read as R4, where it says that the trial is recruiting."""
    content = {"protocolSection": protocol, "hasResults": False}
    (tmp_path / "draft.json").write_text(json.dumps(content))
    convert(run, tmp_path / "draft.json", "fhir", tmp_path / "fhir", *options)
    convert(run, tmp_path / "fhir", "v2", tmp_path / "v2")
    assert json.loads((tmp_path / "v2" / "record.json").read_text()) == content


def test_a_rest_that_looks_like_fhir_is_no_fhir(run, tmp_path):
    """If it failed, a folder we wrote ourselves would be refused as one of two kinds of data."""
    protocol = {**CONTENT["protocolSection"], "newModule": {"resourceType": "Patient", "id": "1"}}
    (tmp_path / "record.json").write_text(json.dumps({**CONTENT, "protocolSection": protocol}))
    convert(run, tmp_path / "record.json", "sdtm", tmp_path / "sdtm", "--format", "parquet")
    convert(run, tmp_path / "sdtm", "v2", tmp_path / "v2")
    assert json.loads((tmp_path / "v2" / "record.json").read_text())["protocolSection"] == protocol


def test_a_folder_holds_one_conversion(run, tmp_path):
    """If it failed, files of an earlier conversion would be read as part of a later one."""
    convert(run, RECORD, "sdtm", tmp_path / "out")
    convert(run, RECORD, "v2", tmp_path / "out")
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        "findings.json",
        "record.json",
        "run_manifest.json",
    ]


def test_another_studys_file_is_noticed(run, tmp_path):
    """If it failed, one trial's elements and visits would be written for another."""
    plan = tmp_path / "study.yaml"
    plan.write_text("study: {id: OTHER, registry: NCT00000001}\n")
    done = run("registry", "convert", RECORD, "--to", "sdtm", "-o", tmp_path / "out", "--study-file", plan, "--json")
    assert done.code == 1
    assert "TB-REG-OTHER-STUDY" in {one["id"] for one in done.json["findings"]}


def test_to_prs(run, tmp_path):
    """If it failed, the record could not be uploaded."""
    convert(run, RECORD, "prs", tmp_path / "prs", "--org-name", "EXAMPLE")
    schema = etree.XMLSchema(etree.parse(DATA / "ProtocolRecordSchema.xsd"))
    root = etree.parse(tmp_path / "prs" / "prs.xml")
    assert schema.validate(root), schema.error_log
    assert root.findtext(".//org_name") == "EXAMPLE"


def test_foreign_fhir_and_its_residue(run, r5_examples, tmp_path):
    """If it failed, FHIR that others made would not come back from a record and the residue beside it."""
    given = r5_examples.json("package/ResearchStudy-example-ctgov-study-record.json")
    source = tmp_path / "given.json"
    source.write_text(json.dumps(given, default=float))
    told = convert(run, source, "v2", tmp_path / "v2", "--contacts")
    assert told["record"] == "NCT05503693"
    assert told["residue"] > 0
    convert(run, tmp_path / "v2", "fhir", tmp_path / "fhir", "--contacts", "--format", "ndjson")
    (line,) = (tmp_path / "fhir" / "ResearchStudy.ndjson").read_text().splitlines()
    assert json.loads(line) == json.loads(source.read_text())


def test_persons_stay_behind(run, tmp_path):
    """If it failed, people's names would be written without anyone asking."""
    content = json.loads(RECORD.read_text())
    people = [{"name": "Pat Example", "role": "CONTACT", "phone": "555-0100"}]
    content["protocolSection"]["contactsLocationsModule"]["centralContacts"] = people
    source = tmp_path / "record.json"
    source.write_text(json.dumps(content))
    for to in ("fhir", "sdtm", "v2", "prs"):
        convert(run, source, to, tmp_path / to)
        assert not any("Pat Example" in file.read_text() for file in (tmp_path / to).iterdir())
    convert(run, source, "v2", tmp_path / "asked", "--contacts")
    assert "Pat Example" in (tmp_path / "asked" / "record.json").read_text()


def test_results(run, tmp_path):
    """If it failed, results would not be computed, or in files the registries refuse."""
    out = tmp_path / "out"
    done = run(
        "registry", "results", EXAMPLE / "sdtm", "--record", RECORD, "-o", out, "--vocabulary", "CTCAE (4.0)", "--org-name", "X", "--json"
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["participants"] == {"Radiotherapy": "40 started, 15 completed"}
    files = [
        "eudract.xml",
        "findings.json",
        "prs-results.xml",
        "prs.xml",
        "record.html",
        "record.json",
        "run_manifest.json",
    ]
    assert sorted(one.name for one in out.iterdir()) == files
    for name, schema in (
        ("prs.xml", "ProtocolRecordSchema.xsd"),
        ("prs-results.xml", "ProtocolRecordSchema.xsd"),
        ("eudract.xml", "adverseEvents.xsd"),
    ):
        checker = etree.XMLSchema(etree.parse(DATA / schema))
        assert checker.validate(etree.parse(out / name)), checker.error_log
    record = json.loads((out / "record.json").read_text())
    assert record["hasResults"] is True
    page = (out / "record.html").read_text()
    assert "Participant flow" in page
    assert "Progression free survival" in page


def test_results_go_with_the_studys_own_record(run, tmp_path):
    """If it failed, one trial's results would be sent to the registry under another trial's number."""
    other = tmp_path / "other.json"
    other.write_text(RECORD.read_text().replace("NCT03406468", "NCT03406469"))
    done = run("registry", "results", EXAMPLE / "sdtm", "--record", other, "-o", tmp_path / "out", "--json")
    assert done.code == 1
    (said,) = [one for one in done.json["findings"] if one["id"] == "TB-REG-OTHER-STUDY"]
    assert "NCT03406469" in said["message"]
    assert "NCT03406468" in said["message"]


def test_results_of_a_study_in_fhir(run, tmp_path):
    """If it failed, results could be computed from SDTM alone, although a hospital has FHIR."""
    done = run("registry", "results", EXAMPLE / "fhir", "--record", RECORD, "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    patients = [json.loads(line) for line in (EXAMPLE / "fhir" / "Patient.ndjson").read_text().splitlines()]
    subjects = {
        one["value"] for patient in patients for one in patient["identifier"] if one["system"].endswith("/usubjid")
    }
    ends = read(EXAMPLE / "sdtm")["DS"].frame.filter(
        pl.col("USUBJID").is_in(subjects), pl.col("DSSCAT") == "STUDY PARTICIPATION", pl.col("DSDECOD") == "COMPLETED"
    )
    assert done.json["participants"] == {"Radiotherapy": f"{len(subjects)} started, {ends.height} completed"}


def test_wrong_options_of_results(run, tmp_path):
    """If it failed, a version that does not exist would give a page without outcomes."""
    words = ("registry", "results", EXAMPLE / "sdtm", "--record", RECORD, "-o", tmp_path / "out")
    assert run(*words, "--criteria", "2.0").code == 2
    assert run(*words, "--ctcae", "9").code == 2
    assert run(*words, "--threshold", "6").code == 2
    assert not (tmp_path / "out").exists()


def test_check(run):
    """If it failed, a reviewer would find what we could have said."""
    clean = run("registry", "check", RECORD, "--json")
    assert clean.code == 0
    assert clean.json["rules"] == 65
    assert [one for one in clean.json["findings"] if one["severity"] == "error"] == []
    compared = run("registry", "check", RECORD, "--study", EXAMPLE / "sdtm", "--json", "--fail-on", "warning")
    assert compared.code == 1
    assert compared.json["rules"] == 76
    assert {one["id"] for one in compared.json["findings"]} >= {"TB-REG-DRIFT-STATUS", "TB-REG-DRIFT-COMPLETION"}
    people = run("registry", "check", RECORD)
    assert "65 rules" in people.out


def test_page(run, tmp_path):
    """If it failed, a record could not be read by people."""
    assert run("registry", "page", RECORD, "-o", tmp_path / "record.html").code == 0
    assert "Re-Induction After Initial Response" in (tmp_path / "record.html").read_text()


def test_what_is_no_record_is_refused(run, tmp_path):
    """If it failed, a wrong file would end in a traceback or an empty record."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"resourceType": "Patient", "id": "p"}')
    done = run("registry", "convert", wrong, "--to", "v2", "-o", tmp_path / "out")
    assert done.code == 2
    assert "no ResearchStudy" in done.err
    wrong.write_text('{"a": 1}')
    assert "A record is API v2 JSON" in run("registry", "convert", wrong, "--to", "v2", "-o", tmp_path / "out").err
    events = EXAMPLE / "sdtm" / "ae.ndjson"
    done = run("registry", "convert", events, "--to", "v2", "-o", tmp_path / "out")
    assert done.code == 2
    assert "no trial design" in done.err
    assert run("registry", "convert", tmp_path / "none", "--to", "v2", "-o", tmp_path / "out").code == 2
    assert run("registry", "convert", RECORD, "--to", "fhir", "--format", "nonsense", "-o", tmp_path / "out").code == 2
    assert not (tmp_path / "out").exists()


@contextmanager
def registry_server(answers):
    """A registry on loopback: path -> (status, body). Gives its address and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, body = answers.get(self.path.partition("?")[0], (404, b""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v2", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_fetch(run, tmp_path):
    """If it failed, a record could not be had by its number, or another one would be taken for it."""
    with registry_server({"/api/v2/studies/NCT03406468": (200, RECORD.read_bytes())}) as (address, asked):
        target = tmp_path / "record.json"
        done = run("registry", "fetch", "nct03406468", "-o", target, "--address", address, "--json")
        assert done.code == 0, done.err
        assert json.loads(target.read_text()) == CONTENT
        assert asked == ["/api/v2/studies/NCT03406468?format=json"]
        assert run("registry", "fetch", "NCT00000001", "-o", tmp_path / "x", "--address", address).code == 2
        assert run("registry", "fetch", "03406468", "-o", tmp_path / "x", "--address", address).code == 2
        assert len(asked) == 2
    with registry_server({"/api/v2/studies/NCT00000002": (200, RECORD.read_bytes())}) as (address, _):
        other = run("registry", "fetch", "NCT00000002", "-o", tmp_path / "x", "--address", address)
        assert other.code == 2
        assert "not NCT00000002" in other.err
    assert not (tmp_path / "x").exists()


def test_a_folder_of_prs_is_read_back(run, tmp_path):
    """What `registry convert --to prs` wrote would be called FHIR without a study."""
    assert run("registry", "convert", RECORD, "--to", "prs", "-o", tmp_path / "prs").code == 0
    assert run("registry", "convert", tmp_path / "prs", "--to", "v2", "-o", tmp_path / "v2").code == 0
    title = json.loads((tmp_path / "v2" / "record.json").read_text())["protocolSection"]["identificationModule"]
    wanted = json.loads(RECORD.read_text())["protocolSection"]["identificationModule"]
    assert title["briefTitle"] == wanted["briefTitle"]


def test_many_findings_of_a_kind_are_one(run, tmp_path):
    """Two dozen lines that say the same of one parameter after the other would hide the rest."""
    done = run("registry", "convert", RECORD, "--to", "sdtm", "-o", tmp_path / "sdtm")
    told = [line for line in done.out.splitlines() if "TB-REG-TS-MISSING" in line]
    listed = json.loads((tmp_path / "sdtm" / "findings.json").read_text())["findings"]
    missing = [one["variable"] for one in listed if one["id"] == "TB-REG-TS-MISSING"]
    assert len(missing) > 10
    assert len(told) == 1
    assert all(name in done.out for name in missing)
    assert done.out.count("TB-REG-DESIGN-MISSING") == 3  # of elements, ways and visits each its own


def test_what_is_no_record_is_called_so(run, tmp_path):
    """It would be called neither SDTM nor FHIR, which nobody asked."""
    (tmp_path / "x.json").write_text("[]")
    done = run("registry", "check", tmp_path / "x.json")
    assert done.code == 2
    assert "no record of a registry" in done.err


def test_measures_nobody_computes_are_one_finding_on_the_terminal(run, tmp_path):
    """Another trial's thirty measures would be thirty lines; their titles must still be told."""
    other = tmp_path / "NCT02552212.json"
    other.write_bytes(gzip.decompress((DATA / "NCT02552212.json.gz").read_bytes()))
    done = run("registry", "results", EXAMPLE / "sdtm", "--record", other, "-o", tmp_path / "out")
    assert done.code == 1  # the record is another study's
    assert done.out.count("TB-REG-OUTCOME-NOT-COMPUTED") == 1
    listed = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"]
    titles = [one["message"].split("'")[1] for one in listed if one["id"] == "TB-REG-OUTCOME-NOT-COMPUTED"]
    assert len(titles) > 10
    assert all(title in done.out for title in titles)
