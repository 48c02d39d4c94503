"""SDTM files: each format a module with `read(path) -> Study` and `write(study, folder) -> list[Path]`.

A format is one row of FORMATS and one module, loaded on first use. What a file is, is judged by its content.
"""

from __future__ import annotations

import codecs
import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm.files import names, sniffing
from trialbridge.sdtm.table import Study, study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class FormatModule(Protocol):
    """What every format's module offers."""

    def read(self, path: Path) -> Study:
        """The datasets of a file or folder. Raises UnreadableInputError."""

    def write(self, of: Study, target: Path) -> list[Path]:
        """The study into a folder. Raises DoesNotFitError."""


class EncodedModule(Protocol):
    """What the modules of XPT and CSV offer besides: text in another encoding."""

    def read(self, path: Path, *, encoding: str) -> Study:
        """As FormatModule's."""

    def write(self, of: Study, target: Path, *, encoding: str) -> list[Path]:
        """As FormatModule's; XPT alone."""


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: its name, module, file suffixes, test of the content, and a line for the user."""

    name: str
    module: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    about: str

    def load(self) -> FormatModule:
        """Its module."""
        return cast("FormatModule", importlib.import_module(f"trialbridge.sdtm.files.{self.module}"))


def _never(_path: Path, _head: bytes) -> bool:
    """CORE's layout is known by its folder, not by a file."""
    return False


FORMATS = {
    one.name: one
    for one in (
        Format("xpt", "xpt", (".xpt",), sniffing.is_xpt, "SAS XPORT version 5"),
        Format("json", "dataset_json", (".json",), sniffing.is_dataset_json, "CDISC Dataset-JSON 1.1"),
        Format(
            "ndjson", "dataset_ndjson", (".ndjson",), sniffing.is_dataset_ndjson, "CDISC Dataset-JSON 1.1 as NDJSON"
        ),
        Format("dsjc", "dsjc", (".dsjc",), sniffing.is_dsjc, "CDISC Compressed Dataset-JSON 1.1"),
        Format("parquet", "parquet", (".parquet",), sniffing.is_parquet, "Apache Parquet"),
        Format("xlsx", "xlsx", (".xlsx",), sniffing.is_xlsx, "one workbook, a sheet a dataset"),
        Format("csv", "csv", (".csv",), sniffing.is_csv, "CSV, a file a dataset; labels are lost"),
        Format("core", "core_csv", (".csv",), _never, "CSV with metadata, the input layout of CDISC CORE"),
    )
}

WITH_ENCODING = frozenset({"xpt", "csv"})
"""Formats whose files do not say how their text is encoded."""

KNOWN_NEIGHBOURS = frozenset(
    (
        "define.xml",
        "define.html",
        "define2-1.xsl",
        "define2-0-0.xsl",
        "ledger.json",
        "findings.json",
        "rejects.ndjson",
        "lineage.ndjson",
        "manifest.json",
        "readme",
        "readme.md",
        "readme.txt",
        "residue.ndjson",
        "run_manifest.json",
        "spec.xlsx",
        "study.yaml",
        "traceability.csv",
        "validation_report.json",
    )
)
"""Files that stand beside datasets and are none (lower case): passed over without a word."""


def format_named(name: str) -> Format:
    """The format of that name. Raises UnknownNameError."""
    try:
        return FORMATS[name.lower()]
    except KeyError:
        raise UnknownNameError(
            f"There is no dataset format {name!r}.", fix=f"use one of {', '.join(FORMATS)}"
        ) from None


def sniff(path: Path | str) -> str | None:
    """The name of a file's format by its content, or of a folder's if it is CORE's layout; None if it is no dataset.

    Raises UnreadableInputError if there is no such file.
    """
    path = Path(path)
    if path.is_dir():
        return "core" if sniffing.is_core_folder(path) else None
    if not path.is_file():
        raise UnreadableInputError("There is no such file or folder.", Where(file=str(path)), "check the path")
    head = sniffing.head_of(path)
    return next((one.name for one in FORMATS.values() if one.sniff(path, head)), None)


