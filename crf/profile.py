"""What is in a table: for each column how full it is, what its values are, which of them are suspicious.

Types are told from all texts of a column: `date` and `number` where nine in ten can be read so, `yes/no`, `code` where
few texts come back, `identifier` where nearly every text is another, else `text`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from trialbridge.crf.reading import dates, numbers
from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import broken, cleaned
from trialbridge.study_file.reading import MISSING, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialbridge.crf.model import Cell, Column, Form
    from trialbridge.crf.reading.dates import Order

MOSTLY = 0.9
FEW = 12
SHOWN = 8
_YES_NO = frozenset(one.casefold() for one in (*Reading().yes_words, *Reading().no_words))
ORDERS: tuple[Order, ...] = ("year-first", "day-first", "month-first")


@dataclass(frozen=True, slots=True)
class Profile:
    """One column. `frequent` are its commonest texts with how often; `suspicious` kinds of doubt with how often."""

    column: Column
    type: str
    filled: int
    empty: int
    distinct: int
    lowest: str
    highest: str
    frequent: tuple[tuple[str, int], ...]
    suspicious: tuple[tuple[str, int], ...]
    missing: tuple[str, ...]
    order: Order | None = None
    """The order of day and month that the dates tell, if they do."""
    comma: bool | None = None
    """Whether the decimal sign is a comma, if the numbers tell."""


def profiles(form: Form) -> list[Profile]:
    """Every column of a form, in order."""
    return [_profile(one, [record.cells.get(one.name) for record in form.records]) for one in form.columns]


def _profile(column: Column, cells: Sequence[Cell | None]) -> Profile:
    texts = [cleaned(one.text) for one in cells if one is not None and cleaned(one.text)]
    counted = Counter(texts)
    missing = tuple(one for one in counted if one.casefold() in MISSING)
    given = [one for one in texts if one.casefold() not in MISSING]
    order = _order(given)
    comma = _comma(given)
    kind, low, high = _type(given, order or "year-first", comma=comma)
    return Profile(
        column,
        kind,
        len(texts),
        len(cells) - len(texts),
        len(counted),
        low,
        high,
        tuple(counted.most_common(SHOWN)),
        tuple(_suspicious(kind, given, order or "year-first", cells, comma=comma)),
        missing,
        order if kind == "date" else None,
        comma if kind == "number" else None,
    )


def _type(texts: Sequence[str], order: Order, *, comma: bool | None) -> tuple[str, str, str]:
    """The type, the lowest and the highest value."""
    if not texts:
        return "empty", "", ""
    if {one.casefold() for one in texts} <= _YES_NO:
        return "yes/no", "", ""
    sign: numbers.Sign = "comma" if comma else "point"
    as_numbers = [one for one in (numbers.number(text, sign) for text in texts) if isinstance(one, Decimal)]
    zeros = any(len(one) > 1 and one[0] == "0" and one.isdigit() for one in texts)
    if len(as_numbers) >= MOSTLY * len(texts) and not zeros:
        few = len(set(texts)) <= FEW and len(texts) > 2 * len(set(texts)) and all(one == int(one) for one in as_numbers)
        return "code" if few else "number", format(min(as_numbers), "f"), format(max(as_numbers), "f")
    as_dates = [one for one in (_dated(text, order) for text in texts) if one]
    if len(as_dates) >= MOSTLY * len(texts):
        return "date", min(as_dates), max(as_dates)
    distinct = len(set(texts))
    if distinct <= FEW and (len(texts) > 2 * distinct or distinct <= len(texts) // 2):
        return "code", "", ""
    return ("identifier" if distinct > MOSTLY * len(texts) and max(map(len, texts)) <= 20 else "text"), "", ""


def _dated(text: str, order: Order) -> str:
    """A date as far as it can be read; a doubtful one by its proposal."""
    found = dates.date(text, order)
    if isinstance(found, Doubt):
        return found.proposal or "" if found.kind is not Kind.DATE_SERIAL else ""
    return found


def _order(texts: Iterable[str]) -> Order | None:
    """The order that the dates themselves tell: where only one order reads more of them."""
    given = [one for one in texts if any(sign in one for sign in "-/.")]
    right = {order: sum(isinstance(dates.date(text, order), str) for text in given) for order in ORDERS[1:]}
    if not given or right["day-first"] == right["month-first"]:
        return None
    return max(right, key=lambda one: right[one])


def _comma(texts: Iterable[str]) -> bool | None:
    """Whether a comma is the decimal sign, where the numbers tell."""
    found = Counter(
        "," in one for one in texts if ("," in one) != ("." in one) and isinstance(numbers.number(one, None), Decimal)
    )
    return found.most_common(1)[0][0] if found else None


def _suspicious(
    kind: str, texts: Sequence[str], order: Order, cells: Sequence[Cell | None], *, comma: bool | None
) -> Iterable[tuple[str, int]]:
    found: Counter[str] = Counter()
    for one in cells:
        for note in one.notes if one is not None else ():
            if note in ("error", "formula without a value", "encoding"):
                found[note] += 1
    for text in texts:
        if broken(text) is not None:
            found[str(Kind.ENCODING)] += 1
        doubt: object = None
        if kind == "date":
            doubt = dates.date(text, order)
        elif kind == "number":
            doubt = numbers.number(text, None if comma is None else "comma" if comma else "point")
        if isinstance(doubt, Doubt):
            found[str(doubt.kind)] += 1
    return found.most_common()
