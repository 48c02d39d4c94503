"""Which dataset a lone file is: a CSV, or another tool's Parquet, has its name from its file alone, and a body has no file.

It is then what its rows say (DOMAIN, RDOMAIN), else what the caller says (Content-Disposition), else it is refused: as a
dataset called BODY nothing of it would be mapped. Source: SDTMIG 3.4, 8.4 (SUPP--), 8.3 (RELREC). Runs in the working process.
"""

from __future__ import annotations

import csv
import io
import re
from email.message import Message
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


def told(headers: Mapping[str, str]) -> str:
    """The dataset's name by `Content-Disposition: attachment; filename="ae.csv"`; empty if there is none that can be one."""
    message = Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    name = PurePosixPath((message.get_filename() or "").replace("\\", "/")).stem.upper()
    return name if _NAME.fullmatch(name) else ""


def named(file: Path, told: str) -> Path:
    """The file, renamed after its dataset where nothing else names it. Raises UnreadableInputError."""
    from trialbridge.sdtm import files  # noqa: PLC0415 - in the working process only
    from trialbridge.sdtm.files import parquet  # noqa: PLC0415 - as above

    kind = files.sniff(file) if file.is_file() else None
    if kind == "csv":
        said = _said(_first_row(file))
    elif kind == "parquet" and not parquet.names_itself(file):
        said = _said(next(parquet.read_rows(file, 0, 1).rows(), {}))
    else:
        return file
    name = told if told and told.startswith(said) else said
    if not name:
        fix = 'send Content-Disposition: attachment; filename="ae.csv", or a ZIP with ae.csv'
        raise UnreadableInputError("Nothing says which dataset this is: it has no DOMAIN.", Where(file=file.name), fix)
    return file.rename(file.with_name(f"{name.lower()}.{kind}"))


def _first_row(file: Path) -> dict[str, str | None]:
    from trialbridge.sdtm.files import sniffing  # noqa: PLC0415 - in the working process only

    head = sniffing.head_of(file)
    lines = csv.reader(io.StringIO(sniffing.text_of(head), newline=""), delimiter=sniffing.separator(head) or ",")
    try:
        names, values = next(lines, []), next(lines, [])
    except csv.Error:  # its reader tells
        return {}
    return dict(zip(names, values, strict=False))


def _said(row: Mapping[str, object]) -> str:
    """The dataset a row is of, by its variables; empty if they do not tell."""
    cells = {name.strip().upper(): str(value or "").strip().upper() for name, value in row.items()}
    if "RELID" in cells and "RDOMAIN" in cells:
        return "RELREC"
    name = f"SUPP{cells.get('RDOMAIN', '')}" if "QNAM" in cells else cells.get("DOMAIN", "")
    return name if _NAME.fullmatch(name) and name != "SUPP" else ""
