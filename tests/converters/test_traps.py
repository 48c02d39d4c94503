"""The ten traps of carrying a trial between FHIR and SDTM, one test each (and each with its counter-example).

Sources: SDTMIG 3.4, FHIR R4 and R5, mCODE STU4, AE Clinical Research (R4 backport and R5), DICOM PS3.16.
"""

from __future__ import annotations

import polars as pl

from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.check import check
from trialbridge.sdtm.table import study, table

NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
SCT = "http://snomed.info/sct"
WHO = {"STUDYID": "ST1", "USUBJID": "ST1-01"}
B4 = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/"


def made(*rows, release="R4"):
    """Resources by type of a study of rows; what comes home must be the rows."""
    by_domain = {}
    for row in rows:
        by_domain.setdefault(row["DOMAIN"], []).append({**WHO, **row})
    tables = [table(name, pl.DataFrame(of, infer_schema_length=None)) for name, of in by_domain.items()]
    resources = to_fhir(study(tables), release=release).resources
    for one in resources:
        assert check(one, release) == [], one
    home = to_sdtm(resources, release=release, residue=False).study
    for one in tables:
        keys = one.frame.columns
        assert home[one.name].frame.select(keys).sort(keys).equals(one.frame.sort(keys)), one.name
    found = {}
    for one in resources:
        found.setdefault(one["resourceType"], []).append(one)
    return found


def ext(element, url):
    """The extensions of a url, whose last part is given."""
    return [one for one in element.get("extension", ()) if one["url"].rsplit("/", 1)[-1] == url]


def codes(concept):
    """(system, code) of a CodeableConcept."""
    return {(one.get("system"), one.get("code")) for one in concept.get("coding", ())}


def test_1_dates():
    """A date FHIR does not know would be cut, or midnight or a time zone invented."""
    cases = {
        "2018-02-05T10:30": "2018-02-05",
        "2018-02-05T10": "2018-02-05",
        "2018-02-05T10:30:00": "2018-02-05",
        "2003---15": "2003",
        "--12-15": None,
        "2018-02-05/2018-02-07": None,
        "2018-02": "2018-02",
        "2018-02-05T10:30:00+01:00": "2018-02-05T10:30:00+01:00",
    }
    for number, (dtc, legal) in enumerate(cases.items(), start=1):
        found = made({"DOMAIN": "TU", "TUSEQ": float(number), "TUTESTCD": "TUMIDENT", "TUDTC": dtc})["Observation"][0]
        assert found.get("effectiveDateTime") == legal, dtc
        beside = ext(found.get("_effectiveDateTime", {}), "sdtm-dtc")
        assert [one["valueString"] for one in beside] == ([] if dtc == legal else [dtc])


def test_2_three_shapes_of_an_adverse_event():
    """Our own shape would break the backport's rules, or a profile be claimed that does not hold."""
    event = {"DOMAIN": "AE", "AESEQ": 1.0, "AETERM": "cough", "AEOUT": "FATAL", "AEREL": "RELATED"}
    (one,) = made(event)["AdverseEvent"]
    assert not {"resultingCondition", "suspectEntity"} & set(one)
    assert [mark["url"] for mark in one["modifierExtension"]] == [B4 + "status"]
    assert codes(one["outcome"]) == {
        ("http://terminology.hl7.org/CodeSystem/adverse-event-outcome", "fatal"),
        (NCIT, "C48275"),
    }
    assert one["meta"]["profile"] == [B4 + "AdverseEvent-clinical-research"]
    (one,) = made({**event, "AEOUT": "UNKNOWN"})["AdverseEvent"]
    assert "profile" not in one.get("meta", {})
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "code": {"text": "hives"},
    }
    shape = {"resourceType": "AdverseEvent", "id": "a", "actuality": "actual", "subject": {"reference": "Patient/p"}}
    foreign = [{"resourceType": "Patient", "id": "p"}, condition, {**shape, "event": {"text": "rash"}}]
    (row,) = to_sdtm(foreign, release="R4").study["AE"].rows()
    assert row["AETERM"] == "rash"


def test_2_the_joint_mappings_shape_is_read():
    """An adverse event in the shape of the HL7/CDISC guide would have no term."""
    who = {"reference": "Patient/p"}
    condition = {"resourceType": "Condition", "id": "c", "subject": who, "code": {"text": "hives"}}
    shape = {"resourceType": "AdverseEvent", "id": "a", "actuality": "actual", "subject": who}
    shape["resultingCondition"] = [{"reference": "Condition/c"}]
    (row,) = to_sdtm([{"resourceType": "Patient", "id": "p"}, condition, shape], release="R4").study["AE"].rows()
    assert row["AETERM"] == "hives"


