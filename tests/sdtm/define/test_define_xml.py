"""define.xml of whole studies: valid by the official schema, complete, read by others, and the same after reading."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trialbridge.base.errors import UnreadableInputError
from trialbridge.sdtm import metadata
from trialbridge.sdtm.define import specification_read, specification_write, xml

# Datasets of the two studies; the pilot is as CDISC published it, with split LB and QS.
DATASETS = {"example": 24, "pilot": 31}


def test_official_schema(named, made, errors):
    """A define of ours would not be Define-XML: a regulator's validator would refuse it."""
    define = made(named)
    assert len(define.datasets) == DATASETS[named]
    assert errors(xml.to_bytes(define), "2.1") == []


def test_the_schema_can_fail(made, errors):
    """The schema test would pass whatever we write."""
    broken = xml.to_bytes(made("example")).replace(b'Repeating="Yes"', b'Repeating="Perhaps"', 1)
    assert errors(broken, "2.1") != []


def test_written_read_written(named, made):
    """Something of the model would be lost, or change its place, on the way through a file."""
    written = xml.to_bytes(made(named))
    reading = xml.from_bytes(written)
    assert reading.define == made(named)
    assert reading.findings == ()
    assert xml.to_bytes(reading.define) == written


def test_every_variable(named, given, made):
    """A variable of the data would be missing from the define, or stand in the wrong place."""
    define = made(named)
    for one in given(named):
        its = [define.item[ref.item].name for ref in define.dataset[one.name].items]
        assert its == one.frame.columns, one.name


def test_every_codelist(named, given, made):
    """A variable that the guide has under a codelist would have none, or a value of it would not be listed."""
    define = made(named)
    checked = 0
    for one in given(named):
        for ref in define.dataset[one.name].items:
            item = define.item[ref.item]
            try:
                known = metadata.domain(one.name).by_name.get(item.name)
            except Exception:  # noqa: BLE001 - a dataset the guide does not have
                known = None
            values = one.frame[item.name].drop_nulls().unique().to_list()
            if known is None or not known.codelists or not values:
                continue
            listed = {term.value for term in define.codelist[item.codelist].terms}
            assert set(values) <= listed, f"{one.name}.{item.name}"
            checked += 1
    assert checked > 60


def test_odmlib_reads_it(named, made, tmp_path):
    """Another reader of Define-XML would not open our file, or see less in it."""
    from odmlib.define_loader import XMLDefineLoader
    from odmlib.loader import ODMLoader

    path = xml.write(made(named), tmp_path / "define.xml")
    loader = ODMLoader(XMLDefineLoader(model_package="define_2_1", ns_uri=xml.DEF))
    loader.open_odm_document(str(path))
    found = loader.load_metadataversion()
    ours = made(named)
    assert [len(found.ItemGroupDef), len(found.ItemDef), len(found.CodeList), len(found.MethodDef)] == [
        len(ours.datasets),
        len(ours.items),
        len(ours.codelists),
        len(ours.methods),
    ]
    assert [one.Name for one in found.ItemGroupDef] == [one.name for one in ours.datasets]
    assert {one.OID for one in found.CodeList} == set(ours.codelist)


def test_what_the_example_says(made):
    """Facts a reviewer looks for would be wrong: terms and codes of CT 2025-03-28, origins and keys by SDTMIG 3.4."""
    define = made("example")
    sex = define.codelist[define.item["IT.DM.SEX"].codelist]
    assert (sex.code, {one.value: (one.code, one.decode) for one in sex.terms}) == (
        "C66731",
        {"F": ("C16576", "Female"), "M": ("C20197", "Male")},
    )
    tests = define.codelist[define.item["IT.TR.TRTESTCD"].codelist]
    assert {one.value: one.decode for one in tests.terms}["LDIAM"] == "Longest Diameter"
    assert [one.type for one in define.item["IT.DM.SEX"].origins] == ["Collected"]
    assert [(one.type, one.source) for one in define.item["IT.DM.STUDYID"].origins] == [("Protocol", "Sponsor")]
    ages = next(ref for ref in define.dataset["DM"].items if ref.item == "IT.DM.AGE")
    assert "BRTHDTC" in define.method[ages.method].text
    assert [define.item[ref.item].name for ref in define.dataset["TA"].keys] == ["STUDYID", "ARMCD", "TAETORD"]
    assert define.dataset["DM"].repeating is False
    assert define.dataset["TS"].reference is True
    assert define.codelist["CL.MedDRA"].external.dictionary == "MedDRA"
    assert define.packages() == ("sdtmct-2025-03-28",)


