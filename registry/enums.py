"""The enumerations of a record in the spelling of each side: API v2, public XML, PRS XML, FHIR R4B and R5.

Facts from `data/enums.tsv` (origin in its header). A value without a spelling on the other side, and a text that no
value has, come back as None with a finding; nothing is guessed.

>>> write("Status", "ACTIVE_NOT_RECRUITING", "prs")[0]
'Active, not recruiting'
>>> read("DateType", "Anticipated", "public")[0]
'ESTIMATED'
>>> read("Status", "Paused", "public")[0] is None
True
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from trialbridge.base.errors import NotInvertibleError, UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Side = Literal["public", "prs", "r4", "r5"]
SIDES: tuple[Side, ...] = ("public", "prs", "r4", "r5")
_WRITTEN_ONLY = "~"
_NOWHERE = Where()


@dataclass(frozen=True, slots=True)
class Enumeration:
    """One enumeration: its values in API v2's spelling and order, and the tables both ways for each side.

    `writes[side][value]` is the text; `reads[side][text in lower case]` the value; `lossy[side]` names the values
    whose text means another value on the way back.
    """

    name: str
    values: tuple[str, ...]
    writes: Mapping[Side, Mapping[str, str]]
    reads: Mapping[Side, Mapping[str, str]]
    lossy: Mapping[Side, frozenset[str]]


def enumeration(name: str) -> Enumeration:
    """The enumeration of that name, as the OpenAPI description names it (`Status`). Raises UnknownNameError."""
    try:
        return _all()[name]
    except KeyError:
        raise UnknownNameError(f"There is no enumeration {name}.", fix=f"use one of {', '.join(_all())}") from None


def names() -> tuple[str, ...]:
    """The names of all enumerations."""
    return tuple(_all())


def write(name: str, value: str, side: Side, where: Where = _NOWHERE) -> tuple[str | None, list[Finding]]:
    """A v2 value as another side writes it; with a note where the way back loses it, a warning where there is none."""
    of = enumeration(name)
    if value not in of.values:
        return None, [_unknown(name, value, "API v2", where)]
    text = of.writes[side].get(value)
    if text is None:
        message = f"{name} {value} has no value in {side}."
        return None, [Finding("TB-REG-NO-VALUE", Severity.WARNING, where, message, "keep it beside the file")]
    if value in of.lossy[side]:
        message = f"{name} {value} is written as {text!r} in {side}, which reads back as another value."
        return text, [Finding("TB-REG-VALUE-WIDER", Severity.NOTE, where, message)]
    return text, []


def read(name: str, text: str, side: Side, where: Where = _NOWHERE) -> tuple[str | None, list[Finding]]:
    """Another side's text as a v2 value, whatever its case; a warning where no value has it."""
    value = enumeration(name).reads[side].get(_key(text))
    return (value, []) if value else (None, [_unknown(name, text, side, where)])


def _unknown(name: str, value: str, side: str, where: Where) -> Finding:
    message = f"{value!r} is no value of {name} in {side}."
    return Finding("TB-REG-VALUE-UNKNOWN", Severity.WARNING, where, message, "correct it or extend data/enums.tsv")


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()


@cache
def _all() -> Mapping[str, Enumeration]:
    """All enumerations, read on first use. A table that does not invert is refused."""
    rows: dict[str, list[list[str]]] = {}
    for cells in _rows():
        rows.setdefault(cells[0], []).append(cells)
    return {name: _built(name, lines) for name, lines in rows.items()}


def _rows() -> Iterator[list[str]]:
    table = files("trialbridge.registry").joinpath("data", "enums.tsv").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            cells = line.split("\t")
            yield cells + [""] * (7 - len(cells))


def _built(name: str, lines: list[list[str]]) -> Enumeration:
    writes: dict[Side, dict[str, str]] = {side: {} for side in SIDES}
    reads: dict[Side, dict[str, str]] = {side: {} for side in SIDES}
    lossy: dict[Side, frozenset[str]] = {}
    for number, side in enumerate(SIDES, 2):
        one_way = set()
        for cells in lines:
            value, text = cells[1], cells[number]
            if not text:
                continue
            writes[side][value] = text.removeprefix(_WRITTEN_ONLY)
            if text.startswith(_WRITTEN_ONLY):
                one_way.add(value)
            elif reads[side].setdefault(_key(text), value) != value:
                raise NotInvertibleError(f"{name}: {text!r} of {side} means {value} and {reads[side][_key(text)]}.")
        lossy[side] = frozenset(one_way)
    for cells in lines:
        for text in filter(None, cells[6].split(";")):
            for side in ("public", "prs"):
                reads[side].setdefault(_key(text), cells[1])
    return Enumeration(name, tuple(cells[1] for cells in lines), writes, reads, lossy)
