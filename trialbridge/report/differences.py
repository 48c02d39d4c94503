"""A comparison, readable: what was compared, and each difference on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from rich.console import Console

    from trialbridge.converters.compare import Comparison, Difference


def show(found: Comparison, most: int, console: Console) -> None:
    """Print at most `most` differences (0: all), the notes and the outcome."""
    shown = found.differences[:most] if most else found.differences
    for one in shown:
        console.print(described(one), soft_wrap=True)
    if len(shown) < len(found.differences):
        console.print(f"… and {len(found.differences) - len(shown):,} more (--max 0 lists all)")
    if not found.equal and (places := _places(found)).row_count:
        console.print(places)
    for note in found.notes:
        console.print(f"[dim]note: {escape(note)}[/]", soft_wrap=True)
    compared = sum(one.compared for one in found.places)
    if found.equal:
        console.print(f"[green]equal[/]: {compared:,} {found.unit}s compared, none differs")
    else:
        count = f"{len(found.differences):,} difference{'' if len(found.differences) == 1 else 's'}"
        console.print(f"[red]different[/]: {count}; {compared:,} {found.unit}s compared")


def _places(found: Comparison) -> Table:
    """One line a dataset or resource type that is not the same on both sides."""
    table = Table()
    table.add_column("dataset" if found.unit == "cell" else "resource type")
    for name in ("in A", "in B", "matched", f"{found.unit}s compared", "different"):
        table.add_column(name, justify="right")
    for one in found.places:
        if one.different or not one.in_a == one.in_b == one.matched:
            numbers = (one.in_a, one.in_b, one.matched, one.compared, one.different)
            table.add_row(one.name, *(f"{number:,}" for number in numbers))
    return table


def described(one: Difference) -> str:
    """One difference as a line of markup: where, then A's value and B's."""
    key = " ".join(f"{name}={text(value)}" for name, value in one.key)
    where = one.where
    place = [where.resource, where.path] if where.resource else [where.dataset, where.variable]
    if where.row is not None:
        place.insert(1, f"row {where.row}")
    head = escape(" ".join(part for part in place if part) + (f" [{key}]" if key else ""))
    if one.missing and one.kind != "element":
        return f"{head}: {one.kind} is only in {'A' if one.missing == 'B' else 'B'}"
    mine = "(none)" if one.missing == "A" else escape(text(one.a))
    theirs = "(none)" if one.missing == "B" else escape(text(one.b))
    return f"{head}{': type' if one.kind == 'type' else ':'} [red]{mine}[/] | [green]{theirs}[/]"


def text(value: Any) -> str:
    """A value as a person reads it: text in quotes, a missing cell as (empty), JSON cut after 200 characters."""
    if value is None:
        return "(empty)"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, str):
        return repr(value)
    shown = encode(value).decode()
    return shown if len(shown) <= 200 else shown[:200] + " …"
