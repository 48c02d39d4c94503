"""Findings as an OperationOutcome, what FHIR servers and validators answer with.

Facts: https://hl7.org/fhir/R4/operationoutcome.html (`expression` is FHIRPath; `issue` stands at least once),
https://hl7.org/fhir/R4/valueset-issue-type.html.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.base.finding import Finding
    from trialbridge.fhir.located import Resource

_SEVERITY = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "information"}
_CODE = {
    "TYPE": "structure",
    "UNKNOWN": "structure",
    "EMPTY": "structure",
    "STRUCTURE": "structure",
    "CARDINALITY": "required",
    "SLICE": "required",
    "VALUE": "value",
    "FIXED": "value",
    "PATTERN": "value",
    "BINDING": "code-invalid",
    "REFERENCE": "value",
    "INVARIANT": "invariant",
    "EXTENSION": "extension",
    "PROFILE": "not-found",
    "BUNDLE": "business-rule",
    "XHTML": "structure",
    "UNCHECKED": "not-supported",
    "READ": "invalid",
}


def outcome(findings: Iterable[Finding]) -> Resource:
    """One OperationOutcome of all findings: our id in `details`, the FHIRPath in `expression`, the fix in `diagnostics`.

    Where there is none it says so, for an OperationOutcome cannot be empty.
    """
    issues = [_issue(one) for one in findings]
    nothing = {"severity": "information", "code": "informational", "details": {"text": "No fault was found."}}
    return {"resourceType": "OperationOutcome", "issue": issues or [nothing]}


def _issue(finding: Finding) -> Resource:
    where = finding.where
    issue: Resource = {
        "severity": _SEVERITY[finding.severity],
        "code": _CODE.get(finding.id.rpartition("-")[2], "processing"),
        "details": {"coding": [{"code": finding.id}], "text": finding.message},
    }
    place = str(replace(where, path=None))
    said = " ".join(filter(None, (f"In {place}." if place else "", f"Fix: {finding.fix}" if finding.fix else "")))
    if said:
        issue["diagnostics"] = said
    if where.path:
        issue["expression"] = [where.path]
    return issue
