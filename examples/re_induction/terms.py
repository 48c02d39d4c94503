"""The vocabulary of the synthetic cohort: sites of disease, fractionations, drugs, events, comorbidities.

Terms of codelists are those of SDTM controlled terminology 2025-03-28; event terms are CTCAE 4.0 terms with the
MedDRA preferred term they belong to, as text and without codes (MedDRA codes are licensed). Frequencies are plausible
choices for stage IV non-small cell lung cancer under immune therapy, not figures of any publication.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organ:
    """A place where a lesion may lie: TULOC, TULAT and TUDIR; RECIST counts targets by `group`.

    `largest` is the longest diameter (mm) a lesion there starts with at most; 0 where lesions are not measurable.
    """

    location: str
    laterality: str | None
    direction: str | None
    group: str
    largest: int
    weight: float
    method: str = "CT SCAN"


ORGANS = (
    Organ("LUNG LOBE", "RIGHT", "UPPER", "LUNG", 70, 10),
    Organ("LUNG LOBE", "RIGHT", "LOWER", "LUNG", 60, 8),
    Organ("LUNG LOBE", "LEFT", "UPPER", "LUNG", 70, 9),
    Organ("LUNG LOBE", "LEFT", "LOWER", "LUNG", 60, 7),
    Organ("LUNG, RIGHT MIDDLE LOBE", None, None, "LUNG", 40, 3),
    Organ("LUNG", "LEFT", "CENTRAL", "LUNG", 60, 3),
    Organ("MEDIASTINAL LYMPH NODE", None, None, "LYMPH NODE", 45, 8),
    Organ("HILAR LYMPH NODE", "LEFT", None, "LYMPH NODE", 35, 3),
    Organ("HILAR LYMPH NODE", "RIGHT", None, "LYMPH NODE", 35, 4),
    Organ("SUPRACLAVICULAR LYMPH NODE", "LEFT", None, "LYMPH NODE", 35, 4),
    Organ("ADRENAL GLAND", "LEFT", None, "ADRENAL GLAND", 60, 7),
    Organ("ADRENAL GLAND", "RIGHT", None, "ADRENAL GLAND", 55, 5),
    Organ("LIVER", None, None, "LIVER", 55, 8),
    Organ("LIVER", None, "PERIPHERAL", "LIVER", 45, 3),
    Organ("CHEST WALL", "RIGHT", None, "CHEST WALL", 50, 3),
    Organ("BRAIN", "LEFT", None, "BRAIN", 22, 3, "MRI"),
    Organ("BRAIN", "RIGHT", None, "BRAIN", 22, 3, "MRI"),
    Organ("THORACIC VERTEBRA", None, None, "BONE", 0, 7),
    Organ("LUMBAR VERTEBRA", None, None, "BONE", 0, 5),
    Organ("ILIUM", "RIGHT", None, "BONE", 0, 3),
    Organ("RIB", "LEFT", "POSTERIOR", "BONE", 0, 4),
    Organ("PLEURA", "RIGHT", None, "PLEURA", 0, 4),
)


@dataclass(frozen=True, slots=True)
class Fractionation:
    """A radiotherapy schedule: its share of the cohort, PRTRT as written on the form, doses in Gy, organs it is for."""

    share: float
    treatment: str
    code: str
    fractions: int
    fraction_dose: float
    groups: tuple[str, ...]
    days_apart: int


_SOFT = ("LUNG", "LYMPH NODE", "ADRENAL GLAND", "LIVER", "CHEST WALL")
FRACTIONATIONS = (
    Fractionation(
        0.65, "Stereotactic radiotherapy 3 x 8 Gy", "INTENSITY-MODULATED RADIATION THERAPY", 3, 8.0, (*_SOFT, "BONE"), 2
    ),
    Fractionation(
        0.12,
        "Radiotherapy 10 x 3 Gy",
        "3D CONFORMAL RADIATION THERAPY",
        10,
        3.0,
        ("LUNG", "LYMPH NODE", "CHEST WALL", "BONE"),
        1,
    ),
    Fractionation(
        0.13,
        "Radiotherapy 5 x 4 Gy",
        "3D CONFORMAL RADIATION THERAPY",
        5,
        4.0,
        ("BONE", "CHEST WALL", "LYMPH NODE", "LUNG"),
        1,
    ),
    Fractionation(
        0.05,
        "Stereotactic radiosurgery 1 x 20 Gy",
        "INTENSITY-MODULATED RADIATION THERAPY",
        1,
        20.0,
        ("BRAIN", "ADRENAL GLAND"),
        1,
    ),
    Fractionation(
        0.05,
        "Stereotactic radiosurgery 1 x 24 Gy",
        "INTENSITY-MODULATED RADIATION THERAPY",
        1,
        24.0,
        ("BRAIN", "LUNG"),
        1,
    ),
)


@dataclass(frozen=True, slots=True)
class ImmuneTherapy:
    """An immune therapy that goes on during the trial: dose in mg, the weeks of a cycle and the frequency's term."""

    share: float
    drug: str
    dose: float
    weeks: int
    frequency: str


