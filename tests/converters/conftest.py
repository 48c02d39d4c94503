"""What several tests of the converters start from."""

from __future__ import annotations

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
