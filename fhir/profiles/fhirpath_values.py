"""What FHIRPath works on: items with their FHIR type, and how they are compared, joined and reckoned with.

Facts: FHIRPath 2.0.0, 5.8 and 6 (equality, comparison with partial dates, quantities of one unit), three-valued truth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.elements import elements, nodes, resource_types

if TYPE_CHECKING:
    from trialbridge.fhir.releases import Release

BOOLEAN = "System.Boolean"
STRING = "System.String"
INTEGER = "System.Integer"
DECIMAL = "System.Decimal"
_DATES = frozenset({"date", "dateTime", "instant", "System.Date", "System.DateTime"})
_NUMBERS = (int, Decimal, float)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?)?(Z|[+-]\d\d:\d\d)?")


class NotAnswerableError(Exception):
    """An expression that cannot be answered here: it does not parse, or uses what is not known."""


@dataclass(frozen=True, slots=True)
class Item:
    """A value with the table of its type (`fhir.elements`: `Quantity`, `Observation.component`), "" where unknown."""

    value: Any
    node: str = ""
    twin: Any = None

    def is_a(self, kind: str, release: Release) -> bool:
        """Whether it is of a type or of one derived from it."""
        own = (self.node or node_of(self.value)).removeprefix("System.")
        if "." in own:
            own = "BackboneElement"
        return kind.lower() in _names(own, release)


@lru_cache(maxsize=1024)
def _names(kind: str, release: Release) -> frozenset[str]:
    """A type and its ancestors, in lower case: System.DateTime and dateTime are one to `is`."""
    found = {kind.lower(), _PARENT.get(kind, "").lower()}
    if kind in resource_types(release):
        found |= {"resource"} if kind in {"Bundle", "Binary", "Parameters"} else {"resource", "domainresource"}
    elif kind in nodes(release):
        found.add("element")
    return frozenset(found - {""})


_PARENT = {
    **dict.fromkeys(("code", "id", "markdown"), "string"),
    **dict.fromkeys(("url", "canonical", "oid", "uuid"), "uri"),
    **dict.fromkeys(("positiveInt", "unsignedInt"), "integer"),
    **dict.fromkeys(("Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity"), "Quantity"),
}
Items = list[Item]


def node_of(value: Any) -> str:
    """The table of a resource; of anything else it is not known."""
    return str(value.get("resourceType", "")) if isinstance(value, dict) else ""


def children(item: Item, name: str, release: Release) -> Items:
    """The elements of a name below an item; a choice under any of its keys."""
    found: Items = []
    for key, node in _keys(item.node or node_of(item.value), name, release):
        value, twin = item.value.get(key), item.value.get("_" + key)
        if value is None and twin is None:
            continue
        if isinstance(value, list) or isinstance(twin, list):
            values, twins = value if isinstance(value, list) else [], twin if isinstance(twin, list) else []
            for number in range(max(len(values), len(twins))):
                one = values[number] if number < len(values) else None
                own = twins[number] if number < len(twins) else None
                if one is not None or own is not None:
                    found.append(Item(one, _at(one, node), own))
        else:
            found.append(Item(value, _at(value, node), twin))
    return found


def _at(value: Any, node: str) -> str:
    """The table of a value: in a slot for any resource, that of the resource there."""
    return node_of(value) or node if node in {"Resource", "DomainResource"} else node


@lru_cache(maxsize=8192)
def _keys(node: str, name: str, release: Release) -> tuple[tuple[str, str], ...]:
    """The JSON keys an element of this name may stand under below a node, with the node of each."""
    if node not in nodes(release):
        return ((name, ""),)
    found = tuple(
        (key, one.node)
        for key, one in elements(node, release).items()
        if (one.path.rpartition(".")[2] in {name, f"{name}[x]"})
    )
    return found or ((name, ""),)


def truth(items: Items) -> bool | None:
    """A collection as a truth: nothing is None, one value that is no boolean is true. Raises NotAnswerableError for many."""
    if not items:
        return None
    if len(items) > 1:
        raise NotAnswerableError("many")
    value = items[0].value
    return value if isinstance(value, bool) else True


def literal(kind: str, text: str) -> Items:
    """The value of a literal."""
    if kind == "StringLiteral":
        return [Item(_unescaped(text[1:-1]), STRING)]
    if kind == "BooleanLiteral":
        return [Item(text == "true", BOOLEAN)]
    if kind == "NumberLiteral":
        return [Item(Decimal(text), DECIMAL) if "." in text else Item(int(text), INTEGER)]
    if kind in {"DateTimeLiteral", "DateLiteral"}:
        return [Item(text.removeprefix("@").rstrip("T"), "System.DateTime")]
    if kind == "NullLiteral":
        return []
    raise NotAnswerableError(kind)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda found: _ESCAPES.get(found[1]) or _code(found[1]), text)


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def _code(text: str) -> str:
    return chr(int(text[1:], 16)) if text.startswith("u") and len(text) == 5 else text


def same(one: Item, other: Item) -> bool | None:
    """Whether two items are equal; None where their precision does not tell."""
    first, second = one.value, other.value
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, _NUMBERS) and isinstance(second, _NUMBERS):
        return _number(first) == _number(second)
    if isinstance(first, str) and isinstance(second, str) and {one.node, other.node} & _DATES:
        order = _dated(first, second)
        return first == second if order is NotImplemented else None if order is None else order == 0
    return bool(first == second)


def equal(one: Items, other: Items) -> bool | None:
    """`=`: nothing where either is empty."""
    if not one or not other:
        return None
    if len(one) != len(other):
        return False
    answers = [same(a, b) for a, b in zip(one, other, strict=True)]
    return False if False in answers else None if None in answers else True


def equivalent(one: Items, other: Items) -> bool:
    """`~`: two empty ones are alike, order and case do not matter."""
    if len(one) != len(other):
        return False
    left = [_folded(each.value) for each in other]
    for each in one:
        value = _folded(each.value)
        if value not in left:
            return False
        left.remove(value)
    return True


def _folded(value: Any) -> Any:
    return " ".join(value.lower().split()) if isinstance(value, str) else value


def _number(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def compared(operator: str, one: Items, other: Items) -> Items:
    """`<` and the like: nothing where the two cannot be compared."""
    if len(one) != 1 or len(other) != 1:
        return []
    order = _order(one[0], other[0])
    if order is None:
        return []
    found = {"<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0}[operator]
    return [Item(found, BOOLEAN)]


def _order(one: Item, other: Item) -> int | None:
    first, second = one.value, other.value
    if isinstance(first, dict) and isinstance(second, dict):
        if first.get("code") != second.get("code") or first.get("system") != second.get("system"):
            return None
        first, second = first.get("value"), second.get("value")
    if isinstance(first, bool) or isinstance(second, bool):
        return None
    if isinstance(first, _NUMBERS) and isinstance(second, _NUMBERS):
        low, high = _number(first), _number(second)
        return (low > high) - (low < high)
    if isinstance(first, str) and isinstance(second, str):
        if {one.node, other.node} & _DATES:
            order: Any = _dated(first, second)
            return None if order is NotImplemented else order
        return (first > second) - (first < second)
    return None


def _dated(one: str, other: str) -> Any:
    """The order of two dates as far as both are precise: -1, 0, 1, None; NotImplemented where one is no date."""
    first, second = _DATE.fullmatch(one), _DATE.fullmatch(other)
    if first is None or second is None:
        return NotImplemented
    if first[7] and second[7] and first[6] and second[6]:
        moments = _moment(one), _moment(other)
        return (moments[0] > moments[1]) - (moments[0] < moments[1])
    for a, b in zip(first.groups()[:6], second.groups()[:6], strict=True):
        if a is None and b is None:
            return 0
        if a is None or b is None:
            return None
        if Decimal(a) != Decimal(b):
            return 1 if Decimal(a) > Decimal(b) else -1
    return 0


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace(":60", ":59")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAnswerableError("date") from None


def computed(operator: str, one: Items, other: Items) -> Items:
    """Sums and the like of numbers; `+` joins texts."""
    if len(one) != 1 or len(other) != 1:
        return []
    first, second = one[0].value, other[0].value
    if operator == "+" and isinstance(first, str) and isinstance(second, str):
        return [Item(first + second, STRING)]
    if not isinstance(first, _NUMBERS) or not isinstance(second, _NUMBERS):
        raise NotAnswerableError(operator)
    try:
        found = _ARITHMETIC[operator](_number(first), _number(second))
    except (InvalidOperation, ZeroDivisionError):
        return []
    whole = isinstance(first, int) and isinstance(second, int) and operator != "/"
    return [Item(int(found), INTEGER) if whole else Item(found, DECIMAL)]


_ARITHMETIC: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "div": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
}


def concatenated(one: Items, other: Items) -> Items:
    """`&`: nothing counts as an empty text."""
    return [Item("".join(str(each.value) for each in (*one[:1], *other[:1])), STRING)]


def distinct(items: Items) -> Items:
    """Each value once, in order."""
    found: Items = []
    seen: set[Any] = set()
    for one in items:
        key = (type(one.value) is bool, one.value) if isinstance(one.value, (str, int, Decimal, bool)) else None
        if key is not None:
            if key not in seen:
                seen.add(key)
                found.append(one)
        elif not any(one.value == each.value for each in found):
            found.append(one)
    return found


def union(one: Items, other: Items) -> Items:
    """`|`."""
    return distinct([*one, *other])
