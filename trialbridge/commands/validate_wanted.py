"""What a user asks of `trialbridge validate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.report import conformance_files

if TYPE_CHECKING:
    from pathlib import Path

STANDARD = "sdtmig"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; names as CORE's options. `rows` and `most` 0: no limit."""

    sources: tuple[Path, ...]
    standard: str = STANDARD
    version: str | None = None
    define: Path | None = None
    packages: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    output: Path | None = None
    formats: tuple[str, ...] = ()
    rows: int = conformance_files.ROWS
    most: int = 0
    igs: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    fhir_version: str | None = None
    base_url: str | None = None
    fhir_only: bool = False
    mapping: Path | None = None
    study_file: Path | None = None
    triage: Path | None = None
    fail_on: str = "error"
    engine: str = "ours"
    core_path: Path | None = None
    core_cache: Path | None = None
    encoding: str | None = None
