"""Values of primitive types: what the JSON may be, the regular expressions, dates that exist, ranges.

Facts: https://hl7.org/fhir/R4/datatypes.html#primitive and https://hl7.org/fhir/R5/datatypes.html#primitive (the same
but for integer64), https://hl7.org/fhir/R4/json.html#primitive.

>>> fault("date", "2019-02-30")
'no such day'
>>> fault("positiveInt", 3) is None
True
"""

from __future__ import annotations

import base64
import binascii
import re
from calendar import monthrange
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 1024 * 1024
"""Bytes a string may have at the most."""
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_DAY = r"(\d(?:\d(?:\d[1-9]|[1-9]0)|[1-9]00)|[1-9]000)(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])%s)?)?"
_DATE = re.compile(_DAY % "")
_DATE_TIME = re.compile(_DAY % f"(?:T{_TIME}{_ZONE})?")
_INSTANT = re.compile(
    r"(\d(?:\d(?:\d[1-9]|[1-9]0)|[1-9]00)|[1-9]000)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])" + f"T{_TIME}{_ZONE}"
)
_CLOCK = re.compile(_TIME)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CODE = re.compile(r"[^\s]+(?:\s[^\s]+)*")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INTEGER64 = re.compile(r"0|[-+]?[1-9][0-9]*")
_BLANK = re.compile(r"\s+")


def fault(code: str, value: Any) -> str | None:
    """What is wrong with a value of a primitive type; None where nothing is. The value itself is never quoted."""
    check = _CHECKS.get(code)
    return check(value) if check else None


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return "not a JSON string"
    if not value:
        return "an empty string"
    if _CONTROL.search(value):
        return "a control character"
    if len(value) > LONGEST // 4 and len(value.encode()) > LONGEST:
        return "longer than 1 MB"
    return None


def _string(value: Any) -> str | None:
    return _text(value) or (None if value.strip() else "nothing but blanks")


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "not a JSON string"
        return None if pattern.fullmatch(value) else what

    return check


def _dated(pattern: re.Pattern[str], what: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "not a JSON string"
        found = pattern.fullmatch(value)
        if found is None:
            return what
        year, month, day = found.groups()
        if day and int(day) > monthrange(int(year), int(month))[1]:
            return "no such day"
        return None

    return check


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "not true or false"


def _whole(least: int, most: int = 2**31 - 1) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "not a whole JSON number"
        return None if least <= value <= most else f"not from {least} to {most}"

    return check


def _integer64(value: Any) -> str | None:
    if not isinstance(value, str):
        return "not a JSON string, which an integer64 is"
    if not _INTEGER64.fullmatch(value) or not -(2**63) <= int(value) < 2**63:
        return "not a whole number of 64 bits"
    return None


def _decimal(value: Any) -> str | None:
    return None if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else "not a JSON number"


def _base64(value: Any) -> str | None:
    if not isinstance(value, str):
        return "not a JSON string"
    try:
        base64.b64decode(_BLANK.sub("", value), validate=True)
    except (binascii.Error, ValueError):
        return "not base64"
    return None if value else "an empty string"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "boolean": _boolean,
    "integer": _whole(-(2**31)),
    "positiveInt": _whole(1),
    "unsignedInt": _whole(0),
    "integer64": _integer64,
    "decimal": _decimal,
    "string": _string,
    "markdown": _string,
    "xhtml": _text,
    "code": _matching(_CODE, "not a code: blanks at its ends or doubled"),
    "id": _matching(_ID, "not an id: 1 to 64 letters, digits, - or ."),
    "uri": _matching(re.compile(r"\S+"), "empty, or with a blank in it"),
    "url": _matching(re.compile(r"\S+"), "empty, or with a blank in it"),
    "canonical": _matching(re.compile(r"\S+"), "empty, or with a blank in it"),
    "oid": _matching(_OID, "not urn:oid:…"),
    "uuid": _matching(_UUID, "not urn:uuid:… in lower case"),
    "base64Binary": _base64,
    "date": _dated(_DATE, "not YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": _dated(_DATE_TIME, "not a date, nor a date with time to the second and zone"),
    "instant": _dated(_INSTANT, "not a date with time to the second and zone"),
    "time": _matching(_CLOCK, "not hh:mm:ss"),
}


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: true is not 1, 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def matches(value: Any, pattern: Any) -> bool:
    """Whether a value has all that a pattern has (elementdefinition.html, pattern[x])."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and matches(value[key], one) for key, one in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(matches(each, one) for each in value) for one in pattern)
    return equal(value, pattern)


def outside(value: Any, bounds: dict[str, Any]) -> str | None:
    """Which bound a number or date lies beyond; None where it does not, or where the two cannot be compared."""
    low, high = bounds.get("minValue"), bounds.get("maxValue")
    if low is not None and _below(value, low):
        return f"below the minimum {low}"
    if high is not None and _below(high, value):
        return f"above the maximum {high}"
    return None


def _below(one: Any, other: Any) -> bool:
    """Whether one lies below the other: numbers, dates as far as both are precise, quantities of one unit."""
    if isinstance(one, dict) and isinstance(other, dict):
        same = one.get("code") == other.get("code") and one.get("system") == other.get("system")
        return same and _below(one.get("value"), other.get("value"))
    numbers = (int, float, Decimal)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return bool(one < other)
    if isinstance(one, str) and isinstance(other, str):
        shared = min(len(one), len(other), 10)
        return one[:shared] < other[:shared]
    return False
