"""A record to FHIR's ResearchStudy and back, in R4 and R5, and foreign FHIR to a record.

Expected codes stand in HL7's code systems (research-study-status, study-design, research-study-arm-type,
research-study-party-role) and in the table of mCODE's trial matching for R4's status.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbridge.base.errors import UnreadableInputError
from trialbridge.converters.registry import fhir as registry_fhir
from trialbridge.converters.registry.rest import parsed, rest, restored, spelled
from trialbridge.fhir import profiles
from trialbridge.fhir.bundle import with_references
from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.fhir.located import Located
from trialbridge.registry.enums import enumeration
from trialbridge.registry.record import Record

RELEASES = ("R4", "R5")
MADE_UP = json.loads((Path(__file__).parent / "data" / "made-up.json").read_text())


def through(content, release, edit=lambda _resources: None, *, with_contacts=True):
    """A record to FHIR, through bytes of JSON, and back; `edit` may change the resources on the way."""
    written = registry_fhir.to_fhir(Record(content), release)
    resources = [decode(encode(one)) for one in written.resources]
    edit(resources)
    (read,) = registry_fhir.to_records(resources, release, with_contacts=with_contacts)
    return written, read


def plain(content):
    """JSON with names in one order and numbers digit for digit; True is not 1."""
    return json.dumps(decode(encode(content)), sort_keys=True, default=str)


def errors(written, release):
    """What the structure check says of all resources."""
    return [str(one) for resource in written.resources for one in check(resource, release)]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["driving", "large", "made_up"])
def test_a_record_comes_home_exactly(name, release, request):
    """If it failed, a record would lose or change something on its way through FHIR, or the FHIR would be refused."""
    content = request.getfixturevalue(name)
    written, read = through(content, release)
    assert plain(read.record.content) == plain(content)
    assert not read.residue
    assert not errors(written, release)
    assert written.native + written.carried == sum(1 for _ in registry_fhir.leaves(content))


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["driving", "made_up"])
def test_what_is_written_conforms_to_the_release(name, release, request):
    """If it failed, a server would refuse the resources: types, required codes, invariants, references, our extension."""
    resources = registry_fhir.to_fhir(Record(request.getfixturevalue(name)), release).resources
    found = [one for one in profiles.validate(list(resources), release) if one.severity != "note"]
    assert [str(one) for one in found if one.severity == "error"] == []
    # warned of are only codes outside extensible value sets: the registry's own activities and kinds of identifiers
    assert {one.where.path.rpartition(".")[2] for one in found} <= {"state", "type"}


def test_r5_has_a_place_for_every_field_of_the_driving_trial(driving):
    """If it failed, the trial's own record would need an extension in R5, which has elements for all of it."""
    written, _ = through(driving, "R5")
    assert (written.carried, written.findings) == (0, ())
    assert not any("registry-field" in str(one) for one in written.resources[0].get("extension", ()))


def test_the_ledger_says_what_r4_has_no_place_for(driving):
    """If it failed, a user would not learn what FHIR's readers do not see. The list: R4's ResearchStudy has no such element."""
    written, _ = through(driving, "R4")
    lost = {one.where.path.removeprefix("protocolSection.") for one in written.findings}
    assert lost == {
        "identificationModule.organization",
        "identificationModule.officialTitle",
        "identificationModule.acronym",
        "descriptionModule.briefSummary",
        "outcomesModule.primaryOutcomes[].description",
        "outcomesModule.primaryOutcomes[].timeFrame",
        "outcomesModule.secondaryOutcomes[].description",
        "outcomesModule.secondaryOutcomes[].timeFrame",
        "contactsLocationsModule.locations[].status",
    }
    assert {one.id for one in written.findings} == {"TB-REG-CARRIED"}


