"""Columns of coded values: each row holds a number, and what the number stands for is kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.mappings.spellings import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_TABLE = 1 << 22
"""Up to so many possible combinations are told apart by a table, more by sorting."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A cell for each row: `values[codes[row]]`. Two codes may stand for equal values. None is an empty cell."""

    codes: NDArray[np.int64]
    values: list[Any]

    @property
    def given(self) -> NDArray[np.bool_]:
        """Which rows have a value."""
        known: NDArray[np.bool_] = np.array([one is not None for one in self.values], bool)[self.codes]
        return known

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return all(one is None for one in self.values)

    def at(self, rows: NDArray[np.int64]) -> Column:
        """These rows of it."""
        return Column(self.codes[rows], self.values)

    def cells(self) -> list[Any]:
        """The cells, row by row."""
        values = self.values
        return [values[code] for code in self.codes.tolist()]

    def with_cells(self, rows: NDArray[Any], codes: NDArray[np.int64], values: list[Any]) -> Column:
        """The column with other cells in some rows: `values[codes]` there."""
        changed = self.codes.copy()
        changed[rows] = codes + len(self.values)
        return packed(changed, [*self.values, *values])


def constant(value: Any, height: int) -> Column:
    """A column that says the same in each row."""
    return Column(np.zeros(height, np.int64), [value])


def packed(codes: NDArray[np.int64], values: Sequence[Any]) -> Column:
    """The column, without values that no row has."""
    used, codes = compressed(codes, len(values))
    return Column(codes, [values[one] for one in used.tolist()])


def compressed(codes: NDArray[np.int64], bound: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The codes that occur, in their order, and for each row the place of its own among them."""
    if bound > max(_TABLE, 8 * len(codes)):
        used, places = np.unique(codes, return_inverse=True)
        return used, places
    there = np.zeros(bound, bool)
    there[codes] = True
    used = np.flatnonzero(there)
    place = np.empty(bound, np.int64)
    place[used] = np.arange(len(used))
    return used, place[codes]


@dataclass(frozen=True, slots=True)
class Combinations:
    """The combinations of several columns' codes that occur: `codes` numbers them for each row."""

    codes: NDArray[np.int64]
    first: NDArray[np.int64]
    """A row of each."""

    def of(self, column: Column) -> list[Any]:
        """The cell of a column in each combination."""
        values = column.values
        return [values[code] for code in column.codes[self.first].tolist()]


def combinations(columns: Sequence[Column], height: int) -> Combinations:
    """The combinations that occur in these columns' rows. Columns that share their codes count once."""
    codes: NDArray[np.int64] = np.zeros(height, np.int64)
    count = 1 if height else 0
    known: set[int] = set()
    for one in columns:
        if id(one.codes) in known or len(one.values) < 2:
            continue
        known.add(id(one.codes))
        if count == 1:
            codes, count = one.codes, len(one.values)
        else:
            _, codes = compressed(codes, count)
            count = int(codes.max()) + 1 if height else 0
            width = len(one.values)
            codes, count = codes * width + one.codes, count * width
    used, codes = compressed(codes, max(count, 1))
    first = np.empty(len(used), np.int64)
    first[codes[::-1]] = np.arange(height - 1, -1, -1)
    return Combinations(codes, first)


def first_given(columns: Sequence[Column]) -> Column:
    """The first of the columns that has a value, row by row."""
    found, *others = columns
    for one in others:
        lacking = ~found.given
        if lacking.any() and not one.empty:
            rows = np.flatnonzero(lacking)
            found = found.with_cells(rows, one.codes[rows], one.values)
    return found


def frame(columns: Mapping[str, Column], *more: pl.Series) -> pl.DataFrame:
    """The columns that have a value, as polars has them: Float64 where all values are numbers, else String; and `more`."""
    rows: dict[int, pl.Series] = {}
    made = []
    for name, one in columns.items():
        values = _series(name, one.values)
        if values.null_count() == len(values):
            continue
        at = rows.get(id(one.codes))
        if at is None:
            at = rows[id(one.codes)] = pl.Series(one.codes.astype(np.uint32))
        found = values[at]
        if values.null_count() == 0 or found.null_count() < len(found):
            made.append(found)
    return pl.DataFrame([*made, *more])


def _series(name: str, values: list[Any]) -> pl.Series:
    """Values as `tables.column` makes a column of them."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {float}:
        return pl.Series(name, values, dtype=pl.Float64)
    if not kinds <= {str}:
        values = [
            number_text(one) if isinstance(one, float) else one if isinstance(one, str) else None for one in values
        ]
    return pl.Series(name, values, dtype=pl.String)
