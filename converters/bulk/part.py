"""What comes of one shard of an export: its rows, laid down as Arrow, and what is to say of its lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.fhir.located import Reject


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of one dataset in one shard, as an Arrow file or its bytes: what columns, first and last sort key."""

    arrow: Spooled | bytes
    height: int
    columns: dict[str, str]
    first: tuple[Any, ...]
    last: tuple[Any, ...]
    studyids: tuple[str, ...]
    nobody: int
    """How many rows name no subject."""
    unnamed: int
    """How many of these do not name what stands in its place either (`sdtm.model_variables.WHOSE`)."""
    places: Spooled | None
    """Each row's place in the shard (the line's number, from 0, times STEP, and where in the line); and by which reader."""

    @property
    def studyid(self) -> str | None:
        """The first STUDYID."""
        return next(iter(self.studyids), None)

    def frame(self) -> pl.DataFrame:
        """The rows."""
        return frame_of(self.arrow)


@dataclass(frozen=True, slots=True)
class Spooled:
    """An Arrow file that stands in a file with others: where it begins and how long it is."""

    path: Path
    start: int
    length: int

    def read(self) -> bytes:
        """Its bytes."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)


def frame_of(arrow: Spooled | bytes) -> pl.DataFrame:
    """The rows of an Arrow file."""
    return pl.read_ipc_stream(BytesIO(arrow if isinstance(arrow, bytes) else arrow.read()))


@dataclass(slots=True)
class Part:
    """What came of one shard."""

    number: int
    size: int = 0
    lines: int = 0
    stored: dict[str, Stored] = field(default_factory=dict)
    numbered: dict[str, int] = field(default_factory=dict)
    related: tuple[bool, ...] = ()
    plain: tuple[str, ...] = ()
    """The datasets of which rows travelled as they are: they come before those that are read."""
    findings: list[Finding] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    """Lines that say their type and are no JSON all the same, by that type: they count as those that say none."""
    subjects: tuple[str, ...] = ()
    sources: Sources | None = None


@dataclass(slots=True)
class Sources:
    """Which of a shard's lines (numbers from 0) hold resources of the study.

    Not those `left_out`: rejected, or given again elsewhere. Of two versions of a resource the later stands where the
    earlier stood (`moved`, from the one's line to the other's). `skipped` are records entered in error.
    """

    left_out: tuple[int, ...] = ()
    moved: dict[int, int] = field(default_factory=dict)
    skipped: frozenset[int] = frozenset()
    stand_ins: dict[int, dict[str, int]] = field(default_factory=dict)
    """By the places of records that no resource of the shard has as its own: the lines of their parts."""
