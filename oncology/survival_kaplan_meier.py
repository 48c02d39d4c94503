"""The Kaplan-Meier estimate with log-log confidence limits, median, and numbers at risk.

Estimate and limits are SciPy's (`scipy.stats.ecdf`, right-censored data, exponential Greenwood limits); median and its
interval read off them: Kaplan and Meier, J Am Stat Assoc 1958;53:457-481; Brookmeyer and Crowley, Biometrics
1982;38:29-41. SciPy is loaded when a curve is asked for.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HALF = 0.5
_SLACK = 1e-9  # 0.5 as a product of fractions may come out a little above 0.5


@dataclass(frozen=True, slots=True)
class Estimate:
    """Survival at one time as a fraction of 1, with its limits; None where the data say nothing."""

    time: float
    survival: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """The curve: one entry a distinct time (days), in order. Survival and limits as fractions of 1.

    `at_risk` just before the time, `events` and `censored` at it. Limits are None where the formula has none (survival
    0). `median` is the first time at which survival is at most 0.5, None when it never is; likewise its limits.
    """

    times: tuple[float, ...]
    survival: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]
    n: int
    n_events: int
    level: float
    median: float | None
    median_low: float | None
    median_high: float | None

    def at(self, time: float) -> Estimate:
        """Survival at a time; None after the last time observed, unless survival had come to 0."""
        index = bisect_right(self.times, time) - 1
        if not self.times or (time > self.times[-1] and self.survival[-1] > 0):
            return Estimate(time, None, None, None)
        if index < 0:
            return Estimate(time, 1.0, 1.0, 1.0)
        return Estimate(time, self.survival[index], self.low[index], self.high[index])

    def risk_table(self, times: Sequence[float]) -> tuple[int, ...]:
        """How many are still at risk at each of the times: neither had an event nor were censored before it."""
        return tuple(self._at_risk(time) for time in times)

    def _at_risk(self, time: float) -> int:
        index = bisect_left(self.times, time)
        return self.at_risk[index] if index < len(self.times) else 0


def kaplan_meier(times: Sequence[float], events: Sequence[bool], level: float = 0.95) -> KaplanMeier:
    """The curve of these times, `events` telling which ended in an event and which were censored.

    Raises ValueError when the two differ in length, a time is negative or no number, or `level` is not within 0 and 1.
    """
    if len(times) != len(events):
        raise ValueError(f"{len(times)} times and {len(events)} events.")
    if not 0 < level < 1:
        raise ValueError(f"A confidence level lies between 0 and 1, not at {level}.")
    if any(not math.isfinite(time) or time < 0 for time in times):
        raise ValueError("A time is negative or no number.")
    distinct = tuple(sorted({float(time) for time in times}))
    pairs = [(float(time), bool(event)) for time, event in zip(times, events, strict=True)]
    at_risk = tuple(sum(time >= one for time, _ in pairs) for one in distinct)
    happened = tuple(sum(time == one and event for time, event in pairs) for one in distinct)
    left = tuple(sum(time == one and not event for time, event in pairs) for one in distinct)
    survival, low, high = _estimates(pairs, level)
    return KaplanMeier(
        distinct,
        survival,
        low,
        high,
        at_risk,
        happened,
        left,
        len(pairs),
        sum(happened),
        level,
        _crossing(distinct, survival),
        _crossing(distinct, low),
        _crossing(distinct, high),
    )


_Limits = tuple[float | None, ...]


def _estimates(pairs: Sequence[tuple[float, bool]], level: float) -> tuple[tuple[float, ...], _Limits, _Limits]:
    """Survival and its limits at each distinct time."""
    distinct = len({time for time, _ in pairs})
    if not any(event for _, event in pairs):
        ones = (1.0,) * distinct
        return ones, ones, ones
    from scipy import stats  # noqa: PLC0415 - heavy, only where a curve is drawn

    data = stats.CensoredData(
        uncensored=[time for time, event in pairs if event], right=[time for time, event in pairs if not event]
    )
    function = stats.ecdf(data).sf
    with warnings.catch_warnings():
        # SciPy warns where survival is 0 or 1, for which the formula has no limits; these are replaced below.
        warnings.simplefilter("ignore", RuntimeWarning)
        limits = function.confidence_interval(confidence_level=level, method="log-log")
    survival = tuple(float(one) for one in function.probabilities)
    low = tuple(_limit(one, value) for one, value in zip(limits.low.probabilities, survival, strict=True))
    high = tuple(_limit(one, value) for one, value in zip(limits.high.probabilities, survival, strict=True))
    return survival, low, high


def _limit(limit: float, survival: float) -> float | None:
    """Before the first event survival is 1 without doubt; at 0 there are no limits."""
    if survival == 1:
        return 1.0
    return None if survival == 0 or math.isnan(limit) else float(limit)


def _crossing(times: Sequence[float], values: Sequence[float | None]) -> float | None:
    """The first time at which the value is at most 0.5."""
    pairs = zip(times, values, strict=True)
    return next((time for time, value in pairs if value is not None and value <= _HALF + _SLACK), None)
