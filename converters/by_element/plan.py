"""A mapping taken apart: which of its lines make each root element of the primary resource, as functions of their own.

A root element (`code`, `subject`), or a member of a root list that its conditions tell from the others
(`identifier.where(system=…)`), is made by the lines, extras and parts whose paths go through it. Lines that go through
the same element stay together, and so do an Observation's value and the reason why there is none. What cannot be
taken apart has no plan, and its rows go through the mapping's own functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trialbridge.converters.by_element.clusters import EACH, base_of, clusters
from trialbridge.converters.by_element.links import links
from trialbridge.converters.by_element.rows import MARK, NUMBER_MARK, Memo
from trialbridge.converters.compile import Compiled, compiled
from trialbridge.converters.steps import matcher
from trialbridge.fhir.elements import elements
from trialbridge.fhir.paths import Choice, parse
from trialbridge.mappings import ds, mh, se, tr, tu
from trialbridge.mappings.names import constants
from trialbridge.mappings.spellings import RECORD, SUBJECT, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.by_element.clusters import Cluster
    from trialbridge.converters.by_element.standing import Links
    from trialbridge.mappings.kit import Line, Mapping, Part, Release, Resource

HOOKS: dict[Any, frozenset[str]] = {
    tr.SIZE_LONGEST.after_write: frozenset({"lnkgrp"}),
    tu.TU.after_write: frozenset({"lesion", "lesion class"}),
    mh.MH.after_write: frozenset({"cancer"}),
    se.SE.after_write: frozenset(),
    ds.DISPOSITION.after_write: frozenset(),
}
"""What is done after writing, and what it learns: it asks for the row and the ids; the primary resource it changes alone where it is borrowed."""
AT_ONCE: dict[Any, tuple[tuple[str, ...], str | None, Any]] = {
    tr.SIZE_LONGEST.after_write: (("USUBJID", "TRLNKGRP"), None, tr.join_groups),
    tu.TU.after_write: (("USUBJID", "TULNKID", "TUEVAL", "TUEVALID", "TUSTRESC"), "Lesion", tu.learn_lesions),
}
"""The same for all rows at once: the variables it asks for, the part it asks for (None: the primary resource), and a
function of their cells with the id, in turn."""
_EVERYWHERE = frozenset({"STUDYID", "USUBJID", "VISITNUM", "VISIT"})
_OWNERS = ("subject", "patient", "individual")
_READ = re.compile(r"row\['([^']+)'\] = ")


@dataclass(slots=True)
class Element:
    """A root element, several that hang together, or some members of a root list (`member`)."""

    names: tuple[str, ...]
    write: Compiled
    read: Compiled
    firsts: Compiled | None
    """Reads by the first paths alone, where lines have alternatives inside the element."""
    elsewhere: Compiled | None
    """Reads what lines of other elements have here as an alternative."""
    lead: Compiled | None
    """Writes the first of its lines alone, where the place in the list hangs on it."""
    reads: tuple[str, ...]
    holes: dict[str, Any]
    memo: Memo[Any]
    member: bool
    """Whether it is some members of a root list."""
    shared: bool
    """Whether mappings of several domains have it."""
    each: bool
    """Whether it is a root element of the list element that is the record."""
    borrowed: bool = False
    """Whether it is of a primary resource that another mapping makes."""
    links: Links | None = None
    """How it points at what every subject has its own of."""


@dataclass(slots=True)
class Plan:
    """A mapping by elements, in the order in which a resource has them."""

    mapping: Mapping
    reader: Mapping
    """The mapping that reads what the first one wrote: often the same."""
    elements: list[Element]
    order: dict[str, int]
    """Where each variable that is read stands among the carried ones."""
    ranks: dict[str, int]
    homes: dict[str, int]
    """The element that says a variable."""
    derived: list[Memo[Any]]
    """What each derivation gives."""
    compared: list[dict[Any, Any]]
    """What came of a derived value and the row's."""
    late: list[frozenset[str]]
    """At the turn of each derivation: the variables whose own turn has not come."""
    hook: frozenset[str]
    derivable: frozenset[str]
    said: frozenset[str]
    """Derivable variables that elements may say too."""
    listed: tuple[str, Resource] | None
    """Where records are elements of a list: its name, and what each element begins with."""
    borrowed: bool
    """Whether that list is of a resource that another mapping makes."""


