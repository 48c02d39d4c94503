"""Pull: what changed and nothing else, what is gone, whose data, and what the server cannot give."""

from __future__ import annotations

import json
import time

import httpx
import pytest

import trialbridge
from trialbridge.base.errors import ServerError
from trialbridge.base.finding import Where
from trialbridge.exchange import pull_parts

STUDY = ("--study", "NCT03406468")


def _rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _first(server, kind, **query):
    return httpx.get(f"{server.url}/{kind}", params={"_count": 1, **query}, timeout=30).json()["entry"][0]["resource"]


def _put(server, resource):
    answer = httpx.put(f"{server.url}/{resource['resourceType']}/{resource['id']}", json=resource, timeout=30)
    assert answer.status_code < 300, answer.text


def test_only_what_changed_is_taken_again(filled, run, tmp_path, size, cohort):
    """Every night the whole study would be carried over the line; or a change would be missed."""
    time.sleep(1.1)  # what was put within the second in which a pull begins is taken again
    run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    time.sleep(1.1)
    event = _first(filled, "AdverseEvent")
    event["outcome"]["text"] = "changed"
    new = {**_first(filled, "Observation"), "id": "brand-new"}
    _put(filled, event)
    _put(filled, new)
    again = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--since", "auto", "--overlap", 0)
    who = {"ResearchStudy", "ResearchSubject", "PlanDefinition", "Group", "Basic"}  # asked for anew each time
    assert {kind: n for kind, n in again["received"].items() if kind not in who} == {
        "AdverseEvent": 1,
        "Observation": 1,
    }
    assert again["changed"] == [f"AdverseEvent/{event['id']}"]
    assert again["added"] == ["Observation/brand-new"]
    assert again["removed"] == {}
    held = _rows(tmp_path / "got" / "AdverseEvent.ndjson")
    assert [one["outcome"].get("text") for one in held].count("changed") == 1
    assert len(held) == size(cohort)["AdverseEvent"]


def test_what_was_received_is_counted_by_every_type(filled, run, tmp_path, size, monkeypatch):
    """The study and its subjects would stand as held and never received; a pull that goes on would count its last part."""
    whole = run("pull", filled.url, "-o", tmp_path / "whole", *STUDY)
    assert (
        whole["received"]
        == whole["held"]
        == {kind: n for kind, n in size(tmp_path / "whole").items() if kind[0] != "."}
    )

    def breaks(*_):
        raise ServerError("broken off", Where(), "")

    with monkeypatch.context() as broken:
        broken.setattr(pull_parts, "follow", breaks)
        run("pull", filled.url, "-o", tmp_path / "rest", *STUDY, code=2)
    rest = run("pull", filled.url, "-o", tmp_path / "rest", *STUDY)
    assert rest["resumed"]
    assert rest["received"] == whole["received"]


def test_the_overlap_takes_nothing_for_news(filled, run, tmp_path, size, cohort):
    """What is asked for twice, for safety, would be reported as changed and make new versions of the study."""
    run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    again = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--since", "auto", "--overlap", 86400)
    assert again["received"]["Observation"] == size(cohort)["Observation"]
    assert (again["added"], again["changed"], again["removed"]) == ([], [], {})


def test_what_was_deleted_goes(filled, run, tmp_path, size, cohort):
    """A record deleted in the hospital would stay in the study for ever."""
    run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    observation, location = _first(filled, "Observation"), _first(filled, "Location")
    for one in (observation, location):
        httpx.delete(f"{filled.url}/{one['resourceType']}/{one['id']}", timeout=30).raise_for_status()
    again = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--since", "auto", "--overlap", 0)
    gone = {f"Observation/{observation['id']}", f"Location/{location['id']}"}
    assert again["removed"] == dict.fromkeys(gone, "deleted on the server")
    assert observation["id"] not in (tmp_path / "got" / "Observation.ndjson").read_text()
    assert sum(again["held"].values()) == size(cohort).total() - 2


def test_a_type_that_is_empty_leaves_no_file(filled, run, tmp_path):
    """The file of a type whose last resource was deleted would go on being converted."""
    run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    for event in _rows(tmp_path / "got" / "AdverseEvent.ndjson"):
        httpx.delete(f"{filled.url}/AdverseEvent/{event['id']}", timeout=30).raise_for_status()
    run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--since", "auto")
    assert not (tmp_path / "got" / "AdverseEvent.ndjson").exists()
    assert trialbridge.to_sdtm(tmp_path / "got").study["AE"].frame.height == 0


