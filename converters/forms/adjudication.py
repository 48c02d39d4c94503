"""The adjudication workbook: every open question with its proposal, and the decisions there are, with who and why.

A person chooses accept, reject or edit, and says who and why; the next run applies it. Settled rows stay in the file.
It holds values of patients and is to be kept as the data are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.workbook import opened
from trialbridge.base.writing import whole_file
from trialbridge.converters.forms.questions import Decision
from trialbridge.crf.files.workbook import steady

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from trialbridge.converters.forms.questions import Action, Question

SHEET = "Adjudication"
COLUMNS = (
    *("Question", "Table", "Row", "Record", "Column", "As it stands", "What is doubtful", "Why", "Variables"),
    *("Proposal", "Decision", "Edited value", "Who", "Why so"),
)
WIDTHS = (15, 18, 7, 26, 20, 24, 26, 44, 18, 20, 12, 20, 16, 36)
ACTIONS = ("accept", "reject", "edit")
_TO_FILL = 4  # the last columns


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the workbook, its texts in the order of COLUMNS."""

    texts: tuple[str, ...]

    def get(self, column: str) -> str:
        """The text of a column."""
        return self.texts[COLUMNS.index(column)]

    def decision(self, where: Where) -> Decision | None:
        """What was decided, None while it is open. Raises UnreadableInputError for an unknown decision."""
        action = self.get("Decision").casefold()
        if not action:
            return None
        if action not in ACTIONS:
            raise UnreadableInputError(f"{action!r} is no decision.", where, f"write one of {', '.join(ACTIONS)}")
        text = {"accept": self.get("Proposal"), "reject": "", "edit": self.get("Edited value")}[action]
        return Decision(self.get("Question"), cast("Action", action), text, self.get("Who"), self.get("Why so"))


def read(path: Path) -> tuple[list[Entry], list[Decision]]:
    """The rows and their decisions. Raises UnreadableInputError naming the row that cannot be used."""
    book = opened(path, values=True)
    if SHEET not in book.sheetnames:
        raise UnreadableInputError(
            f"The workbook has no sheet {SHEET}.", Where(file=str(path)), "give adjudication.xlsx"
        )
    rows = list(book[SHEET].iter_rows(values_only=True))
    head = ["" if one is None else str(one).strip() for one in (rows[0] if rows else ())]
    missing = [one for one in COLUMNS if one not in head]
    if missing:
        raise UnreadableInputError(
            f"The sheet has no column {', '.join(missing)}.", Where(file=str(path)), "leave the header as it was"
        )
    entries, decisions = [], []
    for number, row in enumerate(rows[1:], 2):
        texts = tuple(_text(row[head.index(one)]) for one in COLUMNS)
        if not texts[0]:
            continue
        entry = Entry(texts)
        entries.append(entry)
        found = entry.decision(Where(file=path.name, row=number))
        if found is not None:
            decisions.append(found)
    return entries, decisions


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    iso = getattr(cell, "isoformat", None)
    text = str(iso()) if iso is not None else str(cell)
    return text.removesuffix("T00:00:00").strip()


def entries_of(questions: Iterable[Question], earlier: Sequence[Entry] = ()) -> list[Entry]:
    """The open questions, and the settled rows of an earlier file, by table, row and column."""
    open_ = {one.id: _entry(one) for one in questions}
    settled = [one for one in earlier if one.get("Decision") and one.get("Question") not in open_]
    again = {one.get("Question"): one for one in earlier if one.get("Question") in open_}
    kept = [again[name] if name in again and again[name].get("Decision") else one for name, one in open_.items()]
    return sorted(
        [*kept, *settled], key=lambda one: (one.get("Table"), _row(one), one.get("Column"), one.get("Question"))
    )


def _row(entry: Entry) -> int:
    text = entry.get("Row")
    return int(text) if text.isdigit() else 0


def _entry(one: Question) -> Entry:
    row = "" if one.where.row is None else str(one.where.row)
    described = (one.id, one.where.dataset or one.source, row, one.key, one.column, one.text)
    return Entry((*described, str(one.kind), one.message, ", ".join(one.variables), one.proposal, "", "", "", ""))


def write(entries: Sequence[Entry], path: Path) -> None:
    """The workbook; the same entries give the same bytes."""
    from openpyxl import Workbook  # noqa: PLC0415 - 0.3 s that only workbooks need
    from openpyxl.styles import Alignment, Font, PatternFill  # noqa: PLC0415 - as above
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - as above
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415 - as above
    from openpyxl.worksheet.properties import PageSetupProperties  # noqa: PLC0415 - as above

    book = Workbook()
    page = book.worksheets[0]
    page.title = SHEET
    page.freeze_panes = "B2"
    for at, (name, width) in enumerate(zip(COLUMNS, WIDTHS, strict=True), 1):
        fill = at > len(COLUMNS) - _TO_FILL
        head = page.cell(1, at, name)
        head.font = Font(bold=True, color="FFFFFFFF")
        head.fill = PatternFill("solid", fgColor="FF9C5700" if fill else "FF1F4E79")
        page.column_dimensions[get_column_letter(at)].width = width
    page.page_setup.orientation = "landscape"
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for row, entry in enumerate(entries, 2):
        lines = max(-(-len(text) // width) for text, width in zip(entry.texts, WIDTHS, strict=True))
        page.row_dimensions[row].height = 15 * max(lines, 1)
        for at, text in enumerate(entry.texts, 1):
            cell = page.cell(row, at)
            cell.value = text or None
            cell.number_format = "@"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if text:
                cell.data_type = "s"
            if at > len(COLUMNS) - _TO_FILL:
                cell.fill = PatternFill("solid", fgColor="FFFFF2CC")
    letter = get_column_letter(COLUMNS.index("Decision") + 1)
    choice = DataValidation(type="list", formula1=f'"{",".join(ACTIONS)}"', allow_blank=True)
    choice.promptTitle = "Decision"
    choice.prompt = (
        "accept the proposal (an empty one leaves the value empty), reject (leave empty), or edit. Say who and why."
    )
    choice.showInputMessage = choice.showErrorMessage = True
    choice.add(f"{letter}2:{letter}{max(len(entries) + 1, 2)}")
    page.add_data_validation(choice)
    page.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{len(entries) + 1}"
    with whole_file(path) as part:
        steady(book, part)
