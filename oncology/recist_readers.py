"""From gathered records to readers: lesions, visits in order, the baseline window, one reading a lesion and visit.

Baseline is what was seen before treatment (RECIST 1.1, section 3.2.1; 1.0 likewise): the visits up to the one flagged
TRLOBXFL or TRBLFL, else those not after RFXSTDTC (RFSTDTC) of DM, else the first visit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Protocol

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.oncology.lesions import Kind, Lesion, Reader, Reading, Result, State, TimePoint, reading, roots
from trialbridge.oncology.recist_days import days_at_least, is_complete
from trialbridge.oncology.recist_input import Gathered, ReaderKey, Visit, gather, kind_of, order, records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.oncology.recist_criteria import Choices, Criteria
    from trialbridge.sdtm.table import Study

_NAMED = 3
_APART = 14
"""Days between two readings of one lesion from which they are two assessments, not one visit."""


class Doubt(Protocol):
    """Notes a finding on the reader at hand."""

    def __call__(self, number: str, message: str, fix: str, variable: str = ...) -> None:
        """Note it."""
        ...


def readers(study: Study, criteria: Criteria, choices: Choices) -> tuple[list[Reader], list[Finding]]:
    """Every subject as every evaluator read it, in order of USUBJID, --EVAL, --EVALID, and what was doubtful."""
    gathered = gather(study)
    findings: list[Finding] = []
    starts = {
        row["USUBJID"]: next(filter(is_complete, (row["RFXSTDTC"], row["RFSTDTC"])), row["RFXSTDTC"] or row["RFSTDTC"])
        for row in records(study, "DM", ("USUBJID", "RFXSTDTC", "RFSTDTC"))
    }
    made = []
    assumed: dict[str, None] = {}
    for key in sorted(gathered):
        reader, doubts = _reader(key, gathered[key], starts.get(key[0], ""), criteria, choices)
        findings += doubts
        if reader:
            made.append(reader)
            if reader.visits and not gathered[key].flagged and not is_complete(reader.start):
                assumed[reader.usubjid] = None
    if assumed:
        findings.append(_first_visit_assumed(list(assumed), len({one.usubjid for one in made}), "DM" in study))
    return made, findings


def _first_visit_assumed(subjects: list[str], whole: int, dm: bool) -> Finding:  # noqa: FBT001 - private, one caller
    """That nothing says which visits came before treatment."""
    named = ", ".join(subjects[:_NAMED]) + (", …" if len(subjects) > _NAMED else "")
    lacks = "a date RFXSTDTC or RFSTDTC in DM" if dm else "a DM with RFXSTDTC or RFSTDTC"
    message = f"The first visit is taken as baseline for {len(subjects)} of {whole} subjects ({named}), who have neither {lacks}"
    message += " nor a visit flagged TRLOBXFL or TRBLFL. A second visit before treatment would count as a response."
    fix = "add DM with RFXSTDTC, or flag the baseline in TR"
    return Finding("TB-RECIST-012", Severity.WARNING, Where(dataset="DM", variable="RFXSTDTC"), message, fix)


def _lesion(lnkid: str, word: str, loc: str) -> Lesion | None:
    kind = kind_of(word)
    if kind is None:
        return None
    upper = word.upper()
    node = "LYMPH NODE" in loc.upper() or ("NODAL" in upper and "EXTRA NODAL" not in upper)
    new_target = None if kind is not Kind.NEW or "TARGET" not in upper else "NON-TARGET" not in upper
    return Lesion(lnkid, kind, node, loc, new_target)


def _reader(
    key: ReaderKey, gathered: Gathered, start: str, criteria: Criteria, choices: Choices
) -> tuple[Reader | None, list[Finding]]:
    """One reader from its gathered records; None when it has no visit at all."""
    findings: list[Finding] = []

    def doubt(number: str, message: str, fix: str, variable: str = "TRLNKID") -> None:
        where = Where(dataset="TR", subject=key[0], variable=variable)
        findings.append(Finding(f"TB-RECIST-{number}", Severity.WARNING, where, message, fix))

    _part_assessments(gathered, doubt)
    lesions = _lesions(gathered, doubt)
    too_small = criteria.too_small_mm if choices.too_small_mm is None else choices.too_small_mm
    points = []
    for visit in _visits(gathered, doubt):
        readings: dict[str, Reading] = {}
        for lnkid, tests in _by_lesion(gathered, visit, doubt).items():
            lesion = lesions.get(lnkid)
            if lesion is None:
                continue
            axis = "LPERP" if lesion.node and criteria.short_axis_nodes else "LDIAM"
            one = reading(tests, axis, too_small, state_first=lesion.kind is not Kind.TARGET)
            if one.doubtful:
                doubt("004", f"{lnkid} at {_name(gathered, visit)}: {one.reason}.", "see the TR record", "TRORRES")
            readings[lnkid] = one
        for lnkid, first in gathered.identified.items():
            if first == visit and lnkid not in readings and lnkid in lesions and lesions[lnkid].kind is Kind.NEW:
                readings[lnkid] = Reading(State.UNEQUIVOCAL)
        if readings:
            first_day, last_day = _dates(gathered, visit)
            points.append((visit, TimePoint(visit[0], gathered.names.get(visit, ""), first_day, last_day, readings)))
    if not points:
        return None, findings
    cut = _baseline_ends([visit for visit, _ in points], [one for _, one in points], gathered, start)
    for lnkid in _misplaced(lesions, gathered, {visit for visit, _ in points[:cut]}, doubt):
        del lesions[lnkid]
    seen = tuple(one for _, one in points)
    return Reader(*key, lesions, seen[:cut], seen[cut:], start), findings


def _dates(gathered: Gathered, visit: Visit) -> tuple[str, str]:
    """A visit's first and last date; partial ones only where there is no other."""
    dates = sorted(gathered.dates.get(visit, []))
    whole = [dtc for dtc in dates if is_complete(dtc)] or dates or [""]
    return whole[0], whole[-1]


