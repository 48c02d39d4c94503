"""What a workbook's sheets hold beyond the values openpyxl gives: formulas without a value, merged cells.

A program that is no spreadsheet writes a formula without the value it has, and openpyxl then gives none: it would be
lost without a word. Of merged cells only the first has a value. Source: ECMA-376 Part 1, 18.3.1.4 (c), 18.3.1.55.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*[^/>])>(.*?)</(?:\w+:)?c>", re.DOTALL)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_VALUE = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>[^<]")
_TEXT = re.compile(rb"\bt\s*=\s*[\"']str[\"']")
_PLACE = re.compile(rb"(?<!\w)r\s*=\s*[\"']([A-Z]+[0-9]+)[\"']")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*ref\s*=\s*[\"']([A-Z0-9:]+)[\"']")


@dataclass(frozen=True, slots=True)
class Odd:
    """Of one sheet: the place (`D6`) of the first formula without a value, and the ranges (`B2:B4`) that are merged."""

    without_value: str | None
    merged: tuple[str, ...]


def look(sheet: bytes) -> Odd:
    """What is odd about the cells of a sheet, given as XML."""
    return Odd(_without_value(sheet), tuple(found.decode() for found in _MERGED.findall(sheet)))


def _without_value(sheet: bytes) -> str | None:
    if not _FORMULA.search(sheet):
        return None
    for cell in _CELL.finditer(sheet):
        if _FORMULA.search(cell[2]) and not _VALUE.search(cell[2]) and not _TEXT.search(cell[1]):  # a text may be empty
            place = _PLACE.search(cell[1])
            return place[1].decode() if place else "?"
    return None
