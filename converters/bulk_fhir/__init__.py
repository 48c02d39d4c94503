"""A large study to FHIR, some subjects at a time, by one process or several: no more than a group's resources are held.

What subjects share is made first (`bulk_fhir.shared`), then each group of subjects in surroundings of its own
(`bulk_fhir.group`), so that the result does not hang on the number of processes; what is shared is given at the end.
"""

from __future__ import annotations

import signal
from multiprocessing import get_context
from typing import TYPE_CHECKING

from trialbridge.base.collector import without_collector
from trialbridge.converters.bulk.job import dictionary_of
from trialbridge.converters.bulk_fhir import group as groups
from trialbridge.converters.bulk_fhir import lines as bulk_fhir_lines
from trialbridge.converters.bulk_fhir.group import Group, Made, NotInTurnError, Setting
from trialbridge.converters.bulk_fhir.lines import Lines, as_lines
from trialbridge.converters.bulk_fhir.plan import plan
from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.fhir.ids import BASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trialbridge.converters.bulk_fhir.plan import Plan
    from trialbridge.converters.to_fhir import ToFhir
    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Study

__all__ = ["AT_ONCE", "Lines", "NotInTurnError", "to_fhir", "to_lines"]

AT_ONCE = 200
"""Subjects whose resources are held at a time."""


def to_fhir(
    study: Study,
    give: Callable[[list[Resource]], None],
    *,
    base: str = BASE,
    release: Release = "R4",
    dictionary: Dictionary = DICTIONARY,
    at_once: int = AT_ONCE,
) -> ToFhir:
    """The resources of a study, given to `give` in lists; the outcome has findings and ledger, and no resources.

    The same resources as `study.to_fhir` makes, subject by subject. The study has no residue. Raises DoesNotFitError as
    that does, and NotInTurnError, after having given some, where it must be converted as a whole.
    """
    with without_collector():
        found = plan(study, base, release, dictionary, at_once)
        for group in found.cut.groups():
            made = groups.convert(found.setting, group, dictionary)
            found.together.add(made)
            give(made.resources)
        give(found.end())
    return found.together.result


def to_lines(
    study: Study,
    give: Callable[[Lines], None],
    *,
    base: str = BASE,
    release: Release = "R4",
    mapping: Path | None = None,
    study_file: Path | None = None,
    workers: int = 1,
    at_once: int = AT_ONCE,
    strict: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _whole: None,
) -> ToFhir:
    """As `to_fhir`, the resources as NDJSON, made by `workers` processes: the same bytes with any number of them.

    A study's own lines go by their files, for a dictionary does not travel. `progress` is told subjects done and in all.
    With `strict` all that is made is held against FHIR's structure, element by element; what is wrong is a finding.
    """
    files = (mapping, study_file)
    done = 0
    with without_collector():
        found = plan(study, base, release, dictionary_of(*files), at_once)
        for made, lines in _made(found, (found.setting, files, strict), workers):
            found.together.add(made)
            for one in lines:
                give(one)
            done += min(at_once, len(found.cut.subjects) - done)
            progress(done, len(found.cut.subjects))
        last = as_lines(found.end())
        for one in last:
            give(one)
        if strict:
            found.together.result.findings.extend(bulk_fhir_lines.wrong_structure(last, release))
    return found.together.result


_Files = tuple["Path | None", "Path | None"]
_Work = tuple[Setting, _Files, bool]


def _made(found: Plan, work: _Work, workers: int) -> Iterator[tuple[Made, list[Lines]]]:
    """What came of the groups, in their order, by this process or by several."""
    if workers <= 1 or found.cut.count <= 1:
        yield from (_work(work, group) for group in found.cut.groups())
        return
    with get_context("spawn").Pool(min(workers, found.cut.count), _start, (work,)) as pool:
        yield from pool.imap(_convert, found.cut.groups())


def _work(work: _Work, group: Group) -> tuple[Made, list[Lines]]:
    setting, files, strict = work
    with without_collector():
        return bulk_fhir_lines.convert(setting, group, dictionary_of(*files), strict=strict)


_here: list[_Work] = []


def _start(work: _Work) -> None:
    """A worker begins: Ctrl-C is for the parent, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here[:] = [work]


def _convert(group: Group) -> tuple[Made, list[Lines]]:
    return _work(_here[0], group)
