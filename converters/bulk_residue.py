"""Residue and ledger of a bulk export, shard by shard, in bounded memory: what `study.to_sdtm` finds in memory.

The rows lie in files already (`bulk_shard`). What subjects share is made first, from DM's rows of all subjects
(`bulk_fhir_shared`); then each shard's rows are made into FHIR again and held against its lines
(`bulk_residue_shard`), which are read once more; what belongs to nobody comes last. Entries lie in files, a shard's in
order, and are merged at the end: what is not in the source by its name, then the source's resources as they were read.

Where that cannot be done in turn (a subject in two shards, a resource given twice, what one subject's rows make
standing among another's resources) NotInTurnError says so, and the export is to be converted in memory.
"""

from __future__ import annotations

import heapq
import pickle
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from trialbridge.converters import bulk_fhir_shared, bulk_shard
from trialbridge.converters import to_fhir as whole
from trialbridge.converters.bulk_fhir_group import Group, NotInTurnError, bare, not_in_turn
from trialbridge.converters.bulk_fhir_shared import Together
from trialbridge.converters.bulk_join import typed
from trialbridge.converters.bulk_residue_shard import (
    Candidate,
    Found,
    Rest,
    Task,
    convert,
    group_of,
    hashes,
    number_rows,
    turn_of,
)
from trialbridge.converters.bulk_shard import Sources
from trialbridge.converters.ledger import Ledger
from trialbridge.converters.pairs import Renames, name_of, names_of, pairs_of, study_pairs
from trialbridge.converters.residue_lines import Comparison, Counted, Line, same_links
from trialbridge.converters.tables import about as told_of
from trialbridge.converters.tables import sort_key
from trialbridge.converters.to_sdtm import records_told
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.jsontext import encode
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.bulk_join import Dataset
    from trialbridge.converters.bulk_scan import Plan
    from trialbridge.converters.bulk_shard import Job, Part
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.package import Package
    from trialbridge.converters.to_sdtm import Told
    from trialbridge.fhir.located import Located
    from trialbridge.mappings.kit import Resource
    from trialbridge.sdtm.table import Study, Table

    Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]

_DEMOGRAPHICS = frozenset({"DM", "SUPPDM"})
_ORDER = 24
"""Bytes of an entry's order: file, line, turn."""
_AT_ONCE = 64
"""Files that are merged at a time."""


@dataclass(frozen=True, slots=True)
class Residue:
    """What bulk conversion finds beside the tables: entries as NDJSON, None where there are none; and the ledger."""

    path: Path | None
    ledger: Ledger


def residue_of(
    plan: Plan,
    parts: Sequence[Part],
    datasets: Sequence[Dataset],
    job: Job,
    package: Package | None,
    version: str,
    folder: Path,
    each: Each,
    progress: Callable[[int], None],
) -> Residue:
    """The residue of an export whose shards lie in `folder` as `parts`. Raises NotInTurnError, and as `to_fhir` does.

    `each(function, items)` runs a function on each item, here or in other processes; `progress` is told bytes done.
    """
    _refuse_shared_subjects(parts)
    about = study(map(_described, datasets), version=version, **told_of(package))
    made = _Whole(plan, parts, datasets, job, about, folder)
    found = made.tried(each, progress)
    renames = made.shared_renames(found)
    if made.renamed(renames):
        again = [one for one in found if one.compared]
        found = [one for one in found if not one.compared] + made.paired(again, each, progress)
        renames = made.shared_renames(found)
    found = [one for one in found if one.compared] + made.compared(
        [one for one in found if not one.compared], renames, each, progress
    )
    ledger = made.end(found, renames)
    return Residue(made.merged(), ledger)


def _refuse_shared_subjects(parts: Sequence[Part]) -> None:
    """Raises NotInTurnError where rows of a subject stand in two shards."""
    seen: set[str] = set()
    for part in parts:
        mine = set(part.subjects)
        if (part.number == 0 and mine) or not seen.isdisjoint(mine):
            raise NotInTurnError("A subject's records stand in several places.", fix="convert the export as a whole")
        seen |= mine
        for name, one in part.stored.items():
            if part.number and one.nobody and name[:2] in whole.TRIAL_DESIGN:
                raise not_in_turn(name)


def _described(one: Dataset) -> Table:
    """A dataset by example: as many rows as it has STUDYIDs, a value in the first where the column has one at all."""
    if one.whole is not None:
        return bare(one.whole)
    studyids: list[str | None] = list(dict.fromkeys(name for part in one.parts for name in part.studyids)) or [None]
    example = one.about.frame.rows(named=True)[0] if one.height else {}
    if not one.height:
        return replace(bare(one.about), frame=one.about.frame.clear())
    columns = [
        pl.Series(name, studyids if name == "STUDYID" else [example.get(name), *[None] * (len(studyids) - 1)], kind)
        for name, kind in one.about.frame.schema.items()
    ]
    return replace(bare(one.about), frame=pl.DataFrame(columns))


