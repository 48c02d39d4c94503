"""What the elements themselves say of a row: the compiled reading, then what is derived, each value settled in turn.

Both directions walk the same way: SDTM to FHIR settles each native value against the source row and carries what
differs; FHIR to SDTM settles it against what the resource carries. So what one writes the other undoes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialbridge.converters.steps import bind, matcher, matches
from trialbridge.fhir.paths import Choice, parse
from trialbridge.mappings import ALL
from trialbridge.mappings.names import constants
from trialbridge.mappings.observed import findings
from trialbridge.mappings.route import domain_named

if TYPE_CHECKING:
    from trialbridge.converters.compile import Compiled
    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Mapping, Release, Resource, Row

Settle = Callable[[str, Any, bool], Any]
"""`settle(variable, native, derived) -> final`."""


@lru_cache(maxsize=1)
def by_domain() -> dict[str, tuple[Mapping, ...]]:
    """The mappings of each domain, in order."""
    found: dict[str, tuple[Mapping, ...]] = {}
    for mapping in ALL:
        found[mapping.domain] = (*found.get(mapping.domain, ()), mapping)
    return found


@lru_cache(maxsize=256)
def by_class(domain: str) -> tuple[Mapping, ...]:
    """The mappings of a Findings domain that has none of its own."""
    return findings(domain)


def of_dataset(dataset: str, columns: Iterable[str]) -> tuple[Mapping, ...]:
    """The mappings of a dataset: its own domain's, its parent's (LBCH is a part of LB), its class's, or none."""
    if dataset.startswith(("SUPP", "AP", "REL")):
        return ()
    domain = dataset[:2]
    if domain in by_domain():
        return by_domain()[domain] if len(dataset) in {2, 4} else ()
    names = set(columns)
    wanted = {"STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ", f"{domain}TESTCD", f"{domain}ORRES"}
    return by_class(domain) if wanted <= names else ()


def for_row(mappings: tuple[Mapping, ...], row: Row) -> Mapping:
    """The mapping that takes a row: the first whose condition holds."""
    return next((one for one in mappings if one.given(row)), mappings[-1])


def for_resource(resource: Resource, record_system: str) -> tuple[str, Mapping] | None:
    """The dataset and mapping that read a resource: those it names, else the first that knows its subject matter."""
    kind = resource.get("resourceType")
    named = domain_named(resource, record_system)
    if named is None:
        for mapping in ALL:
            if mapping.resource == kind and not mapping.each and mapping.when(resource) and mapping.shape(resource):
                return mapping.domain, mapping
        return None
    mappings = by_domain().get(named[:2]) or (by_class(named[:2]) if kind == "Observation" else ())
    for mapping in mappings:
        if mapping.resource == kind and not mapping.each and mapping.shape(resource):
            return named, mapping
    return None


def for_element(mappings: tuple[Mapping, ...], element: Resource) -> Mapping:
    """The mapping of a list element (`each`) by its shape."""
    candidates = [one for one in mappings if one.each]
    return next((one for one in candidates if one.shape(element)), candidates[-1])


def elements_of(resource: Resource, release: Release, base: str) -> Iterator[tuple[Mapping, Resource]]:
    """The list elements of a resource that are records of their own, each with its mapping."""
    kind = resource.get("resourceType")
    for mappings in by_domain().values():
        first = mappings[0]
        if not first.each or first.resource != kind or not first.when(resource):
            continue
        step = bind(parse(first.each[release]).steps, constants(base))[-1]
        for element in resource.get(step.name) or ():
            if not isinstance(step, Choice) or matches(element, matcher(step.conditions, {})):
                yield for_element(mappings, element), element


def walk(
    compiled: Compiled,
    primary: Resource,
    each: Resource | None,
    ctx: Context,
    columns: frozenset[str] | None,
    others: Iterable[str],
    settle: Settle,
) -> tuple[Row, tuple[Resource | None, ...]]:
    """The final row of a record, and its parts.

    `columns` are the variables the dataset has (None: any may be derived); `others` are variables to settle although
    the elements say nothing of them.
    """
    row, parts = compiled.read(primary, each, ctx)
    mapping = compiled.mapping
    row["DOMAIN"] = mapping.domain
    derivable = {one.variable for one in mapping.derived}
    given = set(row)
    for variable in [*row, *(one for one in others if one not in given)]:
        if variable in given or variable not in derivable:
            _set(row, variable, settle(variable, row.get(variable), False))  # noqa: FBT003 - named by Settle
    for one in mapping.derived:
        if one.variable not in given and (columns is None or one.variable in columns):
            _set(row, one.variable, settle(one.variable, one.how(row, ctx), True))  # noqa: FBT003 - named by Settle
    return row, parts


def _set(row: Row, variable: str, value: Any) -> None:
    if value is None:
        row.pop(variable, None)
    else:
        row[variable] = value
