"""Bundles, arrays and single resources read; Bundles written (rules: R4 bundle.html, http.html#transaction)."""

import json

import pytest

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Severity
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.check import check
from trialbridge.fhir.files import bundle
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.located import Located, gather

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "https://s.example.org/a", "value": "x|y $1"}],
}
SEEN = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}}
EVENT = {
    "resourceType": "AdverseEvent",
    "id": "e",
    "identifier": {"system": "https://s.example.org/b", "value": "1"},
    "subject": {"reference": "Patient/p"},
}


def read(value):
    """The reading of one document."""
    return gather(bundle.read(json.dumps(value).encode(), "bundle.json"))


def test_wrong_entries_are_rejected_and_the_rest_read():
    """One wrong entry would cost the whole Bundle, or vanish."""
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": PATIENT},
        {"resource": {"id": "no type"}},
        "text",
        {"resource": [1]},
        {"fullUrl": "urn:uuid:5"},
        {"request": {"method": "DELETE", "url": "Patient/9"}},
        {"resource": SEEN},
    ]
    reading = read({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert [item.path for item in reading.resources] == ["Bundle.entry[0].resource", "Bundle.entry[6].resource"]
    assert [(r.finding.where.path, r.finding.severity) for r in reading.rejects] == [
        ("Bundle.entry[1].resource", Severity.ERROR),
        ("Bundle.entry[2].resource", Severity.ERROR),
        ("Bundle.entry[3].resource", Severity.ERROR),
        ("Bundle.entry[4].resource", Severity.ERROR),
        ("Bundle.entry[5].resource", Severity.NOTE),
    ]
    assert reading.rejects[0].text == '{"id":"no type"}'
    assert len(reading.resources) + len(reading.rejects) == len(entries)


def test_a_bundle_with_entries_that_are_no_list():
    """A broken Bundle would raise, or look empty."""
    reading = read({"resourceType": "Bundle", "type": "collection", "entry": {"resource": PATIENT}})
    assert [reject.finding.where.path for reject in reading.rejects] == ["Bundle.entry"]


def test_nested_bundles_are_flattened():
    """The resources of a Bundle in a Bundle would not be found."""
    inner = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": SEEN}]}
    reading = read(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}, {"resource": inner}]}
    )
    assert [item.path for item in reading.resources] == [
        "Bundle.entry[0].resource",
        "Bundle.entry[1].resource.entry[0].resource",
    ]
    assert len(reading.envelopes) == 2


def test_an_array_and_a_single_resource():
    """A JSON array of resources, or one resource, could not be read."""
    assert [(item.path, item.resource["id"]) for item in read([PATIENT, SEEN]).resources] == [
        ("[0]", "p"),
        ("[1]", "o"),
    ]
    assert [reject.finding.where.path for reject in read([PATIENT, 5]).rejects] == ["[1]"]
    assert read(PATIENT).resources[0].resource == PATIENT


def test_an_operation_outcome_is_no_study_data():
    """A server's error would be converted as data, or not be told (its free text stays out of findings)."""
    issue = {"severity": "error", "code": "processing", "diagnostics": "secret"}
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [issue, {"severity": "information", "code": "informational"}],
    }
    entries = [{"resource": PATIENT, "search": {"mode": "match"}}, {"resource": outcome, "search": {"mode": "outcome"}}]
    reading = read({"resourceType": "Bundle", "type": "searchset", "entry": entries})
    assert len(reading.resources) == 1
    assert [item.resource for item in reading.outcomes] == [outcome]
    assert [(f.severity, f.where.path) for f in reading.findings] == [
        (Severity.ERROR, "Bundle.entry[1].resource.issue[0]"),
        (Severity.NOTE, "Bundle.entry[1].resource.issue[1]"),
    ]
    assert not any("secret" in str(finding) for finding in reading.findings)


