"""What a mapping does after writing, of rows that are made by elements: row by row, or for all rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.converters.by_element.rows import Traced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.by_element.part import Rows
    from trialbridge.converters.by_element.rows import Columns
    from trialbridge.converters.context import Context

_NOT_HERE = object()


def at_once(
    parts: Iterable[Rows], columns: Columns, how: tuple[tuple[str, ...], str | None, Any], ctx: Context
) -> None:
    """Do it for all rows of a dataset, as `by_element.plan.AT_ONCE` says how."""
    names, of, function = how
    ids: list[Any] = [_NOT_HERE] * columns.height
    for part in parts:
        for row, one, fit in zip(part.rows.tolist(), _ids(part, of), part.fit.tolist(), strict=True):
            if fit:
                ids[row] = one
    cells = (columns.cells(name) for name in names)
    function((one for one in zip(*cells, ids, strict=True) if one[-1] is not _NOT_HERE), ctx)


def _ids(part: Rows, of: str | None) -> list[Any]:
    """The ids of the rows' resources, or of the parts that are called so."""
    if of is None:
        return list(part.ids)
    for one in part.linked:
        if one.name == of:
            return list(one.of_rows)
    found: list[Any] = [None] * len(part.ids)
    for codes, entries in part.with_parts():
        ids = [one.parts[of]["id"] if of in one.parts else None for one in entries]
        found = [ids[code] or before for code, before in zip(codes, found, strict=True)]
    return found


def hook(part: Rows, at: int, ctx: Context) -> None:
    """Do it for one row; a row that is in a borrowed resource's list takes its place there."""
    mapping, listed = part.plan.mapping, part.plan.listed
    row = Traced(part.columns, at, {})
    if part.plan.borrowed and listed:
        whose, _ = ctx.share(mapping.resource, tuple(row.get(one) for one in mapping.key), {})
        its = whose.setdefault(listed[0], [])
        part.lists[at] = its, len(its)
        its.append(None)
        named = {mapping.resource: whose}
    else:
        named = {mapping.resource: {"resourceType": mapping.resource, "id": part.ids[at]}}
        for codes, entries in part.with_parts():
            named.update(entries[codes[at]].parts)
        for one in part.linked:
            if one.of_rows[at] is not None:
                named[one.name] = {"resourceType": one.kind, "id": one.of_rows[at]}
    if mapping.after_write is not None:
        mapping.after_write(row, named, ctx)  # type: ignore[arg-type]  # a row that is watched
