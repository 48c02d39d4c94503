"""Snapshots made from differentials are those that HL7 published, in all that validation needs."""

from __future__ import annotations

import pytest

from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.profiles.definitions import Definitions
from trialbridge.fhir.profiles.snapshot import generated, with_snapshot
from trialbridge.fhir.profiles.tree import type_code

VALUES = ("fixed", "pattern", "minValue", "maxValue")


def view(element):
    """What validation reads of an element; what two generations of HL7's publisher spell differently is made equal."""
    binding, slicing = element.get("binding", {}), element.get("slicing")
    is_id = element.get("base", {}).get("path") == "Resource.id"  # string in R4's text, id in later publishers'
    return {
        "min": element.get("min"),
        "max": element.get("max"),
        "content": element.get("contentReference", "").partition("#")[2],
        "types": "id" if is_id else sorted(map(type_view, element.get("type", ()))),
        "values": {key: value for key, value in element.items() if key.startswith(VALUES)},
        "binding": (binding.get("strength"), binding.get("valueSet"))
        if binding.get("strength") in {"required", "extensible"}
        else None,
        "constraints": sorted(one["key"] for one in element.get("constraint", ())),
        "slicing": slicing
        and (sorted((one["type"], one["path"]) for one in slicing.get("discriminator", ())), slicing.get("rules")),
    }


def type_view(given):
    """A type as text."""
    return f"{type_code(given)} {sorted(given.get('profile', ()))} {sorted(given.get('targetProfile', ()))}"


def differences(definition, definitions):
    """Element ids in which the snapshot made differs from the published one; None where the base is not at hand."""
    bare = {key: value for key, value in definition.items() if key != "snapshot"}
    made = generated(bare, definitions)
    if made is None:
        assert definitions.structure(definition["baseDefinition"]) is None, definition["id"]
        return None
    published = {one["id"]: view(one) for one in definition["snapshot"]["element"]}
    ours = {one["id"]: view(one) for one in made["snapshot"]["element"]}
    return {own for own in published | ours if published.get(own) != ours.get(own)}


def profiles(given):
    """The profiles and extensions of a package."""
    read = (decode(given.bytes(name)) for name in given.of_type("StructureDefinition"))
    return [
        one for one in read if one.get("derivation") == "constraint" and "snapshot" in one and "differential" in one
    ]


# Where the published snapshot is another: the reasons were read off the definitions themselves.
R4_OTHERS = {
    "bp": "the publisher unfolds Quantity under a choice's slice of a slice; the differential does not reach there",
    "catalog": "the published snapshot lacks Composition.date, which its base has",
    "cholesterol": "SimpleQuantity's constraints are copied to the element; ours come by way of its type",
    "hdlcholesterol": "the same",
    "ldlcholesterol": "the same",
    "elementdefinition-de": "the publisher unfolds an extension's slice that the differential does not reach into",
    "familymemberhistory-genetic": "the published snapshot lacks most elements of its base",
    "provenance-relevant-history": "the published snapshot points at a slice in a content reference, and loses a binding",
}


def test_r4_snapshots_are_made_anew(r4_examples):
    """A profile given by its differential alone would be checked wrongly."""
    definitions = Definitions("R4")
    found = {one["id"]: differences(one, definitions) for one in profiles(r4_examples)}
    assert len(found) == 439
    assert {own for own, wrong in found.items() if wrong or wrong is None} == set(R4_OTHERS)


def test_mcode_snapshots_are_made_anew(mcode_examples, mcode_packages):
    """The same for mCODE: those of its profiles whose base is at hand (US Core and genomics are not)."""
    definitions = Definitions("R4", mcode_packages)
    found = {one["id"]: differences(one, definitions) for one in profiles(mcode_examples)}
    made = {own: wrong for own, wrong in found.items() if wrong is not None}
    assert (len(found), len(made)) == (53, 29)
    assert {own for own, wrong in made.items() if wrong} == {
        # min 1 of Bundle.entry.resource is said of all entries: ours copies it into each slice, the publisher's does not
        "mcode-patient-bundle"
    }
    assert {own.rpartition(".")[2] for own in made["mcode-patient-bundle"]} == {"resource"}


PROFILE = {
    "resourceType": "StructureDefinition",
    "url": "https://example.org/p",
    "type": "Observation",
    "derivation": "constraint",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation",
}


@pytest.mark.parametrize(
    "path", ["Observation.nothing", "Observation.code.coding.nothing", "Observation.value[x].nothing"]
)
def test_a_differential_that_does_not_fit_is_refused(path):
    """A profile of elements that do not exist would be taken for one that asks for nothing."""
    wrong = {**PROFILE, "differential": {"element": [{"id": path, "path": path, "min": 1}]}}
    assert with_snapshot(wrong, Definitions("R4")) is None


def test_a_base_in_a_circle_ends():
    """Two profiles that name one another as base would hang the validator."""
    one = {**PROFILE, "baseDefinition": "https://example.org/q"}
    other = {**PROFILE, "url": "https://example.org/q", "baseDefinition": "https://example.org/p"}
    assert with_snapshot(one, Definitions("R4", extra=[one, other])) is None
