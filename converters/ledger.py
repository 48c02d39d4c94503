"""The loss ledger: every cell and every element accounted for, with the reason.

Of an SDTM cell: `read` (the native elements say it), `derived` (recomputed as the standard defines it), `carried`
(kept in our extension), `blank` (an empty cell that had to be kept empty). Of a FHIR element: `read` (the tables give
it back), `residue` (kept in residue.ndjson), `skipped` (entered in error: never a record).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

REASONS = ("read", "derived", "carried", "residue", "blank", "skipped")


@dataclass(slots=True)
class Ledger:
    """Counts by place (dataset and variable, or resource type and path) and reason, and records in and out."""

    direction: str
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    records: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, where: str, what: str, reason: str, times: int = 1) -> None:
        """Account for a cell (dataset, variable) or an element (resource type, path)."""
        self.counts[where, what, reason] += times

    def record(self, where: str, fate: str, times: int = 1) -> None:
        """Account for a record: `in`, `out`, `rejected`."""
        self.records[where, fate] += times

    def totals(self) -> dict[str, int]:
        """Cells or elements by reason, over everything."""
        found: Counter[str] = Counter()
        for (_, _, reason), times in self.counts.items():
            found[reason] += times
        return {reason: found[reason] for reason in REASONS if found[reason]}

    def by_place(self) -> dict[str, dict[str, int]]:
        """Cells or elements by reason, for each dataset or resource type."""
        found: dict[str, Counter[str]] = {}
        for (where, _, reason), times in self.counts.items():
            found.setdefault(where, Counter())[reason] += times
        return {where: {r: c[r] for r in REASONS if c[r]} for where, c in sorted(found.items())}

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON for `ledger.json`: totals, places, details, records."""
        details: dict[str, dict[str, dict[str, int]]] = {}
        for (where, what, reason), times in sorted(self.counts.items()):
            details.setdefault(where, {}).setdefault(what, {})[reason] = times
        records: dict[str, dict[str, int]] = {}
        for (where, fate), times in sorted(self.records.items()):
            records.setdefault(where, {})[fate] = times
        return {
            "direction": self.direction,
            "unit": "cell" if self.direction == "to_fhir" else "element",
            "totals": self.totals(),
            "places": self.by_place(),
            "records": records,
            "details": details,
        }
