"""A first pass over FHIR NDJSON that parses next to nothing: whose each line is, and which lines are read together.

A shard holds all lines of some subjects, so that what one resource asks of another (its subject, its visit, its lesion,
the subject's first dose) is answered inside it, whatever the size of the export. Subjects stand in the order of their
USUBJID, so that the shards' tables one after another are in order too. Lines that belong to no subject and that
others point at (the study, its sites, its plan) are `shared`: every shard reads them. The rest is `loose`, read once.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.bulk.index import Entries, Groups, grouped
from trialbridge.converters.bulk.lines import BEGIN, MARKED, NO_LINK, ONE_SUBJECT, Head, Lines, head_of, says_r5
from trialbridge.converters.bulk.people import ODD, SHARED, People
from trialbridge.fhir.files.ndjson import chunks, items_of_line
from trialbridge.fhir.jsontext import BYTE_ORDER_MARK
from trialbridge.fhir.located import Located, Reject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.fhir.releases import Release

SHARD_BYTES = 16 << 20
"""NDJSON bytes of a shard at about: a shard's resources are held in memory, several times their size."""
_TYPE = re.compile(r"[A-Z][A-Za-z0-9]*")


class NotInLinesError(TrialbridgeError):
    """The input cannot be gone through line by line (it holds Bundles): read it whole."""


@dataclass(slots=True)
class Plan:
    """What the first pass found: the shards, the shared lines, and what is no study data."""

    files: tuple[Path, ...]
    names: tuple[str, ...]
    shared: Lines
    index: Path
    """All lines in reading order, as `bulk.index` has them."""
    groups: Groups
    """The loose lines, then the shards."""
    release: Release
    subjects: int
    size: int
    given: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def loose(self) -> Lines:
        """The lines that belong to nobody and are read once."""
        return self.groups[0]

    @property
    def shards(self) -> Groups:
        """The shards."""
        return Groups(self.groups.path, self.groups.bounds[1:])


@dataclass(slots=True)
class _Scan:
    """Columns of what was found of each line, and the subjects met."""

    people: People
    entries: Entries
    given: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    r5: bool = False
    kinds: set[bytes] = field(default_factory=set)
    """The types met that need no second look."""


