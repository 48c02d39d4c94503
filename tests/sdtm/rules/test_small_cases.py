"""Each rule that no planted error is meant for finds the records of its small case, and only those."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from trialbridge.base.rule import Status
from trialbridge.oncology import rules as oncology_rules
from trialbridge.sdtm.rules import RULES, check
from trialbridge.sdtm.table import Variable, study, table

sys.path.insert(0, str(Path(__file__).resolve().parent))

import near_cases
import plants
import small_cases

pytestmark = pytest.mark.once

ALL = {one.id: one for one in (*RULES, *oncology_rules.RULES)}
OF_NO_SUBJECT = ("TS", "TA", "TE", "TV", "TI", "TT")


def made(tables):
    """The study of a case: row n is of subject n, unless the case says otherwise (an empty list: no USUBJID)."""
    found = []
    for name, columns in tables.items():
        rows = max(len(values) for values in columns.values())
        subjects = {} if name in OF_NO_SUBJECT else {"USUBJID": [str(row + 1) for row in range(rows)]}
        given = {key: values for key, values in {**subjects, **columns}.items() if values}
        found.append(table(name, pl.DataFrame(given, strict=False)))
    return study(found)


def places(said):
    """`AE 2` of each finding, or `AE` where it is of the dataset."""
    return {" ".join(str(part) for part in (one.where.dataset, one.where.row) if part) for one in said.findings}


@pytest.mark.parametrize(
    ("name", "expected", "tables"),
    [*small_cases.CASES, *near_cases.CASES],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_each_finds_what_it_is_for(name, expected, tables):
    """The rule would break, miss the record that breaks it, or report one that does not."""
    (said,) = check(made(tables), rules=(ALL[f"TB-{name}"],))
    assert said.status is not Status.EXECUTION_ERROR, said.why
    assert said.status is not Status.SKIPPED, said.why
    assert places(said) == set(expected.split("|"))


def test_a_term_that_the_define_adds_is_lawful():
    """A sponsor's term, documented as the guide asks, would be reported all the same; one that is not would pass."""
    of = made({"VS": {"VSTESTCD": ["OURTEST", "OTHER1"]}})
    terms = (SimpleNamespace(value="OURTEST", extended=True), SimpleNamespace(value="OTHER1", extended=False))
    define = SimpleNamespace(
        dataset={"VS": SimpleNamespace(items=(SimpleNamespace(item="IT.VSTESTCD"),))},
        item={"IT.VSTESTCD": SimpleNamespace(name="VSTESTCD", codelist="CL.VSTESTCD")},
        codelist={"CL.VSTESTCD": SimpleNamespace(terms=terms)},
    )
    (said,) = check(of, rules=(ALL["TB-CT-0003"],))
    assert places(said) == {"VS 1", "VS 2"}
    (said,) = check(of, rules=(ALL["TB-CT-0003"],), define=define)
    assert places(said) == {"VS 2"}


@pytest.mark.parametrize(("rule", "good", "bad"), [("XPT-0007", "Start", "Début"), ("STR-0009", "x" * 40, "x" * 41)])
def test_labels(rule, good, bad):
    """A label that FDA's tools cannot read, or XPT not hold, would pass: of a variable, or of the dataset."""
    frame = pl.DataFrame({"AETERM": ["x"], "AESER": ["N"]})
    for label, expected in ((good, ["AETERM"]), (bad, ["", "AETERM"])):
        one = table("AE", frame, [Variable("AETERM", bad), Variable("AESER", good)], label)
        (said,) = check(study([one]), rules=(ALL[f"TB-{rule}"],))
        assert [finding.where.variable or "" for finding in said.findings] == expected


def test_every_rule_has_a_case_that_it_rejects():
    """A rule that finds nothing, whatever the data, would stand in the list."""
    planted = set().union(*(one.expected for one in plants.PLANTS))
    cased = {f"TB-{name}" for name, _, _ in small_cases.CASES} | {"TB-XPT-0007"}
    assert set(ALL) - planted - cased == set()
