"""Adverse events: in how many subjects each organ class and each term occurred, by the worst grade.

The worst grade of a subject and term is `trialbridge.oncology.ctcae.worst_grades`'s.
"""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.oncology.ctcae import worst_grades
from trialbridge.oncology.recist_input import records
from trialbridge.report.figures_style import GRADES, INK, Picture, beside, sheet, styled, under_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from trialbridge.sdtm.table import Study

_WIDEST_LABEL = 40


@dataclass(frozen=True, slots=True)
class Bar:
    """One organ class or term: subjects by worst grade, 0 for those whose events have none."""

    words: str
    subjects: tuple[int, int, int, int, int, int]

    @property
    def total(self) -> int:
        """Subjects with it."""
        return sum(self.subjects)


def bars(study: Study, by: str) -> list[Bar]:
    """A bar a value of `by` (AESOC, AEDECOD, …), the most frequent first; then those with the most of grade 3 and more."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for _, term, grade, _, _ in worst_grades(study, by=by).iter_rows():
        found[term or "(none given)"][grade or 0] += 1
    made = [
        Bar(term, (grades[0], grades[1], grades[2], grades[3], grades[4], grades[5])) for term, grades in found.items()
    ]
    return sorted(made, key=lambda one: (-one.total, -sum(one.subjects[3:]), one.words))


def term_variables(study: Study) -> tuple[str, str]:
    """The variables of organ class and term that AE has filled: AESOC or AEBODSYS; AEDECOD or AETERM."""
    frame = study["AE"].frame
    filled = [one for one in frame.columns if frame[one].null_count() < frame.height]
    return (
        next((one for one in ("AESOC", "AEBODSYS") if one in filled), ""),
        next((one for one in ("AEDECOD", "AELLT") if one in filled), "AETERM"),
    )


def treated(study: Study) -> int:
    """How many subjects could have an event: those of DM with a reference start, else of DM, else of AE."""
    if "DM" not in study:
        return study["AE"].frame["USUBJID"].n_unique()
    people = list(records(study, "DM", ("USUBJID", "RFSTDTC")))
    ill = set(study["AE"].frame["USUBJID"].drop_nulls())
    started = {row["USUBJID"] for row in people if row["RFSTDTC"]}
    return len(started | ill) if started else len(people)


def events(
    name: str, title: str, classes: Sequence[Bar], terms: Sequence[Bar], subjects: int, *, most: int = 25
) -> Picture:
    """Stacked bars by organ class and by term (the `most` most frequent), as percent of `subjects`."""
    panels = [(words, its[:most], len(its)) for words, its in (("By organ class", classes), ("By term", terms)) if its]
    with styled():
        rows = sum(len(its) for _, its, _ in panels)
        figure = sheet(9.6, 1.5 + 0.235 * rows + 0.5 * len(panels), title)
        axes = figure.subplots(
            max(len(panels), 1),
            1,
            squeeze=False,
            sharex=True,
            height_ratios=[len(its) + 1 for _, its, _ in panels] or [1],
        )[:, 0]
        for one, (words, its, total) in zip(axes, panels, strict=False):
            _panel(one, its, subjects)
            shown = f"the {len(its)} most frequent of {total}" if len(its) < total else f"{total}"
            under_title(one, f"{words} ({shown}), {subjects} subjects")
        axes[-1].set_xlabel("Subjects (%), by worst grade")
        _legend(axes[0], [bar for _, its, _ in panels for bar in its])
    caption = (
        f"Percent of {subjects} subjects with at least one adverse event of the class or term, by the worst grade "
        "(CTCAE) a subject had of it; a subject counts once a bar. The number at the end is that of subjects, and in "
        "brackets of those with grade 3 and more."
    )
    return Picture(name, title, caption, figure)


def _panel(axes: Axes, its: Sequence[Bar], subjects: int) -> None:
    places = list(range(len(its)))
    left = [0.0] * len(its)
    for grade in (1, 2, 3, 4, 5, 0):
        width = [one.subjects[grade] * 100 / subjects for one in its]
        fill, hatch = (GRADES[grade - 1], None) if grade else ("white", "////")
        axes.barh(places, width, left=left, height=0.74, edgecolor=INK, linewidth=0.4, color=fill, hatch=hatch)
        left = [before + one for before, one in zip(left, width, strict=True)]
    for place, (one, end) in enumerate(zip(its, left, strict=True)):
        severe = sum(one.subjects[3:])
        text = f"{one.total} ({severe})" if severe else f"{one.total}"
        axes.annotate(text, (end, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set_yticks(places, [_cut(one.words) for one in its], fontsize=7, linespacing=0.95)
    axes.set_ylim(len(its) - 0.4, -0.6)
    axes.set_xlim(0, max(axes.get_xlim()[1], max(left, default=0) * 1.1))
    axes.tick_params(axis="y", length=0)


def _cut(words: str) -> str:
    """A label on at most two lines."""
    text = words.capitalize() if words.isupper() else words
    return textwrap.fill(textwrap.shorten(text, 2 * _WIDEST_LABEL - 8, placeholder=" …"), _WIDEST_LABEL)


def _legend(axes: Axes, drawn: Sequence[Bar]) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - heavy, only where pictures are drawn

    keys = [
        Patch(facecolor=fill, edgecolor=INK, linewidth=0.4, label=f"Grade {number}")
        for number, fill in enumerate(GRADES, 1)
    ]
    if any(one.subjects[0] for one in drawn):
        keys.append(Patch(facecolor="white", edgecolor=INK, linewidth=0.4, hatch="////", label="No grade"))
    beside(axes, keys, "Worst grade")