def scan(
    files: Iterable[Path],
    dictionary: Dictionary,
    usubjid_system: str,
    spool: Path,
    release: Release | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Plan:
    """The plan of reading these NDJSON files. Packed files are unpacked into the folder `spool` first; the index lies there.

    Raises NotInLinesError where a line is a Bundle, UnreadableInputError where a file cannot be read.
    """
    given = tuple(files)
    found = _Scan(People(_shared_types(dictionary), usubjid_system), Entries(spool / "lines"))
    places = []
    for at, path in enumerate(given):
        plain = _unpacked(path, spool, at, found)
        places.append(plain)
        _scan_file(plain, path.name, at, found, look=release is None)
    found.people.meet(places)
    release = release or ("R5" if found.r5 else "R4")
    return _plan(found, tuple(places), tuple(path.name for path in given), release, shard_bytes, spool / "shards")


def _shared_types(dictionary: Dictionary) -> frozenset[str]:
    """The types that mappings read: of these, lines that belong to no subject are shared."""
    types = {mapping.resource for mapping in dictionary.mappings}
    types |= {part.type for mapping in dictionary.mappings for part in mapping.parts}
    types |= {"ResearchStudy", "Basic", "Medication", "Organization", "Substance", "Device"}
    return frozenset(types) - {"Patient", "ResearchSubject", "Observation", "AdverseEvent"}


def _unpacked(path: Path, spool: Path, at: int, found: _Scan) -> Path:
    """The file itself, or its unpacked text in the spool."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return path
    target = spool / f"{at}.ndjson"
    with target.open("wb") as out:
        try:
            out.writelines(chunks(path))
        except UnreadableInputError as error:
            where = Where(file=path.name)
            found.findings.append(Finding("TB-FHIR-READ", Severity.ERROR, where, error.message, error.fix))
    return target


def _scan_file(path: Path, name: str, at: int, found: _Scan, *, look: bool) -> None:
    start = number = 0
    rest = b""
    owners, plain_kinds, links = found.people.owners, found.kinds, ONE_SUBJECT
    entries = found.entries
    enter_number, enter_start = entries.number.append, entries.start.append
    enter_length, enter_owner = entries.length.append, entries.owner.append
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            block = rest + block
            lines = block.split(b"\n")
            rest = lines.pop()
            kinds = []
            for line in lines:
                number += 1
                # Few members are looked for, by the way nearly all servers write them; else the line is read.
                kind = line[17 : line.find(b'"', 17)] if line[:17] == BEGIN else b""
                link = links.get(kind, NO_LINK)
                begin = line.find(link) + len(link)
                owner = owners.get(line[begin : line.find(b'"', begin)], ODD) if begin >= len(link) else ODD
                if owner == ODD or kind not in plain_kinds or line.find(link, begin) >= 0:
                    if line:
                        entries.fill(at)
                        _line(line, name, at, number, start, found, look=look)
                else:
                    kinds.append(kind)
                    enter_number(number)
                    enter_start(start)
                    enter_length(len(line))
                    enter_owner(owner)
                    if look and kind in MARKED and not found.r5:
                        found.r5 = says_r5(line, kind.decode())
                start += len(line) + 1
            found.given.update({kind.decode(): count for kind, count in Counter(kinds).items()})
            entries.fill(at)
            entries.lay()
    if rest.strip():
        _line(rest, name, at, number + 1, start, found, look=look, whole=False)


def _line(
    line: bytes,
    name: str,
    at: int,
    number: int,
    start: int,
    found: _Scan,
    *,
    look: bool,
    whole: bool = True,
) -> None:
    """Enter one line. `whole`: its end was there."""
    try:
        head = head_of(line)
        kind = head.resourceType
        plain = isinstance(kind, str) and kind not in {"Bundle", "OperationOutcome"} and _TYPE.fullmatch(kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        plain, head, kind = None, Head(), None
    if not plain:
        _odd(line, name, number, found, whole=whole)
        return
    found.given[kind] += 1
    if kind.encode() in ONE_SUBJECT:
        found.kinds.add(kind.encode())
    entries = found.entries
    entries.file.append(at)
    entries.number.append(number)
    entries.start.append(start)
    entries.length.append(len(line))
    entries.owner.append(found.people.owner(line, kind, head, at))
    if look and not found.r5:
        found.r5 = says_r5(line, kind)


def _odd(line: bytes, name: str, number: int, found: _Scan, *, whole: bool) -> None:
    """A line that is no resource: what the ordinary reader makes of it."""
    if not line.removeprefix(BYTE_ORDER_MARK).strip():
        return
    for item in items_of_line(line, name, number, whole=whole):
        if isinstance(item, Reject):
            found.rejects.append(item)
            found.findings.append(item.finding)
        elif isinstance(item, Located) and item.role == "outcome":
            found.aside["OperationOutcome"] += 1
            found.findings.extend(_outcome(item))
        else:
            raise NotInLinesError(
                "The line holds a Bundle, or begins with a byte order mark.", Where(file=name, line=number)
            )


def _outcome(item: Located) -> list[Finding]:
    from trialbridge.fhir.located import outcome_findings  # noqa: PLC0415 - rare

    return outcome_findings(item)


def _plan(
    found: _Scan, files: tuple[Path, ...], names: tuple[str, ...], release: Release, shard_bytes: int, path: Path
) -> Plan:
    lines, size = _weights(found)
    groups = _groups(found.people, size, shard_bytes)
    laid = grouped(found.entries, groups, lines, path)
    return Plan(
        files,
        names,
        laid[len(laid) - 1],
        found.entries.path,
        Groups(path, laid.bounds[:-1]),
        release,
        len(found.people.patients),
        int(size.sum()),
        found.given,
        found.aside,
        found.rejects,
        found.findings,
    )


def _weights(found: _Scan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many lines and bytes each owner has: subjects by number, at the end those below 0, as Python counts."""
    count = found.people.numbers
    lines, size = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for block in found.entries.blocks():
        owner = block["owner"] % count
        lines += np.bincount(owner, minlength=count)
        size += np.bincount(owner, block["length"], count).astype(np.int64)
    return lines, size


def _groups(people: People, size: NDArray[np.int64], shard_bytes: int) -> NDArray[np.int64]:
    """The group of each owner: 0 for nobody, then the shards, last what is shared.

    A shard has whole subjects in the order of their names, as many as come to about `shard_bytes`.
    """
    owners, place = people.settled(), people.places()
    mine = np.flatnonzero((owners >= 0) & (size > 0))
    rank = place[owners[mine]]
    weight = np.bincount(rank, size[mine], len(place))
    used, number = np.unique((np.cumsum(weight) - weight)[rank] // max(1, shard_bytes), return_inverse=True)
    groups = np.zeros(len(size), np.int64)
    groups[mine] = 1 + number
    groups[SHARED] = 1 + len(used)
    return groups
