"""Invariants: each FHIRPath compiled once; those that stand on nearly every element, in Python.

Facts: https://hl7.org/fhir/R4/elementdefinition.html (constraint), https://hl7.org/fhir/R4/fhirpath.html (variables and
functions of FHIR). An expression that cannot be answered gives None: the caller reports it as unchecked, never as an
error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from trialbridge.fhir.profiles.common_invariants import NATIVE
from trialbridge.fhir.profiles.fhirpath import Compiled, compiled
from trialbridge.fhir.profiles.fhirpath_values import NotAnswerableError

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.profiles.tree import Invariant
    from trialbridge.fhir.releases import Release

MENDED = {
    # R4's bdl-8 says nothing of an entry without fullUrl, which is allowed; R5 has it so
    "fullUrl.contains('/_history/').not()": "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    # R4's con-3 compares a CodeableConcept with a text; R4B has it so
    "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.select($this='problem-list-item').empty()": "clinicalStatus.exists() or verificationStatus.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() or category.coding.where(code='problem-list-item').empty()",
}
"""Invariants whose published text does not say what is meant, and the later text that does."""


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
        self._compiled: dict[str, Compiled | None] = {}

    def holds(self, one: Invariant, value: Any, node: str, around: Surroundings) -> bool | None:
        """Whether an invariant holds for a value; `node` is the table of its type (`Observation.component`)."""
        native = NATIVE.get(one.expression)
        if native is not None:
            return native(value, around)
        if one.expression not in self._compiled:
            self._compiled[one.expression] = self._of(one.expression)
        ready = self._compiled[one.expression]
        return ready.answer(value, node, around) if ready else None

    def _of(self, expression: str) -> Compiled | None:
        try:
            return compiled(MENDED.get(expression, expression), self._release)
        except NotAnswerableError:
            return None
