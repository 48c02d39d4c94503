"""The worked cases of tests/cases/recist, version by version, against the engine."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from trialbridge.oncology import recist
from trialbridge.sdtm.table import study, table

CASES = Path(__file__).parent.parent / "cases" / "recist"
SUBJECT = "CASE-01"
TR = {
    **dict.fromkeys(("USUBJID", "TRLNKID", "TRTESTCD", "TRORRES", "TRORRESU", "TRSTAT", "TRDTC", "VISIT"), pl.String),
    "VISITNUM": pl.Float64,
}
SIZE = re.compile(r"^(?P<long>[\d.]+)(?: x (?P<short>[\d.]+))?(?: (?P<unit>mm|cm))?$")


def cases():
    """Every case of every file, named by file and description."""
    for file in sorted(CASES.glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
            yield pytest.param(case, id=f"{file.stem}: {case['description']}")


def tr_rows(lnkid, seen, visit):
    """The TR records that say what a case says was seen of one lesion."""
    size = SIZE.match(seen)
    shared = {"USUBJID": SUBJECT, "TRLNKID": lnkid, "TRDTC": visit["date"], "VISITNUM": float(visit["n"])}
    if size:
        unit = size["unit"] or "mm"
        yield {**shared, "TRTESTCD": "LDIAM", "TRORRES": size["long"], "TRORRESU": unit}
        if size["short"]:
            yield {**shared, "TRTESTCD": "LPERP", "TRORRES": size["short"], "TRORRESU": unit}
    elif seen == "NOT DONE":
        yield {**shared, "TRTESTCD": "LDIAM", "TRSTAT": seen}
    elif seen.startswith("TOO SMALL"):
        yield {**shared, "TRTESTCD": "LDIAM", "TRORRES": seen}
    else:
        yield {**shared, "TRTESTCD": "TUMSTATE", "TRORRES": seen}


def case_study(case):
    """A case as an SDTM study: TU and TR, and DM where the start of treatment is given."""
    tu = []
    for lnkid, said in case["lesions"].items():
        words, _, at = said.partition(" @")
        kind, _, loc = words.partition(", ")
        number = int(at or case["visits"][0]["n"])
        date = next(visit["date"] for visit in case["visits"] if visit["n"] == number)
        row = {"USUBJID": SUBJECT, "TULNKID": lnkid, "TUTESTCD": "TUMIDENT", "TUSTRESC": kind, "TULOC": loc}
        tu.append({**row, "TUDTC": date, "VISITNUM": float(number)})
    rows = [
        row for visit in case["visits"] for lnkid, seen in visit["seen"].items() for row in tr_rows(lnkid, seen, visit)
    ]
    tables = [table("TU", pl.DataFrame(tu)), table("TR", pl.DataFrame(rows, schema=TR))]
    if "start" in case:
        tables.append(table("DM", pl.DataFrame({"USUBJID": [SUBJECT], "RFXSTDTC": [case["start"]]})))
    return study(tables)


@pytest.mark.parametrize("case", list(cases()))
def test_case(case):
    """A worked case of the criteria would come out otherwise than its written calculation."""
    choices = recist.Choices(**case.get("choices", {}))
    done = recist.assess(case_study(case), case["criteria"], choices=choices)
    for number, expected in case["expected"].items():
        rows = {one.testcd: one for one in done.responses if one.visitnum == float(number)}
        overall = rows["OVRLRESP"]
        for what, value in expected.items():
            if what == "says":
                assert value in overall.explanation
            elif what in ("SUM", "BASELINE", "NADIR"):
                assert getattr(overall, what.lower()) == Decimal(value), what
            else:
                assert rows[what].response == value, overall.explanation
        assert {one for one in expected if one.endswith(("RESP", "PROG"))} <= set(rows)
    best = done.best[0]
    if "best" in case:
        assert best.response == case["best"], best.explanation
    if "progression" in case:
        assert best.progression_date == case["progression"]
    assert set(case.get("findings", [])) == {one.id for one in done.findings if one.id in _NAMED}


_NAMED = {f"TB-RECIST-{number:03}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)}


def test_every_case_says_where_it_comes_from():
    """A case without its calculation and source could not be checked by a reader."""
    for parameter in cases():
        case = parameter.values[0]
        assert case["calculation"]
        assert case["source"]
        assert case["expected"] or "best" in case


def test_a_wrong_expectation_is_noticed():
    """The adapter would accept anything: a case with a wrong answer must fail."""
    case = next(parameter.values[0] for parameter in cases())
    wrong = {**case, "expected": {"2": {"OVRLRESP": "PD"}}}
    with pytest.raises(AssertionError):
        test_case(wrong)
