"""The lines of one resource type: split at their top, sent to the mappings that read them, taken as small numbers.

A line's rows are taken by source made for each mapping; the items of a list that are records of their own (`each`) are
taken likewise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trialbridge.converters.columnar.items import ARGUMENTS, ListReader
from trialbridge.converters.columnar.lists import NAMED
from trialbridge.converters.columnar.members import KEPT_TEXTS, KEYS, NotPlainError, readings
from trialbridge.converters.columnar.plans import Plan, taker
from trialbridge.converters.columnar.roots import Fields, Root, made
from trialbridge.converters.columnar.routes import Asked, AskedMoreError, Watched
from trialbridge.converters.sound import SHAPE
from trialbridge.converters.to_sdtm import in_error
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.strict import Elements, members_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trialbridge.converters.context import Context
    from trialbridge.converters.dictionary import Dictionary
    from trialbridge.mappings.kit import Mapping, Release

_ODD = ("contained", "implicitRules")
"""Members with which a resource is read as a whole."""
_KNOWN = frozenset({"resourceType"})


class Reader:
    """All lines of one resource type, for one dictionary, release and base.

    `strict`: a line whose structure is not surely right is read as a whole.
    """

    def __init__(
        self, resource: str, dictionary: Dictionary, release: Release, base: str, *, strict: bool = False
    ) -> None:
        self.resource = resource
        self.dictionary = dictionary
        self.release: Release = release
        self.base = base
        self.plans: dict[tuple[str, Mapping, bool], Plan] = {}
        mappings = [one for one in dictionary.mappings if one.resource == resource]
        self.readings = {one: readings(one, release) for one in mappings if not one.each or release in one.each}
        slots = [slot for found in self.readings.values() for one in found for slot in one.slots]
        self._judge = Elements(resource, release) if strict else None
        right = None if self._judge is None else self._judge.right
        self.root = Root(resource, [one for one in slots if one.root == resource], release, base, right)
        self.lists = self._lists()
        self._asked = Asked(["status"])
        self._fields = Fields(self.root, ())
        self._known: dict[str, str] = {}
        self._takers: dict[Plan, Callable[..., bool]] = {}
        self._looked_up: dict[Callable[..., bool], frozenset[str]] = {}
        """The members that a taker looks up in each line, whatever it says."""
        self._unread: dict[tuple[tuple[str, ...], tuple[Callable[..., bool], ...]], list[str]] = {}
        """Of a line's members, by their names and the line's takers, those that no taker looks up."""
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
        except (NotPlainError, *SHAPE):
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
            self.plans[key] = Plan(dataset, mapping, self.readings[mapping], root, self.root, bare)
        return self.plans[key]

    # --- source -----------------------------------------------------------------------------------------------------

    def _compiled(self) -> Callable[..., None]:
        """The loop over lines, as straight-line source."""
        self._fields = fields = Fields(
            self.root, [*self._asked.names(), *_ODD, "id", *(one.member for one in self.lists.values())]
        )
        self._takers.clear()
        self._looked_up.clear()
        at = fields.at
        space: dict[str, Any] = {
            "decode": fields.decode,
            "ERRORS": (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, NotPlainError),
            "routes": {},
            "take_identifier": self.root.lists["identifier"].take,
            "take_extension": self.root.lists["extension"].take,
        }
        if self._judge is not None:
            self._unread.clear()
            space |= {"members_of": members_of, "unread": self._unread, "unread_of": self._not_looked_up}
            space["right"] = self._judge.right
        named = f"one_identifier[{NAMED}]"
        if self.resource == "AdverseEvent":  # has room for one identifier in R4: see `route.domain_named`
            named = f"{named} if {named} is not None else one_extension[{NAMED}]"
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
            f"                takers = routes[key] = reader.route(line, {named}, ctx)",
            "            if takers is None:",
            "                raise NotPlainError",
            *(_CHECKED if self._judge is not None else ()),
            f"            own = {fields.text('one', 'id')}",
            "            if own is not None:",
            "                if own in seen: raise NotPlainError",
            "                seen.add(own)",
            "            for taker in takers:",
            f"                taker({ARGUMENTS}{self._arguments()})",
            "        except ERRORS:",
            "            slow(place)",
        ]
        return made(text, "take", space)

    def _not_looked_up(self, names: tuple[str, ...], takers: tuple[Callable[..., bool], ...]) -> list[str]:
        """The members that no element of these takers looks up. NotPlainError where members are not surely complete."""
        if self._judge is None or not self._judge.sure(names):
            raise NotPlainError
        if len(self._unread) >= KEPT_TEXTS:
            self._unread.clear()
        known = {"resourceType", *KEYS, *self._known}.union(*(self._looked_up.get(one, ()) for one in takers))
        return [one for one in names if one not in known]

    def _arguments(self) -> str:
        """The numbers that a line's route has found, as further arguments."""
        return "".join(f", {name}" for name in self._known.values())

    def taker(self, plan: Plan) -> Callable[..., bool]:
        """What takes a line's row for a plan."""
        if plan not in self._takers:
            made = self._takers[plan] = taker(
                plan,
                f"{ARGUMENTS}{self._arguments()}",
                {self.root: ("one", self._fields, self._known)},
            )
            self._looked_up[made] = frozenset(name for _, element in plan.elements for name in element.names)
        return self._takers[plan]


_CHECKED = (
    "            members = members_of(line)",
    "            names = tuple(members)",
    "            texts = unread.get((names, takers))",
    "            if texts is None: texts = unread[names, takers] = unread_of(names, takers)",
    "            for name in texts:",
    "                if not right(name, bytes(members[name])): raise NotPlainError",
)
"""Source that checks what is not looked up; what is, is checked when it is first met."""
