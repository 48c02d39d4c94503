"""NDJSON, FHIR's bulk format: one resource a line, one file a type (https://hl7.org/fhir/uv/bulkdata/, ndjson.org).

Lines may be gzipped (`.ndjson.gz`) and may hold Bundles, whose entries are taken out. A broken line is rejected with
its number and its text, the rest is read; so is what a cut gzip file still gives.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, BinaryIO

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.writing import whole_folder
from trialbridge.fhir.bundle import relative_references
from trialbridge.fhir.files.bundle import items_of
from trialbridge.fhir.jsontext import decode, encode, pretty
from trialbridge.fhir.located import is_resource, reject
from trialbridge.fhir.releases import FHIR_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trialbridge.fhir.located import Item, Located, Resource
    from trialbridge.fhir.releases import Release

MANIFEST = "manifest.json"
GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 18


def read(path: Path) -> Iterator[Item]:
    """The resources of one NDJSON file, plain or gzipped, in their order. Blank lines are passed over.

    A gzip file that is cut or broken gives what it still holds, then a finding.
    """
    try:
        for number, line, whole in _lines(path):
            if line.strip():
                yield from items_of_line(line, path.name, number, whole=whole)
    except UnreadableInputError as error:
        yield Finding("TB-FHIR-READ", Severity.ERROR, Where(file=path.name), error.message, error.fix)


def items_of_line(line: bytes, file: str, number: int, *, whole: bool = True) -> Iterator[Item]:
    """What one line holds: a resource, the entries of a Bundle, or a reject."""
    try:
        value = decode(line)
    except UnreadableInputError as error:
        cut = "" if whole else " The file ends inside this line."
        yield reject(line.decode(errors="replace"), Where(file=file, line=number), error.message + cut, error.fix)
    else:
        yield from items_of(value, file, number)


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Number from 1, bytes without the line end, and whether the line end was there."""
    number = 0
    begun: list[bytes] = []
    broken = None
    try:
        for chunk in chunks(path):
            first, *others = chunk.split(b"\n")
            begun.append(first)
            for other in others:
                number += 1
                yield number, b"".join(begun), True
                begun = [other]
    except UnreadableInputError as error:
        broken = error
    if rest := b"".join(begun):
        yield number + 1, rest, False
    if broken:
        raise broken


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, unpacked where it is gzip, a bounded piece at a time.

    Raises UnreadableInputError where the packed data is broken or ends early, after giving what it holds.
    """
    with path.open("rb") as stream:
        packed = stream.read(2) == GZIP_MAGIC
        stream.seek(0)
        yield from _unpacked(stream, path) if packed else iter(lambda: stream.read(_CHUNK), b"")


def _unpacked(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    """The unpacked bytes of a gzip file of one member or several."""
    unpacker = zlib.decompressobj(wbits=31)
    data = stream.read(_CHUNK)
    whole = False
    try:
        while data:
            yield unpacker.decompress(data, _CHUNK * 8)
            whole = unpacker.eof
            if whole:  # another member may follow, or padding
                data = unpacker.unused_data.lstrip(b"\0") or stream.read(_CHUNK)
                unpacker = zlib.decompressobj(wbits=31)
            else:
                data = unpacker.unconsumed_tail or stream.read(_CHUNK)
        yield unpacker.flush()
    except zlib.error:
        whole = False
    if not whole:
        message = "The gzip file is broken or ends early: what follows is missing."
        raise UnreadableInputError(message, Where(file=path.name), "Fetch or pack the file again.")


def write(
    resources: Iterable[Located | Resource], folder: Path, release: Release, *, compress: bool = False
) -> list[Path]:
    """One `Type.ndjson` (or `.ndjson.gz`) a resource type, in the given order, and `manifest.json`; the paths written.

    References by fullUrl become `Type/id`. The manifest states release, software and each file's type, count and
    SHA-256 (of the file's bytes). The same resources give the same bytes. Raises DoesNotFitError for what is no resource.
    """
    by_type: dict[str, list[Resource]] = {}
    for resource in relative_references(resources):
        if not is_resource(resource):
            raise DoesNotFitError("This is no FHIR resource: it has no resourceType.", fix="Write resources only.")
        by_type.setdefault(resource["resourceType"], []).append(resource)
    ending = ".ndjson.gz" if compress else ".ndjson"
    listed: list[dict[str, Any]] = []
    with whole_folder(folder) as part:
        for kind, members in by_type.items():
            digest = _write_file(part / (kind + ending), members, compress=compress)
            listed.append({"name": kind + ending, "type": kind, "count": len(members), "sha256": digest})
        (part / MANIFEST).write_bytes(pretty(_manifest(listed, release)))
    return [folder / entry["name"] for entry in listed] + [folder / MANIFEST]


class Writer:
    """Resources into a folder as they come: one `Type.ndjson` a type, and `manifest.json` at the end, as `write` has it.

    They stand alone already (references are `Type/id`). The folder is the caller's to take away if something fails.
    """

    def __init__(self, folder: Path, release: Release) -> None:
        self._folder = folder
        self._release = release
        self._files: dict[str, BinaryIO] = {}
        self.counts: Counter[str] = Counter()

    def give(self, resources: Iterable[Resource]) -> None:
        """Write some more."""
        for resource in resources:
            self.give_lines(resource["resourceType"], encode(resource) + b"\n", 1)

    def give_lines(self, kind: str, text: bytes, count: int) -> None:
        """Write so many resources of one type that are NDJSON already."""
        if kind not in self._files:
            self._files[kind] = (self._folder / f"{kind}.ndjson").open("wb")
        self._files[kind].write(text)
        self.counts[kind] += count

    def close(self, *, whole: bool = True) -> None:
        """End the files; the manifest is written only of what is whole."""
        for file in self._files.values():
            file.close()
        if not whole:
            return
        listed: list[dict[str, Any]] = []
        for kind, count in self.counts.items():
            name = f"{kind}.ndjson"
            with (self._folder / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            listed.append({"name": name, "type": kind, "count": count, "sha256": digest})
        (self._folder / MANIFEST).write_bytes(pretty(_manifest(listed, self._release)))


def _manifest(files: list[dict[str, Any]], release: Release) -> dict[str, Any]:
    """What the folder holds. Without a date: the same resources give the same manifest."""
    return {
        "software": f"trialbridge {version('trialbridge')}",
        "release": release,
        "fhirVersion": FHIR_VERSION[release],
        "files": files,
    }


def _write_file(target: Path, members: Iterable[Resource], *, compress: bool) -> str:
    """Write one type's file; its SHA-256."""
    with ExitStack() as stack:
        plain = stack.enter_context(target.open("wb"))
        stream = stack.enter_context(gzip.GzipFile("", "wb", 6, plain, mtime=0)) if compress else plain
        for resource in members:
            stream.write(encode(resource))
            stream.write(b"\n")
    with target.open("rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()