def plan(
    mapping: Mapping, reader: Mapping, release: Release, base: str, shared: dict[Any, Element], own: dict[Any, Element]
) -> Plan | None:
    """The plan of a mapping whose resources `reader` reads back, or None.

    Elements that several mappings have are one: of all domains in `shared`, of one dataset in `own`.
    """
    parts = _parts(mapping, release), _parts(reader, release)
    borrowed = mapping.resource == "ResearchSubject" and bool(mapping.each) and not mapping.fixed
    if not _fits(mapping, reader, release, parts, borrowed=borrowed):
        return None
    found = clusters(mapping, reader, release, base, parts)
    if found is None or (borrowed and not all(one.each for one in found)):
        return None
    if _turns(found) or any(one.interrupted and not _begun_by_line(one, mapping) for one in found):
        return None
    made = [_element(mapping, reader, one, release, base, shared, own) for one in found]
    if borrowed:
        made.append(_borrowed(mapping, reader, release, base, shared))
    listed = _listed(mapping, release, base) if mapping.each else None
    homes = _homes(made)
    if homes is None or (mapping.each and listed is None):
        return None
    order: dict[str, int] = {}
    read = compiled(reader, release, base).source.partition("def write(")[0]
    for at, variable in enumerate(_READ.findall(read)):
        order.setdefault(variable, at)
    ranks = {name: at for at, name in enumerate(["resourceType", *elements(mapping.resource, release)])}
    if not all(name in ranks for one in made for name in one.names if not one.each):
        return None
    derived: list[Memo[Any]] = [Memo() for _ in reader.derived]
    turns = [one.variable for one in reader.derived]
    hook = HOOKS[mapping.after_write] if mapping.after_write is not None else frozenset()
    late = [frozenset(turns[at:]) - frozenset(turns[:at]) for at in range(len(turns))]
    said = frozenset(turns) & homes.keys()
    return Plan(
        mapping,
        reader,
        made,
        order,
        ranks,
        homes,
        derived,
        [{} for _ in derived],
        late,
        hook,
        frozenset(turns),
        said,
        listed,
        borrowed,
    )


def _homes(made: list[Element]) -> dict[str, int] | None:
    """The element that says each variable; None where two say the same."""
    homes = {variable: at for at, element in enumerate(made) for variable in element.reads}
    return homes if len(homes) == sum(len(one.reads) for one in made) else None


def _turns(found: list[Cluster]) -> bool:
    """Whether the members of a list within a list element are begun by turns with other root elements of it."""
    order = [one.names for one in sorted((one for one in found if one.each), key=lambda one: one.begins)]
    changes = 1 + sum(one != other for one, other in pairwise(order))
    return changes > 1 + len({frozenset(one) for one in order} - {frozenset(order[0])}) if order else False


def _begun_by_line(cluster: Cluster, mapping: Mapping) -> bool:
    """Whether a line that leads through no part begins an element."""
    first = cluster.first_line()
    return first is not None and parse(first.path).root in {mapping.resource, EACH}


def _parts(mapping: Mapping, release: Release) -> dict[str, Part]:
    return {one.name: one for one in mapping.parts if release in one.releases}


def _listed(mapping: Mapping, release: Release, base: str) -> tuple[str, Resource] | None:
    """The list whose elements are the records, and what each of them begins with."""
    first, *others = parse(mapping.each[release]).steps
    match = matcher(first.conditions, constants(base)) if isinstance(first, Choice) else None
    if others or (match is not None and match.deep):
        return None
    return first.name, dict(match.simple) if match is not None else {}


def _borrowed(mapping: Mapping, reader: Mapping, release: Release, base: str, shared: dict[Any, Element]) -> Element:
    """What is read of a primary resource that another mapping makes."""
    lines = [one for one in reader.lines if release in one.releases and one.direction != "to_fhir"]
    read = [replace(one, also=()) for one in lines if parse(one.path).root == reader.resource]
    spec = (mapping.resource, mapping.key, tuple((one.variable, one.path, id(one.spelling)) for one in read))
    if spec in shared:
        return shared[spec]
    kept = replace(
        reader, key=(), lines=tuple(read), extras=(), parts=(), fixed={}, each={}, derived=(), after_write=None
    )
    functions = compiled(kept, release, base)
    names = tuple(dict.fromkeys(parse(one.path).steps[0].name for one in read))
    reads = tuple(dict.fromkeys(one.variable for one in read))
    memo = Memo[Any]([*reads, *(one for one in mapping.key if one not in reads)])
    shared[spec] = Element(
        names,
        functions,
        functions,
        None,
        None,
        None,
        reads,
        {},
        memo,
        member=False,
        shared=False,
        each=False,
        borrowed=True,
    )
    return shared[spec]


def _fits(mapping: Mapping, reader: Mapping, release: Release, parts: Any, *, borrowed: bool) -> bool:
    """Whether a mapping does nothing that elements do not know of."""
    if mapping.after_write is not None and mapping.after_write not in HOOKS:
        return False
    if any(one.type in {mapping.resource, "Observation"} for its in parts for one in its.values()):
        return False
    return bool(mapping.each) == bool(reader.each) and (borrowed or _owned(mapping, release))


