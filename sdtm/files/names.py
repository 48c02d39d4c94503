"""Names of variables as SDTM has them: in capitals (SDTMIG 3.4, 4.2.1). SAS does not tell letters apart by case, R and others do.

A dataset whose identifiers are there in other letters (`studyid`) is read with all its names in capitals, blanks before and
after a name (`STUDYID, DOMAIN`) are left out, and a note says so; otherwise names are kept as they stand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm.table import Table

IDENTIFIER = "STUDYID"


def in_capitals(table: Table, file: str) -> tuple[Table, list[Finding]]:
    """The table with its names in capitals where its STUDYID is not, without blanks around them, and a note.

    Raises UnreadableInputError on a clash.
    """
    names = table.frame.columns
    named = [name.strip() for name in names]
    if IDENTIFIER not in named and IDENTIFIER in [name.upper() for name in named]:
        named = [name.upper() for name in named]
    if named == names:
        return table, []
    twice = [name for name, times in Counter(named).items() if times > 1]
    if twice:
        where = Where(file=file, dataset=table.name, variable=twice[0])
        raise UnreadableInputError(
            f"{twice[0]} names two columns, in other letters or with blanks.", where, "rename or remove one"
        )
    changed = next(name for name, other in zip(names, named, strict=True) if name != other)
    told = dict(zip(names, named, strict=True))
    variables = tuple(replace(one, name=told[one.name]) for one in table.variables)
    frame = table.frame.rename(told)
    message = f"Variables are named in other letters ({changed}): read in capitals, as SDTM has them."
    if changed.strip() != changed:
        message = f"Variables are named with blanks around them ({changed!r}): read without."
    note = Finding("TB-FILE-0002", Severity.NOTE, Where(file=file, dataset=table.name), message, "rename them")
    return Table(table.name, frame, variables, table.label, table.extra), [note]
