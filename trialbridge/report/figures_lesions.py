"""Lesion map: a small panel a subject, lesions down and visits across, the circle as large as the lesion.

The readings are those the response engine used (`recist_readers`): sizes in mm, states of CDISC codelist TRPROPRS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.oncology.lesions import Kind, State, roots
from trialbridge.report.figures_style import (
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    Picture,
    sheet,
    short_names,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trialbridge.oncology.lesions import Reader, Reading

ACROSS, DOWN = 5, 4
"""Panels a page."""
_WIDTH, _HEIGHT = 2.35, 2.2
_LARGEST_MM = 80.0
_LARGEST_POINTS = 23.0
_SIGNS = {State.ABSENT: "–", State.MISSING: "?", State.EQUIVOCAL: "(?)", State.MERGED: "m"}
_KINDS = {Kind.TARGET: 0, Kind.NON_TARGET: 1, Kind.NEW: 2}


@dataclass(frozen=True, slots=True)
class Cell:
    """One lesion at one visit: the column, its size in mm where measured, its state."""

    column: int
    mm: float | None
    state: State


@dataclass(frozen=True, slots=True)
class Row:
    """One lesion of one subject."""

    lnkid: str
    kind: Kind
    irradiated: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One subject: visits in words and lesions, target lesions first."""

    usubjid: str
    visits: tuple[str, ...]
    rows: tuple[Row, ...]


def panels(readers: Sequence[Reader], irradiated: Mapping[str, frozenset[str]]) -> list[Panel]:
    """A panel a subject of these readers (one a subject). Visits are those at which anything was read."""
    return [_subject(one, irradiated.get(one.usubjid, frozenset())) for one in readers if one.lesions]


def _subject(reader: Reader, hit: frozenset[str]) -> Panel:
    points = (*reader.baseline, *reader.visits)
    rows = []
    for lnkid, lesion in reader.lesions.items():
        cells = tuple(
            Cell(column, _float(point.readings[lnkid]), point.readings[lnkid].state)
            for column, point in enumerate(points)
            if lnkid in point.readings
        )
        rows.append(Row(lnkid, lesion.kind, not hit.isdisjoint((lnkid, *roots(lnkid, reader.lesions.keys()))), cells))
    rows.sort(key=lambda one: (_KINDS[one.kind], one.lnkid))
    return Panel(reader.usubjid, tuple(_visit(one.visit, one.visitnum) for one in points), tuple(rows))


def _float(one: Reading) -> float | None:
    return None if one.mm is None else float(one.mm)


def _visit(name: str, number: float | None) -> str:
    """A visit in few letters: WEEK 6 -> W6, SCREENING -> Scr, without a name its number."""
    found = re.fullmatch(r"(WEEK|MONTH|CYCLE|DAY|VISIT)\s*(\d+)", name.strip().upper())
    if found:
        return f"{found[1][0]}{found[2]}"
    return name.strip().capitalize()[:3] if name else "" if number is None else f"{number:g}"


def lesion_maps(name: str, title: str, given: Sequence[Panel], words: str) -> Iterator[Picture]:
    """Pages of twenty subjects: `name-01`, `name-02`, …, drawn one by one."""
    a_page = ACROSS * DOWN
    pages = [given[first : first + a_page] for first in range(0, len(given), a_page)]
    names = short_names([one.usubjid for one in given])
    for number, its in enumerate(pages, 1):
        which = f"{words}, subjects {(number - 1) * a_page + 1} to {(number - 1) * a_page + len(its)} of {len(given)}"
        yield _page(f"{name}-{number:02}", title, its, names, which)


