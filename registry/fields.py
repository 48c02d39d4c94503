"""Every field a study of API v2 may have, with its type: facts from `data/v2-fields.tsv`.

>>> field("protocolSection.designModule.phases[]")
Field(path='protocolSection.designModule.phases[]', type='enum', enumeration='Phase')
>>> field("protocolSection.shoeSize") is None
True
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its path with `[]` after a list, its type (string, boolean, enum, date, PartialDate …), its enumeration."""

    path: str
    type: str
    enumeration: str = ""


def field(path: str) -> Field | None:
    """The field at a path, None if the API has no such field."""
    return fields().get(path)


@cache
def fields() -> Mapping[str, Field]:
    """All fields by path, in the order of the API's description."""
    table = files("trialbridge.registry").joinpath("data", "v2-fields.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {cells[0]: Field(*cells) for cells in rows}
