"""A request's body, spooled to a folder under limits: plain, gzip or deflate, one file or a ZIP of files.

Nothing larger than the limits ever stands in memory or on disk: a compressed bomb ends at the limit, unread.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Protocol

from trialbridge.web.outcomes import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
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
    unpack = _unpacker(request)
    with file.open("wb") as stream:
        received = 0
        async for block in request.stream():
            received += len(block)
            if received > settings.most_body:
                raise _too_large(settings.most_body)
            for piece in unpack(block, settings.most_unpacked - size):
                size += len(piece)
                if size > settings.most_unpacked:
                    raise _too_large(settings.most_unpacked)
                stream.write(piece)
    if not size:
        raise RefusedError(400, "The body is empty.", "send the study or the resources as the body")
    if zipfile.is_zipfile(file):
        target = folder / "files"
        target.mkdir()
        unzip(file, target, settings)
        file.unlink()
        return target
    if kind == "application/zip":
        raise RefusedError(400, "This is no ZIP file.", "send it again, or with its own media type")
    return file


def _announced(request: Streamed, settings: Settings) -> None:
    """Refuse by Content-Length, before a byte is read."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > settings.most_body:
        raise _too_large(settings.most_body)


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        413, f"The body is larger than {most:,} bytes.", "send it in parts, or ask the operator for more"
    )


class _Unpack(Protocol):
    def __call__(self, block: bytes, room: int, /) -> list[bytes]:
        """The pieces of a block, unpacked, at the most a little more than `room` bytes."""


def _unpacker(request: Streamed) -> _Unpack:
    """What undoes the Content-Encoding. Raises RefusedError(415)."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in {"identity", ""}:
        return lambda block, _room: [block]
    if coding not in {"gzip", "deflate"}:
        raise RefusedError(415, "This Content-Encoding is not taken.", "send gzip, deflate or identity")
    inflater = zlib.decompressobj(wbits=31 if coding == "gzip" else 15)

    def unpack(block: bytes, room: int) -> list[bytes]:
        pieces: list[bytes] = []
        try:
            while block and room >= 0:
                piece = inflater.decompress(block, _BLOCK)
                pieces.append(piece)
                room -= len(piece)
                block = inflater.unconsumed_tail
        except zlib.error:
            raise RefusedError(400, f"The body is not {coding}.", "send it as its Content-Encoding says") from None
        return pieces

    return unpack


def unzip(file: Path, target: Path, settings: Settings) -> None:
    """The members of a ZIP as files of one folder, under the limits. Raises RefusedError (400, 413).

    Names are reduced to their last part, so none can leave the folder; two of one name are refused.
    """
    room = settings.most_unpacked
    try:
        with zipfile.ZipFile(file) as packed:
            members = [one for one in packed.infolist() if not one.is_dir()]
            if len(members) > settings.most_files:
                raise RefusedError(413, f"The ZIP has more than {settings.most_files:,} files.", "send fewer at a time")
            for member in members:
                room -= _extract(packed, member, target, room)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
        raise RefusedError(400, "The ZIP cannot be unpacked.", "make it anew, without a password") from None


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
