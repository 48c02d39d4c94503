"""Profiles: resources held against the StructureDefinitions of FHIR itself and of packages.

The release's own definitions come with trialbridge, so that its types, invariants and required codes are checked with
no package installed; profiles (mCODE and others) come from FHIR packages (`fhir.packages`). What cannot be checked,
for want of a definition or of a code system, is said (TB-FHIR-UNCHECKED), never counted as an error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.extensions import structure_definitions
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.located import Located, is_resource
from trialbridge.fhir.profiles.definitions import Definitions
from trialbridge.fhir.profiles.plan import Plans
from trialbridge.fhir.profiles.report import Report
from trialbridge.fhir.profiles.scope import Scope
from trialbridge.fhir.profiles.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.packages import Package
    from trialbridge.fhir.profiles.tree import Node
    from trialbridge.fhir.releases import Release

__all__ = ["Definitions", "Validator", "validate"]


class Validator:
    """A validator ready for use: definitions compiled as they are needed, and kept between resources.

    `profiles` are canonical URLs (or ids) that each resource of their type must meet besides those it claims;
    `base` is the base URL of our own extensions. Raises UnknownNameError for a profile that is not at hand.
    """

    def __init__(
        self,
        release: Release,
        packages: Iterable[Package] = (),
        profiles: Iterable[str] = (),
        *,
        base: str = BASE,
        best_practice: bool = False,
    ) -> None:
        definitions = Definitions(release, packages, structure_definitions(base, release))
        self._plans = Plans(definitions)
        self._walk = Walk(definitions, self._plans, best_practice=best_practice)
        self._asked: list[Node] = []
        for name in profiles:
            root = self._plans.root(definitions.structure_named(name))
            if root is not None:
                self._asked.append(root)

    def findings(self, items: Iterable[Located | Resource]) -> Iterator[Finding]:
        """What is wrong with resources, in their order; references are followed among all of them.

        What could not be checked comes last, each thing once, however often it occurred.
        """
        listed = [item if isinstance(item, Located) else Located(item) for item in items]
        everything = pool([item for item in listed if is_resource(item.resource)])
        unchecked: dict[str, list[Finding]] = {}
        for item in listed:
            for finding in self._of(item, everything):
                if finding.id == "TB-FHIR-UNCHECKED" and finding.severity is Severity.NOTE:
                    unchecked.setdefault(finding.message, []).append(finding)
                else:
                    yield finding
        for message, found in unchecked.items():
            times = f" So in {len(found):,} places; this is the first." if len(found) > 1 else ""
            yield replace(found[0], message=message + times)

    def _of(self, item: Located, everything: Any) -> Iterator[Finding]:
        resource = item.resource
        kind = str(resource.get("resourceType", "")) if isinstance(resource, dict) else ""
        report = self._walk.report = Report()
        scope = Scope(resource, resource, (everything,), self._walk.terminology)
        asked = tuple(one for one in self._asked if one.resource_type == kind)
        self._walk.resource(resource, item.path or kind, asked, scope)
        for finding in report.found.values():
            where = replace(finding.where, file=item.file, line=item.line)
            yield replace(finding, where=where)


def validate(
    items: Iterable[Located | Resource],
    release: Release,
    packages: Iterable[Package] = (),
    profiles: Iterable[str] = (),
    *,
    base: str = BASE,
) -> Iterator[Finding]:
    """Findings of resources held against their release, the profiles they claim, and those named.

    Bundles are given whole, so that their own rules are checked too. Never raises for what a resource holds; raises
    UnknownNameError for a profile in `profiles` that is not at hand.
    """
    yield from Validator(release, packages, profiles, base=base).findings(items)
