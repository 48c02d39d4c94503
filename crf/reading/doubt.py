"""A doubt: why a text cannot be read, and what is proposed instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is doubtful."""

    DATE_ORDER = "day and month may be swapped"
    DATE_IMPOSSIBLE = "impossible date"
    DATE_UNREADABLE = "unreadable date"
    DATE_CENTURY = "two-digit year"
    DATE_RANGE = "date out of range"
    DATE_SERIAL = "date as a number"
    TIME = "unreadable time"
    NUMBER = "not a number"
    SEPARATOR = "decimal or thousands separator"
    CODE = "unmapped code"
    MISSING_WORD = "word for missing"
    ENCODING = "broken characters"
    CELL_ERROR = "error in the cell"
    FORMULA = "formula without a value"
    DUPLICATE = "duplicate record"
    DUPLICATE_KEY = "same key, different values"
    SUBJECT = "unknown subject"
    KEY = "key is empty"
    LOOKUP = "no single record to look up"
    YES_NO = "neither yes nor no"
    ORDER = "end before start"
    TRUNCATED = "text too long"


@dataclass(frozen=True, slots=True)
class Doubt:
    """`message` for people, without the value; `proposal` is the text that would be read, empty for "leave empty"."""

    kind: Kind
    message: str
    proposal: str | None = None
