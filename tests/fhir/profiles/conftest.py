"""Validators for the tests of profiles: with nothing installed, and with mCODE 4.0.0 from npm."""

from __future__ import annotations

import pytest

from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.packages import load
from trialbridge.fhir.profiles import Validator


@pytest.fixture(scope="session")
def core():
    """A validator of R4 with no package at all."""
    return Validator("R4")


@pytest.fixture(scope="session")
def mcode_packages(fhir_packages):
    """MCODE as an installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIALBRIDGE_FHIR_PACKAGES", str(fhir_packages("mcode")))
        return load(["hl7.fhir.us.mcode#4.0.0"])


@pytest.fixture(scope="session")
def mcode(mcode_packages):
    """A validator of R4 with mCODE."""
    return Validator("R4", mcode_packages)


@pytest.fixture(scope="session")
def mcode_resources(mcode_examples):
    """All 179 examples of mCODE 4.0.0, by their file's name."""
    names = [name for name in mcode_examples.names if "/example/" in name and not name.endswith(".index.json")]
    return {name.rsplit("/", 1)[1]: decode(mcode_examples.bytes(name)) for name in names}
