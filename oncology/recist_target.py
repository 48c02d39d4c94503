"""Target lesions: the sum of diameters and the target response.

RECIST 1.0: Therasse 2000, "Evaluation of target lesions". RECIST 1.1: Eisenhauer 2009, section 4.3.1 (definitions),
4.3.2 (nodes, too small, split and merged lesions), 4.4.2 (missing assessments). iRECIST applies those of 1.1.
All comparisons are made on exact decimals as products, never as rounded percentages.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from trialbridge.oncology.lesions import Lesion, Reading, State
from trialbridge.oncology.recist_criteria import CR, NE, NODE_NORMAL_MM, PD, PD_RISE, PR, PR_FALL, SD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.oncology.recist_criteria import Criteria

MISSING = Reading(State.MISSING, reason="not recorded")


@dataclass(frozen=True, slots=True)
class Measured:
    """The target lesions at one visit: sum in mm over what was measured, what is missing and why, whether all are gone."""

    sum: Decimal
    missing: tuple[tuple[str, str], ...]
    measured: int
    """How many link ids have a size."""
    remaining: tuple[str, ...]
    """Lesions still there: above 0 mm, or for nodes by short axis 10 mm and more."""

    @property
    def complete(self) -> bool:
        """Whether every target lesion has a size."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Reference:
    """A sum to compare with, mm, and the date it was seen."""

    sum: Decimal
    date: str


def measured(
    criteria: Criteria,
    lesions: Mapping[str, Lesion],
    wholes: Mapping[str, tuple[str, ...]],
    seen: Mapping[str, Reading],
    pieces: Mapping[str, frozenset[str]],
) -> Measured:
    """Add up the target lesions of one visit.

    `wholes`: link id -> the baseline target lesions it stands for; `seen`: this visit's readings; `pieces`: the
    fragments each baseline lesion has been seen in so far. Fragments add up; a merged lesion counts once for all it
    is made of (Eisenhauer 2009, 4.3.2).
    """
    targets = sorted({root for group in wholes.values() for root in group if root in lesions})
    sizes: dict[str, Reading] = {}
    merged: set[str] = set()
    for lnkid in sorted(seen):
        group = wholes.get(lnkid, ())
        if len(group) > 1 and seen[lnkid].mm is not None:
            sizes[lnkid] = seen[lnkid]
            merged.update(group)
    missing: list[tuple[str, str]] = []
    for root in targets:
        if root in merged:
            continue
        parts = sorted(pieces.get(root, ()))
        if not any(part in seen for part in parts):
            parts = [root]
        for part in parts:
            one = seen.get(part, MISSING)
            if one.mm is not None:
                sizes[part] = one
            elif one.state is not State.MERGED:
                missing.append((part, one.reason or "no size"))
    remaining = tuple(lnkid for lnkid, one in sizes.items() if one.mm and not _normal(criteria, lesions[lnkid], one.mm))
    total = sum((one.mm for one in sizes.values() if one.mm is not None), Decimal(0))
    return Measured(total, tuple(missing), len(sizes), remaining)


def _normal(criteria: Criteria, lesion: Lesion, mm: Decimal) -> bool:
    """Whether a size is that of a normal node."""
    return criteria.short_axis_nodes and lesion.node and mm < NODE_NORMAL_MM


def target_response(
    criteria: Criteria, now: Measured, baseline: Decimal | None, nadir: Reference | None
) -> tuple[str, str]:
    """The target response at one visit and the sentence that explains it.

    `baseline` and `nadir` in mm, None where no complete sum is known.
    """
    label = criteria.label
    if now.complete and not now.remaining:
        nodes = f"all non-nodal 0 mm, all nodes < {NODE_NORMAL_MM} mm" if now.sum else "all 0 mm"
        return CR, f"CR: sum {mm(now.sum)} mm, {nodes} ({label})"
    if nadir is not None and progressed(criteria, now.sum, nadir.sum):
        partial = "" if now.complete else f"partial sum (without {_names(now)}), already enough: "
        over = f"over the nadir {mm(nadir.sum)} mm of {nadir.date or 'unknown date'}"
        return (
            PD,
            f"PD: {partial}sum {mm(now.sum)} mm is {_change(now.sum, nadir.sum, PD_RISE)} {over} ({_rise(criteria)})",
        )
    if not now.complete:
        why = "; ".join(f"{lnkid} {reason}" for lnkid, reason in now.missing)
        others = f"sum of the others {mm(now.sum)} mm" if now.measured else "none measured"
        return NE, f"NE: not all target lesions have a size ({why}); {others} ({label})"
    return _against_baseline(criteria, now.sum, baseline, nadir)


