"""The Re-Induction generator: the same seed gives the same bytes, and the data agree with themselves and RECIST 1.0.

The checks are polars queries and a RECIST 1.0 of their own (Therasse et al. 2000, sections 2.2, 3.1.1, 3.2 and
table 3); nothing of the generator is used to judge it but its list of discordances on demand. The engine of
`trialbridge.oncology`, written apart from both, is a third opinion.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from trialbridge.oncology import agreement, recist
from trialbridge.sdtm import files

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GENERATOR = EXAMPLES / "re_induction" / "generate.py"
sys.path.insert(0, str(EXAMPLES))

from re_induction import generate, lesions, response  # noqa: E402 - the examples are no installed package

FRACTIONS = {  # the record's schedules: PRTRT -> (fractions, Gy a fraction)
    "Stereotactic radiotherapy 3 x 8 Gy": (3, 8.0),
    "Radiotherapy 10 x 3 Gy": (10, 3.0),
    "Radiotherapy 5 x 4 Gy": (5, 4.0),
    "Stereotactic radiosurgery 1 x 20 Gy": (1, 20.0),
    "Stereotactic radiosurgery 1 x 24 Gy": (1, 24.0),
}
SHARES = {3: (0.60, 0.70), 10: (0.08, 0.16), 5: (0.09, 0.17), 1: (0.06, 0.14)}


@pytest.fixture(scope="module")
def study():
    """The cohort as committed: 40 subjects and the default seed."""
    return generate.build()


@pytest.fixture(scope="module")
def large():
    """Enough subjects to judge frequencies and to meet the rare combinations."""
    return generate.build(seed=7, subjects=700)


@pytest.fixture(params=["study", "large"])
def any_study(request):
    """Both cohorts: what must hold, holds for each."""
    return request.getfixturevalue(request.param)


def frame(of, name):
    """One dataset's rows."""
    return of[name].frame


def digest(folder: Path) -> dict[str, str]:
    """The files of a folder with the hash of their bytes."""
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in sorted(folder.iterdir())}


def test_same_seed_same_bytes(tmp_path):
    """Two runs, in processes of their own with different hash seeds, would write different files."""
    for run in ("1", "2"):
        subprocess.run(
            [sys.executable, str(GENERATOR), "-o", str(tmp_path / run), "--seed", "5", "--subjects", "6"],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": run},
        )
    first, second = digest(tmp_path / "1"), digest(tmp_path / "2")
    assert len(first) == 24
    assert first == second


def test_the_committed_result_is_what_the_generator_makes(study):
    """The example's files would have been left behind by a change of the generator."""
    committed = files.read(GENERATOR.parent / "sdtm")
    assert set(committed.tables) == set(study.tables)
    for one in study:
        kept = committed[one.name]
        assert kept.frame.equals(one.frame), one.name
        assert [(each.name, each.label) for each in kept.variables] == [
            (each.name, each.label) for each in one.variables
        ]


def test_another_seed_gives_other_subjects():
    """The seed would be ignored."""
    one, other = (generate.build(seed=seed, subjects=3) for seed in (1, 2))
    assert not frame(one, "TR").equals(frame(other, "TR"))


def test_a_subject_does_not_depend_on_the_size_of_the_cohort(study):
    """A benchmark's subject 3 would be another person than the example's."""
    small = generate.build(subjects=6)
    kept = frame(small, "DM")["USUBJID"].implode()
    for one in small:
        if "USUBJID" in one.frame.columns:
            wide = frame(study, one.name).filter(pl.col("USUBJID").is_in(kept))
            own = one.frame.filter(pl.col("USUBJID").is_not_null())
            assert own.equals(wide), one.name


def test_rows_split_into_chunks_are_the_same(monkeypatch, study):
    """Subjects at the border of a chunk would be lost or given twice."""
    monkeypatch.setattr(generate, "AT_ONCE", 7)
    chunked = generate.build()
    assert all(one.frame.equals(frame(chunked, one.name)) for one in study)


