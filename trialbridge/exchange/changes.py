"""What changed between two versions of a study, record by record, and why.

A record is known again by the resource it was read from (`lineage.ndjson` of each version says which), so that a record that goes does
not make every later one look changed because --SEQ moved up. Rows no single resource gives (RELREC) are known by their
keys. The reason comes from the resources: new, changed (from version to version), deleted, entered in error, of a
subject who left; where none of a record's resources changed, it follows from other records.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trialbridge.base.errors import UnknownNameError
from trialbridge.exchange.likeness import digest
from trialbridge.exchange.pull_state import lines
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.located import name_of
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from trialbridge.fhir.located import Resource
    from trialbridge.sdtm.table import Study

CHANGES, CHANGES_CSV, RESOURCES = "changes.json", "changes.csv", "resources.json"
Kind = Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a version: its cells, its natural key, and the resources its cells came from, its own first."""

    dataset: str
    number: int
    cells: Mapping[str, Any]
    key: tuple[tuple[str, Any], ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One record that was added, changed or removed: which, why, by which resources, and the cells that differ."""

    kind: Kind
    dataset: str
    key: tuple[tuple[str, Any], ...]
    why: str
    resources: tuple[str, ...] = ()
    cells: tuple[tuple[str, Any, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "change": self.kind,
            "dataset": self.dataset,
            "key": dict(self.key),
            "why": self.why,
            "resources": list(self.resources),
            "cells": [{"variable": name, "from": old, "to": new} for name, old, new in self.cells],
        }


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The resources a version was made from: version on the server and digest of the content, by `Type/id`."""

    held: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Snapshot:
        """Of resources as they were pulled."""
        return cls(
            {name_of(one): (str((one.get("meta") or {}).get("versionId", "")), digest(one)) for one in resources}
        )

    @classmethod
    def read(cls, file: Path) -> Snapshot:
        """As an earlier version keeps it."""
        return cls({name: (one[0], one[1]) for name, one in decode(file.read_bytes()).items()})

    def content(self) -> dict[str, str]:
        """The digests alone: the same where nothing a conversion reads has changed."""
        return {name: one[1] for name, one in self.held.items()}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the study with what it was made from. `erroneous` are the resources entered in error."""

    study: Study
    rows: tuple[Row, ...]
    snapshot: Snapshot
    erroneous: frozenset[str]


def version(study: Study, folder: Path, snapshot: Snapshot) -> Version:
    """The version that stands in a folder as `convert --lineage` writes it."""
    sources: dict[tuple[str, int], dict[str, None]] = defaultdict(dict)
    linked: dict[tuple[str, int], dict[str, None]] = defaultdict(dict)
    for cell in lines(folder / "lineage.ndjson"):
        if name := cell.get("resource"):
            (linked if cell.get("link") else sources)[cell["dataset"], cell["row"]].setdefault(name)
    rows = []
    for table in study:
        keys = _keys(table.name)
        for number, cells in enumerate(table.rows(), start=1):
            at = (table.name, number)
            key = tuple((name, cells.get(name)) for name in keys) or (("row", number),)
            rows.append(Row(table.name, number, cells, key, tuple(dict.fromkeys([*sources[at], *linked[at]]))))
    found = decode((folder / "findings.json").read_bytes())["findings"]
    erroneous = {str(one.get("resource")) for one in found if one["id"] == "TB-ENTERED-IN-ERROR"}
    return Version(study, tuple(rows), snapshot, frozenset(erroneous))


def _keys(dataset: str) -> tuple[str, ...]:
    try:
        return metadata.keys(dataset)
    except UnknownNameError:
        return ()


def changes(old: Version, new: Version, gone: Mapping[str, str]) -> list[Change]:
    """What changed from one version to the next. `gone` tells why resources are no more."""
    before, after = _known(old.rows), _known(new.rows)
    made: list[Change] = []
    for mark, row in after.items():
        earlier = before.get(mark)
        if earlier is None:
            made.append(Change("added", row.dataset, row.key, _why_added(row, old, new), row.resources))
        elif cells := tuple(_different(earlier, row)):
            why, by = _why_changed(earlier, row, old, new)
            made.append(Change("changed", row.dataset, row.key, why, by, cells))
    for mark, row in before.items():
        if mark not in after:
            made.append(Change("removed", row.dataset, row.key, _why_removed(row, old, new, gone), row.resources))
    return made


def _known(rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    """Rows by what they are known again by: their own resource and place in it, else their key."""
    found: dict[tuple[Any, ...], Row] = {}
    times: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows:
        own = row.resources[0] if row.resources else None
        mark: tuple[Any, ...] = (row.dataset, own, row.cells.get("QNAM")) if own else (row.dataset, *row.key)
        times[mark] += 1
        found[(*mark, times[mark])] = row
    return found


def _different(old: Row, new: Row) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*old.cells, *new.cells]):
        one, other = old.cells.get(name), new.cells.get(name)
        if one != other and not (one in (None, "") and other in (None, "")):
            yield name, one, other


def _moves(names: Iterable[str], old: Version, new: Version) -> tuple[str, ...]:
    """Of these resources those that changed, with their versions: `Observation/x (version 2 to 3)`."""
    told = []
    for name in names:
        one, other = old.snapshot.held.get(name), new.snapshot.held.get(name)
        if one is None and other is not None:
            told.append(f"{name} (new)")
        elif one is not None and other is None:
            told.append(f"{name} (gone)")
        elif one and other and one[1] != other[1]:
            told.append(f"{name} (version {one[0] or '?'} to {other[0] or '?'})")
    return tuple(told)


def _why_added(row: Row, old: Version, new: Version) -> str:
    own = row.resources[0] if row.resources else None
    if own is None:
        return "it follows from other records"
    if own not in old.snapshot.held:
        return "new on the server"
    if own in old.erroneous:
        return "no longer entered in error"
    return (
        "the resource was changed and now gives this record"
        if _moves([own], old, new)
        else "it follows from other records"
    )


def _why_changed(old_row: Row, row: Row, old: Version, new: Version) -> tuple[str, tuple[str, ...]]:
    moved = _moves(dict.fromkeys([*row.resources, *old_row.resources]), old, new)
    if moved:
        return "changed on the server", moved
    return "it follows from other records (no resource of its own changed)", ()


def _why_removed(row: Row, old: Version, new: Version, gone: Mapping[str, str]) -> str:
    own = row.resources[0] if row.resources else None
    if own is None:
        return "it follows from other records"
    if own not in new.snapshot.held:
        return gone.get(own, "the server gives it no more")
    if own in new.erroneous:
        return "entered in error"
    if _moves([own], old, new):
        return "the resource was changed and gives this record no more"
    return "it follows from other records"


def as_csv(listed: Iterable[Change]) -> str:
    """The change list as CSV (RFC 4180): a line a cell, or one line for a record added or removed."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["change", "dataset", "record", "variable", "from", "to", "why", "resources"])
    for one in listed:
        record = " ".join(f"{name}={_text(value)}" for name, value in one.key)
        for name, old, new in one.cells or (("", "", ""),):
            resources = "; ".join(one.resources)
            writer.writerow([one.kind, one.dataset, record, name, _text(old), _text(new), one.why, resources])
    return text.getvalue()


def _text(value: Any) -> str:
    """A cell as people read it: 1, not 1.0."""
    return number_text(value) if isinstance(value, float) else str("" if value is None else value)
