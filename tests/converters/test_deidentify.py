"""De-identification: what tells of a person goes, what the trial needs stays, tables and resources say the same."""

import csv
import json
import re
import stat
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import trialbridge
from trialbridge.base.deidentify import Person, scrubbed, shifted
from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.pseudonyms import new_key, read_key
from trialbridge.cli import app
from trialbridge.converters.deidentify import deidentify_resources, deidentify_study
from trialbridge.converters.deidentify.rules import BUNDLED, load_rules

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction" / "sdtm"
SECRET = "00112233445566778899aabbccddeeff" * 2


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A fixed key in a file that only its owner can read."""
    file = tmp_path_factory.mktemp("key") / "key"
    file.write_text(SECRET)
    file.chmod(0o600)
    return read_key(file)


@pytest.fixture(scope="module")
def study():
    """The bundled example."""
    return trialbridge.read(EXAMPLE)


@pytest.fixture(scope="module")
def tables(study, key):
    """The example's tables, de-identified."""
    return deidentify_study(study, key, load_rules())


@pytest.fixture(scope="module")
def resources(study, key):
    """The example's FHIR, de-identified."""
    return deidentify_resources(trialbridge.to_fhir(study).resources, key, load_rules())


# --- single values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "days", "wanted"),
    [
        ("2019-12-31", 1, "2020-01-01"),
        ("2020-02-28", 1, "2020-02-29"),
        ("2019-03-01T23:59:30+01:00", -1, "2019-02-28T23:59:30+01:00"),
        ("2019-03", 17, "2019-04"),  # from the 15th
        ("2019", 190, "2020"),  # from the 1st of July: 184 days are left in the year
        ("2019-03-01/2019-03-05", 2, "2019-03-03/2019-03-07"),
        ("2019-03-01/P3D", 2, "2019-03-03/P3D"),
        ("2019---15", 0, "2019"),  # the day of an unknown month cannot be moved
        ("--03-01", 5, None),
        ("9999-12-31", 5, None),
    ],
)
def test_a_date_moves_by_whole_days_and_keeps_its_precision(text, days, wanted):
    """A study day would change, or a date would say more than was known."""
    assert shifted(text, days) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Mr Jansen fell on 14-02-2019", "Mr [removed] fell on [removed]"),
        ("call 06-12345678 or p.jansen@hospital.example", "call [removed] or [removed]"),
        ("MRN 00481516 checked", "MRN [removed] checked"),
        ("lives in 3521 AL, Utrecht", "lives in [removed], Utrecht"),
        ("seen 3 mrt 2019 by dr", "seen [removed] by dr"),
        ("S1-0042 withdrew", "S1-PSEUDO withdrew"),
        ("2019-02-14", "2019-02-17"),
        ("1234567", "1234567"),  # a laboratory result is a number, not a record number
        ("24 Gy in 3 fractions", "24 Gy in 3 fractions"),
        ("aged 93 years, smoked for 45 years", "aged [removed], smoked for 45 years"),
        ("90 mg, 190 years", "90 mg, 190 years"),
        ("JANSENIST", "JANSENIST"),  # a word that only contains the name
    ],
)
def test_texts_lose_what_tells_of_a_person_and_nothing_else(text, wanted):
    """A name would stay in a comment, or a dose would be taken for a telephone number."""
    person = Person("S1-0042", "S1-PSEUDO", 3, {"S1-0042": "S1-PSEUDO", "Jansen": "[removed]"})
    assert scrubbed(text, person) == wanted


# --- the whole example ------------------------------------------------------------------------------------------------


def test_tables_and_resources_say_the_same(tables, resources):
    """A hospital that pushes FHIR and a sponsor that gets SDTM would hold two different studies."""
    tables.check()
    resources.check()
    back = trialbridge.to_sdtm(resources.resources)
    assert trialbridge.diff(tables.study, back.study).equal
    assert not [one for one in back.findings if one.id == "TB-CARRIED-STALE"]


