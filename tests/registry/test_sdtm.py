"""A record to SDTM's trial design and back. Codes: CDISC's TS codetable and terminology 2025-03-28; rules: SDTMIG 3.4 section 7."""

from __future__ import annotations

import json

import polars as pl
import pytest

from trialbridge.base.errors import UnreadableInputError
from trialbridge.converters.registry import fhir as registry_fhir
from trialbridge.converters.registry import sdtm as registry_sdtm
from trialbridge.converters.registry.ts import CODELISTS, split
from trialbridge.converters.study import to_fhir
from trialbridge.mappings import registry_ts, registry_ts_derived
from trialbridge.mappings.registry_countries import alpha3, name_of
from trialbridge.registry.enums import enumeration
from trialbridge.registry.record import Record
from trialbridge.sdtm import terminology
from trialbridge.sdtm.table import table
from trialbridge.study_file.load import load

STUDY_FILE = """
study: {id: ST1}
visits:
  planned:
    - {number: 2, name: RADIOTHERAPY, day: 1, start: First fraction}
    - {number: 1, name: SCREENING, day: -14, start: Consent}
design:
  criteria_version: "2"
  elements:
    - {code: SCRN, name: Screening, start: Consent, end: First fraction}
    - {code: RT, name: Radiotherapy, start: First fraction, duration: P2W}
  arms:
    - arm: Radiotherapy
      code: RT
      path: [{element: SCRN, epoch: SCREENING}, {element: RT, epoch: TREATMENT}]
  parameters:
    ADAPT: "N"
    LENGTH: {value: P26W, dictionary: ISO 8601}
    PCLAS: {null_flavor: NA}
    TTYPE: [EFFICACY, SAFETY]
    SPONSOR: Another sponsor
"""


@pytest.fixture
def plan(tmp_path):
    """A study file with a design."""
    path = tmp_path / "study.yaml"
    path.write_text(STUDY_FILE)
    return load(path)


def written(content, plan=None):
    """The tables of a record."""
    design, visits = (plan.design, plan.visits) if plan else (None, None)
    return registry_sdtm.to_tables(Record(content), design, visits, studyid=plan.study.id if plan else "")


def parameters(done):
    """TSPARMCD -> the rows' (TSVAL or TSVALNF, TSVALCD, TSVCDREF)."""
    found = {}
    for row in done.study["TS"].rows():
        said = (row.get("TSVAL") or row.get("TSVALNF"), row["TSVALCD"], row["TSVCDREF"])
        found.setdefault(row["TSPARMCD"], []).append(said)
    return found


