"""From SDTM back to a centre's forms: each row to the record it would be made of, by the same lines.

Rows that share a record's key are put together (unpivoted findings, looked-up columns). The proof is the way there:
the records made are converted again, and what does not come back equal is said, cell by cell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.compare import compare_studies
from trialbridge.converters.forms.to_sdtm import about_subjects, blocks_of, to_sdtm, usubjid
from trialbridge.converters.records import joined, records
from trialbridge.crf.model import Cell, Column, Form, Record, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.converters.compare import Comparison
    from trialbridge.converters.forms.lines import FormLine, Texts
    from trialbridge.converters.forms.to_sdtm import Block
    from trialbridge.converters.records import Record as RowRecord
    from trialbridge.mappings.kit import Row
    from trialbridge.sdtm.table import Study
    from trialbridge.study_file.model import StudyFile

JOIN = "\x1f"


@dataclass(slots=True)
class ToForms:
    """The forms, what could not be put on them, and the comparison of the study with what the forms give again."""

    source: Source
    findings: list[Finding]
    comparison: Comparison
    placed: dict[str, int]
    homeless: dict[str, int]


@dataclass(slots=True)
class _Filled:
    """A source's records on the way: by key, in the order first met."""

    texts: dict[Any, dict[str, str]] = field(default_factory=dict)
    number: Counter[str] = field(default_factory=Counter)


def to_forms(study: Study, file: StudyFile, layout: Mapping[str, tuple[str, ...]] | None = None) -> ToForms:
    """The forms of a study. `layout` gives the columns of each table in their order; else those of the study file."""
    findings: list[Finding] = []
    filled: dict[str, _Filled] = {name: _Filled() for name in file.sources}
    placed, homeless = _place_all(study, file, filled, findings)
    forms = {}
    for name, described in file.sources.items():
        title = described.table or name
        columns = (layout or {}).get(title) or described.columns or _columns(file, name)
        forms[title] = _form(title, columns, filled[name])
    source = Source("forms", forms)
    again = to_sdtm(source, file, version=study.version)
    comparison = compare_studies(study, again.study)
    findings.extend(_unequal(comparison, study))
    return ToForms(source, findings, comparison, dict(placed), dict(homeless))


def _place_all(
    study: Study, file: StudyFile, filled: dict[str, _Filled], findings: list[Finding]
) -> tuple[Counter[str], Counter[str]]:
    """Put every row of the study on the forms; how many of each dataset found a place, and how many did not."""
    parents = {table.name: records(table) for table in study if not table.name.startswith("SUPP")}
    loose = joined(study, parents)
    by_domain: dict[str, list[Block]] = defaultdict(list)
    for block in blocks_of(file):
        by_domain[block.domain.domain].append(block)
    located: dict[tuple[str, Any, Any], tuple[str, Any]] = {}
    placed: Counter[str] = Counter()
    homeless: Counter[str] = Counter({name: len(its) for name, its in loose.items()})
    order = [*(name for name in by_domain if name in parents), *(name for name in parents if name not in by_domain)]
    order.sort(key=lambda name: name == "RELREC")  # its rows point at others
    for name in order:
        for one in parents[name]:
            if _place(one, by_domain.get(name, []), file, filled, located):
                placed[name] += 1
            else:
                homeless[name] += 1
    for name, count in homeless.items():
        if count:
            message = f"{count} rows have no form: no block of the study file makes rows like them."
            findings.append(
                Finding(
                    "TB-FORM-HOMELESS",
                    Severity.WARNING,
                    Where(dataset=name),
                    message,
                    "add a form and a block for them",
                )
            )
    return placed, homeless


def _place(
    one: RowRecord,
    blocks: Iterable[Block],
    file: StudyFile,
    filled: dict[str, _Filled],
    located: dict[tuple[str, Any, Any], tuple[str, Any]],
) -> bool:
    """Put one row on a form; whether it has a place there."""
    for block in blocks:
        if block.domain.source is None:
            if _written_out(one.row, block):
                return True
            continue
        for _, lines in block.rows():
            if not _fits(one.row, lines):
                continue
            if _put(one, block, lines, file, filled, located):
                return True
    return False


def _written_out(row: Row, block: Block) -> bool:
    return any(
        all(
            row.get(name) == (float(value) if isinstance(value, int | float) else value)
            for name, value in given.items()
        )
        for given in block.domain.rows
    )


def _fits(row: Row, lines: Iterable[FormLine]) -> bool:
    """Whether a row has the constants of these lines."""
    for line in lines:
        if line.word == "hardcode" and line.spelling is not None:
            value = row.get(line.variable)
            if value is None and line.when is not None:
                continue
            if value is None or line.spelling.to_fhir(value, None) is None:
                return False
    return True


