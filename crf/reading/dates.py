"""Dates as people write them, to ISO 8601: Dutch and English months, any order, unknown parts, times.

The order of day and month must be known where a text does not tell it. `25-12-2019` tells; `03-04-2019` does not,
unless the centre's order is given. Two-digit years and numbers that may be a spreadsheet's days are asked about.

>>> date("5 mrt 2019", "year-first"), date("UN-JUN-2019", "year-first"), date("25/12/2019 14:30", "day-first")
('2019-03-05', '2019-06', '2019-12-25T14:30')
>>> date("03-04-2019", "year-first").kind.value, date("03-04-2019", "day-first"), date("31-02-2019", "day-first").kind.value
('day and month may be swapped', '2019-04-03', 'impossible date')
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import TYPE_CHECKING, Literal

from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import cleaned

if TYPE_CHECKING:
    from collections.abc import Sequence

Order = Literal["year-first", "day-first", "month-first"]
_NAMES = (
    "january january jan januari janvier januar",
    "february feb februari februar",
    "march mar mrt maart mars maerz märz",
    "april apr",
    "may mei mai",
    "june jun juni",
    "july jul juli",
    "august aug augustus",
    "september sep sept",
    "october oct okt oktober",
    "november nov",
    "december dec dez dezember",
)
MONTHS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
UNKNOWN = frozenset({"un", "unk", "unknown", "uk", "nk", "xx", "xxx", "??", "?", "--", "-", "00", "onb", "onbekend"})
_ISO = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")
_TIME = re.compile(
    r"(?P<hour>\d{1,2})\s*[:.hu]\s*(?P<minute>\d\d)?(?:[:.](?P<second>\d\d)(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?(?:\s*(?:uur|u|h|hrs?))?",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\d\s*(?:[ap]\.?m|uur|u|h)(?![a-z])", re.IGNORECASE)
_WEEKDAY = re.compile(
    r"^(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|ma|di|wo|do|vr|za|zo|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag)\.?,?\s+",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|e|de|ste)\b", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:\bof\b|[\s./\\,-])+")
_EIGHT = re.compile(r"(\d{4})(\d\d)(\d\d)")


def date(text: str, order: Order, century: int = 2000) -> str | Doubt:
    """ISO 8601 as SDTM writes it, as far as it is known. An empty text, or one that knows nothing, is a doubt."""
    given = unicodedata.normalize("NFKC", cleaned(text))
    iso = _ISO.fullmatch(given)
    if iso:
        return _iso(iso)
    body, clock = _without_time(_WEEKDAY.sub("", given))
    if isinstance(clock, Doubt):
        return clock
    found = _parts(_ORDINAL.sub("", body), order, century)
    if isinstance(found, Doubt):
        whole = found.proposal and f"{found.proposal}{clock}" if clock else found.proposal
        return Doubt(found.kind, found.message, whole)
    if clock and len(found) < len("YYYY-MM-DD"):
        return Doubt(Kind.TIME, "a time stands with a date that is not whole", found)
    return found + clock


def _iso(found: re.Match[str]) -> str | Doubt:
    year, month, day, hour, minute, second, _, zone = found.groups()
    if month == "00":
        return Doubt(Kind.DATE_IMPOSSIBLE, "there is no month 00", year)
    if day == "00":
        return Doubt(Kind.DATE_IMPOSSIBLE, "there is no day 00", f"{year}-{month}")
    whole = _checked(int(year), None if month is None else int(month), None if day is None else int(day))
    if isinstance(whole, Doubt) or hour is None:
        return whole
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:
        return Doubt(Kind.TIME, "there is no such time of day", whole)
    clock = f"T{hour}:{minute}" + (f":{second}" if second else "")
    return whole + clock + (f"{zone[:3]}:{zone[-2:]}" if zone and zone != "Z" else zone or "")


def _without_time(given: str) -> tuple[str, str | Doubt]:
    """The date's text, and the time as `Thh:mm`."""
    for at in (given.rfind("T"), given.rfind(" "), given.rfind("\t")):
        if at > 0 and (":" in given[at:] or _CLOCK.search(given[at:])):
            clock = time(given[at + 1 :])
            return given[:at].strip(" ,"), clock if isinstance(clock, Doubt) else f"T{clock}"
    found = re.search(r"\s(\d{1,2}[:.]\d\d(?:[:.]\d\d)?\s*[ap]\.?m\.?)$", given, re.IGNORECASE)
    if found:
        clock = time(found[1])
        return given[: found.start()].strip(" ,"), clock if isinstance(clock, Doubt) else f"T{clock}"
    return given, ""


def time(text: str) -> str | Doubt:
    """`hh:mm` or `hh:mm:ss` of a time of day: `14:30`, `2.30 pm`, `14u30`, `1430`.

    >>> time("14u30"), time("2:30 pm"), time("25:00").kind.value
    ('14:30', '14:30', 'unreadable time')
    """
    given = cleaned(text)
    if re.fullmatch(r"\d{4}", given):
        given = f"{given[:2]}:{given[2:]}"
    found = _TIME.fullmatch(given)
    if found is None:
        return Doubt(Kind.TIME, "this is no time of day", "")
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            return Doubt(Kind.TIME, "there is no such hour with am or pm", "")
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    second = found["second"]
    if hour > 23 or minute > 59 or int(second or 0) > 59:
        return Doubt(Kind.TIME, "there is no such time of day", "")
    return f"{hour:02}:{minute:02}" + (f":{second}" if second and second != "00" else "")


