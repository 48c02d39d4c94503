"""The items of a list of a resource, each a record of its own: phases of a subject's progress, blood pressures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trialbridge.converters.columnar.lists import NAMED
from trialbridge.converters.columnar.members import EACH, NotPlainError
from trialbridge.converters.columnar.plans import Plan, taker
from trialbridge.converters.columnar.roots import Fields, Root, made
from trialbridge.converters.columnar.routes import Asked, Watched
from trialbridge.converters.dictionary import list_of
from trialbridge.converters.sound import SHAPE
from trialbridge.converters.steps import matches
from trialbridge.fhir.jsontext import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.converters.columnar.types import Reader
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Mapping

ARGUMENTS = "one, one_identifier, one_extension, place, ctx"
"""What a taker is given of a resource, further numbers after it."""
_EACH_ARGUMENTS = "one, one_identifier, one_extension, each, each_identifier, each_extension, place, ctx"


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
                f"def take({ARGUMENTS}{self._further}):",
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
        except SHAPE as error:
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
