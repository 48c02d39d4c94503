"""SAS XPORT version 5 (TS-140), the format regulators take: names of 8, labels of 40, text of 200 bytes, IBM floats.

A file read and written again has the same bytes. What the header holds beyond SDTM (SAS version, operating system,
dates, informats) is carried in `extra["xpt"]` of the table and of its variables, together with the cells that a double
cannot give back (special missing values `.A` to `.Z`, `._`); a format is also in `extra["displayFormat"]`. A table
without known dates gets SAS's day zero, so that the same data give the same bytes. What does not fit is an error that
names the cell; nothing is cut.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm.files import folder, sniffing, xpt_read, xpt_write
from trialbridge.sdtm.table import NOTHING, study

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trialbridge.sdtm.table import Study, Table


def read(path: Path, *, encoding: str = "utf-8") -> Study:
    """The datasets of an XPORT file, or of all XPORT files in a folder (a file may hold several members).

    Raises UnreadableInputError for a file that is no XPORT version 5, is cut, or has text that is not of `encoding`.
    """
    read = [(file, one) for file in folder.members(path, sniffing.is_xpt) for one in xpt_read.members(file, encoding)]
    notes = tuple(note for file, one in read for note in _special_missing(one, file.name))
    return study((one for _, one in read), source=str(path), notes=notes)


def _special_missing(one: Table, file: str) -> Iterator[Finding]:
    """TB-FILE-0004 for each variable with special missing values: other formats hold a missing value alone."""
    for variable in one.variables:
        cells = [str(digits) for _, digits in variable.extra.get("xpt", NOTHING).get("cells", ())]
        found = Counter(f".{chr(bytes.fromhex(digits)[0])}" for digits in cells if digits[2:] == "0" * 14)
        told = {code: times for code, times in found.items() if code[1] == "_" or code[1].isalpha()}
        if told:
            listed = ", ".join(f"{code} {times:,}" for code, times in sorted(told.items()))
            where = Where(file=file, dataset=one.name, variable=variable.name)
            message = (
                f"Special missing values ({listed}) are read as missing; XPT and Parquet alone keep which they are."
            )
            yield Finding("TB-FILE-0004", Severity.NOTE, where, message, "say the reason in --STAT and --REASND")


def write(of: Study, target: Path, *, encoding: str = "ascii") -> list[Path]:
    """One `.xpt` a dataset into the folder `target`. Raises DoesNotFitError naming the cell, variable or dataset."""
    return folder.write_each(of, target, ".xpt", lambda one, path: xpt_write.write_table(one, path, encoding))
