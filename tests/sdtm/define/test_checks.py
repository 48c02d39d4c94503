"""Each check of data against a define: silent on the example's own define, found where one thing is changed."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from trialbridge.base.rule import Status
from trialbridge.sdtm.define import checks
from trialbridge.sdtm.define.model import Check, WhereClause
from trialbridge.sdtm.rules import running


def found(study, define):
    """The rules that report something, with how often."""
    ran = list(running.run(study, checks.RULES, define=define))
    assert {one.status for one in ran} <= {Status.SUCCESS, Status.ISSUE_REPORTED}
    return {one.rule.id[-4:]: len(one.findings) for one in ran if one.findings}


def test_own_define_is_silent(named, given, made):
    """The define we write would be at odds with the data it was made of: a false alarm on every study."""
    assert found(given(named), made(named)) == {}


def with_cell(study, dataset, row, variable, value):
    """The study with one cell changed; rows count from 1."""
    one = study[dataset]
    cells = one.frame[variable].to_list()
    cells[row - 1] = value
    frame = one.frame.with_columns(pl.Series(variable, cells, one.frame[variable].dtype))
    return study.with_tables([replace(one, frame=frame)])


def without(study, dataset, variable):
    """The study without one column."""
    one = study[dataset]
    kept = tuple(of for of in one.variables if of.name != variable)
    return study.with_tables([replace(one, frame=one.frame.drop(variable), variables=kept)])


def with_item(define, oid, **changes):
    """The define with one item changed."""
    return replace(define, items=tuple(replace(one, **changes) if one.oid == oid else one for one in define.items))


def without_dataset(define, name):
    """The define without one dataset."""
    return replace(define, datasets=tuple(one for one in define.datasets if one.name != name))


CASES = {
    "0101": lambda study, define: (study, without_dataset(define, "MH")),
    "0102": lambda study, define: (
        replace(study, tables={name: one for name, one in study.tables.items() if name != "MH"}),
        define,
    ),
    "0103": lambda study, define: (
        study,
        replace(
            define,
            datasets=tuple(replace(one, items=one.items[:-1]) if one.name == "VS" else one for one in define.datasets),
        ),
    ),
    "0104": lambda study, define: (without(study, "VS", "VSPOS"), define),
    "0105": lambda study, define: (study, with_item(define, "IT.DM.SEX", label="Gender")),
    "0106": lambda study, define: (study, with_item(define, "IT.DM.AGE", type="text", codelist="", length=None)),
    "0107": lambda study, define: (study, with_item(define, "IT.AE.AETERM", length=3)),
    "0108": lambda study, define: (with_cell(study, "DM", 1, "SEX", "W"), define),
    "0109": lambda study, define: (with_cell(study, "DM", 1, "SITEID", None), define),
    "0110": lambda study, define: (with_cell(study, "TE", 2, "ETCD", study["TE"].frame["ETCD"][0]), define),
    "0112": lambda study, define: (study, with_item(define, "IT.AE.AETERM", comment="COM.NOWHERE")),
    "0113": lambda study, define: (
        study,
        replace(
            define,
            codelists=tuple(
                replace(one, terms=(*one.terms, replace(one.terms[0], value="W", order=9)))
                if one.oid == "CL.SEX"
                else one
                for one in define.codelists
            ),
        ),
    ),
}


@pytest.mark.parametrize("number", CASES)
def test_each_check_finds(number, given, made):
    """The check would not see what it is there for, or another would cry with it."""
    study, define = CASES[number](given("example"), made("example"))
    assert set(found(study, define)) == {number}


def test_a_value_against_its_value_level_item(given, made):
    """A text where the define says that this test's results are numbers would pass."""
    study = given("example")
    row = study["TR"].frame["TRTESTCD"].to_list().index("SUMLDIAM") + 1
    assert set(found(with_cell(study, "TR", row, "TRORRES", "12 mm"), made("example"))) == {"0111"}


def test_a_clause_of_another_dataset_is_left_alone(given, made):
    """A where clause that looks into another dataset would be taken for one of this dataset, with false alarms."""
    define = made("example")
    clause = WhereClause(
        oid=define.where_clauses[0].oid, checks=(Check(item="IT.DM.SEX", comparator="EQ", values=("F",)),)
    )
    others = tuple(one for one in define.where_clauses if one.oid != clause.oid)
    assert found(given("example"), replace(define, where_clauses=(clause, *others))) == {}


def test_without_a_define_they_are_skipped(given):
    """Without a define the checks would report a clean result, as if they had run."""
    ran = list(running.run(given("example"), checks.RULES))
    assert {one.status for one in ran} == {Status.SKIPPED}
    assert {one.why for one in ran} == {"no define.xml was given"}
