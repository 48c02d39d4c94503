"""FHIRPath: the specification's own rules, and agreement with fhirpathpy where that is sound."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from fhirpathpy import evaluate
from fhirpathpy.models import models

from trialbridge.fhir.elements import resource_types
from trialbridge.fhir.profiles.common_invariants import NATIVE
from trialbridge.fhir.profiles.definitions import Definitions
from trialbridge.fhir.profiles.fhirpath import compiled
from trialbridge.fhir.profiles.fhirpath_values import NotAnswerableError

PATIENT = {
    "resourceType": "Patient",
    "active": True,
    "name": [{"given": ["Ann", "B."], "family": "Doe"}, {"given": ["Annie"]}],
    "birthDate": "1970-05",
    "_gender": {"extension": [{"url": "https://example.org/why", "valueCode": "asked"}]},
    "deceasedDateTime": "2020-01-02T03:04:05+01:00",
    "multipleBirthInteger": 2,
    "contact": [{"relationship": [{"coding": [{"system": "a", "code": "N"}]}]}],
}
# http://hl7.org/fhirpath/N1/: the section that says so stands beside each
CASES = [
    ("name.given.count() = 3", True),
    ("name[1].given = 'Annie'", True),
    ("name.first().family.exists() and name[1].family.empty()", True),
    ("name.where(family = 'Doe').given.first() = 'Ann'", True),
    ("name.all(given.exists())", True),
    ("name.select(given.first()) | 'Ann' | 'x'", None),  # 4.5: many values are no truth
    ("(name.given | name.given).count() = 3", True),  # 5.4: a union has each value once
    ("name.given.combine(name.given).count() = 6", True),
    ("name.given.intersect('Ann' | 'x').count() = 1", True),
    ("'Ann' in name.given and (name.given contains 'Q').not()", True),
    ("name.given.isDistinct()", True),
    ("deceased is dateTime and deceased.ofType(boolean).empty()", True),
    ("deceased is DateTime", True),  # see the module's docstring
    ("multipleBirth as integer > 1", True),
    ("multipleBirth + 1 = 3 and 7 div 2 = 3 and 7 mod 2 = 1 and 1 / 4 = 0.25", True),
    ("-multipleBirth < 0", True),
    ("birthDate < '1970-05-02'", False),  # 6.2: not precise enough, so nothing; an invariant is then not met
    ("birthDate < @1971", True),
    ("deceased > @2020-01-02T02:00:00Z and deceased < @2020-01-02T03:00:00Z", True),  # 6.2.2: zones are minded
    ("gender.empty()", False),  # FHIR: an element with an extension alone is there …
    ("gender.hasValue().not() and active.hasValue()", True),  # … but has no value
    ("gender.extension('https://example.org/why').value = 'asked'", True),
    ("{} and true", False),  # nothing is not true
    ("({} and false) = false and ({} or true) and ({} implies true) and (false implies {})", True),  # 6.5
    ("({} = 1).empty() and (1 != 2) and ('a' ~ 'A') and ('a' !~ 'b')", True),
    ("'abc'.startsWith('ab') and 'abc'.endsWith('c') and 'abc'.contains('b') and 'abc'.matches('^a.c$')", True),
    ("'abc'.substring(1) = 'bc' and 'abc'.substring(0, 1) = 'a' and 'abc'.length() = 3", True),
    ("'3'.toInteger() = 3 and 'a'.toInteger().empty() and 3.toString() = '3'", True),
    ("'a' & {} = 'a' and 'a' + 'b' = 'ab'", True),
    ("iif(active, 'a', 'b') = 'a' and iif(active.not(), 'a').empty()", True),
    ("contact.relationship.coding.where(system = 'a').code = 'N'", True),
    ("descendants().where($this is Coding).count() = 1", True),
    ("name.given.where($index = 1) = 'B.'", True),
    ("%resource.active", None),  # nothing was said of the resource
    ("name.nosuch.exists()", False),
    ("nosuchfunction()", NotAnswerableError),
    ("1 +", NotAnswerableError),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_the_specification_says(text, expected):
    """An invariant would be evaluated otherwise than FHIRPath has it."""
    if expected is NotAnswerableError:
        with pytest.raises(NotAnswerableError):
            compiled(text, "R4")
    else:
        assert compiled(text, "R4").answer(PATIENT) is expected


def test_decimals_are_exact():
    """0.1 + 0.2 would not be 0.3, and 23.50 would lose a digit."""
    value = {"resourceType": "Observation", "valueQuantity": {"value": Decimal("0.3")}}
    assert compiled("value.value = 0.1 + 0.2", "R4").answer(value) is True


def test_boundaries_of_partial_dates():
    """R5's per-1 would refuse a period whose end is less precise than its start (period.html)."""
    rule = "start.hasValue().not() or end.hasValue().not() or (start.lowBoundary() <= end.highBoundary())"
    asked = compiled(rule, "R5")
    assert asked.answer({"start": "2020-05-03", "end": "2020-05"}, "Period") is True
    assert asked.answer({"start": "2020-05-03", "end": "2020-04"}, "Period") is False
    assert asked.answer({"start": "2020-05-03T10:00:00Z", "end": "2020-05-03"}, "Period") is True


