"""Names of variables as SDTM has them: in capitals (SDTMIG 3.4, 4.2.1). SAS does not tell letters apart by case, R and others do.

A dataset whose identifiers are there in other letters (`studyid`) is read with all its names in capitals, and a note
says so; any other dataset keeps its names as they stand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm.table import Table

IDENTIFIER = "STUDYID"


def in_capitals(table: Table, file: str) -> tuple[Table, list[Finding]]:
    """The table with its names in capitals where its STUDYID is not, and a note. Raises UnreadableInputError on a clash."""
    names = table.frame.columns
    capitals = [name.upper() for name in names]
    if IDENTIFIER in names or IDENTIFIER not in capitals:
        return table, []
    twice = [name for name, times in Counter(capitals).items() if times > 1]
    if twice:
        where = Where(file=file, dataset=table.name, variable=twice[0])
        raise UnreadableInputError(f"{twice[0]} names two columns, in other letters.", where, "rename or remove one")
    changed = next(name for name, capital in zip(names, capitals, strict=True) if name != capital)
    variables = tuple(replace(one, name=one.name.upper()) for one in table.variables)
    frame = table.frame.rename(dict(zip(names, capitals, strict=True)))
    message = f"Variables are named in other letters ({changed}): read in capitals, as SDTM has them."
    note = Finding("TB-FILE-0002", Severity.NOTE, Where(file=file, dataset=table.name), message, "rename them")
    return Table(table.name, frame, variables, table.label, table.extra), [note]
