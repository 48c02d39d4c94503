"""`trialbridge registry fetch`: one record from the registry's API, because the user asked for it."""

from __future__ import annotations

import re
from pathlib import Path

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Where
from trialbridge.base.http import fetch, shown
from trialbridge.commands import registry
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.registry.files import v2

_NUMBER = re.compile(r"NCT\d{8}")
MOST = 64 * 1024 * 1024
"""Bytes of one record at the most; the largest known have about ten million."""


def run(
    nct_id: str,
    output: Path | None,
    address: str,
    *,
    contacts: bool,
    as_json: bool = False,
    quiet: bool = False,
    no_color: bool = False,
) -> int:
    """Fetch, check that it is that record, write; 0."""
    shell = Shell(as_json=as_json, quiet=quiet, no_color=no_color)

    def fetched() -> int:
        number = nct_id.strip().upper()
        if not _NUMBER.fullmatch(number):
            raise UnknownNameError(f"{nct_id!r} is no number of the registry.", fix="give NCT and eight digits")
        url = f"{address.rstrip('/')}/studies/{number}?format=json"
        body = fetch(url, headers={"Accept": "application/json"}, most=MOST)
        record, findings = v2.parse(body, shown(url), with_contacts=contacts)
        if record.nct_id != number:
            message = f"The server answered with the record {record.nct_id or 'of no number'}, not {number}."
            raise UnknownNameError(message, Where(file=shown(url)), "check the address")
        target = output or Path(f"{number}.json")
        v2.write(record, target)
        registry.say(shell, findings, {"record": number, "title": record.brief_title}, [target.name], target.parent)
        return CLEAN

    return guarded(shell, fetched)
