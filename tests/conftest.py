"""Fixtures for all tests: the official packages of `packages.py`, opened once a session."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples each time, so that a failure is the change's and not the day's, however busy the machine; LAWS=1000
# searches elsewhere.
settings.register_profile(
    "fixed",
    derandomize=not int(os.environ.get("LAWS", "0")),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fixed")

# pytest's importlib mode puts nothing on sys.path, so the neighbour is loaded by its place.
_SPEC = importlib.util.spec_from_file_location("trialbridge_test_packages", Path(__file__).with_name("packages.py"))
packages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(packages)


@pytest.fixture(scope="session")
def mcode_examples():
    """The mCODE 4.0.0 implementation guide: profiles and 179 examples."""
    return packages.package("mcode")


@pytest.fixture(scope="session")
def r4_examples():
    """FHIR 4.0.1's definitions and official examples."""
    return packages.package("r4")


@pytest.fixture(scope="session")
def r5_core():
    """FHIR 5.0.0's definitions."""
    return packages.package("r5")


@pytest.fixture(scope="session")
def r5_examples():
    """FHIR 5.0.0's official examples."""
    return packages.package("r5-examples")


@pytest.fixture(scope="session")
def fhir_packages():
    """Makes a FHIR package cache that holds some of the pinned packages: `fhir_packages("mcode")` gives its folder."""
    return packages.installed