def test_forty_are_enrolled_at_three_sites(study):
    """The cohort would not be the one promised; screen failures come on top and have no arm."""
    dm = frame(study, "DM")
    enrolled = dm.filter(pl.col("ARMCD").is_not_null())
    assert enrolled.height == 40
    assert set(enrolled["SITEID"]) == {"01", "02", "03"}
    failures = dm.filter(pl.col("ARMCD").is_null())
    assert failures.height > 0
    assert set(failures["ARMNRS"]) == {"SCREEN FAILURE"}
    assert failures["RFSTDTC"].null_count() == failures.height
    assert enrolled["ARMNRS"].null_count() == enrolled.height


def test_labels_types_and_order_are_there(study):
    """A column without the guide's label, or an empty one of the wrong type, would be written."""
    assert not [(one.name, each.name) for one in study for each in one.variables if not each.label]
    assert study["AE"].variable("AELLTCD").type == "Num"
    assert [one.name for one in study["DM"].variables][:4] == ["STUDYID", "DOMAIN", "USUBJID", "SUBJID"]


def test_sequence_numbers_are_unique_and_start_at_one(any_study):
    """SUPP-- and RELREC would point at two rows, or at none."""
    for one in any_study:
        sequence = f"{one.name}SEQ"
        if sequence in one.frame.columns and "USUBJID" in one.frame.columns:
            per = one.frame.group_by("USUBJID").agg(
                pl.col(sequence).n_unique().alias("distinct"), pl.len(), pl.col(sequence).max().alias("last")
            )
            assert per.filter((pl.col("distinct") != pl.col("len")) | (pl.col("last") != pl.col("len"))).is_empty()


def test_supplemental_qualifiers_have_their_rows(any_study):
    """A qualifier would hang in the air."""
    for name in ("AE", "DM", "PR", "TU"):
        supplement = frame(any_study, f"SUPP{name}")
        keys = ["USUBJID"]
        if name != "DM":
            assert set(supplement["IDVAR"]) == {f"{name}SEQ"}
            supplement = supplement.with_columns(pl.col("IDVARVAL").cast(pl.Float64).alias(f"{name}SEQ"))
            keys.append(f"{name}SEQ")
        assert supplement.join(frame(any_study, name), on=keys, how="anti").is_empty()
        assert not supplement.select(*keys, "QNAM").is_duplicated().any()


def test_related_records_are_there(any_study):
    """A relation would name a variable, row or dataset that does not exist."""
    relations = frame(any_study, "RELREC")
    for row in relations.iter_rows(named=True):
        target = frame(any_study, row["RDOMAIN"])
        assert row["IDVAR"] in target.columns
        assert target[row["IDVAR"]].null_count() < target.height
    single = relations.filter(pl.col("IDVARVAL").is_not_null()).with_columns(pl.col("IDVARVAL").cast(pl.Float64))
    assert single.height > 0
    for name in ("AE", "CM"):
        its = single.filter(pl.col("RDOMAIN") == name)
        found = its.join(frame(any_study, name), left_on=["USUBJID", "IDVARVAL"], right_on=["USUBJID", f"{name}SEQ"])
        assert found.height == its.height


def test_lesion_links_resolve(any_study):
    """A measurement, response or course of radiotherapy would be of a lesion nobody identified."""
    tumours = frame(any_study, "TU")
    assert not tumours.select("USUBJID", "TULNKID").is_duplicated().any()
    for name in ("TR", "RS", "PR"):
        linked = frame(any_study, name).filter(pl.col(f"{name}LNKID").is_not_null())
        assert linked.height > 0
        pairs = linked.join(tumours, left_on=["USUBJID", f"{name}LNKID"], right_on=["USUBJID", "TULNKID"], how="anti")
        assert pairs.is_empty(), name
    groups = frame(any_study, "TR").select("USUBJID", "TRLNKGRP").unique()
    responses = frame(any_study, "RS").filter(pl.col("RSLNKGRP").is_not_null())
    assert responses.join(
        groups, left_on=["USUBJID", "RSLNKGRP"], right_on=["USUBJID", "TRLNKGRP"], how="anti"
    ).is_empty()


