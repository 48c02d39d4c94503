"""What is derived, compared with the rows: the derivation for each combination it asks for, the comparison for each pair.

A study day hangs on the subject and the date; whether it is carried hangs on the day derived and the day in the row
alone. So the derivation runs for many combinations and does little, and the comparison for few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.by_element_rows import distinct
from trialbridge.converters.by_element_said import NOTHING, OTHER, Late, Said, interned
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.converters.by_element_plan import Plan
    from trialbridge.converters.by_element_rows import Codes, Column, Columns
    from trialbridge.converters.by_element_said import Asking
    from trialbridge.converters.context import Context

_FAILED = object()
_UNASKED = Said(NOTHING, 0)
"""Of rows of which the elements say the variable."""


def derive(plan: Plan, turn: int, columns: Columns, asking: Asking, url: str) -> tuple[Codes, list[Said]] | None:
    """Of each row what came of one derivation; None where the elements say the variable of every row."""
    one = plan.reader.derived[turn]
    said: Column | None = None
    if one.variable in plan.said:
        said = columns.column(f"?{one.variable}")
        if said[0].all():
            return None
    late = plan.late[turn]
    if one.of is not None and late.isdisjoint(one.of[0]):
        return _compared(plan, turn, columns, _of_cells(one.of, columns, asking.context), said, url)

    def run(at: int) -> tuple[Any, list[str], bool]:
        row = Late(columns, at, late, plan.said)
        asking.asked = False
        try:
            return one.how(row, asking), row.asked, asking.asked  # type: ignore[arg-type]  # a row or context that is watched
        except Exception:  # noqa: BLE001 - the row's own functions will say what it is
            return _FAILED, row.asked, asking.asked

    _, codes, entries = plan.derived[turn].of(columns, run)
    return _compared(plan, turn, columns, _coded(codes, entries), said, url)


def _of_cells(of: tuple[tuple[str, ...], Callable[..., Any]], columns: Columns, ctx: Context) -> Column:
    """What a derivation gives that says on which cells it hangs: it is asked once for each combination."""
    names, function = of
    first, inverse = columns.distinct(names)
    try:
        found = [function(*cells, ctx) for cells in columns.keys(names, first)]
    except Exception:  # noqa: BLE001 - as below
        return np.zeros(len(inverse), dtype=np.int64), [_FAILED]
    return _coded(inverse, found)


def _coded(codes: Codes, entries: list[Any]) -> Column:
    """Values, each once: 0.0 and -0.0 are equal and differ in their hash."""
    keys = [(one.__class__, one) if one else repr(one) for one in entries]
    places = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    values: list[Any] = [None] * len(places)
    of = [places[key] for key in keys]
    for at, one in zip(of, entries, strict=True):
        values[at] = one
    return np.array(of, dtype=np.int64)[codes], values


def _compared(
    plan: Plan, turn: int, columns: Columns, natives: Column, said: Column | None, url: str
) -> tuple[Codes, list[Said]]:
    variable = plan.reader.derived[turn].variable
    known = plan.compared[turn]
    finals = columns.column(variable)
    first, inverse = distinct([natives, finals, *([said] if said is not None else [])], columns.height)
    asked = [True] * len(first) if said is None else [not one for one in said[0][first].tolist()]
    pairs = zip(asked, natives[0][first].tolist(), finals[0][first].tolist(), strict=True)
    entries = []
    for wanted, here, there in pairs:
        native, final = natives[1][here], finals[1][there]
        if not wanted:
            entries.append(_UNASKED)
            continue
        key = (native.__class__, native or repr(native), final)
        entry = known.get(key)
        if entry is None:
            entry = known[key] = _settled(variable, native, final, url)
        entries.append(entry)
    return inverse, entries


def _settled(variable: str, native: Any, final: Any, url: str) -> Said:
    told = Said(NOTHING, 0, fit=native is not _FAILED)
    if told.fit:
        reason, carry = whole.settled(variable, native, final, None, url, derived=True)
        told.counts = interned(((variable, reason),)) if reason is not None else ()
        told.carried = ((variable, OTHER, encode(carry)),) if carry is not None else ()
    return told
