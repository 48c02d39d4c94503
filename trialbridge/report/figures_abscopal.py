"""The abscopal view: what the lesions that were not irradiated did, against what the irradiated one did."""

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
    colour,
    marker,
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
        _points(axes, pairs)
        _frame(axes, pairs)
        under_title(axes, f"{words}, n = {len(pairs)} with measurable lesions in both groups")
        _legend(axes, pairs)
    caption = (
        "Best change from baseline of the sum of the irradiated target lesions (across) and of the target lesions that "
        "were not irradiated (up), up to progression of each group. Colour and shape: best response of the lesions "
        "not irradiated; ringed: with a new lesion. Left: the irradiated lesion fell by 30 % or more; bottom: the others "
        f"did; shaded: the others did. Subjects whose irradiated lesion was not a measured target cannot be drawn "
        f"({len({one.usubjid for one in others}) - len(pairs)} of {len({one.usubjid for one in others})})."
    )
    return Picture(name, title, caption, figure)


def _points(axes: Axes, pairs: Sequence[Pair]) -> None:
    size = 46 if len(pairs) <= _MOST_NAMED else 20
    for response in counted(one.best for one, _, _ in pairs):
        mine = [(min(x, MOST_CHANGE), min(y, MOST_CHANGE)) for one, x, y in pairs if one.best == response]
        axes.scatter(
            *zip(*mine, strict=True),
            s=size,
            color=colour(response),
            marker=marker(response),
            edgecolor=INK,
            linewidth=0.5,
            zorder=3,
        )
    new = [(min(x, MOST_CHANGE), min(y, MOST_CHANGE)) for one, x, y in pairs if one.new_lesions]
    if new:
        axes.scatter(*zip(*new, strict=True), s=size * 3, facecolor="none", edgecolor=BLACK, linewidth=0.9, zorder=2)
    names = short_names([one.usubjid for one, _, _ in pairs])
    for one, x, y in pairs:
        if len(pairs) <= _MOST_NAMED and (y <= -PR_FALL or y >= PD_RISE or x >= PD_RISE):
            axes.annotate(
                names[one.usubjid],
                (min(x, MOST_CHANGE), min(y, MOST_CHANGE)),
                xytext=(7, 3),
                textcoords="offset points",
                fontsize=6.5,
                color=MUTED,
            )


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
    place = {"ha": "left", "fontsize": 7.5, "color": MUTED, "style": "italic"}
    axes.text(left + 1.5, low + 1.5, "both fell: abscopal pattern", va="bottom", **place)
    axes.text(left + 1.5, high - 1.5, "irradiated lesions fell, the others grew", va="top", **place)


def _legend(axes: Axes, pairs: Sequence[Pair]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy, only where pictures are drawn

    def key(shape: str, label: str, **look: object) -> Line2D:
        return Line2D([], [], linestyle="", marker=shape, markeredgecolor=INK, markeredgewidth=0.5, label=label, **look)

    keys = [
        key(marker(one), f"{one}, {WORDS[one]}", markerfacecolor=colour(one), markersize=6.5)
        for one in counted(course.best for course, _, _ in pairs)
    ]
    if any(one.new_lesions for one, _, _ in pairs):
        keys.append(key("o", "new lesion", markerfacecolor="none", markersize=10))
    keys += [
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (1.5, 2)), label=f"+{PD_RISE} %"),
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), label=f"-{PR_FALL} %"),
    ]
    axes.legend(
        handles=keys, title="Best response of the\nlesions not irradiated", loc="upper left", bbox_to_anchor=(1.01, 1.0)
    )
