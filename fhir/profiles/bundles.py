"""Bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbridge.fhir.profiles.report import Report


def check(bundle: dict[str, Any], path: str, report: Report) -> None:
    """Rules of Bundles."""
