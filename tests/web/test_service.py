"""`trialbridge serve`: what it converts is right, what it cannot take it refuses in FHIR's words, and it keeps silent."""

import base64
import gzip
import io
import json
import os
import re
import socket
import zipfile
import zlib
from decimal import Decimal
from pathlib import Path

import httpx
import polars as pl
import pytest

import trialbridge
from trialbridge.sdtm import files
from trialbridge.sdtm.table import study, table

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"
NDJSON = {"Content-Type": "application/fhir+ndjson"}
JSON = {"Content-Type": "application/fhir+json"}
ZIP = {"Content-Type": "application/zip"}


@pytest.fixture(scope="module")
def packed():
    """The example's SDTM as a ZIP."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((EXAMPLE / "sdtm").iterdir()):
            archive.write(file, f"sdtm/{file.name}")
    return made.getvalue()


@pytest.fixture(scope="module")
def three():
    """The example's FHIR of three subjects, as one NDJSON."""
    files = sorted(one for one in (EXAMPLE / "fhir").glob("*.ndjson"))
    return b"".join(one.read_bytes() for one in files)


def post(service, path, body, headers, **params):
    """A POST with time for a slow machine."""
    return httpx.post(f"{service.url}{path}", content=body, headers=headers, params=params, timeout=120)


def issue(answer):
    """The one issue of an OperationOutcome."""
    outcome = answer.json()
    assert answer.headers["content-type"] == "application/fhir+json"
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"][0]


# --- what it does -----------------------------------------------------------------------------------------------------


def test_sdtm_goes_to_fhir_and_back_with_every_cell(service, packed, tmp_path):
    """The service would convert otherwise than the command does."""
    there = post(service, "/convert", packed, ZIP, to="fhir")
    assert there.status_code == 200, there.text
    assert there.headers["content-type"] == "application/fhir+ndjson"
    assert there.headers["x-trialbridge-adds-up"] == "true"
    body = gzip.compress(there.content)
    here = post(service, "/convert", body, {**NDJSON, "Content-Encoding": "gzip"}, to="sdtm", format="xpt")
    assert here.status_code == 200, here.text
    with zipfile.ZipFile(io.BytesIO(here.content)) as archive:
        archive.extractall(tmp_path)
    assert (tmp_path / "dm.xpt").is_file()
    assert (tmp_path / "ledger.json").is_file()
    assert trialbridge.diff(EXAMPLE / "sdtm", tmp_path).equal


def test_resources_come_as_a_zip_where_one_is_asked_for(service, three, tmp_path):
    """The residue and the ledger could not be had over HTTP."""
    given = post(service, "/convert", three, {**NDJSON, "Accept": "application/zip"}, to="fhir", format="bundle")
    with zipfile.ZipFile(io.BytesIO(given.content)) as archive:
        assert {"bundle.json", "findings.json", "run_manifest.json"} <= set(archive.namelist())


def test_the_operations_take_parameters_and_give_them_back(service, three, tmp_path):
    """A FHIR client that only speaks Parameters could not use the service."""
    resources = [json.loads(line) for line in three.splitlines()]
    parameters = [{"name": "resource", "resource": one} for one in resources]
    parameters.append({"name": "format", "valueCode": "ndjson"})
    body = json.dumps({"resourceType": "Parameters", "parameter": parameters})
    told = post(service, "/fhir/$to-sdtm", body, JSON)
    assert told.status_code == 200, told.text
    by_name = {one["name"]: one["resource"] for one in told.json()["parameter"]}
    assert by_name["outcome"]["resourceType"] == "OperationOutcome"
    package = by_name["package"]["data"]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(package))) as archive:
        archive.extractall(tmp_path)
    assert "dm.ndjson" in {one.name for one in tmp_path.iterdir()}
    asked = {"resourceType": "Parameters", "parameter": [{"name": "package", "valueBase64Binary": package}]}
    back = post(service, "/fhir/$to-fhir", json.dumps(asked), JSON)
    bundle = json.loads(back.content, parse_float=Decimal)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    made = trialbridge.to_sdtm([one["resource"] for one in bundle["entry"]]).study
    assert trialbridge.diff(trialbridge.read(tmp_path), made).equal


