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
    lines: list[str] = []
    for line in dedent(text.expandtabs()).strip("\n").split("\n"):
        here = _BULLET.sub(r"\1* ", line.rstrip())
        continues = lines and lines[-1] and here.strip() and not _STARTS.match(here)
        if continues and not lines[-1].endswith(":"):
            lines[-1] += " " + here.strip()
        elif here or (lines and lines[-1]):
            lines.append(here)
    indents = [len(line) - len(line.lstrip()) for line in lines if line]
    bullets = [len(line) - len(line.lstrip()) for line in lines if _STARTS.match(line)]
    margin = min(bullets, default=min(indents, default=0))
    return "\n".join(line[min(margin, len(line) - len(line.lstrip())) :] for line in lines).strip("\n ")
