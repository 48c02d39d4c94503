"""In which epoch a subject was when: from the elements of SE, for all records that have a date."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialbridge.mappings.kit import Row


class Epochs:
    """The epochs of each subject by the day each began.

    A date lies in the last element of SE that has begun by then (SDTMIG 3.4, SE assumptions).
    """

    def __init__(self) -> None:
        self._begun: dict[str, list[tuple[str, str]]] = {}

    def learn(self, row: Row) -> None:
        """A row of SE: its epoch begins with it."""
        usubjid, start, epoch = row.get("USUBJID"), row.get("SESTDTC"), row.get("EPOCH")
        if usubjid and start and epoch and len(start) >= 10:
            begun = self._begun.setdefault(usubjid, [])
            if (start, epoch) not in begun:
                insort(begun, (start, epoch))

    def at(self, usubjid: str, when: str) -> str | None:
        """The epoch of a complete date; None for partial dates and before the first element."""
        if len(when) < 10:
            return None
        found = None
        for start, epoch in self._begun.get(usubjid, ()):
            at = min(len(start), len(when))
            if start[:at] > when[:at]:
                break
            found = epoch
        return found
