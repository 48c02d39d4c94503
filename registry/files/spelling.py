"""How one value of a record is written in XML and read back: text, yes and no, numbers, dates, ages, enumerations.

`write` and `read` give None for a value they have no spelling for; the lines (`xmllines`) keep such a value as it
stands and report it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.registry import enums
from trialbridge.registry.content import number_of
from trialbridge.registry.dates import from_words, to_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.registry.enums import Side


@dataclass(frozen=True, slots=True)
class Spelling:
    """A value's two spellings; `name` says which for messages."""

    name: str
    write: Callable[[Any], str | None]
    read: Callable[[str], Any]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _yes_no(value: Any) -> str | None:
    return {True: "Yes", False: "No"}[value] if isinstance(value, bool) else None


def _truth(text: str) -> bool | None:
    return {"yes": True, "true": True, "no": False, "false": False}.get(text.casefold())


def _count(value: Any) -> str | None:
    number = number_of(value)
    return None if number is None else str(number)


TEXT = Spelling("text", _text, lambda text: text)
YES_NO = Spelling("yes or no", _yes_no, _truth)
NUMBER = Spelling("a whole number", _count, number_of)
DATE = Spelling("a date", _text, lambda text: text)
WORDY_DATE = Spelling("a date in words", lambda value: to_words(value) if isinstance(value, str) else None, from_words)


def code(name: str, side: Side) -> Spelling:
    """The spelling of an enumeration in one of the XMLs."""

    def write(value: Any) -> str | None:
        return enums.write(name, value, side)[0] if isinstance(value, str) else None

    return Spelling(name, write, lambda text: enums.read(name, text, side)[0])


def phases(side: Side) -> Spelling:
    """The list of phases as one text: `Phase 1/Phase 2`."""

    def write(value: Any) -> str | None:
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            return None
        return enums.write("Phases", ",".join(value), side)[0]

    def read(text: str) -> list[str] | None:
        found, _ = enums.read("Phases", text, side)
        return found.split(",") if found else None

    return Spelling("Phases", write, read)
