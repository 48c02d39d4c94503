"""The record's view, its persons, its enumerations and dates; expected values are read off the record by eye."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbridge.base.errors import UnknownNameError
from trialbridge.registry import enums
from trialbridge.registry.contacts import PERSONS, without_contacts
from trialbridge.registry.content import leaves
from trialbridge.registry.dates import from_words, is_partial_date, surely_before, to_words
from trialbridge.registry.fields import field, fields
from trialbridge.registry.record import Record


def test_the_view_reads_the_driving_record(driving):
    """If it failed, converters would see another trial than the record describes."""
    record = Record(driving)
    assert record.nct_id == "NCT03406468"
    assert record.org_study_id == "Re-Induction"
    assert record.status == "RECRUITING"
    assert record.phases == ("PHASE2",)
    assert (record.enrollment.count, record.enrollment.type) == (40, "ESTIMATED")
    assert (record.start.date, record.start.type) == ("2019-07-15", "ACTUAL")
    assert [arm.label for arm in record.arms] == ["Radiotherapy"]
    assert record.arms[0].intervention_names == ("Radiation: Radiotherapy",)
    assert record.interventions[0].type == "RADIATION"
    assert [(one.kind, one.measure) for one in record.outcomes] == [
        ("PRIMARY", "Progression free survival"),
        ("SECONDARY", "Remission rate irradiated lesion"),
        ("SECONDARY", "Remission rate non-irradiated lesion(s)"),
        ("SECONDARY", "Toxicity"),
    ]
    assert record.eligibility.minimum_age == "18 Years"
    assert record.eligibility.maximum_age == ""
    assert [place.city for place in record.locations] == ["Heerlen", "Maastricht", "Maastricht"]
    assert record.results == {}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["protocolSection", "designModule", "phases", "armsInterventionsModule", "armGroups", "label"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    ).filter(lambda content: isinstance(content, dict))
)
def test_the_view_never_fails(content):
    """If it failed, a record of the wrong shape would end in a traceback instead of a finding."""
    record = Record(content)
    for name in (
        "nct_id",
        "phases",
        "arms",
        "interventions",
        "outcomes",
        "eligibility",
        "locations",
        "enrollment",
        "design",
    ):
        getattr(record, name)


def test_persons_are_dropped_and_counted(changed, made_up):
    """If it failed, names or telephone numbers would be carried unasked."""
    person = {"name": "Nobody Invented", "role": "CONTACT", "phone": "000"}
    protocol = "protocolSection."
    content = changed(
        made_up,
        {
            protocol + "contactsLocationsModule.centralContacts": [person, person],
            protocol + "contactsLocationsModule.overallOfficials": [person],
            protocol + "contactsLocationsModule.locations[0].contacts": [person],
            protocol + "sponsorCollaboratorsModule.responsibleParty.investigatorFullName": "Nobody Invented",
            protocol + "sponsorCollaboratorsModule.responsibleParty.oldNameTitle": "Nobody Invented, Dr",
            "resultsSection.moreInfoModule.pointOfContact": {"title": "Nobody Invented"},
        },
    )
    kept, findings = without_contacts(content)
    assert kept == made_up
    assert [finding.where.path for finding in findings] == list(PERSONS)
    assert findings[0].message.startswith("2 ")
    assert not any("Nobody" in str(finding) for finding in findings)


@pytest.mark.parametrize("name", ["driving", "large", "made_up"])
def test_fixtures_hold_no_persons(name, request):
    """If it failed, our own test files would carry personal data."""
    content = request.getfixturevalue(name)
    assert without_contacts(content) == (content, [])
    assert not any(re.search(r"\w@\w", str(value)) for _, value in leaves(content))


def test_every_enumeration_of_the_api_has_its_values():
    """If it failed, a field of the API would have values that nothing can translate."""
    named = {one.enumeration for one in fields().values() if one.enumeration}
    assert named <= set(enums.names())
    assert len(named) == 41
    assert enums.enumeration("Status").values[:2] == ("ACTIVE_NOT_RECRUITING", "COMPLETED")


@pytest.mark.parametrize("side", enums.SIDES)
def test_every_spelling_comes_back(side):
    """If it failed, a value would return from another format as a different one without a word."""
    for name in enums.names():
        one = enums.enumeration(name)
        for value in one.values:
            text, findings = enums.write(name, value, side)
            if text is None:
                assert [finding.id for finding in findings] == ["TB-REG-NO-VALUE"]
            elif value in one.lossy[side]:
                assert [finding.id for finding in findings] == ["TB-REG-VALUE-WIDER"]
                assert enums.read(name, text, side)[0] != value
            else:
                assert enums.read(name, text.upper(), side) == (value, [])


@pytest.mark.parametrize(
    ("name", "value", "side", "text"),
    [  # HL7's and the registry's own tables
        ("Status", "ENROLLING_BY_INVITATION", "r5", "enrolling-by-invitation"),
        ("Status", "ACTIVE_NOT_RECRUITING", "r4", "closed-to-accrual"),
        ("Phases", "PHASE1,PHASE2", "r4", "phase-1-phase-2"),
        ("Phases", "PHASE2,PHASE3", "prs", "Phase 2/Phase 3"),
        ("InterventionType", "BIOLOGICAL", "prs", "Biological/Vaccine"),
        ("InterventionType", "BIOLOGICAL", "public", "Biological"),
        ("PrimaryPurpose", "ECT", "public", "Educational/Counseling/Training"),
        ("DesignMasking", "NONE", "public", "None (Open Label)"),
        ("ArmGroupType", "OTHER", "r5", "other-arm-type"),
        ("DesignAllocation", "RANDOMIZED", "r5", "SEVCO:01003"),
    ],
)
def test_spellings_of_the_tables(name, value, side, text):
    """If it failed, a value would be written as another format does not know it."""
    assert enums.write(name, value, side)[0] == text


def test_values_out_of_the_table_are_reported():
    """If it failed, an unknown value would pass in silence."""
    assert enums.read("Status", "Paused", "public")[1][0].id == "TB-REG-VALUE-UNKNOWN"
    assert enums.write("Status", "PAUSED", "prs")[1][0].id == "TB-REG-VALUE-UNKNOWN"
    assert enums.read("Sex", "Both", "prs") == ("ALL", [])
    with pytest.raises(UnknownNameError, match="Shoe"):
        enums.enumeration("Shoe")


@pytest.mark.parametrize(
    ("words", "value"), [("July 15, 2019", "2019-07-15"), ("March 2021", "2021-03"), ("February 5, 2020", "2020-02-05")]
)
def test_dates_in_words_go_both_ways(words, value):
    """If it failed, dates of the public XML would shift."""
    assert from_words(words) == value
    assert to_words(value) == words


@pytest.mark.parametrize("words", ["Unknown", "Smarch 2020", "July 32, 2019", "2019-07-15", ""])
def test_what_is_no_date_in_words(words):
    """If it failed, a date would be invented."""
    assert from_words(words) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2019", True),
        ("2019-07", True),
        ("2020-02-29", True),
        ("2019-02-29", False),
        ("2019-13", False),
        ("2019-7", False),
    ],
)
def test_partial_dates(value, expected):
    """If it failed, dates of no calendar would be accepted."""
    assert is_partial_date(value) is expected


def test_order_of_partial_dates_is_certain_or_not_claimed():
    """If it failed, a check would call dates out of order that may be in order."""
    assert surely_before("2019", "2020-03")
    assert not surely_before("2020", "2020-03")
    assert not surely_before("2020-03", "2020-03-31")
    assert surely_before("2020-02-28", "2020-03")


def test_fields_know_the_country_code_and_no_other():
    """If it failed, unknown fields could not be told from known ones."""
    assert field("protocolSection.contactsLocationsModule.locations[].geoPoint.lat").type == "number"
    assert field("protocolSection.statusModule.startDateStruct.date").type == "PartialDate"
    assert field("protocolSection.statusModule.startDate") is None
