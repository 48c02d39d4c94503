"""`trialbridge deidentify`: a study or resources without what tells who the subjects are, and a report of what was done."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table as Shown

from trialbridge import api, sources
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.base.pseudonyms import Key, new_key, read_key
from trialbridge.base.writing import whole_file, whole_folder
from trialbridge.commands import output
from trialbridge.commands.shell import Shell, counts, exit_code, guarded
from trialbridge.converters.deidentify import Deidentified, deidentify_resources, deidentify_study
from trialbridge.converters.deidentify.rules import load_rules
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import pretty
from trialbridge.fhir.releases import release as release_named

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.converters.deidentify.rules import RuleSet

REPORT = "deidentification.json"
_LISTED = 25  # places shown on the terminal, those with the most values


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for."""

    sources: tuple[Path, ...]
    output: Path
    key_file: Path
    make_key: bool = False
    rules: Path | None = None
    linkage: Path | None = None
    formats: tuple[str, ...] = ()
    fhir_version: str | None = None
    base_url: str | None = None


def run(wanted: Wanted, *, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """The exit code: 0; 1 where a resource of the trial tells of a subject; 2 where nothing was written.

    Nothing is written where anything of a subject's own is left in the subject's data.
    """
    shell = Shell(as_json, quiet, no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    rules = load_rules(wanted.rules)
    source = sources.find(wanted.sources)
    formats = output.checked_formats(source.kind, wanted.formats)
    output.check_target(wanted.output, source.given, formats)
    _keep_apart(wanted)
    key = _key(wanted)
    try:
        done, report = _written(wanted, source, key, rules, formats)
    except BaseException:
        if wanted.make_key:  # a key of nothing; it would stand in the way of the next run
            wanted.key_file.unlink(missing_ok=True)
        raise
    if wanted.linkage:
        write_linkage(done, wanted.linkage)
    _show(done, wanted, report, shell)
    left = [one for one in done.findings if one.id == "TB-DEID-LEFT"]
    return exit_code(left, Severity.WARNING)


def _written(
    wanted: Wanted, source: sources.Source, key: Key, rules: RuleSet, formats: tuple[str, ...]
) -> tuple[Deidentified, dict[str, Any]]:
    """De-identify, look again, and write the folder; what was done and its report."""
    done: Deidentified
    if source.kind == "sdtm":
        done = deidentify_study(sources.read_study(source), key, rules)
    else:
        read = sources.read_resources(source, release_named(wanted.fhir_version) if wanted.fhir_version else None)
        if read.rejects:
            first = read.rejects[0].finding
            raise UnreadableInputError(f"{len(read.rejects)} are no resources: {first.message}", first.where, first.fix)
        base = wanted.base_url or BASE
        done = deidentify_resources(read.items, key, rules, base=base, release=read.release)
    done.check()
    report = report_of(done, wanted)
    with whole_folder(wanted.output) as part:
        for name in formats:
            data: Any = done.study if done.study is not None else done.resources
            api.write(data, part if len(formats) == 1 else part / name, name)
        (part / REPORT).write_bytes(pretty(report))
    return done, report


def _key(wanted: Wanted) -> Key:
    return new_key(wanted.key_file) if wanted.make_key else read_key(wanted.key_file)


def _keep_apart(wanted: Wanted) -> None:
    """The key and the linkage must not travel with the data. Raises UnreadableInputError."""
    for file in (wanted.key_file, wanted.linkage):
        if file is not None and file.resolve().is_relative_to(wanted.output.resolve()):
            message = "This would lie among the de-identified data."
            raise UnreadableInputError(message, Where(file=str(file)), "keep it in another folder, apart")


def write_linkage(done: Deidentified, file: Path) -> None:
    """Who is who, as CSV that only its owner can read: USUBJID, pseudonym, days shifted."""
    with whole_file(file, 0o600) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("USUBJID", "PSEUDONYM", "DAYS"))
        writer.writerows((one.usubjid, one.pseudonym, one.days) for one in done.people)


def report_of(done: Deidentified, wanted: Wanted) -> dict[str, Any]:
    """What was done, counted; no value of the data stands in it."""
    return {
        "rules": str(wanted.rules) if wanted.rules else "bundled",
        "subjects": len(done.people),
        "actions": [
            {"place": place, "action": str(action), "values": times}
            for (place, action), times in sorted(done.tally.counts.items())
        ],
        "counts": counts(done.findings),
        "findings": [one.as_dict() for one in done.findings if not _tells(one.where)],
    }


def _tells(where: Where) -> bool:
    """Whether a place names a resource by its own old id."""
    return where.resource is not None


def _show(done: Deidentified, wanted: Wanted, report: dict[str, Any], shell: Shell) -> None:
    if shell.as_json:
        shell.json({"output": str(wanted.output), **report})
        return
    if not shell.speaks:
        return
    shown = Shown("place", "action", "values", box=None, header_style="bold")
    for place, action, times in _most(report["actions"]):
        shown.add_row(escape(place), action, f"{times:,}")
    shell.out.print(shown)
    _show_left(done, shell)
    shell.out.print(f"{len(done.people):,} subjects; the report is {wanted.output / REPORT}", markup=False)
    if not wanted.linkage:
        shell.out.print("No linkage was written: with the key and the source it can be made again (--linkage FILE).")


def _show_left(done: Deidentified, shell: Shell) -> None:
    """What did not go out, by type and reason, and what went out although it tells of a subject."""
    out = Counter(
        (str(one.where.resource).partition("/")[0], one.message, one.fix)
        for one in done.findings
        if one.id == "TB-DEID-LEFT-OUT"
    )
    if done.study is None:
        total = len(done.resources) + out.total()
        shell.out.print(f"{total:,} resources = {len(done.resources):,} written + {out.total():,} left out")
    for (kind, why, fix), times in sorted(out.items()):
        shell.out.print(f"left out {kind} {times:,}: {why} ({fix})", markup=False, soft_wrap=True)
    for one in done.findings:
        if one.id == "TB-DEID-LEFT":
            shell.err.print(
                f"{one.severity} {one.id} {one.message} [{one.where}] fix: {one.fix}", markup=False, soft_wrap=True
            )


def _most(actions: Iterable[dict[str, Any]]) -> list[tuple[str, str, int]]:
    listed = [(one["place"], one["action"], one["values"]) for one in actions]
    return sorted(listed, key=lambda one: -one[2])[:_LISTED]
