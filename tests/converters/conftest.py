"""Fixtures for the converters' tests: FHIR 5.0.0's official examples, fetched like the packages of tests/packages.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_PLACE = Path(__file__).parent.parent / "packages.py"
_SPEC = importlib.util.spec_from_file_location("trialbridge_converters_packages", _PLACE)
packages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(packages)


@pytest.fixture(scope="session")
def r5_examples():
    """FHIR 5.0.0's official examples."""
    name, version = "hl7.fhir.r5.examples", "5.0.0"
    target = packages.cache() / f"{name}-{version}.zip"
    if not target.exists():
        packages.fetch(name, version, target)
    return packages.Package(target)
