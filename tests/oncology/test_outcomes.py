"""The outcome tables, against counts worked out by hand and by other means from the same tables."""

from __future__ import annotations

import json
from math import comb
from pathlib import Path

import polars as pl
import pytest

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology import outcomes
from trialbridge.sdtm import files
from trialbridge.sdtm.table import study, table

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction" / "sdtm"

# Four irradiated subjects in two arms, targets T01 (irradiated) and T02; radiotherapy 2 to 5 January 2024; CT before and
# on 4 April (day 90 after its end). A1: T01 30 -> 10, T02 20 -> 20. A2: T01 30 -> 30, T02 20 -> 10. A3: never assessed,
# died on 1 February. B1: T01 30 -> 0, T02 20 -> 40 (PD by sum of the others and by RS).
SIZES = {"A1": ((30, 20), (10, 20)), "A2": ((30, 20), (30, 10)), "A3": ((30, 20), None), "B1": ((30, 20), (0, 40))}
REPORTED = {"A1": "PR", "A2": "SD", "B1": "PD"}
AE = [
    # subject, AESEQ, grade, begins, related to radiotherapy, to immune therapy
    ("A1", 1.0, "2", "2024-01-10", "RELATED", "NOT RELATED"),
    ("A1", 2.0, "4", "2024-09-01", "RELATED", "RELATED"),  # too late: more than 91 days after 5 January
    ("A2", 3.0, "3", "2024-02-01", "NOT RELATED", "POSSIBLY RELATED"),
    ("A2", 4.0, "1", "2024-02-01", "RELATED", "NOT RELATED"),
    ("A3", 5.0, "5", "2024-02-01", "NOT RELATED", "NOT RELATED"),
    ("B1", 6.0, "3", "2023-12-31", "RELATED", "RELATED"),  # before radiotherapy
]


def trial():
    """The four subjects."""
    lesions = [(one, seq, lnkid) for one in SIZES for seq, lnkid in ((1.0, "T01"), (2.0, "T02"))]
    tu = pl.DataFrame(lesions, schema=("USUBJID", "TUSEQ", "TULNKID"), orient="row").with_columns(
        TUSTRESC=pl.lit("TARGET"), TULOC=pl.lit("LIVER"), TUEVAL=pl.lit("INVESTIGATOR"), VISITNUM=1.0
    )
    tr = []
    for usubjid, visits in SIZES.items():
        for visitnum, day, sizes in zip((1.0, 2.0), ("2023-12-20", "2024-04-04"), visits, strict=True):
            for lnkid, size in zip(("T01", "T02"), sizes or (), strict=False):
                tr.append((usubjid, lnkid, "LDIAM", str(size), "mm", day, visitnum, "INVESTIGATOR"))
    trnames = ("USUBJID", "TRLNKID", "TRTESTCD", "TRORRES", "TRORRESU", "TRDTC", "VISITNUM", "TREVAL")
    rs = [(one, "OVRLRESP", "RECIST 1.0", value, "INVESTIGATOR", "2024-04-04") for one, value in REPORTED.items()]
    pr = pl.DataFrame({"USUBJID": list(SIZES)}).with_columns(
        PRTRT=pl.lit("RADIOTHERAPY"), PRLNKID=pl.lit("T01"), PRSTDTC=pl.lit("2024-01-02"), PRENDTC=pl.lit("2024-01-05")
    )
    dm = pl.DataFrame(
        {
            "USUBJID": ["A1", "A2", "A3", "B1", "SCREENED"],
            "ARM": ["Early", "Early", "Early", "Late", "Early"],
            "DTHFL": [None, None, "Y", None, None],
            "DTHDTC": [None, None, "2024-02-01", None, None],
        }
    )
    supp = [
        (one, "AESEQ", str(int(seq)), name, value)
        for one, seq, _, _, *said in AE
        for name, value in zip(("AERELRT", "AERELIO"), said, strict=True)
    ]
    ae = pl.DataFrame([row[:4] for row in AE], schema=("USUBJID", "AESEQ", "AETOXGR", "AESTDTC"), orient="row")
    return study(
        [
            table("DM", dm),
            table("PR", pr),
            table("TU", tu),
            table("TR", pl.DataFrame(tr, schema=trnames, orient="row")),
            table(
                "RS",
                pl.DataFrame(rs, schema=("USUBJID", "RSTESTCD", "RSCAT", "RSSTRESC", "RSEVAL", "RSDTC"), orient="row"),
            ),
            table("AE", ae.with_columns(AELLT=pl.lit("Lung infection"))),
            table(
                "SUPPAE",
                pl.DataFrame(supp, schema=("USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QVAL"), orient="row"),
            ),
        ]
    )


@pytest.fixture(scope="module")
def tables():
    """The outcome tables of the four subjects."""
    return outcomes.outcomes(trial(), "1.0", "4.0")


def numbers(measure, row=0):
    """The numbers of one row, a group each."""
    return [value.number for value in measure.rows[row].values]


def test_the_groups_are_the_arms_of_those_irradiated(tables):
    """A screen failure would count, or the arms be mixed."""
    assert [(one.id, one.title, one.participants) for one in tables["pfs"].groups] == [
        ("OG000", "Early", 3),
        ("OG001", "Late", 1),
    ]


