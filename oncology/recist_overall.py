"""Non-target lesions, and the overall-response tables of RECIST 1.0 and 1.1 as the papers print them.

Therasse 2000, Table 2; Eisenhauer 2009, section 4.3.4 and Tables 1 and 2. iRECIST uses the same combinations where
nothing has progressed (Seymour 2017, Table 2); its progression is in `recist_immune`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.oncology.lesions import Lesion, Reading, State
from trialbridge.oncology.recist_criteria import CR, NE, NED, NODE_NORMAL_MM, NON_CR_NON_PD, PD, PR, SD
from trialbridge.oncology.recist_target import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.oncology.recist_criteria import Criteria

STABLE_WORDS = frozenset((NON_CR_NON_PD, "SD", "IR/SD", "INCOMPLETE RESPONSE/SD", "NON-PD"))
"""How a persisting non-target response is written: 1.1, 1.0, and sponsors' ways between."""


def nontarget_response(
    criteria: Criteria,
    lesions: Mapping[str, Lesion],
    wholes: Mapping[str, tuple[str, ...]],
    seen: Mapping[str, Reading],
) -> tuple[str, str, tuple[str, ...]]:
    """The non-target response at one visit, its sentence, and the lesions still there.

    `wholes`: link id -> the baseline non-target lesions it stands for.
    """
    states = {lnkid: _state(criteria, lesions[lnkid], seen[lnkid]) for lnkid in sorted(wholes) if lnkid in seen}
    expected = sorted({root for group in wholes.values() for root in group})
    label = criteria.label
    worse = [lnkid for lnkid, state in states.items() if state is State.UNEQUIVOCAL]
    there = [lnkid for lnkid, state in states.items() if state in (State.PRESENT, State.EQUIVOCAL)]
    missing = [root for root in expected if _unseen(root, wholes, states)]
    if worse:
        found = PD, f"PD: unequivocal progression of {', '.join(worse)} ({label})"
    elif missing:
        why = "; ".join(f"{lnkid} {seen.get(lnkid, MISSING).reason or 'not evaluable'}" for lnkid in missing)
        found = NE, f"NE: not all non-target lesions evaluated ({why}) ({label})"
    elif there:
        said = f"{len(there)} of {len(expected)} non-target lesions persist"
        found = NON_CR_NON_PD, f"NON-CR/NON-PD: {said} ({label})"
    else:
        found = CR, f"CR: all {len(expected)} non-target lesions gone ({label})"
    return (*found, tuple(there))


def _unseen(root: str, wholes: Mapping[str, tuple[str, ...]], states: Mapping[str, State]) -> bool:
    """Whether a non-target lesion, or one of the fragments it is read in, was not evaluated."""
    parts = [state for lnkid, state in states.items() if root in wholes[lnkid] and lnkid != root]
    return State.MISSING in parts if parts else states.get(root, State.MISSING) is State.MISSING


def _state(criteria: Criteria, lesion: Lesion, one: Reading) -> State:
    """What a reading means for a non-target lesion: a node below 10 mm short axis is normal (1.1)."""
    small = one.mm is not None and one.mm < NODE_NORMAL_MM
    if criteria.short_axis_nodes and lesion.node and small and one.state is State.PRESENT:
        return State.ABSENT
    return one.state


def overall(criteria: Criteria, target: str | None, nontarget: str | None, *, new: bool) -> tuple[str, str]:
    """The overall response of one visit from its components, and the table it stands in.

    `target` is CR, PR, SD, PD, NE or None without target lesions; `nontarget` CR, NON-CR/NON-PD (or another word of
    `STABLE_WORDS`), PD, NE or None; `new`: an unequivocal new lesion.
    """
    with_targets, without = criteria.overall_tables
    if nontarget in STABLE_WORDS:
        nontarget = NON_CR_NON_PD
    table = without if target is None else with_targets
    if PD in (target, nontarget) or new:
        return PD, table
    if target is None:
        return _nontarget_only(criteria, nontarget), table
    if criteria.version == "1.0":
        # Table 2 of 2000 knows no "not evaluated": such a visit has no row and is not evaluable.
        if NE in (target, nontarget):
            return NE, f"{table}, which has no row for NE"
        return (PR if target == CR and nontarget == NON_CR_NON_PD else target), table
    if target == CR and nontarget in (NON_CR_NON_PD, NE):
        return PR, table
    return target, table


def _nontarget_only(criteria: Criteria, nontarget: str | None) -> str:
    """Non-target lesions only: Eisenhauer 2009, Table 2; the 1.0 word for persisting lesions is stable disease."""
    if nontarget is None:
        return NED
    if nontarget == NON_CR_NON_PD and criteria.version == "1.0":
        return SD
    return nontarget
