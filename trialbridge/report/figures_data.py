"""What the pictures of response show, as plain numbers: courses of the sum, days from the start, the reader drawn.

Everything is taken from an `Assessment`; nothing is judged here again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology.groups import ALL, radiotherapy
from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.recist_input import records
from trialbridge.report.figures_style import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from trialbridge.oncology.recist import Assessment, Response
    from trialbridge.sdtm.table import Study

ReaderName = tuple[str, str]
"""Evaluator and evaluator id, as in RS."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Day 0 of each subject, and in words what it is. `dates` holds whole dates only."""

    words: str
    dates: Mapping[str, date]

    def days(self, usubjid: str, dtc: str) -> int | None:
        """Days from day 0 to a date; None where either is unknown or partial."""
        day, start = whole(dtc), self.dates.get(usubjid)
        return None if day is None or start is None else (day - start).days


@dataclass(frozen=True, slots=True)
class Point:
    """One visit: days from day 0 (None unknown), change of the sum from baseline in percent (None not evaluable)."""

    days: int | None
    change: float | None
    target: str
    overall: str
    new: bool


@dataclass(frozen=True, slots=True)
class Course:
    """One subject in one lesion group. `baseline_days` is the day of the baseline; points in order of visit.

    `best_change`: the lowest evaluable change up to progression, that visit included; None without any.
    """

    usubjid: str
    group: str
    best: str
    baseline_days: int | None
    points: tuple[Point, ...]
    best_change: float | None

    @property
    def new_lesions(self) -> bool:
        """Whether a new lesion was certain up to progression."""
        return any(one.new for one in until_progression(self.points))


def whole(dtc: str) -> date | None:
    """The day a date names; None when it names none."""
    both = bounds(dtc or "")
    return both[0] if both is not None and both[0] == both[1] else None


def reader_of(assessment: Assessment, evaluator: str | None = None) -> ReaderName:
    """The reader whose responses are drawn: the one named by RSEVAL or RSEVALID; without a name the investigator.

    Where there is no investigator, the first of those with most subjects. Raises UnknownNameError.
    """
    subjects = Counter((one[1], one[2]) for one in assessment.at_risk if one[3] == ALL)
    if not subjects:
        raise UnknownNameError("No subject has lesions at baseline.", fix="give TU and TR with the baseline visit")
    names = sorted(subjects, key=lambda one: (-subjects[one], one))
    if evaluator is not None:
        wanted = evaluator.upper()
        found = [one for one in names if wanted in (one[0].upper(), one[1].upper(), " ".join(one).strip().upper())]
        if len(found) == 1:
            return found[0]
        have = "; ".join(said(one) for one in sorted(names))
        raise UnknownNameError(f"{len(found) or 'No'} readers are {evaluator}.", fix=f"name one of: {have}")
    # SDTMIG 6.3: an empty --EVAL is the investigator's own
    own = [one for one in names if one[0].upper() in ("INVESTIGATOR", "")]
    return (own or names)[0]


def said(reader: ReaderName) -> str:
    """A reader in words: `Investigator`, `Independent assessor, radiologist 1`."""
    return ", ".join(filter(None, reader)).capitalize() or "Investigator"


def origin_of(study: Study, assessment: Assessment) -> Origin:
    """Day 0: the first fraction where PR has radiotherapy; else RFXSTDTC; else RFSTDTC; else the baseline scan."""
    fractions: dict[str, str] = {}
    for row in radiotherapy(study):
        dtc = row["PRSTDTC"]
        if dtc and dtc < fractions.get(row["USUBJID"], "9"):
            fractions[row["USUBJID"]] = dtc
    people = list(records(study, "DM", ("USUBJID", "RFXSTDTC", "RFSTDTC")))
    baseline = {one.usubjid: one.baseline_date for one in assessment.responses}
    choices = (
        ("start of radiotherapy", fractions),
        ("start of treatment", {row["USUBJID"]: row["RFXSTDTC"] for row in people}),
        ("reference start", {row["USUBJID"]: row["RFSTDTC"] for row in people}),
        ("baseline", baseline),
    )
    for words, dates in choices:
        known = {usubjid: day for usubjid, dtc in dates.items() if (day := whole(dtc)) is not None}
        if known:
            return Origin(words, known)
    return Origin("baseline", {})


def courses(assessment: Assessment, reader: ReaderName, origin: Origin, group: str = ALL) -> list[Course]:
    """The course of every subject the reader assessed after baseline, in order of USUBJID."""
    visits: dict[str, list[dict[str, Response]]] = defaultdict(list)
    visit: dict[str, Response] = {}
    for one in assessment.responses:
        if (one.eval, one.evalid) == reader and one.group == group:
            visit[one.testcd] = one
            if one.testcd == "OVRLRESP":  # the engine gives the rows of a visit together, this one last
                visits[one.usubjid].append(visit)
                visit = {}
    best = {
        one.usubjid: one.response for one in assessment.best if (one.eval, one.evalid, one.group) == (*reader, group)
    }
    made = []
    for usubjid, its in visits.items():
        points = tuple(_point(origin, tests) for tests in its)
        first = its[0]["OVRLRESP"]
        until = [one.change for one in until_progression(points) if one.change is not None]
        made.append(
            Course(
                usubjid,
                group,
                plain(best.get(usubjid, "NE")),
                origin.days(usubjid, first.baseline_date),
                points,
                min(until, default=None),
            )
        )
    return sorted(made, key=lambda one: one.usubjid)


def _point(origin: Origin, tests: Mapping[str, Response]) -> Point:
    overall = tests["OVRLRESP"]
    target = tests.get("TRGRESP")
    change = None
    if target is not None and target.sum is not None and target.baseline and plain(target.response) != "NE":
        change = float((target.sum - target.baseline) * 100 / target.baseline)
    new = tests.get("NEWLPROG")
    return Point(
        origin.days(overall.usubjid, overall.date),
        change,
        target.response if target else "",
        overall.response,
        new is not None and new.response == "UNEQUIVOCAL",
    )


def until_progression(points: Iterable[Point]) -> Iterable[Point]:
    """The visits up to progression, that visit included; an unconfirmed progression of iRECIST ends nothing."""
    for one in points:
        yield one
        if one.overall in ("PD", "iCPD"):
            return


def counted(words: Iterable[str]) -> dict[str, int]:
    """How many of each, in the order of the responses from best to worst."""
    found = Counter(words)
    order = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NED", "NE")
    return {one: found[one] for one in order if found[one]}