def test_three_to_seven_lesions_of_which_one_is_irradiated(any_study):
    """The trial's design would be broken, or RECIST 1.0's limits: 10 targets, 5 an organ, one at least."""
    tumours = frame(any_study, "TU").filter(pl.col("VISITNUM") == 1)
    counts = tumours.group_by("USUBJID", "TUEVAL").agg(
        pl.len(), (pl.col("TUSTRESC") == "TARGET").sum().alias("targets")
    )
    assert counts["len"].min() >= 3
    assert counts["len"].max() <= 7
    assert counts["targets"].min() >= 1
    lungs = tumours.filter(pl.col("TUSTRESC") == "TARGET", pl.col("TULOC").str.starts_with("LUNG"))
    assert lungs.group_by("USUBJID", "TUEVAL").len()["len"].max() <= 5
    flags = frame(any_study, "SUPPTU").with_columns(pl.col("IDVARVAL").cast(pl.Float64).alias("TUSEQ"))
    irradiated = flags.filter(pl.col("QNAM") == "TUIRRST", pl.col("QVAL") == "Y").join(
        tumours.drop("STUDYID"), on=["USUBJID", "TUSEQ"]
    )
    assert irradiated.height == counts.height
    courses = frame(any_study, "PR").filter(pl.col("PRCAT") == "RADIATION THERAPY")
    matched = courses.join(irradiated.drop("STUDYID"), left_on=["USUBJID", "PRLNKID"], right_on=["USUBJID", "TULNKID"])
    assert matched.height == courses.height == courses["USUBJID"].n_unique()
    assert matched.filter(pl.col("PRLOC") != pl.col("TULOC")).is_empty()


def test_targets_are_measurable_at_baseline(any_study):
    """A target below 10 mm on spiral CT would be held measurable (RECIST 1.0, section 2.2)."""
    lengths = frame(any_study, "TR").filter(pl.col("TRTESTCD") == "LDIAM", pl.col("VISITNUM") == 1)
    assert lengths["TRSTRESN"].null_count() == 0
    assert lengths["TRSTRESN"].min() >= 10


def test_dose_fractions_and_dates_agree(any_study):
    """A course's total dose, number of fractions and days would contradict each other."""
    courses = frame(any_study, "PR").filter(pl.col("PRCAT") == "RADIATION THERAPY")
    facts = frame(any_study, "SUPPPR").pivot(on="QNAM", index=["USUBJID", "IDVARVAL"], values="QVAL")
    joined = courses.with_columns(pl.col("PRSEQ").cast(pl.Int64).cast(pl.String).alias("IDVARVAL")).join(
        facts, on=["USUBJID", "IDVARVAL"]
    )
    assert joined.height == courses.height
    short = 0
    for row in joined.iter_rows(named=True):
        planned, dose = FRACTIONS[row["PRTRT"]]
        given = int(row["PRFRACN"])
        assert float(row["PRFRACD"]) == dose
        assert row["PRDOSE"] == given * dose
        assert planned - 1 <= given <= planned
        assert (row["PRSTDTC"] == row["PRENDTC"]) == (given == 1)
        assert all(date.fromisoformat(row[each]).weekday() < 5 for each in ("PRSTDTC", "PRENDTC"))
        short += given < planned
    assert short < courses.height * 0.1


def test_shares_of_the_schedules(large):
    """24 Gy in 3 fractions would not be the preferred schedule, or another allowed one be missing."""
    courses = frame(large, "PR").filter(pl.col("PRCAT") == "RADIATION THERAPY")["PRTRT"].to_list()
    for fractions, (low, high) in SHARES.items():
        share = sum(FRACTIONS[each][0] == fractions for each in courses) / len(courses)
        assert low < share < high, fractions


def test_reference_dates(any_study):
    """RFSTDTC would not be the first fraction, or RFXSTDTC and RFXENDTC not the first and last exposure."""
    dm = frame(any_study, "DM").filter(pl.col("ARMCD").is_not_null())
    first = (
        frame(any_study, "PR").filter(pl.col("PRCAT") == "RADIATION THERAPY").select("USUBJID", "PRSTDTC", "PRENDTC")
    )
    taken = frame(any_study, "EX").group_by("USUBJID").agg(pl.col("EXSTDTC").min(), pl.col("EXENDTC").max())
    joined = dm.join(first, on="USUBJID").join(taken, on="USUBJID")
    assert joined.height == dm.height
    wrong = (
        (pl.col("RFSTDTC") != pl.col("PRSTDTC"))
        | (pl.col("RFXSTDTC") != pl.col("EXSTDTC"))
        | (pl.col("RFXENDTC") != pl.col("EXENDTC"))
        | (pl.col("RFENDTC") != pl.max_horizontal("EXENDTC", "PRENDTC"))
        | (pl.col("RFICDTC") >= pl.col("RFSTDTC"))
        | (pl.col("RFENDTC") > pl.col("RFPENDTC"))
    )
    assert joined.filter(wrong).is_empty()


