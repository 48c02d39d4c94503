"""A source of case report forms: tables of cells, each with its text as it stands, and where it stands.

One normal form, so that every reader and writer agrees: a `Form` has `Column`s and `Record`s; a record holds a `Cell`
for each column that is not empty. What a reader noticed of a cell (a formula, a merged range) stands with the cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.base.finding import Finding


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `text` as a person sees it; `value` typed where the source has types (date, int, float, bool, Decimal).

    `notes` say what is odd about it: `error` (#REF!), `formula without a value`, `merged`.
    """

    text: str
    value: Any = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its place in the file (`C`, or its name), and what the source says of it.

    `codes` are the source's own coding (code -> label); `hidden` columns are read like the others, and reported.
    """

    name: str
    place: str = ""
    label: str = ""
    type: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the row it stands in (from 1, as a viewer counts) and its cells that are not empty."""

    row: int
    cells: Mapping[str, Cell]
    hidden: bool = False

    def text(self, column: str) -> str | None:
        """The text of a column, or None where it is empty."""
        cell = self.cells.get(column)
        return None if cell is None else cell.text


@dataclass(frozen=True, slots=True)
class Form:
    """One table: a sheet, a file, an instrument, an item group, a database table."""

    name: str
    columns: tuple[Column, ...]
    records: tuple[Record, ...]
    file: str = ""
    label: str = ""

    def column(self, name: str) -> Column:
        """The column of that name. Raises UnknownNameError."""
        for one in self.columns:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.columns)
        raise UnknownNameError(f"{self.name} has no column {name!r}; it has {known}.")


@dataclass(frozen=True, slots=True)
class Source:
    """What was read: its kind (`xlsx`, `redcap`, `odm`, …), its forms, and what is to be said of them."""

    kind: str
    forms: Mapping[str, Form]
    findings: tuple[Finding, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Form]:
        """The forms, in their order."""
        return iter(self.forms.values())


def form_of(name: str, columns: Mapping[str, list[str | None]], **about: Any) -> Form:
    """A form of plain texts, the first row after a header row.

    >>> form_of("VS", {"Subject": ["1", "2"], "Weight": ["70", None]}).records[1]
    Record(row=3, cells={'Subject': Cell(text='2', value=None, notes=())}, hidden=False)
    """
    count = max((len(one) for one in columns.values()), default=0)
    records = []
    for at in range(count):
        cells = {name: Cell(text) for name, texts in columns.items() if (text := texts[at]) not in (None, "")}
        records.append(Record(at + 2, cells))
    return Form(name, tuple(Column(one, one) for one in columns), tuple(records), **about)
