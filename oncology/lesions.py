"""Lesions and what was read of them: the words the response engine speaks.

A lesion is what TU identifies, a reading what TR says of it at one visit by one evaluator. Sizes are `Decimal`
millimetres taken from the collected text, so that exactly 20 % and exactly 30 % are decided as written.
States are those of CDISC codelist TRPROPRS (C124309), kinds those of TUIDRS (C123650).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

NOTHING_LEFT = Decimal(0)


class Kind(StrEnum):
    """What a lesion is to the criteria."""

    TARGET = "TARGET"
    NON_TARGET = "NON-TARGET"
    NEW = "NEW"


class State(StrEnum):
    """What was seen of a lesion at one visit; MISSING is not evaluable, whatever the reason."""

    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    EQUIVOCAL = "EQUIVOCAL"
    UNEQUIVOCAL = "UNEQUIVOCAL"
    MERGED = "TUMOR MERGED"
    MISSING = "NE"


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion of one subject, as one evaluator identified it. `new_target` only where TU says so (iRECIST)."""

    lnkid: str
    kind: Kind
    node: bool = False
    loc: str = ""
    new_target: bool | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One lesion at one visit: its state, its size in mm where measured, whether it grew further, why it is missing."""

    state: State
    mm: Decimal | None = None
    grown: bool = False
    reason: str = ""
    doubtful: bool = False
    """The data contradict themselves or the criteria; becomes a finding."""


@dataclass(frozen=True, slots=True)
class TimePoint:
    """One visit of one evaluator: its first and last date (ISO 8601, verbatim) and readings by TRLNKID."""

    visitnum: float | None
    visit: str
    first: str
    last: str
    readings: Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class Reader:
    """One subject as one evaluator read it: lesions by link id, baseline visits, visits on study, start of treatment."""

    usubjid: str
    eval: str
    evalid: str
    lesions: Mapping[str, Lesion]
    baseline: tuple[TimePoint, ...]
    visits: tuple[TimePoint, ...]
    start: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One TR record as far as it matters here; all text, missing is empty."""

    orres: str
    orresu: str
    stresc: str
    stresu: str
    stat: str
    reasnd: str
    dtc: str


_TO_MM = {"mm": Decimal(1), "cm": Decimal(10), "": Decimal(1)}
_NO_LESION_MM = Decimal(10_000)
_TOO_SMALL = re.compile(r"TOO SMALL|^<\s*5(\.0+)?$", re.IGNORECASE)
_GROWN = frozenset(
    ("INCREASED", "DIFFUSELY INCREASED", "FOCALLY INCREASED", "FURTHER ENLARGEMENT", "FURTHER ENLARGEMENT FROM NADIR")
)
_SEEN = ("PRESENT", "PATHOLOGICAL", "POSITIVE", "PALPABLE", "UNCHANGED", "DECREASED")
_STATES = {
    **dict.fromkeys(("ABSENT", "NON-PATHOLOGICAL", "NORMAL", "NEGATIVE"), State.ABSENT),
    **dict.fromkeys((*_SEEN, "ENLARGEMENT", "ENLARGEMENT FROM NADIR", *_GROWN), State.PRESENT),
    **dict.fromkeys(("UNEQUIVOCAL", "UNEQUIVOCAL PROGRESSION"), State.UNEQUIVOCAL),
    **dict.fromkeys(("NE", "NOT EVALUABLE", "NOT ASSESSABLE", "UNKNOWN"), State.MISSING),
    **dict.fromkeys(("TUMOR MERGED", "MERGED"), State.MERGED),
    "EQUIVOCAL": State.EQUIVOCAL,
}


def millimetres(text: str, unit: str) -> Decimal | None:
    """A collected size in mm, exact: `2.52` `cm` -> 25.20. None when it is no size of a lesion.

    That is: no number, below 0, longer than any body, another unit than mm, cm or none.
    """
    factor = _TO_MM.get(unit.strip().lower())
    if factor is None:
        return None
    try:
        value = Decimal(text.strip()) * factor
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < _NO_LESION_MM else None


