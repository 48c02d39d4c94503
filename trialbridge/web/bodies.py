"""A request's body, spooled to a folder under limits: plain, gzip or deflate, one file or a ZIP of files.

Nothing larger than the limits ever stands in memory or on disk: a compressed bomb ends at the limit, unread.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from anyio import to_thread

from trialbridge.web.outcomes import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from pathlib import Path

    from trialbridge.web.settings import Settings

NAMES = {
    "application/fhir+json": "body.json",
    "application/json": "body.json",
    "application/fhir+ndjson": "body.ndjson",
    "application/ndjson": "body.ndjson",
    "application/x-ndjson": "body.ndjson",
    "application/fhir+xml": "body.xml",
    "application/xml": "body.xml",
    "application/vnd.sas-xport": "body.xpt",
    "application/x-sas-xport": "body.xpt",
    "application/vnd.apache.parquet": "body.parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "body.xlsx",
    "text/csv": "body.csv",
    "application/zip": "body.zip",
    "application/octet-stream": "body.bin",
}
"""Media types taken, and the file name each is spooled under; what it is, its content decides."""
_BLOCK = 1024 * 1024


class Streamed(Protocol):
    """What of a request is needed: its headers and its body in pieces (starlette's Request)."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case name."""

    def stream(self) -> AsyncIterator[bytes]:
        """The body's pieces."""


def media_type(request: Streamed) -> str:
    """The body's media type. Raises RefusedError(415)."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in NAMES:
        raise RefusedError(415, "This media type is not taken.", f"send {', '.join(NAMES)}")
    return given


async def spool(request: Streamed, folder: Path, settings: Settings) -> Path:
    """The body as a file, or as a folder of files where it is a ZIP. Raises RefusedError (400, 413, 415)."""
    kind = media_type(request)
    _announced(request, settings)
    file = folder / NAMES[kind]
    size = 0
    inflater = _inflater(request)
    with file.open("wb") as stream:
        received = 0
        async for block in request.stream():
            received += len(block)
            if received > settings.most_body:
                raise _too_large(settings.most_body)
            for piece in inflater.pieces(block, settings.most_unpacked - size) if inflater else (block,):
                size += len(piece)
                if size > settings.most_unpacked:
                    raise _too_large(settings.most_unpacked)
                stream.write(piece)
    if inflater is not None:
        inflater.end()
    if not size:
        raise RefusedError(400, "The body is empty.", "send the study or the resources as the body")
    return await to_thread.run_sync(_unpacked, file, settings)  # meanwhile others are answered


def _unpacked(file: Path, settings: Settings) -> Path:
    """The spooled file, or the folder of its files where it is a ZIP. Raises RefusedError (400, 413)."""
    if zipfile.is_zipfile(file) and not _is_workbook(file):
        target = file.with_name("files")
        target.mkdir()
        unzip(file, target, settings)
        file.unlink()
        return target
    if file.name == NAMES["application/zip"] and not zipfile.is_zipfile(file):
        raise RefusedError(400, "This is no ZIP file.", "send it again, or with its own media type")
    _bounded([file], settings.most_unpacked)
    return file


def _is_workbook(file: Path) -> bool:
    """Whether a ZIP is an XLSX workbook, which is one file to its reader."""
    try:
        with zipfile.ZipFile(file) as packed:
            return "xl/workbook.xml" in packed.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def _bounded(files: Iterable[Path], room: int) -> None:
    """Raise RefusedError (413) where files that are packed themselves (gzip, zlib, workbooks) unpack to more than `room` bytes."""
    for file in files:
        with file.open("rb") as stream:
            head = stream.read(2)
        if head == b"PK":
            room -= _unzipped_size(file)
        elif head == b"\x1f\x8b" or head[:1] == b"\x78":
            room -= _inflated_size(file, room)
        if room < 0:
            raise RefusedError(413, "What is packed in the body unpacks to more than is taken.", "send it in parts")


def _unzipped_size(file: Path) -> int:
    """What a ZIP says its members unpack to; no more is ever read of one."""
    try:
        with zipfile.ZipFile(file) as packed:
            return sum(one.file_size for one in packed.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return 0  # its reader tells


def _inflated_size(file: Path, room: int) -> int:
    """How much a gzip or zlib stream unpacks to, counted until it is more than `room`."""
    size = 0
    with file.open("rb") as stream:
        data = stream.read(_BLOCK)
        inflater = zlib.decompressobj(wbits=47)
        try:
            while data and size <= room:
                size += len(inflater.decompress(data, _BLOCK))
                if inflater.eof:  # another member may follow
                    data = inflater.unused_data.lstrip(b"\0") or stream.read(_BLOCK)
                    inflater = zlib.decompressobj(wbits=47)
                else:
                    data = inflater.unconsumed_tail or stream.read(_BLOCK)
        except zlib.error:
            return size  # its reader tells
    return size


def _announced(request: Streamed, settings: Settings) -> None:
    """Refuse by Content-Length, before a byte is read."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > settings.most_body:
        raise _too_large(settings.most_body)


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        413, f"The body is larger than {most:,} bytes.", "send it in parts, or ask the operator for more"
    )