def test_the_driving_trial_in_r5(driving):
    """If it failed, a reader of plain R5 would see the trial otherwise than the registry shows it."""
    study, *beside = through(driving, "R5")[0].resources
    assert study["identifier"][0] == {"use": "official", "system": "http://clinicaltrials.gov", "value": "NCT03406468"}
    assert study["status"] == "active"
    assert study["phase"]["coding"][0] == {"system": "http://hl7.org/fhir/research-study-phase", "code": "phase-2"}
    designs = {one["text"]: one["coding"][0]["code"] for one in study["studyDesign"] if "coding" in one}
    assert designs["CT.gov StudyType: INTERVENTIONAL"] == "SEVCO:01001"
    assert designs["Design Intervention Model: Single Group Assignment"] == "SEVCO:01016"
    states = {one["state"]["coding"][0]["code"]: one for one in study["progressStatus"]}
    assert "recruiting" in states
    whole = [one for one in study["progressStatus"] if one["state"]["coding"][0]["code"] == "overall-study"]
    assert [(one["actual"], one["period"]) for one in whole] == [
        (True, {"start": "2019-07-15"}),
        (False, {"end": "2021-03-01"}),
    ]
    assert study["recruitment"]["targetNumber"] == 40
    (arm,) = study["comparisonGroup"]
    assert (arm["name"], arm["type"]["coding"][0]["code"]) == ("Radiotherapy", "experimental")
    assert arm["intendedExposure"][0]["display"] == "Radiation: Radiotherapy"
    assert [one["type"][0]["coding"][0]["code"] for one in study["outcomeMeasure"]] == ["primary", *["secondary"] * 3]
    parties = {one["role"]["coding"][0]["code"]: one["name"] for one in study["associatedParty"]}
    assert parties["lead-sponsor"] == "Maastricht Radiation Oncology"
    kinds = sorted(one["resourceType"] for one in beside)
    assert kinds == ["EvidenceVariable"] * 5 + ["Group"] + ["Location"] * 3 + ["Organization"]
    (group,) = (one for one in beside if one["resourceType"] == "Group")
    said = {one["code"]["text"]: one for one in group["characteristic"]}
    assert said["INCL01"]["valueCodeableConcept"]["text"] == "Stage IV non-small cell lung cancer"
    assert (said["EXCL02"]["exclude"], said["INCL02"]["exclude"]) == (True, False)
    assert said["Minimum Age"]["valueQuantity"] == {
        "value": 18,
        "unit": "Years",
        "system": "http://unitsofmeasure.org",
        "code": "a",
    }


def test_the_driving_trial_in_r4(driving):
    """If it failed, a reader of plain R4 would see the trial otherwise than the registry shows it."""
    study, *beside = through(driving, "R4")[0].resources
    assert (study["status"], study["period"]) == ("active", {"start": "2019-07-15", "end": "2021-03-01"})
    assert next(one["name"] for one in study["objective"]) == "Progression free survival"
    assert study["arm"][0]["name"] == "Radiotherapy"
    kinds = sorted(one["resourceType"] for one in beside)
    assert kinds == ["Group", "Location", "Location", "Location", "Organization", "PlanDefinition"]
    (group,) = (one for one in beside if one["resourceType"] == "Group")
    assert (group["actual"], group["quantity"]) == (False, 40)


R4_STATUS = {
    "NOT_YET_RECRUITING": "approved",
    "RECRUITING": "active",
    "ENROLLING_BY_INVITATION": "active",
    "ACTIVE_NOT_RECRUITING": "closed-to-accrual",
    "SUSPENDED": "temporarily-closed-to-accrual",
    "TERMINATED": "administratively-completed",
    "COMPLETED": "completed",
    "WITHDRAWN": "withdrawn",
}


@pytest.mark.parametrize(("status", "code"), R4_STATUS.items())
def test_r4_status(status, code, driving, changed):
    """If it failed, R4's readers would see another status; two that share a code would come back as one."""
    content = changed(driving, {"protocolSection.statusModule.overallStatus": status})
    written, read = through(content, "R4")
    assert written.resources[0]["status"] == code
    assert read.record.status == status