def test_nothing_ends_before_it_starts_or_after_the_participation(any_study):
    """A period would run backwards, or something be collected from a subject who has left."""
    last = frame(any_study, "DM").select("USUBJID", "RFPENDTC")
    for name in ("AE", "CM", "EX", "PR", "SE", "SV", "MH"):
        rows = frame(any_study, name).join(last, on="USUBJID")
        start, end = pl.col(f"{name}STDTC"), pl.col(f"{name}ENDTC")
        size = pl.min_horizontal(start.str.len_chars(), end.str.len_chars()).clip(upper_bound=10)
        assert rows.filter(start.str.head(size) > end.str.head(size)).is_empty(), name
        assert rows.filter(
            (start.str.head(10) > pl.col("RFPENDTC")) | (end.str.head(10) > pl.col("RFPENDTC"))
        ).is_empty()
    for name in ("TU", "TR", "RS", "VS", "LB", "DS"):
        rows = frame(any_study, name).join(last, on="USUBJID")
        assert rows.filter(pl.col(f"{name}DTC").str.head(10) > pl.col("RFPENDTC")).is_empty(), name


def test_study_days(any_study):
    """--DY would have a day 0, or count from another day than RFSTDTC (SDTMIG 3.4, 4.4.4)."""
    starts = dict(frame(any_study, "DM").select("USUBJID", "RFSTDTC").iter_rows())
    for name, day, of in (
        ("TR", "TRDY", "TRDTC"),
        ("AE", "AESTDY", "AESTDTC"),
        ("CM", "CMENDY", "CMENDTC"),
        ("DM", "DMDY", "DMDTC"),
    ):
        checked = 0
        for subject, text, found in frame(any_study, name).select("USUBJID", of, day).iter_rows():
            start = starts[subject]
            if start is None or text is None or len(text) < 10:
                assert found is None
                continue
            apart = (date.fromisoformat(text[:10]) - date.fromisoformat(start)).days
            assert found == (apart + 1 if apart >= 0 else apart)
            checked += 1
        assert checked > 0


def test_partial_dates_occur(study):
    """The example would not show what real dates look like."""
    assert {7, 10} <= set(frame(study, "AE")["AESTDTC"].str.len_chars())
    assert {4, 7, 10} <= set(frame(study, "MH")["MHSTDTC"].str.len_chars())
    assert 16 in set(frame(study, "LB")["LBDTC"].drop_nulls().str.len_chars())


def test_elements_and_epochs_agree(any_study):
    """An event's EPOCH would not be that of the element in which it starts; elements would leave gaps."""
    elements = frame(any_study, "SE").sort("USUBJID", "SESEQ")
    periods: dict[str, list[tuple[str, str, str]]] = {}
    for subject, epoch, start, end in elements.select("USUBJID", "EPOCH", "SESTDTC", "SEENDTC").iter_rows():
        periods.setdefault(subject, []).append((epoch, start, end))
    assert all(before[2] == after[1] for its in periods.values() for before, after in pairwise(its))
    rows = frame(any_study, "AE").select("USUBJID", "AESTDTC", "EPOCH")
    for subject, text, epoch in rows.iter_rows():
        matching = {name for name, start, _ in periods[subject] if start[: len(text[:10])] <= text[:10]}
        latest = [name for name, *_ in periods[subject] if name in matching][-1]
        assert epoch == latest


def test_visits_are_those_planned(any_study):
    """A planned visit would not be in TV, an unplanned one have a planned day, a name two numbers."""
    planned = frame(any_study, "TV").select("VISITNUM", "VISIT", "VISITDY")
    visits = frame(any_study, "SV")
    assert (
        visits.filter(pl.col("SVPRESP") == "Y")
        .join(planned, on=["VISITNUM", "VISIT", "VISITDY"], how="anti")
        .is_empty()
    )
    assert visits.filter(pl.col("SVPRESP").is_null(), pl.col("VISITDY").is_not_null()).is_empty()
    assert not visits.select("USUBJID", "VISITNUM").is_duplicated().any()
    assert visits.filter(pl.col("SVOCCUR") == "N")["SVREASOC"].null_count() == 0
    for name in ("TR", "RS", "VS", "LB", "TU", "PR"):
        rows = frame(any_study, name).filter(pl.col("VISITNUM").is_not_null())
        assert rows.join(visits, on=["USUBJID", "VISITNUM"], how="anti").is_empty(), name


