"""EudraCT adverse event XML: valid under EMA's schema, nothing cut, nothing set to nought that was not given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from trialbridge.base.errors import DoesNotFitError
from trialbridge.registry.adverse_events import AdverseEvents, EventGroup, event
from trialbridge.registry.files import eudract
from trialbridge.registry.results import read

SCHEMA = "adverseEvents.xsd"
PNEUMONIA = ("Infections and infestations", "Pneumonia")


@pytest.fixture
def events(made_up):
    """The made-up trial's adverse events."""
    return read(made_up["resultsSection"])[0].adverse_events_module


@pytest.fixture
def causality():
    """What EudraCT asks beyond them."""
    return eudract.Causality(
        {(*PNEUMONIA, "EG000"): eudract.Serious(1, 1, 0), (*PNEUMONIA, "EG001"): eudract.Serious(0, 0, 0)},
        {"EG000": 1, "EG001": 0},
    )


def test_the_file_is_valid_and_complete(events, causality, valid):
    """If it failed, EudraCT would refuse the upload."""
    data, findings = eudract.serialize(events, causality)
    assert valid(data, SCHEMA) == []
    assert findings == []


def test_the_large_record_is_valid_once_its_texts_fit(large, valid):
    """If it failed, a real trial's five groups and 45 terms would not upload."""
    events = read(large["resultsSection"])[0].adverse_events_module
    data, _ = eudract.serialize(events)
    assert valid(data, SCHEMA) == []
    root = etree.fromstring(data)
    assert len(root.findall("reportingGroups/reportingGroup")) == 5
    assert len(root.findall("seriousAdverseEvents/seriousAdverseEvent")) == 36
    assert len(root.findall("nonSeriousAdverseEvents/nonSeriousAdverseEvent")) == 9


def test_the_schema_is_a_real_check(events, causality, valid):
    """If it failed, the tests above would accept anything."""
    data, _ = eudract.serialize(events, causality)
    assert valid(data.replace(b"<subjectsExposed>50<", b"<subjectsExposed>0<"), SCHEMA) != []


def test_numbers_and_codes(events, causality):
    """If it failed, a number or the organ class would be another's."""
    root = etree.fromstring(eudract.serialize(events, causality)[0])
    serious = root.find("seriousAdverseEvents/seriousAdverseEvent")
    assert serious.findtext("organSystem/eutctId") == "100000004862"
    values = serious.findall("values/value")
    assert [one.findtext("subjectsAffected") for one in values] == ["2", "1"]
    assert [one.findtext("occurrencesCausallyRelatedToTreatment") for one in values] == ["1", "0"]
    assert values[0].findtext("fatalities/deaths") == "1"
    fatigue, rash = root.findall("nonSeriousAdverseEvents/nonSeriousAdverseEvent")
    assert fatigue.findtext("organSystem/eutctId") == "100000004867"  # "General disorders" in the registry's spelling
    assert (fatigue.findtext("dictionaryOverridden"), rash.findtext("dictionaryOverridden")) == ("false", "true")
    assert rash.findtext("dictionary/otherName") == "CTCAE (4.0)"
    assert root.findtext("dictionary/version") == "27.0"
    assert rash.find("values/value/occurrences") is None


def test_what_is_not_given_is_missing_not_nought(events, valid):
    """If it failed, deaths that nobody counted would be reported as none."""
    data, findings = eudract.serialize(events)
    assert valid(data, SCHEMA) == []
    root = etree.fromstring(data)
    group = root.find("reportingGroups/reportingGroup/deathsResultingFromAdverseEvents")
    assert group.text is None
    assert root.find(".//occurrencesCausallyRelatedToTreatment") is None
    assert [one.id for one in findings] == ["TB-REG-EU-MISSING"] * 3


def test_an_unknown_organ_class_is_reported(events, causality):
    """If it failed, a term would be filed under a class it does not belong to."""
    odd = replace(events, other_events=(event("Itch", "Skin things", {"EG000": (1, 1, 50), "EG001": (0, 0, 50)}),))
    _, findings = eudract.serialize(odd, causality)
    assert [one.id for one in findings] == ["TB-REG-EU-ORGAN-SYSTEM"]


@pytest.mark.parametrize(
    "events",
    [
        AdverseEvents(description="x" * 351),
        AdverseEvents(time_frame="x" * 256),
        AdverseEvents(frequency_threshold="6"),
        AdverseEvents(frequency_threshold="five"),
        AdverseEvents(event_groups=(EventGroup("EG000", "A"),)),
        AdverseEvents(event_groups=(EventGroup("EG000", "x" * 63),)),
        AdverseEvents(event_groups=(EventGroup("EG000", "Arm", serious_num_at_risk=0),)),
        AdverseEvents(serious_events=(event("x" * 101, "Eye disorders", {}),)),
        AdverseEvents(serious_events=(event("Pain", "Eye disorders", {"EG009": (1, 1, 1)}),)),
    ],
)
def test_what_does_not_fit_is_refused(events):
    """If it failed, a text would be cut or an invalid file written."""
    with pytest.raises(DoesNotFitError):
        eudract.serialize(events)


def test_all_27_classes_are_there():
    """If it failed, a term of some organ class could not be uploaded."""
    assert len(set(eudract.organ_systems().values())) == 27


def test_the_file_is_written_whole(tmp_path, events, causality):
    """If it failed, the same data would give other bytes."""
    assert eudract.write(events, tmp_path / "ae.xml", causality) == []
    assert (tmp_path / "ae.xml").read_bytes() == eudract.serialize(events, causality)[0]
