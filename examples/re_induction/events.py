"""What happens to a subject: adverse events by CTCAE 4.0 (AE), medical history (MH), disposition (DS).

An event that interrupts or ends the immune therapy, calls for a medicine or an unplanned visit, or is fatal, shows in
EX, CM, SV, DS and DM too.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from re_induction.cohort import between, days, weighted
from re_induction.terms import (
    COMORBIDITIES,
    FATAL_PROGRESSION,
    FATAL_TOXICITY,
    HISTOLOGIES,
    REMEDIES,
    TOXICITIES,
    Toxicity,
)
from re_induction.treatment import medicine
from re_induction.visits import unscheduled

if TYPE_CHECKING:
    from re_induction.cohort import Subject
    from re_induction.design import Row

GRADES = ((1, 0.50), (2, 0.34), (3, 0.135), (4, 0.025))
SERIOUSNESS = ("AESCONG", "AESDISAB", "AESDTH", "AESHOSP", "AESLIFE", "AESMIE")
RELATIONS = ("NOT RELATED", "UNLIKELY RELATED", "POSSIBLY RELATED", "RELATED")
SITE_WITH_EVERY_FLAG = "03"  # this site's form asks the seriousness criteria of events that are not serious as well


def adverse_events(subject: Subject) -> list[tuple[date, date]]:
    """Append the subject's events in the order of their starts; gives the pauses of the immune therapy they caused."""
    rng = subject.rng
    organ = subject.rows["TU"][0]["TULOC"]
    fitting = [(one, one.weight) for one in TOXICITIES if not one.groups or _fits(one, str(organ))]
    found = []
    for _ in range(
        weighted(rng, ((1, 0.08), (2, 0.14), (3, 0.18), (4, 0.2), (5, 0.16), (6, 0.12), (8, 0.08), (11, 0.04)))
    ):
        what = weighted(rng, fitting)
        low, high = (1, 60) if what.radiotherapy else (-8, 165)
        start = max(subject.consent, subject.start + days(rng, low, high))
        grade = min(what.worst, weighted(rng, GRADES))
        found.append((start, what, grade + 1 if grade == what.missing else grade))
    found = [one for one in found if one[0] < subject.end]
    if subject.reason == "DEATH":
        what = (
            FATAL_TOXICITY
            if subject.fatal == "TOXICITY"
            else weighted(rng, [(one, one.weight) for one in FATAL_PROGRESSION])
        )
        found.append((max(subject.follow_up, subject.end - days(rng, 1, 12)), what, 5))
    pauses: list[tuple[date, date]] = []
    for start, what, grade in sorted(found, key=lambda one: (one[0], one[1].term)):
        _event(subject, start, what, grade, pauses)
    return pauses


def _fits(what: Toxicity, location: str) -> bool:
    """Whether the irradiated organ can give this event."""
    bones = ("VERTEBRA", "ILIUM", "RIB")
    group = "BONE" if location.endswith(bones) else "LUNG" if location.startswith("LUNG") else location
    return group in what.groups or ("LYMPH NODE" in what.groups and location.endswith("LYMPH NODE"))


def _event(subject: Subject, start: date, what: Toxicity, grade: int, pauses: list[tuple[date, date]]) -> None:
    rng = subject.rng
    number = len(subject.rows.get("AE", ())) + 1
    row = subject.add(
        "AE",
        AESEQ=number,
        AETERM=_verbatim(subject, what),
        AELLT=what.term,
        AEDECOD=what.preferred,
        AEBODSYS=what.organ_class,
        AESOC=what.organ_class,
    )
    row |= {"AETOXGR": str(grade), "AESTDTC": _partial(subject, start)}
    emergent = start >= subject.start
    by_radiotherapy, by_immune = _relation(subject, what.radiotherapy and emergent), _relation(subject, what.immune)
    if grade == 5 and what is FATAL_TOXICITY:
        by_radiotherapy = by_immune = "POSSIBLY RELATED"
    row["AEREL"] = max(by_radiotherapy, by_immune, key=RELATIONS.index)
    _seriousness(subject, row, grade)
    end = _outcome(subject, row, start, grade)
    row["AEACN"] = _action(subject, what, grade, start, pauses)
    treated = REMEDIES.get(what.term) if grade > 1 else None
    row["AECONTRT"] = "Y" if treated else "N"
    subject.supplement(
        "AE", number, ("AERELRT", "Relatedness to Radiotherapy"), by_radiotherapy, evaluator="INVESTIGATOR"
    )
    subject.supplement("AE", number, ("AERELIO", "Relatedness to Immune Therapy"), by_immune, evaluator="INVESTIGATOR")
    subject.supplement("AE", number, ("AETRTEM", "Treatment Emergent Flag"), "Y" if emergent else "N", origin="DERIVED")
    if treated:
        given = medicine(
            subject,
            treated,
            "CONCOMITANT MEDICATION",
            (start.isoformat(), None if end is None else end.isoformat()),
            indication=str(row["AETERM"]).upper(),
        )
        for dataset, sequence in (("AE", number), ("CM", int(str(given["CMSEQ"])))):
            subject.add("RELREC", RDOMAIN=dataset, IDVAR=f"{dataset}SEQ", IDVARVAL=str(sequence), RELID=f"AECM{number}")
    day = start + days(rng, 0, 2)
    if 3 <= grade < 5 and day > subject.first_infusion and day > subject.follow_up and day < subject.end:
        unscheduled(subject, day, f"ADVERSE EVENT: {str(row['AETERM']).upper()}")


