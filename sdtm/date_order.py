"""Which of two SDTM dates is earlier, said only when it is certain.

A partial date is every instant it may stand for: `2003-12` begins before `2003-12-15` and ends after it, so the two
have no known order. Source of the formats: SDTMIG 3.4, section 4.4; see dates.py.

>>> compare("2003-11", "2003-12-15")
-1
>>> compare("2003-12", "2003-12-15") is None
True
>>> earliest(["2003-12-15", "2003-11", None])
'2003-11'
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from trialbridge.sdtm.dates import PartialDateTime, days_in_month, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOUR = 3600
_DAY = 24 * _HOUR
# The zones in use go from UTC-12 to UTC+14: where one date has a zone and the other none, this much is uncertain.
_EAST, _WEST = 14 * _HOUR, 12 * _HOUR


class Span(NamedTuple):
    """The instants a text may stand for, in seconds: from `first` up to, not including, `after`."""

    first: int | Fraction
    after: int | Fraction
    zoned: bool


def compare(one: str, other: str) -> int | None:
    """-1 when `one` is surely the earlier, 1 when surely the later, 0 when both say the same, else None.

    "The same" asks for at least a whole date on both sides: two texts `2003-12` may be different days. Without zones
    both are taken to be local times of one place. None also for intervals, durations and malformed text.
    """
    left, right = span(one), span(other)
    if left is None or right is None:
        return None
    if left.zoned != right.zoned:
        left, right = _anywhere(left), _anywhere(right)
    if left.after <= right.first:
        return -1
    if right.after <= left.first:
        return 1
    if left == right and left.after - left.first <= _DAY:
        return 0
    return None


def earliest(texts: Iterable[str | None]) -> str | None:
    """The text that surely no other precedes; None when that is uncertain, or nothing but nulls is given.

    Nulls are passed over. Of several that say the same the first is given. One malformed text makes it uncertain.
    """
    return _extreme(texts, -1)


def latest(texts: Iterable[str | None]) -> str | None:
    """The text that surely no other follows; see `earliest`."""
    return _extreme(texts, 1)


def _extreme(texts: Iterable[str | None], sign: int) -> str | None:
    distinct = list(dict.fromkeys(text for text in texts if text is not None))
    if not distinct:
        return None
    best = distinct[0]
    for text in distinct[1:]:
        if compare(text, best) == sign:
            best = text
    # The pass above finds the extreme if there is one; only this makes it certain.
    certain = span(best) is not None and all(compare(best, text) in (sign, 0) for text in distinct if text != best)
    return best if certain else None


def _anywhere(span: Span) -> Span:
    """The span with the uncertainty of an unknown zone."""
    return span if span.zoned else Span(span.first - _EAST, span.after + _WEST, zoned=True)


@lru_cache(maxsize=1 << 14)
def span(text: str) -> Span | None:
    """None where there are no bounds: no year, or no date at all."""
    parsed = parse(text)
    if not isinstance(parsed, PartialDateTime) or parsed.year is None:
        return None
    offset = _offset(parsed.zone)
    first = _seconds(parsed, month=1, day=1, hour=0, minute=0, second=0)
    last = _seconds(parsed, month=12, day=31, hour=23, minute=59, second=59)
    step = Fraction(1, 10 ** len(parsed.fraction)) if parsed.fraction else 1
    return Span(first - offset, last + step - offset, zoned=bool(parsed.zone))


def _seconds(parsed: PartialDateTime, *, month: int, day: int, hour: int, minute: int, second: int) -> int | Fraction:
    """Seconds on a calendar without leap seconds, missing components taken from the arguments.

    An unknown month is taken as January or December, which both have a day 31.
    """
    year = parsed.year or 1
    month = month if parsed.month is None else parsed.month
    day = min(day, days_in_month(year, month)) if parsed.day is None else parsed.day
    hour = hour if parsed.hour is None else parsed.hour
    minute = minute if parsed.minute is None else parsed.minute
    second = second if parsed.second is None else parsed.second
    whole = date(year, month, day).toordinal() * _DAY + hour * _HOUR + minute * 60 + second
    return whole + Fraction(int(parsed.fraction), 10 ** len(parsed.fraction)) if parsed.fraction else whole


def _offset(zone: str) -> int:
    """Seconds east of UTC; 0 for Z and for none."""
    if len(zone) <= 1:
        return 0
    size = int(zone[1:3]) * _HOUR + int(zone[4:]) * 60
    return -size if zone[0] == "-" else size
