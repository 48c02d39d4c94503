"""Response by RECIST 1.0, RECIST 1.1 or iRECIST, computed from TU and TR, every response with its reason.

One engine; the version is always named, never guessed. It works on SDTM tables alone: TU and TR, DM for the start of
treatment, PR (RELREC, SUPPTU) for lesion groups; RS only where a report is compared (`agreement`). What it derives is
handed out beside the tables and never slipped into SDTM; `derived_rs` gives RS rows, marked as derived, on request.

    >>> from trialbridge.oncology import recist
    >>> recist.criteria_of("1.1").label
    'RECIST 1.1'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology.groups import ALL, GROUPS, IRRADIATED, NON_IRRADIATED, irradiated_lesions
from trialbridge.oncology.lesions import Kind, roots
from trialbridge.oncology.recist_best import BestFound, Timed, best_response
from trialbridge.oncology.recist_checks import baseline_checks
from trialbridge.oncology.recist_criteria import DEFAULT, NE, NON_CR_NON_PD, PD, Choices, Criteria, criteria_of
from trialbridge.oncology.recist_days import is_complete
from trialbridge.oncology.recist_immune import Immune, immune_course
from trialbridge.oncology.recist_overall import overall
from trialbridge.oncology.recist_readers import readers
from trialbridge.oncology.recist_timeline import Components, sentence, subset, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from trialbridge.base.finding import Finding
    from trialbridge.oncology.lesions import Reader
    from trialbridge.sdtm.table import Study

__all__ = ["Assessment", "Best", "Choices", "Response", "assess", "criteria_of", "derived_rs"]

_PROGRESSION = frozenset((PD, "iUPD", "iCPD"))
TESTS = {
    "TRGRESP": "Target Response",
    "NTRGRESP": "Non-target Response",
    "NEWLPROG": "New Lesion Progression",
    "OVRLRESP": "Overall Response",
    "BESTRESP": "Best Overall Response",
}
"""RSTESTCD -> RSTEST, codelists ONCRTSCD and ONCRTS."""
_SUBCATEGORY = {IRRADIATED: "IRRADIATED LESION", NON_IRRADIATED: "NON-IRRADIATED LESIONS", ALL: None}


@dataclass(frozen=True, slots=True)
class Response:
    """One response of one subject by one evaluator at one visit. Sums in mm, dates ISO 8601 as collected.

    `testcd` is TRGRESP, NTRGRESP, NEWLPROG or OVRLRESP. The date of a progression is the first of the visit, of any
    other response the last. `nadir` is the smallest sum before this visit, the baseline included.
    """

    usubjid: str
    eval: str
    evalid: str
    group: str
    visitnum: float | None
    visit: str
    date: str
    testcd: str
    response: str
    sum: Decimal | None
    baseline: Decimal | None
    nadir: Decimal | None
    explanation: str
    baseline_date: str = ""


@dataclass(frozen=True, slots=True)
class Best:
    """The best overall response of one subject by one evaluator, and the date of progression if any."""

    usubjid: str
    eval: str
    evalid: str
    group: str
    response: str
    date: str
    confirmed: bool | None
    progression_date: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """All responses, the best ones, and what was doubtful in the data.

    `at_risk`: subject, evaluator, evaluator id and lesion group of every reader with lesions at baseline.
    """

    criteria: Criteria
    choices: Choices
    responses: tuple[Response, ...]
    best: tuple[Best, ...]
    findings: tuple[Finding, ...]
    at_risk: tuple[tuple[str, str, str, str], ...]

    def as_frame(self) -> pl.DataFrame:
        """One row a response: ids and texts as String, VISITNUM, SUM, BASELINE and NADIR (mm) as Float64."""
        rows = [
            (
                one.usubjid,
                one.eval or None,
                one.evalid or None,
                one.group,
                one.visitnum,
                one.visit or None,
                one.date or None,
                one.testcd,
                one.response,
                _float(one.sum),
                _float(one.baseline),
                _float(one.nadir),
                one.explanation,
            )
            for one in self.responses
        ]
        return pl.DataFrame(rows, schema=_COLUMNS, orient="row")

    def best_frame(self) -> pl.DataFrame:
        """One row a best response, RSTESTCD BESTRESP; CONFIRMED is null where confirmation is not asked."""
        rows = [
            (
                one.usubjid,
                one.eval or None,
                one.evalid or None,
                one.group,
                one.date or None,
                "BESTRESP",
                one.response,
                one.confirmed,
                one.progression_date or None,
                one.explanation,
            )
            for one in self.best
        ]
        return pl.DataFrame(rows, schema=_BEST_COLUMNS, orient="row")


_COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("USUBJID", "RSEVAL", "RSEVALID", "GROUP"), pl.String),
    "VISITNUM": pl.Float64,
    **dict.fromkeys(("VISIT", "RSDTC", "RSTESTCD", "RSORRES"), pl.String),
    **dict.fromkeys(("SUM", "BASELINE", "NADIR"), pl.Float64),
    "EXPLANATION": pl.String,
}
_BEST_COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("USUBJID", "RSEVAL", "RSEVALID", "GROUP", "RSDTC", "RSTESTCD", "RSORRES"), pl.String),
    "CONFIRMED": pl.Boolean,
    "PDDTC": pl.String,
    "EXPLANATION": pl.String,
}


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def assess(study: Study, criteria: str, *, by_group: bool = False, choices: Choices = DEFAULT) -> Assessment:
    """Every response by one version of the criteria, "1.0", "1.1" or "irecist", from the study's TU and TR.

    `by_group`: also for the irradiated and the non-irradiated lesions (see `groups`). Raises UnknownNameError when the
    version is unknown or the study has no TR.
    """
    rules = criteria_of(criteria)
    if "TR" not in study:
        have = ", ".join(study.tables) or "nothing"
        raise UnknownNameError(f"Response is computed from TR (and TU); the study has {have}.", fix="add TR and TU")
    everyone, findings = readers(study, rules, choices)
    treated = irradiated_lesions(study) if by_group else {}
    responses: list[Response] = []
    best: list[Best] = []
    at_risk: list[tuple[str, str, str, str]] = []
    for reader in everyone:
        findings += baseline_checks(reader, rules)
        for group, part in _groups(reader, treated, by_group=by_group):
            if any(lesion.kind is not Kind.NEW for lesion in part.lesions.values()):
                at_risk.append((part.usubjid, part.eval, part.evalid, group))
            found, summary = _assess_reader(part, group, rules, choices)
            responses += found
            if summary:
                best.append(summary)
    return Assessment(rules, choices, tuple(responses), tuple(best), tuple(findings), tuple(at_risk))


def _groups(reader: Reader, treated: dict[str, frozenset[str]], *, by_group: bool) -> Iterator[tuple[str, Reader]]:
    """The lesion groups of one reader that have any lesion."""
    if not by_group:
        yield ALL, reader
        return
    known = reader.lesions.keys()
    marked = treated.get(reader.usubjid, frozenset())
    hit = {root for lnkid in marked if lnkid in known for root in roots(lnkid, known)}
    rest = {lnkid for lnkid in known if roots(lnkid, known) == (lnkid,)} - hit
    parts = {
        IRRADIATED: subset(reader, frozenset(hit), new=False),
        NON_IRRADIATED: subset(reader, frozenset(rest), new=True),
        ALL: reader,
    }
    for group in GROUPS:
        if parts[group].lesions:
            yield group, parts[group]


def _assess_reader(
    reader: Reader, group: str, criteria: Criteria, choices: Choices
) -> tuple[list[Response], Best | None]:
    """The responses of one reader and lesion group, and the best of them."""
    parts = walk(reader, criteria, choices)
    if not parts:
        return [], _never_assessed(reader, group, criteria)
    course = immune_course(parts, criteria, choices) if criteria.immune else [_plain(one, criteria) for one in parts]
    responses: list[Response] = []
    timed: list[Timed] = []
    for one, said in zip(parts, course, strict=True):
        date = one.point.first if said.overall in _PROGRESSION else one.point.last
        shared = Response(
            reader.usubjid,
            reader.eval,
            reader.evalid,
            group,
            one.point.visitnum,
            one.point.visit,
            date,
            "OVRLRESP",
            said.overall,
            one.sum,
            one.baseline,
            one.nadir,
            said.text,
            one.baseline_date,
        )
        responses += _rows(shared, one, said, choices)
        timed.append(Timed(said.overall, date, said.since or _first_seen(one)))
    start = reader.start if is_complete(reader.start) else parts[0].baseline_date
    found: BestFound = best_response(timed, start, criteria, choices)
    response = _worded(found.response, choices)
    best = Best(
        reader.usubjid,
        reader.eval,
        reader.evalid,
        group,
        response,
        found.date,
        found.confirmed,
        found.progression,
        found.text,
    )
    return responses, best


def _never_assessed(reader: Reader, group: str, criteria: Criteria) -> Best | None:
    """NE for who has lesions at baseline and no visit after: every patient is in one category of best response.

    Therasse 2000, "Reporting of results"; Eisenhauer 2009, section 4.8.
    """
    if all(lesion.kind is Kind.NEW for lesion in reader.lesions.values()):
        return None
    text = f"{NE}: no assessment after baseline ({criteria.label})"
    return Best(reader.usubjid, reader.eval, reader.evalid, group, NE, "", None, "", text)


def _plain(one: Components, criteria: Criteria) -> Immune:
    """The responses of one visit by RECIST 1.0 or 1.1."""
    response, table = overall(criteria, one.target, one.nontarget, new=one.new_state == "UNEQUIVOCAL")
    return Immune(one.target, one.nontarget, response, f"{response}: {sentence(one)} ({table})")


def _rows(shared: Response, one: Components, said: Immune, choices: Choices) -> Iterator[Response]:
    """The rows of one visit: components that exist, then the overall response."""
    if said.target is not None:
        text = one.target_text if said.target == one.target else f"{said.target}, by RECIST 1.1 {one.target_text}"
        yield replace(shared, testcd="TRGRESP", response=said.target, explanation=text)
    if said.nontarget is not None:
        text = one.nontarget_text
        if said.nontarget != one.nontarget:
            text = f"{said.nontarget}, by RECIST 1.1 {text}"
        yield replace(shared, testcd="NTRGRESP", response=_worded(said.nontarget, choices), explanation=text)
    if one.new_state is not None:
        yield replace(shared, testcd="NEWLPROG", response=one.new_state, explanation=one.new_text)
    yield replace(shared, response=_worded(shared.response, choices))


def _worded(response: str, choices: Choices) -> str:
    """Persisting non-target disease in the sponsor's word."""
    return choices.non_target_stable if response == NON_CR_NON_PD else response


