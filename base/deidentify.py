"""What de-identification does to one value: shift a date, scrub a text, put a pseudonym. Both languages use it alike.

Dates move by whole days, so that every difference between two dates of a subject, and so every study day, stays.
A partial date is moved from its middle and cut back to what was known; one without a year cannot be moved.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.base.pseudonyms import Key

REMOVED = "[removed]"
SHORT_NAME = 4
"""Letters below which a name is looked for as it is written only: Kim, not the kim of another word."""
_FULL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T.*)?")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_YEAR = re.compile(r"([0-9]{4})(?:-.*)?")
_NUMBER = re.compile(r"[-+<>=~ ]*[0-9]+(?:[.,][0-9]+)?(?:[eE][-+]?[0-9]+)?")
_TELLING = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+"  # an e-mail address
    r"|(?:https?|ftp)://\S+"
    r"|\b[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ](?:[0-9]{4}|[0-9]{2})\b"  # 14-02-1950
    r"|\b[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}\b"
    r"|\b[0-9]{1,2}[ -]?(?:jan|feb|mar|maa|mrt|apr|may|mei|jun|jul|aug|sep|oct|okt|nov|dec)[a-z]*[ -]?(?:[0-9]{4}|[0-9]{2})\b"
    r"|\b[0-9]{4} ?[A-Z]{2}\b(?=[ ,]|$)"  # a Dutch postcode
    r"|\b(?:9[0-9]|1[0-2][0-9])[ -]?(?:years?|yrs?|y/o|yo|jaar|jarige?)\b"  # an age over 89
    r"|(?:(?<=\bage )|(?<=\bage: )|(?<=\bage=)|(?<=\baged )|(?<=\bleeftijd ))(?:9[0-9]|1[0-2][0-9])\b(?![%.,][0-9]|%)"
    r"|\+?[0-9](?:[ ()/-]?[0-9]){5,}",  # six digits and more: record and telephone numbers
    re.IGNORECASE,
)


class Action(StrEnum):
    """What a rule does with a value."""

    KEEP = "keep"
    DROP = "drop"
    MASK = "mask"
    SHIFT = "shift"
    SCRUB = "scrub"
    PSEUDONYM = "pseudonym"


@dataclass(frozen=True, slots=True)
class Person:
    """A subject: the real USUBJID, the pseudonym that stands for it, the days its dates move, and words that tell of it.

    `words` maps what may stand in texts (names, record numbers, the subject's own ids) to what replaces it. A date before
    `since` (ISO 8601) tells an age over 89 by itself.
    """

    usubjid: str
    pseudonym: str
    days: int
    words: Mapping[str, str] = field(default_factory=dict)
    since: str = ""

    def moved(self, text: str) -> str | None:
        """A date of the subject, moved; None where it cannot be, or where it tells an age over 89.

        >>> Person("S1-007", "AB", 3, since="1930-05-01").moved("1930-04"), Person("S1-007", "AB", 3).moved("1930-04-28")
        (None, '1930-05-01')
        """
        told = text[: len(self.since)]
        return None if told < self.since[: len(told)] and told[:1].isdigit() else shifted(text, self.days)


@dataclass(slots=True)
class Tally:
    """What was done, counted by place and action: the report. No value is kept."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, place: str, action: str, times: int = 1) -> None:
        """Count one value of a place (`Patient.name`, `AE.AESTDTC`)."""
        if times:
            self.counts[place, action] += times


def shifted(text: str, days: int) -> str | None:
    """An ISO 8601 date, date/time or interval moved by whole days; None where it cannot be (no year, off the calendar).

    >>> shifted("2019-03-01T10:30", -1), shifted("2019-03", 20), shifted("2019", 10), shifted("--03-01", 5)
    ('2019-02-28T10:30', '2019-04', '2019', None)
    """
    if "/" in text:
        ends = [one if one.startswith(("P", "-P")) else shifted(one, days) for one in text.split("/")]
        return None if None in ends else "/".join(one or "" for one in ends)
    try:
        if full := _FULL.fullmatch(text):
            return _moved(full[1], days) + (full[2] or "")
        if _MONTH.fullmatch(text):
            return _moved(f"{text}-15", days)[:7]
        if year := _YEAR.fullmatch(text):
            return _moved(f"{year[1]}-07-01", days)[:4]
    except (ValueError, OverflowError):
        return None
    return None


def _moved(text: str, days: int) -> str:
    return (date.fromisoformat(text) + timedelta(days=days)).isoformat()


def scrubbed(text: str, person: Person | None) -> str:
    """A text without what tells of a person: the subject's names and numbers, addresses, dates, long numbers.

    A text that is nothing but a date is moved as dates are; one that is nothing but a number stays. Without a person
    nothing says how far a date is to move, so it goes.

    >>> scrubbed("Seen 14-02-2019, call 06-12345678", Person("S1-007", "AB", 3))
    'Seen [removed], call [removed]'
    """
    if _FULL.fullmatch(text):
        return (person.moved(text) if person else None) or REMOVED
    if _NUMBER.fullmatch(text):
        return text
    words = person.words if person else {}
    text = _without(text, {one: stands for one, stands in words.items() if stands != REMOVED})
    return _without(_TELLING.sub(REMOVED, text), {one: stands for one, stands in words.items() if stands == REMOVED})


def _without(text: str, words: Mapping[str, str]) -> str:
    """The text with whole words replaced, long ones first, whatever their case; short names as written or in capitals."""
    for word in sorted(words, key=len, reverse=True):
        if word.casefold() in text.casefold():
            short = words[word] == REMOVED and len(word) < SHORT_NAME
            told = "|".join(re.escape(one) for one in ((word, word.upper()) if short else (word,)))
            text = re.sub(rf"(?<!\w)(?:{told})(?!\w)", words[word], text, flags=0 if short else re.IGNORECASE)
    return text


def person(
    key: Key, usubjid: str, *, most: int, prefix: str, words: Mapping[str, str] | None = None, since: str = ""
) -> Person:
    """The subject's pseudonym and shift, by the key. `prefix` stands before the pseudonym in USUBJID (the study)."""
    code = key.code("subject", usubjid)
    name = f"{prefix}-{code}" if prefix else code
    return Person(usubjid, name, key.days(usubjid, most), {usubjid: name, **(words or {})}, since)
