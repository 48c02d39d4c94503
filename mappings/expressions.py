"""Spellings a study may write down without code: a small vocabulary, read by fixed patterns and never evaluated.

    text | number | number as text | whole number | date | day | result | yes | yes or no
    codes TABLE              one code element; the pairs stand in the table
    concept TABLE            a CodeableConcept; a value may have several codings, each is written and each is read
    codelist C66729          a CodeableConcept for the terms of an NCI codelist: NCIt coding and text
    codelist C66729 with T   the same, with the codings of a table before the NCIt one
    constant 'VALUE'         this value and no other
    times 0.01               SDTM's number is FHIR's times 0.01, exactly
    divided by 0.4536        SDTM's number is FHIR's divided by 0.4536, exactly
    join ' / '               several variables in one text, in the order given (`VAR1 + VAR2`)

What does not invert is refused with the reason, unless the line goes one way. Source: the words are those of
sdtm.oak's and SQL-on-FHIR's users: lookup, constant, concat, unit conversion.

>>> spelled("times 0.01", {}, number=True).to_sdtm(2400, None)
24.0
>>> spelled("times 3", {}, number=True)
Traceback (most recent call last):
...
trialbridge.base.errors.NotInvertibleError: 1/3 has no finite decimal, so the conversion does not invert. Fix: set \
direction to_sdtm, or give a factor whose reciprocal is finite
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import NotInvertibleError, UnknownNameError
from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import Spelling
from trialbridge.mappings.names import coding
from trialbridge.mappings.spellings import (
    COUNT,
    DATE,
    DAY,
    NO_YES,
    NUMBER,
    NUMBER_AS_TEXT,
    RESULT,
    TEXT,
    YES,
    number_text,
    plain_decimal,
)
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trialbridge.mappings.kit import Context, Direction

WORDS: dict[str, Spelling] = {
    "text": TEXT,
    "number": NUMBER,
    "number as text": NUMBER_AS_TEXT,
    "whole number": COUNT,
    "date": DATE,
    "day": DAY,
    "result": RESULT,
    "yes": YES,
    "yes or no": NO_YES,
}
TEXTS = frozenset({"string", "markdown", "code", "id", "uri", "url", "canonical", "oid", "uuid"})
NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
TYPES: dict[str, frozenset[str]] = {
    "text": TEXTS,
    "number": NUMBERS | {"Quantity"},
    "number as text": TEXTS,
    "whole number": NUMBERS,
    "date": frozenset({"dateTime"}),
    "day": frozenset({"date", "dateTime"}),
    "result": frozenset({"Quantity"}),
    "yes": frozenset({"boolean"}),
    "yes or no": frozenset({"boolean"}),
    "codes": TEXTS | NUMBERS | {"boolean"},
    "concept": frozenset({"CodeableConcept"}),
    "codelist": frozenset({"CodeableConcept"}),
    "constant": TEXTS,
    "times": NUMBERS | {"Quantity"},
    "divided by": NUMBERS | {"Quantity"},
    "join": TEXTS,
}
"""The FHIR types an expression may stand at, by its first words."""
_PATTERN = re.compile(
    r"""(?P<word>codes|concept)\s+(?P<table>.+)
      | (?P<codelist>codelist)\s+(?P<list>C\d+)(?:\s+with\s+(?P<further>.+))?
      | (?P<constant>constant)\s+'(?P<value>[^']*)'
      | (?P<unit>times|divided\s+by)\s+(?P<factor>\d+(?:\.\d+)?)
      | (?P<join>join)\s+'(?P<separator>[^']+)'""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class CodePair:
    """A submission value and its code; `way` says whether the pair is read, written, or both."""

    value: str
    system: str
    code: str
    display: str = ""
    way: Direction = "both"


Tables = dict[str, tuple[CodePair, ...]]


def kind_of(text: str) -> str | None:
    """The first words of an expression (a key of TYPES), or None if it is none."""
    if text in WORDS:
        return text
    found = _PATTERN.fullmatch(text)
    if found is None:
        return None
    if found["unit"]:
        return " ".join(found["unit"].split())
    return found["word"] or found["codelist"] or found["constant"] or found["join"]


def tables_of(text: str) -> tuple[str, ...]:
    """The code tables an expression names."""
    found = _PATTERN.fullmatch(text)
    named = (found["table"], found["further"]) if found else ()
    return tuple(one.strip() for one in named if one)


def separator_of(text: str) -> str | None:
    """The separator of a `join`, else None."""
    found = _PATTERN.fullmatch(text)
    return found["separator"] if found else None


def constant_of(text: str) -> str | None:
    """The value of a `constant`, else None."""
    found = _PATTERN.fullmatch(text)
    return found["value"] if found and found["constant"] else None


