"""What every shard of an export is converted with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from trialbridge.converters.chosen import chosen

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.fhir.releases import Release

Mode = Literal["mapped", "strict"]
Line = tuple[str, int, bytes]
"""Name of the file, number of the line from 1, the line."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every shard is converted with. It travels to other processes: mappings by their files, dictionaries by name."""

    shared: tuple[Line, ...]
    base: str
    release: Release
    mode: Mode = "strict"
    mapping: Path | None = None
    study_file: Path | None = None
    dictionaries: tuple[str, ...] = ()

    def dictionary(self) -> Dictionary:
        """The dictionary in use."""
        return dictionary_of(self.mapping, self.study_file, self.dictionaries)


@lru_cache(maxsize=4)
def dictionary_of(mapping: Path | None, study_file: Path | None, licensed: tuple[str, ...] = ()) -> Dictionary:
    """The dictionary in use, as `chosen` gives it, made once a process."""
    return chosen(mapping, study_file, licensed)