class _Inflater:
    """Undoes a Content-Encoding, a block at a time; gzip may be of several members."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflater = self._begun()
        self._fed = False

    def _begun(self) -> zlib._Decompress:
        return zlib.decompressobj(wbits=31 if self._coding == "gzip" else 15)

    def pieces(self, block: bytes, room: int) -> Iterator[bytes]:
        """The pieces of a block, unpacked, at the most a little more than `room` bytes. Raises RefusedError(400)."""
        try:
            while block and room >= 0:
                if self._inflater.eof:
                    self._inflater = self._begun()
                self._fed = True
                piece = self._inflater.decompress(block, _BLOCK)
                yield piece
                room -= len(piece)
                block = self._inflater.unconsumed_tail or self._inflater.unused_data
        except zlib.error:
            raise self._broken("is not") from None

    def end(self) -> None:
        """Raise RefusedError(400) where the stream is not at its end: what follows is missing."""
        if self._fed and not self._inflater.eof:
            raise self._broken("ends within its")

    def _broken(self, how: str) -> RefusedError:
        return RefusedError(400, f"The body {how} {self._coding}.", "send it again, as its Content-Encoding says")


def _inflater(request: Streamed) -> _Inflater | None:
    """What undoes the Content-Encoding, None where there is none. Raises RefusedError(415)."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in {"identity", ""}:
        return None
    if coding not in {"gzip", "deflate"}:
        raise RefusedError(415, "This Content-Encoding is not taken.", "send gzip, deflate or identity")
    return _Inflater(coding)


def unzip(file: Path, target: Path, settings: Settings) -> None:
    """The members of a ZIP as files of one folder, under the limits. Raises RefusedError (400, 413).

    Names are reduced to their last part, so none can leave the folder; two of one name are refused. What macOS puts
    beside the files it packs is left out.
    """
    room = settings.most_unpacked
    try:
        with zipfile.ZipFile(file) as packed:
            members = [one for one in packed.infolist() if not one.is_dir() and not _of_macos(one.filename)]
            if len(members) > settings.most_files:
                raise RefusedError(413, f"The ZIP has more than {settings.most_files:,} files.", "send fewer at a time")
            for member in members:
                room -= _extract(packed, member, target, room)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
        raise RefusedError(400, "The ZIP cannot be unpacked.", "make it anew, without a password") from None
    _bounded(sorted(target.iterdir()), room)


def _of_macos(name: str) -> bool:
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name == ".DS_Store"


def _extract(packed: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int:
    name = member.filename.replace("\\", "/").rpartition("/")[2]
    place = target / name
    if not name or name in {".", ".."} or "\0" in name or len(name.encode()) > 200:
        raise RefusedError(400, "A file in the ZIP has no usable name.", "name the files as dm.json, Patient.ndjson, …")
    if place.exists():
        raise RefusedError(400, "Two files in the ZIP have the same name.", "put all files into one folder")
    size = 0
    with packed.open(member) as source, place.open("wb") as stream:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > room:
                raise RefusedError(413, "The ZIP unpacks to more than is taken.", "send it in parts")
            stream.write(block)
    return size
