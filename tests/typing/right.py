"""A user's program: it must pass mypy --strict, and each revealed type is what the API promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import trialbridge
from trialbridge import Converted, Finding, Resources, Study, Table, TrialbridgeError


def there_and_back(folder: Path) -> bool:
    """Convert a study and compare."""
    study = trialbridge.read(folder, kind="sdtm")
    assert_type(study, Study)
    done = trialbridge.to_fhir(study, release="R5")
    assert_type(done, Converted)
    assert_type(trialbridge.write(done.resources, "out", "ndjson"), list[Path])
    back = trialbridge.to_sdtm(done.resources, version="3.3").study
    assert_type(back, Study)
    trialbridge.write(back, folder / "xpt", format="xpt")
    found = trialbridge.diff(study, back)
    places = [(one.where.dataset, one.where.row, one.a, one.b) for one in found.differences]
    return found.equal and not places


def either(path: str) -> int:
    """What was read is told apart by its type."""
    data = trialbridge.read([path])
    assert_type(data, Study | Resources)
    if isinstance(data, Study):
        return sum(table.frame.height for table in data)
    return len(data)


def resources(path: str) -> list[Any]:
    """Plain resources and models."""
    read = trialbridge.read(path, kind="fhir", release="R4B")
    assert_type(read, Resources)
    genders: list[object] = [one.get("gender") for one in read]
    trialbridge.to_sdtm([{"resourceType": "Patient", "id": "1"}])
    trialbridge.to_sdtm(read)
    return [genders, *trialbridge.as_models(read)]


def columns(table: Table) -> list[str]:
    """A table's columns."""
    return [variable.name for variable in table.variables]


def findings(done: Converted) -> list[str]:
    """Findings, and what the ledger counts."""
    told: list[Finding] = done.findings
    assert_type(done.ledger.totals(), dict[str, int])
    return [f"{one.id} {one.where.variable}" for one in told]


def explained(name: str) -> str:
    """A line of the dictionary, or the error."""
    try:
        return trialbridge.explain(name).lines[0].path
    except TrialbridgeError as error:
        return error.fix
