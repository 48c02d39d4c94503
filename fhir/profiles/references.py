"""References: whether they point at a resource of a type, and of a profile, that the definition allows.

Facts: https://hl7.org/fhir/R4/references.html (targets, `type`, identifiers alone), elementdefinition.html
(targetProfile, aggregation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.fhir.profiles.definitions import CORE
from trialbridge.fhir.profiles.scope import type_in

if TYPE_CHECKING:
    from trialbridge.fhir.profiles.plan import Plan
    from trialbridge.fhir.profiles.scope import Scope
    from trialbridge.fhir.profiles.tree import Node
    from trialbridge.fhir.profiles.walk import Walk

KINDS = frozenset({"Reference", "CodeableReference"})


def check(walk: Walk, value: dict[str, Any], plan: Plan, path: str, scope: Scope) -> None:
    """A Reference against the targets of all that speaks of it."""
    if plan.code == "CodeableReference":
        inner = value.get("reference")
        if isinstance(inner, dict):
            _against(walk, inner, plan, f"{path}.reference", scope)
        return
    _against(walk, value, plan, path, scope)


def _against(walk: Walk, value: dict[str, Any], plan: Plan, path: str, scope: Scope) -> None:
    asked = [(node, one.targets) for node in plan.nodes for one in node.types if one.code == plan.code and one.targets]
    text = value.get("reference")
    target = scope.resolve(value)
    if isinstance(text, str) and text.startswith("urn:uuid:") and target is None and scope.bundled:
        walk.report.say("REFERENCE", path, "This points at an entry that the Bundle does not have.")
    kind = _kind(value, target)
    stated = value.get("type")
    if target is not None and isinstance(stated, str) and stated.rpartition("/")[2] != target["resourceType"]:
        walk.report.say("REFERENCE", path, f"Its type says {stated}; it points at a {target['resourceType']}.")
    if kind is None or not asked:
        return
    for node, targets in asked:
        _one(walk, node, targets, kind, target, path, scope)


def _kind(value: dict[str, Any], target: dict[str, Any] | None) -> str | None:
    """The type of the resource pointed at, as far as it can be told."""
    if target is not None:
        return str(target["resourceType"])
    text, stated = value.get("reference"), value.get("type")
    if isinstance(text, str) and (found := type_in(text)):
        return found
    return stated.rpartition("/")[2] if isinstance(stated, str) else None


def _one(walk: Walk, node: Node, targets: tuple[str, ...], kind: str, target: Any, path: str, scope: Scope) -> None:
    """The targets one node allows."""
    if walk.definitions.type(kind) is None:
        walk.report.say("REFERENCE", path, f"FHIR {walk.definitions.release} has no resource {kind}.")
        return
    ancestors = walk.plans.ancestors(kind)
    profiles = []
    for url in targets:
        root = walk.plans.root(url)
        if root is None:
            return  # a profile that is not at hand may allow it
        if root.resource_type in ancestors:
            profiles.append(root)
    by = f"{node.definition.rpartition('/')[2]}, {node.id}"
    if not profiles:
        names = ", ".join(dict.fromkeys(url.rpartition("/")[2] for url in targets))
        walk.report.say("REFERENCE", path, f"This points at a {kind}; one of {names} is asked for ({by}).")
        return
    if any(root.definition == CORE + root.resource_type for root in profiles) or target is None:
        return
    if not any(walk.conforms(target, root, scope) for root in profiles):
        names = ", ".join(root.definition for root in profiles)
        walk.report.say("REFERENCE", path, f"The {kind} this points at meets none of: {names} ({by}).")
