"""Conformance reports: CORE's sheets and keys, what a page shows, decisions, changes, other tools' reports.

Sheets, columns and keys are those of CDISC CORE 0.17.1 (resources/templates/report-template.xlsx, sdtm_report_data.py)
and of Pinnacle 21 as its users' tools name them.
"""

from __future__ import annotations

import csv
import json
import re

import polars as pl
import pytest
from openpyxl import Workbook, load_workbook
from rich.console import Console

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.rule import Checked, Rule, Status
from trialbridge.report import (
    conformance,
    conformance_diff,
    conformance_files,
    conformance_read,
    conformance_text,
    reviewers_guide,
    triage,
)
from trialbridge.report.conformance import Decision, Disposition
from trialbridge.sdtm.table import study, table

PATIENT_TEXT = "Ärger <script>alert(1)</script> | of a subject"


def check_sex(data):
    """SEX is a term of its codelist."""
    yield from ()


SEX = Rule(
    "TB-CT-0001", check_sex, Severity.ERROR, "The code is not in its codelist.", "use a term", ("CG0001",), ("FB0101",)
)
DATES = Rule("TB-DT-0001", check_sex, Severity.WARNING, "The end is before the start.", "correct a date")
UNUSED = Rule("TB-XX-0001", check_sex, Severity.ERROR, "Never.", "")


def finding(row, value, subject="S-1"):
    """A finding on DM.SEX."""
    where = Where(dataset="DM", subject=subject, row=row, variable="SEX")
    return Finding(SEX.id, SEX.severity, where, SEX.message, SEX.fix, (("SEX", value),))


def made(*findings, decisions=None):
    """A report of three rules, with these findings of the first, and one of the second."""
    late = Finding(
        DATES.id,
        DATES.severity,
        Where(dataset="AE", subject="S-1", row=2, seq="2"),
        DATES.message,
        DATES.fix,
        (("AESTDTC", "2020-01-05"), ("AEENDTC", "")),
    )
    ran = [
        Checked(SEX, Status.ISSUE_REPORTED if findings else Status.SUCCESS, findings),
        Checked(DATES, Status.ISSUE_REPORTED, (late,)),
        Checked(UNUSED, Status.SKIPPED, (), "there is no dataset XX"),
    ]
    return conformance.Report(
        details=(("Report Generation", "2026-01-01T00:00:00"), ("Standard", "SDTMIG"), ("Version", "V3.4")),
        datasets=(conformance.Checkedset("DM", "Demographics", "sdtm", "", 1.5, 2),),
        issues=tuple(issue for one in ran for issue in conformance.issues_of(one.findings)),
        rules=tuple(conformance.rules_of(ran)),
        decisions=decisions or {},
    )


@pytest.fixture
def report():
    """One issue with a value that no page may take for markup, and one of another rule."""
    return made(finding(1, PATIENT_TEXT))


def test_json_has_cores_keys(report, tmp_path):
    """A tool that reads CORE's JSON would not find its keys, or find lists as texts."""
    (path,) = conformance_files.write(report, tmp_path / "out" / "rep", ["json"])
    held = json.loads(path.read_bytes())
    assert list(held) == ["Conformance_Details", "Dataset_Details", "Issue_Summary", "Issue_Details", "Rules_Report"]
    assert held["Conformance_Details"]["Report_Generation"] == "2026-01-01T00:00:00"
    assert list(held["Dataset_Details"][0]) == ["filename", "label", "path", "modification_date", "size_kb", "length"]
    issue = held["Issue_Details"][1]
    assert list(issue)[:9] == [
        *("core_id", "message", "executability", "dataset", "USUBJID", "row", "SEQ", "variables", "values"),
    ]
    assert (issue["SEQ"], issue["variables"], issue["values"]) == (2, ["AESTDTC", "AEENDTC"], ["2020-01-05", "null"])
    assert [one["issues"] for one in held["Issue_Summary"]] == [1, 1]
    rules = {one["core_id"]: one for one in held["Rules_Report"]}
    assert (rules["TB-CT-0001"]["cdisc_rule_id"], rules["TB-CT-0001"]["fda_rule_id"]) == ("CG0001", "FB0101")
    assert rules["TB-CT-0001"]["rule_text"] == "SEX is a term of its codelist."
    assert (rules["TB-XX-0001"]["status"], rules["TB-XX-0001"]["reason"]) == ("SKIPPED", "there is no dataset XX")


