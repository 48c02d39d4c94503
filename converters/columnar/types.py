"""The lines of one resource type: split at their top, sent to the mappings that read them, taken as small numbers.

A line's rows are taken by source made for each mapping; the items of a list that are records of their own (`each`) are
taken likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trialbridge.converters.columnar.columns import compressed
from trialbridge.converters.columnar.lists import NAMED, NUMBER, SEQUENCE, is_record
from trialbridge.converters.columnar.members import CARRIED, EACH, NotPlainError, readings
from trialbridge.converters.columnar.roots import Fields, Root, lookup, made
from trialbridge.converters.columnar.routes import Asked, AskedMoreError, Watched
from trialbridge.converters.dictionary import list_of
from trialbridge.converters.steps import matches
from trialbridge.converters.to_sdtm import in_error
from trialbridge.fhir.jsontext import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from trialbridge.converters.columnar.lists import Keyed
    from trialbridge.converters.columnar.members import Element, Reading, Slot
    from trialbridge.converters.context import Context
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.mappings.kit import Mapping, Release

STEP = 4096
"""Places of neighbouring lines lie so far apart: the items of a list stand between."""
_ODD = ("contained", "implicitRules")
"""Members with which a resource is read as a whole."""
_ARGUMENTS = "one, one_identifier, one_extension, place, ctx"
_EACH_ARGUMENTS = "one, one_identifier, one_extension, each, each_identifier, each_extension, place, ctx"
_SHAPE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_KNOWN = frozenset({"resourceType", "identifier"})


@dataclass(slots=True, eq=False)
class Plan:
    """How the rows of one mapping in one dataset are read: the elements each row names, and where variables stand.

    `bare` rows come of resources that bear no record identifier.
    """

    reader: Reader
    dataset: str
    mapping: Mapping
    readings: list[Reading]
    root: Root
    """That of the object which carries: the resource, or the item of a list."""
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
            if not is_record(slot, self.reader.base):
                root = self.root_of(slot)
                found.append((root, root.element_of(slot)))
        for root, element in dict.fromkeys(found):
            listed = [name.partition(" ")[0] for name in element.names if " " in name]
            if not listed:
                self.elements.append((root, element))
            elif len(element.names) > 1:
                raise NotPlainError  # items of lists that must be read together
            elif (root, root.lists[listed[0]]) not in self.keyed:
                self.keyed.append((root, root.lists[listed[0]]))

    def root_of(self, slot: Slot) -> Root:
        """Where the way to a slot begins."""
        return self.root if slot.root == self.root.name else self.reader.root

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


class Reader:
    """All lines of one resource type, for one dictionary, release and base."""

    def __init__(self, resource: str, dictionary: Dictionary, release: Release, base: str) -> None:
        self.resource = resource
        self.dictionary = dictionary
        self.release: Release = release
        self.base = base
        self.plans: dict[tuple[str, Mapping, bool], Plan] = {}
        mappings = [one for one in dictionary.mappings if one.resource == resource]
        self.readings = {one: readings(one, release) for one in mappings if not one.each or release in one.each}
        slots = [slot for found in self.readings.values() for one in found for slot in one.slots]
        self.root = Root(resource, [one for one in slots if one.root == resource], release, base)
        self.lists = self._lists()
        self._asked = Asked(["status"])
        self._fields = Fields(self.root, ())
        self._known: dict[str, str] = {}
        self._takers: dict[Plan, Callable[..., bool]] = {}
        self._take: Callable[..., None] | None = None

    def _lists(self) -> dict[tuple[str, ...], ListReader]:
        """The readers of lists whose items are records, by the domains that share one."""
        found: dict[str, list[tuple[str, Mapping]]] = {}
        for domain, first in self.dictionary.listed:
            if first.resource == self.resource:
                found.setdefault(first.each[self.release], []).append((domain, first))
        return {tuple(domain for domain, _ in one): ListReader(self, path, one) for path, one in found.items()}

    def begin(self, ctx: Context) -> None:
        """A new shard begins."""
        lost = self.root.begin(ctx) & self._known.keys()
        for one in self.lists.values():
            lost |= one.begin(ctx)
        if lost:
            self._take = None
        self._forget_rows()

    def end(self) -> None:
        """A shard ends: nothing of it is held."""
        for root in (self.root, *(one.root for one in self.lists.values())):
            root.end()
        self._forget_rows()

    def _forget_rows(self) -> None:
        for plan in self.plans.values():
            plan.begin()

    def take(
        self,
        lines: Sequence[tuple[int, tuple[str, int, bytes]]],
        ctx: Context,
        slow: Callable[[int], None],
        seen: set[bytes],
    ) -> None:
        """Enter the rows of these lines, each with its place, in the plans. `slow` is told of lines to be read as wholes."""
        while True:
            try:
                if self._take is None:
                    self._take = self._compiled()
                self._take(lines, self, ctx, slow, seen)
            except AskedMoreError:
                self._take = None
                seen.clear()
                self._forget_rows()
            else:
                return

    # --- routes -----------------------------------------------------------------------------------------------------

    def route(self, line: bytes, named: str | None, ctx: Context) -> tuple[Callable[..., bool], ...] | None:
        """The takers of a resource's rows; None if it is read as a whole. AskedMoreError where more must be looked at."""
        watched = Watched(decode(line))
        try:
            found = self._goes(watched, named, ctx)
        except (NotPlainError, *_SHAPE):
            found = None
        self._asked.learn(watched, _KNOWN)
        return found

    def _goes(self, resource: Watched, named: str | None, ctx: Context) -> tuple[Callable[..., bool], ...] | None:
        if in_error(resource, ctx):
            return None
        takers = []
        if self.resource == "ResearchSubject":
            takers.append(self.taker(self.plan("DM", self.dictionary.domains["DM"][0], self.root, bare=named is None)))
        for listed in self.lists.values():
            active = frozenset(domain for domain, first in listed.domains if first.when(resource))
            if active:
                takers.append(listed.taker(active))
        if self.resource != "ResearchSubject":
            found = self.dictionary.for_named(resource, named)
            if found is not None:
                takers.append(self.taker(self.plan(*found, self.root, bare=named is None)))
        return tuple(takers)

    def plan(self, dataset: str, mapping: Mapping, root: Root, *, bare: bool) -> Plan:
        """The plan of a dataset's rows by a mapping. NotPlainError for a mapping that is not read by columns."""
        key = (dataset, mapping, bare)
        if key not in self.plans:
            if mapping not in self.readings:
                raise NotPlainError
            self.plans[key] = Plan(self, dataset, mapping, self.readings[mapping], root, bare)
        return self.plans[key]

    # --- source -----------------------------------------------------------------------------------------------------

    def _compiled(self) -> Callable[..., None]:
        """The loop over lines, as straight-line source."""
        self._fields = fields = Fields(
            self.root, [*self._asked.names(), *_ODD, "id", *(one.member for one in self.lists.values())]
        )
        self._takers.clear()
        at = fields.at
        space: dict[str, Any] = {
            "decode": fields.decode,
            "ERRORS": (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, NotPlainError),
            "routes": {},
            "take_identifier": self.root.lists["identifier"].take,
            "take_extension": self.root.lists["extension"].take,
        }
        lookups, key = self._asked.key(self.root, fields, "one", space)
        self._known = self._asked.looked_up(self.root, fields, "one")
        for listed in self.lists.values():
            listed.compile(fields, self._known)
        text = [
            "def take(lines, reader, ctx, slow, seen):",
            "    for place, (_, _, line) in lines:",
            "        try:",
            "            one = decode(line)",
            f"            if {' or '.join(f'one.{at[name]} is not UNSET' for name in _ODD)}:",
            "                raise NotPlainError",
            f"            one_identifier = take_identifier({fields.text('one', 'identifier')}, ctx)",
            f"            one_extension = take_extension({fields.text('one', 'extension')}, ctx)",
            *(f"            {line}" for line in lookups),
            f"            key = {key}",
            "            takers = routes.get(key, MISSING)",
            "            if takers is MISSING:",
            f"                takers = routes[key] = reader.route(line, one_identifier[{NAMED}], ctx)",
            "            if takers is None:",
            "                raise NotPlainError",
            f"            own = {fields.text('one', 'id')}",
            "            if own is not None:",
            "                if own in seen: raise NotPlainError",
            "                seen.add(own)",
            "            for taker in takers:",
            f"                taker({_ARGUMENTS}{self._arguments()})",
            "        except ERRORS:",
            "            slow(place)",
        ]
        return made(text, "take", space)

    def _arguments(self) -> str:
        """The numbers that a line's route has found, as further arguments."""
        return "".join(f", {name}" for name in self._known.values())

    def taker(self, plan: Plan) -> Callable[..., bool]:
        """What takes a line's row for a plan."""
        if plan not in self._takers:
            self._takers[plan] = taker(
                plan,
                f"{_ARGUMENTS}{self._arguments()}",
                {self.root: ("one", self._fields, self._known)},
            )
        return self._takers[plan]


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
            text += lookup(fields, element, one, number, space)
        numbers.append(number)
    slots = [slot for one in plan.readings for slot in one.slots if is_record(slot, plan.reader.base)]
    names = {name.partition(" ")[0] for slot in slots for name in slot.members(plan.reader.base)}
    home = objects[plan.root][0]
    lines = [
        f"def take({arguments}):",
        *(f"    {line}" for line in text),
        f"    add((place, {', '.join(numbers)}))",
        f"    sequences({home}_{names.pop() if names else 'identifier'}[{SEQUENCE}])",
    ]
    return made(lines, "take", space)


