"""The subjects of a study by arm, as a registry's results count them.

Participant flow and baseline go by planned arm (ARM), adverse events by the arm in fact (ACTARM): a subject who got the
other dose is at risk for that dose. Who was never assigned (screen failures) is in no arm.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.oncology.groups import radiotherapy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trialbridge.registry.record import Record
    from trialbridge.sdtm.table import Study

Row = dict[str, Any]
_NO_ARM = frozenset(
    {"SCREEN FAILURE", "SCRNFAIL", "NOT ASSIGNED", "NOTASSGN", "NOT TREATED", "NOTTRT", "UNPLANNED TREATMENT", "UNPLAN"}
)


@dataclass(frozen=True, slots=True)
class Arms:
    """Title -> description, and title -> the rows of DM; the arms of the record first, in its order."""

    titles: Mapping[str, str]
    planned: Mapping[str, Sequence[Row]]
    actual: Mapping[str, Sequence[Row]]
    unassigned: int
    starts: Mapping[str, str]
    """USUBJID -> first treatment: of RFXSTDTC and the first radiotherapy on study the earlier, else RFSTDTC."""

    @property
    def started(self) -> int:
        """How many subjects have a planned arm."""
        return sum(map(len, self.planned.values()))


def rows(study: Study, name: str) -> list[Row]:
    """The rows of a dataset, nothing if there is none; blanks as empty text."""
    if name not in study:
        return []
    return [{key: "" if value is None else value for key, value in row.items()} for row in study[name].rows()]


def text(row: Mapping[str, Any], variable: str) -> str:
    """A cell as text, empty where the variable is not there."""
    value = row.get(variable, "")
    return value.strip() if isinstance(value, str) else str(value)


def arms(study: Study, record: Record, findings: list[Finding]) -> Arms:
    """The arms. Raises UnknownNameError without DM; an arm of the data that the record does not have is a finding."""
    subjects = rows(study, "DM")
    if not subjects:
        raise UnknownNameError("The study has no subjects: results need DM.", Where(dataset="DM"), "add DM")
    _say_doubles(subjects, findings)
    planned = _by(subjects, lambda row: _arm(row, "ARM"))
    fractions = _first_fractions(study)
    treated = [one for one in subjects if text(one, "USUBJID") in fractions or _treated(one)]
    actual = _by(treated, lambda row: _arm(row, "ACTARM" if "ACTARM" in row else "ARM"))
    described = {one.label.casefold(): one for one in record.arms}
    order = {label: number for number, label in enumerate(described)}
    found = sorted({*planned, *actual} - {""}, key=lambda name: (order.get(name.casefold(), len(order)), name))
    titles = {}
    for name in found:
        known = described.get(name.casefold())
        titles[name] = known.description if known else ""
        if known is None and described:
            message = f"The data's arm {name!r} is none of the record's: {', '.join(one.label for one in record.arms)}."
            findings.append(_finding("ARM-UNMATCHED", "ARM", message, "call it the same in both"))
    return Arms(
        titles,
        {name: planned.get(name, []) for name in found if name in planned},
        {name: actual.get(name, []) for name in found if name in actual},
        len(planned.get("", [])),
        {text(one, "USUBJID"): _start(one, fractions) for one in subjects},
    )


def _say_doubles(subjects: Sequence[Row], findings: list[Finding]) -> None:
    """An error for subjects with more than one record in DM, each of which is counted."""
    times = Counter(text(one, "USUBJID") for one in subjects)
    twice = sum(count > 1 for count in times.values())
    if twice:
        message = f"{twice} subjects have more than one record in DM; each record is counted as a participant."
        where = Where(dataset="DM", variable="USUBJID")
        findings.append(Finding("TB-REG-SUBJECT-TWICE", Severity.ERROR, where, message, "keep one record a subject"))


def _by(subjects: Sequence[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in subjects:
        found.setdefault(key(row), []).append(row)
    return found


def _arm(row: Row, variable: str) -> str:
    """The arm, empty for who has none: no name, a reason for none (ARMNRS), or an arm that is none."""
    name, code = text(row, variable), text(row, variable + "CD")
    none = name.upper() in _NO_ARM or code.upper() in _NO_ARM
    return "" if none or text(row, "ARMNRS") else name


def _first_fractions(study: Study) -> dict[str, str]:
    """USUBJID -> when radiotherapy on study began (PR); empty where it has no date."""
    found: dict[str, str] = {}
    for row in radiotherapy(study):
        dates = [one for one in (found.get(row["USUBJID"], ""), row["PRSTDTC"]) if one]
        found[row["USUBJID"]] = min(dates, default="")
    return found


def _start(row: Row, fractions: Mapping[str, str]) -> str:
    dates = [one for one in (text(row, "RFXSTDTC"), fractions.get(text(row, "USUBJID"), "")) if one]
    return min(dates, default="") or text(row, "RFSTDTC")


def _treated(row: Row) -> bool:
    """Whether DM says that a subject was treated: a first exposure where it has that, else a reference start, else all."""
    for variable in ("RFXSTDTC", "RFSTDTC"):
        if variable in row:
            return bool(text(row, variable))
    return True


def _finding(name: str, variable: str, message: str, fix: str) -> Finding:
    return Finding(f"TB-REG-{name}", Severity.WARNING, Where(dataset="DM", variable=variable), message, fix)
