"""A SAS format as text (`DATE9.`, `8.2`, `$CHAR20.`) and as the three fields of an XPORT header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.base.errors import DoesNotFitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.base.finding import Where

# A format's name does not end in a digit (SAS language reference), which is what makes the text readable.
TEXT = re.compile(r"(\$?(?:[A-Za-z0-9_]*[A-Za-z_])?)(\d*)\.(\d*)")


def format_text(values: Mapping[str, str | int]) -> str:
    """`DATE9.` from format, format_length and format_decimals; empty if there is none."""
    name, length, decimals = (values.get(part) for part in ("format", "format_length", "format_decimals"))
    return f"{name or ''}{length or ''}.{decimals or ''}" if name or length or decimals else ""


def format_fields(text: str, where: Where) -> dict[str, str | int]:
    """The three fields of `DATE9.`. Raises DoesNotFitError for a text that is no SAS format of at most 8 letters."""
    found = TEXT.fullmatch(text if "." in text else f"{text}.")
    if not found or len(found[1]) > 8 or max(int(found[2] or 0), int(found[3] or 0)) > 32767:
        raise DoesNotFitError(
            f"{text!r} is no SAS format of XPORT version 5.", where, "give one like DATE9. or 8.2, or leave it out"
        )
    return {"format": found[1], "format_length": int(found[2] or 0), "format_decimals": int(found[3] or 0)}
