"""One fault, one finding: each kind of rule, with the FHIRPath a user is shown; and what must not be one."""

from __future__ import annotations

import pytest
from fhirpathpy import evaluate

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Severity
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.profiles import Validator, validate
from trialbridge.fhir.profiles.narrative import narrative_faults
from trialbridge.fhir.profiles.outcome import outcome

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">%s</div>'


def observation(**more):
    """A valid Observation, changed."""
    found = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}, **more}
    return {key: value for key, value in found.items() if value is not None}


def told(validator, *resources, severity=Severity.ERROR):
    """(kind, path) of the findings of a severity."""
    found = validator.findings(resources)
    return {(one.id.removeprefix("TB-FHIR-"), one.where.path) for one in found if one.severity is severity}


CASES = [
    (observation(), set()),
    (observation(status=None), {("CARDINALITY", "Observation")}),
    (observation(status="done"), {("BINDING", "Observation.status")}),
    (observation(status=["final"]), {("TYPE", "Observation.status")}),
    (observation(status={"a": 1}), {("TYPE", "Observation.status")}),
    (observation(code="x"), {("TYPE", "Observation.code")}),
    (observation(category={"text": "x"}), {("TYPE", "Observation.category")}),
    (observation(colour="red"), {("UNKNOWN", "Observation")}),
    (observation(_colour={"id": "a"}), {("UNKNOWN", "Observation")}),
    (observation(code={}), {("INVARIANT", "Observation.code")}),
    (
        observation(category=[]),
        {("EMPTY", "Observation.category"), ("CARDINALITY", "Observation")} - {("CARDINALITY", "Observation")},
    ),
    (observation(issued=None, effectiveDateTime="2019-13-45"), {("VALUE", "Observation.effective.ofType(dateTime)")}),
    (observation(effectiveDateTime="2019-02-29"), {("VALUE", "Observation.effective.ofType(dateTime)")}),
    (observation(effectiveDateTime="2020-02-29T10:00"), {("VALUE", "Observation.effective.ofType(dateTime)")}),
    (observation(effectiveDateTime="2020-02-29T10:00:00+01:00"), set()),
    (observation(issued="2020-02-29"), {("VALUE", "Observation.issued")}),
    (observation(valueInteger=True), {("VALUE", "Observation.value.ofType(integer)")}),
    (observation(valueInteger=2**31), {("VALUE", "Observation.value.ofType(integer)")}),
    (observation(valueString=" "), {("VALUE", "Observation.value.ofType(string)")}),
    (observation(valueString="a\x07"), {("VALUE", "Observation.value.ofType(string)")}),
    (observation(valueString="a", valueInteger=1), {("CARDINALITY", "Observation")}),
    (observation(valueMoney={"value": 1}), {("UNKNOWN", "Observation")}),
    (
        observation(valuePeriod={"start": "2020-02", "end": "2020-01"}),
        {("INVARIANT", "Observation.value.ofType(Period)")},
    ),
    (observation(valuePeriod={"start": "2020-02-03", "end": "2020-02"}), set()),
    (observation(subject={"reference": "Medication/1"}), {("REFERENCE", "Observation.subject")}),
    (observation(subject={"reference": "Patient/1", "type": "Medication"}), set()),
    (observation(subject={"display": "somebody"}), set()),
    (observation(subject={"identifier": {"value": "1"}, "type": "Medication"}), {("REFERENCE", "Observation.subject")}),
    (observation(subject={"reference": "#p"}), {("INVARIANT", "Observation.subject")}),
    (
        observation(subject={"reference": "#p"}, contained=[{"resourceType": "Medication", "id": "p"}]),
        {("REFERENCE", "Observation.subject")},
    ),
    (observation(subject={"reference": "#p"}, contained=[{"resourceType": "Patient", "id": "p"}]), set()),
    (observation(contained=[{"resourceType": "Patient", "id": "p"}]), {("INVARIANT", "Observation")}),  # dom-3
    (observation(contained=[{"id": "p"}]), {("TYPE", "Observation.contained[0]"), ("INVARIANT", "Observation")}),
    (observation(id="a b"), {("VALUE", "Observation.id")}),
    (
        observation(meta={"profile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}),
        {("PROFILE", "Observation.meta.profile[0]")},
    ),
    (observation(text={"status": "generated", "div": DIV % "x"}), set()),
    (observation(text={"status": "generated", "div": DIV % "<script>x</script>"}), {("XHTML", "Observation.text.div")}),
    (observation(text={"status": "generated", "div": "<div>x</div>"}), {("XHTML", "Observation.text.div")}),
    (observation(text={"status": "generated", "div": DIV % " "}), {("XHTML", "Observation.text.div")}),
    (observation(language=5), {("VALUE", "Observation.language")}),
    (observation(_status={}), {("EMPTY", "Observation.status"), ("INVARIANT", "Observation.status")}),
    (
        observation(status=None, _status={"extension": [{"url": "https://example.org/x", "valueCode": "unknown"}]}),
        set(),
    ),
    (observation(extension=[{"url": "https://example.org/x"}]), {("INVARIANT", "Observation.extension[0]")}),
    (observation(extension=[{"valueString": "x"}]), {("CARDINALITY", "Observation.extension[0]")}),
    # R4's extension patient-birthPlace may stand on a Patient only, and holds an Address
    (
        observation(
            extension=[
                {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": {"text": "x"}}
            ]
        ),
        {("EXTENSION", "Observation.extension[0]")},
    ),
    (
        {
            "resourceType": "Patient",
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueString": "x"}],
        },
        {("TYPE", "Patient.extension[0].value.ofType(string)")},
    ),
    (
        {"resourceType": "Patient", "photo": [{"contentType": "image/png", "data": "AAAA", "size": 4}]},
        {("VALUE", "Patient.photo[0].size")},
    ),
    (
        {"resourceType": "Patient", "photo": [{"contentType": "image/png", "data": "A"}]},
        {("VALUE", "Patient.photo[0].data")},
    ),
    ({"resourceType": "Foo"}, {("TYPE", "Foo")}),
    ({"resourceType": "DomainResource"}, {("TYPE", "DomainResource")}),
]


@pytest.mark.parametrize(("resource", "expected"), CASES)
def test_each_fault_and_its_place(core, resource, expected):
    """A fault would pass, be told twice, be shown in the wrong place, or be found where there is none."""
    assert told(core, resource) == expected


def test_paths_are_fhirpath(core):
    """A path could not be pasted into a FHIRPath tool (operationoutcome.html: expression)."""
    resource = observation(
        component=[{"code": {"text": "x"}, "valueQuantity": {"value": "5"}}],
        performer=[{"reference": "Group/1"}, {"reference": "Medication/1"}],
    )
    paths = {path for _, path in told(core, resource)}
    assert "Observation.component[0].value.ofType(Quantity).value" in paths
    assert "Observation.performer[1]" in paths
    for path in paths:
        from fhirpathpy.models import models

        assert len(evaluate(resource, path, {}, models["r4"])) == 1


def test_references_are_followed_among_all_that_is_given(core):
    """A reference to a resource of the wrong type under a right-looking address would pass."""
    patient = {"resourceType": "Patient", "id": "1", "managingOrganization": {"reference": "Organization/1"}}
    assert told(core, patient, {"resourceType": "Organization", "id": "1", "name": "x"}) == set()
    somewhere = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    pointing = {**patient, "managingOrganization": {"reference": somewhere}}
    assert told(core, pointing) == set()  # to what is not at hand
    entry = {"fullUrl": "urn:uuid:11111111-1cbf-4d64-b04d-cd9187a4c6e0", "resource": pointing}
    for other, expected in (("Organization", False), ("Practitioner", True)):
        named = {"resourceType": other, "name": "x" if other == "Organization" else [{"text": "x"}]}
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [entry, {"fullUrl": somewhere, "resource": named}],
        }
        found = told(core, bundle)
        assert (("REFERENCE", "Bundle.entry[0].resource.managingOrganization") in found) is expected
        assert len(found) == expected


def test_a_target_must_meet_its_profile(mcode):
    """MCODE asks that a tumour's patient be a cancer patient: a mere Patient would do."""
    tumour = {
        "resourceType": "BodyStructure",
        "id": "t",
        "meta": {"profile": ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-tumor"]},
        "patient": {"reference": "Patient/1"},
        "location": {"coding": [{"system": "http://snomed.info/sct", "code": "39607008"}]},
        "identifier": [{"value": "1"}],
    }
    bare = {"resourceType": "Patient", "id": "1"}
    assert ("REFERENCE", "BodyStructure.patient") in told(mcode, tumour, bare)


def test_the_target_of_a_codeable_reference():
    """R5's CodeableReference could point anywhere: a Procedure's reason is a Condition, Observation or the like."""
    procedure = {"resourceType": "Procedure", "status": "completed", "subject": {"reference": "Patient/1"}}
    core = Validator("R5")
    for target, expected in (("Condition/1", set()), ("Patient/1", {("REFERENCE", "Procedure.reason[0].reference")})):
        assert told(core, {**procedure, "reason": [{"reference": {"reference": target}}]}) == expected


def test_profiles_named_by_the_user(mcode_packages):
    """A profile named on the command line would not be asked for, or an unknown one pass in silence."""
    resource = observation(subject={"reference": "Patient/1"})
    found = list(validate([resource], "R4", mcode_packages, profiles=["mcode-tumor-size"]))
    assert {"TB-FHIR-CARDINALITY", "TB-FHIR-PATTERN"} & {one.id for one in found}
    assert list(validate([{"resourceType": "Patient"}], "R4", mcode_packages, profiles=["mcode-tumor-size"])) == []
    with pytest.raises(UnknownNameError, match="mcode-nothing"):
        list(validate([resource], "R4", mcode_packages, profiles=["mcode-nothing"]))


def test_nothing_of_the_data_is_in_a_message(core):
    """A patient's name would land in a report."""
    patient = {"resourceType": "Patient", "id": "1", "name": "Miller", "birthDate": "Miller", "gender": "Miller"}
    found = list(core.findings([patient]))
    assert len(found) == 3
    assert not any("Miller" in str(one) for one in found)


ODD = [
    None,
    True,
    0,
    -1.5,
    "",
    "x",
    [],
    {},
    [None],
    [[]],
    [{}],
    {"a": None},
    {"extension": "x"},
    ["x", None, 3],
    10**30,
]


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_no_shape_of_json_breaks_it(release):
    """Input of the wrong shape would end a run with a traceback, and with it the report on all the rest."""
    validator = Validator(release)
    names = ["meta", "text", "contained", "extension", "status", "code", "subject", "valueQuantity", "component"]
    names += ["referenceRange", "_status", "id", "identifier", "entry", "type", "link", "resourceType"]
    odd = [
        {"resourceType": kind, **rest}
        for kind in ("Observation", "Bundle")
        for rest in ({n: v} for n in names for v in ODD)
    ]
    odd += [
        {"resourceType": "Bundle", "type": "transaction", "entry": [{n: v}]}
        for n in ("fullUrl", "resource", "request", "search")
        for v in ODD
    ]
    odd += [{"resourceType": "Observation", "meta": {"profile": v}} for v in ODD]
    odd += [{"resourceType": "Observation", "component": [{"valueQuantity": v, "code": w}]} for v in ODD for w in ODD]
    odd += [one for one in ODD if isinstance(one, dict)]
    for resource in odd:
        assert all(one.id.startswith("TB-FHIR-") for one in validator.findings([resource])), resource


def test_deep_nesting_ends():
    """A resource made to exhaust the stack would end the process."""
    resource = {"resourceType": "Patient"}
    extension = {"url": "https://example.org/x", "valueString": "x"}
    for _ in range(400):
        extension = {"url": "https://example.org/x", "extension": [extension]}
    found = list(Validator("R4").findings([{**resource, "extension": [extension]}]))
    assert any("nested too deeply" in one.message for one in found)


def test_decimals_and_release(core):
    """R5's elements would pass as R4, or a number's digits matter where they must not."""
    assert (
        told(
            core,
            decode(
                '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":23.50}}'
            ),
        )
        == set()
    )
    subject = {
        "resourceType": "ResearchSubject",
        "status": "active",
        "study": {"reference": "ResearchStudy/1"},
        "subject": {"reference": "Patient/1"},
    }
    assert told(Validator("R5"), subject) == set()
    assert ("UNKNOWN", "ResearchSubject") in told(core, subject)


def test_what_is_not_at_hand_is_said(core):
    """A claim that was never checked would look like one that was kept."""
    found = list(
        core.findings(
            [
                observation(meta={"profile": ["https://example.org/p"]}),
                observation(extension=[{"url": "https://example.org/x", "valueCode": "a"}]),
            ]
        )
    )
    assert [(one.id, one.severity) for one in found] == [
        ("TB-FHIR-PROFILE", Severity.WARNING),
        ("TB-FHIR-UNCHECKED", Severity.NOTE),
    ]


def test_findings_as_operation_outcome(core):
    """A server's client could not read our answer, or it would not be a valid resource itself."""
    answer = outcome(core.findings([observation(status="done")]))
    assert answer["issue"][0]["severity"] == "error"
    assert answer["issue"][0]["code"] == "code-invalid"
    assert answer["issue"][0]["expression"] == ["Observation.status"]
    for one in (answer, outcome([])):
        assert told(core, one) == set()


def test_narratives():
    """HTML that runs in a browser would be let through, or what FHIR allows refused."""
    good = (
        DIV
        % '<p class="a" style="x">a&nbsp;b &#233;</p><img src="#i" alt="x"/><!-- c --><table><tr><td colspan="2">1</td></tr></table>'
    )
    assert list(narrative_faults(good)) == []
    for bad in (
        "<p onclick='x'>a</p>",
        "<form>a</form>",
        "<a href='javascript:x'>a</a>",
        "<p>a",
        "<?php x?>a",
        "<iframe>a</iframe>",
    ):
        assert list(narrative_faults(DIV % bad)), bad
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + DIV % "&b;"
    list(narrative_faults(bomb))  # ends, and expands nothing
