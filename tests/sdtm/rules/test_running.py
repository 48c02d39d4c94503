"""How rules are run: skipped with a reason, broken without stopping the others, findings with their place."""

from __future__ import annotations

import polars as pl
import pytest

from trialbridge.base.finding import Severity, Where
from trialbridge.base.rule import Status
from trialbridge.sdtm.rules import RULES, check
from trialbridge.sdtm.rules.declare import Hit, rule
from trialbridge.sdtm.table import study, table


def dm(**columns):
    """A study of one DM with these columns."""
    return study([table("DM", pl.DataFrame(columns))])


@rule("TB-X-0001", "Broken.", "mend it")
def broken(data):
    """A rule that breaks in the middle."""
    yield Hit(Where(dataset="DM"))
    raise ValueError(data)


@rule("TB-X-0002", "SEX is M.", "look", severity=Severity.NOTE)
def men(data):
    """A rule that finds every M."""
    one = data.dataset("DM", "SEX")
    yield from one.hits(pl.col("SEX") == "M", "SEX")


def test_a_broken_rule_does_not_stop_the_others():
    """One rule's fault would hide what all later rules find, or the data would show in the reason."""
    first, second = check(dm(USUBJID=["1"], SEX=["M"]), rules=(broken, men))
    assert (first.status, first.findings) == (Status.EXECUTION_ERROR, ())
    assert first.why == "ValueError in TB-X-0001"
    assert second.status is Status.ISSUE_REPORTED


def test_an_absent_variable_skips_and_says_so():
    """A rule that could not look would pass for one that found nothing."""
    (said,) = check(dm(USUBJID=["1"]), rules=(men,))
    assert (said.status, said.why) == (Status.SKIPPED, "DM has no SEX")
    (said,) = check(study([]), rules=(men,))
    assert (said.status, said.why) == (Status.SKIPPED, "there is no dataset DM")


def test_a_finding_knows_its_place_and_cells():
    """A user could not find the record: dataset, subject, record number from 1, variable."""
    (said,) = check(dm(USUBJID=["1", "2"], SEX=["F", "M"]), rules=(men,))
    (finding,) = said.findings
    assert finding.where == Where(dataset="DM", subject="2", row=2, variable="SEX")
    assert (finding.id, finding.severity, finding.cells) == ("TB-X-0002", Severity.NOTE, (("SEX", "M"),))


def test_the_most_findings_are_kept():
    """A study with a million faults of one kind would fill the memory although a limit was given."""
    (said,) = check(dm(USUBJID=["1", "2"], SEX=["M", "M"]), rules=(men,), most=1)
    assert len(said.findings) == 1


def test_ids_are_unique_and_rules_explain_themselves():
    """Two rules of one id, or a rule without text, fix or section, would reach a report."""
    assert len({one.id for one in RULES}) == len(RULES)
    for one in RULES:
        assert one.text.endswith("."), one.id
        assert one.fix, one.id
        assert one.section, one.id
        assert not one.message.startswith(one.text), one.id


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_an_empty_study_breaks_no_rule(one):
    """A rule would break, not be skipped, where everything it needs is absent."""
    (said,) = check(study([]), rules=(one,))
    assert said.status in {Status.SKIPPED, Status.ISSUE_REPORTED}, said.why
