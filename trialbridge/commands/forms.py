"""The part of `convert` that is about a centre's own tables: forms to SDTM and FHIR, and a study back to forms."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from trialbridge import boundary
from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.commands.outcome import Account, Outcome
from trialbridge.converters.forms import adjudication as forms_adjudication
from trialbridge.converters.forms import template as forms_template
from trialbridge.converters.forms.from_sdtm import to_forms
from trialbridge.converters.forms.lineage import lines
from trialbridge.converters.forms.questions import usable
from trialbridge.converters.forms.to_sdtm import FromForms, to_sdtm
from trialbridge.crf import files
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.located import Reject
from trialbridge.sdtm import metadata
from trialbridge.study_file.load import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from trialbridge.crf.model import Source
    from trialbridge.fhir.releases import Release
    from trialbridge.sdtm.table import Study
    from trialbridge.study_file.model import StudyFile

FORMATS = ("xlsx", "csv", "parquet")
ADJUDICATION = "adjudication.xlsx"


def study_file_of(path: Path | None, source: Source) -> StudyFile:
    """The study file given, or the bundled one where the source is the template. Raises UnreadableInputError."""
    if path is not None:
        return load(path)
    if source.about.get("template"):
        return forms_template.of_workbook(source)
    raise UnreadableInputError(
        "A study file says how these tables become SDTM.", fix="give --study-file; `trialbridge init SOURCE` drafts one"
    )


def read_forms(
    paths: Sequence[Path], study_file: Path | None, adjudication: Path | None, version: str | None
) -> tuple[FromForms, list[forms_adjudication.Entry]]:
    """The study that forms tell, by the decisions there are; and the rows of the adjudication file to write."""
    source = files.read(paths)
    study = study_file_of(study_file, source)
    source = with_headers(source, study, paths)
    entries: list[forms_adjudication.Entry] = []
    unsigned: list[Finding] = []
    decisions: Mapping[str, Any] = {}
    if adjudication is not None:
        entries, given = forms_adjudication.read(adjudication)
        decisions, unsigned = usable(given)
    done = to_sdtm(source, study, decisions, version or metadata.LATEST)
    done.findings[:0] = unsigned
    return done, forms_adjudication.entries_of(done.questions, entries)


def with_headers(source: Source, study: StudyFile, paths: Sequence[Path]) -> Source:
    """The source read again where the study file says which rows are a sheet's header."""
    wanted = {
        one.table or name: (one.header, one.header) if isinstance(one.header, int) else one.header
        for name, one in study.sources.items()
        if one.header is not None
    }
    if not wanted or source.kind != "xlsx":
        return source
    from trialbridge.crf.files import xlsx  # noqa: PLC0415 - loaded with the first reading

    return xlsx.read_all([one for path in paths for one in files.members(path)], wanted)


def from_forms(
    paths: Sequence[Path],
    study_file: Path | None,
    adjudication: Path | None,
    version: str | None,
    release: Release,
    *,
    lineage: bool,
) -> Outcome:
    """Forms as SDTM."""
    done, entries = read_forms(paths, study_file, adjudication, version)
    accounts = [
        Account(name, its["given"], its["used"], its["rejected"], its["idle"]) for name, its in done.records.items()
    ]
    done.findings.extend(boundary.foreign_columns(done.study))
    attachments: dict[str, Callable[[Path], None]] = {}
    if entries:
        attachments[ADJUDICATION] = partial(forms_adjudication.write, entries)
    told = {(one.where.dataset, one.where.row): one for one in done.findings if one.id == "TB-CRF-REJECT"}
    rejects = [
        Reject(told[one.form, one.row], encode(one.cells).decode())
        for one in done.rejected
        if (one.form, one.row) in told
    ]
    origins = {"lineage.ndjson": (encode(one) + b"\n" for one in lines(done.made))} if lineage else {}
    return Outcome(
        "forms",
        "sdtm",
        release,
        done.findings,
        accounts,
        done.study,
        rejects=rejects,
        origins=origins,
        attachments=attachments,
    )


def as_forms(study: Study, study_file: Path | None, kind: str, release: Release) -> Outcome:
    """A study on forms: those of its study file, or of the bundled template."""
    if study_file is None:
        from trialbridge.commands import template  # noqa: PLC0415 - only without a study file

        done = template.filled(study)
    else:
        done = to_forms(study, load(study_file))
    accounts = []
    for table in study:
        if table.name.startswith("SUPP") and table.name not in done.homeless:
            continue  # its rows are cells of their parents'
        aside = done.homeless.get(table.name, 0)
        accounts.append(Account(table.name, table.frame.height, table.frame.height - aside, 0, aside))
    compared = sum(one.compared for one in done.comparison.places)
    different = sum(one.different for one in done.comparison.places)
    message = f"Converted again, the forms give {compared:,} cells, {different:,} of them different."
    findings = [*done.findings, Finding("TB-FORM-PROOF", Severity.NOTE, Where(), message)]
    return Outcome(kind, "forms", release, findings, accounts, forms=done.source)


def checked_formats(given: Sequence[str]) -> tuple[str, ...]:
    """The formats asked for, or the default. Raises UnknownNameError."""
    for one in given:
        if one not in FORMATS:
            raise UnknownNameError(f"There is no format {one!r} of forms.", fix=f"Use {', '.join(FORMATS)}.")
    return tuple(dict.fromkeys(given)) or ("xlsx",)


def write(source: Source, folder: Path, name: str) -> None:
    """Forms as files of one format in a folder."""
    folder.mkdir(exist_ok=True)
    if name == "xlsx":
        from trialbridge.commands import template  # noqa: PLC0415 - loaded when it is written
        from trialbridge.crf.files import workbook  # noqa: PLC0415 - as above

        if source.about.get("template"):
            template.write(source, folder / "forms.xlsx")
        else:
            workbook.write(source, folder / "forms.xlsx")
    elif name == "csv":
        from trialbridge.crf.files import csv  # noqa: PLC0415 - loaded when it is written

        csv.write(source, folder)
    else:
        from trialbridge.crf.files import parquet  # noqa: PLC0415 - as above

        parquet.write(source, folder)
