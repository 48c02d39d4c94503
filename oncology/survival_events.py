"""One subject's progression-free survival: event or censored, when, and why, in words.

Partial dates: the subject's result is worked out with each of them at the first and at the last day it may mean, and at
the days between on which the result could turn: beside every other date, and where an assessment begins to count as
missed. Where that makes no difference it stands; where it does, there is no result unless an imputation was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Literal

from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.survival_rules import START_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.oncology.survival_rules import PfsRules
    from trialbridge.oncology.survival_sources import Facts

Reason = Literal[
    "PROGRESSION",
    "DEATH",
    "NO EVENT",
    "NO ASSESSMENT",
    "MISSED ASSESSMENTS",
    "NEW THERAPY",
    "UNDETERMINED",
]
_MOST = 4096  # beyond so many combinations each partial date is varied alone, the others all at their first or last day


@dataclass(frozen=True, slots=True)
class PfsResult:
    """One subject: days from the start (day 1) to `date`; `event` false when censored there, None when undetermined."""

    usubjid: str
    start: str
    date: str
    days: int | None
    event: bool | None
    reason: Reason
    explanation: str


@dataclass(frozen=True, slots=True)
class _Dated:
    """The subject's days once every partial date has been given one."""

    start: date
    assessments: tuple[date, ...]
    progression: date | None
    death: date | None
    therapy: date | None


@dataclass(frozen=True, slots=True)
class _Decided:
    day: date
    days: int
    event: bool
    reason: Reason
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds for all subjects: the rules, the cut-off day, and the planned interval of assessments in days."""

    rules: PfsRules
    cutoff: date | None
    interval: int | None


def result(usubjid: str, facts: Facts, plan: Plan) -> PfsResult:
    """The subject's result under the plan."""
    missing = _without_day(facts)
    if missing:
        return PfsResult(usubjid, facts.start, "", None, None, "UNDETERMINED", f"undetermined: {missing}")
    partial = sorted({text for text in _texts(facts) if _is_partial(text)})
    decisions = {_decide(_dated(facts, choice, plan), plan) for choice in _choices(partial, facts, plan)}
    if len({(one.days, one.event) for one in decisions}) > 1:
        least, most = min(one.days for one in decisions), max(one.days for one in decisions)
        said = f"undetermined: {', '.join(partial)} partial; between {least} and {most} days by the day it was"
        return PfsResult(usubjid, facts.start, "", None, None, "UNDETERMINED", said)
    one = min(decisions, key=lambda decided: decided.why)
    said = f"{one.why}, {one.days} days from {START_WORDS[plan.rules.start]} ({facts.start})"
    if partial and plan.rules.impute:
        said += f"; {', '.join(partial)} taken as the {plan.rules.impute} day it may mean"
    return PfsResult(usubjid, facts.start, one.day.isoformat(), one.days, one.event, one.reason, said)


def _texts(facts: Facts) -> Iterable[str]:
    yield facts.start
    yield from facts.assessments
    yield from facts.progressions
    yield from facts.deaths
    yield from facts.therapies


def _without_day(facts: Facts) -> str:
    """Why nothing can be said at all: a date that is missing or says no year; else empty."""
    if bounds(facts.start) is None:
        return "the start has no date"
    if facts.died and not facts.deaths:
        return "died on an unknown day"
    for what, dates in (
        ("a progression", facts.progressions),
        ("a death", facts.deaths),
        ("a new therapy", facts.therapies),
        ("an assessment", facts.assessments),
    ):
        if any(bounds(one) is None for one in dates):
            return f"{what} has no date"
    return ""


def _is_partial(text: str) -> bool:
    both = bounds(text)
    return both is not None and both[0] != both[1]


def _choices(partial: list[str], facts: Facts, plan: Plan) -> Iterable[Mapping[str, date]]:
    """The days to try the partial dates at."""
    if plan.rules.impute:
        yield {text: _ends(text)[plan.rules.impute == "last"] for text in partial}
        return
    days = {text: _turning(text, facts, plan) for text in partial}
    if prod(map(len, days.values())) <= _MOST:
        yield from (dict(zip(partial, chosen, strict=True)) for chosen in product(*days.values()))
        return
    for text, end in product(partial, (0, 1)):
        others = {other: _ends(other)[end] for other in partial}
        yield from ({**others, text: day} for day in days[text])


