"""Spider: the change of the sum of each subject over time; above sixty subjects one panel a best response."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trialbridge.oncology.recist_criteria import PD_RISE, PR_FALL
from trialbridge.report.figures_data import counted
from trialbridge.report.figures_style import (
    BLACK,
    INK,
    LIGHT,
    MOST_CHANGE,
    MUTED,
    WORDS,
    Picture,
    beside,
    colour,
    marker,
    percent,
    sheet,
    short_names,
    styled,
    under_title,
    weeks_axis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from trialbridge.report.figures_data import Course

_MOST_TOGETHER = 60
_MOST_NAMED = 12
_APART = 4.0
Line = list[tuple[float, float, bool]]
"""Weeks, change in percent, whether a new lesion was first certain there."""


def spider(name: str, title: str, courses: Sequence[Course], since: str, words: str) -> Picture:
    """Lines of the change in percent over the weeks since `since` (words), coloured by best response."""
    drawn = [(one, line) for one in courses if len(line := line_of(one)) > 1]
    responses = list(counted(one.best for one, _ in drawn))
    apart = len(drawn) > _MOST_TOGETHER and len(responses) > 1
    with styled():
        rows = (len(responses) + 1) // 2 if apart else 1
        figure = sheet(9.5, 1.0 + (3.0 * rows if apart else 4.4), f"{title}: {words}" if apart else title)
        if apart:
            axes = list(figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False).flat)
            for one in axes[len(responses) :]:
                one.set_axis_off()
            for one, response in zip(axes, responses, strict=False):
                _one_response(one, drawn, response)
        else:
            axes = [figure.subplots()]
            _together(axes[0], drawn)
        for one in axes[: len(responses)] if apart else axes:
            _frame(one, since)
        if not apart:
            under_title(axes[0], f"{words}, n = {len(drawn)} of {len(courses)} with evaluable sums")
        _legend(axes[0] if not apart else axes[1], responses, [line for _, line in drawn], apart=apart)
    caption = (
        f"Change of the sum of diameters of the target lesions from baseline over the weeks since the {since}, one line "
        "a subject, coloured by best overall response; visits at which not all target lesions could be measured are "
        f"passed over. Lines: {percent(-PR_FALL)} and {percent(PD_RISE)} from baseline (PD is judged from the nadir). "
        "◆: first visit with a certain new lesion."
    )
    missing = len(courses) - len(drawn)
    if missing:
        caption += f" Not drawn: {missing} without an evaluable sum after baseline or without whole dates."
    return Picture(name, title, caption, figure)


def line_of(course: Course) -> Line:
    """The line of one subject: baseline at 0 %, then its evaluable visits."""
    if course.baseline_days is None:
        return []
    line: Line = [(course.baseline_days / 7, 0.0, False)]
    new = False
    for one in course.points:
        if one.days is not None and one.change is not None:
            line.append((one.days / 7, one.change, one.new and not new))
            new = new or one.new
    return line


def _together(axes: Axes, drawn: Sequence[tuple[Course, Line]]) -> None:
    names = short_names([one.usubjid for one, _ in drawn])
    for course, line in drawn:
        _draw(axes, course.best, line, thin=False)
    if len(drawn) <= _MOST_NAMED:
        ends = sorted((min(line[-1][1], MOST_CHANGE), line[-1][0], names[one.usubjid]) for one, line in drawn)
        below = -math.inf
        for change, week, words in ends:  # from the lowest, each name clear of the one below it
            below = max(change, below + _APART)
            axes.text(week, below, f"  {words}", va="center", fontsize=7)


def _one_response(axes: Axes, drawn: Sequence[tuple[Course, Line]], response: str) -> None:
    """One best response in its colour before all others in grey."""
    mine = [line for course, line in drawn if course.best == response]
    for course, line in drawn:
        if course.best != response:
            weeks, changes = _coordinates(line)
            axes.plot(weeks, changes, color=LIGHT, linewidth=0.4, zorder=1)
    for line in mine:
        _draw(axes, response, line, thin=True)
    under_title(axes, f"{response}, {WORDS[response]}, n = {len(mine)}")


def _draw(axes: Axes, response: str, line: Line, *, thin: bool) -> None:
    weeks, changes = _coordinates(line)
    shade = INK if response == "NE" else colour(response)
    axes.plot(
        weeks,
        changes,
        color=shade,
        linewidth=0.7 if thin else 1.2,
        alpha=0.75 if thin else 0.95,
        marker=marker(response),
        markersize=2 if thin else 3.5,
        markerfacecolor=colour(response),
        markeredgewidth=0.4,
        linestyle=(0, (2, 1.5)) if response == "NE" else "-",
        zorder=2 if response == "SD" else 3,
    )
    new = [(week, change) for (week, _, first), change in zip(line, changes, strict=True) if first]
    if new:
        x, y = zip(*new, strict=True)
        axes.scatter(x, y, marker="D", s=8 if thin else 26, color=BLACK, linewidth=0, zorder=5)


def _coordinates(line: Line) -> tuple[list[float], list[float]]:
    return [one[0] for one in line], [min(one[1], MOST_CHANGE) for one in line]


def _frame(axes: Axes, since: str) -> None:
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    axes.axvline(0, color=INK, linewidth=0.5, zorder=1)
    axes.axhline(-PR_FALL, color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
    axes.axhline(PD_RISE, color=MUTED, linewidth=0.9, linestyle=(0, (1.5, 2)), zorder=1)
    axes.set_xlabel(f"Weeks since {since}")
    axes.set_ylabel("Change of the sum of\ndiameters from baseline (%)")
    weeks_axis(axes, *axes.get_xlim())
    low, high = axes.get_ylim()
    axes.set_ylim(max(min(low, -45), -106), max(high, 35))


def _legend(axes: Axes, responses: Sequence[str], lines: Sequence[Line], *, apart: bool) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy, only where pictures are drawn

    keys = [
        Line2D(
            [],
            [],
            color=INK if one == "NE" else colour(one),
            marker=marker(one),
            markerfacecolor=colour(one),
            markersize=5,
            linestyle=(0, (2, 1.5)) if one == "NE" else "-",
            label=f"{one}, {WORDS[one]}",
        )
        for one in responses
        if not apart
    ]
    keys += [
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (1.5, 2)), label=percent(PD_RISE)),
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), label=percent(-PR_FALL)),
    ]
    if any(first for line in lines for _, _, first in line):
        keys.append(Line2D([], [], color=BLACK, marker="D", markersize=4.5, linestyle="", label="new lesion"))
    if apart:
        keys.append(Line2D([], [], color=LIGHT, label="all others"))
    if any(change > MOST_CHANGE for line in lines for _, change, _ in line):
        keys.append(Line2D([], [], linestyle="", label=f"drawn at most at +{MOST_CHANGE} %"))
    beside(axes, keys, None if apart else "Best overall response")
