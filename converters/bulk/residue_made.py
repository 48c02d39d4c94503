"""What the records of a group made: the primary resource of each row, and its parts by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.context import key_text
from trialbridge.converters.pairs import names_of
from trialbridge.fhir.ids import resource_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from trialbridge.converters.bulk_fhir.group import Group, Setting
    from trialbridge.converters.by_element import Dataset
    from trialbridge.converters.by_element.part import Rows
    from trialbridge.converters.to_fhir import Written


class MadeRecords:
    """Filled by `take` (a `bulk_fhir.lines.Watch`). Rows are numbered from 0 in the group's part of their dataset."""

    def __init__(self, group: Group, setting: Setting) -> None:
        self._base = setting.base
        self._group = group
        self._parts: list[tuple[str, Rows]] = []
        self._written: dict[str, list[tuple[int, Written]]] = {}
        self._by_row: dict[str, dict[int, dict[str, str]]] = {}

    def take(self, datasets: list[Dataset], written: list[Written]) -> None:
        """Take what the rows of a group made."""
        self._parts = [(each.name, part) for each in datasets for part in each.parts]
        rows = {name: {number: at for at, number in enumerate(its)} for name, its in self._group.numbers.items()}
        self._written = {}
        for one in written:
            dataset = one.record.dataset
            self._written.setdefault(dataset, []).append((rows[dataset][one.record.number], one))

    def primaries(self) -> Iterator[tuple[str, NDArray[np.int64], list[str]]]:
        """Of each dataset, in pieces: rows, and what the resource is called that each of them made."""
        for dataset, its in self._written.items():
            rows = np.array([row for row, _ in its], dtype=np.int64)
            yield dataset, rows, [f"{one.primary['resourceType']}/{one.primary['id']}" for _, one in its]
        for dataset, part in self._parts:
            fit = np.flatnonzero(part.fit)
            names = self._names(part)
            yield dataset, part.rows[fit], [names[at] for at in fit.tolist()]

    def _names(self, part: Rows) -> list[str]:
        """What each row's resource is called."""
        kind = part.plan.mapping.resource
        if part.plan.borrowed:
            first, inverse = part.columns.distinct(part.plan.mapping.key)
            keys = part.columns.keys(part.plan.mapping.key, first)
            ids = [resource_id(self._base, kind, *map(key_text, key)) for key in keys]
            names = [f"{kind}/{one}" for one in ids]
            return [names[at] for at in inverse.tolist()]
        names = [f"{kind}/{one}" for one in part.ids]
        if part.resources is None:
            return names
        return [names[at] for at in part.resources[1].tolist()]

    def parts(self, dataset: str, row: int) -> dict[str, str]:
        """What a row made, by the names of its mapping: its primary resource and its parts."""
        if dataset not in self._by_row:
            self._by_row[dataset] = self._all_parts(dataset)
        return self._by_row[dataset].get(row, {})

    def _all_parts(self, dataset: str) -> dict[int, dict[str, str]]:
        found = {row: names_of(one.parts) for row, one in self._written.get(dataset, ())}
        for name, part in self._parts:
            if name != dataset:
                continue
            names, kind = self._names(part), part.plan.mapping.resource
            hung: list[tuple[list[int], list[dict[str, Any]]]] = [
                (codes, [names_of(one.parts) for one in entries]) for codes, entries in part.with_parts()
            ]
            for at in np.flatnonzero(part.fit).tolist():
                its = {kind: names[at]}
                for codes, entries in hung:
                    its.update(entries[codes[at]])
                its.update({one.name: f"{one.kind}/{one.of_rows[at]}" for one in part.linked if one.of_rows[at]})
                found[int(part.rows[at])] = its
        return found
