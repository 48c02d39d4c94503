"""One record as lines see it: its texts with what a person decided about them, and a place to ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from trialbridge.base.finding import Where
from trialbridge.converters.forms.questions import Question, question_id
from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import broken, cleaned

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.converters.forms.questions import Questions
    from trialbridge.crf.model import Form, Record
    from trialbridge.crf.reading.numbers import Sign
    from trialbridge.study_file.reading import Reading

T = TypeVar("T")


@dataclass(slots=True)
class View:
    """A record of a source. `key` names it among its source's records."""

    source: str
    form: Form
    record: Record
    reading: Reading
    questions: Questions
    key: str
    subject: str | None = None
    quiet: bool = False
    texts: dict[str, str | None] = field(default_factory=dict)
    decided: dict[str, bool] = field(default_factory=dict)

    def get(self, column: str) -> str | None:
        """The column's text as read: cleaned, decided upon, None where it is empty or means so."""
        if column not in self.texts:
            self.texts[column] = self._text(column)
        return self.texts[column]

    def _text(self, column: str) -> str | None:
        cell = self.record.cells.get(column)
        if cell is None:
            return None
        text = cleaned(cell.text)
        decision = self.questions.decision(self.source, self.key, column, text)
        if decision is not None:
            self.decided[column] = decision.action == "edit"
            return decision.text or None
        doubt = _odd(text, cell.notes)
        if doubt is not None:
            self.ask(column, text, doubt)
            return None
        return None if text.casefold() in {one.casefold() for one in self.reading.missing} else text or None

    def ask(self, column: str, text: str, doubt: Doubt, variable: str = "") -> None:
        """Ask about a text of this record; the value stays empty."""
        if self.quiet:
            return
        place = next((one.place for one in self.form.columns if one.name == column), "")
        cell = f"{place}{self.record.row}" if place.isalpha() and place.isupper() and len(place) < 4 else None
        where = Where(
            file=self.form.file or None,
            dataset=self.form.name,
            subject=self.subject,
            row=self.record.row,
            variable=column or None,
            path=cell,
        )
        self.questions.ask(
            Question(
                question_id(self.source, self.key, column, text),
                self.source,
                where,
                self.key,
                column,
                text,
                doubt.kind,
                doubt.message,
                doubt.proposal or "",
                (variable,) if variable else (),
            )
        )

    def read(self, column: str, reader: Callable[[str], T | Doubt], variable: str = "") -> T | None:
        """The value of a column, or None where it is empty or was asked about."""
        text = self.get(column)
        if text is None:
            return None
        found = reader(text)
        if not isinstance(found, Doubt):
            return found
        self.ask(column, text, found, variable)
        return None

    def sign(self, column: str) -> Sign | None:
        """The decimal sign of a column's text: a point where the cell holds a number, or a person decided."""
        cell = self.record.cells.get(column)
        self.get(column)
        if column in self.decided or (cell is not None and isinstance(cell.value, int | float)):
            return "point"
        return self.reading.decimal

    def confirmed(self, column: str) -> bool:
        """Whether a person gave this text, so that it is right though it looks odd."""
        self.get(column)
        return self.decided.get(column, False)


def _odd(text: str, notes: tuple[str, ...]) -> Doubt | None:
    """What is doubtful about a cell before anything is read from it."""
    if "error" in notes:
        return Doubt(Kind.CELL_ERROR, "the cell shows an error of the spreadsheet", "")
    if "formula without a value" in notes:
        return Doubt(Kind.FORMULA, "the formula has no stored value; open, save, send again", "")
    mended = broken(text)
    if mended is not None:
        what = "a character was lost" if mended == text else "characters were read in the wrong encoding"
        return Doubt(Kind.ENCODING, what, "" if mended == text else mended)
    if "encoding" in notes:
        what = "this line is not UTF-8, the file elsewhere is; it was read as Windows-1252"
        return Doubt(Kind.ENCODING, what, text)
    return None
