"""PRS upload XML: valid under the registry's own schemas, read back, with a ledger of what it does not hold."""

from __future__ import annotations

import pytest
from lxml import etree

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.registry.files import prs
from trialbridge.registry.record import Record

SCHEMA = "ProtocolRecordSchema.xsd"
P = "protocolSection."


def _written(content, **options):
    return prs.serialize([Record(content)], **options)


def _back(data, **options):
    ((record, findings),) = prs.parse(data, "x.xml", **options)
    return record.content, findings


def _text(data, path):
    return etree.fromstring(data).findtext("clinical_study/" + path)


@pytest.mark.parametrize("name", ["driving", "large", "made_up"])
def test_uploads_are_valid(name, request, valid):
    """If it failed, PRS would refuse the file."""
    data, _ = _written(request.getfixturevalue(name))
    assert valid(data, SCHEMA) == []


def test_the_schema_is_a_real_check(valid, made_up):
    """If it failed, the test above would accept anything."""
    data, _ = _written(made_up)
    assert valid(data.replace(b"brief_title", b"short_title"), SCHEMA) != []
    assert valid(data.replace(b"ParticipantFlow-Group.1<", b"ParticipantFlow-Group.9<"), SCHEMA) != []


def test_results_come_back_exactly(made_up):
    """If it failed, a number of the results would change on its way to the registry."""
    data, _ = _written(made_up)
    content, findings = _back(data)
    assert findings == []
    assert content["resultsSection"] == made_up["resultsSection"]


def test_the_ledger_names_exactly_what_the_upload_cannot_hold(made_up):
    """If it failed, a loss would go unseen, or a field be called lost that is there."""
    _, findings = _written(made_up, org_name="EXAMPLES")
    assert {(one.id, str(one.severity), one.where.path) for one in findings} == {
        ("TB-REG-LOST", "note", P + "identificationModule.nctId"),
        ("TB-REG-LOST", "note", P + "identificationModule.organization.class"),
        ("TB-REG-LOST", "warning", P + "statusModule.expandedAccessInfo.hasExpandedAccess"),
        ("TB-REG-LOST", "note", P + "sponsorCollaboratorsModule.leadSponsor.class"),
        ("TB-REG-LOST", "note", P + "sponsorCollaboratorsModule.collaborators[].class"),
        ("TB-REG-LOST", "note", P + "eligibilityModule.stdAges[]"),
        ("TB-REG-LOST", "note", P + "contactsLocationsModule.locations[].geoPoint.lat"),
        ("TB-REG-LOST", "note", P + "contactsLocationsModule.locations[].geoPoint.lon"),
        ("TB-REG-LOST", "note", P + "referencesModule.references[]"),
        ("TB-REG-MARKUP", "note", P + "eligibilityModule.eligibilityCriteria"),
    }


def test_values_in_the_words_of_prs(made_up):
    """If it failed, PRS would not know a value (expected texts: comments of its schema)."""
    data, _ = _written(made_up, org_name="EXAMPLES")
    expected = {
        "id_info/org_name": "EXAMPLES",
        "id_info/secondary_id/id_type": "EudraCT Number",
        "overall_status": "Completed",
        "start_date_type": "Actual",
        "study_design/study_type": "Interventional",
        "study_design/interventional_design/phase": "Phase 1/Phase 2",
        "study_design/interventional_design/assignment": "Parallel Assignment",
        "study_design/interventional_design/no_masking": "No",
        "study_design/interventional_design/masked_subject": "Yes",
        "study_design/interventional_design/masked_caregiver": "No",
        "study_design/interventional_design/masked_investigator": "Yes",
        "study_design/interventional_design/number_of_arms": "2",
        "arm_group/arm_type": "Experimental",
        "eligibility/gender": "All",
        "eligibility/minimum_age": "18 Years",
        "ipd_sharing_statement/ipd_info_type_protocol": "Yes",
        "ipd_sharing_statement/ipd_info_type_sap": "No",
        "study_document/study_document_type": "Study Protocol",
    }
    assert {path: _text(data, path) for path in expected} == expected
    assert "\\" not in _text(data, "eligibility/criteria/textblock")


def test_no_age_limit_is_said_as_prs_says_it(driving):
    """If it failed, a record without upper age would lack the element PRS requires."""
    data, _ = _written(driving)
    assert _text(data, "eligibility/maximum_age") == "N/A"
    assert "maximumAge" not in _back(data)[0]["protocolSection"]["eligibilityModule"]


