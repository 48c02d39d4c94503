"""Readiness: gaps made by taking elements away are found, each once and nowhere else; what may be empty is no gap.

The exports are small and by hand, or the example study's with elements removed; what must be missing is what was
removed. Counts are compared with the tables, which are counted by polars.
"""

from __future__ import annotations

import csv
import io
import json
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from trialbridge.commands import readiness as command
from trialbridge.converters import study as whole
from trialbridge.converters.applicable import applies
from trialbridge.converters.lineage import lineage_of
from trialbridge.converters.queries import as_csv, queries
from trialbridge.converters.readiness import percent, readiness
from trialbridge.fhir.jsontext import encode
from trialbridge.sdtm import files, metadata

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction" / "sdtm"
SID = "https://example.org/trialbridge/sid/"


def missing(resources):
    """What is missing: (dataset, variable, subject, resource) of each value."""
    found = readiness(lineage_of(resources, release="R4"))
    return sorted((one.dataset, one.variable.name, one.subject, one.resource) for one in found.missing)


def asked(resources):
    """The queries of an export."""
    of = lineage_of(resources, release="R4")
    return queries(readiness(of), of)


# --- elements taken away --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def export():
    """FHIR of three subjects of the example study, of two sites; the datasets of subjects."""
    given = files.read([EXAMPLE])
    subjects = given["DM"].frame.filter(given["DM"].frame["ARMCD"].is_not_null())
    chosen = [
        *subjects.filter(subjects["SITEID"] == "01")["USUBJID"][:2],
        subjects.filter(subjects["SITEID"] == "02")["USUBJID"][0],
    ]
    kept = [given[name] for name in ("DM", "AE", "VS", "PR")]
    cut = [replace(one, frame=one.frame.filter(one.frame["USUBJID"].is_in(chosen))) for one in kept]
    return whole.to_fhir(replace(given, tables={one.name: one for one in cut})).resources, chosen


def of_subject(resources, kind, usubjid):
    """The resources of a type that point at a subject's Patient."""
    patient = next(
        one for one in resources if one["resourceType"] == "Patient" and one["identifier"][0]["value"] == usubjid
    )
    if kind == "Patient":
        return [patient]
    reference = {"reference": f"Patient/{patient['id']}"}
    return [
        one
        for one in resources
        if one["resourceType"] == kind and reference in (one.get("subject"), one.get("individual"))
    ]


def difference(resources, changed):
    """What is missing after a change that was not before; nothing may be missing before that is not after."""
    before, after = missing(resources), missing(changed)
    assert [one for one in before if one not in after] == []
    return [one for one in after if one not in before]


def test_an_element_of_one_subject(export):
    """A gap would be missed, or found in other subjects, too."""
    resources, chosen = deepcopy(export)
    (patient,) = of_subject(resources, "Patient", chosen[1])
    del patient["gender"]
    (subject,) = of_subject(resources, "ResearchSubject", chosen[1])
    name = f"ResearchSubject/{subject['id']}"
    assert difference(export[0], resources) == [("DM", "SEX", chosen[1], name)]
    (query,) = [one for one in asked(resources) if one.core == "Req"]
    assert (query.subject, query.site, query.ask) == (chosen[1], "01", "site")
    assert (query.variable, query.path, query.missing) == ("SEX", "Patient.gender", "empty")
    assert "Please send Sex (DM.SEX)" in query.question


def test_an_element_of_some_records(export):
    """A gap in one of several records of a subject would be counted for all of them, or for none."""
    resources, chosen = deepcopy(export)
    events = of_subject(resources, "AdverseEvent", chosen[0])[:2]
    for one in events:
        one["event"] = {"coding": [{**coding, "display": ""} for coding in one["event"].get("coding", ())]}
        del one["seriousness"]
    names = {f"AdverseEvent/{one['id']}" for one in events}
    found = difference(export[0], resources)
    assert {one for one in found if one[1] in ("AETERM", "AESER")} == {
        ("AE", variable, chosen[0], name) for variable in ("AETERM", "AESER") for name in names
    }
    (query,) = [one for one in asked(resources) if one.variable == "AESER"]
    assert (query.records, set(query.resources.split("; ")), query.subject) == (2, names, chosen[0])


