"""Intervals between SDTM dates, partial ones included: what can be said for certain, never an imputed day."""

from __future__ import annotations

import calendar
import re
from datetime import date

_DTC = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:T.*)?$")


def bounds(dtc: str) -> tuple[date, date] | None:
    """The first and last day an ISO 8601 date may mean; None when it names no year, or a day that there is not.

    >>> [str(day) for day in bounds("2014-02")], [str(day) for day in bounds("2014")]
    (['2014-02-01', '2014-02-28'], ['2014-01-01', '2014-12-31'])
    >>> bounds("2014-02-30"), bounds("--02-03")
    (None, None)
    """
    found = _DTC.match(dtc)
    if not found:
        return None
    year = int(found[1])
    month, day = (int(part) if part else None for part in found.group(2, 3))
    try:
        if month is None:
            return date(year, 1, 1), date(year, 12, 31)
        if day is None:
            return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
        return date(year, month, day), date(year, month, day)
    except ValueError:
        return None


def days_at_least(first: str, later: str) -> int | None:
    """The days that have certainly passed from one date to a later one; None when a date is missing."""
    a, b = bounds(first), bounds(later)
    return None if a is None or b is None else (b[0] - a[1]).days


def is_complete(dtc: str) -> bool:
    """Whether a date names its day."""
    both = bounds(dtc)
    return both is not None and both[0] == both[1]
