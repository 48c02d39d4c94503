"""Who is enrolled, where, when, with which radiotherapy and immune therapy: a subject's plan, and the DM rows.

Each subject has a random stream of its own, seeded by the cohort's seed and the subject's number, so that subject
17 is the same person in a cohort of 40 and in one of 20,000.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, TypeVar

from re_induction import design
from re_induction.terms import FRACTIONATIONS, IMMUNE_THERAPIES, Fractionation, ImmuneTherapy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from re_induction.design import Row

T = TypeVar("T")
ENROLMENT_DAYS = 380  # the last subject's 24 weeks end before the record's completion date
SCREEN_FAILURE_EVERY = 12  # one person screened and not enrolled per so many enrolled
TOXIC_DEATH_EVERY = 40  # one death by treatment per so many enrolled: the trial's planned size
RACES = (
    ("WHITE", 0.87),
    ("ASIAN", 0.04),
    ("BLACK OR AFRICAN AMERICAN", 0.03),
    ("OTHER", 0.03),
    ("NOT REPORTED", 0.02),
    ("UNKNOWN", 0.01),
)
ETHNICITIES = (
    ("NOT HISPANIC OR LATINO", 0.94),
    ("HISPANIC OR LATINO", 0.015),
    ("NOT REPORTED", 0.03),
    ("UNKNOWN", 0.015),
)
RACE_TEXTS = ("Surinamese", "Moluccan", "Mixed European and Indonesian")
# How the disease outside the irradiated volume behaves, and how often.
COURSES = (("RESPONDER", 0.25), ("STABLE", 0.35), ("PROGRESSOR", 0.40))


def weighted(rng: Random, pairs: Sequence[tuple[T, float]]) -> T:
    """One of the values, each with the probability its weight has among all weights."""
    drop = rng.random() * sum(weight for _, weight in pairs)
    for value, weight in pairs:
        drop -= weight
        if drop < 0:
            return value
    return pairs[-1][0]


def between(rng: Random, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int(rng.random() * (high - low + 1))


def days(rng: Random, low: int, high: int) -> timedelta:
    """So many days, from `low` to `high`."""
    return timedelta(days=between(rng, low, high))


@dataclass(slots=True)
class Subject:
    """One person of the cohort: what is planned at enrolment, and (`end`, `reason`, …) what became of it.

    `rows` gathers the SDTM rows by dataset, without what all rows share (STUDYID, DOMAIN, study days, EPOCH).
    """

    number: int
    rng: Random
    usubjid: str
    subjid: str
    site: str
    sex: str
    birth: date
    birth_text: str
    race: str
    race_text: str | None
    ethnicity: str
    consent: date
    screened: date  # the day of the screening visit's examinations
    scanned: date  # the day of the baseline scans
    course: str
    fractionation: Fractionation
    fractions: tuple[date, ...]  # empty for a screen failure
    therapy: ImmuneTherapy
    first_infusion: date
    independent: bool  # whether an independent radiologist reads the scans too
    end: date = date.max
    reason: str = ""
    progressed: date | None = None
    therapy_stopped: date | None = None
    fatal: str = ""  # TOXICITY or PROGRESSION where the subject dies on study
    rows: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def start(self) -> date:
        """RFSTDTC: the day of the first fraction."""
        return self.fractions[0]

    @property
    def follow_up(self) -> date:
        """The first day of the follow-up element: the day after the last fraction."""
        return self.fractions[-1] + timedelta(days=1)

    def add(self, dataset: str, **row: str | float | None) -> Row:
        """Append a row to a dataset and hand it back."""
        found: Row = {"USUBJID": self.usubjid, **row}
        self.rows.setdefault(dataset, []).append(found)
        return found

    def supplement(
        self,
        dataset: str,
        number: int | None,
        qualifier: tuple[str, str],
        value: str,
        *,
        origin: str = "CRF",
        evaluator: str | None = None,
    ) -> None:
        """Append a qualifier (QNAM, QLABEL) of the dataset's row with that --SEQ; None: the subject's only row, in DM."""
        row = self.add(f"SUPP{dataset}", RDOMAIN=dataset, QNAM=qualifier[0], QLABEL=qualifier[1], QVAL=value)
        row |= {"QORIG": origin, "QEVAL": evaluator}
        if number is not None:
            row |= {"IDVAR": f"{dataset}SEQ", "IDVARVAL": str(number)}


def enrol(seed: int, number: int) -> Subject:
    """Subject `number` (from 1) of the cohort with that seed, as planned at enrolment."""
    return _person(Random(f"{seed}/{number}"), number, screen_failure=False)


def screen_failure(seed: int, number: int) -> Subject | None:
    """The person screened in vain around the enrolment of subject `number`, where there is one."""
    if number % SCREEN_FAILURE_EVERY != 5:
        return None
    return _person(Random(f"{seed}/{number}/screen"), number, screen_failure=True)


def _person(rng: Random, number: int, *, screen_failure: bool) -> Subject:
    site = weighted(rng, (("01", 0.30), ("02", 0.30), ("03", 0.40)))
    consent = design.FIRST_CONSENT + timedelta(days=int((number - 1) * 9.75) % ENROLMENT_DAYS)
    if number > 1 or screen_failure:
        consent = _weekday(consent + days(rng, 0, 7))
    sex = weighted(rng, (("M", 0.58), ("F", 0.42)))
    years = min(86.0, max(41.0, rng.gauss(65.5, 8.5)))
    birth = consent - timedelta(days=int(years * 365.25) + between(rng, 0, 300))
    known = weighted(rng, ((7, 0.6), (4, 0.4)))  # a full date of birth would identify a person: month or year only
    race = weighted(rng, RACES)
    texts = RACE_TEXTS[between(rng, 0, len(RACE_TEXTS) - 1)]
    screened = consent + days(rng, 0, 3)
    schedule = weighted(rng, [(one, one.share) for one in FRACTIONATIONS])
    fractions = () if screen_failure else _fractions(rng, consent, schedule)
    first = fractions[0] if fractions else consent
    therapy = weighted(rng, [(one, one.share) for one in IMMUNE_THERAPIES])
    subjid = f"{site}-{'S' if screen_failure else ''}{number:04d}"
    return Subject(
        number=number,
        rng=rng,
        usubjid=f"{design.STUDY}-{subjid}",
        subjid=subjid,
        site=site,
        sex=sex,
        birth=birth,
        birth_text=birth.isoformat()[:known],
        race=race,
        race_text=texts if race == "OTHER" else None,
        ethnicity=weighted(rng, ETHNICITIES),
        consent=consent,
        screened=screened,
        scanned=max(screened, first - days(rng, 3, 9)) if fractions else screened,
        course=weighted(rng, COURSES),
        fractionation=schedule,
        fractions=fractions,
        therapy=therapy,
        first_infusion=first + days(rng, 0, therapy.weeks * 7 - 7),
        independent=rng.random() < 0.75,
    )


def _fractions(rng: Random, consent: date, schedule: Fractionation) -> tuple[date, ...]:
    """The working days on which the fractions are given; one course in thirty is stopped one fraction short."""
    day = _weekday(consent + days(rng, 12, 22))
    given = [day]
    while len(given) < schedule.fractions:
        day = _weekday(day + timedelta(days=schedule.days_apart))
        given.append(day)
    if len(given) > 1 and rng.random() < 1 / 30:
        given.pop()
    return tuple(given)


def _weekday(day: date) -> date:
    """The day itself, or the Monday after a Saturday or Sunday."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def demographics(subject: Subject) -> None:
    """Append the subject's DM row, once all else is known, and its SUPPDM rows."""
    enrolled = bool(subject.fractions)
    reference = subject.start if enrolled else subject.consent
    age = (
        reference.year
        - subject.birth.year
        - ((reference.month, reference.day) < (subject.birth.month, subject.birth.day))
    )
    exposures = subject.rows.get("EX", [])
    row = subject.add(
        "DM",
        SUBJID=subject.subjid,
        SITEID=subject.site,
        RFICDTC=subject.consent.isoformat(),
        RFPENDTC=subject.end.isoformat(),
    )
    row |= {"BRTHDTC": subject.birth_text, "AGE": age, "AGEU": "YEARS", "SEX": subject.sex, "RACE": subject.race}
    row |= {"ETHNIC": subject.ethnicity, "COUNTRY": design.COUNTRY, "DMDTC": subject.screened.isoformat()}
    if enrolled:
        last = max(str(one["EXENDTC"]) for one in exposures)
        row |= {"RFSTDTC": subject.start.isoformat(), "RFENDTC": max(last, subject.fractions[-1].isoformat())}
        row |= {"RFXSTDTC": min(str(one["EXSTDTC"]) for one in exposures), "RFXENDTC": last}
        row |= {"ARMCD": design.ARM_CODE, "ARM": design.ARM, "ACTARMCD": design.ARM_CODE, "ACTARM": design.ARM}
    else:
        row["ARMNRS"] = "SCREEN FAILURE"
    if subject.reason == "DEATH":
        row |= {"DTHDTC": subject.end.isoformat(), "DTHFL": "Y"}
    subject.supplement(
        "DM",
        None,
        ("ICFVERS", "Informed Consent Form Version"),
        "2.0" if subject.consent >= date(2020, 1, 6) else "1.0",
    )
    if subject.race_text:
        subject.supplement("DM", None, ("RACEOTH", "Race, Other"), subject.race_text)
