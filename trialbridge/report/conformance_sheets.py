"""The five sheets of a conformance report, with CORE's names and columns, and ours after them.

JSON keys are CORE's: the sheet's name with _ for blanks, `Issue_Details` with `variables` and `values` as lists. What
CORE's reports do not have (rule text, how to fix, FHIR source, disposition) comes after, under names of the same style.
"""

from __future__ import annotations

from typing import Any

from trialbridge.report.conformance import Decision, Issue, Report, as_values, shared

Record = dict[str, Any]

DATASETS = ("Dataset", "Label", "Location", "Modified Time Stamp", "Size (kb)", "Number of Records")
SUMMARY = ("Dataset", "CORE-ID", "Message", "Issues", "Explanation", "Severity", "Disposition", "How to fix")
ISSUES = (
    *("CORE-ID", "Message", "Executability", "Dataset", "USUBJID", "Record", "Sequence", "Variable(s)", "Value(s)"),
    *("Severity", "Rule text", "FHIR source", "How to fix", "Disposition", "Comment"),
)
RULES = (
    *("CORE-ID", "Version", "CDISC RuleID", "FDA RuleID", "Message", "Status"),
    *("Severity", "Rule text", "How to fix", "Section", "Engine", "Reason"),
)


def details(report: Report) -> dict[str, str]:
    """Conformance Details, by name."""
    return dict(report.details)


def datasets(report: Report) -> list[Record]:
    """Dataset Details."""
    return [
        {
            "filename": one.name,
            "label": one.label,
            "path": one.path,
            "modification_date": one.modified,
            "size_kb": one.size_kb,
            "length": one.records,
        }
        for one in report.datasets
    ]


def summary(report: Report) -> list[Record]:
    """Issue Summary: one record a dataset, rule and message; the explanation is the comments of its decisions."""
    first: dict[tuple[str, str, str], Issue] = {}
    decided: dict[tuple[str, str, str], dict[Decision, None]] = {}
    for one in report.issues:
        place = (one.dataset, one.rule, one.message)
        first.setdefault(place, one)
        decided.setdefault(place, {}).setdefault(report.decision(one))
    rows = []
    for dataset, rule, message, times in report.summary():
        decisions = decided[dataset, rule, message]
        rows.append(
            {
                "dataset": dataset,
                "core_id": rule,
                "message": message,
                "issues": times,
                "explanation": "; ".join(dict.fromkeys(one.comment for one in decisions if one.comment)),
                "severity": str(first[dataset, rule, message].severity),
                "disposition": ", ".join(dict.fromkeys(str(one.disposition) for one in decisions)),
                "how_to_fix": first[dataset, rule, message].fix,
            }
        )
    return rows


def issues(report: Report, most: int = 0) -> list[Record]:
    """Issue Details, at most `most` (0: all; shared out evenly among the rules), by rule and dataset."""
    rules = report.rule()
    ordered = sorted(report.issues, key=lambda one: (one.rule, one.dataset, one.row or 0))
    return [_issue(one, report, rules) for one in shared(ordered, most)]


def _issue(one: Issue, report: Report, rules: dict[str, Any]) -> Record:
    decision = report.decision(one)
    rule = rules.get(one.rule)
    return {
        "core_id": one.rule,
        "message": one.message,
        "executability": one.executability,
        "dataset": one.dataset,
        "USUBJID": one.subject,
        "row": "" if one.row is None else one.row,
        "SEQ": int(one.seq) if one.seq.isdigit() else one.seq,
        "variables": list(one.variables),
        "values": as_values(one),
        "severity": str(one.severity),
        "rule_text": rule.text if rule is not None else "",
        "fhir_source": one.source,
        "how_to_fix": one.fix,
        "disposition": str(decision.disposition),
        "comment": decision.comment,
    }


def rules(report: Report) -> list[Record]:
    """Rules Report."""
    return [
        {
            "core_id": one.id,
            "version": one.version,
            "cdisc_rule_id": ", ".join(one.cdisc),
            "fda_rule_id": ", ".join(one.fda),
            "message": one.message,
            "status": str(one.status),
            "severity": str(one.severity),
            "rule_text": one.text,
            "how_to_fix": one.fix,
            "section": one.section,
            "engine": one.engine,
            "reason": one.why,
        }
        for one in report.rules
    ]


def table(columns: tuple[str, ...], records: list[Record]) -> dict[str, list[str]]:
    """Records as columns of texts, lists joined: what a sheet shows."""
    return {column: [_text(list(record.values())[place]) for record in records] for place, column in enumerate(columns)}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, float):
        return f"{value:.1f}"
    return str(value)
