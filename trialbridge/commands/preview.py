"""`trialbridge preview`: the first rows of each dataset and resource, beside the cells they are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape
from rich.table import Table

from trialbridge.commands import forms
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.converters.forms.lineage import lines
from trialbridge.converters.lineage import cells_to_fhir, lineage_to_fhir
from trialbridge.fhir.releases import release as release_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from trialbridge.converters.forms.to_sdtm import FromForms
    from trialbridge.fhir.releases import Release
    from trialbridge.sdtm.table import Study
    from trialbridge.sdtm.table import Table as SdtmTable

MASKED = "•••"
WARNING = "This shows values of patients; --mask hides them."
_REST = frozenset({"STUDYID", "DOMAIN"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One value: where it stands (dataset and row, or resource), its name there, and the form's cell or the rule."""

    group: str
    place: str
    name: str
    value: str
    origin: str


def run(
    given: Sequence[Path],
    study_file: Path | None,
    *,
    rows: int,
    mask: bool,
    fhir_version: str,
    as_json: bool = False,
    no_color: bool = False,
) -> int:
    """Show the first rows of every dataset, and the first resource of every type, of the first subject."""
    shell = Shell(as_json, no_color=no_color)

    def show() -> int:
        done, _ = forms.read_forms(given, study_file, None, None)
        datasets = list(_datasets(done, rows, mask=mask))
        resources = list(_resources(done, release_named(fhir_version), mask=mask))
        if shell.as_json:
            shell.json({"datasets": [_plain(one) for one in datasets], "resources": [_plain(one) for one in resources]})
            return CLEAN
        if not mask:
            shell.err.print(f"[yellow]note[/] {WARNING}")
        _print(datasets, shell.out, "variable")
        _print(resources, shell.out, "element")
        asked = len(done.questions)
        shell.out.print(f"{asked} doubtful values are asked about; convert writes them to adjudication.xlsx.")
        return CLEAN

    return guarded(shell, show)


def _plain(one: Shown) -> dict[str, str]:
    return {name: getattr(one, name) for name in ("group", "place", "name", "value", "origin")}


def _datasets(done: FromForms, rows: int, *, mask: bool) -> Iterator[Shown]:
    for cell in lines(done.made):
        if cell["row"] is not None and cell["row"] <= rows and cell["variable"] not in _REST:
            value = MASKED if mask else _text(cell["value"])
            yield Shown(cell["dataset"], f"row {cell['row']}", cell["variable"], value, _origin(cell, mask=mask))


def _origin(cell: dict[str, Any], *, mask: bool) -> str:
    """The cells a value was read from, or the rule it was derived by."""
    if "sources" not in cell:
        return str(cell.get("note", ""))
    told = []
    for one in cell["sources"]:
        place = f"{one['table']}!{one['cell']}" if one["cell"] else f"{one['table']} row {one['row']}"
        told.append(f"{place} {one['column']}" + ("" if mask else f" = {one['text']!r}"))
    return "; ".join(told)


def _resources(done: FromForms, release: Release, *, mask: bool) -> Iterator[Shown]:
    """The first resource of each type: its elements, the variable each was written from, and the form's cells."""
    part, numbers = _first_subject(done.study)
    origins = {(one["dataset"], one["row"], one["variable"]): one for one in lines(done.made)}
    first: dict[str, str] = {}
    for cell in cells_to_fhir(lineage_to_fhir(part, release=release)):
        kind = (cell.resource or "").partition("/")[0]
        if not kind or not cell.path or first.setdefault(kind, str(cell.resource)) != cell.resource:
            continue
        row = numbers.get((cell.dataset, cell.row), cell.row)
        origin = origins.get((cell.dataset, row, f"SUPP.{cell.qnam}" if cell.qnam else cell.variable))
        form = f" ← {_origin(origin, mask=mask)}" if origin is not None else ""
        value = MASKED if mask else _text(cell.raw if cell.raw is not None else cell.value)
        yield Shown(kind, "", cell.path, value, f"{cell.dataset}.{cell.variable}{form}")


def _first_subject(study: Study) -> tuple[Study, dict[tuple[str, int], int]]:
    """The study of its first subject alone, and each row's number in the whole study."""
    subject = next((row["USUBJID"] for row in study["DM"].rows()), None) if "DM" in study else None
    tables: list[SdtmTable] = []
    numbers: dict[tuple[str, int], int] = {}
    for table in study:
        frame = table.frame.with_row_index("_row", 1)
        if "USUBJID" in table.frame.columns and subject is not None:
            frame = frame.filter((pl.col("USUBJID") == subject) | pl.col("USUBJID").is_null())
        for at, number in enumerate(frame["_row"], 1):
            numbers[table.name, at] = number
        tables.append(replace(table, frame=frame.drop("_row")))
    return study.with_tables(tables), numbers


def _text(value: Any) -> str:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _print(found: Sequence[Shown], console: Console, what: str) -> None:
    groups: dict[str, list[Shown]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one)
    for group, its in groups.items():
        table = Table(title=group, title_justify="left")
        for name in (*(("row",) if its[0].place else ()), what, "value", "from"):
            table.add_column(name, overflow="fold")
        last = ""
        for one in its:
            if last and one.place != last:
                table.add_section()
            last = one.place
            table.add_row(
                *(escape(text) for text in (*((one.place,) if one.place else ()), one.name, one.value, one.origin))
            )
        console.print(table)
