"""One reader's visits in order: baseline, nadir, new lesions, and the components of every response.

The same walk serves all versions and all lesion groups: a group is the reader with fewer lesions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialbridge.oncology.lesions import Kind, Lesion, Reader, Reading, State, TimePoint, roots
from trialbridge.oncology.recist_criteria import CR, EQUIVOCAL, NODE_NORMAL_MM, PR, SD, UNEQUIVOCAL
from trialbridge.oncology.recist_days import days_at_least
from trialbridge.oncology.recist_overall import nontarget_response
from trialbridge.oncology.recist_target import MISSING, Reference, measured, seen_again, target_response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from trialbridge.oncology.recist_criteria import Choices, Criteria


@dataclass(frozen=True, slots=True)
class NewLesion:
    """A new lesion as it stands at one visit: EQUIVOCAL or UNEQUIVOCAL, since when, its size where measured.

    `target`: followed as a new target lesion of iRECIST (named so in TU, or measurable when first seen).
    """

    lnkid: str
    state: str
    since: str
    mm: Decimal | None
    target: bool
    grown: bool = False


@dataclass(frozen=True, slots=True)
class Components:
    """What one visit gives, before the overall response: responses, sentences, sums in mm, readings."""

    point: TimePoint
    target: str | None
    target_text: str
    nontarget: str | None
    nontarget_text: str
    new: Mapping[str, NewLesion]
    sum: Decimal | None
    complete: bool
    """Whether the sum is over all target lesions."""
    baseline: Decimal | None
    baseline_date: str
    nadir: Decimal | None
    nontarget_readings: Mapping[str, Reading]

    @property
    def new_state(self) -> str | None:
        """UNEQUIVOCAL, EQUIVOCAL, or None without new lesions."""
        states = {one.state for one in self.new.values()}
        return UNEQUIVOCAL if UNEQUIVOCAL in states else EQUIVOCAL if states else None

    @property
    def new_text(self) -> str:
        """The sentence on new lesions."""
        if not self.new:
            return "no new lesions"
        listed = ", ".join(f"{one.lnkid} ({one.state.lower()}, since {one.since})" for one in self.new.values())
        return f"new lesions {listed}"


def walk(reader: Reader, criteria: Criteria, choices: Choices) -> list[Components]:
    """The components of every visit after baseline, in order."""
    lesions = reader.lesions
    targets = _wholes(lesions, Kind.TARGET)
    nontargets = _wholes(lesions, Kind.NON_TARGET)
    pieces = _Pieces(targets)
    baseline, baseline_date = _baseline(reader, criteria, targets, pieces)
    nadir = None if baseline is None else Reference(baseline, baseline_date)
    after_cr = False

    def again(found: tuple[str, str], remaining: tuple[str, ...]) -> tuple[str, str]:
        if criteria.version == "1.0" or not after_cr:
            return found
        return seen_again(found, remaining, is_pd=choices.reappearance_is_pd, label=criteria.label)

    new: dict[str, NewLesion] = {}
    history: list[tuple[str, str]] = []
    out = []
    for point in reader.visits:
        target, target_text, total, complete, used = None, "no target lesions", None, False, nadir
        if targets:
            pieces.note(point.readings)
            now = measured(criteria, lesions, targets, point.readings, pieces.known)
            target, target_text = target_response(criteria, now, baseline, nadir)
            target, target_text = _continued(target, target_text, history, criteria, choices)
            target, target_text = again((target, target_text), now.remaining)
            history.append((target, point.last))
            total = now.sum if now.measured or now.complete else None
            complete = now.complete
            if complete and (nadir is None or now.sum < nadir.sum):
                nadir = Reference(now.sum, point.last)
        nontarget, nontarget_text = None, "no non-target lesions"
        if nontargets:
            seen = point.readings
            nontarget, nontarget_text, there = nontarget_response(criteria, lesions, nontargets, seen)
            nontarget, nontarget_text = again((nontarget, nontarget_text), there)
        new = _new_lesions(new, point, lesions)
        after_cr = after_cr or ({target, nontarget} <= {CR, None} and bool(targets or nontargets))
        readings = {lnkid: point.readings.get(lnkid, MISSING) for lnkid in nontargets}
        out.append(
            Components(
                point,
                target,
                target_text,
                nontarget,
                nontarget_text,
                new,
                total,
                complete,
                baseline,
                baseline_date,
                used.sum if used else None,
                readings,
            )
        )
    return out


def subset(reader: Reader, keep: frozenset[str], *, new: bool) -> Reader:
    """The reader of one lesion group: only these target and non-target lesions, new lesions or none.

    A merged lesion that reaches beyond the group cannot be divided and becomes not evaluable.
    """
    lesions: dict[str, Lesion] = {}
    torn: set[str] = set()
    for lnkid, lesion in reader.lesions.items():
        whole = set(roots(lnkid, reader.lesions.keys()))
        if (lesion.kind is Kind.NEW and new) or (lesion.kind is not Kind.NEW and whole & keep):
            lesions[lnkid] = lesion
            if lesion.kind is not Kind.NEW and not whole <= keep:
                torn.add(lnkid)

    def only(point: TimePoint) -> TimePoint:
        readings = {lnkid: one for lnkid, one in point.readings.items() if lnkid in lesions and lnkid not in torn}
        return replace(point, readings=readings)

    kept = {lnkid: lesion for lnkid, lesion in lesions.items() if lnkid not in torn}
    visits = tuple(only(point) for point in reader.visits)
    return replace(reader, lesions=kept, baseline=tuple(only(point) for point in reader.baseline), visits=visits)


class _Pieces:
    """The fragments each target lesion has been seen in so far; a lesion once split is read in all its pieces."""

    def __init__(self, wholes: Mapping[str, tuple[str, ...]]) -> None:
        self._of = {lnkid: group[0] for lnkid, group in wholes.items() if len(group) == 1 and group != (lnkid,)}
        self._seen: dict[str, set[str]] = defaultdict(set)

    def note(self, readings: Mapping[str, Reading]) -> None:
        """Add the fragments of one visit."""
        for lnkid in readings:
            if lnkid in self._of:
                self._seen[self._of[lnkid]].add(lnkid)

    @property
    def known(self) -> dict[str, frozenset[str]]:
        """Lesion -> its fragments so far."""
        return {root: frozenset(parts) for root, parts in self._seen.items()}


def _wholes(lesions: Mapping[str, Lesion], kind: Kind) -> dict[str, tuple[str, ...]]:
    return {lnkid: roots(lnkid, lesions.keys()) for lnkid, lesion in lesions.items() if lesion.kind is kind}


def _baseline(
    reader: Reader, criteria: Criteria, wholes: Mapping[str, tuple[str, ...]], pieces: _Pieces
) -> tuple[Decimal | None, str]:
    """The baseline sum, from each lesion's last size in the baseline window, and its date; None when incomplete."""
    last: dict[str, Reading] = {}
    for point in reader.baseline:
        for lnkid, one in point.readings.items():
            if one.mm is not None or lnkid not in last:
                last[lnkid] = one
    pieces.note(last)
    now = measured(criteria, reader.lesions, wholes, last, pieces.known)
    date = reader.baseline[-1].last if reader.baseline else ""
    return (now.sum if wholes and now.complete else None), date