def spelled(
    text: str,
    tables: Mapping[str, Sequence[CodePair]],
    *,
    number: bool,
    direction: Direction = "both",
    fhir_type: str = "",
) -> Spelling:
    """The spelling of an expression; `number` says whether the variable is Num, `fhir_type` stands at the path.

    Raises UnknownNameError for what is no expression or names no table, NotInvertibleError for what does not invert in
    a line of that direction. `join` makes several lines: see `joined`.
    """
    if text in WORDS:
        return of_quantity(WORDS[text]) if fhir_type == "Quantity" else WORDS[text]
    found = _PATTERN.fullmatch(text)
    if found is None or found["join"]:
        known = ", ".join((*WORDS, "codes T", "concept T", "codelist C1", "constant 'X'", "times 2", "divided by 2"))
        raise UnknownNameError(f"{text!r} is no spelling.", fix=f"Use one of: {known}; or as MAPPING/VARIABLE.")
    if found["word"]:
        pairs = _table(found["table"].strip(), tables)
        if found["word"] == "codes":
            return code_table(found["table"].strip(), pairs, fhir_type)
        return concept_table(found["table"].strip(), pairs)
    if found["codelist"]:
        return _codelist(found["list"], found["further"], tables)
    if found["constant"]:
        pair = CodePair(found["value"], "", found["value"])
        return code_table(text, (pair,), fhir_type)
    factor = Fraction(found["factor"])
    factor = factor if found["unit"] == "times" else _reciprocal(factor)
    made = scaled(text, factor, number=number, direction=direction)
    return of_quantity(made) if fhir_type == "Quantity" else made


def _table(name: str, tables: Mapping[str, Sequence[CodePair]]) -> Sequence[CodePair]:
    if name not in tables:
        raise UnknownNameError(f"There is no code table {name!r}.", fix="Give its pairs among the codes.")
    return tables[name]


# --- codes ------------------------------------------------------------------------------------------------------------


def clashes(pairs: Sequence[CodePair]) -> Iterator[tuple[int, str, str]]:
    """What keeps a table from inverting: the number of the pair, what is wrong, and how it may be marked.

    Pairs with a system are codings: a value may have several. Without one, a value has one code.
    """
    write: dict[str, str] = {}
    read: dict[tuple[str, str], str] = {}
    for number, pair in enumerate(pairs):
        key = (pair.system, pair.code)
        if pair.way != "to_sdtm" and not pair.system and write.setdefault(pair.value, pair.code) != pair.code:
            yield number, f"{pair.value!r} has two codes, {write[pair.value]!r} and {pair.code!r}", "to_sdtm"
        if pair.way != "to_fhir" and read.setdefault(key, pair.value) != pair.value:
            yield number, f"{read[key]!r} and {pair.value!r} are both {pair.code!r}", "to_fhir"


def _inverting(pairs: Sequence[CodePair]) -> Sequence[CodePair]:
    for _, what, way in clashes(pairs):
        raise NotInvertibleError(
            f"The table does not invert: {what}.", fix=f"give one of them another code, or mark its pair {way}"
        )
    return pairs


def code_table(name: str, pairs: Sequence[CodePair], fhir_type: str = "code") -> Spelling:
    """A code element and its submission values. Raises NotInvertibleError naming the pair that does not invert."""
    write: dict[str, Any] = {}
    read: dict[Any, str] = {}
    for pair in _inverting(pairs):
        if pair.system:
            raise NotInvertibleError(f"The pair of {pair.value!r} has a system.", fix="say concept, or leave it out")
        code = _typed(pair.code, fhir_type)
        if pair.way != "to_sdtm":
            write[pair.value] = code
        if pair.way != "to_fhir":
            read[code] = pair.value
    lost = [value for value, code in write.items() if read.get(code) != value]
    return Spelling(
        name,
        lambda code, _ctx: read.get(code) if isinstance(code, str | bool | int) else None,
        lambda value, _ctx: write.get(value),
        pairs=write,
        loses=f"not read back: {', '.join(lost)}" if lost else "",
    )


def _typed(code: str, fhir_type: str) -> Any:
    """A code as JSON has it at an element of that type."""
    if fhir_type == "boolean":
        if code not in {"true", "false"}:
            raise NotInvertibleError(f"{code!r} is no boolean.", fix="write true or false")
        return code == "true"
    if fhir_type in NUMBERS:
        try:
            return int(code)
        except ValueError:
            raise NotInvertibleError(f"{code!r} is no whole number.", fix="the element holds numbers") from None
    return code


def concept_table(name: str, pairs: Sequence[CodePair]) -> Spelling:
    """A CodeableConcept and its submission values: every written coding of a value, and the value as text.

    A concept is read by the first coding that the table has. Raises NotInvertibleError.
    """
    write, read = _codings(pairs)

    def to_sdtm(element: Any, _ctx: Context) -> str | None:
        codings = element.get("coding") or () if isinstance(element, dict) else ()
        found = [read.get((one.get("system") or "", one.get("code") or "")) for one in codings]
        return next((one for one in found if one is not None), None)

    def to_fhir(value: str, _ctx: Context) -> dict[str, Any] | None:
        return {"coding": [dict(one) for one in write[value]], "text": value} if value in write else None

    return Spelling(name, to_sdtm, to_fhir, pairs={value: codings[0] for value, codings in write.items()})