def test_a_new_subject_comes_whole(filled, run, tmp_path, size, cohort):
    """Of a subject who joined after the last pull only what changed since would be taken."""
    subjects = httpx.get(f"{filled.url}/ResearchSubject", timeout=30).json()["entry"]
    late = subjects[0]["resource"]
    httpx.delete(f"{filled.url}/ResearchSubject/{late['id']}", timeout=30).raise_for_status()
    first = run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    assert first["subjects"] == 2
    time.sleep(1.1)
    _put(filled, late)
    again = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--since", "auto", "--overlap", 0)
    assert again["subjects"] == 3
    assert sum(again["held"].values()) == size(cohort).total()
    assert sum(first["held"].values()) + len(again["added"]) == size(cohort).total()


def test_a_subject_who_left_goes(filled, run, tmp_path):
    """The data of one who is not in the study any more would be kept."""
    run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    left = _first(filled, "ResearchSubject")
    httpx.delete(f"{filled.url}/ResearchSubject/{left['id']}", timeout=30).raise_for_status()
    again = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--since", "auto")
    patient = left["individual"]["reference"]
    assert again["removed"][patient] == "its subject is not among those asked for any more"
    for path in (tmp_path / "got").glob("*.ndjson"):
        assert patient not in path.read_text()


def test_pulling_all_again_is_no_change(filled, run, tmp_path):
    """A pull without --since over an earlier one would report everything as new, or leave what is gone."""
    run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    observation = _first(filled, "Observation")
    httpx.delete(f"{filled.url}/Observation/{observation['id']}", timeout=30).raise_for_status()
    again = run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    assert (again["added"], again["changed"]) == ([], [])
    assert list(again["removed"]) == [f"Observation/{observation['id']}"]


def test_subjects_by_name(filled, run, tmp_path, cohort):
    """A site could not pull the two patients it has consent for, or a typing error would pass unseen."""
    patients = _rows(cohort / "Patient.ndjson")
    names = tmp_path / "subjects.txt"
    names.write_text(f"# consented\n{patients[0]['identifier'][0]['value']}\nPatient/{patients[1]['id']}\nNOBODY-1\n")
    done = run("pull", filled.url, "-o", tmp_path / "got", "--subjects", names, code=1)
    assert done["subjects"] == 2
    assert done["held"]["Patient"] == 2
    assert done["held"]["ResearchSubject"] == 2
    assert done["held"]["ResearchStudy"] >= 2
    assert [(one["id"], "NOBODY-1" in one["message"]) for one in done["said"]] == [("TB-PULL-SUBJECT", True)]


def test_personal_numbers_stay_out_of_addresses(filled, run, tmp_path, network, cohort):
    """Subjects' numbers would stand in the access log of every proxy, and in our own."""
    names = tmp_path / "subjects.txt"
    names.write_text("NCT03406468-02-0002\n")
    with network.standing_before(filled.url) as proxy:
        run("pull", proxy.url, "-o", tmp_path / "got", "--subjects", names)
        assert not any("02-0002" in path for _, path in proxy.seen)
        assert any(method == "POST" and "_search" in path for method, path in proxy.seen)
    log = (tmp_path / "got" / ".audit.ndjson").read_text()
    assert len(log.splitlines()) == len(proxy.seen)
    assert "02-0002" not in log
    for patient in _rows(cohort / "Patient.ndjson"):
        assert patient["id"] not in log


def test_a_group_is_exported(filled, run, tmp_path, cohort):
    """A group's data could not be had by the way hospitals offer for it; or Basic rows would be missing."""
    members = [{"entity": {"reference": f"Patient/{one['id']}"}} for one in _rows(cohort / "Patient.ndjson")]
    _put(filled, {"resourceType": "Group", "id": "g1", "type": "person", "actual": True, "member": members})
    done = run("pull", filled.url, "-o", tmp_path / "got", "--group", "g1")
    assert done["way"] == "export"
    assert done["subjects"] == 3
    back = trialbridge.to_sdtm(tmp_path / "got").study
    assert trialbridge.diff(trialbridge.to_sdtm(cohort).study, back).equal


def test_some_types_only(filled, run, tmp_path, size, cohort):
    """Who may have the events only would get everything."""
    done = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--type", "AdverseEvent,Procedure")
    kinds = ("AdverseEvent", "Patient", "Procedure", "ResearchStudy", "ResearchSubject")
    assert done["held"] == {kind: size(cohort)[kind] for kind in kinds}


