"""`trialbridge convert` of what is large: FHIR NDJSON to SDTM in shards, a large study to FHIR NDJSON in turn."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trialbridge import sources
from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.commands.outcome import UNREADABLE_TYPE, Account, Laid, Outcome
from trialbridge.converters import bulk, bulk_fhir
from trialbridge.converters.bulk.scan import NotInLinesError
from trialbridge.converters.ledger import Ledger
from trialbridge.fhir import files as fhir_files
from trialbridge.fhir.files.ndjson import Writer
from trialbridge.fhir.ids import BASE
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from trialbridge.commands.convert_wanted import Wanted
    from trialbridge.converters.bulk import Bulk
    from trialbridge.converters.to_fhir import ToFhir
    from trialbridge.fhir.releases import Release
    from trialbridge.report.progress import Steps
    from trialbridge.sdtm.table import Study
    from trialbridge.sources import Source


def fits(wanted: Wanted, source: Source) -> bool:
    """Whether this conversion can go through its input line by line.

    With residue it does where that pays, or where several workers are asked for: a small export is converted in memory.
    """
    if source.kind != "fhir" or wanted.to != "sdtm" or wanted.lineage or wanted.provenance or wanted.define:
        return False
    if wanted.residue and wanted.workers == 1 and _size(source) < LARGE_EXPORT:
        return False
    return all(fhir_files.sniff(path) == "ndjson" for path in source.paths)


def _size(source: Source) -> int:
    """Bytes of an export, packed ones as they are when unpacked, about."""
    return sum(path.stat().st_size * (10 if path.suffix == ".gz" else 1) for path in source.paths)


def by_one(wanted: Wanted) -> None:
    """Refuse several workers for what one process does. Raises UnknownNameError."""
    if wanted.workers > 1:
        message = (
            "Several workers share FHIR NDJSON on its way to SDTM, and SDTM on its way to FHIR NDJSON; nothing else."
        )
        raise UnknownNameError(message, fix="Leave --workers out, or --lineage, --provenance and --define-xml-path.")


def _reached(steps: Steps, what: str, *, in_bytes: bool = False) -> Callable[[int, int], None]:
    """What tells a step how far it is; the step begins with its first word."""
    begun = False

    def reached(done: int, whole: int) -> None:
        nonlocal begun
        if not begun:
            steps.begin(what, total=whole, in_bytes=in_bytes)
            begun = True
        steps.reach(done)

    return reached


LARGE_EXPORT = 50_000_000
"""Bytes of NDJSON from which on an export goes to SDTM in shards, with residue too."""
BIG = 300_000_000
"""Bytes of FHIR from which on it is said that they are held in memory."""


def memory_note(wanted: Wanted, source: Source) -> list[Finding]:
    """A note where a large export is read into memory as a whole."""
    size = _size(source)
    if wanted.to != "sdtm" or source.kind != "fhir" or size < BIG:
        return []
    message = f"{size / 1e6:,.0f} MB of FHIR are held in memory, several times their size."
    fix = "For bounded memory give NDJSON without Bundles, and no --lineage, --provenance or --define-xml-path."
    return [Finding("TB-IN-MEMORY", Severity.NOTE, Where(), message, fix)]


def outcome(
    wanted: Wanted, source: Source, release: Release | None, version: str | None, steps: Steps, until: ExitStack
) -> Outcome | None:
    """What came of it; the rows lie in files that go with `until`. None where it must be converted in memory."""
    steps.begin("finding whose each line is")
    home = wanted.output.absolute().parent
    try:
        told = until.enter_context(
            bulk.to_sdtm(
                source.paths,
                base=wanted.base_url or BASE,
                release=release or sources.stated_release(source),
                version=version or metadata.LATEST,
                mode="strict" if wanted.check else "mapped",
                mapping=wanted.mapping,
                study_file=wanted.study_file,
                dictionaries=wanted.dictionaries,
                workers=wanted.workers,
                folder=home if home.is_dir() else None,
                progress=_reached(steps, "converting to SDTM", in_bytes=True),
                residue=wanted.residue,
                comparing=_reached(steps, "comparing with the source", in_bytes=True),
            )
        )
    except NotInLinesError:
        source.findings.extend(memory_note(wanted, source))
        return None
    except bulk_fhir.NotInTurnError as error:
        message = f"{error.message} The export was converted in memory as a whole, by one process."
        source.findings.append(Finding("TB-IN-MEMORY", Severity.NOTE, Where(), message))
        return None
    return _outcome(told)


def _outcome(told: Bulk) -> Outcome:
    ledger = Ledger("to_sdtm") if told.beside is None else told.beside.ledger
    accounts = []
    for kind in sorted(told.given):
        name = kind or UNREADABLE_TYPE
        accounts.append(Account(name, told.given[kind], told.kept[kind], told.rejected[kind], told.aside[kind]))
        if told.rejected[kind]:
            ledger.record(name, "rejected", told.rejected[kind])
    return Outcome(
        "fhir",
        "sdtm",
        told.release,
        told.findings,
        accounts,
        bulk=told,
        rejects=told.rejects,
        ledger=ledger,
    )


LARGE = 10_000
"""Rows from which on a study goes to FHIR some subjects at a time, and by several workers if asked."""


def laid_down(
    wanted: Wanted,
    study: Study,
    release: Release,
    formats: tuple[str, ...],
    steps: Steps,
    until: ExitStack,
    findings: list[Finding],
) -> tuple[Laid, ToFhir] | None:
    """A large study as FHIR NDJSON in a folder that goes with `until`, and what is to be said; None if not in turn.

    Raises UnknownNameError where several workers are asked for what they do not share.
    """
    if formats != ("ndjson",) or study.residue:
        by_one(wanted)
        return None
    if sum(one.frame.height for one in study) < LARGE:
        return None
    home = wanted.output.absolute().parent
    name = TemporaryDirectory(prefix=".trialbridge-", dir=home if home.is_dir() else None)
    folder = Path(until.enter_context(name))
    writer = Writer(folder, release)
    whole = False
    try:
        done = bulk_fhir.to_lines(
            study,
            lambda lines: writer.give_lines(lines.kind, lines.text, lines.count),
            base=wanted.base_url or BASE,
            release=release,
            mapping=wanted.mapping,
            study_file=wanted.study_file,
            workers=wanted.workers,
            strict=wanted.check_made,
            progress=_reached(steps, "converting to FHIR, subjects"),
        )
        whole = True
    except bulk_fhir.NotInTurnError as error:
        message = f"{error.message} The study was converted in memory as a whole, by one process."
        findings.append(Finding("TB-IN-MEMORY", Severity.NOTE, Where(), message))
        return None
    finally:
        writer.close(whole=whole)
    return Laid(folder, writer.counts), done
