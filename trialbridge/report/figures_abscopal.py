"""The abscopal view: what the lesions that were not irradiated did, against what the irradiated one did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    marker,
    percent,
    sheet,
    short_names,
    styled,
    under_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from trialbridge.report.figures_data import Course

_MOST_NAMED = 60
Pair = tuple["Course", float, float]
"""The non-irradiated course, the irradiated lesion's best change and its own, in percent."""


def pairs_of(irradiated: Sequence[Course], others: Sequence[Course]) -> list[Pair]:
    """Subjects with an evaluable sum in both groups."""
    hit = {one.usubjid: one.best_change for one in irradiated}
    return [
        (one, change, one.best_change)
        for one in others
        if one.best_change is not None and (change := hit.get(one.usubjid)) is not None
    ]


def abscopal(name: str, title: str, irradiated: Sequence[Course], others: Sequence[Course], words: str) -> Picture:
    """A point a subject: best change of the irradiated lesion (across) and of the others (up), in percent."""
    pairs = pairs_of(irradiated, others)
    with styled():
        figure = sheet(8.4, 6.2, title)
        axes = figure.subplots()
        _frame(axes, pairs)
        _points(axes, pairs)
        under_title(axes, f"{words}, n = {len(pairs)} with measurable lesions in both groups")
        _legend(axes, pairs)
    subjects = len(others)
    caption = (
        "Best change from baseline of the sum of the irradiated target lesions (across) and of the target lesions that "
        "were not irradiated (up), each up to progression of its own group. Colour and shape: best response of the "
        f"lesions not irradiated; ringed: with a new lesion. Shaded: the lesions not irradiated fell by {PR_FALL} % or more. "
        f"Drawn are {len(pairs)} of {subjects} subjects; of the others the irradiated lesion was not a measured target, or "
        "a sum was not evaluable."
    )
    return Picture(name, title, caption, figure)


def _points(axes: Axes, pairs: Sequence[Pair]) -> None:
    size = 46 if len(pairs) <= _MOST_NAMED else 20
    for response in counted(one.best for one, _, _ in pairs):
        mine = [(min(x, MOST_CHANGE), min(y, MOST_CHANGE)) for one, x, y in pairs if one.best == response]
        x, y = zip(*mine, strict=True)
        axes.scatter(
            x,
            y,
            s=size,
            color=colour(response),
            marker=marker(response),
            edgecolor=INK,
            linewidth=0.5,
            zorder=3,
        )
    new = [(min(x, MOST_CHANGE), min(y, MOST_CHANGE)) for one, x, y in pairs if one.new_lesions]
    if new:
        x, y = zip(*new, strict=True)
        axes.scatter(x, y, s=size * 3, facecolor="none", edgecolor=BLACK, linewidth=0.9, zorder=2)
    if len(pairs) <= _MOST_NAMED:
        _names(axes, pairs)


def _names(axes: Axes, pairs: Sequence[Pair]) -> None:
    """Names of the subjects that stand out, each where it hides neither a point nor another name."""
    width, height = 34.0, 9.0  # of a name, in points; the axes are about 410 by 380 points
    names = short_names([one.usubjid for one, _, _ in pairs])
    across, up = (high - low for low, high in (axes.get_xlim(), axes.get_ylim()))
    places = [(min(x, MOST_CHANGE) / across * 410, min(y, MOST_CHANGE) / up * 380) for _, x, y in pairs]
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in places]
    for (one, x, y), (left, low) in zip(pairs, places, strict=True):
        if -PR_FALL < y < PD_RISE and x < PD_RISE:
            continue
        for dx, dy in ((7, 2), (-7 - width, 2), (7, -10), (-7 - width, -10), (-width / 2, 8), (-width / 2, -17)):
            box = (left + dx, low + dy, left + dx + width, low + dy + height)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                taken.append(box)
                point = (min(x, MOST_CHANGE), min(y, MOST_CHANGE))
                axes.annotate(
                    names[one.usubjid], point, xytext=(dx, dy), textcoords="offset points", fontsize=6.5, color=MUTED
                )
                break


def _frame(axes: Axes, pairs: Sequence[Pair]) -> None:
    across = [min(x, MOST_CHANGE) for _, x, _ in pairs]
    up = [min(y, MOST_CHANGE) for _, _, y in pairs]
    left, right = min([-60.0, *across]) - 8, max([40.0, *across]) + 8
    low, high = min([-60.0, *up]) - 8, max([40.0, *up]) + 8
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    axes.axhspan(low, -PR_FALL, color=colour("PR"), alpha=0.08, linewidth=0, zorder=0)
    for line in (axes.axhline, axes.axvline):
        line(0, color=INK, linewidth=0.8, zorder=1)
        line(-PR_FALL, color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
        line(PD_RISE, color=MUTED, linewidth=0.9, linestyle=(0, (1.5, 2)), zorder=1)
    axes.set_xlabel("Irradiated lesions: best change from baseline (%)")
    axes.set_ylabel("Lesions not irradiated: best change from baseline (%)")
    place: dict[str, Any] = {"ha": "left", "fontsize": 7.5, "color": MUTED, "style": "italic"}
    axes.text(left + 1.5, low + 1.5, "both fell: abscopal pattern", va="bottom", **place)
    axes.text(left + 1.5, high - 1.5, "irradiated lesions fell, the others grew", va="top", **place)


def _legend(axes: Axes, pairs: Sequence[Pair]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy, only where pictures are drawn

    def key(shape: str, label: str, fill: str, size: float) -> Line2D:
        look: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.5}
        return Line2D([], [], linestyle="", marker=shape, markerfacecolor=fill, markersize=size, label=label, **look)

    keys = [
        key(marker(one), f"{one}, {WORDS[one]}", colour(one), 6.5)
        for one in counted(course.best for course, _, _ in pairs)
    ]
    if any(one.new_lesions for one, _, _ in pairs):
        keys.append(key("o", "new lesion", "none", 10))
    keys += [
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (1.5, 2)), label=percent(PD_RISE)),
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), label=percent(-PR_FALL)),
    ]
    beside(axes, keys, "Best response of the\nlesions not irradiated")
