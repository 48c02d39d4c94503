"""A conformance report as an OperationOutcome: what FHIR tools read. Values of cells stay out of it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.profiles.outcome import outcome

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource
    from trialbridge.report.conformance import Issue, Report


def operation_outcome(report: Report, most: int = 0) -> Resource:
    """The issues, at the most so many (0: all); where some are left out, a last issue says how many."""
    shown = islice(report.issues, most or None)
    made = outcome(finding_of(one) for one in shown)
    more = len(report.issues) - most if most else 0
    if more > 0:
        told = Finding("TB-REPORT-MORE", Severity.NOTE, Where(), f"{more:,} more issues are not listed.")
        made["issue"].append({**outcome([told])["issue"][0], "code": "incomplete"})
    return made


def finding_of(issue: Issue) -> Finding:
    """The issue as a finding: of a FHIR issue, the resource and the path; of another, the record."""
    resource, _, path = issue.source.rpartition(" ")
    where = Where(
        file=issue.file or None,
        dataset=issue.dataset if issue.row or issue.variables else None,
        subject=issue.subject or None,
        row=issue.row,
        variable=", ".join(issue.variables) or None,
        resource=resource or None,
        path=path or None,
    )
    return Finding(issue.rule, issue.severity, where, issue.message, issue.fix)
