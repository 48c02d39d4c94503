"""Spellings of coded values: a submission value and its CodeableConcept, pivoting on the NCI code.

CDISC's term codes are NCI Thesaurus codes, so (NCIt, C-code) is the one coding that is one to one with a submission
value inside a codelist. It is always written; further codings (SNOMED CT, LOINC, DICOM) come before it where a
profile wants them. Reading goes by NCIt first, then the further codings, then text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from trialbridge.base.errors import NotInvertibleError
from trialbridge.mappings.kit import Context, Spelling
from trialbridge.mappings.names import NCIT, coding
from trialbridge.sdtm import terminology

Codings = Mapping[str, tuple[dict[str, Any], ...]]
Aliases = Mapping[tuple[str, str], str]


def ncit_of(codelists: Iterable[str], value: str) -> dict[str, Any] | None:
    """The NCIt coding of a submission value in the first of the codelists (C-codes) that has it."""
    for code in codelists:
        term = terminology.default().codelist(code).by_value(value)
        if term is not None:
            return coding(NCIT, term.code, term.preferred_term)
    return None


def value_of(codelists: Iterable[str], ncit_code: str) -> str | None:
    """The submission value of an NCI code in the first of the codelists (C-codes) that has it."""
    for code in codelists:
        term = terminology.default().codelist(code).by_code(ncit_code)
        if term is not None:
            return str(term.submission_value)
    return None


def _reader(
    name: str, codelists: tuple[str, ...], further: Codings, aliases: Aliases, loses: str
) -> Callable[[Any], str | None]:
    known = dict(aliases)
    own: dict[tuple[str, str], str] = {}
    for value, codings in further.items():
        for one in codings:
            key = (one["system"], one["code"])
            if key in own and not loses:
                raise NotInvertibleError(
                    f"The concepts of {name} do not invert: {own[key]!r} and {value!r} are both {key[1]!r}.",
                    fix="give each its own code, or say with loses= what is lost",
                )
            own.setdefault(key, value)
            known.setdefault(key, value)

    @lru_cache(maxsize=10_000)
    def by_code(system: str, code: str) -> str | None:
        return value_of(codelists, code) if system == NCIT else None

    def read(element: Any) -> str | None:
        codings = element.get("coding") or () if isinstance(element, dict) else ()
        for one in codings:
            value = by_code(one.get("system") or "", one.get("code") or "")
            if value is not None:
                return value
        for one in codings:
            value = known.get((one.get("system") or "", one.get("code") or ""))
            if value is not None:
                return value
        return None

    return read


def _codings_of(codelists: tuple[str, ...], further: Codings) -> Callable[[str], tuple[dict[str, Any], ...]]:
    @lru_cache(maxsize=10_000)
    def codings(value: str) -> tuple[dict[str, Any], ...]:
        pivot = ncit_of(codelists, value)
        return (*further.get(value, ()), *((pivot,) if pivot else ()))

    return codings


def _uncoded(element: dict[str, Any]) -> str | None:
    """The display of a coding that has neither system nor code."""
    for one in element.get("coding") or ():
        if "code" not in one and "system" not in one:
            display = one.get("display")
            return display if isinstance(display, str) else None
    return None


def in_codelist(
    name: str,
    *codelists: str,
    further: Codings | None = None,
    aliases: Aliases | None = None,
    lead: tuple[dict[str, Any], ...] = (),
    text: bool = True,
    text_first: bool = False,
    only_further: bool = False,
    loses: str = "",
) -> Spelling:
    """A CodeableConcept for the terms of codelists given by their C-codes.

    `further` are codings written before the NCIt one and read back; `aliases` are only read; `lead` are codings
    that always stand first. With `text` the submission value is written as text too, and a text (or a display) that
    no coding explains is read; without it another line holds the text, and a value that is no term becomes the
    display of a coding without system and code. `text_first` is for variables without a codelist: the text is what
    was said, the codings are what it comes to. With `only_further`, values without a further coding are not written:
    the profile's required binding has no place for them. Values that share a further code are refused, unless `loses` says what
    is lost when no NCIt coding or text tells them apart.
    """
    read = _reader(name, codelists, further or {}, aliases or {}, loses)
    codings = _codings_of(codelists, further or {})

    def to_sdtm(element: Any, _ctx: Context) -> str | None:
        if text_first and isinstance(element, dict) and isinstance(element.get("text"), str):
            return str(element["text"])
        value = read(element)
        if value is not None or not isinstance(element, dict):
            return value
        if not text:
            return _uncoded(element)
        displays = [one.get("display") for one in element.get("coding") or () if one.get("display")]
        return element.get("text") or (displays[0] if displays else None)

    def to_fhir(value: str, _ctx: Context) -> dict[str, Any] | None:
        if only_further and value not in (further or {}):
            return None
        known = codings(value)
        if text:
            found = [*lead, *known]
            return {"coding": found, "text": value} if found else {"text": value}
        return {"coding": [*lead, *(known or ({"display": value},))]}

    return Spelling(name, to_sdtm, to_fhir, pairs=further or {}, loses=loses)


def member_of(name: str, *codelists: str, further: Codings | None = None, only_further: bool = False) -> Spelling:
    """One CodeableConcept of a list that several variables share: told by its code alone.

    With `only_further`, values without a further coding are not written (the profile's binding has no place for them).
    """
    read = _reader(name, codelists, further or {}, {}, "")
    codings = _codings_of(codelists, further or {})
    table = further or {}

    def to_fhir(value: str, _ctx: Context) -> dict[str, Any] | None:
        found = codings(value)
        if not found or (only_further and value not in table):
            return None
        return {"coding": list(table[value] if only_further else found)}

    return Spelling(name, lambda element, _ctx: read(element), to_fhir, shape="member", pairs=table)


def last_display(element: Any, _ctx: Context) -> str | None:
    """The display of the last coding that has one: a dictionary's term stands behind the codes it comes to."""
    codings = element.get("coding") or () if isinstance(element, dict) else ()
    displays = [one["display"] for one in codings if one.get("display")]
    return displays[-1] if displays else None
