"""Lesions as the evaluators read them, and what follows by RECIST 1.0 (TU, TR, RS).

An evaluator reads the true diameters (`disease.py`) with an error of his own: the investigator in whole millimetres,
the independent radiologist in tenths. Responses are computed from the readings (`response.py`), never drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from re_induction import response
from re_induction.cohort import between
from re_induction.design import SCREENING
from re_induction.disease import MEASURABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from random import Random

    from re_induction.cohort import Subject
    from re_induction.design import Row
    from re_induction.disease import Lesion

TOO_SMALL, GONE = 5.0, 2.0  # mm: below these a lesion is seen but not measured, and not seen
BY_CONVENTION = 50  # tenths of a mm: what a lesion too small to measure counts as
NOT_READ = (
    "OBSCURED BY ATELECTASIS",
    "OBSCURED BY RADIATION PNEUMONITIS",
    "SCAN OF INSUFFICIENT QUALITY",
    "OUTSIDE THE FIELD OF VIEW",
)

DIAMETER, SUM, STATE = (
    ("LDIAM", "Longest Diameter"),
    ("SUMLDIAM", "Sum of Longest Diameter"),
    ("TUMSTATE", "Tumor State"),
)
TARGET, NON_TARGET = ("TRGRESP", "Target Response"), ("NTRGRESP", "Non-target Response")
NEW, OVERALL = ("NEWLPROG", "New Lesion Progression"), ("OVRLRESP", "Overall Response")
GROUP = ("RDIORESP", "Radiologic Response")  # of the irradiated lesion, or of all others: RSSCAT says which

# Where, on demand, the investigator's overall response differs from what the measurements give by RECIST 1.0:
# (subject number, VISITNUM) -> the response stated. Real forms hold such, and a check has to find them.
DISCORDANT = {(7, 6): "PR", (30, 3): "PR", (13, 6): "SD"}


@dataclass(slots=True)
class Read:
    """A lesion as one evaluator follows it: --LNKID, class, and for targets the course of its diameter (0.1 mm)."""

    lesion: Lesion
    link: str
    group: str
    baseline: int = 0
    nadir: int = 0
    length: int | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Occasion:
    """A visit's scans: VISITNUM and the day they were made, None where they were not."""

    visit: int
    day: date | None

    @property
    def text(self) -> str | None:
        """The day as --DTC."""
        return None if self.day is None else self.day.isoformat()


@dataclass(slots=True)
class Evaluator:
    """Who reads: TREVAL, TREVALID, the prefix of his links, and his running sums (all, non-irradiated)."""

    role: str
    identity: str | None
    prefix: str
    reads: list[Read]
    sums: dict[str, list[int]] = field(default_factory=dict)  # name -> [baseline, nadir]

    def of(self, group: str) -> list[Read]:
        """The lesions he holds in that class."""
        return [read for read in self.reads if read.group == group]


def evaluators(subject: Subject, lesions: Sequence[Lesion]) -> list[Evaluator]:
    """The investigator and, for most subjects, the radiologist, who may hold a target to be a non-target lesion."""
    found = [Evaluator("INVESTIGATOR", None, "INV", _classed(lesions, "INV", set()))]
    if subject.independent:
        others = [index for index, one in enumerate(lesions) if one.target and not one.irradiated]
        demoted = {others[-1]} if len(others) > 1 and subject.rng.random() < 0.15 else set()
        found.append(Evaluator("INDEPENDENT ASSESSOR", "RADIOLOGIST 1", "R1", _classed(lesions, "R1", demoted)))
    return found


def _classed(lesions: Sequence[Lesion], prefix: str, demoted: set[int]) -> list[Read]:
    counts = {"TARGET": 0, "NON-TARGET": 0}
    short = {"TARGET": "T", "NON-TARGET": "NT"}
    found = []
    for index, one in enumerate(lesions):
        if one.appears == SCREENING:
            group = "TARGET" if one.target and index not in demoted else "NON-TARGET"
            counts[group] += 1
            found.append(Read(one, f"{prefix}-{short[group]}{counts[group]:02d}", group))
    return found


def identify(subject: Subject, evaluator: Evaluator, reads: Sequence[Read], at: Occasion) -> None:
    """Append the TU rows of lesions first seen at this visit, and whether each is the irradiated one (SUPPTU)."""
    for read in reads:
        organ = read.lesion.organ
        number = len(subject.rows.get("TU", ())) + 1
        row = subject.add(
            "TU",
            TUSEQ=number,
            TULNKID=read.link,
            TUTESTCD="TUMIDENT",
            TUTEST="Tumor Identification",
            TUORRES=read.group,
            TUSTRESC=read.group,
        )
        row |= {"TULOC": organ.location, "TULAT": organ.laterality, "TUDIR": organ.direction, "TUMETHOD": organ.method}
        row |= {"TUEVAL": evaluator.role, "TUEVALID": evaluator.identity, "VISITNUM": at.visit, "TUDTC": at.text}
        row["TULOBXFL"] = "Y" if at.visit == SCREENING else None
        subject.supplement("TU", number, ("TUIRRST", "Irradiated on Study"), "Y" if read.lesion.irradiated else "N")


