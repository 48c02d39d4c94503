"""Numbers as people write them: decimal commas, thousands separators, comparators, units.

The decimal sign must be known where a text does not tell it: `1,234` is 1.234 or 1234. A text with both signs tells
(`1.234,5`), and so does one with another number of digits after the sign than three (`12,5`).

>>> number("12,5", None), number("1.234,56", None), number("1 234", "point")
(Decimal('12.5'), Decimal('1234.56'), Decimal('1234'))
>>> number("1,234", None).kind.value, number("1,234", "comma"), number("1,234", "point")
('decimal or thousands separator', Decimal('1.234'), Decimal('1234'))
>>> number(">5", "point").message
'a limit is no number'
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Literal

from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import cleaned

Sign = Literal["point", "comma"]
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_LIMIT = re.compile(r"(<=|>=|<|>|≤|≥|~|±)\s*(.+)")
_COMPARATORS = {"≤": "<=", "≥": ">="}
_GROUPS = {
    "point": re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+|(?:[ '’]\d{3})+)(?:\.\d+)?"),
    "comma": re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:\.\d{3})+|(?:[ '’]\d{3})+)(?:,\d+)?"),
}
_UNIT = re.compile(r"([+-]?\d[\d.,' ]*?)\s*([^\W\d][^\d]*|%|°C?)")
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-", "٫": ","})


def number(text: str, decimal: Sign | None) -> Decimal | Doubt:
    """The number of a text, its digits kept; `decimal` is the centre's sign, None where it is not known."""
    given = unicodedata.normalize("NFKC", cleaned(text)).translate(_DASHES)
    if not given:
        return Doubt(Kind.NUMBER, "an empty text is no number", "")
    found = _written(given, decimal)
    if isinstance(found, Decimal):
        return found
    limit = _LIMIT.fullmatch(given)
    if limit:
        return Doubt(Kind.NUMBER, "a limit is no number", "")
    if re.fullmatch(r"[\dOolI.,]+", given) and re.search(r"\d", given):
        mended = given.replace("O", "0").replace("o", "0").replace("l", "1").replace("I", "1")
        if isinstance(inner := _written(mended, decimal), Decimal):
            return Doubt(Kind.NUMBER, "letters stand among the digits", _shown(inner))
    unit = _UNIT.fullmatch(given)
    if unit and isinstance(inner := _written(unit[1].strip(), decimal), Decimal):
        return Doubt(Kind.NUMBER, f"a unit ({unit[2].strip()}) stands with the number", _shown(inner))
    return found or Doubt(Kind.NUMBER, "this is no number", "")


def _written(given: str, decimal: Sign | None) -> Decimal | Doubt | None:  # noqa: PLR0911 - one a case
    """The number, a doubt about its separator, or None for what is none."""
    if "," in given and "." in given:
        last: Sign = "comma" if given.rfind(",") > given.rfind(".") else "point"
        if not _GROUPS[last].fullmatch(given):
            return None
        if decimal is not None and decimal != last:
            return Doubt(
                Kind.SEPARATOR, f"the decimal {decimal} was announced, and this has the other", _joined(given, last)
            )
        return Decimal(_joined(given, last))
    if "," not in given and "." not in given:
        if _PLAIN.fullmatch(given):
            return Decimal(given)
        return Decimal(_joined(given, "point")) if _GROUPS["point"].fullmatch(given) else None
    sign: Sign = "comma" if "," in given else "point"
    other: Sign = "point" if sign == "comma" else "comma"
    as_decimal = given.replace(",", ".") if _PLAIN.fullmatch(given.replace(",", ".")) else None
    grouped = _GROUPS[other].fullmatch(given) is not None
    if decimal == sign and as_decimal is not None:
        return Decimal(as_decimal)
    if grouped and (decimal == other or as_decimal is None):
        return Decimal(_joined(given, other))
    if grouped and as_decimal is not None:
        if decimal is None and sign == "point":
            return Doubt(Kind.SEPARATOR, "three digits after a point: a decimal or thousands", _joined(given, "point"))
        return Doubt(Kind.SEPARATOR, "three digits after a comma: a decimal or thousands", _joined(given, other))
    if as_decimal is not None:
        if decimal is not None:
            return Doubt(Kind.SEPARATOR, f"the decimal {decimal} was announced, and this has the other", as_decimal)
        return Decimal(as_decimal)
    spaced = _GROUPS[sign].fullmatch(given)
    return Decimal(_joined(given, sign)) if spaced and decimal in (None, sign) else None


def _joined(given: str, decimal: Sign) -> str:
    """The digits without groups, with a decimal point."""
    drop = "," if decimal == "point" else "."
    text = re.sub(rf"[ '’{drop}]", "", given)
    return text.replace(",", ".") if decimal == "comma" else text


def _shown(value: Decimal) -> str:
    return format(value, "f")


def result(text: str, decimal: Sign | None) -> tuple[str, Decimal] | Doubt:
    """A result with its comparator: (`>`, 5) of `> 5`; the comparator is empty for a plain number."""
    given = unicodedata.normalize("NFKC", cleaned(text))
    limit = _LIMIT.fullmatch(given)
    if limit and limit[1] not in "~±":
        inner = number(limit[2], decimal)
        return inner if isinstance(inner, Doubt) else (_COMPARATORS.get(limit[1], limit[1]), inner)
    found = number(given, decimal)
    return found if isinstance(found, Doubt) else ("", found)
