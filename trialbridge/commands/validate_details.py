"""The first two sheets of a report: how the check was made, and what was checked."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from trialbridge.report.conformance import Checkedset

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.commands.validate_sdtm import Made
    from trialbridge.commands.validate_wanted import Wanted
    from trialbridge.sources import Source


def details(wanted: Wanted, made: Made, seconds: float) -> tuple[tuple[str, str], ...]:
    """Name and value, in CORE's order; what CORE has and we have not is empty."""
    study = made.study
    return (
        ("Report Generation", _now()),
        ("Total Runtime", f"{seconds:.2f} seconds"),
        ("CORE Engine Version", made.core_version),
        ("trialbridge Version", installed("trialbridge")),
        ("Issue Limit Per Rule", str(wanted.most) if wanted.most else "None"),
        ("Issue Limit Per Dataset", "None"),
        ("Issue Limit Per Sheet", str(wanted.rows) if wanted.rows else "None"),
        ("Standard", ", ".join(name for name, of in (("FHIR", made.types), ("SDTMIG", study)) if of)),
        ("Sub-Standard", ""),
        ("Version", ", ".join(one for one in (made.release, f"V{study.version}" if study is not None else "") if one)),
        ("CT Version", made.ct),
        ("Define-XML Version", made.define_version),
        ("FHIR packages", ", ".join(wanted.igs)),
    )


def _now() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(float(epoch), UTC) if epoch.isdigit() else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def datasets(found: Source, made: Made) -> tuple[Checkedset, ...]:
    """What was checked: datasets with their files, or types of resource."""
    types = tuple(Checkedset(name=name, records=records) for name, records in made.types)
    if made.study is None or made.types:
        return types
    homes = {path.name.split(".")[0].upper(): path for path in found.paths if path.is_file()}
    only = found.paths[0] if len(found.paths) == 1 else None
    listed = []
    for table in made.study:
        home = homes.get(table.name, only)
        listed.append(
            Checkedset(
                name=table.name,
                label=table.label,
                path=str(home.parent) if home is not None else "",
                modified=_modified(home),
                size_kb=home.stat().st_size / 1000 if home is not None and home.is_file() else 0.0,
                records=table.frame.height,
            )
        )
    return tuple(listed)


def _modified(home: Path | None) -> str:
    if home is None:
        return ""
    return datetime.fromtimestamp(home.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S")