def test_ts_of_the_driving_trial(driving):
    """If it failed, the regulator would be told another trial than the registry. Worked out by hand from the record."""
    found = parameters(written(driving))
    assert found == {
        "AGEMAX": [("PINF", None, None)],
        "AGEMIN": [("P18Y", None, "ISO 8601")],
        "CMSPSTAT": [("NON-COMMERCIAL", "C187709", "CDISC CT")],
        "COMPTRT": [("NA", None, None)],
        "FCNTRY": [("NLD", None, "ISO 3166-1 alpha-3")],
        "FDADEIND": [("N", "C49487", "CDISC CT")],
        "FDADRIND": [("N", "C49487", "CDISC CT")],
        "HLTSUBJI": [("N", "C49487", "CDISC CT")],
        "INDIC": [("Non-Small Cell Carcinoma of Lung, TNM Stage 4", None, None)],
        "INTMODEL": [("SINGLE GROUP", "C82640", "CDISC CT")],
        "INTTYPE": [("RADIATION", "C15313", "CDISC CT")],
        "KEYWORD": [
            ("non small cell lung cancer", None, None),
            ("immune therapy", None, None),
            ("radiotherapy", None, None),
        ],
        "NARMS": [("1", None, None)],
        "ONGOSIND": [("Y", "C49488", "CDISC CT")],
        "OUTMSPRI": [("Progression free survival, 3 months after end of radiotherapy", None, None)],
        "OUTMSSEC": [
            ("Remission rate irradiated lesion, 3 months after end of radiotherapy", None, None),
            ("Remission rate non-irradiated lesion(s), 3 months after end of radiotherapy", None, None),
            ("Toxicity, 3 months after end of radiotherapy", None, None),
        ],
        "PLANSUB": [("40", None, None)],
        "RANDOM": [("N", "C49487", "CDISC CT")],
        "RANDQT": [("1", None, None)],
        "REGID": [("NCT03406468", "NCT03406468", "ClinicalTrials.gov")],
        "SDTIGVER": [("3.4", None, None)],
        "SDTMVER": [("2.0", None, None)],
        "SEXPOP": [("BOTH", "C49636", "CDISC CT")],
        "SPONSOR": [("Maastricht Radiation Oncology", None, None)],
        "SPREFID": [("Re-Induction", None, None)],
        "SSTDTC": [("2019-07-15", None, "ISO 8601")],
        "STYPE": [("INTERVENTIONAL", "C98388", "CDISC CT")],
        "TBLIND": [("OPEN LABEL", "C49659", "CDISC CT")],
        "TCNTRL": [("NONE", "C41132", "CDISC CT")],
        "TINDTP": [("TREATMENT", "C49656", "CDISC CT")],
        "TITLE": [(driving["protocolSection"]["identificationModule"]["officialTitle"], None, None)],
        "TPHASE": [("PHASE II TRIAL", "C15601", "CDISC CT")],
        "TRT": [("Radiotherapy", None, None)],
    }


def test_what_is_missing_is_said_and_not_made_up(driving):
    """If it failed, a planned date, a length or an objective that nobody stated would reach the regulator."""
    done = written(driving)
    missing = {one.where.variable for one in done.findings if one.id == "TB-REG-TS-MISSING"}
    assert {"LENGTH", "OBJPRIM", "STOPRULE", "TTYPE", "SENDTC", "ACTSUB", "CURTRT"} <= missing
    assert not missing & set(parameters(done))
    assert {one.where.dataset for one in done.findings if one.id == "TB-REG-DESIGN-MISSING"} == {"TA", "TE", "TV"}
    assert list(done.study.tables) == ["TI", "TS"]


def test_the_study_file_gives_what_the_record_does_not(driving, plan):
    """If it failed, elements, visits and parameters of the protocol could not be given, or would be given wrongly."""
    done = written(driving, plan)
    tables = done.study.tables
    assert set(tables["TS"].frame["STUDYID"]) == {"ST1"}
    assert tables["TA"].frame.select("ARMCD", "ARM", "TAETORD", "ETCD", "ELEMENT", "EPOCH").rows() == [
        ("RT", "Radiotherapy", 1.0, "SCRN", "Screening", "SCREENING"),
        ("RT", "Radiotherapy", 2.0, "RT", "Radiotherapy", "TREATMENT"),
    ]
    assert tables["TE"].frame.select("ETCD", "TESTRL", "TEENRL", "TEDUR").rows() == [
        ("RT", "First fraction", None, "P2W"),
        ("SCRN", "Consent", "First fraction", None),
    ]
    assert tables["TV"].frame.select("VISITNUM", "VISIT", "VISITDY", "TVSTRL").rows() == [
        (1.0, "SCREENING", -14.0, "Consent"),
        (2.0, "RADIOTHERAPY", 1.0, "First fraction"),
    ]
    assert set(tables["TI"].frame["TIVERS"]) == {"2"}
    found = parameters(done)
    assert found["ADAPT"] == [("N", "C49487", "CDISC CT")]
    assert found["TTYPE"] == [("EFFICACY", "C49666", "CDISC CT"), ("SAFETY", "C49667", "CDISC CT")]
    assert (found["PCLAS"], found["LENGTH"]) == ([("NA", None, None)], [("P26W", None, "ISO 8601")])
    assert found["SPONSOR"] == [("Another sponsor", None, None)]
    assert [one.where.variable for one in done.findings if one.id == "TB-REG-TS-DIFFERS"] == ["SPONSOR"]
    assert not any(one.id == "TB-REG-DESIGN-MISSING" for one in done.findings)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("arms:\n    - {arm: A, code: A, path: [{element: NONE, epoch: X}]}", "elements that are not listed: NONE"),
        ("elements:\n    - {code: A, name: A, start: x}", "an end or a duration"),
        ("parameters: {ADAPT: {code: C1}}", "either a value or a null_flavor"),
        ("parameters: {adapt: 'N'}", "String should match pattern"),
    ],
)
def test_a_wrong_design_is_refused_with_its_line(wrong, said, tmp_path):
    """If it failed, a mistake in the study file would show up as a wrong dataset."""
    path = tmp_path / "study.yaml"
    path.write_text(f"study: {{id: S}}\ndesign:\n  {wrong}\n")
    with pytest.raises(UnreadableInputError, match=said):
        load(path)


