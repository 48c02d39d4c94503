"""The boundary check at speed: most resources are passed at once, only the others go through fhir.resources.

The structure is that of fhir.resources' own models: its fields become msgspec Structs, when a type is first met, with
types, lists, required and one-of-many as the models have them. What is passed here, `check` passes: wherever the two
could differ (a contained resource, an empty object) this says no, and `check` decides.

Exports repeat themselves: the same codes, units, profiles, references. So an element is decoded where its very bytes
have not been seen in that place before, and only looked up where they have.
"""

from __future__ import annotations

import re
import sys
import typing
from decimal import Decimal
from functools import cache
from operator import attrgetter
from types import ModuleType, UnionType
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from trialbridge.fhir.check import model_type
from trialbridge.fhir.elements import resource_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trialbridge.fhir.releases import Release

REMEMBERED = 4 << 20
"""Bytes of elements remembered for a resource type; then all are forgotten, so that memory stays bounded."""
_SETS = 4_000
"""So many sets of members are remembered; then all are forgotten: a server may send members in any order."""
_LONG = 4096
_LIST = 500
"""A list of extensions of more bytes is gone through item by item."""
_EMPTY = re.compile(rb"\{\s*\}")
_BLANK = re.compile(r'"(?:\s|\\u[0-9A-Fa-f]{4}|\\[bfnrt])+"')  # a text that may be of odd blanks alone
_ID = re.compile(rb'"[A-Za-z0-9\-.]{1,64}"')
_LEAP = r"(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)"  # 1600, 2000: but not 1700, 1900
_DAY = (
    r"(?:[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
_YEAR = r"[12](?:[0-9]{2}[1-9]|[0-9][1-9]0|[1-9]00|000)"
_MONTH = r"-(?:0[1-9]|1[0-2])"
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"


def _text(pattern: str) -> Any:
    return Annotated[str, Meta(pattern=pattern)]


_PRIMITIVES: dict[str, Any] = {
    # name of fhir_core's type: what surely fits it
    "String": Annotated[str, Meta(min_length=1)],  # and not of odd blanks alone: see `sound`
    "Code": _text(r"^[^\s]+(\s[^\s]+)*\Z"),
    "Id": Annotated[str, Meta(pattern=r"^[A-Za-z0-9\-.]+\Z", max_length=255)],
    "Uri": str,
    "Canonical": str,
    "Oid": _text(r"^urn:oid:[0-2](\.(0|[1-9][0-9]*))+\Z"),
    "Url": _text(rf"^https?://(?:{_LABEL}\.)*[A-Za-z]+(?::[1-9][0-9]{{0,3}})?(?:/[!-~]*)?\Z"),
    "Markdown": str,
    "Xhtml": str,
    "Decimal": int | float,
    "Integer": Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)],
    "UnsignedInt": Annotated[int, Meta(ge=0, le=2**31 - 1)],
    "PositiveInt": Annotated[int, Meta(ge=1, le=2**31 - 1)],
    "Date": _text(rf"^(?:{_YEAR}(?:{_MONTH})?|{_DAY})\Z"),
    "DateTime": _text(rf"^(?:{_YEAR}(?:{_MONTH})?|{_DAY}(?:T{_CLOCK}{_ZONE})?)\Z"),
    "Instant": _text(rf"^{_DAY}T{_CLOCK}{_ZONE}\Z"),
    "Time": _text(rf"^{_CLOCK}\Z"),
}
_EXTENSIONS = frozenset({"extension", "modifierExtension"})
Decode = typing.Callable[[bytes], Any]


