"""Define-XML 2.1 (2.0 is read): the metadata of a study as a submission wants it.

`read` takes define.xml or a specification workbook, known by content; `build.define_of` makes one of a study; `xml`,
`html` and `specification_write` write it; `apply` uses one for reading a study, `checks` for checking it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.sdtm.define import specification_read as specification
from trialbridge.sdtm.define import xml
from trialbridge.sdtm.define.overlay import overlay

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.base.finding import Finding
    from trialbridge.sdtm.define.model import Define

__all__ = ["overlay", "read", "sniff"]

_HEAD = 16384


def sniff(path: Path) -> str | None:
    """`xml` for a define.xml, `xlsx` for a specification workbook, None for anything else."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if xml.is_define(head):
        return "xml"
    return "xlsx" if head.startswith(b"PK") and specification.is_specification(path) else None


def read(path: Path) -> tuple[Define, list[Finding]]:
    """A define of either kind, and findings on what was not kept. Raises UnreadableInputError."""
    if not path.is_file():
        raise UnreadableInputError("There is no such file.", Where(file=str(path)), "check the path")
    kind = sniff(path)
    if kind == "xlsx":
        return specification.read(path)
    if kind == "xml" or path.suffix.lower() == ".xml":
        reading = xml.read(path)
        return reading.define, list(reading.findings)
    fix = "give a define.xml (2.0, 2.1) or a workbook with the sheets Datasets and Variables"
    raise UnreadableInputError("This is neither a define.xml nor a specification workbook.", Where(file=str(path)), fix)
