"""Rows of one dataset that one mapping takes, written by elements; and which mapping reads them back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.by_element.rows import Codes, UnfitError, distinct
from trialbridge.converters.by_element.said import Said, filled
from trialbridge.converters.context import key_text
from trialbridge.fhir.ids import id_text, many_ids
from trialbridge.mappings.route import domain_named

if TYPE_CHECKING:
    from trialbridge.converters.by_element.linked import Linked
    from trialbridge.converters.by_element.memory import Memory
    from trialbridge.converters.by_element.plan import Plan
    from trialbridge.converters.by_element.rows import Columns
    from trialbridge.converters.context import Context
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.mappings.kit import Mapping, Resource


@dataclass(slots=True)
class Rows:
    """Rows of one dataset that one mapping takes, being written by elements."""

    plan: Plan
    columns: Columns
    rows: Codes
    """Their numbers (from 0) in the dataset's part at hand."""
    firsts: list[Codes] = field(default_factory=list)
    """Of each element: the first row that has each of its entries."""
    codes: list[Codes] = field(default_factory=list)
    """Of each element: which entry each row has."""
    entries: list[list[Said]] = field(default_factory=list)
    mine: Any = None
    """Of each row whether it was not handed on, for another mapping reads it."""
    fit: Any = None
    """Of each row whether it is made by elements."""
    ids: list[str] = field(default_factory=list)
    """Of each row, or of each resource whose list the rows are."""
    resources: tuple[Codes, Codes] | None = None
    """Where rows are a resource's list: the first row of each resource, and of each row which resource it is in."""
    lists: dict[int, tuple[list[Any], int]] = field(default_factory=dict)
    """Where rows are a list of borrowed resources: each row's list and place."""
    linked: list[Linked] = field(default_factory=list)
    """What is made beside them by templates."""
    _index: dict[str, int] = field(default_factory=dict)
    _with_parts: list[tuple[list[int], list[Said]]] | None = None

    def index(self) -> dict[str, int]:
        """The row of each id, of those that are made by elements."""
        if self.plan.listed:
            raise UnfitError("a resource of several rows")
        if not self._index:
            self._index = {one: at for at, one in enumerate(self.ids) if self.fit[at]}
        return self._index

    def resource(self, at: int) -> Resource:
        """The resource of one row, without what is carried."""
        made: Resource = {"resourceType": self.plan.mapping.resource, "id": self.ids[at]}
        for number, element in enumerate(self.plan.elements):
            said = self.entries[number][self.codes[number].item(at)]
            for name, value in filled(element, said, self.columns, at).items():
                made[name] = [*made.get(name, ()), *value] if element.member else value
        return made

    def holes(self, number: int) -> list[str]:
        """Of each entry of an element the column that is put into it, or nothing."""
        entries, passed = self.entries[number], "".join(self.plan.elements[number].holes)
        return [one.hole or passed for one in entries]

    def with_parts(self) -> list[tuple[list[int], list[Said]]]:
        """Of each element that parts hang on: of each row which entry it has, and the entries."""
        if self._with_parts is None:
            pairs = zip(self.codes, self.entries, strict=True)
            self._with_parts = [(codes.tolist(), its) for codes, its in pairs if any(one.parts for one in its)]
        return self._with_parts

    def own_ids(self) -> list[str]:
        """The ids of those that were not handed on."""
        if self.mine.all():
            return self.ids
        return [one for one, mine in zip(self.ids, self.mine.tolist(), strict=True) if mine]

    def fit_ids(self) -> list[str]:
        """The ids of those that are made by elements."""
        fit = self.fit if self.resources is None else self.fit[self.resources[0]]
        return self.ids if fit.all() else [one for one, there in zip(self.ids, fit.tolist(), strict=False) if there]

    def entry(self, element: int, at: int) -> Said:
        """What was made of an element of one row."""
        return self.entries[element][self.codes[element].item(at)]


