"""Readiness, readable: shares by site, the variables that are not whole, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from trialbridge.converters.readiness import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from trialbridge.converters.queries import Query
    from trialbridge.converters.readiness import Fill, Readiness, Share

_CORE = {"Req": "required", "Exp": "expected"}
_MOST = 12  # subjects listed in the terminal: those that lack most; --json has all


def show(found: Readiness, asked: Sequence[Query], console: Console) -> None:
    """Print it."""
    console.print(_datasets(found))
    lacking = [one for one in found.fills if one.missing]
    if lacking:
        console.print(_variables(lacking))
    design = [("trial design", found.study)] if found.study.required_of else []
    console.print(_shares("by site", "site", [*found.sites.items(), *design]))
    worst = sorted(found.subjects.items(), key=lambda item: (-_lacks(item[1]), item[0]))
    incomplete = [(name, share) for name, share in worst if _lacks(share)]
    if incomplete:
        console.print(_shares("by subject: who lacks most", "subject", incomplete[:_MOST]))
        if len(incomplete) > _MOST:
            console.print(f"… and {len(incomplete) - _MOST:,} more subjects (--json has all)")
    whole = len(found.subjects) - len(incomplete)
    console.print(f"subjects without any gap: {whole:,} of {len(found.subjects):,}")
    of_sites = sum(one.ask == "site" for one in asked)
    console.print(
        f"queries: {of_sites:,} to sites, {len(asked) - of_sites:,} to the sponsor (--queries FILE writes them)"
    )
    required = sum(one.missing for one in lacking if one.core == "Req")
    if found.ready:
        console.print("[green]ready[/]: every required variable has its values")
    elif found.records["DM"]:
        console.print(f"[red]not ready[/]: {required:,} required values are missing")
    else:
        console.print("[red]not ready[/]: there is no subject")


def _lacks(share: Share) -> int:
    """Values missing; a required one weighs more than any number of expected ones."""
    return (share.required_of - share.required) * 1_000_000 + share.expected_of - share.expected


def _share(part: int, of: int) -> str:
    found = percent(part, of)
    if found is None:
        return "-"
    colour = "green" if part == of else "yellow" if found >= 50 else "red"
    return f"[{colour}]{found:g} %[/]"


def _datasets(found: Readiness) -> Table:
    table = Table(title=f"Readiness for SDTMIG {found.version}")
    for name, side in (("dataset", "left"), ("records", "right"), ("required", "right"), ("expected", "right")):
        table.add_column(name, justify="right" if side == "right" else "left")
    table.add_column("whole variables", justify="right")
    for dataset, records in found.records.items():
        its = [one for one in found.fills if one.dataset == dataset]
        parts = [
            _share(sum(one.filled for one in its if one.core == core), sum(one.of for one in its if one.core == core))
            for core in _CORE
        ]
        wanted = [one for one in its if one.of]
        whole = sum(not one.missing for one in wanted)
        table.add_row(dataset, f"{records:,}", *parts, f"{whole} of {len(wanted)}")
    return table


def _variables(lacking: Iterable[Fill]) -> Table:
    table = Table(title="variables with values missing")
    table.add_column("variable", no_wrap=True)
    table.add_column("core")
    for name in ("records", "subjects"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("where it would be", overflow="fold")
    for one in lacking:
        core = f"[red]{_CORE[one.core]}[/]" if one.core == "Req" else _CORE[one.core]
        place = one.paths[0] if one.paths else one.how or "no element of FHIR that the dictionary reads"
        table.add_row(
            f"{one.dataset}.{one.variable}",
            core,
            f"{one.filled:,} of {one.of:,} {_share(one.filled, one.of)}",
            f"{one.subjects:,} of {one.subjects_of:,} {_share(one.subjects, one.subjects_of)}",
            escape(place),
        )
    return table


def _shares(title: str, what: str, shares: Iterable[tuple[str, Share]]) -> Table:
    table = Table(title=title)
    table.add_column(what)
    for core in _CORE.values():
        table.add_column(core, justify="right")
        table.add_column("missing", justify="right")
    for name, one in shares:
        table.add_row(
            escape(name),
            _share(one.required, one.required_of),
            f"{one.required_of - one.required:,}",
            _share(one.expected, one.expected_of),
            f"{one.expected_of - one.expected:,}",
        )
    return table
