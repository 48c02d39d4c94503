"""The oncology report as one HTML file: pictures inside it, tables beside them, nothing fetched from anywhere.

No script, no link to another file or host; a content security policy says so to the browser. It prints on A4.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from trialbridge.report.figures_style import Picture

_FOLDED_FROM = 2
"""Of pictures in pages (`lesions-01`, `lesions-02`, …) all from this one on are folded away."""
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #222;
  background: #fff; margin: 0 auto; max-width: 1080px; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: .8rem; border-top: 1px solid #ddd; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p.lead { color: #5a5a5a; margin: 0 0 1.2rem; }
nav ul { columns: 2; padding-left: 1.1rem; margin: .4rem 0 0; }
nav a { color: #0072b2; text-decoration: none; } nav a:hover, nav a:focus { text-decoration: underline; }
figure { margin: 0 0 1rem; } figure img { width: 100%; height: auto; display: block; }
figcaption { color: #5a5a5a; font-size: .86rem; max-width: 60rem; margin-top: .4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; margin: .3rem 0 1rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { text-align: left; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
th { font-weight: 600; border-bottom-color: #999; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
details { margin: .4rem 0 1rem; } summary { cursor: pointer; color: #0072b2; }
.note { background: #f6f6f6; border-left: 4px solid #e69f00; padding: .5rem .9rem; margin: .8rem 0; }
footer { margin-top: 3rem; color: #5a5a5a; font-size: .84rem; border-top: 1px solid #ddd; padding-top: .8rem; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; }
  figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
@media (max-width: 640px) { nav ul { columns: 1; } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Block:
    """A table of the page: heading, column names, rows of text and numbers, and a line under it.

    Those `folded` stand after the pictures, closed until they are wanted.
    """

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    folded: bool = False


def page(
    title: str,
    lead: str,
    pictures: Sequence[Picture],
    images: Mapping[str, Path],
    blocks: Sequence[Block],
    *,
    missing: Sequence[str] = (),
    foot: str = "",
) -> str:
    """The page. `images`: picture name -> its SVG or PNG file, taken into the page; `missing`: what is not in it and why."""
    return "".join(_page(title, lead, pictures, images, blocks, missing, foot))


def _page(
    title: str,
    lead: str,
    pictures: Sequence[Picture],
    images: Mapping[str, Path],
    blocks: Sequence[Block],
    missing: Sequence[str],
    foot: str,
) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
    yield f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n'
    yield from _contents(pictures, blocks)
    if missing:
        listed = "".join(f"<li>{escape(one)}</li>" for one in missing)
        yield f'<div class="note"><strong>Not in this report</strong><ul>{listed}</ul></div>\n'
    for number, block in enumerate(blocks):
        if not block.folded:
            yield from _block(block, number)
    for one in pictures:
        yield from _picture(one, images[one.name])
    for number, block in enumerate(blocks):
        if block.folded:
            yield from _block(block, number)
    yield f"</main>\n<footer>{escape(foot)}</footer>\n</body>\n</html>\n"


def _number_of(one: Picture) -> int:
    """1 for a picture that stands alone, else its number among its pages."""
    last = one.name.rpartition("-")[2]
    return int(last) if last.isdigit() else 1


def _heading(one: Picture) -> str:
    """The kind of picture, from its name: the title stands in the picture itself."""
    return escape(one.name.rstrip("0123456789-").replace("-", " ").capitalize())


def _contents(pictures: Sequence[Picture], blocks: Sequence[Block]) -> Iterator[str]:
    entries = [(f"table-{number}", one.heading) for number, one in enumerate(blocks) if not one.folded]
    entries += [(one.name, f"{_heading(one)}: {one.title}") for one in pictures if _number_of(one) < _FOLDED_FROM]
    entries += [(f"table-{number}", one.heading) for number, one in enumerate(blocks) if one.folded]
    listed = "".join(f'<li><a href="#{escape(place)}">{escape(words)}</a></li>' for place, words in entries)
    yield f'<nav aria-label="Contents"><ul>{listed}</ul></nav>\n'


def _picture(one: Picture, file: Path) -> Iterator[str]:
    kind = "image/svg+xml" if file.suffix == ".svg" else "image/png"
    data = base64.b64encode(file.read_bytes()).decode("ascii")
    first = one.caption.split(". ")[0].rstrip(".")
    figure = (
        f'<figure><img src="data:{kind};base64,{data}" alt="{escape(one.title)}. {escape(first)}.">'
        f"<figcaption>{escape(one.caption)}</figcaption></figure>\n"
    )
    number = _number_of(one)
    if number >= _FOLDED_FROM:
        yield f'<details id="{escape(one.name)}"><summary>{_heading(one)}, page {number}</summary>{figure}</details>\n'
    else:
        yield f'<section><h2 id="{escape(one.name)}">{_heading(one)}</h2>\n{figure}</section>\n'


def _block(block: Block, number: int) -> Iterator[str]:
    yield f'<section><h2 id="table-{number}">{escape(block.heading)}</h2>\n'
    closed = block.folded and bool(block.rows)
    if closed:
        yield f"<details><summary>{len(block.rows)} rows</summary>\n"
    if block.rows:
        numeric = [all(_is_number(row[place]) for row in block.rows) for place in range(len(block.columns))]
        names = "".join(
            f'<th scope="col"{_class(right=right)}>{escape(name)}</th>'
            for name, right in zip(block.columns, numeric, strict=True)
        )
        yield f'<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>\n'
        for row in block.rows:
            cells = (
                f"<td{_class(right=right)}>{escape(_shown(one))}</td>" for one, right in zip(row, numeric, strict=True)
            )
            yield f"<tr>{''.join(cells)}</tr>\n"
        yield "</tbody></table></div>\n"
    if block.note:
        yield f"<p>{escape(block.note)}</p>\n"
    yield "</details></section>\n" if closed else "</section>\n"


def _class(*, right: bool) -> str:
    return ' class="number"' if right else ""


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}"
    return str(value)
