"""What progression-free survival reads: starts, assessments, deaths, new therapies, cut-off. SDTM tables alone.

Sources: SDTMIG 3.4, DM (DTHDTC, DTHFL, RFSTDTC), DS (DSDECOD = DEATH), PR (first fraction), RS (OVRLRESP), CM, PR
and EX (new therapy by category), TS (DCUTDTC), TV (planned days).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from statistics import median_low
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.oncology.groups import ALL, end_of_radiotherapy, radiotherapy
from trialbridge.oncology.recist_criteria import criteria_of
from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.recist_input import records
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.oncology.survival_rules import PfsRules
    from trialbridge.sdtm.table import Study

_RS = ("USUBJID", "RSTESTCD", "RSCAT", "RSSCAT", "RSORRES", "RSSTRESC", "RSSTAT", "RSEVAL", "RSEVALID", "RSDTC")
_NOT_ADEQUATE = frozenset(("", "NE", "NOT EVALUABLE", "ND", "NOT DONE", "NA", "NOT APPLICABLE", "UNKNOWN"))


@dataclass(slots=True)
class Facts:
    """What is known of one subject; dates as collected, empty where missing."""

    start: str = ""
    assessments: list[str] = field(default_factory=list)
    progressions: list[str] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    therapies: list[str] = field(default_factory=list)
    died: bool = False


def gather(study: Study, rules: PfsRules) -> tuple[dict[str, Facts], list[Finding]]:
    """The facts of every subject with a start, by USUBJID, and what was doubtful. Raises UnknownNameError."""
    findings: list[Finding] = []
    facts = {usubjid: Facts(start=start) for usubjid, start in starts(study, rules).items()}
    if not facts:
        raise UnknownNameError(
            f"No subject has a start of progression-free survival ({rules.start}).",
            fix="give PR with radiotherapy, or choose another start",
        )
    if rules.progression == "computed":
        _computed(study, rules, facts)
    else:
        findings += _reported(study, rules, facts)
    _deaths(study, facts, findings)
    for where in rules.new_therapy:
        _therapies(study, where.domain, {one.upper() for one in where.categories}, facts)
    return facts, findings


def starts(study: Study, rules: PfsRules) -> dict[str, str]:
    """The start by subject."""
    if rules.start == "reference start":
        rows = records(study, "DM", ("USUBJID", "RFSTDTC"))
        return {row["USUBJID"]: row["RFSTDTC"] for row in rows if row["RFSTDTC"]}
    if rules.start == "end of radiotherapy":
        return end_of_radiotherapy(study)
    starts: dict[str, str] = {}
    for row in radiotherapy(study):
        before = starts.get(row["USUBJID"], "")
        if not before or (row["PRSTDTC"] and row["PRSTDTC"] < before):
            starts[row["USUBJID"]] = row["PRSTDTC"]
    return starts


def _computed(study: Study, rules: PfsRules, facts: Mapping[str, Facts]) -> None:
    """Assessments and progressions as `recist` computes them; the date of progression is the criteria's own."""
    from trialbridge.oncology.recist import assess  # noqa: PLC0415 - only where asked to compute

    if rules.criteria is None:
        raise UnknownNameError("Computing progression needs the criteria.", fix="give criteria 1.0, 1.1 or irecist")
    done = assess(study, rules.criteria)
    readers = {(one.eval, one.evalid) for one in done.best}
    eval_, evalid = _chosen(readers, rules)
    seen: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in done.responses:
        mine = one.testcd == "OVRLRESP" and one.group == ALL and (one.eval, one.evalid) == (eval_, evalid)
        if mine and one.usubjid in facts:
            seen[one.usubjid].append((one.date, one.response.upper()))
    _sort_seen(seen, facts)
    if done.criteria.immune:
        return
    for best in done.best:
        mine = best.group == ALL and (best.eval, best.evalid) == (eval_, evalid)
        if mine and best.usubjid in facts:
            # A new lesion first seen as equivocal dates the progression earlier than the visit's response does.
            facts[best.usubjid].progressions = [best.progression_date] if best.progression_date else []


def _sort_seen(seen: Mapping[str, list[tuple[str, str]]], facts: Mapping[str, Facts]) -> None:
    """Adequate assessments and progressions from dated overall responses."""
    for usubjid, responses in seen.items():
        mine = facts[usubjid]
        mine.assessments = [dtc for dtc, value in responses if value not in _NOT_ADEQUATE and dtc]
        mine.progressions = _progressions(responses)


