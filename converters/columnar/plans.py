"""How the rows of one mapping are read, and source that takes a row as small numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.columnar.columns import compressed
from trialbridge.converters.columnar.lists import NUMBER, SEQUENCE, is_record
from trialbridge.converters.columnar.members import CARRIED, KEYS, NotPlainError
from trialbridge.converters.columnar.roots import Fields, Root, lookup, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trialbridge.converters.columnar.lists import Keyed
    from trialbridge.converters.columnar.members import Element, Reading, Slot
    from trialbridge.mappings.kit import Mapping

STEP = 4096
"""Places of neighbouring lines lie so far apart: the items of a list stand between."""


@dataclass(slots=True, eq=False)
class Plan:
    """How the rows of one mapping in one dataset are read: the elements each row names, and where variables stand.

    `bare` rows come of resources that bear no record identifier.
    """

    dataset: str
    mapping: Mapping
    readings: list[Reading]
    root: Root
    """That of the object which carries: the resource, or the item of a list."""
    above: Root
    """That of the resource."""
    bare: bool = False
    keyed: list[tuple[Root, Keyed]] = field(default_factory=list)
    elements: list[tuple[Root, Element]] = field(default_factory=list)
    """Those that are no items of a keyed list."""
    rows: list[tuple[int, ...]] = field(default_factory=list)
    """Of each row taken: its place in the shard, then the numbers of the keyed lists and of the elements' texts."""
    sequences: list[float | None] = field(default_factory=list)
    """The number in each row's record identifier."""
    asked: dict[str, list[str]] = field(default_factory=dict)
    """What each derived variable has been found to ask of its row."""

    def __post_init__(self) -> None:
        slots = [slot for one in self.readings for slot in one.slots]
        found = [(self.root, self.root.elements[CARRIED])]
        for slot in slots:
            if not is_record(slot, self.above.base):
                root = self.root_of(slot)
                found.append((root, root.element_of(slot)))
        for root, element in dict.fromkeys(found):
            whole = len(element.names) == 1 and element.names[0] in KEYS
            listed = [name.partition(" ")[0] for name in element.names if " " in name or whole]
            if not listed:
                self.elements.append((root, element))
            elif len(element.names) > 1:
                raise NotPlainError  # items of lists that must be read together
            elif (root, root.lists[listed[0]]) not in self.keyed:
                self.keyed.append((root, root.lists[listed[0]]))

    def root_of(self, slot: Slot) -> Root:
        """Where the way to a slot begins."""
        return self.root if slot.root == self.root.name else self.above

    def begin(self) -> None:
        """Forget the rows."""
        self.rows.clear()
        self.sequences.clear()

    def table(self) -> Table:
        """The rows taken."""
        width = 1 + len(self.keyed) + len(self.elements)
        flat = np.fromiter(chain.from_iterable(self.rows), np.int64, len(self.rows) * width)
        columns = np.ascontiguousarray(flat.reshape(-1, width).T)
        numbers: dict[int, NDArray[np.int64]] = {}
        for at, (_, keyed) in enumerate(self.keyed, start=1):
            used, codes = compressed(columns[at], len(keyed.numbers()))
            below = np.ascontiguousarray(keyed.numbers()[used].T)
            numbers.update({id(one): below[place][codes] for place, one in enumerate(keyed.elements)})
        for at, (_, element) in enumerate(self.elements, start=1 + len(self.keyed)):
            numbers[id(element)] = columns[at]
        return Table(columns[0], numbers, self.sequences[:])


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a plan: places in the shard, the number of each element's text by the element's id(), --SEQ."""

    places: NDArray[np.int64]
    numbers: dict[int, NDArray[np.int64]]
    sequences: list[float | None]

    def at(self, rows: NDArray[np.int64]) -> Table:
        """Those rows."""
        numbers = {one: found[rows] for one, found in self.numbers.items()}
        return Table(self.places[rows], numbers, [self.sequences[row] for row in rows.tolist()])


def taker(plan: Plan, arguments: str, objects: dict[Root, tuple[str, Fields, dict[str, str]]]) -> Callable[..., bool]:
    """What takes a row for a plan; `objects` has name, members and known numbers of what it is read from."""
    space: dict[str, Any] = {"add": plan.rows.append, "sequences": plan.sequences.append}
    text = []
    numbers = []
    for root, keyed in plan.keyed:
        numbers.append(f"{objects[root][0]}_{keyed.name}[{NUMBER}]")
    for root, element in plan.elements:
        one, fields, known = objects[root]
        number = known.get(element.names[0]) if len(element.names) == 1 else None
        if number is None:
            number = f"n{len(space)}"
            text += lookup(root, fields, element, one, number, space)
        numbers.append(number)
    slots = [slot for one in plan.readings for slot in one.slots if is_record(slot, plan.above.base)]
    names = {name.partition(" ")[0] for slot in slots for name in slot.members(plan.above.base)}
    home = objects[plan.root][0]
    lines = [
        f"def take({arguments}):",
        *(f"    {line}" for line in text),
        f"    add((place, {', '.join(numbers)}))",
        f"    sequences({home}_{names.pop() if names else 'identifier'}[{SEQUENCE}])",
    ]
    return made(lines, "take", space)
