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
from trialbridge.converters.bulk.lines import (
    BEGIN,
    MARKED,
    NO_LINK,
    ONE_SUBJECT,
    Head,
    Lines,
    head_of,
    identifier_of,
    kind_at_once,
    kind_of,
    names_in,
    says_r5,
)
from trialbridge.converters.logical import patient_named
from trialbridge.fhir.files.ndjson import chunks, items_of_line
from trialbridge.fhir.jsontext import BYTE_ORDER_MARK
from trialbridge.fhir.located import Located, Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.logical import Name
    from trialbridge.fhir.releases import Release

SHARD_BYTES = 16 << 20
"""NDJSON bytes of a shard at about: a shard's resources are held in memory, several times their size."""
_REFERENCE = re.compile(r"(?:^|/)(Patient|ResearchSubject)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?$")
_TYPE = re.compile(r"[A-Z][A-Za-z0-9]*")
_NOBODY, _SHARED = -1, -2
_ODD = -3
"""Below it stand the numbers of what names a subject that may not have been met yet."""


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

    shared_types: frozenset[str]
    entries: Entries
    patients: dict[str, int] = field(default_factory=dict)
    enrolled: dict[str | Name, int] = field(default_factory=dict)
    """The owner of what lines may wait for."""
    waiting: dict[str | Name, int] = field(default_factory=dict)
    """What lines name that may not have been met yet, each with its number: ResearchSubjects, identifiers of Patients."""
    patient_files: set[int] = field(default_factory=set)
    called: dict[int, str] = field(default_factory=dict)
    stand_in: dict[int, str] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    r5: bool = False
    owners: dict[bytes, int] = field(default_factory=dict)
    """The number of the subject that the text of `subject.reference` means."""
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
    found = _Scan(_shared_types(dictionary), Entries(spool / "lines"))
    places = []
    for at, path in enumerate(given):
        plain = _unpacked(path, spool, at, found)
        places.append(plain)
        _scan_file(plain, path.name, at, found, usubjid_system, look=release is None)
    _meet_patients(places, found, usubjid_system)
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


def _scan_file(path: Path, name: str, at: int, found: _Scan, system: str, *, look: bool) -> None:
    start = number = 0
    rest = b""
    owners, plain_kinds, links = found.owners, found.kinds, ONE_SUBJECT
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
                owner = owners.get(line[begin : line.find(b'"', begin)], _ODD) if begin >= len(link) else _ODD
                if owner == _ODD or kind not in plain_kinds or line.find(link, begin) >= 0:
                    if line:
                        entries.fill(at)
                        _line(line, name, at, number, start, found, system, look=look)
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
        _line(rest, name, at, number + 1, start, found, system, look=look, whole=False)