def test_value_level_of_a_sum_of_diameters(made):
    """A test's results would not be described by themselves: the sum of longest diameters is a number of mm."""
    define = made("example")
    where = {oid: one for oid, one in define.where.items() if one.checks[0].values == ("SUMLDIAM",)}
    clause = next(oid for oid in where if oid.startswith("WC.TR."))
    ref = next(one for one in define.values["VL.TR.TRORRES"].items if clause in one.where)
    item = define.item[ref.item]
    assert item.type in ("integer", "float")
    assert item.label.startswith("Sum of Longest Diameter")
    assert "[mm]" in item.label


def test_qualifiers_by_name(made):
    """The value of a SUPP-- record would be described without its QNAM, its label and its origin."""
    define = made("example")
    listed = define.values[define.item["IT.SUPPPR.QVAL"].values]
    found = {define.item[ref.item].name: define.item[ref.item] for ref in listed.items}
    assert found["PRFRACN"].label == "Number of Fractions"
    assert found["PRFRACN"].type == "integer"
    assert [one.type for one in found["PRFRACN"].origins] == ["Collected"]


def test_same_study_same_bytes(made, given):
    """A define made again of the same data would differ: it could not be compared or signed."""
    from trialbridge.sdtm import terminology
    from trialbridge.sdtm.define.build import define_of

    again, _ = define_of(given("example"), terminology.load(terminology.BUNDLED))
    assert xml.to_bytes(again) == xml.to_bytes(made("example"))


# A define of version 2.0 by hand: what differs from 2.1 is in it.
VERSION_2_0 = b"""<?xml version="1.0" encoding="UTF-8"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" xmlns:def="http://www.cdisc.org/ns/def/v2.0"
 xmlns:xlink="http://www.w3.org/1999/xlink" FileType="Snapshot" FileOID="F.1" ODMVersion="1.3.2"
 CreationDateTime="2015-01-01T00:00:00">
 <Study OID="S.1"><GlobalVariables><StudyName>S1</StudyName><StudyDescription>A study</StudyDescription>
  <ProtocolName>P1</ProtocolName></GlobalVariables>
  <MetaDataVersion OID="MDV.1" Name="Definitions" def:DefineVersion="2.0.0" def:StandardName="SDTM-IG"
   def:StandardVersion="3.2">
   <ItemGroupDef OID="IG.DM" Name="DM" Repeating="No" IsReferenceData="No" SASDatasetName="DM" Domain="DM"
    Purpose="Tabulation" def:Structure="One record per subject" def:Class="SPECIAL PURPOSE"
    def:ArchiveLocationID="LF.DM">
    <Description><TranslatedText xml:lang="en">Demographics</TranslatedText></Description>
    <ItemRef ItemOID="IT.DM.SEX" OrderNumber="1" Mandatory="Yes"/>
    <def:leaf ID="LF.DM" xlink:href="dm.xpt"><def:title>dm.xpt</def:title></def:leaf>
   </ItemGroupDef>
   <ItemDef OID="IT.DM.SEX" Name="SEX" DataType="text" Length="1" SASFieldName="SEX">
    <Description><TranslatedText xml:lang="en">Sex</TranslatedText></Description>
    <def:Origin Type="CRF"><def:DocumentRef leafID="LF.CRF"><def:PDFPageRef PageRefs="6 7" Type="PhysicalRef"/>
    </def:DocumentRef></def:Origin>
   </ItemDef>
   <def:leaf ID="LF.CRF" xlink:href="acrf.pdf"><def:title>Annotated CRF</def:title></def:leaf>
  </MetaDataVersion></Study></ODM>"""


def test_version_2_0(errors):
    """A define of the older version would be refused, or its standard, class or origin be lost."""
    assert errors(VERSION_2_0, "2.0") == []
    reading = xml.from_bytes(VERSION_2_0)
    define = reading.define
    assert reading.findings == ()
    assert [(one.name, one.type, one.version) for one in define.standards] == [("SDTMIG", "IG", "3.2")]
    assert define.dataset["DM"].cls.name == "SPECIAL PURPOSE"
    origin = define.item["IT.DM.SEX"].origins[0]
    assert (origin.type, origin.documents[0].pages[0].refs) == ("Collected", "6 7")
    assert errors(xml.to_bytes(define), "2.1") == []


