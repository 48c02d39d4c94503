"""A bulk export (FHIR NDJSON) to SDTM in bounded memory, by one process or several, as the whole would be converted.

A first pass finds out whose each line is (`bulk.scan`); shards of whole subjects are then converted one by one, by the
same functions as a study in memory (`bulk.shard`), and their rows joined to datasets (`bulk.join`). If wanted they are made
into FHIR again and held against the lines (`bulk.residue`). The result does not hang on the number of processes.
"""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from trialbridge.base.collector import without_collector
from trialbridge.converters.bulk import join as bulk_join
from trialbridge.converters.bulk import shard as bulk_shard
from trialbridge.converters.bulk.job import Job, Mode, dictionary_of
from trialbridge.converters.bulk.residue import residue_of
from trialbridge.converters.bulk.scan import SHARD_BYTES, Plan, scan
from trialbridge.converters.columnar import shard as columnar_shard
from trialbridge.converters.tables import about
from trialbridge.fhir.ids import BASE, system
from trialbridge.sdtm.table import Study, study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.converters.bulk.join import Dataset
    from trialbridge.converters.bulk.lines import Lines
    from trialbridge.converters.bulk.part import Part
    from trialbridge.converters.bulk.residue import Each, Residue
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.converters.package import Package
    from trialbridge.fhir.located import Reject
    from trialbridge.fhir.releases import Release

    Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Bulk:
    """What a bulk conversion gives. The datasets' rows lie in files that end with the conversion's `with`."""

    datasets: list[Dataset]
    findings: list[Finding]
    rejects: list[Reject]
    release: Release
    version: str
    package: Package | None
    given: Counter[str]
    kept: Counter[str]
    rejected: Counter[str]
    aside: Counter[str]
    beside: Residue | None = None
    """Residue and ledger, where they are wanted."""

    def study(self) -> Study:
        """All of it in memory."""
        return study((one.table() for one in self.datasets), version=self.version, **about(self.package))


@contextmanager
def to_sdtm(
    files: Iterable[Path],
    *,
    base: str = BASE,
    release: Release | None = None,
    version: str = "3.4",
    mode: Mode = "strict",
    mapping: Path | None = None,
    study_file: Path | None = None,
    dictionaries: tuple[str, ...] = (),
    workers: int = 1,
    folder: Path | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress = lambda _done, _whole: None,
    residue: bool = False,
    comparing: Progress = lambda _done, _whole: None,
) -> Iterator[Bulk]:
    """The study that NDJSON files (plain or gzip) of FHIR tell; with `residue` also what its tables do not hold, and the ledger.

    `mode` `strict` checks every resource's structure and sets aside what is wrong; `mapped` reads what the lines of the
    dictionary name and checks nothing else. `dictionaries` are names of installed ones (`meddra-27.1`). `folder` is where the rows lie until the end (a temporary folder if not
    given). `progress` is told bytes done and bytes in all, `comparing` the same of the residue. Raises NotInLinesError
    where a line holds a Bundle, NotInTurnError where the residue must be made in memory as a whole.
    """
    with without_collector(), tempfile.TemporaryDirectory(prefix=".trialbridge-", dir=folder) as name:
        spool = Path(name)
        dictionary = dictionary_of(mapping, study_file, dictionaries)
        plan = scan(files, dictionary, system(base, "usubjid"), spool, release, shard_bytes)
        shared = tuple(plan.shared.read(plan.files, plan.names))
        job = Job(shared, base, plan.release, mode, mapping, study_file, dictionaries)
        setting = Setting(job, plan.files, plan.names, spool)
        # Group 0 has the lines of nobody, and makes the records of the shared ones.
        with _crew(setting, min(workers, len(plan.shards))) as each:
            parts = []
            reached = _Reached(progress, plan.size)
            for part in each(_convert, enumerate(plan.groups)):
                parts.append(part)
                reached.add(part.size)
            package = bulk_shard.package_in(job)
            found = told(plan, parts, package, version, dictionary)
            if residue:
                reached = _Reached(comparing, plan.size)
                columnar_shard.forget()
                beside = residue_of(plan, parts, found.datasets, job, package, found.version, spool, each, reached.add)
                found = replace(found, beside=beside)
        yield found


class _Reached:
    """Bytes so far, for what tells of progress."""

    def __init__(self, progress: Progress, size: int) -> None:
        self._progress, self._size, self._done = progress, size, 0

    def add(self, size: int) -> None:
        """So many more. Shards that must be gone through again do not count twice."""
        self._done = min(self._size, self._done + size)
        self._progress(self._done, self._size)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a worker needs for any shard."""

    job: Job
    files: tuple[Path, ...]
    names: tuple[str, ...]
    folder: Path | None

    def convert(self, task: tuple[int, Lines]) -> Part:
        """One shard."""
        number, lines = task
        return bulk_shard.convert(self.job, number, lines.read(self.files, self.names), self.folder)


_here: list[Setting] = []


@contextmanager
def _crew(setting: Setting, workers: int) -> Iterator[Each]:
    """Runs a function on each of some items, by this process or by several, and gives the results in their order."""
    if workers <= 1:
        _here[:] = [setting]
        yield map
        return
    with get_context("spawn").Pool(workers, _start, (setting,)) as pool:
        yield pool.imap


def _start(setting: Setting) -> None:
    """A worker begins: Ctrl-C is for the parent, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here[:] = [setting]


def _convert(task: tuple[int, Lines]) -> Part:
    return _here[0].convert(task)


def told(plan: Plan, parts: list[Part], package: Package | None, version: str, dictionary: Dictionary) -> Bulk:
    """What all shards together come to."""
    sums: dict[str, Counter[str]] = {name: Counter() for name in ("kept", "rejected", "aside")}
    findings = list(plan.findings)
    rejects = list(plan.rejects)
    for part in parts:
        findings.extend(part.findings)
        rejects.extend(part.rejects)
        for name, total in sums.items():
            total.update(getattr(part, name))
    findings.extend(bulk_join.numbered(parts))
    datasets = bulk_join.joined(parts, package, version, dictionary.rank)
    findings.extend(bulk_join.unnamed(datasets))
    given = plan.given + plan.aside
    for part in parts:  # the first pass took the type for told
        given.subtract(part.unreadable)
        given[""] += part.unreadable.total()
    given[""] += len(plan.rejects)
    sums["rejected"][""] += len(plan.rejects)
    sums["aside"].update(plan.aside)
    return Bulk(
        datasets,
        findings,
        rejects,
        plan.release,
        package.version if package else version,
        package,
        +given,
        +sums["kept"],
        +sums["rejected"],
        +sums["aside"],
    )
