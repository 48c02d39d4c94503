"""Lineage as FHIR: one Provenance for each dataset row, its entities the resources the row was made from.

A row is the unit that scales: it has few sources, while a Patient is the source of every row of its subject. The row
is no FHIR resource, so the target is a reference by its business identifier (STUDYID|dataset|USUBJID|--SEQ). Which
variables a resource gave stands in the entity's display; the elements are in the NDJSON lineage.
Source: https://hl7.org/fhir/R4/provenance.html, https://hl7.org/fhir/R5/provenance.html.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.ids import BASE, resource_id
from trialbridge.mappings.names import absent, coding, constants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.converters.origins import Cell
    from trialbridge.mappings.kit import Resource

_ASSEMBLER = coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "assembler", "Assembler")
_REFERENCE = re.compile(r"[A-Z][A-Za-z0-9]*/[A-Za-z0-9.\-]{1,64}")


def provenances(found: Iterable[Cell], *, base: str = BASE, recorded: str | None = None) -> Iterator[Resource]:
    """A Provenance for each row of a lineage (cells in its order); the same shape is right in R4 and R5.

    `recorded` is the instant of the conversion (`2026-03-01T12:00:00Z`); without it the element says that it is
    unknown, so that the same input gives the same output. Rows without any source resource give none.
    """
    for (dataset, row), its in groupby(found, key=lambda cell: (cell.dataset, cell.row)):
        cells = list(its)
        entities = list(_entities(cells))
        if entities:
            yield _provenance(dataset, row, cells, entities, base, recorded)


def _provenance(
    dataset: str, row: int, cells: list[Cell], entities: list[Resource], base: str, recorded: str | None
) -> Resource:
    key = _key(dataset, row, cells)
    when: dict[str, Any] = {"recorded": recorded} if recorded else {"_recorded": absent("unknown")}
    return {
        "resourceType": "Provenance",
        "id": resource_id(base, "Provenance", dataset, str(row), key),
        "target": [
            {
                "identifier": {"system": constants(base)["sdtm-record"], "value": key},
                "display": f"SDTM {dataset}, row {row}",
            }
        ],
        **when,
        "activity": {"text": "conversion from FHIR to SDTM"},
        "agent": [{"type": {"coding": [dict(_ASSEMBLER)]}, "who": {"display": "trialbridge"}}],
        "entity": entities,
    }


def _key(dataset: str, row: int, cells: list[Cell]) -> str:
    """STUDYID|dataset|USUBJID|--SEQ as records name themselves; the row's number where there is no --SEQ."""
    values = {cell.variable: str(cell.value) for cell in cells}
    qualifier = [cells[0].qnam] if cells[0].qnam else []
    last = cells[0].seq or f"row-{row}"
    return "|".join([values.get("STUDYID", ""), dataset, values.get("USUBJID", ""), last, *qualifier])


def _entities(cells: list[Cell]) -> Iterator[Resource]:
    """The resources a row was made from, the one that gave most first, each with the variables it gave."""
    gave: dict[str, list[str]] = {}
    for cell in cells:
        if cell.resource is not None and cell.derivation in ("READ", "CARRIED"):
            gave.setdefault(cell.resource, []).append(cell.variable)
    if not gave:
        gave = {cell.resource: [] for cell in cells if cell.resource is not None}
    for resource, variables in sorted(gave.items(), key=lambda item: (-len(item[1]), item[0])):
        what: Resource = {"reference": resource} if _REFERENCE.fullmatch(resource) else {}
        what["display"] = ", ".join(variables) if what else f"{resource}: {', '.join(variables)}"
        if not what["display"]:
            del what["display"]
        yield {"role": "source", "what": what}
