"""From a centre's own tables to SDTM: records to rows by the study file's lines, then what only SDTM holds.

Every record is used, rejected with its reason, or said to be in no block; every doubtful value is a question, and its
variable stays empty until it is settled. Each made cell knows the cells it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.carry import Qualifier
from trialbridge.converters.forms import codes as forms_codes
from trialbridge.converters.forms import derive as forms_derive
from trialbridge.converters.forms.lines import FormLine, compiled, is_number, typed
from trialbridge.converters.forms.questions import Questions
from trialbridge.converters.forms.records import held
from trialbridge.converters.forms.rows import Made, Rows
from trialbridge.converters.records import Record
from trialbridge.converters.tables import tables_of
from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import plain
from trialbridge.sdtm import metadata, terminology
from trialbridge.sdtm.date_order import compare
from trialbridge.study_file.condition import parse
from trialbridge.study_file.lines import VariableLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.converters.forms.codes import Table as CodeTable
    from trialbridge.converters.forms.questions import Decision, Question
    from trialbridge.converters.forms.records import Held, Rejected
    from trialbridge.converters.forms.view import View
    from trialbridge.crf.model import Source
    from trialbridge.sdtm.table import Study, Table
    from trialbridge.study_file.condition import Condition
    from trialbridge.study_file.domains import Domain
    from trialbridge.study_file.model import StudyFile


TEMPLATE_STUDY = "Study"
"""The sheet of the bundled template that holds what is said of the study, and no records."""


@dataclass(slots=True)
class FromForms:
    """What came of it. `records` holds, by form: given, used, rejected, in no block; `made` the rows with origins."""

    study: Study
    findings: list[Finding]
    questions: list[Question]
    rejected: list[Rejected]
    records: dict[str, dict[str, int]]
    made: dict[str, list[Made]]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the study file, compiled: the common lines, and those of each row it makes."""

    number: int
    domain: Domain
    when: Condition | None
    lines: tuple[FormLine, ...]
    each: tuple[tuple[Condition | None, tuple[FormLine, ...]], ...] = ()

    def rows(self) -> Iterable[tuple[Condition | None, tuple[FormLine, ...]]]:
        """The rows a record makes: the condition and all lines of each."""
        for when, lines in self.each or ((None, ()),):
            own = {one.variable for one in lines}
            yield when, (*(one for one in self.lines if one.variable not in own), *lines)


def tables_by_name(study: StudyFile) -> dict[str, CodeTable]:
    """Every code table that lines may name."""
    named = {name: forms_codes.of_codes(name, codes) for name, codes in study.codes.items()}
    return {**named, "VISITS": forms_codes.of_visits(study.visits)}


def blocks_of(study: StudyFile) -> list[Block]:
    """The blocks, compiled. Raises UnknownNameError naming the variable that cannot be made."""
    tables = tables_by_name(study)
    made = []
    for number, one in enumerate(study.domains):
        same = tuple(compiled(one.domain, name, VariableLine(assign=name), tables, verbatim=True) for name in one.same)
        lines = tuple(compiled(one.domain, name, line, tables) for name, line in one.variables.items())
        each = tuple(
            (
                parse(row.when) if row.when else None,
                tuple(compiled(one.domain, name, line, tables) for name, line in row.variables.items()),
            )
            for row in one.each
        )
        made.append(Block(number, one, parse(one.when) if one.when else None, same + lines, each))
    return made


def to_sdtm(
    source: Source, study: StudyFile, decisions: Mapping[str, Decision] | None = None, version: str = metadata.LATEST
) -> FromForms:
    """The study that a source's records tell. Raises UnreadableInputError where a column is missing."""
    findings: list[Finding] = list(source.findings)
    questions = Questions(dict(decisions or {}))
    sources = held(source, study, questions, findings)
    rows = Rows()
    used: dict[str, set[int]] = {name: set() for name in sources}
    for block in blocks_of(study):
        if block.domain.source is None:
            _written_out(block.domain, study, rows)
        elif block.domain.source in sources:
            _from_block(block, study, sources, rows, used)
    _subjects_known(rows)
    forms_derive.derive(rows, study, questions, version)
    _ends_before_starts(rows)
    findings.extend(questions.findings())
    records = _accounts(source, sources, used, findings)
    return FromForms(
        _study(rows, study, version),
        findings,
        list(questions.asked.values()),
        [reject for one in sources.values() for reject in one.rejected],
        records,
        rows.by_domain,
    )


