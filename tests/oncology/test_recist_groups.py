"""Lesion groups and remission rates."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import polars as pl
import pytest

from trialbridge.oncology import agreement, groups, recist
from trialbridge.sdtm.table import study, table

# Two subjects, each with an irradiated target T01, a target T02 and, for S1, a new lesion at the second visit.
# S1: T01 30 -> 0, T02 20 -> 20 and NEW01. S2: T01 30 -> 15, T02 20 -> 10.
TU = {
    "USUBJID": ["S1", "S1", "S1", "S2", "S2"],
    "TUSEQ": [1.0, 2.0, 3.0, 1.0, 2.0],
    "TULNKID": ["T01", "T02", "NEW01", "T01", "T02"],
    "TUSTRESC": ["TARGET", "TARGET", "NEW", "TARGET", "TARGET"],
    "TULOC": ["LIVER", "LUNG", "BRAIN", "LIVER", "LUNG"],
    "VISITNUM": [1.0, 1.0, 2.0, 1.0, 1.0],
}
SIZES = [
    ("S1", "T01", 1.0, "2024-01-02", "30"),
    ("S1", "T02", 1.0, "2024-01-02", "20"),
    ("S1", "T01", 2.0, "2024-04-22", "0"),
    ("S1", "T02", 2.0, "2024-04-22", "20"),
    ("S2", "T01", 1.0, "2024-01-02", "30"),
    ("S2", "T02", 1.0, "2024-01-02", "20"),
    ("S2", "T01", 2.0, "2024-04-22", "15"),
    ("S2", "T02", 2.0, "2024-04-22", "10"),
]
RADIOTHERAPY = {
    "USUBJID": ["S1", "S2"],
    "PRSEQ": [1.0, 1.0],
    "PRTRT": ["STEREOTACTIC BODY RADIATION THERAPY", "EXTERNAL BEAM RADIATION THERAPY"],
    "PRLNKID": ["T01", "T01"],
    "PRSTDTC": ["2024-01-17", "2024-01-17"],
    "PRENDTC": ["2024-01-22", "2024-01-22"],
}


def example(*more, pr=RADIOTHERAPY):
    """The two subjects with their radiotherapy."""
    tr = [(subject, lnkid, "LDIAM", mm, "mm", day, visit) for subject, lnkid, visit, day, mm in SIZES]
    schema = ("USUBJID", "TRLNKID", "TRTESTCD", "TRORRES", "TRORRESU", "TRDTC", "VISITNUM")
    tables = [table("TU", pl.DataFrame(TU)), table("TR", pl.DataFrame(tr, schema=schema, orient="row"))]
    return study([*tables, table("PR", pl.DataFrame(pr)), *more])


def overall(done):
    """Overall responses by subject and group."""
    return {(one.usubjid, one.group): one.response for one in done.responses if one.testcd == "OVRLRESP"}


def test_each_group_has_its_own_sums_and_responses():
    """The irradiated, the other and all lesions would not be judged apart; a new lesion is not irradiated."""
    done = recist.assess(example(), "1.0", by_group=True)
    assert overall(done) == {
        ("S1", "IRRADIATED"): "CR",  # 30 -> 0
        ("S1", "NON-IRRADIATED"): "PD",  # 20 -> 20, and a new lesion
        ("S1", "ALL"): "PD",
        ("S2", "IRRADIATED"): "PR",  # 30 -> 15: -50 %
        ("S2", "NON-IRRADIATED"): "PR",  # 20 -> 10: -50 %
        ("S2", "ALL"): "PR",
    }
    baselines = {one.group: one.baseline for one in done.responses if one.usubjid == "S2"}
    assert baselines == {"IRRADIATED": 30, "NON-IRRADIATED": 20, "ALL": 50}


def test_without_groups_there_is_only_the_whole():
    """Groups would be made unasked."""
    assert {group for _, group in overall(recist.assess(example(), "1.0"))} == {"ALL"}


def test_relrec_and_supptu_name_irradiated_lesions_too():
    """Only PRLNKID would be read: RELREC joins PRSEQ 1 and TUSEQ 2, SUPPTU flags TUSEQ 2 of the other subject."""
    pr = {name: values for name, values in RADIOTHERAPY.items() if name != "PRLNKID"}
    relrec = {
        "RDOMAIN": ["PR", "TU"],
        "USUBJID": ["S1", "S1"],
        "IDVAR": ["PRSEQ", "TUSEQ"],
        "IDVARVAL": ["1", "2"],
        "RELID": ["R1", "R1"],
    }
    supp = {"USUBJID": ["S2"], "IDVAR": ["TUSEQ"], "IDVARVAL": ["2"], "QNAM": ["TUIRRST"], "QVAL": ["Y"]}
    both = example(table("RELREC", pl.DataFrame(relrec)), table("SUPPTU", pl.DataFrame(supp)), pr=pr)
    assert groups.irradiated_lesions(both) == {"S1": frozenset({"T02"}), "S2": frozenset({"T02"})}


def test_other_procedures_do_not_irradiate():
    """A CT scan or a radiotherapy that did not take place or was before the study would mark a lesion."""
    pr = {
        "USUBJID": ["S1", "S1", "S1"],
        "PRTRT": ["CT SCAN", "RADIOTHERAPY", "RADIOTHERAPY"],
        "PRCAT": [None, None, "PRIOR RADIOTHERAPY"],
        "PROCCUR": ["Y", "N", "Y"],
        "PRLNKID": ["T01", "T01", "T01"],
        "PRENDTC": ["2024-01-22", "2024-01-22", "2020-01-01"],
    }
    only = study([table("PR", pl.DataFrame(pr))])
    assert groups.irradiated_lesions(only) == {}
    assert groups.end_of_radiotherapy(only) == {}


def test_a_relation_to_another_procedure_does_not_irradiate():
    """A lesion related to its CT scan, or to a radiotherapy of years ago, would count as irradiated."""
    pr = {
        "USUBJID": ["S1", "S1", "S1"],
        "PRSEQ": [1.0, 2.0, 3.0],
        "PRTRT": ["CT SCAN", "RADIOTHERAPY", "RADIOTHERAPY"],
        "PRCAT": [None, "PRIOR RADIOTHERAPY", None],
    }
    relrec = {
        "RDOMAIN": ["PR", "TU"] * 3,
        "USUBJID": ["S1"] * 6,
        "IDVAR": ["PRSEQ", "TULNKID"] * 3,
        "IDVARVAL": ["1", "T01", "2", "T02", "3", "NEW01"],
        "RELID": ["R1", "R1", "R2", "R2", "R3", "R3"],
    }
    related = example(table("RELREC", pl.DataFrame(relrec)), pr=pr)
    assert groups.irradiated_lesions(related) == {"S1": frozenset({"NEW01"})}


def test_remission_rates_three_months_after_radiotherapy():
    """The rates would count other subjects or visits: 22 January + 91 days is 22 April."""
    one = example()
    done = recist.assess(one, "1.0", by_group=True)
    rates = {rate.group: rate for rate in groups.remission_rates(done, groups.end_of_radiotherapy(one))}
    assert {group: (rate.remissions, rate.assessed, rate.n) for group, rate in rates.items()} == {
        "IRRADIATED": (2, 2, 2),
        "NON-IRRADIATED": (1, 2, 2),
        "ALL": (1, 2, 2),
    }
    assert rates["IRRADIATED"].low == pytest.approx(0.025**0.5)  # n of n: the lower limit is (alpha / 2) ** (1 / n)
    assert "2 of 2 in remission 91 days (+/- 28)" in rates["IRRADIATED"].text


def test_a_visit_outside_the_window_is_not_an_assessment():
    """A scan at the wrong time would count: none lies within 7 days of day 60."""
    one = example()
    done = recist.assess(one, "1.0", by_group=True)
    rates = groups.remission_rates(done, groups.end_of_radiotherapy(one), day=60, window=7)
    assert [(rate.remissions, rate.assessed, rate.n) for rate in rates] == [(0, 0, 2)] * 3


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 10, 0.0, 1 - 0.025**0.1),  # closed form
        (10, 10, 0.025**0.1, 1.0),
        (5, 10, 0.187086, 0.812914),  # the textbook interval of 5 in 10
    ],
)
def test_clopper_pearson(hits, n, low, high):
    """The interval would not be the exact one."""
    assert groups.clopper_pearson(hits, n) == pytest.approx((low, high), abs=1e-6)


def test_clopper_pearson_by_its_definition():
    """At each limit the tail has probability alpha / 2, summed here with exact fractions."""
    hits, n = 13, 40
    low, high = (Fraction(limit) for limit in groups.clopper_pearson(hits, n, 0.9))

    def tail(p, counts):
        return float(sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in counts))

    assert tail(low, range(hits, n + 1)) == pytest.approx(0.05)
    assert tail(high, range(hits + 1)) == pytest.approx(0.05)


def test_large_numbers_and_nonsense():
    """Thousands of subjects would overflow; more hits than subjects would pass."""
    low, high = groups.clopper_pearson(2500, 5000)
    assert (low, high) == pytest.approx((0.486, 0.514), abs=5e-4)  # about 0.5 -/+ 1.96 * sqrt(0.25 / 5000)
    with pytest.raises(ValueError, match="3 of 2"):
        groups.clopper_pearson(3, 2)


def test_a_merged_lesion_across_groups_is_not_evaluable():
    """A lesion grown together from an irradiated and another one would be counted to either group."""
    rows = [
        ("S1", "T01", "LDIAM", "30", "2024-01-02", 1.0),
        ("S1", "T02", "LDIAM", "20", "2024-01-02", 1.0),
        ("S1", "T01/T02", "LDIAM", "45", "2024-04-22", 2.0),
    ]
    schema = ("USUBJID", "TRLNKID", "TRTESTCD", "TRORRES", "TRDTC", "VISITNUM")
    tu = {"USUBJID": ["S1", "S1"], "TULNKID": ["T01", "T02"], "TUSTRESC": ["TARGET", "TARGET"], "VISITNUM": [1.0, 1.0]}
    tables = [table("TU", pl.DataFrame(tu)), table("TR", pl.DataFrame(rows, schema=schema, orient="row"))]
    done = recist.assess(study([*tables, table("PR", pl.DataFrame(RADIOTHERAPY))]), "1.1", by_group=True)
    assert overall(done) == {("S1", "IRRADIATED"): "NE", ("S1", "NON-IRRADIATED"): "NE", ("S1", "ALL"): "SD"}


def test_reported_groups_are_compared_with_their_own():
    """A report on the irradiated lesion would be compared with that on the others: RSSCAT names the group."""
    done = recist.assess(example(), "1.0", by_group=True)
    rs = {
        "USUBJID": ["S1", "S1"],
        "RSTESTCD": ["OVRLRESP", "OVRLRESP"],
        "RSSCAT": ["IRRADIATED LESION", "NON-IRRADIATED LESIONS"],
        "RSSTRESC": ["CR", "PD"],
        "VISITNUM": [2.0, 2.0],
    }
    frame = agreement.against(done, table("RS", pl.DataFrame(rs)))
    reported = frame.filter(pl.col("REPORTED").is_not_null())
    assert reported.select("GROUP", "AGREES").rows() == [("IRRADIATED", True), ("NON-IRRADIATED", True)]


def test_derived_rs_names_the_group():
    """A derived row of one lesion group could be taken for the whole."""
    rows = recist.derived_rs(recist.assess(example(), "1.0", by_group=True))
    assert set(rows["RSSCAT"]) == {"IRRADIATED LESION", "NON-IRRADIATED LESIONS", None}
