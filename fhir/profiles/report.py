"""How the validator speaks: one finding a fault, with the resource it is in and the FHIRPath of the element.

The ids are `TB-FHIR-<KIND>`; docs/profiles.md explains each. Values of the data never stand in a message; a code that
is refused stands in the finding's `cells`, for report files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trialbridge.base.finding import Finding, Severity, Where

FIXES = {
    "TYPE": "Give the element a value of a type its definition allows.",
    "UNKNOWN": "Take the element away, or carry it in an extension.",
    "EMPTY": "Leave an element out that has no value.",
    "CARDINALITY": "Give the element as often as the definition asks for.",
    "VALUE": "Mend the value at its source.",
    "FIXED": "Give exactly the value the profile fixes.",
    "PATTERN": "Give what the profile's pattern has; more may stand beside it.",
    "SLICE": "Give the members of the list that the profile asks for.",
    "BINDING": "Use a code of the value set.",
    "REFERENCE": "Point at a resource of a type the definition allows.",
    "INVARIANT": "Mend what the constraint speaks of.",
    "EXTENSION": "Use the extension where and as its definition has it.",
    "PROFILE": "Claim a profile of this type that is installed (trialbridge packages list).",
    "BUNDLE": "Mend the entry as the rules of its Bundle's type ask.",
    "XHTML": "Keep to the elements and attributes FHIR allows in a narrative.",
    "UNCHECKED": "",
}


@dataclass(slots=True)
class Report:
    """Findings as they are made, each once. `resource` names the resource being walked."""

    found: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    resource: str = ""
    errors: int = 0

    def say(
        self,
        kind: str,
        path: str,
        message: str,
        severity: Severity = Severity.ERROR,
        cells: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Take down one finding."""
        key = (kind, path, message)
        if key in self.found:
            return
        where = Where(resource=self.resource or None, path=path or None)
        self.found[key] = Finding(f"TB-FHIR-{kind}", severity, where, message, FIXES[kind], cells)
        self.errors += severity is Severity.ERROR

    def unchecked(self, path: str, message: str) -> None:
        """Take down what could not be checked, and why."""
        self.say("UNCHECKED", path, message, Severity.NOTE)