def _line(
    line: bytes,
    name: str,
    at: int,
    number: int,
    start: int,
    found: _Scan,
    system: str,
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
    if kind == "Patient":
        found.patient_files.add(at)
    if kind.encode() in ONE_SUBJECT:
        found.kinds.add(kind.encode())
    entries = found.entries
    entries.file.append(at)
    entries.number.append(number)
    entries.start.append(start)
    entries.length.append(len(line))
    entries.owner.append(_owner(line, kind, head, found, system))
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


def _owner(line: bytes, kind: str, head: Head, found: _Scan, system: str) -> int:
    """The number of the subject a line belongs to, _SHARED, _NOBODY, or that of what names a subject, below _ODD."""
    if kind == "Patient":
        owner = _subject(f"Patient/{head.id}", found)
        name = identifier_of(line, system)
        if name:
            found.stand_in.setdefault(owner, name)
        return owner
    for at, link in enumerate((head.subject, head.patient, head.individual, head.owner, head.beneficiary)):
        text = link.get("reference") if isinstance(link, dict) else None
        matched = _REFERENCE.search(text) if isinstance(text, str) else None
        if matched and matched[1] == "Patient":
            owner = _subject(f"Patient/{matched[2]}", found)
            if at < 2 and isinstance(text, str) and text.isprintable():
                found.owners[text.encode()] = owner
        elif named := f"ResearchSubject/{matched[2]}" if matched else patient_named(link):
            owner = _ODD - 1 - found.waiting.setdefault(named, len(found.waiting))
        else:
            continue
        if kind == "ResearchSubject" and not (matched and matched[1] == kind):
            found.enrolled.setdefault(f"ResearchSubject/{head.id}", owner)
            found.called.setdefault(owner, identifier_of(line, system) or "")
        return owner
    return _SHARED if kind in found.shared_types else _NOBODY


def _subject(key: str, found: _Scan) -> int:
    return found.patients.setdefault(key, len(found.patients))


def _meet_patients(files: Sequence[Path], found: _Scan, system: str) -> None:
    """Whose the identifiers are by which lines name a Patient: a Patient's, else those of a subject without one.

    An identifier of two Patients names neither.
    """
    wanted = {name: _ODD - 1 - at for name, at in found.waiting.items() if isinstance(name, tuple)}
    for at in sorted(found.patient_files) if wanted else ():
        for name, key in _patients_named(files[at]):
            if name in wanted and found.enrolled.setdefault(name, found.patients[key]) != found.patients[key]:
                found.enrolled[name] = _NOBODY
    known = {called: owner for owner, called in found.called.items() if owner >= 0} if wanted else {}
    for name in wanted:
        if name not in found.enrolled:
            owner = known.get(name[1]) if name[0] == system else None
            found.enrolled[name] = _subject("|".join(name), found) if owner is None else owner
    owners = {number: found.enrolled[name] for name, number in wanted.items()}
    found.enrolled = {name: owners.get(owner, owner) for name, owner in found.enrolled.items()}
    for number, called in list(found.called.items()):
        found.called.setdefault(owners.get(number, number), called)


def _patients_named(file: Path) -> Iterator[tuple[Name, str]]:
    """The identifiers of the Patients in a file, each with `Patient/id`."""
    with file.open("rb") as stream:
        for line in stream:
            if kind_at_once(line) == "Patient" and kind_of(line):
                key = f"Patient/{head_of(line).id}"
                for name in names_in(line):
                    yield name, key


def _plan(
    found: _Scan, files: tuple[Path, ...], names: tuple[str, ...], release: Release, shard_bytes: int, path: Path
) -> Plan:
    lines, size = _weights(found)
    groups = _groups(found, size, shard_bytes)
    laid = grouped(found.entries, groups, lines, path)
    return Plan(
        files,
        names,
        laid[len(laid) - 1],
        found.entries.path,
        Groups(path, laid.bounds[:-1]),
        release,
        len(found.patients),
        int(size.sum()),
        found.given,
        found.aside,
        found.rejects,
        found.findings,
    )


def _weights(found: _Scan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many lines and bytes each owner has: subjects by number, at the end those below 0, as Python counts."""
    count = len(found.patients) - _ODD + len(found.waiting)
    lines, size = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for block in found.entries.blocks():
        owner = block["owner"] % count
        lines += np.bincount(owner, minlength=count)
        size += np.bincount(owner, block["length"], count).astype(np.int64)
    return lines, size


def _groups(found: _Scan, size: NDArray[np.int64], shard_bytes: int) -> NDArray[np.int64]:
    """The group of each owner: 0 for nobody, then the shards, last what is shared.

    A shard has whole subjects in the order of their names, as many as come to about `shard_bytes`.
    """
    subjects = len(found.patients)
    owners = np.full(len(size), _NOBODY)
    owners[:subjects] = np.arange(subjects)
    for name, at in found.waiting.items():
        owners[_ODD - 1 - at] = found.enrolled.get(name, _NOBODY)
    place = _places(found)
    mine = np.flatnonzero((owners >= 0) & (size > 0))
    rank = place[owners[mine]]
    weight = np.bincount(rank, size[mine], subjects)
    used, number = np.unique((np.cumsum(weight) - weight)[rank] // max(1, shard_bytes), return_inverse=True)
    groups = np.zeros(len(size), np.int64)
    groups[mine] = 1 + number
    groups[_SHARED] = 1 + len(used)
    return groups


def _places(found: _Scan) -> NDArray[np.int32]:
    """The place of each subject in the order of names; Patients of one name share a place, so they stay together."""
    names = [""] * len(found.patients)
    for key, at in found.patients.items():
        names[at] = found.called.get(at) or found.stand_in.get(at) or key.partition("/")[2]
    ranks = {name: rank for rank, name in enumerate(sorted(set(names)))}
    return np.array([ranks[name] for name in names], np.int32)
