"""One shard of an export: its lines read, checked and told as records, which are laid down as Arrow files.

The records are made by the very functions that convert a study in memory; see `bulk.scan` for what a shard is.
"""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.base.collector import without_collector
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.converters.bulk.job import Line
from trialbridge.converters.bulk.lines import BEGIN, kind_at_once
from trialbridge.converters.bulk.part import Part, Sources, Spooled, Stored
from trialbridge.converters.columnar.frames import PLACE, frames_of
from trialbridge.converters.columnar.members import NotPlainError
from trialbridge.converters.columnar.plans import STEP
from trialbridge.converters.columnar.shard import LINES, TARGETS, Columnar, suits
from trialbridge.converters.columnar.shard import TYPES as COLUMNAR
from trialbridge.converters.package import package_of
from trialbridge.converters.relrec import related
from trialbridge.converters.tables import sort_key
from trialbridge.converters.to_sdtm import records_told
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.checked import checked
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import Located, Reject, reject
from trialbridge.fhir.strict import sound
from trialbridge.mappings.names import constants
from trialbridge.sdtm.model_variables import WHOSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.bulk.job import Job
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.package import Package
    from trialbridge.converters.to_sdtm import Told
    from trialbridge.fhir.bundle import Pool
    from trialbridge.mappings.kit import Mapping as MappingLines

Placed = tuple[int, Located]
"""A resource and its place in the shard."""
Apart = dict[str, list[tuple[int, Line]]]
"""Lines that are read by columns, by resource type, each with its place in the shard."""
_FIRST, _LAST = -1, 1 << 40
"""The places of rows that travelled as they are, and of those that no resource of the shard has as its own."""


def convert(job: Job, number: int, lines: Iterable[Line], folder: Path | None = None) -> Part:
    """Convert one shard. The shared lines' own records are made in shard 0 alone.

    The rows are laid down in `folder`, or without one held in the part.
    """
    with without_collector():
        part = Part(number)
        dictionary = job.dictionary()
        shared, noise = _shared(job)
        columnar = COLUMNAR if number and suits(dictionary) else frozenset()
        mine, apart = _read(job, lines, part, columnar)
        if number == 0:
            part.findings.extend(noise.findings)
            part.rejects.extend(noise.rejects)
            part.rejected.update(noise.rejected)
            part.unreadable.update(noise.unreadable)
        context = frozenset() if number == 0 else frozenset(id(one.resource) for one in shared)
        while True:
            items = [*shared, *(one for _, one in mine)]
            held = pool(items)
            beside = _beside(job, mine, apart, dictionary)
            try:
                told = _told(job, held, dictionary, context, beside)
                break
            except NotPlainError:
                mine, apart = _as_wholes(job, mine, apart, beside.refused if beside is not None else [], part)
        shown = {one.where.resource for one in shared} if number else set()
        part.findings.extend(one for one in told.findings if one.where.resource not in shown)
        _count(part, items if number == 0 else [one for _, one in mine], [one.resource for one in held.items])
        part.kept.update({kind: len(lines) for kind, lines in apart.items() if kind not in TARGETS})
        homes = {id(one.resource): place for place, one in mine}
        places = _places(told, homes)
        _store(job, told, beside, places, folder, part)
        if folder is not None:
            part.sources = _sources(held, mine, apart, part.lines, told.skipped)
            part.sources.stand_ins = _stand_ins(told, homes, places)
        return part


def _places(told: Told, homes: Mapping[int, int]) -> dict[int, int]:
    """The place of each record, by its id(): records of one resource one behind the other."""
    times: Counter[int] = Counter()
    found = {}
    for one in told.sources:
        home = homes.get(id(one.primary), _LAST)
        found[id(one.record)] = home + times[home]
        times[home] += 1
    return found


