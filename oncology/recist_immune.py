"""iRECIST: progression is first unconfirmed (iUPD) and confirmed (iCPD) or not at the next assessment.

Seymour et al., Lancet Oncol 2017;18:e143-e152: Table 2 (timepoint response), "Confirming progression" and "Resetting
the bar". Two points the paper leaves open follow the RECIST working group's published answers (recist.eortc.org):
increases are additive over assessments, and iPR may be given while a new lesion stays unchanged only if the target
lesions have improved since. Scans earlier than the window do not confirm.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from trialbridge.oncology.lesions import Reading, State
from trialbridge.oncology.recist_criteria import CR, EQUIVOCAL, IMMUNE, NE, PD, PR, SD
from trialbridge.oncology.recist_days import days_at_least
from trialbridge.oncology.recist_overall import overall
from trialbridge.oncology.recist_target import mm, progressed, signed
from trialbridge.oncology.recist_timeline import Components, NewLesion, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.oncology.recist_criteria import Choices, Criteria

LEAST_GROWTH = Decimal(5)
"""mm by which target lesions, or new target lesions, must grow further to confirm (Seymour 2017, Table 2)."""
_BETTER = {CR: 0, PR: 1, SD: 2, PD: 3}
Category = str
TARGET, NON_TARGET, NEW = "target", "non-target", "new"


@dataclass(frozen=True, slots=True)
class _Pending:
    """An iUPD waiting for confirmation: since when, in which categories last, and the sizes growth is measured from."""

    since: str
    categories: frozenset[Category]
    sum: Decimal | None
    nontarget: Mapping[str, Reading]
    new: Mapping[str, NewLesion]
    early: frozenset[Category] = frozenset()
    """Categories that progressed on a scan too early to confirm: their growth at the next one does."""


@dataclass(slots=True)
class _Course:
    """What is carried from visit to visit."""

    pending: _Pending | None = None
    confirmed: str = ""
    since: str = ""
    target: str | None = None
    accepted: Mapping[str, NewLesion] = field(default_factory=dict)
    """New lesions known when the bar was reset: only their growth counts again."""


@dataclass(frozen=True, slots=True)
class Immune:
    """The iRECIST responses of one visit."""

    target: str | None
    nontarget: str | None
    overall: str
    text: str
    since: str = ""
    """For iCPD, the date of the iUPD it confirms: the date of progression (Seymour 2017, "Time of progression")."""


def immune_course(parts: list[Components], criteria: Criteria, choices: Choices) -> list[Immune]:
    """The iRECIST responses of one reader's visits, in order."""
    course = _Course()
    return [_visit(one, course, criteria, choices) for one in parts]


def _visit(now: Components, course: _Course, criteria: Criteria, choices: Choices) -> Immune:
    table = criteria.overall_tables[0]
    if course.confirmed:
        text = f"iCPD: progression was confirmed on {course.confirmed}, later visits stay so ({table})"
        return _named(now, "iCPD", text, frozenset(), course.since)
    active = _progressing(now, course, criteria)
    response, why, grown = _decide(now, course, active, criteria, choices)
    if now.target not in (None, NE):
        course.target = now.target
    if response == "iCPD":
        course.confirmed = now.point.first
        course.since = course.pending.since if course.pending else now.point.first
    return _named(now, response, f"{response}: {why}; {sentence(now)} ({table})", grown, course.since)


def _progressing(now: Components, course: _Course, criteria: Criteria) -> frozenset[Category]:
    """The categories in which RECIST 1.1 progression, or an unresolved new lesion, is seen at this visit."""
    active = set()
    if now.target == PD:
        active.add(TARGET)
    if now.nontarget == PD:
        active.add(NON_TARGET)
    sure = {lnkid: one for lnkid, one in now.new.items() if one.state != EQUIVOCAL}
    known = course.accepted
    if any(lnkid not in known or one.grown for lnkid, one in sure.items()):
        active.add(NEW)
    elif sure:
        before, later = _new_sum(known, sure), _new_sum(sure, sure)
        if progressed(criteria, later, before):
            active.add(NEW)
    return frozenset(active)


def _decide(
    now: Components, course: _Course, active: frozenset[Category], criteria: Criteria, choices: Choices
) -> tuple[str, str, frozenset[Category]]:
    """The overall response, the reason, and the categories whose further growth confirmed progression."""
    base, _ = overall(criteria, now.target, now.nontarget, new=False)
    pending = course.pending
    if pending is None:
        if not active:
            return IMMUNE.get(base, base), "no progression", frozenset()
        _wait(course, now, active)
        return "iUPD", f"progression in {_and(active)}, to be confirmed", frozenset()
    confirming = _confirming(now, pending, active)
    if confirming:
        days = days_at_least(pending.since, now.point.first)
        least, most = choices.progression_days
        said = "; ".join(confirming.values())
        if days is None or days < least:
            early = "at an unknown interval" if days is None else f"after {days} days, before {least}"
            course.pending = replace(pending, early=pending.early | frozenset(confirming))
            return "iUPD", f"{said}, but {early}: not confirmed yet", frozenset()
        late = f", later than {most} days" if days > most else ""
        return (
            "iCPD",
            f"iUPD of {pending.since} confirmed after {days} days{late}: {said}",
            frozenset(confirming) & pending.categories,
        )
    return (*_unconfirmed(now, course, active, pending, base), frozenset())


