"""The study JSON of the ClinicalTrials.gov API v2: one study a file, or a page of studies (`{"studies": [...]}`).

Everything is kept, unknown fields too, and decimals digit for digit; only persons are left out unless asked for.
Source: OpenAPI description of the API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.registry.contacts import without_contacts
from trialbridge.registry.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.base.finding import Finding

SECTIONS = ("protocolSection", "resultsSection", "derivedSection")


def read(path: Path, *, with_contacts: bool = False) -> tuple[Record, list[Finding]]:
    """The one study of a file. Raises UnreadableInputError for broken JSON, and for a page of several studies."""
    return parse(path.read_bytes(), str(path), with_contacts=with_contacts)


def parse(data: bytes, file: str, *, with_contacts: bool = False) -> tuple[Record, list[Finding]]:
    """The one study in bytes of JSON; `file` names it in findings and errors."""
    found = parse_all(data, file, with_contacts=with_contacts)
    if len(found) != 1:
        message = f"The file holds {len(found)} studies; one was expected."
        raise UnreadableInputError(message, Where(file=file), "give a file with one study")
    return found[0]


def parse_all(data: bytes, file: str, *, with_contacts: bool = False) -> list[tuple[Record, list[Finding]]]:
    """Every study in bytes of JSON: one study, a page of studies, or a list of them."""
    content = _decoded(data, file)
    if isinstance(content, Mapping) and isinstance(content.get("studies"), list):
        content = content["studies"]
    studies = content if isinstance(content, list) else [content]
    for number, one in enumerate(studies, 1):
        if not isinstance(one, Mapping) or not any(isinstance(one.get(name), Mapping) for name in SECTIONS):
            message = "This JSON is no study of the API v2: it has none of " + ", ".join(SECTIONS) + "."
            row = number if len(studies) > 1 else None
            raise UnreadableInputError(message, Where(file=file, row=row), "give the JSON of API v2")
    return [_record(one, file, with_contacts=with_contacts) for one in studies]


def _record(content: Mapping[str, Any], file: str, *, with_contacts: bool) -> tuple[Record, list[Finding]]:
    if with_contacts:
        return Record(content, file), []
    kept, findings = without_contacts(content)
    return Record(kept, file), findings


def _decoded(data: bytes, file: str) -> Any:
    where = Where(file=file)
    try:
        return json.loads(
            data.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once
        )
    except UnicodeDecodeError as error:
        message = f"Byte {error.start + 1} is not UTF-8."
        raise UnreadableInputError(message, where, "save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        message = f"This is not JSON: {error.msg} (column {error.colno})."
        raise UnreadableInputError(message, Where(file=file, line=error.lineno), "fetch it again") from None
    except (ValueError, RecursionError) as error:
        message = "It is nested too deep." if isinstance(error, RecursionError) else str(error)
        raise UnreadableInputError(message, where, "correct the file") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON value.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"The field {twice!r} is given twice.")
    return found


def is_v2(head: bytes) -> bool:
    """Whether a file begins as JSON with a study's sections."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text[:1] in (b"{", b"[") and any(f'"{name}"'.encode() in text for name in SECTIONS)


def serialize(content: Mapping[str, Any]) -> bytes:
    """A study as UTF-8 JSON, two blanks deep, fields in their order, decimals digit for digit."""
    import msgspec  # noqa: PLC0415 - only writing needs it

    encoded = msgspec.json.Encoder(decimal_format="number").encode(content)
    return msgspec.json.format(encoded, indent=2) + b"\n"


def write(record: Record, target: Path) -> list[Path]:
    """The record as one JSON file, whole or not at all."""
    with whole_file(target) as part:
        part.write_bytes(serialize(record.content))
    return [target]


def write_all(records: Iterable[Record], target: Path) -> list[Path]:
    """Records as one page of studies."""
    with whole_file(target) as part:
        part.write_bytes(serialize({"studies": [record.content for record in records]}))
    return [target]
