"""Surroundings that answer with marks: what an element says that is the same for every subject but for ids.

A mark stands for a cell or a reference. It is there and can be passed on; whoever looks at it is refused, so that what
is made of marks is made the same way of any ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.converters.by_element.rows import UnfitError
from trialbridge.converters.by_element.said import mark
from trialbridge.converters.context import Context, fresh

if TYPE_CHECKING:
    from trialbridge.converters.by_element.rows import Memo, Traced
    from trialbridge.mappings.kit import Part, Resource

SUBJECT, CANCER, LESION_OF, ID_OF = "@subject", "@cancer", "@lesion", "@id"
USUBJID = "USUBJID"


def _refused(*_: Any, **__: Any) -> Any:
    raise UnfitError("a mark was looked at")


_HARMLESS = {"__class__", "__new__", "__init__", "__getattribute__", "__dir__"}


def _same(one: Any, other: Any) -> bool:
    return one is other if type(other) is type(one) else _refused()


# A text that stands for a cell, sealed: it is there and can be passed on; whoever looks at it is refused.
Sealed: Any = type(
    "Sealed",
    (str,),
    {name: _refused for name in dir(str) if name not in _HARMLESS and callable(getattr(str, name))}
    | {
        "__slots__": (),
        "__bool__": lambda _: True,
        "__eq__": _same,
        "__ne__": lambda one, other: not _same(one, other),
    },
)


@dataclass(slots=True)
class Links:
    """How an element points at what every subject has its own of."""

    sealed: dict[str, Any]
    """The variables for which marks stand."""
    lesion: str | None
    """The variable that names a lesion by a reference."""
    part: Part | None
    """The resource that is made with the element, if one is."""
    memo: Memo[Any]

    @property
    def id_of(self) -> str:
        """The column of the part's ids."""
        assert self.part is not None
        return " ".join((ID_OF, self.part.type, *self.part.key))

    def names(self) -> list[str]:
        """All columns for which marks may stand."""
        found = [*self.sealed, SUBJECT, CANCER]
        found += [f"{LESION_OF} {self.lesion}"] if self.lesion else []
        return [*found, self.id_of] if self.part else found


class Standing:
    """A context that answers about marks with marks, or about the row itself; it refuses what it does not know."""

    def __init__(self, ctx: Context, its: Links, row: Traced, learned: frozenset[str], *, marked: bool) -> None:
        self._ctx, self._links, self._learned, self._marked = ctx, its, learned, marked
        self.row = row
        self.base, self.release, self.oncology, self.url = ctx.base, ctx.release, ctx.oncology, ctx.url
        self.part: Resource | None = None

    def _stands(self, name: str) -> Any:
        """What is in that column, or its mark; None where there is nothing."""
        if not self._marked:
            return self.row.get(name)
        return mark(name) if self.row.get(f"!{name}") else None

    def _is(self, cell: Any, variable: str | None) -> bool:
        """Whether that is the row's cell."""
        return variable in self._links.sealed and cell is not None and bool(cell == self.row.get(str(variable)))

    def begin(self, resource_type: str, _key: Any, template: Any) -> Resource:
        """The primary resource: it has no id yet."""
        return {"resourceType": resource_type, **fresh(template)}

    def share(self, resource_type: str, _key: Any, template: Any) -> tuple[Resource, bool]:
        """The part, as if this row were the first that has it."""
        part = self._links.part
        if part is None or part.type != resource_type or self.part is not None:
            _refused()
        self.part = {"resourceType": resource_type, "id": self._stands(self._links.id_of), **fresh(template)}
        return self.part, True

    def subject(self, usubjid: Any) -> Resource:
        """The reference to the row's subject."""
        return {"reference": self._stands(SUBJECT)} if self._is(usubjid, USUBJID) else _refused()

    def fact(self, kind: str, *key: Any) -> Any:
        """The reference to the subject's cancer."""
        if kind != "cancer" or kind in self._learned or len(key) != 1 or not self._is(key[0], USUBJID):
            _refused()
        found = self._stands(CANCER)
        return None if found is None else {"reference": found}

    def lesion(self, lnkid: Any) -> Resource:
        """The reference to the row's lesion."""
        if "lesion" in self._learned or not self._is(lnkid, self._links.lesion):
            _refused()
        found = self._stands(f"{LESION_OF} {self._links.lesion}")
        if found is not None:
            return {"reference": found}
        return {"type": "BodyStructure", "identifier": {"system": self.url("tulnkid"), "value": lnkid}}

    def usubjid(self, reference: Any) -> Any:
        """The subject that a reference points to."""
        return self.row.get(USUBJID) if reference == {"reference": self._stands(SUBJECT)} else _refused()

    def resolve(self, reference: Any, _within: Any = None) -> Any:
        """The part; of a reference by identifier alone what it says."""
        if set(reference) == {"type", "identifier"}:
            return {"resourceType": reference["type"], "identifier": [reference["identifier"]]}
        part = self.part
        if part is None or reference != {"reference": f"{part['resourceType']}/{part['id']}"}:
            _refused()
        return part

    def identifier_of(self, reference: Any, system: str) -> Any:
        """The name of the lesion that a reference points to: `@lesion` has those alone that say it."""
        if "reference" not in reference or self._links.lesion is None:
            return Context.identifier_of(self, reference, system)  # type: ignore[arg-type]  # it asks what is here
        if system == "tulnkid" and reference == {"reference": self._stands(f"{LESION_OF} {self._links.lesion}")}:
            return self.row.get(self._links.lesion)
        return None if reference == {"reference": self._stands(CANCER)} else _refused()  # a Condition is no lesion