def _unconfirmed(
    now: Components, course: _Course, active: frozenset[Category], pending: _Pending, base: str
) -> tuple[str, str]:
    """A visit that does not confirm: not evaluable, the bar reset, or still unconfirmed."""
    if not active and base == NE:
        _wait(course, now, active)
        return NE, f"not evaluable, iUPD of {pending.since} stays open"
    if not active or _improved(now, course, active):
        course.pending = None
        course.accepted = dict(now.new)
        reset = PR if base == CR and active else base
        unchanged = ", new lesions unchanged" if active else ""
        return IMMUNE.get(reset, reset), f"iUPD of {pending.since} not confirmed{unchanged}, the bar is reset"
    _wait(course, now, active)
    return "iUPD", f"iUPD of {pending.since} neither confirmed nor gone, {_and(active)} without further growth"


def _wait(course: _Course, now: Components, active: frozenset[Category]) -> None:
    """Open an iUPD, or carry it on: growth in a category is measured from where that category first progressed.

    A category that cannot be evaluated now stays open as it was. A sum that was incomplete when it first progressed is
    none to measure from: the first complete one after it is.
    """
    old = course.pending
    total = now.sum if now.complete else None
    if old is None:
        course.pending = _Pending(now.point.first, active, total, now.nontarget_readings, now.new)
        return
    unseen = {category for category, response in ((TARGET, now.target), (NON_TARGET, now.nontarget)) if response == NE}
    keep = old.categories & active | (old.categories | old.early) & unseen
    course.pending = _Pending(
        old.since,
        active | keep,
        old.sum if TARGET in keep and old.sum is not None else total,
        old.nontarget if NON_TARGET in keep else now.nontarget_readings,
        old.new if NEW in keep else now.new,
    )


def _confirming(now: Components, pending: _Pending, active: frozenset[Category]) -> dict[Category, str]:
    """What confirms a pending iUPD at this visit, by category, in words; empty when nothing does."""
    found: dict[Category, str] = {
        category: f"progression newly in {category} lesions" for category in sorted(active - pending.categories)
    }
    if TARGET in active & pending.categories and now.sum is not None and pending.sum is not None:
        rise = now.sum - pending.sum
        if rise >= LEAST_GROWTH:
            found[TARGET] = f"sum {mm(now.sum)} mm is a further {signed(rise)} mm over {mm(pending.sum)} mm at iUPD"
    if NON_TARGET in pending.categories | pending.early:
        larger = [lnkid for lnkid, one in now.nontarget_readings.items() if _grew(one, pending.nontarget.get(lnkid))]
        if larger:
            found[NON_TARGET] = f"further increase of non-target {', '.join(larger)}"
    if NEW in pending.categories:
        said = _new_growth(now.new, pending.new)
        if said:
            found[NEW] = said
    return found


def _grew(one: Reading, before: Reading | None) -> bool:
    """Any increase: stated, measured, or a further lesion now unequivocally progressing."""
    if one.grown:
        return True
    if before is None:
        return one.state is State.UNEQUIVOCAL
    if one.mm is not None and before.mm is not None and one.mm > before.mm:
        return True
    return one.state is State.UNEQUIVOCAL and before.state is not State.UNEQUIVOCAL


def _new_growth(now: Mapping[str, NewLesion], then: Mapping[str, NewLesion]) -> str:
    """How new lesions confirm: more of them, 5 mm more in the sum of new target lesions, or any other one larger."""
    sure = {lnkid: one for lnkid, one in now.items() if one.state != EQUIVOCAL}
    more = [lnkid for lnkid in sure if lnkid not in then or then[lnkid].state == EQUIVOCAL]
    if more:
        return f"further new lesions {', '.join(more)}"
    rise = _new_sum(sure, sure) - _new_sum(then, sure)
    if rise >= LEAST_GROWTH:
        return f"new target lesions a further {signed(rise)} mm"
    larger = [lnkid for lnkid, one in sure.items() if not one.target and _larger(one, then[lnkid])]
    return f"new lesions {', '.join(larger)} larger" if larger else ""


def _larger(one: NewLesion, before: NewLesion) -> bool:
    return one.grown or (one.mm is not None and before.mm is not None and one.mm > before.mm)


def _new_sum(of: Mapping[str, NewLesion], only: Mapping[str, NewLesion]) -> Decimal:
    """The sum of new target lesions, of those present in both."""
    sizes = (one.mm for lnkid, one in of.items() if lnkid in only and one.target and one.mm is not None)
    return sum(sizes, Decimal(0))


def _improved(now: Components, course: _Course, active: frozenset[Category]) -> bool:
    """Only an unchanged new lesion is left, and the target lesions respond better than at the last visit."""
    if active != {NEW} or now.target not in (CR, PR, SD) or course.target is None:
        return False
    return _BETTER[now.target] < _BETTER[course.target]


def _named(now: Components, response: str, text: str, grown: frozenset[Category], since: str) -> Immune:
    target = None if now.target is None else IMMUNE.get(now.target, now.target)
    nontarget = None if now.nontarget is None else IMMUNE.get(now.nontarget, now.nontarget)
    if TARGET in grown and target == "iUPD":
        target = "iCPD"
    if NON_TARGET in grown and nontarget == "iUPD":
        nontarget = "iCPD"
    return Immune(target, nontarget, response, text, since)


def _and(categories: frozenset[Category]) -> str:
    return " and ".join(f"{one} lesions" for one in sorted(categories))
