"""Invariants that stand on nearly every element or resource, as Python: the same text in a definition means these.

The key is the FHIRPath of the definition, letter for letter, so that another wording goes to the FHIRPath engine.
Sources: the constraints of Element, Extension, DomainResource, Reference, Narrative, Period and Quantity in R4 4.0.1
and R5 5.0.0. `tests/fhir/profiles/test_invariants.py` holds each against fhirpathpy where that can evaluate it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.fhir.profiles.invariants import Surroundings


def _has(value: Any, stem: str) -> bool:
    """Whether an object has an element, under any of a choice's names, as a value or as an underscore twin."""
    return any(key.lstrip("_").startswith(stem) for key in value)


def _element(value: Any, _around: Surroundings) -> bool:
    """ele-1: a value or something besides an id."""
    return not isinstance(value, dict) or any(key != "id" for key in value)


def _extension(value: Any, _around: Surroundings) -> bool:
    """ext-1: extensions or a value, not both."""
    return bool(value.get("extension")) != _has(value, "value")


def _contained(value: Any) -> list[Any]:
    inner = value.get("contained")
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []


def _no_nesting(value: Any, _around: Surroundings) -> bool:
    """dom-2."""
    return not any(one.get("contained") for one in _contained(value))


def texts(value: Any) -> Iterator[str]:
    """Every string below a value."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one


def _all_used(value: Any, _around: Surroundings) -> bool:
    """dom-3: each contained resource is referred to from within, or refers to its container."""
    inner = _contained(value)
    if not inner:
        return True
    used = {text for text in texts(value) if text.startswith("#")}
    return all(f"#{one.get('id')}" in used or "#" in set(texts(one)) for one in inner)


def _no_version(value: Any, _around: Surroundings) -> bool:
    """dom-4."""
    metas = [one["meta"] for one in _contained(value) if isinstance(one.get("meta"), dict)]
    return not any("versionId" in one or "lastUpdated" in one for one in metas)


def _no_security(value: Any, _around: Surroundings) -> bool:
    """dom-5."""
    return not any(isinstance(one.get("meta"), dict) and one["meta"].get("security") for one in _contained(value))


def _text(value: Any, _around: Surroundings) -> bool:
    """dom-6."""
    text = value.get("text")
    return isinstance(text, dict) and "div" in text


def _reference(value: Any, around: Surroundings) -> bool:
    """ref-1: `#id` is contained in the outermost resource (`#` alone is that resource itself)."""
    text = value.get("reference")
    if not isinstance(text, str) or not text.startswith("#") or text == "#":
        return True
    return any(one.get("id") == text[1:] for one in _contained(around.root))


def _period(value: Any, _around: Surroundings) -> bool:
    """per-1: start not after end, as far as both are precise."""
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return True
    zones = start[19:], end[19:]
    shared = min(len(start), len(end), 19 if zones[0] == zones[1] else 10)
    if zones[0] != zones[1] and shared == 10:
        return _days(end) - _days(start) >= -1 if len(start) > 10 and len(end) > 10 else start[:10] <= end[:10]
    return start[:shared] <= end[:shared]


def _days(text: str) -> int:
    """A full date's day, counted."""
    from datetime import date  # noqa: PLC0415 - rare

    try:
        return date.fromisoformat(text[:10]).toordinal()
    except ValueError:
        return 0


def _quantity(value: Any, _around: Surroundings) -> bool:
    """qty-3: a code needs its system."""
    return "code" not in value or "system" in value


_DOM_3 = (
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().{0}(canonical) | "
    "%resource.descendants().{0}(uri) | %resource.descendants().{0}(url))) or descendants().where(reference = '#')"
    ".exists() or descendants().where({0}(canonical) = '#').exists() or descendants().where({0}(canonical) = '#')"
    ".exists()).not()).trace('unmatched', id).empty()"
)
NATIVE: dict[str, Callable[[Any, Surroundings], bool]] = {
    "hasValue() or (children().count() > id.count())": _element,
    "hasValue() or (children().count() > id.count()) or $this is Parameters": _element,
    "extension.exists() != value.exists()": _extension,
    "contained.contained.empty()": _no_nesting,
    _DOM_3.format("as"): _all_used,
    _DOM_3.format("ofType"): _all_used,
    "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()": _no_version,
    "contained.meta.security.empty()": _no_security,
    "text.`div`.exists()": _text,
    "code.empty() or system.exists()": _quantity,
    "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))": _reference,
    "start.hasValue().not() or end.hasValue().not() or (start <= end)": _period,
}
