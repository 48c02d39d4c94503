"""Whether a server holds what we have: element by element, leaving out what is the server's own.

The server's own are meta.versionId, meta.lastUpdated, meta.source, the tag we put on for finding a resource again, and
a narrative where we give none. Its references may be absolute; they are read as `Type/id`.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from trialbridge.fhir.bundle import with_references
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource

Likeness = Literal["same", "digits", "different"]
_SERVERS = ("versionId", "lastUpdated", "source")
TAG = "resource-id"


def bare(resource: Resource, server_url: str = "", tag_system: str = "") -> Resource:
    """A resource without what is the server's own, its references relative."""
    base = f"{server_url.rstrip('/')}/"
    made: Resource = resource
    if server_url:
        made = with_references(resource, lambda text: text.removeprefix(base))
    meta = made.get("meta")
    if isinstance(meta, dict):
        kept = {name: value for name, value in meta.items() if name not in _SERVERS}
        tags = [one for one in kept.get("tag") or () if not (tag_system and one.get("system") == tag_system)]
        if "tag" in kept:
            kept = {**kept, "tag": tags} if tags else {name: value for name, value in kept.items() if name != "tag"}
        made = {name: value for name, value in made.items() if name != "meta"}
        if kept:
            made["meta"] = kept
    return made


def digest(resource: Resource) -> str:
    """The same for the same content, digit by digit, whatever the order of members."""
    return hashlib.blake2b(encode(_sorted(bare(resource))), digest_size=12).hexdigest()


def likeness(ours: Resource, theirs: Resource) -> Likeness:
    """Whether two bare resources are the same, the same but for digits of decimals (23.50 and 23.5), or different."""
    if "text" not in ours and "text" in theirs:
        theirs = {name: value for name, value in theirs.items() if name != "text"}
    if ours != theirs:  # Decimals that are equal numbers are equal here
        return "different"
    return "same" if _sorted(ours) == _sorted(theirs) else "digits"


def _sorted(value: Any) -> Any:
    """A value in one spelling: members by name; a decimal as text, for its digits."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(one) for one in value]
    if isinstance(value, Decimal):
        return f"#{value}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"#{value}"
    return value