@pytest.mark.parametrize("name", ["driving", "large", "made_up"])
@pytest.mark.parametrize("with_plan", [False, True])
def test_tables_and_rest_are_the_record(name, with_plan, plan, request):
    """If it failed, a record would not come back from its datasets."""
    content = request.getfixturevalue(name)
    done = written(content, plan if with_plan else None)
    record, findings = registry_sdtm.to_record(done.study, done.rest)
    same = json.dumps(content, default=str, sort_keys=True)
    assert json.dumps(record.content, default=str, sort_keys=True) == same
    if not with_plan:
        assert not findings
        return
    assert {one.id for one in findings} == {"TB-REG-LOST"}  # what the study file alone gave
    assert {"TA", "TE", "TV", "TS"} == {one.where.dataset for one in findings}
    lost = {one.where.variable for one in findings if one.where.dataset == "TS"}
    assert set(plan.design.parameters) >= lost
    assert "ADAPT" in lost


def test_the_datasets_alone_say_much_of_the_record(driving):
    """If it failed, a registration could not be begun from a sponsor's trial design datasets."""
    record, _ = registry_sdtm.to_record(written(driving).study)
    assert (record.nct_id, record.phases, record.study_type) == ("NCT03406468", ("PHASE2",), "INTERVENTIONAL")
    assert record.eligibility.criteria == driving["protocolSection"]["eligibilityModule"]["eligibilityCriteria"]
    assert (record.eligibility.sex, record.eligibility.minimum_age, record.eligibility.maximum_age) == (
        "ALL",
        "18 Years",
        "",
    )
    assert (record.enrollment.count, record.enrollment.type) == (40, "ESTIMATED")
    assert (record.start.date, record.start.type) == ("2019-07-15", "ACTUAL")
    assert record.lead_sponsor.name == "Maastricht Radiation Oncology"
    assert [one.country for one in record.locations] == ["Netherlands"]


def test_what_no_record_holds_is_said(driving):
    """If it failed, parameters, criteria, elements and visits of a sponsor's tables would vanish without a word."""
    done = written(driving)
    ts, ti = done.study["TS"].frame, done.study["TI"].frame
    odd = ts.head(2).with_columns(TSPARMCD=pl.Series(["ADAPT", "SPONSOR"]), TSVAL=pl.Series(["N", "A second sponsor"]))
    tables = [
        table("TS", pl.concat([ts, odd])),
        table("TI", ti),
        table("TE", pl.DataFrame({"ETCD": ["SCRN"], "ELEMENT": ["Screening"]})),
    ]
    _, findings = registry_sdtm.to_record(done.study.with_tables(tables))
    found = {(one.where.dataset, one.where.variable) for one in findings if one.id == "TB-REG-LOST"}
    assert {("TS", "ADAPT"), ("TS", "SPONSOR"), ("TE", None)} <= found
    assert not {("TS", "SSTDTC"), ("TS", "INDIC"), ("TI", None)} & found


