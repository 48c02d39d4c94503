"""Invariants: each FHIRPath compiled once by fhirpathpy; those that stand on nearly every element, in Python.

Facts: https://hl7.org/fhir/R4/elementdefinition.html (constraint), https://hl7.org/fhir/R4/fhirpath.html (variables and
functions of FHIR). What fhirpathpy 2 lacks and the invariants use is added here: hasValue, htmlChecks, resolve,
memberOf, conformsTo. An expression that cannot be evaluated gives None: the caller reports it as unchecked, never as
an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from trialbridge.fhir.profiles.common_invariants import NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.profiles.tree import Invariant
    from trialbridge.fhir.releases import Release

Answer = bool | None


class Surroundings(Protocol):
    """What an invariant may ask of its surroundings."""

    resource: Resource
    root: Resource

    def resolve(self, reference: Any) -> Resource | None:
        """The resource a reference (a Reference, or its text) points at."""

    def member_of(self, value: Any, value_set: str) -> bool | None:
        """Whether a code, Coding or CodeableConcept is in a value set."""


class Invariants:
    """The compiled invariants of one release. `holds` never raises."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._compiled: dict[str, Callable[[Any, str, Surroundings], Answer]] = {}

    def holds(self, one: Invariant, value: Any, path: str, around: Surroundings) -> Answer:
        """Whether an invariant holds for a value; `path` is the definition's own (`Observation.component`)."""
        native = NATIVE.get(one.expression)
        if native is not None:
            return native(value, around)
        check = self._compiled.get(one.expression)
        if check is None:
            check = self._compiled[one.expression] = _compiled(one.expression, self._release)
        return check(value, path, around)


def _compiled(expression: str, release: Release) -> Callable[[Any, str, Surroundings], Answer]:
    """An expression as a function. An expression fhirpathpy cannot parse is never answered."""
    from fhirpathpy import apply_parsed_path  # noqa: PLC0415 - heavy: its parser
    from fhirpathpy.engine.nodes import ResourceNode  # noqa: PLC0415
    from fhirpathpy.models import models  # noqa: PLC0415
    from fhirpathpy.parser import parse  # noqa: PLC0415

    model = models[release.lower()]
    try:
        parsed = parse(expression)
    except Exception:  # noqa: BLE001 - the library raises bare exceptions
        return lambda _value, _path, _around: None

    def check(value: Any, path: str, around: Surroundings) -> Answer:
        context = {"resource": around.resource, "rootResource": around.root, "context": value}
        context |= {"sct": "http://snomed.info/sct", "loinc": "http://loinc.org"}
        options = {"userInvocationTable": _functions(around), "traceFn": _silent, "returnRawData": True}
        try:
            node = ResourceNode.create_node(value, path)
            return _answer(apply_parsed_path(node, parsed, context, model, options))
        except Exception:  # noqa: BLE001 - the library raises bare exceptions
            return None

    return check


def _answer(result: Any) -> Answer:
    """The outcome as an invariant's: a constraint holds when it is true; of an empty outcome nothing can be said."""
    if isinstance(result, list):
        if not result:
            return False
        if len(result) > 1:
            return None
        result = result[0]
    result = getattr(result, "data", result)
    return result if isinstance(result, bool) else True


def _silent(_label: str, _value: Any) -> None:
    """trace() says nothing."""


def _functions(around: Surroundings) -> dict[str, Any]:
    """FHIR's own functions, as fhirpathpy takes them."""

    def member_of(inputs: list[Any], value_set: Any) -> list[bool]:
        answers = [around.member_of(one, str(value_set)) for one in inputs]
        if None in answers:
            raise LookupError(value_set)  # ends the evaluation: unchecked
        return [bool(one) for one in answers]

    return {
        "hasValue": {"fn": lambda inputs: [len(inputs) == 1 and not isinstance(inputs[0], dict)], "arity": {0: []}},
        "htmlChecks": {"fn": lambda _inputs: [True], "arity": {0: []}},
        "resolve": {"fn": lambda inputs: [found for one in inputs if (found := around.resolve(one))], "arity": {0: []}},
        "memberOf": {"fn": member_of, "arity": {1: ["String"]}},
    }
