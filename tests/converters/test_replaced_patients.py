"""Patients that a hospital has merged (Patient.link) are one subject, in memory, by shards and de-identified.

What is right is told by FHIR's definition of the links, and by the same resources before one Patient became two.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from trialbridge.base.pseudonyms import read_key
from trialbridge.converters import bulk
from trialbridge.converters.deidentify import deidentify_resources
from trialbridge.converters.deidentify.rules import load_rules
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.jsontext import encode

WEIGHT = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}


def weight(name, patient):
    """A weight of somebody."""
    made = {"resourceType": "Observation", "id": name, "status": "final", "code": WEIGHT}
    unit = {"unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    subject = {"reference": f"Patient/{patient}"}
    return {**made, "subject": subject, "effectiveDateTime": "2019-05-02", "valueQuantity": {"value": 70, **unit}}


def patient(name, **links):
    """A Patient with links of some type: `replaced_by="new"`."""
    listed = [
        {"other": {"reference": f"Patient/{other}"}, "type": kind.replace("_", "-")} for kind, other in links.items()
    ]
    return {"resourceType": "Patient", "id": name, "gender": "male", **({"link": listed} if listed else {})}


def enrolled(usubjid, name):
    """A ResearchSubject."""
    made = {"resourceType": "ResearchSubject", "id": usubjid.lower(), "status": "on-study"}
    link = {"reference": f"Patient/{name}"}
    return {**made, "individual": link, "identifier": [{"value": usubjid}], "study": {"display": "A study"}}


def whose(resources):
    """USUBJID of DM's rows, and of the weights."""
    study = to_sdtm(resources, release="R4").study
    return [row["USUBJID"] for row in study["DM"].rows()], [row["USUBJID"] for row in study["VS"].rows()]


BOTH = [weight("w1", "old"), weight("w2", "new")]
LINKED = {
    "forward": [patient("old", replaced_by="new"), patient("new")],
    "back": [patient("old"), patient("new", replaces="old")],
    "both": [patient("old", replaced_by="new"), patient("new", replaces="old")],
}


@pytest.mark.parametrize("patients", LINKED.values(), ids=LINKED)
@pytest.mark.parametrize("subject", ["old", "new"])
def test_records_of_either_are_the_subjects(patients, subject):
    """A merged patient would be two subjects, one of them not enrolled."""
    for some in permutations([*patients, enrolled("S-1", subject)]):
        assert whose([*some, *BOTH]) == (["S-1"], ["S-1", "S-1"])


def test_without_a_researchsubject_the_patient_to_use_says_who_it_is():
    """The Patient that must no longer be used would name the subject, or be a second one."""
    assert whose([*LINKED["forward"], *BOTH]) == (["new"], ["new", "new"])


def test_a_chain_ends_at_the_last():
    """A Patient replaced twice would be somebody else."""
    some = [patient("a", replaced_by="old"), patient("old", replaced_by="new"), patient("new"), weight("w0", "a")]
    assert whose([*some, *BOTH]) == (["new"], ["new"] * 3)
    assert whose([*some, enrolled("S-1", "old"), *BOTH]) == (["S-1"], ["S-1"] * 3)


@pytest.mark.parametrize(
    "patients",
    [
        [patient("old", replaced_by="new"), patient("new", replaced_by="old")],
        [patient("old", seealso="new"), patient("new", refer="old")],
        [patient("old", replaced_by="old"), patient("new")],
        [{**patient("old"), "link": [{"type": "replaced-by"}, "new", {"type": ["replaces"]}]}, patient("new")],
    ],
    ids=["circle", "other links", "itself", "no target"],
)
def test_what_replaces_nobody_leaves_two(patients):
    """Two patients would be made one, or the conversion would go round for ever."""
    assert whose([*patients, *BOTH]) == (["new", "old"], ["new", "old"])


def test_who_is_not_enrolled_is_a_subject_beside_one_whose_patient_is_not_there():
    """A Patient that replaces nobody would have no row of DM."""
    assert whose([patient("new"), enrolled("S-1", "elsewhere"), weight("w", "new")]) == (["S-1", "new"], ["new"])


