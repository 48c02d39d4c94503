"""What is asked of a pull, and what it brought."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.fhir.ids import BASE

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.exchange.subjects import Scope
    from trialbridge.fhir.releases import Release

OVERLAP = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to pull. `since` is an instant, `auto` (since the last pull) or None (everything); `types` None: all we read.

    `overlap` is how many seconds before the last pull's beginning the next one asks for: what a server's transactions
    committed late is then not missed. `way` is `search`, `export`, or `auto`: export for a group the server exports.
    """

    scope: Scope
    folder: Path
    types: tuple[str, ...] | None = None
    since: str | None = None
    overlap: float = OVERLAP
    way: str = "auto"
    base_url: str = BASE
    workers: int = 4
    page: int = 500
    patience: float = 24 * 3600.0


@dataclass(slots=True)
class Pulled:
    """What a pull brought: names by fate, how many resources the server sent by type, what is held now by type."""

    release: Release = "R4"
    since: str | None = None
    way: str = "search"
    received: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: dict[str, str] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    resumed: bool = False
