"""FHIR XML: exact both ways, safe against hostile documents (rules: R4 xml.html)."""

import codecs
import json
from decimal import Decimal

import pytest
from lxml import etree

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.fhir.elements import elements
from trialbridge.fhir.files import xml
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.fhir.located import gather

XHTML = "http://www.w3.org/1999/xhtml"
# Written by hand after xml.html and json.html: one sample of each construct, in both spellings.
AS_XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<Observation xmlns="http://hl7.org/fhir">
  <id value="o1"/>
  <text>
    <status value="generated"/>
    <div xmlns="{XHTML}">a &quot;b&quot; &lt; <br /> <b title='x>y'>c</b></div>
  </text>
  <contained>
    <Patient>
      <id value="p"/>
      <name id="n">
        <given value="A"/>
        <given>
          <extension url="https://example.org/e">
            <valueCode value="x"/>
          </extension>
        </given>
        <given value="B"/>
      </name>
      <birthDate value="1970" id="q">
        <extension url="https://example.org/f">
          <valueDecimal value="1.0E-7"/>
        </extension>
      </birthDate>
      <multipleBirthInteger value="2"/>
    </Patient>
  </contained>
  <status value="final"/>
  <code>
    <coding>
      <code value="a&amp;b&#10;&lt;&quot;"/>
      <userSelected value="true"/>
    </coding>
  </code>
  <valueQuantity>
    <value value="23.50"/>
  </valueQuantity>
</Observation>
"""
AS_JSON = {
    "resourceType": "Observation",
    "id": "o1",
    "text": {
        "status": "generated",
        "div": f"<div xmlns=\"{XHTML}\">a &quot;b&quot; &lt; <br /> <b title='x>y'>c</b></div>",
    },
    "contained": [
        {
            "resourceType": "Patient",
            "id": "p",
            "name": [
                {
                    "id": "n",
                    "given": ["A", None, "B"],
                    "_given": [None, {"extension": [{"url": "https://example.org/e", "valueCode": "x"}]}, None],
                }
            ],
            "birthDate": "1970",
            "_birthDate": {
                "id": "q",
                "extension": [{"url": "https://example.org/f", "valueDecimal": Decimal("1.0E-7")}],
            },
            "multipleBirthInteger": 2,
        }
    ],
    "status": "final",
    "code": {"coding": [{"code": 'a&b\n<"', "userSelected": True}]},
    "valueQuantity": {"value": Decimal("23.50")},
}
ROUND_TRIP_TYPES = [
    "Patient",
    "Observation",
    "AdverseEvent",
    "Procedure",
    "Condition",
    "BodyStructure",
    "ResearchStudy",
    "ResearchSubject",
    "Encounter",
    "Consent",
    "MedicationAdministration",
    "Group",
    "Organization",
    "Practitioner",
    "Location",
    "ImagingStudy",
    "DiagnosticReport",
]


def read(text, release="R4"):
    """The reading of one document."""
    data = text if isinstance(text, bytes) else text.encode()
    return gather(xml.read(data, "f.xml", release))


def one(text, release="R4"):
    """The one resource of a document."""
    reading = read(text, release)
    assert reading.rejects == []
    return reading.resources[0].resource


def test_the_sample_reads_as_its_json():
    """Some construct of FHIR XML would be read otherwise than FHIR says."""
    assert one(AS_XML) == AS_JSON
    assert str(one(AS_XML)["valueQuantity"]["value"]) == "23.50"


def test_the_sample_is_written_as_its_xml():
    """Some construct would be written otherwise than FHIR says."""
    parser = etree.XMLParser(remove_blank_text=True)
    ours, theirs = (etree.fromstring(text, parser) for text in (xml.to_xml(AS_JSON, "R4"), AS_XML.encode()))
    assert etree.tostring(ours, method="c14n") == etree.tostring(theirs, method="c14n")


@pytest.mark.parametrize("kind", ROUND_TRIP_TYPES)
def test_official_examples_come_back(r4_examples, kind):
    """An official example would come back from XML changed."""
    names = sorted(r4_examples.of_type(kind), key=lambda name: len(r4_examples.bytes(name)))
    assert names
    for name in names[:8]:
        given = r4_examples.json(name)
        document = xml.to_xml(given, "R4")
        assert one(document) == given, name
        root = etree.fromstring(document)  # an independent parser finds the same order of elements
        order = list(elements(kind, "R4"))
        seen = [order.index(etree.QName(child).localname) for child in root]
        assert seen == sorted(seen), name


@pytest.mark.parametrize(
    "kind", ["Patient", "Observation", "Condition", "Procedure", "ResearchStudy", "ResearchSubject"]
)
def test_fhir_resources_reads_the_same_from_our_xml(r4_examples, kind):
    """Another implementation would read something else (narrative apart, which it rewrites)."""
    from fhir.resources.R4B import get_fhir_model_class

    model = get_fhir_model_class(kind)
    for name in sorted(r4_examples.of_type(kind), key=lambda name: len(r4_examples.bytes(name)))[:5]:
        given = r4_examples.json(name)
        given.pop("text", None)
        given.pop("contained", None)  # its XML reader cannot tell contained types
        theirs = model.model_validate_xml(xml.to_xml(given, "R4")).model_dump()
        assert theirs == model.model_validate(given).model_dump(), name


def test_a_bundle_comes_back(r4_examples):
    """A Bundle's entries, requests and nested resources would change."""
    given = r4_examples.json("package/Bundle-bundle-transaction.json")
    reading = read(xml.to_xml(given, "R4"))
    assert [item.resource for item in reading.resources] == [e["resource"] for e in given["entry"] if "resource" in e]
    assert reading.envelopes[0].resource["entry"][0]["request"] == given["entry"][0]["request"]