def sound(line: bytes, kind: str, release: Release) -> bool:
    """Whether the structure of a resource, given as its JSON, is surely right. False means: ask `check`."""
    held = _types(kind, release)
    if held is None:
        return False
    try:
        members = members_of(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return held.sound(members)


members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""The members of an object, given as its JSON, each as its JSON."""
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _plain(text: bytes) -> bool:
    """Whether a JSON text has neither an empty object nor a string of blanks alone: those are `check`'s to judge."""
    if b"{}" in text or ((b"{ " in text or b"{\t" in text) and _EMPTY.search(text)):
        return False
    return not ((b"\\" in text or not text.isascii()) and _BLANK.search(text.decode()))


class Elements:
    """A resource type's root elements, one by one: for who makes the same element for many resources.

    A resource is `sound` where each of its elements is `right` and together they are `complete`.
    """

    def __init__(self, kind: str, release: Release) -> None:
        self._held = _types(kind, release)

    def right(self, name: str, text: bytes) -> bool:
        """Whether an element, given as its JSON, is surely right."""
        held = self._held
        try:
            return held is not None and held.right(name, text)
        except UnicodeDecodeError:
            return False

    def sure(self, names: Iterable[str]) -> bool:
        """Whether elements of these names are surely all that must be there, and nothing that may not, whatever they say."""
        return self._held is not None and self._held.sure(names)

    def complete(self, members: dict[str, bytes]) -> bool:
        """Whether these elements, given as their JSON, are surely all that must be there and nothing that may not."""
        return self._held is not None and self._held.complete({name: msgspec.Raw(one) for name, one in members.items()})


class _Held:
    """What is known of one resource type: how its elements are decoded, and which have been found right."""

    __slots__ = ("_decoders", "_extension", "_names", "_ones", "_own", "_required", "_seen", "_size")

    def __init__(
        self,
        decoders: dict[str, Decode],
        required: list[str],
        ones: list[tuple[bool, list[str]]],
        extension: _Held | None,
    ) -> None:
        self._decoders = decoders
        self._extension = extension or self
        self._own = frozenset(decoders) | ({"resourceType"} if extension is not None else frozenset())
        self._required = required
        self._ones = ones
        self._names: dict[tuple[str, ...], bool] = {}
        self._seen: dict[str, set[bytes]] = {name: set() for name in decoders}
        self._size = 0

    def sound(self, members: dict[str, msgspec.Raw]) -> bool:
        """Whether a resource of these members is right."""
        if not self.complete(members):
            return False
        seen = self._seen
        for name, raw in members.items():
            if name == "resourceType":
                continue
            text = bytes(raw)
            if name == "id" and _ID.fullmatch(text):
                continue
            if text not in seen[name] and not self._right(name, text):
                return False
        return True

    def complete(self, members: dict[str, msgspec.Raw]) -> bool:
        """Whether the members are all that must be there, and nothing that may not."""
        names = tuple(members)
        known = self._names.get(names)
        if known is None:
            known = self._complete(members)
            if all(one in members for one in self._required):  # else it hangs on what stands beside
                if len(self._names) >= _SETS:
                    self._names.clear()
                self._names[names] = known
        return known

    def sure(self, names: Iterable[str]) -> bool:
        """Whether members of these names are complete, whatever they say."""
        return self._complete(dict.fromkeys(names, _SILENT))

    def right(self, name: str, text: bytes) -> bool:
        """Whether an element is right."""
        if name == "id":
            return _ID.fullmatch(text) is not None or self._right(name, text)
        return name in self._decoders and (text in self._seen[name] or self._right(name, text))

    def _items(self, text: bytes) -> bool:
        """Whether a long list of extensions is right: each is looked up by itself, and those inside it."""
        items = _list(text)
        return bool(items) and all(map(self._extension.item, items))

    def item(self, raw: msgspec.Raw) -> bool:
        """Whether an extension is right."""
        text = bytes(raw)
        if text in self._seen["extension"]:
            return True
        right = self.sound(members_of(text))
        if right:
            self._remember("extension", text)
        return right

    def _complete(self, members: dict[str, msgspec.Raw]) -> bool:
        """Whether the members are known, those required are there, and of each choice one at the most."""
        if not self._own.issuperset(members):
            return False
        if not all(name in members or _excused(members.get(f"_{name}")) for name in self._required):
            return False
        return all(
            (count := sum(name in members for name in names)) <= 1 and (count == 1 or not needed)
            for needed, names in self._ones
        )

    def _right(self, name: str, text: bytes) -> bool:
        """Decode an element, and remember it."""
        try:
            if len(text) > _LIST and name in _EXTENSIONS:
                return self._items(text)
            if not _plain(text):
                return False
            self._decoders[name](text)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
            return False
        self._remember(name, text)
        return True

    def _remember(self, name: str, text: bytes) -> None:
        if len(text) < _LONG:
            self._size += len(text) + 80
            if self._size > REMEMBERED:
                self._seen = {one: set() for one in self._decoders}
                self._size = len(text)
            self._seen[name].add(text)


_SILENT = msgspec.Raw(b"null")


def _excused(sibling: msgspec.Raw | None) -> bool:
    """Whether a required primitive that is absent has an extension that may say why."""
    return sibling is not None and b'"extension":' in bytes(sibling)


@cache
def _types(kind: str, release: Release) -> _Held | None:
    """What is known of a resource type, None where fhir.resources has no model of it."""
    if kind not in resource_types(release):
        return None
    model = model_type(kind, release)
    if model is None:
        return None
    return _held(model, release, _extension(release))


@cache
def _extension(release: Release) -> _Held:
    """What is known of extensions, which hold one another."""
    return _held(model_type("Extension", release), release, None)


def _held(model: Any, release: Release, extension: _Held | None) -> _Held:
    module = _module(release)
    types, required, ones = _fields(model, module)
    decoders = {name: _decoder(of, module) for name, of in types.items()}
    return _Held(decoders, required, ones, extension)


def _decoder(of: Any, module: ModuleType) -> Decode:
    """The decoder of one element."""
    holder = msgspec.defstruct("Holder", [("value", of)], module=module.__name__)
    hints = typing.get_type_hints(holder, vars(module), include_extras=True)
    decode: Decode = msgspec.json.Decoder(hints["value"], strict=True).decode
    return decode


@cache
def _module(release: Release) -> ModuleType:
    """The module in which the Structs of a release find one another by name."""
    name = f"trialbridge.fhir.strict.{release.lower()}"
    made = ModuleType(name)
    vars(made).update({"Annotated": Annotated, "UNSET": UNSET})
    sys.modules[name] = made
    return made


def _fields(model: Any, module: ModuleType) -> tuple[dict[str, Any], list[str], list[tuple[bool, list[str]]]]:
    """The fields of a model that are sure: type by JSON name; the required ones; the choices, each needed or not."""
    types: dict[str, Any] = {}
    required: list[str] = []
    for name, info in model.model_fields.items():
        if name == "fhir_comments":
            continue
        json_name = info.alias or name
        of = _type(info.annotation, info.metadata, module)
        about = info.json_schema_extra or {}
        if info.is_required() or about.get("element_required"):
            required.append(json_name)
        if of is not None:
            types[json_name] = of
    ones = []
    for names in model.get_one_of_many_fields(None).values():
        about = model.model_fields[names[0]].json_schema_extra
        ones.append((about["one_of_many_required"] is True, [model.model_fields[one].alias or one for one in names]))
    return types, required, ones


def _type(annotation: Any, metadata: list[Any], module: ModuleType) -> Any:
    """The msgspec type of a field, None where it is not sure."""
    arguments = [one for one in typing.get_args(annotation) if one is not type(None)]
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, UnionType}:
        return _type(arguments[0], metadata, module) if len(arguments) == 1 else None
    if origin is list:
        of = _type(arguments[0], [], module)
        return None if of is None else Annotated[list[of], Meta(min_length=1)]  # type: ignore[valid-type]  # a type made as it runs
    if origin is Annotated:
        return _primitive(arguments[1:])
    if annotation is bool:
        return bool
    if annotation in {str, int, Decimal} or metadata:
        return _primitive(metadata)
    return _complex(annotation, module)


