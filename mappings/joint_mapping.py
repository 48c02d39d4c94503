"""The HL7/CDISC Joint Mapping Implementation Guide 1.0.0, row by row, and what this dictionary makes of each row.

The guide maps FHIR R4 to SDTMIG 3.2 in words. Each of its rows for AE, CM, DM, LB, MH, PR and VS is implemented, refused
by name with the reason, carried (the guide has no path either), or outside SDTM. Facts in `data/joint_mapping.tsv`.

>>> sum(one.verdict == "implemented" for one in rows() if one.variable == "AETOXGR")
1
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

VERDICTS = ("implemented", "refused", "carried", "outside")
ERRATA = (
    ("DM BRTHTIM", "patient-birthTime is put on Patient with valueTime; it extends birthDate and holds a dateTime"),
    ("DM BRTHDD", "birthDate.substring(8,4): a day has two digits"),
    ("DM SITEID", "ResearchSubject.where(subject=Patient.identifier.study…: the parenthesis is not closed"),
    ("all", "ResearchSubject.where(subject=…): in R4 the element is individual"),
    ("all", "workflow-researchstudy: the extension's url ends in workflow-researchStudy"),
    ("LB INVID", "principleInvestigator: the element is principalInvestigator"),
    ("LB LBTESTCD", "coding.where(selected=true): the element is userSelected"),
    ("LB LBSPCUFL", "Specimen.status 'Unsatisfactory': the code is unsatisfactory; a dot is missing after resolve()"),
    ("PR STUDYID", "the rows filter by Observation.subject instead of Procedure.subject"),
    ("PR PRDOSTXT", "the gap's text is another row's (RELREC)"),
    ("MH MHSOC", "the variable is spelt MHSCOC, and the path is the high level group term's"),
    ("MH MHHLT", "Condition.code.where(system=…): coding is missing"),
    ("MH MHSTDTC", "Condition.onset.onsetDateTime is no path"),
    ("MH MHOCCUR", "entered-in-error is read as did not occur"),
    ("CM CMDOSU", "the unit is taken from maxDosePerPeriod, a limit, instead of the dose"),
    ("CM CMDOSFRQ", "timing.frequency (once frequencey): the element is timing.repeat.frequency"),
    ("CM CMENDAT", "the row names CMSTDTC as its SDTM variable"),
    ("CM CMOCCUR", "the dispense row asks MedicationRequest.status"),
    ("CM CMATC1CD", "the qualifiers' names lack the C: MATC1CD"),
    ("CM CMPRIOR", "the rows' SDTM texts are those of CMATC1"),
    ("AE AESPID", "AdverseEvent.refID is no element"),
    ("AE AESOD", "productRelatedness is no overdose; the guide itself doubts it"),
    ("AE AETERM", "resultingCondition is forbidden (0..0) by HL7's later research profile of AdverseEvent"),
    ("downloads", "the line breaks in paths are the four characters \\r\\n"),
)
"""Where the guide errs, and how: none of it is copied."""


@dataclass(frozen=True, slots=True)
class JointRow:
    """One row: the SDTM and CDASH variable (- and empty where none), the guide's path (empty: a gap), and our verdict."""

    domain: str
    variable: str
    cdash: str
    path: str
    verdict: str
    why: str

    @property
    def home(self) -> tuple[str, str]:
        """The domain and variable our dictionary would have it under: `DM.SITEID` is DM's, `SUPPAE.X` is `SUPP.X`."""
        dataset, dot, name = self.variable.rpartition(".")
        if dataset.startswith("SUPP"):
            return dataset.removeprefix("SUPP"), f"SUPP.{name}"
        return (dataset if dot else self.domain), name


@cache
def rows() -> tuple[JointRow, ...]:
    """The rows, domain by domain, in the guide's order."""
    text = (files("trialbridge.mappings") / "data" / "joint_mapping.tsv").read_text(encoding="utf-8")
    body = [one for one in text.split("\n") if one and not one.startswith("#")]
    return tuple(JointRow(*one.split("\t")) for one in body[1:])
