"""ODM-XML: odmlib's own examples (1.3.2 with data; 2.0 metadata), and transactions and 2.0 data written here.

odmlib 0.2.1 ships no 2.0 file with clinical data; ours follows ODM 2.0's ClinicalData. Counts and values are taken from
the files by Python's own XML parser.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from trialbridge.base.errors import UnreadableInputError
from trialbridge.converters.forms.to_sdtm import to_sdtm
from trialbridge.crf.files import odm
from trialbridge.study_file.load import load

DATA = Path(__file__).parent / "data" / "odmlib"
V1, V2 = "http://www.cdisc.org/ns/odm/v1.3", "http://www.cdisc.org/ns/odm/v2.0"


@pytest.mark.parametrize("name", ["odm-data-snapshot.xml", "test_clinical_data_01.xml", "test_referece_data_01.xml"])
def test_every_value_of_odmlibs_examples(name):
    """A value of an ODM file would be lost, or stand in two records."""
    root = ET.parse(DATA / name).getroot()
    given = []
    for item in root.iter():
        if item.tag.startswith(f"{{{V1}}}ItemData") and item.tag != f"{{{V1}}}ItemGroupData":
            text = item.get("Value") if item.get("Value") is not None else (item.text or "").strip()
            if text:
                given.append(text)
    found = odm.read(DATA / name)
    read = [
        cell.text
        for form in found
        for record in form.records
        for column, cell in record.cells.items()
        if column not in odm.KEYS and not column.endswith(" unit")
    ]
    assert sorted(read) == sorted(given)
    assert found.about["odm"] == "1.3.2"


def test_metadata_of_the_snapshot():
    """Labels and code lists of the metadata would be lost."""
    form = odm.read(DATA / "odm-data-snapshot.xml").forms["Informed Consent and Demographics"]
    assert form.column("Sex").label == "Gender:"
    assert set(form.column("Sex").codes) == {"Male", "Female"}
    assert form.column("Date of Birth").type == "date"


@pytest.mark.parametrize("name", ["cdash_demo_v20.xml", "odmv2_example.xml"])
def test_version_2_metadata(name):
    """A 2.0 file of metadata alone would be refused, or pass for data."""
    found = odm.read(DATA / name)
    assert found.about["odm"] == "2.0"
    assert not found.forms
    assert [one.id for one in found.findings] == ["TB-CRF-ODM"]


def test_the_snapshot_becomes_sdtm(tmp_path):
    """An EDC system's ODM would not become DM by a study file."""
    study = {
        "study": {"id": "VIRUS"},
        "subjects": {"column": "SubjectKey"},
        "sources": {"demo": {"table": "Informed Consent and Demographics", "keys": ["SubjectKey"]}},
        "codes": {"SEX": {"M": "Male", "F": "Female"}, "ETHNIC": {"HISPANIC OR LATINO": "HISPANIC/LATINO"}},
        "domains": [
            {
                "domain": "DM",
                "from": "demo",
                "variables": {
                    "SUBJID": "SubjectKey",
                    "SEX": {"assign_ct": "Sex", "codes": "SEX"},
                    "BRTHDTC": {"date": "Date of Birth"},
                    "AGE": "Age",
                    "ETHNIC": {"assign_ct": "Ethnicity", "codes": "ETHNIC"},
                },
            }
        ],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    done = to_sdtm(odm.read(DATA / "odm-data-snapshot.xml"), load(tmp_path / "study.yaml"))
    first = next(done.study["DM"].rows())
    assert (first["USUBJID"], first["SEX"], first["BRTHDTC"], first["AGE"]) == (
        "VIRUS-SS_0001",
        "M",
        "1966-02-10",
        56.0,
    )
    assert first["ETHNIC"] == "HISPANIC OR LATINO"


def file(tmp_path, version, body, kind="Snapshot"):
    """An ODM file of that body."""
    number = {V1: "1.3.2", V2: "2.0"}[version]
    head = f'<ODM xmlns="{version}" FileOID="F" FileType="{kind}" ODMVersion="{number}" CreationDateTime="2024-01-01T00:00:00">'
    path = tmp_path / "odm.xml"
    path.write_text(f'{head}<ClinicalData StudyOID="S" MetaDataVersionOID="M">{body}</ClinicalData></ODM>')
    return path


def visit(group, item, action="", value="", *, group_action="", subject="01", key="1"):
    """One item in its place (1.3.2), with transactions on the item group or the item."""
    on_group = f' TransactionType="{group_action}"' if group_action else ""
    on_item = f' TransactionType="{action}"' if action else ""
    held = f'<ItemData ItemOID="{item}"{on_item} Value="{value}"/>' if item else ""
    return (
        f'<SubjectData SubjectKey="{subject}"><StudyEventData StudyEventOID="V1"><FormData FormOID="F">'
        f'<ItemGroupData ItemGroupOID="{group}" ItemGroupRepeatKey="{key}"{on_group}>{held}</ItemGroupData>'
        "</FormData></StudyEventData></SubjectData>"
    )


def texts(source, form, item):
    """An item's texts by subject and repeat key."""
    if form not in source.forms:
        return {}
    return {
        (one.text("SubjectKey"), one.text("ItemGroupRepeatKey")): one.text(item) for one in source.forms[form].records
    }


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([("Insert", "AETERM", "Cough")], {("01", "1"): "Cough"}),
        ([("Insert", "AETERM", "Cough"), ("Update", "AETERM", "Rash")], {("01", "1"): "Rash"}),
        ([("Insert", "AETERM", "Cough"), ("Upsert", "AETERM", "Rash")], {("01", "1"): "Rash"}),
        ([("Insert", "AETERM", "Cough"), ("Remove", "", "")], {}),
        ([("Insert", "AETERM", "Cough"), ("Remove", "", ""), ("Insert", "AETERM", "Rash")], {("01", "1"): "Rash"}),
        ([("Insert", "AETERM", "Cough"), ("Context", "", "")], {("01", "1"): "Cough"}),
    ],
    ids=["insert", "update", "upsert", "remove", "insert again", "context"],
)
def test_transactions(tmp_path, steps, left):
    """A correction or deletion of an EDC system would be ignored, or add a record (ODM 1.3.2, 2.4)."""
    body = "".join(visit("AE", item, "", value, group_action=action) for action, item, value in steps)
    assert texts(odm.read(file(tmp_path, V1, body, "Transactional")), "AE", "AETERM") == left


