"""The words the dictionary is written in: `Line`, `Spelling`, `Part`, `Extra`, `Derived`, `Mapping`.

One variable, one line, read both ways. A `Mapping` ties the rows of one domain to one primary resource and the
resources that hang on it; `converters.compile` turns its lines into straight-line functions for both directions.
What cannot be inverted is refused here, when the dictionary is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from trialbridge.base.errors import NotInvertibleError
from trialbridge.fhir.paths import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as MappingOf

Row = dict[str, Any]
"""One record: variable -> str, float or None. Supplemental qualifiers stand under `SUPP.<QNAM>`."""
Resource = dict[str, Any]
"""One FHIR resource or element as plain JSON, decimals as `Decimal`."""
Release = Literal["R4", "R5"]
Direction = Literal["both", "to_sdtm", "to_fhir"]
Shape = Literal["value", "literal", "member"]
BOTH_RELEASES: tuple[Release, ...] = ("R4", "R5")


class Context(Protocol):
    """What a spelling may ask beside the value itself: the study around the row, the pool around the resource."""

    base: str
    release: Release
    oncology: bool
    row: Row
    """The row being written."""
    dataset: str
    """The dataset it stands in: LBCH for a part of LB."""

    def url(self, name: str) -> str:
        """An identifier system or extension url of ours, under the configured base."""
        ...

    def subject(self, usubjid: str) -> Resource:
        """A Reference to the subject's Patient; the Patient is made if no DM row made it."""
        ...

    def usubjid(self, reference: Any) -> str | None:
        """The USUBJID of the Patient that a Reference points to."""
        ...

    def study(self, studyid: str) -> Resource:
        """A Reference to the ResearchStudy; it is made if need be."""
        ...

    def studyid(self, reference: Any) -> str | None:
        """The STUDYID of the ResearchStudy that a Reference points to."""
        ...

    def lesion(self, lnkid: str) -> Resource:
        """A Reference to the BodyStructure of that lesion of the row's subject and assessor."""
        ...

    def identifier_of(self, reference: Any, system: str) -> str | None:
        """The value of the identifier with that system (a short name of ours) of the resource a Reference points to."""
        ...

    def resolve(self, reference: Any, within: Resource | None = None) -> Resource | None:
        """The resource a Reference points to, or None."""
        ...

    def made(self, resource_type: str, *key: Any) -> Resource | None:
        """A Reference to a resource already made from that business key, or None."""
        ...

    def fact(self, kind: str, *key: Any) -> Any:
        """What the study knows by key: ("rfstdtc", USUBJID), ("armcd", name), ("lesion class", …); None if unknown."""
        ...

    def group(self, kind: str, *key: Any) -> list[Any]:
        """A list the study keeps by key, to be added to: References of one lesion group, arms of a study."""
        ...

    def learn_element(self, row: Row) -> None:
        """Remember a row of SE, from which EPOCH follows."""
        ...

    def learn(self, kind: str, *key: Any, value: Any) -> None:
        """Remember a fact; the first one stays."""
        ...


@dataclass(frozen=True, slots=True)
class Spelling:
    """One value as each side writes it.

    `to_sdtm(element, ctx)` gives the cell or None; `to_fhir(cell, ctx)` gives the element or None (it cannot say it).
    Shape `literal`: a primitive with its sibling for extensions: `to_sdtm(value, sibling, ctx)`,
    `to_fhir(cell, ctx) -> (value, sibling)`. Shape `member`: one of a list; `to_sdtm` is tried on each element.
    `pairs` is set for plain code tables, so that documents can show them.
    """

    name: str
    to_sdtm: Callable[..., Any]
    to_fhir: Callable[..., Any]
    shape: Shape = "value"
    pairs: MappingOf[str, Any] = field(default_factory=dict)
    loses: str = ""


