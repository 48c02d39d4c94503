"""REDCap: record exports (flat and EAV, raw codes) with their data dictionary, an instrument a form.

An instrument's form has the record's id, event and instance, then its fields; a checkbox is one column a choice
(`symptoms___2`), as REDCap exports it. Repeating instruments and repeating events give one record an instance. Without
a dictionary the fields of all instruments stand in one form.

Source: REDCap's Help & FAQ and API documentation: export columns redcap_event_name, redcap_repeat_instrument,
redcap_repeat_instance, redcap_data_access_group, `field___code`, `<instrument>_complete`; EAV columns record,
redcap_event_name, redcap_repeat_instrument, redcap_repeat_instance, field_name, value; the dictionary's 18 columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.crf.files import csv
from trialbridge.crf.model import Cell, Column, Form, Record, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

KIND = "redcap"
EVENT, INSTRUMENT, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
ABOUT = (EVENT, INSTRUMENT, INSTANCE, "redcap_data_access_group", "redcap_survey_identifier")
_HEADERS = {
    "variable / field name": "field",
    "field_name": "field",
    "form name": "form",
    "form_name": "form",
    "field type": "type",
    "field_type": "type",
    "field label": "label",
    "field_label": "label",
    "choices, calculations, or slider labels": "choices",
    "select_choices_or_calculations": "choices",
    "field note": "note",
    "field_note": "note",
    "text validation type or show slider number": "validation",
    "text_validation_type_or_show_slider_number": "validation",
}
_CODED = frozenset({"radio", "dropdown", "checkbox"})
_FIXED = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_EAV = frozenset({"record", "field_name", "value"})


@dataclass(frozen=True, slots=True)
class Item:
    """A field of the dictionary."""

    name: str
    form: str
    type: str
    label: str
    validation: str = ""
    note: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> Source:
    """A record export alone, or a dictionary alone. Raises UnreadableInputError."""
    return read_all([path])


def read_all(paths: Sequence[Path]) -> Source:
    """Record exports with their dictionary, told apart by their columns. Raises UnreadableInputError."""
    findings: list[Finding] = []
    dictionary: dict[str, Item] = {}
    exports: list[Form] = []
    for path in paths:
        form = csv.read_form(path.read_bytes(), path.name, path.stem, findings)
        names = {one.name.lower() for one in form.columns}
        if names & {"variable / field name"} or {"field_name", "form_name", "field_type"} <= names:
            dictionary |= items(form)
        else:
            exports.append(form)
    if not exports:
        raise UnreadableInputError(
            "There is a data dictionary and no record export.", Where(file=str(paths[0])), "give the records, too"
        )
    forms: dict[str, Form] = {}
    for given in exports:
        one = _flat(given, dictionary, findings) if {c.name.lower() for c in given.columns} >= _EAV else given
        for form in _instruments(one, dictionary, findings) if dictionary else (one,):
            if form.name in forms:
                raise UnreadableInputError(f"Two exports hold {form.name}.", Where(file=one.file), "give one of them")
            forms[form.name] = form
    if not dictionary:
        message = "There is no data dictionary: instruments, labels and choices are not known."
        findings.append(_finding(message, Where(file=exports[0].file), "give the dictionary's CSV with the records"))
    return Source(KIND, forms, tuple(findings))


def _finding(message: str, where: Where, fix: str) -> Finding:
    return Finding("TB-CRF-REDCAP", Severity.WARNING, where, message, fix)


def items(form: Form) -> dict[str, Item]:
    """The fields of a data dictionary. Raises UnreadableInputError where a row has no field or form."""
    names = {_HEADERS[one.name.lower()]: one.name for one in form.columns if one.name.lower() in _HEADERS}
    found: dict[str, Item] = {}
    for record in form.records:

        def get(what: str, record: Record = record) -> str:
            return (record.text(names[what]) or "").strip() if what in names else ""

        if not get("field") or not get("form"):
            raise UnreadableInputError(
                "A field has no name or no form.", Where(file=form.file, line=record.row), "export the dictionary again"
            )
        kind = get("type")
        choices = parsed(get("choices")) if kind in _CODED else _FIXED.get(kind, {})
        found[get("field")] = Item(
            get("field"), get("form"), kind, get("label"), get("validation"), get("note"), choices
        )
    return found


def parsed(text: str) -> dict[str, str]:
    """The choices of a field: `1, Man | 2, Vrouw`.

    >>> parsed("1, Man | 2, Vrouw, anders | -99, Unknown")
    {'1': 'Man', '2': 'Vrouw, anders', '-99': 'Unknown'}
    """
    found = {}
    for one in text.split("|"):
        code, comma, label = one.strip().partition(",")
        if comma:
            found[code.strip()] = label.strip()
    return found


def _flat(form: Form, dictionary: Mapping[str, Item], findings: list[Finding]) -> Form:
    """An EAV export as a flat one: a record, event and instance a row.

    A checkbox is known by the dictionary; by having several values where the dictionary does not know the field. Several
    values of any other field are all kept in its cell, and told.
    """
    identifier = next(iter(dictionary), "record_id")
    rows: dict[tuple[str, ...], dict[str, list[Cell]]] = {}
    places: dict[tuple[str, ...], int] = {}
    for record in form.records:
        key = tuple(record.text(one) or "" for one in ("record", EVENT, INSTRUMENT, INSTANCE))
        places.setdefault(key, record.row)
        cell = record.cells.get("value")
        if cell is not None:
            rows.setdefault(key, {}).setdefault(record.text("field_name") or "", []).append(cell)
    many = {name for its in rows.values() for name, cells in its.items() if len(cells) > 1 and name not in dictionary}
    many |= {name for name, item in dictionary.items() if item.type == "checkbox"}
    records, names = (
        [],
        dict.fromkeys(one for one in (EVENT, INSTRUMENT, INSTANCE) if any(one == c.name for c in form.columns)),
    )
    fields: dict[str, None] = {}
    for key, its in rows.items():
        cells = {name: Cell(text) for name, text in zip((EVENT, INSTRUMENT, INSTANCE), key[1:], strict=True) if text}
        if identifier not in its and key[0]:
            cells[identifier] = Cell(key[0])
        for name, values in its.items():
            if name in many:
                for value in values:
                    cells[f"{name}___{value.text.strip().lower()}"] = Cell("1")
                continue
            distinct = list(dict.fromkeys(one.text for one in values))
            cells[name] = values[0] if len(distinct) == 1 else Cell("; ".join(distinct))
            if len(distinct) > 1:
                where = Where(file=form.file, line=places[key], variable=name)
                findings.append(
                    _finding(f"{name} has {len(distinct)} values in one record.", where, "keep one of them")
                )
        fields.update(dict.fromkeys(cells))
        records.append(Record(places[key], cells))
    columns = tuple(
        Column(one, one) for one in dict.fromkeys([*((identifier,) if identifier in fields else ()), *names, *fields])
    )
    return Form(form.name, columns, tuple(records), form.file)


def _instruments(form: Form, dictionary: Mapping[str, Item], findings: list[Finding]) -> Iterable[Form]:
    """The forms of a flat export, by the dictionary."""
    identifier = next(iter(dictionary))  # the first field of a project is the record's id
    headers = _by_label(form, dictionary)
    instruments = {item.form for item in dictionary.values()}
    present: dict[str, list[Column]] = {}
    unknown = []
    for one in form.columns:
        name = headers.get(one.name, one.name)
        if name in (identifier, *ABOUT) or (name not in dictionary and name.removesuffix("_complete") in instruments):
            continue
        item = dictionary.get(name) or dictionary.get(name.partition("___")[0])
        if item is None:
            unknown.append(name)
        else:
            present.setdefault(item.form, []).append(_column(one.name, name, item))
    if unknown:
        message = f"The dictionary has no field {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''}; {len(unknown)} columns were left out."
        findings.append(_finding(message, Where(file=form.file), "export records and dictionary together"))
    known = instruments | set(map(_title, instruments))
    _misplaced(form, present, known, findings)
    first = [headers.get(one.name, one.name) for one in form.columns]
    about = [one for one in ABOUT if one in first]
    for name, columns in present.items():
        records = [
            Record(record.row, {**_head(record, (identifier, *about)), **cells})
            for record in form.records
            if _of_instrument(record, name, known)
            and (
                cells := {
                    column.name: cell
                    for column in columns
                    if (cell := record.cells.get(column.place)) is not None and _chosen(column, cell)
                }
            )
        ]
        heads = tuple(Column(one, one) for one in (identifier, *about))
        yield Form(name, (*heads, *columns), tuple(records), form.file)


def _of_instrument(record: Record, name: str, known: Collection[str]) -> bool:
    """Whether a row may hold an instrument's fields: it names that instrument, or none of the `known` ones.

    A labelled export names an instrument by its label, which the dictionary does not know: the row is then whose fields
    it fills.
    """
    said = record.text(INSTRUMENT)
    return not said or said in (name, _title(name)) or said not in known


def _misplaced(
    form: Form, present: Mapping[str, list[Column]], known: Collection[str], findings: list[Finding]
) -> None:
    """Say which rows hold values of another instrument than the repeating one they name: these are not read."""
    for name, columns in present.items():
        rows = [
            record.row
            for record in form.records
            if not _of_instrument(record, name, known)
            and any((cell := record.cells.get(one.place)) is not None and _chosen(one, cell) for one in columns)
        ]
        if rows:
            message = f"{len(rows)} rows of another repeating instrument hold values of {name}, which were left out."
            findings.append(_finding(message, Where(file=form.file, line=rows[0]), f"see {INSTRUMENT} in these rows"))


def _chosen(column: Column, cell: Cell) -> bool:
    """Whether a cell says something: a checkbox that is not ticked does not."""
    return not (column.type == "checkbox" and cell.text.strip() in ("0", "Unchecked"))


def _head(record: Record, names: Iterable[str]) -> dict[str, Cell]:
    return {one: cell for one in names if (cell := record.cells.get(one)) is not None}


def _title(name: str) -> str:
    """An instrument as label exports call it."""
    return name.replace("_", " ").title()


def _column(place: str, name: str, item: Item) -> Column:
    _, _, code = name.partition("___")
    label, codes = item.label, dict(item.choices)
    if code:
        chosen = item.choices.get(code) or next(
            (text for one, text in item.choices.items() if _as_code(one) == code), code
        )
        label, codes = f"{item.label} (choice={chosen})", {"1": chosen}
    kind = "checkbox" if code else item.validation or item.type
    return Column(name, place, label, kind, codes, help=item.note)


def _as_code(code: str) -> str:
    """A choice's code as it stands in a column's name: small letters, a minus as an underscore."""
    return re.sub(r"[^a-z0-9_]", "_", code.lower())


def _by_label(form: Form, dictionary: Mapping[str, Item]) -> dict[str, str]:
    """The field of each column of a labelled export; empty where the columns are field names."""
    if any(one.name in dictionary for one in form.columns):
        return {}
    labels = {item.label: name for name, item in dictionary.items()}
    return {one.name: labels[one.name] for one in form.columns if one.name in labels}
