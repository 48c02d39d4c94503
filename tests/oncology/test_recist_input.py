"""What the engine makes of TU and TR as they come: texts, units, evaluators, baseline, doubtful rows."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from trialbridge.base.finding import Severity
from trialbridge.oncology import recist
from trialbridge.oncology.lesions import Result, State, millimetres, reading, roots
from trialbridge.oncology.recist_days import bounds, days_at_least, is_complete
from trialbridge.sdtm.table import study, table


def result(orres="", unit="mm", *, stresc="", stresu="mm", stat="", reasnd=""):
    """One TR record."""
    return Result(orres, unit, stresc, stresu, stat, reasnd, "2024-01-02")


@pytest.mark.parametrize(
    ("text", "unit", "mm"),
    [
        ("21", "mm", "21"),
        ("2.52", "cm", "25.2"),
        (" 7 ", "", "7"),
        ("0", "mm", "0"),
        ("-1", "mm", None),
        ("2,5", "cm", None),
        ("NaN", "mm", None),
        ("1", "in", None),
        ("1e400", "mm", None),
        ("10000", "mm", None),
        ("PRESENT", "", None),
    ],
)
def test_sizes_are_exact_millimetres(text, unit, mm):
    """A size would be rounded, or something that is no size taken for one."""
    assert millimetres(text, unit) == (None if mm is None else Decimal(mm))


def test_the_collected_text_comes_before_the_standard_one():
    """A binary fraction of TRSTRESC would be used where TRORRES has the exact text."""
    one = reading({"LDIAM": result("11.7", stresc="11.700000000000001")}, "LDIAM", None)
    assert one.mm == Decimal("11.7")


def test_a_collected_number_without_a_unit_gives_way_to_the_standard_one():
    """2.0, meant in cm, would be 2 mm although TRSTRESC says 20 mm."""
    assert reading({"LDIAM": result("2.0", "", stresc="20")}, "LDIAM", None).mm == Decimal(20)
    assert reading({"LDIAM": result("20", "", stresc="20", stresu="")}, "LDIAM", None).mm == Decimal(20)


@pytest.mark.parametrize(
    ("tests", "axis", "state", "mm"),
    [
        ({"LDIAM": result("24"), "LPERP": result("16")}, "LPERP", State.PRESENT, "16"),
        ({"DIAMETER": result("16")}, "LPERP", State.PRESENT, "16"),
        ({"LDIAM": result("24")}, "LPERP", State.MISSING, None),
        ({"LPERP": result("16")}, "LDIAM", State.MISSING, None),
        ({"LDIAM": result("0")}, "LPERP", State.ABSENT, "0"),
        ({"LDIAM": result(stat="NOT DONE", reasnd="IMAGE OBSCURED")}, "LDIAM", State.MISSING, None),
        ({"LDIAM": result("TOO SMALL TO MEASURE", stresc="5")}, "LDIAM", State.PRESENT, "5"),
        ({"LDIAM": result("<5")}, "LDIAM", State.PRESENT, "5"),
        ({"TUMSTATE": result("ABSENT", "")}, "LDIAM", State.ABSENT, "0"),
        ({"TUMSTATE": result("PRESENT", "")}, "LDIAM", State.PRESENT, None),
        ({"LDIAM": result(stat="NOT DONE"), "TUMSTATE": result("ABSENT", "")}, "LDIAM", State.ABSENT, "0"),
        ({"LNSTATE": result("NON-PATHOLOGICAL", "")}, "LPERP", State.ABSENT, "0"),
        ({"TUMSTATE": result("NE", "")}, "LDIAM", State.MISSING, None),
        ({"TUMSTATE": result("SOMETHING", "")}, "LDIAM", State.MISSING, None),
    ],
)
def test_what_a_record_says(tests, axis, state, mm):
    """A state or size would be read otherwise than its words say."""
    one = reading(tests, axis, Decimal(5))
    assert (one.state, one.mm) == (state, None if mm is None else Decimal(mm))


def test_split_and_merged_names():
    """T04.1 is a piece of T04 and T02/T03 both lesions, but only where those lesions exist."""
    known = {"T02", "T03", "T04"}
    assert roots("T04.1", known) == ("T04",)
    assert roots("T02/T03", known) == ("T02", "T03")
    assert roots("T09.1", known) == ("T09.1",)
    assert roots("T02/T09", known) == ("T02/T09",)


def test_partial_dates_say_no_more_than_they_know():
    """A missing day would be made up: from February to 6 March it is at least 6 days."""
    assert days_at_least("2014-02", "2014-03-06") == 6
    assert days_at_least("2014-01-01", "2014-02") == 31
    assert days_at_least("", "2014-02") is None
    assert bounds("2014-13-01") is None
    assert not is_complete("2014-02")
    assert is_complete("2014-02-03T10:15")


def tr_table(rows, *more):
    """TR of rows (TRLNKID, TRTESTCD, TRORRES, TRDTC, VISITNUM) and further columns."""
    schema = {"TRLNKID": pl.String, "TRTESTCD": pl.String, "TRORRES": pl.String, "TRDTC": pl.String}
    schema |= {"VISITNUM": pl.Float64} | dict.fromkeys(more, pl.String)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return table("TR", frame.with_columns(pl.lit("S1").alias("USUBJID"), pl.lit("mm").alias("TRORRESU")))


def overall(tables, version="1.1"):
    """Overall responses by evaluator and visit, and the ids of the findings but that on a baseline assumed: no DM here."""
    done = recist.assess(study(tables), version)
    rows = {(one.eval, one.visitnum): one.response for one in done.responses if one.testcd == "OVRLRESP"}
    return rows, sorted({one.id for one in done.findings} - {"TB-RECIST-012"})


def test_a_baseline_that_nothing_names_is_told():
    """Without DM the second of two screening visits would be judged as a response, and nobody would know."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "TARGET", None),
        ("T01", "LDIAM", "30", "2024-01-16", 2.0, "TARGET", None),
    ]
    tr = tr_table(rows, "TRGRPID", "TRLOBXFL")

    def said(*tables):
        return [one for one in recist.assess(study(tables), "1.1").findings if one.id == "TB-RECIST-012"]

    (alone,) = said(tr)
    assert alone.severity is Severity.WARNING
    assert alone.message.startswith(
        "The first visit is taken as baseline for 1 of 1 subjects (S1), who have neither a DM"
    )
    for day in (None, "2024-01"):  # a month does not say which visit was before
        assert said(
            tr,
            table("DM", pl.DataFrame({"USUBJID": ["S1"], "RFXSTDTC": [day]}, schema_overrides={"RFXSTDTC": pl.String})),
        )
    assert not said(tr, table("DM", pl.DataFrame({"USUBJID": ["S1"], "RFXSTDTC": ["2024-01-20"]})))
    assert not said(tr_table([(*row[:6], "Y") for row in rows[:1]] + rows[1:], "TRGRPID", "TRLOBXFL"))
    assert not said(tr_table(rows[:1], "TRGRPID", "TRLOBXFL"))


