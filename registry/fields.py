"""Every field a study of API v2 may have, with its type: facts from `data/v2-fields.tsv`.

>>> field("protocolSection.designModule.phases[]")
Field(path='protocolSection.designModule.phases[]', type='enum', enumeration='Phase')
>>> field("protocolSection.shoeSize") is None
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its path with `[]` after a list, its type (string, boolean, enum, date, PartialDate …), its enumeration."""

    path: str
    type: str
    enumeration: str = ""


def field(path: str) -> Field | None:
    """The field at a path, None if the API has no such field."""
    return fields().get(path)


def in_order(content: Any, path: str = "") -> Any:
    """The same content with the fields of every object in the order of the API's description, those it does not have behind.

    >>> in_order({"hasResults": False, "mine": 1, "protocolSection": {}})
    {'protocolSection': {}, 'hasResults': False, 'mine': 1}
    """
    if isinstance(content, list):
        return [in_order(one, f"{path}[]") for one in content]
    if not isinstance(content, Mapping):
        return content
    at = {name: f"{path}.{name}" if path else name for name in content}
    places = _places()
    names = sorted(content, key=lambda name: places.get(at[name], len(places)))
    return {name: in_order(content[name], at[name]) for name in names}


@cache
def _places() -> Mapping[str, int]:
    """Where each field and each object around fields first stands."""
    found: dict[str, int] = {}
    for number, path in enumerate(fields()):
        parts = path.split(".")
        for length in range(1, len(parts) + 1):
            whole = ".".join(parts[:length])
            found.setdefault(whole, number)
            found.setdefault(whole.removesuffix("[]"), number)
    return found


@cache
def fields() -> Mapping[str, Field]:
    """All fields by path, in the order of the API's description."""
    table = files("trialbridge.registry").joinpath("data", "v2-fields.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {cells[0]: Field(*cells) for cells in rows}