def test_3_radiotherapy_lives_in_pr():
    """Radiotherapy would become exposure unasked, or immune therapy a procedure."""
    course = {
        "DOMAIN": "PR",
        "PRSEQ": 1.0,
        "PRTRT": "SBRT",
        "PRCAT": "RADIATION THERAPY",
        "PRDOSE": 24.0,
        "PRDOSU": "Gy",
    }
    found = made(course)
    assert set(found) >= {"Procedure"}
    assert "MedicationAdministration" not in found
    home = to_sdtm([one for group in found.values() for one in group], release="R4").study
    assert "EX" not in home


def test_4_dose():
    """A dose would be a hundred times too high or low, a photon course lack its technique, or its tumour be lost."""
    lesion = {"DOMAIN": "TU", "TUSEQ": 1.0, "TUTESTCD": "TUMIDENT", "TULNKID": "T01", "TULOC": "LUNG"}
    course = {"DOMAIN": "PR", "PRSEQ": 1.0, "PRTRT": "SBRT", "PRDECOD": "EXTERNAL BEAM RADIATION THERAPY"}
    course |= {"PRDOSE": 24.0, "PRDOSU": "Gy", "PRLNKID": "T01", "PRSTDTC": "2018-03-05", "PRENDTC": "2018-03-09"}
    found = made(lesion, course)
    (one,) = found["Procedure"]
    (dose,) = ext(one, "mcode-radiotherapy-dose-delivered-to-volume")
    (total,) = ext(dose, "totalDoseDelivered")
    assert (total["valueQuantity"]["value"], total["valueQuantity"]["code"]) == (2400, "cGy")
    (way,) = ext(one, "mcode-radiotherapy-modality-and-technique")
    (modality,), (technique,) = ext(way, "mcode-radiotherapy-modality"), ext(way, "mcode-radiotherapy-technique")
    assert "UNC" in {code for _, code in codes(modality["valueCodeableConcept"])}
    assert technique["valueCodeableConcept"]["text"] == "SBRT"
    (target,) = ext(one, "procedure-targetBodyStructure")
    tumours = [each for each in found["BodyStructure"] if each.get("identifier", [{}])[0].get("value") == "T01"]
    assert target["valueReference"]["reference"] == f"BodyStructure/{tumours[0]['id']}"
    (sharp,) = made({**course, "PRDECOD": "3D CONFORMAL RADIATION THERAPY"})["Procedure"]
    (way,) = ext(sharp, "mcode-radiotherapy-modality-and-technique")
    assert {url["url"].rsplit("-", 1)[1] for url in way["extension"]} == {"modality", "technique"}


def test_5_recist_1_0_is_not_1_1():
    """The criteria would be confused, a sum computed by the converter, or NE and NOT DONE mixed up."""
    one = {"DOMAIN": "RS", "RSSEQ": 1.0, "RSTESTCD": "OVRLRESP", "RSCAT": "RECIST 1.0", "RSORRES": "NE"}
    done = {**one, "RSSTRESC": "NE", "RSDTC": "2018-05-02"}
    (response,) = made(done)["Observation"]
    assert (NCIT, "C124414") in codes(response["method"])
    assert (NCIT, "C62222") in codes(response["valueCodeableConcept"])
    assert "dataAbsentReason" not in response
    size = {"DOMAIN": "TR", "TRTESTCD": "LDIAM", "TRLNKID": "T01", "TRORRESU": "mm"}
    sizes = [{**size, "TRSEQ": float(n), "TRORRES": text} for n, text in enumerate(("10", "20"), start=1)]
    found = made(*sizes)["Observation"]
    assert not any((NCIT, "C96632") in codes(each["code"]) for each in found)
    missed = {"DOMAIN": "TR", "TRSEQ": 9.0, "TRTESTCD": "LDIAM", "TRLNKID": "T01", "TRSTAT": "NOT DONE"}
    (observation,) = made(missed)["Observation"]
    (component,) = observation["component"]
    assert "valueQuantity" not in component
    assert "not-performed" in {code for _, code in codes(component["dataAbsentReason"])}


def test_6_a_code_means_what_its_element_means():
    """C41340 would be a severity where it is a grade, and C48275 an outcome where it is a grade."""
    five = {"DOMAIN": "AE", "AESEQ": 1.0, "AETERM": "x", "AETOXGR": "5"}
    (event,) = made(five)["AdverseEvent"]
    assert not {"outcome", "severity", "seriousness"} & set(event)
    grade = ext(event, "ae-grade")[0]["valueCodeableConcept"]
    assert codes(grade) == {(NCIT, "C48275")}
    bare = {"resourceType": "AdverseEvent", "id": "a", "actuality": "actual", "subject": {"reference": "Patient/p"}}
    coded = {"coding": [{"system": NCIT, "code": "C48275"}]}
    people = [{"resourceType": "Patient", "id": "p"}]
    graded = {**bare, "extension": [{"url": B4 + "ae-grade", "valueCodeableConcept": coded}]}
    (row,) = to_sdtm([*people, graded], release="R4").study["AE"].rows()
    assert (row["AETOXGR"], row.get("AEOUT"), row.get("AESDTH")) == ("5", None, None)
    (row,) = to_sdtm([*people, {**bare, "outcome": coded}], release="R4").study["AE"].rows()
    assert (row.get("AETOXGR"), row["AEOUT"]) == (None, "FATAL")