def test_a_scan_is_made_every_six_weeks(any_study):
    """CT would not follow the plan: day 43, 85, 127, 169, each within a week."""
    rows = frame(any_study, "TR").filter(pl.col("VISITNUM") > 1, pl.col("TRDY").is_not_null())
    planned = (pl.col("VISITNUM") - 2) * 42 + 1
    assert rows.filter((pl.col("TRDY") - planned).abs() > 7).is_empty()
    assert set(rows["VISITNUM"]) == {3.0, 4.0, 5.0, 6.0}


def test_what_was_not_done_says_why(any_study):
    """A row would have neither a result nor a reason, or both."""
    for name in ("TR", "RS", "LB"):
        rows = frame(any_study, name)
        missing = pl.col(f"{name}ORRES").is_null()
        assert rows.filter(missing & (pl.col(f"{name}STAT").is_null() | pl.col(f"{name}REASND").is_null())).is_empty()
        assert rows.filter(~missing & pl.col(f"{name}STAT").is_not_null()).is_empty()
    reasons = set(frame(any_study, "TR")["TRREASND"].drop_nulls())
    assert "SCAN NOT PERFORMED" in reasons
    assert len(reasons) > 2


def test_deaths_agree_everywhere(any_study):
    """DM, DS and AE would tell different stories of who died, and when."""
    deaths = frame(any_study, "DM").filter(pl.col("DTHFL") == "Y").select("USUBJID", "DTHDTC").sort("USUBJID")
    assert deaths.height > 0
    disposed = (
        frame(any_study, "DS").filter(pl.col("DSDECOD") == "DEATH").select("USUBJID", pl.col("DSSTDTC").alias("DTHDTC"))
    )
    fatal = frame(any_study, "AE").filter(pl.col("AEOUT") == "FATAL")
    assert deaths.equals(disposed.sort("USUBJID"))
    assert deaths.equals(fatal.select("USUBJID", pl.col("AEENDTC").alias("DTHDTC")).sort("USUBJID"))
    assert set(fatal["AETOXGR"]) == {"5"}
    assert set(fatal["AESDTH"]) == {"Y"}
    assert frame(any_study, "AE").filter(pl.col("AETOXGR") == "5").height == fatal.height


def test_seriousness_and_outcome_agree(any_study):
    """A serious event would meet no criterion, another one do so, or an event that goes on have an end."""
    events = frame(any_study, "AE")
    flags = [f"AES{each}" for each in ("CONG", "DISAB", "DTH", "HOSP", "LIFE", "MIE")]
    met = pl.any_horizontal(pl.col(each).eq_missing(pl.lit("Y")) for each in flags)
    assert events.filter((pl.col("AESER") == "N") & met).is_empty()
    without = events.filter((pl.col("AESER") == "Y") & ~met)
    assert (
        without.height <= events.height * 0.01
    )  # grade 4 and none of the two criteria drawn: judged otherwise important
    ended = pl.col("AEOUT").str.starts_with("RECOVERED") | (pl.col("AEOUT") == "FATAL")
    assert events.filter(ended != pl.col("AEENDTC").is_not_null()).is_empty()
    assert set(events["AETOXGR"]) == {"1", "2", "3", "4", "5"}


def test_each_subject_has_one_end_of_participation(any_study):
    """A subject would leave twice or never."""
    ends = frame(any_study, "DS").filter(pl.col("DSSCAT") == "STUDY PARTICIPATION")
    people = frame(any_study, "DM").select("USUBJID", pl.col("RFPENDTC").alias("DSSTDTC"))
    assert ends.select("USUBJID", "DSSTDTC").sort("USUBJID").equals(people.sort("USUBJID"))
    reasons = set(ends["DSDECOD"])
    assert {"COMPLETED", "PROGRESSIVE DISEASE", "DEATH", "WITHDRAWAL BY SUBJECT", "SCREEN FAILURE"} <= reasons


