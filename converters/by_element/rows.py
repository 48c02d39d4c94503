"""Rows by columns, and the memory of what was made of them: what elements say hangs on few variables.

A column is an array of small numbers and the values they stand for. `Traced` looks like a row and notes which variables
it was asked for; a `Memo` runs a function on one row of each distinct combination of those variables, and widens
them when a run asks for another. A deterministic function thereby gives for every row what it would give if it were run on it.

Names with a sign before them are not cells: `!AESEQ` is whether there is one, `?AETERM` whether the elements say it,
`=SUPP.X` the supplemental qualifier with its label; for those with @ see `by_element.links`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trialbridge.converters.carry import Qualifier

Codes = np.ndarray[Any, np.dtype[np.int64]]
Column = tuple[Codes, list[Any]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]
Entry = TypeVar("Entry")
MARK = "b7f3c1e2-hole-4d0a-9a51-6c2f8e7d1b90"
"""Stands for a text that is passed on verbatim."""
NUMBER_MARK = 739184650273.0
"""Stands for a number that is passed on verbatim."""
MANY = 1 << 40
NEAR = 10_000
"""Whole numbers are near to one another that span no more than so many."""


class UnfitError(Exception):
    """These rows are not for this module: the functions of `to_fhir` take them one by one."""


class Columns:
    """Some rows of a dataset, column by column; `names` are those of its variables, then `SUPP.…`, in a row's order."""

    def __init__(self, frame: pl.DataFrame, further: dict[str, Column] | None = None) -> None:
        self.height = frame.height
        self.names: list[str] = [*frame.columns, *(further or ())]
        self._series = {one.name: one for one in frame.get_columns()}
        self.known: dict[str, Column] = dict(further or {})
        """The columns that have been asked for."""
        self.elsewhere: Callable[[Columns, str], Column] | None = None
        """What makes the columns whose names begin with @."""
        self._distinct: dict[tuple[str, ...], tuple[Codes, Codes]] = {}
        self._combinations: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}

    def some(self, rows: Codes) -> Columns:
        """Those rows alone (numbers from 0)."""
        return _Some(self, rows)

    def column(self, name: str) -> Column:
        """The column of that name; one of nothing where there is none."""
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self._made(name)
        return found

    def put(self, name: str, column: Column) -> None:
        """Set a column."""
        self.known[name] = column

    def _made(self, name: str) -> Column:
        if name[:1] == "!":
            codes, values = self.column(name[1:])
            kinds = np.array([0 if one is None else (1 if one != "" else 2) for one in values], dtype=np.int64)
            return kinds[codes], [0, 1, 2]
        if name[:1] == "@" and self.elsewhere is not None:
            return self.elsewhere(self, name)
        series = self._series.get(name)
        if series is None:
            return np.zeros(self.height, dtype=np.int64), [None]
        return _coded(series)

    def value(self, name: str, at: int) -> Any:
        """One cell."""
        codes, values = self.known.get(name) or self.column(name)
        return values[codes.item(at)]

    def qualifier(self, name: str, at: int) -> Qualifier | None:
        """The supplemental qualifier of a cell."""
        found: Qualifier | None = self.value(f"={name}", at)
        return found

    def cells(self, name: str) -> list[Any]:
        """All cells of a column."""
        codes, values = self.column(name)
        return [values[one] for one in codes.tolist()]

    def distinct(self, names: Sequence[str]) -> tuple[Codes, Codes]:
        """The first row of each distinct combination, in the order of rows; and of each row which one it has."""
        key = tuple(names)
        found = self._distinct.get(key)
        if found is None:
            found = self._distinct[key] = distinct([self.column(one) for one in names], self.height)
        return found

    def combinations(self, names: Sequence[str]) -> tuple[list[tuple[Any, ...]], Codes]:
        """Each distinct combination of values, in the order of rows; and of each row which one it has."""
        first, inverse = self.distinct(names)
        key = tuple(names)
        found = self._combinations.get(key)
        if found is None:
            found = self._combinations[key] = self.keys(names, first)
        return found, inverse

    def keys(self, names: Sequence[str], rows: Codes) -> list[tuple[Any, ...]]:
        """The values of those variables in those rows."""
        if not names:
            return [()] * len(rows)
        columns = []
        for name in names:
            codes, values = self.column(name)
            columns.append([values[one] for one in codes[rows].tolist()])
        return list(zip(*columns, strict=True))


class _Some(Columns):
    """Some of the rows of others."""

    def __init__(self, whole: Columns, rows: Codes) -> None:
        super().__init__(pl.DataFrame())
        self.height = len(rows)
        self.names = whole.names
        self._whole = whole
        self._rows = rows

    def _made(self, name: str) -> Column:
        if name[:1] == "?":
            return super()._made(name)
        codes, values = self._whole.column(name)
        return codes[self._rows], values


def _coded(series: pl.Series) -> Column:
    nulls = series.null_count()
    if nulls == len(series):
        return np.zeros(len(series), dtype=np.int64), [None]
    if series.dtype == pl.Float64:
        return coded_numbers(series.to_numpy())
    if not nulls and series[0] == series[-1] and (series == series[0]).all():
        return np.zeros(len(series), dtype=np.int64), [series[0]]
    cells = series.to_list()
    places = {one: at for at, one in enumerate(dict.fromkeys(cells))}
    if len(places) == 1:
        return np.zeros(len(cells), dtype=np.int64), list(places)
    return np.fromiter(map(places.__getitem__, cells), dtype=np.int64, count=len(cells)), list(places)


