"""Four invented subjects whose changes can be worked out by hand; the arithmetic stands beside each."""

from __future__ import annotations

import polars as pl
import pytest

from trialbridge.oncology import recist
from trialbridge.sdtm.table import study as study_of
from trialbridge.sdtm.table import table

BASELINE, FIRST_FRACTION, WEEK_6, WEEK_12 = "2020-01-01", "2020-01-06", "2020-02-17", "2020-03-30"
# RECIST 1.1, mm at baseline, week 6, week 12:
#   01  T01 (irradiated) 40 20 10, T02 30 30 33: sums 70 50 43, best 100 * (43 - 70) / 70 = -38.571 %, PR
#   02  T01 20 30 10: +50 % at week 6 is PD, so that week 12 no longer counts
#   03  only a non-target lesion
#   04  T01 25, not evaluable at week 6, 25 at week 12 with a new lesion: 0 %, PD
SIZES = {
    ("S1-A-01", "T01"): ("40", "20", "10"),
    ("S1-A-01", "T02"): ("30", "30", "33"),
    ("S1-A-02", "T01"): ("20", "30", "10"),
    ("S1-A-04", "T01"): ("25", None, "25"),
}
VISITS = ((1, "SCREENING", BASELINE), (2, "WEEK 6", WEEK_6), (3, "WEEK 12", WEEK_12))
SUBJECTS = ("S1-A-01", "S1-A-02", "S1-A-03", "S1-A-04")


def _frame(name, columns, rows):
    return table(name, pl.DataFrame(rows, schema=columns, orient="row"))


def _tr():
    columns = "STUDYID USUBJID TREVAL TRLNKID TRGRPID TRTESTCD TRORRES TRORRESU TRSTAT VISITNUM VISIT TRDTC".split()
    rows = []
    for number, visit, dtc in VISITS:
        at = (float(number), visit, dtc)
        for (subject, lesion), sizes in SIZES.items():
            size = sizes[number - 1]
            done = (size, "mm", None) if size else (None, None, "NOT DONE")
            rows.append(("S1", subject, "INVESTIGATOR", lesion, "TARGET", "LDIAM", *done, *at))
        rows.append(("S1", "S1-A-03", "INVESTIGATOR", "NT01", "NON-TARGET", "TUMSTATE", "PRESENT", None, None, *at))
    new = ("S1", "S1-A-04", "INVESTIGATOR", "NEW01", "NEW", "TUMSTATE", "UNEQUIVOCAL", None, None)
    rows.append((*new, 3.0, "WEEK 12", WEEK_12))
    return _frame("TR", columns, rows)


def _tu():
    columns = "STUDYID USUBJID TUEVAL TULNKID TUTESTCD TUORRES TULOC VISITNUM TUDTC".split()
    kinds = {**dict.fromkeys(SIZES, "TARGET"), ("S1-A-03", "NT01"): "NON-TARGET", ("S1-A-04", "NEW01"): "NEW"}
    rows = [
        (
            *("S1", subject, "INVESTIGATOR", lesion, "TUMIDENT", kind, "LUNG"),
            *((3.0, WEEK_12) if kind == "NEW" else (1.0, BASELINE)),
        )
        for (subject, lesion), kind in kinds.items()
    ]
    return _frame("TU", columns, rows)


@pytest.fixture(scope="session")
def cohort():
    """The study: DM, PR, EX, AE, TU, TR and an RS that agrees."""
    died = {"S1-A-02": "2020-04-20"}
    people = [("S1", one, FIRST_FRACTION, FIRST_FRACTION, "2020-04-13", died.get(one)) for one in SUBJECTS]
    rays = [
        (
            "S1",
            one,
            "T01" if one == "S1-A-01" else None,
            "Radiotherapy",
            "RADIATION THERAPY",
            FIRST_FRACTION,
            "2020-01-10",
        )
        for one in SUBJECTS
    ]
    events = [
        ("S1", "S1-A-01", 1.0, "Cough", "Respiratory disorders", "1", "2020-01-20"),
        ("S1", "S1-A-01", 2.0, "Cough", "Respiratory disorders", "3", "2020-01-27"),
        ("S1", "S1-A-02", 1.0, "Cough", "Respiratory disorders", "2", "2020-01-20"),
        ("S1", "S1-A-02", 2.0, "Pneumonitis", "Respiratory disorders", "5", "2020-04-20"),
        ("S1", "S1-A-04", 1.0, "Rash", "Skin disorders", None, "2020-02"),
    ]
    given = [("S1", "S1-A-01", "DRUG", "IMMUNE THERAPY", "2020-01-13", "2020-02-03")]
    overall = {
        "S1-A-01": ("SD", "PR"),
        "S1-A-02": ("PD", "SD"),
        "S1-A-03": ("NON-CR/NON-PD", "NON-CR/NON-PD"),
        "S1-A-04": ("NE", "PD"),
    }
    reported = [
        ("S1", one, "OVRLRESP", "RECIST 1.1", value, value, "INVESTIGATOR", float(number), visit, dtc)
        for one, values in overall.items()
        for value, (number, visit, dtc) in zip(values, VISITS[1:], strict=True)
    ]
    return study_of(
        [
            _frame("DM", "STUDYID USUBJID RFSTDTC RFXSTDTC RFPENDTC DTHDTC".split(), people),
            _frame("PR", "STUDYID USUBJID PRLNKID PRTRT PRCAT PRSTDTC PRENDTC".split(), rays),
            _frame("EX", "STUDYID USUBJID EXTRT EXCAT EXSTDTC EXENDTC".split(), given),
            _frame("AE", "STUDYID USUBJID AESEQ AEDECOD AESOC AETOXGR AESTDTC".split(), events),
            _tu(),
            _tr(),
            _frame(
                "RS",
                "STUDYID USUBJID RSTESTCD RSCAT RSORRES RSSTRESC RSEVAL VISITNUM VISIT RSDTC".split(),
                reported,
            ),
        ]
    )


@pytest.fixture(scope="session")
def done(cohort):
    """Its assessment by RECIST 1.1, with lesion groups."""
    return recist.assess(cohort, "1.1", by_group=True)