class _Whole:
    """All shards together."""

    def __init__(
        self,
        plan: Plan,
        parts: Sequence[Part],
        datasets: Sequence[Dataset],
        job: Job,
        about: Study,
        folder: Path,
    ) -> None:
        self._plan, self._parts, self._job, self._folder, self._about = plan, parts, job, folder, about
        self._datasets = datasets
        self._dictionary: Dictionary = job.dictionary()
        self._nobody = _Nobody(plan, job, self._dictionary)
        numbers = {one.name: _numbers(one) for one in datasets if one.whole is None}
        self._numbers = _by_part(datasets, parts, numbers)
        order = _Order(plan, parts, self._nobody)
        self._nobody.call(order)
        self._tasks = {
            part.number: Task(
                part.number,
                lines,
                order.positions(lines),
                part.sources or Sources(),
                part.subjects,
                part.stored,
                self._numbers[part.number],
            )
            for part, lines in zip(parts[1:], plan.shards, strict=True)
        }
        self._rest = folder / "rest"
        self._together = self._begun()
        self._end: list[Resource] = []

    def _begun(self) -> Together:
        """What subjects share is made."""
        job, about, dictionary = self._job, self._about, self._dictionary
        empty = replace(about, tables={one.name: replace(one, frame=one.frame.clear()) for one in about})
        wrong = whole.wrong_columns(about, dictionary, [])
        demographics = (group_of(task, empty, _DEMOGRAPHICS)[0] for task in self._tasks.values())
        self._rows_of_nobody = self._of_nobody()
        setting = bulk_fhir_shared.begin(
            demographics,
            self._rows_of_nobody.study,
            oncology=any(name in about for name in ("TU", "TR", "RS")),
            base=job.base,
            release=job.release,
            wrong=wrong,
            dictionary=dictionary,
        )
        plan = self._plan
        rest = Rest(job, plan.files, plan.names, setting, empty, self._folder, self._nobody.names)
        self._rest.write_bytes(pickle.dumps(rest))
        return Together(setting, dictionary, whole.ToFhir([]))

    def _of_nobody(self) -> Group:
        """The rows that name no subject."""
        tables, numbers = {}, {}
        for one in self._datasets:
            frames, its = [], []
            if one.whole is not None:
                frames.append(one.whole.frame)
                its.append(np.arange(1, one.height + 1))
            for part in self._parts:
                stored = part.stored.get(one.name)
                if one.whole is None and stored is not None and stored.nobody:
                    frame = typed(stored.frame(), [(of.name, of.type) for of in one.about.variables])
                    rows = np.arange(frame.height)
                    if "USUBJID" in frame.columns:
                        rows = np.flatnonzero(frame["USUBJID"].is_null().to_numpy())
                    given = self._numbers[part.number][one.name]
                    frames.append(frame[rows])
                    its.append(rows + given if isinstance(given, int) else given[rows])
            if frames:
                order = np.argsort(np.concatenate(its), kind="stable")
                tables[one.name] = replace(self._about[one.name], frame=pl.concat(frames)[order])
                numbers[one.name] = np.concatenate(its)[order].tolist()
        made = replace(self._about, tables=tables)
        whole.refuse_odd_numbers(made)
        return Group(-1, (), made, numbers)

    # --- the shards -----------------------------------------------------------------------------------------------------

    def _run(self, tasks: Iterable[Task], each: Each, progress: Callable[[int], None]) -> Iterator[Found]:
        for one in each(convert, ((self._rest, task) for task in tasks)):
            progress(one.size)
            yield one

    def tried(self, each: Each, progress: Callable[[int], None]) -> list[Found]:
        """Each shard made, and compared where its ids are surely the source's; and what belongs to nobody is made."""
        found = []
        for one in self._run(self._tasks.values(), each, progress):
            assert one.made is not None
            self._together.add(one.made)
            one.made = None
            found.append(one)
        heights = {one.name: one.height for one in self._datasets}
        self._end = self._together.end(self._rows_of_nobody, self._about, heights)
        return found

    def paired(self, some: Iterable[Found], each: Each, progress: Callable[[int], None]) -> list[Found]:
        """Those shards paired."""
        tasks = (replace(self._tasks[one.number], step="pair") for one in some)
        return list(self._run(tasks, each, progress))

    def compared(
        self, some: Iterable[Found], renames: Mapping[str, str], each: Each, progress: Callable[[int], None]
    ) -> list[Found]:
        """Those shards compared."""
        tasks = (replace(self._tasks[one.number], step="compare", shared=renames) for one in some)
        return list(self._run(tasks, each, progress))

    # --- what is shared -------------------------------------------------------------------------------------------------

    def shared_renames(self, found: Iterable[Found]) -> dict[str, str]:
        """Made to source, of what subjects share: by records, first come, first served; then by study."""
        candidates = [one for each in found for one in each.candidates]
        candidates += self._nobody.candidates(self._together, self._dictionary)
        renames = Renames()
        for one in sorted(candidates, key=lambda one: one.turn):
            renames.pair(one.made, one.source)
        source = {line.key: item.resource for line, item in self._nobody.kept}
        for made, mine in study_pairs(self._end, source):
            renames.pair(made, mine)
        return renames.of

    def renamed(self, renames: Mapping[str, str]) -> bool:
        """Whether something that is shared has another id in the source, or leads elsewhere."""
        lines = {line.key: line.text for line, _ in self._nobody.kept}
        if any(made != source for made, source in renames.items()):
            return True
        made = {name_of(one): encode(one) for one in self._end}
        return not all(same_links(text, lines[name]) for name, text in made.items() if name in lines)

    def end(self, found: Sequence[Found], renames: Mapping[str, str]) -> Ledger:
        """Compare what belongs to nobody; the ledger of all. Raises NotInTurnError where a resource stands in two places."""
        ledger, counted = Ledger("to_sdtm"), Counted()
        made = {name_of(one): encode(one) for one in self._end}
        lines = [line for line, _ in self._nobody.kept]
        comparison = Comparison(made, renames, ledger, counted)
        absent = comparison.absent(one.key for one in lines)
        (self._folder / "000000.absent").write_bytes(b"".join(one + b"\n" for one in absent))
        entries = sorted(comparison.entries(lines), key=lambda one: one[0])
        with (self._folder / "000000.residue").open("wb") as file:
            file.writelines(b"%s%08d%s\n" % (order, at, text) for at, (order, text) in enumerate(entries))
        counted.into(ledger)
        own = hashes(one.key for one in lines)
        keys = np.concatenate([own, *(one.keys for one in found)])
        lonely = np.concatenate([hashes(comparison.lonely), *(one.lonely for one in found)])
        if len(np.unique(keys)) < len(keys):
            raise NotInTurnError("A resource was given twice, by two subjects.", fix="convert the export as a whole")
        if np.isin(lonely, keys).any():
            raise NotInTurnError("A resource stands among another's.", fix="convert the export as a whole")
        for one in found:
            ledger.counts.update(one.ledger.counts)
            ledger.records.update(one.ledger.records)
        return ledger

    def merged(self) -> Path | None:
        """All entries in one file."""
        target = self._folder / "residue.ndjson"
        with target.open("wb") as file:
            file.writelines(_merged(sorted(self._folder.glob("*.absent")), self._folder))
            file.writelines(one[_ORDER:] for one in _merged(sorted(self._folder.glob("*.residue")), self._folder))
        return target if target.stat().st_size else None


