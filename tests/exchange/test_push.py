"""Push: what is made, changed, left, refused; ids of the server's choosing; the journal, rollback, and the proof."""

from __future__ import annotations

import json
import shutil
import stat

import httpx
import pytest

import trialbridge

KINDS = ("AdverseEvent", "BodyStructure", "Observation", "Patient", "ResearchStudy")


def _rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _write(path, rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))


def _home(folder):
    return next((folder / ".push").iterdir())


def _get(server, name):
    return httpx.get(f"{server.url}/{name}", timeout=30)


@pytest.fixture
def few(cohort):
    """The study, two subjects' worth of nothing but events, and what they point at: a small push."""
    for path in cohort.glob("*.ndjson"):
        if path.stem not in ("ResearchStudy", "Location", "Patient", "ResearchSubject", "Consent", "AdverseEvent"):
            path.unlink()
    return cohort


def test_a_change_is_sent_alone(filled, run, few):
    """A correction of one record would send, and version, the whole study."""
    events = _rows(few / "AdverseEvent.ndjson")
    events[0]["outcome"]["text"] = "mended"
    _write(few / "AdverseEvent.ndjson", events)
    done = run("push", few, filled.url)
    assert (done["updated"], done["created"], done["requests"]) == (1, 0, 1)
    assert _get(filled, f"AdverseEvent/{events[0]['id']}").json()["meta"]["versionId"] == "2"
    assert _get(filled, f"AdverseEvent/{events[1]['id']}").json()["meta"]["versionId"] == "1"
    assert run("push", few, filled.url)["unchanged"] == done["resources"]


def test_a_dry_run_sends_nothing(sekmet, run, few, counted):
    """Looking first would be doing."""
    done = run("push", few, sekmet.url, "--dry-run")
    assert done["toCreate"] == done["resources"] > 0
    assert counted(sekmet, *KINDS) == dict.fromkeys(KINDS, 0)
    assert not (few / ".push").exists()


def test_events_are_found_again_without_a_search_for_them(sekmet, run, few, counted, size):
    """R4 cannot search AdverseEvent by identifier: a second push, from another machine, would double every event."""
    run("push", few, sekmet.url)
    shutil.rmtree(few / ".push")
    again = run("push", few, sekmet.url)
    assert (again["created"], again["updated"]) == (0, 0)
    assert counted(sekmet, "AdverseEvent") == {"AdverseEvent": size(few)["AdverseEvent"]}


def test_the_servers_own_ids(sekmet, run, cohort, tmp_path, counted, size):
    """A server that chooses ids itself would get everything twice, or references to nowhere."""
    first = run("push", cohort, sekmet.url, "--ids", "server", "--bundle-size", 40, "--verify")
    assert (first["created"], first["failed"]) == (size(cohort).total(), 0)
    assert first["verified"]["different"] == first["verified"]["missing"] == 0
    shutil.rmtree(cohort / ".push")  # as from another machine
    again = run("push", cohort, sekmet.url, "--ids", "server")
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, size(cohort).total())
    assert counted(sekmet, "AdverseEvent", "BodyStructure") == {
        kind: size(cohort)[kind] for kind in ("AdverseEvent", "BodyStructure")
    }
    ours = {one["id"] for one in _rows(cohort / "Observation.ndjson")}
    theirs = {one["resource"]["id"] for one in _get(sekmet, "Observation?_count=1000").json()["entry"]}
    assert not ours & theirs
    run("pull", sekmet.url, "-o", tmp_path / "back", "--study", "NCT03406468")
    back = trialbridge.to_sdtm(tmp_path / "back").study
    assert trialbridge.diff(trialbridge.to_sdtm(cohort).study, back).equal


