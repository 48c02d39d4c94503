"""Study days, epochs, age and what follows treatment, of rows made of a centre's own forms.

Sources: SDTMIG 3.4, 4.4.4 (--DY), 5.2 (AGE), 5.3 (SE). Partial dates give what they surely give, else nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import date as calendar_date
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.crf.reading.doubt import Doubt, Kind
from trialbridge.sdtm import metadata
from trialbridge.sdtm.date_order import compare
from trialbridge.sdtm.dates import study_day

if TYPE_CHECKING:
    from trialbridge.converters.forms.lines import FormLine
    from trialbridge.converters.forms.questions import Questions
    from trialbridge.converters.forms.rows import Made, Rows
    from trialbridge.study_file.model import StudyFile

DAYS = (("DY", "DTC"), ("STDY", "STDTC"), ("ENDY", "ENDTC"))
GIVEN_EPOCH = frozenset({"SE", "TA", "TV", "DM"})


def value_of(made: Made, line: FormLine, at: int, default: str) -> Any:
    """The value of the line's nth variable, or of the usual one."""
    name = line.line.of[at] if len(line.line.of) > at else made.domain.domain[:2] + default
    return made.row.get(name)


class Facts:
    """What the study knows of each subject: the reference start, the elements, the visits' epochs."""

    def __init__(self, rows: Rows, study: StudyFile, questions: Questions) -> None:
        self.start: dict[Any, str] = {}
        self.birth: dict[Any, str] = {}
        for one in rows.by_domain.get("DM", []):
            for variable, into in (("RFSTDTC", self.start), ("BRTHDTC", self.birth)):
                if isinstance(one.row.get(variable), str):
                    into[one.row.get("USUBJID")] = one.row[variable]
        self.elements: dict[Any, list[tuple[str, str]]] = defaultdict(list)
        for one in rows.by_domain.get("SE", []):
            begun, epoch = one.row.get("SESTDTC"), one.row.get("EPOCH")
            if isinstance(begun, str) and isinstance(epoch, str):
                self.elements[one.row.get("USUBJID")].append((begun, epoch))
        for its in self.elements.values():
            its.sort()
        self.planned = {one.number: one for one in study.visits.planned}
        self.visited = {
            (one.row.get("USUBJID"), one.row.get("VISITNUM")): one.row["SVSTDTC"]
            for one in rows.by_domain.get("SV", [])
            if isinstance(one.row.get("SVSTDTC"), str)
        }
        self.questions = questions

    def study_day(self, made: Made, line: FormLine) -> float | None:
        """A --DY variable by the date it belongs to, or that of `of`."""
        suffix = next((date for day, date in reversed(DAYS) if line.variable.endswith(day)), "DTC")
        date = value_of(made, line, 0, suffix)
        day = study_day(date if isinstance(date, str) else None, self.start.get(made.row.get("USUBJID")))
        return None if day is None else float(day)

    def epoch(self, made: Made, line: FormLine | None = None) -> str | None:
        """The epoch of a row's start date; of a row without a date, its visit's."""
        prefix = made.domain.domain[:2]
        names = line.line.of if line is not None and line.line.of else (f"{prefix}STDTC", f"{prefix}DTC")
        date = next((made.row[one] for one in names if isinstance(made.row.get(one), str)), None)
        if date is None:
            return self._of_visit(made.row.get("USUBJID"), made.row.get("VISITNUM"))
        return self._within(made.row.get("USUBJID"), date)

    def _of_visit(self, subject: Any, number: Any) -> str | None:
        """The epoch of a visit: as the study file says, else that of its day (SV), else that of its planned day."""
        visit = self.planned.get(number)
        if visit is not None and visit.epoch is not None:
            return visit.epoch
        day = self.visited.get((subject, number))
        start = self.start.get(subject)
        if day is None and visit is not None and visit.day is not None and start is not None and len(start) >= 10:
            planned = calendar_date.fromisoformat(start[:10]) + timedelta(days=visit.day - (visit.day > 0))
            day = planned.isoformat()
        return None if day is None else self._within(subject, day)

    def _within(self, subject: Any, date: str) -> str | None:
        """The epoch of the element that a date surely lies in."""
        elements = self.elements.get(subject, [])
        begun = [start for start, _ in elements]
        whole = date[:10]
        if len(whole) == 10 and all(len(one) == 10 for one in begun):
            at = bisect_right(begun, whole)
            return elements[at - 1][1] if at else None
        place = 0
        for start, _ in elements:
            order = compare(whole, start)
            if order is None:
                return None
            place += order >= 0
        return elements[place - 1][1] if place else None

    def emergent(self, made: Made, line: FormLine) -> str | None:
        """Y where the event surely began on or after the reference start, N where surely before; else asked."""
        date = value_of(made, line, 0, "STDTC")
        start = self.start.get(made.row.get("USUBJID"))
        if not isinstance(date, str) or start is None:
            return None
        order = compare(date[:10], start[:10])
        if order is not None:
            return "Y" if order >= 0 else "N"
        view = made.view
        columns = [one for _, names in made.origins.get(f"{made.domain.domain[:2]}STDTC", []) for one in names]
        if view is not None and columns:
            message = "the date does not tell whether the event began before treatment"
            view.ask(columns[0], view.get(columns[0]) or "", Doubt(Kind.ORDER, message, ""), line.variable)
        return None

    def age(self, made: Made, _line: FormLine) -> float | None:
        """Whole years from birth to the reference start; None where the parts known do not tell (SDTMIG 5.2, AGE)."""
        subject = made.row.get("USUBJID")
        birth, start = self.birth.get(subject), self.start.get(subject)
        if birth is None or start is None or len(birth) < 10 or len(start) < 10:
            return None
        return float(int(start[:4]) - int(birth[:4]) - (start[5:10] < birth[5:10]))


def timed(domain: str, made: list[Made], facts: Facts, version: str) -> None:
    """Study days and EPOCH where the guide's dataset has them."""
    try:
        known = metadata.domain(domain, version)
    except UnknownNameError:
        return
    prefix = domain[:2]
    for one in made:
        start = facts.start.get(one.row.get("USUBJID"))
        for day, date in DAYS:
            variable = f"{prefix}{day}"
            value = one.row.get(f"{prefix}{date}")
            if variable in known and one.row.get(variable) is None and isinstance(value, str):
                number = study_day(value, start)
                if number is not None:
                    one.row[variable] = float(number)
                    one.derived[variable] = f"from {prefix}{date} and RFSTDTC"
        if "EPOCH" in known and domain not in GIVEN_EPOCH and one.row.get("EPOCH") is None:
            epoch = facts.epoch(one)
            if epoch is not None:
                one.row["EPOCH"] = epoch
                one.derived["EPOCH"] = "from SE, or the visit"