def test_no_own_id_is_left_anywhere(study, tables, resources, tmp_path):
    """A subject could be told by a string that was overlooked."""
    dm = study["DM"].frame
    signs = [*dm["USUBJID"].to_list(), *[f"-{one}" for one in dm["SUBJID"].to_list() if len(one) > 3]]
    trialbridge.write(tables.study, tmp_path / "sdtm", "dataset-json")
    trialbridge.write(resources.resources, tmp_path / "fhir", "ndjson")
    text = "".join(file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.*json") if file.is_file())
    assert [one for one in signs if one in text] == []
    assert all(text.count(one.pseudonym) > 1 for one in tables.people)  # it was looked at, in both languages
    old_ids = {one["id"] for one in trialbridge.to_fhir(study).resources if one["resourceType"] == "Patient"}
    assert [one for one in old_ids if one in text] == []


def test_every_study_day_and_every_interval_stays(study, tables):
    """Progression-free survival would come out otherwise."""
    for name in ("AE", "TR", "PR"):
        before, after = study[name].frame, tables.study[name].frame
        for column in [one for one in before.columns if one.endswith("DY")]:
            assert before[column].equals(after[column])
    starts = [_days(frame["DM"].frame, "RFSTDTC") for frame in (study, tables.study)]
    deaths = [_days(frame["DM"].frame, "DTHDTC") for frame in (study, tables.study)]
    gaps = [[d - s for s, d in zip(s_, d_, strict=True) if s and d] for s_, d_ in zip(starts, deaths, strict=True)]
    assert gaps[0] == gaps[1]
    assert len(gaps[0]) >= 1
    moved = [a - b for a, b in zip(starts[1], starts[0], strict=True) if a and b]
    assert all(one != 0 and abs(one) <= 365 for one in moved)
    assert len(set(moved)) > len(moved) / 2  # by subject, not all alike


def _days(frame: pl.DataFrame, column: str) -> list[int | None]:
    return [date.fromisoformat(one[:10]).toordinal() if one and len(one) >= 10 else None for one in frame[column]]


def test_the_same_key_gives_the_same_and_another_gives_another(study, tables, tmp_path):
    """A second delivery could not be joined to the first; or the key would not matter."""
    again = deidentify_study(study, read_key(_key_file(tmp_path, SECRET)), load_rules())
    other = deidentify_study(study, new_key(tmp_path / "other"), load_rules())
    assert trialbridge.diff(tables.study, again.study).equal
    mine, theirs = ({one.usubjid: one.pseudonym for one in done.people} for done in (tables, other))
    assert not set(mine.values()) & set(theirs.values())


def _key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "key"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_measurements_doses_and_codes_stay(study, tables):
    """The data would be safe and useless."""
    for name, column in (("TR", "TRORRES"), ("PR", "PRDOSE"), ("RS", "RSSTRESC"), ("AE", "AEDECOD"), ("LB", "LBLOINC")):
        assert study[name].frame[column].equals(tables.study[name].frame[column])


# --- a hospital's own resources ---------------------------------------------------------------------------------------

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"lastUpdated": "2021-01-01T00:00:00Z", "source": "urn:hospital:77"},
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Piet Jansen</div>"},
    "identifier": [{"system": "http://hospital.example/mrn", "value": "00481516"}],
    "name": [{"family": "Jansen", "given": ["Piet"]}],
    "telecom": [{"system": "phone", "value": "06-12345678"}],
    "gender": "male",
    "birthDate": "1950-02-14",
    "address": [{"line": ["Hoofdstraat 1"], "city": "Zeist", "postalCode": "3701 AA", "country": "NL"}],
    "extension": [{"url": "http://hospital.example/secret", "valueString": "Piet"}],
    "contact": [{"name": {"family": "Jansen-de Vries"}}],
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {
        "coding": [{"system": "http://loinc.org", "code": "33728-7", "display": "Size"}],
        "text": "Size of Jansen",
    },
    "subject": {"reference": "Patient/p1", "display": "Piet Jansen"},
    "performer": [{"reference": "Practitioner/d1", "display": "Dr. Bos"}],
    "effectiveDateTime": "2020-03-01T10:00:00+01:00",
    "issued": "2020-03-01T12:00:00+01:00",
    "valueQuantity": {"value": Decimal("23.50"), "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"},
    "note": [{"text": "Wife says he sleeps badly"}],
}