def test_who_is_there_under_another_id(sekmet, run, few, counted):
    """A patient the server knows under an id of its own would be there twice, or be overwritten by ours."""
    patient = _rows(few / "Patient.ndjson")[0]
    theirs = {**patient, "id": "hospital-7", "name": [{"family": "Kept"}]}
    httpx.put(f"{sekmet.url}/Patient/hospital-7", json=theirs, timeout=30).raise_for_status()
    done = run("push", few, sekmet.url)
    assert done["matched"] == 1
    assert counted(sekmet, "Patient") == {"Patient": 3}
    assert _get(sekmet, "Patient/hospital-7").json()["name"] == [{"family": "Kept"}]
    event = next(
        one for one in _rows(few / "AdverseEvent.ndjson") if one["subject"]["reference"].endswith(patient["id"])
    )
    assert _get(sekmet, f"AdverseEvent/{event['id']}").json()["subject"]["reference"] == "Patient/hospital-7"
    assert run("push", few, sekmet.url)["unchanged"] == done["resources"] - 1


def _spoil(folder, number=3):
    """Make one event wrong for the server (fhir.resources refuses it), and say which."""
    events = _rows(folder / "AdverseEvent.ndjson")
    events[number]["actuality"] = ["no list here"]
    _write(folder / "AdverseEvent.ndjson", events)
    return events[number]


def test_a_refused_entry_stands_alone(sekmet, run, few, counted):
    """One wrong record would keep a whole transaction out; or nobody would know why it is missing."""
    wrong = _spoil(few)
    done = run("push", few, sekmet.url, code=1)
    assert (done["failed"], done["created"]) == (1, done["resources"] - 1)
    (kept,) = _rows(_home(few) / "failed.ndjson")
    assert kept["resource"]["id"] == wrong["id"]
    assert kept["outcome"]["resourceType"] == "OperationOutcome"
    assert "AdverseEvent.actuality" in json.dumps(kept["outcome"])
    assert counted(sekmet, "AdverseEvent") == {"AdverseEvent": 7}
    (said,) = [one for one in done["said"] if one["id"] == "TB-PUSH-FAILED"]
    assert "1 AdverseEvent failed: the server answered 400" in said["message"]
    events = _rows(few / "AdverseEvent.ndjson")
    events[3]["actuality"] = "actual"
    _write(few / "AdverseEvent.ndjson", events)
    assert run("push", few, sekmet.url)["created"] == 1
    assert (_home(few) / "failed.ndjson").read_text() == ""


def test_what_points_at_a_refused_entry_is_not_sent(sekmet, run, few):
    """Events of a patient the server does not have would stand there without a patient."""
    patients = _rows(few / "Patient.ndjson")
    patients[0]["gender"] = {"no": "object"}
    _write(few / "Patient.ndjson", patients)
    done = run("push", few, sekmet.url, code=1)
    lost = [one for one in _rows(_home(few) / "failed.ndjson") if "points at" in one["reason"]]
    expected = sum(
        f"Patient/{patients[0]['id']}" in line
        for path in few.glob("*.ndjson")
        for line in path.read_text().splitlines()
    )
    assert len(lost) == expected > 0
    assert done["failed"] == expected + 1


def test_all_or_nothing(filled, run, few, counted):
    """A push that was to be rolled back would leave half of itself behind."""
    before = counted(filled, *KINDS)
    studies = _rows(few / "ResearchStudy.ndjson")
    title = next(one for one in studies if "title" in one)
    title["title"] = "Another"
    _write(few / "ResearchStudy.ndjson", studies)
    events = [{**one, "id": "new-" + one["id"]} for one in _rows(few / "AdverseEvent.ndjson")]
    _write(few / "AdverseEvent.ndjson", [*_rows(few / "AdverseEvent.ndjson"), *events])
    _spoil(few, -1)
    done = run("push", few, filled.url, "--bundle-size", 3, "--on-error", "rollback", code=1)
    assert done["rolled back"] > 0
    assert (done["created"], done["updated"]) == (0, 0)
    assert counted(filled, *KINDS) == before
    assert _get(filled, f"ResearchStudy/{title['id']}").json()["title"] != "Another"