@pytest.mark.parametrize("data", [b"garbage", b'{"resourceType":"Bundle","entry":[', b""])
def test_a_broken_document_is_an_error(data):
    """Garbage would end in a traceback or as an empty reading."""
    with pytest.raises(UnreadableInputError, match=r"b\.json"):
        list(bundle.read(data, "b.json"))


def test_a_collection_is_worked_out_by_hand(tmp_path):
    """bundle.json would not be a legal collection."""
    (path,) = bundle.write([PATIENT, SEEN], tmp_path, "R4")
    assert path.name == "bundle.json"
    assert json.loads(path.read_bytes()) == {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": f"{BASE}/Patient/p", "resource": PATIENT},
            {"fullUrl": f"{BASE}/Observation/o", "resource": SEEN},
        ],
    }


def test_a_transaction_puts_under_the_own_id():
    """A server would give new ids, and the same study twice would be doubled."""
    made = bundle.bundle_of([PATIENT, {"resourceType": "Patient", "active": True}], "R4", "transaction")
    assert [entry["request"] for entry in made["entry"]] == [
        {"method": "PUT", "url": "Patient/p"},
        {"method": "POST", "url": "Patient"},
    ]
    assert made["entry"][1]["fullUrl"].startswith("urn:uuid:")


def test_conditional_creates_search_the_identifier():
    """A second load would create duplicates, or references would name ids the server never gives."""
    made = bundle.bundle_of([SEEN, PATIENT, EVENT], "R4", "transaction", conditional=True)
    seen, patient, event = made["entry"]
    assert patient["request"] == {
        "method": "POST",
        "url": "Patient",
        "ifNoneExist": "identifier=https://s.example.org/a|x%5C%7Cy%20%5C%241",
    }
    assert patient["fullUrl"].startswith("urn:uuid:")
    assert seen["resource"]["subject"] == {"reference": patient["fullUrl"]}
    assert event["request"] == {"method": "PUT", "url": "AdverseEvent/e"}  # R4 has no search by its identifier
    assert event["resource"]["subject"] == {"reference": patient["fullUrl"]}
    assert SEEN["subject"] == {"reference": "Patient/p"}


def test_a_searchset_counts_its_matches():
    """A searchset without total and mode is not one a client reads."""
    made = bundle.bundle_of([PATIENT], "R4", "searchset")
    assert made["total"] == 1
    assert made["entry"][0]["search"] == {"mode": "match"}


@pytest.mark.parametrize("kind", ["collection", "transaction", "batch", "searchset"])
@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("conditional", [False, True])
def test_every_bundle_is_structurally_legal_and_closed(kind, release, conditional):
    """A Bundle of some type would break FHIR's structure, or its references would not resolve inside it."""
    seen = {**SEEN, "status": "final", "code": {"text": "x"}}
    made = bundle.bundle_of([seen, Located(PATIENT, full_url="urn:uuid:1")], release, kind, conditional=conditional)
    assert check(made, release) == []
    reading = gather(bundle.items_of(made, None))
    inside = pool(reading.resources)
    assert inside.resolve(inside.of_type("Observation")[0]["subject"], inside.of_type("Observation")[0]) == PATIENT


def test_the_same_full_url_twice_is_refused():
    """A Bundle that breaks bdl-7 (fullUrl unique) would be written."""
    with pytest.raises(DoesNotFitError, match="Patient/p"):
        bundle.bundle_of([PATIENT, {**PATIENT, "active": True}], "R4")


def test_alike_resources():
    """The same resource would break bdl-7 when given twice, or two records without ids be taken for one."""
    unnamed = {"resourceType": "Patient", "active": True}
    made = bundle.bundle_of([PATIENT, dict(PATIENT), unnamed, dict(unnamed)], "R4")
    assert [entry["resource"] for entry in made["entry"]] == [PATIENT, unnamed, unnamed]
    assert len({entry["fullUrl"] for entry in made["entry"]}) == 3


def test_an_empty_bundle_has_no_entry():
    """An empty list would be written, which FHIR's JSON forbids."""
    assert bundle.bundle_of([], "R4") == {"resourceType": "Bundle", "type": "collection"}
