"""What a user points at: files and folders, recognised by content as SDTM datasets or FHIR, and read.

A folder is taken one level deep. What stands beside data and is none (ledger.json, define.xml, README, …) is passed
over; a file that looks like data by its name and is none is said to be so, never passed over in silence.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Literal

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.study import release_of
from trialbridge.fhir import files as fhir_files
from trialbridge.fhir import releases
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import gather, name_of, reject
from trialbridge.sdtm import files as sdtm_files
from trialbridge.sdtm.files import sniffing
from trialbridge.sdtm.table import Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from trialbridge.fhir.located import Item, Located, Reading, Reject, Resource
    from trialbridge.fhir.releases import Release

Kind = Literal["sdtm", "fhir"]
RESIDUE = "residue.ndjson"
RUN_MANIFEST = "run_manifest.json"
MANIFEST = "manifest.json"
NEIGHBOURS = sdtm_files.KNOWN_NEIGHBOURS | {
    RESIDUE,
    MANIFEST,
    "findings.json",
    "rejects.ndjson",
    "lineage.ndjson",
    "deidentification.json",
    "provenance.ndjson",
    "pull.json",
    "changes.json",
    "changes.csv",
    "resources.json",
    "registry-rest.ndjson",
    "registry-residue.ndjson",
}
_LISTED = 5
_OF_OTHERS = {
    ".sas7bdat": "a SAS data set",
    ".sav": "an SPSS file",
    ".dta": "a Stata file",
    ".rds": "an R file",
    ".xls": "an Excel workbook of before 2007",
}
_EXPORT = "Export it as SAS XPORT version 5, Dataset-JSON, Parquet, XLSX or CSV."
_BINARY = {suffix: name for name in ("xpt", "dsjc", "parquet", "xlsx") for suffix in sdtm_files.FORMATS[name].suffixes}


@dataclass(frozen=True, slots=True)
class Resources:
    """FHIR resources as they were read: iterating gives plain JSON, decimals exact; `items` has the place of each.

    `rejects` holds what is no resource, with its text; `outcomes` a server's OperationOutcomes, which are no study
    data. `release` is R4 (R4B counts as R4) or R5.
    """

    items: tuple[Located, ...]
    release: Release
    rejects: tuple[Reject, ...] = ()
    outcomes: tuple[Located, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Resource]:
        """The resources, in the order read."""
        return (item.resource for item in self.items)

    def __len__(self) -> int:
        """How many resources."""
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Source:
    """What was pointed at: of one kind, the paths to read, and findings on what was passed over."""

    kind: Kind
    paths: tuple[Path, ...]
    given: tuple[Path, ...]
    findings: list[Finding] = field(default_factory=list)


def find(paths: Iterable[Path]) -> Source:
    """Recognises files and folders. Raises UnreadableInputError for what is neither kind, both, missing or empty."""
    given = tuple(paths)
    found: dict[Path, Kind] = {}
    findings: list[Finding] = []
    for path in given:
        if path.is_dir():
            found |= _folder(path, findings)
        elif path.name == RESIDUE:
            continue  # read with the tables, wherever it stands
        else:
            kind = kind_of(path)
            if kind is None:
                raise _unknown(path)
            found[path] = kind
    kinds = set(found.values())
    if len(kinds) > 1:
        first = {kind: next(path.name for path, its in found.items() if its == kind) for kind in ("sdtm", "fhir")}
        message = f"There are SDTM datasets ({first['sdtm']}) and FHIR ({first['fhir']}) here."
        raise UnreadableInputError(message, Where(file=", ".join(map(str, given))), "Name the files of one of them.")
    if not kinds and any((one / RESIDUE).is_file() for one in given):
        return Source("sdtm", (), given, findings)  # FHIR of which the tables hold nothing: all of it is residue
    if not kinds:
        raise UnreadableInputError(_nothing(findings), _where(given), _hint(given))
    return Source(kinds.pop(), tuple(found), given, findings)


def kind_of(path: Path) -> Kind | None:
    """What one file is, by its content; None for neither. Raises UnreadableInputError where there is no such file."""
    if not path.is_file():
        raise UnreadableInputError("There is no such file or folder.", Where(file=str(path)), "Check the path.")
    head = _text_head(path)
    text = sniffing.text_of(head).lstrip().encode() if sniffing.is_utf_16(head) else head
    text = text.removeprefix(sniffing.BOM).lstrip()
    if text[:1] in (b"{", b"["):
        if sniffing.is_utf_16(head):
            raise UnreadableInputError("This is JSON in UTF-16.", Where(file=str(path)), "Save it as UTF-8.")
        return _json_kind(text)
    if text.startswith(b"<"):
        return "fhir"
    return "sdtm" if sdtm_files.sniff(path) else None


def _text_head(path: Path) -> bytes:
    """The beginning of a file, unpacked where it is gzip (both languages may be)."""
    head = sniffing.head_of(path)
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, sniffing.HEAD)
    except zlib.error:
        return head


def _json_kind(text: bytes) -> Kind | None:
    """Which of the marks of the two languages comes first."""
    places = {
        "fhir": text.find(b'"resourceType"'),
        "sdtm": min((at for mark in (b'"datasetJSON', b'"itemGroupOID"') if (at := text.find(mark)) >= 0), default=-1),
    }
    if places["sdtm"] >= 0 and (places["fhir"] < 0 or places["sdtm"] < places["fhir"]):
        return "sdtm"
    return "fhir" if places["fhir"] >= 0 else None


def _folder(folder: Path, findings: list[Finding]) -> dict[Path, Kind]:
    """The data files of a folder. A file that only its name makes data is taken along where the rest is of its kind."""
    if sdtm_files.sniff(folder) == "core":
        return {folder: "sdtm"}
    found: dict[Path, Kind] = {}
    doubtful: list[Path] = []
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        if path.name.startswith(".") or path.name.lower() in NEIGHBOURS:
            continue
        kind = kind_of(path)
        if kind is not None:
            found[path] = kind
        elif path.suffix.lower() in _BINARY:
            name = sdtm_files.FORMATS[_BINARY[path.suffix.lower()]].about
            raise UnreadableInputError(
                f"By its name this is {name}; by its content it is not.", Where(file=str(path)), "Fetch it again."
            )
        else:
            doubtful.append(path)
    if found:
        findings.extend(_folder_within(one) for one in sorted(folder.iterdir()) if one.is_dir() and _is_data(one))
    for path in doubtful:
        if "fhir" in found.values() and path.name.lower().endswith(fhir_files.ENDINGS):
            found[path] = "fhir"  # its reader rejects what is broken, with line and reason
        else:
            findings.append(_passed_over(path))
    return found


def _is_data(folder: Path) -> bool:
    """Whether a sub-folder holds data, by its first file that is any; those with a dot before the name are ours."""
    if folder.name.startswith("."):
        return False
    try:
        files = [one for one in sorted(folder.iterdir()) if one.is_file() and not one.name.startswith(".")]
        return any(one.name.lower() not in NEIGHBOURS and kind_of(one) is not None for one in files)
    except (UnreadableInputError, OSError):
        return True  # data that is broken, or that nobody may look at


def _folder_within(folder: Path) -> Finding:
    """TB-FILE-0001: a sub-folder with data, which is not read."""
    fix = f"Give it as well ({folder}), if it belongs to the study."
    message = "The folder beside the data holds data too: passed over."
    return Finding("TB-FILE-0001", Severity.NOTE, Where(file=f"{folder.name}/"), message, fix)


def _passed_over(path: Path) -> Finding:
    """TB-FILE-0001: a file that may be meant as data and is not read."""
    head = sniffing.head_of(path)
    message = "Neither a dataset (a CSV needs STUDYID among its columns) nor FHIR: passed over."
    fix = "If it should be data, give it by name: the error says what is wrong with it."
    if not head:
        message, fix = "The file is empty: passed over.", "Fetch it again, or remove it."
    elif path.suffix.lower() in _OF_OTHERS:
        message, fix = f"This is {_OF_OTHERS[path.suffix.lower()]}, which is not read: passed over.", _EXPORT
    elif head.startswith(b"\x1f\x8b"):
        message, fix = "Packed by gzip, and neither FHIR NDJSON nor Dataset-JSON: passed over.", "Unpack it."
    return Finding("TB-FILE-0001", Severity.WARNING, Where(file=path.name), message, fix)


def _nothing(passed_over: list[Finding]) -> str:
    """That there is no data, and what was looked at."""
    looked = [str(one.where.file) for one in passed_over]
    listed = ", ".join(looked[:_LISTED]) + (f" and {len(looked) - _LISTED} more" if len(looked) > _LISTED else "")
    return f"There is no dataset and no FHIR here{f' ({listed})' if looked else ''}."


def _where(given: tuple[Path, ...]) -> Where:
    return Where(file=", ".join(map(str, given)) or None)


def _hint(given: tuple[Path, ...]) -> str:
    """Which sub-folders hold data, if any: those just below, else those below them."""
    below = [one for folder in given if folder.is_dir() for one in sorted(folder.iterdir()) if one.is_dir()]
    inner = [one for one in below if _has_data(one)]
    if not inner:
        deeper = [one for folder in below[:_LISTED] for one in sorted(folder.iterdir()) if one.is_dir()]
        inner = [one for one in deeper[:_LISTED] if _has_data(one)]
    known = f"Known are {', '.join(sdtm_files.FORMATS)} for SDTM and {', '.join(fhir_files.FORMATS)} for FHIR; "
    known += "a centre's own tables are converted by a study file (convert --study-file)."
    return f"Give one of {', '.join(map(str, inner))}." if inner else known


def _has_data(folder: Path) -> bool:
    try:
        return bool(_folder(folder, []))
    except UnreadableInputError:
        return True


def _unknown(path: Path) -> UnreadableInputError:
    if not sniffing.head_of(path):
        return UnreadableInputError("The file is empty.", Where(file=str(path)), "Fetch it again.")
    if path.suffix.lower() in _OF_OTHERS:
        message = f"This is {_OF_OTHERS[path.suffix.lower()]}, which is not read."
        return UnreadableInputError(message, Where(file=str(path)), _EXPORT)
    fix = f"SDTM: {', '.join(sdtm_files.FORMATS)} (a CSV needs STUDYID); FHIR: {', '.join(fhir_files.FORMATS)}."
    return UnreadableInputError("This is neither an SDTM dataset nor FHIR.", Where(file=str(path)), fix)


# --- reading ----------------------------------------------------------------------------------------------------------


def read_study(source: Source, encoding: str | None = None) -> Study:
    """The tables and, where `residue.ndjson` stands in a folder given, the residue. Raises UnreadableInputError.

    `encoding` is that of text in XPT (default UTF-8) and in CSV that is not UTF-8. What the reader has to say joins the source's
    findings.
    """
    study = sdtm_files.read(source.paths, encoding=encoding) if source.paths else Study()
    source.findings.extend(study.notes)
    # The place is no part of the study: what is made of it must not hang on where its files lie.
    return replace(study, source="", residue=read_residue(source))


def read_residue(source: Source) -> tuple[Mapping[str, Any], ...]:
    """The entries of the `residue.ndjson` that is given, or that stands in a folder given."""
    homes = [path for path in source.given if path.name == RESIDUE]
    homes += [path / RESIDUE for path in source.given if (path / RESIDUE).is_file()]
    return tuple(entry for home in homes for entry in _residue(home))


def residue_release(source: Source) -> Release | None:
    """The release of the residue that is used, as the run manifest of the conversion that wrote it says; None unsaid.

    Several releases at once are refused. Raises UnreadableInputError.
    """
    homes = [path.parent if path.name == RESIDUE else path for path in source.given]
    told = {name for home in homes if (home / RESIDUE).is_file() and (name := _run_release(home)) is not None}
    if len(told) > 1:
        message = "The residue here is of R4 and of R5."
        raise UnreadableInputError(message, _where(source.given), "Convert the folders one by one.")
    return told.pop() if told else None


def _run_release(home: Path) -> Release | None:
    """What the run manifest in a folder, or beside it where each format has a folder, says of the FHIR read."""
    for manifest in (home / RUN_MANIFEST, home.parent / RUN_MANIFEST):
        if not manifest.is_file():
            continue
        try:
            about = decode(manifest.read_bytes())
        except UnreadableInputError:
            return None
        if not isinstance(about, dict) or about.get("direction") != "fhir to sdtm":
            return None
        name = about.get("fhirRelease")
        return releases.release(name) if isinstance(name, str) else None
    return None


def _residue(path: Path) -> Iterator[Mapping[str, Any]]:
    """The entries of a residue file, as written by a conversion to SDTM."""
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = decode(line)
        except UnreadableInputError as error:
            raise UnreadableInputError(error.message, Where(file=str(path), line=number), error.fix) from None
        if not isinstance(entry, dict) or not isinstance(entry.get("resource"), str):
            where = Where(file=str(path), line=number)
            raise UnreadableInputError("This is no residue entry.", where, "Use residue.ndjson as it was written.")
        yield entry


def read_resources(source: Source, release: Release | None = None) -> Resources:
    """The resources of a source. `release` None: what manifest.json says, else what the elements tell, else R4.

    XML needs its release beforehand: R5 must be said. Raises UnreadableInputError where a file named outright is no
    FHIR; a broken file in a folder becomes a reject.
    """
    release = release or stated_release(source)
    named = set(source.given)
    reading = gather(chain.from_iterable(_items(path, release or "R4", path in named) for path in source.paths))
    return Resources(
        tuple(reading.resources),
        release or release_of(pool(reading.resources)),
        tuple(reading.rejects),
        tuple(reading.outcomes),
        (*reading.findings, *_deleted(reading)),
    )


def _deleted(reading: Reading) -> Iterator[Finding]:
    """TB-FHIR-DELETED: resources that an entry deletes (a history, a $export's `deleted`) and that are here nevertheless."""
    gone: dict[str, Where] = {}
    for one in reading.rejects:
        if one.finding.severity is not Severity.NOTE:
            continue
        entry = decode(one.text.encode())
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") == "DELETE":
            gone["/".join(str(request.get("url")).split("/")[-2:])] = one.finding.where
    here = {name_of(one.resource) for one in reading.resources} if gone else set()
    for name, where in gone.items():
        if name in here:
            message = f"{name} was deleted on the server and is among the resources: it is converted like the others."
            yield Finding("TB-FHIR-DELETED", Severity.WARNING, where, message, "Take it out, or export anew.")


def _items(path: Path, release: Release, named: bool) -> Iterator[Item]:  # noqa: FBT001 - private, one caller
    """The items of one file; what breaks it as a whole is raised for a file the user named, else rejected."""
    try:
        yield from fhir_files.items(path, release)
    except UnreadableInputError as error:
        if named:
            raise
        text = path.read_bytes().decode(errors="replace")
        yield reject(text, Where(file=path.name, line=error.where.line), error.message, error.fix)


def stated_release(source: Source) -> Release | None:
    """The release that a manifest.json of ours states, if a folder has one."""
    for folder in source.given:
        manifest = folder / MANIFEST
        if manifest.is_file():
            try:
                about = decode(manifest.read_bytes())
            except UnreadableInputError:
                continue
            if isinstance(about, dict) and isinstance(about.get("release"), str):
                return releases.release(about["release"])
    return None
