"""`trialbridge sync`: pull what changed, convert, and write the next version of the study with its change list.

`DIR/fhir` holds the resources as they are now, `DIR/versions/0001`, `0002`, … the study as it was at each time. A version
appears whole or not at all and is never written again. Without a change there is no new version.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge import sources
from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.commands import convert
from trialbridge.commands.shell import UNREADABLE, Shell, counts, exit_code, guarded
from trialbridge.exchange.changes import CHANGES, CHANGES_CSV, RESOURCES, Change, Snapshot, as_csv, changes, version
from trialbridge.exchange.connection import opened
from trialbridge.exchange.pull import held, nothing_found
from trialbridge.exchange.pull import pull as pull_study
from trialbridge.exchange.pull_state import alone, state_of
from trialbridge.fhir.jsontext import decode, pretty
from trialbridge.report import progress, summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from trialbridge.commands.pull import Asked as PullAsked
    from trialbridge.exchange.connection import Access
    from trialbridge.exchange.pull_wanted import Pulled

_PART = ".part"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for: `pull` into DIR/fhir, and how the study is to be written."""

    folder: Path
    pull: PullAsked
    formats: tuple[str, ...] = ()
    version: str | None = None
    mapping: Path | None = None
    accept_edits: bool = False


@dataclass(slots=True)
class Synced:
    """The outcome: the version that stands now, whether it is new, and what changed to it."""

    pulled: Pulled
    name: str
    new: bool
    changes: list[Change]
    findings: list[Finding]


def run(
    access: Callable[[], Access],
    asked: Asked,
    *,
    fail_on: str = "error",
    as_json: bool = False,
    quiet: bool = False,
    no_color: bool = False,
) -> int:
    """The exit code: 0, 1 with findings, 2 where it could not be done; then a run again goes on."""
    shell = Shell(as_json, quiet, no_color)

    def synced() -> int:
        with alone(asked.folder, "sync"):
            return _run(access(), asked, Severity(fail_on), shell)

    return guarded(shell, synced)


def _run(access: Access, asked: Asked, fail_on: Severity, shell: Shell) -> int:
    versions = asked.folder / "versions"
    last = _last(versions)
    edited = _edited(last) if last else []
    if edited and not asked.accept_edits:
        message = (
            f"Version {last.name if last else ''} was changed by hand since it was written: {', '.join(edited[:5])}."
        )
        fix = "keep such changes elsewhere, or give --accept-edits: the next version is made from the server alone"
        raise UnreadableInputError(message, Where(file=str(last)), fix)
    with progress.steps(shell.err, shown=shell.speaks) as steps, opened(access) as (server, doubts):
        pulled = pull_study(server, asked.pull.wanted, steps.begin)
        pulled.findings[:0] = doubts
        steps.begin("converting")
        outcome = _next(asked, pulled, versions, last, edited)
    if outcome is None:
        return UNREADABLE
    outcome.findings.extend(nothing_found(pulled))
    if shell.as_json:
        shell.json(_as_dict(outcome, asked.folder))
    elif shell.speaks:
        _show(outcome, asked.folder, shell.out)
    return exit_code(outcome.findings, fail_on)


def _last(versions: Path) -> Path | None:
    """The newest version there is."""
    found = sorted(one for one in versions.glob("[0-9]*") if one.is_dir()) if versions.is_dir() else []
    return found[-1] if found else None


def _edited(folder: Path) -> list[str]:
    """The files of a version that are not what was written."""
    listed = decode((folder / "run_manifest.json").read_bytes())["outputs"]
    wrong = []
    for one in listed:
        path = folder / one["name"]
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != one["sha256"]:
            wrong.append(str(one["name"]))
    return wrong


