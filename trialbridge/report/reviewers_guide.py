"""Section 5 of the study data reviewer's guide (SDRG, PHUSE template): what conformance checks found, as Markdown.

Inputs, then each kind of issue with its count and the explanation that was decided on; no cell and no subject is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.report.conformance import Disposition, Report
from trialbridge.report.conformance_sheets import summary

if TYPE_CHECKING:
    from collections.abc import Iterable

_INPUTS = ("Standard", "Version", "CT Version", "Define-XML Version", "CORE Engine Version", "trialbridge Version")
_TO_BE_FIXED = "To be corrected in the data."
_UNEXPLAINED = "**Not explained yet.**"


def section(report: Report) -> str:
    """The section."""
    details = dict(report.details)
    engines = ", ".join(dict.fromkeys(one.engine for one in report.rules)) or "not recorded"
    lines = [
        "# 5. Data Conformance Summary",
        "",
        "## 5.1 Conformance Inputs",
        "",
        f"- Engines: {engines}",
        *(f"- {name}: {details[name]}" for name in _INPUTS if details.get(name)),
        *(f"- {note}" for note in report.notes),
        "",
        "## 5.2 Issues Summary",
        "",
    ]
    rows = summary(report)
    if not rows:
        return "\n".join([*lines, "No issue was found.", ""])
    lines += [
        *_table(
            ("Dataset", "Rule", "Severity", "Message", "Count", "Explanation"),
            (
                (
                    one["dataset"] or "study",
                    one["core_id"],
                    one["severity"],
                    one["message"],
                    f"{one['issues']:,}",
                    _explained(one["explanation"], one["disposition"]),
                )
                for one in rows
            ),
        ),
        "",
        "## 5.3 Additional Conformance Details",
        "",
        *_did_not_run(report),
        "",
    ]
    return "\n".join(lines)


def _explained(comment: str, dispositions: str) -> str:
    if comment:
        return comment
    return _TO_BE_FIXED if dispositions == Disposition.FIX else _UNEXPLAINED


def _did_not_run(report: Report) -> list[str]:
    silent = [one for one in report.rules if one.why]
    if not silent:
        return ["All rules ran."]
    return _table(("Rule", "Status", "Reason"), ((one.id, str(one.status), one.why) for one in silent))


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(_cell(one) for one in row)} |" for row in rows]
    return lines


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