def codes(name: str, pairs: MappingOf[str, Any], loses: str = "") -> Spelling:
    """A code table: submission value -> FHIR code. Refused if two values share a code, unless `loses` says what is lost.

    With `loses`, the first value that has a code is the one read back.
    """
    back: dict[Any, str] = {}
    for value, code in pairs.items():
        if code in back and not loses:
            raise NotInvertibleError(
                f"The code table {name} does not invert: {back[code]!r} and {value!r} are both {code!r}.",
                fix="give each its own code, or say with loses= what is lost",
            )
        back.setdefault(code, value)
    return Spelling(
        name,
        lambda code, _ctx: back.get(code) if isinstance(code, str | bool | int) else None,
        lambda value, _ctx: pairs.get(value),
        pairs=dict(pairs),
        loses=loses,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One variable and the path it lives at.

    `also` are further paths it is read from, in order, when the first is empty (dialects in the wild); each may
    bring its own spelling. A line may stand for one release only, or for one direction only.
    """

    variable: str
    path: str
    spelling: Spelling
    also: tuple[tuple[str, Spelling], ...] = ()
    releases: tuple[Release, ...] = BOTH_RELEASES
    direction: Direction = "both"
    note: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for path in (self.path, *(other for other, _ in self.also)):
            parse(path)


def line(
    variable: str,
    path: str,
    spelling: Spelling,
    *also: str | tuple[str, Spelling],
    only: Release | None = None,
    direction: Direction = "both",
    note: str = "",
    source: str = "",
) -> Line:
    """A `Line`; an alternative path given as text uses the line's own spelling."""
    others = tuple((other, spelling) if isinstance(other, str) else other for other in also)
    releases = BOTH_RELEASES if only is None else (only,)
    return Line(variable, path, spelling, others, releases, direction, note, source)


def not_in_error(resource: Resource) -> bool:
    """Whether a resource is a record: not one entered in error."""
    return resource.get("status") != "entered-in-error"


@dataclass(frozen=True, slots=True)
class Part:
    """A resource that hangs on an earlier one by a reference at `link`, shared by all rows with the same key.

    Its id is made from `key` (variables of the row); it is written when the row has a value for one of `needs`. A
    part without needs is read only: another's resource, or a dialect's. `when` says which linked resources are read.
    """

    name: str
    type: str
    key: tuple[str, ...]
    link: str
    needs: tuple[str, ...]
    fixed: MappingOf[str, Any] = field(default_factory=dict)
    releases: tuple[Release, ...] = BOTH_RELEASES
    when: Callable[[Resource], bool] = not_in_error


@dataclass(frozen=True, slots=True)
class Extra:
    """An element only FHIR wants: computed from the row, never read back. None writes nothing."""

    path: str
    how: Callable[[Row, Context], Any]
    releases: tuple[Release, ...] = BOTH_RELEASES
    note: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """A variable only SDTM holds, computed from the row when no line gave it.

    `of`, if set, says on which variables alone it hangs, and is the same function of their cells and the context.
    `numbers` may say the same for many rows at once.
    """

    variable: str
    how: Callable[[Row, Context], Any]
    note: str = ""
    source: str = ""
    alike: tuple[str, ...] = ()
    """A name and variables, of what hangs on these alone: the same name and values give the same in any mapping."""
    of: tuple[tuple[str, ...], Callable[..., Any]] | None = None
    numbers: Numbers | None = None


Numbers = tuple[tuple["Callable[[Any, Any], float | None]", ...], "Callable[..., Any]"]
"""Where a number follows from a number of each cell: functions of each cell and the context, None for none; and one of
arrays of these numbers, NaN for none, that gives an array."""


def derived_of(
    variable: str,
    cells: tuple[str, ...],
    function: Callable[..., Any],
    note: str = "",
    source: str = "",
    alike: str = "",
    numbers: Numbers | None = None,
) -> Derived:
    """A variable computed from a few cells of the row: `function(*cells, ctx)`; `alike` as Derived's, the name alone."""

    def how(row: Row, ctx: Context) -> Any:
        return function(*map(row.get, cells), ctx)

    return Derived(variable, how, note, source, (alike, *cells) if alike else (), (cells, function), numbers)


def _always(_: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """The rows of a domain for which `given` holds, and the resources for which `when` and `shape` hold.

    `when` knows a resource by its subject matter (a tumour size, a radiotherapy course), `shape` tells the variants
    of one domain apart (a quantity, a coded result); resources that name their domain are asked for `shape` alone.

    Paths begin with the name of a part; the primary resource's part is called by its type. `each`, if set, is the
    path, by release, of a list inside the primary: rows are its elements, and lines begin with `Each`. `named_only`:
    of a list that domains share, those alone whose record identifier names this one.
    `after_write` and `after_read` are for what lines cannot say; they change the row or the parts in place.
    """

    domain: str
    name: str
    resource: str
    key: tuple[str, ...]
    lines: tuple[Line, ...]
    given: Callable[[Row], bool] = _always
    when: Callable[[Resource], bool] = _always
    shape: Callable[[Resource], bool] = _always
    parts: tuple[Part, ...] = ()
    fixed: MappingOf[str, Any] = field(default_factory=dict)
    extras: tuple[Extra, ...] = ()
    derived: tuple[Derived, ...] = ()
    each: MappingOf[Release, str] = field(default_factory=dict)
    named_only: bool = False
    after_write: Callable[[Row, MappingOf[str, Resource], Context], None] | None = None
    after_read: Callable[[Row, MappingOf[str, Resource | None], Context], None] | None = None

    def __post_init__(self) -> None:
        known = {"Each" if self.each else self.resource, self.resource, *(part.name for part in self.parts)}
        for one in self.lines:
            for path in (one.path, *(other for other, _ in one.also)):
                if parse(path).root not in known:
                    raise NotInvertibleError(
                        f"{self.name}: the line of {one.variable} begins at an unknown part: {path}.",
                        fix=f"begin with one of {', '.join(sorted(known))}",
                    )
        for release in BOTH_RELEASES:
            written = [o.variable for o in self.lines if release in o.releases and o.direction != "to_sdtm"]
            twice = sorted({variable for variable in written if written.count(variable) > 1})
            if twice:
                raise NotInvertibleError(f"{self.name}: more than one line writes {', '.join(twice)} in {release}.")
