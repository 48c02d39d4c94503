"""Where clauses as people write them: `LBTESTCD EQ "ALT" and LBCAT IN ("CHEMISTRY", "URINALYSIS")`.

>>> parse('RSTESTCD EQ OVRLRESP and RSCAT IN ("RECIST 1.1", "RECIST 1.0")')
(('RSTESTCD', 'EQ', ('OVRLRESP',)), ('RSCAT', 'IN', ('RECIST 1.1', 'RECIST 1.0')))
>>> shown((("RSCAT", "IN", ("RECIST 1.1", "RECIST 1.0")),))
'RSCAT IN ("RECIST 1.1", "RECIST 1.0")'
>>> parse("RSTESTCD is OVRLRESP") is None
True
"""

from __future__ import annotations

import re

Condition = tuple[str, str, tuple[str, ...]]
"""Variable (`LBTESTCD`, or `LB.LBTESTCD`), comparator, values."""

_COMPARATORS = "EQ|NE|IN|NOTIN|LT|LE|GT|GE"
_HEAD = re.compile(rf"\s*((?:[A-Za-z][\w-]*\.)?[A-Za-z]\w*)\s+({_COMPARATORS})\s+", re.IGNORECASE)
_NEXT = re.compile(rf"\s+and\s+(?=(?:[A-Za-z][\w-]*\.)?[A-Za-z]\w*\s+(?:{_COMPARATORS})\s)", re.IGNORECASE)
_ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"|\'([^\']*)\'|([^,()"\']+))\s*(,|$)')


def parse(text: str) -> tuple[Condition, ...] | None:
    """The conditions joined by `and`; None where the text is no such clause."""
    found = []
    for part in _NEXT.split(text.strip()):
        head = _HEAD.match(part)
        if head is None:
            return None
        values = _values(part[head.end() :].strip())
        if values is None:
            return None
        found.append((head[1], head[2].upper(), values))
    return tuple(found)


def _values(text: str) -> tuple[str, ...] | None:
    if not (text.startswith("(") and text.endswith(")")):
        return (_unquoted(text),) if text else None
    inner, found, at = text[1:-1], [], 0
    while at < len(inner):
        item = _ITEM.match(inner, at)
        if item is None:
            return None
        quoted, single, plain = item[1], item[2], item[3]
        found.append(
            quoted.replace('""', '"') if quoted is not None else single if single is not None else plain.strip()
        )
        at = item.end()
    return tuple(found) or None


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1].replace('""', '"')
    return text


def shown(conditions: tuple[Condition, ...]) -> str:
    """The text of conditions, values in quotes: what `parse` reads back."""
    parts = []
    for variable, comparator, values in conditions:
        quoted = ['"' + value.replace('"', '""') + '"' for value in values]
        listed = quoted[0] if len(quoted) == 1 and comparator not in ("IN", "NOTIN") else f"({', '.join(quoted)})"
        parts.append(f"{variable} {comparator} {listed}")
    return " and ".join(parts)
