"""`trialbridge extensions`: our own extensions as StructureDefinitions, for validators and servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.writing import whole_folder
from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.fhir.extensions import code_system, structure_definitions
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.jsontext import pretty

if TYPE_CHECKING:
    from pathlib import Path


def run(output: Path, base_url: str | None, *, as_json: bool = False, no_color: bool = False) -> int:
    """Write `StructureDefinition-….json` and the like into a folder, all or none."""
    shell = Shell(as_json=as_json, no_color=no_color)

    def write() -> int:
        base = base_url or BASE
        definitions = [*structure_definitions(base), code_system(base)]
        made = {f"{one['resourceType']}-{one['id']}.json": one for one in definitions}
        with whole_folder(output) as part:
            for name, resource in made.items():
                (part / name).write_bytes(pretty(resource))
        if shell.as_json:
            shell.json({"output": str(output), "files": list(made)})
        else:
            shell.out.print(f"{len(made)} files written: {output}", markup=False)
        return CLEAN

    return guarded(shell, write)
