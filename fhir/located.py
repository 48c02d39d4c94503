"""What reading FHIR gives: resources with the place they came from, and what could not be read, with its text.

A reader yields `Item`s one by one, so that a file larger than memory can be gone through; `gather` makes a `Reading`
of them. The law all readers keep: every line of an NDJSON file that is not blank, every entry of a Bundle, every
member of a JSON array gives one `Located` or one `Reject`; a Bundle among them gives those of its entries, and itself
as an envelope. Nothing is passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from trialbridge.base.finding import Finding, Severity, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

Resource: TypeAlias = dict[str, Any]
Role = Literal["resource", "outcome", "envelope"]
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_OUTCOME_SEVERITY = {"fatal": Severity.ERROR, "error": Severity.ERROR, "warning": Severity.WARNING}


@dataclass(frozen=True, slots=True)
class Located:
    """A resource and where it was read: file, line (NDJSON, from 1), path inside a Bundle, the entry's fullUrl.

    `role` sets apart what is not study data: an OperationOutcome (`outcome`: a server's remark on the exchange) and
    a Bundle whose entries have been taken out (`envelope`: entries keep link, search, request and response).
    """

    resource: Resource
    file: str | None = None
    line: int | None = None
    path: str = ""
    full_url: str | None = None
    role: Role = "resource"

    @property
    def where(self) -> Where:
        """The place, for a finding."""
        return Where(file=self.file, line=self.line, resource=name_of(self.resource), path=self.path or None)


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that is no resource: the finding says why, `text` is the original."""

    finding: Finding
    text: str


Item: TypeAlias = Located | Reject | Finding


@dataclass(slots=True)
class Reading:
    """Everything that was read. `findings` holds those of the rejects too."""

    resources: list[Located] = field(default_factory=list)
    outcomes: list[Located] = field(default_factory=list)
    envelopes: list[Located] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def gather(items: Iterable[Item]) -> Reading:
    """A `Reading` of all items, in their order."""
    reading = Reading()
    homes = {"resource": reading.resources, "outcome": reading.outcomes, "envelope": reading.envelopes}
    for item in items:
        if isinstance(item, Located):
            homes[item.role].append(item)
            if item.role == "outcome":
                reading.findings.extend(outcome_findings(item))
        elif isinstance(item, Reject):
            reading.rejects.append(item)
            reading.findings.append(item.finding)
        else:
            reading.findings.append(item)
    return reading


def is_resource(value: Any) -> bool:
    """Whether a JSON value claims to be a resource: an object with a resourceType that is a type's name."""
    if not isinstance(value, dict):
        return False
    name = value.get("resourceType")
    return isinstance(name, str) and _TYPE_NAME.fullmatch(name) is not None


def name_of(resource: Resource) -> str:
    """`Patient/123`, or `Patient` where it has no id."""
    kind, own = resource.get("resourceType", "?"), resource.get("id")
    return f"{kind}/{own}" if isinstance(own, str) else str(kind)


def reject(value: str, where: Where, message: str, fix: str = "", severity: Severity = Severity.ERROR) -> Reject:
    """A `Reject` with finding TB-FHIR-READ."""
    return Reject(Finding("TB-FHIR-READ", severity, where, message, fix), value)


def outcome_findings(item: Located) -> list[Finding]:
    """A server's OperationOutcome as findings TB-FHIR-OUTCOME: severity and code; its free text stays in the resource."""
    issues = item.resource.get("issue")
    found = []
    for number, issue in enumerate(issues if isinstance(issues, list) else ()):
        if isinstance(issue, dict):
            severity = _OUTCOME_SEVERITY.get(str(issue.get("severity")), Severity.NOTE)
            path = f"{item.path or 'OperationOutcome'}.issue[{number}]"
            message = f"The server reported {issue.get('severity')}: {issue.get('code')}."
            found.append(Finding("TB-FHIR-OUTCOME", severity, replace(item.where, path=path), message))
    return found
