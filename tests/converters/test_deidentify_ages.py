"""Ages over 89 (HIPAA, 45 CFR 164.514(b)(2)(i)(C)) wherever tables and resources tell one, in both alike."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

import trialbridge
from trialbridge.base.pseudonyms import read_key
from trialbridge.converters.deidentify import deidentify_resources, deidentify_study
from trialbridge.converters.deidentify.rules import load_rules

pytestmark = pytest.mark.once

OLD, YOUNG = "S1-001", "S1-002"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A fixed key in a file that only its owner can read."""
    file = tmp_path_factory.mktemp("key") / "key"
    file.write_text("0123456789abcdef" * 4)
    file.chmod(0o600)
    return read_key(file)


def _study(tmp_path: Path, **tables: str) -> trialbridge.Study:
    """A study of two subjects from CSV texts by dataset; DM is given unless one is told."""
    dm = (
        "STUDYID,DOMAIN,USUBJID,SUBJID,SITEID,RFSTDTC,BRTHDTC,AGE,AGEU,SEX\n"
        f"S1,DM,{OLD},001,01,2019-03-01,1950-02-14,69,YEARS,F\n"
        f"S1,DM,{YOUNG},002,01,2019-03-01,1960-02-14,59,YEARS,M\n"
    )
    folder = tmp_path / "given"
    folder.mkdir()
    for name, text in {"dm": dm, **tables}.items():
        (folder / f"{name}.csv").write_text(text)
    return trialbridge.read(folder)


def _both(study: trialbridge.Study, key: object) -> trialbridge.Study:
    """The de-identified tables, after the de-identified resources were seen to convert to exactly them."""
    tables = deidentify_study(study, key, load_rules())
    given = trialbridge.to_fhir(study).resources
    resources = deidentify_resources(given, key, load_rules())
    assert len(given) == len(resources.resources) + len(resources.findings)  # read = written + left out
    tables.check()
    resources.check()
    back = trialbridge.to_sdtm(resources.resources)
    found = trialbridge.diff(tables.study, back.study)
    assert found.equal, found
    assert not [one for one in back.findings if one.id == "TB-CARRIED-STALE"]
    return tables.study


def _first(study: trialbridge.Study, dataset: str) -> dict[str, object]:
    return study[dataset].frame.row(0, named=True)


# domain, TESTCD, TEST, ORRES, ORRESU, whether the result goes
RESULTS = [
    ("VS", "AGE", "Age", "93", "YEARS", True),
    ("VS", "AGE", "Age", "89", "YEARS", False),
    ("VS", "AGE", "Age", "89.5", "YEARS", True),
    ("SC", "AGEDIAG", "Age at Diagnosis", "1100", "MONTHS", True),  # 91 years
    ("SC", "AGEDIAG", "Age at Diagnosis", "1060", "MONTHS", False),  # 88 years
    ("SC", "DIAGX", "Age at Diagnosis", "91", None, True),  # by the words of the test
    ("SC", "AGEX", "X", "91", None, True),  # by its short name
    ("FA", "AGE", "Age", "> 89", "YEARS", True),
    ("FA", "AGE", "Age", "90-95", "YEARS", True),
    ("FA", "AGE", "Age", "ninety", None, False),  # what cannot be read stays, and is told in the documents
    ("FA", "DURATION", "Duration of Hypertension", "90", "YEARS", True),  # who has it for 90 years is over 89
    ("FA", "DURATION", "Duration of Hypertension", "90", "MONTHS", False),
    ("VS", "PULSE", "Pulse Rate", "93", "beats/min", False),
    ("VS", "BMIAPCTL", "BMI-for-Age Percentile", "95", "%", False),  # C163567
    ("FT", "CORRSTD", "Age-Corrected Standard Score", "104", None, False),
    ("VS", "WTAGE", "Weight at this Age", "93", "kg", False),
    ("SC", "AGEX", "Alter (Age)", "93", "Jahre", True),
    ("LB", "RAGE", "Receptor Advanced Glycation Endproducts", "1400", "pg/mL", False),  # C165980
    ("SC", "STAGE", "Stage", "93", None, False),
    ("ZZ", "AGE", "Age", "93", "YEARS", True),  # a domain of the sponsor's own
]


