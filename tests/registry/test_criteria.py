"""Eligibility text split and joined; expected criteria are counted by eye in the records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbridge.registry.criteria import compose, heading, join, split

NUMBERED = """Key Inclusion Criteria

1. Adults
   * of any sex

   More on adults
2. Able to consent,
also by proxy

EXCLUSION CRITERIA
pregnancy
lactation
"""


def _parts(text):
    return [(one.category, one.text) for one in split(text)]


def test_the_driving_record_has_three_and_three(driving):
    """If it failed, the trial's inclusion and exclusion criteria would not reach SDTM TI one by one."""
    text = driving["protocolSection"]["eligibilityModule"]["eligibilityCriteria"]
    found = split(text)
    assert [one.category for one in found] == ["INCLUSION"] * 3 + ["EXCLUSION"] * 3
    assert found[0].text == "Stage IV non-small cell lung cancer"
    assert found[4].text == "Patients with any grade 3 toxocity"
    assert join(found) == text


def test_deeper_bullets_stay_with_their_criterion(large):
    """If it failed, half of a criterion would stand as one of its own."""
    text = large["protocolSection"]["eligibilityModule"]["eligibilityCriteria"]
    found = split(text)
    assert [one.category for one in found] == ["INCLUSION"] * 6 + ["EXCLUSION"] * 11
    assert found[4].line.endswith("Spinal pain \\>= 4 on a 0 to 10 Numerical Rating Scale (NRS)")
    assert join(found) == text


def test_numbers_headings_in_capitals_and_lines_without_bullets():
    """If it failed, records in other layouts would be split wrong."""
    assert _parts(NUMBERED) == [
        ("INCLUSION", "Adults\n   * of any sex\n\n   More on adults"),
        ("INCLUSION", "Able to consent,\nalso by proxy"),
        ("EXCLUSION", "pregnancy"),
        ("EXCLUSION", "lactation"),
    ]


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("Inclusion Criteria:", "INCLUSION"),
        ("Main exclusion criteria", "EXCLUSION"),
        ("**Inclusion Criteria for Part 2:**", "INCLUSION"),
        ("INCLUSION", "INCLUSION"),
        ("Exclusion:", "EXCLUSION"),
        ("* Exclusion of pregnancy by test", ""),
        ("No exclusion criteria", ""),
        ("Patients who meet the inclusion criteria of the main study", ""),
    ],
)
def test_headings(line, category):
    """If it failed, a criterion would be taken for a heading or a heading for a criterion."""
    assert heading(line) == category


def test_text_without_headings_has_no_category():
    """If it failed, criteria would be put under a heading that nobody wrote."""
    assert _parts("* Adults\n* Consent") == [("", "Adults"), ("", "Consent")]


@given(
    st.lists(
        st.sampled_from(
            [
                "Inclusion Criteria:",
                "EXCLUSION CRITERIA",
                "* a",
                "  * b",
                "1. c",
                "free text",
                "  indented",
                "",
                "\t- d",
                "e:",
            ]
        ),
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_join_gives_back_the_very_text(lines, end):
    """If it failed, the way back would change the record's text."""
    text = end.join(lines)
    found = split(text)
    assert join(found) == (text if found else "")


words = (
    st.text("abc ,.()/%", min_size=1).map(lambda text: " ".join(text.split())).filter(lambda text: text and "a" in text)
)


@given(st.lists(st.tuples(st.sampled_from(["INCLUSION", "EXCLUSION"]), words), min_size=1))
def test_composed_text_splits_into_what_it_was_composed_of(criteria):
    """If it failed, criteria from SDTM TI would come back from the record different."""
    ordered = [one for kind in ("INCLUSION", "EXCLUSION") for one in criteria if one[0] == kind]
    assert _parts(compose(ordered)) == ordered