def invariants(release):
    """Every invariant of a release's resources and datatypes: (expression, node it stands on)."""
    definitions = Definitions(release)
    for kind in sorted(resource_types(release)):
        for element in definitions.type(kind)["snapshot"]["element"]:
            for one in element.get("constraint", ()):
                yield one.get("expression", ""), element["path"]


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_every_invariant_of_the_release_is_understood(release):
    """An invariant would be skipped."""
    texts = {text for text, _ in invariants(release) if text and text not in NATIVE}
    assert len(texts) > 130
    refused = set()
    for text in texts:
        try:
            compiled(text, release)
        except NotAnswerableError:
            refused.add(text)
    assert refused == set()


# What fhirpathpy lacks or reads otherwise: see the docstring of fhir/profiles/fhirpath.py.
UNSOUND = re.compile(
    r"hasValue|htmlChecks|resolve|%rootResource|descendants|\bis\b|ofType|lowBoundary|memberOf|contains\("
)


def test_fhirpathpy_says_the_same(r4_examples):
    """Our evaluation would differ from an independent one on real data."""
    names = r4_examples.of_type("Observation", "Patient", "Condition", "Procedure", "MedicationAdministration", "Group")
    by_type = {}
    for text, node in invariants("R4"):
        if "." not in node and text and not UNSOUND.search(text):
            by_type.setdefault(node, set()).add(text)
    asked = 0
    for name in names[::3]:
        resource = r4_examples.json(name)
        for text in by_type[resource["resourceType"]]:
            theirs = evaluate(resource, text, {"resource": resource}, models["r4"])
            # nothing is not true: FHIR's rule for invariants
            assert compiled(text, "R4").answer(resource, around=Alone(resource)) == (theirs == [True]), (name, text)
            asked += 1
    assert asked > 100


class Alone:
    """A resource without surroundings."""

    def __init__(self, resource):
        self.resource = self.root = resource

    def resolve(self, reference):
        """Nothing."""

    def member_of(self, value, value_set):
        """Unknown."""


@pytest.mark.parametrize("text", [one for one in NATIVE if not UNSOUND.search(one) and "trace" not in one])
def test_invariants_in_python_are_those_of_the_text(text):
    """An invariant written in Python would not be the one of the definition."""
    samples = [
        {"extension": [{"url": "a"}]},
        {"valueString": "x"},
        {"extension": [{"url": "a"}], "valueString": "x"},
        {"id": "a"},
        {"code": "mm"},
        {"code": "mm", "system": "u"},
        {"resourceType": "Patient", "contained": [{"resourceType": "Group", "id": "g", "meta": {"versionId": "1"}}]},
        {"resourceType": "Patient", "contained": [{"resourceType": "Group", "contained": [{"id": "x"}]}]},
        {"resourceType": "Patient", "contained": [{"resourceType": "Group", "meta": {"security": [{"code": "R"}]}}]},
        {"resourceType": "Patient", "text": {"status": "empty", "div": "<div/>"}},
    ]
    for sample in samples:
        node = "Extension" if "url" in text or "extension" in text else ""
        around = Alone(sample)
        assert NATIVE[text](sample, around) is compiled(text, "R4").answer(sample, node, around), sample
