"""What an element says: made, read back and compared with the row once for each distinct combination of variables.

The functions are the mapping's own (`by_element.plan`), run on a row that notes what it is asked for. Whatever goes
wrong makes the entry unfit, and the rows it stands for go through the functions of `to_fhir`, which say what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import polars as pl

from trialbridge.converters import to_fhir as whole
from trialbridge.converters.by_element.rows import MARK, NUMBER_MARK, Columns, Traced, UnfitError
from trialbridge.converters.context import fresh
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.mappings.findings import value_or_reason
from trialbridge.mappings.spellings import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.by_element.plan import Element, Plan
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Resource, Row

_NUMBER = number_text(NUMBER_MARK).encode()
_TEXT = MARK.encode()
NOTHING = Columns(pl.DataFrame())
FIRST, ALSO, OTHER = range(3)
"""How a carried variable was met: read by its first path, by another, or not said by any element."""


class Asking:
    """A context as a function sees it whose result is remembered: notes whether it was asked for what may change."""

    def __init__(self, ctx: Context, learned: frozenset[str] = frozenset()) -> None:
        self._ctx = ctx
        self._learned = learned
        self.asked = False
        self.shared = False
        """Whether what is made is for several datasets."""
        self.base, self.release, self.oncology = ctx.base, ctx.release, ctx.oncology
        self.url = ctx.url

    @property
    def context(self) -> Context:
        """The context itself, for what notes nothing."""
        return self._ctx

    @property
    def row(self) -> Any:
        """The row at hand."""
        return self._ctx.row

    @property
    def dataset(self) -> str:
        """The dataset at hand."""
        if self.shared:
            raise UnfitError("an element of several datasets hangs on the dataset")
        return self._ctx.dataset

    def begin(self, resource_type: str, _key: Any, template: Any) -> Resource:
        """A part of the primary resource: it has no id yet."""
        return {"resourceType": resource_type, **fresh(template)}

    def fact(self, kind: str, *key: Any) -> Any:
        """As the context's; what the rows at hand themselves teach is not for us."""
        self.asked = True
        if kind in self._learned:
            raise UnfitError(kind)
        return self._ctx.fact(kind, *key)

    def group(self, kind: str, *key: Any) -> list[Any]:
        """As `fact`."""
        self.asked = True
        if kind in self._learned:
            raise UnfitError(kind)
        return self._ctx.group(kind, *key)

    def __getattr__(self, name: str) -> Any:
        self.asked = True
        return getattr(self._ctx, name)


_NONE: frozenset[str] = frozenset()
_EMPTY: dict[str, Any] = {}


class Said:
    """What was made of one combination: an element, as text by root name, and what it says of the row.

    `columns` and `at` are the row it was made of; `before` and `made` the element as written and without a reason
    beside a value; `texts` have what stands before and behind the hole. Of the row it says the variables in `given`
    (in `firsts` by their first paths), and in `crossed` what another element would have to say first. `carried` are
    variable, how it was met, its extension; `counts` variable and reason, for the ledger. `sound` says whether its
    structure is surely FHIR's, `shape` which elements there are (None: not asked yet). Of a template (`by_element.links`) `hole` is the column that is put
    between its texts, `link` the part that is made with it, `pieces` that part's text and columns in turns.
    """

    __slots__ = (
        "at",
        "before",
        "carried",
        "columns",
        "counts",
        "crossed",
        "firsts",
        "fit",
        "given",
        "hole",
        "link",
        "made",
        "parts",
        "pieces",
        "settled",
        "shape",
        "sound",
        "texts",
    )

    def __init__(self, columns: Columns, at: int, *, fit: bool = True) -> None:
        self.columns = columns
        self.at = at
        self.fit = fit
        self.settled = False
        self.sound: bool | None = None
        self.shape: tuple[tuple[str, bool], ...] | None = None
        self.before: Resource = _EMPTY
        self.made: Resource = _EMPTY
        self.parts: dict[str, Resource] = _EMPTY
        self.texts: dict[str, tuple[bytes, bytes]] = _EMPTY
        self.given = self.crossed = self.firsts = _NONE
        self.carried: tuple[tuple[str, int, bytes], ...] = ()
        self.counts: tuple[tuple[str, str], ...] = ()
        self.hole = ""
        self.link: Resource = _EMPTY
        self.pieces: tuple[bytes | str, ...] = ()


def write_element(plan: Plan, element: Element, columns: Columns, at: int, asking: Asking, ctx: Context) -> Any:
    """Make the element of one row: the entry, what was asked of the row, whether it hangs on the subjects at hand."""
    row = Traced(columns, at, element.holes)
    ctx.row, asking.asked, asking.shared = row, False, element.shared  # type: ignore[assignment]  # a row or context that is watched
    said = Said(columns, at)
    try:
        _write(plan, element, row, asking, said)
    except Exception:  # noqa: BLE001 - whatever it is, the row's own functions will say it
        said.fit = False
    for name in tuple(element.holes) if element.holes else ():
        if row.asked.count(f"!{name}") > 1:
            del element.holes[name]  # something else hangs on it
            row.asked.append(name)
        elif columns.value(f"!{name}", at) == 2:
            said.fit = False
    return said, row.asked, asking.asked


