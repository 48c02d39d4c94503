"""What a hospital sends: transactions without ids, exports of several studies, histories, answers of servers."""

from __future__ import annotations

import json

import pytest

PATIENT = {"resourceType": "Patient", "gender": "female", "birthDate": "1950-03-02"}
WEIGHT = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "effectiveDateTime": "2020-01-20",
    "valueQuantity": {"value": 70, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}
ONE, TWO = "8b1a9953-c461-4296-a827-abf8c47804d7", "5f0c2a1e-6f0c-4a4e-9f4e-2f6f1c1b7a55"


def written(path, value):
    """A file of JSON, or of NDJSON where the value is a list."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(map(json.dumps, value)) if isinstance(value, list) else json.dumps(value))
    return path.parent


def cells(folder, dataset, *names):
    """Some columns of a dataset, by the json module."""
    told = json.loads((folder / f"{dataset}.json").read_text())
    places = [[one["name"] for one in told["columns"]].index(name) for name in names]
    return [tuple(row[at] for at in places) for row in told["rows"]]


def finding(folder, name):
    """The findings of that id."""
    found = json.loads((folder / "findings.json").read_text())["findings"]
    return [one for one in found if one["id"] == name]


def transaction(*patients):
    """A Bundle to be sent: of each Patient a weight, nothing with an id."""
    entries = []
    for uuid in patients:
        subject = {"reference": f"urn:uuid:{uuid}"}
        entries.append({"fullUrl": f"urn:uuid:{uuid}", "resource": PATIENT})
        entries.append({"fullUrl": f"urn:uuid:{uuid[::-1]}", "resource": {**WEIGHT, "subject": subject}})
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{**one, "request": {"method": "POST", "url": one["resource"]["resourceType"]}} for one in entries],
    }


def test_a_transaction_without_ids(run, tmp_path):
    """Its Patients would give rows of DM without subject, sex or birth date."""
    source = written(tmp_path / "in" / "b.json", transaction(ONE, TWO))
    assert run("convert", source, "--to", "sdtm", "-o", tmp_path / "o").code == 0
    assert sorted(cells(tmp_path / "o", "dm", "USUBJID", "SEX", "BRTHDTC")) == sorted(
        (one, "F", "1950-03-02") for one in (ONE, TWO)
    )
    assert sorted(cells(tmp_path / "o", "vs", "USUBJID", "VSSTRESN")) == sorted((one, 70) for one in (ONE, TWO))
    totals = json.loads((tmp_path / "o" / "ledger.json").read_text())["totals"]
    assert totals["read"] > 2 * len(PATIENT)
    assert run("convert", tmp_path / "o", "--to", "fhir", "-o", tmp_path / "back").code == 0
    back = [json.loads(one) for one in (tmp_path / "back" / "Patient.ndjson").read_text().splitlines()]
    assert back == [PATIENT, PATIENT]
    weights = [json.loads(one) for one in (tmp_path / "back" / "Observation.ndjson").read_text().splitlines()]
    assert sorted(one["subject"]["reference"] for one in weights) == sorted(f"urn:uuid:{one}" for one in (ONE, TWO))


def test_lineage_of_a_transaction_without_ids(run, tmp_path):
    """Where its cells come from could not be told."""
    source = written(tmp_path / "in" / "b.json", transaction(ONE))
    done = run("trace", source, "DM.SEX", "--json")
    assert done.code == 0
    assert ONE in done.out


@pytest.mark.parametrize(("study", "number"), [("s2", "01"), ("s1", "02")])
def test_one_patient_two_subjects(run, tmp_path, study, number):
    """The second enrolment would be written as the first, and nobody would say so."""
    studies = [
        {"resourceType": "ResearchStudy", "id": one, "status": "active", "identifier": [{"value": f"NCT-{one}"}]}
        for one in ("s1", "s2")
    ]
    subjects = [
        {
            "resourceType": "ResearchSubject",
            "id": name,
            "identifier": [{"value": subject}],
            "status": "on-study",
            "study": {"reference": f"ResearchStudy/{of}"},
            "individual": {"reference": "Patient/p1"},
        }
        for name, of, subject in (("r1", "s1", "01"), ("r2", study, number))
    ]
    source = written(tmp_path / "in" / "a.ndjson", [{**PATIENT, "id": "p1"}, *studies, *subjects])
    assert run("convert", source, "--to", "sdtm", "-o", tmp_path / "o").code == 1
    (told,) = finding(tmp_path / "o", "TB-SUBJECT-TWO")
    assert told["resource"] == "ResearchSubject/r2"
    assert "Patient/p1" in told["message"]


def test_the_same_subject_named_twice_is_one(run, tmp_path):
    """A subject that is there again, under another id, would be called two."""
    subject = {
        "resourceType": "ResearchSubject",
        "identifier": [{"value": "01"}],
        "status": "on-study",
        "study": {"reference": "ResearchStudy/s"},
        "individual": {"reference": "Patient/p1"},
    }
    source = written(tmp_path / "in" / "a.ndjson", [{**PATIENT, "id": "p1"}, *({**subject, "id": one} for one in "ab")])
    run("convert", source, "--to", "sdtm", "-o", tmp_path / "o")
    assert finding(tmp_path / "o", "TB-SUBJECT-TWO") == []


@pytest.mark.parametrize("url", ["Patient/p1", "https://hospital.example/fhir/Patient/p1"])
def test_what_was_deleted_and_is_here(run, tmp_path, url):
    """A deleted Patient of a history, or of a $export's `deleted`, would be converted without a word."""
    written(tmp_path / "in" / "Patient.ndjson", [{**PATIENT, "id": "p1"}, {**PATIENT, "id": "p2"}])
    gone = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": url}}]}
    source = written(tmp_path / "in" / "deleted.ndjson", [gone])
    assert run("convert", source, "--to", "sdtm", "-o", tmp_path / "o").code == 0
    (told,) = finding(tmp_path / "o", "TB-FHIR-DELETED")
    assert told["message"].startswith("Patient/p1 ")
    assert told["file"] == "deleted.ndjson"