def _page(name: str, title: str, its: Sequence[Panel], names: Mapping[str, str], which: str) -> Picture:
    rows = -(-len(its) // ACROSS)
    width, height = ACROSS * _WIDTH, rows * _HEIGHT + 1.0
    with styled():
        figure = sheet(width, height, f"{title}: {which}", fixed=True)
        # fixed places: the panels are alike, and fitting twenty of them takes seconds
        low, high = 0.6 / height, 1 - 0.6 / height
        figure.subplots_adjust(left=0.045, right=0.995, bottom=low, top=high, wspace=0.32, hspace=0.3)
        axes = list(figure.subplots(rows, ACROSS, squeeze=False).flat)
        for one in axes[len(its) :]:
            one.set_axis_off()
        for one, panel in zip(axes, its, strict=False):
            _panel(one, panel, names[panel.usubjid])
        _legend(figure)
    caption = (
        f"{which}. Lesions (rows) at each visit (columns); the area of a circle is proportional to the square of "
        f"the diameter, which stands in it in mm (drawn at most as {_LARGEST_MM:.0f} mm). Orange and RT: irradiated on study. Diamonds: lesions that are not "
        "measured, present; purple: new lesions; dash: gone; (?): equivocal; ?: not evaluable; m: merged."
    )
    return Picture(name, title, caption, figure)


def _panel(axes: Axes, panel: Panel, label: str) -> None:
    axes.set_title(label, fontsize=8, fontweight="bold", pad=4)
    _cells(axes, panel.rows, tight=len(panel.visits) > 7)
    lesions = short_names([one.lnkid for one in panel.rows])
    axes.set_yticks(
        range(len(panel.rows)),
        [f"{lesions[one.lnkid]}{' RT' if one.irradiated else ''}" for one in panel.rows],
        fontsize=5.8,
    )
    for tick, row in zip(axes.get_yticklabels(), panel.rows, strict=True):
        tick.set_fontweight("bold" if row.irradiated else "normal")
        tick.set_color(INK if row.kind is Kind.TARGET else MUTED)
    axes.set_xticks(range(len(panel.visits)), list(panel.visits), fontsize=5.8)
    axes.set_xlim(-0.6, max(len(panel.visits), 5) - 0.4)
    axes.set_ylim(max(len(panel.rows), 4) - 0.4, -0.6)
    axes.tick_params(length=0, pad=2)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#CCCCCC")


def _cells(axes: Axes, rows: Sequence[Row], *, tight: bool) -> None:
    """All lesions at all visits: circles at once, then diamonds, then numbers and signs."""
    circles: list[tuple[int, int, float, str]] = []
    diamonds: list[tuple[int, int, str]] = []
    scale = _LARGEST_POINTS / _LARGEST_MM * (0.75 if tight else 1)
    for place, row in enumerate(rows):
        fill = ORANGE if row.irradiated else PURPLE if row.kind is Kind.NEW else SKY
        for cell in row.cells:
            text = _SIGNS.get(cell.state, "")
            if cell.mm:
                circles.append((cell.column, place, (min(cell.mm, _LARGEST_MM) * scale) ** 2, fill))
                text = f"{round(cell.mm, 1):g}"
            elif not text:
                diamonds.append((cell.column, place, fill))
            if text:
                axes.text(cell.column, place, text, ha="center", va="center", fontsize=5 if tight else 5.8)
    if circles:
        x, y, areas, fills = zip(*circles, strict=True)
        axes.scatter(x, y, s=areas, color=fills, alpha=0.75, linewidth=0)
    if diamonds:
        x, y, fills = zip(*diamonds, strict=True)
        axes.scatter(x, y, s=16, marker="D", color=fills, linewidth=0)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy, only where pictures are drawn

    def key(shape: str, fill: str, label: str, size: float = 7) -> Line2D:
        return Line2D([], [], linestyle="", marker=shape, color=fill, markersize=size, markeredgewidth=0, label=label)

    keys = [
        key("o", SKY, "not irradiated (mm)"),
        key("o", ORANGE, "irradiated, RT (mm)"),
        key("o", PURPLE, "new"),
        key("D", MUTED, "present, not measured", 4.5),
        key("$–$", INK, "gone", 5),
        key("$?$", INK, "not evaluable", 5),
    ]
    figure.legend(handles=keys, loc="lower left", bbox_to_anchor=(0.005, 0.0), ncols=6, fontsize=7.5)