def _verbatim(subject: Subject, what: Toxicity) -> str:
    """The term as the site writes it: mostly the CTCAE term itself."""
    ways = {
        "Anorexia": "Loss of appetite",
        "Dyspnea": "Shortness of breath",
        "Fatigue": "Tiredness",
        "Lung infection": "Pneumonia",
    }
    return ways[what.term] if what.term in ways and subject.rng.random() < 0.3 else what.term


def _partial(subject: Subject, day: date) -> str:
    """The date, now and then to the month only, where the month alone still tells the epoch; an hour for a few."""
    drop = subject.rng.random()
    months = {one.isoformat()[:7] for one in (subject.consent, subject.start, subject.follow_up)}
    if drop < 0.09 and day.isoformat()[:7] not in months:
        return day.isoformat()[:7]
    return day.isoformat() + (f"T{between(subject.rng, 6, 22):02d}:30" if drop > 0.96 else "")


def _relation(subject: Subject, possible: bool) -> str:  # noqa: FBT001 - the only argument beside the subject
    if not possible:
        return weighted(subject.rng, (("NOT RELATED", 0.8), ("UNLIKELY RELATED", 0.2)))
    return weighted(subject.rng, (("UNLIKELY RELATED", 0.15), ("POSSIBLY RELATED", 0.5), ("RELATED", 0.35)))


def _seriousness(subject: Subject, row: Row, grade: int) -> None:
    rng = subject.rng
    serious = grade >= 4 or rng.random() < {1: 0.0, 2: 0.04, 3: 0.4}[grade]
    met = {
        "AESDTH": grade == 5,
        "AESLIFE": grade == 4 and rng.random() < 0.8,
        "AESHOSP": grade in (3, 4) or (grade == 5 and rng.random() < 0.6),
        "AESMIE": grade == 2,
    }
    row["AESER"] = "Y" if serious else "N"
    if serious or subject.site == SITE_WITH_EVERY_FLAG:
        row |= {name: "Y" if serious and met.get(name) else "N" for name in SERIOUSNESS}


def _outcome(subject: Subject, row: Row, start: date, grade: int) -> date | None:
    """Fill AEOUT, AEENDTC, AEENRTPT and AEENTPT; gives the day the event ended, None where it had not."""
    rng = subject.rng
    end = start + timedelta(days=1 + int(rng.expovariate(1 / (10 + 9 * grade))))
    if grade == 5:
        row |= {"AEOUT": "FATAL", "AEENDTC": subject.end.isoformat()}
        return subject.end
    if end >= subject.end or rng.random() < 0.06:
        row["AEOUT"] = weighted(
            rng, (("NOT RECOVERED/NOT RESOLVED", 0.65), ("RECOVERING/RESOLVING", 0.28), ("UNKNOWN", 0.07))
        )
        if row["AEOUT"] != "UNKNOWN":
            row |= {"AEENRTPT": "ONGOING", "AEENTPT": subject.end.isoformat()}
        return None
    row["AEOUT"] = "RECOVERED/RESOLVED WITH SEQUELAE" if grade > 2 and rng.random() < 0.2 else "RECOVERED/RESOLVED"
    row["AEENDTC"] = (
        end.isoformat()[:7] if rng.random() < 0.07 and end.isoformat()[:7] > str(row["AESTDTC"]) else end.isoformat()
    )
    return end


def _action(subject: Subject, what: Toxicity, grade: int, start: date, pauses: list[tuple[date, date]]) -> str:
    """AEACN, which is about the immune therapy; pauses and stops it accordingly."""
    if grade == 5 or (subject.therapy_stopped and start >= subject.therapy_stopped) or start < subject.first_infusion:
        return "NOT APPLICABLE"
    if not what.immune or grade < 2:
        return "DOSE NOT CHANGED"
    if start >= subject.follow_up and (grade == 4 or (what.term in ("Pneumonitis", "Colitis") and grade == 3)):
        subject.therapy_stopped = start + timedelta(days=1)
        return "DRUG WITHDRAWN"
    if subject.rng.random() < {2: 0.2}.get(grade, 0.7):
        pauses.append((start, start + days(subject.rng, 28, 49)))
        return "DRUG INTERRUPTED"
    return "DOSE NOT CHANGED"


