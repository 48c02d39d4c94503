"""What the names of forms and columns usually mean, in English and Dutch: facts that drafts of study files begin with.

Source: CDASH's variable names (AESTDAT, BRTHDAT …), the words of Dutch and English case report forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trialbridge.crf.reading.texts import plain

FORMS = {
    "DM": r"demograph|pati[eë]nt(?!.*(event|therap))|subject|deelnemer|persoon|basis|baseline|enrol",
    "AE": r"advers|bijwerk|toxic|complicat|\bsae\b|\bae\b",
    "VS": r"vital|exam|onderzoek|weight|gewicht|bloeddruk|blood ?pressure|\bvs\b",
    "LB": r"\blab|bloed(?!druk)|hematol|chem(?!o)|\blb\b",
    "CM": r"medic|comed|\bcm\b|concomit",
    "MH": r"history|voorgeschied|comorbid|diagnos|\bmh\b",
    "PR": r"radioth|bestral|procedure|\brt\b|operat|surg|\bpr\b",
    "EX": r"immun|exposure|toedien|infusi|chemoth|study ?(drug|treat)|behandel|\bex\b|\bec\b",
    "TU": r"lesion(?!.*meas)|laesie|tumou?r(?!.*(meas|meting))|\btu\b",
    "TR": r"measure|meting|diameter|\btr\b",
    "RS": r"response|respons|recist|\brs\b",
    "SV": r"visit|bezoek|visite|\bsv\b",
    "DS": r"dispos|end ?of|einde|withdraw|off ?study|death|overlij|\bds\b",
}
"""Patterns of a form's name, by domain."""

DATES = {"AE": ("AESTDTC", "AEENDTC"), "CM": ("CMSTDTC", "CMENDTC"), "MH": ("MHSTDTC", "MHENDTC"), "PR": ("PRSTDTC", "PRENDTC"), "EX": ("EXSTDTC", "EXENDTC"), "SV": ("SVSTDTC", "SVENDTC"), "DS": ("DSSTDTC", "DSSTDTC")}  # fmt: skip
COLLECTED = {"DM": "DMDTC", "VS": "VSDTC", "LB": "LBDTC", "TU": "TUDTC", "TR": "TRDTC", "RS": "RSDTC", "MH": "MHDTC"}
_START = r"start|begin|van\b|from\b|onset|first|eerste|sta?dat"
_END = r"\bend|\beind|stop|tot\b|until|last\b|laatste|endat"


@dataclass(frozen=True, slots=True)
class Guess:
    """A variable a column may feed, the word that makes it, how sure, and why."""

    variable: str
    word: str
    confidence: float
    reason: str


COLUMNS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "DM": (
        (r"^(sex|gender|geslacht)\b", "SEX", "assign_ct"),
        (r"birth|geboorte|^dob$|brthdat", "BRTHDTC", "date"),
        (r"^(age|leeftijd)\b", "AGE", "assign"),
        (r"\brace\b|^ras$", "RACE", "assign_ct"),
        (r"ethnic|etnic", "ETHNIC", "assign_ct"),
        (r"country|^land$", "COUNTRY", "assign"),
        (r"^(site|centrum|centre|center|ziekenhuis)", "SITEID", "assign"),
        (r"consent|toestemming", "RFICDTC", "date"),
        (r"(date|datum).*(death|overl)|overlijdens", "DTHDTC", "date"),
        (r"\barm\b|randomi", "ARMCD", "assign"),
    ),
    "AE": (
        (r"^(ae|adverse)? ?(term|event|bijwerking|description|omschrijving|toxicit|toxicity)", "AETERM", "assign"),
        (r"grade|graad|ctc", "AETOXGR", "assign"),
        (r"serious|ernstig|\bsae\b|aeser|\bser\b", "AESER", "assign_ct"),
        (r"outcome|afloop|uitkomst", "AEOUT", "assign_ct"),
        (r"relat|causal|verband", "AEREL", "assign"),
        (r"action|actie|maatregel", "AEACN", "assign_ct"),
    ),
    "CM": (
        (r"^(cm)? ?(drug|medic|middel|trt|treatment|naam|name)", "CMTRT", "assign"),
        (r"indic|reden", "CMINDC", "assign"),
        (r"dos(e|is)\b(?!.*unit)", "CMDOSE", "assign"),
        (r"unit|eenheid", "CMDOSU", "assign_ct"),
        (r"freq", "CMDOSFRQ", "assign_ct"),
        (r"route|toedieningsweg", "CMROUTE", "assign_ct"),
    ),
    "EX": (
        (r"drug|medic|middel|trt|treatment|naam|name", "EXTRT", "assign"),
        (r"dos(e|is)\b(?!.*unit)", "EXDOSE", "assign"),
        (r"unit|eenheid", "EXDOSU", "assign_ct"),
        (r"freq", "EXDOSFRQ", "assign_ct"),
        (r"route|toedieningsweg", "EXROUTE", "assign_ct"),
    ),
    "PR": (
        (r"treatment|procedure|behandeling|techni", "PRTRT", "assign"),
        (r"(total )?dos(e|is)\b|\bgy\b", "PRDOSE", "assign"),
        (r"site|organ|locati|lokalis", "PRLOC", "assign_ct"),
        (r"fracti(on|e)", "SUPP.PRFRACN", "assign"),
    ),
    "MH": (
        (r"term|condition|diagnos|aandoening|ziekte|description", "MHTERM", "assign"),
    ),
    "TU": (
        (r"(lesion|laesie).*(id|nr|no|num)|^(lesion|laesie)$", "TULNKID", "assign"),
        (r"type|target|soort", "TUORRES", "assign"),
        (r"locati|organ|lokalis|site", "TULOC", "assign_ct"),
        (r"method|techni|modal", "TUMETHOD", "assign_ct"),
    ),
    "TR": (
        (r"(lesion|laesie).*(id|nr|no|num)|^(lesion|laesie)$", "TRLNKID", "assign"),
        (r"diameter|size|grootte|mm", "TRORRES", "assign"),
        (r"method|techni|modal", "TRMETHOD", "assign_ct"),
    ),
    "RS": (
        (r"overall|respons|recist", "RSORRES", "assign"),
    ),
    "DS": (
        (r"reason|reden|outcome|status", "DSTERM", "assign"),
    ),
    "SV": (),
    "VS": (),
    "LB": (),
}  # fmt: skip
"""Patterns of a column's name or label: the variable, and the word that makes it."""

TESTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "VS": (
        (r"weight|gewicht", "WEIGHT", "kg"),
        (r"height|lengte", "HEIGHT", "cm"),
        (r"syst", "SYSBP", "mmHg"),
        (r"diast", "DIABP", "mmHg"),
        (r"pulse|pols|hartslag|heart ?rate", "PULSE", "beats/min"),
        (r"temp", "TEMP", "C"),
    ),
    "LB": (
        (r"^(hb|h(a)?emoglobin)", "HGB", ""),
        (r"creat|kreat", "CREAT", ""),
        (r"^(alt|alat)\b", "ALT", ""),
        (r"^(ast|asat)\b", "AST", ""),
        (r"leu[ck]o|wbc", "WBC", ""),
        (r"trombo|thrombo|platelet", "PLAT", ""),
        (r"^(ldh?)\b", "LDH", ""),
        (r"bilirubin", "BILI", ""),
    ),
}
"""Findings whose columns are tests: pattern, --TESTCD, the usual unit."""

SUBJECT = re.compile(r"^(subject(key)?|patient|patiënt|patientnr|record_?id|study ?(id|number|no)|studienummer|participant|subjid|usubjid|pat(ient)?[ _-]?(id|no|nr)|deelnemer)", re.IGNORECASE)  # fmt: skip
VISIT = re.compile(r"^(visit|visite|bezoek|redcap_event_name|studyeventoid|event ?name|timepoint)", re.IGNORECASE)
PASSED = re.compile(r"^(redcap_|studyevent|form(oid|repeat)|itemgroup|siteoid)|_complete$", re.IGNORECASE)
WORDS = {
    "man": "M",
    "vrouw": "F",
    "m": "M",
    "v": "F",
    "hersteld": "RECOVERED/RESOLVED",
    "niet hersteld": "NOT RECOVERED/NOT RESOLVED",
    "overleden": "FATAL",
    "onbekend": "UNKNOWN",
    "fataal": "FATAL",
    "mild": "1",
    "intraveneus": "INTRAVENOUS",
    "oraal": "ORAL",
    "links": "LEFT",
    "rechts": "RIGHT",
    "long": "LUNG",
    "lever": "LIVER",
    "bot": "BONE",
    "hersenen": "BRAIN",
    "ct": "CT SCAN",
    "mri": "MRI",
}
"""Words of forms that mean a submission value, where the variable's codelist has it."""


def domain_of(form: str) -> tuple[str, str] | None:
    """The domain a form's name points at, and the words that say so."""
    name = plain(form.replace("_", " "))
    for domain, pattern in FORMS.items():
        found = re.search(pattern, name)
        if found:
            return domain, found[0]
    return None


def variable_of(domain: str, name: str, label: str) -> Guess | None:
    """What a column of a form of that domain may feed, by its name or its label."""
    for text, what in ((name, "name"), (label, "label")):
        said = plain(re.sub(r"[_\-]+", " ", text))
        said = re.sub(rf"^{domain.lower()}[ ]?(?=\w)", "", said) if said.startswith(f"{domain.lower()} ") else said
        for pattern, variable, word in COLUMNS.get(domain, ()):
            if re.search(pattern, said):
                return Guess(variable, word, 0.8 if what == "name" else 0.7, f"its {what} is {text!r}")
        if domain in DATES and re.search(_START, said):
            return Guess(DATES[domain][0], "date", 0.8, f"its {what} is {text!r}")
        if domain in DATES and re.search(_END, said):
            return Guess(DATES[domain][1], "date", 0.8, f"its {what} is {text!r}")
    return None
