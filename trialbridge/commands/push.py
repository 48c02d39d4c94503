"""`trialbridge push`: what was made, changed, left, refused; and the proof, if it is asked for."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from trialbridge import sources
from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_file
from trialbridge.commands.shell import Shell, counts, exit_code, guarded
from trialbridge.exchange.connection import opened
from trialbridge.exchange.journal import AUDIT, FAILED, VERIFIED, Journal, home_of
from trialbridge.exchange.pull_state import alone
from trialbridge.exchange.push import Options
from trialbridge.exchange.push import push as push_study
from trialbridge.exchange.push_load import ready
from trialbridge.exchange.push_state import Holdings, who_chooses
from trialbridge.exchange.verify import Verified, findings, verify
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import pretty
from trialbridge.fhir.located import Located
from trialbridge.fhir.releases import release as release_named
from trialbridge.report import progress, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import Console

    from trialbridge.exchange.connection import Access
    from trialbridge.exchange.push import OnError, Pushed
    from trialbridge.report.progress import Steps
    from trialbridge.sources import Resources


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for."""

    folder: Path
    dry_run: bool = False
    verify: bool = False
    on_error: str = "continue"
    overwrite: bool = False
    ids: str = "auto"
    bundle: int = 100
    base_url: str | None = None
    workers: int = 4
    log: Path | None = None
    deidentify: Path | None = None
    rules: Path | None = None
    fhir_version: str | None = None


def run(
    access: Callable[[], Access],
    asked: Asked,
    *,
    fail_on: str = "error",
    as_json: bool = False,
    quiet: bool = False,
    no_color: bool = False,
) -> int:
    """The exit code: 0, 1 with findings or failed entries, 2 where it could not be done; then a run again goes on."""
    shell = Shell(as_json, quiet, no_color)
    return guarded(shell, lambda: _run(access(), asked, Severity(fail_on), shell))


def _run(access: Access, asked: Asked, fail_on: Severity, shell: Shell) -> int:
    home = home_of(asked.folder if asked.folder.is_dir() else asked.folder.parent, access.url)
    home = asked.log or home
    with progress.steps(shell.err, shown=shell.speaks) as steps:
        steps.begin("reading")
        read = _read(asked.folder, asked.fhir_version)
        if asked.deidentify is not None:
            steps.begin("de-identifying")
            read = _deidentified(read, asked.deidentify, asked)
        if not asked.dry_run:
            access = replace(access, audit=home / AUDIT)
        apart = nullcontext() if asked.dry_run else alone(home, "push")  # looking writes nothing
        with opened(access, write=True) as (server, doubts), apart, Journal(home) as journal:
            base = asked.base_url or BASE
            resources, said = ready(read.items, base)
            kinds = dict.fromkeys(one["resourceType"] for one in resources.values())
            ids = who_chooses(server, kinds, asked.ids)
            holdings = Holdings(server, resources, base, journal, ids, asked.workers, asked.overwrite)
            other = tuple(_release(read, holdings, asked.folder))
            if other and not asked.dry_run:
                raise TrialbridgeError(f"{other[0].message} Nothing was sent.", other[0].where, other[0].fix)
            options = Options(asked.bundle, cast("OnError", asked.on_error), asked.dry_run, access.run)
            pushed = push_study(holdings, options, steps.begin)
            pushed.findings[:0] = [*read.findings, *doubts, *said, *other]
            proof = _proof(holdings, pushed, home, steps) if asked.verify and not asked.dry_run else None
    pushed.findings.extend(_refused(pushed, home))
    if shell.as_json:
        shell.json(_as_dict(pushed, proof, server.url, len(resources), home))
    elif shell.speaks:
        _show(pushed, proof, len(resources), home, shell.out, dry_run=asked.dry_run)
    return exit_code(pushed.findings, fail_on)


def _read(folder: Path, fhir_version: str | None) -> Resources:
    release = release_named(fhir_version) if fhir_version else None
    source = sources.find([folder])
    if source.kind != "fhir":
        fix = f"convert it first: trialbridge convert {folder} --to fhir -o FHIR"
        raise UnreadableInputError("This is SDTM; a FHIR server takes FHIR.", Where(file=str(folder)), fix)
    return sources.read_resources(source, release)


