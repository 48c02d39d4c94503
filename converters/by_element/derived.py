"""What is derived, compared with the rows: the derivation for each combination it asks for, the comparison for each pair.

A study day hangs on the subject and the date; whether it is carried hangs on the day derived and the day in the row
alone. So the derivation runs for many combinations and does little, and the comparison for few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.by_element.rows import coded_numbers, distinct
from trialbridge.converters.by_element.said import NOTHING, OTHER, Late, Said, interned
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from trialbridge.converters.by_element.plan import Plan
    from trialbridge.converters.by_element.rows import Codes, Column, Columns
    from trialbridge.converters.by_element.said import Asking
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Derived, Numbers

_FAILED = object()
_UNASKED = Said(NOTHING, 0)
"""Of rows of which the elements say the variable, and where neither has anything."""


def derive(
    plan: Plan, turn: int, columns: Columns, asking: Asking, answers: Answers, url: str
) -> tuple[Codes, list[Said]] | None:
    """Of each row what came of one derivation; None where the elements say the variable of every row."""
    one = plan.reader.derived[turn]
    said: Codes | None = None
    if one.variable in plan.said:
        said, _ = columns.column(f"?{one.variable}")
        if said.all():
            return None
    late = plan.late[turn]
    if one.of is not None and late.isdisjoint(one.of[0]):
        return _compared(plan, turn, columns, _of_cells(one, columns, answers, asking.context), said, url)

    def run(at: int) -> tuple[Any, list[str], bool]:
        row = Late(columns, at, late, plan.said)
        asking.asked = False
        try:
            return one.how(row, asking), row.asked, asking.asked  # type: ignore[arg-type]  # a row or context that is watched
        except Exception:  # noqa: BLE001 - the row's own functions will say what it is
            return _FAILED, row.asked, asking.asked

    _, codes, entries = plan.derived[turn].of(columns, run)
    return _compared(plan, turn, columns, _coded(codes, entries), said, url)


class Answers:
    """What derivations that hang on a few cells gave for the subjects at hand: datasets ask for the same dates."""

    def __init__(self) -> None:
        self._known: dict[Any, _Answered] = {}

    def of(self, one: Derived) -> _Answered:
        """Those of a derivation: of all that are called alike, or of it alone."""
        assert one.of is not None
        return self._known.setdefault(one.alike[0] if one.alike else one.of[1], _Answered({}, [], {}))

    def clear(self) -> None:
        """Let go of them all: other subjects, other answers."""
        self._known.clear()


@dataclass(slots=True)
class _Answered:
    """Of each combination of cells the number of its value; the values; the number of each value."""

    codes: dict[tuple[Any, ...], int]
    values: list[Any]
    places: dict[Any, int]

    def code(self, value: Any) -> int:
        """The number of a value."""
        found = self.places.setdefault(_kind(value), len(self.values))
        if found == len(self.values):
            self.values.append(value)
        return found


def _of_cells(one: Derived, columns: Columns, answers: Answers, ctx: Context) -> Column:
    """What a derivation gives that says on which cells it hangs: it is asked once for each combination."""
    assert one.of is not None
    names, function = one.of
    known = answers.of(one)
    if one.numbers is not None:
        return _of_numbers(one.numbers, [columns.column(name) for name in names], ctx)
    keys, inverse = columns.combinations(names)
    codes = list(map(known.codes.get, keys))
    try:
        for at, code in enumerate(codes):
            if code is None:
                codes[at] = known.codes[keys[at]] = known.code(function(*keys[at], ctx))
    except Exception:  # noqa: BLE001 - as below
        return np.zeros(len(inverse), dtype=np.int64), [_FAILED]
    return np.array(codes, dtype=np.int64)[inverse], known.values


def _of_numbers(of: Numbers, cells: list[Column], ctx: Context) -> Column:
    """What a derivation gives that says how a number follows from numbers: of each value once, then of all rows."""
    functions, together = of
    arrays = []
    try:
        for function, (codes, values) in zip(functions, cells, strict=True):
            numbers = [function(one, ctx) for one in values]
            arrays.append(np.array(numbers, dtype=np.float64)[codes])
    except Exception:  # noqa: BLE001 - as below
        return np.zeros(len(cells[0][0]), dtype=np.int64), [_FAILED]
    return coded_numbers(together(*arrays))


def _kind(value: Any) -> Any:
    """What tells values apart: 0.0 and -0.0 are equal and differ in their text, 1.0 equals True."""
    return (value.__class__, value) if value else repr(value)


def _coded(codes: Codes, entries: list[Any]) -> Column:
    """Values, each once."""
    known = _Answered({}, [], {})
    return np.array([known.code(one) for one in entries], dtype=np.int64)[codes], known.values


def _compared(
    plan: Plan, turn: int, columns: Columns, natives: Column, said: Codes | None, url: str
) -> tuple[Codes, list[Said]]:
    """Nearly always the row has what was derived, or neither has anything; other pairs are looked at one by one."""
    variable = plan.reader.derived[turn].variable
    known = plan.compared[turn]
    finals = columns.column(variable)
    places = {one: at for at, one in enumerate(finals[1])}
    equal = np.array([places.get(one, -1) for one in natives[1]], dtype=np.int64)[natives[0]] == finals[0]
    found = (finals[0] != places.get(None, -1)).astype(np.int64)
    entries = [_UNASKED, _told(known, variable, True, True, url)]  # noqa: FBT003 - any value that is equal to itself
    if said is not None:
        equal |= said.astype(bool)
        found[said.astype(bool)] = 0
    if equal.all():
        return found, entries
    rows = np.flatnonzero(~equal)
    first, inverse = distinct([(codes[rows], values) for codes, values in (natives, finals)], len(rows))
    found[rows] = inverse + len(entries)
    pairs = zip(natives[0][rows[first]].tolist(), finals[0][rows[first]].tolist(), strict=True)
    entries += [_told(known, variable, natives[1][here], finals[1][there], url) for here, there in pairs]
    return found, entries


def _told(known: dict[Any, Said], variable: str, native: Any, final: Any, url: str) -> Said:
    """What came of a derived value and the row's, asked once."""
    key = (_kind(native), final)
    entry = known.get(key)
    if entry is None:
        entry = known[key] = _settled(variable, native, final, url)
    return entry


def _settled(variable: str, native: Any, final: Any, url: str) -> Said:
    told = Said(NOTHING, 0, fit=native is not _FAILED)
    if told.fit:
        reason, carry = whole.settled(variable, native, final, None, url, derived=True)
        told.counts = interned(((variable, reason),)) if reason is not None else ()
        told.carried = ((variable, OTHER, encode(carry)),) if carry is not None else ()
    return told
