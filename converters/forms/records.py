"""The records of a source: whose they are, how they are known, which of them cannot be used and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.forms.view import View
from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import cleaned, plain
from trialbridge.study_file.condition import parse

if TYPE_CHECKING:
    from trialbridge.converters.forms.questions import Questions
    from trialbridge.crf.model import Form, Record, Source
    from trialbridge.study_file.model import StudyFile
    from trialbridge.study_file.sources import Source as Described

ROW = "(record)"
"""The column of a question about a record as a whole."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not used, and why. Its cells are kept for the rejects file, never for messages."""

    form: str
    row: int
    reason: str
    cells: dict[str, str]


@dataclass(slots=True)
class Held:
    """A source's usable records, and the others."""

    name: str
    form: Form
    views: list[View] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    _keys: dict[tuple[str, ...], dict[tuple[str, ...], list[View]]] = field(default_factory=dict)

    def by_key(self, columns: tuple[str, ...]) -> dict[tuple[str, ...], list[View]]:
        """The records by the texts of these columns; an index made on first use."""
        if columns not in self._keys:
            index: dict[tuple[str, ...], list[View]] = {}
            for one in self.views:
                index.setdefault(tuple(plain(one.get(name) or "") for name in columns), []).append(one)
            self._keys[columns] = index
        return self._keys[columns]

    def of_subject(self, subject: str | None) -> list[View]:
        """The records of a subject."""
        if () not in self._keys:
            index: dict[tuple[str, ...], list[View]] = {}
            for one in self.views:
                index.setdefault((one.subject or "",), []).append(one)
            self._keys[()] = index
        return self._keys[()].get((subject or "",), [])


def form_of(source: Source, name: str, described: Described) -> Form | None:
    """The form of a described source: by its exact name, else by the same letters. None where there is none."""
    wanted = described.table or name
    if wanted in source.forms:
        return source.forms[wanted]
    same = [one for title, one in source.forms.items() if plain(title) == plain(wanted)]
    return same[0] if len(same) == 1 else None


def held(source: Source, study: StudyFile, questions: Questions, findings: list[Finding]) -> dict[str, Held]:
    """The records of every source of the study file. Raises UnreadableInputError where a column or every table is missing."""
    found: dict[str, Held] = {}
    if study.sources and not any(form_of(source, name, one) for name, one in study.sources.items()):
        wanted = ", ".join(described.table or name for name, described in study.sources.items())
        message = f"None of the study file's tables ({wanted}) is here; there are {', '.join(source.forms) or 'none'}."
        raise UnreadableInputError(message, fix="mend `table` in the study file, or give the folder that has them")
    for name, described in study.sources.items():
        form = form_of(source, name, described)
        if form is None:
            wanted = described.table or name
            known = ", ".join(source.forms) or "none"
            findings.append(
                Finding(
                    "TB-CRF-TABLE",
                    Severity.WARNING,
                    Where(dataset=wanted),
                    f"The source has no table {wanted!r}; it has {known}.",
                    "mend `table` in the study file, or leave the source out",
                )
            )
            continue
        _columns_known(form, study, name, described)
        found[name] = _held(form, study, name, described, questions)
    return found


def _columns_known(form: Form, study: StudyFile, name: str, described: Described) -> None:
    """Raises UnreadableInputError naming the columns that the study file reads and the table lacks."""
    wanted: set[str] = {*described.keys}
    for block in study.domains:
        if block.source == name:
            wanted.update(block.same)
            conditions = [block.when, *(one.when for one in block.each), *(line.when for line in block.lines())]
            wanted.update(column for text in conditions if text for column in parse(text).columns)
            for line in block.lines():
                wanted.update((*line.columns(), *line.by))
        for line in block.lines():
            if line.in_ == name and line.lookup is not None:
                wanted.update((line.lookup, *line.by, *(parse(line.where).columns if line.where else ())))
    there = {one.name for one in form.columns}
    missing = sorted(wanted - there)
    if missing:
        raise UnreadableInputError(
            f"The table {form.name} has no column {', '.join(map(repr, missing))}; it has {', '.join(sorted(there))}.",
            Where(file=form.file or None, dataset=form.name),
            "mend the column's name in the study file or in the table",
        )


def subject_column(study: StudyFile, described: Described, form: Form) -> str | None:
    """The column that says whose a record is, None for a table about no subject. Raises UnknownNameError."""
    if described.subject is not None:
        form.column(described.subject)
        return described.subject
    wanted = study.subjects.column
    try:
        return form.column(wanted).name
    except UnknownNameError:
        return None


def _held(form: Form, study: StudyFile, name: str, described: Described, questions: Questions) -> Held:
    made = Held(name, form)
    reading = described.reading or study.reading
    column = subject_column(study, described, form)
    seen: dict[tuple[str, ...], View] = {}
    for record in form.records:
        key = _key(record, described, column)
        view = View(name, form, record, reading, questions, key or f"row {record.row}")
        reason = _subject(view, column, study) if column is not None else ""
        if not reason and (described.keys or column is not None):
            reason = _same_key(view, described, seen)
        if reason:
            cells = {one: cell.text for one, cell in record.cells.items()}
            made.rejected.append(Rejected(form.name, record.row, reason, cells))
        else:
            made.views.append(view)
    return made


def _key(record: Record, described: Described, column: str | None) -> str:
    """The texts of the key columns, as they stand: a question's id must not change with a decision."""
    columns = described.keys or ((column,) if column else ())
    texts = [cleaned(record.text(one) or "") for one in columns]
    whole = " / ".join(texts)
    return whole if described.keys else f"{whole} row {record.row}".strip()


def _subject(view: View, column: str, study: StudyFile) -> str:
    """Fill the view's subject; gives why the record cannot be used, or nothing."""
    text = view.get(column)
    if text is None:
        view.ask(column, "", Doubt(Kind.KEY, "the record does not say whose it is", ""))
        return "no subject"
    pattern = study.subjects.pattern
    if pattern is not None and not re.fullmatch(pattern, text):
        view.ask(column, text, Doubt(Kind.SUBJECT, f"the subject's number does not match {pattern}", ""))
        return "the subject's number is not of the study's form"
    view.subject = text
    return ""


def _same_key(view: View, described: Described, seen: dict[tuple[str, ...], View]) -> str:
    """Ask about a record whose key was seen before; gives why it is left out, or nothing."""
    columns = described.keys or tuple(one.name for one in view.form.columns)
    # as the texts stand: a decision about one of two records must not hide that they are the same
    key = tuple(plain(view.record.text(one) or "") for one in columns)
    first = seen.setdefault(key, view)
    if first is view:
        return ""
    where = f"{ROW} row {view.record.row}"
    decision = view.questions.decision(view.source, view.key, where, "")
    if decision is not None:  # accept: leave it out; reject: keep it
        return "left out as a duplicate, by decision" if decision.action == "accept" else ""
    same = _texts(first) == _texts(view)
    what = f"the record of row {first.record.row} has the same key" + (" and the same values" if same else "")
    kind = Kind.DUPLICATE if same else Kind.DUPLICATE_KEY
    view.ask(where, "", Doubt(kind, f"{what}; accept leaves this one out, reject keeps both", "leave out"))
    return f"{what}; not decided"


def _texts(view: View) -> dict[str, str]:
    return {name: cleaned(cell.text) for name, cell in view.record.cells.items()}
