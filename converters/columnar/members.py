"""The members of a resource type, each read once for all lines that say the same.

An `Element` is one member of a resource (or those items of a list that have one url or system, or several members that
must be read together: a member and its `_` sibling, members that lead to the same part). For each text of it that
occurs it keeps the cells of all paths that begin there: those of all mappings of the type, also of the parts reached
through it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trialbridge.converters.carry import Carried, kept_by
from trialbridge.converters.compile import compiled
from trialbridge.converters.path_trees import reading_order
from trialbridge.converters.sound import SHAPE
from trialbridge.fhir.paths import Child, Choice, Constant, parse
from trialbridge.mappings.kit import Line, Mapping
from trialbridge.mappings.names import constants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.compile import Read
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Part, Release, Resource, Spelling

KEPT_TEXTS = 4_000
"""So many texts of an element are remembered; then all are forgotten, so that memory stays bounded."""
KEYS = {"extension": "url", "identifier": "system"}
"""Lists whose items are told apart by a key: an item's name is `list key`."""
EACH = "Each"
CARRIED = "extension (carried)"
"""The element of all that the extension `sdtm-variable` carries."""


Right = Callable[[str, bytes], bool]
"""Whether a member of that name, given as its JSON, is surely of the right structure."""

_NOTHING: dict[str, Any] = {}


class NotPlainError(Exception):
    """Something is out of the ordinary: the resource, or the shard, is read as a whole."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One path that is read, with its spelling; `parts` are those it leads through, from the primary on."""

    path: str
    spelling: Spelling
    parts: tuple[Part, ...] = ()

    @property
    def signature(self) -> tuple[Any, ...]:
        """What makes two slots the same reading."""
        return (self.path, id(self.spelling.to_sdtm), self.spelling.shape, _linked(self.parts))

    @property
    def root(self) -> str:
        """Where the way to it begins: the resource's type, or `Each`."""
        return parse(self.parts[0].link if self.parts else self.path).root

    def members(self, base: str) -> frozenset[str]:
        """The members of the root at which it begins: `code`; `extension <url>` for an item of a keyed list."""
        root = self.root
        paths = [parse(one.link) for one in self.parts] or [parse(self.path)]
        steps = [one.steps[0] for one in paths if one.root == root]
        names = {_item_name(one, base) or one.name for one in steps}
        own = parse(self.path).steps
        if self.spelling.shape == "literal" and not self.parts and len(own) == 1:
            names.add(f"_{own[0].name}")
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a mapping's variable is read: the first slot that gives a value."""

    variable: str
    slots: tuple[Slot, ...]


def readings(mapping: Mapping, release: Release) -> list[Reading]:
    """The variables of a mapping with their slots, the one that stands first: a later line, then `also` in order."""
    slots: dict[str, list[Slot]] = {}
    for one in reading_order(mapping, release):
        slots.setdefault(one.variable, []).insert(0, _slot(mapping, one.path, one.spelling, release))
    for one in mapping.lines:
        if release in one.releases and one.direction != "to_fhir":
            for path, spelling in one.also:
                slots.setdefault(one.variable, []).append(_slot(mapping, path, spelling, release))
    return [Reading(variable, tuple(found)) for variable, found in slots.items()]


def _slot(mapping: Mapping, path: str, spelling: Spelling, release: Release) -> Slot:
    return Slot(path, spelling, _parts(mapping, parse(path).root, release))


def _parts(mapping: Mapping, root: str, release: Release) -> tuple[Part, ...]:
    """The parts of that name and those they hang on, in the mapping's order."""
    needed = {root}
    for one in reversed(mapping.parts):
        if one.name in needed and release in one.releases:
            needed.add(parse(one.link).root)
    return tuple(one for one in mapping.parts if one.name in needed and release in one.releases)


def _item_name(step: Any, base: str) -> str | None:
    """The name of the items of a keyed list among which a step chooses, None for any other step."""
    key = KEYS.get(step.name)
    if key is None or not isinstance(step, Choice):
        return None
    asked = [one.value for one in step.conditions if one.steps == (Child(key),)]
    values = [constants(base)[one.name] if isinstance(one, Constant) else one for one in asked]
    return f"{step.name} {values[0]}" if len(values) == 1 and isinstance(values[0], str) else None