IMMUNE_THERAPIES = (
    ImmuneTherapy(0.52, "PEMBROLIZUMAB", 200.0, 3, "EVERY 3 WEEKS"),
    ImmuneTherapy(0.26, "NIVOLUMAB", 240.0, 2, "EVERY 2 WEEKS"),
    ImmuneTherapy(0.14, "ATEZOLIZUMAB", 1200.0, 3, "EVERY 3 WEEKS"),
    ImmuneTherapy(0.08, "DURVALUMAB", 1500.0, 4, "EVERY 4 WEEKS"),
)


@dataclass(frozen=True, slots=True)
class Toxicity:
    """A CTCAE 4.0 term with its preferred term and system organ class; `radiotherapy` and `immune` say what may cause it.

    `worst` is the highest grade CTCAE 4.0 has for the term, `missing` one below it that it does not have; `groups` are the irradiated organs it belongs to (none: all).
    """

    term: str
    preferred: str
    organ_class: str
    weight: float
    radiotherapy: bool
    immune: bool
    worst: int = 3
    missing: int = 0
    groups: tuple[str, ...] = ()


_GI = "Gastrointestinal disorders"
_GENERAL = "General disorders and administration site conditions"
_RESP = "Respiratory, thoracic and mediastinal disorders"
_SKIN = "Skin and subcutaneous tissue disorders"
_ENDO = "Endocrine disorders"
_META = "Metabolism and nutrition disorders"
_MUSC = "Musculoskeletal and connective tissue disorders"
_NERV = "Nervous system disorders"
_INFE = "Infections and infestations"
_INVE = "Investigations"
_BLOOD = "Blood and lymphatic system disorders"
_INJU = "Injury, poisoning and procedural complications"
_NEOP = "Neoplasms benign, malignant and unspecified (incl cysts and polyps)"
_THORAX = ("LUNG", "LYMPH NODE", "CHEST WALL")

TOXICITIES = (
    Toxicity("Fatigue", "Fatigue", _GENERAL, 16, radiotherapy=True, immune=True),
    Toxicity("Nausea", "Nausea", _GI, 7, radiotherapy=True, immune=True),
    Toxicity("Diarrhea", "Diarrhoea", _GI, 5, radiotherapy=False, immune=True, worst=4),
    Toxicity("Colitis", "Colitis", _GI, 1, radiotherapy=False, immune=True, worst=4),
    Toxicity("Esophagitis", "Oesophagitis", _GI, 4, radiotherapy=True, immune=False, worst=4, groups=_THORAX),
    Toxicity("Dysphagia", "Dysphagia", _GI, 3, radiotherapy=True, immune=False, worst=4, groups=_THORAX),
    Toxicity("Dyspnea", "Dyspnoea", _RESP, 7, radiotherapy=True, immune=False, worst=4),
    Toxicity("Cough", "Cough", _RESP, 8, radiotherapy=True, immune=False),
    Toxicity("Pneumonitis", "Pneumonitis", _RESP, 4, radiotherapy=True, immune=True, worst=4),
    Toxicity("Pleural effusion", "Pleural effusion", _RESP, 2, radiotherapy=False, immune=False, worst=4),
    Toxicity(
        "Dermatitis radiation",
        "Radiation skin injury",
        _INJU,
        4,
        radiotherapy=True,
        immune=False,
        groups=("CHEST WALL", "LYMPH NODE", "BONE"),
    ),
    Toxicity("Rash maculo-papular", "Rash maculo-papular", _SKIN, 5, radiotherapy=False, immune=True),
    Toxicity("Pruritus", "Pruritus", _SKIN, 5, radiotherapy=False, immune=True),
    Toxicity("Hypothyroidism", "Hypothyroidism", _ENDO, 4, radiotherapy=False, immune=True, worst=2),
    Toxicity("Adrenal insufficiency", "Adrenal insufficiency", _ENDO, 1, radiotherapy=False, immune=True, worst=4),
    Toxicity("Anorexia", "Decreased appetite", _META, 6, radiotherapy=True, immune=True),
    Toxicity("Hyponatremia", "Hyponatraemia", _META, 2, radiotherapy=False, immune=False, worst=4, missing=2),
    Toxicity("Back pain", "Back pain", _MUSC, 5, radiotherapy=True, immune=False),
    Toxicity("Arthralgia", "Arthralgia", _MUSC, 4, radiotherapy=False, immune=True),
    Toxicity("Bone pain", "Bone pain", _MUSC, 3, radiotherapy=True, immune=False, groups=("BONE",)),
    Toxicity(
        "Chest wall pain",
        "Musculoskeletal chest pain",
        _MUSC,
        3,
        radiotherapy=True,
        immune=False,
        groups=("LUNG", "CHEST WALL"),
    ),
    Toxicity("Headache", "Headache", _NERV, 4, radiotherapy=True, immune=False),
    Toxicity("Lung infection", "Pneumonia", _INFE, 4, radiotherapy=False, immune=False, worst=4, missing=1),
    Toxicity(
        "Alanine aminotransferase increased",
        "Alanine aminotransferase increased",
        _INVE,
        3,
        radiotherapy=False,
        immune=True,
        worst=4,
    ),
    Toxicity("Anemia", "Anaemia", _BLOOD, 4, radiotherapy=False, immune=False, worst=4),
)