FIELDS = {
    "Status": "statusModule.overallStatus",
    "StudyType": "designModule.studyType",
    "Phase": "designModule.phases",
    "DesignAllocation": "designModule.designInfo.allocation",
    "InterventionalAssignment": "designModule.designInfo.interventionModel",
    "PrimaryPurpose": "designModule.designInfo.primaryPurpose",
    "ObservationalModel": "designModule.designInfo.observationalModel",
    "DesignTimePerspective": "designModule.designInfo.timePerspective",
    "DesignMasking": "designModule.designInfo.maskingInfo.masking",
    "WhoMasked": "designModule.designInfo.maskingInfo.whoMasked",
    "BioSpecRetention": "designModule.bioSpec.retention",
    "EnrollmentType": "designModule.enrollmentInfo.type",
    "DateType": "statusModule.startDateStruct.type",
    "AgencyClass": "sponsorCollaboratorsModule.leadSponsor.class",
    "ResponsiblePartyType": "sponsorCollaboratorsModule.responsibleParty.type",
    "ArmGroupType": "armsInterventionsModule.armGroups[0].type",
    "InterventionType": "armsInterventionsModule.interventions[0].type",
    "Sex": "eligibilityModule.sex",
    "StandardAge": "eligibilityModule.stdAges",
    "SamplingMethod": "eligibilityModule.samplingMethod",
    "RecruitmentStatus": "contactsLocationsModule.locations[0].status",
    "IpdSharing": "ipdSharingStatementModule.ipdSharing",
    "IpdSharingInfoType": "ipdSharingStatementModule.infoTypes",
    "ExpandedAccessStatus": "statusModule.expandedAccessInfo.statusForNctId",
    "SecondaryIdType": "identificationModule.secondaryIdInfos[0].type",
    "ReferenceType": "referencesModule.references[0].type",
}
LISTS = ("Phase", "WhoMasked", "StandardAge", "IpdSharingInfoType")


@pytest.mark.parametrize("name", FIELDS)
def test_every_value_of_every_enumeration_has_an_element_in_r5(name, driving, changed):
    """If it failed, a value would travel beside the elements, unseen by FHIR's readers, though it could be said."""
    base = changed(
        driving,
        {
            "protocolSection.identificationModule.secondaryIdInfos": [{"id": "2017-1", "type": "OTHER"}],
            "protocolSection.referencesModule.references": [{"pmid": "1", "type": "RESULT", "citation": "A paper"}],
        },
    )
    for value in enumeration(name).values:
        content = changed(base, {f"protocolSection.{FIELDS[name]}": [value] if name in LISTS else value})
        if name == "InterventionType":  # the record repeats the type's display at the arm
            shown = enumeration(name).writes["public"][value]
            content = changed(
                content,
                {"protocolSection.armsInterventionsModule.armGroups[0].interventionNames": [f"{shown}: Radiotherapy"]},
            )
        written, read = through(content, "R5")
        assert plain(read.record.content) == plain(content), value
        assert written.findings == (), (value, [str(one) for one in written.findings])


