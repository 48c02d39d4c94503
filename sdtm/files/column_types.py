"""Num or Char, for files that do not say (CSV, a foreign workbook): what SDTM says of the variable's name.

A column is Num only if SDTM has it as Num and every value is a number that a double gives back in value. `007`, `1e999`
or a number of 20 digits leave it Char, with its texts as they stand: nothing is changed by guessing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from trialbridge.sdtm.table import VariableType

# SDTM v2.0's numeric variables of the general classes, for domains the bundled metadata lack; `--` is the prefix.
NUMERIC_ENDINGS = frozenset(
    ("SEQ", "DY", "STDY", "ENDY", "STRESN", "STNRLO", "STNRHI", "LLOQ", "ULOQ", "TPTNUM", "REPNUM", "DOSE", "DOSTOT")
) | frozenset(("LLTCD", "PTCD", "HLTCD", "HLGTCD", "BDSYCD", "SOCCD"))
NUMERIC_NAMES = frozenset({"VISITNUM", "VISITDY", "TAETORD", "AGE"})

PLAIN = r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
SURE_DIGITS = 15  # any decimal of at most this many digits is its double's shortest text


def is_numeric(dataset: str, variable: str) -> bool:
    """Whether SDTM has this variable as Num: by the bundled SDTMIG, else by its ending in the general classes."""
    for domain in (dataset, None):
        try:
            return metadata.variable(variable, domain=domain).type == "Num"
        except UnknownNameError:
            continue
    return variable in NUMERIC_NAMES or variable[2:] in NUMERIC_ENDINGS


def typed(dataset: str, texts: pl.Series, declared: VariableType | None = None) -> pl.Series:
    """A column of texts in its type: as `declared`, else as SDTM has its name; Char if a value is no such number."""
    numeric = is_numeric(dataset, texts.name.upper()) if declared is None else declared == "Num"
    if not numeric:
        return texts
    values = texts.drop_nulls()
    if not values.str.contains(PLAIN).all():
        return texts
    numbers = texts.cast(pl.Float64, strict=False)
    if numbers.is_infinite().any() or numbers.null_count() != texts.null_count():
        return texts
    long = values.filter(values.str.len_bytes() > SURE_DIGITS)
    return texts if any(Decimal(text) != Decimal(repr(float(text))) for text in long) else numbers


def number_texts(numbers: pl.Series) -> pl.Series:
    """Doubles as their shortest texts, without `.0`: what `typed` reads back exactly."""
    return numbers.cast(pl.String).str.strip_suffix(".0")
