"""Lesion groups: irradiated, not irradiated, all; and the remission rate of each.

A lesion is irradiated on study when a radiotherapy row of PR bears its link id (PRLNKID = TULNKID), when RELREC
joins the two records, or when SUPPTU says so (QNAM TUIRRST = Y). New lesions are not irradiated: a remission of the
non-irradiated lesions (the abscopal view) must not hide one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.recist_input import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trialbridge.oncology.recist import Assessment
    from trialbridge.sdtm.table import Study

ALL, IRRADIATED, NON_IRRADIATED = "ALL", "IRRADIATED", "NON-IRRADIATED"
GROUPS = (IRRADIATED, NON_IRRADIATED, ALL)
_REMISSION = frozenset(("CR", "PR", "iCR", "iPR"))
_RADIOTHERAPY = ("RADIATION", "RADIOTHERAPY", "BRACHYTHERAPY", "RADIOSURGERY", "SBRT")
_PR = ("USUBJID", "PRLNKID", "PRCAT", "PRSCAT", "PRTRT", "PRDECOD", "PROCCUR", "PRSTDTC", "PRENDTC")


def irradiated_lesions(study: Study) -> dict[str, frozenset[str]]:
    """Link ids of the lesions irradiated on study, by subject, from PR, RELREC and SUPPTU."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in radiotherapy(study):
        if row["PRLNKID"]:
            found[row["USUBJID"]].add(row["PRLNKID"])
    by_seq = _lesions_by_seq(study)
    for subject, lnkid in _related(study, by_seq):
        found[subject].add(lnkid)
    for row in records(study, "SUPPTU", ("USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QVAL")):
        if row["QNAM"] == "TUIRRST" and row["QVAL"] == "Y":
            value = row["IDVARVAL"]
            lnkid = value if row["IDVAR"] == "TULNKID" else by_seq.get((row["USUBJID"], _number(value)), "")
            if lnkid:
                found[row["USUBJID"]].add(lnkid)
    return {subject: frozenset(lesions) for subject, lesions in found.items()}


def end_of_radiotherapy(study: Study) -> dict[str, str]:
    """The last day of radiotherapy by subject: the latest PRENDTC, else PRSTDTC, of its radiotherapy rows."""
    ends: dict[str, str] = {}
    for row in radiotherapy(study):
        dtc = row["PRENDTC"] or row["PRSTDTC"]
        if dtc > ends.get(row["USUBJID"], ""):
            ends[row["USUBJID"]] = dtc
    return ends


def radiotherapy(study: Study) -> Iterable[dict[str, str]]:
    """The radiotherapy rows of PR that took place on study."""
    for row in records(study, "PR", _PR):
        words = " ".join((row["PRCAT"], row["PRSCAT"], row["PRTRT"], row["PRDECOD"])).upper()
        prior = "PRIOR" in row["PRCAT"].upper() or "PRIOR" in row["PRSCAT"].upper()
        if row["PROCCUR"] != "N" and not prior and any(word in words for word in _RADIOTHERAPY):
            yield row


def _lesions_by_seq(study: Study) -> dict[tuple[str, str], str]:
    """TULNKID by subject and TUSEQ."""
    if "TU" not in study or not {"TUSEQ", "TULNKID"} <= set(study["TU"].frame.columns):
        return {}
    rows = study["TU"].frame.select("USUBJID", "TUSEQ", "TULNKID").drop_nulls().iter_rows()
    return {(subject, _number(str(seq))): lnkid for subject, seq, lnkid in rows}


def _number(text: str) -> str:
    """A sequence number as RELREC and SUPP-- write it: 3.0 -> 3."""
    return text.strip().removesuffix(".0")


def _related(study: Study, by_seq: Mapping[tuple[str, str], str]) -> Iterable[tuple[str, str]]:
    """Subject and lesion of every record-level RELREC relation between a radiotherapy row of PR and TU."""
    wanted = ("USUBJID", "RDOMAIN", "IDVAR", "IDVARVAL", "RELID")
    relations: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in records(study, "RELREC", wanted):
        if row["USUBJID"] and row["IDVARVAL"]:
            relations[(row["USUBJID"], row["RELID"])].append(row)
    if not relations:
        return
    irradiations = _radiotherapy_ids(study)
    for (subject, _), members in relations.items():
        if not any(one["RDOMAIN"] == "PR" and (subject, one["IDVAR"], _id(one)) in irradiations for one in members):
            continue
        for one in members:
            if one["RDOMAIN"] == "TU":
                lnkid = one["IDVARVAL"] if one["IDVAR"] == "TULNKID" else by_seq.get((subject, _id(one)), "")
                if lnkid:
                    yield subject, lnkid


def _id(member: Mapping[str, str]) -> str:
    return _number(member["IDVARVAL"]) if member["IDVAR"].endswith("SEQ") else member["IDVARVAL"]