def test_results_are_evidence_in_r5(large):
    """If it failed, a reader of FHIR would see no results, or other numbers than the registry shows."""
    study, *beside = registry_fhir.to_fhir(Record(large), "R5").resources
    (report,) = (one for one in beside if one["resourceType"] == "EvidenceReport")
    assert study["result"] == [{"reference": f"EvidenceReport/{report['id']}"}]
    titles = ["Participant flow", "Baseline characteristics", "Outcome measures", "Adverse events"]
    assert [one["title"] for one in report["section"]] == titles
    evidence = {one["title"]: one for one in beside if one["resourceType"] == "Evidence"}
    flow = large["resultsSection"]["participantFlowModule"]
    (period, *_), group = flow["periods"], flow["groups"][1]
    milestone = period["milestones"][0]
    (cell,) = [one for one in milestone["achievements"] if one["groupId"] == group["id"]]
    first = evidence[f"{period['title']}: {group['title']}"]["statistic"][0]
    assert (first["category"]["text"], str(first["numberAffected"])) == (milestone["type"], cell["numSubjects"])
    outcomes = large["resultsSection"]["outcomeMeasuresModule"]["outcomeMeasures"]
    seen = 0
    for measure in outcomes:
        cells = [
            cell for block in measure.get("classes", ()) for row in block["categories"] for cell in row["measurements"]
        ]
        for group in measure.get("groups", ()):
            mine = [cell for cell in cells if cell["groupId"] == group["id"]]
            title = f"{measure['title']} ({measure['timeFrame']}): {group['title']}"
            if not mine:
                assert title not in evidence
                continue
            statistics = evidence[title]["statistic"]
            assert len(statistics) == len(mine)
            for cell, one in zip(mine, statistics, strict=True):
                said = one.get("numberAffected", one.get("quantity", {}).get("value"))
                assert said is None or str(said) == cell["value"]
                (limits,) = [each["range"] for each in one.get("attributeEstimate", ()) if "range" in each] or [{}]
                assert str(limits.get("low", {}).get("value", "")) == cell.get("lowerLimit", "").replace("NA", "")
                seen += said is not None
    assert seen > 60
    serious = next(one for title, one in evidence.items() if title.startswith("Serious adverse events"))
    events = large["resultsSection"]["adverseEventsModule"]["seriousEvents"]
    assert len(serious["statistic"]) == len(events)
    first = events[0]["stats"][0]
    assert serious["statistic"][0]["numberAffected"] == first["numAffected"]
    assert serious["statistic"][0]["sampleSize"] == {"numberOfParticipants": first["numAtRisk"]}


@pytest.mark.parametrize("release", RELEASES)
def test_unknown_values_are_reported_and_kept(release, driving, changed):
    """If it failed, a value the registry added later would vanish, or pass unseen."""
    content = changed(
        driving,
        {
            "protocolSection.designModule.phases": ["PHASE2", "PHASE9"],
            "protocolSection.armsInterventionsModule.armGroups[0].type": "MAGIC",
        },
    )
    written, read = through(content, release)
    assert plain(read.record.content) == plain(content)
    unknown = [one for one in written.findings if one.id == "TB-REG-VALUE-UNKNOWN"]
    assert {one.message.split()[0] for one in unknown} == {"'PHASE9'", "'MAGIC'"}
    assert any(one.where.path == "armsInterventionsModule.armGroups[0].type" for one in unknown)


def test_what_was_edited_in_fhir_wins_over_what_was_carried(driving):
    """If it failed, an edit made in FHIR would be undone by what travelled beside it, without a word."""

    def edit(resources):
        resources[0]["objective"][0]["name"] = "Overall survival"

    _, read = through(driving, "R4", edit)
    first, second = read.record.outcomes[:2]
    assert (first.measure, first.time_frame) == ("Overall survival", "")
    assert second.time_frame == "3 months after end of radiotherapy"
    stale = [one.where.path for one in read.findings if one.id == "TB-REG-STALE"]
    assert stale == [
        f"protocolSection.outcomesModule.primaryOutcomes[0].{name}" for name in ("description", "timeFrame")
    ]


def test_a_broken_extension_is_said(driving):
    """If it failed, an extension someone damaged would end in a traceback."""

    def edit(resources):
        mine = [one for one in resources[0]["extension"] if one["url"].endswith("/registry-field")]
        mine[0]["extension"][0]["valueString"] = "a[x]"
        mine[1]["extension"][1]["valueString"] = "{"
        mine[2]["extension"][0]["valueString"] = "none[3].such"

    _, read = through(driving, "R4", edit)
    assert [one.id for one in read.findings] == ["TB-REG-CARRIED-BROKEN", "TB-REG-CARRIED-BROKEN", "TB-REG-STALE"]
    assert read.record.nct_id == "NCT03406468"


