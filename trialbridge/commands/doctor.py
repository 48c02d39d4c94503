"""`trialbridge doctor`: what is installed, for a bug report and for one's own peace of mind."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.fhir.releases import FHIR_VERSION
from trialbridge.sdtm import metadata, terminology

_OURS = frozenset({"test", "dev"})
"""Extras for who works on trialbridge, which a user needs not."""


def run(*, as_json: bool = False, no_color: bool = False) -> int:
    """The exit code: 0, or 1 where something needed is not there."""
    shell = Shell(as_json=as_json, no_color=no_color)
    return guarded(shell, lambda: _run(shell))


def _run(shell: Shell) -> int:
    found = examined()
    if shell.as_json:
        shell.json(found)
    else:
        for heading, part in found.items():
            shell.out.print(f"[bold]{heading}[/]")
            for name, value in part.items() if isinstance(part, dict) else [("found", part)]:
                shell.out.print(f"  {name:<22}{_shown(value)}", markup=False, soft_wrap=True)
    return FOUND if found["problems"] else CLEAN


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return {None: "-", True: "yes", False: "no"}.get(value, str(value))


def examined() -> dict[str, Any]:
    """Everything looked at; `problems` is empty where all is well."""
    packages = {name: _version(name) for name in _needed()}
    problems = [f"{name} is not installed." for name, its in packages.items() if its is None]
    try:
        in_use = terminology.default().package
    except Exception as error:  # noqa: BLE001 - the doctor reports what is ill, whatever it is
        in_use = None
        problems.append(str(error))
    return {
        "trialbridge": {
            "version": version("trialbridge"),
            "python": sys.version.split()[0],
            "system": platform.platform(),
        },
        "packages": packages,
        "optional": {
            name: _version(name) or f"not installed: pip install 'trialbridge[{of}]'" for name, of in _extras()
        },
        "standards": {"SDTMIG": list(metadata.VERSIONS), "FHIR": [f"{key} {of}" for key, of in FHIR_VERSION.items()]},
        "terminology": {
            "in use": in_use,
            "bundled": terminology.BUNDLED,
            "available": list(terminology.available()),
            "selected": terminology.selected(),
            "TRIALBRIDGE_CT": os.environ.get("TRIALBRIDGE_CT"),
        },
        "folders": {
            "user folder": str(terminology.user_folder()),
            "exists": terminology.user_folder().is_dir(),
        },
        "problems": problems,
    }


def _needed() -> list[str]:
    """The packages trialbridge depends on, from its own metadata."""
    return [_bare(one) for one in requires("trialbridge") or () if "extra ==" not in one]


def _extras() -> list[tuple[str, str]]:
    """The packages of the extras that a user may want, with the first extra that brings each."""
    found: dict[str, str] = {}
    for one in requires("trialbridge") or ():
        extra = re.search(r"extra == [\"']([\w-]+)[\"']", one)
        if extra and extra[1] not in _OURS:
            found.setdefault(_bare(one), extra[1])
    return list(found.items())


def _bare(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
