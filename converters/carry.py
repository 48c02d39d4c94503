"""The carrying extension: what FHIR has no element for travels with the resource, and is noticed when stale.

`sdtm-variable` holds a variable's name and value and a hash of what the native elements said of it when it was
written. A reader takes the value only while they still say so: an element edited since wins, and is reported.
No value means: blank, although the elements would give one. No hash means: the elements gave nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.spellings import decimal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.mappings.kit import Resource

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Qualifier:
    """A supplemental qualifier: QNAM, QVAL, QLABEL, QORIG, QEVAL (SDTMIG 3.4 section 8.4)."""

    name: str
    value: Cell
    label: str | None = None
    origin: str | None = None
    evaluator: str | None = None


@dataclass(frozen=True, slots=True)
class Carried:
    """One `sdtm-variable`: a variable of the domain, or a qualifier of its SUPP-- (`qualifier` set)."""

    name: str
    value: Cell
    native_hash: str | None
    qualifier: Qualifier | None = None


def hash_of(native: Cell) -> str | None:
    """Eight hex digits of what the native elements say; None where they say nothing."""
    if native is None:
        return None
    return hashlib.blake2b(repr(native).encode(), digest_size=4).hexdigest()


def extension(url: str, name: str, value: Cell, native: Cell, qualifier: Qualifier | None = None) -> Resource:
    """The `sdtm-variable` extension of one variable or qualifier."""
    inside: list[Resource] = [{"url": "name", "valueCode": name}]
    if isinstance(value, float):
        inside.append({"url": "value", "valueDecimal": decimal_of(value)})
    elif value is not None:
        inside.append({"url": "value", "valueString": value})
    digest = hash_of(native)
    if digest is not None:
        inside.append({"url": "nativeHash", "valueString": digest})
    if qualifier is not None:
        inside.append({"url": "supplemental", "valueBoolean": True})
        for key, text in (
            ("label", qualifier.label),
            ("origin", qualifier.origin),
            ("evaluator", qualifier.evaluator),
        ):
            if text is not None:
                inside.append({"url": key, "valueString": text})
    return {"url": url, "extension": inside}


def carried(element: Resource, url: str) -> Iterator[Carried]:
    """The variables that an element carries."""
    for one in element.get("extension") or ():
        if not isinstance(one, dict) or one.get("url") != url:
            continue
        inside = {part.get("url"): _value(part) for part in one.get("extension") or () if isinstance(part, dict)}
        name, value = inside.get("name"), inside.get("value")
        if not isinstance(name, str):
            continue
        qualifier = None
        if inside.get("supplemental") is True:
            qualifier = Qualifier(name, value, inside.get("label"), inside.get("origin"), inside.get("evaluator"))
        yield Carried(name, value, inside.get("nativeHash"), qualifier)


def kept_by(element: Resource, url: str) -> dict[str, Carried]:
    """The same by the name of the cell: a variable's, `SUPP.<QNAM>` for a qualifier; of two of one name the last."""
    return {f"SUPP.{one.name}" if one.qualifier else one.name: one for one in carried(element, url)}


def _value(part: Resource) -> Any:
    for key, value in part.items():
        if key.startswith("value"):
            return float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
    return None


def rehash(element: Resource, url: str, name: str, native: Cell) -> None:
    """Say of a carried variable that it was written beside what the elements say now."""
    for one in element.get("extension") or ():
        inside = one.get("extension") or []
        if one.get("url") == url and {"url": "name", "valueCode": name} in inside:
            digest = hash_of(native)
            kept = [part for part in inside if part.get("url") != "nativeHash"]
            one["extension"] = kept if digest is None else [*kept, {"url": "nativeHash", "valueString": digest}]