def test_an_interruption_shows_in_the_exposure(large):
    """AEACN would say that the immune therapy stopped while EX goes on."""
    stopped = frame(large, "AE").filter(pl.col("AEACN") == "DRUG WITHDRAWN", pl.col("AESTDTC").str.len_chars() >= 10)
    later = stopped.join(frame(large, "EX"), on="USUBJID").filter(pl.col("EXENDTC") > pl.col("AESTDTC").str.head(10))
    assert stopped.height > 0
    assert later.is_empty()
    doses = {
        "PEMBROLIZUMAB": (200.0, 21),
        "NIVOLUMAB": (240.0, 14),
        "ATEZOLIZUMAB": (1200.0, 21),
        "DURVALUMAB": (1500.0, 28),
    }
    for drug, dose, start, end in frame(large, "EX").select("EXTRT", "EXDOSE", "EXSTDTC", "EXENDTC").iter_rows():
        assert dose == doses[drug][0]
        assert (date.fromisoformat(end) - date.fromisoformat(start)) % timedelta(days=doses[drug][1]) == timedelta(0)


# RECIST 1.0, written anew from the paper: sums as floats with a tolerance, history as plain lists.


def judged(total, measured, history):
    """The target response from this visit's sum, the sum of what was read, and the complete sums so far."""
    baseline, nadir = history[0], min(history)
    if total is None:
        return "PD" if measured > nadir and measured >= 1.2 * nadir - 1e-9 else "NE"
    if total == 0:
        return "CR"
    if total > nadir and total >= 1.2 * nadir - 1e-9:
        return "PD"
    return "PR" if total <= 0.7 * baseline + 1e-9 else "SD"


def combined(target, non_target, new):
    """Table 3 of the paper, which has no row for what was not evaluated: not evaluable then, save for progression."""
    if new or "PD" in (target, non_target):
        return "PD"
    if "NE" in (target, non_target):
        return "NE"
    if target == "CR" and non_target not in ("CR", None):
        return "PR"
    return target or non_target


def rows_of(of):
    """(subject, evaluator) -> VISITNUM -> the TR rows, then the RS rows of that visit."""
    found: dict = {}
    for name, evaluator in (("TR", "TREVAL"), ("RS", "RSEVAL")):
        for row in frame(of, name).filter(pl.col(evaluator).is_not_null()).iter_rows(named=True):
            visits = found.setdefault((row["USUBJID"], row[evaluator]), {})
            visits.setdefault(row["VISITNUM"], {"TR": [], "RS": []})[name].append(row)
    return found


def test_responses_follow_from_the_measurements(any_study):
    """Sums and responses would not be those RECIST 1.0 gives."""
    discordant, compared = set(), 0
    for (subject, evaluator), visits in rows_of(any_study).items():
        history: list[float] = []
        for number, rows in sorted(visits.items()):
            lengths = [row["TRSTRESN"] for row in rows["TR"] if row["TRTESTCD"] == "LDIAM"]
            states = [row["TRSTRESC"] for row in rows["TR"] if row["TRGRPID"] == "NON-TARGET"]
            stated = next(row["TRSTRESN"] for row in rows["TR"] if row["TRTESTCD"] == "SUMLDIAM")
            total = None if None in lengths else sum(lengths)
            assert (total is None) == (stated is None)
            assert total is None or abs(total - stated) < 1e-6
            given = {row["RSTESTCD"]: row["RSSTRESC"] for row in rows["RS"] if row["RSSCAT"] is None}
            if number > 1 and given.get("OVRLRESP"):
                target = judged(total, sum(each or 0 for each in lengths), history)
                assert given["TRGRESP"] == target, (subject, evaluator, number)
                assert given.get("NTRGRESP") == of_states(states), (subject, evaluator, number)
                if given["OVRLRESP"] != combined(target, of_states(states), "NEWLPROG" in given):
                    discordant.add((int(subject[-4:]), int(number), evaluator))
                compared += 1
            if total is not None:
                history.append(total)
    assert compared > 100
    assert discordant == set()