def test_without_tu_the_group_of_tr_names_the_kind():
    """TRGRPID would not stand in for a missing TU; a lesion of no known kind is told, not counted."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "TARGET"),
        ("T01", "LDIAM", "10", "2024-02-27", 2.0, "TARGET"),
        ("X01", "LDIAM", "90", "2024-02-27", 2.0, None),
    ]
    assert overall([tr_table(rows, "TRGRPID")]) == ({("", 2.0): "PR"}, ["TB-RECIST-001"])


def test_every_evaluator_is_read_alone():
    """Sizes of two evaluators would be mixed; TU without an evaluator speaks for both."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "INVESTIGATOR"),
        ("T01", "LDIAM", "10", "2024-02-27", 2.0, "INVESTIGATOR"),
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "INDEPENDENT ASSESSOR"),
        ("T01", "LDIAM", "30", "2024-02-27", 2.0, "INDEPENDENT ASSESSOR"),
    ]
    tu = pl.DataFrame({"USUBJID": ["S1"], "TULNKID": ["T01"], "TUORRES": ["TARGET"], "VISITNUM": [1.0]})
    expected = {("INVESTIGATOR", 2.0): "PR", ("INDEPENDENT ASSESSOR", 2.0): "PD"}
    assert overall([tr_table(rows, "TREVAL"), table("TU", tu)]) == (expected, [])


def test_the_baseline_flag_comes_first():
    """A flagged second screening visit would be judged as a visit on study."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "TARGET", None),
        ("T01", "LDIAM", "30", "2024-01-16", 2.0, "TARGET", "Y"),
        ("T01", "LDIAM", "30", "2024-03-12", 3.0, "TARGET", None),
    ]
    assert overall([tr_table(rows, "TRGRPID", "TRLOBXFL")]) == ({("", 3.0): "SD"}, [])


def test_a_target_lesion_found_later_is_not_counted():
    """A lesion called target at week 8 would be added to the sum and make progression of it."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "TARGET"),
        ("T01", "LDIAM", "20", "2024-02-27", 2.0, "TARGET"),
        ("T02", "LDIAM", "30", "2024-02-27", 2.0, "TARGET"),
    ]
    assert overall([tr_table(rows, "TRGRPID")]) == ({("", 2.0): "SD"}, ["TB-RECIST-006"])


def test_a_target_without_baseline_size_has_no_reference():
    """A baseline sum would be made up from the other lesions."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "TARGET"),
        ("T02", "LDIAM", None, "2024-01-02", 1.0, "TARGET"),
        ("T01", "LDIAM", "10", "2024-02-27", 2.0, "TARGET"),
        ("T02", "LDIAM", "10", "2024-02-27", 2.0, "TARGET"),
    ]
    assert overall([tr_table(rows, "TRGRPID")]) == ({("", 2.0): "NE"}, ["TB-RECIST-009"])


def test_two_sizes_at_one_visit_are_told():
    """Of two different sizes at one visit one would be taken silently."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "TARGET"),
        ("T01", "LDIAM", "10", "2024-02-27", 2.0, "TARGET"),
        ("T01", "LDIAM", "19", "2024-02-28", 2.0, "TARGET"),
    ]
    assert overall([tr_table(rows, "TRGRPID")]) == ({("", 2.0): "SD"}, ["TB-RECIST-011"])