def _radiotherapy_ids(study: Study) -> set[tuple[str, str, str]]:
    """How RELREC may name a radiotherapy row: by PRSEQ, PRLNKID, PRGRPID, PRREFID or PRSPID."""
    frame = study["PR"].frame if "PR" in study else None
    if frame is None:
        return set()
    ids = [one for one in ("PRSEQ", "PRLNKID", "PRGRPID", "PRREFID", "PRSPID") if one in frame.columns]
    found: set[tuple[str, str, str]] = set()
    kept = {_key(row) for row in radiotherapy(study)}
    rows = zip(records(study, "PR", _PR), frame.select(ids).iter_rows(named=True), strict=True)
    for row, names in rows:
        if _key(row) in kept:
            found.update(
                (row["USUBJID"], one, _number(str(value))) for one, value in names.items() if value is not None
            )
    return found


def _key(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[one] for one in _PR)


@dataclass(frozen=True, slots=True)
class RemissionRate:
    """Subjects in remission (CR or PR) among those with lesions of a group, as one evaluator read them.

    `n` subjects, `assessed` of them within the window, `remissions`; `rate`, `low`, `high` as fractions of 1, the
    interval exact (Clopper and Pearson 1934) at `level`. Subjects not assessed count as not in remission.
    """

    eval: str
    evalid: str
    group: str
    n: int
    assessed: int
    remissions: int
    rate: float
    low: float
    high: float
    level: float
    text: str


def remission_rates(
    assessment: Assessment,
    ends: Mapping[str, str],
    *,
    day: int = 91,
    window: int = 28,
    level: float = 0.95,
) -> list[RemissionRate]:
    """The remission rate of every evaluator and lesion group at `day` days after the end of radiotherapy.

    `ends`: subject -> end of radiotherapy (`end_of_radiotherapy`); subjects without one are left out. Of the visits
    within `window` days of that day the nearest counts, of two equally near the earlier. Dates must name their day.
    """
    cells: dict[tuple[str, str, str], dict[str, tuple[tuple[int, int], str] | None]] = defaultdict(dict)
    for usubjid, evaluator, evalid, group in assessment.at_risk:
        if usubjid in ends:
            cells[(evaluator, evalid, group)][usubjid] = None
    for one in assessment.responses:
        cell = cells.get((one.eval, one.evalid, one.group), {})
        if one.testcd != "OVRLRESP" or one.usubjid not in cell:
            continue
        days = _exact_days(ends[one.usubjid], one.date)
        if days is None or abs(days - day) > window:
            continue
        place = (abs(days - day), days)
        before = cell[one.usubjid]
        if before is None or place < before[0]:
            cell[one.usubjid] = (place, one.response)
    return [_rate(key, cells[key], day, window, level) for key in sorted(cells)]


def _rate(
    key: tuple[str, str, str],
    cell: Mapping[str, tuple[tuple[int, int], str] | None],
    day: int,
    window: int,
    level: float,
) -> RemissionRate:
    chosen = [one[1] for one in cell.values() if one is not None]
    n, remissions = len(cell), sum(response in _REMISSION for response in chosen)
    low, high = clopper_pearson(remissions, n, level)
    text = (
        f"{key[2]}: {remissions} of {n} in remission {day} days (+/- {window}) after radiotherapy, "
        f"{len(chosen)} assessed; {remissions / n:.1%}, {level:.0%} CI {low:.1%} to {high:.1%} (Clopper-Pearson)"
    )
    return RemissionRate(*key, n, len(chosen), remissions, remissions / n, low, high, level, text)


def _exact_days(first: str, later: str) -> int | None:
    a, b = bounds(first), bounds(later)
    if a is None or b is None or a[0] != a[1] or b[0] != b[1]:
        return None
    return (b[0] - a[0]).days


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact binomial interval: the p at which `hits` or more, or `hits` or fewer, of `n` have probability (1 - level) / 2.

    Clopper and Pearson, Biometrika 1934;26:404-413. Found by halving, to double precision. Raises ValueError when
    hits are not between 0 and n.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no proportion.")
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else _halve(lambda p: 1 - _at_most(hits - 1, n, p) < tail)
    high = 1.0 if hits == n else _halve(lambda p: _at_most(hits, n, p) > tail)
    return low, high


def _halve(below: Callable[[float], bool]) -> float:
    """The point between 0 and 1 up to which `below` holds."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, n: int, p: float) -> float:
    """The binomial probability of at most `hits` of `n`, by logarithms so that large n do not overflow."""
    if p in (0.0, 1.0):
        return 1.0 if p == 0.0 or hits >= n else 0.0
    log_p, log_q = math.log(p), math.log1p(-p)
    whole = math.lgamma(n + 1)
    return math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q)
        for k in range(hits + 1)
    )
