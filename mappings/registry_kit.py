"""The words in which a registry record and FHIR's ResearchStudy are tied: lines that are written and read from one text.

`Value` is one field and one place; `Member` a field that is one of a list several fields share, told by what it says;
`Members` a list of texts; `Each` a list of objects; `Linked` a list of objects that are resources of their own, with a
reference at a place; `Special` a pair of functions for the few things that need them. Fields are API v2's names below
the object at hand, places are FHIRPath as `fhir.paths` reads it, beginning with a resource's type or with `Each`.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as made
from typing import TYPE_CHECKING, Any, Literal, Protocol

from trialbridge.fhir.paths import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialbridge.mappings.kit import Resource

Release = Literal["R4", "R5"]
BOTH: tuple[Release, ...] = ("R4", "R5")
Content = dict[str, Any]


class Writing(Protocol):
    """What a special line may ask while a record is written."""

    @property
    def release(self) -> Release:
        """The release that is written."""
        ...

    def make(self, kind: str, key: str, body: Resource) -> Resource:
        """A Reference to a resource of its own, made with an id from the study and the key."""
        ...


class Reading(Protocol):
    """What a special line may ask while a record is read."""

    @property
    def release(self) -> Release:
        """The release that is read."""
        ...

    def resolve(self, reference: Any) -> Resource | None:
        """The resource a Reference points to, contained or beside; None if it is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Spelling:
    """One value as each side writes it. Both give None for what they cannot say.

    `enumeration` names the registry's enumeration whose values it takes, so that unknown ones are reported.
    """

    name: str
    to_fhir: Callable[[Any, Release], Any]
    to_record: Callable[[Any], Any]
    enumeration: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One field and the one place it lives at."""

    field: str
    path: str
    spelling: Spelling
    releases: tuple[Release, ...] = BOTH
    source: str = ""

    def __post_init__(self) -> None:
        parse(self.path)


@dataclass(frozen=True, slots=True)
class Member:
    """A field that is one element of the list at `path`: the first one its spelling can read."""

    field: str
    path: str
    spelling: Spelling
    releases: tuple[Release, ...] = BOTH
    source: str = ""


@dataclass(frozen=True, slots=True)
class Members:
    """A list of texts whose elements stand in the list at `path`: all that the spelling can read."""

    field: str
    path: str
    spelling: Spelling
    releases: tuple[Release, ...] = BOTH
    source: str = ""


@dataclass(frozen=True, slots=True)
class Each:
    """A list of objects, an element of the list at `path` each. `fixed` stands in each element; `mine` tells them."""

    field: str
    path: str
    lines: tuple[Line, ...]
    fixed: Mapping[str, Any] = made(default_factory=dict)
    mine: Callable[[Resource], bool] = lambda _element: True
    releases: tuple[Release, ...] = BOTH
    single: bool = False
    """The field is one object, not a list of them."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A list of objects (one object if `single`) that are resources of type `kind`, with references at `path`."""

    field: str
    path: str
    kind: str
    lines: tuple[Line, ...]
    fixed: Mapping[str, Any] = made(default_factory=dict)
    releases: tuple[Release, ...] = BOTH
    single: bool = False


@dataclass(frozen=True, slots=True)
class Special:
    """Two functions: `to_fhir(object, element, writing)` and `to_record(element, object, reading)`; what they hold."""

    fields: str
    path: str
    to_fhir: Callable[[Mapping[str, Any], Resource, Writing], None]
    to_record: Callable[[Resource, Content, Reading], None]
    releases: tuple[Release, ...] = BOTH


Line = Value | Member | Members | Each | Linked | Special