def test_dates_outweigh_visit_numbers():
    """An unscheduled visit numbered 99 between visits 2 and 3 would be taken for the last."""
    rows = [
        ("T01", "LDIAM", "100", "2024-01-02", 1.0, "TARGET"),
        ("T01", "LDIAM", "40", "2024-02-13", 99.0, "TARGET"),
        ("T01", "LDIAM", "60", "2024-03-26", 3.0, "TARGET"),
    ]
    assert overall([tr_table(rows, "TRGRPID")]) == ({("", 99.0): "PR", ("", 3.0): "PD"}, ["TB-RECIST-003"])


def test_visits_without_number_go_by_day():
    """TR without VISITNUM would be one single visit."""
    rows = [("T01", "LDIAM", "20", "2024-01-02", None), ("T01", "LDIAM", "0", "2024-02-27", None)]
    tu = pl.DataFrame({"USUBJID": ["S1"], "TULNKID": ["T01"], "TUORRES": ["TARGET"], "TUDTC": ["2024-01-02"]})
    assert overall([tr_table(rows), table("TU", tu)]) == ({("", None): "CR"}, [])


def test_progression_has_the_first_date_of_its_visit_others_the_last():
    """The date of a response would be that of another scan of the visit."""
    rows = [
        ("T01", "LDIAM", "20", "2024-01-02", 1.0, "TARGET"),
        ("T02", "LDIAM", "20", "2024-01-03", 1.0, "TARGET"),
        ("T01", "LDIAM", "10", "2024-02-27", 2.0, "TARGET"),
        ("T02", "LDIAM", "10", "2024-02-29", 2.0, "TARGET"),
        ("T01", "LDIAM", "20", "2024-04-23", 3.0, "TARGET"),
        ("T02", "LDIAM", "20", "2024-04-25", 3.0, "TARGET"),
    ]
    done = recist.assess(study([tr_table(rows, "TRGRPID")]), "1.1")
    dates = [(one.response, one.date) for one in done.responses if one.testcd == "OVRLRESP"]
    assert dates == [("PR", "2024-02-29"), ("PD", "2024-04-23")]


def test_a_new_lesion_stays_until_it_is_said_to_be_gone():
    """A new lesion would vanish by silence, or stay although it was seen to be gone."""
    rows = [("T01", "LDIAM", "20", day, number, "TARGET") for number, day in _FOUR_VISITS]
    rows += [
        ("NEW01", "TUMSTATE", "UNEQUIVOCAL", "2024-02-27", 2.0, "NEW"),
        ("NEW01", "TUMSTATE", "ABSENT", "2024-06-18", 4.0, "NEW"),
    ]
    expected = {("", 2.0): "PD", ("", 3.0): "PD", ("", 4.0): "SD"}
    assert overall([tr_table(rows, "TRGRPID")]) == (expected, [])


_FOUR_VISITS = ((1.0, "2024-01-02"), (2.0, "2024-02-27"), (3.0, "2024-04-23"), (4.0, "2024-06-18"))


def three_visits(sizes, numbers, **dm):
    """One target lesion at visits of 2 and 20 January and 2 March."""
    days = ("2024-01-02", "2024-01-20", "2024-03-02")
    shared = {"USUBJID": "S1", "TRLNKID": "T01", "TRTESTCD": "LDIAM", "TRORRESU": "mm"}
    tr = [
        {**shared, "TRORRES": mm, "TRDTC": day, "VISITNUM": n} for mm, day, n in zip(sizes, days, numbers, strict=True)
    ]
    tu = {"USUBJID": ["S1"], "TULNKID": ["T01"], "TUSTRESC": ["TARGET"], "TULOC": ["LIVER"]}
    tables = [table("TU", pl.DataFrame(tu)), table("TR", pl.DataFrame(tr))]
    return study([*tables, table("DM", pl.DataFrame({"USUBJID": ["S1"], **dm}))])


def test_numbers_and_texts_of_the_other_type_are_read():
    """A file that gives TRORRES as Num or VISITNUM as Char would have every size not evaluable, or visits unnamed."""
    read = three_visits([30, 21.5, 18], ["1", "2", "3"], RFSTDTC=["2024-01-02"])
    overall = [one for one in recist.assess(read, "1.1").responses if one.testcd == "OVRLRESP"]
    assert [(one.visitnum, one.sum) for one in overall] == [(2.0, Decimal("21.5")), (3.0, Decimal(18))]


def test_a_whole_reference_start_counts_where_the_exposure_start_is_partial():
    """RFXSTDTC 2024-01 would hide RFSTDTC, and the second visit before treatment would count as a response."""
    read = three_visits(["30", "20", "19"], [1.0, 2.0, 3.0], RFXSTDTC=["2024-01"], RFSTDTC=["2024-01-25"])
    done = recist.assess(read, "1.1")
    assert [one.visitnum for one in done.responses if one.testcd == "OVRLRESP"] == [3.0]
    assert not done.findings