@pytest.mark.parametrize("intended", [False, True])
def test_the_engine_finds_the_intended_discordances_and_no_other(study, intended):
    """The example would report a response, intended discordances apart, that its own measurements do not show."""
    study = generate.build(discordant=True) if intended else study
    compared = agreement.against(recist.assess(study, "1.0"), study["RS"])
    found = compared.filter(~pl.col("AGREES"))
    assert compared.height > 400
    assert {
        (int(row["USUBJID"][-4:]), int(row["VISITNUM"]), row["RSTESTCD"], row["REPORTED"])
        for row in found.iter_rows(named=True)
    } == {(*key, "OVRLRESP", stated) for key, stated in lesions.DISCORDANT.items() if intended}


def of_states(states):
    """The non-target response from the states of those lesions; None where there are none."""
    if not states:
        return None
    if "UNEQUIVOCAL" in states:
        return "PD"
    if None in states:
        return "NE"
    return "CR" if set(states) == {"ABSENT"} else "NON-CR/NON-PD"


def test_new_lesions_are_progression(any_study):
    """A new lesion would be identified without the visit being called progressive by that evaluator."""
    new = (
        frame(any_study, "TU")
        .filter(pl.col("TUSTRESC") == "NEW")
        .select("USUBJID", "VISITNUM", pl.col("TUEVAL").alias("RSEVAL"))
    )
    overall = frame(any_study, "RS").filter(pl.col("RSTESTCD") == "OVRLRESP")
    joined = new.unique().join(overall, on=["USUBJID", "VISITNUM", "RSEVAL"])
    assert joined.height == new.unique().height > 0
    assert set(joined["RSSTRESC"]) == {"PD"}


@pytest.mark.parametrize(
    ("total", "measured", "baseline", "nadir", "expected"),
    [
        (700, 700, 1000, 1000, "PR"),  # exactly 30 % less
        (701, 701, 1000, 1000, "SD"),
        (840, 840, 1000, 700, "PD"),  # exactly 20 % over the nadir, though 16 % below baseline
        (839, 839, 1000, 700, "SD"),
        (60, 60, 100, 50, "PD"),  # 1 mm more: RECIST 1.1 would ask for 5 mm, 1.0 does not
        (0, 0, 1000, 300, "CR"),
        (50, 50, 1000, 0, "PD"),  # back after a complete response
        (None, 300, 1000, 700, "NE"),
        (None, 840, 1000, 700, "PD"),  # the lesions read suffice
    ],
)
def test_target_response(total, measured, baseline, nadir, expected):
    """A limit of RECIST 1.0 would be drawn at the wrong side."""
    assert response.targets(total=total, measured=measured, baseline=baseline, nadir=nadir) == expected


@pytest.mark.parametrize(
    ("target", "non_target", "new", "expected"),
    [
        ("CR", "CR", False, "CR"),
        ("CR", None, False, "CR"),
        ("CR", "NON-CR/NON-PD", False, "PR"),
        ("PR", "NON-CR/NON-PD", False, "PR"),
        ("SD", "NON-CR/NON-PD", False, "SD"),
        ("PD", "CR", False, "PD"),
        ("PR", "PD", False, "PD"),
        ("CR", "CR", True, "PD"),
        ("NE", "NON-CR/NON-PD", False, "NE"),
        ("CR", "NE", False, "NE"),  # the table has no row for it
    ],
)
def test_overall_response(target, non_target, new, expected):
    """A row of the paper's table 3 would be read wrongly."""
    assert response.overall(target, non_target, new=new) == expected


def test_fhir_is_written_too(tmp_path):
    """The example's FHIR could not be made from its command."""
    assert generate.main(["-o", str(tmp_path / "sdtm"), "--subjects", "2", "--fhir", str(tmp_path / "fhir")]) == 0
    patients = (tmp_path / "fhir" / "Patient.ndjson").read_text(encoding="utf-8").splitlines()
    subjects = pl.read_ndjson(tmp_path / "fhir" / "ResearchSubject.ndjson").height
    assert len(patients) == subjects >= 2


def test_the_committed_fhir_is_what_the_generator_makes(tmp_path):
    """A reader of the repository would look at FHIR that the converter no longer writes (mend: make example)."""
    generate.write_fhir(generate.build(subjects=3), tmp_path)
    committed = EXAMPLES / "re_induction" / "fhir"
    names = sorted(one.name for one in committed.iterdir())
    assert names == sorted(one.name for one in tmp_path.iterdir())
    for name in names:
        assert (committed / name).read_bytes() == (tmp_path / name).read_bytes(), name
