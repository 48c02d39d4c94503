"""What all commands share: where they print, how errors end them, and the exit code of findings.

Exit codes: 0 clean; 1 findings at or above `--fail-on` (for diff: differences); 2 wrong usage or unreadable input.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from trialbridge.base.errors import TrialbridgeError
from trialbridge.base.finding import Severity
from trialbridge.fhir.jsontext import pretty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trialbridge.base.finding import Finding

CLEAN, FOUND, UNREADABLE = 0, 1, 2
_ORDER = (Severity.NOTE, Severity.WARNING, Severity.ERROR)
_WIDTH = 120  # of what is piped; a terminal says its own


@dataclass(frozen=True, slots=True)
class Shell:
    """How a command was asked to speak: JSON only, quietly, without colour."""

    as_json: bool = False
    quiet: bool = False
    no_color: bool = False

    @property
    def out(self) -> Console:
        """Standard output."""
        return self._console(stderr=False)

    @property
    def err(self) -> Console:
        """Standard error: errors and progress."""
        return self._console(stderr=True)

    def _console(self, *, stderr: bool) -> Console:
        stream = sys.stderr if stderr else sys.stdout
        width = None if stream.isatty() else _WIDTH
        # None leaves the environment's NO_COLOR its say
        return Console(stderr=stderr, no_color=True if self.no_color else None, width=width, highlight=False)

    @property
    def speaks(self) -> bool:
        """Whether a summary for people is wanted."""
        return not (self.as_json or self.quiet)

    def json(self, value: Any) -> None:
        """A value as the one thing on standard output."""
        sys.stdout.write(pretty(value).decode())


def guarded(shell: Shell, run: Callable[[], int]) -> int:
    """The exit code of a command; bad input ends it with a message, never with a traceback."""
    try:
        return run()
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; the interpreter must not complain about it
        return FOUND
    except TrialbridgeError as error:
        where = str(error.where)
        return _failed(shell, error.message, where, error.fix)
    except OSError as error:
        where = str(error.filename) if error.filename else ""
        return _failed(shell, f"{error.strerror or error}.", where, "Check the path and your rights on it.")
    except Exception as error:
        if os.environ.get("TRIALBRIDGE_DEBUG"):
            raise
        message = f"This is a fault of trialbridge ({type(error).__name__} at {_place(error)}). Nothing was written."
        return _failed(
            shell,
            message,
            "",
            "Run without --no-check if it was given; else report it, with what TRIALBRIDGE_DEBUG=1 shows.",
        )


def wrong_usage(shell: Shell, message: str) -> int:
    """The exit code of a command line that is none, told as other errors are."""
    return _failed(shell, message, "", "--help shows the options.")


def _place(error: Exception) -> str:
    """The innermost line of our own code that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "trialbridge" in one.filename] or frames[-1:]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"


def _failed(shell: Shell, message: str, where: str, fix: str) -> int:
    """Say what is wrong, on standard error; with --json as an object on standard output too."""
    place = f"{where}: " if where else ""
    shell.err.print(f"[bold red]error:[/] {_plain(place + message)}", soft_wrap=True)
    if fix:
        shell.err.print(f"  fix: {_plain(fix)}", soft_wrap=True)
    if shell.as_json:
        shell.json({"error": {"message": message, "where": where, "fix": fix}})
    return UNREADABLE


def _plain(text: str) -> str:
    from rich.markup import escape  # noqa: PLC0415 - rare

    return escape(text)


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each severity."""
    found = Counter(one.severity for one in findings)
    return {str(severity): found[severity] for severity in reversed(_ORDER)}


def exit_code(findings: Iterable[Finding], fail_on: Severity) -> int:
    """1 where a finding is at least as bad as `fail_on`, else 0."""
    worst = max((_ORDER.index(one.severity) for one in findings), default=-1)
    return FOUND if worst >= _ORDER.index(fail_on) else CLEAN