def coded_numbers(numbers: Numbers) -> Column:
    """A column of numbers; NaN is null. Raises UnfitError for -0.0."""
    found = _counted(numbers)
    if found is not None:
        return found
    bits, codes = np.unique(numbers.view(np.int64), return_inverse=True)
    values = bits.view(np.float64).tolist()
    if "-0.0" in map(repr, values):
        raise UnfitError("-0.0 equals 0.0 and is written otherwise")
    return codes.astype(np.int64), [None if one != one else one for one in values]  # noqa: PLR0124 - NaN is null


def _counted(numbers: Numbers) -> Column | None:
    """A column of numbers of which most are whole and near to one another (days, --SEQ): without sorting; else None."""
    null = np.isnan(numbers)
    known = np.where(null, 0.0, numbers)
    lowest, highest = float(known.min()), float(known.max())
    if highest - lowest > NEAR or max(abs(lowest), abs(highest)) > MANY:
        return None
    whole = known.astype(np.int64)
    if (whole != known).any() or (np.signbit(known) & (whole == 0)).any():
        return None
    start, size = int(lowest), int(highest - lowest) + 2
    places = np.where(null, size - 1, whole - start)
    there = np.zeros(size, dtype=bool)
    there[places] = True
    numbers_there = np.flatnonzero(there)
    values: list[Any] = [None if one == size - 1 else float(start + one) for one in numbers_there.tolist()]
    return (np.cumsum(there) - 1)[places], values


def distinct(columns: Iterable[Column], height: int) -> tuple[Codes, Codes]:
    """As `Columns.distinct`, of any columns."""
    joint: Codes | None = None
    size = 1
    for codes, values in columns:
        if len(values) == 1:
            continue
        if size * len(values) > MANY and joint is not None:
            _, joint = np.unique(joint, return_inverse=True)
            size = int(joint.max()) + 1
        joint = codes if joint is None else joint * len(values) + codes
        size *= len(values)
    if joint is None:
        return np.zeros(1 if height else 0, dtype=np.int64), np.zeros(height, dtype=np.int64)
    if size > 8 * height + 1024:
        _, first, inverse = np.unique(joint, return_index=True, return_inverse=True)
    else:
        place = np.full(size, -1, dtype=np.int64)
        place[joint[::-1]] = np.arange(height - 1, -1, -1)
        there = np.flatnonzero(place >= 0)
        first = place[there]
        place[there] = np.arange(len(there))
        inverse = place[joint]
    if len(first) < 2 or bool((first[1:] > first[:-1]).all()):
        return first.astype(np.int64), inverse
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order].astype(np.int64), rank[inverse]


class Traced:
    """A row that notes which variables it is asked for. What is in `holes` answers with a mark that stands for the cell."""

    __slots__ = ("_at", "_columns", "_holes", "asked")

    def __init__(self, columns: Columns, at: int, holes: dict[str, Any]) -> None:
        self._columns = columns
        self._at = at
        self._holes = holes
        self.asked: list[str] = []

    def get(self, name: str, default: Any = None) -> Any:
        """As a dict's."""
        columns = self._columns
        if self._holes and name in self._holes:
            self.asked.append(f"!{name}")
            return self._holes[name] if columns.value(f"!{name}", self._at) else default
        self.asked.append(name)
        codes, values = columns.known.get(name) or columns.column(name)
        found = values[codes.item(self._at)]
        return default if found is None else found

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None


class Memo(Generic[Entry]):
    """What a function made of each distinct combination of the variables it asked for.

    `run(row, at)` gives an entry and says whether it hangs on the subjects at hand (then it is forgotten with them).
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: list[str] = list(names)
        self._known: dict[tuple[Any, ...], Entry] = {}
        self.lasting = True
        """Whether nothing that is kept hangs on the subjects at hand."""

    def of(
        self, columns: Columns, run: Callable[[int], tuple[Entry, list[str], bool]]
    ) -> tuple[Codes, Codes, list[Entry]]:
        """Of each entry the first row that has it; of each row which entry it has; and the entries."""
        while True:
            first, inverse = columns.distinct(self.names)
            found = self._entries(columns, first, run)
            if found is not None:
                return first, inverse, found

    def _entries(
        self, columns: Columns, first: Codes, run: Callable[[int], tuple[Entry, list[str], bool]]
    ) -> list[Entry] | None:
        known = self._known
        entries = []
        for key, at in zip(columns.keys(self.names, first), first.tolist(), strict=True):
            entry = known.get(key)
            if entry is None:
                entry, asked, passing = run(at)
                if passing:
                    self.lasting = False
                wider = [one for one in dict.fromkeys(asked) if one not in self.names]
                if wider:
                    self.names += wider
                    known.clear()
                    return None
                known[key] = entry
            entries.append(entry)
        return entries

    def __len__(self) -> int:
        return len(self._known)

    def passes(self) -> None:
        """What is kept hangs on the subjects at hand after all."""
        self.lasting = False

    def forget(self, most: int) -> None:
        """Let go of what hangs on the subjects at hand, and of all where there is more than that."""
        if not self.lasting or len(self._known) > most:
            self.clear()

    def clear(self) -> None:
        """Let go of all that is kept."""
        self._known.clear()
        self.lasting = True
