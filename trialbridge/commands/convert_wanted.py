"""What a user asks of `trialbridge convert`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for."""

    sources: tuple[Path, ...]
    to: Literal["sdtm", "fhir", "forms"]
    output: Path
    formats: tuple[str, ...] = ()
    fhir_version: str | None = None
    version: str | None = None
    base_url: str | None = None
    residue: bool = True
    check: bool = True
    """Whether FHIR that comes in is held against its structure."""
    check_made: bool = False
    """Whether FHIR that is made is."""
    mapping: Path | None = None
    study_file: Path | None = None
    dictionaries: tuple[str, ...] = ()
    define: Path | None = None
    to_release: str | None = None
    encoding: str | None = None
    """Of text in XPT and CSV files."""
    lineage: bool = False
    provenance: bool = False
    adjudication: Path | None = None
    from_: Literal["sdtm", "fhir", "forms"] | None = None
    workers: int = 1
    fail_on: Literal["error", "warning"] = "error"
