"""Computed responses against reported ones: what agrees, what does not, and why.

`against` compares an assessment with RS, row by row; `components` asks only whether the overall response a table
reports follows from the components it reports, by the criteria's own table.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.oncology.groups import ALL, IRRADIATED, NON_IRRADIATED
from trialbridge.oncology.recist_criteria import CR, NE, PD, PR, SD, UNEQUIVOCAL, criteria_of
from trialbridge.oncology.recist_input import records
from trialbridge.oncology.recist_overall import STABLE_WORDS, overall
from trialbridge.sdtm.table import Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.oncology.recist import Assessment, Best, Response
    from trialbridge.oncology.recist_criteria import Criteria
    from trialbridge.sdtm.table import Table

_RS = (
    "USUBJID",
    "RSTESTCD",
    "RSCAT",
    "RSSCAT",
    "RSORRES",
    "RSSTRESC",
    "RSSTAT",
    "RSREASND",
    "RSEVAL",
    "RSEVALID",
    "VISIT",
    "RSDTC",
)
_TESTS = ("TRGRESP", "NTRGRESP", "NEWLPROG", "OVRLRESP", "BESTRESP")
_COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("USUBJID", "RSEVAL", "RSEVALID", "GROUP"), pl.String),
    "VISITNUM": pl.Float64,
    **dict.fromkeys(("VISIT", "RSDTC", "RSTESTCD", "REPORTED", "COMPUTED"), pl.String),
    "AGREES": pl.Boolean,
    "EXPLANATION": pl.String,
}

Key = tuple[str, str, str, str, float | None, str]
"""Subject, evaluator, evaluator id, lesion group, VISITNUM; the day where that is missing or stands for several."""


def against(assessment: Assessment, rs: Table) -> pl.DataFrame:
    """The reported rows of RS beside the computed ones, every disagreement explained.

    Only rows of the assessment's own criteria (RSCAT, where given) and of TRGRESP, NTRGRESP, NEWLPROG, OVRLRESP and
    BESTRESP. AGREES is false also when nothing could be computed for a reported row. Computed overall responses that
    nobody reported are listed with REPORTED null and AGREES null: RS may lawfully hold less than the images.
    """
    reported = _reported(rs, assessment.criteria)
    computed: dict[tuple[Key, str], Response | Best] = {}
    twice = _repeated((*_reader(one), one.visitnum, one.testcd) for one in assessment.responses)
    for one in assessment.responses:
        day = one.date[:10] if one.visitnum is None or (*_reader(one), one.visitnum) in twice else ""
        computed[((*_reader(one), one.visitnum, day), one.testcd)] = one
    for best in assessment.best:
        computed[((*_reader(best), None, ""), "BESTRESP")] = best
    rows = []
    for key, tests in reported.items():
        mine = {testcd: computed[(key, testcd)] for testcd in _TESTS if (key, testcd) in computed}
        for testcd, row in tests.items():
            found = computed.pop((key, testcd), None)
            agrees, why = _compare(row, tests, mine, assessment.criteria)
            rows.append(_row(key, testcd, row, found, agrees=agrees, why=why))
    readers = {key[:4] for key in reported}
    for (key, testcd), left in computed.items():
        if testcd == "OVRLRESP" and key[:4] in readers:
            rows.append(_row(key, testcd, None, left, agrees=None, why=f"not reported; {left.explanation}"))
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row").sort(
        "USUBJID", "RSEVAL", "RSEVALID", "GROUP", "VISITNUM", "RSTESTCD", "REPORTED"
    )


def components(rs: Table, criteria: str) -> pl.DataFrame:
    """Whether each reported overall response follows from the reported components, by the criteria's table.

    One row an OVRLRESP with at least one of TRGRESP, NTRGRESP, NEWLPROG at the same visit; columns as `against`.
    Only for "1.0" and "1.1": what iRECIST makes of a visit depends on the visits before. Raises UnknownNameError.
    """
    rules = criteria_of(criteria)
    rows = []
    for key, tests in _reported(rs, rules).items():
        if "OVRLRESP" not in tests or len(tests) == 1:
            continue
        value, text = _from_components(tests, rules)
        row = tests["OVRLRESP"]
        agrees = _same("OVRLRESP", row["VALUE"], value)
        rows.append((*_place(key, row), "OVRLRESP", row["VALUE"] or None, value, agrees, text))
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row")


def _reader(one: Response | Best) -> tuple[str, str, str, str]:
    return (one.usubjid, one.eval, one.evalid, one.group)


def _repeated(keys: Iterable[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """The visits at which one test stands more than once; the test is the last part of a key."""
    return {key[:-1] for key, count in Counter(keys).items() if count > 1}


def _reported(rs: Table, criteria: Criteria) -> dict[Key, dict[str, dict[str, Any]]]:
    """The rows of RS that matter, by key and test."""
    kept = []
    for row in records(Study({"RS": rs}), "RS", _RS):
        if row["RSTESTCD"] not in _TESTS or (row["RSCAT"] and row["RSCAT"].upper() != criteria.label.upper()):
            continue
        group = ALL
        if "IRRADIATED" in row["RSSCAT"].upper():
            group = NON_IRRADIATED if row["RSSCAT"].upper().startswith("NON") else IRRADIATED
        row["VALUE"] = row["RSSTRESC"] or row["RSORRES"]
        best = row["RSTESTCD"] == "BESTRESP"
        place = (row["USUBJID"], row["RSEVAL"], row["RSEVALID"], group, None if best else row["VISITNUM"])
        kept.append((place, row))
    twice = _repeated((*place, row["RSTESTCD"]) for place, row in kept)
    found: dict[Key, dict[str, dict[str, Any]]] = defaultdict(dict)
    for place, row in kept:
        dated = row["RSTESTCD"] != "BESTRESP" and (place[4] is None or place in twice)
        found[(*place, row["RSDTC"][:10] if dated else "")][row["RSTESTCD"]] = row
    return found


def _compare(
    row: Mapping[str, str],
    tests: Mapping[str, Mapping[str, str]],
    mine: Mapping[str, Response | Best],
    criteria: Criteria,
) -> tuple[bool, str]:
    """Whether one reported row agrees with what was computed, and in words why or why not."""
    testcd, value = row["RSTESTCD"], row["VALUE"]
    found = mine.get(testcd)
    if found is None:
        return False, f"reported {value or row['RSSTAT']}, but TR has nothing of this evaluator and visit to compute it"
    if _same(testcd, value, found.response) or (not value and found.response == NE):
        return True, found.explanation
    why = f"reported {value or row['RSSTAT'] or 'nothing'}, computed {found.explanation}"
    if testcd != "OVRLRESP" or criteria.immune or len(tests) == 1:
        return False, why
    follows, _ = _from_components(tests, criteria)
    if not _same("OVRLRESP", value, follows):
        return False, f"{why}. The report contradicts itself: its own components give {follows}"
    differ = [
        f"{other} reported {tests[other]['VALUE']}, computed {one.response}"
        for other in ("TRGRESP", "NTRGRESP", "NEWLPROG")
        if other in tests
        and (one := mine.get(other)) is not None
        and not _same(other, tests[other]["VALUE"], one.response)
    ]
    return False, f"{why}. {'; '.join(differ)}" if differ else why


def _from_components(tests: Mapping[str, Mapping[str, str]], criteria: Criteria) -> tuple[str, str]:
    """What the criteria's table makes of the reported components, and the sentence."""
    target = _component(tests, "TRGRESP")
    nontarget = _component(tests, "NTRGRESP")
    new = tests["NEWLPROG"]["VALUE"] if "NEWLPROG" in tests else ""
    if target not in (None, CR, PR, SD, PD, NE):
        return NE, f"TRGRESP {target} is no target response of {criteria.label}"
    value, table = overall(criteria, target, nontarget, new=new.upper() in (UNEQUIVOCAL, PD, "Y"))
    said = f"target {target or 'none'}, non-target {nontarget or 'none'}, new lesions {new.lower() or 'none'}"
    return value, f"{value}: {said} ({table})"


