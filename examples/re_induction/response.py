"""RECIST 1.0 (Therasse et al., J Natl Cancer Inst 2000;92:205-216) as the generator applies it to its readings.

Written apart from `trialbridge.oncology`, so that the example is an independent case for it. Lengths are whole tenths
of a millimetre: all comparisons are exact. Progression is 20 % over the smallest sum since the start, without the
5 mm of RECIST 1.1; nodes count by their longest diameter like every other lesion.

>>> targets(total=70, measured=70, baseline=100, nadir=100)
'PR'
>>> targets(total=71, measured=71, baseline=100, nadir=100)
'SD'
>>> targets(total=84, measured=84, baseline=100, nadir=70)
'PD'
>>> targets(total=None, measured=30, baseline=100, nadir=70)
'NE'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NON_CR_NON_PD = "NON-CR/NON-PD"  # RECIST 1.0 says "incomplete response/stable disease"


def targets(*, total: int | None, measured: int, baseline: int, nadir: int) -> str:
    """The response of target lesions from the sum of longest diameters; `total` is None where a lesion was not read.

    `measured` is the sum of those that were: once it alone is 20 % over the nadir, the disease has progressed.
    """
    if total is None:
        return "PD" if measured * 10 >= nadir * 12 and measured > nadir else "NE"
    if total == 0:
        return "CR"
    if total * 10 >= nadir * 12 and total > nadir:
        return "PD"
    return "PR" if total * 10 <= baseline * 7 else "SD"


def non_targets(states: Sequence[str | None]) -> str:
    """The response of non-target lesions from their states ABSENT, PRESENT, UNEQUIVOCAL, or None where not read.

    UNEQUIVOCAL is what codelist TRPROPRS has for unequivocal progression.
    """
    if "UNEQUIVOCAL" in states:
        return "PD"
    if None in states:
        return "NE"
    return "CR" if all(state == "ABSENT" for state in states) else NON_CR_NON_PD


def overall(target: str | None, non_target: str | None, *, new: bool) -> str:
    """The overall response (table 3 of the paper); None where there are no lesions of that kind.

    The table has no row for what was not evaluated: without progression such a visit is not evaluable.
    """
    if new or "PD" in (target, non_target):
        return "PD"
    if "NE" in (target, non_target):
        return "NE"
    if target is None:
        return non_target or "NE"
    if target == "CR":
        return "CR" if non_target in (None, "CR") else "PR"
    return target