def test_stopping_at_the_first_refusal(sekmet, run, few):
    """Who wants to look at the first fault would have to stop it by hand."""
    _spoil(few)
    done = run("push", few, sekmet.url, "--on-error", "stop", "--bundle-size", 2, code=1)
    assert done["stopped"]
    assert done["not sent"] > 0
    total = sum(
        done[name] for name in ("created", "updated", "unchanged", "matched", "conflicts", "failed", "not sent")
    )
    assert total == done["resources"]


def test_anothers_change_is_not_overwritten(sekmet, run, few):
    """What a nurse corrected on the server after our push would be lost by the next."""
    run("push", few, sekmet.url)
    event = _rows(few / "AdverseEvent.ndjson")[0]
    theirs = _get(sekmet, f"AdverseEvent/{event['id']}").json()
    theirs["date"] = "2019-09-09"
    httpx.put(f"{sekmet.url}/AdverseEvent/{event['id']}", json=theirs, timeout=30).raise_for_status()
    done = run("push", few, sekmet.url, code=1)
    assert (done["conflicts"], done["updated"]) == (1, 0)
    assert [one["resource"] for one in done["said"]] == [f"AdverseEvent/{event['id']}"]
    assert _get(sekmet, f"AdverseEvent/{event['id']}").json()["date"] == "2019-09-09"
    assert run("push", few, sekmet.url, "--overwrite")["updated"] == 1
    assert _get(sekmet, f"AdverseEvent/{event['id']}").json()["date"] == event["date"]


def _with_value(folder, number):
    """One observation with a value of this spelling, and nothing else but its patient."""
    for path in folder.glob("*.ndjson"):
        if path.stem != "Patient":
            path.unlink()
    patient = _rows(folder / "Patient.ndjson")[0]
    _write(folder / "Patient.ndjson", [patient])
    (folder / "Observation.ndjson").write_text(
        '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"size"},'
        f'"subject":{{"reference":"Patient/{patient["id"]}"}},"valueQuantity":{{"value":{number},"unit":"mm"}}}}\n'
    )


@pytest.mark.parametrize("name", ["sekmet", "medplum"])
def test_servers_that_lose_digits_are_reported(request, run, cohort, name):
    """23.50 mm, measured to a hundredth, would come back as 23.5 and nobody would know."""
    server = request.getfixturevalue(name)
    _with_value(cohort, "23.50")
    done = run("push", cohort, server.url, "--verify")
    assert done["verified"] == {
        "resources": 2,
        "elements": done["verified"]["elements"],
        "missing": 0,
        "digits": 1,
        "different": 0,
    }
    (said,) = done["said"]
    assert (said["id"], said["path"], said["resource"]) == (
        "TB-PUSH-DIGITS",
        "Observation.valueQuantity.value",
        "Observation/o1",
    )
    assert run("push", cohort, server.url, "--verify", "--fail-on", "warning", code=1)["updated"] == 0
    _with_value(cohort, "23.25")
    done = run("push", cohort, server.url, "--verify")
    assert (done["updated"], done["verified"]["digits"]) == (1, 0)


def test_what_the_server_changes_is_found(sekmet, run, few, network, size):
    """A server that quietly drops an element would pass for a true copy."""
    with network.standing_before(sekmet.url) as proxy:

        def drop(body):
            told = json.loads(body)
            for entry in told.get("entry", ()):
                if entry.get("resource", {}).get("resourceType") == "AdverseEvent":
                    entry["resource"].pop("seriousness", None)
            return json.dumps(told).encode()

        proxy.plan = lambda number, method, path: (
            network.changed(drop) if method == "GET" and "AdverseEvent?" in path else None
        )
        done = run("push", few, proxy.url, "--verify", code=1)
    assert done["verified"]["different"] == size(few)["AdverseEvent"]
    assert [one["path"] for one in done["said"]] == ["AdverseEvent.seriousness"]


