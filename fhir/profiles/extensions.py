"""Extensions: their own definition found by url, and whether they stand where it allows.

Facts: https://hl7.org/fhir/R4/extensibility.html, https://hl7.org/fhir/R4/defining-extensions.html#context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity
from trialbridge.fhir.profiles.definitions import CORE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.fhir.profiles.definitions import Definitions
    from trialbridge.fhir.profiles.occurrence import Occurrence
    from trialbridge.fhir.profiles.plan import Plan
    from trialbridge.fhir.profiles.walk import Walk

_ANYWHERE = frozenset({"Element", "*"})
"""Contexts that allow every place (HL7's own definitions use Element for any element, roots too)."""
_MENDED = {
    f"{CORE}structuredefinition-fhir-type": frozenset({"ElementDefinition.type"}),
    f"{CORE}structuredefinition-normative-version": frozenset({"Resource"}),
}
"""Where HL7's own definitions use an extension though R4's definition of it names another place."""
_INTERFACES = frozenset({"CanonicalResource", "MetadataResource"})
"""R5's words for resources that have a url: taken for any resource."""


def known(walk: Walk, value: dict[str, Any], plan: Plan, path: str) -> Plan:
    """The plan of an extension, with its own definition where that is at hand."""
    url = value.get("url")
    if not isinstance(url, str) or ":" not in url:
        return plan  # an extension within another is spoken of by that one's slices
    root = walk.plans.root(url)
    if root is None:
        modifies = ".modifierExtension" in path.rpartition(".")[2] or "modifierExtension[" in path.rpartition(".")[2]
        message = f"The extension {url} is not at hand: it was not checked."
        walk.report.say("UNCHECKED", path, message, Severity.WARNING if modifies else Severity.NOTE)
        return plan
    if root.resource_type != "Extension":
        walk.report.say("EXTENSION", path, f"{url} is no extension.")
        return plan
    return plan if root in plan.nodes else walk.plans.grown(plan, (root,))


def placed(walk: Walk, occurrences: Iterable[Occurrence], names: frozenset[str], path: str) -> None:
    """Whether extensions stand where their definitions allow; `names` are what the place may be called."""
    for one in occurrences:
        url = one.value.get("url") if isinstance(one.value, dict) else None
        if not isinstance(url, str) or ":" not in url:
            continue
        allowed = _contexts(walk.definitions, url)
        if allowed and not allowed & names and not (allowed & _INTERFACES and "Resource" in names):
            where = ", ".join(sorted(allowed))
            message = f"The extension {url.rpartition('/')[2]} may stand on {where}, not here."
            walk.report.say("EXTENSION", f"{path}.{one.path.rpartition('.')[2]}", message)


def _contexts(definitions: Definitions, url: str) -> frozenset[str]:
    """Where an extension may stand; empty: anywhere, not known, or told by a FHIRPath, which is not asked."""
    if url in _MENDED:
        return _MENDED[url]
    if url not in definitions.contexts:
        definition = definitions.structure(url) or {}
        given = definition.get("context", ())
        found = frozenset(str(one.get("expression", "")) for one in given)
        told = all(one.get("type") in {"element", "extension"} for one in given)
        definitions.contexts[url] = found if told and not found & _ANYWHERE else frozenset()
    return definitions.contexts[url]
