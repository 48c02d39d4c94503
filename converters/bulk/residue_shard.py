"""The residue of one shard: its rows made into FHIR again, and held against its lines.

Where each record surely makes the very resource it was read from, by the same id and with the same references, lines
are compared at once. Else what is made is paired with what the records were read from (`bulk.residue_links`), as a study
in memory does it; where resources that subjects share are others in the source, that is told to all shards first.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from trialbridge.base.collector import without_collector
from trialbridge.base.finding import Where
from trialbridge.converters import to_fhir as whole
from trialbridge.converters.bulk.join import typed
from trialbridge.converters.bulk.lines import head_of, kind_at_once
from trialbridge.converters.bulk.residue_links import Linked
from trialbridge.converters.bulk.residue_made import MadeRecords
from trialbridge.converters.bulk.residue_order import codes_of
from trialbridge.converters.bulk_fhir import lines as bulk_fhir_lines
from trialbridge.converters.bulk_fhir.group import Group, not_in_turn
from trialbridge.converters.columnar.plans import STEP
from trialbridge.converters.ledger import Ledger
from trialbridge.converters.pairs import Renames
from trialbridge.converters.residue_lines import Comparison, Counted, Line, same_links

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from trialbridge.converters.bulk.index import Groups
    from trialbridge.converters.bulk.job import Job
    from trialbridge.converters.bulk.lines import Lines
    from trialbridge.converters.bulk.part import Sources, Stored
    from trialbridge.converters.bulk.residue_order import Positions
    from trialbridge.converters.bulk_fhir.group import Made, Setting
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.sdtm.table import Study

Step = Literal["try", "pair", "compare"]
"""Pair, if need be, and compare, if nothing shared is another; pair; compare."""
_MOST = 40_000
"""Entries that are remembered of what was made, from one shard to the next: memory has two directions to hold."""
_QUOTE = b'"'


@dataclass(frozen=True, slots=True)
class Rest:
    """What every shard's residue is made with; it lies in a file. `about` describes the datasets, without rows."""

    job: Job
    files: tuple[Path, ...]
    names: tuple[str, ...]
    setting: Setting
    about: Study
    folder: Path
    shards: Groups
    positions: Positions
    shared: list[str | None]
    """What the shared lines' resources are called (`bulk.shard.shared_items`); None for those that are given again."""


@dataclass(frozen=True, slots=True)
class Task:
    """A shard: its number (from 1), which of its lines hold resources, and its rows.

    `numbers` are the numbers (from 1) that the rows have in their datasets, or that of the first where they stand together.
    """

    number: int
    sources: Sources
    subjects: tuple[str, ...]
    stored: dict[str, Stored]
    numbers: dict[str, int | NDArray[np.int64]]
    step: Step = "try"
    shared: Mapping[str, str] = field(default_factory=dict)
    """Renames of what subjects share."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair of resources that subjects share, and the turn in which it comes."""

    turn: tuple[int, str, int, int]
    made: str
    source: str


@dataclass(slots=True)
class Found:
    """What came of a shard. Not `compared`: candidates alone; its own pairs lie in a file."""

    number: int
    size: int
    made: Made | None
    compared: bool = False
    candidates: list[Candidate] = field(default_factory=list)
    ledger: Ledger = field(default_factory=lambda: Ledger("to_sdtm"))


def write_names(path: Path, names: Iterable[str]) -> None:
    """A number for each name, the same in every process, in order, as a file."""
    numbers = np.sort(pl.Series(names, dtype=pl.String).hash(seed=0).to_numpy())
    path.write_bytes(numbers.tobytes())


@lru_cache(maxsize=1)
def _rest(path: Path) -> Rest:
    rest: Rest = pickle.loads(path.read_bytes())  # noqa: S301 - made by us, for our own processes
    return rest


@lru_cache(maxsize=1)
def _counted() -> Counted:
    return Counted()


def convert(work: tuple[Path, Task]) -> Found:
    """One step of one shard. Raises NotInTurnError where the residue must be made in memory as a whole."""
    path, task = work
    with without_collector():
        return _Shard(_rest(path), task).run()


