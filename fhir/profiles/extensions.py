"""Extensions: their own definition found by url, and whether they stand where it allows.

Facts: https://hl7.org/fhir/R4/extensibility.html, https://hl7.org/fhir/R4/defining-extensions.html#context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity

if TYPE_CHECKING:
    from trialbridge.fhir.profiles.plan import Plan
    from trialbridge.fhir.profiles.walk import Walk


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