def _part_assessments(gathered: Gathered, doubt: Doubt) -> None:
    """Keep assessments apart that share a VISITNUM: one lesion measured twice, more than two weeks between."""
    for visit in list(gathered.tests):
        days = sorted({dtc[:10] for _, _, one in gathered.tests[visit] if is_complete(dtc := one.dtc)})
        starts = [day for i, day in enumerate(days) if i == 0 or (days_at_least(days[i - 1], day) or 0) > _APART]
        counts = Counter((lnkid, code) for lnkid, code, _ in gathered.tests[visit])
        if visit[0] is None or len(starts) < 2 or max(counts.values()) < 2:
            continue
        message = f"visit {visit[0]:g} holds assessments of {' and '.join(starts)}; they are kept apart."
        doubt("002", message, "give each assessment its own VISITNUM", "VISITNUM")
        for lnkid, code, one in gathered.tests.pop(visit):
            start = max((day for day in starts if day <= one.dtc[:10]), default=starts[0])
            gathered.tests[(visit[0], start)].append((lnkid, code, one))
            gathered.dates[(visit[0], start)].append(one.dtc or start)
        for start in starts:
            gathered.names[(visit[0], start)] = gathered.names[visit]
            if visit in gathered.flagged:
                gathered.flagged.add((visit[0], start))
        gathered.identified.update(
            {lnkid: (visit[0], starts[0]) for lnkid, first in gathered.identified.items() if first == visit}
        )


def _by_lesion(gathered: Gathered, visit: Visit, doubt: Doubt) -> dict[str, dict[str, Result]]:
    """One result a lesion and test; of two that differ the later, then the larger, whatever the order of rows."""
    found: dict[str, dict[str, Result]] = defaultdict(dict)
    for lnkid, code, one in gathered.tests.get(visit, []):
        before = found[lnkid].get(code)
        if before is not None and _content(before) != _content(one):
            message = f"{code} of {lnkid} stands twice at {_name(gathered, visit)}; the later, larger one is used."
            doubt("011", message, "keep one record a visit", "TRORRES")
        if before is None or _rank(one) > _rank(before):
            found[lnkid][code] = one
    return found


def _content(result: Result) -> tuple[str, ...]:
    """What makes two records say the same."""
    return (result.orres, result.orresu, result.stresc, result.stat)


