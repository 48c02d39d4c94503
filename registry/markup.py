r"""Markup of long texts: API v2 gives markdown, in which signs are escaped; PRS and the public XML have plain text.

>>> plain(r"Spinal pain \>= 4")
'Spinal pain >= 4'
>>> relaid("Inclusion Criteria:\n\n          -  Adult, able\n             to walk\n")
'Inclusion Criteria:\n\n* Adult, able to walk'
"""

from __future__ import annotations

import re
from textwrap import dedent

_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>~|&^])")
_BULLET = re.compile(r"^( *)-  ?(?=\S)")
_STARTS = re.compile(r" *(?:[*•-]|\(?\w{1,3}[.)]) ")


def plain(text: str) -> str:
    """A markdown text without its escapes; bullets stay as they are."""
    return _ESCAPED.sub(r"\1", text)


def relaid(text: str) -> str:
    """The public XML's wrapped and indented text block as running text: lines joined, bullets as `* `.

    The outermost bullets stand at the margin, deeper ones keep their depth relative to them.
    """
    first, _, rest = text.expandtabs().strip().partition("\n")  # the first line's indent is gone or means nothing
    lines: list[str] = []
    for line in [first, *dedent(rest).split("\n")]:
        here = _BULLET.sub(r"\1* ", line.rstrip())
        continues = lines and lines[-1] and here.strip() and not _STARTS.match(here)
        if continues and not lines[-1].endswith(":"):
            lines[-1] += " " + here.strip()
        elif here or (lines and lines[-1]):
            lines.append(here)
    return "\n".join(_levelled(lines)).strip("\n ")


def _levelled(lines: list[str]) -> list[str]:
    """Lines with bullets at two columns a level and no blank line between bullets of one level."""
    depths = sorted({_depth(line) for line in lines if _STARTS.match(line)})
    margin = min((_depth(line) for line in lines if line), default=0)
    found: list[str] = []
    for number, line in enumerate(lines):
        if not line and found and _STARTS.match(found[-1]) and number + 1 < len(lines):
            following = lines[number + 1]
            if _STARTS.match(following) and depths.index(_depth(following)) * 2 <= _depth(found[-1]):
                continue
        if _STARTS.match(line):
            found.append("  " * depths.index(_depth(line)) + line.lstrip())
        else:
            found.append(line[min(margin, _depth(line)) :])
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
