"""Sync: each change on the server becomes a change of records, with its reason; versions are never written over."""

from __future__ import annotations

import csv
import hashlib
import json
import time

import httpx
import pytest

import trialbridge

STUDY = ("--study", "NCT03406468", "--overlap", 0)


def _all(server, kind):
    told = httpx.get(f"{server.url}/{kind}", params={"_count": 1000}, timeout=30).json()
    return [entry["resource"] for entry in told["entry"]]


def _put(server, resource):
    answer = httpx.put(f"{server.url}/{resource['resourceType']}/{resource['id']}", json=resource, timeout=30)
    assert answer.status_code < 300, answer.text


def _changes(folder, name):
    return json.loads((folder / "versions" / name / "changes.json").read_text())["changes"]


def _hashes(folder):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def first(filled, run, tmp_path):
    """A first version of the study, and its folder."""
    done = run("sync", filled.url, "-o", tmp_path / "s", *STUDY)
    assert (done["version"], done["new"]) == ("0001", True)
    time.sleep(1.1)  # a pull asks by whole seconds
    return tmp_path / "s"


def test_each_change_has_its_reason(filled, run, first):
    """A sponsor would see that records changed, and not which, nor why; or a deleted record would stay."""
    before = _hashes(first / "versions" / "0001")
    again = run("sync", filled.url, "-o", first, *STUDY)
    assert (again["version"], again["new"]) == ("0001", False)
    events = _all(filled, "AdverseEvent")
    changed, deleted = events[0], events[1]
    changed["date"] = "2019-12-24"
    _put(filled, changed)
    httpx.delete(f"{filled.url}/AdverseEvent/{deleted['id']}", timeout=30).raise_for_status()
    sizes = [one for one in _all(filled, "Observation") if "TR|" in json.dumps(one.get("identifier", ""))]
    wrong = {**sizes[0], "status": "entered-in-error"}
    _put(filled, wrong)
    procedure = {**_all(filled, "Procedure")[0], "id": "brand-new"}
    procedure["identifier"] = []
    procedure.pop("identifier")
    _put(filled, procedure)
    done = run("sync", filled.url, "-o", first, *STUDY)
    assert (done["version"], done["new"]) == ("0002", True)
    listed = _changes(first, "0002")
    told = {(one["change"], one["dataset"], one["why"]) for one in listed}
    assert ("removed", "AE", "deleted on the server") in told
    assert ("removed", "TR", "entered in error") in told
    assert ("added", "PR", "new on the server") in told
    (event,) = [one for one in listed if one["change"] == "changed" and one["dataset"] == "AE"]
    assert event["why"] == "changed on the server"
    assert event["resources"] == [f"AdverseEvent/{changed['id']} (version 1 to 2)"]
    cells = {one["variable"]: one["to"] for one in event["cells"]}
    assert cells["AESTDTC"] == "2019-12-24"
    assert set(cells) <= {"AESTDTC", "AESTDY", "EPOCH"}
    assert len([one for one in listed if one["dataset"] in ("VS", "LB", "RS", "TU")]) == 0
    with (first / "versions" / "0002" / "changes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(max(1, len(one["cells"])) for one in listed)
    assert f"AESEQ={event['key']['AESEQ']:.0f}" in {word for row in rows for word in row["record"].split()}
    assert _hashes(first / "versions" / "0001") == before
    ours = trialbridge.to_sdtm(first / "fhir").study
    assert trialbridge.diff(ours, first / "versions" / "0002").equal


def test_a_follower_of_a_change_is_told_from_it(filled, run, first):
    """Study days that moved with the reference date would look like corrections of a hundred records."""
    subject = _all(filled, "ResearchSubject")[0]
    text = json.dumps(subject)
    study = trialbridge.read(first / "versions" / "0001", kind="sdtm")
    usubjid = next(one["value"] for one in subject["identifier"] if one["system"].endswith("/usubjid"))
    date = next(row["RFSTDTC"] for row in study["DM"].rows() if row["USUBJID"] == usubjid)
    assert date in text
    _put(filled, json.loads(text.replace(date, "2019-08-01")))
    run("sync", filled.url, "-o", first, *STUDY)
    listed = _changes(first, "0002")
    followed = [one for one in listed if one["why"].startswith("it follows from other records")]
    assert followed
    moved = {cell["variable"] for one in followed for cell in one["cells"]}
    assert all(name.endswith("DY") or name == "EPOCH" for name in moved)
    (own,) = [one for one in listed if one["dataset"] == "DM"]
    assert own["why"] == "changed on the server"


def test_edits_by_hand_are_not_lost_in_silence(filled, run, first):
    """What a programmer mended in the last version would be gone from the next, and nobody would know."""
    path = next((first / "versions" / "0001").glob("ae.*"))
    path.write_bytes(path.read_bytes() + b"\n")
    error = run("sync", filled.url, "-o", first, *STUDY, code=2)["error"]
    assert path.name in error["message"]
    assert not (first / "versions" / "0002").exists()
    done = run("sync", filled.url, "-o", first, *STUDY, "--accept-edits")
    assert (done["version"], [one["id"] for one in done["said"]]) == ("0002", ["TB-SYNC-EDITED"])


def test_a_subject_who_left(filled, run, first):
    """The records of one who is not in the study any more would stay, or go without a word."""
    left = _all(filled, "ResearchSubject")[0]
    httpx.delete(f"{filled.url}/ResearchSubject/{left['id']}", timeout=30).raise_for_status()
    run("sync", filled.url, "-o", first, *STUDY)
    usubjid = next(one["value"] for one in left["identifier"] if one["system"].endswith("/usubjid"))
    removed = [one for one in _changes(first, "0002") if one["key"].get("USUBJID") == usubjid]
    assert {one["change"] for one in removed} == {"removed"}
    reasons = {one["why"] for one in removed if one["dataset"] in ("AE", "VS", "LB", "TR")}
    assert reasons == {"its subject is not among those asked for any more"}
    study = trialbridge.read(first / "versions" / "0002", kind="sdtm")
    assert usubjid not in set(study["DM"].frame["USUBJID"])
