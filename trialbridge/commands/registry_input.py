"""What a user calls a record: a registry's file, FHIR, or a folder that one of our own conversions wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge import api, sources
from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.converters.registry import fhir as registry_fhir
from trialbridge.converters.registry import sdtm as registry_sdtm
from trialbridge.converters.registry.rest import Rest, parsed
from trialbridge.fhir.jsontext import decode
from trialbridge.registry.contacts import without_contacts
from trialbridge.registry.files import formats
from trialbridge.registry.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trialbridge.base.finding import Finding

RECORD, REST, RESIDUE = "record.json", "registry-rest.ndjson", "registry-residue.ndjson"
PRS = "prs.xml"
DESIGN = ("TS", "TI", "TA", "TE", "TV")
KNOWN = "A record is API v2 JSON, PRS or public XML, FHIR with a ResearchStudy, or trial design datasets (TS, TI …)."


@dataclass(frozen=True, slots=True)
class Given:
    """A record, what was found while it was read, what it was read from, and FHIR that no record holds."""

    record: Record
    findings: tuple[Finding, ...]
    kind: str
    residue: tuple[Mapping[str, Any], ...] = field(default=())


def read(path: Path, *, with_contacts: bool = False) -> Given:
    """The one record a path holds. Raises UnreadableInputError for none, and for several."""
    if path.is_dir() and (path / RECORD).is_file():
        return _own_folder(path, with_contacts=with_contacts)
    if path.is_dir() and (path / PRS).is_file():
        path = path / PRS
    if path.is_file() and _is_registry_file(path):
        found = formats.read(path, with_contacts=with_contacts)
        record, findings = _one([(one, tuple(said)) for one, said in found], path)
        return Given(record, findings, "registry")
    source = _found(path)
    if source.kind == "sdtm":
        return _trial_design(path, with_contacts=with_contacts)
    resources = api.read(path, kind="fhir", release=_release(path))
    found_studies = registry_fhir.to_records(
        resources.items, resources.release, with_contacts=with_contacts, source=str(path)
    )
    if not found_studies:
        message = "The FHIR holds no ResearchStudy."
        raise UnreadableInputError(message, Where(file=str(path)), "give the study's resource or Bundle")
    one = _one([(one, ()) for one in found_studies], path)[0]
    return Given(one.record, (*resources.findings, *one.findings), "fhir", one.residue)


def _is_registry_file(path: Path) -> bool:
    with path.open("rb") as file:
        return formats.sniff(file.read(formats.HEAD)) is not None


def _found(path: Path) -> sources.Source:
    """What else a path holds. Raises UnreadableInputError that says what a record is."""
    try:
        return sources.find([path])
    except UnreadableInputError as error:
        if not path.exists():
            raise
        message = error.message if path.is_dir() or not path.stat().st_size else "This is no record of a registry."
        raise UnreadableInputError(message, error.where, KNOWN) from None


def _release(path: Path) -> str | None:
    """The release of FHIR in a folder that `registry convert` wrote, as its manifest says; else the elements tell.

    A short record may have no element that only one release has.
    """
    manifest = path / sources.RUN_MANIFEST
    about = decode(manifest.read_bytes()) if manifest.is_file() else None
    options = about.get("options") if isinstance(about, dict) else None
    if not isinstance(options, dict) or (options.get("command"), options.get("to")) != ("registry convert", "fhir"):
        return None
    said = options.get("fhir_version")
    return said if isinstance(said, str) else None


def _one(found: list[tuple[Any, tuple[Finding, ...]]], path: Path) -> tuple[Any, tuple[Finding, ...]]:
    if len(found) != 1:
        message = f"There are {len(found)} studies; one was expected."
        raise UnreadableInputError(message, Where(file=str(path)), "give one study at a time")
    return found[0]


def _own_folder(path: Path, *, with_contacts: bool) -> Given:
    """A folder with record.json, and the residue of the FHIR it came from."""
    record, findings = _one(
        [(one, tuple(said)) for one, said in formats.read(path / RECORD, with_contacts=with_contacts)], path
    )
    residue = tuple(_lines(path / RESIDUE))
    return Given(record, findings, "registry", residue)


def _trial_design(path: Path, *, with_contacts: bool) -> Given:
    """Trial design datasets, and the rest beside them where there is one."""
    study = api.read(path, kind="sdtm")
    if not any(name in study for name in DESIGN):
        message = f"There is no trial design here: none of {', '.join(DESIGN)}."
        raise UnreadableInputError(message, Where(file=str(path)), KNOWN)
    beside = (path if path.is_dir() else path.parent) / REST
    places = [
        Rest(parsed(one["path"]), one["value"], bool(one["absent"]), str(one.get("hash"))) for one in _lines(beside)
    ]
    record, findings = registry_sdtm.to_record(study, places)
    if not with_contacts:
        content, dropped = without_contacts(record.content)
        record, findings = Record(content, record.source), [*findings, *dropped]
    return Given(record, tuple(findings), "sdtm")


def _lines(path: Path) -> list[dict[str, Any]]:
    """The objects of an NDJSON file of ours; nothing where there is none."""
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            one = decode(line)
        except UnreadableInputError as error:
            raise UnreadableInputError(error.message, Where(file=str(path), line=number), error.fix) from None
        if (
            not isinstance(one, dict)
            or not {"path", "value", "absent"} <= one.keys()
            or not isinstance(one["path"], str)
        ):
            message = "This is no line of ours: path, value and absent are wanted."
            raise UnreadableInputError(message, Where(file=str(path), line=number), "convert the record again")
        found.append(one)
    return found