def _deidentified(read: Resources, key_file: Path, asked: Asked) -> Resources:
    """The resources without what tells who their subjects are. Raises TrialbridgeError where something is left."""
    from trialbridge.base.pseudonyms import read_key  # noqa: PLC0415 - only with --deidentify
    from trialbridge.converters.deidentify import deidentify_resources  # noqa: PLC0415 - as above
    from trialbridge.converters.deidentify.rules import load_rules  # noqa: PLC0415 - where it is wanted

    key, rules = read_key(key_file), load_rules(asked.rules)
    done = deidentify_resources(read.items, key, rules, base=asked.base_url or BASE, release=read.release)
    done.check()
    items = tuple(Located(one) for one in done.resources)
    return replace(read, items=items, findings=(*read.findings, *done.findings))


def _release(read: Resources, holdings: Holdings, given: Path) -> Iterator[Finding]:
    """TB-PUSH-RELEASE: a server that checks little would keep what it cannot search."""
    theirs = holdings.server.capabilities().release
    if read.release != theirs:
        message = f"The resources are {read.release}, the server speaks {theirs}."
        yield Finding(
            "TB-PUSH-RELEASE", Severity.ERROR, Where(file=str(given)), message, f"convert them: --to-release {theirs}"
        )


def _proof(holdings: Holdings, pushed: Pushed, home: Path, steps: Steps) -> Verified:
    """Read everything back that is there by our hand."""
    ours = [*pushed.created, *pushed.updated, *pushed.of("unchanged")]
    found = verify(holdings, ours, steps.begin)
    pushed.findings.extend(findings(found, holdings))
    with whole_file(home / VERIFIED) as part:
        part.write_bytes(pretty(found.as_dict()))
    return found


def _refused(pushed: Pushed, home: Path) -> Iterator[Finding]:
    """TB-PUSH-FAILED, once for each reason and type."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for name, why in pushed.failed.items():
        by_reason.setdefault((name.partition("/")[0], why), []).append(name)
    for (kind, why), names in by_reason.items():
        message = f"{len(names)} {kind} failed: {why}."
        where = Where(file=str(home / FAILED), resource=names[0])
        yield Finding(
            "TB-PUSH-FAILED", Severity.ERROR, where, message, "see the OperationOutcome there, mend, push again"
        )


def _as_dict(pushed: Pushed, proof: Verified | None, url: str, given: int, home: Path) -> dict[str, Any]:
    done = pushed.counts()
    verified = None
    if proof is not None:
        verified = {
            "resources": proof.resources,
            "elements": proof.elements,
            "missing": len(proof.missing),
            "digits": len(proof.digits),
            "different": len(proof.different),
        }
    return {
        "server": url,
        "way": pushed.way,
        "resources": given,
        **done,
        "toCreate": len(pushed.of("create")),
        "toUpdate": len(pushed.of("update")),
        "requests": pushed.requests,
        "stopped": pushed.stopped,
        "verified": verified,
        "journal": str(home),
        "findings": counts(pushed.findings),
        "said": [one.as_dict() for one in pushed.findings],
    }


def _show(pushed: Pushed, proof: Verified | None, given: int, home: Path, console: Console, *, dry_run: bool) -> None:
    """Print the outcome."""
    done = pushed.counts()
    if dry_run:
        parts = [f"{len(pushed.of(deed)):,} to {deed}" for deed in ("create", "update")]
        parts += [f"{done[name]:,} {name}" for name in ("unchanged", "matched", "conflicts", "failed") if done[name]]
        console.print(f"{given:,} resources: {', '.join(parts)}. Nothing was sent.")
    else:
        told = ", ".join(
            f"{number:,} {name}" for name, number in done.items() if number or name in ("created", "updated")
        )
        console.print(f"{given:,} resources = {told}")
        if not (done["created"] or done["updated"] or done["failed"]):
            console.print("[green]nothing to send: the server holds it all[/]")
    if proof is not None:
        verdict = "[green]all as it was sent[/]" if proof.clean else "[bold yellow]not all as it was sent[/]"
        console.print(f"read back: {proof.resources:,} resources, {proof.elements:,} elements: {verdict}")
    summary.show_findings(pushed.findings, console)
    if not dry_run:
        console.print(f"journal: {home}", soft_wrap=True, markup=False)
