"""Writes docs/rules.md, the list of all rules, from the rules themselves; --check fails where the page is not up to date."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from trialbridge.oncology import rules as oncology_rules
from trialbridge.sdtm import rules as sdtm_rules

if TYPE_CHECKING:
    from trialbridge.base.rule import Rule

RULES = (*sdtm_rules.RULES, *oncology_rules.RULES)
PAGE = Path(__file__).resolve().parent / "rules.md"
THEMES = {
    "STR": "Structure: datasets, variables, names, labels, types, order",
    "XPT": "Limits of the files: bytes, ASCII, blanks",
    "ID": "Identifiers",
    "CT": "Controlled terminology",
    "DTC": "Dates and study days",
    "TIM": "Time points and relative times",
    "VIS": "Visits, epochs, elements",
    "RES": "Results of findings",
    "QUA": "Qualifiers",
    "AE": "Adverse events",
    "ARM": "Arms and elements",
    "DS": "Disposition, exposure, history",
    "REL": "Supplemental qualifiers and relations",
    "TS": "Trial summary",
    "ONC": "Oncology: lesions, response, radiotherapy",
    "DM": "Demographics and death",
}
HEAD = """# Rules

What `trialbridge validate` checks of SDTM, offline: {count} rules ({severities}). Each is one function in `sdtm/rules/`,
or `oncology/rules.py` where the response engine is needed,
whose docstring is the rule's text; `CG` are ids of CDISC's conformance rules, `FB` of FDA's business rules, that the rule
answers to. A rule that needs what the study does not have is skipped and says so. What they find in public data and why
it is true: [conformance.md](conformance.md); against CDISC's own cases: [open-rules.md](open-rules.md).

This page is written by `docs/make_rules.py`.
"""


def theme(one: Rule) -> str:
    """`CT` of `TB-CT-0001`."""
    return one.id.split("-")[1]


def section(name: str, title: str) -> str:
    """One theme as a table."""
    rows = []
    for one in sorted(RULES, key=lambda one: one.id):
        if theme(one) == name:
            text = " ".join(one.text.split())
            ids = " ".join((*one.cdisc, *one.fda))
            rows.append(f"| {one.id} | {one.severity} | {text} | {ids} | {one.section} |\n")
    return f"\n## {title}\n\n| Id | Severity | Rule | Answers to | Source |\n|---|---|---|---|---|\n{''.join(rows)}"


def page() -> str:
    """The whole page."""
    unknown = {theme(one) for one in RULES} - set(THEMES)
    if unknown:
        sys.exit(f"docs/make_rules.py: no title for the themes {', '.join(sorted(unknown))}")
    counts = Counter(str(one.severity) for one in RULES)
    severities = ", ".join(f"{number} {name}s" for name, number in counts.items())
    head = HEAD.format(count=len(RULES), severities=severities)
    return head + "".join(section(name, title) for name, title in THEMES.items())


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the page is not up to date")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/rules.md is not up to date. Fix: make docs")


if __name__ == "__main__":
    main()