def test_workbook_has_cores_sheets(report, tmp_path):
    """A reviewer's macros on CORE's workbook would not find sheet or column."""
    (path,) = conformance_files.write(report, tmp_path / "rep", ["xlsx"])
    book = load_workbook(path)
    assert book.sheetnames == [
        "Conformance Details",
        "Dataset Details",
        "Issue Summary",
        "Issue Details",
        "Rules Report",
    ]
    heads = {name: [cell.value for cell in book[name][1]] for name in book.sheetnames}
    assert heads["Issue Details"][:9] == [
        *("CORE-ID", "Message", "Executability", "Dataset", "USUBJID", "Record", "Sequence", "Variable(s)", "Value(s)"),
    ]
    assert heads["Issue Summary"][:5] == ["Dataset", "CORE-ID", "Message", "Issues", "Explanation"]
    assert heads["Rules Report"][:6] == ["CORE-ID", "Version", "CDISC RuleID", "FDA RuleID", "Message", "Status"]
    assert heads["Dataset Details"] == [
        *("Dataset", "Label", "Location", "Modified Time Stamp", "Size (kb)", "Number of Records"),
    ]
    row = [cell.value for cell in book["Issue Details"][2]]
    assert row[0] == "TB-CT-0001"
    assert row[8] == PATIENT_TEXT
    for name in ("Rule text", "FHIR source", "How to fix", "Disposition"):
        assert name in heads["Issue Details"]


def test_csv_begins_with_cores_columns(report, tmp_path):
    """CORE's own test harness reads these four columns, a line a variable."""
    (path,) = conformance_files.write(report, tmp_path / "rep.csv", ["csv"])
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert rows[0][:4] == ["Dataset", "Record", "Variable", "Value"]
    assert [row[:4] for row in rows[1:]] == [
        ["DM", "1", "SEX", PATIENT_TEXT],
        ["AE", "2", "AESTDTC", "2020-01-05"],
        ["AE", "2", "AEENDTC", ""],
    ]


def test_several_formats_in_one_run(report, tmp_path):
    """-o NAME -of a -of b would not write NAME.a and NAME.b, or an ending given be doubled."""
    written = conformance_files.write(report, tmp_path / "rep.json", ["json", "XLSX", "html", "json"])
    assert [one.name for one in written] == ["rep.json", "rep.xlsx", "rep.html"]
    with pytest.raises(UnknownNameError, match="no report format 'pdf'"):
        conformance_files.checked_formats(["pdf"])


