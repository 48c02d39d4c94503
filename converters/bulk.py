"""A bulk export (FHIR NDJSON) to SDTM in bounded memory, by one process or several, as the whole would be converted.

A first pass finds out whose each line is (bulk_scan); shards of whole subjects are then converted one by one, by the
same functions as a study in memory (bulk_shard), and their rows joined to datasets (bulk_join). The result does not
hang on the number of processes.
"""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from trialbridge.base.collector import without_collector
from trialbridge.converters import bulk_join, bulk_shard
from trialbridge.converters.bulk_scan import SHARD_BYTES, Plan, scan
from trialbridge.converters.bulk_shard import Job, Mode, Part, dictionary_of
from trialbridge.converters.tables import about
from trialbridge.fhir.ids import BASE, system
from trialbridge.sdtm.table import Study, study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.converters.bulk_join import Dataset
    from trialbridge.converters.bulk_lines import Lines
    from trialbridge.converters.package import Package
    from trialbridge.fhir.located import Reject
    from trialbridge.fhir.releases import Release


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
    progress: Callable[[int, int], None] = lambda _done, _whole: None,
) -> Iterator[Bulk]:
    """The study that NDJSON files (plain or gzip) of FHIR tell, without residue.

    `mode` `strict` checks every resource's structure and sets aside what is wrong; `mapped` reads what the lines of the
    dictionary name and checks nothing else. `dictionaries` are names of installed ones (`meddra-27.1`). `folder` is where the rows lie until the end (a temporary folder if not
    given). `progress` is told bytes done and bytes in all. Raises NotInLinesError where a line holds a Bundle.
    """
    with without_collector(), tempfile.TemporaryDirectory(prefix=".trialbridge-", dir=folder) as name:
        spool = Path(name)
        dictionary = dictionary_of(mapping, study_file, dictionaries)
        plan = scan(files, dictionary, system(base, "usubjid"), spool, release, shard_bytes)
        shared = tuple(plan.shared.read(plan.files, plan.names))
        job = Job(shared, base, plan.release, mode, mapping, study_file, dictionaries)
        parts = []
        done = 0
        for part in _parts(job, plan, spool, workers):
            parts.append(part)
            done += part.size
            progress(done, plan.size)
        yield told(plan, parts, bulk_shard.package_in(job), version)


def _parts(job: Job, plan: Plan, folder: Path, workers: int) -> Iterator[Part]:
    """The parts in the order of the shards, by this process or by several.

    Shard 0 has the lines of nobody, and makes the records of the shared ones.
    """
    setting = Setting(job, plan.files, plan.names, folder)
    if workers <= 1 or len(plan.groups) <= 2:
        yield from map(setting.convert, enumerate(plan.groups))
        return
    with get_context("spawn").Pool(min(workers, len(plan.groups)), _start, (setting,)) as pool:
        yield from pool.imap(_convert, enumerate(plan.groups))


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


def _start(setting: Setting) -> None:
    """A worker begins: Ctrl-C is for the parent, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here[:] = [setting]


def _convert(task: tuple[int, Lines]) -> Part:
    return _here[0].convert(task)


def told(plan: Plan, parts: list[Part], package: Package | None, version: str) -> Bulk:
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
    given = plan.given + plan.aside
    given[""] += len(plan.rejects)
    sums["rejected"][""] += len(plan.rejects)
    sums["aside"].update(plan.aside)
    return Bulk(
        bulk_join.joined(parts, package, version),
        findings,
        rejects,
        plan.release,
        package.version if package else version,
        package,
        +given,
        **{name: +total for name, total in sums.items()},
    )
