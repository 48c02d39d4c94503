"""References followed in a pool (rules of R4 bundle.html#references and references.html)."""

import pytest

from trialbridge.fhir.bundle import pool, relative_references
from trialbridge.fhir.located import Located

PATIENT = {"resourceType": "Patient", "id": "1", "gender": "female"}


def ref(text):
    """A Reference."""
    return {"reference": text}


def test_by_type_and_id():
    """The plain reference would not be found."""
    made = pool([PATIENT])
    assert made.resolve(ref("Patient/1"), {}) is PATIENT
    assert made.get("Patient/1") is PATIENT
    assert made.of_type("Patient") == [PATIENT]


@pytest.mark.parametrize(
    "text",
    ["Patient/2", "Practitioner/1", "#x", "", "urn:uuid:0", "Patient", "patient/1", "https://a.example.org/Patient/2"],
)
def test_what_is_not_there_is_none(text):
    """A dangling reference would find some other resource, or raise."""
    assert pool([PATIENT]).resolve(ref(text), PATIENT) is None


@pytest.mark.parametrize("reference", [None, {}, {"display": "x"}, {"reference": 5}, {"identifier": {"value": "1"}}])
def test_a_reference_without_text_is_none(reference):
    """A Reference by display alone would raise."""
    assert pool([PATIENT]).resolve(reference, PATIENT) is None


def test_by_full_url():
    """References inside a transaction (urn:uuid) and absolute ones would dangle."""
    other = {"resourceType": "Patient", "id": "2"}
    made = pool(
        [Located(PATIENT, full_url="urn:uuid:a"), Located(other, full_url="https://a.example.org/fhir/Patient/2")]
    )
    assert made.resolve(ref("urn:uuid:a"), {}) is PATIENT
    assert made.resolve(ref("https://a.example.org/fhir/Patient/2"), {}) is other
    assert made.resolve(ref("https://b.example.org/fhir/Patient/2"), {}) is None


def test_relative_means_the_same_server():
    """Two servers' Patient/1 would be mixed up."""
    here, there = {**PATIENT, "gender": "male"}, PATIENT
    seen = {"resourceType": "Observation", "id": "o"}
    made = pool(
        [
            Located(here, full_url="https://a.example.org/Patient/1"),
            Located(there, full_url="https://b.example.org/Patient/1"),
            Located(seen, full_url="https://b.example.org/Observation/o"),
        ]
    )
    assert made.resolve(ref("Patient/1"), seen) is there
    assert [finding.id for finding in made.findings] == ["TB-FHIR-TWICE"]
    assert len(made) == 3


def test_contained_is_relative_to_its_container():
    """#id would be sought in another resource, or not from within a contained one."""
    inner = {"resourceType": "Organization", "id": "org"}
    twin = {"resourceType": "Practitioner", "id": "doc"}
    holder = {"resourceType": "Patient", "id": "9", "contained": [inner, twin]}
    made = pool([holder, {"resourceType": "Patient", "id": "8"}])
    assert made.resolve(ref("#org"), holder) is inner
    assert made.resolve(ref("#org"), twin) is inner
    assert made.resolve(ref("#"), inner) is holder
    assert made.resolve(ref("#org"), made.get("Patient/8")) is None


def test_versioned_references():
    """A reference to one version would give another."""
    old = {**PATIENT, "meta": {"versionId": "1"}}
    new = {**PATIENT, "gender": "male", "meta": {"versionId": "2"}}
    made = pool([new, old])
    assert made.get("Patient/1") is new
    assert made.resolve(ref("Patient/1/_history/2"), {}) is new
    assert made.resolve(ref("Patient/1/_history/1"), {}) is old
    assert made.resolve(ref("Patient/1/_history/3"), {}) is None
    assert pool([PATIENT]).resolve(ref("Patient/1/_history/7"), {}) is PATIENT  # its version is not stated


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ({"versionId": "10"}, {"versionId": "9"}, 0),
        ({"lastUpdated": "2024-01-01T00:00:00+02:00"}, {"lastUpdated": "2023-12-31T23:00:00Z"}, 1),
        ({}, {}, 1),
    ],
)
def test_the_later_of_two_versions_is_used_and_said(first, second, kept):
    """An outdated version would be used, or silently one of two."""
    both = [{**PATIENT, "meta": first, "active": True}, {**PATIENT, "meta": second, "active": False}]
    made = pool(both)
    assert made.of_type("Patient") == [both[kept]]
    assert [(f.id, f.where.resource) for f in made.findings] == [("TB-FHIR-TWICE", "Patient/1")]


def test_identical_duplicates_are_one():
    """The same Patient exported twice would be two subjects, or a false alarm."""
    made = pool([PATIENT, dict(PATIENT)])
    assert len(made) == 1
    assert made.findings == []


def test_urn_references_become_relative():
    """A Bundle's resources written alone would point at nothing."""
    seen = {
        "resourceType": "Observation",
        "id": "o",
        "subject": ref("urn:uuid:a"),
        "performer": [ref("Practitioner/7")],
    }
    made = relative_references([Located(PATIENT, full_url="urn:uuid:a"), Located(seen, full_url="urn:uuid:b")])
    assert made[1]["subject"] == ref("Patient/1")
    assert made[1]["performer"] == [ref("Practitioner/7")]
    assert seen["subject"] == ref("urn:uuid:a")  # the original is left alone