def reading(tests: Mapping[str, Result], axis: str, too_small: Decimal | None, *, state_first: bool = False) -> Reading:
    """What one lesion's TR records of one visit say. `axis` is LDIAM or LPERP, as lesion and criteria ask.

    DIAMETER stands for the diameter the criteria ask for; a lesion measured along the other axis only is not
    evaluable and doubtful. `state_first`: for non-target and new lesions a stated progression outweighs a size.
    """
    sized = _sized(tests, axis, too_small)
    stated = next((_stated(tests[code]) for code in ("TUMSTATE", "LNSTATE") if code in tests), None)
    if stated is None:
        return sized or Reading(State.MISSING, reason="no size", doubtful=True)
    if sized is None or sized.mm is None:
        if stated.state is State.ABSENT:
            return Reading(State.ABSENT, NOTHING_LEFT)
        if stated.state is State.MERGED or state_first or sized is None:
            return stated
        return sized
    if state_first and stated.state is not State.MISSING:
        return Reading(stated.state, sized.mm, stated.grown)
    return sized


def _sized(tests: Mapping[str, Result], axis: str, too_small: Decimal | None) -> Reading | None:
    """The size, or why there is none; None when nothing speaks of a size."""
    other = "LDIAM" if axis == "LPERP" else "LPERP"
    missing: Reading | None = None
    for code in (axis, "DIAMETER"):
        if code in tests:
            found = _size(tests[code], too_small)
            if found.mm is not None:
                return found
            missing = missing or found
    if missing is None and other in tests:
        size = _size(tests[other], too_small)
        if not size.mm and not size.doubtful:
            return size
        return Reading(State.MISSING, reason=f"measured by {other}, the criteria ask for {axis}", doubtful=True)
    return missing


def _size(result: Result, too_small: Decimal | None) -> Reading:
    """The size one TR record gives."""
    given = ((result.orres, result.orresu), (result.stresc, result.stresu))
    # A collected number without a unit may be cm: the standard result says, where it has one.
    by_unit = result.stresc and result.stresu and not result.orresu
    for text, unit in reversed(given) if by_unit else given:
        value = millimetres(text, unit) if text else None
        if value is not None:
            return Reading(State.PRESENT if value else State.ABSENT, value)
    words = (result.orres, result.stresc, result.reasnd)
    if any(_TOO_SMALL.search(word) for word in words):
        if too_small is None:
            return Reading(State.MISSING, reason="too small to measure, for which the criteria name no size")
        return Reading(State.PRESENT, too_small)
    if result.stat or not (result.orres or result.stresc):
        return Reading(State.MISSING, reason=(result.reasnd or result.stat or "no result").lower())
    if _STATES.get((result.orres or result.stresc).upper()) is State.MISSING:
        return Reading(State.MISSING, reason="not evaluable")
    return Reading(State.MISSING, reason=f"size not readable as mm or cm ({result.orresu or 'no unit'})", doubtful=True)


def _stated(result: Result) -> Reading:
    """The state one TUMSTATE or LNSTATE record gives."""
    word = (result.stresc or result.orres).strip().upper()
    if not word:
        return Reading(State.MISSING, reason=(result.reasnd or result.stat or "no result").lower())
    if word in _STATES:
        state = _STATES[word]
        return Reading(state, grown=word in _GROWN, reason="not evaluable" if state is State.MISSING else "")
    if _TOO_SMALL.search(word):
        return Reading(State.PRESENT)
    return Reading(State.MISSING, reason="its state is not a term of codelist TRPROPRS", doubtful=True)


def roots(lnkid: str, known: Collection[str]) -> tuple[str, ...]:
    """The baseline lesions a link id stands for: T04.1 -> T04 (split), T02/T03 -> T02 and T03 (merged), else itself.

    Only where those lesions are known; a lesion called T02/T03 since baseline is one lesion.
    """
    if "/" in lnkid:
        parts = tuple(part.strip() for part in lnkid.split("/"))
        if all(part in known for part in parts):
            return parts
    base, dot, piece = lnkid.rpartition(".")
    if dot and piece.isalnum() and base in known:
        return (base,)
    return (lnkid,)
