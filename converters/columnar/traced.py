"""An object that notes what it is asked for, so that what was found of it is known to hang on nothing else."""

from __future__ import annotations

from typing import Any

from trialbridge.converters.columnar.members import NotPlainError


class Traced(dict[str, Any]):
    """A row, or an item of a list, that notes the names it is asked for. NotPlainError if it is asked for all."""

    __slots__ = ("asked",)

    def __init__(self, cells: Any, asked: set[str]) -> None:
        super().__init__(cells)
        self.asked = asked

    def get(self, name: str, default: Any = None) -> Any:
        """The value; the question is noted."""
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def _all(self, *_: Any) -> Any:
        raise NotPlainError

    __iter__ = keys = values = items = copy = pop = _all