def _primitive(marks: Any) -> Any:
    named = [_PRIMITIVES[name] for one in marks if (name := type(one).__name__) in _PRIMITIVES]
    return named[0] if len(named) == 1 else None


def _complex(annotation: Any, module: ModuleType) -> Any:
    """The Struct of a datatype or backbone element, by a forward reference: they hold one another."""
    get: Callable[[], Any] | None = getattr(annotation, "get_model_klass", None)
    if get is None:
        return None
    model = get()
    name = model.__name__
    if name in {"Resource", "Element"}:
        return None
    if name not in vars(module):
        setattr(module, name, None)  # begun: its own fields may point at it
        setattr(module, name, _struct(name, model, module))
    return typing.ForwardRef(name, module=module.__name__)


def _struct(name: str, model: Any, module: ModuleType) -> type[msgspec.Struct]:
    """A Struct that decodes what the model takes: unknown elements refused, required and one-of-many asked for."""
    types, required, ones = _fields(model, module)
    safe = {json_name: f"f{at}" for at, json_name in enumerate(types)}
    lacking = [one for one in required if one not in types]
    needed = [safe[one] for one in required if one in types]
    choices = [(must, [safe[one] for one in names if one in types]) for must, names in ones]
    asked = _values(needed)
    groups = [(must, len(names), _values(names)) for must, names in choices if names]

    def judge(self: Any) -> None:
        if lacking or UNSET in asked(self):
            raise ValueError(name)
        for must, count, values in groups:
            there = count - values(self).count(UNSET)
            if there > 1 or (must and not there):
                raise ValueError(name)

    return msgspec.defstruct(
        name,
        [(safe[json_name], Annotated[of, Meta()] | msgspec.UnsetType, UNSET) for json_name, of in types.items()],
        rename={safe[json_name]: json_name for json_name in types}.get,
        forbid_unknown_fields=True,
        module=module.__name__,
        namespace={"__post_init__": judge} if needed or groups or lacking else None,
    )


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these fields of a Struct, quickly."""
    if len(names) == 1:
        only = attrgetter(*names)
        return lambda one: (only(one),)
    return attrgetter(*names) if names else lambda _: ()