def test_a_hospitals_patient_keeps_what_a_trial_needs_and_no_more(key):
    """Names, addresses, record numbers, narrative or unknown extensions would leave the hospital."""
    given = [
        PATIENT,
        OBSERVATION,
        {"resourceType": "RelatedPerson", "id": "r1", "patient": {"reference": "Patient/p1"}},
    ]
    done = deidentify_resources(given, key, load_rules())
    done.check()
    assert [one["resourceType"] for one in done.resources] == ["Patient", "Observation"]
    patient, observation = done.resources
    assert set(patient) == {"resourceType", "id", "meta", "name", "gender", "birthDate", "address"}
    assert patient["address"] == [{"country": "NL"}]
    assert patient["name"][0]["extension"][0]["valueCode"] == "masked"
    assert patient["id"] != "p1"
    assert observation["subject"]["reference"] == f"Patient/{patient['id']}"
    assert observation["code"]["text"] == "Size of [removed]"
    assert str(observation["valueQuantity"]["value"]) == "23.50"
    assert "note" not in observation
    assert "issued" not in observation
    days = done.people[0].days
    moved = date.fromisoformat(observation["effectiveDateTime"][:10]) - date(2020, 3, 1)
    assert moved.days == days == (date.fromisoformat(patient["birthDate"]) - date(1950, 2, 14)).days
    assert observation["effectiveDateTime"].endswith("T10:00:00+01:00")
    assert {one.id for one in done.findings} == {"TB-DEID-LEFT-OUT"}


def test_names_in_odd_places_do_not_leave(key):
    """A nurse, a relative, a short name, a list of the subjects or a scan's UID would tell who the patient is."""
    patient = {
        **PATIENT,
        "name": [{"text": "Zebulon Quackenbush-Li Ng"}],
        "contact": [{"name": {"family": "Marigold"}}],
        "address": [{"line": ["12 Elm Street"], "country": "NL"}],
    }
    observation = {
        **OBSERVATION,
        "code": {"coding": [{"system": "http://loinc.org", "code": "NG"}], "text": "Mr Ng"},
        "performer": [{"display": "Nurse Petronella"}],
        "focus": [{"display": "Rash of ZEBULON"}],
        "specimen": {"display": "BLOOD"},
    }
    observation.pop("valueQuantity", None)
    observation["valueString"] = "Mrs Marigold, 12 elm street, says Zebulon had 3 ng; NG, not Nge"
    group = {
        "resourceType": "Group",
        "id": "g",
        "type": "person",
        "actual": True,
        "name": "Zebulon and others",
        "member": [
            {
                "entity": {"reference": "Patient/p1", "display": "Zebulon Quackenbush"},
                "period": {"start": "2020-01-05"},
            }
        ],
    }
    scan = {
        "resourceType": "ImagingStudy",
        "id": "i",
        "status": "available",
        "subject": {"reference": "Patient/p1"},
        "series": [{"uid": "1.2.3.777", "modality": {"code": "CT"}}],
    }
    done = deidentify_resources([patient, observation, group, scan], key, load_rules())
    done.check()
    made = {one["resourceType"]: one for one in done.resources}
    assert made["Observation"]["code"]["text"] == "Mr [removed]"
    assert made["Observation"]["code"]["coding"][0]["code"] == "NG"
    said = "Mrs [removed], [removed], says [removed] had 3 ng; [removed], not Nge"
    assert made["Observation"]["valueString"] == said
    assert made["Observation"]["focus"] == [{"display": "Rash of [removed]"}]
    assert made["Observation"]["specimen"] == {"display": "BLOOD"}
    assert "performer" not in made["Observation"]
    assert made["Group"]["name"] == "[removed] and others"
    assert made["Group"]["member"] == [{"entity": {"reference": f"Patient/{made['Patient']['id']}"}}]
    assert "series" not in made["ImagingStudy"]
    assert not [one for one in done.findings if one.id == "TB-DEID-LEFT"]


def test_an_age_over_89_goes_with_the_birth_date(key, study):
    """The one centenarian of a trial would be known to the whole town."""
    dm = study["DM"]
    first = dm.frame["USUBJID"][0]
    frame = dm.frame.with_columns(
        AGE=pl.when(pl.col("USUBJID") == first).then(93.0).otherwise(pl.col("AGE")),
        BRTHDTC=pl.when(pl.col("USUBJID") == first).then(pl.lit("1926-01-05")).otherwise(pl.col("BRTHDTC")),
    )
    old = study.with_tables([trialbridge.Table("DM", frame, dm.variables, dm.label)])
    tables = deidentify_study(old, key, load_rules())
    row = tables.study["DM"].frame.row(0, named=True)
    pairs = zip(old["DM"].frame["BRTHDTC"][1:], tables.study["DM"].frame["BRTHDTC"][1:], strict=True)
    told = (tables.tally.counts["DM.BRTHDTC", "age"], tables.tally.counts["DM.BRTHDTC", "shift"])
    assert told == (1, sum(before != after for before, after in pairs))  # one that went is not told as moved
    assert (row["AGE"], row["AGEU"], row["BRTHDTC"]) == (None, None, None)
    resources = deidentify_resources(trialbridge.to_fhir(old).resources, key, load_rules())
    assert trialbridge.diff(tables.study, trialbridge.to_sdtm(resources.resources).study).equal