def _put(
    one: RowRecord,
    block: Block,
    lines: Iterable[FormLine],
    file: StudyFile,
    filled: dict[str, _Filled],
    located: dict[tuple[str, Any, Any], tuple[str, Any]],
) -> bool:
    """Write a row's texts into the record of its key. False where a column's texts contradict each other."""
    row, name = one.row, str(block.domain.source)
    subject = _subject(row, block, file)
    own: Texts = {} if subject is None else {_subject_column(file, name): subject}
    others: list[tuple[str, Texts]] = []
    for line in lines:
        value = row.get(line.variable)
        if value is None or not line.back or line.spelling is None:
            continue
        texts = line.spelling.to_fhir(value, None)
        if texts is None:
            continue
        if line.word == "lookup":
            if not line.line.where and not line.line.by:
                others.append((str(line.line.in_), texts))
            continue
        if any(own.get(column, text) != text for column, text in texts.items()):
            return False
        own.update(texts)
    key = _key(one, block, lines, own, file, located)
    if key is None:
        return False
    record = filled[name].texts.setdefault(key, {})
    if any(record.get(column, text) != text for column, text in own.items()):
        key = (key, id(one))  # the same key with other values: a record of its own
        record = filled[name].texts.setdefault(key, {})
    record.update(own)
    sequence = row.get(f"{one.dataset[:2]}SEQ")
    located[one.dataset, row.get("USUBJID"), sequence] = (name, key)
    for other, texts in others:
        if subject is not None:
            filled[other].texts.setdefault((subject,), {_subject_column(file, other): subject}).update(texts)
    return True


def _subject(row: Row, block: Block, file: StudyFile) -> str | None:
    """The subject's number of a row."""
    given = row.get("USUBJID")
    if not isinstance(given, str) or not (about_subjects(block.domain.domain) or block.domain.domain == "RELREC"):
        return None
    start = usubjid(file, "")
    return given.removeprefix(start) if given.startswith(start) else given


def _subject_column(file: StudyFile, source: str) -> str:
    return file.sources[source].subject or file.subjects.column


def _key(
    one: RowRecord,
    block: Block,
    lines: Iterable[FormLine],
    own: Texts,
    file: StudyFile,
    located: Mapping[tuple[str, Any, Any], tuple[str, Any]],
) -> Any:
    """The key of the record a row belongs to; None where it is not known."""
    for line in lines:
        if line.line.sequence_of is not None:
            number = one.row.get(line.variable)
            wanted = float(number) if isinstance(number, str) and number.replace(".", "", 1).isdigit() else number
            found = located.get((line.line.sequence_of, one.row.get("USUBJID"), wanted))
            return found[1] if found is not None and found[0] == block.domain.source else None
    keys = file.sources[str(block.domain.source)].keys
    if not keys:
        if block.domain.domain == "RELREC":  # the other side of a relation: its own row finds the record
            return _related(one, block, own, located)
        return (one.dataset, id(one))
    if all(column in own for column in keys):
        return tuple(own[column] for column in keys)
    return None


def _related(one: RowRecord, block: Block, own: Texts, located: Mapping[tuple[str, Any, Any], tuple[str, Any]]) -> Any:
    """A row of RELREC that does not name the record itself: nothing is written, the partner's row does."""
    del block, located
    own.clear()
    return ("partner", id(one))


def _columns(file: StudyFile, source: str) -> tuple[str, ...]:
    """The columns of a source that the lines name: keys first, then in the order met."""
    described = file.sources[source]
    subject = _subject_column(file, source)
    personal = any(block.source == source and about_subjects(block.domain) for block in file.domains)
    found = dict.fromkeys((*((subject,) if personal else ()), *described.keys))
    for block in file.domains:
        if block.source == source:
            for line in block.lines():
                found.update(dict.fromkeys(line.columns()))
            found.update(dict.fromkeys(block.same))
        for line in block.lines():
            if line.in_ == source and line.lookup is not None:
                found[line.lookup] = None
    return tuple(found)


def _form(title: str, columns: tuple[str, ...], filled: _Filled) -> Form:
    rows: list[Record] = []
    for texts in filled.texts.values():
        whole = _joined(texts)
        cells = {column: Cell(whole[column]) for column in columns if whole.get(column) not in (None, "")}
        if cells:
            rows.append(Record(len(rows) + 2, cells))
    return Form(title, tuple(Column(one, one) for one in columns), tuple(rows))


def _joined(texts: Mapping[str, str]) -> dict[str, str]:
    """The texts of a record, those of `split` lines put together again."""
    whole: dict[str, str] = {}
    pieces: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for column, text in texts.items():
        if JOIN in column:
            name, part, separator = column.split(JOIN)
            pieces[name, separator][int(part)] = text
        else:
            whole[column] = text
    for (name, separator), parts in pieces.items():
        whole[name] = separator.join(parts.get(at, "") for at in range(1, max(parts) + 1))
    return whole


def _unequal(comparison: Comparison, study: Study) -> Iterator[Finding]:
    """What the forms do not give back, by variable; a column without values is told as a note."""
    counts = Counter((one.where.dataset, one.where.variable, one.kind) for one in comparison.differences)
    for (dataset, variable, kind), count in counts.items():
        where = Where(dataset=dataset, variable=variable)
        if kind == "column" and dataset in study and variable in study[str(dataset)].frame.columns:
            column = study[str(dataset)].frame[str(variable)]
            if column.null_count() == len(column):
                message = "The column has no values and is not on the forms."
                yield Finding(
                    "TB-FORM-EMPTY", Severity.NOTE, where, message, "keep it in the study file, if it is wanted"
                )
                continue
        what = "cells do" if count != 1 else "cell does" if kind == "cell" else f"{kind} does"
        message = f"{count} {what} not come back from the forms."
        yield Finding(
            "TB-FORM-LOST", Severity.WARNING, where, message, "give the variable a line that can be written back"
        )
