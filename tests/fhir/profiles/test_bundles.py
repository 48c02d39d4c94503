"""Bundles: what R4's bundle.html and http.html ask of fullUrl, ids and requests, one fault at a time."""

from __future__ import annotations

import copy

import pytest

from trialbridge.base.finding import Severity

UUID = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"


def transaction():
    """A transaction without a fault: a Patient is made, an Observation of it put."""
    patient = {"resourceType": "Patient", "active": True}
    observation = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": UUID},
    }
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": UUID, "resource": patient, "request": {"method": "POST", "url": "Patient"}},
            {
                "fullUrl": "https://example.org/fhir/Observation/o1",
                "resource": observation,
                "request": {"method": "PUT", "url": "Observation/o1"},
            },
        ],
    }


def errors(validator, resource):
    """(id's last part, path) of the errors."""
    found = validator.findings([resource])
    return {(one.id.rpartition("-")[2], one.where.path) for one in found if one.severity is Severity.ERROR}


def test_a_sound_bundle_is_sound(core):
    """A false alarm on what our own export writes."""
    assert errors(core, transaction()) == set()


def set_to(*keys_and_value):
    """A change: walk the keys, set the last one; None takes it away."""
    *keys, last, value = keys_and_value

    def change(bundle):
        home = bundle
        for key in keys:
            home = home[key]
        if value is None:
            del home[last]
        else:
            home[last] = value

    return change


FAULTS = [
    (set_to("entry", 0, "fullUrl", "Patient/1"), ("BUNDLE", "Bundle.entry[0].fullUrl")),
    (set_to("entry", 0, "fullUrl", UUID.upper()), ("BUNDLE", "Bundle.entry[0].fullUrl")),
    (set_to("entry", 0, "fullUrl", "urn:uuid:12"), ("BUNDLE", "Bundle.entry[0].fullUrl")),
    (set_to("entry", 0, "fullUrl", "urn:oid:9"), ("BUNDLE", "Bundle.entry[0].fullUrl")),
    (set_to("entry", 1, "fullUrl", "https://example.org/fhir/Observation/o2"), ("BUNDLE", "Bundle.entry[1].fullUrl")),
    (set_to("entry", 1, "fullUrl", "https://example.org/fhir/Patient/o1"), ("BUNDLE", "Bundle.entry[1].fullUrl")),
    (set_to("entry", 1, "fullUrl", "https://example.org/Observation/o1/_history/1"), ("INVARIANT", "Bundle.entry[1]")),
    (set_to("entry", 1, "fullUrl", UUID), ("INVARIANT", "Bundle")),  # bdl-7: two entries of one fullUrl
    (set_to("entry", 0, "request", None), ("INVARIANT", "Bundle")),  # bdl-3
    (set_to("entry", 0, "request", "method", "SEND"), ("BINDING", "Bundle.entry[0].request.method")),
    (set_to("entry", 0, "request", "url", "Observation"), ("BUNDLE", "Bundle.entry[0].request.url")),
    (set_to("entry", 0, "resource", None), ("BUNDLE", "Bundle.entry[0]")),
    (set_to("entry", 1, "request", "method", "DELETE"), ("BUNDLE", "Bundle.entry[1].resource")),
    (set_to("entry", 1, "request", "url", "Observation/o9"), ("BUNDLE", "Bundle.entry[1].request.url")),
    (set_to("entry", 1, "request", "url", "Observation"), ("BUNDLE", "Bundle.entry[1].request.url")),
    (set_to("entry", 1, "resource", "id", None), ("BUNDLE", "Bundle.entry[1].request.url")),
    (
        set_to("entry", 1, "resource", "subject", "reference", UUID[:-1] + "1"),
        ("REFERENCE", "Bundle.entry[1].resource.subject"),
    ),
    (set_to("total", 2), ("INVARIANT", "Bundle")),  # bdl-1
    (set_to("type", "document"), ("INVARIANT", "Bundle")),  # bdl-9 to bdl-11
    (set_to("type", "message"), ("INVARIANT", "Bundle")),  # bdl-12
    (set_to("type", "searchset"), ("INVARIANT", "Bundle")),  # bdl-3
    (set_to("entry", 1, "resource", "status", None), ("CARDINALITY", "Bundle.entry[1].resource")),
    (set_to("entry", 1, "resource", {"id": "x"}), ("TYPE", "Bundle.entry[1].resource")),
]


@pytest.mark.parametrize(("change", "expected"), FAULTS)
def test_each_fault_is_found(core, change, expected):
    """A server would refuse the Bundle, or file a resource under the wrong name."""
    bundle = copy.deepcopy(transaction())
    change(bundle)
    found = errors(core, bundle)
    assert expected in found


def test_two_writes_of_one_resource(core):
    """A transaction that writes a resource twice has no order to go by (http.html#trules)."""
    bundle = transaction()
    bundle["entry"].append({**bundle["entry"][1], "fullUrl": "https://example.org/fhir/Observation/o1#2"})
    assert ("BUNDLE", "Bundle.entry[2].request.url") in errors(core, bundle)
