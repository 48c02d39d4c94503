"""The rows of one mapping as columns: read, settled against what is carried, derived; as `native.walk` has it for one row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.carry import Qualifier, hash_of
from trialbridge.converters.columnar.columns import Column, combinations, compressed, constant, first_given
from trialbridge.converters.columnar.lists import is_record
from trialbridge.converters.columnar.members import CARRIED, NotPlainError
from trialbridge.converters.columnar.plans import STEP
from trialbridge.converters.columnar.traced import Traced
from trialbridge.converters.records import Record
from trialbridge.converters.sound import SHAPE
from trialbridge.mappings.qualifiers import DEFAULTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trialbridge.converters.carry import Carried
    from trialbridge.converters.columnar.members import Element, Slot
    from trialbridge.converters.columnar.plans import Plan, Table
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Derived, Row


@dataclass(slots=True)
class Rows:
    """The rows of a mapping: their places in the shard, columns by variable, qualifiers by `SUPP.<QNAM>`."""

    dataset: str
    places: NDArray[np.int64]
    columns: dict[str, Column] = field(default_factory=dict)
    qualifiers: dict[str, Column] = field(default_factory=dict)
    stale: list[tuple[int, str]] = field(default_factory=list)
    """Place and variable of what was carried and is out of date."""

    def parts(self, plan: Plan, table: Table) -> list[dict[str, Any]]:
        """The parts of each row by name, as far as its elements lead to one."""
        found: list[dict[str, Any]] = [{} for _ in self.places]
        for _, element in plan.elements:
            for one, number in zip(found, table.numbers[id(element)].tolist(), strict=True):
                one.update(element.parts[number])
        return found

    def changed(self, before: list[Row], after: list[Row]) -> None:
        """Take in what was changed in the rows one by one."""
        names = {name for one, other in zip(before, after, strict=True) if one != other for name in {*one, *other}}
        for name in names:
            values = [one.get(name) for one in after]
            self.columns[name] = Column(np.arange(len(values)), values)

    def without(self, rows: NDArray[np.bool_]) -> None:
        """Leave some rows out."""
        kept = np.flatnonzero(~rows)
        self.places = self.places[kept]
        self.columns = {name: one.at(kept) for name, one in self.columns.items()}
        self.qualifiers = {name: one.at(kept) for name, one in self.qualifiers.items()}

    def placed(self) -> list[tuple[int, Record]]:
        """The rows one by one, with their places."""
        return list(zip(self.places.tolist(), self.records(), strict=True))

    def records(self) -> list[Record]:
        """The rows one by one."""
        cells = {name: one.cells() for name, one in self.columns.items()}
        found = [
            Record(self.dataset, 0, {name: value for name, value in zip(cells, row, strict=True) if value is not None})
            for row in zip(*cells.values(), strict=True)
        ]
        for column in self.qualifiers.values():
            for record, one in zip(found, column.cells(), strict=True):
                if one is not None:
                    record.qualifiers[one.name] = one
        return found


def rows_of(
    plan: Plan,
    table: Table,
    ctx: Context,
    columns: frozenset[str] | None,
    known: dict[Any, Any] | None = None,
) -> Rows:
    """The rows that a plan has taken, as its table has them. NotPlainError where only reading one by one tells what is wrong.

    `known` remembers values derived alike in several mappings, once all that they hang on is read.
    """
    found = Rows(plan.dataset, table.places)
    try:
        _Walk(plan, table, ctx, columns, found, {} if known is None else known).walk()
    except SHAPE as error:
        raise NotPlainError from error
    return found


class _Walk:
    """One walk over the rows of a plan."""

    def __init__(
        self,
        plan: Plan,
        table: Table,
        ctx: Context,
        columns: frozenset[str] | None,
        found: Rows,
        known: dict[Any, Any],
    ) -> None:
        self.plan = plan
        self.ctx = ctx
        self.wanted = columns
        self.known = known
        self.found = found
        self.height = len(table.places)
        self.sequences = Column(np.arange(self.height), table.sequences)
        self.table = table
        self.codes: dict[int, tuple[NDArray[np.int64], list[int]]] = {}
        carrier = plan.root.elements[CARRIED]
        home, used = self._texts(carrier)
        self.kept = Column(home, [carrier.kept[one] for one in used])
        self.names = {name for one in self.kept.values for name in one}

    def walk(self) -> None:
        columns = self.found.columns
        for reading in self.plan.readings:
            read_column = self._read(reading.slots)
            if read_column is not None:
                columns[reading.variable] = read_column
        columns["DOMAIN"] = constant(self.plan.mapping.domain, self.height)
        derivable = {one.variable for one in self.plan.mapping.derived}
        given = {name: one.given for name, one in columns.items()}
        nothing = np.zeros(self.height, bool)
        for name in [*self.names, *(one for one in columns if one.startswith("SUPP.") and one not in self.names)]:
            rows = read = given.get(name, nothing)
            if name in self.names:
                rows = self._keeps(name) & (read if name in derivable else True)
                rows = rows | read if name.startswith("SUPP.") else rows
            self._settle(name, rows)
        for derived in self.plan.mapping.derived:
            if self.wanted is None or derived.variable in self.wanted:
                self._derive(derived, ~given.get(derived.variable, nothing))
        for name in [name for name, column in columns.items() if column.empty]:
            del columns[name]

    def _read(self, slots: tuple[Slot, ...]) -> Column | None:
        found = [one for one in map(self._slot, slots) if not one.empty]
        return first_given(found) if found else None

    def _texts(self, element: Element) -> tuple[NDArray[np.int64], list[int]]:
        """The texts of an element that occur, and which of them each row has."""
        found = self.codes.get(id(element))
        if found is None:
            used, codes = compressed(self.table.numbers[id(element)], len(element.texts))
            found = self.codes[id(element)] = (codes, used.tolist())
        return found

    def _slot(self, slot: Slot) -> Column:
        if is_record(slot, self.plan.above.base):
            return self.sequences
        element = self.plan.root_of(slot).element_of(slot)
        codes, used = self._texts(element)
        cells = element.cells[element.places[slot.signature]]
        return Column(codes, [cells[one] for one in used])

    # --- what is carried --------------------------------------------------------------------------------------------

    def _keeps(self, name: str) -> NDArray[np.bool_]:
        there: NDArray[np.bool_] = np.array([name in one for one in self.kept.values], bool)[self.kept.codes]
        return there

    def _settle(self, name: str, rows: NDArray[np.bool_]) -> None:
        """Settle a variable in some rows: the carried value where the elements still say what they said."""
        at = np.flatnonzero(rows)
        if not len(at):
            return
        column = self.found.columns.get(name) or constant(None, self.height)
        native, kept = column.at(at), self.kept.at(at)
        found = combinations((native, kept), len(at))
        values: list[Any] = []
        qualifiers: list[Qualifier | None] = []
        for number, (value, carried) in enumerate(zip(found.of(native), found.of(kept), strict=True)):
            one: Carried | None = carried.get(name)
            qualifier = None
            if one is not None and one.native_hash == hash_of(value):
                value, qualifier = one.value, one.qualifier  # noqa: PLW2901 - settled
            elif one is not None:
                self.found.stale += [
                    (int(place) // STEP * STEP, name) for place in self.found.places[at[found.codes == number]]
                ]
            if qualifier is None and value is not None and name.startswith("SUPP."):
                short = name.removeprefix("SUPP.")
                qualifier = Qualifier(short, value, *DEFAULTS.get(short, ()))
            values.append(value)
            qualifiers.append(qualifier if value is not None else None)
        self.found.columns[name] = column.with_cells(at, found.codes, values)
        if name.startswith("SUPP."):
            known = self.found.qualifiers.get(name) or constant(None, self.height)
            self.found.qualifiers[name] = known.with_cells(at, found.codes, qualifiers)

    # --- what is derived --------------------------------------------------------------------------------------------

    def _derive(self, one: Derived, rows: NDArray[np.bool_]) -> None:
        at = np.flatnonzero(rows)
        if not len(at):
            return
        column = self.found.columns.get(one.variable) or constant(None, self.height)
        codes, values = self._computed(one, at)
        self.found.columns[one.variable] = column.with_cells(at, codes, values)
        if one.variable.startswith("SUPP."):
            self._settle(one.variable, rows)
        elif one.variable in self.names:
            self._settle(one.variable, rows & self._keeps(one.variable))

    def _computed(self, one: Derived, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[Any]]:
        """A derived variable in some rows: asked once for each combination of what it asks for."""
        asked = self.plan.asked.setdefault(one.variable, list(one.alike[1:]))
        known_values = self.known if one.alike else {}
        how = one.how
        while True:
            known = [(name, self.found.columns[name].at(at)) for name in asked if name in self.found.columns]
            found = combinations([column for _, column in known], len(at))
            names = [name for name, _ in known]
            # what is alike is known by the values of its own variables, each in its place
            same = one.alike[:1] if names == list(one.alike[1:]) else (self.plan, one.variable)
            cells = [found.of(column) for _, column in known]
            seen: set[str] = set()
            values = []
            for row in zip(*cells, strict=True) if cells else [()] * len(found.first):
                key = (same, row)
                if key in known_values:
                    values.append(known_values[key])
                    continue
                given = {name: value for name, value in zip(names, row, strict=True) if value is not None}
                value = known_values[key] = how(Traced(given, seen), self.ctx)
                values.append(value)
            if seen <= set(asked):
                return found.codes, values
            asked += sorted(seen - set(asked))
