"""Spellings of plain values: text, numbers, results as collected, dates, references.

Sources: SDTMIG 3.4 section 4.4 (dates), 4.5.1 (original and standardized results); FHIR R4 2.24 (primitive types).
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from trialbridge.mappings.kit import Context, Spelling
from trialbridge.sdtm.dates import fhir_date_prefix, fhir_prefix


def _text(value: Any, _ctx: Context) -> str | None:
    return value if isinstance(value, str) and value else None


TEXT = Spelling("text, verbatim", _text, _text)


def _code(value: Any, _ctx: Context) -> str | None:
    """A text that FHIR takes for a code: no space before, behind or doubled (FHIR R4 2.24.0.1)."""
    return value if isinstance(value, str) and value and value == " ".join(value.split()) else None


CODE = Spelling("code, verbatim, where FHIR takes it for one", _code, _code)


def number_text(value: float | Decimal) -> str:
    """A number as SDTM text has it: no exponent, no trailing zeros, no trailing point.

    >>> number_text(63.0), number_text(17.6), number_text(Decimal("2400"))
    ('63', '17.6', '2400')
    """
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal_of(value: float) -> Decimal | int:
    """A Num as FHIR decimal: whole numbers without a point, others by the shortest text that gives the same double."""
    whole = value.is_integer() and abs(value) < 1e15 and repr(value) != "-0.0"
    return int(value) if whole else Decimal(repr(value))


def _number_to_sdtm(value: Any, _ctx: Context) -> float | None:
    return float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


NUMBER = Spelling("number", _number_to_sdtm, lambda value, _ctx: decimal_of(value))


def _number_in_text_to_sdtm(value: Any, _ctx: Context) -> float | None:
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


NUMBER_AS_TEXT = Spelling("number, written as text", _number_in_text_to_sdtm, lambda value, _ctx: number_text(value))


def _count_to_fhir(value: str, _ctx: Context) -> int | None:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


COUNT = Spelling(
    "whole number in a character variable",
    lambda value, _ctx: str(value) if isinstance(value, int) and not isinstance(value, bool) else None,
    _count_to_fhir,
)

YES = Spelling(
    "Y or nothing",
    lambda value, _ctx: "Y" if value is True else None,
    lambda value, _ctx: True if value == "Y" else None,
)
NO_YES = Spelling(
    "Y or N",
    lambda value, _ctx: {True: "Y", False: "N"}.get(value) if isinstance(value, bool) else None,
    lambda value, _ctx: {"Y": True, "N": False}.get(value),
)


def literal_of(sibling: Any, url: str) -> str | None:
    """The literal kept in a primitive's extension of that url."""
    for extension in (sibling or {}).get("extension") or ():
        if extension.get("url") == url:
            text = extension.get("valueString")
            return text if isinstance(text, str) else None
    return None


def _literal(url: str, text: str) -> dict[str, Any]:
    return {"extension": [{"url": url, "valueString": text}]}


def _dates(name: str, prefix_of: Any) -> Spelling:
    def to_fhir(cell: str, ctx: Context) -> tuple[str | None, dict[str, Any] | None]:
        prefix = prefix_of(cell)
        return (cell, None) if prefix == cell else (prefix, _literal(ctx.url("x-sdtm-dtc"), cell))

    def to_sdtm(value: Any, sibling: Any, ctx: Context) -> str | None:
        kept = literal_of(sibling, ctx.url("x-sdtm-dtc")) if sibling else None
        if kept is not None and prefix_of(kept) == value:
            return kept
        return value if isinstance(value, str) else None

    return Spelling(name, to_sdtm, to_fhir, shape="literal")


DATE = _dates("date/time, as much as FHIR allows; the literal beside it where they differ", fhir_prefix)
DAY = _dates("date, as much as FHIR allows; the literal beside it where they differ", fhir_date_prefix)


