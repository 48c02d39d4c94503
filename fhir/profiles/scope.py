"""What surrounds the element being checked: its resource, the outermost one, and where references lead.

Facts: https://hl7.org/fhir/R4/references.html (contained, literal, logical), https://hl7.org/fhir/R4/bundle.html#references.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.fhir.bundle import Pool, pool
from trialbridge.fhir.located import Located, is_resource

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.profiles.terminology import Terminology

_TYPED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?$")


@dataclass(slots=True)
class Scope:
    """`resource` is FHIRPath's %resource, `root` its %rootResource; `pools` are looked through from the innermost."""

    resource: Resource
    root: Resource
    pools: tuple[Pool, ...]
    terminology: Terminology
    bundled: bool = False

    def resolve(self, reference: Any) -> Resource | None:
        """The resource a Reference, or the text of one, points at; None where it is not at hand."""
        text = reference.get("reference") if isinstance(reference, dict) else reference
        if not isinstance(text, str) or not text:
            return None
        if text.startswith("#"):
            return contained(self.root, text[1:])
        for each in self.pools:
            if found := each.resolve({"reference": text}, self.root):
                return found
        return None

    def member_of(self, value: Any, value_set: str) -> bool | None:
        """Whether a code, Coding or CodeableConcept is in a value set."""
        if isinstance(value, dict) and "coding" in value:
            answers = [self.member_of(one, value_set) for one in value["coding"]]
            return True if True in answers else None if None in answers else False
        if isinstance(value, dict):
            code = value.get("code")
            return isinstance(code, str) and self.terminology.contains(value_set, value.get("system"), code)
        return self.terminology.contains(value_set, None, str(value))

    def within(self, resource: Resource, *, is_contained: bool) -> Scope:
        """The scope of a contained resource or a Bundle's entry."""
        root = self.root if is_contained else resource
        return Scope(resource, root, self.pools, self.terminology, self.bundled)

    def of_bundle(self, bundle: Resource) -> Scope:
        """The scope of a Bundle: its entries come first when references are followed."""
        entries = bundle.get("entry")
        located = [
            Located(one["resource"], full_url=one.get("fullUrl") if isinstance(one.get("fullUrl"), str) else None)
            for one in (entries if isinstance(entries, list) else ())
            if isinstance(one, dict) and is_resource(one.get("resource"))
        ]
        return Scope(self.resource, self.root, (pool(located), *self.pools), self.terminology, bundled=True)


def contained(root: Resource, own: str) -> Resource | None:
    """The contained resource of an id; the container itself for `#`."""
    if not own:
        return root
    inner = root.get("contained")
    for one in inner if isinstance(inner, list) else ():
        if isinstance(one, dict) and one.get("id") == own:
            return one
    return None


def type_in(text: str) -> str | None:
    """The resource type that a literal reference tells: `Patient/1`, `https://…/Patient/1`."""
    found = _TYPED.search(text)
    return found[1] if found else None