def test_a_subject_removed(tmp_path):
    """A subject taken away would keep records."""
    body = visit("AE", "AETERM", "", "Cough", group_action="Insert") + visit(
        "AE", "AETERM", "", "Rash", group_action="Insert", subject="02"
    )
    body += '<SubjectData SubjectKey="01" TransactionType="Remove"/>'
    assert texts(odm.read(file(tmp_path, V1, body, "Transactional")), "AE", "AETERM") == {("02", "1"): "Rash"}


def test_odd_transactions_are_told(tmp_path):
    """A change of what is not there would pass as if the file were whole."""
    body = visit("AE", "AETERM", "", "Cough", group_action="Update") + visit("VS", "", group_action="Remove")
    assert [one.id for one in odm.read(file(tmp_path, V1, body, "Transactional")).findings] == ["TB-CRF-ODM"] * 2


def test_records_without_repeat_keys(tmp_path):
    """Two records of a snapshot without repeat keys would become one."""
    group = '<ItemGroupData ItemGroupOID="AE"><ItemData ItemOID="AETERM" Value="{}"/></ItemGroupData>'
    body = f'<SubjectData SubjectKey="01">\n{group.format("Cough")}\n{group.format("Rash")}</SubjectData>'
    assert [one.text("AETERM") for one in odm.read(file(tmp_path, V1, body)).forms["AE"].records] == ["Cough", "Rash"]


def test_records_without_repeat_keys_in_one_line(tmp_path):
    """Of more than two such records in a file without line breaks, as EDC systems write it, the others would vanish."""
    group = '<ItemGroupData ItemGroupOID="AE"><ItemData ItemOID="AETERM" Value="{}"/></ItemGroupData>'
    body = f'<SubjectData SubjectKey="01">{"".join(map(group.format, "ABCD"))}</SubjectData>'
    assert [one.text("AETERM") for one in odm.read(file(tmp_path, V1, body)).forms["AE"].records] == list("ABCD")


def of_group(items, around=""):
    """A subject's one item group with these items, and what stands around it."""
    group = f'<ItemGroupData ItemGroupOID="VS" ItemGroupRepeatKey="1">{items}</ItemGroupData>'
    return f'<SubjectData SubjectKey="01"><FormData FormOID="F">{group}{around}</FormData></SubjectData>'


def test_an_item_twice_in_one_group_keeps_both_values(tmp_path):
    """The first of two values would vanish, unseen."""
    found = odm.read(
        file(tmp_path, V1, of_group('<ItemData ItemOID="W" Value="70"/><ItemData ItemOID="W" Value="71"/>'))
    )
    assert found.forms["VS"].records[0].text("W") == "70; 71"
    assert [(one.where.subject, one.message) for one in found.findings] == [("01", "W stands twice in one item group.")]
    same = odm.read(file(tmp_path, V1, of_group('<ItemData ItemOID="W" Value="70"/>' * 2)))
    assert (same.forms["VS"].records[0].text("W"), same.findings) == ("70", ())


def test_a_comment_does_not_part_a_text(tmp_path):
    """What follows an XML comment within a value would be lost."""
    read = odm.read(file(tmp_path, V1, of_group('<ItemDataString ItemOID="T">ab<!-- x -->cd</ItemDataString>')))
    assert read.forms["VS"].records[0].text("T") == "abcd"