def _turning(text: str, facts: Facts, plan: Plan) -> list[date]:
    """The first and last day of a partial date, and those between on which the subject's result could turn."""
    first, last = _ends(text)
    edges = {edge for other in _texts(facts) for edge in _ends(other)} | ({plan.cutoff} if plan.cutoff else set())
    most = _most_days(plan)
    shifts = (-1, 0, 1) if most is None else (-1, 0, 1, most, most + 1, -most, -most - 1)
    between = range(first.toordinal(), last.toordinal() + 1)
    turning = {edge.toordinal() + shift for edge in edges for shift in shifts}
    return sorted({first, last} | {date.fromordinal(day) for day in turning if day in between})


def _ends(text: str) -> tuple[date, date]:
    both = bounds(text)
    assert both is not None  # _without_day has seen to it
    return both


def _dated(facts: Facts, choice: Mapping[str, date], plan: Plan) -> _Dated:
    def day(text: str) -> date:
        return choice.get(text) or _ends(text)[0]

    def counted(texts: Iterable[str], least: date) -> list[date]:
        days = sorted(day(text) for text in texts)
        return [one for one in days if one >= least and (plan.cutoff is None or one <= plan.cutoff)]

    start = day(facts.start)
    progressions = counted(facts.progressions, start)
    deaths = counted(facts.deaths, start)
    therapies = counted(facts.therapies, start)
    # An assessment on the day of the start is still the baseline.
    after = tuple(one for one in counted(facts.assessments, start) if one > start)
    return _Dated(
        start,
        after,
        progressions[0] if progressions else None,
        deaths[0] if deaths else None,
        therapies[0] if therapies else None,
    )


def _decide(seen: _Dated, plan: Plan) -> _Decided:
    """Event or censored, by the rules in their order: new therapy, missed assessments, event, no event."""
    events: list[tuple[date, Reason]] = []
    if seen.progression:
        events.append((seen.progression, "PROGRESSION"))
    if seen.death:
        events.append((seen.death, "DEATH"))
    event = min(events, key=lambda one: one[0]) if events else None
    if seen.therapy and (event is None or seen.therapy < event[0]):
        day = _last(seen, seen.therapy)
        why = f"censored at {_place(day, seen)} before new anticancer therapy on {seen.therapy}"
        return _at(day, seen, "NEW THERAPY", why)
    if event is None:
        day = _last(seen, None)
        if day == seen.start:
            return _at(
                day, seen, "NO ASSESSMENT", "censored on day 1: no adequate assessment after the start, no death"
            )
        return _at(
            day, seen, "NO EVENT", f"censored at the last adequate assessment on {day}: no progression, no death"
        )
    day = _last(seen, event[0], before=True)
    most = _most_days(plan)
    gap = (event[0] - day).days
    if most is not None and gap > most:
        why = (
            f"censored at {_place(day, seen)}: {event[1].lower()} on {event[0]} came {gap} days later, after "
            f"{plan.rules.missed_assessments} or more missed assessments (every {plan.interval} days, "
            f"+{plan.rules.assessment_window})"
        )
        return _at(day, seen, "MISSED ASSESSMENTS", why)
    return _at(event[0], seen, event[1], f"{event[1].lower()} on {event[0]}", event=True)


def _most_days(plan: Plan) -> int | None:
    """The days between an adequate assessment and an event that still count as assessed; None: any."""
    if plan.rules.missed_assessments is None or plan.interval is None:
        return None
    return plan.rules.missed_assessments * plan.interval + plan.rules.assessment_window


def _last(seen: _Dated, until: date | None, *, before: bool = False) -> date:
    """The last adequate assessment until a day (`before`: not on it), else the start."""
    days = [one for one in seen.assessments if until is None or (one < until if before else one <= until)]
    return days[-1] if days else seen.start


def _place(day: date, seen: _Dated) -> str:
    return f"the last adequate assessment on {day}" if day != seen.start else "day 1 (no adequate assessment)"


def _at(day: date, seen: _Dated, reason: Reason, why: str, *, event: bool = False) -> _Decided:
    return _Decided(day, (day - seen.start).days + 1, event, reason, why)