def source_lines(lines: Lines, sources: Sources, rest: Rest) -> list[Line | None]:
    """The lines that hold resources of the study, each in its place."""
    left_out, moved, skipped = set(sources.left_out), sources.moved, sources.skipped
    codes = codes_of(lines).tolist()
    begins: dict[str, bytes] = {}
    seen: set[str] = set()
    found: list[Line | None] = []
    for at, (_, _, text) in enumerate(lines.read(rest.files, rest.names)):
        if at in left_out:
            found.append(None)
            continue
        kind = kind_at_once(text)
        begin = begins.get(kind) or begins.setdefault(kind, b'{"resourceType":"%s","id":"' % kind.encode())
        own: Any = text[len(begin) : text.find(b'"', len(begin))] if text.startswith(begin) else b"\\"
        own = head_of(text).id if b"\\" in own else own.decode()
        code = codes[moved.get(at, at)]
        key = f"{kind}/{own}" if own else f"{kind}#{rest.positions.of(code)}"
        while key in seen:
            key += "'"
        seen.add(key)
        found.append(Line(kind, key, text, code, at in skipped))
    return found


def group_of(
    task: Task, about: Study, only: Container[str] | None = None
) -> tuple[Group, dict[str, NDArray[np.int64]]]:
    """The rows of a shard's subjects; and of each dataset which of the stored rows these are."""
    tables, numbers, places = {}, {}, {}
    for one in about:
        stored = task.stored.get(one.name)
        if stored is None or stored.nobody == stored.height or (only is not None and one.name not in only):
            continue
        frame = typed(stored.frame(), [(each.name, each.type) for each in one.variables])
        own: Any = np.arange(frame.height)
        if stored.nobody:
            own = np.flatnonzero(frame["USUBJID"].is_not_null().to_numpy())
            frame = frame[own]
        given = task.numbers[one.name]
        its = own + given if isinstance(given, int) else given[own]
        _refuse_odd_numbers(one.name, frame, its)
        tables[one.name] = replace(one, frame=frame)
        numbers[one.name] = its.tolist()
        places[one.name] = own
    return Group(task.number, task.subjects, replace(about, tables=tables), numbers), places


def _refuse_odd_numbers(name: str, frame: pl.DataFrame, numbers: NDArray[np.int64]) -> None:
    """As `to_fhir.refuse_odd_numbers`, by the rows' numbers in the whole dataset."""
    for one in frame:
        if one.dtype == pl.Float64:
            odd = one.is_finite().fill_null(value=True).not_().arg_true()
            if len(odd):
                raise whole.odd_number(Where(dataset=name, row=int(numbers[int(odd[0])]), variable=one.name))