def test_7_seriousness():
    """A non-serious event would carry criteria, which its profile forbids, or a flag N be lost."""
    flags = {"AESDTH": "N", "AESLIFE": "N", "AESHOSP": "N"}
    (event,) = made({"DOMAIN": "AE", "AESEQ": 1.0, "AETERM": "x", "AESER": "N", **flags})["AdverseEvent"]
    assert not ext(event, "seriousness-criteria")
    assert {code for _, code in codes(event["seriousness"])} == {"non-serious"}
    (event,) = made({"DOMAIN": "AE", "AESEQ": 1.0, "AETERM": "x", "AESER": "Y", "AESHOSP": "Y"})["AdverseEvent"]
    assert len(ext(event, "seriousness-criteria")) == 1
    core = {"resourceType": "AdverseEvent", "id": "a", "actuality": "actual", "subject": {"reference": "Patient/p"}}
    system = "http://terminology.hl7.org/CodeSystem/adverse-event-seriousness"
    for code, letter in (("Serious", "Y"), ("serious", "Y"), ("Non-serious", "N"), ("SERIOUS", None)):
        seriousness = {"coding": [{"system": system, "code": code}]}
        foreign = [{"resourceType": "Patient", "id": "p"}, {**core, "seriousness": seriousness}]
        (row,) = to_sdtm(foreign, release="R4").study["AE"].rows()
        assert row.get("AESER") == letter


def test_8_a_lesion_by_each_evaluator():
    """Two readers' lesions of one name would become one, or MIDLINE change its variable."""
    base = {
        "DOMAIN": "TU",
        "TUTESTCD": "TUMIDENT",
        "TULNKID": "T01",
        "TUEVAL": "INDEPENDENT ASSESSOR",
        "TUDIR": "UPPER",
    }
    first = {**base, "TUSEQ": 1.0, "TUEVALID": "RADIOLOGIST 1", "TULOC": "LUNG", "TULAT": "LEFT"}
    second = {**base, "TUSEQ": 2.0, "TUEVALID": "RADIOLOGIST 2", "TULOC": "LIVER", "TUDIR": "MIDLINE"}
    lesions = made(first, second)["BodyStructure"]
    assert len(lesions) == 2
    assert {code for one in lesions for qualifier in one["locationQualifier"] for _, code in codes(qualifier)} >= {
        "7771000",
        "261183002",
        "399488007",
    }


def test_9_states_by_release():
    """R5 would keep R4's status, or a second disposition be lost in R4, which has room for one."""
    rows = (
        {"DOMAIN": "DS", "DSSEQ": 1.0, "DSDECOD": "INFORMED CONSENT OBTAINED", "DSCAT": "PROTOCOL MILESTONE"},
        {"DOMAIN": "DS", "DSSEQ": 2.0, "DSDECOD": "WITHDRAWAL BY SUBJECT", "DSCAT": "DISPOSITION EVENT"},
    )
    (subject,) = made(*rows)["ResearchSubject"]
    assert subject["status"] == "off-study"
    assert len(ext(subject, "extension-ResearchSubject.progress")) == 2
    (subject,) = made(*rows, release="R5")["ResearchSubject"]
    assert len(subject["progress"]) == 2
    assert subject.get("status") not in {"off-study", "on-study"}
    people = {"DOMAIN": "DM", "DMDTC": "2018-01-02", "COUNTRY": "CHE", "SITEID": "701"}
    found = made(people)
    assert "address" not in found["Patient"][0]
    assert "lastUpdated" not in str(found)


def test_10_terminology_that_moves():
    """A relatedness without a codelist, a MedDRA level, a race or a sequence number would be lost or guessed."""
    event = {"DOMAIN": "AE", "AESEQ": 7.0, "AETERM": "x", "AEREL": "REMOTE", "AESPID": "E1"}
    event |= {"AELLT": "Coughing", "AEDECOD": "Cough", "AESOC": "Respiratory", "AEPTCD": 10011224.0}
    (one,) = made(event)["AdverseEvent"]
    assert one["identifier"]["value"] == "E1"
    assert {level["valueCode"] for coding in one["event"]["coding"] for level in ext(coding, "meddra-level")} == {
        "LLT",
        "PT",
        "SOC",
    }
    for race in ("MULTIPLE", "UNKNOWN", "NOT REPORTED", "MARTIAN"):
        made({"DOMAIN": "DM", "RACE": race})
    for sex in ("UNDIFFERENTIATED", "INTERSEX", "U"):
        made({"DOMAIN": "DM", "SEX": sex})
    (row,) = to_sdtm([one, *made({"DOMAIN": "DM", "SEX": "F"})["Patient"]], release="R4").study["AE"].rows()
    assert row["AESEQ"] == 7.0
