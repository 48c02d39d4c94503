"""`trialbridge profile`: what is in a centre's tables, column by column. It shows values unless they are masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.crf import files
from trialbridge.crf.profile import Profile, profiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from trialbridge.crf.model import Form

WARNING = "This shows values of patients; --mask hides them."


def run(given: Sequence[Path], *, mask: bool, as_json: bool = False, no_color: bool = False) -> int:
    """Show every form; values as counts only where they are masked."""
    shell = Shell(as_json, no_color=no_color)

    def show() -> int:
        source = files.read(given)
        found = {form.name: profiles(form) for form in source}
        if shell.as_json:
            shell.json({name: [_as_dict(one, mask=mask) for one in its] for name, its in found.items()})
            return CLEAN
        if not mask:
            shell.err.print(f"[yellow]note[/] {WARNING}")
        for form in source:
            _shown(form, found[form.name], shell.out, mask=mask)
        for finding in source.findings:
            shell.out.print(f"[yellow]{finding.severity}[/] {escape(str(finding))}", soft_wrap=True)
        return CLEAN

    return guarded(shell, show)


def _as_dict(one: Profile, *, mask: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"column": one.column.name, "label": one.column.label, "type": one.type}
    said |= {"filled": one.filled, "empty": one.empty, "distinct": one.distinct, "suspicious": dict(one.suspicious)}
    if not mask:
        said |= {"lowest": one.lowest, "highest": one.highest, "frequent": dict(one.frequent)}
    return said


def _shown(form: Form, found: Sequence[Profile], console: Console, *, mask: bool) -> None:
    table = Table(title=f"{form.name} ({len(form.records):,} records)", title_justify="left")
    for name in (
        "column",
        "type",
        "filled",
        "distinct",
        "range" if not mask else "",
        "values" if not mask else "",
        "suspicious",
    ):
        if name:
            table.add_column(name, justify="right" if name in ("filled", "distinct") else "left", overflow="fold")
    for one in found:
        share = f"{one.filled:,}" + (
            f" ({100 * one.filled // len(form.records)} %)" if one.empty and form.records else ""
        )
        cells = [one.column.name, one.type, share, f"{one.distinct:,}"]
        if not mask:
            span = f"{one.lowest} … {one.highest}" if one.lowest else ""
            values = (
                "" if one.type in ("date", "number") else ", ".join(f"{text} ({count})" for text, count in one.frequent)
            )
            cells += [span, values]
        doubts = [f"{name} ({count})" for name, count in one.suspicious]
        doubts += [f"word for missing ({len(one.missing)})"] if one.missing else []
        table.add_row(*(escape(text) for text in (*cells, ", ".join(doubts))))
    console.print(table)