def test_an_observational_registry(changed, delete, made_up, valid):
    """If it failed, observational studies would be written as trials."""
    info = P + "designModule.designInfo"
    content = changed(
        made_up,
        {
            P + "designModule.studyType": "OBSERVATIONAL",
            P + "designModule.phases": delete,
            info: {"observationalModel": "COHORT", "timePerspective": "PROSPECTIVE"},
            P + "designModule.patientRegistry": True,
            P + "designModule.targetDuration": "1 Year",
            P + "designModule.bioSpec": {"retention": "SAMPLES_WITH_DNA", "description": "Blood"},
            P + "eligibilityModule.studyPopulation": "Anyone",
            P + "eligibilityModule.samplingMethod": "NON_PROBABILITY_SAMPLE",
        },
    )
    data, findings = _written(content)
    assert valid(data, SCHEMA) == []
    assert not any(one.id == "TB-REG-CHANGED" for one in findings)
    assert _back(data)[0]["protocolSection"]["designModule"] == content["protocolSection"]["designModule"]
    assert _text(data, "study_design/observational_design/target_duration_units") == "Years"


def test_expanded_access_has_a_status_of_its_own(changed, made_up, valid):
    """If it failed, an expanded access record would have a recruitment status."""
    content = changed(
        made_up, {P + "designModule.studyType": "EXPANDED_ACCESS", P + "statusModule.overallStatus": "AVAILABLE"}
    )
    data, _ = _written(content)
    assert valid(data, SCHEMA) == []
    assert (_text(data, "expanded_access_status"), _text(data, "overall_status")) == ("Available", None)
    assert _back(data)[0]["protocolSection"]["statusModule"]["overallStatus"] == "AVAILABLE"


def test_contacts_travel_only_when_asked(changed, made_up, valid):
    """If it failed, persons would be carried unasked, or lost when asked for."""
    places = P + "contactsLocationsModule."
    given = {
        places + "centralContacts": [
            {"name": "Nobody Invented", "role": "CONTACT", "phone": "000", "email": "n@example.org"}
        ],
        places + "overallOfficials": [{"name": "Nobody Else", "affiliation": "Institute", "role": "STUDY_CHAIR"}],
        places + "locations[0].contacts": [
            {"name": "Some One", "role": "CONTACT"},
            {"name": "Any One", "role": "PRINCIPAL_INVESTIGATOR"},
        ],
    }
    data, findings = _written(changed(made_up, given))
    assert valid(data, SCHEMA) == []
    assert not any(
        "ontacts" in str(one.where.path) for one in findings if one.where.path and "geo" not in one.where.path
    )
    back = _back(data, with_contacts=True)[0]["protocolSection"]["contactsLocationsModule"]
    assert back["centralContacts"] == given[places + "centralContacts"]
    assert back["locations"][0]["contacts"] == given[places + "locations[0].contacts"]
    quiet, notes = _back(data)
    assert "centralContacts" not in quiet["protocolSection"]["contactsLocationsModule"]
    assert any(one.id == "TB-REG-CONTACT-DROPPED" for one in notes)


def test_an_unknown_value_is_written_as_it_stands_and_reported(changed, made_up):
    """If it failed, a value outside the table would vanish."""
    data, findings = _written(changed(made_up, {P + "armsInterventionsModule.armGroups[0].type": "MAGIC"}))
    assert _text(data, "arm_group/arm_type") == "MAGIC"
    assert any(one.id == "TB-REG-VALUE-UNKNOWN" for one in findings)


def test_other_levels_of_intervals_are_reported(changed, made_up, valid):
    """If it failed, an unpublished name of the picklist would be guessed in silence."""
    path = "resultsSection.outcomeMeasuresModule.outcomeMeasures[1].dispersionType"
    data, findings = _written(changed(made_up, {path: "84% Confidence Interval"}))
    assert valid(data, SCHEMA) == []
    assert any(one.id == "TB-REG-PICKLIST" for one in findings)
    back = _back(data)[0]["resultsSection"]["outcomeMeasuresModule"]["outcomeMeasures"][1]
    assert back["dispersionType"] == "84% Confidence Interval"


def test_what_xml_or_the_schema_cannot_hold_is_refused(changed, made_up):
    """If it failed, an invalid file would be written."""
    with pytest.raises(DoesNotFitError, match=r"U\+0001"):
        _written(changed(made_up, {P + "descriptionModule.briefSummary": "a\x01b"}))
    flow = "resultsSection.participantFlowModule."
    with pytest.raises(DoesNotFitError, match="FG009"):
        _written(changed(made_up, {flow + "periods[0].milestones[0].achievements[0].groupId": "FG009"}))
    with pytest.raises(DoesNotFitError, match="Two groups"):
        _written(changed(made_up, {flow + "groups[1].id": "FG000"}))


