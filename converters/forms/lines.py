"""Lines of the study file to functions: each variable's line compiled once, for both directions where it inverts.

`Spelling` is the dictionary's own (`mappings.kit`): `to_sdtm(view, None)` gives the cell or None, `to_fhir(cell, None)`
gives what stands on the form, texts by column, or None where the line cannot be written back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.converters.forms import codes as forms_codes
from trialbridge.crf.reading import dates, numbers
from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import plain
from trialbridge.mappings.expressions import decimal_of_fraction
from trialbridge.mappings.kit import Spelling
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm import metadata
from trialbridge.study_file.condition import Condition, parse
from trialbridge.study_file.lines import DateParts, Part, VariableLine
from trialbridge.study_file.reading import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialbridge.converters.forms.codes import Table
    from trialbridge.converters.forms.view import View

Value = str | float | None
Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class FormLine:
    """A compiled line. `spelling` is None for what is made after all rows are there (derive, sequence_of).

    The spelling of a lookup reads and writes a record of the other source.
    """

    variable: str
    line: VariableLine
    when: Condition | None
    spelling: Spelling | None
    word: str
    columns: tuple[str, ...]

    @property
    def back(self) -> bool:
        """Whether it is written back to the form."""
        return self.line.direction == "both" and self.spelling is not None and not self.spelling.loses


def compiled(
    domain: str, variable: str, line: VariableLine, tables: Mapping[str, Table], *, verbatim: bool = False
) -> FormLine:
    """The line of a variable. `verbatim` takes texts as they are (for trial design). Raises UnknownNameError."""
    when = parse(line.when) if line.when is not None else None
    makers: dict[str, Callable[[], Spelling | None]] = {
        "assign": lambda: _assign(domain, variable, line, tables, verbatim=verbatim),
        "assign_ct": lambda: _assign_ct(domain, variable, line, tables),
        "hardcode": lambda: _hardcode(domain, variable, str(line.hardcode)),
        "concat": lambda: _concat(line.concat or (), tables, variable),
        "split": lambda: _split(line),
        "date": lambda: _date(line.date, variable),
        "convert": lambda: _convert(domain, variable, line),
        "lookup": lambda: _lookup(domain, variable, line, tables),
    }
    maker = makers.get(line.word)
    return FormLine(variable, line, when, maker() if maker else None, line.word, line.columns())


def is_number(domain: str, variable: str) -> bool:
    """Whether the standard has the variable as Num; what it does not know is Num by its ending."""
    if variable.startswith("SUPP."):
        return False
    try:
        return metadata.variable(variable, domain=domain).type == "Num"
    except UnknownNameError:
        return variable[2:] in ("SEQ", "DY", "STDY", "ENDY", "STRESN", "DOSE", "VISITNUM", "STNRLO", "STNRHI")


def is_date(variable: str) -> bool:
    """Whether a variable holds ISO 8601."""
    return variable.endswith("DTC") and not variable.startswith("SUPP.")


def typed(domain: str, variable: str, text: str) -> Value:
    """A constant as its variable has it."""
    return float(text) if is_number(domain, variable) else text


def _lookup(domain: str, variable: str, line: VariableLine, tables: Mapping[str, Table]) -> Spelling | None:
    """How the other source's column is read: as if it were assigned there."""
    column = str(line.lookup)
    as_date = is_date(variable) and line.codes is None
    there = VariableLine(date=column) if as_date else VariableLine(assign=column, codes=line.codes)
    return compiled(domain, variable, there, tables).spelling


# --- the words --------------------------------------------------------------------------------------------------------


def _assign(domain: str, variable: str, line: VariableLine, tables: Mapping[str, Table], *, verbatim: bool) -> Spelling:
    column = str(line.assign)
    if line.codes is not None:
        return _by_table(variable, column, tables[line.codes], line, number=is_number(domain, variable))
    if is_date(variable) and not verbatim:
        return _date(column, variable)
    if is_number(domain, variable):
        return Spelling(
            "number",
            lambda view, _: _float(view.read(column, lambda text: numbers.number(text, view.sign(column)), variable)),
            lambda cell, _: {column: number_text(cell)},
        )
    if verbatim:
        return Spelling("text", lambda view, _: view.get(column), lambda cell, _: {column: cell})
    return Spelling(
        "text",
        lambda view, _: view.read(column, lambda text: known_text(view, column, text), variable),
        lambda cell, _: {column: cell},
    )


