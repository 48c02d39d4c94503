"""The checks that `POST /validate` runs: those of `trialbridge validate`, as an OperationOutcome.

Runs in the working process. Values of cells stay out: an outcome names places, not data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.commands import validate as command
from trialbridge.report.conformance_outcome import operation_outcome

if TYPE_CHECKING:
    from pathlib import Path

MOST = 1000
"""Issues in one answer at the most; a last one then says how many more there are."""


def outcome_of(source: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The OperationOutcome of a file or folder. Raises UnreadableInputError, UnknownNameError."""
    wanted = command.Wanted(
        (source,), version=options["version"], fhir_version=options["fhir_version"], base_url=options["base_url"]
    )
    report, _ = command.checked(wanted)
    return operation_outcome(report, MOST)
