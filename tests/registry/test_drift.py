"""Where a record and the study's data differ: a case for each rule that it finds, and one where it finds nothing."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from trialbridge.converters.registry import drift as registry_drift
from trialbridge.registry.record import Record
from trialbridge.sdtm.files import read
from trialbridge.sdtm.table import study, table

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction" / "sdtm"
P = "protocolSection."


@pytest.fixture(scope="module")
def example():
    """The example study: 40 participants, all ended, the first consent on 2019-07-15."""
    return read(EXAMPLE)


@pytest.fixture
def fitting(driving, changed):
    """The driving trial's record brought up to the example's data."""
    return changed(
        driving,
        {
            f"{P}statusModule.overallStatus": "COMPLETED",
            f"{P}statusModule.completionDateStruct": {"date": "2021-03-01", "type": "ACTUAL"},
            f"{P}statusModule.primaryCompletionDateStruct": {"date": "2021-03-01", "type": "ACTUAL"},
            f"{P}designModule.enrollmentInfo": {"count": 40, "type": "ACTUAL"},
        },
    )


def said(content, data):
    """The ids of what is found, without notes on wording."""
    found = registry_drift.drift(Record(content), data)
    return {(one.id.removeprefix("TB-REG-DRIFT-"), str(one.severity)) for one in found if one.severity != "note"}


def test_a_record_that_fits_is_silent(fitting, example):
    """If it failed, a record that is right would be doubted."""
    assert said(fitting, example) == set()


def test_the_public_record_of_2020_has_fallen_behind(driving, example):
    """If it failed, nobody would be told that the public record no longer says what the data show."""
    assert said(driving, example) == {("COMPLETION", "warning"), ("STATUS", "warning"), ("TS", "warning")}


CASES = {
    "enrolment, actual": ({"designModule.enrollmentInfo": {"count": 39, "type": "ACTUAL"}}, ("ENROLMENT", "warning")),
    "enrolment, passed": (
        {"designModule.enrollmentInfo": {"count": 30, "type": "ESTIMATED"}},
        ("ENROLMENT", "warning"),
    ),
    "start, another day": ({"statusModule.startDateStruct.date": "2019-08-01"}, ("START", "warning")),
    "start, an estimate": ({"statusModule.startDateStruct.type": "ESTIMATED"}, ("START", "warning")),
    "completion before the last data": (
        {"statusModule.completionDateStruct.date": "2020-12"},
        ("COMPLETION", "warning"),
    ),
    "not yet recruiting": ({"statusModule.overallStatus": "NOT_YET_RECRUITING"}, ("STATUS", "error")),
    "another arm": ({"armsInterventionsModule.armGroups[0].label": "Surgery"}, ("ARMS", "warning")),
    "another version of RECIST": (
        {"outcomesModule.secondaryOutcomes[0].description": "Remission rate (RECIST 1.1) of the irradiated lesion"},
        ("RECIST", "warning"),
    ),
    "too young": ({"eligibilityModule.minimumAge": "60 Years"}, ("ELIGIBILITY", "warning")),
    "too old": ({"eligibilityModule.maximumAge": "60 Years"}, ("ELIGIBILITY", "warning")),
    "another sex": ({"eligibilityModule.sex": "FEMALE"}, ("ELIGIBILITY", "warning")),
    "another country": (
        {"contactsLocationsModule.locations": [{"facility": "A clinic", "country": "Belgium"}]},
        ("COUNTRIES", "warning"),
    ),
    "another phase": ({"designModule.phases": ["PHASE3"]}, ("TS", "warning")),
}


@pytest.mark.parametrize("name", CASES)
def test_each_difference_is_found(name, fitting, changed, example):
    """If it failed, record and data could drift apart in this without a word."""
    changes, expected = CASES[name]
    content = changed(fitting, {P + path: value for path, value in changes.items()})
    assert expected in said(content, example)


def test_a_partial_date_is_no_difference(fitting, changed, example):
    """If it failed, a start given as a month would be called wrong."""
    assert said(changed(fitting, {f"{P}statusModule.startDateStruct.date": "2019-07"}), example) == set()


def test_missing_data_for_an_outcome_is_found(fitting, example):
    """If it failed, a registered outcome would have no data and nobody would know before the results are due."""
    bare = study([example["DM"], example["DS"]])
    found = [one for one in registry_drift.drift(Record(fitting), bare) if one.id == "TB-REG-DRIFT-OUTCOMES"]
    assert [one.where.path.rpartition(".")[2] for one in found] == [
        "primaryOutcomes[0]",
        "secondaryOutcomes[0]",
        "secondaryOutcomes[1]",
        "secondaryOutcomes[2]",
    ]


def test_open_subjects_of_a_completed_study_are_found(fitting, example):
    """If it failed, a study would be called completed whose participants have no end."""
    ds = example["DS"].frame.filter(pl.col("USUBJID") != example["DM"].frame["USUBJID"][0])
    assert ("STATUS", "warning") in said(fitting, example.with_tables([table("DS", ds)]))


def test_posted_results_are_compared(fitting, changed, example):
    """If it failed, results posted from older data would stay unnoticed."""
    flow = {
        "groups": [{"id": "FG000", "title": "Radiotherapy"}],
        "periods": [{"milestones": [{"type": "STARTED", "achievements": [{"groupId": "FG000", "numSubjects": "38"}]}]}],
    }
    events = {"eventGroups": [{"id": "EG000", "title": "Radiotherapy", "seriousNumAtRisk": 40}]}
    content = changed(fitting, {"resultsSection": {"participantFlowModule": flow, "adverseEventsModule": events}})
    found = [one for one in registry_drift.drift(Record(content), example) if one.id == "TB-REG-DRIFT-RESULTS"]
    assert [one.where.path for one in found] == ["resultsSection.participantFlowModule"]


def test_criteria_in_other_words_are_noted(fitting, changed, example):
    """If it failed, TI and the record could hold different criteria."""
    text = "Inclusion Criteria:\n\n* Quite another criterion"
    found = registry_drift.drift(Record(changed(fitting, {f"{P}eligibilityModule.eligibilityCriteria": text})), example)
    notes = [one.message for one in found if one.id == "TB-REG-DRIFT-CRITERIA"]
    assert len(notes) == 7
    assert "1 criteria of the record are not in TI" in notes[-1]


def test_without_data_there_is_nothing_to_say(fitting):
    """If it failed, a study without these datasets would end in a traceback."""
    assert list(registry_drift.drift(Record(fitting), study([]))) == [
        one for one in registry_drift.drift(Record(fitting), study([])) if one.id.endswith("OUTCOMES")
    ]
    assert list(registry_drift.drift(Record({}), study([]))) == []


def test_every_rule_says_what_it_is():
    """If it failed, a rule would have no text to show."""
    assert all(rule.__doc__ for rule in registry_drift.RULES)