@pytest.mark.parametrize(
    ("when", "kept"),
    [
        ({"onsetAge": {"value": 93, "unit": "years", "system": "http://unitsofmeasure.org", "code": "a"}}, False),
        ({"onsetAge": {"value": 89, "code": "a"}}, True),
        ({"onsetAge": {"value": Decimal("89.5"), "code": "a"}}, False),
        ({"onsetAge": {"value": 90}}, False),
        ({"onsetAge": {"value": 1100, "unit": "months"}}, False),  # 91 years
        ({"onsetAge": {"value": 1068, "code": "mo"}}, True),  # 89 years
        ({"onsetAge": {"value": 89, "comparator": ">", "code": "a"}}, False),
        ({"abatementRange": {"low": {"value": 80}, "high": {"value": 95}}}, False),
        ({"onsetRange": {"low": {"value": 80, "unit": "yr"}}}, True),
    ],
)
def test_ages_over_89_go_wherever_they_stand(key, when, kept):
    """DM would lose the age of a subject of 93, and the diagnosis beside it tell it (HIPAA, 164.514(b)(2)(i)(C))."""
    subject = {"subject": {"reference": "Patient/p1"}}
    condition = {"resourceType": "Condition", "id": "c", **subject, "code": {"text": "Gout"}, **when}
    done = deidentify_resources([PATIENT, condition], key, load_rules())
    made = next(one for one in done.resources if one["resourceType"] == "Condition")
    ((name, value),) = when.items()
    assert made.get(name) == (value if kept else None)
    assert made["code"] == {"text": "Gout"}
    gone = {place for (place, action), _ in done.tally.counts.items() if action == "age"}
    assert gone == (
        set() if kept else {f"Condition.{name.removesuffix('Age').removesuffix('Range')}[x]", "Patient.birthDate"}
    )


def test_every_age_of_a_subject_over_89_goes(key, study):
    """An age at onset beside a date of onset would tell the year in which a subject of 93 was born."""
    dm = study["DM"]
    first, second = dm.frame["USUBJID"][:2]
    frame = dm.frame.with_columns(AGE=pl.when(pl.col("USUBJID") == first).then(93.0).otherwise(70.0))
    old = study.with_tables([trialbridge.Table("DM", frame, dm.variables, dm.label)])
    given = trialbridge.to_fhir(old).resources
    ids = {}
    for one in given:
        if one["resourceType"] == "Patient":
            ids |= {of["value"]: one["id"] for of in one["identifier"]}
    for usubjid in (first, second):
        subject = {"subject": {"reference": f"Patient/{ids[usubjid]}"}}
        age = {"onsetAge": {"value": 60, "code": "a"}}
        given.append(
            {"resourceType": "Condition", "id": f"c-{ids[usubjid]}", **subject, "code": {"text": "Gout"}, **age}
        )
    done = deidentify_resources(given, key, load_rules())
    made = [one for one in done.resources if one["resourceType"] == "Condition" and one["code"].get("text") == "Gout"]
    assert sorted("onsetAge" in one for one in made) == [False, True]
    people = {one.usubjid: one.pseudonym for one in done.people}
    names = {
        of["value"]: one["id"] for one in done.resources if one["resourceType"] == "Patient" for of in one["identifier"]
    }
    (kept,) = [one for one in made if "onsetAge" in one]
    assert kept["subject"]["reference"] == f"Patient/{names[people[second]]}"


