"""A study in memory, cut into groups of subjects: in the order in which DM, then the other datasets name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.bulk_fhir import shared as bulk_fhir_shared
from trialbridge.converters.bulk_fhir.group import Group, bare
from trialbridge.converters.bulk_fhir.shared import Together

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from trialbridge.converters.bulk_fhir.group import Setting
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Study

NOBODY = -1
"""The number of the group that has the rows without a subject."""
_DEMOGRAPHICS = frozenset({"DM", "SUPPDM"})


@dataclass(frozen=True, slots=True)
class _Rows:
    """The row numbers (from 0) of a dataset, group by group; where each group's begin, and how many they are."""

    numbers: pl.Series
    places: dict[int, tuple[int, int]]

    def of(self, group: int) -> list[int]:
        start, length = self.places.get(group, (0, 0))
        found: list[int] = self.numbers.slice(start, length).to_list()
        return found


@dataclass(frozen=True, slots=True)
class Cut:
    """A study in groups."""

    study: Study
    subjects: list[str]
    at_once: int
    rows: dict[str, _Rows]

    @property
    def count(self) -> int:
        """How many groups."""
        return -(-len(self.subjects) // self.at_once)

    def groups(self, only: Container[str] | None = None) -> Iterator[Group]:
        """The groups in order; of the datasets `only` if given."""
        return (self.group(number, only) for number in range(self.count))

    def group(self, number: int, only: Container[str] | None = None) -> Group:
        """One group, or the rows of nobody."""
        subjects = self.subjects[number * self.at_once : (number + 1) * self.at_once] if number >= 0 else []
        tables, numbers = {}, {}
        for one in self.study:
            rows = self.rows[one.name].of(number) if only is None or one.name in only else []
            if rows:
                tables[one.name] = replace(one, frame=one.frame[rows])
                numbers[one.name] = [row + 1 for row in rows]
        return Group(number, tuple(subjects), replace(self.study, tables=tables, residue=()), numbers)


def cut(study: Study, at_once: int) -> Cut:
    """Cut a study into groups of so many subjects."""
    tables = sorted((one for one in study if "USUBJID" in one.frame.columns), key=lambda one: one.name != "DM")
    places: dict[str, int] = {}
    for one in tables:
        for name in one.frame["USUBJID"].drop_nulls().unique(maintain_order=True):
            places.setdefault(name, len(places))
    found = Cut(replace(study, tables={one.name: bare(one) for one in study}), list(places), at_once, {})
    for one in study:
        if "USUBJID" in one.frame.columns:
            place = one.frame["USUBJID"].replace_strict(places, default=None, return_dtype=pl.Int64)
            number = (place // at_once).fill_null(NOBODY)
        else:
            number = pl.Series([NOBODY], dtype=pl.Int64).new_from_index(0, one.frame.height)
        found.rows[one.name] = _rows(number)
    return found


def _rows(number: pl.Series) -> _Rows:
    frame = pl.DataFrame({"group": number, "row": pl.int_range(len(number), dtype=pl.UInt32, eager=True)})
    frame = frame.sort("group", maintain_order=True)
    places, start = {}, 0
    for group, length in frame.group_by("group", maintain_order=True).len().iter_rows():
        places[group] = (start, length)
        start += length
    return _Rows(frame["row"], places)


@dataclass(frozen=True, slots=True)
class Plan:
    """A study in groups, with what all groups share."""

    cut: Cut
    setting: Setting
    together: Together

    def end(self) -> list[Resource]:
        """What is shared, when every group has been taken in."""
        study = self.cut.study
        heights = {one.name: one.frame.height for one in study}
        return self.together.end(self.cut.group(NOBODY), study, heights)


def plan(study: Study, base: str, release: Release, dictionary: Dictionary, at_once: int) -> Plan:
    """Make what subjects share. Raises DoesNotFitError for numbers that are none."""
    whole.refuse_odd_numbers(study)
    result = whole.ToFhir([])
    wrong = whole.wrong_columns(study, dictionary, result.findings)
    found = cut(study, at_once)
    setting = bulk_fhir_shared.begin(
        found.groups(_DEMOGRAPHICS),
        found.group(NOBODY, {"TV"}).study,
        oncology=any(name in study for name in ("TU", "TR", "RS")),
        base=base,
        release=release,
        wrong=wrong,
        dictionary=dictionary,
    )
    return Plan(found, setting, Together(setting, dictionary, result))
