"""A conformance report as files: NAME.json, .xlsx, .csv, .html and .outcome.json, each whole or not at all."""

from __future__ import annotations

import csv
import io
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.writing import whole_file
from trialbridge.fhir.jsontext import pretty
from trialbridge.report import conformance_page, conformance_sheets
from trialbridge.report.conformance_outcome import operation_outcome
from trialbridge.sdtm.files.xlsx_write import write_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from trialbridge.report.conformance import Report
    from trialbridge.sdtm.table import Study

FORMATS = ("json", "xlsx", "csv", "html", "outcome")
ROWS = 1_000
"""The most rows of a sheet, a CSV file or a page, if the user does not say (CORE's --max-report-rows)."""


def checked_formats(names: Iterable[str]) -> tuple[str, ...]:
    """The formats asked for, once each; JSON if none. Raises UnknownNameError."""
    chosen = tuple(dict.fromkeys(one.lower() for one in names))
    for one in chosen:
        if one not in FORMATS:
            raise UnknownNameError(f"There is no report format {one!r}.", fix=f"Use {', '.join(FORMATS)}.")
    return chosen or ("json",)


def target(name: Path, of: str) -> Path:
    """`out/report` and `json`: out/report.json. An ending of one of the formats is taken off first, as CORE does."""
    ending = name.suffix.lower().removeprefix(".")
    bare = name.with_suffix("") if ending in FORMATS else name
    return bare.with_name(f"{bare.name}.{'outcome.json' if of == 'outcome' else of}")


def write(
    report: Report,
    name: Path,
    formats: Iterable[str],
    study: Study | None = None,
    rows: int = ROWS,
    resources: Mapping[str, Any] = MappingProxyType({}),
) -> list[Path]:
    """The files made. `study` and `resources` (by `Type/id`) give the page what issues speak of.

    `rows` limits the issues of all but JSON (0: no limit).
    """
    made = []
    for of in checked_formats(formats):
        path = target(name, of)
        with whole_file(path) as part:
            part.write_bytes(_content(report, of, study, rows, resources)) if of != "xlsx" else _workbook(
                report, part, rows
            )
        made.append(path)
    return made


def _content(report: Report, of: str, study: Study | None, rows: int, resources: Mapping[str, Any]) -> bytes:
    if of == "json":
        return pretty(
            {
                "Conformance_Details": {
                    _key(name): value for name, value in conformance_sheets.details(report).items()
                },
                "Dataset_Details": conformance_sheets.datasets(report),
                "Issue_Summary": conformance_sheets.summary(report),
                "Issue_Details": [_without_rule_text(one) for one in conformance_sheets.issues(report)],
                "Rules_Report": conformance_sheets.rules(report),
            }
        )
    if of == "outcome":
        return pretty(operation_outcome(report, rows))
    if of == "csv":
        return _csv(report, rows)
    return conformance_page.page(report, study, rows, resources).encode()


def _without_rule_text(one: dict[str, Any]) -> dict[str, Any]:
    """In JSON the text stands once, in Rules_Report."""
    return {name: value for name, value in one.items() if name != "rule_text"}


def _key(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_")


def _csv(report: Report, rows: int) -> bytes:
    """CORE's four columns, a line a variable, and after them what tells the rule."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("Dataset", "Record", "Variable", "Value", "CORE-ID", "Severity", "USUBJID", "Message", "How to fix")
    )
    for one in conformance_sheets.issues(report, rows):
        about = (one["core_id"], one["severity"], one["USUBJID"], one["message"], one["how_to_fix"])
        for variable, value in zip(one["variables"] or [""], one["values"], strict=False):
            writer.writerow((one["dataset"], one["row"], variable, "" if value == "null" else value, *about))
    return text.getvalue().encode()


def _workbook(report: Report, part: Path, rows: int) -> None:
    about = conformance_sheets.details(report)
    sheets = {
        "Conformance Details": {"Name": list(about), "Value": list(about.values())},
        "Dataset Details": conformance_sheets.table(conformance_sheets.DATASETS, conformance_sheets.datasets(report)),
        "Issue Summary": conformance_sheets.table(conformance_sheets.SUMMARY, conformance_sheets.summary(report)),
        "Issue Details": conformance_sheets.table(conformance_sheets.ISSUES, conformance_sheets.issues(report, rows)),
        "Rules Report": conformance_sheets.table(conformance_sheets.RULES, conformance_sheets.rules(report)),
    }
    frames = {
        name: pl.DataFrame(
            {column: [one or None for one in cells] for column, cells in its.items()},
            schema=dict.fromkeys(its, pl.String),
        )
        for name, its in sheets.items()
    }
    write_workbook(frames, part)
