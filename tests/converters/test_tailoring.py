"""What a study file says of a hospital's records: which are treatment, which are taken besides, which are history.

The resources are made by hand; the expected rows follow SDTMIG 3.4 sections 6.1.2 (CM), 6.1.3 (EX, EC), 6.2.7 (MH).
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from trialbridge.base.errors import UnreadableInputError
from trialbridge.converters.dictionary import DICTIONARY
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.converters.tailoring import tailored
from trialbridge.fhir.bundle import pool
from trialbridge.study_file.load import load
from trialbridge.study_file.records import History, Records

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SUBJECT = {"reference": "Patient/p1"}


def medicine(kind, number, text=None, code=None, **more):
    """A record of a medicine."""
    drug = {"text": text} if text else {"coding": [{"system": RXNORM, "code": code}]}
    return {
        "resourceType": kind,
        "id": number,
        "subject": SUBJECT,
        "status": "completed",
        "medicationCodeableConcept": drug,
        **more,
    }


HOSPITAL = [
    {"resourceType": "ResearchStudy", "id": "s", "status": "active", "identifier": [{"value": "ST1"}]},
    {
        "resourceType": "ResearchSubject",
        "id": "r",
        "status": "on-study",
        "identifier": [{"value": "ST1-001"}],
        "study": {"reference": "ResearchStudy/s"},
        "individual": SUBJECT,
        "consent": {"reference": "Consent/c"},
    },
    {"resourceType": "Patient", "id": "p1"},
    {"resourceType": "Consent", "id": "c", "status": "active", "dateTime": "2019-05-01"},
    {"resourceType": "Medication", "id": "drug", "code": {"coding": [{"system": RXNORM, "code": "1597876"}]}},
    medicine("MedicationAdministration", "a1", "Nivolumab 240 mg infusion", effectiveDateTime="2019-06-01"),
    medicine("MedicationAdministration", "a2", "Nivolumab", effectiveDateTime="2019-06-15") | {"status": "not-done"},
    medicine("MedicationAdministration", "a3", "Ondansetron", effectiveDateTime="2019-06-02"),
    {
        "resourceType": "MedicationAdministration",
        "id": "a4",
        "status": "completed",
        "subject": SUBJECT,
        "medicationReference": {"reference": "Medication/drug"},
        "effectiveDateTime": "2019-06-29",
    },
    medicine("MedicationStatement", "m1", "Paracetamol", effectivePeriod={"start": "2019-01"}),
    medicine("MedicationRequest", "q1", "Morphine", authoredOn="2019-06-03") | {"intent": "order"},
    {
        "resourceType": "Procedure",
        "id": "rt",
        "status": "completed",
        "subject": SUBJECT,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1217123003"}], "text": "SBRT 3 x 8 Gy"},
        "performedPeriod": {"start": "2019-05-20", "end": "2019-05-24"},
        "extension": [
            {
                "url": "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-radiotherapy-dose-delivered-to-volume",
                "extension": [
                    {
                        "url": "totalDoseDelivered",
                        "valueQuantity": {"value": Decimal(2400), "code": "cGy", "system": "http://unitsofmeasure.org"},
                    }
                ],
            }
        ],
    },
    {
        "resourceType": "Condition",
        "id": "k1",
        "subject": SUBJECT,
        "code": {"text": "Hypertension"},
        "onsetDateTime": "2010-03-04",
    },
    {
        "resourceType": "Condition",
        "id": "k2",
        "subject": SUBJECT,
        "code": {"text": "Pneumonitis"},
        "onsetDateTime": "2019-07-04",
    },
    {
        "resourceType": "Condition",
        "id": "k3",
        "subject": SUBJECT,
        "code": {"text": "Full-time employment (finding)"},
        "onsetDateTime": "2001-07-04",
    },
]


def told(records):
    """The study these resources tell under a study file's rules."""
    return to_sdtm(HOSPITAL, release="R4", dictionary=tailored(DICTIONARY, records))


def values(done, dataset, variable):
    """The cells of a variable, sorted."""
    study = done.study
    return sorted(study[dataset].frame[variable].to_list()) if dataset in study else []


def test_study_treatment_is_told_from_other_medicines():
    """Every administration in a hospital's export would be exposure to the study treatment."""
    done = told(Records(treatments=("nivolumab", f"{RXNORM}|1597876")))
    assert values(done, "EX", "EXSTDTC") == ["2019-06-01", "2019-06-29"]
    assert values(done, "EC", "ECOCCUR") == ["N"]
    assert values(done, "CM", "CMTRT") == ["Ondansetron", "Paracetamol"]


def test_without_the_setting_nothing_changes():
    """A study without the section would be read otherwise than without a file."""
    done, plain = told(Records()), to_sdtm(HOSPITAL, release="R4")
    for name in ("EX", "EC", "CM", "MH", "PR"):
        assert done.study[name].frame.equals(plain.study[name].frame), name
    assert values(done, "EX", "EXSTDTC") == ["2019-06-01", "2019-06-02", "2019-06-29"]


def test_requests_are_read_only_when_asked():
    """A prescription would be taken for intake, or could not be asked for at all."""
    done = told(Records(concomitant=("MedicationStatement", "MedicationRequest")))
    assert values(done, "CM", "CMTRT") == ["Morphine", "Paracetamol"]
    assert values(done, "CM", "CMSTDTC") == ["2019-01", "2019-06-03"]


