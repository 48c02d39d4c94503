"""Small pieces of HTML: escaped text, tables, lists. Everything from a record goes through `escaped`."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from trialbridge.registry.markup import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BULLET = re.compile(r"( *)[*-] +(.*)")


def escaped(text: str) -> str:
    """A record's text, without markdown's escapes, safe within HTML."""
    return escape(plain(text))


def prose(text: str) -> str:
    """A long text as paragraphs and lists."""
    parts: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line for line in block.split("\n") if line.strip()]
        if lines and all(_BULLET.match(line) for line in lines):
            bullets = (_BULLET.match(line) for line in lines)
            parts.append(listed([match[2] for match in bullets if match]))
        elif lines:
            parts.append("<p>" + "<br>".join(escaped(line) for line in lines) + "</p>")
    return "\n".join(parts)


def listed(texts: Iterable[str]) -> str:
    """A list of texts."""
    return "<ul>" + "".join(f"<li>{escaped(one)}</li>" for one in texts) + "</ul>"


def section(title: str, body: str) -> str:
    """A section with its heading; nothing if it is empty."""
    return f"<section><h2>{escape(title)}</h2>\n{body}\n</section>" if body else ""


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values; rows without a value are left out."""
    shown = [f"<tr><th scope=row>{escape(name)}</th><td>{escaped(value)}</td></tr>" for name, value in rows if value]
    return f"<table class=facts>{''.join(shown)}</table>" if shown else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", notes: Iterable[str] = ()) -> str:
    """A table whose first column names the row; a row of one cell is a heading across all columns.

    A column without any text is left out.
    """
    head, rows = _without_empty(head, [list(row) for row in rows])
    body = []
    for row in rows:
        if len(row) == 1:
            body.append(f'<tr class=block><th colspan="{len(head)}" scope=colgroup>{escaped(row[0])}</th></tr>')
        else:
            cells = "".join(f"<td>{escaped(cell)}</td>" for cell in row[1:])
            body.append(f"<tr><th scope=row>{escaped(row[0])}</th>{cells}</tr>")
    titles = "".join(f"<th scope=col>{escaped(one)}</th>" for one in head)
    named = f"<caption>{escaped(caption)}</caption>" if caption else ""
    below = "".join(f"<p class=note>{escaped(one)}</p>" for one in notes if one)
    return f"<div class=wide><table class=data>{named}<thead><tr>{titles}</tr></thead><tbody>{''.join(body)}</tbody></table></div>{below}"


def _without_empty(head: Sequence[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    full = [row for row in rows if len(row) > 1]
    kept = [number for number in range(len(head)) if number == 0 or any(row[number] for row in full)]
    shown = [[row[number] for number in kept] if len(row) > 1 else row for row in rows]
    return [head[number] for number in kept], shown