class _Nobody:
    """The resources that belong to no subject: shared and loose lines, read as wholes."""

    def __init__(self, plan: Plan, job: Job, dictionary: Dictionary) -> None:
        self.read: list[tuple[int, Located]] = []
        self.left_out: list[int] = []
        files = plan.files
        for lines in (plan.shared, plan.loose):
            for code, line in zip(codes_of(lines).tolist(), lines.read(files, plan.names), strict=True):
                item = bulk_shard.item_of(job, line)
                if item is None:
                    self.left_out.append(code)
                else:
                    self.read.append((code, item))
        held = pool(item for _, item in self.read)
        codes = {id(item): code for code, item in self.read}
        first: dict[Any, int] = {}
        for code, item in self.read:
            named = (item.resource.get("resourceType"), item.resource.get("id") or code)
            first[named] = min(code, first.get(named, code))
        self._held: list[tuple[int, Located]] = []
        for item in held.items:
            named = (item.resource.get("resourceType"), item.resource.get("id") or codes[id(item)])
            self._held.append((first[named], item))
        places = {code for code, _ in self._held}
        self.left_out += [code for code, _ in self.read if code not in places]
        self.told: Told = records_told(held, job.base, job.release, dictionary)
        number_rows(self.told)
        self.kept: list[tuple[Line, Located]] = []
        self.names: dict[tuple[str, int], str] = {}
        self._plan, self._job = plan, job

    def call(self, order: _Order) -> None:
        """Find out what each is called, for which the order of all resources must be known."""
        texts = {
            code: line[2]
            for lines in (self._plan.shared, self._plan.loose)
            for code, line in zip(codes_of(lines).tolist(), lines.read(self._plan.files, self._plan.names), strict=True)
        }
        codes = {id(item): code for code, item in self.read}
        skipped = {id(one) for one in self.told.skipped}
        self._positions = {}
        for place, item in self._held:
            resource = item.resource
            kind = str(resource.get("resourceType"))
            own, position = resource.get("id"), order.position(place)
            key = f"{kind}/{own}" if own else f"{kind}#{position}"
            while any(line.key == key for line, _ in self.kept):
                key += "'"
            at = b"%06d%010d" % (place >> 40, place & ((1 << 40) - 1))
            line = Line(kind, key, texts[codes[id(item)]], at, id(resource) in skipped)
            self.kept.append((line, item))
            self.names[str(item.file), int(item.line or 0)] = key
            self._positions[id(resource)] = position

    def candidates(self, together: Together, dictionary: Dictionary) -> list[Candidate]:
        """The pairs of what was read and what is made of it."""
        keys = {id(item.resource): line.key for line, item in self.kept}
        made = {(one.record.dataset, one.record.number): names_of(one.parts) for one in together.written}
        found = []
        for one in self.told.sources:
            dataset = one.record.dataset
            parts = made.get((dataset, one.record.number), {})
            for part, (its, source) in enumerate(pairs_of(one, parts, keys)):
                turn = (dictionary.rank(dataset), dataset, turn_of(one, self._positions), part)
                found.append(Candidate(turn, its, source))
        return found


