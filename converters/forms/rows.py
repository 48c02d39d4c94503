"""Rows on the way: by dataset, in the order they were made, each with the record and the columns its cells came from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.converters.carry import Qualifier
    from trialbridge.converters.forms.lines import FormLine
    from trialbridge.converters.forms.view import View
    from trialbridge.converters.records import Record
    from trialbridge.mappings.kit import Row
    from trialbridge.study_file.domains import Domain


@dataclass(slots=True, eq=False)
class Made:
    """A row: its values, the record it was made of (None for one written out), lines that wait for all rows."""

    row: Row
    view: View | None
    domain: Domain
    origins: dict[str, list[tuple[View, tuple[str, ...]]]] = field(default_factory=dict)
    derived: dict[str, str] = field(default_factory=dict)
    qualifiers: list[Qualifier] = field(default_factory=list)
    later: list[FormLine] = field(default_factory=list)
    looked_up: list[tuple[str, int]] = field(default_factory=list)
    record: Record | None = None


@dataclass(slots=True)
class Rows:
    """All rows, by dataset."""

    by_domain: dict[str, list[Made]] = field(default_factory=lambda: defaultdict(list))

    def add(self, domain: Domain, made: Made) -> None:
        """Append a row to its dataset."""
        self.by_domain[domain.domain].append(made)

    def __iter__(self) -> Iterator[Made]:
        """Every row."""
        for found in self.by_domain.values():
            yield from found