def _first_seen(one: Components) -> str:
    """Progression by a new lesion dates from when it was first seen, be it equivocal (Eisenhauer 2009, 4.3.5)."""
    if PD in (one.target, one.nontarget):
        return ""
    seen = [lesion.since for lesion in one.new.values() if lesion.state == "UNEQUIVOCAL"]
    return min(seen, default="")


def derived_rs(assessment: Assessment, *, best: bool = False) -> pl.DataFrame:
    """The responses as RS rows, every one marked as derived (RSDRVFL = Y); evaluators are kept, RSSEQ numbered anew.

    Not collected data: for a sponsor's own use or for ADaM. `best` adds BESTRESP. RSSCAT names the lesion group.
    """
    rows: list[tuple[str | float | int | None, ...]] = []
    sequence: dict[str, int] = {}
    label = assessment.criteria.label

    def row(one: Response | Best, testcd: str, visitnum: float | None, visit: str) -> None:
        sequence[one.usubjid] = sequence.get(one.usubjid, 0) + 1
        rows.append(
            (
                "RS",
                one.usubjid,
                sequence[one.usubjid],
                testcd,
                TESTS[testcd],
                label,
                _SUBCATEGORY[one.group],
                one.response,
                one.response,
                "Y",
                one.eval or None,
                one.evalid or None,
                visitnum,
                visit or None,
                one.date or None,
            )
        )

    for response in assessment.responses:
        row(response, response.testcd, response.visitnum, response.visit)
    for one in assessment.best if best else ():
        row(one, "BESTRESP", None, "")
    return pl.DataFrame(rows, schema=_RS_COLUMNS, orient="row")


_RS_COLUMNS: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("DOMAIN", "USUBJID"), pl.String),
    "RSSEQ": pl.Float64,
    **dict.fromkeys(("RSTESTCD", "RSTEST", "RSCAT", "RSSCAT", "RSORRES", "RSSTRESC", "RSDRVFL"), pl.String),
    **dict.fromkeys(("RSEVAL", "RSEVALID"), pl.String),
    "VISITNUM": pl.Float64,
    **dict.fromkeys(("VISIT", "RSDTC"), pl.String),
}
