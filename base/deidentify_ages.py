"""Ages as de-identification looks for them: what says that a value is one, and whether it is above the limit.

HIPAA, 45 CFR 164.514(b)(2)(i)(C), names all ages over 89 and all elements of dates indicative of such an age. Both
languages ask here, so that tables and resources lose the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

_DAYS = {"a": 365.25, "mo": 30.4375, "wk": 7.0, "d": 1.0, "h": 1 / 24, "min": 1 / 1440}
_UNITS = {
    "year": "a",
    "yr": "a",
    "y": "a",
    "jaar": "a",
    "jaren": "a",
    "month": "mo",
    "maand": "mo",
    "maanden": "mo",
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
}
_NUMBER = re.compile(r"([0-9]+(?:[.,][0-9]+)?)(\+?)\s*([a-z]*)", re.IGNORECASE)
_ISO = re.compile(r"-?P(?=[0-9T])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T[0-9HMS.]+)?", re.ASCII)
"""An ISO 8601 duration: years, months, weeks, days; hours make nobody old."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?(?:T[0-9:.]*)?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}")


class Said(StrEnum):
    """What a name says of the value beside it."""

    AGE = "age"
    BIRTH = "birth"


@dataclass(frozen=True, slots=True)
class AgeRules:
    """From which age on ages go, and what says that a value is an age or tells of the birth.

    `words` and `births` are whole words of a label, `names` patterns of a short name (QNAM, --TESTCD), `codes` and
    `birth_codes` `system|code`. A label with one of `others` is of something else (Lung Age, BMI-for-Age).
    """

    most: int
    words: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    codes: frozenset[str] = frozenset()
    births: tuple[str, ...] = ()
    birth_codes: frozenset[str] = frozenset()

    def of_name(self, name: str) -> bool:
        """Whether a short name (a variable, QNAM, --TESTCD) is an age's."""
        return any(fnmatchcase(name, one) for one in self.names)

    def of_code(self, system: str, code: str) -> Said | None:
        """What a code says."""
        told = f"{system}|{code}"
        return Said.AGE if told in self.codes else Said.BIRTH if told in self.birth_codes else None

    def of_label(self, label: str) -> Said | None:
        """What the words of a label say.

        >>> rules = AgeRules(89, ("age",), ("for-age",), births=("year of birth",))
        >>> rules.of_label("Age at Diagnosis"), rules.of_label("Year of birth")
        (<Said.AGE: 'age'>, <Said.BIRTH: 'birth'>)
        >>> rules.of_label("BMI-for-Age Percentile"), rules.of_label("Stage"), rules.of_label("Average Dosage")
        (None, None, None)
        """
        return _label_said(self, label)


@lru_cache(maxsize=4096)
def _label_said(rules: AgeRules, label: str) -> Said | None:
    if _words(rules.births).search(label):
        return Said.BIRTH
    return Said.AGE if _words(rules.words).search(label) and not _words(rules.others).search(label) else None


@lru_cache
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    told = "|".join(re.escape(one) for one in words)
    return re.compile(rf"(?<!\w)(?:{told})(?!\w)" if told else r"(?!)", re.IGNORECASE)


def unit_code(text: str | None) -> str | None:
    """The UCUM code of a unit of time, from the code or a name of it; None for any other.

    >>> unit_code("YEARS"), unit_code("mo"), unit_code(" Years. "), unit_code("pack-years")
    ('a', 'mo', 'a', None)
    """
    unit = (text or "").strip()
    if unit in _DAYS:
        return unit
    unit = unit.lower().rstrip(".")
    return unit if unit in _DAYS else _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))


def of_something_else(unit: str | None) -> bool:
    """Whether a unit is surely none of an age: a year begins so in English, Dutch, German, French, Spanish, Italian.

    >>> [of_something_else(one) for one in ("kg", "%", "ng/mL", "YEARS", "Jahre", "jr", "ans", None)]
    [True, True, True, False, False, False, False, False]
    """
    text = (unit or "").strip()
    return bool(text) and unit_code(text) is None and ("/" in text or text[0].lower() not in "yja")


def years(number: float, unit: str | None) -> float:
    """An age in years; a unit that is none of time counts as years."""
    return number * _DAYS.get(unit_code(unit) or "a", _DAYS["a"]) / _DAYS["a"]


def duration(text: str) -> float | None:
    """The years of an ISO 8601 duration; None for any other text.

    >>> duration("P1Y6M"), duration("PT12H"), duration("120")
    (1.5, 0.0, None)
    """
    found = _ISO.fullmatch(text.strip())
    if found is None:
        return None
    return sum(years(float(one or 0), unit) for one, unit in zip(found.groups(), ("a", "mo", "wk", "d"), strict=True))


def over(text: str, unit: str | None, most: int) -> bool:
    """Whether a text tells an age above so many years, or one that may be (`> 89`); a date in it is no age.

    >>> [over(one, None, 89) for one in ("93", "89", "> 89", "85-95", "1100 months", "UNKNOWN", "2019-03-01")]
    [True, False, True, True, True, False, False]
    >>> [over(one, None, 89) for one in ("P91Y", "P95M", "PT100M", "P1100M", "P32600D")]
    [True, False, False, True, True]
    >>> over("95", "%", 89), over("1100", "MONTHS", 89), over("95", "Jahre", 89)
    (False, True, True)
    """
    if of_something_else(unit):
        return False
    lasted = duration(text)
    if lasted is not None:
        return lasted > most
    return any(
        (told := years(float(number.replace(",", ".")), word if unit_code(word) else unit)) > most
        or (told >= most and (plus == "+" or ">" in text))
        for number, plus, word in _NUMBER.findall(_DATE.sub("", text))
    )
