"""FHIR's JSON read and written without touching a number: `23.50` stays 23.50, `5` stays an integer.

A resource is a plain dict. Numbers with a point or an exponent are `Decimal`, the others `int`
(https://hl7.org/fhir/R4/json.html: "the precision of the decimal value has significance"). Written, a number has the
digits it was read with; only the notation of the exponent may differ (`1e3` -> `1E+3`, `0.0000001` -> `1E-7`), the
same number with the same precision.

>>> encode(decode('{"value": 23.50, "n": 5, "low": 1.0E-7}'))
b'{"value":23.50,"n":5,"low":1.0E-7}'
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode(text: bytes | str) -> Any:
    """The JSON value of a text (UTF-8, a byte order mark allowed). Raises UnreadableInputError, without quoting data."""
    if isinstance(text, bytes):
        text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise UnreadableInputError(f"This is not JSON: {error}.", fix="Export the file again; it may be cut.") from None
    except UnicodeDecodeError:
        raise UnreadableInputError("This is not UTF-8.", fix="FHIR's JSON is UTF-8: convert the file.") from None
    except RecursionError:
        raise UnreadableInputError("The JSON is nested too deeply for a FHIR resource.") from None
    except ArithmeticError:
        raise UnreadableInputError("The JSON holds a number no decimal can carry.") from None


def encode(value: Any) -> bytes:
    """The JSON text of a value, without blanks. Raises DoesNotFitError for what JSON cannot hold.

    A float that is not a number (NaN, infinity) becomes null, as msgspec has it: use None or Decimal.
    """
    try:
        text = _ENCODER.encode(value)
        # A Decimal that is no number is written bare, which is not JSON; a string may hold the word.
        if b"NaN" in text or b"Infinity" in text:
            msgspec.json.decode(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise DoesNotFitError(f"This cannot be written as JSON: {type(error).__name__}.") from None
    return text


def pretty(value: Any) -> bytes:
    """The JSON text of a value, indented by two, with a line end: for files people open."""
    return msgspec.json.format(encode(value), indent=2) + b"\n"
