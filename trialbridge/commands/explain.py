"""`trialbridge explain`: a variable, a path or a code, as the dictionary and the standards have it."""

from __future__ import annotations

from trialbridge import api
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.report import explained


def run(name: str, *, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, or 2 where nothing is known of the name."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def show() -> int:
        found = api.explain(name)
        if shell.as_json:
            shell.json(found.as_dict())
        else:
            explained.show(found, shell.out)
        return CLEAN

    return guarded(shell, show)