@pytest.mark.parametrize(
    ("around", "says"),
    [
        ('<ItemData ItemOID="STRAY" Value="5"/>', "1 items stand in no item group"),
        ('<ItemGroupdata ItemGroupOID="X"><ItemData ItemOID="A" Value="5"/></ItemGroupdata>', "1 items stand in no"),
        ('<Annotation SeqNum="1"><Comment>checked by phone</Comment></Annotation>', "1 comments in annotations"),
        ('<ItemGroupData ItemGroupOID="X"><ItemData Value="5"/></ItemGroupData>', "An item has no ItemOID"),
        ('<ItemGroupData><ItemData ItemOID="A" Value="5"/></ItemGroupData>', "no ItemGroupOID"),
    ],
)
def test_what_is_not_read_is_told(tmp_path, around, says):
    """Data outside any item group, and comments, would vanish without a word."""
    findings = odm.read(file(tmp_path, V1, of_group('<ItemData ItemOID="W" Value="70"/>', around))).findings
    assert [says in one.message for one in findings] == [True]


def test_a_removed_place_is_no_loss(tmp_path):
    """Items beneath what a transaction removes would be called not read."""
    body = visit("AE", "AETERM", "", "Cough", group_action="Insert") + of_group('<ItemData ItemOID="W" Value="7"/>')
    body += body.replace("<FormData ", '<FormData TransactionType="Remove" ').replace(' TransactionType="Insert"', "")
    found = odm.read(file(tmp_path, V1, body, "Transactional"))
    assert not found.forms
    assert [one.message for one in found.findings] == ["The file holds metadata and no data."]


def test_names_that_are_other_items_ids(tmp_path):
    """Two items called N are known by their OIDs; a third called as one of these would take its column."""
    defs = "".join(
        f'<ItemDef OID="{oid}" Name="{name}" DataType="text"/>' for oid, name in (("X", "N"), ("Y", "N"), ("Z", "X"))
    )
    path = file(tmp_path, V1, of_group("".join(f'<ItemData ItemOID="{one}" Value="{one}1"/>' for one in "XYZ")))
    about = f'<Study OID="S"><MetaDataVersion OID="M">{defs}</MetaDataVersion></Study><ClinicalData'
    path.write_text(path.read_text().replace("<ClinicalData", about, 1))
    record = odm.read(path).forms["VS"].records[0]
    assert [record.text(one) for one in "XYZ"] == ["X1", "Y1", "Z1"]


def test_typed_items(tmp_path):
    """Typed data (ItemDataFloat and its kin) would be passed over."""
    items = '<ItemDataFloat ItemOID="WEIGHT">71.5</ItemDataFloat><ItemDataDate ItemOID="DATE">2024-01-02</ItemDataDate><ItemDataAny ItemOID="GONE" IsNull="Yes"/>'
    body = f'<SubjectData SubjectKey="01"><ItemGroupData ItemGroupOID="VS">{items}</ItemGroupData></SubjectData>'
    record = odm.read(file(tmp_path, V1, body)).forms["VS"].records[0]
    assert (record.text("WEIGHT"), record.text("DATE"), record.text("GONE")) == ("71.5", "2024-01-02", None)


def test_version_2_data(tmp_path):
    """2.0's item groups within item groups, with values as elements, would be lost."""
    body = (
        '<SubjectData SubjectKey="01"><StudyEventData StudyEventOID="V1"><ItemGroupData ItemGroupOID="FORM.AE">'
        '<ItemGroupData ItemGroupOID="AE" ItemGroupRepeatKey="1"><ItemData ItemOID="AETERM"><Value>Cough</Value></ItemData></ItemGroupData>'
        '<ItemGroupData ItemGroupOID="AE" ItemGroupRepeatKey="2"><ItemData ItemOID="AETERM"><Value>Rash</Value></ItemData></ItemGroupData>'
        "</ItemGroupData></StudyEventData></SubjectData>"
    )
    form = odm.read(file(tmp_path, V2, body)).forms["AE"]
    assert [(one.text("FormOID"), one.text("ItemGroupRepeatKey"), one.text("AETERM")) for one in form.records] == [
        ("FORM.AE", "1", "Cough"),
        ("FORM.AE", "2", "Rash"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '<!DOCTYPE ODM [<!ENTITY x SYSTEM "file:///etc/passwd">]><ODM xmlns="http://www.cdisc.org/ns/odm/v1.3">&x;</ODM>',
            "DTD",
        ),
        ('<ODM xmlns="http://www.cdisc.org/ns/odm/v1.2"/>', "no ODM 1.3 or 2.0"),
        ('<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3">', "well-formed"),
    ],
    ids=["entities", "another version", "cut off"],
)
def test_refused(tmp_path, text, says):
    """A file with entities would be read, or a broken one pass."""
    path = tmp_path / "odm.xml"
    path.write_text(text)
    with pytest.raises(UnreadableInputError, match=says):
        odm.read(path)