def known_text(view: View, column: str, text: str) -> str | Doubt:
    """A text; a word that usually stands for an empty cell is a doubt unless a person confirmed it."""
    if text.casefold() in MISSING and not view.confirmed(column):
        return Doubt(Kind.MISSING_WORD, "the text may mean that nothing is known; list it under reading.missing", "")
    return text


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _assign_ct(domain: str, variable: str, line: VariableLine, tables: Mapping[str, Table]) -> Spelling:
    column = str(line.assign_ct)
    number = is_number(domain, variable)
    if line.codes is not None:
        return _by_table(variable, column, tables[line.codes], line, number=number)
    code = line.codelist or forms_codes.codelist_of(domain, variable)
    if code is None:
        raise UnknownNameError(
            f"{domain}.{variable} has no codelist of its own at hand.", fix="give codes: TABLE or codelist: C12345"
        )
    return _by_table(
        variable, column, forms_codes.of_codelist(code), line, number=number, yes_no=code == forms_codes.YES_NO
    )


def _by_table(
    variable: str, column: str, table: Table, line: VariableLine, *, number: bool, yes_no: bool = False
) -> Spelling:
    """A column by a table; VISIT and VISITNUM both come from the visits."""

    def value(view: View, text: str) -> str | Doubt:
        found = table.value(text)
        if not isinstance(found, Doubt):
            return found
        if yes_no:
            for word, meaning in (
                *((one, "Y") for one in view.reading.yes_words),
                *((one, "N") for one in view.reading.no_words),
            ):
                if plain(word) == plain(text):
                    return meaning
        if line.otherwise == "keep":
            return known_text(view, column, text)
        if table.open_ and view.confirmed(column):
            return text
        return found

    def to_sdtm(view: View, _: Any) -> Value:
        found = view.read(column, lambda text: value(view, text), variable)
        return float(found) if number and found is not None else found

    def to_form(cell: Any, _: Any) -> Texts | None:
        plain_value = number_text(cell) if isinstance(cell, float) else str(cell)
        text = table.text(plain_value)
        if text is None and (line.otherwise == "keep" or (table.open_ and plain_value)):
            text = plain_value
        return None if text is None else {column: text}

    return Spelling(f"codes {table.name}", to_sdtm, to_form)


def _hardcode(domain: str, variable: str, text: str) -> Spelling:
    value = typed(domain, variable, text)
    return Spelling(f"constant {text!r}", lambda _view, _: value, lambda cell, _: {} if cell == value else None)


def _concat(parts: tuple[Part, ...], tables: Mapping[str, Table], variable: str) -> Spelling:
    def to_sdtm(view: View, _: Any) -> str | None:
        found = []
        for one in parts:
            if one.column is None:
                found.append(one.text or "")
                continue
            table = tables[one.codes] if one.codes else None
            text = view.read(one.column, table.value if table else (lambda text: text), variable)
            if text is None:
                return None
            found.append(text)
        return "".join(found)

    pattern = re.compile(
        "".join(
            re.escape(one.text or "")
            if one.column is None
            else _alternatives(tables[one.codes])
            if one.codes
            else "(.+?)"
            for one in parts
        )
    )
    columns = [one for one in parts if one.column is not None]

    def to_form(cell: str, _: Any) -> Texts | None:
        found = pattern.fullmatch(cell)
        if found is None:
            return None
        texts: Texts = {}
        for one, text in zip(columns, found.groups(), strict=True):
            written = tables[one.codes].text(text) if one.codes else text
            if written is not None:
                texts[str(one.column)] = written
        return texts

    return Spelling("concat", to_sdtm, to_form)


def _alternatives(table: Table) -> str:
    """A pattern of a table's values, the longest first."""
    values = sorted({*table.write, *table.read.values()}, key=lambda one: (-len(one), one))
    beyond = r"|\d+(?:\.\d+)?" if table.pattern else ""
    return f"({'|'.join(map(re.escape, values))}{beyond})"


def _split(line: VariableLine) -> Spelling:
    column, separator, part = str(line.split), line.separator, line.part

    def piece(text: str) -> str | None:
        pieces = [one.strip() for one in text.split(separator)] if separator.strip() else text.split()
        return pieces[part - 1] or None if len(pieces) >= part else None

    def to_sdtm(view: View, _: Any) -> str | None:
        text = view.get(column)
        return None if text is None else piece(text)

    return Spelling(f"part {part}", to_sdtm, lambda cell, _: {f"{column}\x1f{part}\x1f{separator}": cell})


def _date(given: str | DateParts | None, variable: str) -> Spelling:
    parts = DateParts(date=given) if isinstance(given, str) else given
    if parts is None:
        raise UnknownNameError("A date has no column.")
    return _whole_date(parts.date, parts.time, variable) if parts.date is not None else _parted(parts, variable)