def _reported(study: Study, rules: PfsRules, facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """Assessments and progressions as RS reports them for the chosen evaluator, over all lesions; words that are none."""
    rows = [
        row
        for row in records(study, "RS", _RS)
        if row["RSTESTCD"] == "OVRLRESP" and "IRRADIATED" not in row["RSSCAT"].upper()
    ]
    label = criteria_of(rules.criteria).label.upper() if rules.criteria else None
    rows = [row for row in rows if label is None or row["RSCAT"].upper() == label]
    categories = sorted({row["RSCAT"] for row in rows})
    if len(categories) > 1:
        raise UnknownNameError(f"RS has responses by {', '.join(categories)}.", fix="name the criteria")
    if not rows:
        what = f"by {label}" if label else "(OVRLRESP)"
        raise UnknownNameError(f"RS has no overall response {what}.", fix="give RS, or compute progression")
    chosen = _chosen({(row["RSEVAL"], row["RSEVALID"]) for row in rows}, rules)
    by_subject: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        if (row["RSEVAL"], row["RSEVALID"]) == chosen and row["USUBJID"] in facts and not row["RSSTAT"]:
            by_subject[row["USUBJID"]].append((row["RSDTC"], (row["RSSTRESC"] or row["RSORRES"]).upper()))
    for usubjid, responses in by_subject.items():
        if any(value not in _NOT_ADEQUATE | _words() for _, value in responses):
            where = Where(dataset="RS", subject=usubjid, variable="RSSTRESC")
            said = "An overall response is no term of codelist ONCRSR; it counts as an assessment without progression."
            yield Finding("TB-PFS-004", Severity.WARNING, where, said, "write the response as the codelist does: PD")
    _sort_seen(by_subject, facts)


@cache
def _words() -> frozenset[str]:
    """The responses there are, in capitals."""
    return frozenset(term.submission_value.upper() for term in terminology.default().codelist("ONCRSR"))


def _progressions(seen: Iterable[tuple[str, str]]) -> list[str]:
    """Dates of PD. By iRECIST that of the first iUPD not followed by a better response, be it confirmed or the last word.

    Seymour 2017, "Statistical and data considerations": an iUPD later disregarded (iSD, iPR, iCR) is no event; one
    that is confirmed, or after which nothing better was seen, dates the progression.
    """
    run: list[str] = []
    found = []
    for dtc, value in sorted(seen):
        if value == "PD":
            found.append(dtc)
        elif value == "ICPD":
            found.append(run[0] if run else dtc)
        if value == "IUPD":
            run.append(dtc)
        elif value not in _NOT_ADEQUATE:
            run = []
    return found + run[:1]


def _chosen(readers: set[tuple[str, str]], rules: PfsRules) -> tuple[str, str]:
    """The evaluator that counts. Raises UnknownNameError when there is none or more than one."""
    mine = sorted(one for one in readers if one[0].upper() == rules.evaluator.upper())
    # SDTMIG 6.3: an empty --EVAL is the investigator's own.
    if not mine and rules.evaluator.upper() == "INVESTIGATOR":
        mine = sorted(one for one in readers if not one[0])
    if rules.evaluator_id:
        mine = [one for one in mine if one[1].upper() == rules.evaluator_id.upper()]
    if len(mine) == 1:
        return mine[0]
    named = ", ".join(" ".join(filter(None, one)) or "(none named)" for one in sorted(readers))
    said = "more than one reader" if mine else "no reader"
    raise UnknownNameError(
        f"There is {said} {rules.evaluator} {rules.evaluator_id}".rstrip() + f"; there are {named}.",
        fix="name evaluator and evaluator id",
    )


def _deaths(study: Study, facts: Mapping[str, Facts], findings: list[Finding]) -> None:
    """Deaths of DM and DS; where the two name different days, a finding."""
    for row in records(study, "DM", ("USUBJID", "DTHDTC", "DTHFL")):
        if row["USUBJID"] in facts and (row["DTHDTC"] or row["DTHFL"] == "Y"):
            mine = facts[row["USUBJID"]]
            mine.died = True
            if row["DTHDTC"]:
                mine.deaths.append(row["DTHDTC"])
    for row in records(study, "DS", ("USUBJID", "DSDECOD", "DSSTDTC")):
        if row["USUBJID"] in facts and row["DSDECOD"] == "DEATH":
            mine = facts[row["USUBJID"]]
            mine.died = True
            if row["DSSTDTC"] and (not mine.deaths or _within(row["DSSTDTC"], mine.deaths[0])):
                mine.deaths = [row["DSSTDTC"]]
            elif row["DSSTDTC"] and not _within(mine.deaths[0], row["DSSTDTC"]):
                where = Where(dataset="DS", subject=row["USUBJID"], variable="DSSTDTC")
                said = f"Death is on {row['DSSTDTC']} in DS, on {mine.deaths[0]} in DM; DM counts."
                findings.append(Finding("TB-PFS-002", Severity.WARNING, where, said, "correct the wrong one"))


def _within(one: str, other: str) -> bool:
    """Whether a date says the same day as another, or a day within what the other leaves open."""
    inner, outer = bounds(one), bounds(other)
    if inner is None or outer is None:
        return one == other
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _therapies(study: Study, domain: str, categories: set[str], facts: Mapping[str, Facts]) -> None:
    """Starts of new anticancer therapy, by category."""
    cat, scat, occur, start = (f"{domain}{one}" for one in ("CAT", "SCAT", "OCCUR", "STDTC"))
    for row in records(study, domain, ("USUBJID", cat, scat, occur, start)):
        if row["USUBJID"] in facts and {row[cat].upper(), row[scat].upper()} & categories and row[occur] != "N":
            facts[row["USUBJID"]].therapies.append(row[start])


def cutoff_of(study: Study, rules: PfsRules) -> str:
    """The data cut-off: the rule set's, else DCUTDTC in TS, else empty."""
    if rules.cutoff is not None:
        return rules.cutoff
    rows = records(study, "TS", ("TSPARMCD", "TSVAL"))
    return next((row["TSVAL"] for row in rows if row["TSPARMCD"] == "DCUTDTC"), "")


def interval_of(study: Study, rules: PfsRules) -> int | None:
    """The planned days between assessments: the rule set's, else from TV over the visits at which RS has responses."""
    if rules.assessment_days is not None:
        return rules.assessment_days
    if not {"RS", "TV"} <= study.tables.keys() or "VISITDY" not in study["TV"].frame.columns:
        return None
    assessed = {row["VISITNUM"] for row in records(study, "RS", _RS) if row["RSTESTCD"] == "OVRLRESP"}
    frame = study["TV"].frame.select("VISITNUM", "VISITDY").drop_nulls()
    days = sorted({int(day) for number, day in frame.iter_rows() if number in assessed})
    gaps = [later - earlier for earlier, later in itertools.pairwise(days)]
    return median_low(gaps) if gaps else None
