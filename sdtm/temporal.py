"""Dates, times and spans of other tools as SDTM's text: ISO 8601 (SDTMIG 3.4, 4.4.1 and 4.4.3).

>>> from datetime import datetime, timedelta
>>> as_text(datetime(2020, 1, 2, 3, 4, 5)), as_text(timedelta(hours=30, minutes=5))
('2020-01-02T03:04:05', 'PT30H5M')
"""

from __future__ import annotations

import datetime as dt

import polars as pl

TIME = "%H:%M:%S%.f"


def as_text(moment: dt.date | dt.time | dt.timedelta) -> str:
    """One date, time or span; a span is a duration in hours, minutes and seconds."""
    return _duration(moment) if isinstance(moment, dt.timedelta) else moment.isoformat()


def _duration(span: dt.timedelta) -> str:
    """`PT30H5M`; no days, for 24 hours on a clock need not be one of the calendar's."""
    sign, size = ("-", -span) if span < dt.timedelta() else ("", span)
    minutes, seconds = divmod(size.days * 86_400 + size.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{size.microseconds:06}".rstrip("0") if size.microseconds else ""
    parts = [f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M")) if number]
    if seconds or fraction or not parts:
        parts.append(f"{seconds}{fraction}S")
    return f"{sign}PT{''.join(parts)}"


def text(name: str, kind: pl.DataType) -> pl.Expr:
    """A column of dates, times or spans as text, one of another type as it is.

    Date-times without a zone that are all midnight are dates: many tools know no other type for them.
    """
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        moment = column.dt.strftime(f"%Y-%m-%dT{TIME}")
        if kind.time_zone is not None:
            return moment + column.dt.strftime("%:z")
        midnight = (column.dt.truncate("1d") == column).all()
        return pl.when(midnight).then(column.dt.strftime("%Y-%m-%d")).otherwise(moment).alias(name)
    if kind == pl.Time:
        return column.dt.strftime(TIME)
    if isinstance(kind, pl.Duration):
        return column.map_elements(as_text, return_dtype=pl.String)
    return column