def test_r5_has_its_own_elements_and_integer64():
    """R5's 64-bit integers, strings in JSON, would become numbers; R4 would take R5's elements."""
    given = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"size": "9007199254740993"}}],
    }
    document = xml.to_xml(given, "R5")
    assert one(document, "R5") == given
    with pytest.raises(DoesNotFitError, match=r"DocumentReference.content\[0\].attachment.size"):
        xml.to_xml(given, "R4")


BOMB = '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">' + "".join(
    f'<!ENTITY lol{n} "{f"&lol{n - 1 or str()};" * 10}">' for n in range(1, 10)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB + ']><Patient xmlns="http://hl7.org/fhir"><id value="&lol9;"/></Patient>',
        '<!DOCTYPE p SYSTEM "file:///etc/passwd"><Patient xmlns="http://hl7.org/fhir"/>',
        '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"><id value="&x;"/></Patient>',
        '<!DOCTYPE Patient><Patient xmlns="http://hl7.org/fhir"/>',
    ],
)
def test_document_types_and_entities_are_refused(text):
    """A billion laughs would fill the memory, or a local file be read into a resource."""
    with pytest.raises(UnreadableInputError, match="DOCTYPE"):
        read(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<Patient", "well-formed"),
        (AS_XML[:400], "well-formed"),
        ('<Patient xmlns="http://hl7.org/fhir"><id value="&nbsp;"/></Patient>', "well-formed"),
        ("<html/>", "not FHIR"),
        ("", "well-formed"),
        ("<a>" * 1000 + "</a>" * 1000, "deep"),
        ('<?xml version="1.0" encoding="no-such"?><Patient xmlns="http://hl7.org/fhir"/>', "encoding"),
        (b'<Patient xmlns="http://hl7.org/fhir"><id value="\xff"/></Patient>', "encoding"),
    ],
)
def test_a_broken_document_is_an_error(text, why):
    """Garbage would end in a traceback."""
    with pytest.raises(UnreadableInputError, match=why):
        read(text)


@pytest.mark.parametrize(
    ("inner", "path"),
    [
        ('<foo value="1"/>', "Patient.foo"),
        ('<gender value="male"/><gender value="male"/>', "Patient.gender"),
        ("<active/>", "Patient.active"),
        ('<active value="yes"/>', "Patient.active"),
        ('<multipleBirthInteger value="1.5"/>', "Patient.multipleBirthInteger"),
        ('<name bad="x"/>', "Patient.name[0].bad"),
        ("<name>text</name>", "Patient.name[0]"),
        ("<contained><Foo/></contained>", "Patient.contained[0]"),
        ("<contained/>", "Patient.contained[0]"),
        (f'<gender xmlns="{XHTML}" value="male"/>', "Patient.gender"),
        ('<extension url="u"><valueDecimal value="+1"/></extension>', "Patient.extension[0].valueDecimal"),
    ],
)
def test_a_wrong_resource_is_rejected_with_its_path(inner, path):
    """A wrong element would be dropped or altered instead of being shown."""
    text = f'<Patient xmlns="http://hl7.org/fhir">\n{inner}</Patient>'
    reading = read(text)
    assert reading.resources == []
    assert [(r.finding.where.path, r.finding.where.line, r.text) for r in reading.rejects] == [(path, 2, text)]


def test_a_wrong_entry_is_rejected_and_the_rest_read():
    """One wrong entry would cost the whole Bundle."""
    good = '<entry><resource><Patient><id value="{}"/></Patient></resource></entry>'
    bad = '<entry><resource><Patient><foo value="1"/></Patient></resource></entry>'
    text = (
        f'<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/>{good.format(1)}{bad}{good.format(2)}</Bundle>'
    )
    reading = read(text)
    assert [item.resource["id"] for item in reading.resources] == ["1", "2"]
    assert [item.path for item in reading.resources] == ["Bundle.entry[0].resource", "Bundle.entry[2].resource"]
    assert [(r.finding.where.path, r.text) for r in reading.rejects] == [("Bundle.entry[1].resource.foo", bad)]


