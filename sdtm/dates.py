"""Dates, times, intervals and durations as SDTM writes them: ISO 8601 in the extended format, partial ones included.

Source: SDTMIG 3.4, section 4.4 (formerly 4.1.4): 4.4.1 formats of --DTC, 4.4.2 precision and missing components,
4.4.3 intervals and durations, 4.4.4 study day. FHIR side: the regular expressions of dateTime and date in R4, 2.24.0.1.

A missing component at the end is left out (`2003-12`); one before a known component is a hyphen (`2003---15`).
Text is never changed: a value goes back as it was collected.

>>> parse("2003---15")
PartialDateTime(text='2003---15', year=2003, month=None, day=15, hour=None, minute=None, second=None, fraction='', zone='')
>>> parse("2020-02-30")
Malformed(text='2020-02-30', reason='2020-02 has no day 30')
>>> fhir_prefix("2003-12-15T13:14")
'2003-12-15'
>>> study_day("2003-12-14", "2003-12-15T08:00"), study_day("2003-12", "2003-12-15")
(-1, None)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

_DATE = r"(?P<year>[0-9]{4}|-)(?:-(?P<month>[0-9]{2}|-)(?:-(?P<day>[0-9]{2}|-))?)?"
_TIME = (
    r"T(?P<hour>[0-9]{2}|-)(?::(?P<minute>[0-9]{2}|-)(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DATE_TIME = re.compile(f"{_DATE}(?P<time>{_TIME})?")
_N = r"[0-9]+(?:\.[0-9]+)?"
_DURATION = re.compile(
    rf"(?P<sign>-)?P(?:(?P<weeks>{_N})W|(?:(?P<years>{_N})Y)?(?:(?P<months>{_N})M)?(?:(?P<days>{_N})D)?"
    rf"(?P<time>T(?:(?P<hours>{_N})H)?(?:(?P<minutes>{_N})M)?(?:(?P<seconds>{_N})S)?)?)"
)
_FHIR_ZONE = re.compile(r"Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_TRAILING = "missing components at the end are left out, not written as hyphens"
_SLIPS = (
    (re.compile(r"\s*$"), "empty"),
    (re.compile(r"\s|.*\s$"), "blanks around the date"),
    (re.compile(r"[0-9]{6,8}(?:T|$)"), "the basic format is not used in SDTM; write hyphens, YYYY-MM-DD"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} "), "a T, not a blank, stands between date and time"),
    (re.compile(r"T?[0-9]{2}:"), "a time without a date is written -----Thh:mm"),
    (re.compile(r"[0-9T:-]*-$"), _TRAILING),
    (re.compile(r"[^,]*,[0-9]+"), "decimals of a second follow a point, not a comma"),
)
_NOT_ISO = "not ISO 8601 as SDTM writes it, YYYY-MM-DDThh:mm:ss"
_DATE_LENGTH = len("YYYY-MM-DD")
_CACHED = 1 << 16  # distinct texts kept: a large LB has a few thousand distinct dates


@dataclass(frozen=True, slots=True)
class PartialDateTime:
    """A date and time as far as it is known: None where a component is missing.

    `fraction` holds the digits after the second's point, `zone` is `Z`, `+hh:mm` or empty. `hour` may be 24
    (24:00, the end of the day) and `second` 60 (a leap second), as ISO 8601 has them.
    """

    text: str
    year: int | None
    month: int | None
    day: int | None
    hour: int | None
    minute: int | None
    second: int | None
    fraction: str
    zone: str

    @property
    def has_date(self) -> bool:
        """Whether year, month and day are all known."""
        return None not in (self.year, self.month, self.day)

    @property
    def is_complete(self) -> bool:
        """Whether everything down to the second is known; a zone is not asked for."""
        return self.has_date and None not in (self.hour, self.minute, self.second)


@dataclass(frozen=True, slots=True)
class Duration:
    """`P1Y2M`, `PT5M`, `-PT15M`, `P4W`: the numbers as written, empty where a unit is absent."""

    text: str
    negative: bool
    years: str
    months: str
    weeks: str
    days: str
    hours: str
    minutes: str
    seconds: str


@dataclass(frozen=True, slots=True)
class Interval:
    """`start/end`, where one of the two may be a duration (SDTMIG 3.4, 4.4.3)."""

    text: str
    start: PartialDateTime | Duration
    end: PartialDateTime | Duration


@dataclass(frozen=True, slots=True)
class Malformed:
    """Text that is none of these, and why."""

    text: str
    reason: str


@lru_cache(maxsize=_CACHED)
def parse(text: str) -> PartialDateTime | Interval | Duration | Malformed:
    """What the text says. Never raises: text that is not ISO 8601, or no date of the calendar, is `Malformed`."""
    if "/" in text:
        return _interval(text)
    if text.startswith(("P", "-P")):
        return _duration(text)
    return _date_time(text)


def is_valid(text: str) -> bool:
    """Whether the text is legal for a --DTC, --DUR or --ELTM as SDTMIG 4.4 has it.

    >>> is_valid("--12-15"), is_valid("12/15/2003")
    (True, False)
    """
    return not isinstance(parse(text), Malformed)


@lru_cache(maxsize=_CACHED)
def fhir_prefix(text: str) -> str | None:
    """The longest beginning of the text that is a legal FHIR dateTime.

    The whole text if it has seconds and a zone, else its date as far as known without a gap; None for an interval, a
    duration, an unknown year, or text that is no legal --DTC (a date that does not exist says no safe month either).

    >>> fhir_prefix("2003-12-15T13:14:17+01:00"), fhir_prefix("2003---15"), fhir_prefix("--12-15")
    ('2003-12-15T13:14:17+01:00', '2003', None)
    """
    parsed = parse(text)
    if not isinstance(parsed, PartialDateTime):
        return None
    # R4 has no 24:00, wants the zone with any time, and zones up to 14:00 only.
    if parsed.is_complete and parsed.hour != 24 and _FHIR_ZONE.fullmatch(parsed.zone):
        return text
    return _date_prefix(parsed)


@lru_cache(maxsize=_CACHED)
def fhir_date_prefix(text: str) -> str | None:
    """The longest beginning of the text that is a legal FHIR date: as `fhir_prefix`, without any time.

    >>> fhir_date_prefix("2003-12-15T13:14:17+01:00")
    '2003-12-15'
    """
    parsed = parse(text)
    return _date_prefix(parsed) if isinstance(parsed, PartialDateTime) else None


def study_day(dtc: str | None, rfstdtc: str | None) -> int | None:
    """The study day of `dtc`, in days from the subject's reference start; there is no day 0 (SDTMIG 4.4.4).

    Only the date parts count, as written, whatever the zones. None when either is absent, partial, an interval or
    malformed: partial dates are not used.

    >>> study_day("2003-12-15T23:59", "2003-12-15"), study_day("2003-12-16", "2003-12-15")
    (1, 2)
    """
    if dtc is None or rfstdtc is None:
        return None
    day, reference = day_number(dtc), day_number(rfstdtc)
    if day is None or reference is None:
        return None
    return day - reference + 1 if day >= reference else day - reference


def study_days(references: Any, days: Any) -> Any:
    """As `study_day`, of arrays of `day_number`s: of the subjects' reference starts and of the dates, NaN for none."""
    distance = days - references
    return distance + (distance >= 0)


