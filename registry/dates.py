"""Dates as registries write them: API v2 and PRS `2019-07-15`, `2021-03`, `2020`; public XML `July 15, 2019`, `March 2021`.

Source: PartialDate in the API's OpenAPI description; variable_date_type in the public XML's schema 2019.02.14.

>>> from_words("July 15, 2019"), from_words("March 2021"), from_words("Unknown")
('2019-07-15', '2021-03', None)
>>> to_words("2021-03")
'March 2021'
>>> is_partial_date("2021-02-30")
False
"""

from __future__ import annotations

import re
from calendar import monthrange

MONTHS = "January February March April May June July August September October November December".split()
_WORDS = re.compile(r"(?P<month>[A-Z][a-z]+) (?:(?P<day>\d{1,2}), )?(?P<year>\d{4})")
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


def is_partial_date(value: str) -> bool:
    """Whether a text is a year, a month or a day of the calendar: `2019`, `2019-07`, `2019-07-15`."""
    match = _PARTIAL.fullmatch(value)
    if not match:
        return False
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    if year == 0 or (month is not None and not 1 <= month <= 12):
        return False
    return day is None or 1 <= day <= monthrange(year, month or 1)[1]


def from_words(words: str) -> str | None:
    """The public XML's date as API v2 writes it; None for `Unknown` and for what is no date."""
    match = _WORDS.fullmatch(" ".join(words.split()))
    if not match or match["month"] not in MONTHS:
        return None
    value = f"{match['year']}-{MONTHS.index(match['month']) + 1:02}"
    value += f"-{int(match['day']):02}" if match["day"] else ""
    return value if is_partial_date(value) else None


def to_words(value: str) -> str:
    """API v2's date in words, for people; what is no date stays as it is."""
    if not is_partial_date(value) or len(value) == 4:
        return value
    month = MONTHS[int(value[5:7]) - 1]
    return f"{month} {int(value[8:])}, {value[:4]}" if len(value) == 10 else f"{month} {value[:4]}"


def surely_before(one: str, other: str) -> bool:
    """Whether a date lies before another whatever their missing parts are: `2019` before `2020-03`, not `2020`."""
    shorter = min(len(one), len(other))
    return is_partial_date(one) and is_partial_date(other) and one[:shorter] < other[:shorter]
