"""Residue and ledger of a bulk export, shard by shard, in bounded memory: what `study.to_sdtm` finds in memory.

The rows lie in files already (`bulk.shard`). What subjects share is made first, from DM's rows of all subjects
(`bulk_fhir.shared`); then each shard's rows are made into FHIR again and held against its lines
(`bulk.residue_shard`), which are read once more; what belongs to nobody comes last. Entries lie in files, a shard's in
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

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.bulk.join import typed
from trialbridge.converters.bulk.part import Sources
from trialbridge.converters.bulk.residue_nobody import Nobody
from trialbridge.converters.bulk.residue_order import meet, numbers_of, positions
from trialbridge.converters.bulk.residue_shard import (
    Found,
    Rest,
    Task,
    convert,
    group_of,
    in_turn,
    write_entries,
    write_names,
)
from trialbridge.converters.bulk_fhir import shared as bulk_fhir_shared
from trialbridge.converters.bulk_fhir.group import Group, NotInTurnError, bare, not_in_turn
from trialbridge.converters.bulk_fhir.shared import Together
from trialbridge.converters.ledger import Ledger
from trialbridge.converters.pairs import Renames, name_of, study_pairs
from trialbridge.converters.residue_lines import Comparison, Counted, same_links
from trialbridge.converters.tables import about as told_of
from trialbridge.fhir.jsontext import encode
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from trialbridge.converters.bulk.job import Job
    from trialbridge.converters.bulk.join import Dataset
    from trialbridge.converters.bulk.part import Part
    from trialbridge.converters.bulk.scan import Plan
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.package import Package
    from trialbridge.mappings.kit import Resource
    from trialbridge.sdtm.table import Study, Table

    Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]

_DEMOGRAPHICS = frozenset({"DM", "SUPPDM"})
_ORDER = 24
"""Bytes before an entry: its place and turn."""
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
        self._nobody = Nobody(plan, job, self._dictionary)
        self._numbers = numbers_of(datasets, parts)
        self._positions = positions(plan.index, parts, plan.shards, self._nobody.left_out)
        self._nobody.call(self._positions)
        self._tasks = {
            one.number: Task(one.number, one.sources or Sources(), one.subjects, one.stored, self._numbers[one.number])
            for one in parts
            if one.number
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
        rest = Rest(
            job,
            plan.files,
            plan.names,
            setting,
            empty,
            self._folder,
            plan.shards,
            self._positions,
            self._nobody.names,
        )
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
        folder = self._folder
        write_entries(folder / "000000.absent", comparison.absent(one.key for one in lines))
        write_entries(folder / "000000.residue", in_turn(comparison.entries(lines)))
        counted.into(ledger)
        write_names(folder / "000000.keys", (one.key for one in lines))
        write_names(folder / "000000.lonely", comparison.lonely)
        twice, among = meet(list(folder.glob("*.keys")), list(folder.glob("*.lonely")))
        if twice:
            raise NotInTurnError("A resource was given twice, by two subjects.", fix="convert the export as a whole")
        if among:
            raise NotInTurnError(
                "What a subject's rows make stands among another's resources.", fix="convert the export as a whole"
            )
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