@pytest.mark.parametrize("name", ["driving", "large"])
def test_fields_come_in_the_apis_order(name, request):
    """If it failed, a record that came back would have its sections and modules in an order no reader knows."""
    content = request.getfixturevalue(name)
    _, read = through(content, "R5")
    back = read.record.content
    assert list(back) == list(content)
    for section in ("protocolSection", "resultsSection"):
        assert list(back.get(section, {})) == list(content.get(section, {}))
    arm = content["protocolSection"]["armsInterventionsModule"]["armGroups"][0]
    assert list(back["protocolSection"]["armsInterventionsModule"]["armGroups"][0]) == list(arm)


@pytest.mark.parametrize("release", RELEASES)
def test_a_bundle_refers_by_full_url(release, driving):
    """If it failed, a Bundle of a server (urn:uuid references) would give a record without sites and interventions."""
    resources = [decode(encode(one)) for one in registry_fhir.to_fhir(Record(driving), release).resources]
    names = {f"{one['resourceType']}/{one['id']}": f"urn:uuid:{one['id']}" for one in resources}
    items = [
        Located(with_references(one, lambda text: names.get(text, text)), full_url=f"urn:uuid:{one['id']}")
        for one in resources
    ]
    (read,) = registry_fhir.to_records(items, release)
    assert plain(read.record.content) == plain(driving)


@pytest.mark.parametrize("release", RELEASES)
def test_our_fhir_with_additions_comes_home_too(release, made_up):
    """If it failed, FHIR of ours that a hospital added to would lose sites, results or the additions on its way."""

    def edit(resources):
        resources[0]["note"] = [{"text": "Added"}]

    _, read = through(made_up, release, edit)
    assert plain(read.record.content) == plain(made_up)
    assert [(one["path"], one["absent"]) for one in read.residue] == [("note", False)]
    back = registry_fhir.with_residue(read.record, read.residue, release)
    assert back[0]["note"] == [{"text": "Added"}]
    (again,) = registry_fhir.to_records(back, release, with_contacts=True)
    assert plain(again.record.content) == plain(made_up)
    assert again.residue == read.residue


def test_patients_are_no_part_of_a_record(driving):
    """If it failed, a whole study's patients would be written beside its registry record."""
    resources = list(registry_fhir.to_fhir(Record(driving), "R5").resources)
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": "1950-01-01"}
    group = {"resourceType": "Group", "id": "g1", "type": "person", "membership": "enumerated", "name": "Enrolled"}
    group["member"] = [{"entity": {"reference": "Patient/p1"}}]
    study = {**resources[0], "recruitment": {**resources[0]["recruitment"], "actualGroup": {"reference": "Group/g1"}}}
    (read,) = registry_fhir.to_records([study, *resources[1:], group, patient], "R5")
    assert "1950-01-01" not in str(read.residue)
    assert [(one["resource"], one["absent"]) for one in read.residue if not one["path"]] == [("Group/g1", False)]


@pytest.mark.parametrize("release", RELEASES)
def test_persons_are_dropped_unless_asked_for(release, driving, changed):
    """If it failed, names and telephone numbers of people would leave the registry without anyone asking."""
    people = {
        "protocolSection.contactsLocationsModule.centralContacts": [
            {"name": "Pat Example", "role": "CONTACT", "phone": "555-0100", "email": "pat@example.org"}
        ],
        "protocolSection.contactsLocationsModule.overallOfficials": [
            {"name": "Sam Example", "affiliation": "Example Clinic", "role": "PRINCIPAL_INVESTIGATOR"}
        ],
    }
    content = changed(driving, people)
    written, read = through(content, release)
    assert plain(read.record.content) == plain(content)
    assert not errors(written, release)
    _, bare = through(content, release, with_contacts=False)
    said = json.dumps([bare.record.content, bare.residue], default=str)
    assert "Example" not in said
    assert "555" not in said
    assert any(one.id == "TB-REG-CONTACT-DROPPED" for one in bare.findings)


@pytest.fixture(scope="module")
def hl7_example(r5_examples):
    """HL7's R5 example of a registry record, made by a public converter; its persons are in HL7's package, not here."""
    return r5_examples.json("package/ResearchStudy-example-ctgov-study-record.json")