def _rank(result: Result) -> tuple[str, float, tuple[str, ...]]:
    """Order among records of one test at one visit, whatever the order of rows."""
    try:
        size = float(result.stresc or result.orres)
    except ValueError:
        size = -1.0
    return (result.dtc, size, _content(result))


def _misplaced(lesions: Mapping[str, Lesion], gathered: Gathered, baseline: set[Visit], doubt: Doubt) -> list[str]:
    """New lesions of the baseline window, which cannot be new, and other lesions that first appear after it."""
    out = []
    seen: dict[str, set[Visit]] = defaultdict(set)
    for visit, results in gathered.tests.items():
        for name, _, _ in results:
            seen[name].add(visit)
    for lnkid, lesion in lesions.items():
        visits = set(seen.get(lnkid, ()))
        if lnkid in gathered.identified:
            visits.add(gathered.identified[lnkid])
        at_baseline = bool(visits & baseline)
        if lesion.kind is Kind.NEW and at_baseline:
            message = f"{lnkid} is called new but was seen at baseline; it is not counted as a new lesion."
            doubt("005", message, "identify it as a target or non-target lesion")
            out.append(lnkid)
        elif lesion.kind is not Kind.NEW and not at_baseline and roots(lnkid, lesions.keys()) == (lnkid,):
            message = f"{lnkid} is a {lesion.kind.lower()} lesion first seen after baseline; it is not counted."
            doubt("006", message, "a lesion found later is a new lesion")
            out.append(lnkid)
    return out


def _lesions(gathered: Gathered, doubt: Doubt) -> dict[str, Lesion]:
    """Every lesion of known kind; parts of split and merged lesions take the kind and site of their lesion."""
    lesions: dict[str, Lesion] = {}
    unknown = []
    for lnkid in sorted(gathered.kinds):
        lesion = _lesion(lnkid, gathered.kinds[lnkid], gathered.locs.get(lnkid, ""))
        if lesion:
            lesions[lnkid] = lesion
        else:
            unknown.append(lnkid)
    for lnkid in list(lesions) + unknown:
        whole = roots(lnkid, lesions.keys())
        if whole == (lnkid,):
            if lnkid in unknown:
                doubt("001", f"{lnkid} is neither target, non-target nor new; not counted.", "identify it in TU")
            continue
        of = [lesions[one] for one in whole]
        lesions[lnkid] = Lesion(lnkid, of[0].kind, all(one.node for one in of), of[0].loc)
    return lesions


def _name(gathered: Gathered, visit: Visit) -> str:
    return gathered.names.get(visit) or (visit[1] if visit[0] is None else f"visit {visit[0]:g}")


def _visits(gathered: Gathered, doubt: Doubt) -> list[Visit]:
    """The visits in order of time: by date where every visit has a whole one, else by VISITNUM."""
    all_visits = [visit for visit in gathered.names if visit in gathered.tests or visit in gathered.identified.values()]
    firsts = {visit: min(gathered.dates.get(visit) or [""]) for visit in all_visits}
    by_number = sorted(all_visits, key=lambda visit: (order(visit), firsts[visit]))
    if any(visit[0] is None for visit in all_visits) or all(is_complete(dtc) for dtc in firsts.values()):
        by_date = sorted(all_visits, key=lambda visit: (firsts[visit][:10], order(visit)))
        if by_date != by_number and not any(visit[0] is None for visit in all_visits):
            doubt("003", "visits are not in the order of their dates; the dates are followed.", "see TRDTC", "VISITNUM")
        return by_date
    return by_number


def _baseline_ends(visits: list[Visit], points: list[TimePoint], gathered: Gathered, start: str) -> int:
    """How many of the visits are baseline: up to the flagged one, else those not after the start, else the first.

    The first visit is the first at which a target or non-target lesion was identified or read.
    """
    flagged = [index for index, visit in enumerate(visits) if visit in gathered.flagged]
    if flagged:
        return flagged[-1] + 1
    if is_complete(start):
        before = [i for i, one in enumerate(points) if is_complete(one.first) and one.first[:10] <= start[:10]]
        if before:
            return before[-1] + 1
    return 1
