"""`trialbridge readiness`: which required and expected variables a FHIR export can fill, and what to ask for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from trialbridge import sources
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.base.writing import whole_file
from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.converters.chosen import chosen
from trialbridge.converters.lineage import lineage_of
from trialbridge.converters.queries import as_csv, queries
from trialbridge.converters.readiness import readiness
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.releases import release as release_named
from trialbridge.report import progress, ready
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; `queries` is the CSV to write."""

    sources: tuple[Path, ...]
    queries: Path | None = None
    fhir_version: str | None = None
    version: str | None = None
    base_url: str | None = None
    study_file: Path | None = None


def run(wanted: Wanted, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0 ready, 1 a required variable is missing somewhere, 2 unreadable."""
    shell = Shell(as_json=as_json, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    version = (wanted.version or metadata.LATEST).replace("-", ".")
    metadata.domains(version)  # an unknown version is told before anything is read
    with progress.steps(shell.err, shown=shell.speaks) as steps:
        steps.begin("reading")
        source = sources.find(wanted.sources)
        if source.kind != "fhir":
            where = Where(file=", ".join(map(str, wanted.sources)))
            raise UnreadableInputError("Readiness is asked of FHIR; this is SDTM.", where, "Give the FHIR export.")
        read = sources.read_resources(source, release_named(wanted.fhir_version) if wanted.fhir_version else None)
        steps.begin("converting to SDTM")
        of = lineage_of(
            read.items,
            base=wanted.base_url or BASE,
            release=read.release,
            version=version,
            dictionary=chosen(None, wanted.study_file),
        )
        steps.begin("counting")
        found = readiness(of, version)
        asked = queries(found, of)
    if wanted.queries is not None:
        with whole_file(wanted.queries) as part:
            part.write_text(as_csv(asked), encoding="utf-8", newline="")
    rejects = [one for one in read.rejects if one.finding.severity is Severity.ERROR]
    if shell.as_json:
        about = {**found.as_dict(), "unreadable": len(rejects), "queries": [asdict(one) for one in asked]}
        shell.json(about)
    else:
        ready.show(found, asked, shell.out)
        if rejects:
            shell.out.print(f"[red]{len(rejects):,} resources could not be read[/]: trialbridge convert names them")
        if wanted.queries is not None:
            shell.out.print(f"written: {wanted.queries}", markup=False, soft_wrap=True)
    return CLEAN if found.ready else FOUND
