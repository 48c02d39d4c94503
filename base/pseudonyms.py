"""Pseudonyms and date shifts that hang on a secret key alone: the same key gives the same ones in every run.

Both are HMAC-SHA-256 of what is hidden, so that nobody without the key can try out names (ISO 25237, 5.3.4: keyed
one-way functions). The key stands in a file of its own that only its owner can read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from pathlib import Path

_LENGTH = 32
_CODE = 8
"""Letters of a pseudonym: 40 bits, so that among ten thousand subjects two share one in 1 of 20,000 studies; the
caller checks that none do."""


@dataclass(frozen=True, slots=True)
class Key:
    """A secret. It is never shown, not even in a traceback."""

    _secret: bytes

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "Key(…)"

    def digest(self, kind: str, value: str) -> bytes:
        """32 bytes that stand for `value` as a `kind` (a subject, a record number)."""
        return hmac.new(self._secret, f"{kind}\0{value}".encode(), hashlib.sha256).digest()

    def code(self, kind: str, value: str) -> str:
        """A pseudonym of eight letters and digits."""
        return base64.b32encode(self.digest(kind, value))[:_CODE].decode()

    def uuid(self, kind: str, value: str) -> str:
        """A pseudonym in the shape of a UUID (version 8, RFC 9562), for resource ids."""
        raw = bytearray(self.digest(kind, value)[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return str(uuid.UUID(bytes=bytes(raw)))

    def days(self, subject: str, most: int) -> int:
        """The subject's date shift in days: from 1 to `most` back or forth, never 0."""
        number = int.from_bytes(self.digest("shift", subject)[:8]) % (2 * most)
        return number - most if number < most else number - most + 1


def read_key(file: Path) -> Key:
    """The key in a file: 64 hexadecimal digits. Raises UnreadableInputError, also where others may read the file."""
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except (ValueError, UnicodeDecodeError):
        secret = b""
    if len(secret) < _LENGTH:
        where = Where(file=str(file))
        raise UnreadableInputError("This is no key: 64 hexadecimal digits are wanted.", where, "make one: --new-key")
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise UnreadableInputError(
            "Others may read this key.", Where(file=str(file)), f"run chmod 600 {file.name}, or make a new key"
        )
    return Key(secret)


def new_key(file: Path) -> Key:
    """A new key in a new file that only its owner can read. Raises UnreadableInputError where the file is there."""
    secret = secrets.token_bytes(_LENGTH)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        where = Where(file=str(file))
        raise UnreadableInputError("There is a file already.", where, "use it without --new-key") from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secret.hex() + "\n")
    return Key(secret)