def _parts(given: str, order: Order, century: int) -> str | Doubt:
    eight = _EIGHT.fullmatch(given)
    if eight:
        return _checked(*(int(one) for one in eight.groups()))
    if re.fullmatch(r"\d{5}(?:\.\d+)?", given):
        day = dt.date(1899, 12, 30) + dt.timedelta(days=int(float(given)))
        return Doubt(Kind.DATE_SERIAL, "a number that may be a spreadsheet's day", day.isoformat())
    joined = re.fullmatch(r"(\d{1,2})([A-Za-zÀ-ÿ]{3,9})(\d{2,4})", given)
    words = list(joined.groups()) if joined else [one for one in _BETWEEN.split(given.strip(" .,-/")) if one]
    if re.match(r"[-/]", given):
        words.insert(0, "--")
    if not words or len(words) > 3:
        return Doubt(Kind.DATE_UNREADABLE, "this is no date", "")
    named = [at for at, one in enumerate(words) if MONTHS.get(one.rstrip(".").casefold())]
    if len(named) > 1:
        return Doubt(Kind.DATE_UNREADABLE, "two months are named", "")
    return _named(words, named[0], century) if named else _numbers(words, order, century)


def _named(words: Sequence[str], at: int, century: int) -> str | Doubt:
    """A date whose month is a word."""
    month = MONTHS[words[at].rstrip(".").casefold()]
    rest = [one for place, one in enumerate(words) if place != at]
    if len(rest) == 1:
        day: str | None = None
        year = rest[0]
    elif len(rest) == 2:
        year, day = (rest[0], rest[1]) if len(rest[0]) == 4 else (rest[1], rest[0])
    else:
        return Doubt(Kind.DATE_UNREADABLE, "a month without a year", "")
    return _assembled(year, month, day, century)


def _numbers(words: Sequence[str], order: Order, century: int) -> str | Doubt:  # noqa: PLR0911 - one a case
    """A date of numbers and unknown parts."""
    if len(words) == 1:
        return words[0] if re.fullmatch(r"\d{4}", words[0]) else Doubt(Kind.DATE_UNREADABLE, "this is no date", "")
    if len(words) == 2:  # month and year
        year, month = (words[0], words[1]) if len(words[0]) == 4 else (words[1], words[0])
        if not re.fullmatch(r"\d{4}", year):
            return Doubt(Kind.DATE_UNREADABLE, "a date without a whole year", "")
        return _assembled(year, _part(month), None, century)
    if re.fullmatch(r"\d{4}", words[0]):
        return _assembled(words[0], _part(words[1]), words[2], century)
    first, second, year = words
    one, other = _part(first), _part(second)
    if one is not None and other is not None and order == "year-first" and one != other and max(one, other) <= 12:
        proposal = _assembled(year, other, first, century)
        return Doubt(
            Kind.DATE_ORDER,
            "the day and the month cannot be told apart",
            proposal if isinstance(proposal, str) else proposal.proposal,
        )
    if order == "month-first":
        return _day_and_month(second, one, year, order, century)
    return _day_and_month(first, other, year, order, century)


def _day_and_month(day: str, month: int | None, year: str, order: Order, century: int) -> str | Doubt:
    """A date by the centre's order; where only the other order can be, that is used, or proposed against the order."""
    turned = _part(day)
    if month is None or month <= 12 or turned is None or turned > 12:
        return _assembled(year, month, day, century)
    found = _assembled(year, turned, str(month), century)
    if order == "year-first" or isinstance(found, Doubt):
        return found
    return Doubt(Kind.DATE_ORDER, f"by the centre's order ({order}) there is no month {month}", found)


def _part(text: str) -> int | None:
    """The number of a part, None for an unknown one."""
    return int(text) if text.isdigit() and int(text) else None


def _assembled(year: str, month: int | None, day: str | None, century: int) -> str | Doubt:
    if year.casefold() in UNKNOWN:
        return Doubt(Kind.DATE_UNREADABLE, "the year is not known", "")
    if not re.fullmatch(r"\d{4}|\d{2}|'\d\d", year):
        return Doubt(Kind.DATE_UNREADABLE, "this is no year", "")
    if day is not None and day.casefold() not in UNKNOWN and not day.isdigit():
        return Doubt(Kind.DATE_UNREADABLE, "this is no day", "")
    number = None if day is None or day.casefold() in UNKNOWN else int(day)
    if len(year) < 4:
        full = _checked(century + int(year[-2:]), month, number)
        return Doubt(Kind.DATE_CENTURY, "the century is not given", full if isinstance(full, str) else "")
    return _checked(int(year), month, number)


def _checked(year: int, month: int | None, day: int | None) -> str | Doubt:
    """The date as far as it is known, if the calendar has it."""
    if year == 0:
        return Doubt(Kind.DATE_IMPOSSIBLE, "there is no year 0", "")
    if month is None:
        return f"{year:04}"
    if not 1 <= month <= 12:
        return Doubt(Kind.DATE_IMPOSSIBLE, f"there is no month {month}", f"{year:04}")
    if day is None or day == 0:
        return f"{year:04}-{month:02}"
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return Doubt(Kind.DATE_IMPOSSIBLE, f"this month has no day {day}", f"{year:04}-{month:02}")
