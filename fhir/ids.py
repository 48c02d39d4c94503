"""Ids and identifier systems made from business keys: the same study gives the same resources each time.

An id is a UUID of version 5 (RFC 9562, 5.5) over the base URL, the resource type and the key, so that a conversion
run again, or on another machine, updates what the first one wrote. Identifier systems are absolute, as FHIR asks
(https://hl7.org/fhir/R4/datatypes.html#Identifier); a sponsor gives its own base URL.

>>> system(BASE, "usubjid")
'https://example.org/trialbridge/sid/usubjid'
>>> resource_id(BASE, "Patient", "ST1", "001") == resource_id(BASE, "Patient", "ST1", "001")
True
>>> resource_id(BASE, "Patient", "ST1/0", "01") == resource_id(BASE, "Patient", "ST1", "0/01")
False
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import NAMESPACE_URL

from trialbridge.base.errors import DoesNotFitError

if TYPE_CHECKING:
    from collections.abc import Iterable

# example.org is set aside for examples (RFC 2606): this base never collides with a real server.
BASE = "https://example.org/trialbridge"


def resource_id(base_url: str, resource_type: str, *key: str) -> str:
    """The id of the resource with this business key, lower-case UUID text, under one base URL.

    The parts of the key are kept apart (`("a", "bc")` and `("ab", "c")` differ). Raises DoesNotFitError where the
    key is empty or a part of it is: two records would then share one id.
    """
    if not key or not all(key):
        raise DoesNotFitError(
            f"A {resource_type} has no complete key to make its id from.", fix="Fill the key variables of the record."
        )
    return resource_ids([id_text(base_url, resource_type, *key)])[0]


def id_text(base_url: str, resource_type: str, *key: str) -> bytes:
    """What the id of a business key is the hash of."""
    return f"{base_url.rstrip('/')}/{resource_type}/{'/'.join(map(_quoted, key))}".encode()


def many_ids(texts: Iterable[bytes]) -> list[str]:
    """As `resource_ids`, of many keys: the digests become text all at once."""
    import numpy as np  # noqa: PLC0415 - a single id needs none

    hashed = b"".join([sha1(_NAMESPACE + one, usedforsecurity=False).digest() for one in texts])
    octets = np.frombuffer(hashed, dtype=np.uint8).reshape(-1, 20)[:, :16].copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x50  # version 5
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80  # the variant of RFC 9562
    digits = np.frombuffer(_HEXADECIMAL, dtype=np.uint16)[octets].view(np.uint8)
    text = np.full((len(octets), 36), ord("-"), dtype=np.uint8)
    for place, first, last in ((0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)):
        text[:, place : place + last - first] = digits[:, first:last]
    joined = text.tobytes().decode()
    return [joined[at : at + 36] for at in range(0, len(joined), 36)]


def resource_ids(texts: Iterable[bytes]) -> list[str]:
    """The ids of business keys, given as `id_text` has them."""
    hashed = [sha1(_NAMESPACE + one, usedforsecurity=False).hexdigest() for one in texts]
    return [f"{one[:8]}-{one[8:12]}-5{one[13:16]}-{_VARIANT[one[16]]}{one[17:20]}-{one[20:32]}" for one in hashed]


_VARIANT = {
    digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"
}  # of RFC 9562; the digit before is version 5
_NAMESPACE = NAMESPACE_URL.bytes
_HEXADECIMAL = bytes(range(256)).hex().encode()


@lru_cache(maxsize=16_384)
def _quoted(part: str) -> str:
    return quote(part, safe="")


def system(base_url: str, name: str) -> str:
    """The absolute identifier system of a kind of id, e.g. `usubjid`, under a base URL."""
    return f"{base_url.rstrip('/')}/sid/{name}"
