"""The checks that `POST /validate` runs: SDTM by our rules, FHIR by its structure. In the working process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialbridge import boundary, sources
from trialbridge.fhir.located import Reject
from trialbridge.fhir.releases import release
from trialbridge.sdtm.rules import check

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.base.finding import Finding


def findings_of(source: Path, options: dict[str, Any]) -> list[Finding]:
    """All findings on a file or folder. Raises UnreadableInputError, UnknownNameError."""
    found = sources.find([source])
    if found.kind == "sdtm":
        study = sources.read_study(found)
        if options.get("version"):
            study = replace(study, version=options["version"].replace("-", "."))
        checked = check(study)
        return [*boundary.foreign_columns(study), *(finding for one in checked for finding in one.findings)]
    read = sources.read_resources(found, release(options["fhir_version"]) if options.get("fhir_version") else None)
    findings = list(read.findings)
    for one in boundary.sorted_out(read.items, read.release):
        if isinstance(one, Reject):
            findings.append(one.finding)
        elif not hasattr(one, "resource"):
            findings.append(one)
    return findings
