"""The functions of FHIRPath that definitions use, on lists of items.

Facts: FHIRPath 2.0.0, 5; FHIR's additions (https://hl7.org/fhir/R4/fhirpath.html#functions): hasValue, resolve,
extension, memberOf, htmlChecks (the narrative is checked by itself). A function in LAZY takes its arguments as
functions, to be asked once for each item.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.profiles.fhirpath_values import (
    BOOLEAN,
    DECIMAL,
    INTEGER,
    STRING,
    Item,
    NotAnswerableError,
    children,
    distinct,
    equal,
    truth,
    union,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.fhir.profiles.fhirpath import Context

Items = list[Item]
_UNKNOWN_ZONES = ("+14:00", "-12:00")
_LATEST = ("9999", "12", "31", "23", "59", "59.999")


def _said(value: bool) -> Items:  # noqa: FBT001 - a truth as an item
    return [Item(value, BOOLEAN)]


def _each(context: Context, items: Items, argument: Callable[[Context, Items], Items]) -> Iterator[tuple[Item, Items]]:
    """What an argument gives for each item, as `$this`."""
    this, index = context.this, context.index
    for number, one in enumerate(items):
        context.this, context.index = [one], number
        yield one, argument(context, [one])
    context.this, context.index = this, index


def _where(context: Context, items: Items, argument: Any) -> Items:
    return [one for one, found in _each(context, items, argument) if truth(found)]


def _select(context: Context, items: Items, argument: Any) -> Items:
    return [each for _, found in _each(context, items, argument) for each in found]


def _all(context: Context, items: Items, argument: Any) -> Items:
    answers = [
        truth(found) for _, found in _each(context, items, argument)
    ]  # all of them: _each restores $this at its end
    return _said(all(answers))


def _exists(context: Context, items: Items, argument: Any = None) -> Items:
    return _said(bool(items if argument is None else _where(context, items, argument)))


def _repeat(context: Context, items: Items, argument: Any) -> Items:
    found: Items = []
    left = items
    while left:
        left = [one for one in _select(context, left, argument) if not any(one.value is each.value for each in found)]
        found += left
    return found


def _iif(context: Context, items: Items, condition: Any, then: Any, otherwise: Any = None) -> Items:
    if truth(condition(context, items)):
        return list(then(context, items))
    return list(otherwise(context, items)) if otherwise else []


LAZY: dict[str, Callable[..., Items]] = {
    "where": _where,
    "select": _select,
    "all": _all,
    "exists": _exists,
    "repeat": _repeat,
    "iif": _iif,
}


def _not(_context: Context, items: Items) -> Items:
    found = truth(items)
    return [] if found is None else _said(not found)


def _descendants(context: Context, items: Items) -> Items:
    found: Items = []
    left = items
    while left:
        left = _children(context, left)
        found += left
    return found


def _children(context: Context, items: Items) -> Items:
    found: Items = []
    for one in items:
        if isinstance(one.value, dict):
            names = dict.fromkeys(key.removeprefix("_") for key in one.value if key != "resourceType")
            for name in names:
                found += _keyed(one, name, children(one, name, context.release))
        elif isinstance(one.twin, dict):
            found += _children(context, [Item(one.twin, "Element")])
    return found


def _keyed(one: Item, key: str, found: Items) -> Items:
    """What stands under one JSON key; a choice's key (`valueQuantity`) is no element's name, its values have its type."""
    if found:
        return found
    values = one.value.get(key)
    kind = re.sub(r"^[a-z]+", "", key)
    listed = values if isinstance(values, list) else [] if values is None else [values]
    simple = not isinstance(values, dict)
    return [Item(each, kind[:1].lower() + kind[1:] if simple else kind) for each in listed]


def _text(items: Items) -> str | None:
    """The one text of a collection; None where it is empty. Raises NotAnswerableError for many."""
    if not items:
        return None
    if len(items) > 1:
        raise NotAnswerableError("many")
    value = items[0].value
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or isinstance(value, dict) else str(value)


def _on_text(function: Callable[..., Any], node: str) -> Callable[..., Items]:
    """A function of one text and further arguments: nothing where any is empty."""

    def run(_context: Context, items: Items, *arguments: Items) -> Items:
        text, given = _text(items), [_text(one) for one in arguments]
        if text is None or None in given:
            return []
        return [Item(function(text, *given), node)]

    return run


def _substring(_context: Context, items: Items, start: Items, length: Items | None = None) -> Items:
    text = _text(items)
    if text is None or not start or not 0 <= start[0].value < len(text):
        return []
    begin = start[0].value
    end = begin + length[0].value if length else None
    return [Item(text[begin:end], STRING)]


def _matches(text: str, pattern: str) -> bool:
    try:
        return re.search(pattern, text, re.DOTALL) is not None
    except re.error:
        raise NotAnswerableError(pattern) from None


def _to_integer(_context: Context, items: Items) -> Items:
    text = _text(items)
    return [Item(int(text), INTEGER)] if text is not None and re.fullmatch(r"[+-]?\d+", text) else []


def _to_decimal(_context: Context, items: Items) -> Items:
    text = _text(items)
    return [Item(Decimal(text), DECIMAL)] if text is not None and re.fullmatch(r"[+-]?\d+(\.\d+)?", text) else []


def _has_value(_context: Context, items: Items) -> Items:
    return _said(len(items) == 1 and items[0].value is not None and not isinstance(items[0].value, dict))


def _extension(context: Context, items: Items, url: Items) -> Items:
    wanted = _text(url)
    found: Items = []
    for one in items:
        home = one.value if isinstance(one.value, dict) else one.twin
        if isinstance(home, dict):
            node = one.node if home is one.value else "Element"
            found += children(Item(home, node), "extension", context.release)
    return [one for one in found if isinstance(one.value, dict) and one.value.get("url") == wanted]


def _resolve(context: Context, items: Items) -> Items:
    if context.around is None:
        raise NotAnswerableError("resolve")
    found: Items = []
    for one in items:
        resource = context.around.resolve(one.value)
        if resource is None:
            context.unresolved = True
        else:
            found.append(Item(resource, str(resource["resourceType"])))
    return found


def _member_of(context: Context, items: Items, value_set: Items) -> Items:
    name = _text(value_set)
    if context.around is None or name is None:
        raise NotAnswerableError("memberOf")
    answers = [context.around.member_of(one.value, name) for one in items]
    if None in answers:
        raise NotAnswerableError("memberOf")
    return _said(all(answers)) if answers else []


def _boundary(*, high: bool) -> Callable[[Context, Items], Items]:
    """The functions lowBoundary and highBoundary: the ends of what a partial date or a rounded number may mean."""

    def run(_context: Context, items: Items) -> Items:
        if len(items) != 1:
            return []
        value, node = items[0].value, items[0].node
        if isinstance(value, dict):
            inner = run(_context, [Item(value.get("value"), "decimal")])
            return [Item({**value, "value": inner[0].value}, node)] if inner else []
        if isinstance(value, str):
            return [Item(_date_boundary(value, high=high), "System.DateTime")]
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            number = Decimal(value)
            half = Decimal(1).scaleb(int(number.as_tuple().exponent)) / 2
            return [Item(number + (half if high else -half), DECIMAL)]
        return []

    return run


def _date_boundary(text: str, *, high: bool) -> str:
    from calendar import monthrange  # noqa: PLC0415 - rare

    found = re.fullmatch(
        r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?)?(Z|[+-]\d\d:\d\d)?", text
    )
    if found is None:
        raise NotAnswerableError("date")
    *parts, zone = found.groups()
    earliest = ("0001", "01", "01", "00", "00", "00.000")
    filled = [part or (_LATEST if high else earliest)[number] for number, part in enumerate(parts)]
    if high and parts[2] is None and parts[3] is None:
        filled[2] = f"{monthrange(int(filled[0]), int(filled[1]))[1]:02}"
    year, month, day, hour, minute, second = filled
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone or _UNKNOWN_ZONES[0 if not high else 1]}"


def _comparable(_context: Context, items: Items, other: Items) -> Items:
    if len(items) != 1 or len(other) != 1:
        return []
    one, two = items[0].value, other[0].value
    if not isinstance(one, dict) or not isinstance(two, dict):
        return _said(type(one) is type(two))
    return _said(one.get("code") == two.get("code") and one.get("system") == two.get("system"))


def _count(_context: Context, items: Items) -> Items:
    return [Item(len(items), INTEGER)]


FUNCTIONS: dict[str, Callable[..., Items]] = {
    "empty": lambda _context, items: _said(not items),
    "not": _not,
    "count": _count,
    "first": lambda _context, items: items[:1],
    "last": lambda _context, items: items[-1:],
    "tail": lambda _context, items: items[1:],
    "single": lambda _context, items: items if len(items) < 2 else _many(),
    "skip": lambda _context, items, number: items[number[0].value :],
    "take": lambda _context, items, number: items[: number[0].value],
    "distinct": lambda _context, items: distinct(items),
    "isDistinct": lambda _context, items: _said(len(distinct(items)) == len(items)),
    "intersect": lambda _context, items, other: distinct([one for one in items if _among(one, other)]),
    "exclude": lambda _context, items, other: [one for one in items if not _among(one, other)],
    "union": lambda _context, items, other: union(items, other),
    "combine": lambda _context, items, other: [*items, *other],
    "subsetOf": lambda _context, items, other: _said(all(_among(one, other) for one in items)),
    "supersetOf": lambda _context, items, other: _said(all(_among(one, items) for one in other)),
    "allTrue": lambda _context, items: _said(all(one.value is True for one in items)),
    "anyTrue": lambda _context, items: _said(any(one.value is True for one in items)),
    "allFalse": lambda _context, items: _said(all(one.value is False for one in items)),
    "anyFalse": lambda _context, items: _said(any(one.value is False for one in items)),
    "children": _children,
    "descendants": _descendants,
    "trace": lambda _context, items, *_: items,
    "startsWith": _on_text(str.startswith, BOOLEAN),
    "endsWith": _on_text(str.endswith, BOOLEAN),
    "contains": _on_text(lambda text, part: part in text, BOOLEAN),
    "matches": _on_text(_matches, BOOLEAN),
    "matchesFull": _on_text(lambda text, pattern: _matches(text, f"^(?:{pattern})$"), BOOLEAN),
    "replace": _on_text(str.replace, STRING),
    "replaceMatches": _on_text(lambda text, pattern, other: re.sub(pattern, other, text), STRING),
    "length": _on_text(len, INTEGER),
    "lower": _on_text(str.lower, STRING),
    "upper": _on_text(str.upper, STRING),
    "trim": _on_text(str.strip, STRING),
    "toString": _on_text(lambda text: text, STRING),
    "indexOf": _on_text(lambda text, part: text.find(part), INTEGER),
    "substring": _substring,
    "toInteger": _to_integer,
    "toDecimal": _to_decimal,
    "hasValue": _has_value,
    "htmlChecks": lambda _context, _items: _said(value=True),
    "extension": _extension,
    "resolve": _resolve,
    "memberOf": _member_of,
    "lowBoundary": _boundary(high=False),
    "highBoundary": _boundary(high=True),
    "comparable": _comparable,
}


def _among(one: Item, others: Items) -> bool:
    return any(equal([one], [other]) for other in others)


def _many() -> Items:
    raise NotAnswerableError("single")
