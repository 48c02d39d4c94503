"""The design of the trial as SDTM trial design datasets: TA, TE, TV, TI, TS, and the names the subjects' rows share.

Facts are those of the public registry record NCT03406468; what the record does not say (visit windows, element rules,
the length of follow-up) is chosen here and marked so. NCI codes: SDTM controlled terminology 2025-03-28.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

STUDY = "NCT03406468"
CT_PACKAGE = "sdtmct-2025-03-28"
ARM_CODE, ARM = "RT", "Radiotherapy"
COUNTRY = "NLD"
FIRST_CONSENT = date(2019, 7, 15)  # the record's actual start date
LAST_CONTACT = date(2021, 3, 1)  # the record's completion date; every subject's participation ends before it

# The three sites of the record; SDTM has no variable for their names.
SITES = {
    "01": "Zuyderland Medical Center, Heerlen",
    "02": "Maastricht University Medical Center+",
    "03": "Maastro, Maastricht",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A planned visit: VISITNUM, VISIT, VISITDY (planned study day) and what starts it."""

    number: int
    name: str
    day: int
    rule: str


SCREENING, RADIOTHERAPY, LAST = 1, 2, 6
VISITS = (
    Visit(1, "SCREENING", -14, "Signing of informed consent"),
    Visit(2, "RADIOTHERAPY", 1, "First fraction of radiotherapy"),
    Visit(3, "WEEK 6", 43, "6 weeks after the first fraction"),
    Visit(4, "WEEK 12", 85, "12 weeks after the first fraction"),
    Visit(5, "WEEK 18", 127, "18 weeks after the first fraction"),
    Visit(6, "WEEK 24", 169, "24 weeks after the first fraction"),
)
RESPONSE_VISITS = VISITS[2:]

Row = dict[str, str | float | None]

# Each element: ETCD, ELEMENT, its EPOCH, TESTRL, TEENRL, TEDUR.
ELEMENTS = (
    ("SCRN", "Screening", "SCREENING", "Informed consent", "First fraction of radiotherapy, or exclusion", None),
    ("RT", "Radiotherapy", "TREATMENT", "First fraction of radiotherapy", "One day after the last fraction", None),
    (
        "FU",
        "Follow-up",
        "FOLLOW-UP",
        "One day after the last fraction of radiotherapy",
        "End of participation, at most 24 weeks after the first fraction",
        None,
    ),
)

# The record's eligibility text, item by item (spelling mended).
CRITERIA = (
    ("INCL01", "Stage IV non-small cell lung cancer", "INCLUSION"),
    (
        "INCL02",
        "Initially a complete remission, partial remission or stable disease under immune therapy alone or concurrent immune therapy and chemotherapy and now progressive disease",
        "INCLUSION",
    ),
    ("INCL03", "Able to continue the immune therapy", "INCLUSION"),
    ("EXCL01", "Not able to continue the already initiated immune therapy", "EXCLUSION"),
    ("EXCL02", "Patients with any grade 3 toxicity", "EXCLUSION"),
    (
        "EXCL03",
        "Patients in whom radiotherapy cannot be delivered, according to the radiation oncologist at the multi-disciplinary patient discussion",
        "EXCLUSION",
    ),
)