@lru_cache(maxsize=_CACHED)
def day_number(text: str) -> int | None:
    """Days on the calendar, counted from an arbitrary day; None unless year, month and day are known."""
    if len(text) == _DATE_LENGTH and text[4] == text[7] == "-":
        try:
            return date.fromisoformat(text).toordinal()
        except ValueError:
            return None
    parsed = parse(text)
    if isinstance(parsed, PartialDateTime) and parsed.has_date:
        return date.fromisoformat(text[:_DATE_LENGTH]).toordinal()
    return None


def _date_prefix(parsed: PartialDateTime) -> str | None:
    """YYYY, YYYY-MM or YYYY-MM-DD: up to the first component that is missing."""
    if parsed.year is None:
        return None
    if parsed.month is None:
        return parsed.text[:4]
    return parsed.text[:7] if parsed.day is None else parsed.text[:_DATE_LENGTH]


def _date_time(text: str) -> PartialDateTime | Malformed:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return Malformed(text, _why_not(text))
    year, month, day = match["year"], match["month"], match["day"]
    time = match["time"]
    if time is not None and day is None:
        return Malformed(text, "a time needs month and day before it; write a hyphen for each one missing")
    stated = [part for part in (year, month, day, match["hour"], match["minute"], match["second"]) if part is not None]
    if stated[-1] == "-":
        return Malformed(text, _TRAILING)
    parsed = PartialDateTime(
        text,
        _number(year),
        _number(month),
        _number(day),
        _number(match["hour"]),
        _number(match["minute"]),
        _number(match["second"]),
        match["fraction"] or "",
        match["zone"] or "",
    )
    reason = _off_calendar(parsed) or _off_clock(parsed)
    return Malformed(text, reason) if reason else parsed


