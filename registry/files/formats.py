"""The table of registry formats: told apart by content, read by one call.

FHIR's dialect of the registry (`fhir.json`) is not among them: it is FHIR, and the converters read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.registry.files import prs, public, v2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

HEAD = 1 << 16
"""How many bytes of a file are looked at."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, how its content is told, how it is read."""

    name: str
    about: str
    is_one: Callable[[bytes], bool]
    read: Callable[..., list[tuple[Record, list[Finding]]]]


def _read_v2(data: bytes, file: str, *, with_contacts: bool) -> list[tuple[Record, list[Finding]]]:
    return v2.parse_all(data, file, with_contacts=with_contacts)


def _read_public(data: bytes, file: str, *, with_contacts: bool) -> list[tuple[Record, list[Finding]]]:
    return [public.parse(data, file, with_contacts=with_contacts)]


def _read_prs(data: bytes, file: str, *, with_contacts: bool) -> list[tuple[Record, list[Finding]]]:
    return prs.parse(data, file, with_contacts=with_contacts)


FORMATS = (
    Format("v2", "ClinicalTrials.gov API v2 JSON", v2.is_v2, _read_v2),
    Format("prs", "PRS upload XML", prs.is_prs, _read_prs),
    Format("public", "ClinicalTrials.gov public XML (until 2024)", public.is_public, _read_public),
)


def sniff(head: bytes) -> Format | None:
    """The format a file's first bytes are in, whatever its name; None if it is none of these."""
    return next((one for one in FORMATS if one.is_one(head)), None)


def read(path: Path, *, with_contacts: bool = False) -> list[tuple[Record, list[Finding]]]:
    """The records of a file in any of the formats, each with its findings. Raises UnreadableInputError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        raise UnreadableInputError(message, Where(file=str(path)), "check the path") from None
    found = sniff(data[:HEAD])
    if found is None:
        message = "This is no registry record: neither API v2 JSON nor PRS XML nor public XML."
        raise UnreadableInputError(message, Where(file=str(path)), "give the record as the registry hands it out")
    return found.read(data, str(path), with_contacts=with_contacts)
