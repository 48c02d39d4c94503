"""`trialbridge rules`: the rules there are, and one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from trialbridge.base.errors import UnknownNameError
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.commands.validate_fhir import WORDS
from trialbridge.commands.validate_sdtm import all_rules
from trialbridge.fhir.profiles.report import FIXES
from trialbridge.report.conformance_text import COLOURS

if TYPE_CHECKING:
    from trialbridge.base.rule import Rule


def show_all(domain: str | None, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0. `domain` keeps the rules that name it, and those of all domains."""
    shell = Shell(as_json=as_json, no_color=no_color)
    return guarded(shell, lambda: _all(domain, shell))


def show_one(name: str, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, or 2 where there is no such rule."""
    shell = Shell(as_json=as_json, no_color=no_color)
    return guarded(shell, lambda: _one(name, shell))


def as_dict(rule: Rule) -> dict[str, Any]:
    """A rule as plain JSON."""
    return {
        "id": rule.id,
        "severity": str(rule.severity),
        "message": rule.message,
        "text": rule.text,
        "fix": rule.fix,
        "cdisc": list(rule.cdisc),
        "fda": list(rule.fda),
        "section": rule.section,
        "domains": list(rule.domains),
    }


def _all(domain: str | None, shell: Shell) -> int:
    chosen = [one for one in all_rules() if domain is None or not one.domains or domain.upper() in one.domains]
    if shell.as_json:
        shell.json([as_dict(one) for one in chosen])
        return CLEAN
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("rule", "severity", "domains", "CDISC, FDA", "what it finds"):
        table.add_column(name, no_wrap=name == "rule", max_width=28 if name == "CDISC, FDA" else None)
    for one in chosen:
        severity = f"[{COLOURS[one.severity]}]{one.severity}[/]"
        table.add_row(one.id, severity, " ".join(one.domains), " ".join((*one.cdisc, *one.fda)), escape(one.message))
    shell.out.print(table)
    shell.out.print(f"{len(chosen)} rules; trialbridge rules show ID tells one in full")
    return CLEAN


def _one(name: str, shell: Shell) -> int:
    kind = name.upper().removeprefix("TB-FHIR-")
    if kind in WORDS and name.upper().startswith("TB-FHIR-"):
        found: list[dict[str, Any]] = [
            {"id": f"TB-FHIR-{kind}", "message": WORDS[kind], "fix": FIXES[kind], "section": "docs/profiles.md"}
        ]
    else:
        found = [as_dict(one) for one in all_rules() if name.upper() in (one.id, *one.cdisc, *one.fda)]
    if not found:
        raise UnknownNameError(
            f"There is no rule {name}.", fix="trialbridge rules list shows them; CORE's are CORE's own."
        )
    if shell.as_json:
        shell.json(found)
        return CLEAN
    for one in found:
        shell.out.print(f"[bold]{one['id']}[/] {escape(one['message'])}")
        for key in ("severity", "text", "fix", "cdisc", "fda", "section", "domains"):
            value = one.get(key)
            if value:
                text = ", ".join(value) if isinstance(value, list) else str(value)
                shell.out.print(f"  {key:<9}{escape(text)}", soft_wrap=True)
    return CLEAN