_CT = "CDISC CT"
# Each parameter: TSPARMCD, TSPARM, TSVAL, TSVALNF, TSVALCD, TSVCDREF; a repeated parameter gets TSSEQ 1, 2, …
PARAMETERS: tuple[tuple[str, str, str | None, str | None, str | None, str | None], ...] = (
    ("ADAPT", "Adaptive Design", "N", None, "C49487", _CT),
    ("ADDON", "Added on to Existing Treatments", "Y", None, "C49488", _CT),
    ("AGEMAX", "Planned Maximum Age of Subjects", None, "PINF", None, None),
    ("AGEMIN", "Planned Minimum Age of Subjects", "P18Y", None, None, "ISO 8601"),
    ("COMPTRT", "Comparative Treatment Name", None, "NA", None, None),
    ("CURTRT", "Current Therapy or Treatment", "IMMUNE THERAPY", None, None, None),
    ("DCUTDESC", "Data Cutoff Description", "END OF STUDY", None, None, None),
    ("DCUTDTC", "Data Cutoff Date", LAST_CONTACT.isoformat(), None, None, "ISO 8601"),
    ("DOSE", "Dose per Administration", "8", None, None, None),
    ("DOSRGM", "Dose Regimen", "24 Gy in 3 fractions", None, None, None),
    ("DOSU", "Dose Units", "Gy", None, "C18063", _CT),
    ("EXTTIND", "Extension Trial Indicator", "N", None, "C49487", _CT),
    ("FCNTRY", "Planned Country of Investigational Sites", COUNTRY, None, None, "ISO 3166-1 alpha-3"),
    ("FDADEIND", "FDA-Regulated Device Study Indicator", "N", None, "C49487", _CT),
    ("FDADRIND", "FDA-Regulated Drug Study Indicator", "N", None, "C49487", _CT),
    ("HLTSUBJI", "Healthy Subject Indicator", "N", None, "C49487", _CT),
    ("INDIC", "Trial Disease/Condition Indication", "Non-small cell lung cancer", None, "254637007", "SNOMED"),
    ("INTMODEL", "Intervention Model", "SINGLE GROUP", None, "C82640", _CT),
    ("INTTYPE", "Intervention Type", "RADIATION", None, "C15313", _CT),
    ("LENGTH", "Trial Length", "P26W", None, None, "ISO 8601"),
    ("NARMS", "Planned Number of Arms", "1", None, None, None),
    ("NCOHORT", "Number of Groups/Cohorts", "1", None, None, None),
    (
        "OBJPRIM",
        "Trial Primary Objective",
        "To investigate the progression-free survival after radiotherapy to a single lesion",
        None,
        None,
        None,
    ),
    (
        "OBJSEC",
        "Trial Secondary Objective",
        "To investigate the remission rate of the irradiated lesion",
        None,
        None,
        None,
    ),
    (
        "OBJSEC",
        "Trial Secondary Objective",
        "To investigate the remission rate of the non-irradiated lesions",
        None,
        None,
        None,
    ),
    ("OBJSEC", "Trial Secondary Objective", "To investigate the toxicity", None, None, None),
    ("ONGOSIND", "Ongoing Study Indicator", "N", None, "C49487", _CT),
    (
        "OUTMSPRI",
        "Primary Outcome Measure",
        "Progression free survival, 3 months after end of radiotherapy",
        None,
        None,
        None,
    ),
    (
        "OUTMSSEC",
        "Secondary Outcome Measure",
        "Remission rate (RECIST 1.0) of the irradiated lesion, 3 months after end of radiotherapy",
        None,
        None,
        None,
    ),
    (
        "OUTMSSEC",
        "Secondary Outcome Measure",
        "Remission rate (RECIST 1.0) of the non-irradiated lesion(s), 3 months after end of radiotherapy",
        None,
        None,
        None,
    ),
    (
        "OUTMSSEC",
        "Secondary Outcome Measure",
        "Toxicity evaluation CTCAE 4.0, 3 months after end of radiotherapy",
        None,
        None,
        None,
    ),
    ("PCLAS", "Pharmacologic Class", None, "NA", None, None),
    ("PDPSTIND", "Pediatric Postmarket Study Indicator", "N", None, "C49487", _CT),
    ("PDSTIND", "Pediatric Study Indicator", "N", None, "C49487", _CT),
    ("PIPIND", "Pediatric Investigation Plan Indicator", "N", None, "C49487", _CT),
    ("PLANSUB", "Planned Number of Subjects", "40", None, None, None),
    ("RANDOM", "Trial is Randomized", "N", None, "C49487", _CT),
    ("RANDQT", "Randomization Quotient", "1", None, None, None),
    ("RDIND", "Rare Disease Indicator", "N", None, "C49487", _CT),
    ("REGID", "Registry Identifier", STUDY, None, STUDY, "ClinicalTrials.gov"),
    ("SDTIGVER", "SDTM IG Version", "3.4", None, None, None),
    ("SDTMVER", "SDTM Version", "2.0", None, None, None),
    ("SEXPOP", "Sex of Participants", "BOTH", None, "C49636", _CT),
    ("SPONSOR", "Clinical Study Sponsor", "Maastricht Radiation Oncology", None, None, None),
    ("SPREFID", "Sponsor's Study Reference ID", "Re-Induction", None, None, None),
    ("SSTDTC", "Study Start Date", FIRST_CONSENT.isoformat(), None, None, "ISO 8601"),
    ("SENDTC", "Study End Date", LAST_CONTACT.isoformat(), None, None, "ISO 8601"),
    ("STOPRULE", "Study Stop Rules", "None stated in the registry record", None, None, None),
    ("STYPE", "Study Type", "INTERVENTIONAL", None, "C98388", _CT),
    ("TBLIND", "Trial Blinding Schema", "OPEN LABEL", None, "C49659", _CT),
    ("TCNTRL", "Control Type", "NONE", None, "C41132", _CT),
    ("TDIGRP", "Diagnosis Group", "Non-small cell lung cancer", None, "254637007", "SNOMED"),
    ("THERAREA", "Therapeutic Area", "Oncology", None, None, None),
    ("TINDTP", "Trial Intent Type", "TREATMENT", None, "C49656", _CT),
    (
        "TITLE",
        "Trial Title",
        "Re-Induction of a Systemic Immune Response After Initial Response With Immune Therapy With Radiotherapy in Metastatic or Locally Recurrent Lung Cancer",
        None,
        None,
        None,
    ),
    ("TPHASE", "Trial Phase Classification", "PHASE II TRIAL", None, "C15601", _CT),
    ("TRT", "Investigational Therapy or Treatment", "RADIOTHERAPY", None, None, None),
    ("TTYPE", "Trial Type", "EFFICACY", None, "C49666", _CT),
    ("TTYPE", "Trial Type", "SAFETY", None, "C49667", _CT),
)


