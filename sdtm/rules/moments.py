"""Dates as spans of instants in polars columns, so that an order is told only where it is certain; study days as numbers.

Each distinct text is read once by `date_order.span` and `dates.day_number`; the columns are joined back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.sdtm.date_order import span
from trialbridge.sdtm.dates import day_number, is_valid

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANYWHERE = 14 + 12
"""Hours by which a time with a zone and one without may be apart: zones go from UTC-12 to UTC+14."""


def with_spans(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The frame with `NAME#first` and `NAME#after` (seconds: from, up to) and `NAME#zoned`; null where there are no bounds."""
    for name in names:
        texts = _distinct(frame[name])
        spans = [span(text) for text in texts]
        bounds = pl.DataFrame(
            {
                name: texts,
                f"{name}#first": [None if one is None else float(one.first) for one in spans],
                f"{name}#after": [None if one is None else float(one.after) for one in spans],
                f"{name}#zoned": [None if one is None else one.zoned for one in spans],
            },
            schema={
                name: pl.String,
                f"{name}#first": pl.Float64,
                f"{name}#after": pl.Float64,
                f"{name}#zoned": pl.Boolean,
            },
        )
        frame = frame.join(bounds, on=name, how="left", maintain_order="left")
    return frame


def surely_before(one: str, other: str) -> pl.Expr:
    """Whether the first variable's moment is surely over when the other's begins; both have been given spans."""
    slack = pl.when(pl.col(f"{one}#zoned") == pl.col(f"{other}#zoned")).then(0.0).otherwise(_ANYWHERE * 3600.0)
    return (pl.col(f"{one}#after") + slack) <= pl.col(f"{other}#first")


def with_days(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The frame with `NAME#day`, a number of the calendar day; null unless year, month and day are known."""
    for name in names:
        texts = _distinct(frame[name])
        numbers = pl.DataFrame(
            {name: texts, f"{name}#day": [day_number(text) for text in texts]},
            schema={name: pl.String, f"{name}#day": pl.Int64},
        )
        frame = frame.join(numbers, on=name, how="left", maintain_order="left")
    return frame


def study_day(name: str, reference: str = "RFSTDTC") -> pl.Expr:
    """The study day of a variable that has been given days, as has the reference: there is no day 0."""
    apart = pl.col(f"{name}#day") - pl.col(f"{reference}#day")
    return pl.when(apart >= 0).then(apart + 1).otherwise(apart)


def malformed(values: pl.Series) -> list[str]:
    """The distinct texts that are no date, time, interval or duration of ISO 8601 as SDTM writes it."""
    return [text for text in _distinct(values) if not is_valid(text)]


def _distinct(values: pl.Series) -> list[str]:
    if values.dtype != pl.String:
        return []
    texts: Iterable[str] = values.drop_nulls().unique().to_list()
    return list(texts)
