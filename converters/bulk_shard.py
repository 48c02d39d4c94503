"""One shard of an export: its lines read, checked and told as records, which are laid down as Arrow files.

The records are made by the very functions that convert a study in memory; see bulk_scan for what a shard is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from trialbridge.base.collector import without_collector
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.converters.bulk_scan import kind_of
from trialbridge.converters.chosen import chosen
from trialbridge.converters.package import package_of
from trialbridge.converters.relrec import related
from trialbridge.converters.tables import column, datasets_of, in_order, sort_key
from trialbridge.converters.to_sdtm import records_told
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.checked import checked
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import Located, Reject, reject
from trialbridge.mappings.names import constants
from trialbridge.sdtm.table import Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.package import Package
    from trialbridge.converters.records import Record
    from trialbridge.fhir.releases import Release

Mode = Literal["mapped", "strict"]


Line = tuple[str, int, bytes]
"""Name of the file, number of the line from 1, the line."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every shard is converted with. It travels to other processes: mappings by their files, dictionaries by name."""

    shared: tuple[Line, ...]
    base: str
    release: Release
    mode: Mode = "strict"
    mapping: Path | None = None
    study_file: Path | None = None
    dictionaries: tuple[str, ...] = ()

    def dictionary(self) -> Dictionary:
        """The dictionary in use."""
        return dictionary_of(self.mapping, self.study_file, self.dictionaries)


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of one dataset in one shard, as an Arrow file or its bytes: what columns, first and last sort key."""

    arrow: Path | bytes
    height: int
    columns: dict[str, str]
    first: tuple[Any, ...]
    last: tuple[Any, ...]
    studyid: str | None

    def frame(self) -> pl.DataFrame:
        """The rows."""
        return frame_of(self.arrow)


def frame_of(arrow: Path | bytes) -> pl.DataFrame:
    """The rows of an Arrow file, or of its bytes."""
    return pl.read_ipc(BytesIO(arrow) if isinstance(arrow, bytes) else arrow)


@dataclass(slots=True)
class Part:
    """What came of one shard."""

    number: int
    size: int = 0
    stored: dict[str, Stored] = field(default_factory=dict)
    numbered: dict[str, int] = field(default_factory=dict)
    related: tuple[bool, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)


def convert(job: Job, number: int, lines: Iterable[Line], folder: Path | None = None) -> Part:
    """Convert one shard. The shared lines' own records are made in shard 0 alone.

    The rows are laid down in `folder`, or without one held in the part.
    """
    with without_collector():
        part = Part(number)
        shared, noise = _shared(job)
        mine = list(_read(job, lines, part))
        items = [*shared, *mine]
        if number == 0:
            part.findings.extend(noise.findings)
            part.rejects.extend(noise.rejects)
            part.rejected.update(noise.rejected)
        context = frozenset() if number == 0 else frozenset(id(one.resource) for one in shared)
        held = pool(items)
        told = records_told(held, job.base, job.release, job.dictionary(), context=context)
        shown = {one.where.resource for one in shared} if number else set()
        part.findings.extend(one for one in told.findings if one.where.resource not in shown)
        _count(part, items if number == 0 else mine, [one.resource for one in held.items])
        _store(told.rows, told.package, folder, part)
        return part


def package_in(job: Job) -> Package | None:
    """The package that the export's ResearchStudy describes, if one does."""
    url = constants(job.base)["x-sdtm-package"]
    studies = (one.resource for one in _shared(job)[0] if one.resource.get("resourceType") == "ResearchStudy")
    return next((found for one in studies if (found := package_of(one, url)) is not None), None)


@lru_cache(maxsize=4)
def dictionary_of(mapping: Path | None, study_file: Path | None, licensed: tuple[str, ...] = ()) -> Dictionary:
    """The dictionary in use, as `chosen` gives it, made once a process."""
    return chosen(mapping, study_file, licensed)


_SHARED: dict[int, tuple[Job, list[Located], Part]] = {}


def _shared(job: Job) -> tuple[list[Located], Part]:
    """The shared lines, read once a process, and what was wrong with them."""
    known = _SHARED.get(id(job))
    if known is None or known[0] is not job:
        _SHARED.clear()
        noise = Part(0)
        known = _SHARED[id(job)] = (job, list(_read(job, job.shared, noise)), noise)
    return known[1], known[2]


def _read(job: Job, lines: Iterable[Line], part: Part) -> Iterator[Located]:
    """The resources of these lines that are sound; the others among the part's rejects."""
    for name, number, line in lines:
        part.size += len(line)
        try:
            item = Located(decode(line), name, number)
        except UnreadableInputError as error:
            where = Where(file=name, line=number)
            _reject(part, reject(line.decode(errors="replace"), where, error.message, error.fix), kind_of(line))
            continue
        if job.mode == "mapped":
            yield item
            continue
        found = checked(item, line, job.release)
        if found:
            part.findings.extend(one for one in found if one.severity is not Severity.ERROR)
            wrong = [one for one in found if one.severity is Severity.ERROR]
            part.findings.extend(wrong[1:])
            if wrong:
                _reject(part, Reject(wrong[0], line.decode(errors="replace")), item.resource.get("resourceType"))
                continue
        yield item


def _reject(part: Part, one: Reject, kind: Any) -> None:
    part.rejects.append(one)
    part.findings.append(one.finding)
    part.rejected[str(kind or "")] += 1


def _count(part: Part, mine: Iterable[Located], held: list[dict[str, Any]]) -> None:
    """Resources kept, and those given twice, by type."""
    kept = {id(one) for one in held}
    for item in mine:
        kind = str(item.resource.get("resourceType"))
        (part.kept if id(item.resource) in kept else part.aside)[kind] += 1


def _store(rows: dict[str, list[Record]], package: Package | None, folder: Path | None, part: Part) -> None:
    """Lay down the rows of every dataset, in their order."""
    datasets, part.numbered = datasets_of({name: found for name, found in rows.items() if found}, package)
    frames: dict[str, pl.DataFrame] = {}
    for name, found in datasets.items():
        if not found:
            continue
        table = in_order(name, found)
        names = dict.fromkeys(key for row in table for key in row if not key.startswith("SUPP."))
        frame = pl.DataFrame([column(Variable(one), [row.get(one) for row in table]) for one in names])
        frames[name] = frame
        held = BytesIO() if folder is None else folder / f"{name}-{part.number:06}.arrow"
        frame.write_ipc(held, compression="uncompressed")
        kinds = {one: "Num" if kind == pl.Float64 else "Char" for one, kind in frame.schema.items()}
        studyid = next((row["STUDYID"] for row in table if row.get("STUDYID") is not None), None)
        first, last = sort_key(table[0], name), sort_key(table[-1], name)
        part.stored[name] = Stored(
            held.getvalue() if isinstance(held, BytesIO) else held, len(table), kinds, first, last, studyid
        )
    part.related = related(frames)