def test_other_encodings_and_a_schema_hint():
    """A file in UTF-16, with a byte order mark or a schemaLocation could not be read."""
    text = (
        '<?xml version="1.0" encoding="{}"?><!-- c --><Patient xmlns="http://hl7.org/fhir" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">'
        f'<text><div xmlns="{XHTML}">é</div></text><id value="é"/></Patient>'
    )
    expected = {"resourceType": "Patient", "text": {"div": f'<div xmlns="{XHTML}">é</div>'}, "id": "é"}
    for encoding in ("utf-16", "iso-8859-1", "utf-8-sig"):
        assert one(text.format(encoding.removesuffix("-sig")).encode(encoding)) == expected
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        assert one(mark + text.format("utf-16").encode(encoding)) == expected


def test_a_narrative_with_a_prefix_stands_alone():
    """A narrative whose namespace is declared above it would be no xhtml in JSON."""
    text = f'<Patient xmlns="http://hl7.org/fhir" xmlns:h="{XHTML}"><text><h:div>a<h:br/></h:div></text></Patient>'
    assert etree.QName(etree.fromstring(one(text)["text"]["div"])).text == f"{{{XHTML}}}div"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"foo": 1}, "Patient.foo"),
        ({"active": "true"}, "Patient.active"),
        ({"active": None}, "Patient.active"),
        ({"multipleBirthInteger": "2"}, "Patient.multipleBirthInteger"),
        ({"multipleBirthInteger": True}, "Patient.multipleBirthInteger"),
        ({"gender": 5}, "Patient.gender"),
        ({"gender": "a\x01"}, "Patient.gender"),
        ({"name": {"family": "x"}}, "Patient.name"),
        ({"name": []}, "Patient.name"),
        ({"name": [{"given": ["a", None]}]}, r"Patient.name\[0\].given\[1\]"),
        ({"name": [{"given": ["a"], "_given": [None, {"id": "x"}]}]}, r"Patient.name\[0\].given"),
        ({"_birthDate": {}}, "Patient.birthDate"),
        ({"_name": [{}]}, "Patient._name"),
        ({"contained": [{"resourceType": "Foo"}]}, r"Patient.contained\[0\]"),
        ({"extension": [{"url": "u", "valueDecimal": float("nan")}]}, r"Patient.extension\[0\].valueDecimal"),
        ({"text": {"div": "<div>a</div>"}}, "Patient.text.div"),
        ({"text": {"div": f'<div xmlns="{XHTML}">a'}}, "Patient.text.div"),
        ({"text": {"div": f'<!DOCTYPE div><div xmlns="{XHTML}">a</div>'}}, "Patient.text.div"),
        ({"text": {"div": f'<div xmlns="{XHTML}">a</div><!-- x --><div xmlns="{XHTML}"/>'}}, "Patient.text.div"),
    ],
)
def test_what_xml_cannot_give_back_is_refused(change, path):
    """Something would be dropped, or come back as another type, without a word."""
    with pytest.raises(DoesNotFitError, match=path):
        xml.to_xml({"resourceType": "Patient", **change}, "R4")


def test_named_entities_become_numbers():
    """&nbsp; of a JSON narrative would make a document no XML reader takes."""
    given = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": f'<div xmlns="{XHTML}">a&nbsp;b &amp;</div>'},
    }
    root = etree.fromstring(xml.to_xml(given, "R4"))
    assert root.findtext(f".//{{{XHTML}}}div") == "a\N{NO-BREAK SPACE}b &"


def test_files_written(tmp_path):
    """The files would not be where a user looks, or differ from run to run."""
    given = [{"resourceType": "Patient", "id": "1"}, {"resourceType": "Patient", "id": "2"}]
    (path,) = xml.write(given, tmp_path, "R4")
    assert path.name == "bundle.xml"
    assert [item.resource for item in read(path.read_bytes()).resources] == given
    assert [p.name for p in xml.write_each(given, tmp_path / "each", "R4")] == ["Patient-1.xml", "Patient-2.xml"]
    assert one((tmp_path / "each" / "Patient-2.xml").read_bytes()) == given[1]


@pytest.mark.parametrize("bad", [{"resourceType": "Patient"}, {"resourceType": "Patient", "id": "../x"}])
def test_a_file_needs_an_id(tmp_path, bad):
    """A file would be overwritten, or written outside the folder."""
    with pytest.raises(DoesNotFitError):
        xml.write_each([bad], tmp_path / "each", "R4")


def test_json_text_of_a_decimal_is_the_text_of_the_xml(r4_examples):
    """1E-22 or 0.40 would be spelt otherwise after a trip through XML (Observation/decimal is made for this)."""
    data = r4_examples.bytes("package/Observation-decimal.json")
    back = one(xml.to_xml(decode(data), "R4"))
    assert json.loads(encode(back), parse_float=str) == json.loads(data, parse_float=str)
