"""Study tables to records and back: a record is a row with the supplemental qualifiers that belong to it.

A SUPP-- row joins its parent when IDVAR is the parent's --SEQ (or the parent is DM) and finds one record. Rows that
join none, or that would come back changed, stay loose: they travel as rows of their own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.converters.carry import Qualifier
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.mappings.kit import Row
    from trialbridge.sdtm.table import Study, Table

SUPP = ("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL", "QORIG", "QEVAL")


@dataclass(slots=True)
class Record:
    """A row of a dataset, its number (from 1) and its qualifiers by QNAM; their values stand in the row as `SUPP.<QNAM>`."""

    dataset: str
    number: int
    row: Row
    qualifiers: dict[str, Qualifier] = field(default_factory=dict)

    def add(self, qualifier: Qualifier) -> None:
        """Attach a qualifier."""
        self.qualifiers[qualifier.name] = qualifier
        self.row[f"SUPP.{qualifier.name}"] = qualifier.value


def filled(row: Row) -> Row:
    """The row without its empty cells."""
    return {name: value for name, value in row.items() if value is not None}


def records(table: Table) -> list[Record]:
    """The rows of a table as records, empty cells left out."""
    return [Record(table.name, number, filled(row)) for number, row in enumerate(table.rows(), start=1)]


_BY_CLASS = {"SEQ": "Num", "STRESN": "Num"} | dict.fromkeys(
    ("TESTCD", "TEST", "ORRES", "ORRESU", "STRESC", "DTC"), "Char"
)


def mistyped(table: Table, version: str) -> list[str]:
    """The columns with values that are Char where the standard has Num, or the reverse."""
    found = []
    for variable in table.variables:
        try:
            wanted: str | None = metadata.variable(variable.name, version, table.name).type
        except UnknownNameError:
            wanted = _BY_CLASS.get(variable.name[2:])
        if (
            wanted is not None
            and wanted != variable.type
            and table.frame[variable.name].null_count() < table.frame.height
        ):
            found.append(variable.name)
    return found


def joined(study: Study, parents: dict[str, list[Record]]) -> dict[str, list[Record]]:
    """Attach the rows of SUPP-- datasets to the parents given by dataset; what stays loose, by dataset."""
    loose: dict[str, list[Record]] = {}
    for table in study:
        if not table.name.startswith("SUPP") or table.name[4:] not in parents:
            continue
        domain = table.name[4:6]
        homes = _homes(domain, parents[table.name[4:]])
        fits = set(table.frame.columns) <= set(SUPP)
        found = records(table)
        times = Counter((_home(domain, one.row), one.row.get("QNAM")) for one in found)
        for record in found:
            home, name = _home(domain, record.row), record.row.get("QNAM")
            parent = homes.get(home) if fits and times[home, name] == 1 else None
            if parent is None or name is None or not _returns(record.row, parent.row):
                loose.setdefault(table.name, []).append(record)
            else:
                get = record.row.get
                parent.add(Qualifier(name, get("QVAL"), get("QLABEL"), get("QORIG"), get("QEVAL")))
    return loose


def _homes(domain: str, parents: Iterable[Record]) -> dict[Any, Record | None]:
    """Records by the key a SUPP-- row names them by; None where two share it."""
    homes: dict[Any, Record | None] = {}
    for parent in parents:
        sequence = parent.row.get(f"{domain}SEQ")
        key = (parent.row.get("USUBJID"), None if domain == "DM" or sequence is None else number_text(sequence))
        homes[key] = None if key in homes else parent
    return homes


def _home(domain: str, row: Row) -> Any:
    wanted = None if domain == "DM" else f"{domain}SEQ"
    if row.get("IDVAR") != wanted or row.get("RDOMAIN") != domain:
        return ()
    return (row.get("USUBJID"), row.get("IDVARVAL"))


def _returns(row: Row, parent: Row) -> bool:
    """Whether the row would be made again from its parent: same study, a value, plain text."""
    return row.get("STUDYID") == parent.get("STUDYID") and isinstance(row.get("QVAL"), str)


def supplemental(domain: str, record: Record) -> list[Row]:
    """The SUPP-- rows of a record."""
    sequence = record.row.get(f"{domain}SEQ")
    by_sequence = domain != "DM" and sequence is not None
    return [
        filled(
            {
                "STUDYID": record.row.get("STUDYID"),
                "RDOMAIN": domain,
                "USUBJID": record.row.get("USUBJID"),
                "IDVAR": f"{domain}SEQ" if by_sequence else None,
                "IDVARVAL": number_text(sequence) if by_sequence and isinstance(sequence, float) else None,
                "QNAM": one.name,
                "QLABEL": one.label,
                "QVAL": one.value,
                "QORIG": one.origin,
                "QEVAL": one.evaluator,
            }
        )
        for one in record.qualifiers.values()
    ]
