"""What the elements themselves say of a row: the compiled reading, then what is derived, each value settled in turn.

Both directions walk the same way: SDTM to FHIR settles each native value against the source row and carries what
differs; FHIR to SDTM settles it against what the resource carries. So what one writes the other undoes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbridge.converters.compile import Compiled
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Resource, Row

Settle = Callable[[str, Any, bool], Any]
"""`settle(variable, native, derived) -> final`."""


def walk(
    compiled: Compiled,
    primary: Resource,
    each: Resource | None,
    ctx: Context,
    columns: frozenset[str] | None,
    others: Iterable[str],
    settle: Settle,
) -> tuple[Row, tuple[Resource | None, ...]]:
    """The final row of a record, and its parts.

    `columns` are the variables the dataset has (None: any may be derived); `others` are variables to settle although
    the elements say nothing of them.
    """
    row, parts = compiled.read(primary, each, ctx)
    mapping = compiled.mapping
    row["DOMAIN"] = mapping.domain
    derivable = {one.variable for one in mapping.derived}
    given = set(row)
    for variable in [*row, *(one for one in others if one not in given)]:
        if variable in given or variable not in derivable:
            _set(row, variable, settle(variable, row.get(variable), False))  # noqa: FBT003 - named by Settle
    for one in mapping.derived:
        if one.variable not in given and (columns is None or one.variable in columns):
            _set(row, one.variable, settle(one.variable, one.how(row, ctx), True))  # noqa: FBT003 - named by Settle
    return row, parts


def _set(row: Row, variable: str, value: Any) -> None:
    if value is None:
        row.pop(variable, None)
    else:
        row[variable] = value
