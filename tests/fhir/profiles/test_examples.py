"""Published examples: what HL7 and mCODE show as right is right, but for faults that can be named."""

from __future__ import annotations

from trialbridge.base.finding import Severity
from trialbridge.fhir.jsontext import decode

OURS = (
    "ResearchStudy ResearchSubject Patient Procedure Condition MedicationAdministration BodyStructure Group "
    "PlanDefinition Organization Practitioner Encounter ImagingStudy Location DiagnosticReport Observation AdverseEvent"
).split()
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"


def errors(found):
    """The errors among findings."""
    return [one for one in found if one.severity is Severity.ERROR]


def test_mcode_examples_are_right(mcode, mcode_resources):
    """The examples of mCODE itself would be called wrong."""
    claiming = [
        one
        for one in mcode_resources.values()
        if any(url.startswith(MCODE) for url in one.get("meta", {}).get("profile", ()))
    ]
    assert len(claiming) == 121
    assert [str(one) for one in errors(mcode.findings(mcode_resources.values()))] == []


# Each with the reason why it is faulty, read off R4 4.0.1 itself.
FAULTY = {
    # Observation.performer may be a Practitioner, PractitionerRole, Organization, CareTeam, Patient or RelatedPerson
    ("Observation/clinical-gender", "TB-FHIR-REFERENCE", "Observation.performer[0]"),
}


def test_r4_examples_of_our_types_are_right(core, r4_examples):
    """HL7's examples would be called wrong, or the truly faulty ones right."""
    resources = [decode(r4_examples.bytes(name)) for name in r4_examples.of_type(*OURS)]
    assert len(resources) == 207
    found = errors(core.findings(resources))
    assert {(one.where.resource, one.id, one.where.path) for one in found} == FAULTY
