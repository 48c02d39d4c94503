"""Swimmer plot: a lane a subject with radiotherapy, treatment, responses, toxicity of grade 3 and more, and death."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trialbridge.report.figures_data import counted
from trialbridge.report.figures_style import (
    BLACK,
    INK,
    LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    WORDS,
    Picture,
    beside,
    colour,
    marker,
    plain,
    sheet,
    short_names,
    styled,
    thinned,
    under_title,
    weeks_axis,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from trialbridge.report.figures_swimmer_data import Lane, Span

_ONE_COLUMN = 80
_A_COLUMN = 100
_MOST_COLUMNS = 5
_MOST_LABELS = 110


def swimmer(name: str, title: str, lanes: Sequence[Lane], since: str, treatment: str, words: str) -> Picture:
    """Lanes in the order given, the first on top; weeks since `since`. `treatment` names what EX holds.

    More than eighty subjects stand in columns of a hundred, read from the left; more than five hundred in five columns.
    """
    one = len(lanes) <= _ONE_COLUMN
    count = 1 if one else min(_MOST_COLUMNS, math.ceil(len(lanes) / _A_COLUMN))
    a_column = max(math.ceil(len(lanes) / count), 1)
    row = 0.21 if one else min(0.135, 18 / a_column)
    with styled():
        figure = sheet(10.0 if one else 2.3 + 4.1 * count, 1.6 + max(row * a_column, 1.8), title)
        axes = list(figure.subplots(1, count, sharex=True, squeeze=False)[0])
        names = short_names([lane.usubjid for lane in lanes])
        for number, place in enumerate(axes):
            its = lanes[number * a_column : (number + 1) * a_column]
            _bars(place, its)
            _marks(place, its, row / 0.21)
            thinned("y", place, [names[lane.usubjid] for lane in its], _MOST_LABELS, 7 if one else 5.5)
            place.set_ylim(max(len(its), a_column) - 0.4, -0.6)
            place.set_xlabel(f"Weeks since {since}")
            place.grid(axis="x", color=LIGHT, linewidth=0.6)
        weeks = max((lane.end for lane in lanes), default=7) / 7
        axes[0].set_xlim(min([0, *(lane.start / 7 for lane in lanes)]) - 0.4, weeks * 1.03)
        weeks_axis(axes[0], *axes[0].get_xlim())
        axes[0].set_ylabel("Subject")
        under_title(axes[0], f"{words}, n = {len(lanes)}")
        _legend(axes[-1], lanes, treatment)
    caption = (
        f"One lane a subject, from the {since} to the end of participation (arrow: no end recorded), longest first. "
        f"Thick band: radiotherapy; lower band: {treatment.lower()}; markers on the lane: overall response at each "
        "visit; triangles above: beginning of an adverse event of CTCAE grade 3 and more (black: grade 5); cross: "
        "death. Records without a whole date are not drawn."
    )
    return Picture(name, title, caption, figure)


def _bars(axes: Axes, lanes: Sequence[Lane]) -> None:
    places = range(len(lanes))
    axes.barh(
        places,
        [(one.end - one.start) / 7 for one in lanes],
        left=[one.start / 7 for one in lanes],
        height=0.62,
        color=LIGHT,
    )
    _band(axes, ((place, one.treatment) for place, one in enumerate(lanes)), 0.2, 0.22, SKY)
    _band(axes, ((place, one.radiotherapy) for place, one in enumerate(lanes)), 0.0, 0.62, ORANGE)


def _band(axes: Axes, spans: Iterable[tuple[int, tuple[Span, ...]]], down: float, height: float, fill: str) -> None:
    """Bars from the first to the end of the last day of each span."""
    flat = [(place + down, first / 7, (last - first + 1) / 7) for place, its in spans for first, last in its]
    if flat:
        places, left, width = zip(*flat, strict=True)
        axes.barh(places, width, left=left, height=height, color=fill, linewidth=0)


def _marks(axes: Axes, lanes: Sequence[Lane], scale: float) -> None:
    """Responses by word, events by grade, deaths and lanes still open: each kind at once."""
    edge = 0.5 if scale > 0.5 else 0.2
    for response in counted(plain(word) for one in lanes for _, word in one.responses):
        x, y = _places(
            (day, place - 0.05)
            for place, one in enumerate(lanes)
            for day, word in one.responses
            if plain(word) == response
        )
        size = (44 if response == "CR" else 18 if response == "SD" else 24) * scale**1.4
        axes.scatter(
            x, y, s=size, marker=marker(response), color=colour(response), edgecolor=INK, linewidth=edge, zorder=4
        )
    for worst in (False, True):
        x, y = _places(
            (day, place - 0.36) for place, one in enumerate(lanes) for day, grade in one.events if (grade == 5) is worst
        )
        axes.scatter(x, y, s=17 * scale**1.4, marker="v", color=BLACK if worst else PURPLE, linewidth=0, zorder=5)
    x, y = _places((one.death, place) for place, one in enumerate(lanes) if one.death is not None)
    axes.scatter(x, y, s=30 * scale**1.2, marker="X", color=BLACK, edgecolor="white", linewidth=edge, zorder=6)
    x, y = _places((one.end, place) for place, one in enumerate(lanes) if not one.ended)
    axes.scatter(x, y, s=30 * scale**1.4, marker=">", color=INK, linewidth=0, zorder=3)


def _places(points: Iterable[tuple[int, float]]) -> tuple[list[float], list[float]]:
    flat = list(points)
    return [day / 7 for day, _ in flat], [place for _, place in flat]


def _legend(axes: Axes, lanes: Sequence[Lane], treatment: str) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy, only where pictures are drawn
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    def mark(shape: str, fill: str, label: str, size: float = 6) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            marker=shape,
            markersize=size,
            color=fill,
            markeredgecolor=INK,
            markeredgewidth=0.4,
            label=label,
        )

    keys: list[Patch | Line2D] = [Patch(color=LIGHT, label="On study")]
    if any(one.radiotherapy for one in lanes):
        keys.append(Patch(color=ORANGE, label="Radiotherapy"))
    if any(one.treatment for one in lanes):
        keys.append(Patch(color=SKY, label=treatment))
    keys += [
        mark(marker(one), colour(one), f"{one}, {WORDS[one]}", 8 if one == "CR" else 5.5)
        for one in counted(plain(word) for lane in lanes for _, word in lane.responses)
    ]
    grades = {grade for one in lanes for _, grade in one.events}
    if grades & {3, 4}:
        keys.append(mark("v", PURPLE, "Adverse event, grade 3 or 4", 5.5))
    if 5 in grades:
        keys.append(mark("v", BLACK, "Adverse event, grade 5", 5.5))
    if any(one.death is not None for one in lanes):
        keys.append(mark("X", BLACK, "Death", 7))
    if any(not one.ended for one in lanes):
        keys.append(mark(">", INK, "No end recorded", 6))
    beside(axes, keys)