def _component(tests: Mapping[str, Mapping[str, str]], testcd: str) -> str | None:
    """A reported component; one not done is not evaluable, one that is not applicable is none."""
    if testcd not in tests:
        return None
    value = tests[testcd]["VALUE"] or NE
    return None if value in ("NA", "NOT APPLICABLE", "NED") else value


def _same(testcd: str, one: str, other: str) -> bool:
    """Whether two response values mean the same: the words for persisting non-target disease do."""
    if testcd == "NTRGRESP" and {one, other} <= STABLE_WORDS:
        return True
    return one == other


def _place(key: Key, row: Mapping[str, str]) -> tuple[str | float | None, ...]:
    return (key[0], key[1] or None, key[2] or None, key[3], key[4], row["VISIT"] or None, row["RSDTC"] or None)


def _row(
    key: Key,
    testcd: str,
    row: Mapping[str, str] | None,
    found: Response | Best | None,
    *,
    agrees: bool | None,
    why: str,
) -> tuple[str | float | bool | None, ...]:
    if row is None:
        visit = getattr(found, "visit", "")
        row = {"VISIT": visit, "RSDTC": found.date if found else "", "VALUE": ""}
    value = row["VALUE"] or None
    return (*_place(key, row), testcd, value, None if found is None else found.response, agrees, why)