def _whole_date(column: str, time: str | None, variable: str) -> Spelling:
    """A date column, perhaps with a time column beside it."""

    def to_sdtm(view: View, _: Any) -> str | None:
        day = view.read(column, lambda text: in_range(view, column, text), variable)
        clock = view.read(time, dates.time, variable) if time is not None else None
        return f"{day}T{clock}" if day is not None and clock is not None and len(day) == 10 else day

    def to_form(cell: str, _: Any) -> Texts:
        if time is None or "T" not in cell:
            return {column: cell}
        day, _sign, clock = cell.partition("T")
        return {column: day, time: clock}

    return Spelling("date", to_sdtm, to_form)


def in_range(view: View, column: str, text: str) -> str | Doubt:
    """The date of a text; one outside the centre's bounds is a doubt unless a person confirmed it."""
    found = dates.date(text, view.reading.dates, view.reading.century)
    if isinstance(found, Doubt) or view.confirmed(column):
        return found
    day, latest = found[:10], view.reading.latest
    if day < view.reading.earliest[: len(day)]:
        return Doubt(Kind.DATE_RANGE, f"the date is before {view.reading.earliest}", "")
    if latest is not None and day > latest[: len(day)]:
        return Doubt(Kind.DATE_RANGE, f"the date is after {latest}", "")
    return found


def _parted(parts: DateParts, variable: str) -> Spelling:
    """A date whose parts stand in columns of their own."""
    names = [(one, getattr(parts, one)) for one in ("year", "month", "day", "hour", "minute")]
    given = [(name, str(column)) for name, column in names if column is not None]

    def to_sdtm(view: View, _: Any) -> str | None:
        found: dict[str, str] = {}
        for name, column in given:
            value = view.read(column, partial(_date_part, name), variable)
            if value is None:
                break
            found[name] = value
        if "year" not in found:
            return None
        day = "-".join(found[one] for one in ("year", "month", "day") if one in found)
        checked = dates.date(day, "year-first")
        if isinstance(checked, Doubt):
            last = [column for name, column in given if name in found][-1]
            view.ask(last, view.get(last) or "", checked, variable)
            return None
        clock = ":".join(found[one] for one in ("hour", "minute") if one in found)
        return f"{checked}T{clock if ':' in clock else clock + ':00'}" if clock else checked

    def to_form(cell: str, _: Any) -> Texts | None:
        values = [one for one in re.split(r"[-T:]", cell) if one]
        return {column: value for (_, column), value in zip(given, values, strict=False)}

    return Spelling("date parts", to_sdtm, to_form)


def _date_part(name: str, text: str) -> str | Doubt | None:
    if text.casefold() in dates.UNKNOWN:
        return None
    if name == "month" and text.casefold().rstrip(".") in dates.MONTHS:
        return f"{dates.MONTHS[text.casefold().rstrip('.')]:02}"
    whole = text.removesuffix(".0")
    width = 4 if name == "year" else 2
    if not whole.isdigit() or len(whole) > width or (name == "year" and len(whole) != width):
        return Doubt(Kind.DATE_UNREADABLE, f"this is no {name}", "")
    return whole.zfill(width)


def _convert(domain: str, variable: str, line: VariableLine) -> Spelling:
    """A number in another unit; a limit keeps its sign where the variable is text."""
    column = str(line.convert)
    factor = Fraction(line.times) if line.times is not None else 1 / Fraction(line.divided_by or 1)
    number = is_number(domain, variable)

    def to_sdtm(view: View, _: Any) -> Value:
        def reader(text: str) -> tuple[str, Decimal] | Doubt:
            return numbers.result(text, view.sign(column))

        text = view.get(column)
        if text is None:
            return None
        found = reader(text)
        if isinstance(found, Doubt):
            return None  # the verbatim result stands in --ORRES; what is no number has no other unit
        sign, value = found
        if number and sign:
            return None
        made = _scaled(value, factor, line.decimals)
        return float(made) if number else sign + number_text(made)

    back = 1 / factor
    exact = line.decimals is None and decimal_of_fraction(back) is not None and decimal_of_fraction(factor) is not None

    def to_form(cell: Any, _: Any) -> Texts | None:
        given = Decimal(repr(cell)) if isinstance(cell, float) else None
        plain_value = None if given is None else decimal_of_fraction(Fraction(given) * back)
        return None if plain_value is None else {column: number_text(plain_value)}

    return Spelling("convert", to_sdtm, to_form, loses="" if exact else "rounded, or without a finite decimal")


def _scaled(value: Decimal, factor: Fraction, decimals: int | None) -> Decimal:
    exact = Fraction(value) * factor
    if decimals is None:
        finite = decimal_of_fraction(exact)
        return finite if finite is not None else Decimal(repr(float(exact)))
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
