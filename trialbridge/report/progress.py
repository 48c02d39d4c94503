"""A line on standard error that says what is being done: only for people at a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Task, TaskID


class _Amount(ProgressColumn):
    """How much is done, of how much: things counted, or megabytes with their rate."""

    def render(self, task: Task) -> Text:
        """As in `120/500`, or `12/80 MB, 3.4 MB/s`."""
        if not task.fields.get("in_bytes"):
            return Text(f"{int(task.completed)}/{'?' if task.total is None else int(task.total)}")
        whole = (task.total or 0) / 1e6
        rate = f", {task.speed / 1e6:.1f} MB/s" if task.speed else ""
        return Text(f"{task.completed / 1e6:,.0f}/{whole:,.0f} MB{rate}")


class Steps:
    """The steps of a command, one after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, what: str, total: int | None = None, *, in_bytes: bool = False) -> None:
        """The next step, of so many items (or bytes) if that is known."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total, in_bytes=in_bytes)

    def advance(self) -> None:
        """One item of the step is done."""
        if self._task is not None:
            self._progress.advance(self._task)

    def reach(self, done: int) -> None:
        """So many items (or bytes) of the step are done by now."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)


@contextmanager
def steps(console: Console, *, shown: bool) -> Iterator[Steps]:
    """The steps of a command; shown at a terminal alone, and gone when they are done."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Amount(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as progress:
        yield Steps(progress)