def codes_of(lines: Any) -> NDArray[np.int64]:
    """File and line of each as one number, which puts them in reading order."""
    codes: NDArray[np.int64] = (lines.file.astype(np.int64) << 40) | lines.number
    return codes


class _Order:
    """The positions (from 1) that lines have among all resources of the source, in reading order."""

    def __init__(self, plan: Plan, parts: Sequence[Part], nobody: _Nobody) -> None:
        self._every = np.sort(np.concatenate([codes_of(one) for one in (plan.shared, plan.loose, *plan.shards)]))
        gone = list(nobody.left_out)
        for part, lines in zip(parts[1:], plan.shards, strict=True):
            sources = part.sources or Sources()
            if sources.left_out:
                codes = codes_of(lines)
                places = set(sources.moved.values())
                gone += codes[[one for one in sources.left_out if one not in places]].tolist()
                gone += codes[list(sources.moved)].tolist()
        self._gone = np.sort(np.array(gone, np.int64))

    def positions(self, lines: Any) -> NDArray[np.int64]:
        """Of these lines."""
        return self._of(codes_of(lines))

    def position(self, code: int) -> int:
        """Of one line."""
        return int(self._of(np.array([code], np.int64))[0])

    def _of(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.searchsorted(self._every, codes) + 1 - np.searchsorted(self._gone, codes)
        return found


# --- numbers of rows --------------------------------------------------------------------------------------------------


def _numbers(one: Dataset) -> list[int | NDArray[np.int64]]:
    """Of each part of a dataset the numbers (from 1) that its rows have in the whole; of the first, where they stand together."""
    if one.in_order():
        ends = np.cumsum([0, *(part.height for part in one.parts)]) + 1
        return [int(first) for first in ends[:-1]]

    def keys(at: int) -> Iterator[tuple[Any, int]]:
        columns = [(each.name, each.type) for each in one.about.variables]
        for row in typed(one.parts[at].frame(), columns).iter_rows(named=True):
            yield sort_key(row, one.name), at

    found: list[list[int]] = [[] for _ in one.parts]
    merged = heapq.merge(*map(keys, range(len(one.parts))), key=lambda row: row[0])
    for number, (_, at) in enumerate(merged, start=1):
        found[at].append(number)
    return [np.array(its, np.int64) for its in found]


def _by_part(
    datasets: Iterable[Dataset], parts: Iterable[Part], numbers: Mapping[str, list[int | NDArray[np.int64]]]
) -> dict[int, dict[str, int | NDArray[np.int64]]]:
    """The same by shard and dataset."""
    turns = {one.name: iter(numbers[one.name]) for one in datasets if one.name in numbers}
    return {part.number: {name: next(turns[name]) for name in part.stored if name in turns} for part in parts}


# --- entries ----------------------------------------------------------------------------------------------------------


def _merged(paths: Sequence[Path], folder: Path) -> Iterator[bytes]:
    """The lines of sorted files, sorted; only some files are open at a time."""
    turn = 0
    waiting = list(paths)
    while len(waiting) > _AT_ONCE:
        some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        turn += 1
        target = folder / f"merged-{some[0].suffix[1:]}-{turn}"
        with target.open("wb") as file:
            file.writelines(_merge(some))
        for one in some:
            one.unlink()
        waiting.append(target)
    yield from _merge(waiting)


def _merge(paths: Iterable[Path]) -> Iterator[bytes]:
    opened = [path.open("rb") for path in paths]
    try:
        yield from heapq.merge(*opened)
    finally:
        for one in opened:
            one.close()
