"""Waterfall: the best change of the sum of each subject, worst first; for all lesions or a panel a lesion group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.oncology.recist_criteria import PD_RISE, PR_FALL
from trialbridge.report.figures_data import counted
from trialbridge.report.figures_style import (
    BLACK,
    INK,
    MOST_CHANGE,
    MUTED,
    WORDS,
    Picture,
    beside,
    colour,
    percent,
    sheet,
    short_names,
    styled,
    thinned,
    under_title,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from trialbridge.report.figures_data import Course

_MOST_LABELS = 60
_FLAT = 0.7
_MANY = 100


def waterfall(name: str, title: str, panels: Mapping[str, Sequence[Course]], *, confirmed: bool = False) -> Picture:
    """Bars of the best change in percent, a panel (words -> courses) a lesion group; colour is the best response.

    `confirmed`: the criteria or the protocol ask that responses be confirmed, which the caption says.
    """
    with styled():
        figure = sheet(9.0, 1.0 + 3.6 * len(panels), title)
        axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        left_out = [
            f"{len(its) - drawn} without ({words})"
            for (words, its), one in zip(panels.items(), axes, strict=True)
            if (drawn := _panel(one, words, its)) < len(its)
        ]
        _legend(axes[0], [one for its in panels.values() for one in its if one.best_change is not None])
    caption = (
        "Lowest change of the sum of diameters of the target lesions from baseline, up to progression and that visit "
        f"included; one bar a subject, coloured by best overall response. Lines: {percent(-PR_FALL)} (from baseline) and "
        f"{percent(PD_RISE)} (PD is judged from the nadir, not from baseline). ◆: new lesion up to progression."
        + (
            " Complete and partial response must be confirmed by these criteria: until then they are SD."
            if confirmed
            else ""
        )
    )
    if left_out:
        caption += f" Not drawn: subjects without an evaluable sum after baseline, {', '.join(left_out)}."
    return Picture(name, title, caption, figure)


def _panel(axes: Axes, words: str, given: Sequence[Course]) -> int:
    """One lesion group; how many subjects were drawn."""
    drawn = [(one, one.best_change) for one in given if one.best_change is not None]
    drawn.sort(key=lambda one: (-one[1], one[0].usubjid))
    places = list(range(len(drawn)))
    heights = [min(change, MOST_CHANGE) for _, change in drawn]
    fill = [colour(one.best) for one, _ in drawn]
    edge = [INK if one.best == "NE" else colour(one.best) for one, _ in drawn]
    many = len(drawn) > _MANY  # then gaps between bars would only shimmer
    thin = [0.0 if many and one.best != "NE" else 0.3 if many else 0.6 for one, _ in drawn]
    axes.bar(places, heights, width=1.0 if many else 0.8, color=fill, edgecolor=edge, linewidth=thin)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axhline(-PR_FALL, color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)))
    axes.axhline(PD_RISE, color=MUTED, linewidth=0.9, linestyle=(0, (1.5, 2)))
    axes.set_ylabel("Best change of the sum\nof diameters from baseline (%)")
    axes.set_xlim(-1, max(len(drawn), 1))
    top, bottom = max([30.0, *heights]), min([-40.0, *heights])
    axes.set_ylim(bottom - 6, top + 14)
    axes.set_yticks([one for one in range(-100, MOST_CHANGE + 1, 20 if top <= 100 else 50) if bottom - 6 <= one <= top])
    _marks(axes, drawn, heights)
    names = short_names([one.usubjid for one in given])
    thinned("x", axes, [names[one.usubjid] for one, _ in drawn], _MOST_LABELS, 6.5)
    axes.set_xlabel("Subject")
    count = (
        f"n = {len(drawn)}" if len(drawn) == len(given) else f"n = {len(drawn)} of {len(given)} with an evaluable sum"
    )
    under_title(axes, f"{words}, {count}")
    return len(drawn)


def _marks(axes: Axes, drawn: Sequence[tuple[Course, float]], heights: Sequence[float]) -> None:
    """New lesions above the bars, and the numbers of bars that are cut."""
    size = 14 if len(drawn) <= _MANY else 4
    for place, (one, change) in enumerate(drawn):
        if abs(change) < _FLAT:  # a bar too low to be seen
            axes.plot([place - 0.4, place + 0.4], [0, 0], color=colour(one.best), linewidth=2.2, zorder=3)
    new = [
        (place, max(height, 0) + 4)
        for place, ((one, _), height) in enumerate(zip(drawn, heights, strict=True))
        if one.new_lesions
    ]
    if new:
        x, y = zip(*new, strict=True)
        axes.scatter(x, y, marker="D", s=size, color=BLACK, linewidth=0, label="new lesion", zorder=3)
    for place, (_, change) in enumerate(drawn):
        if change > MOST_CHANGE:
            axes.annotate(
                f"{change:+.0f}",
                (place, MOST_CHANGE),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=6,
            )


def _legend(axes: Axes, drawn: Sequence[Course]) -> None:
    """Beside the first panel: the responses there are, the lines, and the mark of new lesions."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy, only where pictures are drawn
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    keys: list[Patch | Line2D] = [
        Patch(facecolor=colour(one), edgecolor=INK if one == "NE" else colour(one), label=f"{one}, {WORDS[one]}")
        for one in counted(course.best for course in drawn)
    ]
    keys += [
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (1.5, 2)), label=percent(PD_RISE)),
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), label=percent(-PR_FALL)),
    ]
    if any(one.new_lesions for one in drawn):
        keys.append(Line2D([], [], color=BLACK, marker="D", markersize=4, linestyle="", label="new lesion"))
    beside(axes, keys, "Best overall response")