def _codings(pairs: Sequence[CodePair]) -> tuple[dict[str, tuple[dict[str, Any], ...]], dict[tuple[str, str], str]]:
    """What is written for each value, and the value of each coding."""
    write: dict[str, tuple[dict[str, Any], ...]] = {}
    read: dict[tuple[str, str], str] = {}
    for pair in _inverting(pairs):
        if not pair.system:
            raise NotInvertibleError(f"The pair of {pair.value!r} has no system.", fix="a coding needs its code system")
        if pair.way != "to_sdtm":
            made = coding(pair.system, pair.code, pair.display or None)
            write[pair.value] = (*write.get(pair.value, ()), made)
        if pair.way != "to_fhir":
            read[pair.system, pair.code] = pair.value
    return write, read


def _codelist(code: str, further: str | None, tables: Mapping[str, Sequence[CodePair]]) -> Spelling:
    if code not in terminology.default():
        package = terminology.default().package
        raise UnknownNameError(f"{package} has no codelist {code}.", fix="Give the codelist's NCI code, as C66731.")
    name = f"codelist {code}" + (f" with {further.strip()}" if further else "")
    if not further:
        return in_codelist(name, code)
    write, read = _codings(_table(further.strip(), tables))
    written = {(one["system"], one["code"]) for codings in write.values() for one in codings}
    aliases = {key: value for key, value in read.items() if key not in written}
    return in_codelist(name, code, further=write, aliases=aliases)


# --- numbers ----------------------------------------------------------------------------------------------------------


def _reciprocal(factor: Fraction) -> Fraction:
    if not factor:
        raise NotInvertibleError("A factor of 0 loses every value.", fix="give the factor between the two units")
    return 1 / factor


def scaled(name: str, factor: Fraction, *, number: bool, direction: Direction = "both") -> Spelling:
    """SDTM's number is FHIR's times `factor`; a result that has no finite decimal is not given.

    In a line of both directions the factor and its reciprocal must be finite decimals. Raises NotInvertibleError.
    """
    back = _reciprocal(factor)
    if direction == "both":
        for one in (factor, back):
            if decimal_of_fraction(one) is None:
                raise NotInvertibleError(
                    f"{one} has no finite decimal, so the conversion does not invert.",
                    fix="set direction to_sdtm, or give a factor whose reciprocal is finite",
                )

    def to_sdtm(value: Any, _ctx: Context) -> float | str | None:
        if not isinstance(value, int | Decimal) or isinstance(value, bool):
            return None
        exact = Fraction(value) * factor
        if number:
            return float(exact)
        plain = decimal_of_fraction(exact)
        return None if plain is None else number_text(plain)

    def to_fhir(cell: Any, _ctx: Context) -> Decimal | int | None:
        given = Decimal(repr(cell)) if isinstance(cell, float) else plain_decimal(cell)
        plain = None if given is None else decimal_of_fraction(Fraction(given) * back)
        return int(plain) if plain is not None and plain == plain.to_integral_value() else plain

    return Spelling(name, to_sdtm, to_fhir)


def of_quantity(number: Spelling) -> Spelling:
    """The spelling of a Quantity by that of its number; a Quantity with a comparator (<5) is no number."""

    def to_sdtm(element: Any, ctx: Context) -> Any:
        known = isinstance(element, dict) and "value" in element and "comparator" not in element
        return number.to_sdtm(element["value"], ctx) if known else None

    def to_fhir(cell: Any, ctx: Context) -> dict[str, Any] | None:
        value = number.to_fhir(cell, ctx)
        return None if value is None else {"value": value}

    return Spelling(number.name, to_sdtm, to_fhir)


def decimal_of_fraction(exact: Fraction) -> Decimal | None:
    """The finite decimal of a fraction, or None (1/3).

    >>> decimal_of_fraction(Fraction(9, 4)), decimal_of_fraction(Fraction(1, 3))
    (Decimal('2.25'), None)
    """
    rest, twos, fives = exact.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    places = max(twos, fives)
    digits = exact.numerator * 10**places // exact.denominator
    return Decimal(f"{digits}e-{places}") if places else Decimal(digits)  # no arithmetic: a context would round


# --- several variables in one text ------------------------------------------------------------------------------------


def joined(variables: Sequence[str], separator: str) -> list[tuple[str, Spelling, Direction]]:
    """One text of several Char variables: for each its spelling and direction; the first writes the whole.

    A row whose values would not come apart again (the separator occurs, a part is empty) is not written: its values
    travel in the carrying extension. A text that has not as many parts gives no variable.
    """

    def to_fhir(_cell: Any, ctx: Context) -> str | None:
        parts = [ctx.row.get(one) for one in variables]
        if not all(isinstance(one, str) and one for one in parts):
            return None
        whole = separator.join(str(one) for one in parts)
        return whole if whole.split(separator) == parts else None

    def part(at: int) -> Spelling:
        def to_sdtm(value: Any, _ctx: Context) -> str | None:
            parts = value.split(separator) if isinstance(value, str) else []
            return parts[at] if len(parts) == len(variables) and all(parts) else None

        return Spelling(f"part {at + 1} of {' + '.join(variables)}, joined by {separator!r}", to_sdtm, to_fhir)

    return [(one, part(at), "both" if at == 0 else "to_sdtm") for at, one in enumerate(variables)]