def usubjid(study: StudyFile, subject: str) -> str:
    """USUBJID of a subject's number."""
    prefix = study.subjects.prefix if study.subjects.prefix is not None else f"{study.study.id}-"
    return prefix + subject


def about_subjects(domain: str) -> bool:
    """Whether a dataset's records belong to subjects."""
    try:
        return "USUBJID" in metadata.domain(domain)
    except UnknownNameError:  # a dataset of the sponsor's own
        return True


def _written_out(domain: Domain, study: StudyFile, rows: Rows) -> None:
    for given in domain.rows:
        row = {
            name: typed(domain.domain, name, str(value)) if value is not None else None for name, value in given.items()
        }
        rows.add(domain, Made({"STUDYID": study.study.id, **_domain(domain.domain), **row}, None, domain))


def _domain(name: str) -> dict[str, str]:
    return {"DOMAIN": name[:2]} if "DOMAIN" in _variables(name) else {}


def _variables(name: str) -> Any:
    try:
        return metadata.domain(name)
    except UnknownNameError:  # a dataset of the sponsor's own
        return ("DOMAIN",)


def _from_block(
    block: Block, study: StudyFile, sources: Mapping[str, Held], rows: Rows, used: dict[str, set[int]]
) -> None:
    domain = block.domain
    personal = about_subjects(domain.domain)
    for view in sources[str(domain.source)].views:
        if personal and view.subject is None and domain.domain != "RELREC":
            continue
        if block.when is not None and not block.when(view.get):
            continue
        used[str(domain.source)].add(view.record.row)
        for when, lines in block.rows():
            if when is not None and not when(view.get):
                continue
            row: dict[str, Any] = {"STUDYID": study.study.id, **_domain(domain.domain)}
            if view.subject is not None and personal:
                row["USUBJID"] = usubjid(study, view.subject)
            made = Made(row, view, domain)
            for line in lines:
                _fill(made, line, sources)
            rows.add(domain, made)
            for name, at in made.looked_up:
                used[name].add(at)


def _fill(made: Made, line: FormLine, sources: Mapping[str, Held]) -> None:
    view = made.view
    if view is None:
        return
    if line.when is not None and not line.when(view.get):
        return
    if line.word in ("derive", "sequence_of"):
        made.later.append(line)
        return
    if line.word == "lookup":
        value, origin = _looked_up(view, line, sources)
        if origin is not None:
            made.looked_up.append((str(line.line.in_), origin.record.row))
            made.origins[line.variable] = [(origin, (str(line.line.lookup),))]
    else:
        value = line.spelling.to_sdtm(view, None) if line.spelling is not None else None
        made.origins[line.variable] = [(view, line.columns)]
    if value is None:
        return
    if line.variable.startswith("SUPP."):
        name = line.variable.removeprefix("SUPP.")
        made.qualifiers.append(
            Qualifier(name, str(value), line.line.label or name, line.line.origin, line.line.evaluator)
        )
    made.row[line.variable] = value


def _looked_up(view: View, line: FormLine, sources: Mapping[str, Held]) -> tuple[str | float | None, View | None]:
    """The value of another source's record with the same key; more than one different value is asked about."""
    other = sources.get(str(line.line.in_))
    if other is None:
        return None, None
    column = str(line.line.lookup)
    where = parse(line.line.where) if line.line.where else None
    found = [one for one in _matching(view, line.line.by, other) if where is None or where(one.get)]
    reader = line.spelling
    values = [(reader.to_sdtm(one, None), one) for one in found] if reader is not None else []
    distinct = {value for value, _ in values if value is not None}
    if len(distinct) > 1:
        own = next(iter(line.line.by), "")
        message = f"{len(distinct)} records of {other.form.name} give different values of {column}"
        view.ask(f"{own or column}", view.get(own) or "" if own else "", Doubt(Kind.LOOKUP, message, ""), line.variable)
        return None, None
    return next(((value, one) for value, one in values if value is not None), (None, None))


def _matching(view: View, by: tuple[str, ...], other: Held) -> list[View]:
    if not by:
        return other.of_subject(view.subject)
    wanted = tuple(plain(view.get(one) or "") for one in by)
    return other.by_key(by).get(wanted, []) if all(wanted) else []