def _next(asked: Asked, pulled: Pulled, versions: Path, last: Path | None, edited: list[str]) -> Synced | None:
    """The next version, if there is anything new; None where the conversion failed (it has said why)."""
    findings = list(pulled.findings)
    snapshot = Snapshot.of(held(asked.pull.output))
    before = Snapshot.read(last / RESOURCES) if last else Snapshot()
    if last is not None and before.content() == snapshot.content() and not edited:
        return Synced(pulled, last.name, new=False, changes=[], findings=findings)
    name = f"{int(last.name) + 1 if last else 1:04}"
    for left in versions.glob(f".*{_PART}") if versions.is_dir() else ():
        shutil.rmtree(left)  # of a run that was killed
    part = versions / f".{name}{_PART}"
    wanted = convert.Wanted(
        (asked.pull.output,),
        "sdtm",
        part,
        asked.formats,
        version=asked.version,
        base_url=asked.pull.base_url,
        mapping=asked.mapping,
        lineage=True,
    )
    if convert.run(wanted, quiet=True) == UNREADABLE:
        return None
    listed: list[Change] = []
    if last is not None:
        state = state_of(asked.pull.output)
        old = version(_study(last, asked.formats), last, before)
        new = version(_study(part, asked.formats), part, snapshot)
        listed = changes(old, new, {**state.get("gone", {}), **pulled.removed})
        if edited:
            findings.append(_edits(last, edited))
    told = [one.as_dict() for one in listed]
    after = last.name if last else None
    (part / CHANGES).write_bytes(pretty({"version": name, "after": after, "counts": _counts(listed), "changes": told}))
    (part / CHANGES_CSV).write_text(as_csv(listed), encoding="utf-8", newline="")
    (part / RESOURCES).write_bytes(pretty({key: list(one) for key, one in snapshot.held.items()}))
    target = versions / name
    if target.exists():
        raise TrialbridgeError("This version is there already.", Where(file=str(target)), "run the same command again")
    part.rename(target)
    return Synced(pulled, name, new=True, changes=listed, findings=findings)


def _study(folder: Path, formats: tuple[str, ...]) -> Any:
    """The study of a version, in the first of its formats."""
    several = [one for one in formats if (folder / one).is_dir()]
    return sources.read_study(sources.find([folder / several[0] if several else folder]))


def _edits(last: Path, edited: list[str]) -> Finding:
    message = (
        f"Version {last.name} was changed by hand ({', '.join(edited[:5])}); the new one is made from the server alone."
    )
    return Finding("TB-SYNC-EDITED", Severity.WARNING, Where(file=str(last)), message, "see its changes.csv")


def _counts(listed: list[Change]) -> dict[str, int]:
    found = Counter(one.kind for one in listed)
    return {kind: found[kind] for kind in ("added", "changed", "removed")}


def _as_dict(outcome: Synced, folder: Path) -> dict[str, Any]:
    pulled = outcome.pulled
    return {
        "version": outcome.name,
        "new": outcome.new,
        "folder": str(folder / "versions" / outcome.name),
        **_counts(outcome.changes),
        "resources": {"added": len(pulled.added), "changed": len(pulled.changed), "removed": len(pulled.removed)},
        "findings": counts(outcome.findings),
        "said": [one.as_dict() for one in outcome.findings],
    }


def _show(outcome: Synced, folder: Path, console: Console) -> None:
    """Print the outcome; the records themselves are in the files."""
    pulled = outcome.pulled
    console.print(
        f"from the server: {len(pulled.added):,} resources added, {len(pulled.changed):,} changed, "
        f"{len(pulled.removed):,} removed"
    )
    if not outcome.new:
        console.print(f"[green]nothing changed:[/] version {outcome.name} stands")
    else:
        by_why = Counter((one.kind, one.dataset, one.why) for one in outcome.changes)
        for (kind, dataset, why), times in sorted(by_why.items()):
            console.print(f"  {times:,} {dataset} {kind}: {why}", markup=False)
        console.print(f"version {outcome.name}: {folder / 'versions' / outcome.name}", soft_wrap=True, markup=False)
    summary.show_findings(outcome.findings, console)
