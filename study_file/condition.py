"""Conditions: the small safe language of `when`, read by a grammar and never evaluated as code.

    [Date of death] is given            [Visit] = 'SCREENING' and not ([Result] is empty)
    [Type] in ('Target', 'New')         [Result] is number or [Result] starts with '>'
    [Age] >= 18

A column stands in brackets, a text in single quotes (a quote in it is doubled). Texts are compared without regard to
blanks around them; numbers where both sides are numbers.

>>> parse("[Visit] = 'SCREENING' and [Result] is given")({"Visit": "SCREENING", "Result": "5"}.get)
True
>>> parse("Visit = SCREENING")
Traceback (most recent call last):
...
ValueError: a condition cannot be read at 'Visit = SCREENING'; write [Column] and 'text'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Get = Callable[[str], str | None]
    Test = Callable[[Get], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<column>\[[^\]]+\])
      | (?P<text>'(?:[^']|'')*')
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<word>(?:is\ +given|is\ +empty|is\ +number|starts\ +with|and|or|not|in)\b)
      | (?P<sign><=|>=|!=|=|<|>|\(|\)|,))""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as written, the columns it asks for, and its test."""

    text: str
    columns: tuple[str, ...]
    test: Test

    def __call__(self, get: Get) -> bool:
        """Whether it holds; `get` gives a column's text, or None where it is empty."""
        return self.test(get)


@lru_cache(maxsize=4096)
def parse(text: str) -> Condition:
    """The condition of that text. Raises ValueError that names the place where it cannot be read."""
    parser = _Parser(text)
    test = parser.either()
    if parser.at < len(parser.tokens):
        raise parser.wrong()
    columns = tuple(dict.fromkeys(value for kind, value, _ in parser.tokens if kind == "column"))
    return Condition(text, columns, test)


class _Parser:
    """Recursive descent: either > all > one."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, str, int]] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                rest = text[place:].strip()
                raise ValueError(f"a condition cannot be read at {rest!r}; write [Column] and 'text'")
            kind = str(found.lastgroup)
            value = found[kind]
            if kind == "column":
                value = value[1:-1].strip()
            elif kind == "text":
                value = value[1:-1].replace("''", "'").strip()
            elif kind == "word":
                value = " ".join(value.split())
            self.tokens.append((kind, value, found.start(kind)))
            place = found.end()

    def wrong(self) -> ValueError:
        place = self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text)
        return ValueError(f"a condition cannot be read at {self.text[place:]!r}; write [Column] and 'text'")

    def take(self, kind: str, *values: str) -> str | None:
        """The next token's value where it is of that kind, else None."""
        if self.at < len(self.tokens):
            found, value, _ = self.tokens[self.at]
            if found == kind and (not values or value in values):
                self.at += 1
                return value
        return None

    def need(self, kind: str, *values: str) -> str:
        found = self.take(kind, *values)
        if found is None:
            raise self.wrong()
        return found

    def either(self) -> Test:
        tests = [self.both()]
        while self.take("word", "or"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda get: any(one(get) for one in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.take("word", "and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda get: all(one(get) for one in tests)

    def one(self) -> Test:
        if self.take("word", "not"):
            inner = self.one()
            return lambda get: not inner(get)
        if self.take("sign", "("):
            inner = self.either()
            self.need("sign", ")")
            return inner
        return self.compared(self.need("column"))

    def compared(self, column: str) -> Test:
        word = self.take("word", "is given", "is empty", "is number", "in", "starts with")
        if word == "is given":
            return lambda get: _stripped(get(column)) != ""
        if word == "is empty":
            return lambda get: _stripped(get(column)) == ""
        if word == "is number":
            return lambda get: _number(_stripped(get(column))) is not None
        if word == "starts with":
            start = self.value()
            return lambda get: _stripped(get(column)).startswith(start)
        if word == "in":
            self.need("sign", "(")
            values = [self.value()]
            while self.take("sign", ","):
                values.append(self.value())
            self.need("sign", ")")
            return lambda get: any(_same(_stripped(get(column)), one) for one in values)
        sign, wanted = self.need("sign", "=", "!=", "<", "<=", ">", ">="), self.value()
        return lambda get: _holds(_stripped(get(column)), sign, wanted)

    def value(self) -> str:
        found = self.take("text")
        return found if found is not None else self.need("number")


def _stripped(text: str | None) -> str:
    return "" if text is None else text.strip()


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _same(one: str, other: str) -> bool:
    a, b = _number(one), _number(other)
    return one == other if a is None or b is None else a == b


def _holds(given: str, sign: str, wanted: str) -> bool:
    """An empty cell is equal to no text, and neither less nor more than any number."""
    if sign in ("=", "!="):
        return _same(given, wanted) == (sign == "=")
    one, other = _number(given), _number(wanted)
    if one is None or other is None:  # ISO dates compare as texts
        return (
            bool(given)
            and {"<": given < wanted, "<=": given <= wanted, ">": given > wanted, ">=": given >= wanted}[sign]
        )
    return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[sign]
