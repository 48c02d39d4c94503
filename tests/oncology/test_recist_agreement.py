"""Computed against reported responses: what is compared, and how a disagreement is explained."""

from __future__ import annotations

import polars as pl

from trialbridge.oncology import agreement, recist
from trialbridge.sdtm.table import study, table

TR = {
    "USUBJID": ["S1"] * 4,
    "TRLNKID": ["T01", "T01", "T01", "T01"],
    "TRGRPID": ["TARGET"] * 4,
    "TRTESTCD": ["LDIAM"] * 4,
    "TRORRES": ["20", "12", "25", "12"],
    "TRDTC": ["2024-01-02", "2024-02-27", "2024-04-23", "2024-06-18"],
    "VISITNUM": [1.0, 2.0, 3.0, 4.0],
}


def rs(*rows):
    """RS of rows (RSTESTCD, RSSTRESC, VISITNUM, RSCAT)."""
    schema = {"RSTESTCD": pl.String, "RSSTRESC": pl.String, "VISITNUM": pl.Float64, "RSCAT": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return table("RS", frame.with_columns(pl.lit("S1").alias("USUBJID")))


def compared(*rows):
    """The agreement of these reported rows with the course 20, 12 (PR), 25 (PD), 12 (PR)."""
    return agreement.against(recist.assess(study([table("TR", pl.DataFrame(TR))]), "1.1"), rs(*rows))


def test_a_report_against_its_own_components_is_told():
    """The reader would not learn that the report contradicts itself: target PR reported, overall SD."""
    frame = compared(("TRGRESP", "PR", 2.0, "RECIST 1.1"), ("OVRLRESP", "SD", 2.0, "RECIST 1.1"))
    row = frame.filter(RSTESTCD="OVRLRESP", VISITNUM=2.0).row(0, named=True)
    assert (row["REPORTED"], row["COMPUTED"], row["AGREES"]) == ("SD", "PR", False)
    assert "The report contradicts itself: its own components give PR" in row["EXPLANATION"]


def test_a_differing_component_is_named():
    """The reader would not learn where the disagreement comes from."""
    frame = compared(("TRGRESP", "SD", 3.0, None), ("OVRLRESP", "SD", 3.0, None))
    row = frame.filter(RSTESTCD="OVRLRESP", VISITNUM=3.0).row(0, named=True)
    assert "sum 25.0 mm is +108.3 % over the nadir 12.0 mm of 2024-02-27" in row["EXPLANATION"]
    assert row["EXPLANATION"].endswith("TRGRESP reported SD, computed PD")


def test_rows_of_other_criteria_are_left_out():
    """An iRECIST or PCWG3 row would be compared with RECIST 1.1."""
    frame = compared(("OVRLRESP", "PR", 2.0, "RECIST 1.1"), ("OVRLRESP", "iUPD", 3.0, "iRECIST"))
    assert frame.filter(pl.col("REPORTED").is_not_null()).select("VISITNUM", "AGREES").rows() == [(2.0, True)]


def test_what_only_one_side_has_is_listed():
    """A reported visit without measurements would pass, a computed one without report vanish."""
    frame = compared(("OVRLRESP", "PR", 2.0, None), ("OVRLRESP", "PD", 9.0, None))
    rows = frame.select("VISITNUM", "REPORTED", "COMPUTED", "AGREES").rows()
    assert (9.0, "PD", None, False) in rows
    assert (3.0, None, "PD", None) in rows


def test_the_best_response_is_compared():
    """BESTRESP would be ignored: PR at visit 2, progression only later."""
    frame = compared(("BESTRESP", "SD", None, None))
    row = frame.filter(RSTESTCD="BESTRESP").row(0, named=True)
    assert (row["REPORTED"], row["COMPUTED"], row["AGREES"]) == ("SD", "PR", False)


def test_components_of_1_0_follow_its_own_table():
    """Table 2 of 2000 has no row for a non-target lesion not evaluated, Table 1 of 2009 has: NE and PR."""
    table_of = {"1.0": "RECIST 1.0", "1.1": "RECIST 1.1"}
    for version, expected in (("1.0", "NE"), ("1.1", "PR")):
        category = table_of[version]
        rows = rs(
            ("TRGRESP", "CR", 2.0, category), ("NTRGRESP", "NE", 2.0, category), ("OVRLRESP", "PR", 2.0, category)
        )
        assert agreement.components(rows, version)["COMPUTED"].to_list() == [expected]


def test_the_words_for_persisting_lesions_are_one():
    """IR/SD of RECIST 1.0 and NON-CR/NON-PD would count as a disagreement."""
    rows = {name: [*values, *values[:2]] for name, values in TR.items()}
    rows["TRLNKID"][4:] = ["NT01", "NT01"]
    rows["TRGRPID"][4:] = ["NON-TARGET", "NON-TARGET"]
    rows["TRTESTCD"][4:] = ["TUMSTATE", "TUMSTATE"]
    rows["TRORRES"][4:] = ["PRESENT", "PRESENT"]
    done = recist.assess(study([table("TR", pl.DataFrame(rows))]), "1.0")
    frame = agreement.against(done, rs(("NTRGRESP", "IR/SD", 2.0, "RECIST 1.0")))
    assert frame.filter(RSTESTCD="NTRGRESP")["AGREES"].to_list() == [True]
