"""De-identified SDTM tables: each variable by the first rule that fits its name.

Rows of a subject take that subject's pseudonym and date shift; datasets of the trial itself stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.deidentify import Action, Person, Tally, scrubbed
from trialbridge.sdtm.deidentify_ages import OF_BIRTH, ages_in, goes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trialbridge.base.deidentify_ages import AgeRules
    from trialbridge.sdtm.table import Study, Table

SUBJECT_IDS = frozenset({"USUBJID", "SUBJID", "RSUBJID", "APID"})


@dataclass(frozen=True, slots=True)
class SdtmRules:
    """Which action each variable takes, by pattern; the datasets that are the trial's own; what an age is known by."""

    variables: Mapping[str, Action]
    study_datasets: frozenset[str]
    ages: AgeRules

    def action(self, domain: str, variable: str) -> Action:
        """The action of a variable; what no pattern fits is dropped."""
        for pattern, action in self.variables.items():
            if fnmatchcase(variable, pattern.replace("--", domain) if pattern.startswith("--") else pattern):
                return action
        return Action.DROP


def deidentified_study(
    study: Study,
    rules: SdtmRules,
    people: Mapping[str, Person],
    pseudonym: Callable[[str, str], str],
    too_old: Iterable[str],
    tally: Tally,
) -> Study:
    """The study without what tells who its subjects are; its residue is dropped whole.

    `people` has every USUBJID of the study; `pseudonym(kind, value)` gives other pseudonyms; the subjects `too_old`
    lose age and birth date, wherever a table tells them.
    """
    old = frozenset(too_old)
    tables = {
        name: table if name in rules.study_datasets else _table(table, rules, people, pseudonym, old, tally)
        for name, table in study.tables.items()
    }
    if study.residue:
        tally.add("residue.ndjson", Action.DROP, len(study.residue))
    return replace(study, tables=tables, residue=(), source="")


def _table(
    table: Table,
    rules: SdtmRules,
    people: Mapping[str, Person],
    pseudonym: Callable[[str, str], str],
    old: frozenset[str],
    tally: Tally,
) -> Table:
    table = _without_ages(table, rules.ages, old, tally)
    frame = table.frame
    if "USUBJID" in frame.columns:
        subjects: list[str | None] = frame["USUBJID"].to_list()
    else:
        subjects = [None] * frame.height
    columns = {}
    for variable in table.variables:
        given = frame[variable.name]
        if variable.name in OF_BIRTH and old:
            given = columns[variable.name] = _without(given, subjects, old, table.name, tally)
        if variable.type == "Num":
            continue
        action = rules.action(table.domain, variable.name)
        place = f"{table.name}.{variable.name}"
        values = [
            None if value is None else cell(variable.name, value, subject, action, people, pseudonym)
            for value, subject in zip(given.to_list(), subjects, strict=True)
        ]
        changed = sum(1 for new, value in zip(values, given.to_list(), strict=True) if new != value)
        if changed:
            tally.add(place, action, changed)
        columns[variable.name] = pl.Series(variable.name, values, pl.String)
    return replace(table, frame=frame.with_columns(**columns), extra={})


def _without_ages(table: Table, ages: AgeRules, old: frozenset[str], tally: Tally) -> Table:
    """The table without the ages that must go: cells become empty, a qualifier's row goes whole."""
    rows: set[int] = set()
    cells: dict[str, set[int]] = {}
    for subject, number, said, above, names in ages_in(table, ages):
        row = table.frame.row(number, named=True)
        if not goes(said, above, [row[one] for one in names], subject in old):
            continue
        if names == ("QVAL",):
            rows.add(number)
        for name in names:
            if row[name] is not None:
                cells.setdefault(name, set()).add(number)
    for name, numbers in cells.items():
        tally.add(f"{table.name}.{name}", "age", len(numbers))
    if rows:
        return replace(table, frame=table.frame.filter(~_at(rows, table.frame.height)))
    blank = [pl.when(_at(at, table.frame.height)).then(None).otherwise(pl.col(one)) for one, at in cells.items()]
    return replace(
        table, frame=table.frame.with_columns(*(one.alias(name) for one, name in zip(blank, cells, strict=True)))
    )


def _at(numbers: set[int], height: int) -> pl.Series:
    """True at those rows."""
    return pl.Series([one in numbers for one in range(height)], dtype=pl.Boolean)


def _without(
    column: pl.Series, subjects: list[str | None], old: frozenset[str], dataset: str, tally: Tally
) -> pl.Series:
    """The column without the values of those subjects."""
    gone = pl.Series([one in old for one in subjects], dtype=pl.Boolean)
    tally.add(f"{dataset}.{column.name}", "age", int((gone & column.is_not_null()).sum()))
    return (
        column.to_frame().select(pl.when(gone).then(None).otherwise(pl.col(column.name)).alias(column.name)).to_series()
    )


def cell(
    variable: str,
    value: str,
    subject: str | None,
    action: Action,
    people: Mapping[str, Person],
    pseudonym: Callable[[str, str], str],
) -> str | None:
    """What stands for one text of a subject's row; in a row of no subject dates are dropped, for nothing says how far."""
    if action is Action.KEEP:
        return value
    if action is Action.DROP:
        return None
    if variable in SUBJECT_IDS:
        return subject_id(variable, value, subject, people)
    if action is Action.PSEUDONYM:
        return pseudonym(variable[2:] if variable[2:] in {"SPID", "REFID"} else variable, value)
    person = people.get(subject) if subject else None
    if action is Action.SHIFT:
        return person.moved(value) if person else None
    return scrubbed(value, person)


def subject_id(variable: str, value: str, subject: str | None, people: Mapping[str, Person]) -> str | None:
    """What stands for USUBJID (or another subject's), and for SUBJID: the pseudonym's last part."""
    if variable == "SUBJID":
        person = people.get(subject) if subject else None
        return person.pseudonym.rpartition("-")[2] if person else None
    person = people.get(value)
    return person.pseudonym if person else None
