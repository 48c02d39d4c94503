"""The controlled terminology in use: the bundled package, or one the user has installed.

Bundled is a part of `sdtmct-2025-03-28` (origin: docs/data-origin.md). Installed packages are files in the folder
`terminology` of the user's folder: $TRIALBRIDGE_HOME, else $XDG_DATA_HOME/trialbridge, else
~/.local/share/trialbridge. Which package is the default says $TRIALBRIDGE_CT, else what `select` has stored there,
else the bundled one is. An installed package of the bundled one's name takes its place.

>>> bundled = load(BUNDLED)
>>> bundled.decode("TRTESTCD", "LDIAM")
'Longest Diameter'
>>> bundled.codelist("SEX").by_value("F")
Term(code='C16576', submission_value='F', preferred_term='Female', synonyms=('Female',))
>>> bundled.codelist("EGTESTCD")
Traceback (most recent call last):
...
trialbridge.base.errors.UnknownNameError: Terminology package sdtmct-2025-03-28 (82 of ...) has no codelist EGTESTCD. ...
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.sdtm.codelists import ADD_A_PACKAGE, Codelist, Term, Terminology
from trialbridge.sdtm.terminology_files import is_package_name, read_compact, read_package, write_compact

__all__ = [
    "BUNDLED",
    "Codelist",
    "Term",
    "Terminology",
    "available",
    "default",
    "install",
    "load",
    "select",
    "selected",
    "user_folder",
]

BUNDLED = "sdtmct-2025-03-28"


def user_folder() -> Path:
    """Where the user's own packages are kept; it need not exist. Read from the environment at each call."""
    if home := os.environ.get("TRIALBRIDGE_HOME"):
        return Path(home)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "trialbridge"


def default() -> Terminology:
    """The package in use. Take it once per run, not once per cell: it looks at the environment and the folder.

    Raises UnknownNameError if the package selected is not installed.
    """
    return load(os.environ.get("TRIALBRIDGE_CT") or selected() or BUNDLED)


def available() -> tuple[str, ...]:
    """The names of the packages that can be loaded, the oldest first."""
    installed = {file.stem for file in _folder().glob("*.tsv") if is_package_name(file.stem)}
    return tuple(sorted({BUNDLED, *installed}))


def load(package: str) -> Terminology:
    """A package by its name (`sdtmct-2025-03-28`); read once, then kept.

    Raises UnknownNameError if it is neither bundled nor installed, UnreadableInputError if its file is broken.
    """
    if is_package_name(package):
        file = _folder() / f"{package}.tsv"
        try:
            stamp = file.stat()
        except OSError:
            if package == BUNDLED:
                return _bundled()
        else:
            return _installed(file, stamp.st_mtime_ns, stamp.st_size)
    message = f"Terminology package {package} is not installed; available: {', '.join(available())}."
    raise UnknownNameError(message, fix=ADD_A_PACKAGE)


def install(path: Path | str, package: str | None = None) -> Terminology:
    """Reads a package as NCI publishes it (tab-separated text, XLSX, ODM-XML) and keeps it in the user's folder.

    What `trialbridge terminology add FILE` does. It does not become the default by this: see `select`. `package`
    is only needed where the file does not tell its standard and date. Raises UnreadableInputError.
    """
    terminology = read_package(Path(path), package)
    write_compact(terminology, _folder() / f"{terminology.package}.tsv")
    return load(terminology.package)


def selected() -> str | None:
    """The package that `select` has stored, or None."""
    try:
        return (_folder() / "selected").read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def select(package: str | None) -> None:
    """Makes an available package the user's default, from now on; None goes back to the bundled one.

    Raises UnknownNameError if the package is not available.
    """
    choice = _folder() / "selected"
    if package is None:
        choice.unlink(missing_ok=True)
        return
    load(package)
    with whole_file(choice) as part:
        part.write_text(f"{package}\n", encoding="utf-8", newline="\n")


def _folder() -> Path:
    return user_folder() / "terminology"


@lru_cache(maxsize=1)
def _bundled() -> Terminology:
    file = files("trialbridge.sdtm").joinpath("data", f"{BUNDLED}.tsv")
    return read_compact(file.read_text(encoding="utf-8"), f"{BUNDLED}.tsv")


@lru_cache(maxsize=4)
def _installed(file: Path, changed: int, size: int) -> Terminology:  # noqa: ARG001 - a changed file is read anew
    """The file as it was when last changed."""
    try:
        terminology = read_compact(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInputError(f"Cannot be read: {error}.", Where(file=str(file)), "install it anew") from error
    if terminology.package != file.stem:
        message = f"The file holds {terminology.package}, not what its name says."
        raise UnreadableInputError(message, Where(file=str(file)), "install it anew")
    return terminology
