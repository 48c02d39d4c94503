"""What the data say of a variable: its Define-XML type, length, digits, and the keys that tell records apart.

Types and lengths: Define-XML 2.1 specification, section 4.2.1 (ODM's partial and incomplete date types among them).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.sdtm import metadata
from trialbridge.sdtm.dates import Duration, Interval, Malformed, parse
from trialbridge.sdtm.files import column_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialbridge.sdtm.table import Table, Variable

DATE = re.compile(r"\d{4}-\d\d-\d\d")
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
PARTIAL_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?")
PLAIN_NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Measured:
    """Type, length (bytes of text, digits of numbers; None for dates) and digits after the point (of float alone)."""

    type: str
    length: int | None = None
    digits: int | None = None

    @property
    def format(self) -> str:
        """The display format of a float, `8.2`: all its characters, and those after the point."""
        return f"{self.length + 1}.{self.digits}" if self.type == "float" and self.length is not None else ""


def measured(column: pl.Series, about: Variable | None = None, *, iso: bool = False) -> Measured:
    """What a column is. `iso`: the standard has it as an ISO 8601 date, period or interval."""
    values = column.drop_nulls()
    if values.dtype != pl.String:
        return _number(column_types.number_texts(values.cast(pl.Float64)).to_list())
    texts = values.unique().to_list()
    if iso and texts:
        kind = iso_type(texts)
        if kind:
            return Measured(kind)
    longest = max((len(one.encode()) for one in texts), default=0)
    declared = about.length if about is not None and about.length else 0
    return Measured("text", max(longest, declared) or 1)


def measured_values(texts: Sequence[str]) -> Measured:
    """As `measured`, of some records' values of a text column, which may all be numbers, or all dates."""
    if texts and all(PLAIN_NUMBER.fullmatch(one) for one in texts):
        return _number(list(texts))
    if texts and all(DATE.fullmatch(one) or DATETIME.fullmatch(one) for one in texts):
        return Measured(iso_type(texts) or "text")
    return Measured("text", max((len(one.encode()) for one in texts), default=0) or 1)


def _number(texts: list[str]) -> Measured:
    """Integer or float, by how the numbers are written: 15 digits where one is too long to be written plainly."""
    whole, after = 1, 0
    for text in texts:
        found = PLAIN_NUMBER.fullmatch(text)
        if found is None:  # 1e-07, 1e22
            return Measured("float", 15, 7)
        point = len(found[1] or "")
        whole, after = max(whole, len(text.lstrip("-").partition(".")[0])), max(after, point)
    return Measured("float", whole + after, after) if after else Measured("integer", whole)


def iso_type(texts: Sequence[str]) -> str:
    """The narrowest Define-XML type that holds all these ISO 8601 texts; empty where one is no such text."""
    if all(DATE.fullmatch(one) for one in texts):
        return "date"
    if all(DATETIME.fullmatch(one) for one in texts):
        return "datetime"
    if all(PARTIAL_DATE.fullmatch(one) for one in texts):
        return "partialDate"
    kinds = {_kind(one) for one in texts}
    if "" in kinds:
        return ""
    if "interval" in kinds or "duration" in kinds:
        return "durationDatetime" if kinds == {"duration"} else "intervalDatetime"
    return "incompleteDatetime" if "incomplete" in kinds else "partialDatetime"


def _kind(text: str) -> str:
    found = parse(text)
    if isinstance(found, Malformed):
        return ""
    if isinstance(found, Duration):
        return "duration"
    if isinstance(found, Interval):
        return "interval"
    plain = text.rstrip("Z")
    return "incomplete" if "--" in plain or plain.startswith("-") or "-T" in plain or plain.endswith("-") else "partial"


_MORE = ("CAT", "SCAT", "SPEC", "LOC", "METHOD", "LNKID", "GRPID", "EVAL", "EVALID", "TPTNUM", "STDTC", "DTC", "ORRES")
_TOPICS = ("TESTCD", "TRT", "TERM", "DECOD")
_NAMED = ("APID", "POOLID", "IDVAR", "IDVARVAL", "QNAM", "RELID", "IETESTCD", "TSPARMCD", "ETCD")
_MOST_ADDED = 4


def keys(table: Table) -> tuple[str, ...]:
    """The natural key: the fewest variables, in the order a reviewer sorts by, that tell all records apart.

    The guide's own key where it has one; else study, subject and topic, then as few as possible of what the
    guide's structures name; --SEQ only where nothing else tells two records apart (Define-XML 2.1 specification 4.2.2
    asks for natural keys where there are any). Records given twice have no key at all: then it is the topic.
    """
    names, prefix = table.frame.columns, table.domain
    base = [one for one in ("STUDYID", "RDOMAIN", "USUBJID") if one in names]
    guide = [one for one in _guide_keys(table.name) if one not in base]
    if guide and guide != [f"{prefix}SEQ"] and set(guide) <= set(names) and _tells_apart(table, [*base, *guide]):
        return (*base, *guide)
    topic = [f"{prefix}{one}" for one in _TOPICS if f"{prefix}{one}" in names]
    fixed = [one for one in (*_NAMED, *topic[:1]) if one in names]
    rest = [one for one in ("VISITNUM", f"{prefix}DTC", f"{prefix}STDTC", *topic[1:]) if one in names]
    rest += [name for one in _MORE if (name := f"{prefix}{one}") in names and name not in rest]
    for count in range(min(len(rest), _MOST_ADDED) + 1):
        for chosen in combinations(rest, count):
            if _tells_apart(table, [*base, *fixed, *chosen]):
                return (*base, *fixed, *chosen)
    return (*base, f"{prefix}SEQ") if f"{prefix}SEQ" in names else (*base, *fixed)


def _guide_keys(name: str) -> tuple[str, ...]:
    """The guide's own key; none of a dataset it has no key of (APDM, POOLDEF, a sponsor's own of a longer name)."""
    try:
        return metadata.keys(name)
    except UnknownNameError:
        return ()


def _tells_apart(table: Table, names: Sequence[str]) -> bool:
    return bool(names) and table.frame.select(names).n_unique() == table.frame.height