def test_what_is_wrong_with_a_body_comes_as_an_outcome(service):
    """A client would not learn which resource is wrong, and where."""
    wrong = {"resourceType": "Observation", "id": "o1", "status": "final", "cod": {}}
    outcome = post(service, "/validate", json.dumps(wrong), JSON)
    assert outcome.status_code == 200
    assert any(one["severity"] == "error" for one in outcome.json()["issue"])
    assert "Observation" in json.dumps(outcome.json()["issue"])


def test_metadata_names_the_operations(service):
    """A FHIR client could not find what the server does."""
    stated = httpx.get(f"{service.url}/fhir/metadata").json()
    named = {one["name"]: one["definition"] for one in stated["rest"][0]["operation"]}
    assert set(named) == {"to-sdtm", "to-fhir"}
    for name, url in named.items():
        definition = httpx.get(url).json()
        assert (definition["resourceType"], definition["code"]) == ("OperationDefinition", name)
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement
    from fhir.resources.R4B.operationdefinition import OperationDefinition

    CapabilityStatement.model_validate(stated)
    OperationDefinition.model_validate(httpx.get(named["to-sdtm"]).json())


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nowhere", 404, "not-found"),
        ("/convert", 405, "not-supported"),
        ("/fhir/OperationDefinition/x", 404, "not-found"),
    ],
)
def test_unknown_paths_and_methods_are_told_in_fhirs_words(service, path, status, code):
    """A FHIR client would get HTML or FastAPI's own errors."""
    answer = httpx.get(f"{service.url}{path}")
    assert answer.status_code == status
    assert issue(answer)["code"] == code


