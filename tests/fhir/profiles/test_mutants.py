"""354 faults of 15 kinds, planted one at a time into valid mCODE examples: each is found."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

from trialbridge.base.finding import Severity
from trialbridge.fhir.jsontext import decode

# pytest's importlib mode puts nothing on sys.path, so the neighbour is loaded by its place.
_SPEC = importlib.util.spec_from_file_location("trialbridge_mutants", Path(__file__).with_name("mutants.py"))
mutants = importlib.util.module_from_spec(_SPEC)
sys.modules["trialbridge_mutants"] = mutants
_SPEC.loader.exec_module(mutants)

EXPECTED = dict.fromkeys(mutants.KINDS, 25) | {"required mCODE binding": 4}


@pytest.fixture(scope="module")
def planted(mcode_resources, mcode_examples, r4_examples):
    """The mutants, made from the published definitions."""
    profiles = {
        one["url"]: one
        for name in mcode_examples.of_type("StructureDefinition")
        if (one := decode(mcode_examples.bytes(name)))
    }
    kinds = {one["resourceType"] for one in mcode_resources.values()}
    types = {kind: decode(r4_examples.bytes(f"package/StructureDefinition-{kind}.json")) for kind in kinds}
    return mutants.mutants(mcode_resources, profiles, types)


def errors(validator, resource):
    """The errors of one resource, counted."""
    found = (one for one in validator.findings([resource]) if one.severity is Severity.ERROR)
    return Counter((one.id, one.where.path, one.message) for one in found)


def test_each_fault_is_found(planted, mcode, mcode_resources):
    """A fault of one of these kinds would pass."""
    assert Counter(one.kind for one in planted) == EXPECTED
    sources = {one.source for one in planted}
    before = {name: errors(mcode, mcode_resources[name]) for name in sources}
    assert not any(before.values())
    missed = [(one.kind, one.source, one.change) for one in planted if not errors(mcode, one.resource)]
    assert missed == []


# What a fault of a kind is to be called: the finding's kind says what a user has to mend.
NAMED = {
    "remove base-required": {"CARDINALITY", "SLICE", "INVARIANT"},
    "remove profile-required": {"CARDINALITY", "SLICE", "INVARIANT"},
    "wrong pattern code": {"PATTERN", "BINDING"},
    "string for object": {"TYPE"},
    "type of a choice that the profile forbids": {"TYPE"},
    "unknown top element": {"UNKNOWN"},
    "unknown nested element": {"UNKNOWN"},
    "base invariant broken": {"INVARIANT"},
    "profile invariant broken": {"INVARIANT"},
    "required core binding": {"BINDING"},
    "required mCODE binding": {"BINDING"},
    "slice missing": {"SLICE", "CARDINALITY"},
    "slice too many": {"SLICE"},
    "reference to wrong type": {"REFERENCE"},
    "bad date": {"VALUE"},
}


def test_each_fault_is_called_by_its_name(planted, mcode):
    """A fault would be found by accident only, and the user told something else."""
    wrong = []
    for one in planted:
        kinds = {own.rpartition("-")[2] for own, _, _ in errors(mcode, one.resource)}
        if not kinds & NAMED[one.kind]:
            wrong.append((one.kind, one.source, one.change, kinds))
    assert wrong == []