def plain_decimal(text: Any) -> Decimal | int | None:
    """The number a result as collected spells, or None ("<5", "1,5", "1E3", " 7" are not plain numbers).

    >>> plain_decimal("21.0"), plain_decimal("<5")
    (Decimal('21.0'), None)
    """
    if not isinstance(text, str) or not text:
        return None
    digits = text[1:] if text[0] == "-" else text
    if not digits:
        return None
    if not digits.replace(".", "", 1).isdigit() or not digits.isascii() or digits[0] == "." or digits[-1] == ".":
        return None
    try:
        exact = Decimal(text)
    except InvalidOperation:  # pragma: no cover - the test above leaves no such text
        return None
    return int(text) if "." not in text and str(int(text)) == text else exact


_COMPARED = re.compile(r"(<=|>=|<|>)?(.+)", re.DOTALL)


def compared(text: Any) -> tuple[str, Decimal | int] | None:
    """Comparator (may be empty) and number of a result as collected, or None if it is no number.

    >>> compared("<0.01"), compared("TOO SMALL")
    (('<', Decimal('0.01')), None)
    """
    found = _COMPARED.fullmatch(text) if isinstance(text, str) else None
    exact = plain_decimal(found[2]) if found else None
    return (found[1] or "", exact) if found and exact is not None else None


def _result_to_fhir(cell: str, ctx: Context) -> dict[str, Any] | None:
    parts = compared(cell)
    if parts is None:
        return None
    comparator, exact = parts
    made: dict[str, Any] = {"value": exact}
    if comparator:
        made["comparator"] = comparator
    if comparator + number_text(exact) != cell:
        made["_value"] = _literal(ctx.url("x-sdtm-orres"), cell.removeprefix(comparator))
    return made


def _result_to_sdtm(quantity: Any, ctx: Context) -> str | None:
    value = quantity.get("value") if isinstance(quantity, dict) else None
    comparator = quantity.get("comparator", "") if isinstance(quantity, dict) else ""
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or comparator not in {"", "<", "<=", ">", ">="}:
        return None
    kept = literal_of(quantity.get("_value"), ctx.url("x-sdtm-orres"))
    if kept is not None and plain_decimal(kept) == value:
        return f"{comparator}{kept}"
    return comparator + (str(value) if isinstance(value, int) else format(value, "f"))


RESULT = Spelling(
    "result as collected: a Quantity's number and comparator; the literal beside it where a server could change it (23.50)",
    _result_to_sdtm,
    _result_to_fhir,
)

SUBJECT = Spelling(
    "reference to the subject's Patient", lambda ref, ctx: ctx.usubjid(ref), lambda cell, ctx: ctx.subject(cell)
)
STUDY = Spelling("reference to the ResearchStudy", lambda ref, ctx: ctx.studyid(ref), lambda cell, ctx: ctx.study(cell))
LESION = Spelling(
    "reference to the lesion's BodyStructure",
    lambda ref, ctx: ctx.identifier_of(ref, "tulnkid"),
    lambda cell, ctx: ctx.lesion(cell),
)


def record_id(studyid: str | None, dataset: str, usubjid: str | None, last: str) -> str:
    """The business identifier of a record: STUDYID|dataset|USUBJID|--SEQ, a bar inside a part written as %7C."""
    return "|".join(
        part.replace("%", "%25").replace("|", "%7C") for part in (studyid or "", dataset, usubjid or "", last)
    )


def record_parts(value: Any) -> list[str] | None:
    """STUDYID, dataset, USUBJID and --SEQ of a record's business identifier; None for any other text."""
    parts = value.split("|") if isinstance(value, str) else []
    return [part.replace("%7C", "|").replace("%25", "%") for part in parts] if len(parts) == 4 else None


def _record_to_fhir(cell: float, ctx: Context) -> str:
    return record_id(ctx.row.get("STUDYID"), ctx.dataset, ctx.row.get("USUBJID"), number_text(cell))


def _record_to_sdtm(value: Any, _ctx: Context) -> float | None:
    parts = record_parts(value)
    try:
        return float(parts[3]) if parts else None
    except ValueError:
        return None


RECORD = Spelling(
    "--SEQ within STUDYID|dataset|USUBJID|--SEQ, the record's business identifier", _record_to_sdtm, _record_to_fhir
)