class ListReader:
    """The items of a list of a resource, each a record of its own."""

    def __init__(self, reader: Reader, path: str, domains: list[tuple[str, Mapping]]) -> None:
        self.reader = reader
        self.domains = domains
        step, self._match = list_of(path, reader.base)
        self.member = step.name
        names = {domain for domain, _ in domains}
        own = [found for mapping, found in reader.readings.items() if mapping.each and mapping.domain in names]
        slots = [slot for found in own for one in found for slot in one.slots if slot.root == EACH]
        self.root = Root(EACH, slots, reader.release, reader.base)
        self._asked = Asked()
        self._takers: dict[frozenset[str], Callable[..., bool]] = {}
        self._item_takers: dict[Plan, Callable[..., bool]] = {}
        self._fields = Fields(self.root, ())
        self._above = Fields(reader.root, ())
        self._known: dict[str, str] = {}
        self._known_above: dict[str, str] = {}
        self._further = ""

    def begin(self, ctx: Context) -> set[str]:
        """A new shard begins. The members by whose numbers items are told apart, and which no longer hold."""
        return self.root.begin(ctx) & self._known.keys()

    def compile(self, above: Fields, known: dict[str, str]) -> None:
        """Look at what tests have asked for; `above` are the members of the resource, `known` those looked up there."""
        self._above = above
        self._known_above = known
        self._further = "".join(f", {name}" for name in known.values())
        self._fields = Fields(self.root, self._asked.names())
        self._takers.clear()
        self._item_takers.clear()

    def taker(self, active: frozenset[str]) -> Callable[..., bool]:
        """What takes the rows of all items, for the domains that know the resource."""
        if active not in self._takers:
            fields = self._fields
            above = self._above.at[self.member]
            space: dict[str, Any] = {
                "decode": fields.decode,
                "split": msgspec.json.Decoder(list[msgspec.Raw]).decode,
                "routes": {},
                "route": self._route,
                "active": active,
                "take_identifier": self.root.lists["identifier"].take,
                "take_extension": self.root.lists["extension"].take,
            }
            lookups, key = self._asked.key(self.root, fields, "each", space)
            self._known = self._asked.looked_up(self.root, fields, "each")
            numbers = "".join(f", {name}" for name in self._known.values())
            text = [
                f"def take({_ARGUMENTS}{self._further}):",
                f"    if one.{above} is UNSET: return",
                f"    for item in split(one.{above}):",
                "        place += 1",
                "        each = decode(item)",
                f"        each_identifier = take_identifier({fields.text('each', 'identifier')}, ctx)",
                f"        each_extension = take_extension({fields.text('each', 'extension')}, ctx)",
                *(f"        {line}" for line in lookups),
                f"        key = {key}",
                "        takers = routes.get(key, MISSING)",
                "        if takers is MISSING:",
                f"            takers = routes[key] = route(bytes(item), each_extension[{NAMED}], active)",
                "        for taker in takers:",
                f"            taker({_EACH_ARGUMENTS}{self._further}{numbers})",
            ]
            self._takers[active] = made(text, "take", space)
        return self._takers[active]

    def _route(self, item: bytes, named: str | None, active: frozenset[str]) -> tuple[Callable[..., bool], ...]:
        """The takers of an item's row (as `Dictionary.elements_of`)."""
        element = decode(item)
        if not isinstance(element, dict):
            raise NotPlainError
        watched = Watched(element)
        found = []
        try:
            for domain, first in self.domains:
                if domain not in active or (self._match is not None and not matches(watched, self._match)):
                    continue
                if (named and named[:2] == domain) or (not named and not first.named_only):
                    mapping = self.reader.dictionary.for_element(domain, watched)
                    found.append(self._item_taker(self.reader.plan(domain, mapping, self.root, bare=named is None)))
        except _SHAPE as error:
            raise NotPlainError from error
        self._asked.learn(watched, frozenset())
        return tuple(found)

    def _item_taker(self, plan: Plan) -> Callable[..., bool]:
        if plan not in self._item_takers:
            numbers = "".join(f", {name}" for name in self._known.values())
            arguments = f"{_EACH_ARGUMENTS}{self._further}{numbers}"
            objects = {
                self.reader.root: ("one", self._above, self._known_above),
                self.root: ("each", self._fields, self._known),
            }
            self._item_takers[plan] = taker(plan, arguments, objects)
        return self._item_takers[plan]
