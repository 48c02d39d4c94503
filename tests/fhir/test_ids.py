"""Ids made from business keys."""

import uuid

import pytest

from trialbridge.base.errors import DoesNotFitError
from trialbridge.fhir.ids import BASE, id_text, many_ids, resource_id, system


def test_the_id_is_the_uuid_of_the_key():
    """Another version would make other ids for the same study (worked by hand: RFC 9562, 5.5)."""
    name = "https://example.org/trialbridge/Patient/ST1/ST1-001"
    assert resource_id(BASE, "Patient", "ST1", "ST1-001") == str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def test_different_keys_have_different_ids():
    """Two records would share one id: parts run together, another type, another base."""
    ids = {
        resource_id(BASE, "Patient", "a", "bc"),
        resource_id(BASE, "Patient", "ab", "c"),
        resource_id(BASE, "Patient", "a/bc"),
        resource_id(BASE, "Observation", "a", "bc"),
        resource_id("https://other.example.org", "Patient", "a", "bc"),
    }
    assert len(ids) == 5


@pytest.mark.parametrize("key", [(), ("",), ("ST1", "")])
def test_an_empty_key_is_refused(key):
    """All records without a key would get one id."""
    with pytest.raises(DoesNotFitError):
        resource_id(BASE, "Patient", *key)


def test_a_slash_at_the_end_of_the_base_changes_nothing():
    """The same base written with a slash would give other ids and systems."""
    assert resource_id(BASE + "/", "Patient", "1") == resource_id(BASE, "Patient", "1")
    assert system("https://sponsor.example.org/", "usubjid") == "https://sponsor.example.org/sid/usubjid"


def test_many_ids_are_those_of_the_keys_one_by_one():
    """A study converted in bulk would have other resources than the same study in memory."""
    keys = [("ST1", "AE", f"S-{at}", str(at)) for at in range(500)]
    expected = [str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join((BASE, "AdverseEvent", *one)))) for one in keys]
    assert many_ids(id_text(BASE, "AdverseEvent", *one) for one in keys) == expected
    assert many_ids([]) == []