def _continued(
    target: str, text: str, history: list[tuple[str, str]], criteria: Criteria, choices: Choices
) -> tuple[str, str]:
    """Where the protocol says so, a confirmed PR stays PR until progression."""
    if not choices.continuing_pr or target != SD:
        return target, text
    dates = [date for response, date in history if response == PR]
    if len(dates) > 1 and (days_at_least(dates[0], dates[-1]) or 0) >= choices.confirmation_days:
        return (
            PR,
            f"PR, continuing: confirmed before and not progressed; {text.removeprefix('SD: ')} ({criteria.label})",
        )
    return target, text


def _new_lesions(
    before: Mapping[str, NewLesion], point: TimePoint, lesions: Mapping[str, Lesion]
) -> dict[str, NewLesion]:
    """The new lesions at a visit: those of before unless gone, and those seen now. Silence does not make one vanish."""
    now = {lnkid: replace(one, grown=False) for lnkid, one in before.items()}
    for lnkid in sorted(point.readings):
        if lnkid not in lesions or lesions[lnkid].kind is not Kind.NEW:
            continue
        one, old = point.readings[lnkid], before.get(lnkid)
        if one.state is State.ABSENT:
            now.pop(lnkid, None)
        elif one.state is not State.MISSING:
            state = EQUIVOCAL if one.state is State.EQUIVOCAL else UNEQUIVOCAL
            target = old.target if old else _is_new_target(lesions[lnkid], one)
            since = old.since if old else point.first
            size = one.mm if one.mm is not None else old.mm if old else None
            now[lnkid] = NewLesion(lnkid, state, since, size, target, one.grown)
    return now


def _is_new_target(lesion: Lesion, one: Reading) -> bool:
    """Named so in TU, else measurable: 10 mm, nodes 15 mm short axis (Seymour 2017, "New lesions")."""
    if lesion.new_target is not None:
        return lesion.new_target
    return one.mm is not None and one.mm >= (NODE_NORMAL_MM + 5 if lesion.node else NODE_NORMAL_MM)


def sentence(parts: Components) -> str:
    """The components in words, for the overall response."""
    said = []
    if parts.target is not None:
        said.append(f"target {parts.target_text}")
    if parts.nontarget is not None:
        said.append(f"non-target {parts.nontarget_text}")
    said.append(parts.new_text)
    return "; ".join(said)