def test_a_whole_site(export):
    """A site that lacks a variable altogether would get a query for each subject, or the wrong site would get one."""
    resources, chosen = deepcopy(export)
    for usubjid in chosen[:2]:
        del of_subject(resources, "Patient", usubjid)[0]["gender"]
    found = [one for one in asked(resources) if one.variable == "SEX"]
    assert [(one.subject, one.site, one.records) for one in found] == [("(all 2)", "01", 2)]
    of = lineage_of(resources, release="R4")
    sex = next(one for one in readiness(of).fills if (one.dataset, one.variable) == ("DM", "SEX"))
    assert sex.by_site == {"01": (0, 2), "02": (1, 1)}
    assert (sex.filled, sex.of, sex.subjects, sex.subjects_of) == (1, 3, 1, 3)


def test_a_computed_value_asks_for_what_it_lacks(export):
    """A test's name and its standard result would be asked for beside the code and the result they follow from."""
    resources, chosen = deepcopy(export)
    one = next(
        one for one in of_subject(resources, "Observation", chosen[2]) if one["code"]["coding"][0]["code"] == "29463-7"
    )
    one["code"] = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
    assert difference(export[0], resources) == []  # VSTEST is the decode of VSTESTCD
    quantity = one["valueQuantity"]
    del quantity["unit"], quantity["code"]
    name = f"Observation/{one['id']}"
    expected = [("VS", variable, chosen[2], name) for variable in ("VSORRESU", "VSSTRESU")]
    assert difference(export[0], resources) == expected
    mine = [one for one in asked(resources) if one.dataset == "VS" and name in one.resources]
    assert [(one.variable, one.path) for one in mine] == [("VSORRESU", "Observation.value.ofType(Quantity).unit")]


def test_a_site_without_country(export):
    """A site's own gap (its Location) would not be laid to that site."""
    resources, _ = deepcopy(export)
    for one in resources:
        if one["resourceType"] == "ResearchStudy" and any(i["value"] == "02" for i in one.get("identifier", ())):
            del one["site"]
    found = difference(export[0], resources)
    assert {(dataset, variable) for dataset, variable, _, _ in found} == {("DM", "COUNTRY")}
    assert [(one.site, one.path) for one in asked(resources) if one.variable == "COUNTRY"] == [
        ("02", "Location.address.country")
    ]


# --- by hand --------------------------------------------------------------------------------------------------------

STUDY = {
    "resourceType": "ResearchStudy",
    "id": "st",
    "status": "active",
    "identifier": [{"system": SID + "studyid", "value": "S1"}],
}


def subject(number, **patient):
    """A ResearchSubject and its Patient."""
    return [
        {"resourceType": "Patient", "id": f"p{number}", **patient},
        {
            "resourceType": "ResearchSubject",
            "id": f"r{number}",
            "status": "on-study",
            "identifier": [{"system": SID + "usubjid", "value": f"S1-0{number}"}],
            "individual": {"reference": f"Patient/p{number}"},
            "study": {"reference": "ResearchStudy/st"},
        },
    ]


def sex_of(patient):
    """The query on SEX of an export of one such Patient."""
    return next(one for one in asked([STUDY, *subject(1, **patient)]) if one.variable == "SEX")


def test_a_code_that_is_not_understood():
    """A value that is sent with an unknown code would be asked for as if nothing had been sent."""
    query = sex_of({"gender": "männlich"})
    assert query.missing == "not understood: what stands at Patient.gender"
    assert "Which one is meant?" in query.question
    assert "männlich" not in as_csv([query])


