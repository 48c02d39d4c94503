"""The user's licensed dictionaries: MedDRA, WHODrug, LOINC, installed once into the user's folder and named when used.

`install` reads a distribution (`dictionary_files.py`) and keeps what we need of it; `load` gives it by name
(`meddra-27.1`). Nothing is chosen by itself: what a run used, it was told to use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.writing import whole_file
from trialbridge.sdtm.dictionary_files import READERS
from trialbridge.sdtm.terminology import user_folder

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"(meddra|whodrug|loinc)-[A-Za-z0-9._]+")


@dataclass(frozen=True, slots=True)
class Preferred:
    """A MedDRA preferred term with its primary path: codes and names of PT, HLT, HLGT, SOC."""

    code: str
    name: str
    hlt: str
    hlt_name: str
    hlgt: str
    hlgt_name: str
    soc: str
    soc_name: str


@dataclass(slots=True)
class MedDRA:
    """MedDRA: preferred terms by code, lowest level terms by code (name, PT's code, current)."""

    name: str
    terms: dict[str, Preferred] = field(default_factory=dict)
    lowest: dict[str, tuple[str, str, bool]] = field(default_factory=dict)

    def enter(self, kind: str, cells: tuple[str, ...]) -> None:
        """Take one row of the installed file."""
        if kind == "PT":
            self.terms[cells[0]] = Preferred(*cells)
        else:
            self.lowest[cells[0]] = (cells[1], cells[2], cells[3] == "Y")

    def __len__(self) -> int:
        return len(self.lowest)


@dataclass(slots=True)
class WHODrug:
    """WHODrug: drugs by name in upper case, preferred names by record, ATC codes by record, ATC texts by code."""

    name: str
    drugs: dict[str, str] = field(default_factory=dict)
    preferred: dict[str, str] = field(default_factory=dict)
    atc: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def enter(self, kind: str, cells: tuple[str, ...]) -> None:
        """Take one row of the installed file."""
        if kind == "TEXT":
            self.texts[cells[0]] = cells[1]
        elif kind == "ATC":
            codes = self.atc.setdefault(cells[0], [])
            if cells[3] not in codes:
                codes.append(cells[3])
        else:
            record, first, second, name = cells
            self.drugs.setdefault(name.upper(), record)
            if (first, second) == ("01", "001"):
                self.preferred[record] = name

    def __len__(self) -> int:
        return len(self.drugs)


@dataclass(slots=True)
class LOINC:
    """LOINC: long common name and status by number."""

    name: str
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def enter(self, kind: str, cells: tuple[str, ...]) -> None:
        """Take one row of the installed file."""
        del kind
        self.codes[cells[0]] = (cells[1], cells[2])

    def __len__(self) -> int:
        return len(self.codes)


Dictionary: TypeAlias = MedDRA | WHODrug | LOINC
_KINDS: dict[str, type[MedDRA | WHODrug | LOINC]] = {"meddra": MedDRA, "whodrug": WHODrug, "loinc": LOINC}


def install(kind: str, path: Path, version: str) -> Dictionary:
    """Read a distribution and keep it under `kind-version`. Raises UnknownNameError, UnreadableInputError."""
    name = f"{kind}-{version}"
    if kind not in READERS or not _NAME.fullmatch(name):
        fix = f"Use {', '.join(READERS)}, and a version of letters, digits, points and underscores."
        raise UnknownNameError(f"There is no dictionary {name!r}.", fix=fix)
    rows = ["\t".join(one.replace("\t", " ") for one in cells) for cells in READERS[kind](path)]
    if not rows:
        raise UnreadableInputError("It holds no terms.", Where(file=str(path)), "give the distribution's folder")
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / f"{name}.tsv") as part:
        part.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    _read.cache_clear()
    return load(name)


def available() -> tuple[str, ...]:
    """The names of the installed dictionaries."""
    return tuple(sorted(one.stem for one in _folder().glob("*.tsv") if _NAME.fullmatch(one.stem)))


def load(name: str) -> Dictionary:
    """An installed dictionary. Raises UnknownNameError."""
    file = _folder() / f"{name}.tsv"
    if not _NAME.fullmatch(name) or not file.is_file():
        known = ", ".join(available()) or "none is installed"
        fix = "install your licensed copy with `trialbridge dictionary add`"
        raise UnknownNameError(f"There is no dictionary {name!r}; available: {known}.", fix=fix)
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(file: Path, changed: int) -> Dictionary:
    del changed  # a file written anew is read anew
    made = _KINDS[file.stem.partition("-")[0]](file.stem)
    for line in file.read_text(encoding="utf-8").splitlines():
        kind, *cells = line.split("\t")
        made.enter(kind, tuple(cells))
    return made


def _folder() -> Path:
    return user_folder() / "dictionaries"
