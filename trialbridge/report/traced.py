"""The origin of cells, readable: value, element, line, code pair, and what a computed cell was computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from trialbridge.converters.gaps import gap_of
from trialbridge.converters.lineage import cells
from trialbridge.converters.tracing import homes, named
from trialbridge.report.differences import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from trialbridge.converters.gaps import Gap
    from trialbridge.converters.origins import Cell, Lineage

_COLOURS = {"READ": "green", "DERIVED": "cyan", "CARRIED": "yellow", "ASSIGNED": "magenta"}
_TO_FHIR = {
    "READ": "written by its line",
    "DERIVED": "not written: computed again on the way back",
    "CARRIED": "carried along: no element can say it",
    "ASSIGNED": "not written: given again on the way back",
}


def show(of: Lineage, found: Iterable[Cell], console: Console, *, to_fhir: bool = False) -> None:
    """Print the cells."""
    places = {name: item for item in of.held.items if (name := named(item.resource, of.held)) is not None}
    rows: dict[tuple[str, str | None], list[Cell]] = {}
    for cell in found:
        for line in _lines(cell, to_fhir=to_fhir):
            console.print(line, soft_wrap=True)
        item = places.get(cell.resource or "")
        if item is not None and item.file is not None and not to_fhir:
            line_number = f", line {item.line}" if item.line is not None else ""
            console.print(f"  file      {escape(item.file)}{line_number}", soft_wrap=True)
        for line in _inputs(of, cell, rows):
            console.print(line, soft_wrap=True)


def _lines(cell: Cell, *, to_fhir: bool) -> Iterator[str]:
    colour = _COLOURS[cell.derivation]
    name = f"{cell.dataset}.{cell.qnam or cell.variable}"
    sequence = f", --SEQ {cell.seq}" if cell.seq else ""
    who = f" · {cell.usubjid}" if cell.usubjid else ""
    head = escape(f"row {cell.row}{sequence}{who} = {text(cell.value)}")
    yield f"[bold]{name}[/] {head}  [{colour}]{_TO_FHIR[cell.derivation] if to_fhir else cell.derivation}[/]"
    if cell.resource:
        yield f"  {'in  ' if to_fhir else 'from'}      {escape(cell.resource)}"
    if cell.path:
        raw = f" = {escape(text(cell.raw))}" if cell.raw is not None else ""
        yield f"  element   [cyan]{escape(cell.path)}[/]{raw}"
    if cell.link:
        yield f"  reached   by {escape(cell.link)}"
    if cell.line:
        variable, _, path = cell.line.partition(" ")
        yield f"  line      {escape(f'{variable} <-> {path}')} [dim]({escape(cell.mapping)})[/]"
        yield f"  spelling  {escape(cell.spelling)}"
    if cell.pair:
        about = " ".join(str(cell.pair[key]) for key in ("display", "system") if key in cell.pair)
        shown = f"{text(cell.pair['code'])} <-> {text(cell.pair['value'])}"
        yield f"  codes     {escape(shown)}{f' [dim]({escape(about)})[/]' if about else ''}"
    if cell.inputs:
        yield f"  computed  from {escape(', '.join(cell.inputs))}"
    if cell.note:
        yield f"  note      {escape(cell.note)}"


def _inputs(of: Lineage, cell: Cell, rows: dict[tuple[str, str | None], list[Cell]]) -> Iterator[str]:
    """What a computed cell was computed from, each with its own element."""
    for name in cell.inputs:
        dataset, _, variable = name.rpartition(".")
        if name.startswith("(") or (dataset and dataset != "DM"):
            continue
        home = dataset or cell.dataset
        if (home, cell.usubjid) not in rows:
            rows[home, cell.usubjid] = list(cells(of, (home,), cell.usubjid))
        for one in rows[home, cell.usubjid]:
            same = dataset or (one.seq == cell.seq if cell.seq else one.row == cell.row)
            if one.variable == variable and same:
                place = f" from {one.path} of {one.resource}" if one.path else f" {one.derivation}"
                yield f"    {escape(f'{name} = {text(one.value)}{place}')}"
                break


def show_empty(
    of: Lineage, datasets: Iterable[str], variable: str, subject: str | None, row: int | None, console: Console
) -> None:
    """Say why a cell asked for is empty: where its value would stand, or what its computation lacks."""
    told: dict[str, int] = {}
    for source in of.done.sources:
        record = source.record
        wanted = record.dataset in datasets and (subject is None or record.row.get("USUBJID") == subject)
        if wanted and (row is None or record.number == row) and variable not in record.row:
            why = described(gap_of(source, variable, of.ctx, homes(source, of.ctx, of.held)))
            told[why] = told.get(why, 0) + 1
    for why, times in told.items():
        console.print(f"{variable} is empty in {times:,} record{'s' * (times != 1)}: {escape(why)}", soft_wrap=True)
    if not told:
        console.print(f"{variable} is empty here; these rows come from no resource of their own.")


def described(gap: Gap) -> str:
    """A gap in words."""
    parts = []
    if gap.unread:
        parts.append(f"what stands at {gap.unread} is not understood")
    elif gap.absent:
        parts.append(f"the source gives it as absent ({gap.absent}) at {gap.paths[0]}")
    elif gap.paths:
        others = f" (nor {', '.join(gap.paths[1:])})" if len(gap.paths) > 1 else ""
        parts.append(f"nothing that can be read stands at {gap.paths[0]}{others}")
    if gap.note:
        lacks = f", which lacks {', '.join(gap.lacks)}" if gap.lacks else ", which gives nothing here"
        parts.append(f"it would be computed ({gap.note}){lacks}")
    return "; ".join(parts) or "no line of the dictionary reads it, and nothing carries it"
