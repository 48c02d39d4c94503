"""The element tables against FHIR's published definitions and fhir.resources' own models."""

import gzip
import json

import pytest

from trialbridge.base.errors import UnknownNameError
from trialbridge.fhir.elements import DATA, element_at, elements, resource_types
from trialbridge.fhir.releases import release

OUR_TYPES = [
    "Patient",
    "Observation",
    "AdverseEvent",
    "Procedure",
    "Condition",
    "BodyStructure",
    "ResearchStudy",
    "ResearchSubject",
    "Encounter",
    "Consent",
    "MedicationAdministration",
    "Group",
    "PlanDefinition",
    "Organization",
    "Practitioner",
    "Location",
    "ImagingStudy",
    "DiagnosticReport",
    "Bundle",
]


def test_observation_in_the_order_of_the_definition():
    """XML would come out in the wrong order (order from hl7.org/fhir/R4/observation.html)."""
    names = [name for name, element in elements("Observation", "R4").items() if not element.choice]
    assert names == [
        "id",
        "meta",
        "implicitRules",
        "language",
        "text",
        "contained",
        "extension",
        "modifierExtension",
        "identifier",
        "basedOn",
        "partOf",
        "status",
        "category",
        "code",
        "subject",
        "focus",
        "encounter",
        "issued",
        "performer",
        "dataAbsentReason",
        "interpretation",
        "note",
        "bodySite",
        "method",
        "specimen",
        "device",
        "referenceRange",
        "hasMember",
        "derivedFrom",
        "component",
    ]


def test_a_choice_stands_under_every_json_name():
    """A value[x] of one of R4's eleven types could not be read or written."""
    values = [e.name for e in elements("Observation", "R4").values() if e.path == "Observation.value[x]"]
    assert values == [
        "valueQuantity",
        "valueCodeableConcept",
        "valueString",
        "valueBoolean",
        "valueInteger",
        "valueRange",
        "valueRatio",
        "valueSampledData",
        "valueTime",
        "valueDateTime",
        "valuePeriod",
    ]


@pytest.mark.parametrize(
    ("path", "in_release", "kind", "is_list"),
    [
        ("Observation.component.valueQuantity", "R4", "Quantity", False),
        ("Observation.component.valueQuantity.value", "R4", "decimal", False),
        ("Observation.component.referenceRange.low", "R4", "Quantity", False),  # by content reference
        ("Patient.name.given", "R4", "string", True),
        ("Patient.birthDate.extension.valueDateTime", "R4", "dateTime", False),
        ("Bundle.entry.resource", "R4", "Resource", False),
        ("AdverseEvent.date", "R4", "dateTime", False),
        ("AdverseEvent.occurrenceDateTime", "R5", "dateTime", False),
        ("ResearchSubject.individual", "R4", "Reference", False),
        ("ResearchSubject.subject", "R5", "Reference", False),
        ("Bundle.issues", "R5", "Resource", False),
        ("Attachment.size", "R5", "integer64", False),
    ],
)
def test_paths_that_exist(path, in_release, kind, is_list):
    """A mapped path would be called missing, or get the wrong type (facts from hl7.org/fhir/R4 and R5)."""
    element = element_at(path, in_release)
    assert element is not None
    assert (element.type, element.is_list) == (kind, is_list)


@pytest.mark.parametrize(
    ("path", "in_release"),
    [
        ("Observation.component.valueMoney", "R4"),
        ("Observation.value", "R4"),
        ("Patient.nam", "R4"),
        ("Patient", "R4"),
        ("Foo.bar", "R4"),
        ("Patient.birthDate.value", "R4"),
        ("AdverseEvent.occurrenceDateTime", "R4"),
        ("AdverseEvent.date", "R5"),
        ("Patient.gender.foo.bar", "R4"),
    ],
)
def test_paths_that_do_not_exist(path, in_release):
    """A mapping to an element FHIR does not have would pass unseen."""
    assert element_at(path, in_release) is None


def test_reference_targets_and_required():
    """A reference of the wrong type, or a missing required element, could not be told."""
    assert element_at("Observation.specimen", "R4").targets == ("Specimen",)
    assert element_at("Observation.status", "R4").required
    assert not element_at("Observation.issued", "R4").required
    assert element_at("Extension.url", "R4").attribute


@pytest.mark.parametrize("in_release", ["R4", "R5"])
@pytest.mark.parametrize("kind", OUR_TYPES)
def test_same_elements_as_fhir_resources(kind, in_release):
    """A table lacks an element of a type we use, or has one too many (independent source: fhir.resources)."""
    if in_release == "R4":
        from fhir.resources.R4B import get_fhir_model_class
    else:
        from fhir.resources import get_fhir_model_class
    theirs = get_fhir_model_class(kind).elements_sequence()
    ours = list(elements(kind, in_release))
    if (kind, in_release) == ("PlanDefinition", "R4"):
        theirs.remove("subjectCanonical")  # R4B's one addition: hl7.org/fhir/R4B/diff.html
    assert ours == theirs


def test_resource_types():
    """Types are missing or abstract ones offered (R4 has 148 with Resource and DomainResource)."""
    assert len(resource_types("R4")) == 146
    assert set(OUR_TYPES) <= resource_types("R4") & resource_types("R5")
    assert not {"Resource", "DomainResource", "Quantity"} & resource_types("R4")


def test_unknown_names_are_refused():
    """A misspelt type or release would go on as an empty table."""
    with pytest.raises(UnknownNameError, match="Observatoin"):
        elements("Observatoin", "R4")
    with pytest.raises(UnknownNameError, match="R6"):
        release("R6")


@pytest.mark.parametrize("name", ["r4", "r5"])
def test_data_files_say_where_they_come_from(name):
    """The origin of the data could not be told, or a rebuild would differ by its time stamp."""
    packed = (DATA / f"elements_{name}.json.gz").read_bytes()
    assert packed[4:8] == b"\0\0\0\0"  # gzip's MTIME, RFC 1952 2.3
    assert "StructureDefinitions" in json.loads(gzip.decompress(packed))["origin"]