def rows(enrolled: int) -> dict[str, list[Row]]:
    """The trial design datasets' rows; `enrolled` becomes ACTSUB."""
    return {"TA": _arms(), "TE": _elements(), "TV": _visits(), "TI": _criteria(), "TS": _summary(enrolled)}


def _arms() -> list[Row]:
    return [
        {"ARMCD": ARM_CODE, "ARM": ARM, "TAETORD": order, "ETCD": code, "ELEMENT": element, "EPOCH": epoch}
        for order, (code, element, epoch, *_) in enumerate(ELEMENTS, 1)
    ]


def _elements() -> list[Row]:
    return [
        {"ETCD": code, "ELEMENT": element, "TESTRL": start, "TEENRL": end, "TEDUR": duration}
        for code, element, _, start, end, duration in ELEMENTS
    ]


def _visits() -> list[Row]:
    return [
        {
            "VISITNUM": one.number,
            "VISIT": one.name,
            "VISITDY": one.day,
            "ARMCD": ARM_CODE,
            "ARM": ARM,
            "TVSTRL": one.rule,
        }
        for one in VISITS
    ]


def _criteria() -> list[Row]:
    return [{"IETESTCD": code, "IETEST": text, "IECAT": category, "TIVERS": "1"} for code, text, category in CRITERIA]


def _summary(enrolled: int) -> list[Row]:
    counted: dict[str, int] = {}
    found: list[Row] = []
    known = (("ACTSUB", "Actual Number of Subjects", str(enrolled), None, None, None), *PARAMETERS)
    for code, name, value, null_flavor, term, reference in sorted(known, key=lambda one: one[0]):
        counted[code] = counted.get(code, 0) + 1
        row: Row = {"TSSEQ": counted[code], "TSPARMCD": code, "TSPARM": name, "TSVAL": value, "TSVALNF": null_flavor}
        row |= {"TSVALCD": term, "TSVCDREF": reference}
        row["TSVCDVER"] = CT_PACKAGE.removeprefix("sdtmct-") if reference == _CT else None
        row["TSGRPID"] = "CUTOFF" if code.startswith("DCUT") else None
        found.append(row)
    return found