def medical_history(subject: Subject) -> None:
    """Append the primary diagnosis (MHCAT PRIMARY DIAGNOSIS) and comorbidities, with the medicines taken for them."""
    rng = subject.rng
    text, code = weighted(rng, [((one, preferred), share) for one, preferred, share in HISTOLOGIES])
    known = weighted(rng, ((10, 0.35), (7, 0.5), (4, 0.15)))
    diagnosed = subject.consent - timedelta(days=between(rng, 1150, 1900))
    row = subject.add("MH", MHTERM=text, MHDECOD=code, MHEVDTYP="INITIAL DIAGNOSIS", MHCAT="PRIMARY DIAGNOSIS")
    row |= {"MHDTC": subject.screened.isoformat(), "MHSTDTC": diagnosed.isoformat()[:known]}
    for term, preferred, probability, drug in COMORBIDITIES:
        if rng.random() >= probability:
            continue
        begun = subject.consent - timedelta(days=between(rng, 400, 8000))
        row = subject.add("MH", MHTERM=term, MHDECOD=preferred, MHCAT="GENERAL MEDICAL HISTORY")
        row |= {
            "MHDTC": subject.screened.isoformat(),
            "MHSTDTC": begun.isoformat()[: weighted(rng, ((7, 0.3), (4, 0.7)))],
        }
        if term in ("Appendectomy", "Myocardial infarction"):
            row["MHENDTC"] = row["MHSTDTC"]
        else:
            row |= {"MHENRTPT": "ONGOING", "MHENTPT": subject.screened.isoformat()}
        if drug and subject.fractions:
            medicine(subject, drug, "CONCOMITANT MEDICATION", (begun.isoformat()[:4], None), indication=term.upper())


def disposition(subject: Subject) -> None:
    """Append milestones and disposition: consent, entry, the end of radiotherapy, of immune therapy, of participation."""
    _milestone(subject, "INFORMED CONSENT OBTAINED", subject.consent)
    if not subject.fractions:
        text = weighted(
            subject.rng,
            (
                ("Grade 3 toxicity at screening", 0.4),
                ("Immune therapy cannot be continued", 0.3),
                ("Radiotherapy cannot be delivered", 0.3),
            ),
        )
        _disposed(subject, text, "SCREEN FAILURE", "STUDY PARTICIPATION", subject.end)
        return
    _milestone(subject, "ENTERED INTO TRIAL", subject.start - timedelta(days=1))
    whole = len(subject.fractions) == subject.fractionation.fractions
    text, code = (
        ("COMPLETED", "COMPLETED")
        if whole
        else ("Last fraction not given at the request of the subject", "WITHDRAWAL BY SUBJECT")
    )
    _disposed(subject, text, code, "STUDY TREATMENT", subject.fractions[-1])
    if subject.therapy_stopped:
        _disposed(
            subject, "Immune therapy stopped for toxicity", "ADVERSE EVENT", "STUDY TREATMENT", subject.therapy_stopped
        )
    elif subject.progressed:
        _disposed(
            subject, "Immune therapy stopped for progression", "PROGRESSIVE DISEASE", "STUDY TREATMENT", subject.end
        )
    texts = {
        "COMPLETED": "COMPLETED",
        "DEATH": "Death by toxicity" if subject.fatal == "TOXICITY" else "Death by the disease",
        "PROGRESSIVE DISEASE": "Progressive disease",
        "WITHDRAWAL BY SUBJECT": "Subject withdrew consent to further follow-up",
        "LOST TO FOLLOW-UP": "Lost to follow-up",
    }
    _disposed(subject, texts[subject.reason], subject.reason, "STUDY PARTICIPATION", subject.end)


def _milestone(subject: Subject, what: str, day: date) -> None:
    subject.add(
        "DS", DSTERM=what, DSDECOD=what, DSCAT="PROTOCOL MILESTONE", DSSTDTC=day.isoformat(), DSDTC=day.isoformat()
    )


def _disposed(subject: Subject, text: str, code: str, about: str, day: date) -> None:
    subject.add(
        "DS",
        DSTERM=text,
        DSDECOD=code,
        DSCAT="DISPOSITION EVENT",
        DSSCAT=about,
        DSSTDTC=day.isoformat(),
        DSDTC=day.isoformat(),
    )
