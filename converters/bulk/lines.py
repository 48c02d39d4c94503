"""Lines of FHIR NDJSON before they are read: where they stand, of what type they are, what names their subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trialbridge.converters.patients import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.patients import Name


class Head(msgspec.Struct):
    """What the first pass looks at; all else is only passed over."""

    resourceType: Any = None  # noqa: N815 - FHIR's name
    id: Any = None
    subject: Any = None
    patient: Any = None
    individual: Any = None
    beneficiary: Any = None
    owner: Any = msgspec.field(default=None, name="for")


class _Marks(msgspec.Struct, gc=False):
    """Elements by which R5 shows."""

    code: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    subject: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    progress: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    includedStructure: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's name
    encounterClass: msgspec.Raw | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="class")  # noqa: N815 - as its neighbours
    occurrencePeriod: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's name
    occurrenceDateTime: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's name
    occurrenceString: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's name
    occurrenceAge: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's name
    occurrenceRange: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's name
    occurrenceTiming: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's name


class _Named(msgspec.Struct):
    """What names a subject."""

    identifier: Any = None
    link: Any = None


head_of = msgspec.json.Decoder(Head).decode
_named = msgspec.json.Decoder(_Named).decode
_marks = msgspec.json.Decoder(_Marks).decode
MARKED = frozenset({b"AdverseEvent", b"ResearchSubject", b"BodyStructure", b"Procedure", b"Encounter"})
_SUBJECT, _PATIENT, NO_LINK = b'"subject":{"reference":"', b'"patient":{"reference":"', b"\0"
ONE_SUBJECT = {
    **dict.fromkeys(
        (b"Observation", b"AdverseEvent", b"Condition", b"Encounter", b"Procedure", b"MedicationAdministration"),
        _SUBJECT,
    ),
    b"MedicationStatement": _SUBJECT,
    b"BodyStructure": _PATIENT,
}
"""Types of which no element but the resource itself has a `subject`, or a `patient` (R4 and R5 definitions)."""


def kind_of(line: bytes) -> str:
    """The resourceType of a line, empty where it cannot be read."""
    try:
        kind = head_of(line).resourceType
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return kind if isinstance(kind, str) else ""


BEGIN = b'{"resourceType":"'


def kind_at_once(line: bytes) -> str:
    """The same, without reading the line where it begins with its type, as most do."""
    if line[:17] == BEGIN:
        name = line[17 : line.find(b'"', 17)]
        known = _KINDS.get(name)
        if known is not None:
            return known
        if name.isalnum() and len(_KINDS) < 1000:
            return _KINDS.setdefault(name, name.decode())
    return kind_of(line)


_KINDS: dict[bytes, str] = {}


@dataclass(slots=True)
class Lines:
    """Lines of NDJSON files: number of the file, number of the line from 1, first byte and length, in reading order."""

    file: NDArray[np.int32]
    number: NDArray[np.int32]
    start: NDArray[np.int64]
    length: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    def some(self, which: NDArray[Any]) -> Lines:
        """Those lines of them."""
        return Lines(self.file[which], self.number[which], self.start[which], self.length[which])

    def read(self, files: tuple[Path, ...], names: tuple[str, ...]) -> Iterator[tuple[str, int, bytes]]:
        """Name of the file, number and bytes of each; neighbours are read at one go."""
        at, count = 0, len(self)
        ends = self.start + self.length
        joined = (self.file[1:] == self.file[:-1]) & (self.start[1:] - ends[:-1] <= 2)
        joined &= self.start[1:] >= ends[:-1]
        breaks = np.flatnonzero(~joined) + 1 if count else np.empty(0, np.int64)
        for stop in (*breaks.tolist(), count):
            if at == stop:
                continue
            file = int(self.file[at])
            first = int(self.start[at])
            with files[file].open("rb") as stream:
                stream.seek(first)
                block = stream.read(int(ends[stop - 1]) - first)
            for begin, length, number in zip(
                (self.start[at:stop] - first).tolist(),
                self.length[at:stop].tolist(),
                self.number[at:stop].tolist(),
                strict=True,
            ):
                yield names[file], number, block[begin : begin + length]
            at = stop


def identifier_of(line: bytes, system: str) -> str | None:
    """The USUBJID among a resource's identifiers, else its first identifier."""
    listed = _named(line).identifier
    known = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    values = [one["value"] for one in known if one.get("system") == system and isinstance(one.get("value"), str)]
    others = [one["value"] for one in known if isinstance(one.get("value"), str)]
    return next(iter(values + others), None)


def names_in(line: bytes) -> Iterator[Name]:
    """The identifiers of a resource that have both a system and a value."""
    return names({"identifier": _named(line).identifier})


def links_in(line: bytes) -> dict[str, Any]:
    """A Patient's links, as a resource that has nothing else."""
    return {"link": _named(line).link} if b'"link"' in line else {}


def says_r5(line: bytes, kind: str) -> bool:
    """Whether a line has an element that R4 does not have: as `study.release_of`, asked line by line."""
    if kind.encode() not in MARKED:
        return False
    one = _marks(line)
    there = {
        "AdverseEvent": (one.code, one.occurrencePeriod),
        "ResearchSubject": (one.subject, one.progress),
        "BodyStructure": (one.includedStructure,),
        "Encounter": (),
        "Procedure": (
            one.occurrencePeriod,
            one.occurrenceDateTime,
            one.occurrenceString,
            one.occurrenceAge,
            one.occurrenceRange,
            one.occurrenceTiming,
        ),
    }[kind]
    listed = kind == "Encounter" and one.encounterClass is not msgspec.UNSET and bytes(one.encounterClass)[:1] == b"["
    return listed or any(mark is not msgspec.UNSET for mark in there)
