"""Where the guide's variables come from when nobody says: type and source of origin, and the text of a derivation.

Defaults for a sponsor to review, by the variable's name in the SDTM model (`--DY`): what SDTMIG 3.4 (sections 4 to 7)
says a variable holds decides whether it is collected, assigned by the sponsor, derived, or taken from the protocol.
Types and sources: Define-XML 2.1 codelists C170449 and C170450.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.sdtm.define.model import Origin

if TYPE_CHECKING:
    from trialbridge.sdtm.metadata import DomainMetadata, VariableMetadata

SPONSOR, INVESTIGATOR, VENDOR, SUBJECT = "Sponsor", "Investigator", "Vendor", "Subject"

PROTOCOL = frozenset({"STUDYID", "VISIT", "VISITNUM", "VISITDY", "ARM", "ARMCD"})
ASSIGNED = frozenset(
    "DOMAIN RDOMAIN USUBJID IDVAR IDVARVAL QNAM QLABEL QORIG QEVAL RELID RELTYPE POOLID --GRPID --LNKID --LNKGRP "
    "--TESTCD --TEST --CAT --SCAT --DECOD --MODIFY --LLT --LLTCD --PTCD --HLT --HLTCD --HLGT --HLGTCD --BODSYS --BDSYCD "
    "--SOC --SOCCD --CLAS --CLASCD --LOINC --PRESP --STRESU --EVDTYP AGEU ETCD ELEMENT TAETORD COUNTRY SITEID ARMNRS "
    "IETESTCD IETEST IECAT TSPARMCD TSPARM TSVALNF TSVCDREF TSVCDVER".split()
)
DERIVED = {
    "--SEQ": "Sequence number of the record: 1, 2, 3 … within the subject, in the order of the dataset's keys.",
    "--DY": "Study day: date part of --DTC minus date part of DM.RFSTDTC, plus 1 where the date is on or after RFSTDTC.",
    "--STDY": "Study day: date part of --STDTC minus that of DM.RFSTDTC, plus 1 where it is on or after RFSTDTC.",
    "--ENDY": "Study day: date part of --ENDTC minus that of DM.RFSTDTC, plus 1 where it is on or after RFSTDTC.",
    "EPOCH": "The epoch of the subject's element in SE in which the record's date lies.",
    "--STRESC": "Result of --ORRES in the standard unit and spelling, as text.",
    "--STRESN": "--STRESC as a number, where it is one.",
    "--STNRLO": "--ORNRLO in the standard unit.",
    "--STNRHI": "--ORNRHI in the standard unit.",
    "--NRIND": "--STRESN compared with the reference range.",
    "--LOBXFL": "Y for the last record with a result before the first exposure (DM.RFXSTDTC), by subject and test.",
    "--BLFL": "Y for the record that is the baseline of the subject and test.",
    "--DRVFL": "Y where the record is computed from others.",
    "RFSTDTC": "Reference start date of the subject: as the analysis plan defines it, usually the first exposure.",
    "RFENDTC": "Reference end date of the subject: as the analysis plan defines it, usually the last exposure.",
    "RFXSTDTC": "Earliest EXSTDTC of the subject.",
    "RFXENDTC": "Latest EXENDTC, or EXSTDTC, of the subject.",
    "RFPENDTC": "Latest date of participation of the subject.",
    "DTHFL": "Y where the subject's death is recorded.",
    "AGE": "Whole years from BRTHDTC to RFSTDTC.",
    "ACTARM": "The name of the arm that the subject's elements and exposure follow.",
    "ACTARMCD": "The code of the arm that the subject's elements and exposure follow.",
}
QORIG = {
    "CRF": Origin(type="Collected", source=INVESTIGATOR),
    "COLLECTED": Origin(type="Collected", source=INVESTIGATOR),
    "EDT": Origin(type="Collected", source=VENDOR),
    "DERIVED": Origin(type="Derived", source=SPONSOR),
    "ASSIGNED": Origin(type="Assigned", source=SPONSOR),
    "PROTOCOL": Origin(type="Protocol", source=SPONSOR),
    "PREDECESSOR": Origin(type="Predecessor"),
}
"""QORIG as it is written (SDTMIG 8.4.1; Define-XML 2.0's words among them) -> origin."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a mapping says of a variable: the place it is read from, or how it is derived."""

    read_from: str = ""
    method: str = ""


def origin_of(
    standard: VariableMetadata | None, within: DomainMetadata | None, told: Told | None
) -> tuple[Origin, str]:
    """The origin of a variable, and its method where it is derived.

    What is read from somewhere is Collected, unless it is the sponsor's by its meaning; a variable that a mapping
    derives, or the guide has derived, is Derived. A variable the guide does not have is Collected, as nothing else is known.
    """
    name = _model_name(standard, within)
    read_from = told.read_from if told is not None else ""
    if within is not None and within.cls == "Trial Design" and name not in ASSIGNED:
        return Origin(type="Protocol", source=SPONSOR, text=read_from), ""
    if name in PROTOCOL:
        return Origin(type="Protocol", source=SPONSOR, text=read_from), ""
    if name in ASSIGNED or (name == "--SEQ" and read_from):
        return Origin(type="Assigned", source=SPONSOR, text=read_from), ""
    if told is not None and told.method and not read_from:
        return Origin(type="Derived", source=SPONSOR), told.method
    if name in DERIVED and not read_from:
        return Origin(type="Derived", source=SPONSOR), DERIVED[name].replace("--", _prefix(standard, name))
    return Origin(type="Collected", source=INVESTIGATOR, text=read_from), ""


def _model_name(standard: VariableMetadata | None, within: DomainMetadata | None) -> str:
    """The name in the model: `--SEQ` of AESEQ, and of SESEQ, which the guide's SE has under its own name alone."""
    if standard is None:
        return ""
    own = standard.model_variable or standard.name
    general = f"--{standard.name[2:]}"
    of_domain = within is not None and standard.name[:2] == within.name[:2]
    return general if of_domain and (general in ASSIGNED or general in DERIVED) else own


def _prefix(standard: VariableMetadata | None, name: str) -> str:
    """What stands for `--` in a method's text."""
    if standard is None or not name.startswith("--"):
        return "--"
    return standard.name.removesuffix(name[2:])
