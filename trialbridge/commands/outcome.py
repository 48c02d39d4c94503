"""What `convert` has in hand between reading and writing, and whether the records add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.fhir.bundle import pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from trialbridge.converters.bulk import Bulk
    from trialbridge.converters.ledger import Ledger
    from trialbridge.crf.model import Source as Forms
    from trialbridge.fhir.located import Located, Reject
    from trialbridge.fhir.releases import Release
    from trialbridge.sdtm.table import Study
    from trialbridge.sources import Resources

_SUPP_COLUMNS = frozenset("STUDYID RDOMAIN USUBJID IDVAR IDVARVAL QNAM QLABEL QVAL QORIG QEVAL".split())
UNREADABLE_TYPE = "(unreadable)"


@dataclass(frozen=True, slots=True)
class Account:
    """Records of one dataset or resource type: `given` = `kept` + `rejected` + `aside`.

    Aside are resources given twice and a server's OperationOutcomes: no records of the study.
    """

    name: str
    given: int
    kept: int
    rejected: int = 0
    aside: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether no record went missing."""
        return self.given == self.kept + self.rejected + self.aside


@dataclass(frozen=True, slots=True)
class Laid:
    """A folder of FHIR NDJSON with its manifest, and how many resources of each type it holds."""

    folder: Path
    counts: Counter[str]


@dataclass(slots=True)
class Outcome:
    """A conversion's outcome: a study or resources, findings, rejects, the ledger (if languages were crossed)."""

    kind: str
    to: str
    release: Release
    findings: list[Finding]
    accounts: list[Account]
    study: Study | None = None
    resources: Sequence[Located | dict[str, Any]] = ()
    rejects: list[Reject] = field(default_factory=list)
    ledger: Ledger | None = None
    bulk: Bulk | None = None
    """A conversion in shards, instead of `study`: its rows lie in files."""
    laid: Laid | None = None
    """Resources laid down as NDJSON already, instead of `resources`."""
    origins: Mapping[str, Iterable[bytes]] = field(default_factory=dict)
    """Files that tell where cells came from: name and lines."""
    forms: Forms | None = None
    """What a conversion to forms makes."""
    attachments: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)
    """Further files, each by the function that writes it."""

    @property
    def direction(self) -> str:
        """As in `sdtm to fhir`."""
        return f"{self.kind} to {self.to}"

    @property
    def adds_up(self) -> bool:
        """Whether every record given is accounted for."""
        return all(one.adds_up for one in self.accounts)

    @property
    def made(self) -> dict[str, int]:
        """Records made, by dataset or resource type."""
        if self.forms is not None:
            return {form.name: len(form.records) for form in self.forms}
        if self.bulk is not None:
            return {one.name: one.height for one in self.bulk.datasets}
        if self.laid is not None:
            return dict(sorted(self.laid.counts.items()))
        if self.to == "sdtm":
            return {table.name: table.frame.height for table in self.study or ()}
        return dict(sorted(Counter(_type(one) for one in self.resources).items()))


def _type(resource: Any) -> str:
    plain = resource if isinstance(resource, dict) else resource.resource
    return str(plain.get("resourceType"))


def rows_accounted(study: Study, ledger: Ledger) -> list[Account]:
    """The rows of a study as the ledger followed them; a supplemental qualifier is one cell of its parent's record."""
    accounts = []
    for table in study:
        kept = ledger.records[table.name, "out"]
        if table.name.startswith("SUPP") and _SUPP_COLUMNS.issuperset(table.frame.columns):
            kept += sum(
                times
                for (where, what, reason), times in ledger.counts.items()
                if where == table.name and what not in _SUPP_COLUMNS and reason != "blank"
            )
        accounts.append(Account(table.name, table.frame.height, kept))
    return accounts


def rows_kept(study: Study) -> list[Account]:
    """The rows of a study that only changes its format."""
    return [Account(table.name, table.frame.height, table.frame.height) for table in study]


def resources_accounted(
    read: Resources, accepted: Sequence[Located], rejects: Iterable[Reject], ledger: Ledger | None
) -> list[Account]:
    """The resources read, by type: as the ledger followed them, rejected, given twice, or no study data."""
    given: Counter[str] = Counter(_type(one) for one in read.items)
    aside: Counter[str] = Counter(_type(one) for one in read.outcomes)
    rejected: Counter[str] = Counter()
    for one in rejects:
        name = (one.finding.where.resource or UNREADABLE_TYPE).partition("/")[0]
        rejected[name] += 1
        if name == UNREADABLE_TYPE:
            given[name] += 1
    given.update(aside)
    distinct = Counter(_type(one) for one in pool(accepted).items)
    aside.update(Counter(_type(one) for one in accepted) - distinct)
    kept = {kind: ledger.records[kind, "in"] for kind in given} if ledger and ledger.records else distinct
    return [Account(kind, given[kind], kept[kind], rejected[kind], aside[kind]) for kind in sorted(given)]


def nothing_made(done: Outcome) -> list[Finding]:
    """TB-NOTHING-MADE where no record came of the source: a folder of the wrong resources ends well otherwise."""
    if any(done.made.values()) or done.to == "forms" or any(one.rejected for one in done.accounts):
        return []
    what = {"sdtm": "The datasets have no rows", "fhir": "No resource here is a record of a study"}
    message = f"Nothing was made. {what.get(done.kind, 'There is no record')}."
    fix = "Give the study's resources: Patient, ResearchSubject, Observation …" if done.kind == "fhir" else ""
    return [Finding("TB-NOTHING-MADE", Severity.WARNING, Where(), message, fix)]


def missing(accounts: Iterable[Account]) -> list[Finding]:
    """TB-COUNT for each dataset or type whose records do not add up: a fault of ours, never of the data."""
    return [
        Finding(
            "TB-COUNT",
            Severity.ERROR,
            Where(dataset=one.name),
            f"{one.given} records were given, {one.kept + one.rejected + one.aside} are accounted for.",
            "This is a fault of trialbridge: please report it.",
        )
        for one in accounts
        if not one.adds_up
    ]


def as_dict(done: Outcome, output: Path, formats: tuple[str, ...], files: list[str]) -> dict[str, object]:
    """The summary as JSON, but for the findings."""
    records = {
        one.name: {"given": one.given, "kept": one.kept, "rejected": one.rejected, "aside": one.aside}
        for one in done.accounts
    }
    return {
        "direction": done.direction,
        "output": str(output),
        "formats": list(formats),
        "fhirRelease": done.release,
        "files": files,
        "records": records,
        "addsUp": done.adds_up,
        "made": done.made,
        "unit": None if done.ledger is None else done.ledger.as_dict()["unit"],
        "totals": None if done.ledger is None else done.ledger.totals(),
        "rejected": len(done.rejects),
    }