# What a subject dies of: one death by treatment, the others by the disease.
FATAL_TOXICITY = Toxicity("Pneumonitis", "Pneumonitis", _RESP, 0, radiotherapy=True, immune=True, worst=5)
FATAL_PROGRESSION = (
    Toxicity(
        "Neoplasms benign, malignant and unspecified - Other, disease progression",
        "Malignant neoplasm progression",
        _NEOP,
        3,
        radiotherapy=False,
        immune=False,
        worst=5,
    ),
    Toxicity("Respiratory failure", "Respiratory failure", _RESP, 1, radiotherapy=False, immune=False, worst=5),
)

# MHTERM as written, MHDECOD, and the share of the cohort.
HISTOLOGIES = (
    ("Adenocarcinoma of the lung, stage IV", "Lung adenocarcinoma stage IV", 0.68),
    ("Squamous cell carcinoma of the lung, stage IV", "Squamous cell carcinoma of lung stage IV", 0.22),
    ("NSCLC NOS, stage IV", "Non-small cell lung cancer stage IV", 0.10),
)

# MHTERM as written, MHDECOD, probability, and the medicine taken for it where there is one.
COMORBIDITIES = (
    ("COPD GOLD II", "Chronic obstructive pulmonary disease", 0.38, "TIOTROPIUM"),
    ("Hypertension", "Hypertension", 0.42, "AMLODIPINE"),
    ("Hypercholesterolemia", "Hypercholesterolaemia", 0.30, "SIMVASTATIN"),
    ("Diabetes mellitus type 2", "Type 2 diabetes mellitus", 0.17, "METFORMIN"),
    ("Atrial fibrillation", "Atrial fibrillation", 0.10, None),
    ("Myocardial infarction", "Myocardial infarction", 0.09, "ACETYLSALICYLIC ACID"),
    ("Osteoarthritis of the knee", "Osteoarthritis", 0.15, "PARACETAMOL"),
    ("Appendectomy", "Appendicectomy", 0.14, None),
)


@dataclass(frozen=True, slots=True)
class Medicine:
    """How a concomitant medicine is taken: form, route, frequency, dose and its unit."""

    dose: float
    unit: str
    form: str
    route: str
    frequency: str


MEDICINES = {
    "TIOTROPIUM": Medicine(18.0, "ug", "CAPSULE", "RESPIRATORY (INHALATION)", "QD"),
    "AMLODIPINE": Medicine(5.0, "mg", "TABLET", "ORAL", "QD"),
    "SIMVASTATIN": Medicine(40.0, "mg", "TABLET", "ORAL", "QD"),
    "METFORMIN": Medicine(500.0, "mg", "TABLET", "ORAL", "BID"),
    "ACETYLSALICYLIC ACID": Medicine(80.0, "mg", "TABLET", "ORAL", "QD"),
    "PARACETAMOL": Medicine(1000.0, "mg", "TABLET", "ORAL", "PRN"),
    "PREDNISOLONE": Medicine(60.0, "mg", "TABLET", "ORAL", "QD"),
    "DEXAMETHASONE": Medicine(4.0, "mg", "TABLET", "ORAL", "QD"),
    "ONDANSETRON": Medicine(8.0, "mg", "TABLET", "ORAL", "PRN"),
    "LOPERAMIDE": Medicine(2.0, "mg", "CAPSULE", "ORAL", "PRN"),
    "LEVOTHYROXINE": Medicine(75.0, "ug", "TABLET", "ORAL", "QD"),
    "AMOXICILLIN/CLAVULANIC ACID": Medicine(625.0, "mg", "TABLET", "ORAL", "TID"),
}
# What an event is treated with, by its CTCAE term.
REMEDIES = {
    "Pneumonitis": "PREDNISOLONE",
    "Colitis": "PREDNISOLONE",
    "Alanine aminotransferase increased": "PREDNISOLONE",
    "Nausea": "ONDANSETRON",
    "Diarrhea": "LOPERAMIDE",
    "Hypothyroidism": "LEVOTHYROXINE",
    "Lung infection": "AMOXICILLIN/CLAVULANIC ACID",
    "Headache": "DEXAMETHASONE",
    "Back pain": "PARACETAMOL",
    "Bone pain": "PARACETAMOL",
    "Chest wall pain": "PARACETAMOL",
}
PRIOR_CHEMOTHERAPIES = (
    ("Carboplatin + pemetrexed, 4 cycles", "CARBOPLATIN;PEMETREXED"),
    ("Cisplatin + pemetrexed, 4 cycles", "CISPLATIN;PEMETREXED"),
    ("Carboplatin + paclitaxel", "CARBOPLATIN;PACLITAXEL"),
    ("Cisplatin + gemcitabine", "CISPLATIN;GEMCITABINE"),
)
