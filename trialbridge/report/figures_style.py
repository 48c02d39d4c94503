"""How all pictures look and how they are written: colours, type, sizes, PNG and SVG with the same bytes every time.

Colours are those of Okabe and Ito (Color Universal Design, 2008), told apart with every common colour vision; what
matters is never said by colour alone. Type is DejaVu Sans, which comes with matplotlib, so that every machine draws
the same. matplotlib is loaded when a picture is drawn, and without pyplot, which keeps figures in global state.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, LIGHT, INK, MUTED = "#B8B8B8", "#E4E4E4", "#222222", "#5A5A5A"

RESPONSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "CR": (GREEN, "*"),
        "PR": (BLUE, "^"),
        "SD": (GREY, "o"),
        "NON-CR/NON-PD": (SKY, "h"),
        "PD": (VERMILLION, "D"),
        "NED": (PURPLE, "P"),
        "NE": ("#FFFFFF", "s"),
    }
)
"""Colour and marker of each response; those of iRECIST by `plain`."""
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "CR": "complete response",
        "PR": "partial response",
        "SD": "stable disease",
        "NON-CR/NON-PD": "neither CR nor PD",
        "PD": "progressive disease",
        "NED": "no evidence of disease",
        "NE": "not evaluable",
    }
)
GRADES = (LIGHT, YELLOW, ORANGE, VERMILLION, BLACK)
"""CTCAE grades 1 to 5, ever darker, so that they keep their order in grey."""
DOTS_PER_INCH = 300
MOST_CHANGE = 150
"""Percent beyond which a change is drawn cut, with its number."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "trialbridge",
    "path.simplify": False,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture: file name without suffix, title, and a caption that says how to read it and what is left out."""

    name: str
    title: str
    caption: str
    figure: Figure


def plain(response: str) -> str:
    """The RECIST word of a response of any version: iPR -> PR, iUPD and iCPD -> PD, IR/SD -> NON-CR/NON-PD."""
    if response in ("iUPD", "iCPD"):
        return "PD"
    if response in ("NON-iCR/NON-iUPD", "IR/SD"):
        return "NON-CR/NON-PD"
    return response.removeprefix("i")


def colour(response: str) -> str:
    """The colour of a response; of an unknown word that of NE."""
    return RESPONSES.get(plain(response), RESPONSES["NE"])[0]


def marker(response: str) -> str:
    """The marker of a response."""
    return RESPONSES.get(plain(response), RESPONSES["NE"])[1]


@contextmanager
def styled() -> Iterator[None]:
    """Give matplotlib the house's style, whatever the user's own settings are, and these back afterwards."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy, only where pictures are drawn

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", _STYLE))  # its stubs want literal names
        yield


def sheet(width: float, height: float, title: str, *, fixed: bool = False) -> Figure:
    """An empty figure of that size in inches, its title at the top left; `fixed`: the caller places the axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy, only where pictures are drawn

    figure = Figure(figsize=(width, height), layout=None if fixed else "constrained")
    place = {"y": 1 - 0.1 / height} if fixed else {}
    figure.suptitle(title, x=0.01, ha="left", va="top", **place, fontsize=11, fontweight="bold")
    return figure


def under_title(axes: Axes, text: str) -> None:
    """The line under a title: who, how many, from when."""
    axes.set_title(text, color=MUTED, fontsize=8.5)


def beside(axes: Axes, keys: Sequence[Artist], title: str | None = None) -> None:
    """The legend, to the right of the data."""
    axes.legend(handles=list(keys), title=title, alignment="left", loc="upper left", bbox_to_anchor=(1.01, 1.0))


def weeks_axis(axes: Axes, first: float, last: float) -> None:
    """Ticks at whole weeks: every 2nd, 4th, 6th, 8th, … so that there are at most fourteen."""
    step = next(one for one in (2, 4, 6, 8, 13, 26, 52, 104, 520) if (last - first) / one <= 14)
    axes.set_xticks([one for one in range(-520, 5200, step) if first <= one <= last])


def percent(value: float) -> str:
    """A change in words, with its sign: `+20 %`, `−30 %`."""
    return f"{value:+.0f} %".replace("-", "−")


def thinned(axis: Literal["x", "y"], axes: Axes, labels: Sequence[str], most: int, size: float) -> None:
    """Tick labels at 0, 1, 2, …: all of them up to `most`, then every 5th, 10th, 20th, … so that they stay readable."""
    step = next(one for one in (1, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if len(labels) / one <= most)
    places = range(0, len(labels), step)
    shown = [labels[place] for place in places]
    if axis == "x":
        axes.set_xticks(places, shown, rotation=90, fontsize=size)
    else:
        axes.set_yticks(places, shown, fontsize=size)


def short_names(subjects: Sequence[str]) -> dict[str, str]:
    """USUBJID -> the part after what all have in common, cut at a `-`: NCT03406468-03-0001 -> 03-0001."""
    parts = [one.split("-") for one in subjects]
    common = 0
    while len(parts) > 1 and all(len(one) > common + 1 and one[common] == parts[0][common] for one in parts):
        common += 1
    return {one: "-".join(part[common:]) for one, part in zip(subjects, parts, strict=True)}


def save(picture: Picture, folder: Path, *, dpi: int = DOTS_PER_INCH) -> list[Path]:
    """`name.png` and `name.svg` in a folder; the same picture gives the same bytes: no dates, no versions, fixed ids."""
    png, svg = folder / f"{picture.name}.png", folder / f"{picture.name}.svg"
    about = {"Title": picture.title, "Description": picture.caption}
    with styled():
        picture.figure.savefig(svg, format="svg", metadata={**about, "Date": None, "Creator": None})
        picture.figure.savefig(png, format="png", dpi=dpi, metadata={**about, "Software": None})
    return [png, svg]
