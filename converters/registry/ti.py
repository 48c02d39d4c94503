"""TI from a record's eligibility text, and the text again (SDTMIG 3.4, 7.4.1; IETEST takes 200 characters).

A criterion that is longer stands in TI to its last whole word and an ellipsis, with a finding: the guide asks for
meaningful text in IETEST and the full text in the study's metadata. The rest beside the tables keeps the full text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.mappings.registry_group import codes
from trialbridge.registry import criteria
from trialbridge.registry.markup import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.registry.criteria import Category
    from trialbridge.registry.record import Record
    from trialbridge.sdtm.table import Table

LONGEST = 200
ELLIPSIS = " ..."


def rows(record: Record, version: str, findings: list[Finding]) -> Iterable[dict[str, Any]]:
    """A row each criterion, in the order of IETESTCD. Criteria under no heading are not written, with a finding."""
    found = criteria.split(record.eligibility.criteria)
    loose = sum(not one.category for one in found)
    if loose:
        message = f"{loose} criteria stand under no heading; IECAT wants INCLUSION or EXCLUSION."
        findings.append(_finding("CRITERIA-LOOSE", "IECAT", message, "put them under a heading in the record"))
    headed = tuple(one for one in found if one.category)
    for code, one in sorted(zip(codes(headed), headed, strict=True), key=lambda pair: pair[0]):
        yield {
            "IETESTCD": code,
            "IETEST": _fitting(code, plain(one.line), findings),
            "IECAT": one.category,
            "TIVERS": version,
        }


def _fitting(code: str, text: str, findings: list[Finding]) -> str:
    if len(text) <= LONGEST:
        return text
    message = f"{code} has {len(text)} characters; IETEST takes {LONGEST}. It is shortened at a word."
    findings.append(_finding("CRITERION-LONG", "IETEST", message, "give the full text in the study's metadata"))
    kept = text[: LONGEST - len(ELLIPSIS)]
    return kept.rsplit(" ", 1)[0] + ELLIPSIS


def _finding(name: str, variable: str, message: str, fix: str) -> Finding:
    return Finding(f"TB-REG-{name}", Severity.WARNING, Where(dataset="TI", variable=variable), message, fix)


def text(table: Table) -> str:
    """The eligibility text of TI's criteria, in the registry's usual layout."""
    given: list[tuple[Category, str]] = []
    for row in table.rows():
        category = row.get("IECAT")
        if row.get("IETEST") and category in ("INCLUSION", "EXCLUSION"):
            given.append((category, row["IETEST"]))
    return criteria.compose(given)