def test_an_answer_without_resources(run, tmp_path):
    """A transaction's response would be a conversion that ended well, and nothing was made."""
    answer = {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [{"response": {"status": "201 Created", "location": "Patient/1/_history/1"}}],
    }
    source = written(tmp_path / "in" / "b.json", answer)
    done = run("convert", source, "--to", "sdtm", "-o", tmp_path / "o")
    assert done.code == 0
    assert finding(tmp_path / "o", "TB-NOTHING-MADE")
    assert "--no-residue" not in done.out
    assert run("convert", source, "--to", "sdtm", "-o", tmp_path / "o", "--fail-on", "warning").code == 1


def test_what_is_all_residue_comes_back(run, tmp_path):
    """Tables without a row would be called no dataset, and the residue beside them be lost."""
    mine = {"resourceType": "Organization", "id": "o1", "name": "Hôpital"}
    source = written(tmp_path / "in" / "Organization.json", mine)
    assert run("convert", source, "--to", "sdtm", "-o", tmp_path / "o").code == 0
    assert run("convert", tmp_path / "o", "--to", "fhir", "-o", tmp_path / "back").code == 0
    assert json.loads((tmp_path / "back" / "Organization.ndjson").read_text()) == mine


@pytest.mark.parametrize("version", ["", "/_history/3"])
def test_deidentified_references_by_address_still_lead_to_the_patient(run, tmp_path, version):
    """An absolute reference would become a name of nothing: a weight without a subject; or keep the hospital's address."""
    address = f"https://hospital.example/fhir/Patient/p1{version}"
    source = written(
        tmp_path / "in" / "a.ndjson",
        [{**PATIENT, "id": "p1"}, {**WEIGHT, "id": "o1", "subject": {"reference": address}}],
    )
    words = ("deidentify", source, "-o", tmp_path / "out", "--key-file", tmp_path / "key", "--new-key")
    assert run(*words).code == 0
    patient = json.loads((tmp_path / "out" / "Patient.ndjson").read_text())
    weight = json.loads((tmp_path / "out" / "Observation.ndjson").read_text())
    assert weight["subject"] == {"reference": f"Patient/{patient['id']}"}
    assert "hospital.example" not in "".join(one.read_text() for one in (tmp_path / "out").iterdir())


def test_where_all_is_rejected_that_is_what_is_said(run, tmp_path):
    """Rejected resources would be called none of a study's, and the ledger be said not to have been asked for."""
    source = written(tmp_path / "in" / "a.ndjson", [{**PATIENT, "id": "p1", "birthDate": "03/02/1950"}])
    done = run("convert", source, "--to", "sdtm", "-o", tmp_path / "o")
    assert done.code == 1
    assert finding(tmp_path / "o", "TB-NOTHING-MADE") == []
    assert "--no-residue" not in done.out
    assert "1950" not in done.out
