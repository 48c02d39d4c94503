"""Patients named by an identifier alone (logical references) are the same Patients, in memory and by shards.

What is right is told by the same resources with literal references.
"""

from __future__ import annotations

import pytest

from trialbridge.base.pseudonyms import read_key
from trialbridge.converters import bulk
from trialbridge.converters.deidentify import deidentify_resources
from trialbridge.converters.deidentify.rules import load_rules
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.files import read
from trialbridge.fhir.jsontext import encode
from trialbridge.mappings.names import BASE, constants

pytestmark = pytest.mark.once

NUMBERS = "http://hospital.example/numbers"
LINKS = ("subject", "patient", "individual")
WEIGHT = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}


def number(value):
    """A hospital's number as an identifier."""
    return {"system": NUMBERS, "value": value}


def weight(**subject):
    """A weight of somebody."""
    made = {"resourceType": "Observation", "id": "w", "status": "final", "code": WEIGHT, "subject": subject}
    unit = {"unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    return {**made, "effectiveDateTime": "2019-05-02", "valueQuantity": {"value": 70, **unit}}


def patient(name, *identifiers):
    """A Patient with its numbers."""
    return {"resourceType": "Patient", "id": name, "gender": "male", "identifier": list(identifiers)}


def enrolled(usubjid, link):
    """A ResearchSubject."""
    made = {"resourceType": "ResearchSubject", "id": usubjid.lower(), "status": "on-study", "individual": link}
    return {**made, "identifier": [{"value": usubjid}], "study": {"display": "A study"}}


def whose(resources):
    """USUBJID of the weights."""
    return [row.get("USUBJID") for row in to_sdtm(resources, release="R4").study["VS"].rows()]


@pytest.fixture(scope="module")
def literal(example_of):
    """The example as resources, each Patient with a number of the hospital's."""
    resources = [one for one in to_fhir(example_of(8), release="R4").resources if one["resourceType"] != "Consent"]
    numbers = {}
    for one in resources:
        if one["resourceType"] == "Patient":
            numbers[f"Patient/{one['id']}"] = str(700 + len(numbers))
    return [
        {**one, "identifier": [*one["identifier"], number(numbers[f"Patient/{one['id']}"])]}
        if one["resourceType"] == "Patient"
        else one
        for one in resources
    ], numbers


def by_number(literal, chosen=lambda _: True):
    """The same with Patients named by their numbers alone, in the links of the resources chosen."""
    resources, numbers = literal
    found = []
    for place, one in enumerate(resources):
        links = {name: {"identifier": number(numbers[one[name]["reference"]])} for name in LINKS if name in one}
        found.append({**one, **links} if chosen(place) else one)
    return found


def tables(study):
    """The rows of every dataset."""
    return {one.name: one.frame.rows(named=True) for one in study}


def test_a_patient_named_by_its_number_is_that_patient():
    """A hospital that names patients by their numbers would have records of nobody."""
    resources = [patient("p", number("7")), patient("q", number("8")), enrolled("S-1", {"reference": "Patient/p"})]
    assert whose([*resources, weight(identifier=number("7"))]) == ["S-1"]
    assert whose([*resources, weight(identifier=number("7"), type="Patient")]) == ["S-1"]


def test_the_residue_keeps_how_the_patient_was_named():
    """A reference would come home in another form than it was sent in."""
    resources = [
        patient("p", number("7")),
        enrolled("S-1", {"identifier": number("7")}),
        weight(identifier=number("7")),
    ]
    back = to_fhir(to_sdtm(resources, release="R4").study, release="R4").resources
    assert {one["resourceType"]: one for one in back} == {one["resourceType"]: one for one in resources}


def test_a_number_of_two_patients_names_neither():
    """A record would be given to the wrong one of two patients."""
    resources = [patient("p", number("7")), patient("q", number("7")), weight(identifier=number("7"))]
    assert whose(resources) == [None]
    assert "TB-NO-SUBJECT" in {one.id for one in to_sdtm(resources, release="R4").findings}


@pytest.mark.parametrize("one", [{"value": "7"}, {"system": NUMBERS}, {"system": NUMBERS, "value": "9"}, "7", {}])
def test_what_is_no_number_of_a_patient_names_none(one):
    """A record would be given to a patient by a number without a system, or end the conversion."""
    resources = [patient("p", number("7"), {"value": "7"}), weight(identifier=one)]
    assert whose(resources) == [None]


def test_a_number_of_another_type_is_no_patient():
    """A record about a device would be given to the patient who has the same number."""
    resources = [patient("p", number("7")), weight(identifier=number("7"), type="Device")]
    assert whose(resources) == [None]


def test_a_subject_whose_patient_was_not_sent_is_known_by_the_number():
    """Records of a study that keeps Patients at home would be nobody's."""
    resources = [enrolled("S-1", {"identifier": number("7")}), weight(identifier=number("7"))]
    assert whose(resources) == ["S-1"]


def test_the_identifier_that_is_usubjid_says_who_it_is():
    """USUBJID would be lost although the reference says it."""
    assert whose([weight(identifier={"system": constants(BASE)["usubjid"], "value": "S-9"})]) == ["S-9"]


@pytest.mark.parametrize("chosen", [lambda _: True, lambda place: place % 3 == 0], ids=["all", "some"])
def test_the_whole_example_reads_the_same(literal, chosen):
    """Some derivation would look at the reference's text."""
    right = to_sdtm(literal[0], release="R4", residue=False)
    done = to_sdtm(by_number(literal, chosen), release="R4", residue=False)
    assert tables(done.study) == tables(right.study)


@pytest.mark.parametrize(
    ("mode", "chosen", "shuffled"),
    [("mapped", lambda _: True, False), ("strict", lambda place: place % 3 == 0, True)],
    ids=["all", "some"],
)
def test_by_shards_it_reads_the_same(literal, tmp_path, mode, chosen, shuffled, laid):
    """A subject's records would lie in other shards than its Patient."""
    right = to_sdtm(literal[0], release="R4", residue=False)
    files = laid(by_number(literal, chosen), tmp_path, shuffled=shuffled)
    with bulk.to_sdtm(files, release="R4", mode=mode, shard_bytes=100_000) as told:
        assert tables(told.study()) == tables(right.study)


def test_by_shards_the_residue_is_the_same(literal, tmp_path, laid):
    """References would come home by another name, or residue be of another shard's patient."""
    files = laid(by_number(literal, lambda place: place % 2 == 0), tmp_path)
    whole = to_sdtm(read(files).resources, release="R4")
    with bulk.to_sdtm(files, release="R4", shard_bytes=100_000, residue=True) as told:
        assert tables(told.study()) == tables(whole.study)
        assert told.beside.path.read_bytes().splitlines() == [encode(dict(one)) for one in whole.study.residue]
        assert told.beside.ledger.counts == whole.ledger.counts


@pytest.mark.parametrize("mode", ["mapped", "strict"])
def test_by_shards_what_names_nobody_or_two_is_nobodys(tmp_path, laid, mode):
    """A number of two patients would name the one that lies in the same shard; one of none would end the run."""
    some = [patient("p", number("7")), patient("q", number("7")), patient("r", number("8"))]
    some += [enrolled("S-1", {"reference": "Patient/p"}), enrolled("S-2", {"identifier": number("8")})]
    some += [enrolled("S-3", {"identifier": number("9")})]
    some += [{**weight(identifier=number(one)), "id": f"w{one}"} for one in "789"]
    right = to_sdtm(some, release="R4", residue=False)
    with bulk.to_sdtm(laid(some, tmp_path), release="R4", mode=mode, shard_bytes=1) as told:
        assert told.study()["VS"].frame.rows() == right.study["VS"].frame.rows()
        assert sorted(map(str, told.findings)) == sorted(map(str, right.findings))
    assert [row["USUBJID"] for row in right.study["VS"].rows()] == [None, "S-2", "S-3"]


def test_what_one_export_called_seven_another_may_not(tmp_path, laid):
    """What a process remembers of one export would give records of the next to the first one's subject."""
    for usubjid in ("S-1", "S-2"):
        some = [
            patient("p", number("7")),
            enrolled(usubjid, {"reference": "Patient/p"}),
            weight(identifier=number("7")),
        ]
        with bulk.to_sdtm(laid(some, tmp_path / usubjid), release="R4", mode="mapped") as told:
            assert told.study()["VS"].frame["USUBJID"].to_list() == [usubjid]


@pytest.fixture
def key(tmp_path):
    """A key for pseudonyms."""
    file = tmp_path / "key"
    file.write_text("0f" * 32)
    file.chmod(0o600)
    return read_key(file)


def test_deidentified_it_says_whose_it_is_and_not_the_number(literal, key):
    """Records would be nobody's once the hospital's number is gone, or the number would go out."""
    right = deidentify_resources(literal[0], key, load_rules())
    done = deidentify_resources(by_number(literal), key, load_rules())
    assert tables(to_sdtm(done.resources, residue=False).study) == tables(to_sdtm(right.resources, residue=False).study)
    assert NUMBERS.encode() not in b"".join(map(encode, done.resources))


def test_deidentified_without_its_patient_it_says_whose_it_is(key):
    """Records of a study that keeps Patients at home would be nobody's."""
    resources = [enrolled("S-1", {"identifier": number("7")}), weight(identifier=number("7"))]
    resources[0]["identifier"] = [{"system": constants(BASE)["usubjid"], "value": "S-1"}]
    done = deidentify_resources(resources, key, load_rules()).resources
    rows = {one.name: list(one.rows()) for one in to_sdtm(done, residue=False).study}
    assert rows["VS"][0]["USUBJID"] == rows["DM"][0]["USUBJID"] not in {None, "S-1"}