def readers(part: Rows, dataset: str, memory: Memory, system: str) -> tuple[Codes, list[Mapping | None]]:
    """Of each row which mapping reads its resource as a record of its dataset, and those mappings; None is none."""
    plan, columns = part.plan, list[Any]()
    for number, element in enumerate(plan.elements):
        if element.names == ("identifier",) and not plan.listed:
            names = [domain_named(one.made, system) for one in part.entries[number]]
            kinds = list(dict.fromkeys(names))
            columns.append((np.array([kinds.index(one) for one in names])[part.codes[number]], kinds))
    met, known = memory.met(plan)
    while True:
        elements = sorted(met)
        first, inverse = distinct(
            [*columns, *((part.codes[one], part.entries[one]) for one in elements)], part.columns.height
        )
        right: list[Mapping | None] = []
        for at in first.tolist():
            if not part.fit[at]:
                right.append(None)
                continue
            named = next((kinds[codes[at]] for codes, kinds in columns if kinds[codes[at]] is not None), None)
            key = (named, *(part.entry(one, at) for one in elements))
            if key not in known:
                answer, asked = _reader(part, dataset, memory.dictionary, at, named, system)
                if not asked <= met:
                    met |= asked
                    known.clear()
                    break
                known[key] = answer
            right.append(known[key])
        else:
            places = list(dict.fromkeys(right))
            return np.array([places.index(one) for one in right], dtype=np.int64)[inverse], places


def _reader(
    part: Rows, dataset: str, dictionary: Dictionary, at: int, named: str | None, system: str
) -> tuple[Mapping | None, set[int]]:
    """The mapping that reads the resource of one row, and the elements that were looked at to find it."""
    if named is None and dictionary.tailoring is not None and not part.plan.listed:
        return None, set()
    asked: set[int] = set()
    if part.plan.listed:
        element = Seen(part, at, "made", None, system)
        try:
            return dictionary.for_element(dataset[:2], element), element.asked
        except UnfitError:
            return None, set()
    fixed = all(one.before is one.made for one in (part.entry(each, at) for each in range(len(part.entries))))
    for which in ("made",) if fixed else ("before", "made"):
        seen = Seen(part, at, which, named, system)
        try:
            found = dictionary.for_resource(seen, system)
        except UnfitError:
            return None, set()
        asked |= seen.asked
        if seen.identified != 1 or found is None or found[0] != dataset:
            return None, asked
    assert found is not None
    return found[1], asked


class Seen(dict[str, Any]):
    """A resource of one row that notes which elements were looked at; its identifier is the shortest that names the dataset."""

    def __init__(self, part: Rows, at: int, which: str, named: str | None, system: str) -> None:
        listed = part.plan.listed
        made: dict[str, Any] = dict(listed[1]) if listed else {"resourceType": part.plan.mapping.resource}
        self._homes: dict[str, set[int]] = {}
        for number, element in enumerate(part.plan.elements):
            if element.each is not bool(listed):
                continue
            for name in element.names:
                self._homes.setdefault(name, set()).add(number)
            for name, value in getattr(part.entry(number, at), which).items():
                made[name] = [*made.get(name, ()), *value] if element.member else value
        if not listed:
            made.pop("identifier", None)
        if named is not None:
            made["identifier"] = [{"system": system, "value": f"|{named}||"}]
        super().__init__(made)
        self._listed = bool(listed)
        self.asked: set[int] = set()
        self.identified = 0

    def _note(self, name: str) -> None:
        if name == "identifier":
            self.identified += 1
        if name != "identifier" or self._listed:
            self.asked |= self._homes.get(name.removeprefix("_"), set())

    def get(self, name: str, default: Any = None) -> Any:
        """As a dict's."""
        self._note(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(str(name))
        return super().__contains__(name)

    def _whole(self, *_: Any) -> Any:
        raise UnfitError("the whole resource is looked at")

    __iter__ = __len__ = __eq__ = keys = values = items = _whole


def ids_of(mapping: Mapping, columns: Columns, ctx: Context) -> list[str]:
    """The ids of the rows' resources."""
    *heads, last = mapping.key
    keys, inverse = columns.combinations(heads)
    texts = [id_text(ctx.base, mapping.resource, *map(key_text, key), "") for key in keys]
    codes, values = columns.column(last)
    tails = [id_text("", "", key_text(one)).removeprefix(b"//") for one in values]
    pairs = zip(inverse.tolist(), codes.tolist(), strict=True)
    return many_ids([texts[head] + tails[tail] for head, tail in pairs])