class _Shard:
    """One shard at work."""

    def __init__(self, rest: Rest, task: Task) -> None:
        self.rest = rest
        self.task = task
        self.dictionary: Dictionary = rest.job.dictionary()
        self.lines: list[Line | None] = []
        self.made: dict[str, bytes] = {}
        self.records: MadeRecords
        self.kept: dict[str, NDArray[np.int64]] = {}
        self.found = Found(task.number, 0, None)

    def make(self) -> None:
        """Make the rows into FHIR again."""
        rest, task = self.rest, self.task
        group, self.kept = group_of(task, rest.about)
        self.records = MadeRecords(group, rest.setting)
        made, texts = bulk_fhir_lines.convert(rest.setting, group, self.dictionary, watch=self.records.take)
        bulk_fhir_lines.bound(rest.setting, self.dictionary, _MOST)
        self.found.made = made if task.step == "try" else None
        while texts:
            each = texts.pop(0)
            self.made.update(_named(each.kind, each.text))

    def read(self) -> list[Line]:
        """Read the lines; those that hold resources of the study."""
        lines = self.rest.shards[self.task.number - 1]
        self.found.size = int(lines.length.sum())
        self.lines = source_lines(lines, self.task.sources, self.rest)
        return [one for one in self.lines if one is not None]

    def run(self) -> Found:
        if self.task.step == "compare":
            path = self._path("pairs")
            own, self.made = pickle.loads(path.read_bytes())  # noqa: S301 - made by us
            path.unlink()
            self._compare(self.read(), own | dict(self.task.shared))
            return self.found
        self.make()
        source = self.read()
        write_names(self._path("keys"), (one.key for one in source))
        if self.task.step == "try" and self._surely_the_same():
            self._compare(source, {})
        else:
            own = self._pair()
            if self.task.step == "try" and all(one.made == one.source for one in self.found.candidates):
                self._compare(source, own)
                self._path("pairs").unlink()
        return self.found

    # --- comparing ----------------------------------------------------------------------------------------------------

    def _compare(self, source: list[Line], renames: Mapping[str, str]) -> None:
        ledger, counted = self.found.ledger, _counted()
        counted.begin()
        comparison = Comparison(self.made, renames, ledger, counted)
        write_entries(self._path("absent"), comparison.absent(one.key for one in source))
        write_entries(self._path("residue"), in_turn(comparison.entries(source)))
        counted.into(ledger)
        write_names(self._path("lonely"), comparison.lonely)
        self.found.compared = True

    def _path(self, name: str) -> Path:
        return self.rest.folder / f"{self.task.number:06}.{name}"

    # --- pairing ------------------------------------------------------------------------------------------------------

    def _surely_the_same(self) -> bool:
        """Whether each record makes the resource it was read from, by its id, and leads to the same parts."""
        for name, rows, made in self.records.primaries():
            places = self._places(name)[0][self.kept[name][rows]]
            at = places // STEP
            if (at >= len(self.lines)).any():
                return False  # read from what stands in for a resource
            for line, one in zip(at.tolist(), made, strict=True):
                its = self.lines[line] if line >= 0 else None
                if line >= 0 and (its is None or its.key != one):
                    return False
        return all(
            one.text == text or same_links(text, one.text)
            for one in self.lines
            if one is not None and (text := self.made.get(one.key)) is not None
        )

    def _places(self, name: str) -> NDArray[np.int64]:
        """Of the stored rows of a dataset: places, and the numbers of the mappings that read them."""
        spooled = self.task.stored[name].places
        assert spooled is not None
        return np.frombuffer(spooled.read(), np.int64).reshape(2, -1)

    def _pair(self) -> dict[str, str]:
        """Pair what was read with what is made, record by record, and lay down what is made."""
        own, known, candidates = Renames(), {one.key for one in self.lines if one is not None}, {}
        read = Linked(self.lines, self.rest, self.task.sources, self.dictionary)
        for dataset in sorted(self.kept, key=lambda one: (self.dictionary.rank(one), one)):
            rows = self.kept[dataset]
            places, readers = self._places(dataset)[:, rows]
            for row in np.argsort(places, kind="stable").tolist():
                its = self.records.parts(dataset, row)
                pairs = read.pairs(dataset, int(places[row]), int(readers[row]), its) if its else ()
                for part, (made, source) in enumerate(pairs):
                    if (made in self.made) is not (source in known):
                        raise not_in_turn(made)
                    if made in self.made:
                        own.pair(made, source)
                    elif (made, source) not in candidates:
                        turn = (self.dictionary.rank(dataset), dataset, read.turn(int(places[row])), part)
                        candidates[made, source] = Candidate(turn, made, source)
        self.found.candidates = list(candidates.values())
        self._path("pairs").write_bytes(pickle.dumps((own.of, self.made)))
        return own.of


def _named(kind: str, text: bytes) -> Iterable[tuple[str, bytes]]:
    """What each of our own lines is called, and the line."""
    begin = len(b'{"resourceType":"","id":"') + len(kind.encode())
    for line in text.split(b"\n"):
        if line:
            yield f"{kind}/{line[begin : line.index(_QUOTE, begin)].decode()}", line


def in_turn(entries: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """Entries of resources, each behind its turn: by the resource's place, then as they come."""
    ordered = sorted(entries, key=lambda one: one[0])
    return (b"%016x%08d%s" % (place, at, text) for at, (place, text) in enumerate(ordered))


def write_entries(path: Path, lines: Iterable[bytes]) -> None:
    """Lines into a file, in place of what was there; none, where there are none."""
    text = b"\n".join([*lines, b""])
    if text:
        path.write_bytes(text)
    else:
        path.unlink(missing_ok=True)