def _stand_ins(told: Told, homes: Mapping[int, int], places: Mapping[int, int]) -> dict[int, dict[str, int]]:
    """What the records lead to that no resource of the shard has as its own."""
    return {
        places[id(one.record)]: {name: homes[id(part)] // STEP for name, part in one.parts.items() if id(part) in homes}
        for one in told.sources
        if id(one.primary) not in homes
    }


def readers_of(dictionary: Dictionary, dataset: str) -> list[MappingLines]:
    """The mappings that read records of a dataset, the same list in every process."""
    return [*dictionary.of(dataset), *(dictionary.tailoring.further if dictionary.tailoring is not None else ())]


class _Readers:
    """Which mapping read each row."""

    def __init__(self, told: Told, beside: Columnar | None, places: Mapping[int, int], dictionary: Dictionary) -> None:
        self._by_columns = beside.read_by if beside is not None else {}
        self._sources: dict[str, list[tuple[MappingLines, int]]] = {}
        for one in told.sources:
            self._sources.setdefault(one.record.dataset, []).append((one.mapping, places[id(one.record)]))
        self._dictionary = dictionary

    def of(self, dataset: str, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the mapping (of `readers_of`) for each row; -1 where none is known."""
        blocks = [(one, np.array([place], np.int64)) for one, place in self._sources.get(dataset, ())]
        blocks += [one for one in self._by_columns.get(dataset, ()) if len(one[1])]
        if not blocks:
            return np.full(len(places), -1, np.int64)
        numbers = {id(one): at for at, one in enumerate(readers_of(self._dictionary, dataset))}
        there = np.concatenate([its for _, its in blocks])
        read = np.concatenate([np.full(len(its), numbers.get(id(one), -1), np.int64) for one, its in blocks])
        order = np.argsort(there, kind="stable")
        at = np.minimum(np.searchsorted(there[order], places), len(order) - 1)
        return np.where(there[order][at] == places, read[order][at], -1)


def _told(job: Job, held: Pool, dictionary: Dictionary, context: frozenset[int], beside: Columnar | None) -> Told:
    """The records of a shard. NotPlainError where lines that `beside` reads by columns must be read as wholes."""
    try:
        told = records_told(held, job.base, job.release, dictionary, context=context, beside=beside)
        if beside is not None and any(beside.touches(one.resource) for one in held.items):
            raise NotPlainError
        return told
    finally:
        if beside is not None:
            beside.end()


def _beside(job: Job, mine: list[Placed], apart: Apart, dictionary: Dictionary) -> Columnar | None:
    """What is read by columns."""
    if not apart:
        return None
    places = {place for kind in TARGETS for place, _ in apart.get(kind, ())}
    passive = {id(item.resource): place for place, item in mine if place in places}
    return Columnar(apart, passive, dictionary, job.release, job.base, strict=job.mode == "strict")


def _as_wholes(job: Job, mine: list[Placed], apart: Apart, places: list[int], part: Part) -> tuple[list[Placed], Apart]:
    """The lines of these places (all, if none is given) are read as wholes instead."""
    wanted = set(places)
    there = {place for place, _ in mine}
    moved = sorted(
        (one for lines in apart.values() for one in lines if not wanted or one[0] in wanted), key=itemgetter(0)
    )
    read = [
        (place, item) for place, line in moved if place not in there and (item := _item(job, line, part)) is not None
    ]
    kept = {kind: [one for one in lines if wanted and one[0] not in wanted] for kind, lines in apart.items()}
    return sorted([*mine, *read], key=itemgetter(0)), {kind: lines for kind, lines in kept.items() if lines}


def package_in(job: Job) -> Package | None:
    """The package that the export's ResearchStudy describes, if one does."""
    url = constants(job.base)["x-sdtm-package"]
    studies = (one.resource for one in _shared(job)[0] if one.resource.get("resourceType") == "ResearchStudy")
    return next((found for one in studies if (found := package_of(one, url)) is not None), None)


_SHARED: dict[int, tuple[Job, list[Located], Part]] = {}


def _shared(job: Job) -> tuple[list[Located], Part]:
    """The shared lines, read once a process, and what was wrong with them."""
    known = _SHARED.get(id(job))
    if known is None or known[0] is not job:
        _SHARED.clear()
        noise = Part(0)
        read = [item for line in job.shared if (item := _item(job, line, noise)) is not None]
        noise.size = sum(len(line) for _, _, line in job.shared)
        known = _SHARED[id(job)] = (job, read, noise)
    return known[1], known[2]


def shared_items(job: Job) -> list[Located]:
    """The resources of the shared lines that are sound."""
    return _shared(job)[0]


def item_of(job: Job, line: Line) -> Located | None:
    """The resource of a line, if it is sound."""
    return _item(job, line, Part(0))


def _read(job: Job, lines: Iterable[Line], part: Part, columnar: frozenset[str]) -> tuple[list[Placed], Apart]:
    """The resources of these lines that are sound, with their places; and the lines that are read by columns."""
    mine: list[Placed] = []
    apart: Apart = {}
    mapped = job.mode == "mapped"
    known = {one.encode(): one for one in columnar}
    size, place = 0, -STEP
    for place, line in zip(count(0, STEP), lines, strict=False):
        text = line[2]
        size += len(text)
        kind = known.get(text[17 : text.find(b'"', 17)]) if text[:17] == BEGIN else None
        kind = kind_at_once(text) if kind is None else kind
        if kind in columnar and ((text.isascii() if mapped else kind in LINES) or _passes(job, text, kind)):
            if kind in TARGETS:
                item = _item(job, line, part, passed=True)
                if item is None:
                    continue
                mine.append((place, item))
            if kind in apart:
                apart[kind].append((place, line))
            else:
                apart[kind] = [(place, line)]
        elif (item := _item(job, line, part)) is not None:
            mine.append((place, item))
    part.size += size
    part.lines = place // STEP + 1
    return mine, apart


def _passes(job: Job, line: bytes, kind: str) -> bool:
    """Whether a line may be read without being decoded as a whole: it is UTF-8, and in strict mode of the right structure."""
    if job.mode == "strict":
        return sound(line, kind, job.release)
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _item(job: Job, of: Line, part: Part, *, passed: bool = False) -> Located | None:
    """The resource of a line if it is sound; else it stands among the part's rejects. `passed`: its structure is."""
    name, number, line = of
    try:
        item = Located(decode(line), name, number)
    except UnreadableInputError as error:
        where = Where(file=name, line=number)
        part.unreadable[kind_at_once(line)] += 1
        _reject(part, reject(line.decode(errors="replace"), where, error.message, error.fix), None)
        return None
    if passed or job.mode == "mapped":
        return item
    found = checked(item, line, job.release)
    part.findings.extend(one for one in found if one.severity is not Severity.ERROR)
    wrong = [one for one in found if one.severity is Severity.ERROR]
    part.findings.extend(wrong[1:])
    if wrong:
        _reject(part, Reject(wrong[0], line.decode(errors="replace")), item.resource.get("resourceType"))
        return None
    return item


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


def _sources(held: Pool, mine: list[Placed], apart: Apart, count_of: int, skipped: Iterable[dict[str, Any]]) -> Sources:
    """Which lines hold resources of the study."""
    lines = {id(one): place // STEP for place, one in mine}
    homes = {id(one.resource): place // STEP for place, one in mine}
    kept = [lines[id(one)] for one in held.items if id(one) in lines]
    there = {*kept, *(place // STEP for its in apart.values() for place, _ in its)}
    left_out = tuple(one for one in range(count_of) if one not in there) if len(there) < count_of else ()
    moved = {}
    if left_out:
        first: dict[Any, int] = {}
        for place, one in mine:
            first.setdefault((one.resource.get("resourceType"), one.resource.get("id")), place // STEP)
        named = ((at, one.resource) for one in held.items if (at := lines.get(id(one))) is not None)
        for at, resource in named:
            where = first[resource.get("resourceType"), resource.get("id")]
            if where != at and "id" in resource:
                moved[at] = where
    return Sources(left_out, moved, frozenset(homes[id(one)] for one in skipped if id(one) in homes))


def _store(
    job: Job, told: Told, beside: Columnar | None, places: Mapping[int, int], folder: Path | None, part: Part
) -> None:
    """Lay down the rows of every dataset, in their order."""
    by_columns = beside.rows if beside is not None else {}
    readers = _Readers(told, beside, places, job.dictionary())
    frames = frames_of(told.rows, by_columns, told.package, lambda one: places.get(id(one), _FIRST), part.numbered)
    frames = {name: frame for name, frame in frames.items() if frame.height}  # a package may declare what has no rows
    written = BytesIO()
    subjects: dict[str, None] = {}
    target = None if folder is None else folder / f"{part.number:06}.arrow"
    for name, placed in frames.items():
        cells = [one for one in placed.get_columns() if one.name != PLACE]
        frame = pl.DataFrame(cells) if cells else placed  # rows without a cell are rows all the same
        start = written.tell()
        frame.write_ipc_stream(written, compression="uncompressed")
        kinds = {one.name: "Num" if one.dtype == pl.Float64 else "Char" for one in cells}
        studyids = _distinct(frame, "STUDYID")
        subjects |= dict.fromkeys(_distinct(frame, "USUBJID"))
        first, last = (sort_key(frame.row(at, named=True), name) for at in (0, -1))
        nobody = frame["USUBJID"].null_count() if "USUBJID" in frame.columns else frame.height
        whose = [pl.col(one).is_null() for one in WHOSE if one in frame.columns]
        unnamed = int(frame.select(pl.all_horizontal(whose).sum()).item()) if whose else frame.height
        held: Spooled | bytes
        where = None
        if target is None:
            held = written.getvalue()[start:]
        else:
            held = Spooled(target, start, written.tell() - start)
            its = placed[PLACE].to_numpy()
            where = Spooled(target, written.tell(), written.write(np.stack((its, readers.of(name, its))).tobytes()))
        part.stored[name] = Stored(held, frame.height, kinds, first, last, studyids, nobody, unnamed, where)
    if target is not None and frames:
        target.write_bytes(written.getbuffer())
    part.subjects = tuple(subjects)
    part.plain = tuple(name for name, placed in frames.items() if placed[PLACE].min() == _FIRST)
    part.related = related(frames)


def _distinct(frame: pl.DataFrame, name: str) -> tuple[str, ...]:
    """The values of a column, in the order in which they come."""
    return tuple(frame[name].drop_nulls().unique(maintain_order=True)) if name in frame.columns else ()
