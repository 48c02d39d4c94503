"""The older public XML, written by hand for the made-up trial (valid under the registry's schema), read as API v2."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from trialbridge.base.errors import UnreadableInputError
from trialbridge.registry.files import formats, public
from trialbridge.registry.markup import plain, relaid
from trialbridge.registry.record import Record


@pytest.fixture
def read(data):
    """The record of the hand-written file."""
    return public.read(data / "public.xml")


def test_the_hand_written_file_is_valid(data, valid):
    """If it failed, the reader would be tested on XML the registry never wrote."""
    assert valid((data / "public.xml").read_bytes(), "public.xsd") == []


def test_the_protocol_is_that_of_the_made_up_trial(read, made_up):
    """If it failed, a field of the public XML would land in the wrong place."""
    protocol, expected = read[0].content["protocolSection"], made_up["protocolSection"]
    expected["descriptionModule"]["detailedDescription"] = (
        "Participants take tablets for 24 weeks.\n\n* Part 1\n* Part 2"
    )
    expected["eligibilityModule"]["eligibilityCriteria"] = plain(expected["eligibilityModule"]["eligibilityCriteria"])
    for module in (
        "designModule",
        "descriptionModule",
        "conditionsModule",
        "armsInterventionsModule",
        "outcomesModule",
    ):
        assert protocol[module] == expected[module], module
    for module in ("oversightModule", "sponsorCollaboratorsModule", "ipdSharingStatementModule"):
        assert protocol[module] == expected[module], module
    del expected["eligibilityModule"]["stdAges"]  # the XML does not give them
    assert protocol["eligibilityModule"] == expected["eligibilityModule"]
    assert protocol["statusModule"] == expected["statusModule"] | {
        "studyFirstSubmitDate": "2020-01-03",
        "studyFirstPostDateStruct": {"date": "2020-01-05", "type": "ESTIMATED"},
    }
    assert protocol["identificationModule"]["secondaryIdInfos"] == [{"id": "2099-000001-11"}, {"id": "REG-1"}]
    assert protocol["referencesModule"]["references"] == [
        {"citation": "An older citation."},
        {"pmid": "2", "type": "RESULT", "citation": "The citation of the results."},
    ]


def test_the_results_are_those_of_the_made_up_trial(read, made_up):
    """If it failed, posted results would be read wrong; the synthetic Total category must not become a term."""
    section, expected = read[0].results, made_up["resultsSection"]
    baseline = expected["baselineCharacteristicsModule"]
    outcomes = expected["outcomeMeasuresModule"]["outcomeMeasures"]
    assert section["participantFlowModule"] == expected["participantFlowModule"]
    assert section["adverseEventsModule"] == expected["adverseEventsModule"]
    assert section["moreInfoModule"] == expected["moreInfoModule"]
    assert section["baselineCharacteristicsModule"] == {**baseline, "measures": baseline["measures"][:1]}
    median, weight = section["outcomeMeasuresModule"]["outcomeMeasures"]
    assert median == {**outcomes[1], "analyses": [outcomes[0]["analyses"][0]]}
    assert weight == outcomes[3]


def test_documents_and_derived_terms(read):
    """If it failed, the record's documents or MeSH terms would be dropped."""
    content = read[0].content
    assert content["documentSection"]["largeDocumentModule"]["largeDocs"] == [
        {"hasProtocol": True, "hasSap": False, "hasIcf": False, "label": "Study Protocol", "date": "2018-03-27"}
    ]
    assert content["derivedSection"]["conditionBrowseModule"]["meshes"] == [{"term": "Disease"}]
    assert content["hasResults"] is True


def test_persons_are_left_out_unless_asked_for(data, read):
    """If it failed, names of investigators would be carried unasked."""
    assert "Nobody" not in str(read[0].content)
    assert sum(one.id == "TB-REG-CONTACT-DROPPED" for one in read[1]) == 3
    asked, _ = public.read(data / "public.xml", with_contacts=True)
    officials = asked.content["protocolSection"]["contactsLocationsModule"]["overallOfficials"]
    assert officials[0]["name"] == "Nobody Invented, MD"


def test_an_element_nobody_reads_is_reported(data):
    """If it failed, content would vanish without a word."""
    xml = (data / "public.xml").read_bytes().replace(b"<keyword>tablet</keyword>", b"<colour>red</colour>")
    _, findings = public.parse(xml, "x.xml")
    assert [one.where.path for one in findings if one.id == "TB-REG-ELEMENT-UNKNOWN"] == ["colour"]


