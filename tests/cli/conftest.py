"""A small study and small FHIR, written by hand, and the command line run in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

DM = """STUDYID,DOMAIN,USUBJID,SUBJID,RFSTDTC,SITEID,BRTHDTC,SEX,ARMCD,ARM
S1,DM,S1-01,01,2020-01-10,A,1950-03,F,RT,Radiotherapy
S1,DM,S1-02,02,2020-02-11,A,1961,M,RT,Radiotherapy
"""
AE = """STUDYID,DOMAIN,USUBJID,AESEQ,AETERM,AEDECOD,AESER,AEOUT,AESTDTC
S1,AE,S1-01,1,Sore skin,Radiation skin injury,N,RECOVERED/RESOLVED,2020-01-20
S1,AE,S1-01,2,Cough,Cough,N,NOT RECOVERED/NOT RESOLVED,2020-02
S1,AE,S1-02,1,Pneumonitis,Pneumonitis,Y,FATAL,2020-03-01
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with DM (2 subjects) and AE (3 events) as CSV."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "dm.csv").write_text(DM)
    (folder / "ae.csv").write_text(AE)
    return folder


@pytest.fixture
def patient() -> dict:
    """A sound Patient with an element SDTM has no home for."""
    return {"resourceType": "Patient", "id": "p1", "gender": "female", "telecom": [{"system": "phone", "value": "1"}]}


@pytest.fixture
def bundle(tmp_path: Path, patient: dict) -> Path:
    """A Bundle of four entries, of which the first is sound."""
    entries = [
        patient,
        {"resourceType": "Patient", "id": "p2", "gendre": "male"},
        {"resourceType": "Nonsense", "id": "n1"},
        {"id": "nothing"},
    ]
    path = tmp_path / "bundle.json"
    path.write_text(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in entries]})
    )
    return path


class Ran:
    """A command's end: exit code, standard output, standard error."""

    def __init__(self, result) -> None:
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def json(self):
        """Standard output as JSON: fails if there is anything else on it."""
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command line in this process; an exception that escapes, or a fault of ours, fails the test."""
    from trialbridge.cli import app

    monkeypatch.setenv("TRIALBRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TRIALBRIDGE_CT", raising=False)
    monkeypatch.setenv("TRIALBRIDGE_DEBUG", "1")

    def call(*words) -> Ran:
        return Ran(CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False))

    return call
