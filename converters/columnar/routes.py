"""Which mapping reads an object hangs on few of its members; which ones is found by watching the dictionary's tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from trialbridge.converters.columnar.lists import ITEM_KEYS, NAMED, TEXTS
from trialbridge.converters.columnar.members import KEPT_TEXTS, KEYS, NotPlainError
from trialbridge.converters.columnar.roots import lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialbridge.converters.columnar.roots import Fields, Root
    from trialbridge.mappings.kit import Resource


class AskedMoreError(Exception):
    """A test asked for a member that was not looked at so far: the lines are gone through anew."""


class Watched(dict[str, Any]):
    """An object that notes which members it is asked for: their values, members of their items, or whether they are there."""

    __slots__ = ("items_asked", "presence_asked", "values_asked")

    def __init__(self, given: Resource) -> None:
        super().__init__(given)
        self.values_asked: set[str] = set()
        self.items_asked: set[tuple[str, str]] = set()
        self.presence_asked: set[str] = set()

    def _value(self, name: str, value: Any) -> Any:
        if value is None and not super().__contains__(name):
            self.presence_asked.add(name)
            return None
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            self.presence_asked.add(name)
            self.items_asked.add((name, _COUNT))
            return [_Item(one, name, self) for one in value]
        self.values_asked.add(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The value; the question is noted."""
        found = self._value(name, super().get(name))
        return default if found is None else found

    def __getitem__(self, name: str) -> Any:
        return self._value(name, super().__getitem__(name))

    def __contains__(self, name: object) -> bool:
        self.presence_asked.add(str(name))
        return super().__contains__(name)

    def _all(self, *_: Any) -> Any:
        raise NotPlainError

    __iter__ = keys = values = items = _all


_COUNT = ""
"""What an item was asked for if nothing: how many there are still shows."""
_THERE = "?"
"""Stands before the name of a member that was asked only whether it is there."""


class _Item(dict[str, Any]):
    """An item of a list of a watched object."""

    __slots__ = ("_list", "_of")

    def __init__(self, given: Resource, name: str, of: Watched) -> None:
        super().__init__(given)
        self._list = name
        self._of = of

    def get(self, name: str, default: Any = None) -> Any:
        self._of.items_asked.add((self._list, name))
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self._of.items_asked.add((self._list, name))
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._of.items_asked.add((self._list, f"{_THERE}{name}"))
        return super().__contains__(name)

    def _all(self, *_: Any) -> Any:
        self._of.values_asked.add(self._list)
        raise NotPlainError

    __iter__ = keys = values = items = _all


class ItemTexts:
    """For the text of a list: what its items have at some members. A text that is no list of objects stands for itself."""

    def __init__(self, names: Sequence[str]) -> None:
        members = list(dict.fromkeys(name.removeprefix(_THERE) for name in names))
        fields = {name: f"f{at}" for at, name in enumerate(members)}
        self._asked = [(fields[name.removeprefix(_THERE)], name.startswith(_THERE)) for name in names]
        short = {at: name for name, at in fields.items()}
        of = msgspec.Raw | msgspec.UnsetType
        struct = msgspec.defstruct("Item", [(at, of, msgspec.UNSET) for at in short], rename=short.get)
        self._decode = msgspec.json.Decoder(list[struct]).decode  # type: ignore[valid-type]  # made at run time
        self._known: dict[bytes, int] = {}
        self._numbers: dict[Any, int] = {}

    def number(self, text: bytes | None) -> int:
        """A number: the same for texts whose items say the same there."""
        if text is None:
            return -1
        found = self._known.get(text)
        if found is None:
            if len(self._known) > KEPT_TEXTS:
                self._known.clear()
            found = self._known[text] = self._number(text)
        return found

    def _number(self, text: bytes) -> int:
        try:
            items = self._decode(text)
        except msgspec.MsgspecError:
            return self._numbers.setdefault(text, len(self._numbers))
        key = tuple(
            None if (value := getattr(one, name)) is msgspec.UNSET else presence or bytes(value)
            for one in items
            for name, presence in self._asked
        )
        return self._numbers.setdefault((len(items), key), len(self._numbers))


@dataclass(slots=True)
class Asked:
    """What tests have been found to ask of an object: values, members of items by list, presence."""

    values: list[str] = field(default_factory=list)
    items: dict[str, list[str]] = field(default_factory=dict)
    presence: list[str] = field(default_factory=list)

    def learn(self, watched: Watched, known: frozenset[str]) -> None:
        """Take in what a test asked for, but for members that are `known` otherwise. AskedMoreError if that is new."""
        values = sorted(watched.values_asked - known - set(self.values))
        presence = sorted(watched.presence_asked - known - set(self.presence))
        items = sorted(
            one for one in watched.items_asked if one[0] not in known and one[1] not in self.items.get(one[0], ())
        )
        self.values += values
        self.presence += presence
        for name, member in items:
            self.items.setdefault(name, []).append(member)
        if values or presence or items:
            raise AskedMoreError

    def names(self) -> list[str]:
        """The members asked for."""
        return [*self.values, *self.items, *self.presence]

    def key(self, root: Root, fields: Fields, one: str, space: dict[str, Any]) -> tuple[list[str], str]:
        """Source of what tells routes apart: the record's dataset, texts, what items have, and what is there.

        Members of which an element is looked up anyway go by its number, whose source comes first.
        """
        text: list[str] = []
        parts = [f"{one}_identifier[{NAMED}]", f"{one}_extension[{NAMED}]"]
        for name in self.values:
            if name in root.elements and root.elements[name].names == (name,):
                number = f"{one}_{fields.at[name]}"
                text += lookup(root, fields, root.elements[name], one, number, space)
                parts.append(number)
            else:
                parts.append(f"{one}_extension[{TEXTS}]" if name == "extension" else fields.text(one, name))
        for name, members in self.items.items():
            if name in KEYS and set(members) <= {KEYS[name], _COUNT}:
                parts.append(f"{one}_{name}[{ITEM_KEYS}]")
                continue
            space[f"items_{fields.at[name]}"] = ItemTexts([member for member in members if member != _COUNT]).number
            parts.append(f"items_{fields.at[name]}({fields.text(one, name)})")
        parts += [f"{one}.{fields.at[name]} is UNSET" for name in self.presence]
        return text, f"({', '.join(parts)},)"

    def looked_up(self, root: Root, fields: Fields, one: str) -> dict[str, str]:
        """The names of the numbers that `key` has found, by member."""
        return {
            name: f"{one}_{fields.at[name]}"
            for name in self.values
            if name in root.elements and root.elements[name].names == (name,)
        }
