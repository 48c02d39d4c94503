"""Column names as they stand in a header: unnamed and repeated ones get a name of their own, and are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity
from trialbridge.crf.reading.texts import cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trialbridge.base.finding import Where


@dataclass(frozen=True, slots=True)
class Names:
    """Columns by their number (from 1); which of them had no name, and which shared one."""

    given: Mapping[int, str]
    unnamed: tuple[str, ...]
    repeated: tuple[str, ...]

    def findings(self, where: Where) -> Iterator[Finding]:
        """What is to be said of them."""
        if self.unnamed:
            message = f"Columns without a name: {', '.join(self.unnamed)}."
            yield Finding("TB-CRF-HEADER", Severity.WARNING, where, message, "name them in the header")
        if self.repeated:
            message = f"Columns share a name and were numbered: {', '.join(self.repeated)}."
            yield Finding("TB-CRF-HEADER", Severity.WARNING, where, message, "give each its own name")


def named(texts: Mapping[int, str], letter: Callable[[int], str] = str) -> Names:
    """A name for each column: the header's text, cleaned.

    >>> named({1: "Subject ", 2: "", 3: "Subject"}).given
    {1: 'Subject', 2: 'column 2', 3: 'Subject (2)'}
    """
    found: dict[int, str] = {}
    unnamed, repeated = [], []
    for at, text in texts.items():
        name = cleaned(text)
        if not name:
            name = f"column {letter(at)}"
            unnamed.append(name)
        number, one = 1, name
        while one in found.values():
            number += 1
            one = f"{name} ({number})"
        if number > 1:
            repeated.append(one)
        found[at] = one
    return Names(found, tuple(unnamed), tuple(repeated))