def _subjects_known(rows: Rows) -> None:
    """Ask about rows of subjects that DM does not have; they are kept."""
    known = {one.row.get("USUBJID") for one in rows.by_domain.get("DM", [])}
    if not known:
        return
    asked: set[tuple[str, int]] = set()
    for made in rows:
        view = made.view
        if view is None or "USUBJID" not in made.row or made.row["USUBJID"] in known:
            continue
        if (view.source, view.record.row) not in asked and not view.confirmed("subject"):
            asked.add((view.source, view.record.row))
            column = view.form.columns[0].name
            message = "DM has no such subject; the record is kept, with the number as it stands"
            view.ask(column, view.get(column) or "", Doubt(Kind.SUBJECT, message, ""))


def _ends_before_starts(rows: Rows) -> None:
    """Ask where an end is surely before its start (SDTMIG 3.4, 4.4.7)."""
    for made in rows:
        view = made.view
        prefix = made.domain.domain[:2]
        start, end = made.row.get(f"{prefix}STDTC"), made.row.get(f"{prefix}ENDTC")
        if view is None or not isinstance(start, str) or not isinstance(end, str) or compare(start[:10], end[:10]) != 1:
            continue
        columns = [one for _, names in made.origins.get(f"{prefix}ENDTC", []) for one in names]
        if columns and not view.confirmed(columns[0]):
            view.ask(
                columns[0],
                view.get(columns[0]) or "",
                Doubt(Kind.ORDER, f"the end is before the start; {prefix}ENDTC is kept", ""),
                "",
            )


def _accounts(
    source: Source, sources: Mapping[str, Held], used: Mapping[str, set[int]], findings: list[Finding]
) -> dict[str, dict[str, int]]:
    """What became of each form's records: given = used + rejected + idle."""
    found: dict[str, dict[str, int]] = {}
    for form in source:
        if source.about.get("template") and form.name == TEMPLATE_STUDY:
            continue
        name = next((one for one, its in sources.items() if its.form is form), None)
        given = len(form.records)
        rejected = len(sources[name].rejected) if name else 0
        made = len(used[name]) if name else 0
        found[form.name] = {"given": given, "used": made, "rejected": rejected, "idle": given - made - rejected}
        if given - made - rejected:
            what = "no block of the study file takes them" if name else "the study file does not name the table"
            findings.append(
                Finding(
                    "TB-CRF-IDLE",
                    Severity.WARNING,
                    Where(dataset=form.name),
                    f"{given - made - rejected} of {given} records make no row: {what}.",
                    "add a block, or leave it so on purpose",
                )
            )
    findings.extend(
        Finding(
            "TB-CRF-REJECT",
            Severity.ERROR,
            Where(file=one.form.file or None, dataset=reject.form, row=reject.row),
            f"The record was not used: {reject.reason}.",
            "see rejects.ndjson and the adjudication file",
        )
        for one in sources.values()
        for reject in one.rejected
    )
    return found


def _study(rows: Rows, study: StudyFile, version: str) -> Study:
    """The tables: required, expected and filled variables, and those the study file keeps."""
    records: dict[str, list[Record]] = {}
    for name, found in rows.by_domain.items():
        keep = {variable for one in study.domains if one.domain == name for variable in one.keep}
        for number, made in enumerate(found, 1):
            values = {
                key: value for key, value in made.row.items() if value is not None and not key.startswith("SUPP.")
            }
            record = Record(name, number, {**dict.fromkeys(keep), **values})
            for qualifier in made.qualifiers:
                record.add(qualifier)
            made.record = record
            records.setdefault(name, []).append(record)
    tables = tables_of(records, None, version, [])
    described = tables.with_tables(_described(table, study) for table in tables)
    return replace(described, ct=terminology.default().package)


def _described(table: Table, study: StudyFile) -> Table:
    """A table whose columns beyond the guide have their line's label, and the type their name tells."""
    labels = {
        name: line.label
        for one in study.domains
        if one.domain == table.name
        for name, line in (*one.variables.items(), *(pair for each in one.each for pair in each.variables.items()))
        if line.label and not name.startswith("SUPP.")
    }
    empty = [one.name for one in table.variables if one.type == "Char" and is_number(table.name, one.name)]
    retyped = [one for one in empty if table.frame[one].null_count() == table.frame.height]
    frame = table.frame.with_columns(pl.col(one).cast(pl.Float64) for one in retyped)
    variables = tuple(
        replace(one, label=one.label or labels.get(one.name, ""), type="Num" if one.name in retyped else one.type)
        for one in table.variables
    )
    return replace(table, frame=frame, variables=variables)