@pytest.mark.parametrize(
    ("body", "headers", "params", "status"),
    [
        (b"", JSON, {"to": "sdtm"}, 400),
        (b"{}", JSON, {"to": "mars"}, 400),
        (b"{}", JSON, {}, 400),
        (b"{}", JSON, {"to": "sdtm", "format": "word"}, 400),
        (b"{}", {"Content-Type": "text/html"}, {"to": "sdtm"}, 415),
        (b"{}", {**JSON, "Content-Encoding": "br"}, {"to": "sdtm"}, 415),
        (b"no gzip", {**JSON, "Content-Encoding": "gzip"}, {"to": "sdtm"}, 400),
        (b"no zip", ZIP, {"to": "sdtm"}, 400),
        (b"PK\x05\x06" + bytes(18), ZIP, {"to": "sdtm"}, 422),  # a ZIP of nothing
        (b'{"resourceType":', JSON, {"to": "sdtm"}, 422),
        (b'{"a": 1}', JSON, {"to": "sdtm"}, 422),
        (b"\xff\xfe\x00", JSON, {"to": "sdtm"}, 422),
        (b"[" * 200_000, JSON, {"to": "sdtm"}, 422),
        (b'{"resourceType":"Patient","a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", JSON, {"to": "sdtm"}, 422),
        (b"<a>" * 100_000, {"Content-Type": "application/fhir+xml"}, {"to": "sdtm"}, 422),
        (
            b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><Patient xmlns="http://hl7.org/fhir">&y;</Patient>',
            {"Content-Type": "application/fhir+xml"},
            {"to": "sdtm"},
            422,
        ),
    ],
)
def test_bodies_that_cannot_be_taken_get_a_clear_4xx(service, body, headers, params, status):
    """Bad input would end in a 500, or in a process that dies."""
    answer = post(service, "/convert", body, headers, **params)
    assert answer.status_code == status, answer.text
    assert issue(answer)["severity"] == "error"
    assert "diagnostics" in issue(answer)
    assert str(service.spool) not in answer.text


def test_bodies_over_the_limit_end_at_the_limit(service):
    """A large body, or a small one that unpacks to a large one, would fill memory or disk."""
    large = bytes(9 * 1024 * 1024)
    assert post(service, "/convert", large, JSON, to="sdtm").status_code == 413

    def pieces():  # without a Content-Length
        for _ in range(9):
            yield bytes(1024 * 1024)

    answer = httpx.post(f"{service.url}/convert", params={"to": "sdtm"}, content=pieces(), headers=JSON, timeout=60)
    assert answer.status_code == 413
    bomb = gzip.compress(bytes(256 * 1024 * 1024))
    assert len(bomb) < 1024 * 1024
    assert post(service, "/convert", bomb, {**JSON, "Content-Encoding": "gzip"}, to="sdtm").status_code == 413
    deflated = zlib.compress(bytes(256 * 1024 * 1024))
    assert post(service, "/convert", deflated, {**JSON, "Content-Encoding": "deflate"}, to="sdtm").status_code == 413
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dm.json", bytes(256 * 1024 * 1024))
    assert post(service, "/convert", made.getvalue(), ZIP, to="fhir").status_code == 413
    assert service.memory() < 1024 * 1024 * 1024


def test_a_zip_cannot_leave_its_folder_or_repeat_a_name(service, tmp_path):
    """A ZIP could write over files of the machine."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("../../../../escaped.json", b'{"resourceType":"Patient","id":"p"}')
    answer = post(service, "/convert", made.getvalue(), ZIP, to="sdtm")
    assert answer.status_code == 200  # its last name part counts
    service.settled()
    names = {name for _, _, files in os.walk(service.spool.parent) for name in files}
    assert "escaped.json" not in names
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a/p.json", b'{"resourceType":"Patient","id":"p"}')
        archive.writestr("b/p.json", b'{"resourceType":"Patient","id":"q"}')
    assert post(service, "/convert", made.getvalue(), ZIP, to="sdtm").status_code == 400


def test_nothing_of_a_patient_is_in_the_log_and_nothing_is_left_on_disk(service, three):
    """The log would be a second patient file."""
    patient = {"resourceType": "Patient", "id": "geheim-77", "name": [{"family": "Zeldzaam"}], "gender": "male"}
    answer = post(service, "/convert", json.dumps(patient), {**JSON, "X-Request-ID": "mine-1"}, to="sdtm")
    assert answer.headers["x-request-id"] == "mine-1"
    httpx.get(f"{service.url}/fhir/OperationDefinition/Zeldzaam")
    (entry,) = service.logged(requestId="mine-1")
    text = service.log.read_text()
    assert "Zeldzaam" not in text
    assert "geheim-77" not in text
    assert (entry["route"], entry["status"], entry["method"]) == ("/convert", 200, "POST")
    service.settled()


def test_an_upload_that_is_cut_off_is_no_success_in_the_log(service):
    """The log would say 200 of a conversion that nobody ever got."""
    name = "cut-off-upload"
    head = (
        f"POST /convert?to=sdtm HTTP/1.1\r\nHost: x\r\nX-Request-Id: {name}\r\nContent-Type: application/fhir+json\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as line:
        line.sendall(f"{head}Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n".encode())
        assert line.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it has begun to read (RFC 9110, 10.1.1)
        line.sendall(b"{")
    (found,) = service.logged(requestId=name)
    assert found["status"] == 499


def test_metrics_count_requests_by_route(service):
    """An operator would not see that requests fail."""
    httpx.get(f"{service.url}/nowhere")
    text = httpx.get(f"{service.url}/metrics").text
    assert 'trialbridge_requests_total{route="(none)",status="404"}' in text
    assert "trialbridge_request_seconds_bucket" in text


def test_a_parameter_nobody_knows_is_refused(service, three):
    """A slip (`fromat`) would be passed over, and another format be sent than was asked for."""
    answer = post(service, "/convert", three, NDJSON, to="sdtm", fromat="xpt")
    assert answer.status_code == 400
    assert "fromat" in issue(answer)["diagnostics"]
    assert post(service, "/fhir/$to-sdtm", three, NDJSON, residue="false").status_code == 400


def test_a_csv_in_another_encoding(service, tmp_path):
    """A Windows CSV could be converted by the command and not by the service."""
    body = "STUDYID;DOMAIN;USUBJID;AESEQ;AETERM\nS1;AE;S1-01;1;Übelkeit\n".encode("windows-1252")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("ae.csv", body)
    assert post(service, "/convert", made.getvalue(), ZIP, to="fhir").status_code == 422
    answer = post(service, "/convert", made.getvalue(), ZIP, to="fhir", encoding="windows-1252")
    assert answer.status_code == 200
    assert "Übelkeit" in answer.text
    assert post(service, "/convert", made.getvalue(), ZIP, to="fhir", encoding="windows-1225").status_code == 422


# --- one file as the body ---------------------------------------------------------------------------------------------

BINARY = {"Content-Type": "application/octet-stream"}
AE = b"STUDYID,DOMAIN,USUBJID,AESEQ,AETERM\nS,AE,S-1,1,cough\n"
UNSAID = b"STUDYID,USUBJID,AESEQ,AETERM\nS,S-1,1,cough\n"


def datasets(answer):
    """The datasets in an answer: name and rows of each."""
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = [one for one in archive.namelist() if one not in {"findings.json", "run_manifest.json"}]
        return {(made := json.loads(archive.read(one)))["name"]: made["rows"] for one in names}


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        (AE, {"Content-Type": "text/csv"}, "AE"),
        (AE.replace(b",", b";"), BINARY, "AE"),
        (UNSAID, {**BINARY, "Content-Disposition": 'attachment; filename="ae.csv"'}, "AE"),
        (AE, {**BINARY, "Content-Disposition": 'attachment; filename="AEX.csv"'}, "AEX"),  # a part of AE
        (AE, {**BINARY, "Content-Disposition": 'attachment; filename="../final v2.csv"'}, "AE"),
        (b"STUDYID,RDOMAIN,USUBJID,IDVAR,IDVARVAL,QNAM,QVAL\nS,AE,S-1,AESEQ,1,X,y\n", BINARY, "SUPPAE"),
        (b"STUDYID,RDOMAIN,USUBJID,IDVAR,IDVARVAL,RELTYPE,RELID\nS,AE,S-1,AESEQ,1,,A\n", BINARY, "RELREC"),
    ],
)
def test_a_lone_csv_is_the_dataset_it_says(service, body, headers, name):
    """A CSV would be the dataset BODY, of which nothing is mapped."""
    assert list(datasets(post(service, "/convert", body, headers, to="sdtm"))) == [name]


def test_a_lone_csv_that_says_nothing_is_refused(service):
    """Its rows would be carried one by one, and nobody be told why."""
    for path, params in (("/convert", {"to": "fhir"}), ("/validate", {}), ("/fhir/$to-fhir", {})):
        answer = post(service, path, UNSAID, BINARY, **params)
        assert answer.status_code == 422
        assert "Content-Disposition" in issue(answer)["diagnostics"]


def test_parquet_of_another_tool_is_the_dataset_it_says(service):
    """Parquet that pandas wrote would be the dataset BODY."""
    made = io.BytesIO()
    pl.DataFrame({"STUDYID": ["S"], "DOMAIN": ["DM"], "USUBJID": ["S-1"]}).write_parquet(made)
    found = datasets(post(service, "/convert", made.getvalue(), BINARY, to="sdtm"))
    assert found == {"DM": [["S", "DM", "S-1"]]}


def test_a_workbook_is_one_file(service, tmp_path):
    """A workbook is a ZIP: it would be taken apart, its parts be no FHIR, and the answer be empty."""
    dm = table("DM", pl.DataFrame({"STUDYID": ["S"], "DOMAIN": ["DM"], "USUBJID": ["S-1"]}))
    (book,) = files.write(study([dm]), tmp_path, "xlsx")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    for headers in ({"Content-Type": kind}, BINARY, ZIP):
        assert datasets(post(service, "/convert", book.read_bytes(), headers, to="sdtm")) == {
            "DM": [["S", "DM", "S-1"]]
        }


def _zip(**members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return made.getvalue()


LARGE = b'{"datasetJSONVersion": "1.1.0"' + b" " * (48 << 20)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (zlib.compress(LARGE), BINARY),
        (gzip.compress(b"{}\n") + gzip.compress(LARGE), BINARY),
        (_zip(dm_dsjc=zlib.compress(LARGE)), ZIP),
        (
            _zip(
                a_ndjson_gz=gzip.compress(LARGE[: len(LARGE) // 3]), b_ndjson_gz=gzip.compress(LARGE[: len(LARGE) // 3])
            ),
            ZIP,
        ),
        (_zip(**{"xl/workbook_xml": b"<workbook/>", "xl/sheet1_xml": LARGE}), BINARY),
    ],
    ids=["dsjc", "gzip of two members", "dsjc in a ZIP", "two gzip in a ZIP", "workbook"],
)
def test_what_is_packed_inside_is_bounded_too(service, body, headers):
    """A compressed dataset of a kilobyte could fill the machine's memory, past --max-unpacked."""
    answer = post(service, "/convert", body, headers, to="fhir")
    assert answer.status_code == 413
    assert issue(answer)["code"] == "too-long"


def test_a_packed_body_comes_whole_or_not_at_all(service, three):
    """Of a body of two gzip members the second would be lost, of a cut one its end, and the answer would be 200."""
    lines = three.splitlines(keepends=True)
    first, second = b"".join(lines[: len(lines) // 2]), b"".join(lines[len(lines) // 2 :])
    packed = {**NDJSON, "Content-Encoding": "gzip"}
    whole = post(service, "/convert", three, NDJSON, to="fhir")
    halves = gzip.compress(first) + gzip.compress(second)
    assert sorted(post(service, "/convert", halves, packed, to="fhir").text) == sorted(whole.text)
    cut = zlib.compressobj(wbits=31)
    begun = cut.compress(first) + cut.flush(zlib.Z_SYNC_FLUSH)
    answer = post(service, "/convert", begun, packed, to="fhir")
    assert answer.status_code == 400
    assert "ends within its gzip" in issue(answer)["diagnostics"]


def test_what_macos_puts_into_a_zip_is_left_out(service):
    """A ZIP of two folders made on a Mac would be refused for its two .DS_Store."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("a/.DS_Store", "b/.DS_Store", "__MACOSX/a/._ae.csv", "__MACOSX/ae.csv"):
            archive.writestr(name, b"x")
        archive.writestr("a/ae.csv", AE)
    assert list(datasets(post(service, "/convert", made.getvalue(), ZIP, to="sdtm"))) == ["AE"]


def test_parameters_in_xml_are_refused(service):
    """The study in them would be carried as an unknown resource, and the package hold no dataset."""
    body = b'<?xml version="1.0"?><Parameters xmlns="http://hl7.org/fhir"><parameter><name value="resource"/></parameter></Parameters>'
    answer = post(service, "/fhir/$to-sdtm", body, {"Content-Type": "application/fhir+xml"})
    assert answer.status_code == 422
    assert "JSON" in issue(answer)["diagnostics"]


def test_the_documentation_needs_no_other_host(service):
    """The page would load scripts from elsewhere, and be blank in a hospital's network."""
    answer = httpx.get(f"{service.url}/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|src=|href=|https?:", answer.text)
    described = httpx.get(f"{service.url}/openapi.json").json()
    assert all(path in answer.text for path in described["paths"])
    assert "fhirVersion" in answer.text