@pytest.mark.parametrize(("domain", "code", "test", "result", "unit", "goes"), RESULTS)
def test_the_result_of_a_test_that_says_an_age_over_89_goes(tmp_path, key, domain, code, test, result, unit, goes):
    """DM would lose the age of a subject of 93, and a finding tell it; or a pulse of 93 would be lost."""
    number = result if result.replace(".", "").isdigit() else ""
    text = (
        "STUDYID,DOMAIN,USUBJID,--SEQ,--TESTCD,--TEST,--ORRES,--ORRESU,--STRESC,--STRESN,--STRESU,--DTC\n"
        f"S1,{domain},{OLD},1,{code},{test},{result},{unit or ''},{result},{number},{unit or ''},2019-03-01\n"
        f"S1,{domain},{YOUNG},1,{code},{test},40,{unit or ''},40,40,{unit or ''},2019-03-01\n"
    )
    study = _study(tmp_path, **{domain.lower(): text.replace("--", domain)})
    made = _both(study, key)
    row = _first(made, domain)
    told = {f"{domain}{one}": row[f"{domain}{one}"] for one in ("ORRES", "ORRESU", "STRESC", "STRESN", "STRESU")}
    before = _first(study, domain)
    assert told == (dict.fromkeys(told) if goes else {name: before[name] for name in told})
    assert row[f"{domain}TEST"] == test
    assert made[domain].frame.row(1, named=True)[f"{domain}ORRES"] == "40"
    assert _first(made, "DM")["AGE"] == (None if goes else 69)  # whoever is over 89 by one table is so in all
    assert made["DM"].frame["AGE"][1] == 59


# QNAM, QLABEL, QVAL, whether the row goes
QUALIFIERS = [
    ("AGEDIAG", "Age at Diagnosis", "91", True),
    ("DIAGX", "Age at Diagnosis (Years)", "91", True),
    ("AGEGR", "Group", "90-95", True),
    ("AGEDIAG", "Age at Diagnosis", "60", False),
    ("AGEDTC", "Age Confirmed on", "2019-03-01", False),
    ("BRTHYR", "Year of Birth", "1950", False),
    ("AGENT", "Agent", "93", False),
    ("DOSAGE", "Dosage", "93", False),
]


@pytest.mark.parametrize(("name", "label", "value", "goes"), QUALIFIERS)
@pytest.mark.parametrize("parent", ["DM", "VS"])
def test_a_qualifier_that_says_an_age_over_89_goes_with_its_row(tmp_path, key, name, label, value, goes, parent):
    """SUPPDM or SUPPVS would tell the age that DM has lost; or a row without QVAL would be left (SDTMIG 3.4, 8.4)."""
    sequence = ("VSSEQ", "1") if parent == "VS" else ("", "")
    vs = f"STUDYID,DOMAIN,USUBJID,VSSEQ,VSTESTCD,VSTEST,VSORRES,VSORRESU\nS1,VS,{OLD},1,PULSE,Pulse Rate,60,beats/min\n"
    supp = (
        "STUDYID,RDOMAIN,USUBJID,IDVAR,IDVARVAL,QNAM,QLABEL,QVAL,QORIG\n"
        f"S1,{parent},{OLD},{','.join(sequence)},{name},{label},{value},CRF\n"
        f"S1,{parent},{OLD},{','.join(sequence)},OTHER,Other,yes,CRF\n"
    )
    made = _both(_study(tmp_path, vs=vs, **{f"supp{parent.lower()}": supp}), key)
    names = made[f"SUPP{parent}"].frame["QNAM"].to_list()
    assert names == (["OTHER"] if goes else [name, "OTHER"])
    assert _first(made, "DM")["AGE"] == (None if goes else 69)


