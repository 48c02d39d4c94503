"""Countries as a registry names them and as SDTM codes them (ISO 3166-1 alpha-3).

>>> alpha3("Netherlands"), alpha3("Russian Federation"), name_of("USA"), alpha3("Atlantis")
('NLD', 'RUS', 'United States', None)
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def alpha3(name: str) -> str | None:
    """The code of a country by one of its names (or its code); None if no country is called so."""
    return _codes().get(" ".join(name.split()).casefold())


def name_of(code: str) -> str:
    """The name a registry writes; the code itself if no country has it."""
    return _names().get(code, code)


@cache
def _rows() -> tuple[tuple[str, ...], ...]:
    table = files("trialbridge.mappings").joinpath("data", "countries.tsv").read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in table.splitlines() if line and not line.startswith("#"))


@cache
def _codes() -> Mapping[str, str]:
    return {name.casefold(): cells[0] for cells in reversed(_rows()) for name in cells}


@cache
def _names() -> Mapping[str, str]:
    return {cells[0]: cells[1] for cells in _rows()}
