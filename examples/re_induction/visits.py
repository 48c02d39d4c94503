"""The visits of a subject (SV, SE), what is examined at them (VS, LB, ECOG in RS), and how the participation ends.

`follow` walks from visit to visit: at each the scans are assessed, and progression by the investigator, death,
withdrawal or the last visit ends the participation.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

from re_induction import disease, lesions
from re_induction.cohort import TOXIC_DEATH_EVERY, between, days, weighted
from re_induction.design import ELEMENTS, LAST, RESPONSE_VISITS, SCREENING, VISITS, Visit

if TYPE_CHECKING:
    from re_induction.cohort import Subject

# Outpatient visits in the Netherlands were held by telephone in the first months of the COVID-19 epidemic.
EPIDEMIC = (date(2020, 3, 16), date(2020, 6, 1))
REFERENCE = {"ALT": (0.0, 45.0), "CREAT": (60.0, 110.0), "HGB": (8.5, 11.0)}  # local laboratories' ranges
FEMALE = {"ALT": (0.0, 34.0), "CREAT": (45.0, 90.0), "HGB": (7.5, 10.0)}
HEMOGLOBIN = 16.114  # g/L per mmol/L of the monomer, as Dutch laboratories report it


def follow(subject: Subject) -> None:
    """Lead the subject through the trial: lesions, visits, responses and the end of participation."""
    rng = subject.rng
    truth = disease.draw(subject)
    disease.evolve(subject, truth)
    readers = lesions.evaluators(subject, truth)
    for one in readers:
        lesions.identify(subject, one, one.reads, lesions.Occasion(SCREENING, subject.scanned))
        lesions.baseline(subject, one)
    _examine(subject, SCREENING, subject.screened)
    _visit(subject, VISITS[0], subject.consent, max(subject.screened, subject.scanned))
    _visit(subject, VISITS[1], subject.fractions[0], subject.fractions[-1])
    stop, reason = _fate(subject)
    for visit in RESPONSE_VISITS:
        planned = subject.start + timedelta(days=visit.day - 1)
        day = planned + days(rng, -3, 4)
        if max(day, planned) >= stop:
            subject.end, subject.reason = stop, reason
            return
        missed = visit.number != LAST and rng.random() < 0.04
        scan = None if missed or rng.random() < 0.05 else day - days(rng, 0, 3)
        found = [lesions.assess(subject, one, truth, lesions.Occasion(visit.number, scan)) for one in readers]
        remote = EPIDEMIC[0] <= day < EPIDEMIC[1]
        if missed:
            _missed(subject, visit)
        else:
            _visit(subject, visit, scan or day, day, remote=remote)
            if not remote:
                _examine(subject, visit.number, day)
        if found[0] == "PD":
            subject.end, subject.reason = day + days(rng, 1, 12), "PROGRESSIVE DISEASE"
            subject.progressed = scan
            if subject.fatal and stop <= subject.end:
                subject.end, subject.reason = stop, "DEATH"
            return
        subject.end, subject.reason = day, "COMPLETED"


def screening(subject: Subject) -> None:
    """Append the screening visit of a person who is then not enrolled."""
    _examine(subject, SCREENING, subject.screened)
    _visit(subject, VISITS[0], subject.consent, subject.screened)


def _fate(subject: Subject) -> tuple[date, str]:
    """What would end the participation, and when, if nothing else does before."""
    rng, start = subject.rng, subject.start
    drop = rng.random()
    if subject.number % TOXIC_DEATH_EVERY == 23:
        subject.fatal = "TOXICITY"
        return start + days(rng, 28, 40), "DEATH"
    if drop < (0.22 if subject.course == "PROGRESSOR" else 0.04):
        subject.fatal = "PROGRESSION"
        return start + days(rng, 30, 150), "DEATH"
    if drop > 0.93:
        return start + days(rng, 30, 150), "WITHDRAWAL BY SUBJECT"
    if drop > 0.90:
        return start + days(rng, 60, 150), "LOST TO FOLLOW-UP"
    return date.max, ""


def _visit(subject: Subject, visit: Visit, first: date, last: date, *, remote: bool = False) -> None:
    row = subject.add(
        "SV", VISITNUM=visit.number, SVPRESP="Y", SVOCCUR="Y", SVSTDTC=first.isoformat(), SVENDTC=last.isoformat()
    )
    row["SVCNTMOD"] = "TELEPHONE CALL" if remote else "IN PERSON"
    row["SVEPCHGI"] = "Y" if remote else None


def _missed(subject: Subject, visit: Visit) -> None:
    reason = weighted(
        subject.rng, (("SUBJECT TOO ILL TO TRAVEL", 0.5), ("SUBJECT ON HOLIDAY", 0.3), ("SCHEDULING ERROR", 0.2))
    )
    subject.add("SV", VISITNUM=visit.number, SVPRESP="Y", SVOCCUR="N", SVREASOC=reason)


def unscheduled(subject: Subject, day: date, cause: str) -> None:
    """Append an unplanned visit on that day, numbered in tenths after the visit before it.

    Nothing is appended where the subject is seen within three days of that day anyhow.
    """
    seen = [date.fromisoformat(str(row["SVSTDTC"])) for row in subject.rows["SV"] if row.get("SVSTDTC")]
    if any(abs((one - day).days) <= 3 for one in seen):
        return
    done = [row for row in subject.rows["SV"] if row.get("SVSTDTC") and str(row["SVSTDTC"]) <= day.isoformat()]
    number = max(float(str(row["VISITNUM"])) for row in done) + 0.1
    subject.add(
        "SV",
        VISITNUM=round(number, 1),
        SVSTDTC=day.isoformat(),
        SVENDTC=day.isoformat(),
        SVCNTMOD="IN PERSON",
        SVUPDES=cause,
    )
    _examine(subject, round(number, 1), day)


def elements(subject: Subject) -> None:
    """Append the SE rows: each element ends on the day the next begins."""
    starts = [subject.consent] + ([subject.start, subject.follow_up] if subject.fractions else [])
    ends = [*starts[1:], subject.end]
    for order, ((code, element, epoch, *_), start, end) in enumerate(zip(ELEMENTS, starts, ends, strict=False), 1):
        subject.add(
            "SE",
            ETCD=code,
            ELEMENT=element,
            TAETORD=order,
            EPOCH=epoch,
            SESTDTC=start.isoformat(),
            SEENDTC=end.isoformat(),
        )


def _examine(subject: Subject, visit: float, day: date) -> None:
    """Append the visit's vital signs, laboratory results and performance status."""
    _vital_signs(subject, visit, day)
    _laboratory(subject, visit, day)
    grade = weighted(subject.rng, ((0, 0.38), (1, 0.52), (2, 0.10 if visit != SCREENING else 0.02)))
    row = subject.add(
        "RS", RSTESTCD="ECOG101", RSTEST="ECOG1-Performance Status", RSCAT="ECOG", VISITNUM=visit, RSDTC=day.isoformat()
    )
    row |= {"RSORRES": str(grade), "RSSTRESC": str(grade), "RSSTRESN": float(grade)}
    row["RSLOBXFL"] = "Y" if visit == SCREENING else None


