"""The boundary check: what it must find, and what it must let pass."""

import pytest

from trialbridge.base.errors import UnreadableInputError
from trialbridge.fhir.check import as_model, check, from_model
from trialbridge.fhir.jsontext import decode

CODE = {"text": "x"}


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ({"resourceType": "Patient", "name": [{"famly": "x"}]}, "Patient.name[0].famly"),
        ({"resourceType": "Patient", "birthDate": "2020-13"}, "Patient.birthDate"),
        ({"resourceType": "Patient", "name": []}, "Patient.name"),
        ({"resourceType": "Patient", "name": [{}]}, "Patient.name[0]"),
        ({"resourceType": "Patient", "gender": None}, "Patient.gender"),
        ({"resourceType": "Patient", "contained": [{"resourceType": "Foo"}]}, "Patient.contained[0]"),
        ({"resourceType": "Patient", "contained": [{"id": "a"}]}, "Patient.contained[0]"),
        ({"resourceType": "Patient", "deceasedBoolean": True, "deceasedDateTime": "2020"}, "Patient"),
        ({"resourceType": "Observation", "code": CODE}, "Observation.status"),
        ({"resourceType": "Foo"}, "Foo"),
        ({"id": "x"}, None),
        ("x", None),
        (
            {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": {"resourceType": "Patient", "gendr": "x"}}],
            },
            "Bundle.entry[0].resource.gendr",
        ),
        (
            {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"id": "x"}}]},
            "Bundle.entry[0].resource",
        ),
    ],
)
def test_faults_are_found_with_their_path(resource, path):
    """A structural fault would pass, raise, or be shown in the wrong place."""
    found = check(resource, "R4")
    assert [(finding.id, finding.where.path) for finding in found] == [("TB-FHIR-STRUCTURE", path)]


def test_a_text_where_an_element_should_be():
    """It would be called broken JSON, which the file is not."""
    (told,) = check({"resourceType": "Patient", "maritalStatus": "married"}, "R4")
    assert told.where.path == "Patient.maritalStatus"
    assert told.message == "A JSON object is asked for here."


def test_nothing_of_the_data_is_in_a_finding():
    """A patient's name would land in a report."""
    found = check({"resourceType": "Patient", "id": "1", "name": "Miller", "birthDate": "Miller"}, "R4")
    assert found
    assert not any("Miller" in str(finding) for finding in found)


def test_the_known_false_alarm_is_not_reported():
    """A legal primitive extension on an Extension's value would be called an error (R4 extensibility.html)."""
    twin = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    resource = {"resourceType": "Patient", "extension": [{"url": "https://example.org/x", "_valueString": twin}]}
    assert check(resource, "R4") == []
    wrong = {"resourceType": "Patient", "extension": [{"url": "https://example.org/x", "_valueFoo": twin}]}
    assert [finding.where.path for finding in check(wrong, "R4")] == ["Patient.extension[0]._valueFoo"]
    with pytest.raises(UnreadableInputError, match="primitive extension"):
        as_model(resource, "R4")


def test_a_release_is_held_to_its_own_elements():
    """R5's elements would pass as R4."""
    resource = {"resourceType": "ResearchSubject", "status": "active", "study": {"reference": "ResearchStudy/1"}}
    assert check({**resource, "subject": {"reference": "Patient/1"}}, "R5") == []
    in_r4 = {**resource, "status": "on-study", "individual": {"reference": "Patient/1"}}
    assert check(in_r4, "R4") == []
    assert [f.where.path for f in check({**in_r4, "subject": {"reference": "Patient/1"}}, "R4")] == [
        "ResearchSubject.subject"
    ]


def test_models_in_and_out():
    """A user of fhir.resources could not hand models over (and the loss of 23.50 is as documented)."""
    text = '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":23.50}}'
    model = as_model(decode(text), "R4")
    assert model.status == "final"
    back = from_model(model)
    assert back == decode(text)
    assert str(back["valueQuantity"]["value"]) == "23.5"


def test_a_model_of_a_broken_resource_is_refused():
    """A broken resource would raise pydantic's error, data and all."""
    with pytest.raises(UnreadableInputError, match=r"Observation\.code"):
        as_model({"resourceType": "Observation", "status": "final"}, "R4")


@pytest.mark.parametrize(
    "kind", ["Patient", "Procedure", "ResearchSubject", "AdverseEvent", "BodyStructure", "Condition"]
)
def test_official_examples_pass(r4_examples, kind):
    """A right resource would be called wrong."""
    names = r4_examples.of_type(kind)[:6]
    assert names
    for name in names:
        assert check(decode(r4_examples.bytes(name)), "R4") == [], name