def test_an_element_nobody_reads_is_reported_wherever_it_stands(data):
    """If it failed, content deeper in the file, or given twice, would vanish without a word."""
    xml = (data / "public.xml").read_bytes()
    xml = xml.replace(b"<eligibility>", b"<eligibility><colour>red</colour>", 1)
    xml = xml.replace(b"<facility>", b"<facility><colour>red</colour>")
    xml = xml.replace(b"<official_title>", b"<official_title>Another</official_title><official_title>", 1)
    _, findings = public.parse(xml, "x.xml")
    paths = {one.where.path for one in findings if one.id == "TB-REG-ELEMENT-UNKNOWN"}
    assert paths == {"eligibility/colour", "location/facility/colour", "official_title"}


def test_a_masking_of_another_shape_is_kept_and_reported(data):
    """If it failed, what a file says of masking would vanish where it is not of the usual shape."""
    xml = re.sub(rb"<masking>[^<]*</masking>", b"<masking>Double (a) (b)</masking>", (data / "public.xml").read_bytes())
    record, findings = public.parse(xml, "x.xml")
    assert record.content["protocolSection"]["designModule"]["designInfo"]["maskingInfo"]["masking"] == "Double (a) (b)"
    assert any(one.id == "TB-REG-VALUE-UNKNOWN" and "masking" in str(one.where.path) for one in findings)


def test_a_value_out_of_the_schema_is_kept_and_reported(data):
    """If it failed, an unknown status would be read as none."""
    xml = (data / "public.xml").read_bytes().replace(b"<overall_status>Completed<", b"<overall_status>Paused<")
    record, findings = public.parse(xml, "x.xml")
    assert record.status == "Paused"
    assert [one.id for one in findings if one.where.path == "statusModule.overallStatus"] == ["TB-REG-VALUE-UNKNOWN"]


def test_every_top_element_of_the_schema_is_read_or_known(data):
    """If it failed, a real file could hold an element that the reader has forgotten."""
    schema = etree.parse(data / "public.xsd")
    ns = {"xs": "http://www.w3.org/2001/XMLSchema"}
    names = schema.xpath("/xs:schema/xs:element[@name='clinical_study']//xs:element/@name", namespaces=ns)
    xml = "<clinical_study>" + "".join(f"<{name}/>" for name in names) + "</clinical_study>"
    _, findings = public.parse(xml.encode(), "x.xml")
    assert [one.where.path for one in findings if one.id == "TB-REG-ELEMENT-UNKNOWN"] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n      One\n      line.\n    ", "One line."),
        ("A:\n\n  1. first\n\n  2. second", "A:\n\n1. first\n2. second"),
        ("", ""),
    ],
)
def test_texts_are_laid_out_anew(text, expected):
    """If it failed, wrapped lines of the XML would stay broken or run together."""
    assert relaid(text) == expected


@pytest.mark.parametrize("xml", [b"<clinical_study>", b"<html/>", b"<!DOCTYPE x><clinical_study/>"])
def test_broken_files_are_refused(xml):
    """If it failed, another file would be read as a record."""
    with pytest.raises(UnreadableInputError):
        public.parse(xml, "x.xml")


def test_formats_are_told_by_content(data, tmp_path, made_up):
    """If it failed, a file with another name would be read by the wrong reader."""
    from trialbridge.registry.files import prs, v2

    (tmp_path / "a.txt").write_bytes(v2.serialize(made_up))
    prs.write(Record(made_up), tmp_path / "b.txt")
    (tmp_path / "c.txt").write_bytes((data / "public.xml").read_bytes())
    names = [formats.sniff((tmp_path / name).read_bytes()[: formats.HEAD]).name for name in ("a.txt", "b.txt", "c.txt")]
    assert names == ["v2", "prs", "public"]
    assert {record.nct_id for name in ("a.txt", "c.txt") for record, _ in formats.read(tmp_path / name)} == {
        "NCT09999999"
    }
    (tmp_path / "d.txt").write_text("STUDYID,DOMAIN\n")
    with pytest.raises(UnreadableInputError, match="no registry record"):
        formats.read(tmp_path / "d.txt")
    with pytest.raises(UnreadableInputError, match="cannot be read"):
        formats.read(tmp_path / "none.json")
