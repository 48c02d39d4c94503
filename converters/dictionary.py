"""The dictionary in use: which mapping takes a row, a resource, a list element.

`DICTIONARY` is the whole of `mappings.ALL`; a study that adds or overrides lines uses a dictionary of its own.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from trialbridge.converters.steps import bind, matcher, matches
from trialbridge.fhir.paths import Choice, parse
from trialbridge.mappings import ALL
from trialbridge.mappings.by_class import TYPES as BY_CLASS_TYPES
from trialbridge.mappings.by_class import is_by_class, of_class
from trialbridge.mappings.names import constants
from trialbridge.mappings.route import domain_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.converters.coder import Coder
    from trialbridge.converters.steps import Matcher
    from trialbridge.converters.tailoring import Resolve, Tailoring
    from trialbridge.fhir.paths import Step
    from trialbridge.mappings.kit import Mapping, Release, Resource, Row


def _domain_of(element: Resource, base: str) -> str | None:
    """The domain that a list element names in its record identifier, if it names one."""
    url = constants(base)["x-sdtm-record"]
    for one in element.get("extension") or () if isinstance(element, dict) else ():
        if isinstance(one, dict) and one.get("url") == url:
            named = domain_named({"identifier": one.get("valueIdentifier")}, constants(base)["sdtm-record"])
            return named[:2] if named else None
    return None


class Dictionary:
    """Mappings in their order, found by domain, by row, by resource.

    `tailoring` holds a study's own rules, `coder` the dictionaries (MedDRA, WHODrug) that fill what records do not say.
    """

    def __init__(
        self, mappings: Iterable[Mapping], tailoring: Tailoring | None = None, coder: Coder | None = None
    ) -> None:
        self.mappings = tuple(mappings)
        self.tailoring = tailoring
        self.coder = coder

    @cached_property
    def domains(self) -> dict[str, tuple[Mapping, ...]]:
        """The mappings of each domain, in order."""
        found: dict[str, tuple[Mapping, ...]] = {}
        for mapping in self.mappings:
            found[mapping.domain] = (*found.get(mapping.domain, ()), mapping)
        return found

    @cached_property
    def _of_type(self) -> dict[str, list[Mapping]]:
        """The mappings that read whole resources, by the resource's type, in order."""
        found: dict[str, list[Mapping]] = {}
        for mapping in self.mappings:
            if not mapping.each:
                found.setdefault(mapping.resource, []).append(mapping)
        return found

    @cached_property
    def listed(self) -> list[tuple[str, Mapping]]:
        """The domains whose records are elements of a list, each with its first mapping."""
        return [(domain, mappings[0]) for domain, mappings in self.domains.items() if mappings[0].each]

    @cached_property
    def read_types(self) -> frozenset[str]:
        """The resource types that give records: those of mappings, also of those for unknown domains."""
        further = self.tailoring.further if self.tailoring is not None else ()
        return frozenset(one.resource for one in (*self.mappings, *further)) | BY_CLASS_TYPES

    def rank(self, dataset: str) -> int:
        """The place of a dataset in the order of writing: what others point at comes first."""
        order = list(self.domains)
        return order.index(dataset[:2]) if dataset[:2] in self.domains else len(order)

    def of(self, dataset: str) -> tuple[Mapping, ...]:
        """The mappings of a dataset known to be mapped: its domain's (LBCH is a part of LB), or its class's."""
        return self.domains.get(dataset[:2]) or of_class(dataset[:2])

    def takes(self, dataset: str, columns: Iterable[str]) -> bool:
        """Whether rows of a dataset are mapped: it has a domain here, or a class by its columns."""
        columns = set(columns)
        if dataset.startswith(("SUPP", "AP", "REL")) or any("." in name for name in columns):
            return False
        if dataset[:2] in self.domains:
            return len(dataset) in {2, 4}
        return is_by_class(dataset, columns)

    def for_row(self, dataset: str, row: Row) -> Mapping:
        """The mapping that takes a row: the first whose condition holds."""
        mappings = self.of(dataset)
        return next((one for one in mappings if one.given(row)), mappings[-1])

    def for_resource(
        self, resource: Resource, record_system: str, resolve: Resolve | None = None
    ) -> tuple[str, Mapping] | None:
        """The dataset and mapping that read a resource: those it names, else the first that knows its subject matter.

        A study's rules go before the subject matter; `resolve` gives them what the resource points at.
        """
        named = domain_named(resource, record_system)
        if named is None and self.tailoring is not None:
            named = self.tailoring.assign(resource, resolve)
        return self.for_named(resource, named)

    def for_named(self, resource: Resource, named: str | None) -> tuple[str, Mapping] | None:
        """The same, where it is known which dataset the resource names: None if it names none."""
        kind = resource.get("resourceType")
        if named is None:
            for mapping in self._of_type.get(str(kind), ()):
                if mapping.when(resource) and mapping.shape(resource):
                    return mapping.domain, mapping
            return None
        if not named:
            return None
        mappings = self.domains.get(named[:2]) or of_class(named[:2])
        for mapping in mappings:
            if mapping.resource == kind and not mapping.each and mapping.shape(resource):
                return named, mapping
        return None

    def beside(self, resource: Resource, record_system: str) -> Iterator[Mapping]:
        """Further mappings that read a resource that names no domain, beside its own."""
        if self.tailoring is None or domain_named(resource, record_system) is not None:
            return
        for mapping in self.tailoring.further:
            if mapping.resource == resource.get("resourceType") and mapping.when(resource):
                yield mapping

    def for_element(self, domain: str, element: Resource) -> Mapping:
        """The mapping of a list element (`each`) of a domain, by its shape."""
        candidates = [one for one in self.domains[domain] if one.each]
        return next((one for one in candidates if one.shape(element)), candidates[-1])

    def elements_of(self, resource: Resource, release: Release, base: str) -> Iterator[tuple[Mapping, Resource]]:
        """The list elements of a resource that are records of their own, each with its mapping."""
        kind = resource.get("resourceType")
        for domain, first in self.listed:
            if first.resource != kind or not first.when(resource):
                continue
            step, match = list_of(first.each[release], base)
            for element in resource.get(step.name) or ():
                if match is not None and not matches(element, match):
                    continue
                named = _domain_of(element, base)
                if named == domain or (named is None and not first.named_only):
                    yield self.for_element(domain, element), element


@lru_cache(maxsize=64)
def list_of(path: str, base: str) -> tuple[Step, Matcher | None]:
    """The list that a path ends at, and what its elements must meet."""
    step = bind(parse(path).steps, constants(base))[-1]
    return step, matcher(step.conditions, {}) if isinstance(step, Choice) else None


DICTIONARY = Dictionary(ALL)
