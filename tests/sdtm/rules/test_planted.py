"""Every planted error is found by the rules meant for it and by no other; the study without one is clean."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from trialbridge.base.rule import Status
from trialbridge.oncology import rules as oncology_rules
from trialbridge.sdtm import files, metadata, terminology
from trialbridge.sdtm.rules import RULES, check
from trialbridge.sdtm.table import table

pytestmark = pytest.mark.once

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
sys.path.insert(0, str(HERE))

import plants  # noqa: E402 - beside this file
from re_induction import generate  # noqa: E402 - the examples are no installed package


def found(study):
    """The ids of the rules that have findings; a rule that broke is no answer."""
    said = list(check(study, rules=(*RULES, *oncology_rules.RULES)))
    assert not [one.why for one in said if one.status is Status.EXECUTION_ERROR]
    return {one.rule.id for one in said if one.findings}


@pytest.fixture(scope="module")
def small():
    """Ten subjects: one screen failure, one death, new lesions, two evaluators."""
    return generate.build(subjects=10)


def test_numbers_written_as_text_are_one_finding(small):
    """A file that gives VISITNUM, --SEQ and all other numbers as Char would break every third rule, and hide its findings."""
    text = pl.col(pl.Float64).cast(pl.String).str.strip_suffix(".0")
    texts = [table(one.name, one.frame.with_columns(text), one.variables, one.label) for one in small]
    assert found(small.with_tables(texts)) == {"TB-STR-0006"}


def test_a_day_that_the_guide_does_not_list_is_compared_where_it_is_a_number(small):
    """VSENDY, which the model has and the guide has not, given as text would break the comparison with VSDY."""
    days = small["VS"].frame.with_columns(VSENDY=pl.lit("-999"))
    assert "TB-DTC-0023" not in found(small.with_tables([table("VS", days)]))
    assert "TB-DTC-0023" in found(small.with_tables([table("VS", days.cast({"VSENDY": pl.Float64}))]))


def test_texts_given_as_numbers_break_no_rule(small):
    """Identifiers that a file gives as Num (SITEID 1, SUBJID 7) would break the rules that join by them."""
    numbers = []
    for one in small:
        names = [name for name in ("STUDYID", "USUBJID", "SUBJID", "SITEID", "IDVARVAL") if name in one.frame.columns]
        digits = [pl.col(name).str.extract_all(r"\d").list.join("").str.tail(9).cast(pl.Float64) for name in names]
        numbers.append(table(one.name, one.frame.with_columns(digits), one.variables, one.label))
    assert "TB-STR-0006" in found(small.with_tables(numbers))


@pytest.mark.parametrize(
    ("name", "columns"), [("PR", ("PRLNKID",)), ("LB", ("LBTESTCD", "LBCAT", "LBSPEC", "LBMETHOD"))]
)
def test_variables_that_are_not_there_break_no_rule(small, name, columns):
    """A rule that asks for less than it needs would break, and say nothing of the rest of the study."""
    one = small[name]
    there = [column for column in columns if column in one.frame.columns]
    assert found(small.with_tables([table(name, one.frame.drop(there), one.variables, one.label)]))


def test_the_example_is_clean():
    """A false alarm: the committed example breaks none of the rules, or a user learns to pass findings over."""
    assert found(files.read(EXAMPLES / "re_induction" / "sdtm")) == set()


def test_the_small_example_is_clean(small):
    """A plant would be found by a rule that finds something without it too."""
    assert found(small) == set()


def test_there_are_at_least_sixty():
    """Fewer errors would be planted than promised, or two under one name."""
    assert len({one.name for one in plants.PLANTS}) == len(plants.PLANTS) >= 60


@pytest.mark.parametrize("plant", plants.PLANTS, ids=lambda one: one.name)
def test_each_is_found_by_the_rules_meant_for_it(small, plant):
    """An error would go unseen, or be called something that it is not."""
    assert found(plant.change(small)) == plant.expected


def coded(study):
    """Every codelist variable of the study that has a value: dataset, variable, whether its codelists are extensible."""
    ct = terminology.load(terminology.BUNDLED)
    for one in study:
        for variable in metadata.domain(one.name).variables:
            codes = variable.codelists
            if (
                codes
                and variable.name in one.frame.columns
                and one.frame[variable.name].null_count() < one.frame.height
            ):
                yield one.name, variable.name, any(ct.codelist(code).extensible for code in codes)


def test_a_wrong_code_is_found_in_each_codelist_variable(small):
    """A variable's codelist would never be looked at: each gets one wrong code, in the record of its own."""
    study, places = small, {}
    for name, variable, extensible in coded(small):
        # A word for a result is asked of where the result is a word, and in RS of a response.
        where = pl.col(variable).is_not_null()
        if name == "RS" and variable in {"RSTESTCD", "RSTEST", "RSSTRESC", "RSCAT"}:
            where &= pl.col("RSCAT") == "RECIST 1.0"
        if name == "TR" and variable == "TRSTRESC":
            where &= pl.col("TRTESTCD") == "TUMSTATE"
        # A record of its own each, as far as the dataset has as many: a wrong category would excuse a wrong code.
        others = [number for other, number, _ in places if other == name]
        alone = where & ~pl.int_range(1, pl.len() + 1).is_in(others)
        where = alone if study[name].frame.filter(alone).height else where
        places[name, plants.row_of(study, name, where) + 1, variable] = "TB-CT-0003" if extensible else "TB-CT-0001"
        study = plants.cells(name, where, **{variable: "WRONG"})(study)
    hits = {
        (finding.where.dataset, finding.where.row, finding.where.variable): finding.id
        for said in check(study)
        for finding in said.findings
        if finding.id in {"TB-CT-0001", "TB-CT-0003"}
    }
    assert len(places) > 80
    assert hits == places
    assert Counter(hits.values())["TB-CT-0001"] > 20