def test_radiotherapy_as_study_treatment_is_exposure_too():
    """RFXSTDTC would have no exposure to come from where the protocol's treatment is radiotherapy."""
    done = told(Records(treatments=("nivolumab",), radiotherapy="PR+EX"))
    assert values(done, "PR", "PRTRT") == ["SBRT 3 x 8 Gy"]
    rows = [row for row in done.study["EX"].rows() if row["EXDOSU"] == "Gy"]
    assert [(row["EXTRT"], row["EXDOSE"], row["EXSTDTC"], row["EXENDTC"]) for row in rows] == [
        ("SBRT 3 x 8 Gy", 24.0, "2019-05-20", "2019-05-24")
    ]


@pytest.mark.parametrize(
    ("history", "terms"),
    [
        (History(), ["Full-time employment (finding)", "Hypertension", "Pneumonitis"]),
        (History(exclude=("(finding)",)), ["Hypertension", "Pneumonitis"]),
        (History(exclude=("(finding)",), begun="before-consent"), ["Hypertension"]),
        (History(include=("hypertension",)), ["Hypertension"]),
    ],
)
def test_which_conditions_are_history(history, terms):
    """What arose during the trial, or is no disease, would stand in medical history."""
    assert values(told(Records(history=history)), "MH", "MHTERM") == terms


def test_what_is_no_record_stays_in_the_residue():
    """A condition that is no history would be lost on the way back."""
    wanted = Records(
        treatments=("nivolumab",), radiotherapy="PR+EX", history=History(exclude=("(finding)",), begun="before-consent")
    )
    done = told(wanted)
    back = to_fhir(done.study, release="R4", dictionary=tailored(DICTIONARY, wanted)).resources
    assert {one["id"]: one for one in back} == {one.resource["id"]: one.resource for one in pool(HOSPITAL).items}
    assert [one.where.resource for one in done.findings if one.id == "TB-NOT-THE-STUDYS"] == ["Condition/k2"]


def test_the_section_is_read_from_a_study_file(tmp_path):
    """The settings could not be given by a user, or a misspelt one would be passed over."""
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: {id: ST1}\n"
        "records:\n"
        "  treatments: [nivolumab]\n"
        "  radiotherapy: PR+EX\n"
        "  history: {begun: before-consent}\n",
        encoding="utf-8",
    )
    wanted = Records(treatments=("nivolumab",), radiotherapy="PR+EX", history=History(begun="before-consent"))
    assert load(file).records == wanted
    file.write_text("study: {id: ST1}\nrecords:\n  radiotherapy: EX\n", encoding="utf-8")
    with pytest.raises(UnreadableInputError, match=r"line 3, records\.radiotherapy"):
        load(file)


# --- what DM and the visits take from EX and TV ----------------------------------------------------------------------


def test_exposure_gives_the_reference_dates():
    """RFXSTDTC and RFXENDTC would stay empty although EX is there (SDTMIG 3.4, DM: earliest start, latest end)."""
    done = told(Records(treatments=("nivolumab", f"{RXNORM}|1597876")))
    (row,) = done.study["DM"].rows()
    assert (row["RFXSTDTC"], row["RFXENDTC"]) == ("2019-06-01", "2019-06-29")
    assert row.get("RFSTDTC") is None  # a sponsor's choice, never guessed


@pytest.mark.parametrize(("wanted", "day"), [("first-exposure", "2019-06-01"), ("first-radiotherapy", "2019-05-20")])
def test_the_reference_start_is_the_study_files(wanted, day):
    """Study days would be counted from another day than the protocol's, or not at all."""
    done = told(Records(treatments=("nivolumab",), reference_start=wanted))
    assert [row["RFSTDTC"] for row in done.study["DM"].rows()] == [day]
    # 20 May is day 1 of 20 May; from 1 June it is 12 days before: no day 0 (SDTMIG 3.4 section 4.4.4)
    assert [row["PRSTDY"] for row in done.study["PR"].rows()] == [1.0 if wanted == "first-radiotherapy" else -12.0]


def test_a_visit_is_numbered_by_tv():
    """A visit that names itself would have no VISITNUM although TV says it (SDTMIG 3.4 section 4.4.5)."""
    ours = "https://example.org/trialbridge/sid"
    plan = {
        "resourceType": "PlanDefinition",
        "id": "tv",
        "status": "active",
        "identifier": [{"system": f"{ours}/sdtm-record", "value": "ST1|TV||"}],
        "action": [{"prefix": "3", "title": "WEEK 6"}],
    }
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": SUBJECT,
        "identifier": [{"system": f"{ours}/visit", "value": "WEEK 6"}],
        "period": {"start": "2019-07-01"},
    }
    study = to_sdtm([*HOSPITAL, plan, visit], release="R4").study
    assert [(row["VISITNUM"], row["VISIT"]) for row in study["SV"].rows()] == [(3.0, "WEEK 6")]


def test_sequence_numbers_do_not_hang_on_the_order_sent():
    """The next export of the same records would number them otherwise, and RELREC and SUPP-- would point elsewhere."""
    shuffled = [*HOSPITAL[:5], *reversed(HOSPITAL[5:])]
    numbers = [
        {
            name: sorted((row[f"{name}SEQ"], row[f"{name}{topic}"]) for row in study[name].rows())
            for name, topic in (("EX", "STDTC"), ("MH", "TERM"), ("CM", "TRT"))
        }
        for study in (to_sdtm(given, release="R4").study for given in (HOSPITAL, shuffled))
    ]
    assert numbers[0] == numbers[1]
    # by the natural keys: exposure by its date
    assert numbers[0]["EX"] == [(1.0, "2019-06-01"), (2.0, "2019-06-02"), (3.0, "2019-06-29")]
