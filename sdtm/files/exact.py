"""Number texts that a double does not write back (`12.50`), carried beside the column until the rows change."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from trialbridge.sdtm.table import Table, Variable

Literals = list[list[int | str]]
"""[row from 0, the text as it stood]"""

NO_EXPONENT_FROM, NO_EXPONENT_BELOW = 1e-4, 1e16
PLAIN = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$"
TINY = r"^-?0\.0000"  # Python gives it an exponent
SURE_LENGTH = 15


def decimal_text(value: float) -> str:
    """The shortest decimal text of a double, without exponent where it has at most 16 digits: `45`, `0.1`, `1e-70`."""
    text = repr(value)
    return text.removesuffix(".0")


def decimal_texts(numbers: pl.Series) -> pl.Series:
    """`decimal_text` of each number: where it has no exponent polars spells as Python does, shortest and nearest."""
    texts = numbers.cast(pl.String).str.strip_suffix(".0")
    sizes = numbers.abs()
    others = (((sizes < NO_EXPONENT_FROM) & (sizes != 0)) | (sizes >= NO_EXPONENT_BELOW)).arg_true()
    return texts.scatter(others, [decimal_text(value) for value in numbers[others]]) if len(others) else texts


def come_back(texts: pl.Series) -> pl.Series:
    """Which of these texts `decimal_text` of their double surely gives back: plain decimals of up to 14 digits, and null.

    Any decimal of up to 15 digits is the shortest text of its double.
    """
    plain = texts.str.contains(PLAIN) & (texts.str.len_bytes() <= SURE_LENGTH) & ~texts.str.contains(TINY)
    return plain.fill_null(value=True)


def fingerprint(frame: pl.DataFrame) -> int:
    """A checksum of all cells: the same rows in the same order have the same."""
    return zlib.crc32(msgspec.json.encode(frame.rows()))


def texts(one: Table, variable: Variable, file: str) -> list[str | None]:
    """A Num column as decimal texts, those carried in `extra["literals"]` as they stood.

    Raises DoesNotFitError if the rows have changed since: the texts could then stand at the wrong record.
    """
    column: list[str | None] = decimal_texts(one.frame[variable.name]).to_list()
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
