"""Lists whose items are told apart by a key: extensions by url, identifiers by system.

The items of one key are an element of their own, for of a list hardly any whole text occurs twice while most of its
items do. What the extension `sdtm-variable` carries is read together, likewise what looks at the list as a whole. The
record's own identifier, STUDYID|dataset|USUBJID|--SEQ, is taken apart: it is in every record another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trialbridge.converters.columnar.members import KEYS, Element, NotPlainError
from trialbridge.converters.columnar.traced import Traced
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.mappings.names import constants
from trialbridge.mappings.spellings import RECORD, record_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trialbridge.converters.columnar.members import Right, Slot
    from trialbridge.converters.context import Context

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_LONG = 2000
"""Of a list of more bytes the keys are looked at first."""
_TRIALS = 500
"""So many frames may be of no use, more than were, before cutting out the record is given up."""
_WHOLE_TEXTS = 20_000
"""So many texts of whole lists are remembered in a shard."""


class _Identifier(msgspec.Struct, gc=False):
    system: Any = None
    value: Any = None


class _Url(msgspec.Struct, gc=False):
    url: str | None = None


class _Extension(msgspec.Struct, gc=False):
    url: Any = None
    valueIdentifier: _Identifier | None = None  # noqa: N815 - FHIR's name


Said = tuple[int, str | None, float | None, tuple[Any, ...], tuple[bytes, ...]]
"""What a list says: its number, the dataset and the number that the record's identifier names, keys and texts of items.

The number stands for those of the items' elements (`Keyed.numbers`).
"""
NUMBER, NAMED, SEQUENCE, ITEM_KEYS, TEXTS = range(5)
"""The places in `Said`."""


MISSING: Any = object()


def is_record(slot: Slot, base: str) -> bool:
    """Whether a slot is the number in the record's identifier."""
    bound = constants(base)
    record = {f"identifier {bound['sdtm-record']}", f"extension {bound['x-sdtm-record']}"}
    return slot.spelling is RECORD and not slot.parts and slot.members(base) <= record