@pytest.mark.parametrize(
    ("name", "ask", "begins"),
    [
        ("AE.AEDECOD", "sponsor", "Please code "),  # dictionary coding (SDTMIG 3.4, AE assumption 4) is the sponsor's
        ("AE.AESER", "site", "Please send "),
        ("DM.SEX", "site", "Please send "),
        ("DM.RFENDTC", "sponsor", "FHIR does not say "),
        ("DM.STUDYID", "sponsor", "Please send "),
        ("DS.DSDECOD", "site", "Please send "),  # a completion's term is no dictionary's, but the site's knowledge
    ],
)
def test_who_is_asked_and_in_which_words(name, ask, begins):
    """A site would be asked for the sponsor's coding, or the sponsor for what the ward knows."""
    patient, enrolled = subject(1)
    progress = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ResearchSubject.progress"
    enrolled["extension"] = [{"url": progress, "extension": [{"url": "startDate", "valueDateTime": "2020-02-03"}]}]
    event = {"resourceType": "AdverseEvent", "id": "a", "actuality": "actual", "event": {"text": "Rash"}}
    event["subject"] = {"reference": "Patient/p1"}
    if name == "DM.STUDYID":
        del enrolled["study"]
    found = [one for one in asked([STUDY, patient, enrolled, event]) if f"{one.dataset}.{one.variable}" == name]
    assert {(one.ask, one.question.startswith(begins)) for one in found} == {(ask, True)}


@pytest.mark.parametrize(
    ("with_events", "subjects"), [((1,), ["S1-01"]), ((1, 3), ["(all 2)"]), ((1, 2, 3), ["(all 3)"])]
)
def test_all_are_those_who_have_such_a_record(with_events, subjects):
    """A site would be asked of all its subjects because the two who had an event lack it, or of each for itself."""
    people = [one for number in (1, 2, 3) for one in subject(number)]
    event = {"resourceType": "AdverseEvent", "actuality": "actual", "event": {"text": "Rash"}}
    events = [{**event, "id": f"a{one}", "subject": {"reference": f"Patient/p{one}"}} for one in with_events]
    assert [one.subject for one in asked([STUDY, *people, *events]) if one.variable == "AESER"] == subjects


def test_a_reason_for_absence():
    """A value the source gives as unknown would be asked for as if it had been forgotten."""
    url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    query = sex_of({"_gender": {"extension": [{"url": url, "valueCode": "asked-declined"}]}})
    assert query.missing == "given as absent (asked-declined)"


def test_paths_are_written_out():
    """A site would be told to fill `%subjid`, which only the dictionary knows."""
    path = next(one.path for one in asked([STUDY, *subject(1)]) if one.variable == "SUBJID")
    assert path == f"ResearchSubject.identifier.where(system='{SID}subjid').value"


def test_study_of_records_is_asked_for_once():
    """Every dataset would ask for STUDYID, though all follow from the subject's study."""
    resources = subject(1, gender="male")
    del resources[1]["study"]
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "Gout"},
    }
    found = [one for one in asked([*resources, condition]) if one.variable == "STUDYID"]
    assert [(one.dataset, one.path) for one in found] == [("DM", "ResearchSubject.study")]
    assert ("MH", "STUDYID", "S1-01", "Condition/c") in missing([*resources, condition])


def test_without_subjects():
    """An export without any subject would count as ready, for nothing of it is missing."""
    found = readiness(lineage_of([STUDY], release="R4"))
    assert not found.ready
    assert found.records == {"DM": 0}
    assert [one.variable for one in asked([STUDY])] == ["USUBJID"]


def test_ready_is_about_required_variables():
    """An export that lacks expected variables alone would not be ready, or one that lacks required ones would be."""
    site = {
        "resourceType": "ResearchStudy",
        "id": "site",
        "status": "active",
        "identifier": [{"system": SID + "siteid", "value": "7"}],
        "partOf": [{"reference": "ResearchStudy/st"}],
        "site": [{"reference": "Location/l"}],
    }
    location = {"resourceType": "Location", "id": "l", "address": {"country": "DEU"}}
    patient, person = subject(1, gender="female")
    person["identifier"].append({"system": SID + "subjid", "value": "01"})
    person["study"] = {"reference": "ResearchStudy/site"}
    resources = [STUDY, site, location, patient, person]
    found = readiness(lineage_of(resources, release="R4"))
    assert found.ready
    assert found.overall.expected < found.overall.expected_of
    # SDTMIG 3.4: DM has seven required variables
    assert (found.overall.required, found.overall.required_of) == (7, 7)
    del location["address"]
    assert not readiness(lineage_of(resources, release="R4")).ready


