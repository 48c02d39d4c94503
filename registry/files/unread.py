"""Elements of a registry's XML that no line reads: named, so that nothing of a file goes unseen.

PRS XML has a writer: what is written of the record again is held against what was read. The public XML is never
written: its elements are held against the lines that read it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry.files.xmllines import Each, EachText, Leaf, Nest, Special
from trialbridge.registry.files.xmltree import local_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lxml import etree

    from trialbridge.registry.files.xmllines import Line

# Parts of a name read into one text; yes and no that stand for a list; counts and sums the record makes itself.
_OTHERWISE = frozenset(
    "first_name middle_name last_name degrees no_masking number_of_arms number_of_groups org_name"
    " is_results_ref study_document_type study_document_other_type".split()
)
_OTHERWISE_BEGINS = ("masked_", "masking_", "ipd_info_type_")


def not_written_again(given: etree._Element, again: etree._Element) -> list[Finding]:
    """A warning for each path of elements with text that the record, written as the same XML again, has fewer of."""
    there = Counter(_texts(again))
    return [
        _finding(path, count - there[path]) for path, count in Counter(_texts(given)).items() if count > there[path]
    ]


def _texts(element: etree._Element, path: str = "") -> Iterator[str]:
    for one in element:
        name = local_name(one)
        here = f"{path}/{name}" if path else name
        if name in _OTHERWISE or name.startswith(_OTHERWISE_BEGINS):
            continue
        if len(one):
            yield from _texts(one, here)
        elif (one.text or "").strip():
            yield here


def not_in_lines(given: etree._Element, lines: Iterable[Line], also: frozenset[str]) -> list[Finding]:
    """A warning for each path of elements that no line reads; `also` names elements at the top that others read."""
    found = Counter(_unread(given, tuple(lines), also, ""))
    return [_finding(path, count) for path, count in found.items()]


def _unread(element: etree._Element, lines: tuple[Line, ...], also: frozenset[str], path: str) -> Iterator[str]:
    whole = {tag for one in lines for tag in _whole(one)} | also
    seen: set[str] = set()
    for one in element:
        name = local_name(one)
        here = f"{path}/{name}" if path else name
        inner = tuple(
            each for line in lines if isinstance(line, Nest | Each) and line.tag == name for each in line.lines
        )
        once = any(isinstance(line, Leaf | Nest) and line.tag == name for line in lines)
        if (once and name in seen) or (name not in whole and not inner):
            yield here
        elif name not in whole:
            yield from _unread(one, inner, frozenset(), here)
        seen.add(name)


def _whole(line: Line) -> tuple[str, ...]:
    if isinstance(line, Special):
        return line.tags
    return (line.tag,) if isinstance(line, Leaf | EachText) else ()


def _finding(path: str, count: int) -> Finding:
    message = f"{count} not read: the record has no field for it."
    return Finding("TB-REG-ELEMENT-UNKNOWN", Severity.WARNING, Where(path=path), message, "keep the file")