def _owned(mapping: Mapping, release: Release) -> bool:
    """Whether every resource belongs to its row's subject."""
    return mapping.resource not in {"Patient", "ResearchSubject"} and any(
        one.variable == "USUBJID" and one.spelling is SUBJECT and one.path == f"{mapping.resource}.{owner}"
        for one in mapping.lines
        if release in one.releases and one.direction == "both"
        for owner in _OWNERS
    )


def _element(
    mapping: Mapping,
    reader: Mapping,
    cluster: Cluster,
    release: Release,
    base: str,
    shared: dict[Any, Element],
    own: dict[Any, Element],
) -> Element:
    spec = _spec(mapping, reader, cluster)
    known = shared.get(spec) or own.get(spec)
    if known is not None:
        return known

    def functions(of: Mapping, lines: Iterable[Line], *, reading: bool | None = True, fixed: Any = None) -> Compiled:
        here = [one for one in cluster.things if (one.place is None) is reading]  # None: the lines alone
        kept = replace(
            of,
            resource=EACH if cluster.each else of.resource,
            each={},
            key=(),
            lines=tuple(lines),
            extras=tuple(one for one in of.extras if any(one is other.extra for other in here)),
            parts=tuple(one for one in of.parts if any(one is other.part for other in here)),
            fixed=fixed or {},
            derived=(),
            after_write=None,
            after_read=None,
        )
        return compiled(kept, release, base)

    write = [one.line for one in cluster.things if one.line is not None and one.place is not None]
    read = [one.line for one in cluster.things if one.line is not None and one.place is None]
    mine = {id(one) for one in read}
    inner = {(id(line), path) for line, path, _ in cluster.guests if id(line) in mine}
    inside = [replace(one, also=tuple(way for way in one.also if (id(one), way[0]) in inner)) for one in read]
    outer = [
        replace(line, path=path, spelling=spelling, also=(), direction="to_sdtm")
        for line, path, spelling in cluster.guests
        if id(line) not in mine
    ]
    firsts = [replace(one, also=()) for one in inside] if any(one.also for one in inside) else []
    first = cluster.first_line()
    holes = {}
    if len(write) == len(read) == 1 and (cluster.member or "extension" not in cluster.names):
        (here,), (back,) = write, read
        passed = here.spelling is back.spelling and (here.variable, here.path) == (back.variable, back.path)
        if passed and (here.spelling is RECORD or here.spelling is TEXT) and not inside[0].also:
            holes[here.variable] = NUMBER_MARK if here.spelling is RECORD else MARK
    reads = tuple(dict.fromkeys(one.variable for one in read))
    made = Element(
        tuple(sorted(cluster.names)),
        functions(
            mapping,
            [replace(one, also=()) for one in write],
            reading=False,
            fixed=None
            if cluster.each
            else {key: of for key, of in mapping.fixed.items() if base_of(key) in cluster.names},
        ),
        functions(reader, inside),
        functions(reader, firsts) if firsts else None,
        functions(reader, outer) if outer else None,
        functions(mapping, [replace(first, also=())], reading=None) if cluster.interrupted and first else None,
        reads,
        holes,
        Memo([*(one for one in reads if one not in holes), *(f"={one}" for one in reads if one[:5] == "SUPP.")]),
        member=cluster.member,
        shared=bool(read) and {one.line.variable for one in cluster.things if one.line is not None} <= _EVERYWHERE,
        each=cluster.each,
    )
    made.links = links(cluster, mapping, reader, made.memo.names, shared=made.shared)
    (shared if made.shared else own)[spec] = made
    return made


def _spec(mapping: Mapping, reader: Mapping, cluster: Cluster) -> Any:
    """What an element is made by: the same for several mappings, if they have it from one place."""
    lines = [
        (
            one.place is None,
            one.line.variable,
            one.line.path.removeprefix(f"{mapping.resource}."),
            id(one.line.spelling),
        )
        for one in cluster.things
        if one.line is not None
    ]
    others = [(one.place is None, id(one.extra or one.part)) for one in cluster.things if one.line is None]
    guests = [(line.variable, path, id(spelling)) for line, path, spelling in cluster.guests]
    fixed = [(key, repr(value)) for key, value in mapping.fixed.items() if base_of(key) in cluster.names]
    read = {one.line.variable for one in cluster.things if one.line is not None}
    derived = frozenset(one.variable for one in reader.derived if one.variable in read)
    names = tuple(sorted(cluster.names))
    return (
        "" if names == ("subject",) else mapping.resource,  # a Reference is the same everywhere
        cluster.each,
        names,
        cluster.member,
        cluster.interrupted,
        tuple(lines),
        (
            tuple(others),
            tuple(guests),
            tuple(fixed),
            derived,
        ),
    )