@pytest.mark.parametrize(
    ("dataset", "variable", "row", "wanted"),
    [
        ("DM", "DTHDTC", {}, False),
        ("DM", "DTHDTC", {"DTHFL": "Y"}, True),
        ("DM", "ARMCD", {"ARMNRS": "SCREEN FAILURE"}, False),
        ("DM", "ARMCD", {}, True),
        ("TA", "ARMCD", {"ARMNRS": "SCREEN FAILURE"}, True),
        ("DM", "RFSTDTC", {"ARMNRS": "SCREEN FAILURE"}, False),
        ("DM", "RFSTDTC", {"ARMNRS": "UNPLANNED TREATMENT"}, True),
        ("DM", "ACTARMUD", {"ARMNRS": "UNPLANNED TREATMENT"}, True),
        ("DM", "RACE", {}, True),
        ("LB", "LBORRES", {"LBSTAT": "NOT DONE"}, False),
        ("LB", "LBORRES", {}, True),
        ("LB", "LBORRESU", {"LBORRES": "NEGATIVE"}, False),
        ("LB", "LBORRESU", {"LBORRES": "5.2"}, True),
        ("LB", "LBLOBXFL", {}, False),
        ("LB", "VISITNUM", {}, True),
        ("TR", "TRLNKID", {"TRTESTCD": "SUMDIAM"}, False),
        ("TR", "TRLNKID", {"TRTESTCD": "LDIAM"}, True),
        ("AE", "AEENDTC", {"AEOUT": "NOT RECOVERED/NOT RESOLVED"}, False),
        ("AE", "AEENDTC", {"AEENRTPT": "ONGOING"}, False),
        ("AE", "AEENDTC", {"AEOUT": "RECOVERED/RESOLVED"}, True),
        ("DS", "DSSTDY", {"DSSTDTC": "2020-03"}, False),
        ("DS", "DSSTDY", {"DSSTDTC": "2020-03-01"}, True),
    ],
)
def test_what_may_rightly_be_empty(dataset, variable, row, wanted):
    """Sites would be asked for values that cannot be, or values that should be there would not be asked for."""
    assert applies(dataset, variable, row) is wanted


def test_a_required_variable_is_never_let_off():
    """A required result (IEORRES, SDTMIG 3.4) would be let off by the rule that lets expected ones off when not done."""
    not_done = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-performed"}
    criterion = {
        "resourceType": "Observation",
        "id": "ie",
        "status": "final",
        "identifier": [{"system": SID + "sdtm-record", "value": "S1|IE|S1-01|1"}],
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"display": "INCL01"}], "text": "Age over 18"},
        "dataAbsentReason": {"coding": [not_done]},
    }
    found = missing([STUDY, *subject(1), criterion])
    assert ("IE", "IEORRES", "S1-01", "Observation/ie") in found


def test_percent():
    """A variable with one value missing of ten thousand would be shown as 100 %."""
    assert percent(9_999, 10_000) == 99.9
    assert (percent(0, 7), percent(3, 7), percent(7, 7), percent(0, 0)) == (0.0, 42.9, 100.0, None)


# --- against the tables ---------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_tables(mcode_examples):
    """Counts would not be those of the tables the conversion makes of a foreign export."""
    names = [one for one in mcode_examples.names if one.startswith("package/example/")]
    resources = [one for name in names if (one := mcode_examples.json(name))["resourceType"] != "Bundle"]
    found = readiness(lineage_of(resources, release="R4"))
    study = whole.to_sdtm(resources, release="R4").study
    assert set(found.records) == {one.name for one in study} - {"RELREC"} - {
        n.name for n in study if n.name.startswith("SUPP")
    }
    for one in found.fills:
        frame = study[one.dataset].frame
        there = frame.height - frame[one.variable].null_count() if one.variable in frame.columns else 0
        assert (one.dataset, one.variable, one.filled) == (one.dataset, one.variable, there)
        assert there <= one.of <= frame.height
        if one.core == "Req":
            assert one.of == frame.height
    wanted = {(d, v.name) for d in found.records for v in metadata.domain(d).variables if v.core in ("Req", "Exp")}
    assert {(one.dataset, one.variable) for one in found.fills} == wanted
    # its Patients belong to no study, so no site: mCODE 4.0.0 has no ResearchSubject example
    assert not found.ready
    assert list(found.sites) == ["(no site)"]


