"""What is read of one kind of object, a resource or an item of a list: its members, and source that looks them up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trialbridge.converters.columnar.lists import MISSING, Keyed
from trialbridge.converters.columnar.members import CARRIED, KEYS, Element, NotPlainError
from trialbridge.fhir.jsontext import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trialbridge.converters.columnar.members import Right, Slot
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Release, Resource


class Root:
    """The elements of one kind of object by the names of their members, and its keyed lists."""

    def __init__(
        self, name: str, slots: Iterable[Slot], release: Release, base: str, right: Right | None = None
    ) -> None:
        self.name = name
        self.right = right
        """Judges a member's text that was not seen before; None where nothing is checked."""
        self.release: Release = release
        self.base = base
        self.elements: dict[str, Element] = {}
        self.lists: dict[str, Keyed] = {}
        self._grouped(list(slots))
        carrier = Element(name, (CARRIED,), (), release, base)
        for one in KEYS:
            items = {names: element for names, element in self.elements.items() if names.startswith(f"{one} ")}
            whole = self.elements.get(one)
            whole = whole if whole is not None and whole.names == (one,) else None
            self.lists[one] = Keyed(one, items, base, carrier if one == "extension" else None, whole, right)
        self.elements[CARRIED] = carrier

    def _grouped(self, slots: list[Slot]) -> None:
        """One element for all members that must be read together."""
        groups: dict[str, set[str]] = {}
        for slot in slots:
            names = set(slot.members(self.base))
            for name in list(names):
                names |= groups.get(name, set())
            groups.update(dict.fromkeys(names, names))
        for name, names in groups.items():
            if name not in self.elements:
                mine = [one for one in slots if one.members(self.base) & names]
                made = Element(self.name, tuple(sorted(names)), mine, self.release, self.base)
                self.elements.update(dict.fromkeys(names, made))

    def element_of(self, slot: Slot) -> Element:
        """The element that reads a slot."""
        return self.elements[min(slot.members(self.base))]

    def begin(self, ctx: Context) -> set[str]:
        """A new shard begins. The members of which numbers given so far no longer hold."""
        lost = {name for one in self._each() if one.begin(ctx) for name in one.names}
        for listed in self.lists.values():
            listed.begin()
        return lost

    def end(self) -> None:
        """A shard ends."""
        for one in self._each():
            one.end()
        for listed in self.lists.values():
            listed.begin()

    def _each(self) -> Iterable[Element]:
        """Every element once."""
        return {id(one): one for one in self.elements.values()}.values()

    def members(self) -> list[str]:
        """The members that are looked at."""
        return list(dict.fromkeys([*(name for name in self.elements if " " not in name), *KEYS]))


class Fields:
    """A Struct of some members of an object, each as its text; what is not there is UNSET."""

    def __init__(self, root: Root, more: Iterable[str]) -> None:
        names = list(dict.fromkeys([*root.members(), *more]))
        self.at = {name: f"f{number}" for number, name in enumerate(names)}
        struct = msgspec.defstruct(
            root.name,
            [(at, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for at in self.at.values()],
            rename={at: name for name, at in self.at.items()}.get,
            gc=False,
        )
        self.decode: Callable[[Any], Any] = msgspec.json.Decoder(struct).decode

    def text(self, one: str, name: str) -> str:
        """Source for the bytes of a member, None where it is not there."""
        field = f"{one}.{self.at[name]}"
        return f"(None if {field} is UNSET else bytes({field}))"


def lookup(root: Root, fields: Fields, element: Element, one: str, number: str, space: dict[str, Any]) -> list[str]:
    """Source that finds the number of an element's text in the object `one` of this root."""
    space[f"get_{number}"] = element.memo.get
    space[f"learn_{number}"] = _learner(element, root.right)
    names = element.names
    main, *others = sorted(names, key=lambda name: name.startswith("_"))
    whole = ", ".join(fields.text(one, name) for name in names)
    learn = f"learn_{number}(k, ctx)"
    text = []
    if others:
        absent = " and ".join(f"{one}.{fields.at[name]} is UNSET" for name in others)
        text = [
            f"if not ({absent}):",
            f"    k = ({whole},)",
            f"    {number} = get_{number}(k)",
            f"    if {number} is None: {number} = {learn}",
            "else:",
        ]
    pad = "    " if others else ""
    text += [
        f"{pad}k = {one}.{fields.at[main]}",
        f"{pad}if k is UNSET: {number} = 0",
        f"{pad}else:",
        f"{pad}    k = bytes(k)",
        f"{pad}    {number} = get_{number}(k)",
        f"{pad}    if {number} is None: {number} = {learn}",
    ]
    return text


def _learner(element: Element, right: Right | None) -> Callable[[Any, Context], int]:
    """What reads a text of an element that was not seen before. NotPlainError where it is not surely `right`."""
    names = element.names
    main = min(names, key=lambda name: name.startswith("_"))

    def learn(key: Any, ctx: Context) -> int:
        if right is not None:
            texts = zip(names, key, strict=True) if isinstance(key, tuple) else ((main, key),)
            if not all(text is None or right(name, text) for name, text in texts):
                raise NotPlainError
        if isinstance(key, tuple):
            stub: Resource = {name: decode(text) for name, text in zip(names, key, strict=True) if text is not None}
        else:
            stub = {main: decode(key)}
        return element.learn(key, stub, ctx)

    return learn


def made(text: list[str], name: str, space: dict[str, Any]) -> Callable[..., Any]:
    """The function of that name in a source."""
    space |= {"UNSET": msgspec.UNSET, "NotPlainError": NotPlainError, "MISSING": MISSING}
    exec("\n".join(text), space)  # noqa: S102 - the source is made here from the dictionary, never from input
    found: Callable[..., Any] = space[name]
    return found