def test_a_server_without_bundles(sekmet, run, few, network, counted, size):
    """A server that takes single resources only could not be pushed to."""

    def no_bundles(body):
        told = json.loads(body)
        told["rest"][0]["interaction"] = []
        return json.dumps(told).encode()

    with network.standing_before(sekmet.url) as proxy:
        proxy.plan = lambda number, method, path: network.changed(no_bundles) if "metadata" in path else None
        done = run("push", few, proxy.url)
        assert (done["way"], done["created"]) == ("single", done["resources"])
        assert not any(method == "POST" and path == "/fhir" for method, path in proxy.seen)
    assert counted(sekmet, "AdverseEvent") == {"AdverseEvent": size(few)["AdverseEvent"]}


def test_sdtm_is_not_sent(sekmet, run, tmp_path):
    """A folder of tables would be an error of the server's that nobody understands."""
    (tmp_path / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nS,DM,1\n")
    error = run("push", tmp_path, sekmet.url, code=2)["error"]
    assert "convert it first" in error["fix"]


def test_another_release_is_not_sent(sekmet, run, tmp_path, counted):
    """A server of R4 that checks little would keep resources of R5 that no search finds, beside the patients' own."""
    links = {"study": {"reference": "ResearchStudy/s"}, "subject": {"reference": "Patient/p"}}
    progress = [{"reason": {"text": "as planned"}}]
    subject = {"resourceType": "ResearchSubject", "id": "r5", "status": "active", **links, "progress": progress}
    _write(tmp_path / "ResearchSubject.ndjson", [subject])
    error = run("push", tmp_path, sekmet.url, code=2)["error"]
    assert "R5, the server speaks R4. Nothing was sent" in error["message"]
    assert "--to-release R4" in error["fix"]
    assert counted(sekmet, "ResearchSubject") == {"ResearchSubject": 0}
    looked = run("push", tmp_path, sekmet.url, "--dry-run", code=1)
    assert [one["id"] for one in looked["said"]].count("TB-PUSH-RELEASE") == 1


def test_the_release_may_be_said(sekmet, run, tmp_path, counted):
    """Resources of R5 that look like R4's would be sent to a server of R4 although the user knows better."""
    _write(tmp_path / "Patient.ndjson", [{"resourceType": "Patient", "id": "said", "gender": "female"}])
    error = run("push", tmp_path, sekmet.url, "--fhir-version", "R5", code=2)["error"]
    assert "R5, the server speaks R4. Nothing was sent" in error["message"]
    assert counted(sekmet, "Patient") == {"Patient": 0}
    assert run("push", tmp_path, sekmet.url, "--fhir-version", "R9", code=2)["error"]["fix"]
    assert run("push", tmp_path, sekmet.url, "--fhir-version", "R4")["created"] == 1


def test_no_server_there(run, few):
    """A wrong address would be a traceback."""
    error = run("push", few, "http://127.0.0.1:9/fhir", "--retries", 0, code=2)["error"]
    assert "No answer came" in error["message"]
    assert (
        "does not belong into an address" in run("push", few, "http://me:pass@127.0.0.1:9/", code=2)["error"]["message"]
    )
    assert "no address" in run("push", few, "127.0.0.1/fhir", code=2)["error"]["message"]


def test_what_is_sent_de_identified_tells_of_nobody(sekmet, run, few, tmp_path):
    """A subject's own id would leave the hospital; or a second push would send everybody anew."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    key.chmod(0o600)
    own = [one["value"] for patient in _rows(few / "Patient.ndjson") for one in patient["identifier"]]
    done = run("push", few, sekmet.url, "--deidentify", key)
    assert done["failed"] == 0
    assert stat.S_IMODE(_home(few).stat().st_mode) == 0o700  # the journal is nobody else's
    assert done["created"] == done["resources"] > 10
    there = _get(sekmet, "Patient").json()["entry"]
    assert len(there) == len(_rows(few / "Patient.ndjson"))
    sent = "".join(_get(sekmet, kind).text for kind in ("Patient", "ResearchSubject", "AdverseEvent"))
    assert [one for one in own if one in sent] == []
    again = run("push", few, sekmet.url, "--deidentify", key)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, done["resources"])