def test_hl7s_example_comes_home_exactly(hl7_example):
    """If it failed, FHIR that others made would lose something on its way through a record."""
    (read,) = registry_fhir.to_records([copy.deepcopy(hl7_example)], "R5", with_contacts=True)
    assert registry_fhir.with_residue(read.record, read.residue) == [hl7_example]
    again = registry_fhir.to_fhir(read.record, "R5")
    assert (
        registry_fhir.to_records(list(again.resources), "R5", with_contacts=True)[0].record.content
        == read.record.content
    )


def test_hl7s_example_is_understood(hl7_example):
    """If it failed, a public converter's R5 would be carried but not read. Expected: what its narrative shows."""
    (read,) = registry_fhir.to_records([copy.deepcopy(hl7_example)], "R5")
    record = read.record
    assert (record.nct_id, record.org_study_id, record.status) == ("NCT05503693", "AP303-PK-01", "RECRUITING")
    assert (record.phases, record.enrollment.count, record.enrollment.type) == (("PHASE1",), 62, "ESTIMATED")
    assert (record.design.masking, record.design.allocation, record.design.intervention_model) == (
        "QUADRUPLE",
        "RANDOMIZED",
        "SEQUENTIAL",
    )
    assert record.design.who_masked == ("PARTICIPANT", "CARE_PROVIDER", "INVESTIGATOR", "OUTCOMES_ASSESSOR")
    assert (record.start.date, record.start.type, record.completion.date) == ("2022-12-06", "ESTIMATED", "2023-06")
    assert [(one.label, one.type, len(one.intervention_names)) for one in record.arms] == [
        ("AP303", "EXPERIMENTAL", 4),
        ("Placebo", "PLACEBO_COMPARATOR", 4),
    ]
    assert {one.type for one in record.interventions} == {"DRUG"}
    assert [(one.facility, one.country, one.status) for one in record.locations] == [
        ("Nucleus Network Pty Ltd", "Australia", "RECRUITING")
    ]
    assert [one.kind for one in record.outcomes].count("PRIMARY") == 19
    assert "Practitioner" not in json.dumps(read.residue, default=str)


BALLOT = {
    "resourceType": "ResearchStudy",
    "id": "made-up",
    "meta": {"profile": ["http://hl7.org/fhir/uv/ebm/StructureDefinition/study-registry-record"]},
    "identifier": [{"use": "official", "system": "https://clinicaltrials.gov", "value": "NCT00000000"}],
    "title": "A made-up study",
    "label": [
        {
            "type": {"coding": [{"system": "http://hl7.org/fhir/title-type", "code": "official"}]},
            "value": "The long title",
        }
    ],
    "status": "active",
    "purposeType": [
        {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/research-study-prim-purp-type", "code": "treatment"}
            ]
        }
    ],
    "contained": [
        {
            "resourceType": "EvidenceVariable",
            "id": "drug",
            "title": "Drug X",
            "status": "active",
            "classifier": [{"text": "Intervention type: Drug"}],
            "note": [{"text": "X-1"}],
        },
        {
            "resourceType": "Group",
            "id": "comparison-group-0",
            "title": "Drug X arm",
            "code": {"text": "Experimental"},
            "membership": "conceptual",
            "characteristic": [
                {
                    "code": {"text": "Exposed to"},
                    "valueReference": {"reference": "#drug", "display": "Drug: Drug X"},
                    "exclude": False,
                }
            ],
        },
    ],
    "comparisonGroup": [{"linkId": "x", "eligibility": {"reference": "#comparison-group-0"}}],
    "recruitment": {"targetNumber": 12, "eligibility": {"reference": "Group/eligibility"}},
    "objective": [
        {
            "type": {"coding": [{"code": "primary"}]},
            "outcomeMeasure": [{"name": "Survival", "endpoint": {"display": "Survival at one year"}}],
        }
    ],
}
ELIGIBILITY = {
    "resourceType": "Group",
    "id": "eligibility",
    "title": "Eligibility Criteria for NCT00000000",
    "membership": "conceptual",
    "characteristic": [
        {
            "code": {"text": "Inclusion Criterion"},
            "valueCodeableConcept": {"text": "Inclusion Criterion"},
            "exclude": False,
        },
        {"code": {"text": "Pregnancy"}, "valueCodeableConcept": {"text": "pregnant"}, "exclude": True},
    ],
}


