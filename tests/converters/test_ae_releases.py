"""The same adverse event in the shapes of R4 (AE Clinical Research backport 1.0.1) and R5 (its R5 IG 1.0.1): the same rows.

Written by hand after both guides; what the rows must be is written out, not taken from either conversion.
"""

from __future__ import annotations

import pytest

from trialbridge.converters.study import to_release, to_sdtm

NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
B4 = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/"
A5 = "http://hl7.org/fhir/uv/ae-research-ig/StructureDefinition/"
SERIOUS = "http://terminology.hl7.org/CodeSystem/adverse-event-seriousness"
OUTCOME = "http://terminology.hl7.org/CodeSystem/adverse-event-outcome"


def concept(system, code, text=None):
    """A CodeableConcept of one coding."""
    made = {"coding": [{"system": system, "code": code}]}
    return made | ({"text": text} if text else {})


def criterion(base):
    """Hospitalisation, as a seriousness criterion."""
    return {
        "url": base + "seriousness-criteria",
        "extension": [
            {"url": "criterionCode", "valueCodeableConcept": concept(NCIT, "C83052")},
            {"url": "criterionPresent", "valueBoolean": True},
        ],
    }


EVENT = {
    "text": "Pneumonitis left lung",
    "coding": [{"system": "https://www.meddra.org", "code": "10035742", "display": "Pneumonitis"}],
}
R4 = [
    {"resourceType": "Patient", "id": "p1"},
    {
        "resourceType": "AdverseEvent",
        "id": "e1",
        "actuality": "actual",
        "subject": {"reference": "Patient/p1"},
        "event": EVENT,
        "date": "2020-03-01",
        "seriousness": concept(SERIOUS, "serious"),
        "outcome": concept(OUTCOME, "resolved"),
        "extension": [
            {"url": B4 + "ae-grade", "valueCodeableConcept": concept(NCIT, "C41340", "3")},
            {"url": B4 + "resolve-date", "valueDateTime": "2020-04-02"},
            criterion(B4),
        ],
    },
]
R5 = [
    {"resourceType": "Patient", "id": "p1"},
    {
        "resourceType": "AdverseEvent",
        "id": "e1",
        "status": "completed",
        "actuality": "actual",
        "subject": {"reference": "Patient/p1"},
        "code": EVENT,
        "occurrencePeriod": {"start": "2020-03-01", "end": "2020-04-02"},
        "seriousness": concept(SERIOUS, "serious"),
        "outcome": [concept(OUTCOME, "resolved")],
        "extension": [
            {"url": A5 + "ae-grade", "valueCodeableConcept": concept(NCIT, "C41340", "3")},
            criterion(A5),
        ],
    },
]
ROW = {
    "DOMAIN": "AE",
    "USUBJID": "p1",
    "AESEQ": 1.0,
    "AETERM": "Pneumonitis left lung",
    "AEDECOD": "Pneumonitis",
    "AEPTCD": 10035742.0,
    "AESER": "Y",
    "AESHOSP": "Y",
    "AEOUT": "RECOVERED/RESOLVED",
    "AETOXGR": "3",
    "AESTDTC": "2020-03-01",
    "AEENDTC": "2020-04-02",
}


def rows(resources, release):
    """The filled cells of AE."""
    told = to_sdtm(resources, release=release).study
    return [{name: value for name, value in row.items() if value is not None} for row in told["AE"].rows()]


@pytest.mark.parametrize(("resources", "release"), [(R4, "R4"), (R5, "R5")])
def test_both_shapes_give_the_same_rows(resources, release):
    """A hospital on R5 would deliver other adverse events than the same hospital on R4."""
    assert rows(resources, release) == [ROW]


@pytest.mark.parametrize(("resources", "release", "other"), [(R4, "R4", "R5"), (R5, "R5", "R4")])
def test_the_other_release_tells_the_same(resources, release, other):
    """An event written anew in the other release would lose a cell."""
    moved = to_release(resources, other, source_release=release).resources
    assert rows(moved, other) == [ROW]
