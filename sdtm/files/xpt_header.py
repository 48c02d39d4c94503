"""The header records of a SAS XPORT version 5 file: each field declared once, read and written from that one line.

Source: SAS TS-140. Text fields are blank-padded, numbers are big-endian two's complement. Every field is kept, so that
a header read and written again has the same bytes; values equal to the default need not be carried along.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYMBOL = "SAS"
EPOCH = "01JAN60:00:00:00"
"""SAS's day zero: the date in a header when none is known, so that the same data give the same bytes."""

ZEROS = "0" * 30


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a record: a text default makes it blank-padded text, an integer default a big-endian number."""

    name: str
    width: int
    default: str | int


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """The fields of a record in their order, and how `struct` has them."""

    parts: tuple[Part, ...]
    layout: struct.Struct


Values = dict[str, "str | int"]


def _record(*parts: Part) -> Record:
    codes = {2: "h", 4: "i"}
    fields = (f"{one.width}s" if isinstance(one.default, str) else codes[one.width] for one in parts)
    return Record(parts, struct.Struct(">" + "".join(fields)))


def _line(kind: str, tail: str = ZEROS) -> str:
    return f"HEADER RECORD*******{kind:<8}HEADER RECORD!!!!!!!{tail}"


LIBRARY = _record(
    Part("library_line", 80, _line("LIBRARY")),
    Part("library_symbol", 8, SYMBOL),
    Part("library_symbol_2", 8, SYMBOL),
    Part("saslib", 8, "SASLIB"),
    Part("library_sas_version", 8, "6.06"),
    Part("library_os", 8, "bsd4.2"),
    Part("library_blanks", 24, ""),
    Part("library_created", 16, EPOCH),
    Part("library_modified", 16, EPOCH),
    Part("library_blanks_2", 64, ""),
)
MEMBER = _record(
    Part("member_line", 80, _line("MEMBER", "000000000000000001600000000140")),
    Part("descriptor_line", 80, _line("DSCRPTR")),
    Part("symbol", 8, SYMBOL),
    Part("name", 8, ""),
    Part("sasdata", 8, "SASDATA"),
    Part("sas_version", 8, "6.06"),
    Part("os", 8, "bsd4.2"),
    Part("blanks", 24, ""),
    Part("created", 16, EPOCH),
    Part("modified", 16, EPOCH),
    Part("blanks_2", 16, ""),
    Part("label", 40, ""),
    Part("type", 8, ""),
    Part("namestr_line", 80, _line("NAMESTR")),
)
NAMESTR = _record(
    Part("type", 2, 2),
    Part("hash", 2, 0),
    Part("length", 2, 8),
    Part("number", 2, 0),
    Part("name", 8, ""),
    Part("label", 40, ""),
    Part("format", 8, ""),
    Part("format_length", 2, 0),
    Part("format_decimals", 2, 0),
    Part("justify", 2, 0),
    Part("fill", 2, 0),
    Part("informat", 8, ""),
    Part("informat_length", 2, 0),
    Part("informat_decimals", 2, 0),
    Part("position", 4, 0),
    Part("rest", 52, "\0" * 52),
)
OBSERVATIONS = _record(Part("observations_line", 80, _line("OBS")))


def size(record: Record) -> int:
    """The bytes of a record."""
    return record.layout.size


def decode(record: Record, raw: bytes) -> Values:
    """The fields of a record. Text is Latin-1 (one character a byte) without its trailing blanks: invertible as it is."""
    return {
        part.name: field if isinstance(field, int) else field.decode("latin-1").rstrip(" ")
        for part, field in zip(record.parts, record.layout.unpack(raw), strict=True)
    }


def encode(record: Record, values: Mapping[str, str | int]) -> bytes:
    """The bytes of a record; a field not given has its default. The caller has checked that the values fit."""
    fields = ((part.width, values.get(part.name, part.default)) for part in record.parts)
    return record.layout.pack(
        *(value if isinstance(value, int) else value.encode("latin-1").ljust(width) for width, value in fields)
    )


def unusual(record: Record, values: Values, known: frozenset[str]) -> Values:
    """The fields worth carrying along: those not `known` from elsewhere that differ from their default."""
    return {
        part.name: values[part.name]
        for part in record.parts
        if part.name not in known and values[part.name] != part.default
    }


def namestr_line(count: int) -> str:
    """The line before the variables, which says how many there are (four digits)."""
    return _line("NAMESTR", f"000000{count:04d}{'0' * 20}")


def padded(raw: bytes) -> bytes:
    """Blanks up to a whole number of 80-byte records."""
    return raw + b" " * (-len(raw) % 80)