def baseline(subject: Subject, evaluator: Evaluator) -> None:
    """Append the baseline measurements (TR) and remember them."""
    at = Occasion(SCREENING, subject.scanned)
    for read in evaluator.reads:
        if read.group == "TARGET":
            read.length = max(_length(subject.rng, evaluator, read.lesion.diameter), 10 * MEASURABLE)
            read.baseline = read.nadir = read.length
        else:
            read.state = "PRESENT"
        _measured(subject, evaluator, read, at)
    everything = evaluator.of("TARGET")
    for name, reads in (("ALL", everything), ("OTHERS", [read for read in everything if not read.lesion.irradiated])):
        total = sum(read.baseline for read in reads)
        evaluator.sums[name] = [total, total]
    _sum(subject, evaluator, at, evaluator.sums["ALL"][0])


def _length(rng: Random, evaluator: Evaluator, true: float) -> int:
    """The diameter as read, in tenths of a millimetre; 0 where the lesion is gone, -1 where too small to measure."""
    if true < GONE:
        return 0
    if true < TOO_SMALL:
        return -1
    read = max(true * rng.gauss(1, 0.035), TOO_SMALL)
    return round(read) * 10 if evaluator.identity is None else round(read * 10)


def assess(subject: Subject, evaluator: Evaluator, lesions: Sequence[Lesion], at: Occasion) -> str:
    """Append one visit's TR and RS rows of one evaluator. Gives the overall response."""
    if at.day is None:
        for read in evaluator.reads:
            read.length = read.state = None
            _measured(subject, evaluator, read, at, "SCAN NOT PERFORMED")
        _sum(subject, evaluator, at, None)
        row = _response(subject, evaluator, at, OVERALL, None)
        row |= {"RSSTAT": "NOT DONE", "RSREASND": "SCAN NOT PERFORMED"}
        return "NE"
    weeks = (at.day - subject.start).days / 7
    for read in evaluator.reads:
        _read(subject, evaluator, read, at, weeks)
    appeared = _new(subject, evaluator, lesions, at)
    _sum(subject, evaluator, at, _total(evaluator.of("TARGET")))
    return _respond(subject, evaluator, at, new=appeared)


def _read(subject: Subject, evaluator: Evaluator, read: Read, at: Occasion, weeks: float) -> None:
    rng = subject.rng
    read.length = read.state = None
    if rng.random() < 0.015:
        _measured(subject, evaluator, read, at, NOT_READ[between(rng, 0, len(NOT_READ) - 1)])
        return
    if read.group == "TARGET":
        read.length = _length(rng, evaluator, read.lesion.at(weeks))
    else:
        read.state = read.lesion.states[at.visit]
        if read.state == "UNEQUIVOCAL" and evaluator.identity and rng.random() < 0.2:
            read.state = "PRESENT"
    _measured(subject, evaluator, read, at)


def _new(subject: Subject, evaluator: Evaluator, lesions: Sequence[Lesion], at: Occasion) -> bool:
    """Append TU and TR rows of lesions that are new at this visit; the radiologist misses one in seven."""
    seen: list[Read] = []
    known = len([read for read in evaluator.reads if read.group == "NEW"])
    for one in lesions:
        if SCREENING < one.appears <= at.visit and all(read.lesion is not one for read in evaluator.reads):
            if evaluator.identity and subject.rng.random() < 0.14:
                continue
            seen.append(Read(one, f"{evaluator.prefix}-NEW{known + len(seen) + 1:02d}", "NEW", state="UNEQUIVOCAL"))
    evaluator.reads.extend(seen)
    identify(subject, evaluator, seen, at)
    for read in seen:
        _measured(subject, evaluator, read, at)
        read.lesion.states[at.visit] = "PRESENT"
    return bool(seen)


def _measured(subject: Subject, evaluator: Evaluator, read: Read, at: Occasion, missing: str | None = None) -> None:
    """Append the TR row of one lesion at one visit."""
    row = _result(subject, evaluator, at, DIAMETER if read.group == "TARGET" else STATE, read.group)
    row |= {"TRLNKID": read.link, "TRMETHOD": None if at.day is None else read.lesion.organ.method}
    if missing:
        row |= {"TRSTAT": "NOT DONE", "TRREASND": missing}
    elif read.group != "TARGET":
        row |= {"TRORRES": read.state, "TRSTRESC": read.state}
    elif read.length == -1:
        read.length = BY_CONVENTION
        row |= {"TRORRES": "TOO SMALL TO MEASURE", "TRSTRESC": "5", "TRSTRESN": 5.0, "TRSTRESU": "mm"}
    elif read.length is not None:
        _lengths(row, read.length)


