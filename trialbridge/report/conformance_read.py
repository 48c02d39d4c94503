"""Conformance reports read in: ours, CDISC CORE's (JSON, XLSX) and Pinnacle 21's (XLSX), each known by its content.

Headers are taken without regard to case and signs, by the names the tools give them. What a report does not say (the
severity of a CORE rule) is an error's, so that nothing is made smaller by being read.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from trialbridge.base import workbook
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.base.rule import Status
from trialbridge.fhir.jsontext import decode
from trialbridge.report.conformance import FULLY, OURS, Checkedset, Decision, Disposition, Issue, Report, RuleRun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Record = dict[str, Any]

CORE, PINNACLE = "CDISC CORE", "Pinnacle 21"
_SEVERITIES = {
    "reject": Severity.ERROR,
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "notice": Severity.NOTE,
    "info": Severity.NOTE,
    "note": Severity.NOTE,
}
_STATUSES = {str(one): one for one in Status}
# what each field is called: our and CORE's JSON keys, CORE's column names, Pinnacle 21's
_NAMES = {
    "rule": ("core_id", "CORE-ID", "Pinnacle 21 ID", "P21 ID", "Rule ID", "ID", "Publisher ID"),
    "message": ("message", "Message", "Description"),
    "executability": ("executability",),
    "dataset": ("dataset", "Domain", "Source"),
    "subject": ("USUBJID", "Subject"),
    "row": ("row", "Record"),
    "seq": ("SEQ", "Sequence"),
    "variables": ("variables", "Variable(s)"),
    "values": ("values", "Value(s)"),
    "severity": ("severity", "Type", "Issue Type"),
    "source": ("fhir_source", "FHIR source"),
    "fix": ("how_to_fix", "How to fix"),
    "disposition": ("disposition",),
    "comment": ("comment", "Explanation"),
    "version": ("version",),
    "cdisc": ("cdisc_rule_id", "CDISC RuleID", "CDISC Rule ID"),
    "fda": ("fda_rule_id", "FDA RuleID", "FDA Rule ID"),
    "status": ("status",),
    "text": ("rule_text", "Rule text"),
    "section": ("section",),
    "engine": ("engine",),
    "why": ("reason", "Reason"),
    "category": ("Category",),
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_FIELDS = {_plain(name): field for field, names in reversed(_NAMES.items()) for name in names}


def read(path: Path) -> Report:
    """The report of a file. Raises UnreadableInputError where it is none that is known."""
    if not path.is_file():
        raise UnreadableInputError("There is no such file.", Where(file=str(path)), "check the path")
    sheets = _workbook(path) if path.read_bytes()[:2] == b"PK" else _json(path)
    details = sheets.get("issuedetails") or sheets.get("details")
    if details is None and "rulesreport" not in sheets and "issuesummary" not in sheets:
        raise _unknown(path)
    engine = PINNACLE if "details" in sheets and "issuedetails" not in sheets else CORE
    rules = tuple(_rule(one, engine) for one in sheets.get("rulesreport") or sheets.get("rules") or [])
    issues, decisions = [], {}
    for one in details or []:
        issue = _issue(one)
        issues.append(issue)
        if one.get("disposition") in tuple(Disposition):
            decisions[issue.key] = Decision(Disposition(one["disposition"]), str(one.get("comment") or ""))
    about = {str(name): str(value or "") for name, value in _about(sheets)}
    return Report(
        details=tuple(about.items()),
        datasets=tuple(_dataset(one) for one in sheets.get("datasetdetails") or []),
        issues=tuple(issues),
        rules=rules or _named(issues, engine),
        decisions=decisions,
    )


def _unknown(path: Path) -> UnreadableInputError:
    message = "This is no conformance report that is known."
    return UnreadableInputError(
        message, Where(file=str(path)), "give a report of trialbridge, CDISC CORE or Pinnacle 21"
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        held = decode(path.read_bytes())
    except UnreadableInputError as error:
        raise UnreadableInputError(error.message, Where(file=str(path)), error.fix) from None
    if not isinstance(held, dict):
        raise _unknown(path)
    sheets: dict[str, Any] = {}
    for name, its in held.items():
        if isinstance(its, list):
            sheets[_plain(name)] = [_fields(one.items()) for one in its if isinstance(one, dict)]
        elif isinstance(its, dict):
            sheets[_plain(name)] = [(key.replace("_", " "), value) for key, value in its.items()]
    return sheets


def _workbook(path: Path) -> dict[str, Any]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only workbooks need it

    try:
        with warnings.catch_warnings(), path.open("rb") as opened:
            warnings.simplefilter("ignore", UserWarning)  # of styles, which hold no data
            book = load_workbook(opened, read_only=True, data_only=True)
            raw = {_plain(sheet.title): workbook.rows(sheet) for sheet in book.worksheets}
    except (BadZipFile, LookupError, TypeError, RuntimeError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadableInputError(f"This is no whole XLSX workbook: {error}.", Where(file=str(path))) from error
    sheets: dict[str, Any] = {}
    for name, rows in raw.items():
        if name == "conformancedetails":
            sheets[name] = [(row[0], row[1]) for row in rows if len(row) > 1 and row[0] and row[0] != "Name"]
        else:
            sheets[name] = list(_table(rows))
    return sheets


def _table(rows: list[tuple[Any, ...]]) -> Iterable[Record]:
    """The records under the first row that has two names that are known."""
    head: tuple[Any, ...] = ()
    for row in rows:
        if not head:
            known = sum(_plain(str(cell)) in _FIELDS for cell in row if cell is not None)
            head = row if known > 1 else ()
        elif any(cell is not None for cell in row):
            yield _fields(zip((str(cell or "") for cell in head), row, strict=False))


def _fields(pairs: Iterable[tuple[str, Any]]) -> Record:
    """A record by our names; the first of two columns of one meaning stays."""
    found: Record = {}
    for name, value in pairs:
        field = _FIELDS.get(_plain(name), name)
        found.setdefault(field, value)
    return found


def _about(sheets: dict[str, Any]) -> list[tuple[Any, Any]]:
    found = sheets.get("conformancedetails") or []
    return [one for one in found if isinstance(one, tuple)]


def _issue(one: Record) -> Issue:
    row = str(one.get("row") or "").removesuffix(".0")
    return Issue(
        rule=str(one.get("rule") or ""),
        message=str(one.get("message") or ""),
        dataset=_bare(one.get("dataset")),
        severity=_SEVERITIES.get(str(one.get("severity") or "").lower(), Severity.ERROR),
        subject=str(one.get("subject") or ""),
        row=int(row) if row.isdigit() else None,
        seq=str(one.get("seq") or "").removesuffix(".0"),
        variables=tuple(_listed(one.get("variables"))),
        values=tuple("" if value == "null" else value for value in _listed(one.get("values"))),
        source=str(one.get("source") or ""),
        fix=str(one.get("fix") or ""),
        executability=str(one.get("executability") or FULLY),
    )


def _bare(name: Any) -> str:
    """`dm.xpt`, `DM` -> DM."""
    return str(name or "").partition(".")[0].upper() if "/" not in str(name or "") else str(name)


def _listed(value: Any) -> list[str]:
    if isinstance(value, list):
        return ["" if one is None else str(one) for one in value]
    return [one.strip() for one in str(value).split(",")] if value not in (None, "") else []


def _rule(one: Record, engine: str) -> RuleRun:
    status = _STATUSES.get(str(one.get("status") or "").upper(), Status.SUCCESS)
    return RuleRun(
        id=str(one.get("rule") or ""),
        message=str(one.get("message") or ""),
        status=status,
        version=str(one.get("version") or "1"),
        cdisc=tuple(_listed(one.get("cdisc"))),
        fda=tuple(_listed(one.get("fda"))),
        severity=_SEVERITIES.get(str(one.get("severity") or "").lower(), Severity.ERROR),
        text=str(one.get("text") or ""),
        fix=str(one.get("fix") or ""),
        section=str(one.get("section") or ""),
        engine=str(one.get("engine") or (OURS if str(one.get("rule")).startswith("TB-") else engine)),
        why=str(one.get("why") or ""),
    )


def _named(issues: list[Issue], engine: str) -> tuple[RuleRun, ...]:
    """The rules of a report that does not list them, from its issues."""
    found = {one.rule: one for one in issues}
    return tuple(
        RuleRun(id=name, message=one.message, status=Status.ISSUE_REPORTED, severity=one.severity, engine=engine)
        for name, one in sorted(found.items())
    )


def _dataset(one: Record) -> Checkedset:
    def text(*names: str) -> str:
        return next((str(one[name]) for name in names if one.get(name) not in (None, "")), "")

    records, size = text("length", "Number of Records"), text("size_kb", "Size (kb)")
    return Checkedset(
        name=_bare(text("filename", "dataset")),
        label=text("label", "Label"),
        path=text("path", "Location"),
        modified=text("modification_date", "Modified Time Stamp"),
        size_kb=float(size) if re.fullmatch(r"\d+(\.\d+)?", size) else 0.0,
        records=int(float(records)) if re.fullmatch(r"\d+(\.\d+)?", records) else 0,
    )


def merged(reports: list[Report]) -> Report:
    """Several reports as one: details of the first that has them, datasets once, all rules and issues."""
    details: dict[str, str] = {}
    datasets: dict[str, Checkedset] = {}
    rules: dict[str, RuleRun] = {}
    decisions: dict[str, Decision] = {}
    for one in reports:
        details = {**dict(one.details), **details}
        datasets = {**{its.name: its for its in one.datasets}, **datasets}
        rules = {**{its.id: its for its in one.rules}, **rules}
        decisions = {**one.decisions, **decisions}
    return Report(
        details=tuple(details.items()),
        datasets=tuple(datasets.values()),
        issues=tuple(issue for one in reports for issue in one.issues),
        rules=tuple(rules.values()),
        decisions=decisions,
        notes=tuple(note for one in reports for note in one.notes),
    )