def test_shares_add_up(export):
    """Subjects, sites and all together would count different values."""
    found = readiness(lineage_of(export[0], release="R4"))
    for shares in (found.subjects, found.sites):
        for name in ("required", "required_of", "expected", "expected_of"):
            assert sum(getattr(one, name) for one in shares.values()) == getattr(found.overall, name)
    assert set(found.sites) == {"01", "02"}
    assert found.overall.required_of - found.overall.required == sum(o.missing for o in found.fills if o.core == "Req")


def test_trial_design_is_of_the_study_and_of_no_subject_or_site():
    """The study would be listed among its subjects and sites, and a site be sent a question about the design."""
    given = files.read([EXAMPLE])
    resources = [*whole.to_fhir(replace(given, tables={name: given[name] for name in ("DM", "TA")})).resources]
    (design,) = [one for one in resources if one["resourceType"] == "PlanDefinition"]
    assert design["action"][0].pop("prefix")
    of = lineage_of(resources, release="R4")
    found = readiness(of)
    told = found.as_dict()
    assert sorted(told["sites"]) == ["01", "02", "03"]
    assert len(told["subjects"]) == found.records["DM"]
    wanted = sum(one.core == "Req" for one in metadata.domain("TA").variables) * found.records["TA"]
    assert told["study"]["required"] == {"filled": wanted - 1, "of": wanted, "percent": percent(wanted - 1, wanted)}
    assert all(not one["bySite"] and not one["subjectsOf"] for one in told["variables"] if one["dataset"] == "TA")
    (query,) = [one for one in queries(found, of) if one.dataset == "TA"]
    assert (query.subject, query.site, query.ask, query.variable) == ("", "", "sponsor", "ETCD")
    assert "(study)" not in json.dumps([told, *map(asdict, queries(found, of))])


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, export):
    """The example's export as a folder of NDJSON."""
    place = tmp_path / "export"
    place.mkdir()
    (place / "all.ndjson").write_bytes(b"".join(encode(one) + b"\n" for one in export[0]))
    return place


def test_exit_codes(folder, export, tmp_path, capsys):
    """A required variable missing would not fail a script, or an expected one would."""
    wanted = command.Wanted((folder,), tmp_path / "q" / "queries.csv")
    assert command.run(wanted, no_color=True) == 0
    assert "ready: every required variable" in capsys.readouterr().out
    lines = [json.loads(line) for line in (folder / "all.ndjson").read_text().splitlines()]
    for one in lines:
        if one["resourceType"] == "Patient":
            one.pop("gender")
    (folder / "all.ndjson").write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert command.run(wanted, no_color=True) == 1
    out = capsys.readouterr().out
    assert "not ready: 3 required values are missing" in out
    rows = list(csv.DictReader(io.StringIO((tmp_path / "q" / "queries.csv").read_text(encoding="utf-8"))))
    of_sex = [(one["site"], one["subject"], one["path"], one["ask"]) for one in rows if one["variable"] == "SEX"]
    # site 02 has one subject, who is named
    assert of_sex == [("01", "(all 2)", "Patient.gender", "site"), ("02", export[1][2], "Patient.gender", "site")]
    assert all(one["question"] for one in rows)


def test_json(folder, capsys):
    """Machine output would not be JSON alone, or lack percent by subject and site."""
    assert command.run(command.Wanted((folder,)), as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ready"] is True
    assert set(found["sites"]) == {"01", "02"}
    assert len(found["subjects"]) == 3
    assert found["study"]["required"]["of"] == 0
    assert all(one["required"]["percent"] == 100.0 for one in found["subjects"].values())
    sex = next(one for one in found["variables"] if (one["dataset"], one["variable"]) == ("DM", "SEX"))
    assert (sex["core"], sex["paths"], sex["percentOfSubjects"]) == ("Req", ["Patient.gender"], 100.0)


def test_sdtm_is_refused(capsys):
    """Tables would be taken for an export."""
    assert command.run(command.Wanted((EXAMPLE,))) == 2
    assert "this is SDTM" in capsys.readouterr().err


def test_unknown_guide_is_refused(folder, capsys):
    """A mistyped SDTMIG version would be passed over."""
    assert command.run(command.Wanted((folder,), version="9-9")) == 2
    assert "9.9" in capsys.readouterr().err
