"""FHIRPath as functions: a text is parsed by fhirpathpy once, and its tree turned into Python closures.

Facts: FHIRPath 2.0.0 (http://hl7.org/fhirpath/N1/), https://hl7.org/fhir/R4/fhirpath.html. fhirpathpy's own evaluation
is not used: it lacks hasValue, works on floats, keeps state between calls, and takes about twenty times as long. Two
readings are those of HL7's validator, for whose invariants this is: `is` of nothing is false, and the System types
(`is DateTime`) name FHIR's primitives too.

>>> compiled("name.given.count() > 1", "R4").answer({"resourceType": "Patient", "name": [{"given": ["a", "b"]}]})
True
"""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from io import StringIO
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.profiles.fhirpath_functions import FUNCTIONS, LAZY
from trialbridge.fhir.profiles.fhirpath_values import (
    BOOLEAN,
    Item,
    NotAnswerableError,
    children,
    compared,
    computed,
    concatenated,
    equal,
    equivalent,
    literal,
    node_of,
    truth,
    union,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialbridge.fhir.profiles.invariants import Surroundings
    from trialbridge.fhir.releases import Release

Items = list[Item]
Truth = bool | None


@dataclass(slots=True)
class Context:
    """What an evaluation carries along: `$this`, `$index`, the variables, and whether a reference led nowhere."""

    release: Release
    variables: Mapping[str, Items]
    around: Surroundings | None
    this: Items = field(default_factory=list)
    index: int = 0
    unresolved: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression ready to be asked."""

    text: str
    release: Release
    run: Callable[[Context, Items], Items]

    def answer(self, value: Any, node: str = "", around: Surroundings | None = None) -> bool | None:
        """Whether it holds for a value; None where that cannot be told (a reference leads nowhere, a function is unknown)."""
        item = Item(value, node or node_of(value))
        variables: dict[str, Items] = {"context": [item]}
        if around is not None:
            variables["resource"] = [Item(around.resource, node_of(around.resource))]
            variables["rootResource"] = [Item(around.root, node_of(around.root))]
        context = Context(self.release, variables, around, [item])
        try:
            found = truth(self.run(context, [item]))
        except (
            NotAnswerableError,
            RecursionError,
            TypeError,
            ValueError,
            LookupError,
            ArithmeticError,
            AttributeError,
        ):
            return None  # data of another shape than the expression takes for granted: found elsewhere
        if not found and context.unresolved:
            return None
        return bool(found)


@lru_cache(maxsize=4096)
def compiled(text: str, release: Release) -> Compiled:
    """An expression as functions. Raises NotAnswerableError where it cannot be parsed or holds what is not known here."""
    # R5's own eld-11 has a text in double quotes, which FHIRPath does not know.
    for spelling in dict.fromkeys((text, text.replace('"', "'"))):
        try:
            return Compiled(text, release, _made(_parsed(spelling)))
        except NotAnswerableError as error:
            refused = error
    raise refused


def _parsed(text: str) -> dict[str, Any]:
    """The tree of an expression. What the parser prints of a bad one is not the user's business."""
    from fhirpathpy.parser import parse  # noqa: PLC0415 - heavy: antlr

    silence = StringIO()
    try:
        with redirect_stdout(silence), redirect_stderr(silence):
            tree: dict[str, Any] = parse(text)["children"][0]
    except Exception as error:  # the parser raises bare exceptions
        raise NotAnswerableError(text) from error
    return tree


def _made(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    """The function of one node of the tree."""
    make = _MAKERS.get(tree["type"])
    below = tree.get("children", ())
    if make is not None:
        try:
            return make(tree)
        except (ValueError, LookupError) as error:  # of a text that breaks off, the parser hands out half a tree
            raise NotAnswerableError(tree["type"]) from error
    if len(below) == 1:  # terms and parentheses add nothing
        return _made(below[0])
    raise NotAnswerableError(tree["type"])


def _path(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    """`a.b`: the second on what the first gives."""
    first, second = (_made(one) for one in tree["children"])
    return lambda context, items: second(context, first(context, items))


def _member(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    name = _name(tree["children"][0])

    def run(context: Context, items: Items) -> Items:
        found: Items = []
        for item in items:
            value = item.value
            if isinstance(value, dict):
                if name == value.get("resourceType") and name == item.node:
                    found.append(item)  # `Patient.name` asked of a Patient
                else:
                    found += children(item, name, context.release)
            elif isinstance(item.twin, dict) and name in {"id", "extension"}:
                found += children(Item(item.twin, "Element"), name, context.release)
        return found

    return run


def _function(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    call = tree["children"][0]
    name = _name(call["children"][0])
    given: list[dict[str, Any]] = call["children"][1]["children"] if len(call["children"]) > 1 else []
    if name in {"is", "as", "ofType"}:
        return _typed(name, _type_name(given[0]))
    if name in LAZY:
        arguments = [_made(one) for one in given]
        lazy = LAZY[name]
        return lambda context, items: lazy(context, items, *arguments)
    function = FUNCTIONS.get(name)
    if function is None:
        raise NotAnswerableError(name)
    parts = [_made(one) for one in given]
    return lambda context, items: function(context, items, *(part(context, context.this) for part in parts))


def _typed(name: str, kind: str) -> Callable[[Context, Items], Items]:
    """`is`, `as`, `ofType`."""

    def run(context: Context, items: Items) -> Items:
        fitting = [one for one in items if one.is_a(kind, context.release)]
        return [Item(bool(items) and len(fitting) == len(items), BOOLEAN)] if name == "is" else fitting

    return run


def _type_operator(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    value = _made(tree["children"][0])
    typed = _typed(tree["terminalNodeText"][0], _type_name(tree["children"][1]))
    return lambda context, items: typed(context, value(context, items))


def _type_name(tree: dict[str, Any]) -> str:
    """`FHIR.Patient`, `System.String` or `Quantity` without what stands before the point."""
    text: str = tree.get("text") or _name(tree["children"][0])
    return text.replace("`", "").rpartition(".")[2]


def _name(tree: dict[str, Any]) -> str:
    """An identifier without its quotes."""
    while tree.get("text") is None:
        tree = tree["children"][0]
    text: str = tree["text"]
    return text.strip("`")


def _constant(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    name = _name(tree["children"][0]["children"][0]).strip("'")
    if name in _CONSTANTS:
        fixed = [Item(_CONSTANTS[name], "System.String")]
        return lambda _context, _items: fixed

    def run(context: Context, _items: Items) -> Items:
        if name not in context.variables:
            raise NotAnswerableError(name)
        return list(context.variables[name])

    return run


_CONSTANTS = {"ucum": "http://unitsofmeasure.org", "sct": "http://snomed.info/sct", "loinc": "http://loinc.org"}


def _literal(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    below = tree["children"][0]
    found = literal(below["type"], below.get("text") or tree.get("text") or "")
    return lambda _context, _items: found


def _indexed(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    listed, number = _made(tree["children"][0]), _made(tree["children"][1])

    def run(context: Context, items: Items) -> Items:
        at = number(context, items)
        found = listed(context, items)
        return [found[at[0].value]] if at and 0 <= at[0].value < len(found) else []

    return run


def _logic(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    """and, or, xor, implies: three-valued."""
    left, right = (_made(one) for one in tree["children"])
    operator = _LOGIC[tree["terminalNodeText"][0]]

    def run(context: Context, items: Items) -> Items:
        this = context.this
        one = truth(left(context, items))
        context.this = this
        found = operator(one, lambda: truth(right(context, items)))
        return [] if found is None else [Item(found, BOOLEAN)]

    return run


def _and(one: Truth, other: Callable[[], Truth]) -> Truth:
    if one is False:
        return False
    second = other()
    return False if second is False else None if one is None or second is None else True


def _or(one: Truth, other: Callable[[], Truth]) -> Truth:
    if one:
        return True
    second = other()
    return True if second else None if one is None or second is None else False


def _xor(one: Truth, other: Callable[[], Truth]) -> Truth:
    second = other()
    return None if one is None or second is None else one != second


def _implies(one: Truth, other: Callable[[], Truth]) -> Truth:
    return True if one is False else _or(None if one is None else False, other)


_LOGIC = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}


def _binary(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    """An operator on two collections."""
    left, right = (_made(one) for one in tree["children"])
    operator = tree["terminalNodeText"][0]
    function = _BINARY[operator]

    def run(context: Context, items: Items) -> Items:
        this = context.this
        one = left(context, items)
        context.this = this
        return function(operator, one, right(context, items))

    return run


def _equality(operator: str, one: Items, other: Items) -> Items:
    same = equivalent(one, other) if "~" in operator else equal(one, other)
    if same is None:
        return []
    return [Item(same != operator.startswith("!"), BOOLEAN)]


def _membership(operator: str, one: Items, other: Items) -> Items:
    inner, outer = (one, other) if operator == "in" else (other, one)
    if not inner:
        return []
    return [Item(any(equal(inner[:1], [each]) for each in outer), BOOLEAN)]


_BINARY: dict[str, Callable[[str, Items, Items], Items]] = {
    **dict.fromkeys(("=", "!=", "~", "!~"), _equality),
    **dict.fromkeys(("<", ">", "<=", ">="), compared),
    **dict.fromkeys(("in", "contains"), _membership),
    **dict.fromkeys(("+", "-", "*", "/", "div", "mod"), computed),
    "|": lambda _operator, one, other: union(one, other),
    "&": lambda _operator, one, other: concatenated(one, other),
}


def _polarity(tree: dict[str, Any]) -> Callable[[Context, Items], Items]:
    value = _made(tree["children"][0])
    sign = -1 if tree["terminalNodeText"][0] == "-" else 1
    return lambda context, items: [
        Item(sign * one.value, one.node) for one in value(context, items) if isinstance(one.value, (int, Decimal))
    ]


_MAKERS: dict[str, Callable[[dict[str, Any]], Callable[[Context, Items], Items]]] = {
    "InvocationExpression": _path,
    "MemberInvocation": _member,
    "FunctionInvocation": _function,
    "ThisInvocation": lambda _tree: lambda context, _items: context.this,
    "IndexInvocation": lambda _tree: lambda context, _items: [Item(context.index, "System.Integer")],
    "ExternalConstantTerm": _constant,
    "LiteralTerm": _literal,
    "IndexerExpression": _indexed,
    "PolarityExpression": _polarity,
    "TypeExpression": _type_operator,
    "AndExpression": _logic,
    "OrExpression": _logic,
    "ImpliesExpression": _logic,
    "EqualityExpression": _binary,
    "InequalityExpression": _binary,
    "MembershipExpression": _binary,
    "UnionExpression": _binary,
    "AdditiveExpression": _binary,
    "MultiplicativeExpression": _binary,
}