def _vital_signs(subject: Subject, visit: float, day: date) -> None:
    rng = subject.rng
    male = subject.sex == "M"
    time = f"T{between(rng, 8, 16):02d}:{between(rng, 0, 11) * 5:02d}"
    person = Random(subject.usubjid)  # the same body at each visit
    weight = person.gauss(82 if male else 69, 12) + rng.gauss(0, 1.4)
    taken = [
        ("SYSBP", "Systolic Blood Pressure", between(rng, 104, 162), "mmHg", "SITTING"),
        ("DIABP", "Diastolic Blood Pressure", between(rng, 58, 96), "mmHg", "SITTING"),
        ("WEIGHT", "Weight", round(min(130, max(42, weight)), 1), "kg", None),
    ]
    if visit == SCREENING:
        taken.append(("HEIGHT", "Height", round(person.gauss(178 if male else 165, 6)), "cm", None))
    for code, name, value, unit, position in taken:
        row = subject.add(
            "VS", VSTESTCD=code, VSTEST=name, VSPOS=position, VISITNUM=visit, VSDTC=day.isoformat() + time
        )
        row |= {
            "VSORRES": f"{value}",
            "VSORRESU": unit,
            "VSSTRESC": f"{value:g}",
            "VSSTRESN": float(value),
            "VSSTRESU": unit,
        }
        row["VSLOBXFL"] = "Y" if visit == SCREENING else None


def _laboratory(subject: Subject, visit: float, day: date) -> None:
    rng = subject.rng
    ranges = REFERENCE if subject.sex == "M" else FEMALE
    time = f"T{between(rng, 7, 11):02d}:{between(rng, 0, 59):02d}"
    tests = (
        (
            "ALT",
            "Alanine Aminotransferase",
            "CHEMISTRY",
            "SERUM",
            "1742-6",
            "U/L",
            f"{rng.lognormvariate(3.1, 0.45):.0f}",
        ),
        ("CREAT", "Creatinine", "CHEMISTRY", "SERUM", "14682-9", "umol/L", f"{rng.gauss(78, 16):.0f}"),
        ("HGB", "Hemoglobin", "HEMATOLOGY", "BLOOD", "59260-0", "mmol/L", f"{rng.gauss(8.3, 0.8):.1f}"),
    )
    missing = rng.random() < 0.03
    for code, name, category, specimen, loinc, unit, text in tests:
        row = subject.add(
            "LB", LBTESTCD=code, LBTEST=name, LBCAT=category, LBSPEC=specimen, LBLOINC=loinc, VISITNUM=visit
        )
        if missing:
            row |= {"LBSTAT": "NOT DONE", "LBREASND": "SAMPLE NOT TAKEN"}
            continue
        low, high = ranges[code]
        row |= {
            "LBORRES": text,
            "LBORRESU": unit,
            "LBDTC": day.isoformat() + time,
            "LBORNRLO": f"{low:g}",
            "LBORNRHI": f"{high:g}",
        }
        factor, standard = (HEMOGLOBIN, "g/L") if code == "HGB" else (1.0, unit)
        value = round(float(text) * factor, 0)
        row |= {"LBSTRESC": f"{value:g}", "LBSTRESN": value, "LBSTRESU": standard}
        row |= {"LBSTNRLO": round(low * factor, 0), "LBSTNRHI": round(high * factor, 0)}
        row["LBNRIND"] = "LOW" if float(text) < low else "HIGH" if float(text) > high else "NORMAL"
        row["LBLOBXFL"] = "Y" if visit == SCREENING else None