def test_survival_is_that_of_each_arm(tables):
    """Early: one death on day 31 of three, then censored on day 94: 2/3. Late: one progression on day 94."""
    rate = tables["pfs"]
    assert rate.parameter == "NUMBER"
    assert numbers(rate) == [pytest.approx(200 / 3), 100]
    assert (rate.level, rate.unit, rate.units_analyzed) == (0.95, "percentage of participants", "Participants")
    median = tables["pfs-median"]
    assert numbers(median) == [None, 94]
    assert "Early: median not reached" in median.footnotes


def test_remission_rates_are_those_of_each_lesion_group(tables):
    """T01: A1 -67 % PR, A2 0 %, A3 unseen, B1 gone. T02: A1 0 %, A2 -50 % PR, A3 unseen, B1 +100 %."""
    irradiated, other = tables["remission-irradiated"], tables["remission-non-irradiated"]
    assert numbers(irradiated) == [pytest.approx(100 / 3), 100]
    assert numbers(other) == [pytest.approx(100 / 3), 0]
    assert [(one.participants, one.lesions) for one in irradiated.groups] == [(3, 3), (1, 1)]
    # Clopper and Pearson for 1 of 1: the lower limit is the p with p = 0.025, for 0 of 1 the upper that with 1 - p.
    assert irradiated.rows[0].values[1].low == pytest.approx(2.5)
    assert other.rows[0].values[1].high == pytest.approx(97.5)
    # For 1 of 3 the limits solve the binomial tails.
    low = irradiated.rows[0].values[0].low / 100
    assert sum(comb(3, k) * low**k * (1 - low) ** (3 - k) for k in (1, 2, 3)) == pytest.approx(0.025)


def test_toxicity_counts_participants_by_worst_grade_in_time(tables):
    """Events too late, too early or of another cause would count, or a participant twice among the grades."""
    cells = {(row.title, row.category): [value.number for value in row.values] for row in tables["toxicity"].rows}
    any_cause = [cells[("Worst grade, any cause", f"Grade {grade}")] for grade in range(1, 6)]
    assert any_cause == [[0, 0], [1, 0], [1, 0], [0, 0], [1, 0]]
    assert cells[("Worst grade, any cause", "Grade 3 or higher")] == [2, 0]
    assert cells[("Worst grade, any cause", "No event")] == [0, 1]
    assert cells[("Worst grade, radiotherapy", "Grade 2")] == [1, 0]
    assert cells[("Worst grade, radiotherapy", "Grade 1")] == [1, 0]
    assert cells[("Worst grade, radiotherapy", "No event")] == [1, 1]
    assert cells[("Worst grade, immune therapy", "Grade 3")] == [1, 0]


def test_the_tables_are_plain_data(tables):
    """A registry's writer could not take them as JSON, or a value would name a group that is not there."""
    for measure in json.loads(json.dumps(tables.as_dicts())):
        known = {group["id"] for group in measure["groups"]}
        for row in measure["rows"]:
            assert {value["group"] for value in row["values"]} == known
        assert measure["title"]
        assert measure["time_frame"]
        assert len(measure["title"]) <= 255
        assert len(measure["description"]) <= 999
        assert len(measure["population"]) <= 500
    with pytest.raises(UnknownNameError, match="There is no outcome os"):
        tables["os"]


def test_the_example_agrees_with_counts_by_other_means():
    """The tables of the example trial would differ from plain counts in its AE, PR and RS."""
    given = files.read(EXAMPLE)
    tables = outcomes.outcomes(given, "1.0", "4.0")
    irradiated = given["PR"].frame.filter(pl.col("PRCAT") == "RADIATION THERAPY")["USUBJID"].unique()
    assert [one.participants for one in tables["pfs"].groups] == [irradiated.len()]
    # One lesion is irradiated a subject, as the example's README says.
    assert tables["remission-irradiated"].groups[0].lesions == irradiated.len()
    ends = (
        given["PR"]
        .frame.filter(pl.col("PRCAT") == "RADIATION THERAPY")
        .group_by("USUBJID")
        .agg(pl.col("PRSTDTC").min(), pl.col("PRENDTC").max())
    )
    # A month alone may be any of its days: the event counts unless all of them lie outside.
    month = pl.col("AESTDTC").str.len_chars() == 7
    first = pl.when(month).then(pl.col("AESTDTC") + "-01").otherwise(pl.col("AESTDTC").str.slice(0, 10)).str.to_date()
    latest = pl.when(month).then(first.dt.month_end()).otherwise(first)
    last = pl.col("PRENDTC").str.to_date() + pl.duration(days=91)
    events = given["AE"].frame.join(ends, on="USUBJID")
    worst = (
        events.filter(latest >= pl.col("PRSTDTC").str.to_date(), first <= last)
        .group_by("USUBJID")
        .agg(pl.col("AETOXGR").cast(pl.Int64).max())
    )
    counted = [worst.filter(pl.col("AETOXGR") == grade).height for grade in range(1, 6)]
    assert [tables["toxicity"].rows[index].values[0].number for index in range(5)] == counted
