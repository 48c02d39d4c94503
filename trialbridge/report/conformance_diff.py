"""What has changed from one conformance report to the next: issues that are new, gone, and still there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from trialbridge.report.conformance import Issue, Report


@dataclass(frozen=True, slots=True)
class Changes:
    """Issues of the newer report that are new, of the older that are gone, and those in both."""

    new: tuple[Issue, ...]
    gone: tuple[Issue, ...]
    same: tuple[Issue, ...]

    def by_rule(self) -> list[tuple[str, str, int, int, int]]:
        """Rule, dataset, new, gone, still there: those that changed first."""
        new, gone, same = (Counter((one.rule, one.dataset) for one in its) for its in (self.new, self.gone, self.same))
        rows = [(*place, new[place], gone[place], same[place]) for place in sorted({*new, *gone, *same})]
        return sorted(rows, key=lambda one: -(one[2] + one[3]))

    def as_dict(self) -> dict[str, Any]:
        """Counts, without any cell."""
        rows = [
            {"rule": rule, "dataset": dataset, "new": new, "gone": gone, "same": same}
            for rule, dataset, new, gone, same in self.by_rule()
        ]
        return {"new": len(self.new), "gone": len(self.gone), "same": len(self.same), "rules": rows}


def compare(old: Report, new: Report) -> Changes:
    """The changes; an issue is the same if its kind, subject and record are (as often as it is there)."""
    left = Counter(one.fingerprint for one in old.issues)
    added, same = [], []
    for one in new.issues:
        if left[one.fingerprint] > 0:
            left[one.fingerprint] -= 1
            same.append(one)
        else:
            added.append(one)
    gone = []
    for one in reversed(old.issues):
        if left[one.fingerprint] > 0:
            left[one.fingerprint] -= 1
            gone.append(one)
    return Changes(tuple(added), tuple(reversed(gone)), tuple(same))


def show(found: Changes, console: Console) -> None:
    """Print the counts by rule, and the outcome."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("rule", no_wrap=True)
    table.add_column("dataset")
    for name in ("new", "gone", "still there"):
        table.add_column(name, justify="right")
    changed = [one for one in found.by_rule() if one[2] or one[3]]
    for rule, dataset, new, gone, same in changed:
        table.add_row(
            rule,
            dataset,
            f"[red]{new:,}[/]" if new else "",
            f"[green]{gone:,}[/]" if gone else "",
            f"{same:,}" if same else "",
        )
    if changed:
        console.print(table)
    console.print(f"{len(found.new):,} new, {len(found.gone):,} gone, {len(found.same):,} still there")