def test_what_is_not_kept_is_told():
    """A vendor's extension, or a label in a second language, would vanish without a word."""
    odd = VERSION_2_0.replace(
        b"</Description>\n    <ItemRef",
        b'<TranslatedText xml:lang="de">Demographie</TranslatedText></Description>\n    <ItemRef',
    ).replace(b'Purpose="Tabulation"', b'Purpose="Tabulation" Comment="old"')
    found = {one.where.path for one in xml.from_bytes(odd).findings}
    assert found == {"Description/TranslatedText[@xml:lang='de']", "ItemGroupDef/@Comment"}


BESIDE = {
    "ODM/AdminData": (b"</Study></ODM>", b"</Study><AdminData/></ODM>"),
    "Study/BasicDefinitions": (b"</GlobalVariables>", b"</GlobalVariables><BasicDefinitions/>"),
    "Study/MetaDataVersion": (b"</MetaDataVersion>", b'</MetaDataVersion><MetaDataVersion OID="2" Name="Two"/>'),
    "Study/@Own": (b'<Study OID="S.1">', b'<Study OID="S.1" Own="x">'),
    "GlobalVariables/StudyName": (b"<StudyName>", b"<StudyName>S0</StudyName><StudyName>"),
    "ItemGroupDef/def:leaf": (
        b"<def:leaf",
        b'<def:leaf ID="LF.TWO" xlink:href="two.xpt"><def:title/></def:leaf><def:leaf',
    ),
    "def:title/@Own": (b"<def:title>", b'<def:title Own="x">'),
}


@pytest.mark.parametrize("path", BESIDE)
def test_what_stands_beside_what_is_read_is_told(path):
    """A vendor's attribute, a second study definition or data beside it would vanish without a word."""
    place, odd = BESIDE[path]
    assert place in VERSION_2_0
    assert path in {one.where.path for one in xml.from_bytes(VERSION_2_0.replace(place, odd, 1)).findings}


def test_a_define_that_refers_to_nothing_becomes_a_workbook(made, tmp_path):
    """A define with a where clause too few, which a workbook is to mend, would end in a fault of ours."""
    define = made("example")
    broken = replace(
        define, where_clauses=define.where_clauses[1:], items=define.items[1:], value_lists=define.value_lists[1:]
    )
    path = specification_write.write(broken, tmp_path / "spec.xlsx")
    _, findings = specification_read.read(path)
    assert "TB-DEFINE-0005" in {one.id for one in findings}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:600], "not well-formed"),
        (lambda data: data.replace(b'Name="SEX" ', b""), "ItemDef has no Name"),
        (lambda data: data.replace(b'Length="1"', b'Length="one"'), "'one', no whole number"),
        (lambda data: data.replace(b'def:DefineVersion="2.0.0"', b""), "no Define-XML 2.0 or 2.1"),
        (lambda data: data.replace(b"<ODM", b"<!DOCTYPE ODM [<!ENTITY x 'y'>]><ODM", 1), "document type"),
    ],
)
def test_broken_files_are_refused(change, message):
    """A broken define would be read as if it were whole, or end in a traceback; a DTD would be expanded."""
    with pytest.raises(UnreadableInputError, match=message):
        xml.from_bytes(change(VERSION_2_0))


def test_every_item_has_a_description(named, made):
    """CORE's reader, for one, ends in an error where an item has no label: none of the dataset's rules would run."""
    assert [one.oid for one in made(named).items if not one.label] == []


def test_variables_of_the_model(made):
    """A timing variable that the guide's table leaves out would have no role, and be called non-standard."""
    define = made("pilot")
    refs = {ref.item: ref for one in define.datasets for ref in one.items}
    assert (refs["IT.CM.VISITNUM"].role, refs["IT.CM.VISITNUM"].nonstandard) == ("Timing", False)  # SDTM 2.0, 3.1.5
    assert define.item["IT.SE.SESEQ"].origins[0].type == "Derived"


def test_numbers_of_a_codelist_are_plain(given, made):
    """1.2000000000000002 of the published pilot would stand as a value of its own beside 1.2."""
    values = [one.value for one in made("pilot").codelist["CL.VISITNUM"].terms]
    assert "1.2" in values
    assert all(len(one) < 6 for one in values)
