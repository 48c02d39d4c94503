"""Snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.profiles.definitions import Definitions


def with_snapshot(definition: Resource, definitions: Definitions) -> Resource | None:
    """The definition."""
    del definitions
    return definition if definition.get("snapshot", {}).get("element") else None