def test_a_loose_qualifier_and_an_age_in_a_column_of_its_own_go_too(tmp_path, key):
    """What travels row by row would be looked at by other eyes: a qualifier of no record, a sponsor's AGEGR1."""
    supp = (
        "STUDYID,RDOMAIN,USUBJID,IDVAR,IDVARVAL,QNAM,QLABEL,QVAL,QORIG\n"
        f"S1,VS,{OLD},VSSEQ,77,AGEDIAG,Age at Diagnosis,91,CRF\nS1,VS,{OLD},VSSEQ,77,OTHER,Other,yes,CRF\n"
    )
    own = f"STUDYID,DOMAIN,USUBJID,XXSEQ,AGEGR1,AGENTX\nS1,XX,{OLD},1,>=90,93\nS1,XX,{YOUNG},1,50-60,93\n"  # no test
    made = _both(_study(tmp_path, suppvs=supp, xx=own), key)
    assert made["SUPPVS"].frame["QNAM"].to_list() == ["OTHER"]
    assert made["XX"].frame["AGEGR1"].to_list() == [None, "50-60"]
    assert made["XX"].frame["AGENTX"].cast(pl.String).to_list() == ["93", "93"]


@pytest.mark.parametrize(
    ("duration", "goes"),
    [("P91Y", True), ("P1100M", True), ("P95M", False), ("PT100M", False), ("P3D", False), ("120", False)],
)
@pytest.mark.parametrize("dataset", ["MH", "ZZ"])
def test_a_duration_of_more_than_89_years_goes(tmp_path, key, duration, goes, dataset):
    """Who has had asthma for 91 years is over 89; of who had it for 95 months nothing is known (ISO 8601, --DUR)."""
    text = f"STUDYID,DOMAIN,USUBJID,--SEQ,--TERM,--DUR\nS1,{dataset},{OLD},1,Asthma,{duration}\nS1,{dataset},{YOUNG},1,Gout,P3D\n"
    made = _both(_study(tmp_path, **{dataset.lower(): text.replace("--", dataset)}), key)
    assert made[dataset].frame[f"{dataset}DUR"].to_list() == [None if goes else duration, "P3D"]
    assert made["DM"].frame["AGE"].to_list() == [None if goes else 69, 59]


def test_of_a_subject_over_89_every_age_goes_and_what_tells_the_birth(tmp_path, key):
    """An age of 60 at diagnosis, beside its date, tells the year in which a subject of 93 was born."""
    dm = (
        "STUDYID,DOMAIN,USUBJID,SUBJID,SITEID,RFSTDTC,AGE,AGEU,SEX\n"
        f"S1,DM,{OLD},001,01,2019-03-01,93,YEARS,F\nS1,DM,{YOUNG},002,01,2019-03-01,59,YEARS,M\n"
    )
    rows = [
        f"S1,SC,{subject},{number},{code},{test},{result},{result}\n"
        for subject in (OLD, YOUNG)
        for number, (code, test, result) in enumerate(
            [("AGEDIAG", "Age at Diagnosis", "60"), ("BIRTH", "Year of Birth", "1926"), ("EDU", "Education", "12")], 1
        )
    ]
    sc = "STUDYID,DOMAIN,USUBJID,SCSEQ,SCTESTCD,SCTEST,SCORRES,SCSTRESC\n" + "".join(rows)
    made = _both(_study(tmp_path, dm=dm, sc=sc), key)
    assert made["SC"].frame["SCORRES"].to_list() == [None, None, "12", "60", "1926", "12"]


# DM's columns after RFSTDTC 2019-03-01, their values, whether the subject is over 89
AGES_OF_DM = [
    ("AGE,AGEU", "1100,MONTHS", True),
    ("AGE,AGEU", "120,DAYS", False),  # a child
    ("AGETXT", "90-95", True),
    ("AGETXT", "18-24", False),
    ("BRTHDTC", "1929-03-01", True),  # 90 on the day
    ("BRTHDTC", "1929-03-02", False),  # 89 on the day
    ("BRTHDTC", "1929", True),  # 90 perhaps
    ("BRTHDTC,DTHDTC", "1929-08-01,2019-09-01", True),  # 90 at death
    ("AGE,AGEU,BRTHDTC,DTHDTC", "89,YEARS,1929-08-01,2019-09-01", True),
]


