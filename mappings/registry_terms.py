"""What SDTM's terms are called in a registry's results: reasons, races, ethnicities, causality, organ classes.

Sources: NCOMPLT (C66727), RACE (C74457), ETHNIC (C66790) of SDTM terminology 2025-03-28; "Reason Not Completed" and the
prescribed rows of "Race (NIH/OMB)" and "Ethnicity (NIH/OMB)" in the registry's results data element definitions.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPLETED = "COMPLETED"
REASONS: Mapping[str, str] = {
    "ADVERSE EVENT": "Adverse Event",
    "DEATH": "Death",
    "LACK OF EFFICACY": "Lack of Efficacy",
    "LOST TO FOLLOW-UP": "Lost to Follow-up",
    "PHYSICIAN DECISION": "Physician Decision",
    "PREGNANCY": "Pregnancy",
    "PROTOCOL DEVIATION": "Protocol Violation",
    "PROTOCOL VIOLATION": "Protocol Violation",
    "WITHDRAWAL BY SUBJECT": "Withdrawal by Subject",
}
"""DSDECOD -> the registry's reason; any other is its own name, which the registry files under Other."""
NO_REASON = "Disposition not recorded"
UNKNOWN = "Unknown or Not Reported"
RACES: Mapping[str, str] = {
    "AMERICAN INDIAN OR ALASKA NATIVE": "American Indian or Alaska Native",
    "ASIAN": "Asian",
    "NATIVE HAWAIIAN OR OTHER PACIFIC ISLANDER": "Native Hawaiian or Other Pacific Islander",
    "BLACK OR AFRICAN AMERICAN": "Black or African American",
    "WHITE": "White",
    "MULTIPLE": "More than one race",
    "MORE THAN ONE RACE": "More than one race",
    "NOT REPORTED": UNKNOWN,
    "UNKNOWN": UNKNOWN,
}
ETHNICITIES: Mapping[str, str] = {
    "HISPANIC OR LATINO": "Hispanic or Latino",
    "NOT HISPANIC OR LATINO": "Not Hispanic or Latino",
    "NOT REPORTED": UNKNOWN,
    "UNKNOWN": UNKNOWN,
}
SEXES: Mapping[str, str] = {"F": "Female", "M": "Male"}
RELATED: Mapping[str, bool] = {
    **dict.fromkeys(("RELATED", "DEFINITE", "PROBABLE", "PROBABLY RELATED", "POSSIBLE", "POSSIBLY RELATED", "Y"), True),
    **dict.fromkeys(
        ("NOT RELATED", "UNRELATED", "NONE", "UNLIKELY", "UNLIKELY RELATED", "REMOTE", "N", "NOT APPLICABLE"), False
    ),
}
"""AEREL -> whether the event counts as related to treatment. What is not here is reported, never guessed."""
_ACRONYMS = frozenset("ALT AST CPK ECG GGT HIV HPV INR QT QRS QTC ST T DNA RNA CT MRI COPD CNS TSH".split())
_EPONYMS = frozenset("PARKINSON'S ALZHEIMER'S CROHN'S BELL'S HODGKIN'S RAYNAUD'S SJOGREN'S GRAVES' CUSHING'S".split())


def cased(term: str) -> str:
    """A term in capitals in sentence case; any other stays.

    >>> cased("ELECTROCARDIOGRAM T WAVE INVERSION"), cased("PARKINSON'S DISEASE"), cased("Rash maculo-papular")
    ('Electrocardiogram T wave inversion', "Parkinson's disease", 'Rash maculo-papular')
    """
    if not term.isupper():
        return term
    words = [
        word if word in _ACRONYMS else word.capitalize() if word in _EPONYMS else word.lower() for word in term.split()
    ]
    said = " ".join(words)
    return said[:1].upper() + said[1:]


def organ_system(name: str) -> str | None:
    """An organ class in the registry's spelling; None if MedDRA has no such class.

    >>> organ_system("GENERAL DISORDERS AND ADMINISTRATION SITE CONDITIONS")
    'General disorders'
    """
    return _organ_systems().get(re.sub(r"\s+", " ", name).strip().casefold())


@cache
def _organ_systems() -> Mapping[str, str]:
    table = files("trialbridge.registry").joinpath("data", "eudract-soc.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {name.casefold(): cells[2] for cells in rows for name in cells[1:]}
