"""Made lines held against the source's lines: by their bytes, then root element by root element; the rest decoded.

What comes of it is what `residue.residue_of` and the ledger say of the same resources in memory, at a fraction of the
cost: a line that is made byte for byte as it was read says nothing, and is counted by the texts of its elements.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from trialbridge.base.errors import UnreadableInputError
from trialbridge.converters.residue import account, account_resource, changes, leaves, missing_of, not_there
from trialbridge.fhir.jsontext import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.converters.ledger import Ledger

_ROOTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LINK = b'"reference"'
_REFERENCE = re.compile(rb'"reference":"([^"\\]*)"')
_HEXADECIMAL = bytes.maketrans(b"0123456789abcdef", b"0" * 16)
ALIKE = (
    "base binding case creation data dataPeriod date datePeriod finding fraction imageRegion2D imageRegion3D".split()
)
"""Names of elements that differ in nothing but digits and the letters a to f (R4 and R5)."""
_ALIKE = re.compile(rb'"_?(?:%s)" *:' % "|".join(ALIKE).encode())
_MADE_ALIKE = sorted({b'%s"' % one.encode().translate(_HEXADECIMAL) for one in ALIKE})
_Shape = tuple[str, str, bytes, tuple[bytes, ...]]
MOST = 1_000
"""Shapes of lines whose primitives are remembered from one shard to the next, at the most."""


@dataclass(slots=True)
class Line:
    """A resource of the source: what it is called, its line, and its place (file and line), by which its entries stand."""

    kind: str
    key: str
    text: bytes
    place: int
    skipped: bool = False


def roots(line: bytes) -> dict[str, bytes]:
    """The root elements of a resource as text. Raises UnreadableInputError."""
    try:
        return {name: bytes(raw) for name, raw in _ROOTS.decode(line).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        decode(line)  # says what is wrong
        raise UnreadableInputError("This is no JSON object.") from None


def same_links(made: bytes, source: bytes) -> bool:
    """Whether two lines have the same references: each root element that has one is the same text in both."""
    ours, theirs = roots(made), roots(source)
    return all(
        ours.get(name) == theirs.get(name)
        for name in {**ours, **theirs}
        if _LINK in ours.get(name, b"") or _LINK in theirs.get(name, b"")
    )


def renamed(made: bytes, key: str, renames: Mapping[bytes, bytes]) -> bytes:
    """A made line under the source's ids; `key` is the resource's own there."""
    text = (
        _REFERENCE.sub(lambda found: b'"reference":"%s"' % renames.get(found[1], found[1]), made) if renames else made
    )
    own = key.partition("/")[2]
    if not own:
        return text
    begin = text.index(b'"id":"') + 6  # we write the id second, right behind the type
    end = text.index(b'"', begin)
    return text[: begin - 1] + encode(own) + text[end + 1 :]


class Comparison:
    """A shard's made lines against its source's: entries of the residue, and the ledger."""

    def __init__(self, made: Mapping[str, bytes], renames: Mapping[str, str], ledger: Ledger, counted: Counted) -> None:
        self._made = made
        self._renames = renames
        self._taken = {source: name for name, source in renames.items()}
        others = {name: source for name, source in renames.items() if name != source}
        self._texts = {name.encode(): encode(source)[1:-1] for name, source in others.items()}
        self._ledger = ledger
        self._counted = counted
        self.lonely: list[str] = []
        """The made resources that are not in this source."""

    def absent(self, source: Iterable[str]) -> list[bytes]:
        """The entries of what is made and not in the source (its resources' names), in order."""
        there = set(source)
        taken = self._taken
        names = [one for one in self._made if one not in self._renames and (one not in there or one in taken)]
        self.lonely = [one for one in names if one not in there]
        return sorted(encode(not_there(one)) for one in names)

    def entries(self, source: Iterable[Line]) -> Iterator[tuple[int, bytes]]:
        """The entries of the source's resources, each with its place."""
        made, taken, texts = self._made, self._taken, self._texts
        for one in source:
            mine = taken.get(one.key, one.key)
            text = made.get(mine)
            if text is None:
                yield from self._whole(one)
                continue
            if mine != one.key:
                yield one.place, encode({"resource": one.key, "made": mine})
            if texts or mine != one.key:
                text = renamed(text, one.key, texts)
            if text == one.text:
                self._counted.whole(one.kind, one.text)
            else:
                yield from self._differing(one, text)

    def _whole(self, one: Line) -> Iterator[tuple[int, bytes]]:
        """A resource that is to be added."""
        resource = decode(one.text)
        entry = {"resource": one.key, "path": one.kind, "value": resource}
        yield one.place, encode(entry)
        missing = missing_of([entry])
        account_resource(self._ledger, one.kind, missing)
        account(self._ledger, one.kind, missing, missing, skipped=one.skipped)

    def _differing(self, one: Line, made: bytes) -> Iterator[tuple[int, bytes]]:
        """What to set and what to take away, root element by root element."""
        ours, theirs = roots(made), roots(one.text)
        for name, text in theirs.items():
            known = ours.get(name)
            if known == text:
                self._counted.element(one.kind, name, text)
                continue
            path, value = f"{one.kind}.{name}", decode(text)
            found: list[dict[str, Any]] = [{"path": path, "value": value}]
            if known is not None:
                found = list(changes(decode(known), value, path))
            yield from ((one.place, encode({"resource": one.key, **change})) for change in found)
            account(self._ledger, one.kind, Counter(leaves(value, path)), missing_of(found), skipped=one.skipped)
        for name in ours:
            if name not in theirs:
                yield one.place, encode({"resource": one.key, "path": f"{one.kind}.{name}", "absent": True})
        account_resource(self._ledger, one.kind, {})


class Counted:
    """How often lines and elements of each shape are read as a whole: counted first, spelled out at the end.

    Which primitives a line has does not hang on the digits in it, nor on the letters of its ids. So lines are told
    apart with these made alike; where that makes names of elements alike (`ALIKE`), by those names too.
    """

    def __init__(self) -> None:
        self._times: Counter[_Shape] = Counter()
        self._paths: dict[_Shape, Counter[str]] = {}
        self._odd: set[_Shape] = set()

    def begin(self) -> None:
        """Count from nothing: a comparison that was broken off has no say."""
        self._times.clear()

    def whole(self, kind: str, line: bytes) -> None:
        """All of a resource is read."""
        self._add(kind, "", line)

    def element(self, kind: str, name: str, text: bytes) -> None:
        """A root element is read."""
        self._add(kind, name, text)

    def _add(self, kind: str, name: str, text: bytes) -> None:
        shape: _Shape = (kind, name, text.translate(_HEXADECIMAL), ())
        if shape not in self._paths:
            if shape in self._odd or any(one in shape[2] for one in _MADE_ALIKE):
                self._odd.add(shape)
                shape = (*shape[:3], tuple(_ALIKE.findall(text)))
            if shape not in self._paths:
                self._paths[shape] = Counter(leaves(decode(text), f"{kind}.{name}" if name else kind))
        self._times[shape] += 1

    def into(self, ledger: Ledger) -> None:
        """Account for all of it, and begin anew."""
        found: dict[str, Counter[str]] = {}
        for shape, count in self._times.items():
            kind, name, _, _ = shape
            if not name:
                account_resource(ledger, kind, {}, count)
            totals = found.setdefault(kind, Counter())
            for path, times in self._paths[shape].items():
                totals[path] += times * count
        for kind, paths in found.items():
            account(ledger, kind, paths, {}, skipped=False)
        self._times.clear()
        if len(self._paths) > MOST:
            self._paths.clear()
            self._odd.clear()