@pytest.mark.parametrize(("names", "values", "old"), AGES_OF_DM)
def test_who_is_over_89_is_known_by_whatever_dm_tells(tmp_path, key, names, values, old):
    """A birth date without an age, or an age in months, would slip through; a child of 120 days would be a centenarian."""
    dm = f"STUDYID,DOMAIN,USUBJID,SUBJID,RFSTDTC,{names}\nS1,DM,{OLD},001,2019-03-01,{values}\n"
    made = _both(_study(tmp_path, dm=dm), key)
    row = _first(made, "DM")
    told = [row.get(one) for one in ("AGE", "AGETXT", "BRTHDTC") if one in names.split(",")]
    assert all((one is None) is old for one in told)


def test_a_date_that_lies_90_years_back_goes(tmp_path, key):
    """Asthma since 1926 tells an age over 89 as well as the birth date does (elements of dates indicative of such age)."""
    mh = (
        "STUDYID,DOMAIN,USUBJID,MHSEQ,MHTERM,MHSTDTC\n"
        f"S1,MH,{OLD},1,Asthma,1926\nS1,MH,{OLD},2,Gout,1930-05\nS1,MH,{OLD},3,Fall,2018-05-02\n"
    )
    dm = f"STUDYID,DOMAIN,USUBJID,SUBJID,RFSTDTC,AGE,AGEU\nS1,DM,{OLD},001,2019-03-01,93,YEARS\n"
    made = _both(_study(tmp_path, dm=dm, mh=mh), key)
    assert [one is None for one in made["MH"].frame["MHSTDTC"]] == [True, False, False]


PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1926-02-14"}
PATIENT_OF_1960 = {**PATIENT, "birthDate": "1960-02-14"}
YEARS = {"unit": "years", "system": "http://unitsofmeasure.org", "code": "a"}


def _observation(coding: dict[str, str], text: str | None = None, **value: object) -> dict[str, object]:
    code = {"coding": [coding], **({"text": text} if text else {})}
    subject = {"reference": "Patient/p"}
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": code, "subject": subject, **value}


def _loinc(code: str) -> dict[str, str]:
    return {"system": "http://loinc.org", "code": code}


@pytest.mark.parametrize(
    ("observation", "goes"),
    [
        *[(_observation(_loinc(code), valueQuantity={"value": 93, **YEARS}), True) for code in ("30525-0", "21611-9")],
        *[(_observation(_loinc(code), valueQuantity={"value": 93, **YEARS}), True) for code in ("21612-7", "29553-5")],
        (_observation(_loinc("30525-0"), valueInteger=93), True),
        (_observation(_loinc("30525-0"), valueInteger=89), False),
        (_observation(_loinc("30525-0"), valueString="93 years"), True),
        (_observation(_loinc("30525-0"), valueRange={"low": {"value": 85}, "high": {"value": 95}}), True),
        (_observation(_loinc("30525-0"), valueCodeableConcept={"text": "90 and older, or 90+"}), True),
        (_observation(_loinc("30525-0"), valueCodeableConcept={"coding": [{"code": "261665006"}]}), False),
        (_observation({"display": "Age at menopause"}, valueQuantity={"value": Decimal("90.5")}), True),
        (_observation({"system": "http://hospital.example", "code": "7"}, "Leeftijd", valueInteger=91), True),
        (_observation({"display": "Weight at age 12"}, valueQuantity={"value": 93, "unit": "kg", "code": "kg"}), False),
        (_observation({"display": "Age-corrected standard score"}, valueInteger=104), False),
        (_observation({"display": "Age"}, valueQuantity={"value": 93, "unit": "Jahre"}), True),
        (_observation(_loinc("8867-4"), "Heart rate", valueQuantity={"value": 93, "unit": "/min"}), False),
        (_observation(_loinc("63586-2"), "Income", valueInteger=93), False),
        (_observation({"display": "Lung age"}, valueQuantity={"value": 93, "unit": "a"}), True),  # in years: it may be
    ],
)
def test_an_observation_of_an_age_over_89_loses_its_value_and_the_patient_the_birth_date(key, observation, goes):
    """A hospital's own Observation, which no table takes, would tell the age of a patient of 93."""
    done = deidentify_resources([PATIENT_OF_1960, observation], key, load_rules())
    done.check()
    made = {one["resourceType"]: one for one in done.resources}
    assert bool([one for one in made["Observation"] if one.startswith("value")]) is not goes
    assert made["Observation"]["code"]
    assert ("birthDate" in made["Patient"]) is not goes