def _lengths(row: Row, tenths: int) -> None:
    text = f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths / 10:.1f}"
    row |= {"TRORRES": text, "TRORRESU": "mm", "TRSTRESC": text, "TRSTRESN": tenths / 10, "TRSTRESU": "mm"}


def _sum(subject: Subject, evaluator: Evaluator, at: Occasion, total: int | None) -> None:
    """Append the sum of longest diameters as the form has it: TRLNKID stays empty."""
    row = _result(subject, evaluator, at, SUM, "TARGET")
    if total is None:
        row |= {"TRSTAT": "NOT DONE", "TRREASND": "NOT ALL TARGET LESIONS MEASURED"}
    else:
        _lengths(row, total)


def _result(subject: Subject, evaluator: Evaluator, at: Occasion, test: tuple[str, str], group: str) -> Row:
    row = subject.add("TR", TRGRPID=group, TRLNKGRP=f"{evaluator.prefix}-A{at.visit}", TRTESTCD=test[0], TRTEST=test[1])
    row |= {"TREVAL": evaluator.role, "TREVALID": evaluator.identity, "VISITNUM": at.visit, "TRDTC": at.text}
    row["TRLOBXFL"] = "Y" if at.visit == SCREENING else None
    return row


def _total(reads: Sequence[Read]) -> int | None:
    """The sum of longest diameters, or None where one was not read."""
    return None if any(read.length is None for read in reads) else sum(read.length or 0 for read in reads)


def _targets(sums: list[int], reads: Sequence[Read]) -> str | None:
    """The response of these targets by their sum's baseline and nadir, which is kept up to date in `sums`."""
    if not reads:
        return None
    total = _total(reads)
    found = response.targets(
        total=total, measured=sum(read.length or 0 for read in reads), baseline=sums[0], nadir=sums[1]
    )
    if total is not None:
        sums[1] = min(sums[1], total)
    return found


def _non_targets(reads: Sequence[Read]) -> str | None:
    return response.non_targets([read.state for read in reads]) if reads else None


def _respond(subject: Subject, evaluator: Evaluator, at: Occasion, *, new: bool) -> str:
    """Append the responses of one visit: targets, non-targets, overall, irradiated lesion, all others."""
    target_reads, other_reads = evaluator.of("TARGET"), evaluator.of("NON-TARGET")
    target, non_target = _targets(evaluator.sums["ALL"], target_reads), _non_targets(other_reads)
    whole = response.overall(target, non_target, new=new)
    if target:
        _response(subject, evaluator, at, TARGET, target)
    if non_target:
        _response(subject, evaluator, at, NON_TARGET, non_target)
    if new:
        _response(subject, evaluator, at, NEW, "UNEQUIVOCAL")
    _response(subject, evaluator, at, OVERALL, whole)
    irradiated = next(read for read in evaluator.reads if read.lesion.irradiated)
    alone = (
        _targets([irradiated.baseline, irradiated.nadir], [irradiated])
        if irradiated.group == "TARGET"
        else _non_targets([irradiated])
    )
    if irradiated.length is not None:
        irradiated.nadir = min(irradiated.nadir, irradiated.length)
    row = _response(subject, evaluator, at, GROUP, alone or "NE", group="IRRADIATED LESION")
    row["RSLNKID"] = irradiated.link
    rest = _targets(evaluator.sums["OTHERS"], [read for read in target_reads if not read.lesion.irradiated])
    rest = response.overall(rest, _non_targets([read for read in other_reads if not read.lesion.irradiated]), new=new)
    _response(subject, evaluator, at, GROUP, rest, group="NON-IRRADIATED LESIONS")
    return whole


def disagree(subject: Subject) -> None:
    """Put the discordant responses into the investigator's overall responses of a subject."""
    for row in subject.rows.get("RS", []):
        stated = DISCORDANT.get((subject.number, int(float(row["VISITNUM"] or 0))))
        if stated and row["RSTESTCD"] == OVERALL[0] and row["RSEVAL"] == "INVESTIGATOR" and row["RSSTRESC"]:
            row["RSORRES"] = row["RSSTRESC"] = stated


def _response(
    subject: Subject,
    evaluator: Evaluator,
    at: Occasion,
    test: tuple[str, str],
    value: str | None,
    *,
    group: str | None = None,
) -> Row:
    """Append one RS row; the form writes IR/SD for what the codelist calls NON-CR/NON-PD."""
    row = subject.add(
        "RS",
        RSLNKGRP=f"{evaluator.prefix}-A{at.visit}",
        RSTESTCD=test[0],
        RSTEST=test[1],
        RSCAT="RECIST 1.0",
        RSSCAT=group,
    )
    row |= {"RSORRES": "IR/SD" if value == response.NON_CR_NON_PD else value, "RSSTRESC": value}
    row |= {"RSEVAL": evaluator.role, "RSEVALID": evaluator.identity, "VISITNUM": at.visit, "RSDTC": at.text}
    return row
