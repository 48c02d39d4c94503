"""What several tests of the converters start from."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trialbridge.sdtm import files
from trialbridge.sdtm.table import study

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"


@pytest.fixture(scope="session")
def example_of():
    """Gives the example's study with so many of its subjects, the rows of nobody with them."""
    whole = files.read(EXAMPLE / "sdtm")

    def of(count):
        mine = pl.col("USUBJID").is_null() | pl.col("USUBJID").is_in(
            whole["DM"].frame["USUBJID"].sort()[:count].implode()
        )
        kept = [replace(one, frame=one.frame.filter(mine)) if "USUBJID" in one.frame.columns else one for one in whole]
        return study(kept, version=whole.version, ct=whole.ct)

    return of


def _beside(name):
    """A module by its place: pytest's importlib mode puts nothing on sys.path."""
    found = importlib.util.spec_from_file_location(f"converters_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


_EXPORTS = _beside("exports")


@pytest.fixture(scope="session")
def laid():
    """Lays down resources as NDJSON files."""
    return _EXPORTS.laid


@pytest.fixture(scope="session")
def changed():
    """Changes a resource as a server might send it."""
    return _EXPORTS.changed
