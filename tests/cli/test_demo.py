"""`make demo`: it must succeed on the bundled example, and fail when a cell is changed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import polars as pl

DEMO = Path(__file__).resolve().parents[2] / "examples" / "re_induction" / "demo.py"


def test_demo(tmp_path):
    """A newcomer's first command would fail, or not show every dataset."""
    done = subprocess.run(
        [sys.executable, "-P", DEMO, "-o", tmp_path / "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every cell came home" in done.stdout
    for name in ("DM", "SUPPAE", "TR", "RELREC"):
        assert f"  {name} " in done.stdout
    assert (tmp_path / "demo" / "fhir" / "Observation.ndjson").is_file()
    assert (tmp_path / "demo" / "sdtm" / "xpt" / "tr.xpt").is_file()


def test_demo_can_fail():
    """The demo would say that every cell came home whatever came home."""
    from rich.console import Console

    from trialbridge.converters.compare import compare_studies
    from trialbridge.sdtm.table import study, table

    spec = importlib.util.spec_from_file_location("re_induction_demo", DEMO)
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)

    def of(sex):
        return study([table("DM", pl.DataFrame({"USUBJID": ["1"], "SEX": [sex]}))])

    console = Console(quiet=True)
    assert demo.verdict(of("F"), {"xpt": compare_studies(of("F"), of("F"))}, console) == 0
    assert demo.verdict(of("F"), {"xpt": compare_studies(of("F"), of("M"))}, console) == 1
    assert demo.verdict(of("F"), {"xpt": compare_studies(of("F"), study([]))}, console) == 1
