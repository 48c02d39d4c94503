"""Kaplan-Meier curves with confidence bands, censoring marks, median, and the numbers at risk under the time axis.

The estimate is `trialbridge.oncology.survival_kaplan_meier`'s; nothing is estimated here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trialbridge.report.figures_style import BLUE, GREEN, INK, MUTED, VERMILLION, Picture, sheet, styled, under_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from trialbridge.oncology.survival_kaplan_meier import KaplanMeier

DAYS_A_MONTH = 30.4375
"""365.25 / 12."""
_COLOURS = (BLUE, VERMILLION, GREEN)
_LINES: tuple[str, ...] = ("-", "--", "-.")


def survival(
    name: str, title: str, curves: Mapping[str, KaplanMeier], since: str, words: str, rate_day: float | None = None
) -> Picture:
    """Up to three curves (words -> estimate) over the months since `since`; `rate_day` marks one time, in days."""
    with styled():
        figure = sheet(8.2, 5.4 + 0.22 * len(curves), title)
        axes, table = figure.subplots(2, 1, sharex=True, height_ratios=[6, 0.35 + 0.4 * len(curves)])
        longest = max((curve.times[-1] for curve in curves.values() if curve.times), default=30) / DAYS_A_MONTH
        step = next(one for one in (1, 2, 3, 6, 12, 24, 60) if longest / one <= 12)
        ticks = list(range(0, math.ceil(longest) + 1, step))
        for (label, curve), shade, line in zip(curves.items(), _COLOURS, _LINES, strict=False):
            _curve(axes, curve, label, shade, line)
        _frame(axes, curves, longest, rate_day)
        _at_risk(table, curves, ticks)
        table.set_xticks(ticks)
        table.set_xlabel(f"Months since {since}")
        under_title(axes, words)
        if len(curves) > 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    level = next(iter(curves.values())).level if curves else 0.95
    caption = (
        f"Kaplan-Meier estimate with {level:.0%} confidence band (log-log); ticks: censored; below: subjects still at "
        f"risk just before each time. A month is {DAYS_A_MONTH} days. "
        + " ".join(_sentence(label, curve, rate_day) for label, curve in curves.items())
    )
    return Picture(name, title, caption, figure)


def steps(curve: KaplanMeier) -> tuple[list[float], list[float], list[float], list[float]]:
    """Months, survival, lower and upper limit (NaN where there is none), beginning with 1 at month 0."""
    months = [0.0, *(one / DAYS_A_MONTH for one in curve.times)]
    low = [1.0, *(math.nan if one is None else one for one in curve.low)]
    high = [1.0, *(math.nan if one is None else one for one in curve.high)]
    return months, [1.0, *curve.survival], low, high


def _curve(axes: Axes, curve: KaplanMeier, label: str, shade: str, line: str) -> None:
    months, alive, low, high = steps(curve)
    axes.fill_between(months, low, high, step="post", color=shade, alpha=0.16, linewidth=0)
    axes.step(months, alive, where="post", color=shade, linewidth=1.6, linestyle=line, label=label)
    left = [
        (time / DAYS_A_MONTH, value)
        for time, value, count in zip(curve.times, curve.survival, curve.censored, strict=True)
        if count
    ]
    if left:
        x, y = zip(*left, strict=True)
        axes.scatter(x, y, marker="|", s=40, color=shade, linewidth=1.0, zorder=3)


def _frame(axes: Axes, curves: Mapping[str, KaplanMeier], longest: float, rate_day: float | None) -> None:
    axes.set_ylim(0, 1.03)
    axes.set_xlim(0, max(longest * 1.03, 1))
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "20", "40", "60", "80", "100"])
    axes.set_ylabel("Progression-free survival (%)")
    axes.tick_params(labelbottom=False)
    for curve, shade in zip(curves.values(), _COLOURS, strict=False):
        if curve.median is not None:
            place = curve.median / DAYS_A_MONTH
            axes.plot([0, place, place], [0.5, 0.5, 0], color=shade, linewidth=0.8, linestyle=(0, (4, 3)))
    lines = [_median(curve) if len(curves) == 1 else f"{label}: {_median(curve)}" for label, curve in curves.items()]
    if rate_day is not None:
        axes.axvline(rate_day / DAYS_A_MONTH, color=MUTED, linewidth=0.8, linestyle=(0, (1.5, 2)))
        lines += [
            one for label, curve in curves.items() if (one := _rate(label if len(curves) > 1 else "", curve, rate_day))
        ]
    axes.text(
        0.985,
        0.97,
        "\n".join(lines),
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8.5,
        color=INK,
        linespacing=1.5,
    )


def _median(curve: KaplanMeier) -> str:
    def months(value: float | None) -> str:
        return "not reached" if value is None else f"{value / DAYS_A_MONTH:.1f}"

    unit = "" if curve.median is None else " months"
    limits = f"{curve.level:.0%} CI {months(curve.median_low)} to {months(curve.median_high)}"
    return f"Median {months(curve.median)}{unit} ({limits})"


def _rate(label: str, curve: KaplanMeier, day: float) -> str:
    found = curve.at(day)
    if found.survival is None:
        return ""
    limits = (
        ""
        if found.low is None or found.high is None
        else f" ({curve.level:.0%} CI {found.low:.0%} to {found.high:.0%})"
    )
    return f"{label + ': ' if label else ''}{found.survival:.0%} at day {day:g}{limits}"


def _at_risk(table: Axes, curves: Mapping[str, KaplanMeier], ticks: Sequence[int]) -> None:
    """The numbers at risk as a table that shares the time axis."""
    for side in ("top", "right", "left"):
        table.spines[side].set_visible(False)
    table.set_ylim(len(curves) - 0.4, -1.1)
    table.set_yticks([])
    table.text(0, 1.0, "At risk", transform=table.transAxes, fontsize=8, fontweight="bold", va="top", ha="left")
    for place, ((label, curve), shade) in enumerate(zip(curves.items(), _COLOURS, strict=False)):
        if len(curves) > 1:
            table.text(1.01, place, label, transform=table.get_yaxis_transform(), fontsize=8, color=shade, va="center")
        counts = curve.risk_table([one * DAYS_A_MONTH for one in ticks])
        for tick, count in zip(ticks, counts, strict=True):
            table.text(tick, place, str(count), ha="center", va="center", fontsize=8.5, color=shade, clip_on=False)


def _sentence(label: str, curve: KaplanMeier, rate_day: float | None) -> str:
    rate = _rate("", curve, rate_day) if rate_day is not None else ""
    said = f"{label}: {curve.n_events} events in {curve.n} subjects; {_median(curve).lower().replace(' ci ', ' CI ')}"
    return f"{said}{'; ' + rate if rate else ''}."