class Keyed:
    """One keyed list of a root."""

    def __init__(
        self,
        name: str,
        elements: dict[str, Element],
        base: str,
        carrier: Element | None,
        whole: Element | None,
        right: Right | None = None,
    ) -> None:
        self.name = name
        self._right = right
        self.elements = list(elements.values())
        """Those of its items, then that of what is carried and that of the list as a whole, if there are such."""
        self._at = {names.partition(" ")[2]: at for at, names in enumerate(elements)}
        self._carrier = carrier
        self._list = whole
        self._carrier_at = len(self.elements)
        self.elements += [one for one in (carrier, whole) if one is not None]
        self._sees_record = False
        """Whether the list as a whole is asked what its record's identifier says."""
        bound = constants(base)
        self._carries = bound["x-sdtm-variable"]
        self._is_extension = name == "extension"
        self._key = KEYS[name]
        self._record_system = bound["sdtm-record"]
        self._record_key = bound["x-sdtm-record"] if self._is_extension else self._record_system
        self._mark = encode(self._record_key)
        own = elements.get(f"{name} {self._record_key}")
        self._takes_record = own is None or all(is_record(one, base) for one in own.listed)
        self._latest: Any = None
        self._wanted = {*self._at, self._carries, self._record_key, None}
        self._framing = _TRIALS
        self._heads: dict[bytes, str] = {}
        self._tails: dict[bytes, float | None] = {}
        self._whole: dict[bytes | None, Said] = {}
        self._frames: dict[bytes, tuple[int, tuple[Any, ...], tuple[bytes, ...]]] = {}
        self._items: dict[bytes, tuple[Any, int, int]] = {}
        self._numbered: dict[tuple[int, ...], int] = {}
        self._none: tuple[int, ...] = (0,) * len(self.elements)

    def begin(self) -> None:
        """A new shard begins, after its elements have."""
        self._framing = max(self._framing, _TRIALS // 10)
        for one in (self._items, self._whole, self._frames, self._numbered, self._heads, self._tails):
            one.clear()
        self._whole[None] = (self._number(self._none), None, None, (), ())

    def numbers(self) -> NDArray[np.int64]:
        """For each number of a list (row) those of its items' elements (columns)."""
        return np.array(list(self._numbered), np.int64).reshape(len(self._numbered), len(self.elements))

    def _number(self, numbers: tuple[int, ...]) -> int:
        return self._numbered.setdefault(numbers, len(self._numbered))

    def take(self, text: bytes | None, ctx: Context) -> Said:
        """What a list of that text says. NotPlainError where it is no list of items, or has two records."""
        found = self._whole.get(text)
        if found is not None:
            return found
        assert text is not None
        # The record's identifier is cut out: what is around it repeats. It is the inside of a JSON string without an
        # escape, so the list's structure is that of its frame; the one empty string in the frame is where it stood.
        if len(text) > _LONG and self._passes_by(text):
            self._checked(text)
            return (0, None, None, (), (text,))
        last = text.rfind(b"|") if self._framing > 0 else -1
        if last > 0:
            end = text.find(b'"', last)
            begin = text.rfind(b'"', 0, last) + 1
            known = self._frames.get(text[:begin] + text[end:])
            if known is not None:
                named = self._heads.get(text[begin:last])
                sequence = self._tails.get(text[last + 1 : end], MISSING)
                if named is None or sequence is MISSING:
                    named, sequence = self._named(text[begin:end])
                if named is not None:
                    self._framing += 1
                    return (known[0], named, sequence, known[1], known[2])
            self._framing -= 1
        found = number, named, sequence, keys, texts = self._read(text, ctx)
        if named is None:
            if len(self._whole) < _WHOLE_TEXTS:
                self._whole[text] = found
        elif last > 0 and b"\\" not in text and self._latest == text[begin:end].decode():
            self._heads[text[begin:last]] = named
            self._tails[text[last + 1 : end]] = sequence
            frame = text[:begin] + text[end:]
            plain = not self._sees_record and text.count(text[begin:end]) == 1 and frame.count(b'""') == 1
            if plain and len(self._frames) < _WHOLE_TEXTS:
                self._frames[frame] = (number, keys, texts)
        return found

    def _named(self, text: bytes) -> tuple[str | None, float | None]:
        """What a record's identifier names, given as the inside of its JSON string; None where it is not that plain."""
        if not text.isascii() or b"\\" in text or not text.decode().isprintable():
            return None, None
        named, sequence = self._of_record(text.decode())
        head, _, tail = text.rpartition(b"|")
        self._heads[head] = named
        self._tails[tail] = sequence
        return named, sequence

    def _passes_by(self, text: bytes) -> bool:
        """Whether a long list holds nothing that is read here, by a look at the keys of its items."""
        try:
            return self._is_extension and self._list is None and not any(one.url in self._wanted for one in _keys(text))
        except (msgspec.MsgspecError, TypeError):
            return False

    def _read(self, text: bytes, ctx: Context) -> Said:
        try:
            items = _split(text) if text[:1] == b"[" else None
        except msgspec.MsgspecError as error:
            raise NotPlainError from error
        if items is None:
            # AdverseEvent has one identifier in R4: no line reads an item of it, but it may name the record.
            if self._is_extension or text[:1] != b"{" or self._mark in text:
                raise NotPlainError
            items = []
        if not items:
            self._checked(text)
        numbers = list(self._none)
        keys = []
        texts = []
        places = []
        carried: tuple[bytes, ...] = ()
        record: bytes | None = None
        several = False
        named = sequence = None
        for item in items:
            own = bytes(item)
            known = self._items.get(own)
            if known is None:
                self._checked(b"[" + own + b"]")
            if known is None and self._takes_record and self._mark in own and (found := self._record(own)) is not None:
                if record is not None:
                    raise NotPlainError
                named, sequence = found
                record = own
                known = (self._record_key, _UNREAD, 0)
            elif known is None:
                known = self._items[own] = self._item(own, ctx)
            key, at, number = known
            keys.append(key)
            texts.append(own)
            places.append(at)
            if at >= 0:
                several = several or numbers[at] != 0
                numbers[at] = number
            elif at == _CARRIED:
                carried += (own,)
        if carried and self._carrier is not None:
            numbers[self._carrier_at] = self._together(self._carrier, carried, ctx)
        if several:
            for at in {one for one in places if one >= 0 and places.count(one) > 1}:
                some = tuple(one for one, place in zip(texts, places, strict=True) if place == at)
                numbers[at] = self._together(self.elements[at], some, ctx)
        if self._list is not None:
            numbers[-1] = self._as_a_whole(self._list, text, texts, record, ctx)
        return (self._number(tuple(numbers)), named, sequence, tuple(keys), tuple(texts))

    def _checked(self, text: bytes) -> None:
        """NotPlainError where a list of that text is not surely right, though it must be."""
        if self._right is not None and not self._right(self.name, text):
            raise NotPlainError

    def _together(self, element: Element, texts: tuple[bytes, ...], ctx: Context) -> int:
        """The number of several items that are read together."""
        number = element.memo.get(texts)
        return element.learn(texts, {self.name: list(map(decode, texts))}, ctx) if number is None else number

    def _as_a_whole(self, element: Element, text: bytes, texts: list[bytes], record: bytes | None, ctx: Context) -> int:
        """The number of a list that is read as a whole. It is known without its record, unless that is looked at."""
        apart = record is not None and not self._sees_record
        key = tuple(b"" if one is record else one for one in texts) if apart else text
        number = element.memo.get(key)
        if number is not None:
            return number
        asked: set[str] = set()
        items = [Traced(decode(one), asked) if one is record else decode(one) for one in texts]
        number = element.learn(key, {self.name: items if text[:1] == b"[" else decode(text)}, ctx)
        if asked <= {self._key}:
            return number
        self._sees_record = True
        return self._as_a_whole(element, text, texts, record, ctx) if apart else number

    def _item(self, text: bytes, ctx: Context) -> tuple[Any, int, int]:
        """Key of an item, place of its element (or what it is else), number of its text."""
        try:
            key = _extension(text).url if self._is_extension else _identifier(text).system
        except msgspec.MsgspecError as error:
            raise NotPlainError from error
        if key is not None and not isinstance(key, str):
            raise NotPlainError
        if self._carrier is not None and key == self._carries:
            return key, _CARRIED, 0
        at = _UNREAD if key is None else self._at.get(key, _UNREAD)
        if at < 0:
            return key, _UNREAD, 0
        element = self.elements[at]
        number = element.memo.get(text)
        return key, at, element.learn(text, {self.name: [decode(text)]}, ctx) if number is None else number

    def _record(self, text: bytes) -> tuple[str, float | None] | None:
        """Dataset and number of a record's identifier. NotPlainError where it is one and says otherwise."""
        try:
            if not self._is_extension:
                item = _identifier(text)
                return self._of_record(item.value) if item.system == self._record_key else None
            outer = _extension(text)
        except msgspec.MsgspecError as error:
            raise NotPlainError from error
        if outer.url != self._record_key:
            return None
        inside = outer.valueIdentifier
        if inside is None or inside.system != self._record_system:
            raise NotPlainError
        return self._of_record(inside.value)

    def _of_record(self, text: Any) -> tuple[str, float | None]:
        """Dataset and number that a record's identifier names. NotPlainError for any other text."""
        parts = record_parts(text)
        if not parts or not parts[1]:
            raise NotPlainError
        self._latest = text
        return parts[1], RECORD.to_sdtm(text, None)


_UNREAD, _CARRIED = -1, -2
_identifier = msgspec.json.Decoder(_Identifier).decode
_extension = msgspec.json.Decoder(_Extension).decode
_keys = msgspec.json.Decoder(list[_Url]).decode
