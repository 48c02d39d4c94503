"""The work of a request, done in a process of its own: the commands themselves, their `--json` read back.

A process is killed when its time is up, and so cannot hold a thread or memory for good. `Desk` keeps how many may work
and wait; who comes on top of that is answered 429.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio import CapacityLimiter, to_process

from trialbridge.web.outcomes import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.base.errors import TrialbridgeError
    from trialbridge.web.settings import Settings

Told = tuple[int, dict[str, Any]]
"""A command's exit code and what it says with `--json`."""


class Desk:
    """Runs work under the limits of number and time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limiter = CapacityLimiter(settings.at_once)
        self.inside = 0

    def admit(self) -> None:
        """Raise RefusedError(429) where all places are taken. Called before a body is read."""
        if self.inside >= self._settings.at_once + self._settings.waiting:
            raise RefusedError(429, "All places are taken.", "try again later", {"Retry-After": "5"})

    async def run(self, work: Callable[..., Told], *given: Any) -> Told:
        """What the work says. Raises RefusedError(504) when its time is up, RefusedError(500) when its process dies."""
        try:
            with anyio.fail_after(self._settings.seconds):
                return await to_process.run_sync(work, *given, cancellable=True, limiter=self._limiter)
        except TimeoutError:
            message = f"The work was not done in {self._settings.seconds:g} seconds."
            raise RefusedError(504, message, "send less at a time") from None
        except anyio.BrokenWorkerProcess:
            raise RefusedError(
                500, "The working process ended before its work was done.", "try again; send less"
            ) from None


def convert(source: str, target: str, options: dict[str, Any]) -> Told:
    """`trialbridge convert` of a spooled body into a folder."""
    from trialbridge.base.errors import TrialbridgeError  # noqa: PLC0415 - in the working process only
    from trialbridge.commands import convert as command  # noqa: PLC0415 - as above
    from trialbridge.web.naming import named  # noqa: PLC0415 - as above

    try:
        given = named(Path(source), options.pop("name", ""))
    except TrialbridgeError as error:
        return _wrong(error)
    wanted = command.Wanted((given,), options.pop("to"), Path(target), **options)
    return _told(lambda: command.run(wanted, as_json=True))


def _told(run: Callable[[], int]) -> Told:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = run()
    return code, json.loads(said.getvalue() or "{}")


def validate(source: str, _target: str, options: dict[str, Any]) -> Told:
    """The checks of a spooled body: an OperationOutcome, under `outcome`."""
    from trialbridge.base.errors import TrialbridgeError  # noqa: PLC0415 - in the working process only
    from trialbridge.web.checks import outcome_of  # noqa: PLC0415 - as above
    from trialbridge.web.naming import named  # noqa: PLC0415 - as above

    try:
        return 0, {"outcome": outcome_of(named(Path(source), options["name"]), options)}
    except TrialbridgeError as error:
        return _wrong(error)


def _wrong(error: TrialbridgeError) -> Told:
    return 2, {"error": {"message": error.message, "where": str(error.where), "fix": error.fix}}
