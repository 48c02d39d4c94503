"""One dataset a file: which files of a folder are datasets, and writing a study's files all or none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_folder
from trialbridge.sdtm.files import sniffing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table

FILE_NAME = re.compile(r"[A-Za-z0-9_-]+")


def members(path: Path, sniff: Callable[[Path, bytes], bool]) -> list[Path]:
    """The file itself (whatever it holds: its reader judges), or the folder's files that `sniff` accepts, by name.

    Raises UnreadableInputError if there is no such path, or no dataset in the folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UnreadableInputError("There is no such file or folder.", Where(file=str(path)), "check the path")
    files = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith(".")]
    found = [file for file in files if sniff(file, sniffing.head_of(file))]
    if not found:
        raise UnreadableInputError(
            "The folder holds no dataset of this format.", Where(file=str(path)), "check the path and the format"
        )
    return found


def write_each(of: Study, target: Path, suffix: str, write: Callable[[Table, Path], None]) -> list[Path]:
    """Each table as `<name in lower case><suffix>` in the folder `target`: all of them, or on an error none."""
    names = [file_name(one) + suffix for one in of]
    with whole_folder(target) as part:
        for one, name in zip(of, names, strict=True):
            write(one, part / name)
    return [target / name for name in names]


def file_name(one: Table) -> str:
    """A dataset's file name without suffix: in lower case, as submissions have it. Raises DoesNotFitError."""
    if not FILE_NAME.fullmatch(one.name):
        raise DoesNotFitError(
            f"{one.name!r} cannot name a file.", Where(dataset=one.name), "rename the dataset with A-Z, 0-9 and _"
        )
    return one.name.lower()