def test_an_age_in_a_component_goes_and_its_neighbour_stays(key):
    """A panel would tell in a part what the whole does not, or lose the part beside it."""
    parts = [
        {"code": {"coding": [_loinc("30525-0")]}, "valueQuantity": {"value": 93, **YEARS}},
        {"code": {"coding": [_loinc("29463-7")]}, "valueQuantity": {"value": 93, "unit": "kg"}},
    ]
    given = [PATIENT_OF_1960, _observation(_loinc("34565-2"), component=parts)]
    done = deidentify_resources(given, key, load_rules())
    (made,) = [one for one in done.resources if one["resourceType"] == "Observation"]
    assert [sorted(one) for one in made["component"]] == [["code"], ["code", "valueQuantity"]]


def test_a_range_in_years_is_one_of_ages(key):
    """The age group that limits are of would tell the age; or who is sent the limits of all ages would be taken for old."""
    limits = [
        {"age": {"low": {"value": 90, **YEARS}, "high": {"value": 99, **YEARS}}, "text": "old"},
        {"low": {"value": 90, "unit": "mm"}, "age": {"low": {"value": 18, **YEARS}}},
    ]
    given = [PATIENT_OF_1960, _observation(_loinc("33728-7"), referenceRange=limits)]
    done = deidentify_resources(given, key, load_rules())
    made = {one["resourceType"]: one for one in done.resources}
    assert made["Observation"]["referenceRange"] == [{"text": "old"}, limits[1]]
    assert "birthDate" in made["Patient"]


def test_what_comes_late_tells_of_what_came_before(key):
    """The age at diagnosis would stay, because the Observation that tells of 93 years is read after it."""
    subject = {"subject": {"reference": "Patient/p"}}
    condition = {"resourceType": "Condition", "id": "c", **subject, "onsetAge": {"value": 60, **YEARS}}
    given = [
        PATIENT_OF_1960,
        {**condition, "code": {"text": "Gout"}},
        _observation(_loinc("30525-0"), valueInteger=93),
    ]
    for order in (given, given[::-1]):
        done = deidentify_resources(order, key, load_rules())
        made = {one["resourceType"]: one for one in done.resources}
        assert "onsetAge" not in made["Condition"]
        assert "birthDate" not in made["Patient"]
        places = ("Patient.birthDate", "Observation.value[x]", "Condition.onset[x]")
        assert dict(done.tally.counts) == {(one, "age"): 1 for one in places}  # and none is told to have been moved


def test_a_patient_without_any_date_of_a_trial_is_as_old_as_today(key):
    """A hospital's export knows no start of a trial; its patient born in 1926 would keep the birth date."""
    done = deidentify_resources([PATIENT], key, load_rules())
    assert "birthDate" not in done.resources[0]


def test_what_resources_tell_tables_tell(tmp_path, key):
    """Resources that are de-identified first would convert to other tables than those converted first."""
    vs = (
        "STUDYID,DOMAIN,USUBJID,VSSEQ,VSTESTCD,VSTEST,VSORRES,VSORRESU\n"
        f"S1,VS,{OLD},1,PULSE,Pulse Rate,93,beats/min\nS1,VS,{OLD},2,X,X,60,\n"
    )
    given = [*trialbridge.to_fhir(_study(tmp_path, vs=vs)).resources]
    (one,) = [one for one in given if (one.get("code") or {}).get("text") == "X"]
    one["code"]["text"] = "Age at last visit"
    one["valueQuantity"] = {"value": 93, **YEARS}
    resources = deidentify_resources(given, key, load_rules())
    before = trialbridge.to_sdtm(given).study
    assert before["VS"].frame["VSORRES"].to_list() == ["93", "93"]
    tables = deidentify_study(before, key, load_rules()).study
    assert tables["VS"].frame["VSORRES"].to_list() == ["93", None]
    assert trialbridge.diff(tables, trialbridge.to_sdtm(resources.resources).study).equal
