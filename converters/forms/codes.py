"""Code tables of forms: the study file's, the planned visits, CDISC's codelists; read in any case of letters."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError
from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.crf.reading.texts import plain
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm import metadata, terminology

if TYPE_CHECKING:
    from trialbridge.study_file.codes import Codes
    from trialbridge.study_file.visits import Visits

YES_NO = "C66742"


@dataclass(frozen=True, slots=True)
class Table:
    """Texts to values and back. `open_` lists take a person's own term; `pattern` reads and writes what is beyond."""

    name: str
    read: dict[str, str] = field(default_factory=dict)
    write: dict[str, str] = field(default_factory=dict)
    open_: bool = False
    pattern: str | None = None

    def value(self, text: str) -> str | Doubt:
        """The value of a text, or a doubt with the nearest text there is."""
        found = self.read.get(plain(text))
        if found is not None:
            return found
        if self.pattern is not None:
            start, end = self.pattern.split("{number}")
            number = re.fullmatch(rf"{re.escape(start)}(\d+(?:\.\d+)?){re.escape(end)}", text, re.IGNORECASE)
            if number:
                return number_text(float(number[1]))
        near = difflib.get_close_matches(plain(text), list(self.read), 1, 0.75)
        proposal = self.text(self.read[near[0]]) if near else None
        return Doubt(Kind.CODE, f"this is no code of {self.name}", proposal or (self.read[near[0]] if near else ""))

    def text(self, value: str) -> str | None:
        """The form's text for a value; None where none is written."""
        if value in self.write:
            return self.write[value]
        if self.pattern is not None and re.fullmatch(r"\d+(?:\.\d+)?", value):
            return self.pattern.replace("{number}", value)
        return None


def of_codes(name: str, codes: Codes) -> Table:
    """A table of the study file. Its submission values are read, too, where no text says otherwise."""
    read: dict[str, str] = {}
    write: dict[str, str] = {}
    for value, texts in codes.root.items():
        for text in texts.read:
            read[plain(text)] = value
        if texts.write is not None:
            read.setdefault(plain(texts.write), value)
            write[value] = texts.write
    for value in codes.root:
        read.setdefault(plain(value), value)
    return Table(name, read, write)


def of_visits(visits: Visits) -> Table:
    """The planned visits: what forms call them -> VISITNUM as text."""
    read: dict[str, str] = {}
    write: dict[str, str] = {}
    for one in visits.planned:
        number = number_text(one.number)
        for text in (one.name, *one.form):
            read[plain(text)] = number
        read.setdefault(plain(number), number)
        write[number] = one.form[0] if one.form else one.name
    return Table("the visits", read, write, pattern=visits.unscheduled)


@lru_cache(maxsize=256)
def of_codelist(code: str) -> Table:
    """A CDISC codelist: submission values in any case, and synonyms that mean one term only. Raises UnknownNameError."""
    codelist = terminology.default().codelist(code)
    read: dict[str, str] = {}
    synonyms: dict[str, str | None] = {}
    for term in codelist:
        read[plain(term.submission_value)] = term.submission_value
        for one in (*term.synonyms, term.preferred_term):
            if one:
                key = plain(one)
                synonyms[key] = (
                    term.submission_value if synonyms.get(key, term.submission_value) == term.submission_value else None
                )
    for key, value in synonyms.items():
        if value is not None:
            read.setdefault(key, value)
    write = {term.submission_value: term.submission_value for term in codelist}
    return Table(f"codelist {codelist.submission_value}", read, write, codelist.extensible)


def codelist_of(domain: str, variable: str) -> str | None:
    """The NCI code of a variable's codelist, where it has one of its own that is at hand."""
    try:
        found = metadata.variable(variable, domain=domain).codelists
    except UnknownNameError:
        return None
    known = terminology.default()
    return found[0] if len(found) == 1 and found[0] in known else None
