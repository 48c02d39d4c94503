"""`trialbridge convert`: read, check, convert, write, and say what became of every record and cell."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge import boundary, sources
from trialbridge.base.collector import without_collector
from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.commands import outcome as accounting
from trialbridge.commands import output
from trialbridge.commands.convert_wanted import Wanted
from trialbridge.commands.forms_known import are_forms
from trialbridge.commands.outcome import Outcome
from trialbridge.commands.shell import Shell, counts, exit_code, guarded
from trialbridge.converters.chosen import chosen
from trialbridge.converters.doubtful import doubtful
from trialbridge.converters.study import refuse_another_release, to_fhir, to_release, to_sdtm
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.located import Located, Reject
from trialbridge.fhir.releases import release as release_named
from trialbridge.report import progress, summary
from trialbridge.sdtm import metadata
from trialbridge.sdtm.files import known_encoding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.fhir.releases import Release
    from trialbridge.report.progress import Steps
    from trialbridge.sdtm.table import Study
    from trialbridge.sources import Resources, Source

__all__ = ["Wanted", "run"]


def run(wanted: Wanted, *, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, 1 with findings, 2 with nothing written."""
    shell = Shell(as_json, quiet, no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    formats = output.checked_formats(wanted.to, wanted.formats)
    release = release_named(wanted.fhir_version) if wanted.fhir_version else None
    known_encoding(wanted.encoding)
    version = _version(wanted.version)
    with progress.steps(shell.err, shown=shell.speaks) as steps, ExitStack() as until, without_collector():
        steps.begin("reading")
        done, given = _done(wanted, release, version, formats, steps, until)
        done.findings.extend((*accounting.missing(done.accounts), *accounting.nothing_made(done)))
        steps.begin("writing")
        about = {
            "direction": done.direction,
            "formats": list(formats),
            "fhirRelease": done.release,
            "baseUrl": wanted.base_url or BASE,
            "residue": wanted.residue,
            "dictionaries": list(wanted.dictionaries),
            "checked": wanted.check if done.kind == "fhir" else wanted.check_made,
        }
        files = output.write(done, wanted.output, formats, about, given, wanted.encoding)
    if shell.as_json:
        shell.json(accounting.as_dict(done, wanted.output, formats, files) | {"findings": counts(done.findings)})
    elif shell.speaks:
        summary.show(done, wanted.output, formats, shell.out)
    return exit_code(done.findings, Severity(wanted.fail_on))


def _done(
    wanted: Wanted,
    release: Release | None,
    version: str | None,
    formats: tuple[str, ...],
    steps: Steps,
    until: ExitStack,
) -> tuple[Outcome, list[Path]]:
    """What the source becomes, and the files that were given; what it holds on the disk goes with `until`."""
    if wanted.from_ == "forms" or (wanted.from_ is None and _are_forms(wanted)):
        given = [one for one in wanted.sources if one.exists()]
        output.check_target(wanted.output, given, formats)
        return _from_forms(wanted, release or "R4", version, steps), given
    source = sources.find(wanted.sources)
    output.check_target(wanted.output, source.given, formats)
    if wanted.from_ is not None and source.kind != wanted.from_:
        raise UnreadableInputError(f"This is {source.kind}, not {wanted.from_}.", fix="Leave --from out.")
    if source.kind == "sdtm":
        done = _from_sdtm(wanted, source, _release_to_write(wanted, source, release), version, formats, steps, until)
    else:
        done = _in_shards(wanted, source, release, version, steps, until) or _from_fhir(
            wanted, source, release, version, steps
        )
    if wanted.to == "forms":
        done = _as_forms(wanted, source, done)
    done.findings[:0] = source.findings
    return done, list(source.given)


def _release_to_write(wanted: Wanted, source: Source, asked: Release | None) -> Release:
    """The release asked for; else that of the residue, which fits no other; else R4. Raises UnknownNameError."""
    told = sources.residue_release(source) if wanted.residue and wanted.to == "fhir" else None
    if asked is not None and told is not None and asked != told:
        message = f"The tables came from FHIR {told}, and so did {sources.RESIDUE} beside them: it fits no {asked}."
        fix = f"Write {told} (--fhir-version {told}) and then convert that --to-release {asked}; or leave the residue "
        raise UnknownNameError(message, Where(file=sources.RESIDUE), fix + "out (--no-residue).")
    return asked or told or "R4"


def _are_forms(wanted: Wanted) -> bool:
    return wanted.to != "forms" and are_forms(wanted.sources, wanted.study_file)


def _from_forms(wanted: Wanted, release: Release, version: str | None, steps: Steps) -> Outcome:
    """A centre's own tables, as SDTM or on to FHIR."""
    from trialbridge.commands import convert_bulk, forms  # noqa: PLC0415 - only for forms

    if wanted.to == "forms":
        raise UnknownNameError("These are forms already.", fix="Use --to sdtm or --to fhir.")
    convert_bulk.by_one(wanted)
    done = forms.from_forms(
        wanted.sources, wanted.study_file, wanted.adjudication, version, release, lineage=wanted.lineage
    )
    if wanted.to == "sdtm" or done.study is None:
        return done
    steps.begin("converting to FHIR")
    made = to_fhir(done.study, base=wanted.base_url or BASE, release=release, dictionary=_dictionary(wanted))
    done.to, done.ledger, done.study = "fhir", made.ledger, None
    done.resources = made.resources
    done.findings.extend([*made.findings, *_wrongly_made(wanted, made.resources, release, steps)])
    return done


def _wrongly_made(
    wanted: Wanted, resources: Iterable[dict[str, object]], release: Release, steps: Steps
) -> Iterable[Finding]:
    """What is structurally wrong with resources that were made, where that is asked for."""
    if not wanted.check_made:
        return ()
    from trialbridge.converters.bulk_fhir.lines import as_lines, wrong_structure  # noqa: PLC0415 - only with --check

    steps.begin("checking what was made")
    return wrong_structure(as_lines(resources), release)


def _as_forms(wanted: Wanted, source: Source, done: Outcome) -> Outcome:
    """SDTM, read or made of FHIR, on forms."""
    from trialbridge.commands import forms  # noqa: PLC0415 - only for forms

    if done.study is None:
        raise UnknownNameError("There is no study to put on forms.", fix="Check the source.")
    made = forms.as_forms(done.study, wanted.study_file, source.kind, done.release)
    made.findings[:0] = done.findings
    made.rejects = done.rejects
    return made


def _version(name: str | None) -> str | None:
    """`3-4` and `3.4` alike. Raises UnknownNameError."""
    version = name.replace("-", ".") if name else None
    if version is not None and version not in metadata.VERSIONS:
        known = ", ".join(one.replace(".", "-") for one in metadata.VERSIONS)
        raise UnknownNameError(f"SDTMIG {name} is not known.", fix=f"Use {known}.")
    return version


def _from_sdtm(
    wanted: Wanted,
    source: Source,
    release: Release,
    version: str | None,
    formats: tuple[str, ...],
    steps: Steps,
    until: ExitStack,
) -> Outcome:
    study, described = _described(wanted, sources.read_study(source, wanted.encoding))
    if version:
        study = replace(study, version=version)
    if not wanted.residue:
        study = replace(study, residue=())
    findings = [*described, *boundary.foreign_columns(study)]
    if wanted.to == "fhir":
        findings += doubtful(study, _dictionary(wanted))
    from trialbridge.commands import convert_bulk  # noqa: PLC0415 - it imports this module's words

    if wanted.to in ("sdtm", "forms"):
        convert_bulk.by_one(wanted)
        return Outcome("sdtm", "sdtm", release, findings, accounting.rows_kept(study), study)
    steps.begin("converting to FHIR")
    laid = convert_bulk.laid_down(wanted, study, release, formats, steps, until, findings)
    if laid is not None:
        folder, told = laid
        accounts = accounting.rows_accounted(study, told.ledger)
        said = findings + told.findings
        return Outcome("sdtm", "fhir", release, said, accounts, ledger=told.ledger, laid=folder)
    done = to_fhir(study, base=wanted.base_url or BASE, release=release, dictionary=_dictionary(wanted))
    if study.residue and sources.residue_release(source) is None:
        refuse_another_release(done.resources, release)
    accounts = accounting.rows_accounted(study, done.ledger)
    return Outcome(
        "sdtm",
        "fhir",
        release,
        [*findings, *done.findings, *_wrongly_made(wanted, done.resources, release, steps)],
        accounts,
        resources=done.resources,
        ledger=done.ledger,
    )


def _in_shards(
    wanted: Wanted, source: Source, release: Release | None, version: str | None, steps: Steps, until: ExitStack
) -> Outcome | None:
    """What came of it where the input can be gone through line by line, else None. Raises UnknownNameError."""
    from trialbridge.commands import convert_bulk  # noqa: PLC0415 - it imports this module's words

    if convert_bulk.fits(wanted, source):
        return convert_bulk.outcome(wanted, source, release, version, steps, until)
    convert_bulk.by_one(wanted)
    source.findings.extend(convert_bulk.memory_note(wanted, source))
    return None


def _from_fhir(wanted: Wanted, source: Source, release: Release | None, version: str | None, steps: Steps) -> Outcome:
    read = sources.read_resources(source, release)
    findings = list(read.findings)
    rejects = [one for one in read.rejects if one.finding.severity is Severity.ERROR]
    accepted = list(read.items)
    if wanted.check:
        accepted = _checked(read, findings, rejects, steps)
    if wanted.to == "fhir" and wanted.to_release:
        return _in_release(wanted, source, read, accepted, rejects, findings, steps)
    if wanted.to == "fhir":
        accounts = accounting.resources_accounted(read, accepted, rejects, None)
        distinct = pool(accepted)
        findings += distinct.findings
        return Outcome("fhir", "fhir", read.release, findings, accounts, resources=distinct.items, rejects=rejects)
    steps.begin("converting to SDTM")
    done = to_sdtm(
        accepted,
        base=wanted.base_url or BASE,
        release=read.release,
        version=version or metadata.LATEST,
        residue=wanted.residue,
        dictionary=_dictionary(wanted),
    )
    accounts = accounting.resources_accounted(read, accepted, rejects, done.ledger)
    for one in accounts:
        if one.rejected:
            done.ledger.record(one.name, "rejected", one.rejected)
    study, described = _described(wanted, done.study)
    findings += [*done.findings, *described]
    origins = _origins(wanted, accepted, read.release, version)
    return Outcome(
        "fhir",
        "sdtm",
        read.release,
        findings,
        accounts,
        study,
        rejects=rejects,
        ledger=done.ledger,
        origins=origins,
    )


def _described(wanted: Wanted, study: Study) -> tuple[Study, list[Finding]]:
    """The study as the define that is given describes it: labels, lengths and types that it does not have itself."""
    if wanted.define is None:
        return study, []
    from trialbridge.sdtm import define as definitions  # noqa: PLC0415 - only with --define-xml-path
    from trialbridge.sdtm.define.apply import apply  # noqa: PLC0415 - as above

    define, findings = definitions.read(wanted.define)
    return apply(define, study), findings


def _in_release(
    wanted: Wanted,
    source: Source,
    read: Resources,
    accepted: list[Located],
    rejects: list[Reject],
    findings: list[Finding],
    steps: Steps,
) -> Outcome:
    """The resources in another release; what it has no place for is the residue."""
    release = release_named(str(wanted.to_release))
    done = to_release(
        accepted,
        release,
        base=wanted.base_url or BASE,
        source_release=read.release,
        residue=sources.read_residue(source) if wanted.residue else (),
        dictionary=_dictionary(wanted),
    )
    accounts = accounting.resources_accounted(read, accepted, rejects, done.ledger)
    return Outcome(
        "fhir",
        "fhir",
        release,
        [*findings, *done.findings, *_wrongly_made(wanted, done.resources, release, steps)],
        accounts,
        done.study if wanted.residue else None,
        resources=done.resources,
        rejects=rejects,
        ledger=done.ledger,
    )


def _dictionary(wanted: Wanted) -> Dictionary:
    """The dictionary in use: ours, with the study's own lines, and with what its study file says of records."""
    return chosen(wanted.mapping, wanted.study_file, wanted.dictionaries)


def _origins(
    wanted: Wanted, accepted: list[Located], release: Release, version: str | None
) -> dict[str, Iterable[bytes]]:
    """The files that tell where cells came from, by name: a line a cell, a Provenance a row."""
    if not (wanted.lineage or wanted.provenance):
        return {}
    from trialbridge.converters.lineage import as_lines, cells, lineage_of  # noqa: PLC0415 - only when asked for
    from trialbridge.converters.provenance import provenances  # noqa: PLC0415 - as above
    from trialbridge.fhir.jsontext import encode  # noqa: PLC0415 - as above

    base = wanted.base_url or BASE
    of = lineage_of(
        accepted, base=base, release=release, version=version or metadata.LATEST, dictionary=_dictionary(wanted)
    )
    found: dict[str, Iterable[bytes]] = {}
    if wanted.lineage:
        found["lineage.ndjson"] = as_lines(cells(of))
    if wanted.provenance:
        found["provenance.ndjson"] = (encode(one) + b"\n" for one in provenances(cells(of), base=base))
    return found


def _checked(read: Resources, findings: list[Finding], rejects: list[Reject], steps: Steps) -> list[Located]:
    """The resources whose structure is right; the others among the rejects."""
    accepted: list[Located] = []
    steps.begin("checking", total=len(read))
    for one in boundary.sorted_out(read.items, read.release):
        if isinstance(one, Located):
            accepted.append(one)
        elif isinstance(one, Reject):
            rejects.append(one)
            findings.append(one.finding)
        else:
            findings.append(one)
            continue
        steps.advance()
    return accepted
