"""CDISC's open rules cases against ours; they are CDISC's and not in this repository, so a copy must be at hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import open_rules  # noqa: E402 - beside this file

ARCHIVE = Path("shared") / "data" / "core" / "open-rules-cases.tar.xz"


def cases() -> Path | None:
    """The archive that $TRIALBRIDGE_OPEN_RULES names, or in a folder `shared` beside the project."""
    named = os.environ.get("TRIALBRIDGE_OPEN_RULES")
    near = [Path(named)] if named else [above / ARCHIVE for above in HERE.parents]
    return next((one for one in near if one.exists()), None)


@pytest.mark.skipif(cases() is None, reason="no open-rules-cases.tar.xz: set TRIALBRIDGE_OPEN_RULES to where it is")
def test_ours_find_what_cdisc_expects_and_no_more(tmp_path):
    """A rule of ours would claim an id of CDISC and miss its negative cases, or cry at its positive ones."""
    home = open_rules.unpack(cases(), tmp_path)
    said = list(open_rules.verdicts(home))
    assert len(said) == 36
    assert [one.core for one in said if not one.ours] == []
    assert [(one.core, case.name) for one in said for case in one.cases if case.missed or case.false] == []
    assert sum(bool(case.expected) for one in said for case in one.cases) >= 34


RULE = {
    "Authorities": [{"Standards": [{"References": [{"Rule Identifier": {"Id": "CG0435"}}]}]}],
    "Check": {"all": [{"name": "DTHDTC", "operator": "non_empty"}]},
    "Outcome": {"Message": "DTHDTC without DTHFL", "Output Variables": ["DTHDTC", "DTHFL"]},
}


def case(home: Path, name: str, rows: str, expected: str) -> None:
    """A case of our own making in CDISC's layout."""
    data = home / "CORE-X" / name / "data"
    data.mkdir(parents=True)
    (data / "_datasets.csv").write_text("Filename,Label\ndm,Demographics\n")
    variables = "".join(f"dm,{one},,Char,20\n" for one in ("USUBJID", "DTHDTC", "DTHFL"))
    (data / "_variables.csv").write_text(f"dataset,variable,label,type,length\n{variables}")
    (data / "dm.csv").write_text(f"USUBJID,DTHDTC,DTHFL\n{rows}")
    (data / ".env").write_text("PRODUCT=SDTMIG\nVERSION=3-4\n")
    results = home / "CORE-X" / name / "results"
    results.mkdir()
    (results / "results.csv").write_text(f"Dataset,Record,Variable,Value\n{expected}")
    (home / "CORE-X" / "rule.yml").write_text(yaml.safe_dump(RULE))


def test_the_judge_sees_what_is_missed_and_what_is_false(tmp_path):
    """The judge would call everything good, whatever ours find."""
    case(tmp_path, "negative/01", "1,2020-01-01,\n2,,\n", "DM,1,DTHFL,\n")
    case(tmp_path, "negative/02", "1,,\n2,2020-01-01,Y\n", "DM,2,DTHFL,\n")
    case(tmp_path, "positive/01", "1,2020-01-01,N\n", "")
    (verdict,) = open_rules.verdicts(tmp_path)
    assert [one.id for one in verdict.ours] == ["TB-DM-0009"]
    assert not verdict.good
    assert [(one.missed, one.false) for one in verdict.cases] == [
        (set(), set()),
        ({("DM", 2)}, set()),
        (set(), {("DM", 1)}),
    ]
