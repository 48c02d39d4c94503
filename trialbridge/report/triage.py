"""Decisions about issues, kept in a file beside the report (`NAME.triage.json`) and carried to the next run.

A decision is about a kind of issue, RULE|DOMAIN|VARIABLES, not about single records. The file holds no cells.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.fhir.jsontext import decode, pretty
from trialbridge.report.conformance import UNDECIDED, Decision, Disposition, Report
from trialbridge.report.conformance_files import target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = 1


def beside(report: Path) -> Path:
    """Where the decisions about a report stand."""
    return target(report, "triage.json")


def read(path: Path) -> dict[str, Decision]:
    """The decisions by key; none where there is no file. Raises UnreadableInputError naming the key that is wrong."""
    if not path.is_file():
        return {}
    held = decode(path.read_bytes())
    found = held.get("issues") if isinstance(held, dict) else None
    if not isinstance(found, dict):
        raise UnreadableInputError(
            "This is no file of dispositions.", Where(file=str(path)), "give a .triage.json file"
        )
    return {key: _decision(key, one, path) for key, one in found.items()}


def _decision(key: str, one: Any, path: Path) -> Decision:
    try:
        about = {name: str(one.get(name) or "") for name in ("comment", "by", "date")}
        return Decision(Disposition(one["disposition"]), **about)
    except (KeyError, ValueError, AttributeError, TypeError):
        known = ", ".join(Disposition)
        message = f"{key} has no disposition that is known."
        raise UnreadableInputError(message, Where(file=str(path)), f"use one of {known}") from None


def write(decisions: Mapping[str, Decision], path: Path) -> None:
    """The decisions, by key."""
    held = {key: {name: text for name, text in asdict(one).items() if text} for key, one in sorted(decisions.items())}
    with whole_file(path) as part:
        part.write_bytes(pretty({"version": VERSION, "issues": held}))


def carried(report: Report, earlier: Mapping[str, Decision]) -> Report:
    """The report with the decisions of an earlier run: those about what is no longer found stay, if a person made them."""
    keys = {one.key for one in report.issues}
    kept = {key: one for key, one in earlier.items() if key in keys or one != UNDECIDED}
    return replace(report, decisions={**dict.fromkeys(sorted(keys - set(kept)), UNDECIDED), **kept})


def decided(known: Mapping[str, Decision], key: str, decision: Decision) -> dict[str, Decision]:
    """The decisions with one more. `key` may be a rule's id, or RULE|DOMAIN, for all its kinds. Raises UnknownNameError."""
    parts = key.split("|")
    meant = [one for one in known if one.split("|")[: len(parts)] == parts]
    if not meant:
        listed = ", ".join(sorted(known)[:5])
        raise UnknownNameError(f"The report has no issue of the kind {key}.", fix=f"it has {listed} …" if known else "")
    return {**known, **dict.fromkeys(meant, decision)}
