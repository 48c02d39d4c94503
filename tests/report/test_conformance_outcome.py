"""A conformance report as an OperationOutcome."""

import json
from pathlib import Path

from fhir.resources.R4B.operationoutcome import OperationOutcome

from trialbridge.base.finding import Severity
from trialbridge.report import conformance_files
from trialbridge.report.conformance import Issue, Report

OF_SDTM = Issue(
    "TB-X-0001",
    "The sum is not that of its parts.",
    "TR",
    Severity.ERROR,
    "S1-007",
    3,
    "12",
    ("TRSTRESN",),
    ("SECRET",),
)
OF_FHIR = Issue(
    "TB-FHIR-BINDING", "The code is not in the value set.", "Patient", source="Patient/p1 Patient.gender", fix="mend it"
)


def test_issues_become_an_outcome_that_fhir_accepts_without_their_values(tmp_path: Path):
    """A FHIR tool could not read the report, or a patient's data would travel in it."""
    report = Report(issues=(OF_SDTM, OF_FHIR))
    (made,) = conformance_files.write(report, tmp_path / "out", ["outcome"])
    assert made.name == "out.outcome.json"
    text = made.read_text(encoding="utf-8")
    assert "SECRET" not in text
    OperationOutcome.model_validate(json.loads(text))
    first, second = json.loads(text)["issue"]
    assert first["severity"] == "error"
    assert first["diagnostics"] == "In TR, S1-007, row 3, TRSTRESN."
    assert first["details"]["coding"] == [{"code": "TB-X-0001"}]
    assert second["code"] == "code-invalid"
    assert second["expression"] == ["Patient.gender"]
    assert "Patient/p1" in second["diagnostics"]


def test_what_the_limit_leaves_out_is_said(tmp_path: Path):
    """A reader would take a part for the whole."""
    report = Report(issues=(OF_SDTM,) * 5)
    (made,) = conformance_files.write(report, tmp_path / "out", ["outcome"], rows=2)
    issues = json.loads(made.read_text(encoding="utf-8"))["issue"]
    assert len(issues) == 3
    assert issues[-1]["code"] == "incomplete"
    assert issues[-1]["details"]["text"] == "3 more issues are not listed."
