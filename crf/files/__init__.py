"""Sources of case report forms, a module each: a workbook, CSV, REDCap, ODM, Parquet, a database."""

from __future__ import annotations

import importlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.crf.model import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.crf.model import Form

_HEAD = 8192
_TAB = 9
NEIGHBOURS = frozenset(
    (
        "adjudication.xlsx",
        "findings.json",
        "lineage.ndjson",
        "provenance.ndjson",
        "readme",
        "readme.md",
        "readme.txt",
        "rejects.ndjson",
        "run_manifest.json",
        "study.yaml",
        "study.yml",
    )
)
"""Files that stand beside forms and are none (lower case); a folder's are passed over."""


class Module(Protocol):
    """What every kind of source offers."""

    def read(self, path: Path) -> Source:
        """Its forms. Raises UnreadableInputError."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source: its module, a test of the content, and a line for the user."""

    name: str
    sniff: Callable[[Path, bytes], bool]
    about: str

    def load(self) -> Module:
        """Its module."""
        return cast("Module", importlib.import_module(f"trialbridge.crf.files.{self.name}"))


def is_database(path: Path) -> bool:
    """Whether a source is a database: `env:NAME`, a file ending in .dburl, or an SQLite file."""
    return (
        str(path).startswith("env:")
        or path.suffix == ".dburl"
        or (path.is_file() and _head(path).startswith(b"SQLite format 3\0"))
    )


def is_odm(head: bytes) -> bool:
    """Whether a file begins as CDISC ODM-XML."""
    text = head.replace(b"\0", b"")
    return b"<ODM" in text or b":ODM" in text


def is_template(path: Path) -> bool:
    """Whether a workbook is the bundled template, by its keywords."""
    from trialbridge.crf.files.xlsx import TEMPLATE  # noqa: PLC0415 - its own imports are lazy

    try:
        with zipfile.ZipFile(path) as book:
            return TEMPLATE.encode() in book.read("docProps/core.xml")
    except (zipfile.BadZipFile, KeyError, OSError):
        return False


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


KINDS = {
    one.name: one
    for one in (
        Kind("sql", lambda path, _: is_database(path), "a database: env:NAME, a .dburl file, an SQLite file"),
        Kind("xlsx", lambda _, head: head.startswith(b"PK\x03\x04"), "an XLSX workbook, a sheet a form"),
        Kind("parquet", lambda _, head: head.startswith(b"PAR1"), "Parquet, a file a form"),
        Kind("odm", lambda _, head: is_odm(head), "CDISC ODM-XML 1.3.2 or 2.0"),
        Kind("redcap", lambda _, head: _is_redcap(head), "a REDCap record export and data dictionary, CSV"),
        Kind("csv", lambda _, head: _is_text(head), "CSV or other delimited text, a file a form"),
    )
}
"""The kinds, in the order they are asked."""


def _is_text(head: bytes) -> bool:
    """Whether a file is delimited text: no XML, no JSON, no SAS transport, none of binary's control characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    begins = head.lstrip().startswith((b"<", b"{", b"[", b"HEADER RECORD"))
    return not begins and not any(byte < _TAB for byte in head)


def _is_redcap(head: bytes) -> bool:
    """A data dictionary, or a record export that says so by its columns."""
    first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].lower()
    marks = (b"redcap_", b"variable / field name", b"field_name", b"___")
    return any(mark in first for mark in marks) and b"," in first


def kind_of(path: Path) -> str | None:
    """The kind of one file, or None. Raises UnreadableInputError where there is none."""
    if is_database(path):
        return "sql"
    if not path.is_file():
        raise UnreadableInputError("There is no such file or folder.", Where(file=str(path)), "Check the path.")
    head = _head(path)
    return next((one.name for one in KINDS.values() if head and one.sniff(path, head)), None)


def read(paths: Iterable[Path]) -> Source:
    """The forms of files and folders; a REDCap export takes its dictionary along, and nothing else.

    Raises UnreadableInputError where a form stands twice, a file holds no forms, or there is none.
    """
    files = [one for path in paths for one in members(path)]
    kinds: dict[str, list[Path]] = {}
    for one in files:
        kind = kind_of(one)
        if kind is None:
            known = "; ".join(each.about for each in KINDS.values())
            raise UnreadableInputError("This is no table of forms.", Where(file=str(one)), f"Known are {known}.")
        kinds.setdefault(kind, []).append(one)
    if not kinds:
        raise UnreadableInputError(
            "There is nothing to read.", Where(file=", ".join(map(str, paths))), "Check the path."
        )
    if "redcap" in kinds:
        from trialbridge.crf.files import redcap  # noqa: PLC0415 - only for REDCap

        others = [one for kind, its in kinds.items() if kind not in ("redcap", "csv") for one in its]
        if others:
            raise UnreadableInputError(
                "Beside REDCap's files stands something else.", Where(file=str(others[0])), "Give it alone."
            )
        return redcap.read_all([*kinds["redcap"], *kinds.get("csv", [])])
    forms: dict[str, Form] = {}
    findings: list[Finding] = []
    about: dict[str, object] = {}
    for kind, its in kinds.items():
        for path in its:
            found = KINDS[kind].load().read(path)
            findings.extend(found.findings)
            about |= found.about
            for form in found:
                if form.name in forms:
                    raise UnreadableInputError(
                        f"The form {form.name} stands twice.", Where(file=str(path)), "Keep one."
                    )
                forms[form.name] = form
    return Source(next(iter(kinds)), forms, tuple(findings), about)


def members(path: Path) -> list[Path]:
    """A file itself, or the files of a folder, one level deep, without those that only stand beside forms."""
    if is_database(path) or not path.is_dir():
        return [path]
    return sorted(one for one in path.iterdir() if one.is_file() and not _stands_beside(one.name.lower()))


def _stands_beside(name: str) -> bool:
    return name.startswith((".", "~$")) or name in NEIGHBOURS
