"""The checks that `POST /validate` runs: those of `trialbridge validate`, its issues as an OperationOutcome's.

Runs in the working process. Values of cells stay out: an outcome names places, not data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.commands import validate as command
from trialbridge.web.outcomes import SEVERITIES

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.report.conformance import Issue

MOST = 1000
"""Issues in one answer at the most; a last one then says how many there are."""


def issues_of(source: Path, options: dict[str, Any]) -> list[dict[str, Any]]:
    """All issues of a file or folder. Raises UnreadableInputError, UnknownNameError."""
    wanted = command.Wanted(
        (source,), version=options["version"], fhir_version=options["fhir_version"], base_url=options["base_url"]
    )
    report, _ = command.checked(wanted)
    issues = [_issue(one) for one in report.issues[:MOST]]
    more = len(report.issues) - len(issues)
    if more > 0:
        text = f"{more:,} more issues are not listed; run trialbridge validate for all."
        issues.append({"severity": "information", "code": "incomplete", "diagnostics": text})
    return issues or [{"severity": "information", "code": "informational", "diagnostics": "All is well."}]


def _issue(one: Issue) -> dict[str, Any]:
    resource, _, path = one.source.rpartition(" ")
    place = [resource or one.dataset, one.subject, f"row {one.row}" if one.row else "", ", ".join(one.variables)]
    text = f"[{', '.join(part for part in place if part)}] {one.message}"
    made: dict[str, Any] = {
        "severity": SEVERITIES[str(one.severity)],
        "code": "processing",
        "details": {"text": one.rule},
        "diagnostics": f"{text} Fix: {one.fix}" if one.fix else text,
    }
    return made | ({"expression": [path]} if path else {})