@pytest.mark.parametrize("odd", [["Netherlands"], {"name": "Netherlands"}, 7, None])
def test_a_country_or_type_of_another_shape_is_no_failure(odd, driving, changed):
    """If it failed, one wrong value in the record would end in a fault instead of trial design datasets."""
    content = changed(
        driving,
        {
            "protocolSection.contactsLocationsModule.locations[0].country": odd,
            "protocolSection.armsInterventionsModule.interventions[0].type": odd,
        },
    )
    done = written(content)
    record, _ = registry_sdtm.to_record(done.study, done.rest)
    assert json.dumps(record.content, sort_keys=True) == json.dumps(content, sort_keys=True)


def test_an_edit_in_the_datasets_wins(driving):
    """If it failed, what a sponsor corrected in TS would be undone by the rest beside it."""
    done = written(driving)
    frame = done.study["TS"].frame
    edited = frame.with_columns(TSVAL=frame["TSVAL"].replace("40", "45"))
    table = type(done.study["TS"])("TS", edited, done.study["TS"].variables)
    record, _ = registry_sdtm.to_record(done.study.with_tables([table]), done.rest)
    assert record.enrollment.count == 45
    assert record.official_title


CODED = {
    "INTMODEL": ("InterventionalAssignment", registry_ts.MODEL, ()),
    "STYPE": ("StudyType", registry_ts.STUDY_TYPE, ()),
    "INTTYPE": ("InterventionType", registry_ts.INTERVENTION_TYPE, ("OTHER",)),
    "TINDTP": ("PrimaryPurpose", registry_ts.PURPOSE, ("ECT", "OTHER")),
    "TBLIND": ("DesignMasking", registry_ts.BLINDING, ()),
    "TPHASE": ("Phases", registry_ts.PHASE, ()),
    "SEXPOP": ("Sex", registry_ts.SEX, ()),
    "OBSMODEL": (
        "ObservationalModel",
        registry_ts.OBSERVATIONAL_MODEL,
        ("DEFINED_POPULATION", "NATURAL_HISTORY", "OTHER"),
    ),
    "OBSTIMP": ("DesignTimePerspective", registry_ts.TIME_PERSPECTIVE, ("OTHER",)),
    "OBSTSMM": ("SamplingMethod", registry_ts.SAMPLING, ()),
}
CODELIST = {"INTMODEL": "C99076", "STYPE": "C99077", "INTTYPE": "C99078", "TINDTP": "C66736", "TBLIND": "C66735"}
CODELIST |= {"TPHASE": "C66737", "SEXPOP": "C66732", "OBSMODEL": "C127259"}


@pytest.mark.parametrize("code", CODED)
def test_every_value_of_an_enumeration_has_its_term(code):
    """If it failed, a value of the registry would vanish from TS, or bear another term's NCI code."""
    name, table, without = CODED[code]
    values = set(enumeration(name).values)
    assert values - set(table.pairs.pairs) == set(without)
    if code in CODELIST:
        codelist = terminology.load(terminology.BUNDLED).codelist(CODELIST[code])
        for submission, nci in table.nci.items():
            assert codelist.by_value(submission).code == nci


def test_yes_and_no_and_codelists_of_the_study_file():
    """If it failed, parameters given in a study file would bear no NCI code, or another's."""
    bundled = terminology.load(terminology.BUNDLED)
    assert {value: bundled.codelist("C66742").by_value(value).code for value in "YN"} == dict(registry_ts.NO_YES)
    assert all(one in bundled for one in CODELISTS.values())


def test_every_parameter_is_one_of_the_terminology():
    """If it failed, a row of TS would have no name."""
    bundled = terminology.load(terminology.BUNDLED)
    known = [one.code for one in (*registry_ts.PARAMETERS, *registry_ts_derived.DERIVED)]
    wanted = [*known, *registry_ts.FDA_EXPECTED, *registry_ts.REQUIRED_OF_INTERVENTIONAL]
    assert all(bundled.decode("TSPARMCD", code) for code in wanted)


