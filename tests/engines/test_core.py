"""CDISC CORE beside ours: found where it is said to be, called by its own options, its report read, its silence told.

A small program stands in for CORE's executable; it checks the options it is given. With $TRIALBRIDGE_CORE and
$TRIALBRIDGE_CORE_CACHE set the real one runs over the example too.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.rule import Status
from trialbridge.engines import core
from trialbridge.sdtm.table import study, table

if TYPE_CHECKING:
    from pathlib import Path

# The keys of CORE's JSON report, as its own command writes them.
REPORT = {
    "Conformance_Details": {"CORE_Engine_Version": "0.17.1", "CT_Version": "sdtmct-2025-03-28"},
    "Issue_Details": [
        {
            "core_id": "CORE-000189",
            "message": "AGEU is missing when AGE is provided.",
            "executability": "fully executable",
            "dataset": "dm.json",
            "USUBJID": "1",
            "row": 1,
            "SEQ": "",
            "variables": ["AGE", "AGEU"],
            "values": ["64.0", None],
        }
    ],
    "Rules_Report": [
        {
            "core_id": "CORE-000189",
            "version": "1",
            "cdisc_rule_id": "CG0665, TIG0699",
            "fda_rule_id": "",
            "message": "AGEU is missing when AGE is provided.",
            "status": "ISSUE REPORTED",
        },
        {
            "core_id": "CORE-000007",
            "version": "1",
            "cdisc_rule_id": "CG0435",
            "fda_rule_id": "FB0606",
            "status": "SKIPPED",
        },
    ],
}
STAND_IN = """#!{python}
import json, pathlib, sys
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
assert sys.argv[1] == "validate" and given["-s"] == "sdtmig" and given["-v"] == "3-4" and given["-of"] == "JSON", given
assert [one.name for one in pathlib.Path(given["-d"]).iterdir()] == ["dm.json"]
pathlib.Path(given["-o"] + ".json").write_text({report!r})
"""


def program(place: Path, text: str) -> Path:
    """An executable file."""
    place.write_text(text)
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return place


@pytest.fixture
def dm():
    """A study of one subject."""
    return study([table("DM", pl.DataFrame({"STUDYID": ["S"], "USUBJID": ["1"], "AGE": [64.0], "AGEU": [None]}))])


def test_the_executable_is_called_and_its_report_read(tmp_path, dm):
    """CORE's findings would be lost, or come under other ids, places or statuses than CORE gave."""
    place = program(tmp_path / "core", STAND_IN.format(python=sys.executable, report=json.dumps(REPORT)))
    for given in (place, tmp_path):
        done = core.run(dm, core.find(given))
        assert (done.why, done.version, done.ct) == ("", "0.17.1", "sdtmct-2025-03-28")
        first, second = done.checked
        assert (first.rule.id, first.rule.cdisc, first.status) == (
            "CORE-000189",
            ("CG0665", "TIG0699"),
            Status.ISSUE_REPORTED,
        )
        assert (second.rule.fda, second.status, second.findings) == (("FB0606",), Status.SKIPPED, ())
        (finding,) = first.findings
        assert finding.where == Where(dataset="DM", subject="1", row=1, variable="AGE")
        assert finding.cells == (("AGE", "64.0"), ("AGEU", ""))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "#!/bin/sh\necho 'no such standard' >&2\nexit 2\n",
            "it ended with code 2 and without a report: no such standard",
        ),
        ("#!/bin/sh\nexit 0\n", "it ended with code 0 and without a report: it said nothing"),
    ],
)
def test_it_says_that_core_did_not_run(tmp_path, dm, text, said):
    """A study would pass for one that CORE had found nothing in."""
    done = core.run(dm, core.find(program(tmp_path / "core", text)))
    assert (done.checked, done.why) == ((), said)


def test_it_says_where_core_should_be(tmp_path, monkeypatch):
    """A user without CORE would not learn what to give."""
    monkeypatch.delenv(core.VARIABLE, raising=False)
    with pytest.raises(UnknownNameError, match="not said where CDISC CORE is") as raised:
        core.find()
    assert "--core PATH" in raised.value.fix
    with pytest.raises(UnknownNameError, match="no CDISC CORE at"):
        core.find(tmp_path / "nowhere")
    with pytest.raises(UnknownNameError, match="no CDISC CORE in"):
        core.find(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnknownNameError, match="uv"):
        core.find(core.UVX)


def test_the_library_wants_its_cache(tmp_path, monkeypatch):
    """CORE's library would be started without its rules and find nothing."""
    monkeypatch.delenv(core.CACHE, raising=False)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    with pytest.raises(UnknownNameError, match="cache of rules: no folder is named"):
        core.find(tmp_path)
    with pytest.raises(UnknownNameError, match=r"has no rules\.pkl"):
        core.find(tmp_path, tmp_path)


def test_what_is_no_report_is_refused(tmp_path):
    """A broken report would be read as one without issues."""
    for text in ("", "[]", '{"Issue_Details": []}'):
        (tmp_path / "report.json").write_text(text)
        with pytest.raises(UnreadableInputError, match="no JSON report of CDISC CORE"):
            core.read(tmp_path / "report.json")


@pytest.mark.skipif(
    core.VARIABLE not in os.environ, reason="no CDISC CORE: set TRIALBRIDGE_CORE and TRIALBRIDGE_CORE_CACHE"
)
def test_the_real_engine_finds_what_the_stand_in_is_said_to(dm):
    """The options, the driver or the cache would not be those of the real CORE."""
    done = core.run(dm, core.find(), rules=["CORE-000189", "CORE-000007"], jobs=1)
    assert done.why == ""
    assert {one.rule.id: one.status for one in done.checked}["CORE-000189"] is Status.ISSUE_REPORTED
    (finding,) = [each for one in done.checked for each in one.findings]
    assert (finding.where.dataset, finding.where.row) == ("DM", 1)
    assert ("AGEU", "") in finding.cells
