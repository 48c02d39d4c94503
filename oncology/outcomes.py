"""The trial's outcome tables as plain data: progression-free survival, remission rates, toxicity.

    tables = outcomes.outcomes(study, criteria="1.0", ctcae_version="4.0")
    tables.as_dicts()

Each measure has what a registry's results ask for: title, time frame, population, kind of number, unit, groups with
their denominators, rows with numbers and confidence limits, footnotes. The words are those of ClinicalTrials.gov's
results data elements (MEDIAN, NUMBER, COUNT_OF_PARTICIPANTS). Nothing here touches a registry's format.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology import ctcae
from trialbridge.oncology.groups import (
    IRRADIATED,
    NON_IRRADIATED,
    end_of_radiotherapy,
    irradiated_lesions,
    remission_rates,
)
from trialbridge.oncology.outcomes_periods import periods
from trialbridge.oncology.recist import assess
from trialbridge.oncology.recist_input import records
from trialbridge.oncology.survival import THREE_MONTHS, progression_free_survival, survival_curve
from trialbridge.oncology.survival_rules import DEFAULT, START_WORDS, PfsRules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.base.finding import Finding
    from trialbridge.oncology.groups import RemissionRate
    from trialbridge.oncology.recist import Assessment
    from trialbridge.oncology.survival import Survival
    from trialbridge.sdtm.table import Study

Kind = Literal["PRIMARY", "SECONDARY", "OTHER_PRE_SPECIFIED", "POST_HOC"]
Parameter = Literal["NUMBER", "MEDIAN", "COUNT_OF_PARTICIPANTS"]
_PER_CENT = 100
_TREATMENTS = ((None, "any cause"), (ctcae.RADIOTHERAPY, "radiotherapy"), (ctcae.IMMUNE_THERAPY, "immune therapy"))


@dataclass(frozen=True, slots=True)
class Group:
    """An arm: its id (OG000 …), title, and how many participants and, where these are counted, lesions it has."""

    id: str
    title: str
    participants: int
    lesions: int | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """One number of one group. Limits at the outcome's level; None where there is no number. `text` explains it."""

    group: str
    number: float | None
    low: float | None = None
    high: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a class and category (either may be empty), one value a group."""

    title: str
    category: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome measure with its results. `level` of the confidence limits as a fraction, None without limits.

    `units_analyzed`: what is counted, "Participants" or "Lesions". A percentage is given as 0 to 100.
    """

    key: str
    kind: Kind
    title: str
    description: str
    time_frame: str
    population: str
    parameter: Parameter
    dispersion: str
    unit: str
    units_analyzed: Literal["Participants", "Lesions"]
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    level: float | None
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The measures in the order of the trial's record, and what was doubtful in the data."""

    measures: tuple[Outcome, ...]
    findings: tuple[Finding, ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Plain lists, dicts, numbers and text: ready for JSON."""
        return [asdict(one) for one in self.measures]

    def __getitem__(self, key: str) -> Outcome:
        """The measure of that key. Raises UnknownNameError."""
        for one in self.measures:
            if one.key == key:
                return one
        raise UnknownNameError(f"There is no outcome {key}; there are {', '.join(one.key for one in self.measures)}.")


def outcomes(
    study: Study,
    criteria: str = "1.0",
    ctcae_version: str = "4.0",
    *,
    rules: PfsRules = DEFAULT,
    day: int = THREE_MONTHS,
    window: int = 28,
    level: float = 0.95,
) -> Outcomes:
    """The outcome tables, by arm: `pfs`, `pfs-median`, `remission-irradiated`, `remission-non-irradiated`, `toxicity`.

    `criteria` for the remission rates (and for progression where `rules` name none); `day` after the start (survival)
    and after the end of radiotherapy (remission, toxicity); `window` in days around it (remission); the evaluator is
    that of the rules. Remission rates are computed from TU and TR. Raises UnknownNameError as their parts do.
    """
    ends = end_of_radiotherapy(study)
    arms = _arms(study, ends)
    survival = progression_free_survival(
        study, replace(rules, criteria=rules.criteria or criteria), day=day, level=level
    )
    assessment = assess(study, criteria, by_group=True)
    measures = (
        *_survival(survival, arms, day, level),
        *_remissions(study, assessment, ends, arms, rules, day=day, window=window, level=level),
        _toxicity(study, ctcae_version, arms, day),
    )
    findings = [*survival.findings, *assessment.findings, *ctcae.check(study, ctcae_version)]
    for attribution, _ in _TREATMENTS:
        if attribution is not None:
            findings += ctcae.attributed(study, attribution)[1]
    return Outcomes(measures, tuple(findings))


def _arms(study: Study, ends: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Title of the arm -> the subjects irradiated in it, by actual arm, else planned arm; one arm without DM."""
    arms: dict[str, list[str]] = {}
    named = {row["USUBJID"]: row["ACTARM"] or row["ARM"] for row in records(study, "DM", ("USUBJID", "ARM", "ACTARM"))}
    for usubjid in sorted(ends):
        arms.setdefault(named.get(usubjid) or "Radiotherapy", []).append(usubjid)
    return {title: tuple(subjects) for title, subjects in sorted(arms.items())}


def _groups(counts: Mapping[str, tuple[int, int | None]]) -> tuple[Group, ...]:
    return tuple(
        Group(f"OG{number:03}", title, participants, lesions)
        for number, (title, (participants, lesions)) in enumerate(counts.items())
    )


def _survival(done: Survival, arms: Mapping[str, tuple[str, ...]], day: int, level: float) -> Iterator[Outcome]:
    """The rate at `day`, and the median."""
    rates, medians, notes = [], [], []
    counts: dict[str, tuple[int, int | None]] = {}
    for number, (title, subjects) in enumerate(arms.items()):
        members = frozenset(subjects)
        curve = survival_curve((one for one in done.results if one.usubjid in members), level)
        at, group = curve.at(day), f"OG{number:03}"
        text = f"{curve.n_events} events in {curve.n} participants"
        rates.append(Value(group, _hundred(at.survival), _hundred(at.low), _hundred(at.high), text))
        medians.append(Value(group, curve.median, curve.median_low, curve.median_high, text))
        counts[title] = (curve.n, None)
        if curve.median is None:
            notes.append(f"{title}: median not reached")
    rules = done.rules
    how = "as reported by the" if rules.progression == "reported" else "computed from the measurements of the"
    read = f"Progression {how} {' '.join(filter(None, (rules.evaluator, rules.evaluator_id))).lower()}."
    left = sum(one.event is None for one in done.results)
    common = Outcome(
        "pfs",
        "PRIMARY",
        "Progression free survival",
        f"Time from {START_WORDS[rules.start]} to progression or death from any cause. {read}",
        f"{day} days from {START_WORDS[rules.start]}",
        "Participants who received radiotherapy" + (f"; {left} without a determined date left out" if left else ""),
        "NUMBER",
        f"{level:.0%} Confidence Interval",
        "percentage of participants",
        "Participants",
        _groups(counts),
        (Row("", "", tuple(rates)),),
        level,
        (done.sentence(), _censoring(done)),
    )
    yield common
    yield replace(
        common,
        key="pfs-median",
        kind="POST_HOC",
        title="Progression free survival, median",
        time_frame=f"From {START_WORDS[rules.start]} to the data cut-off {done.cutoff}".removesuffix(" "),
        parameter="MEDIAN",
        unit="days",
        rows=(Row("", "", tuple(medians)),),
        footnotes=(*common.footnotes, *notes),
    )


def _censoring(done: Survival) -> str:
    """How many ended why."""
    reasons: dict[str, int] = {}
    for one in done.results:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    return "Subjects by reason: " + ", ".join(f"{reason.lower()} {count}" for reason, count in sorted(reasons.items()))


def _hundred(value: float | None) -> float | None:
    return None if value is None else value * _PER_CENT


def _remissions(
    study: Study,
    assessment: Assessment,
    ends: Mapping[str, str],
    arms: Mapping[str, tuple[str, ...]],
    rules: PfsRules,
    *,
    day: int,
    window: int,
    level: float,
) -> Iterator[Outcome]:
    """The remission rates of the irradiated and of the other lesions."""
    treated = _irradiated(study, rules)
    for key, lesions, title, of in (
        ("remission-irradiated", IRRADIATED, "Remission rate irradiated lesion", "the irradiated lesion"),
        (
            "remission-non-irradiated",
            NON_IRRADIATED,
            "Remission rate non-irradiated lesion(s)",
            "the non-irradiated lesion(s)",
        ),
    ):
        counts: dict[str, tuple[int, int | None]] = {}
        values = []
        for number, (arm, subjects) in enumerate(arms.items()):
            mine = {usubjid: ends[usubjid] for usubjid in subjects}
            rate = _of_evaluator(remission_rates(assessment, mine, day=day, window=window, level=level), lesions, rules)
            irradiated = sum(treated.get(usubjid, 0) for usubjid in subjects) if lesions == IRRADIATED else None
            counts[arm] = (rate.n if rate else 0, irradiated)
            group = f"OG{number:03}"
            if rate is None:
                values.append(Value(group, None, text="no participant with such lesions"))
                continue
            limits = (rate.low * _PER_CENT, rate.high * _PER_CENT)
            values.append(Value(group, rate.rate * _PER_CENT, *limits, rate.text))
        label = assessment.criteria.label
        yield Outcome(
            key,
            "SECONDARY",
            title,
            f"Complete or partial remission ({label}) of {of}, computed from the measurements. Participants not "
            f"assessed within {window} days of the time count as not in remission.",
            f"{day} days after the end of radiotherapy",
            f"Irradiated participants with {of} at baseline as read by the {rules.evaluator.lower()}",
            "NUMBER",
            f"{level:.0%} Confidence Interval",
            "percentage of participants",
            "Participants",
            _groups(counts),
            (Row("", "", tuple(values)),),
            level,
            (*(value.text for value in values), "Confidence interval by Clopper and Pearson."),
        )


def _irradiated(study: Study, rules: PfsRules) -> dict[str, int]:
    """Subject -> how many irradiated lesions the rules' evaluator identified: readers name the same lesion apart."""
    treated = irradiated_lesions(study)
    mine: dict[str, set[str]] = {}
    for row in records(study, "TU", ("USUBJID", "TULNKID", "TUEVAL", "TUEVALID")):
        reads = row["TUEVAL"].upper() in ("", rules.evaluator.upper())
        reads = reads and (not rules.evaluator_id or row["TUEVALID"] in ("", rules.evaluator_id))
        if reads and row["TULNKID"] in treated.get(row["USUBJID"], ()):
            mine.setdefault(row["USUBJID"], set()).add(row["TULNKID"])
    return {usubjid: len(lesions) for usubjid, lesions in mine.items()}


def _of_evaluator(rates: list[RemissionRate], lesions: str, rules: PfsRules) -> RemissionRate | None:
    """The rate of the rules' evaluator for one lesion group."""
    for one in rates:
        named = one.eval.upper() == rules.evaluator.upper() or not one.eval
        if one.group == lesions and named and (not rules.evaluator_id or one.evalid == rules.evaluator_id):
            return one
    return None


def _toxicity(study: Study, version: str, arms: Mapping[str, tuple[str, ...]], day: int) -> Outcome:
    """Participants by their worst grade, whatever the cause, and attributed to each treatment."""
    within = periods(study, day)
    rows = []
    for attribution, cause in _TREATMENTS:
        frame = ctcae.worst_grades(study, by="", attributed_to=attribution, periods=within)
        worst = dict(frame.select("USUBJID", "GRADE").iter_rows())
        for category, grades in (
            *((f"Grade {grade}", (grade,)) for grade in range(1, 6)),
            ("Grade 3 or higher", (3, 4, 5)),
            ("No event", (None,)),
        ):
            values = tuple(
                Value(f"OG{number:03}", float(sum(worst.get(usubjid) in grades for usubjid in subjects)))
                for number, subjects in enumerate(arms.values())
            )
            rows.append(Row(f"Worst grade, {cause}", category, values))
    counts: dict[str, tuple[int, int | None]] = {arm: (len(subjects), None) for arm, subjects in arms.items()}
    return Outcome(
        "toxicity",
        "SECONDARY",
        "Toxicity",
        f"Participants by the worst grade of adverse events, CTCAE {version}, whatever the cause and attributed to "
        "radiotherapy or to immune therapy by the investigator.",
        f"From the first fraction to {day} days after the end of radiotherapy",
        "Participants who received radiotherapy",
        "COUNT_OF_PARTICIPANTS",
        "NA",
        "Participants",
        "Participants",
        _groups(counts),
        tuple(rows),
        None,
        (
            "Events that begin in the period; one whose date is incomplete counts unless it surely began outside.",
            "Grade 3 or higher repeats participants of grades 3 to 5.",
            "No event: no event with a grade.",
        ),
    )
