"""REDCap's API, on request: records and data dictionary of a project, as CSV files. The token is never told.

Source: REDCap API documentation: POST with token, content=record (format=csv, type=flat, rawOrLabel=raw) and
content=metadata (format=csv).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlencode

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.http import Client, Settings, shown
from trialbridge.base.writing import whole_folder

OK, FORBIDDEN = 200, 403
RECORDS, DICTIONARY = "records.csv", "dictionary.csv"
_ASKED = {
    DICTIONARY: {"content": "metadata", "format": "csv"},
    RECORDS: {
        "content": "record",
        "format": "csv",
        "type": "flat",
        "rawOrLabel": "raw",
        "exportDataAccessGroups": "true",
    },
}


def token_of(given: str) -> str:
    """The token that `env:NAME` or a file holds. Raises UnreadableInputError."""
    if given.startswith("env:"):
        found = os.environ.get(given[4:], "").strip()
        if not found:
            raise UnreadableInputError(f"The environment has no {given[4:]}.", fix="set it to the project's token")
        return found
    try:
        found = Path(given).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UnreadableInputError("The file with the token cannot be read.", Where(file=given)) from error
    if not found:
        raise UnreadableInputError("The file with the token is empty.", Where(file=given))
    return found


def fetch(url: str, token: str, folder: Path, settings: Settings | None = None) -> list[str]:
    """Both files into a folder, or neither. Raises UnreadableInputError where the server refuses."""
    with Client(url, settings) as client, whole_folder(folder) as part:
        for name, asked in _ASKED.items():
            content = urlencode({"token": token, **asked, "returnFormat": "csv"}).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = client.send("POST", url, headers=headers, content=content)
            if answer.status != OK:
                why = (
                    "the token is not accepted, or lacks the right to export"
                    if answer.status == FORBIDDEN
                    else f"the server answered {answer.status}"
                )
                raise UnreadableInputError(
                    f"{why[0].upper()}{why[1:]}.", Where(file=shown(url)), "check the address and the token"
                )
            (part / name).write_bytes(answer.body)
    return list(_ASKED)
