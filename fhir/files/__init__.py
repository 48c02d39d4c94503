"""FHIR files: the one table of formats, and reading whatever a user has.

Reading goes by content, so a renamed or unpacked file is no trouble; writing by the format's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.files import bundle, ndjson, xml
from trialbridge.fhir.jsontext import BYTE_ORDER_MARK, decode
from trialbridge.fhir.located import gather, reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.fhir.located import Item, Located, Reading, Resource
    from trialbridge.fhir.releases import Release

Kind = Literal["ndjson", "json", "xml"]
ENDINGS = (".ndjson", ".json", ".xml", ".jsonl", ".ndjson.gz", ".json.gz", ".xml.gz", ".jsonl.gz")


class Writer(Protocol):
    """Writes resources into a folder and says which files it made."""

    def __call__(self, resources: Iterable[Located | Resource], folder: Path, release: Release, /) -> list[Path]:
        """The paths written."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format one can ask for: its name, what it is, the kind of file it makes, its writer."""

    name: str
    about: str
    kind: Kind
    write: Writer


def _transaction(resources: Iterable[Located | Resource], folder: Path, release: Release, /) -> list[Path]:
    return bundle.write(resources, folder, release, "transaction")


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        one.name: one
        for one in (
            Format("ndjson", "one NDJSON file a resource type, and manifest.json", "ndjson", ndjson.write),
            Format("bundle", "one collection Bundle, bundle.json", "json", bundle.write),
            Format("transaction", "one transaction Bundle for a server, bundle.json", "json", _transaction),
            Format("xml", "one collection Bundle, bundle.xml", "xml", xml.write),
        )
    }
)


def sniff(path: Path) -> Kind:
    """What kind of file this is, by its content (unpacked where it is gzip). Raises UnreadableInputError for neither.

    XML begins with `<`. A JSON object is NDJSON where its first line is whole and more follow; only where the
    content leaves it open (a broken first line) the name decides.
    """
    head = _head(path).removeprefix(BYTE_ORDER_MARK)
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"} or head.lstrip().startswith(b"<"):
        return "xml"
    if head.lstrip().startswith(b"["):
        return "json"
    if not head.lstrip().startswith(b"{"):
        if path.name.removesuffix(".gz").endswith((".ndjson", ".jsonl")):
            return "ndjson"  # an empty export, or one whose first line is broken
        message = "This is neither JSON nor XML."
        raise UnreadableInputError(message, Where(file=path.name), f"Give FHIR as {', '.join(FORMATS)}.")
    first, _, rest = head.lstrip().partition(b"\n")
    if path.name.removesuffix(".gz").endswith((".ndjson", ".jsonl")):
        return "ndjson"
    try:
        decode(first)
    except UnreadableInputError:
        follows = rest.lstrip().startswith(b"{") and not first.rstrip().endswith((b"[", b",", b":"))
        return "ndjson" if follows else "json"
    return "ndjson" if rest.strip() else "json"


def _head(path: Path) -> bytes:
    """The beginning of a file: enough for its first line and some of the next, all of it where there is one line."""
    parts: list[bytes] = []
    for part in ndjson.chunks(path):
        parts.append(part)
        line, end, rest = part.partition(b"\n")
        if end and (rest.strip() or len(parts) > 1) and (line.strip() or len(parts) > 1):
            break
    return b"".join(parts)


def items(path: Path, release: Release) -> Iterator[Item]:
    """The items of one file of any kind, one by one. Raises UnreadableInputError for a file that is no FHIR at all."""
    kind = sniff(path)
    if kind == "ndjson":
        return ndjson.read(path)
    data = b"".join(ndjson.chunks(path))
    return xml.read(data, path.name, release) if kind == "xml" else bundle.read(data, path.name)


def read(paths: Path | Iterable[Path], release: Release = "R4") -> Reading:
    """Everything in these files and folders (sub-folders not), in the order given; a folder's files by name.

    A file named outright that is no FHIR raises UnreadableInputError; inside a folder it is rejected and the rest is
    read. `manifest.json` and files with other endings are not read; the latter give a note.
    """
    listed = [paths] if isinstance(paths, Path) else list(paths)
    return gather(chain.from_iterable(_folder(p, release) if p.is_dir() else _file(p, release) for p in listed))


def _file(path: Path, release: Release) -> Iterator[Item]:
    """A file named by the user."""
    if not path.is_file():
        raise UnreadableInputError("There is no such file.", Where(file=str(path)), "Check the path.")
    return items(path, release)


def _folder(folder: Path, release: Release) -> Iterator[Item]:
    """A folder's files by name."""
    for path in sorted(folder.iterdir()):
        if path.name == ndjson.MANIFEST or path.name.startswith(".") or not path.is_file():
            continue
        if not path.name.lower().endswith(ENDINGS):
            where = Where(file=path.name)
            yield Finding("TB-FHIR-SKIPPED", Severity.NOTE, where, "The file is not FHIR by its name and was not read.")
            continue
        try:
            yield from items(path, release)
        except UnreadableInputError as error:
            text = path.read_bytes().decode(errors="replace")
            yield reject(text, Where(file=path.name, line=error.where.line), error.message, error.fix)


def write(resources: Iterable[Located | Resource], folder: Path, format: str, release: Release) -> list[Path]:  # noqa: A002 - the user's word
    """Write resources into a folder in a format of `FORMATS`; the paths made. Raises UnknownNameError."""
    try:
        chosen = FORMATS[format]
    except KeyError:
        raise UnknownNameError(f"No FHIR format is called {format!r}.", fix=f"Use {', '.join(FORMATS)}.") from None
    return chosen.write(resources, folder, release)
