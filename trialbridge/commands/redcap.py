"""`trialbridge redcap`: a project's records and data dictionary, fetched on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.crf import redcap_api

if TYPE_CHECKING:
    from pathlib import Path


def run(
    url: str, token: str, output: Path, *, as_json: bool = False, quiet: bool = False, no_color: bool = False
) -> int:
    """Write records.csv and dictionary.csv into a folder."""
    shell = Shell(as_json, quiet, no_color)

    def get() -> int:
        made = redcap_api.fetch(url, redcap_api.token_of(token), output)
        if shell.as_json:
            shell.json({"output": str(output), "files": made})
        elif shell.speaks:
            shell.out.print(f"Written: {', '.join(made)} in {output}")
        return CLEAN

    return guarded(shell, get)
