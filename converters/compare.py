"""What differs between two studies, cell by cell, or between two sets of FHIR resources, element by element.

Written apart from the conversion on purpose: it judges it, so it shares none of its code. Records are matched by the
natural keys of their dataset (`sdtm.metadata.keys`), resources by `Type/id`; several of one key are matched where they
are identical first, then in their order. Numbers are compared exactly, FHIR's decimals digit by digit (23.50 is not
23.5: FHIR R4 2.24.0.1). The order of rows, columns, datasets and JSON members is no difference; row and column order
is noted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Where
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from trialbridge.sdtm.table import Study, Table

Kind = Literal["dataset", "column", "type", "row", "cell", "resource", "element"]
Side = Literal["A", "B"]
Resource = dict[str, Any]
_LACKING: tuple[Side, Side] = ("B", "A")  # the side that lacks what A has, and what B has


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between A and B.

    `missing` names the side that lacks the dataset, column, row, resource or element; where it is None both have a
    value, `a` and `b`. `key` tells the record apart; `row` in `where` is A's row (B's where A lacks it), from 1.
    """

    kind: Kind
    where: Where
    a: Any = None
    b: Any = None
    missing: Side | None = None
    key: tuple[tuple[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; decimals as text, so that no digit is lost."""
        place = {name: getattr(self.where, name) for name in ("dataset", "row", "variable", "resource", "path")}
        known = {name: value for name, value in place.items() if value is not None}
        values = {"missing": self.missing} if self.missing else {}
        return {"kind": self.kind, **known, "key": dict(self.key), **values, "a": _plain(self.a), "b": _plain(self.b)}


@dataclass(frozen=True, slots=True)
class Place:
    """A dataset or resource type: records on each side, records matched, cells or elements compared and different."""

    name: str
    in_a: int
    in_b: int
    matched: int
    compared: int
    different: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome: `unit` is cell or element; `notes` tell of order; equal where there is no difference."""

    unit: Literal["cell", "element"]
    places: tuple[Place, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether A and B are the same."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        places = {
            one.name: {
                "a": one.in_a,
                "b": one.in_b,
                "matched": one.matched,
                "compared": one.compared,
                "different": one.different,
            }
            for one in self.places
        }
        return {
            "equal": self.equal,
            "unit": self.unit,
            "places": places,
            "notes": list(self.notes),
            "differences": [one.as_dict() for one in self.differences],
        }


@dataclass(slots=True)
class _Found:
    """What a comparison collects."""

    places: list[Place] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    rows_moved: list[str] = field(default_factory=list)
    columns_moved: list[str] = field(default_factory=list)

    def result(self, unit: Literal["cell", "element"]) -> Comparison:
        """Closed."""
        moved = (("rows", self.rows_moved), ("columns", self.columns_moved))
        notes = tuple(f"The {what} stand in another order in {', '.join(names)}." for what, names in moved if names)
        return Comparison(unit, tuple(self.places), tuple(self.differences), notes)


# --- studies ----------------------------------------------------------------------------------------------------------


def compare_studies(a: Study, b: Study) -> Comparison:
    """Two studies cell by cell: datasets, columns, types and rows that are missing, and cells that differ.

    A column that is Char in one and Num in the other is one difference (none where both are empty); its cells are then
    compared as numbers.
    Labels and lengths are not compared (CSV has none).
    """
    found = _Found()
    for name in dict.fromkeys([*a.tables, *b.tables]):
        if name in a and name in b:
            _compare_tables(a[name], b[name], found)
        else:
            side: Side = "B" if name in a else "A"
            height = (a if name in a else b)[name].frame.height
            found.places.append(Place(name, height if side == "B" else 0, height if side == "A" else 0, 0, 0, 0))
            found.differences.append(Difference("dataset", Where(dataset=name), missing=side))
    return found.result("cell")


def _compare_tables(a: Table, b: Table, found: _Found) -> None:
    name = a.name
    shared = [column for column in a.frame.columns if column in b.frame.columns]
    for side, table, other in zip(_LACKING, (a, b), (b, a), strict=True):
        found.differences.extend(
            Difference("column", Where(dataset=name, variable=column), missing=side)
            for column in table.frame.columns
            if column not in other.frame.columns
        )
    if shared != [column for column in b.frame.columns if column in a.frame.columns]:
        found.columns_moved.append(name)
    for column in shared:
        kinds = a.variable(column).type, b.variable(column).type
        empty = a.frame[column].null_count() == a.frame.height and b.frame[column].null_count() == b.frame.height
        if kinds[0] != kinds[1] and not empty:  # of a column without a value CSV and others know no type
            found.differences.append(Difference("type", Where(dataset=name, variable=column), *kinds))
    left, right = a.frame.select(shared), b.frame.select(shared)
    if left.equals(right):
        height = left.height
        found.places.append(Place(name, a.frame.height, b.frame.height, height, height * len(shared), 0))
        return
    keys = [column for column in _keys(name) if column in shared]
    key_of = _key_reader(left, keys), _key_reader(right, keys)
    pairs, only_a, only_b = _pairs(*key_of, lambda one, other: left.row(one) == right.row(other))
    for side, rows, reader in zip(_LACKING, (only_a, only_b), key_of, strict=True):
        found.differences.extend(
            Difference(
                "row",
                Where(dataset=name, row=row + 1),
                missing=side,
                key=tuple(zip(keys, reader[row], strict=False)),
            )
            for row in rows
        )
    cells = list(_cells(name, left, right, pairs, keys))
    found.differences.extend(cells)
    if any(one[1] > other[1] for one, other in pairwise(pairs)):
        found.rows_moved.append(name)
    found.places.append(
        Place(name, a.frame.height, b.frame.height, len(pairs), len(pairs) * len(shared), len(cells)),
    )


def _keys(dataset: str) -> tuple[str, ...]:
    """The key variables of a dataset; none where the guide does not say."""
    try:
        return metadata.keys(dataset)
    except UnknownNameError:
        return ()


def _key_reader(frame: pl.DataFrame, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    """The key of each row, numbers as text so that a Char and a Num column can meet; without keys the row's place."""
    if not keys:
        return [(place,) for place in range(1, frame.height + 1)]
    return [tuple(_key_text(value) for value in row) for row in frame.select(keys).iter_rows()]


def _key_text(value: Any) -> Any:
    return repr(value).removesuffix(".0") if isinstance(value, float) else value


def _pairs(
    keys_a: Sequence[Any], keys_b: Sequence[Any], same: Callable[[int, int], bool]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Places matched, in A's order, and those left over on each side."""
    waiting: dict[Any, list[int]] = {}
    for place, key in enumerate(keys_b):
        waiting.setdefault(key, []).append(place)
    mine: dict[Any, list[int]] = {}
    for place, key in enumerate(keys_a):
        mine.setdefault(key, []).append(place)
    pairs: list[tuple[int, int]] = []
    only_a: list[int] = []
    for key, places in mine.items():
        others = waiting.pop(key, [])
        if len(places) > 1 or len(others) > 1:
            rest, others = _identical(places, others, same, pairs)
        else:
            rest = places
        pairs.extend(zip(rest, others, strict=False))
        only_a.extend(rest[len(others) :])
        if len(others) > len(rest):
            waiting[key] = others[len(rest) :]
    return sorted(pairs), sorted(only_a), sorted(place for places in waiting.values() for place in places)


def _identical(
    places: list[int], others: list[int], same: Callable[[int, int], bool], pairs: list[tuple[int, int]]
) -> tuple[list[int], list[int]]:
    """Of records that share a key, match the identical ones; the rest of both is given back."""
    rest: list[int] = []
    left = list(others)
    for place in places:
        twin = next((other for other in left if same(place, other)), None)
        if twin is None:
            rest.append(place)
        else:
            left.remove(twin)
            pairs.append((place, twin))
    return rest, left


def _cells(
    name: str, a: pl.DataFrame, b: pl.DataFrame, pairs: Sequence[tuple[int, int]], keys: Sequence[str]
) -> Iterator[Difference]:
    """The cells that differ, by row, then column."""
    left, right = a[[one for one, _ in pairs]], b[[other for _, other in pairs]]
    different: list[tuple[int, int]] = []
    for at, column in enumerate(a.columns):
        one, other = left[column], right[column]
        if one.dtype == other.dtype:
            places: Iterable[int] = one.ne_missing(other).arg_true().to_list()
        else:
            both = enumerate(zip(one.to_list(), other.to_list(), strict=True))
            places = [place for place, (value, twin) in both if not _same_number(value, twin)]
        different.extend((place, at) for place in places)
    for place, at in sorted(different):
        column = a.columns[at]
        key = tuple((variable, left[variable][place]) for variable in keys)
        where = Where(dataset=name, row=pairs[place][0] + 1, variable=column)
        yield Difference("cell", where, left[column][place], right[column][place], key=key)


def _same_number(one: Any, other: Any) -> bool:
    """Whether a text and a number are the same number; both missing are the same too."""
    if one is None or other is None:
        return one is other
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


# --- resources --------------------------------------------------------------------------------------------------------

_MISSING: Any = object()


def compare_resources(a: Iterable[Resource], b: Iterable[Resource]) -> Comparison:
    """Two sets of resources element by element; those without an id are matched within their type.

    Elements of a list are compared place by place. Paths are FHIRPath with JSON's names of elements.
    """
    left, right = list(a), list(b)
    pairs, only_a, only_b = _pairs(
        [_name(one) for one in left],
        [_name(one) for one in right],
        lambda one, other: _frozen(left[one]) == _frozen(right[other]),
    )
    found = _Found()
    counts: dict[str, list[int]] = {}
    for at, given in enumerate((left, right)):
        for resource in given:
            counts.setdefault(_type(resource), [0, 0, 0, 0, 0])[at] += 1
    for side, places, resources in zip(_LACKING, (only_a, only_b), (left, right), strict=True):
        found.differences.extend(
            Difference("resource", Where(resource=_name(resources[place])), missing=side) for place in places
        )
    for one, other in pairs:
        count = counts[_type(left[one])]
        count[2] += 1
        count[3] += _leaves(left[one])
        for path, mine, theirs in _walk(left[one], right[other], _type(left[one])):
            count[4] += 1
            missing: Side | None = "A" if mine is _MISSING else "B" if theirs is _MISSING else None
            found.differences.append(
                Difference(
                    "element",
                    Where(resource=_name(left[one]), path=path),
                    None if mine is _MISSING else mine,
                    None if theirs is _MISSING else theirs,
                    missing,
                )
            )
    found.places.extend(Place(name, *of) for name, of in sorted(counts.items()))
    return found.result("element")


def _type(resource: Resource) -> str:
    return str(resource.get("resourceType", "?"))


def _name(resource: Resource) -> str:
    """`Type/id`, or the type alone."""
    return f"{_type(resource)}/{resource['id']}" if "id" in resource else _type(resource)


def _walk(a: Any, b: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Path, A's value, B's value of everything that differs."""
    if isinstance(a, dict) and isinstance(b, dict):
        for name in dict.fromkeys([*a, *b]):
            yield from _walk(a.get(name, _MISSING), b.get(name, _MISSING), f"{path}.{name}")
    elif isinstance(a, list) and isinstance(b, list):
        for at in range(max(len(a), len(b))):
            mine = a[at] if at < len(a) else _MISSING
            theirs = b[at] if at < len(b) else _MISSING
            yield from _walk(mine, theirs, f"{path}[{at}]")
    elif _frozen(a) != _frozen(b):
        yield path, a, b


def _frozen(value: Any) -> Any:
    """A value as something that is equal exactly where FHIR says so: numbers by sign, digits and exponent."""
    if isinstance(value, dict):
        return frozenset((name, _frozen(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return ("list", *(_frozen(inner) for inner in value))
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, int | float | Decimal):
        return ("number", Decimal(repr(value) if isinstance(value, float) else value).as_tuple())
    return value


def _leaves(value: Any) -> int:
    """How many primitives a value holds."""
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


def _plain(value: Any) -> Any:
    """A value as JSON."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
