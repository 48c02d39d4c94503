"""`trialbridge pull`: what came, what changed, what the server could not give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.commands.shell import Shell, counts, exit_code, guarded
from trialbridge.exchange.connection import opened
from trialbridge.exchange.pull import nothing_found
from trialbridge.exchange.pull import pull as pull_study
from trialbridge.exchange.pull_wanted import Wanted
from trialbridge.exchange.subjects import Scope
from trialbridge.fhir.ids import BASE
from trialbridge.report import progress, summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from trialbridge.exchange.connection import Access
    from trialbridge.exchange.pull_wanted import Pulled


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for."""

    output: Path
    study: str | None = None
    group: str | None = None
    subjects: Path | None = None
    types: tuple[str, ...] = ()
    since: str | None = None
    overlap: float = 60.0
    way: str = "auto"
    base_url: str | None = None
    workers: int = 4
    page: int = 500

    @property
    def wanted(self) -> Wanted:
        """As the exchange takes it. Raises UnreadableInputError, UnknownNameError."""
        types = tuple(one.strip() for given in self.types for one in given.split(",") if one.strip())
        return Wanted(
            Scope(self.study, self.group, subjects_in(self.subjects) if self.subjects else ()),
            self.output,
            types or None,
            self.since,
            self.overlap,
            self.way,
            self.base_url or BASE,
            self.workers,
            self.page,
        )


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
    return guarded(shell, lambda: _run(access(), asked, Severity(fail_on), shell))


def _run(access: Access, asked: Asked, fail_on: Severity, shell: Shell) -> int:
    wanted = asked.wanted
    with progress.steps(shell.err, shown=shell.speaks) as steps, opened(access) as (server, doubts):
        done = pull_study(server, wanted, steps.begin)
        done.findings[:0] = doubts
    done.findings.extend(nothing_found(done))
    if shell.as_json:
        shell.json({**as_dict(done), "output": str(asked.output), "server": server.url})
    elif shell.speaks:
        show(done, asked.output, shell.out)
    return exit_code(done.findings, fail_on)


def subjects_in(file: Path) -> tuple[str, ...]:
    """The subjects a file names, one a line; blank lines and # comments apart. Raises UnreadableInputError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        message = "The list of subjects cannot be read."
        raise UnreadableInputError(message, Where(file=str(file)), "give a text file, UTF-8") from None
    found = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if not found:
        raise UnreadableInputError("The list of subjects is empty.", Where(file=str(file)), "one subject a line")
    return found


def as_dict(done: Pulled) -> dict[str, Any]:
    """The outcome as JSON."""
    return {
        "fhirRelease": done.release,
        "way": done.way,
        "since": done.since,
        "resumed": done.resumed,
        "subjects": len(done.subjects),
        "received": dict(sorted(done.received.items())),
        "held": dict(sorted(done.held.items())),
        "added": done.added,
        "changed": done.changed,
        "removed": done.removed,
        "findings": counts(done.findings),
        "said": [one.as_dict() for one in done.findings],
    }


def show(done: Pulled, output: Path, console: Console) -> None:
    """Print the outcome."""
    table = Table(title=f"Pulled {'what changed since ' + done.since if done.since else 'everything'}, by {done.way}")
    table.add_column("resource type")
    fates = {"received": None, "added": done.added, "changed": done.changed, "removed": done.removed, "held": None}
    for name in fates:
        table.add_column(name, justify="right")
    kinds = sorted({*done.received, *done.held, *(one.partition("/")[0] for one in done.removed)})
    for kind in kinds:
        by_kind = [sum(one.startswith(f"{kind}/") for one in names or ()) for names in fates.values()]
        by_kind[0], by_kind[-1] = done.received[kind], done.held[kind]
        table.add_row(kind, *(f"{number:,}" if number else "" for number in by_kind))
    console.print(table)
    console.print(
        f"{len(done.subjects):,} subjects; {len(done.added):,} added, {len(done.changed):,} changed, "
        f"{len(done.removed):,} removed; {done.held.total():,} resources held"
    )
    summary.show_findings(done.findings, console)
    console.print(f"written: {output}", soft_wrap=True, markup=False)
