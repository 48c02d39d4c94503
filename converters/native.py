"""What the elements themselves say of a row: the compiled reading, then what is derived, each value settled in turn.

Both directions walk the same way: SDTM to FHIR settles each native value against the source row and carries what
differs; FHIR to SDTM settles it against what the resource carries. So what one writes the other undoes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
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
    others: Collection[str],
    settle: Settle,
    *,
    only_others: bool = False,
) -> tuple[Row, tuple[Resource | None, ...]]:
    """The final row of a record, and its parts.

    `columns` are the variables the dataset has (None: any may be derived); `others` are variables to settle although
    the elements say nothing of them. With `only_others` nothing else is settled, save qualifiers (`SUPP.…`): for a
    caller who takes what the elements say of all the rest.
    """
    row, parts = compiled.read(primary, each, ctx)
    row["DOMAIN"] = compiled.mapping.domain
    derivable = compiled.derivable
    given = frozenset(row)
    if only_others:
        asked = [one for one in row if one.startswith("SUPP.") and one not in others] if compiled.qualified else []
        asked.extend(others)
    else:
        asked = [*row, *(one for one in others if one not in given)]
    for variable in asked:
        if variable in given or variable not in derivable:
            _set(row, variable, settle(variable, row.get(variable), False))  # noqa: FBT003 - named by Settle
    for one in compiled.mapping.derived:
        variable = one.variable
        if variable not in given and (columns is None or variable in columns):
            value = one.how(row, ctx)
            if not only_others or variable in others or variable.startswith("SUPP."):
                value = settle(variable, value, True)  # noqa: FBT003 - named by Settle
            if value is not None:
                row[variable] = value
            elif variable in row:
                del row[variable]
    return row, parts


def _set(row: Row, variable: str, value: Any) -> None:
    if value is None:
        row.pop(variable, None)
    else:
        row[variable] = value