def test_what_is_left_by_mistake_stops_the_whole(key, tmp_path):
    """A rule set with a hole would let a name out in silence."""
    holed = tmp_path / "rules.yaml"
    text = BUNDLED.read_text(encoding="utf-8").replace("    string: scrub", "    string: keep")
    holed.write_text(text.replace("    HumanName: mask", "    HumanName: keep"), encoding="utf-8")
    done = deidentify_resources([PATIENT, OBSERVATION], key, load_rules(holed))
    with pytest.raises(TrialbridgeError, match="still here"):
        done.check()
    assert {one.where.resource.split("/")[0] for one in done.findings if one.id == "TB-DEID-LEFT"} == {
        "Patient",
        "Observation",
    }


# --- rules, key, command ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    date: shift", "    date: shuffle", "fhir.types.date"),
        ("    HumanName: mask", "    HumanNome: mask", "HumanNome"),
        ("  most: 365", "  most: 0", "dates.most"),
        ("sdtm:", "sdmt:", "sdmt"),
        ("  words: [age, ages, aged, leeftijd]\n", "", "ages.words"),  # no age would be known by its words
    ],
)
def test_a_faulty_rule_set_is_refused_by_name(tmp_path, old, new, said):
    """A misspelt rule would do nothing, and nobody would know."""
    file = tmp_path / "rules.yaml"
    file.write_text(BUNDLED.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UnreadableInputError, match=re.escape(said)):
        load_rules(file)


def test_a_key_others_can_read_or_that_is_none_is_refused(tmp_path):
    """The linkage would be open to whoever shares the machine."""
    with pytest.raises(UnreadableInputError, match="chmod 600"):
        read_key(_key_file(tmp_path, SECRET, 0o644))
    with pytest.raises(UnreadableInputError, match="64 hexadecimal digits"):
        read_key(_key_file(tmp_path, "secret"))
    assert repr(read_key(_key_file(tmp_path, SECRET))) == "Key(…)"


def test_the_command_writes_data_report_and_linkage_apart(tmp_path):
    """The command would leave the linkage beside the data, or write half."""
    given = tmp_path / "in"
    given.mkdir()
    lines = [json.dumps({**one}, default=float) for one in (PATIENT, OBSERVATION)]
    (given / "all.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [
        sys.executable,
        "-P",
        "-c",
        "from trialbridge.cli import main; main()",
        "deidentify",
        str(given),
        "--key-file",
        "k",
        "--json",
    ]

    def run(*more):
        return subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, check=False)

    refused = run("-o", "out", "--new-key", "--linkage", "out/who.csv")
    assert refused.returncode == 2
    assert not (tmp_path / "out").exists()
    done = run("-o", "out", "--new-key", "--linkage", "apart/who.csv")
    assert done.returncode == 0, done.stderr
    assert "Jansen" not in done.stdout + done.stderr
    linkage = tmp_path / "apart" / "who.csv"
    assert stat.S_IMODE(linkage.stat().st_mode) == 0o600
    rows = list(csv.DictReader(linkage.read_text(encoding="utf-8").splitlines()))
    assert [one["USUBJID"] for one in rows] == ["p1"]
    report = json.loads((tmp_path / "out" / "deidentification.json").read_text(encoding="utf-8"))
    assert {"place": "Patient.name", "action": "mask", "values": 1} in report["actions"]
    assert "Jansen" not in json.dumps(report)
    converted = trialbridge.to_sdtm(tmp_path / "out").study
    assert converted["DM"].frame["USUBJID"].to_list() != ["p1"]


def test_a_dm_that_names_nobody_is_refused(study, key):
    """Rows of DM would be left with ages and numbers nobody could be hidden by, or the program would break down."""
    dm = study["DM"]
    variables = tuple(one for one in dm.variables if one.name != "USUBJID")
    nameless = study.with_tables([trialbridge.Table("DM", dm.frame.drop("USUBJID"), variables, dm.label)])
    with pytest.raises(UnreadableInputError, match="whose") as raised:
        deidentify_study(nameless, key, load_rules())
    assert raised.value.fix == "add USUBJID"


def test_a_run_that_fails_leaves_no_new_key(tmp_path):
    """The mended study would be refused, because the failed run's key stands there already."""
    (tmp_path / "dm.csv").write_text("STUDYID,DOMAIN,SUBJID\nS1,DM,01\n")
    words = ["deidentify", tmp_path / "dm.csv", "-o", tmp_path / "out", "--key-file", tmp_path / "key", "--new-key"]
    done = CliRunner().invoke(app, [str(one) for one in words])
    assert done.exit_code == 2
    assert sorted(one.name for one in tmp_path.iterdir()) == ["dm.csv"]
