r"""The eligibility text of a record: split into single criteria, and joined again letter for letter.

A record holds all criteria in one text with headings and bullets. `split` cuts it at headings ("Inclusion Criteria:")
and at the bullets of the outermost level; deeper bullets stay with their criterion. Each criterion remembers the text
that stood before it, so that `join` gives back the very same text. `compose` writes criteria that came from elsewhere
(SDTM TI) in the registry's usual layout.

>>> found = split("Inclusion Criteria:\n\n* Adult\n\nExclusion Criteria:\n\n* Pregnant\n")
>>> [(one.category, one.text) for one in found]
[('INCLUSION', 'Adult'), ('EXCLUSION', 'Pregnant')]
>>> join(found)
'Inclusion Criteria:\n\n* Adult\n\nExclusion Criteria:\n\n* Pregnant\n'
>>> compose([("INCLUSION", "Adult")])
'Inclusion Criteria:\n\n* Adult'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Category = Literal["INCLUSION", "EXCLUSION", ""]
HEADINGS: dict[Category, str] = {"INCLUSION": "Inclusion Criteria:", "EXCLUSION": "Exclusion Criteria:"}

_HEADING = re.compile(
    r"[ \t]*[*_#]*[ \t]*(?:\d+[.)][ \t]*)?(?:[A-Za-z/-]+[ \t]+){0,4}?(?P<kind>inclusion|exclusion)"
    r"(?:[ \t]+(?:criteria|criterion))?(?:[ \t]*\([^()\n]*\))?(?:[ \t]+for\b[^:\n.]{0,80})?[ \t]*(?P<colon>:?)[*_ \t]*",
    re.IGNORECASE,
)
_BULLET = re.compile(
    r"(?P<indent>[ \t]*)(?P<mark>[*•‣◦·●▪–-]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})\\?[.)])(?P<gap>[ \t]+)(?=\S)"
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion: INCLUSION, EXCLUSION or empty where no heading stood above it.

    `text` is verbatim, with line breaks and deeper bullets; `before` is what stood between the criterion before and
    this one (headings, blank lines, the bullet); `after`, on the last alone, what stood behind it.
    """

    category: Category
    text: str
    before: str = ""
    after: str = ""

    @property
    def line(self) -> str:
        """The text on one line, for a table cell."""
        return " ".join(self.text.split())


def split(text: str) -> tuple[Criterion, ...]:
    """The criteria of an eligibility text. `join(split(text)) == text` whenever any criterion was found.

    Below a heading without bullets every line is a criterion. With bullets, a line that is none continues the
    criterion above it when it is indented or follows at once; after a blank line it is a criterion of its own.
    """
    found: list[Criterion] = []
    category: Category = ""
    pending = ""  # what stands before the next criterion
    level: int | None = None  # indent of the outermost bullets below the present heading
    for line in text.splitlines(keepends=True):
        bullet = _BULLET.match(line)
        if named := heading(line):
            category, level = named, None
            pending += line
        elif not line.strip():
            pending += line
        elif found and level is not None and not _is_outer(bullet, level) and _continues(line, pending, level):
            pending = _continued(found, pending, line)
        else:
            level = _indent(line) if bullet and level is None else level
            start = bullet.end() if bullet else len(line) - len(line.lstrip())
            found.append(_criterion(category, line[start:], pending + line[:start]))
            pending = found[-1].after
    if found:
        found = [replace(one, after="") for one in found]
        found[-1] = replace(found[-1], after=pending)
    return tuple(found)


def _indent(line: str) -> int:
    """Columns of white space before a line's text."""
    text = line.expandtabs()
    return len(text) - len(text.lstrip())


def _is_outer(bullet: re.Match[str] | None, level: int) -> bool:
    """Whether a line has a bullet no deeper than the outermost ones."""
    return bullet is not None and len(bullet["indent"].expandtabs()) <= level


def _continues(line: str, pending: str, level: int) -> bool:
    """Whether a line belongs to the criterion above: indented deeper, or following it without a blank line."""
    return _indent(line) > level or not pending.replace("\r\n", "\n").partition("\n")[2]


def heading(line: str) -> Category:
    """INCLUSION or EXCLUSION if a line is such a heading ("Key Inclusion Criteria:", "EXCLUSION"), else empty.

    >>> heading("Key Inclusion Criteria:"), heading("* Exclusion of pregnancy"), heading("No exclusion criteria apply")
    ('INCLUSION', '', '')
    """
    match = _HEADING.fullmatch(line.strip("\r\n"))
    if not match or not (match["colon"] or "criteri" in line.casefold() or line.strip().isupper()):
        return ""
    if line.strip().casefold().startswith(("no ", "not ")):
        return ""
    return "INCLUSION" if match["kind"].casefold() == "inclusion" else "EXCLUSION"


def _criterion(category: Category, rest: str, before: str) -> Criterion:
    """A criterion of one line; the line's end waits in `after`."""
    text = rest.rstrip()
    return Criterion(category, text, before, rest[len(text) :])


def _continued(found: list[Criterion], pending: str, line: str) -> str:
    """Add a line to the last criterion; gives the white space that ends it."""
    last = found[-1]
    text = line.rstrip()
    found[-1] = replace(last, text=last.text + pending + text)
    return line[len(text) :]


def join(criteria: Iterable[Criterion]) -> str:
    """The text the criteria were split from."""
    return "".join(one.before + one.text + one.after for one in criteria)


def compose(criteria: Iterable[tuple[Category, str]]) -> str:
    """An eligibility text in the registry's usual layout: two headings, a bullet a criterion, deeper lines indented.

    Criteria without a category stand first, without a heading.
    """
    given = list(criteria)
    parts = []
    for category in ("", "INCLUSION", "EXCLUSION"):
        lines = ["* " + text for of, text in given if of == category]
        if lines:
            title = [HEADINGS[category], ""] if category else []
            parts.append("\n".join([*title, *lines]))
    return "\n\n".join(parts)
