"""One declaration, both directions: lines that tie an XML element to a path of the record.

A tuple of lines, in the order of the schema, is written by `write` and read by `read`. `Leaf` is an element with text,
`Nest` an element around others, `Each` a repeated element for a list of objects, `EachText` one for a list of texts,
`Special` two functions for the few things that need them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry.content import at, items, put
from trialbridge.registry.files.spelling import TEXT, Spelling
from trialbridge.registry.files.xmltree import add, check, child_text
from trialbridge.registry.markup import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lxml import etree

Findings = list[Finding]


@dataclass(frozen=True, slots=True)
class Leaf:
    """An element with a value; `block` wraps it in <textblock>, `always` writes it even empty (`empty` is its text then)."""

    tag: str
    path: str
    spelling: Spelling = TEXT
    block: bool = False
    always: bool = False
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Nest:
    """An element around other lines; left out when nothing would stand in it, unless `always`."""

    tag: str
    lines: tuple[Line, ...]
    always: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    """A repeated element, one for each object of the list at a path; `choose` leaves some out."""

    tag: str
    path: str
    lines: tuple[Line, ...]
    choose: Callable[[Mapping[str, Any]], bool] | None = None


@dataclass(frozen=True, slots=True)
class EachText:
    """A repeated element, one for each text of the list at a path."""

    tag: str
    path: str
    spelling: Spelling = TEXT


@dataclass(frozen=True, slots=True)
class Special:
    """Two functions: `write(source, parent, findings)` and `read(element, target, findings)`; `tags` they touch."""

    write: Callable[[Mapping[str, Any], etree._Element, Findings], None]
    read: Callable[[etree._Element, dict[str, Any], Findings], None]
    tags: tuple[str, ...] = ()


Line = Leaf | Nest | Each | EachText | Special


def write(lines: tuple[Line, ...], source: Mapping[str, Any], parent: etree._Element, findings: Findings) -> None:
    """Add to `parent` what the lines find in `source`. Raises DoesNotFitError for text that XML cannot hold."""
    for line in lines:
        match line:
            case Leaf():
                _write_leaf(line, source, parent, findings)
            case Nest(tag, inner, always):
                element = add(parent, tag)
                write(inner, source, element, findings)
                if not len(element) and not always:
                    parent.remove(element)
            case Each(tag, path, inner, choose):
                for one in items(source, path):
                    if choose is None or choose(one):
                        said: Findings = []
                        write(inner, one, add(parent, tag), said)
                        findings += _below(path, said)
            case EachText(tag, path, spelling):
                members = at(source, path)
                for value in members if isinstance(members, list | tuple) else ():
                    add(parent, tag, _spelled(spelling, value, path, findings))
            case Special(writes, _):
                writes(source, parent, findings)


def _below(path: str, findings: Findings) -> Findings:
    """Findings of a list's member, with the list before their path."""
    return [replace(one, where=replace(one.where, path=f"{path}[].{one.where.path or ''}")) for one in findings]


def _write_leaf(line: Leaf, source: Mapping[str, Any], parent: etree._Element, findings: Findings) -> None:
    value = at(source, line.path)
    text = None if value in (None, "", [], ()) else _spelled(line.spelling, value, line.path, findings)
    if text is None and not line.always:
        return
    text = line.empty if text is None else text
    check(text, line.path)  # an error names the record's field, not `textblock`
    if line.block:  # such texts are markdown in the API
        add(add(parent, line.tag), "textblock", plain(text))
    else:
        add(parent, line.tag, text)


def _spelled(spelling: Spelling, value: Any, path: str, findings: Findings) -> str | None:
    """A value as text; what has no spelling is written as it stands if it is text, and reported."""
    text = spelling.write(value)
    if text is not None:
        return text
    kept = value if isinstance(value, str) else None
    done = "written as it stands" if kept else "not written"
    message = f"This is not {spelling.name} that the format can hold; {done}."
    findings.append(Finding("TB-REG-VALUE-UNKNOWN", Severity.WARNING, Where(path=path), message, "correct the record"))
    return kept


def read(lines: tuple[Line, ...], element: etree._Element, target: dict[str, Any], findings: Findings) -> None:
    """Put into `target` what the lines find below an element."""
    for line in lines:
        match line:
            case Leaf(tag, path, spelling, block, _, empty):
                text = child_text(element, tag + "/textblock" if block else tag)
                if text and text != empty:
                    _put(target, path, _value(spelling, text, path, findings))
            case Nest(tag, inner):
                found = element.find(tag)
                if found is not None:
                    read(inner, found, target, findings)
            case Each(tag, path, inner):
                members = []
                for one in element.findall(tag):
                    member: dict[str, Any] = {}
                    told: Findings = []
                    read(inner, one, member, told)
                    findings += _below(path, told)
                    members.append(member)
                _extend(target, path, [one for one in members if one])
            case EachText(tag, path, spelling):
                texts = [_stripped(one) for one in element.findall(tag)]
                _extend(target, path, [_value(spelling, one, path, findings) for one in texts if one])
            case Special(_, reads):
                reads(element, target, findings)


def _stripped(element: etree._Element) -> str:
    return (element.text or "").strip()


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    if value is not None:
        put(target, path, value)


def _extend(target: dict[str, Any], path: str, members: list[Any]) -> None:
    """Add to the list at a path (two kinds of elements may fill one list)."""
    if members:
        put(target, path, [*(at(target, path) or ()), *members])


def _value(spelling: Spelling, text: str, path: str, findings: Findings) -> Any:
    """A text as value; what has no reading is kept as text, and reported."""
    value = spelling.read(text)
    if value is not None:
        return value
    message = f"This is not {spelling.name} as the format knows it; kept as it stands."
    findings.append(Finding("TB-REG-VALUE-UNKNOWN", Severity.WARNING, Where(path=path), message, "correct the record"))
    return text
