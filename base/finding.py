"""A finding: what a conversion or a check has to say about one place in the data.

Every conversion and check returns its value and its findings; nothing is logged away.
Patient data never enters a finding beyond the ids a user needs to find the record.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters: an error must be mended, a warning looked at, a note is for information."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Where:
    """The place a finding speaks of, on either side; only what is known is filled.

    `row` counts records from 1, as a user's viewer does; `line` counts lines of a text file from 1;
    `path` is a FHIRPath; `seq` is the record's --SEQ.
    """

    file: str | None = None
    dataset: str | None = None
    subject: str | None = None
    row: int | None = None
    line: int | None = None
    variable: str | None = None
    resource: str | None = None
    path: str | None = None
    seq: str | None = None

    def __str__(self) -> str:
        """`dm.xpt, row 3, SEX`: the filled parts, outermost first."""
        parts = (
            self.file,
            self.dataset,
            self.subject,
            None if self.row is None else f"row {self.row}",
            None if self.line is None else f"line {self.line}",
            self.resource,
            self.path,
            self.variable,
        )
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: a stable id (`TB-…`), how bad, where, what is the matter, and how to mend it.

    `cells` are the variables it speaks of with their values: for report files only, never in messages or logs.
    """

    id: str
    severity: Severity
    where: Where
    message: str
    fix: str = ""
    cells: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """One line for a terminal or a log."""
        fix = f" Fix: {self.fix}" if self.fix else ""
        place = f" [{self.where}]" if str(self.where) else ""
        return f"{self.severity} {self.id}{place} {self.message}{fix}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON, without the unknown parts of the place."""
        where = {key: value for key, value in asdict(self.where).items() if value is not None}
        return {"id": self.id, "severity": str(self.severity), **where, "message": self.message, "fix": self.fix}
