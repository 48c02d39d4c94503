"""Shapes that many rules share: a variable that wants another, a value that wants another, two that go one to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.sdtm.rules.data import Dataset
    from trialbridge.sdtm.rules.declare import Hit


def present(datasets: Iterable[Dataset], *names: str) -> Iterator[Hit]:
    """Each of these variables that is there: they should not be."""
    for one in datasets:
        for name in names:
            if one.has(name):
                yield one.hit(name)


def present_without(datasets: Iterable[Dataset], name: str, *wanted: str) -> Iterator[Hit]:
    """The variable where none of the wanted ones stands beside it."""
    for one in datasets:
        if one.has(name) and not any(one.has(other) for other in wanted):
            yield one.hit(name)


def given_without(datasets: Iterable[Dataset], name: str, *wanted: str) -> Iterator[Hit]:
    """Records with a value of the variable and none of any wanted one; an absent variable has no values."""
    for one in datasets:
        if one.has(name):
            lacking = pl.all_horizontal(one.missing(other) for other in wanted)
            yield from one.hits(one.given(name) & lacking, name, *wanted)


def neither_of(datasets: Iterable[Dataset], name: str, allowed: Iterable[str]) -> Iterator[Hit]:
    """Records with a value that is none of those allowed."""
    values = list(allowed)
    for one in datasets:
        if one.has(name):
            yield from one.hits(one.given(name) & ~one.text(name).is_in(values), name)


def negative(datasets: Iterable[Dataset], name: str) -> Iterator[Hit]:
    """Records with a number below zero."""
    for one in datasets:
        if one.has(name) and one.frame.schema[one.of(name)].is_numeric():
            yield from one.hits(one.col(name) < 0, name)


def same(datasets: Iterable[Dataset], name: str, other: str) -> Iterator[Hit]:
    """Records where two variables hold the same text, whatever its case."""
    for one in datasets:
        if one.has(name, other):
            left, right = one.text(name).str.to_uppercase(), one.text(other).str.to_uppercase()
            yield from one.hits(one.given(name) & (left == right), name, other)


def not_one_to_one(one: Dataset, first: str, second: str, *within: str) -> Iterator[Hit]:
    """Records whose pair is rarer than another with the same value on either side: one to one is broken there.

    `within` are variables that part the dataset first. Of two pairs equally frequent both are given.
    """
    names = [one.of(name) for name in (first, second)]
    groups = [one.of(name) for name in within]
    pairs = one.frame.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in names))
    counted = pairs.group_by([*names, *groups]).agg(pl.len().alias("#n"))
    odd = pl.lit(value=False)
    for name in names:
        over = [name, *groups]
        most, several = pl.col("#n").max().over(over), pl.len().over(over) > 1
        tied = (pl.col("#n") == most).sum().over(over) > 1
        odd = odd | (several & ((pl.col("#n") < most) | tied))
    broken = counted.filter(odd).select([*names, *groups])
    rows = pairs.join(broken, on=[*names, *groups], how="semi", nulls_equal=True)
    yield from one.hits_of(rows, first, second, *within)


def repeated(one: Dataset, mask: pl.Expr, *names: str) -> pl.DataFrame:
    """The records that fulfil the mask and share all these variables' values with another; absent ones do not count."""
    keys = [one.of(name) for name in names if one.has(name)]
    rows = one.frame.filter(mask)
    return rows.filter(pl.struct(keys).is_duplicated()) if keys and not rows.is_empty() else rows.clear()


def not_among(one: Dataset, name: str, allowed: pl.Series, mask: pl.Expr | None = None) -> Iterator[Hit]:
    """Records whose value is not among those of the series."""
    wanted = pl.lit(value=True) if mask is None else mask
    values = allowed.drop_nulls().unique().implode()
    yield from one.hits(wanted & one.given(name) & ~one.col(name).is_in(values), name)
