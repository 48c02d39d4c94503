"""What the schemas leave open: field names, types, enumerations, dates, ages and lengths.

Sources: OpenAPI description of the API v2 (fields, types, enumerations, patterns of ages and durations); limits of the
data element definitions (`data/limits.tsv`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from trialbridge.registry import enums
from trialbridge.registry.dates import is_partial_date
from trialbridge.registry.fields import field
from trialbridge.registry.markup import plain
from trialbridge.registry.rules.say import error, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

_NUMBER = re.compile(r"\[\d+\]")
_NCT = re.compile(r"NCT\d{8}", re.ASCII)
_AGE = re.compile(r"\d+ (Year|Month|Week|Day|Hour|Minute)s?", re.ASCII)
AGES = ("minimumAge", "maximumAge", "targetDuration")
KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list, tuple),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float, Decimal),
}


def fields_are_known(record: Record) -> Iterator[Finding]:
    """The record has only fields the API has; others are kept but no format carries them. Source: OpenAPI description."""
    for path, _ in _nodes(record.content, ""):
        if field(_plain_path(path)) is None:
            yield note("FIELD-UNKNOWN", path, "The API has no such field.", "check its name")


def types_fit(record: Record) -> Iterator[Finding]:
    """Each value has its field's type; where it has not, the API would not have given it. Source: OpenAPI description."""
    for path, value in _nodes(record.content, ""):
        known = field(_plain_path(path))
        if known and not _fits(known.type, value):
            yield error("TYPE", path, f"The value is no {known.type}.", "correct the record")


def _fits(kind: str, value: Any) -> bool:
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    return isinstance(value, KINDS.get(kind, (str,)))


def values_are_listed(record: Record) -> Iterator[Finding]:
    """A value of an enumeration is one of its values. Source: OpenAPI description."""
    for path, value in _nodes(record.content, ""):
        known = field(_plain_path(path))
        if known and known.type == "enum" and isinstance(value, str):
            values = enums.enumeration(known.enumeration).values
            if value not in values:
                yield error("VALUE", path, f"{value!r} is no {known.enumeration}.", f"use one of {', '.join(values)}")


def dates_are_dates(record: Record) -> Iterator[Finding]:
    """A date is a day of the calendar, or where the API allows it a month or a year. Source: OpenAPI description."""
    for path, value in _nodes(record.content, ""):
        known = field(_plain_path(path))
        if not known or not isinstance(value, str):
            continue
        if (known.type == "PartialDate" and not is_partial_date(value)) or (
            known.type == "date" and not (len(value) == 10 and is_partial_date(value))
        ):
            yield error("DATE", path, f"{value!r} is no date.", "write 2019-07-15, or where allowed 2019-07")


def ages_are_ages(record: Record) -> Iterator[Finding]:
    """An age limit or duration is a whole number and a unit (`18 Years`). Source: pattern in the OpenAPI description."""
    for path, value in _nodes(record.content, ""):
        if path.rpartition(".")[2] in AGES and isinstance(value, str) and not _AGE.fullmatch(value):
            yield error("AGE", path, f"{value!r} is no number with a unit.", "write 18 Years, 6 Months …")


def number_is_a_number(record: Record) -> Iterator[Finding]:
    """The registry's number is NCT and eight digits; without one the record is new. Source: ClinicalTrials.gov glossary, NCT number."""
    path = "protocolSection.identificationModule.nctId"
    if record.nct_id and not _NCT.fullmatch(record.nct_id):
        yield error("NUMBER", path, f"{record.nct_id!r} is no number of the registry.", "write NCT and eight digits")


def texts_fit(record: Record) -> Iterator[Finding]:
    """A text is neither longer nor shorter than its field takes. Source: limits of the data element definitions."""
    for path, value in _nodes(record.content, ""):
        limits = _limits().get(_plain_path(path))
        if limits and isinstance(value, str):
            length = len(plain(value))
            if not limits[0] <= length <= limits[1]:
                message = f"The text has {length} characters; the field takes {limits[0]} to {limits[1]}."
                yield error("LENGTH", path, message, "shorten it" if length > limits[1] else "write it out")


def _plain_path(path: str) -> str:
    return _NUMBER.sub("[]", path)


def _nodes(content: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value below the record, objects and lists too, with its path; nothing below an unknown field."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            here = f"{path}.{name}" if path else str(name)
            yield here, value
            if field(_plain_path(here)) is not None:
                yield from _nodes(value, here)
    elif isinstance(content, list | tuple):
        for number, value in enumerate(content):
            yield f"{path}[{number}]", value
            yield from _nodes(value, f"{path}[{number}]")


@cache
def _limits() -> Mapping[str, tuple[int, int]]:
    table = files("trialbridge.registry").joinpath("data", "limits.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {path: (int(least), int(most)) for path, least, most in rows}