class Element:
    """What the texts of an element say: number `n` of a text stands for `cells[slot][n]`."""

    def __init__(self, root: str, names: tuple[str, ...], slots: Iterable[Slot], release: Release, base: str) -> None:
        self.root = root
        self.names = names
        self.listed = list({one.signature: one for one in slots}.values())
        self.places = {one.signature: at for at, one in enumerate(self.listed)}
        self.carries = names == (CARRIED,)
        self._names = [f"S{at}" for at in range(len(self.listed))]
        self.memo: dict[Any, int] = {}
        self.cells: list[list[Any]] = []
        self.kept: list[dict[str, Carried]] = []
        self.parts: list[dict[str, Resource]] = []
        self.texts: list[Any] = []
        self._release: Release = release
        self._base = base
        self._scoped: list[Any] = []
        self._read: tuple[Read, list[str]] | None = None
        self._gives: list[tuple[int, str]] = []
        self._asked: _Asked | None = None
        self.forget()

    def forget(self) -> None:
        """Forget all texts but that nothing is there, whose number is 0."""
        self.memo.clear()
        self.cells = [[] for _ in self.listed]
        self.kept, self.parts, self.texts, self._scoped = [], [], [], []

    def begin(self, ctx: Context) -> bool:
        """A new shard begins. Whether numbers given before no longer hold."""
        full = len(self.texts) > max(2 * len(self.memo), 100) or len(self.memo) > KEPT_TEXTS
        if full:
            self.forget()
        if not self.texts:
            self.learn(None, {}, ctx)
        return full

    def end(self) -> None:
        """A shard ends: what was asked of its resources and facts is forgotten, and they with it."""
        for key in self._scoped:
            self.parts[self.memo.pop(key)] = _NOTHING
        self._scoped.clear()
        self._asked = None

    def learn(self, key: Any, stub: Resource, ctx: Context) -> int:
        """Read a text not seen before, given as the resource that has nothing else. NotPlainError if that fails."""
        if self._read is None:
            self._read = self._compiled()
            self._gives = [(at, name) for at, name in enumerate(self._read[1]) if name]
        asked = self._asked
        if asked is None or asked.ctx is not ctx:
            asked = self._asked = _Asked(ctx)
        asked.asked = False
        kept: dict[str, Carried] = _NOTHING
        found: dict[str, Resource] = _NOTHING
        try:
            if self.root == EACH:
                row, parts = self._read[0](_NOTHING, stub, asked)
            else:
                stub["resourceType"] = self.root
                row, parts = self._read[0](stub, None, asked)
            if self.carries and stub:
                kept = kept_by(stub, ctx.url("x-sdtm-variable"))
        except SHAPE as error:
            raise NotPlainError from error
        if self._gives:
            found = {name: part for at, name in self._gives if (part := parts[at]) is not None}
        number = len(self.texts)
        for slot, cells in zip(self._names, self.cells, strict=True):
            cells.append(row.get(slot))
        self.kept.append(kept)
        self.parts.append(found)
        self.texts.append(key)
        self.memo[key] = number
        if asked.asked:
            self._scoped.append(key)
        return number

    def _compiled(self) -> tuple[Read, list[str]]:
        """The compiled reading of all slots, each a variable of its own; and the names of the parts it gives."""
        parts: list[Part] = []
        known: dict[tuple[Any, ...], int] = {}
        lines = []
        for at, one in enumerate(self.listed):
            path = one.path
            if one.parts:
                chain = _linked(one.parts)
                if chain not in known:
                    known[chain] = len(known)
                    parts += [_renamed(part, self.root, known[chain]) for part in one.parts]
                root, _, rest = path.partition(".")
                path = f"{root}_{known[chain]}.{rest}"
            lines.append(Line(f"S{at}", path, one.spelling, direction="to_sdtm"))
        each = {self._release: "Primary.each"} if self.root == EACH else {}
        resource = "Primary" if self.root == EACH else self.root
        name = f"{self.root}.{'+'.join(self.names)}"
        made = compiled(
            Mapping("", name, resource, (), tuple(lines), parts=tuple(parts), each=each), self._release, self._base
        )
        given = ["" if one in {resource, EACH} else one.rpartition("_")[0] for one in made.names]
        return made.read, given


def _linked(parts: tuple[Part, ...]) -> tuple[Any, ...]:
    """What makes two chains of parts the same for reading."""
    return tuple((one.name, one.type, one.link, id(one.when)) for one in parts)


def _renamed(part: Part, root: str, number: int) -> Part:
    start, _, rest = part.link.partition(".")
    return replace(part, name=f"{part.name}_{number}", link=part.link if start == root else f"{start}_{number}.{rest}")


class _Asked:
    """A context that notes whether anything was asked of the shard's resources and facts."""

    __slots__ = ("asked", "base", "ctx", "oncology", "release", "url")

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.asked = False
        self.base, self.release, self.oncology, self.url = ctx.base, ctx.release, ctx.oncology, ctx.url

    def __getattr__(self, name: str) -> Any:
        self.asked = True
        return getattr(self.ctx, name)