def survey(paths: Path | str | Iterable[Path | str]) -> tuple[list[tuple[Path, str]], list[Finding]]:
    """The dataset files (or CORE folders) under these paths with their formats, and a note on each file passed over.

    A file given by name must be a dataset; a folder's other files are noted, save those known to stand beside
    datasets (define.xml, README, ...; and all that begin with a dot). Raises UnreadableInputError.
    """
    found: list[tuple[Path, str]] = []
    notes: list[Finding] = []
    for path in [Path(paths)] if isinstance(paths, str | Path) else [Path(one) for one in paths]:
        kind = sniff(path)
        if kind is not None:
            found.append((path, kind))
        elif path.is_dir():
            for file in sorted(one for one in path.iterdir() if one.is_file()):
                kind = None if _is_neighbour(file) else sniff(file)
                if kind is not None:
                    found.append((file, kind))
                elif not _is_neighbour(file):
                    notes.append(_passed_over(file))
        else:
            raise UnreadableInputError(
                "This is no dataset file of a known kind.", Where(file=str(path)), f"give one of {', '.join(FORMATS)}"
            )
    return found, notes


def _is_neighbour(file: Path) -> bool:
    return file.name.startswith(".") or file.name.lower() in KNOWN_NEIGHBOURS


def _passed_over(file: Path) -> Finding:
    fix = "if it should be a dataset, read it by name: the error says what is wrong with it"
    return Finding(
        "TB-FILE-0001", Severity.NOTE, Where(file=file.name), "No dataset of a known kind: passed over.", fix
    )


def read(paths: Path | str | Iterable[Path | str], kind: str | None = None, *, encoding: str | None = None) -> Study:
    """A study from dataset files and folders of them, each by its content; with `kind`, as files of that format.

    `encoding` is that of text in XPT (default UTF-8) and in CSV that is not UTF-8. Raises UnreadableInputError for a broken file and
    for a folder without datasets, UnknownNameError for an unknown `kind` or `encoding` and for a dataset that is there
    twice (a folder with `dm.xpt` and `dm.json` needs `kind`).
    """
    known_encoding(encoding)
    given = [Path(paths)] if isinstance(paths, str | Path) else [Path(one) for one in paths]
    wanted = format_named(kind).name if kind is not None else None
    if wanted is not None:
        found = [(path, wanted) for path in given]
    else:
        found, _ = survey(given)
    if not found:
        raise UnreadableInputError(
            "There is no dataset here.", Where(file=", ".join(map(str, given))), f"known are {', '.join(FORMATS)}"
        )
    studies = [_named(_read(path, name, encoding), path) for path, name in found]
    about = next((part for part, (_, name) in zip(studies, found, strict=True) if name == "core"), studies[0])
    kinds = sorted({name for _, name in found})
    try:
        joined = study(one for part in studies for one in part)
    except UnknownNameError as error:
        fix = (
            f"give the files of one format only, of {', '.join(kinds)} (from Python: kind)"
            if len(kinds) > 1
            else error.fix
        )
        raise UnknownNameError(error.message, error.where, fix) from error
    return Study(
        tables=joined.tables,
        standard=about.standard,
        version=about.version,
        ct=about.ct,
        source=", ".join(map(str, given)),
        notes=tuple(note for part in studies for note in part.notes),
    )


def _read(path: Path, name: str, encoding: str | None) -> Study:
    """The datasets of one file or folder."""
    module = FORMATS[name].load()
    if encoding is None or name not in WITH_ENCODING:
        return module.read(path)
    return cast("EncodedModule", module).read(path, encoding=encoding)


def _named(of: Study, path: Path) -> Study:
    """The study with its variables named in capitals."""
    found = [names.in_capitals(one, path.name) for one in of]
    notes = tuple(note for _, those in found for note in those)
    return replace(of.with_tables(one for one, _ in found), notes=(*of.notes, *notes)) if notes else of


def known_encoding(name: str | None) -> str | None:
    """The name of an encoding of text as Python knows it. Raises UnknownNameError."""
    try:
        if name is not None:
            "a".encode(name)  # base64 and the like are codecs too, but not of text
        return None if name is None else codecs.lookup(name).name
    except (LookupError, ValueError):  # the latter for a name that can be none
        raise UnknownNameError(
            f"There is no encoding {name!r}.", fix="use utf-8, windows-1252, iso8859-15, shift_jis, ..."
        ) from None


def write(
    of: Study,
    folder: Path | str,
    format: str,  # noqa: A002 - the word users know
    *,
    encoding: str | None = None,
) -> tuple[Path, ...]:
    """The study's files in `folder`, all or none; `encoding` is XPT's, by default ASCII.

    Raises UnknownNameError for the format and the encoding, DoesNotFitError for a value.
    """
    if known_encoding(encoding) is not None and format_named(format).name == "xpt":
        return tuple(cast("EncodedModule", FORMATS["xpt"].load()).write(of, Path(folder), encoding=str(encoding)))
    return tuple(format_named(format).load().write(of, Path(folder)))
