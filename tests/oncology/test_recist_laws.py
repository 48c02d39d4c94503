"""Laws that hold whatever the lesions do: labels, units and order of rows mean nothing, a new lesion never helps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbridge.oncology import recist
from trialbridge.sdtm.table import study, table

VERSIONS = ("1.0", "1.1", "irecist")
STATES = ("PRESENT", "PRESENT", "ABSENT", "UNEQUIVOCAL", "FURTHER ENLARGEMENT", None)
BETTER = {"CR": 0, "iCR": 0, "PR": 1, "iPR": 1, "SD": 2, "iSD": 2, "NON-CR/NON-PD": 2, "NON-iCR/NON-iUPD": 2}
BETTER |= {"NE": 3, "PD": 4, "iUPD": 4, "iCPD": 5}
COLUMNS = ("USUBJID", "TRLNKID", "TRTESTCD", "TRORRES", "TRORRESU", "TRSTAT", "TRDTC", "VISITNUM")


@dataclass(frozen=True)
class Course:
    """One subject: sites of target lesions, number of non-target lesions, and by visit a size or state for each."""

    sites: tuple[str, ...]
    nontargets: int
    gaps: tuple[int, ...]
    sizes: tuple[tuple[int | None, ...], ...]
    """Tenths of mm by visit and target lesion; None is not done."""
    states: tuple[tuple[str | None, ...], ...]


@st.composite
def courses(draw):
    """Courses of two to six visits; the baseline is complete."""
    sites = draw(st.lists(st.sampled_from(("LIVER", "LUNG", "LYMPH NODE")), min_size=0, max_size=3))
    nontargets = draw(st.integers(0 if sites else 1, 2))
    visits = draw(st.integers(2, 6))
    size = st.one_of(st.sampled_from((0, 60, 90, 100, 120, 150, 210, 252)), st.integers(0, 600), st.none())
    start = st.integers(150, 600)
    sizes = [tuple(draw(start) for _ in sites)]
    states = [("PRESENT",) * nontargets]
    for _ in range(visits - 1):
        sizes.append(tuple(draw(size) for _ in sites))
        states.append(tuple(draw(st.sampled_from(STATES)) for _ in range(nontargets)))
    gaps = tuple(draw(st.sampled_from((14, 28, 42, 56))) for _ in range(visits - 1))
    return Course(tuple(sites), nontargets, gaps, tuple(sizes), tuple(states))


def days(course):
    """The dates of the visits."""
    day = date(2024, 1, 2)
    yield day
    for gap in course.gaps:
        day += timedelta(gap)
        yield day


def rows_of(course, names, *, cm=False):
    """TU and TR of a course; `names` gives the link ids, targets first."""
    tu = [(names[i], "TARGET", site) for i, site in enumerate(course.sites)]
    tu += [(names[len(course.sites) + i], "NON-TARGET", "BONE") for i in range(course.nontargets)]
    tr = []
    for number, day in enumerate(days(course), start=1):
        for i, tenths in enumerate(course.sizes[number - 1]):
            for code in ("LDIAM", "LPERP"):
                value = None if tenths is None else str(Decimal(tenths) / (100 if cm else 10))
                stat = "NOT DONE" if tenths is None else None
                unit = "cm" if cm else "mm"
                tr.append(("S1", names[i], code, value, unit, stat, day.isoformat(), float(number)))
        for i, state in enumerate(course.states[number - 1]):
            stat = "NOT DONE" if state is None else None
            name = names[len(course.sites) + i]
            tr.append(("S1", name, "TUMSTATE", state, None, stat, day.isoformat(), float(number)))
    return tu, tr


def assessed(tu, tr, version):
    """The assessment of TU and TR rows."""
    frame = pl.DataFrame(tu, schema=("TULNKID", "TUSTRESC", "TULOC"), orient="row").with_columns(
        pl.lit("S1").alias("USUBJID"), pl.lit("TUMIDENT").alias("TUTESTCD")
    )
    schema = dict.fromkeys(COLUMNS, pl.String) | {"VISITNUM": pl.Float64}
    rows = pl.DataFrame(tr, schema=schema, orient="row")
    tables = [table("TU", frame.with_columns(pl.lit(1.0).alias("VISITNUM"))), table("TR", rows)]
    return recist.assess(study(tables), version)


def said(done):
    """What an assessment says, without the words."""
    rows = [(one.visitnum, one.testcd, one.response, one.sum, one.baseline, one.nadir) for one in done.responses]
    return rows, [(one.response, one.date, one.progression_date) for one in done.best]


NAMES = ("T01", "T02", "T03", "NT01", "NT02", "NT03")


def plain(course):
    """The usual labels: T01… for targets, NT01… for non-target lesions."""
    return [*NAMES[: len(course.sites)], *NAMES[3 : 3 + course.nontargets]]


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60)
@given(course=courses(), data=st.data())
def test_labels_mean_nothing(version, course, data):
    """A response would depend on what a lesion is called."""
    names = plain(course)
    others = data.draw(st.permutations([f"L{number}" for number in range(len(names))]))
    usual, renamed = (assessed(*rows_of(course, one), version) for one in (names, others))
    assert said(usual) == said(renamed)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60)
@given(course=courses())
def test_units_mean_nothing(version, course):
    """A response would depend on whether sizes are written in cm or mm."""
    names = plain(course)
    in_mm = assessed(*rows_of(course, names), version)
    in_cm = assessed(*rows_of(course, names, cm=True), version)
    assert said(in_mm) == said(in_cm)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60)
@given(course=courses(), data=st.data())
def test_order_of_rows_means_nothing(version, course, data):
    """A response would depend on how the rows are sorted."""
    tu, tr = rows_of(course, plain(course))
    shuffled = assessed(data.draw(st.permutations(tu)), data.draw(st.permutations(tr)), version)
    assert said(assessed(tu, tr, version)) == said(shuffled)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=100)
@given(course=courses(), data=st.data())
def test_a_new_lesion_never_improves_a_response(version, course, data):
    """A new lesion, staying or followed by nothing, would make some visit or the best response better."""
    tu, tr = rows_of(course, plain(course))
    numbers = list(enumerate(days(course), start=1))[1:]
    first = data.draw(st.integers(0, len(numbers) - 1))
    stays = data.draw(st.booleans())
    new = [
        ("S1", "NEW01", "TUMSTATE", "UNEQUIVOCAL", None, None, day.isoformat(), float(number))
        for number, day in (numbers[first:] if stays else numbers[first : first + 1])
    ]
    before = assessed(tu, tr, version)
    after = assessed_with_new(tu, [*tr, *new], version, numbers[first][0])
    usual = {one.visitnum: one.response for one in before.responses if one.testcd == "OVRLRESP"}
    worse = {one.visitnum: one for one in after.responses if one.testcd == "OVRLRESP"}
    assert usual.keys() == worse.keys()
    for visit, response in usual.items():
        assert BETTER[worse[visit].response] >= BETTER[response], worse[visit].explanation
    assert BETTER[after.best[0].response] >= BETTER[before.best[0].response], after.best[0].explanation


def assessed_with_new(tu, tr, version, visit):
    """As `assessed`, with NEW01 identified at a visit."""
    schema = {"TULNKID": pl.String, "TUSTRESC": pl.String, "TULOC": pl.String, "VISITNUM": pl.Float64}
    rows = [(*row, 1.0) for row in tu] + [("NEW01", "NEW", "BRAIN", float(visit))]
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.lit("S1").alias("USUBJID"))
    schema_tr = dict.fromkeys(COLUMNS, pl.String) | {"VISITNUM": pl.Float64}
    trs = pl.DataFrame(tr, schema=schema_tr, orient="row")
    return recist.assess(study([table("TU", frame), table("TR", trs)]), version)
