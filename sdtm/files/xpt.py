"""SAS XPORT version 5 (TS-140), the format regulators take: names of 8, labels of 40, text of 200 bytes, IBM floats.

A file read and written again has the same bytes. What the header holds beyond SDTM (SAS version, operating system,
dates, informats) is carried in `extra["xpt"]` of the table and of its variables, together with the cells that a double
cannot give back (special missing values `.A` to `.Z`, `._`); a format is also in `extra["displayFormat"]`. A table
without known dates gets SAS's day zero, so that the same data give the same bytes. What does not fit is an error that
names the cell; nothing is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.sdtm.files import folder, sniffing, xpt_read, xpt_write
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.sdtm.table import Study


def read(path: Path, *, encoding: str = "utf-8") -> Study:
    """The datasets of an XPORT file, or of all XPORT files in a folder (a file may hold several members).

    Raises UnreadableInputError for a file that is no XPORT version 5, is cut, or has text that is not of `encoding`.
    """
    files = folder.members(path, sniffing.is_xpt)
    return study((one for file in files for one in xpt_read.members(file, encoding)), source=str(path))


def write(of: Study, target: Path, *, encoding: str = "ascii") -> list[Path]:
    """One `.xpt` a dataset into the folder `target`. Raises DoesNotFitError naming the cell, variable or dataset."""
    return folder.write_each(of, target, ".xpt", lambda one, path: xpt_write.write_table(one, path, encoding))