def test_the_page(report, tmp_path):
    """The page would fetch something, run what stands in the data, or not hold the record of the issue."""
    frame = pl.DataFrame({"USUBJID": ["S-1", "S-2"], "SEX": [PATIENT_TEXT, "F"]})
    of = study([table("DM", frame)])
    (path,) = conformance_files.write(report, tmp_path / "rep", ["html"], of)
    page = path.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)\s*=|url\(|fetch\(|http", page.partition("const D = ")[0])
    assert "<script>alert" not in page
    data = json.loads(re.search(r"const D = (.*);\nconst F", page)[1])
    assert data["records"] == {"DM": {"columns": ["USUBJID", "SEX"], "rows": {"1": ["S-1", PATIENT_TEXT]}}}
    assert data["summary"] == [
        ["AE", "TB-DT-0001", "The end is before the start.", 1, "warning"],
        ["DM", "TB-CT-0001", "The code is not in its codelist.", 1, "error"],
    ]


def test_limits_leave_the_counts(tmp_path):
    """With --max-report-rows the summary would count what is listed, not what was found."""
    many = made(*(finding(row, "W") for row in range(1, 51)))
    written = conformance_files.write(many, tmp_path / "rep", ["xlsx", "json", "html"], None, 10)
    assert load_workbook(written[0])["Issue Details"].max_row == 11
    summary = {row[1].value: row[3].value for row in load_workbook(written[0])["Issue Summary"].iter_rows(min_row=2)}
    assert summary["TB-CT-0001"] == "50"
    assert len(json.loads(written[1].read_bytes())["Issue_Details"]) == 51
    assert '"total":51' in written[2].read_text(encoding="utf-8")


def shown(report):
    """What the terminal shows."""
    console = Console(width=120, file=None, record=True, force_terminal=False)
    with console.capture() as capture:
        conformance_text.show(report, console)
    return capture.get()


def test_no_cell_on_the_terminal(report):
    """A patient's value would stand on a screen or in a log."""
    text = shown(report)
    assert "Ärger" not in text
    assert "2020-01-05" not in text
    assert "S-1" not in text
    assert "Ärger" not in json.dumps(conformance.plain(report), ensure_ascii=False)
    for part in ("TB-CT-0001", "DM", "use a term", "1 error", "1 warning", "2 rules ran, 1 skipped"):
        assert part in text


# --- decisions --------------------------------------------------------------------------------------------------------


def test_decisions_are_carried(report, tmp_path):
    """A decision would be asked for again at every run, or hide another kind of issue."""
    path = tmp_path / "rep.triage.json"
    first = triage.carried(report, {})
    assert set(first.decisions) == {"TB-CT-0001|DM|SEX", "TB-DT-0001|AE|AESTDTC,AEENDTC"}
    waived = triage.decided(first.decisions, "TB-CT-0001", Decision(Disposition.WAIVE, "as agreed", "AB", "2026-01-02"))
    triage.write(waived, path)
    assert "Ärger" not in path.read_text(encoding="utf-8")
    again = triage.carried(made(finding(7, "X")), triage.read(path))
    assert [one.rule for one in again.open_issues()] == ["TB-DT-0001"]
    gone = triage.carried(made(), triage.read(path))
    assert gone.decisions["TB-CT-0001|DM|SEX"].comment == "as agreed"


def test_decisions_that_are_wrong(tmp_path):
    """A misspelt disposition would be taken for open, and a decision be lost."""
    path = tmp_path / "rep.triage.json"
    path.write_text('{"issues": {"A|DM|SEX": {"disposition": "wave"}}}')
    with pytest.raises(UnreadableInputError, match=r"A\|DM\|SEX has no disposition that is known"):
        triage.read(path)
    with pytest.raises(UnknownNameError, match="no issue of the kind TB-NO"):
        triage.decided({"A|DM|SEX": Decision()}, "TB-NO", Decision())


def test_reviewers_guide(report):
    """Section 5 would lack an issue's explanation, or hold a subject or a cell."""
    decided = triage.decided(
        triage.carried(report, {}).decisions, "TB-CT-0001|DM", Decision(Disposition.DOCUMENT, "Site 3 | coded late")
    )
    text = reviewers_guide.section(made(finding(1, PATIENT_TEXT), decisions=decided))
    assert "| DM | TB-CT-0001 | error | The code is not in its codelist. | 1 | Site 3 \\| coded late |" in text
    assert "**Not explained yet.**" in text
    assert "| TB-XX-0001 | SKIPPED | there is no dataset XX |" in text
    assert "S-1" not in text
    assert "Ärger" not in text


# --- comparing and reading --------------------------------------------------------------------------------------------


def test_changes():
    """An issue that moved with its record would be called new, or a second one alike be overlooked."""
    old = made(finding(1, "W"), finding(2, "X", "S-2"))
    new = made(finding(1, "W"), finding(3, "X", "S-3"))
    found = conformance_diff.compare(old, new)
    assert [len(its) for its in (found.new, found.gone, found.same)] == [1, 1, 2]
    assert found.by_rule()[0] == ("TB-CT-0001", "DM", 1, 1, 1)
    assert conformance_diff.compare(old, old).new == ()


@pytest.mark.parametrize("of", ["json", "xlsx"])
def test_our_own_report_is_read_again(report, tmp_path, of):
    """A report would come out of merge or diff with other issues than went in."""
    (path,) = conformance_files.write(report, tmp_path / "rep", [of])
    back = conformance_read.read(path)
    assert set(back.issues) == set(report.issues)
    assert {(one.id, one.status, one.why) for one in back.rules} == {
        (one.id, one.status, one.why) for one in report.rules
    }
    assert dict(back.details)["Version"] == "V3.4"
    assert conformance_diff.compare(report, back).new == ()


CORE = {
    "Conformance_Details": {"CORE_Engine_Version": "0.17.1", "Standard": "SDTMIG", "Version": "V3.4"},
    "Dataset_Details": [{"filename": "dm.xpt", "label": "Demographics", "path": "/x", "size_kb": 2.4, "length": 3}],
    "Issue_Summary": [{"dataset": "DM", "core_id": "CORE-000726", "message": "m", "issues": 1}],
    "Issue_Details": [
        {
            "core_id": "CORE-000726",
            "message": "m",
            "executability": "fully executable",
            "dataset": "dm.xpt",
            "USUBJID": "S-2",
            "row": 2,
            "SEQ": "",
            "variables": ["ETHNIC"],
            "values": ["null"],
        }
    ],
    "Rules_Report": [
        {
            "core_id": "CORE-000726",
            "version": "1",
            "cdisc_rule_id": "CG0999",
            "message": "m",
            "status": "ISSUE REPORTED",
        }
    ],
}


def test_reports_of_core_and_pinnacle_21_are_merged(report, tmp_path):
    """The findings of another validator would not stand beside ours, under their own ids."""
    (tmp_path / "core.json").write_text(json.dumps(CORE))
    book = Workbook()
    book.active.title = "Validation Summary"
    sheet = book.create_sheet("Details")
    sheet.append(
        ["Domain", "Record", "Count", "Variables", "Values", "Pinnacle 21 ID", "Message", "Category", "Severity"]
    )
    sheet.append(["AE", 4, 1, "AEDECOD, AESOC", "Cough, null", "SD0008", "Invalid", "Consistency", "Reject"])
    sheet.append(["VS", 9, 1, "VSORRESU", "x", "SD1076", "Model permissible", "Structure", "Notice"])
    book.save(tmp_path / "p21.xlsx")
    whole = conformance_read.merged(
        [report, conformance_read.read(tmp_path / "core.json"), conformance_read.read(tmp_path / "p21.xlsx")]
    )
    found = {(one.rule, one.dataset, one.row, one.severity, one.variables, one.values) for one in whole.issues}
    assert ("CORE-000726", "DM", 2, Severity.ERROR, ("ETHNIC",), ("",)) in found
    assert ("SD0008", "AE", 4, Severity.ERROR, ("AEDECOD", "AESOC"), ("Cough", "")) in found
    assert ("SD1076", "VS", 9, Severity.NOTE, ("VSORRESU",), ("x",)) in found
    engines = {one.id: one.engine for one in whole.rules}
    assert (engines["CORE-000726"], engines["SD0008"], engines["TB-CT-0001"]) == (
        "CDISC CORE",
        "Pinnacle 21",
        "trialbridge",
    )
    assert dict(whole.details)["CORE Engine Version"] == "0.17.1"


@pytest.mark.parametrize("content", [b"[]", b'{"a": 1}', b"nothing", b"PK\x03\x04broken"])
def test_what_is_no_report(tmp_path, content):
    """Any file would be taken for a report without issues."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError):
        conformance_read.read(path)


def test_the_page_holds_the_resource():
    """An issue of FHIR could not be seen in its resource; a decimal would be spelt otherwise than it was."""
    from decimal import Decimal

    from trialbridge.report import conformance_page

    where = Where(resource="Observation/o1", path="Observation.valueQuantity.value")
    one = conformance.issues_of([Finding("TB-FHIR-VALUE", Severity.ERROR, where, "No.")])
    held = {
        "Observation/o1": {"resourceType": "Observation", "valueQuantity": {"value": Decimal("23.50")}},
        "Observation/o2": {"resourceType": "Observation"},
    }
    page = conformance_page.page(conformance.Report(issues=tuple(one)), None, 0, held)
    data = json.loads(re.search(r"const D = (.*);\nconst F", page)[1])
    assert data["resources"] == {"Observation/o1": {"resourceType": "Observation", "valueQuantity": {"value": "23.50"}}}


def test_a_loud_rule_hides_no_other():
    """With a limit, a rule with thousands of issues would fill the sheet and the others not be seen."""
    many = made(*(finding(row, "W") for row in range(1, 51)))
    listed = conformance.shared(many.issues, 10)
    assert len(listed) == 10
    assert {one.rule for one in listed} == {"TB-CT-0001", "TB-DT-0001"}
    assert conformance.shared(many.issues, 0) == list(many.issues)