def test_long_texts_go_on_in_further_variables(driving, changed):
    """If it failed, a long title would be cut, or be refused by XPT's 200 bytes."""
    title = " ".join(f"word{number}" for number in range(80))
    done = written(changed(driving, {"protocolSection.identificationModule.officialTitle": title}))
    (row,) = (one for one in done.study["TS"].rows() if one["TSPARMCD"] == "TITLE")
    pieces = [row["TSVAL"], row["TSVAL1"], row["TSVAL2"]]
    assert " ".join(pieces) == title
    assert max(map(len, pieces)) <= 200
    assert [one.name for one in done.study["TS"].variables if one.name.startswith("TSVAL")][:3] == [
        "TSVAL",
        "TSVAL1",
        "TSVAL2",
    ]
    assert registry_sdtm.to_record(done.study)[0].official_title == title
    assert split("x" * 450) == ["x" * 200, "x" * 200, "x" * 50]


def test_long_and_loose_criteria_are_said(driving, changed):
    """If it failed, IETEST would overflow its 200 characters, or a criterion would be lost without a word."""
    long = "Able " + "to walk far " * 30
    text = f"Only this line has no heading\n\nInclusion Criteria:\n\n* {long.strip()}\n* Adult"
    done = written(changed(driving, {"protocolSection.eligibilityModule.eligibilityCriteria": text}))
    rows = done.study["TI"].frame.rows_by_key("IETESTCD", named=True, unique=True)
    assert len(rows["INCL01"]["IETEST"]) <= 200
    assert rows["INCL01"]["IETEST"].endswith("walk ...")
    assert long.startswith(rows["INCL01"]["IETEST"].removesuffix(" ..."))
    assert rows["INCL02"]["IETEST"] == "Adult"
    assert {"TB-REG-CRITERION-LONG", "TB-REG-CRITERIA-LOOSE"} <= {one.id for one in done.findings}
    assert registry_sdtm.to_record(done.study, done.rest)[0].eligibility.criteria == text


def test_values_without_a_term_are_said(driving, changed):
    """If it failed, a purpose, a sex or a country would vanish from TS without a word."""
    done = written(
        changed(
            driving,
            {
                "protocolSection.designModule.designInfo.primaryPurpose": "ECT",
                "protocolSection.eligibilityModule.sex": "NEITHER",
                "protocolSection.contactsLocationsModule.locations[0].country": "Atlantis",
            },
        )
    )
    found = {(one.id, one.where.variable) for one in done.findings}
    assert {
        ("TB-REG-TS-NO-TERM", "TINDTP"),
        ("TB-REG-TS-NO-TERM", "SEXPOP"),
        ("TB-REG-COUNTRY-UNKNOWN", "FCNTRY"),
    } <= found
    assert parameters(done)["FCNTRY"] == [("NLD", None, "ISO 3166-1 alpha-3")]


def test_countries():
    """If it failed, a site's country would be coded as another's. Codes: ISO 3166-1."""
    known = {
        "Netherlands": "NLD",
        "United States": "USA",
        "Korea, Republic of": "KOR",
        "Russian Federation": "RUS",
        "Czechia": "CZE",
    }
    assert {name: alpha3(name) for name in known} == known
    assert (alpha3("Atlantis"), name_of("NLD")) == (None, "Netherlands")


def test_both_ways_to_fhir_say_the_same(driving, plan):
    """If it failed, the study would be one thing by way of TS and another by way of the record."""
    done = written(driving, plan)
    by_tables = registry_fhir.to_records(to_fhir(done.study, release="R5").resources, "R5")[0].record
    direct = Record(driving)
    assert (by_tables.nct_id, by_tables.phases, by_tables.start.date) == (
        direct.nct_id,
        direct.phases,
        direct.start.date,
    )
    own = registry_fhir.to_fhir(direct, "R5", studyid="ST1").resources[0]["id"]
    assert own in {
        one["id"] for one in to_fhir(done.study, release="R5").resources if one["resourceType"] == "ResearchStudy"
    }
