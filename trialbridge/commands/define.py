"""`trialbridge define`: the Define-XML of a study, and its page and specification workbook."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from trialbridge import api, sources
from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Severity, Where
from trialbridge.commands.shell import CLEAN, Shell, exit_code, guarded
from trialbridge.converters.chosen import chosen
from trialbridge.converters.define_origins import told
from trialbridge.converters.study import to_sdtm
from trialbridge.report.summary import show_findings
from trialbridge.sdtm import define as definitions
from trialbridge.sdtm import metadata, terminology
from trialbridge.sdtm.define import build
from trialbridge.sdtm.define import html as page
from trialbridge.sdtm.define import specification_write as specification
from trialbridge.sdtm.define import xml as files
from trialbridge.sdtm.define.specification_losses import losses

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.fhir.releases import Release
    from trialbridge.sdtm.define.model import Define
    from trialbridge.sdtm.table import Study

SUFFIXES = (".xml", ".html", ".xlsx")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for: a study, or a define or specification to be written in another form."""

    sources: tuple[Path, ...]
    outputs: tuple[Path, ...]
    spec: Path | None = None
    mapping: Path | None = None
    study_file: Path | None = None
    fhir_version: str | None = None
    version: str | None = None
    package: str | None = None
    dictionaries: tuple[str, ...] = ()
    archive: str = "xpt"
    crf: str = ""
    documents: tuple[str, ...] = ()
    created: str | None = None
    stylesheet: str = ""


def run(wanted: Wanted, *, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, 1 where something could not be said rightly, 2 where the source is unreadable."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)
    return guarded(shell, lambda: _run(wanted, shell))


def _run(wanted: Wanted, shell: Shell) -> int:
    for one in wanted.outputs:
        if one.suffix.lower() not in SUFFIXES:
            raise UnknownNameError(
                f"{one.name} is no kind of define.", fix=f"Name a file that ends in {', '.join(SUFFIXES)}."
            )
    define, findings = _made(wanted)
    for one in wanted.outputs:
        write(define, one, wanted.stylesheet)
        if one.suffix.lower() == ".xlsx":
            findings = [*findings, *losses(define, one)]
    if shell.as_json:
        shell.json(
            {
                **_counts(define),
                "findings": [one.as_dict() for one in findings],
                "files": [str(one) for one in wanted.outputs],
            }
        )
    elif shell.speaks:
        told_counts = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in _counts(define).items())
        shell.out.print(
            f"Define-XML {define.version} of {define.study_name}: {told_counts}", markup=False, soft_wrap=True
        )
        show_findings(findings, shell.out)
        shell.out.print(f"written: {', '.join(str(one) for one in wanted.outputs)}", markup=False, soft_wrap=True)
    return exit_code(findings, Severity.ERROR) if findings else CLEAN


def _counts(define: Define) -> dict[str, int]:
    return {
        "datasets": len(define.datasets),
        "variables": sum(len(one.items) for one in define.datasets),
        "value_level_items": sum(len(one.items) for one in define.value_lists),
        "codelists": len(define.codelists),
        "methods": len(define.methods),
        "comments": len(define.comments),
    }


def write(define: Define, target: Path, stylesheet: str = "") -> None:
    """The define in the form that the file's ending names."""
    ending = target.suffix.lower()
    if ending == ".xml":
        files.write(define, target, stylesheet)
    elif ending == ".html":
        page.write(define, target)
    else:
        specification.write(define, target)


def _made(wanted: Wanted) -> tuple[Define, list[Finding]]:
    """The define of the sources: read where it is one, made where they are a study."""
    if len(wanted.sources) == 1 and definitions.sniff(wanted.sources[0]):
        _only_of_a_study(wanted)
        return definitions.read(wanted.sources[0])
    dictionary = chosen(wanted.mapping, wanted.study_file)
    study, release = _study(wanted, dictionary)
    package = terminology.load(wanted.package) if wanted.package else _package(study)
    about = build.About(
        created=wanted.created or _created(wanted.sources),
        archive=wanted.archive,
        dictionaries=dict(_named(one) for one in wanted.dictionaries),
        crf=wanted.crf,
        documents=tuple(_document(one) for one in wanted.documents),
        software=installed("trialbridge"),
        **_identity(wanted.study_file),
    )
    define, findings = build.define_of(study, package, about, told(study, release, dictionary))
    if wanted.spec is not None:
        spec, more = definitions.read(wanted.spec)
        define, unused = definitions.overlay(define, spec, wanted.spec.name)
        findings = [*findings, *more, *unused]
    return define, findings


def _only_of_a_study(wanted: Wanted) -> None:
    """Refuse what would be passed over when a define is written in another form. Raises UnknownNameError."""
    given = {
        "--spec": wanted.spec,
        "--mapping": wanted.mapping,
        "--study-file": wanted.study_file,
        "--controlled-terminology-package": wanted.package,
        "--dictionary": wanted.dictionaries,
        "--acrf": wanted.crf,
        "--document": wanted.documents,
        "--created": wanted.created,
    }
    names = ", ".join(name for name, value in given.items() if value)
    if names:
        message = f"{wanted.sources[0].name} is a define already, which is written as it is: {names} is for a study."
        raise UnknownNameError(message, fix="leave it out, or name the study")


def _identity(study_file: Path | None) -> dict[str, str]:
    """Title and registry number, as the study file has them."""
    if study_file is None:
        return {}
    from trialbridge.study_file.load import load  # noqa: PLC0415 - only with --study-file

    study = load(study_file).study
    return {"study_text": study.title or "", "protocol": study.registry or ""}


def _study(wanted: Wanted, dictionary: Dictionary) -> tuple[Study, Release | None]:
    """The study, and the release it was converted from if it is FHIR."""
    found = sources.find(wanted.sources)
    if found.kind == "sdtm":
        return sources.read_study(found), None
    read = api.read(wanted.sources, kind="fhir", release=wanted.fhir_version)
    version = (wanted.version or metadata.LATEST).replace("-", ".")
    done = to_sdtm(read.items, release=read.release, version=version, residue=False, dictionary=dictionary)
    if not done.study.tables:
        raise UnreadableInputError("The resources hold no study.", Where(file=str(wanted.sources[0])))
    return done.study, read.release


def _package(study: Study) -> terminology.Terminology:
    """The package the study names, if it is there; else the one in use."""
    return terminology.load(study.ct) if study.ct in terminology.available() else terminology.default()


def _named(text: str) -> tuple[str, str]:
    name, equals, version = text.partition("=")
    if not (name and equals and version):
        raise UnknownNameError(f"{text!r} is no dictionary with its version.", fix="Write --dictionary MedDRA=27.1.")
    return name, version


def _document(text: str) -> tuple[str, str]:
    href, _, title = text.partition("=")
    return href, title or href


def _created(given: tuple[Path, ...]) -> str:
    """When it was made: what SOURCE_DATE_EPOCH says, else when the newest file of the source was written."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        seconds = float(epoch)
    else:
        files_read = [file for one in given for file in (one.iterdir() if one.is_dir() else [one]) if file.is_file()]
        seconds = max((one.stat().st_mtime for one in files_read), default=0.0)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