def test_the_registrys_own_fhir_json_is_read():
    """If it failed, `?format=fhir.json` could not be taken in. The shape is the R6 ballot's; the study is made up by us."""
    given = copy.deepcopy([BALLOT, ELIGIBILITY])
    (read,) = registry_fhir.to_records(given, "R4")
    record = read.record
    assert (record.nct_id, record.official_title, record.design.primary_purpose) == (
        "NCT00000000",
        "The long title",
        "TREATMENT",
    )
    assert [(one.label, one.type, one.intervention_names) for one in record.arms] == [
        ("Drug X arm", "EXPERIMENTAL", ("Drug: Drug X",))
    ]
    assert [(one.type, one.name, one.other_names, one.arm_labels) for one in record.interventions] == [
        ("DRUG", "Drug X", ("X-1",), ("Drug X arm",))
    ]
    assert [(one.kind, one.measure) for one in record.outcomes] == [("PRIMARY", "Survival")]
    assert record.eligibility.criteria == (
        "Inclusion Criteria:\n\n* Inclusion Criterion\n\nExclusion Criteria:\n\n* Pregnancy: pregnant"
    )
    assert record.enrollment.count == 12
    back = registry_fhir.with_residue(record, read.residue)
    assert {json.dumps(one, sort_keys=True) for one in back} == {
        json.dumps(one, sort_keys=True) for one in (BALLOT, ELIGIBILITY)
    }


def _places(content, here=()):
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in inner:
        yield (*here, name)
        yield from _places(value, (*here, name))


PLACES = sorted(_places({key: value for key, value in MADE_UP.items() if key != "resultsSection"}), key=str)
JUNK = [None, True, 7, -1, "", " ", "x", "2019-13", [], ["x"], [None], {}, {"x": 1}, [{"x": 1}], [["x"]]]


@settings(max_examples=60)
@given(st.sampled_from(PLACES), st.sampled_from(JUNK), st.sampled_from(RELEASES))
def test_a_record_with_any_value_broken_comes_home_exactly(place, junk, release):
    """If it failed, a record of a wrong shape would be mended in silence, or end in a traceback."""
    content = json.loads(json.dumps(MADE_UP))
    here = content
    for name in place[:-1]:
        here = here[name]
    here[place[-1]] = junk
    written, read = through(content, release)
    assert plain(read.record.content) == plain(content)
    assert not errors(written, release)


MISSHAPEN = {
    "label": [{"type": {"coding": [{"code": ["official"]}]}, "value": "A title"}],
    "site": 7,
    "contained": 1.5,
    "extension": ["x"],
    "identifier": [{"system": {"x": 1}, "value": "1"}],
    "relatedArtifact": [{"type": "citation", "label": ["RESULT"]}],
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_a_study_that_is_not_shaped_as_fhir_is_refused_with_its_element(name, driving):
    """If it failed, one wrong value in another's FHIR would end in a fault of ours, with no word of where it stands."""
    study, *beside = registry_fhir.to_fhir(Record(driving), "R5").resources
    with pytest.raises(UnreadableInputError) as refused:
        registry_fhir.to_records([{**study, name: MISSHAPEN[name]}, *beside], "R5")
    assert refused.value.where.resource == f"ResearchStudy/{study['id']}"
    assert f"ResearchStudy.{name}" in str(refused.value.where.path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab.$[]"\\', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(_JSON, _JSON)
def test_rest_and_what_is_there_give_the_whole(before, after):
    """If it failed, what is carried or kept as residue would not give back what it came from."""
    places = rest(before, after)
    findings = []
    assert plain(restored(after, places, findings)) == plain(before)
    assert not findings
    assert all(parsed(spelled(one.path)) == one.path for one in places)