def _number(digits: str | None) -> int | None:
    return None if digits is None or digits == "-" else int(digits)


def _off_calendar(parsed: PartialDateTime) -> str:
    """Why this date cannot be, or empty."""
    year, month, day = parsed.year, parsed.month, parsed.day
    if year == 0:
        return "there is no year 0000"
    if month is not None and not 1 <= month <= 12:
        return f"there is no month {month:02}"
    if day is None:
        return ""
    # An unknown month may have 31 days, an unknown year may be a leap year.
    days = 31 if month is None else days_in_month(2000 if year is None else year, month)
    if 1 <= day <= days:
        return ""
    of = "a month" if month is None else f"{'----' if year is None else f'{year:04}'}-{month:02}"
    return f"{of} has no day {day:02}"


def days_in_month(year: int, month: int) -> int:
    """28 to 31, by the Gregorian calendar."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _off_clock(parsed: PartialDateTime) -> str:
    """Why this time of day or zone cannot be, or empty."""
    hour, minute, second = parsed.hour, parsed.minute, parsed.second
    if hour is not None and hour > 24:
        return f"there is no hour {hour:02}"
    if minute is not None and minute > 59:
        return f"there is no minute {minute:02}"
    if second is not None and second > 60:
        return f"there is no second {second:02}"
    if hour == 24 and (minute != 0 or second or parsed.fraction.strip("0")):
        return "hour 24 can only be 24:00, the end of the day"
    if len(parsed.zone) > 1 and (int(parsed.zone[1:3]) > 23 or int(parsed.zone[4:]) > 59):
        return f"there is no time zone {parsed.zone}"
    return ""


def _interval(text: str) -> Interval | Malformed:
    first, _, second = text.partition("/")
    start = _duration(first) if first.startswith(("P", "-P")) else _date_time(first)
    end = _duration(second) if second.startswith(("P", "-P")) else _date_time(second)
    if isinstance(start, Malformed):
        return Malformed(text, f"before the slash: {start.reason}")
    if isinstance(end, Malformed):
        return Malformed(text, f"after the slash: {end.reason}")
    if isinstance(start, Duration) and isinstance(end, Duration):
        return Malformed(text, "an interval has one duration at most")
    return Interval(text, start, end)


def _duration(text: str) -> Duration | Malformed:
    match = _DURATION.fullmatch(text)
    if match is None:
        return Malformed(text, "not an ISO 8601 duration like P1Y2M10DT2H30M or P4W")
    units = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
    numbers = {unit: match[unit] or "" for unit in units}
    stated = [number for number in numbers.values() if number]
    if not stated or match["time"] == "T":
        return Malformed(text, "a duration states at least one number, and one after a T")
    if any("." in number for number in stated[:-1]):
        return Malformed(text, "only the smallest unit of a duration may have decimals")
    return Duration(text, match["sign"] is not None, **numbers)


def _why_not(text: str) -> str:
    """A reason that names the usual slips."""
    return next((reason for slip, reason in _SLIPS if slip.match(text)), _NOT_ISO)
