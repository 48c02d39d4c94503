"""A conformance report as one HTML file that needs nothing else: filters, counts by domain and rule, the cell itself.

The records that issues speak of are in the file, so that a click shows the cell among its neighbours; at most as many
issues as the user allows, which the page says. Data are set as text, never as markup.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity
from trialbridge.fhir.jsontext import encode
from trialbridge.report.conformance import shared
from trialbridge.report.conformance_template import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.report.conformance import Issue, Report, RuleRun
    from trialbridge.sdtm.table import Study

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def page(
    report: Report, study: Study | None = None, most: int = 0, resources: Mapping[str, Any] = MappingProxyType({})
) -> str:
    """The HTML. `study` gives the records, `resources` (by `Type/id`) the resources that issues speak of.

    At most `most` issues are listed (0: all); the counts are of all.
    """
    shown = shared(sorted(report.issues, key=lambda one: _ORDER.index(one.severity)), most)
    found = {one.rule for one in report.issues}
    ran = [_rule(one) for one in report.rules]
    silent = {one["id"] for one in ran}
    severities = {(one.dataset, one.rule, one.message): str(one.severity) for one in report.issues}
    ran += [{"id": one, "status": "ISSUE REPORTED", "severity": "error"} for one in sorted(found - silent)]
    data = {
        "details": [list(one) for one in report.details],
        "notes": list(report.notes),
        "rules": ran,
        "datasets": [[one.name, one.label, one.records] for one in report.datasets],
        "summary": [
            [dataset, rule, message, times, severities[dataset, rule, message]]
            for dataset, rule, message, times in report.summary()
        ],
        "issues": [_issue(one, report) for one in shown],
        "total": len(report.issues),
        "records": _records(shown, study) if study is not None else {},
        "resources": _resources(shown, resources),
    }
    # a "<" in the data could end the script element, or begin a comment in it
    return TEMPLATE.replace("/*DATA*/null", encode(data).decode().replace("<", "\\u003c"))


def _rule(one: RuleRun) -> dict[str, Any]:
    return {
        "id": one.id,
        "message": one.message,
        "status": str(one.status),
        "severity": str(one.severity),
        "cdisc": list(one.cdisc),
        "fda": list(one.fda),
        "text": one.text,
        "fix": one.fix,
        "section": one.section,
        "engine": one.engine,
        "why": one.why,
    }


def _issue(one: Issue, report: Report) -> list[Any]:
    """In the order of the page's columns."""
    decision = report.decision(one)
    values = one.values or (None,) * len(one.variables)  # None: not recorded, which is not the same as empty
    cells = list(zip(one.variables, values, strict=False))
    return [
        one.rule,
        one.dataset,
        str(one.severity),
        one.subject,
        one.row,
        one.seq,
        [list(cell) for cell in cells],
        one.message,
        one.fix,
        one.source,
        str(decision.disposition),
        decision.comment,
    ]


def _resources(issues: list[Issue], resources: Mapping[str, Any]) -> dict[str, Any]:
    """The resources that issues speak of, by name, decimals as texts: a script's numbers would spell them otherwise."""
    named = {part.partition(" ")[0] for one in issues for part in one.source.split("; ")}
    return {name: _as_texts(resources[name]) for name in sorted(named) if name in resources}


def _as_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_texts(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_texts(inner) for inner in value]
    return str(value) if isinstance(value, Decimal) else value


def _records(issues: list[Issue], study: Study) -> dict[str, Any]:
    """The columns of each dataset, and its records that issues speak of, by row."""
    found: dict[str, Any] = {}
    for one in issues:
        if one.row is None or one.dataset not in study:
            continue
        frame = study[one.dataset].frame
        if one.row > frame.height:
            continue
        held = found.setdefault(one.dataset, {"columns": frame.columns, "rows": {}})
        if str(one.row) not in held["rows"]:
            held["rows"][str(one.row)] = list(frame.row(one.row - 1))
    return found