def _write(plan: Plan, element: Element, row: Any, asking: Asking, said: Said) -> None:
    if element.borrowed:
        mapping = plan.mapping
        whose, _ = asking.share(mapping.resource, tuple(row.get(one) for one in mapping.key), {})
        said.before = said.made = {name: whose[name] for name in element.names if name in whose}
        return
    written = element.write.write(row, asking)
    primary, parts = written[0] or {}, written[1:]
    kind = primary.pop("resourceType")
    said.before = primary
    if parts:
        said.parts = {name: one for name, one in zip(element.write.names[1:], parts, strict=True) if one}
    if not primary:
        return
    if kind == "Observation" and ("component" in primary or "dataAbsentReason" in primary):
        said.made = fresh(primary)
        told = {"resourceType": kind, **said.made}
        value_or_reason(told)
        del told["resourceType"]
        said.made = told
    else:
        said.made = primary
    if element.lead is not None:
        asked = len(row.asked)
        if set(element.lead.write(row, asking)[0] or ()) == {"resourceType"}:
            raise UnfitError("its place in the list")
        del row.asked[asked:]  # it asks for what has been asked for: its line is one of the element's
    said.texts = element_texts(element, said)


def element_texts(element: Element, said: Said) -> dict[str, tuple[bytes, bytes]]:
    """The JSON of an element by root name: what stands before and behind its hole."""
    texts = {}
    for name in element.names:
        if element.member:
            text = b"".join([b"," + encode(one) for one in said.made.get(name, ())])
        else:
            its = [(key, value) for key, value in said.made.items() if key in (name, f"_{name}")]
            text = b"".join([b"," + encode({key: value})[1:-1] for key, value in its])
        if text:
            texts[name] = _around(text) if element.holes else (text, b"")
    return texts


def _around(text: bytes) -> tuple[bytes, bytes]:
    for mark in (_NUMBER, _TEXT):
        before, found, behind = text.partition(mark)
        if found:
            if mark in behind:
                raise UnfitError("two holes")
            return before, behind
    return text, b""


def filled(element: Element, said: Said, columns: Columns, at: int) -> Resource:
    """An element as it is of one row."""
    if said.hole and element.links is not None:
        found: Resource = decode(put_in_links(element.links.names(), encode(said.made), columns, at))
        return found
    if not element.holes or not said.made:
        return said.made
    (variable,) = element.holes
    return put_in(said.made, columns.value(variable, at))


def mark(name: str) -> str:
    """The text that stands for what is in a column; no mark has another one within."""
    return str(uuid5(NAMESPACE_OID, f"stands for {name}"))


def put_in_links(names: Iterable[str], text: bytes, columns: Columns, at: int) -> bytes:
    """A text with the row's own where the marks of these columns stand."""
    for name in names:
        text = text.replace(mark(name).encode(), hole_text(columns.value(name, at)))
    return text


def put_in(made: Resource, cell: Any) -> Resource:
    """An element with a cell where its hole is."""
    text = hole_text(cell)
    found: Resource = decode(encode(made).replace(_TEXT, text).replace(_NUMBER, text))
    return found


def hole_text(value: Any) -> bytes:
    """What stands for a cell inside a JSON text."""
    if value is None:
        return b""
    return number_text(value).encode() if isinstance(value, float) else encode(value)[1:-1]


def settle_element(
    plan: Plan, element: Element, said: Said, asking: Asking, url: str, marks: dict[str, Any] | None = None
) -> None:
    """Read an element back, and compare what it says with the row it was made of; `marks` stand for cells."""
    marks = element.holes if marks is None else marks
    said.settled = True
    columns, said.columns = said.columns, NOTHING  # an entry outlives the rows it was made of
    if not said.fit:
        return
    resource = {"resourceType": plan.mapping.resource, **said.made}
    try:
        told = firsts = element.read.read(resource, None, asking)[0]
        said.given = said.firsts = frozenset(told)
        if element.firsts is not None:
            firsts = element.firsts.read(resource, None, asking)[0]
            said.firsts = frozenset(firsts)
        if element.elsewhere is not None:
            said.crossed = frozenset(element.elsewhere.read(resource, None, asking)[0])
        _compare(plan, element, said, columns, told, firsts, url, marks)
    except Exception:  # noqa: BLE001 - as above
        said.fit = False


_COUNTS: dict[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = {}


def interned(counts: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """One object for all that count the same."""
    return _COUNTS.setdefault(counts, counts)


def _compare(
    plan: Plan,
    element: Element,
    said: Said,
    columns: Columns,
    told: Row,
    firsts: Row,
    url: str,
    marks: dict[str, Any],
) -> None:
    at = said.at
    carried: list[tuple[str, int, bytes]] = []
    counts: list[tuple[str, str]] = []
    for variable in element.reads:
        if variable in marks:
            if columns.value(f"!{variable}", at):
                if told.get(variable) != marks[variable]:
                    raise UnfitError(variable)
                counts.append((variable, "read"))
            continue
        final = columns.value(variable, at)
        plain = variable[:5] != "SUPP."
        if plain and final is not None and told.get(variable) == final:
            counts.append((variable, "read"))
            continue
        if variable in told:
            met = FIRST if variable in firsts else ALSO
        elif variable in plan.derivable or final is None:
            continue
        else:
            met = OTHER
        qualifier = None if plain else columns.qualifier(variable, at)
        reason, carry = whole.settled(variable, told.get(variable), final, qualifier, url, derived=False)
        if reason is not None:
            counts.append((variable, reason))
        if carry is not None:
            carried.append((variable, met, encode(carry)))
    said.carried, said.counts = tuple(carried), interned(tuple(counts))


class Late(Traced):
    """A row as derivations see it: a variable that is derived itself is there once its turn has come, or if it was said."""

    __slots__ = ("_late", "_said")

    def __init__(self, columns: Columns, at: int, late: frozenset[str], said: frozenset[str]) -> None:
        super().__init__(columns, at, {})
        self._late = late
        self._said = said

    def get(self, name: str, default: Any = None) -> Any:
        """As a dict's."""
        if name in self._late:
            if name not in self._said:
                return default
            self.asked.append(f"?{name}")
            if not self._columns.value(f"?{name}", self._at):
                return default
        return super().get(name, default)
