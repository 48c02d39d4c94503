"""Number texts that a double does not write back (`12.50`), carried beside the column until the rows change."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from trialbridge.sdtm.table import Table, Variable

Literals = list[list[int | str]]
"""[row from 0, the text as it stood]"""


def decimal_text(value: float) -> str:
    """The shortest decimal text of a double, without exponent where it has at most 16 digits: `45`, `0.1`, `1e-70`."""
    text = repr(value)
    return text.removesuffix(".0")


def literals(texts: Iterable[str | None], numbers: Iterable[float | None]) -> Literals:
    """The texts that `decimal_text` of their number would not give back."""
    pairs = zip(texts, numbers, strict=True)
    return [
        [row, text]
        for row, (text, number) in enumerate(pairs)
        if text is not None and number is not None and decimal_text(number) != text
    ]


def fingerprint(frame: pl.DataFrame) -> int:
    """A checksum of all cells: the same rows in the same order have the same."""
    return zlib.crc32(msgspec.json.encode(frame.rows()))


def texts(one: Table, variable: Variable, file: str) -> list[str | None]:
    """A Num column as decimal texts, those carried in `extra["literals"]` as they stood.

    Raises DoesNotFitError if the rows have changed since: the texts could then stand at the wrong record.
    """
    column = [None if value is None else decimal_text(value) for value in one.frame[variable.name]]
    carried: Literals = variable.extra.get("literals", [])
    if carried and fingerprint(one.frame) != one.extra.get("rows_crc32"):
        raise DoesNotFitError(
            "The rows have changed since they were read, so decimals like 12.50 cannot be put back as they stood.",
            Where(file=file, dataset=one.name, variable=variable.name),
            "drop extra['literals'] of the variable: numbers are then written in their shortest form",
        )
    for row, text in carried:
        column[int(row)] = str(text)
    return column
