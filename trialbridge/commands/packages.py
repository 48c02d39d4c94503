"""`trialbridge packages`: FHIR packages in the shared cache, added, listed and removed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trialbridge.commands.shell import CLEAN, FOUND, Shell, guarded
from trialbridge.fhir import packages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.fhir.packages import Package

_KINDS = ("StructureDefinition", "ValueSet", "CodeSystem")


def add(
    names: Iterable[str],
    registry: str | None,
    *,
    dependencies: bool = True,
    as_json: bool = False,
    no_color: bool = False,
) -> int:
    """Install packages. The exit code: 0; 1 where a dependency could not be had; 2 where a package itself could not."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        done = [packages.add(name, registry, dependencies=dependencies) for name in names]
        made = [one for each in done for one in each.installed]
        present = list(dict.fromkeys(one for each in done for one in each.present))
        missing = {name: why for each in done for name, why in each.missing}
        if shell.as_json:
            about = {"installed": [_about(one) for one in made], "present": present, "missing": missing}
            shell.json({**about, "folder": str(packages.cache_folder())})
        else:
            for one in made:
                shell.out.print(f"{one}: {_counted(one)}, installed", markup=False)
            for name in present:
                shell.out.print(f"{name}: was there", markup=False)
            for name, why in missing.items():
                shell.out.print(f"{name}: not installed. {why}", markup=False)
            if missing:
                shell.out.print("What only these define will be reported as unchecked.", markup=False)
        return FOUND if missing and registry else CLEAN

    return guarded(shell, run)


def show(*, as_json: bool = False, no_color: bool = False) -> int:
    """List the packages."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        found = packages.installed()
        if shell.as_json:
            folder = str(packages.cache_folder())
            shell.json({"installed": [_about(one) for one in found], "bundled": packages.BUNDLED, "folder": folder})
        else:
            for one in found:
                shell.out.print(f"{one}  FHIR {', '.join(one.fhir_versions) or '?'}  {_counted(one)}", markup=False)
            for name, version in packages.BUNDLED.items():
                shell.out.print(f"{name}#{version}  comes with trialbridge", markup=False)
            shell.out.print(f"folder: {packages.cache_folder()}", markup=False, soft_wrap=True)
        return CLEAN

    return guarded(shell, run)


def remove(name: str, *, as_json: bool = False, no_color: bool = False) -> int:
    """Take a package out. The exit code: 0, or 2 where it is not installed."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def run() -> int:
        gone = packages.remove(name)
        if shell.as_json:
            shell.json({"removed": str(gone)})
        else:
            shell.out.print(f"{gone}: removed", markup=False)
        return CLEAN

    return guarded(shell, run)


def _about(one: Package) -> dict[str, Any]:
    return {"name": one.name, "version": one.version, "fhir_versions": list(one.fhir_versions), **_kinds(one)}


def _kinds(one: Package) -> dict[str, int]:
    found = Counter(entry.kind for entry in one.entries())
    return {kind: found[kind] for kind in _KINDS}


def _counted(one: Package) -> str:
    """`53 profiles and extensions, 103 value sets, 1 code system`."""
    found = _kinds(one)
    names = ("profiles, extensions and types", "value sets", "code systems")
    return ", ".join(f"{found[kind]:,} {name}" for kind, name in zip(_KINDS, names, strict=True))