def test_a_character_xml_cannot_hold_is_placed(changed, made_up):
    """If it failed, a user would learn that some `textblock` is wrong, and not which of the record's texts."""
    with pytest.raises(DoesNotFitError, match=r"descriptionModule.briefSummary: XML cannot hold the character U\+000B"):
        _written(changed(made_up, {P + "descriptionModule.briefSummary": "a\x0bb"}))


def test_results_alone_leave_the_protocol_in_prs_as_it_is(made_up, valid):
    """If it failed, uploading results would overwrite the registered protocol with nothing."""
    section = made_up["resultsSection"]
    data, findings = prs.serialize_results(section, org_name="EXAMPLES", org_study_id="MADE-UP-1")
    study = etree.fromstring(data).find("clinical_study")
    assert valid(data, SCHEMA) == []
    assert findings == []
    assert study.get("partial_upload") == "true"
    assert [etree.QName(one).localname for one in study] == ["id_info", "result"]
    assert _back(data)[0]["resultsSection"] == section


ODD = {
    "oversight_info/irb_info/approval_number": (
        b"<oversight_info>",
        b"<irb_info><approval_number>7</approval_number></irb_info>",
    ),
    "eligibility/colour": (b"<eligibility>", b"<colour>red</colour>"),
    "primary_outcome/outcome_safety_issue": (b"<primary_outcome>", b"<outcome_safety_issue>Yes</outcome_safety_issue>"),
    "brief_title": (b"</id_info>", b"<brief_title>Another</brief_title>"),
    "result/participantFlow/colour": (b"<participantFlow>", b"<colour>red</colour>"),
}


@pytest.mark.parametrize("path", ODD)
def test_what_the_record_has_no_field_for_is_reported(path, made_up):
    """If it failed, what a download of PRS holds beyond a record (IND, review board) would vanish without a word."""
    data, _ = _written(made_up)
    place, odd = ODD[path]
    assert place in data
    for given, expected in ((data, []), (data.replace(place, place + odd, 1), [path])):
        _, findings = _back(given)
        assert [one.where.path for one in findings if one.id == "TB-REG-ELEMENT-UNKNOWN"] == expected


def test_a_finding_on_a_lists_member_names_the_list(changed, made_up):
    """If it failed, a user would read that something called `type` is wrong, and not know of what."""
    data, findings = _written(changed(made_up, {P + "armsInterventionsModule.armGroups[0].type": "NEW_KIND"}))
    place = "armsInterventionsModule.armGroups[].type"
    assert place in {one.where.path for one in findings if one.id == "TB-REG-VALUE-UNKNOWN"}
    assert place in {one.where.path for one in _back(data)[1] if one.id == "TB-REG-VALUE-UNKNOWN"}


def test_the_same_record_gives_the_same_bytes(tmp_path, made_up):
    """If it failed, two runs could not be compared."""
    prs.write(Record(made_up), tmp_path / "a.xml")
    prs.write(Record(made_up), tmp_path / "b.xml")
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()


def test_a_download_of_prs_is_read(valid):
    """If it failed, files that PRS itself writes (true/false, empty elements) would be misread."""
    xml = b"""<prs:study_collection xmlns:prs="http://clinicaltrials.gov/prs"><clinical_study>
      <id_info><org_name>EX</org_name><org_study_id>1</org_study_id></id_info>
      <brief_title>T</brief_title><why_stopped/><overall_status>Recruiting</overall_status>
      <study_design><study_type>Interventional</study_type><interventional_design>
        <interventional_subtype>Treatment</interventional_subtype><phase>Phase 2</phase><allocation>Randomized</allocation>
        <masking/><no_masking>true</no_masking><masked_subject>false</masked_subject></interventional_design></study_design>
      <eligibility><criteria><textblock>Inclusion Criteria:&#13;
  - A</textblock></criteria><healthy_volunteers>No</healthy_volunteers><gender>Both</gender>
        <minimum_age>18 Years</minimum_age><maximum_age> N/A</maximum_age></eligibility>
    </clinical_study></prs:study_collection>"""
    protocol = _back(xml)[0]["protocolSection"]
    assert protocol["designModule"]["designInfo"]["maskingInfo"] == {"masking": "NONE"}
    assert protocol["eligibilityModule"]["sex"] == "ALL"
    assert "maximumAge" not in protocol["eligibilityModule"]
    assert "whyStopped" not in protocol["statusModule"]


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (b"<study_collection/>", "not a study_collection of PRS"),
        (b"<prs:study_collection xmlns:prs='http://clinicaltrials.gov/prs'>", "not well-formed"),
        (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "document type"),
        (b"", "not well-formed"),
    ],
)
def test_broken_files_are_refused(xml, message):
    """If it failed, a broken file would be read, or an entity fetched."""
    with pytest.raises(UnreadableInputError, match=message):
        prs.parse(xml, "x.xml")
