"""What the subject is treated with: radiotherapy (PR), the immune therapy that goes on (EX), medicines (CM)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from re_induction.cohort import between, days
from re_induction.design import RADIOTHERAPY
from re_induction.terms import MEDICINES, PRIOR_CHEMOTHERAPIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from re_induction.cohort import Subject
    from re_induction.design import Row


def radiotherapy(subject: Subject) -> None:
    """Append the course of radiotherapy, linked to the irradiated lesion, and earlier radiotherapy where there was any."""
    rng, schedule = subject.rng, subject.fractionation
    if rng.random() < 0.25:
        when = subject.consent - timedelta(days=between(rng, 150, 900))
        subject.add(
            "PR",
            PRSEQ=1,
            PRTRT="Palliative radiotherapy 1 x 8 Gy",
            PRDECOD="RADIOTHERAPY",
            PRCAT="PRIOR RADIATION THERAPY",
            PRDOSE=8.0,
            PRDOSU="Gy",
            PRLOC="THORACIC VERTEBRA",
            PRSTDTC=when.isoformat()[:7],
        )
    lesion = next(row for row in subject.rows["TU"] if row["TUSEQ"] in _irradiated(subject))
    number = len(subject.rows.get("PR", ())) + 1
    row = subject.add(
        "PR",
        PRSEQ=number,
        PRLNKID=lesion["TULNKID"],
        PRTRT=schedule.treatment,
        PRDECOD=schedule.code,
        PRCAT="RADIATION THERAPY",
        PRSCAT="EXTERNAL BEAM RADIATION THERAPY",
    )
    row |= {
        "PRDOSE": len(subject.fractions) * schedule.fraction_dose,
        "PRDOSU": "Gy",
        "PRINDC": "METASTATIC NON-SMALL CELL LUNG CANCER",
    }
    row |= {"PRLOC": lesion["TULOC"], "PRLAT": lesion["TULAT"], "PRDIR": lesion["TUDIR"], "VISITNUM": RADIOTHERAPY}
    row |= {"PRSTDTC": subject.fractions[0].isoformat(), "PRENDTC": subject.fractions[-1].isoformat()}
    subject.supplement("PR", number, ("PRFRACN", "Number of Fractions"), str(len(subject.fractions)))
    subject.supplement("PR", number, ("PRFRACD", "Dose per Fraction (Gy)"), f"{schedule.fraction_dose:g}")
    subject.supplement("PR", number, ("PRTRTINT", "Treatment Intent"), "PALLIATIVE")


def _irradiated(subject: Subject) -> set[int]:
    """The TUSEQ of the rows of the irradiated lesion, the investigator's first."""
    return {
        int(str(row["IDVARVAL"])) for row in subject.rows["SUPPTU"] if row["QNAM"] == "TUIRRST" and row["QVAL"] == "Y"
    }


def immune_therapy(subject: Subject, pauses: Sequence[tuple[date, date]]) -> None:
    """Append the on-study immune therapy: one row per interval of constant dosing, broken where it was paused."""
    therapy = subject.therapy
    stop = min(one for one in (subject.end, subject.therapy_stopped, subject.progressed) if one)
    day, intervals, broken = subject.first_infusion, [[subject.first_infusion, subject.first_infusion]], False
    while (day := day + timedelta(weeks=therapy.weeks)) < stop:
        if any(start <= day < end for start, end in pauses):
            broken = True
        elif broken:
            intervals.append([day, day])
            broken = False
        else:
            intervals[-1][1] = day
    for first, last in intervals:
        row = subject.add(
            "EX",
            EXTRT=therapy.drug,
            EXCAT="BACKGROUND IMMUNE THERAPY",
            EXDOSE=therapy.dose,
            EXDOSU="mg",
            EXDOSFRM="INJECTION, SOLUTION",
        )
        row |= {
            "EXDOSFRQ": therapy.frequency,
            "EXROUTE": "INTRAVENOUS",
            "EXSTDTC": first.isoformat(),
            "EXENDTC": last.isoformat(),
        }


def prior_treatment(subject: Subject) -> None:
    """Append what came before the trial: the immune therapy's first part and, for most, chemotherapy."""
    rng, therapy = subject.rng, subject.therapy
    begun = subject.consent - timedelta(days=between(rng, 150, 800))
    if rng.random() < 0.7:
        text, code = PRIOR_CHEMOTHERAPIES[between(rng, 0, len(PRIOR_CHEMOTHERAPIES) - 1)]
        first = begun - timedelta(days=between(rng, 0, 1) * between(rng, 90, 300))
        last = first + days(rng, 63, 110)
        known = 7 if rng.random() < 0.8 else 4
        medicine(
            subject, code, "PRIOR ANTICANCER THERAPY", (first.isoformat()[:known], last.isoformat()[:known]), text=text
        )
    medicine(
        subject,
        therapy.drug,
        "PRIOR ANTICANCER THERAPY",
        (begun.isoformat()[:7], (subject.consent - days(rng, 3, 20)).isoformat()),
    )


def medicine(
    subject: Subject,
    code: str,
    category: str,
    period: tuple[str, str | None],
    *,
    text: str = "",
    indication: str | None = None,
) -> Row:
    """Append a CM row; `period` is CMSTDTC and CMENDTC, without an end the medicine outlasts the participation.

    CMTRT is the `text`, or the name of the drug.
    """
    start, end = period
    row = subject.add(
        "CM",
        CMSEQ=len(subject.rows.get("CM", ())) + 1,
        CMTRT=text or code.capitalize(),
        CMDECOD=code,
        CMCAT=category,
        CMINDC=indication,
        CMSTDTC=start,
        CMENDTC=end,
    )
    taken = MEDICINES.get(code)
    if taken:
        row |= {
            "CMDOSE": taken.dose,
            "CMDOSU": taken.unit,
            "CMDOSFRM": taken.form,
            "CMDOSFRQ": taken.frequency,
            "CMROUTE": taken.route,
        }
    if end is None:
        row |= {"CMENRTPT": "ONGOING", "CMENTPT": subject.end.isoformat()}
    return row