def _against_baseline(
    criteria: Criteria, total: Decimal, baseline: Decimal | None, nadir: Reference | None
) -> tuple[str, str]:
    """PR or SD, for a complete sum that is no progression."""
    label = criteria.label
    if baseline is None:
        return NE, f"NE: the baseline sum is incomplete, sum {mm(total)} mm has no reference ({label})"
    from_baseline = f"{_change(total, baseline, -PR_FALL)} from the baseline {mm(baseline)} mm"
    if (baseline - total) * 100 >= PR_FALL * baseline:
        return PR, f"PR: sum {mm(total)} mm is {from_baseline} ({label}, at least {PR_FALL} %)"
    low = nadir or Reference(baseline, "")
    over = f"over the nadir {mm(low.sum)} mm of {low.date or 'unknown date'}"
    risen = f"{_change(total, low.sum, PD_RISE)} ({signed(total - low.sum)} mm) {over}"
    return SD, f"SD: sum {mm(total)} mm is {from_baseline} and {risen} ({_rise(criteria)})"


def seen_again(found: tuple[str, str], remaining: tuple[str, ...], *, is_pd: bool, label: str) -> tuple[str, str]:
    """A response after complete response, when disease is seen again: PD where the protocol says so, else only said.

    Eisenhauer 2009, Table 3, note: any disease seen after a true CR makes the disease PD at that point.
    """
    response, text = found
    if response == PD or not remaining:
        return found
    listed = ", ".join(remaining)
    if is_pd:
        return PD, f"PD: {listed} seen again after complete response (Table 3, note); else {text}"
    return response, f"{text}; {listed} seen again after complete response, PD by the note to Table 3 of {label}"


def progressed(criteria: Criteria, total: Decimal, nadir: Decimal) -> bool:
    """At least 20 % over the nadir and, in 1.1 and iRECIST, at least 5 mm. A nadir of 0 is exceeded by any size."""
    rise = total - nadir
    if rise <= 0 or rise * 100 < PD_RISE * nadir:
        return False
    return criteria.absolute_mm is None or rise >= criteria.absolute_mm


def _rise(criteria: Criteria) -> str:
    rule = "no absolute rule" if criteria.absolute_mm is None else f"PD from +{PD_RISE} % and {criteria.absolute_mm} mm"
    return f"{criteria.label}, {rule}"


def _names(now: Measured) -> str:
    return ", ".join(lnkid for lnkid, _ in now.missing)


def mm(value: Decimal) -> str:
    """A size for a sentence: exact, with at least one decimal."""
    plain = f"{value.normalize():f}"
    return plain if "." in plain else f"{plain}.0"


def signed(value: Decimal) -> str:
    """A difference for a sentence, with its sign."""
    return f"-{mm(-value)}" if value < 0 else f"+{mm(value)}"


def _change(now: Decimal, then: Decimal, threshold: int) -> str:
    """The change in percent, to as many decimals as tell it from the threshold it is judged by."""
    if then == 0:
        return "no change" if now == 0 else "up from 0 mm"
    exact = (now - then) * 100 / then
    for digits in range(1, 7):
        shown = round(exact, digits)
        if shown != threshold or exact == threshold:
            return f"{shown:+f} %" if shown else f"0.{'0' * digits} %"
    return f"{exact:+.7f} %"