def test_two_enrolments_stay_two():
    """Records of one enrolment would be given to another."""
    some = [*LINKED["forward"], enrolled("S-1", "old"), enrolled("S-2", "new"), *BOTH]
    assert whose(some) == (["S-1", "S-2"], ["S-1", "S-2"])


def test_it_is_told():
    """Records would change their patient in silence."""
    told = [one for one in to_sdtm([*LINKED["both"], *BOTH]).findings if one.id == "TB-PATIENT-REPLACED"]
    assert [str(one.where.resource) for one in told] == ["Patient/old"]


def test_the_residue_gives_both_back():
    """The Patient that is no longer used would be lost, or a record come home to the other."""
    some = [*LINKED["both"], enrolled("S-1", "new"), *BOTH]
    back = to_fhir(to_sdtm(some, release="R4").study, release="R4").resources
    assert {(one["resourceType"], one["id"]): one for one in back} == {
        (one["resourceType"], one["id"]): one for one in some
    }


@pytest.mark.parametrize("mode", ["mapped", "strict"])
@pytest.mark.parametrize("enrolments", [(), ("old",), ("new",), ("a",), ("old", "new")], ids=str)
def test_by_shards_it_is_the_same(tmp_path, laid, mode, enrolments):
    """Records of one person would lie in two shards and be two subjects."""
    some = [patient("a", replaced_by="old"), patient("old", replaced_by="new"), patient("new"), patient("m")]
    some += [enrolled(f"S-{number}", name) for number, name in enumerate(enrolments)]
    some += [enrolled("S-05", "m")]  # between the two in the order of subjects
    some += [*BOTH, weight("w3", "m"), weight("w4", "a")]
    right = to_sdtm(some, release="R4", residue=False)
    with bulk.to_sdtm(laid(some, tmp_path), release="R4", mode=mode, shard_bytes=1) as told:
        found = told.study()
        assert sorted(map(str, told.findings)) == sorted(map(str, right.findings))
    assert {one.name: one.frame.rows() for one in found} == {one.name: one.frame.rows() for one in right.study}


def test_by_shards_a_circle_is_one_too(tmp_path, laid):
    """A part of a circle would be no circle to the shard that has only this part."""
    ring = [patient("a", replaced_by="b"), patient("b", replaced_by="c"), patient("c", replaced_by="a")]
    two = [patient("e", replaced_by="a"), patient("d", replaced_by="e", replaces="x"), patient("x", replaced_by="a")]
    some = [*ring, *two, *(weight(f"w-{name}", name) for name in "abcdex")]
    right = to_sdtm(some, release="R4", residue=False)
    with bulk.to_sdtm(laid(some, tmp_path), release="R4", mode="mapped", shard_bytes=1) as told:
        found = told.study()
        assert sorted(map(str, told.findings)) == sorted(map(str, right.findings))
    assert {one.name: one.frame.rows() for one in found} == {one.name: one.frame.rows() for one in right.study}


def test_by_shards_the_residue_is_the_same(tmp_path, laid):
    """What is left of the Patient that is no longer used would be lost."""
    some = [*LINKED["both"], patient("m"), enrolled("S-1", "new"), *BOTH, weight("w3", "m")]
    right = to_sdtm(some, release="R4")
    with bulk.to_sdtm(laid(some, tmp_path), release="R4", shard_bytes=1, residue=True) as told:
        text = told.beside.path.read_bytes()
        assert told.beside.ledger.counts == right.ledger.counts
    assert sorted(text.splitlines()) == sorted(encode(dict(one)) for one in right.study.residue)


def test_deidentified_they_stay_one(tmp_path):
    """One person would have two pseudonyms and two shifts of dates."""
    file = tmp_path / "key"
    file.write_text("0f" * 32)
    file.chmod(0o600)
    some = [*LINKED["both"], enrolled("S-1", "old"), *BOTH]
    done = deidentify_resources(some, read_key(file), load_rules()).resources
    subjects, weights = whose(done)
    assert weights == subjects * 2
    assert len(subjects) == 1