def test_a_server_that_ignores_parameters(filled, run, tmp_path, network, size, cohort):
    """A lenient server gives everybody's resources, and other patients' data would enter the study."""
    stranger = {"resourceType": "Patient", "id": "stranger"}
    other = {**_first(filled, "Observation"), "id": "not-ours", "subject": {"reference": "Patient/stranger"}}
    _put(filled, stranger)
    _put(filled, other)

    def plan(number, method, path):
        if "/Observation?" in path and "subject" not in path and "patient=" in path:

            def lenient(handler, send):
                handler.path = "/fhir/Observation?_count=1000"
                network.passed(handler, send)

            return lenient
        return None

    with network.standing_before(filled.url) as proxy:
        proxy.plan = plan
        done = run("pull", proxy.url, "-o", tmp_path / "got", *STUDY)
    assert done["held"]["Observation"] == size(cohort)["Observation"]
    assert "not-ours" not in (tmp_path / "got" / "Observation.ndjson").read_text()
    assert [(one["id"], one["message"][:23]) for one in done["said"]] == [
        ("TB-PULL-FOREIGN", "The server gave 1 Obser")
    ]


def _without(kind, parameters=(), interactions=()):
    """A CapabilityStatement that lacks search parameters of a type."""

    def change(body):
        told = json.loads(body)
        for rest in told["rest"]:
            for one in rest["resource"]:
                if one["type"] == kind:
                    one["searchParam"] = [p for p in one["searchParam"] if p["name"] not in parameters]
                    one["operation"] = [p for p in one.get("operation", ()) if p["name"] not in interactions]
                if one["type"] == "Patient":
                    one["operation"] = [p for p in one.get("operation", ()) if p["name"] not in interactions]
        return json.dumps(told).encode()

    return change


def test_what_cannot_be_searched_is_said(filled, run, tmp_path, network):
    """A study without its adverse events would look complete."""
    with network.standing_before(filled.url) as proxy:
        change = _without("AdverseEvent", ("subject", "patient"), ("everything",))
        proxy.plan = lambda number, method, path: network.changed(change) if "metadata" in path else None
        done = run("pull", proxy.url, "-o", tmp_path / "got", *STUDY)
    assert "AdverseEvent" not in done["held"]
    assert [one["message"] for one in done["said"] if one["severity"] == "warning"] == [
        "The server cannot search AdverseEvent by patient or subject: none was pulled."
    ]


def test_everything_where_search_cannot(filled, run, tmp_path, network, size, cohort):
    """A server that has $everything but no such search would not be used for what it can."""
    with network.standing_before(filled.url) as proxy:
        change = _without("AdverseEvent", ("subject", "patient"))
        proxy.plan = lambda number, method, path: network.changed(change) if "metadata" in path else None
        done = run("pull", proxy.url, "-o", tmp_path / "got", *STUDY)
    assert done["held"]["AdverseEvent"] == size(cohort)["AdverseEvent"]


def test_pages_are_followed_to_the_end(filled, run, tmp_path, size, cohort):
    """A study would end with the first page."""
    done = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, "--page-size", 7)
    assert sum(done["held"].values()) == size(cohort).total()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "not said whose"),
        (("--study", "NCT0"), "no ResearchStudy of identifier NCT0"),
        (("--study", "NCT03406468", "--type", "Patent"), "no resource type Patent"),
        (("--study", "NCT03406468", "--since", "yesterday"), "is no instant"),
        (("--study", "NCT03406468", "--since", "2026-01-01"), "no earlier pull"),
    ],
)
def test_wrong_words(filled, run, tmp_path, words, said):
    """A mistake would pull nothing, or everything, and say nothing."""
    assert said in run("pull", filled.url, "-o", tmp_path / "got", *words, code=2)["error"]["message"]


def test_other_data_are_not_mixed_in(filled, run, tmp_path, cohort):
    """A pull into a folder of other data would overwrite them."""
    error = run("pull", filled.url, "-o", cohort, *STUDY, code=2)["error"]
    assert "no pull has written" in error["message"]


def test_two_pulls_at_once(filled, run, tmp_path):
    """Two night jobs on one folder would destroy each other's files."""
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "got").mkdir()
    with (tmp_path / "got" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        error = run("pull", filled.url, "-o", tmp_path / "got", *STUDY, code=2)["error"]
    assert "Another pull is at work" in error["message"]
