"""The paths of a mapping's lines merged into trees, one for each part: a step that several lines take is taken once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialbridge.fhir.paths import parse

if TYPE_CHECKING:
    from trialbridge.fhir.paths import Path, Step
    from trialbridge.mappings.kit import Line, Mapping, Release


@dataclass(slots=True)
class Node:
    """A step of the merged paths of one part."""

    children: dict[Step, Node] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def reading_order(mapping: Mapping, release: Release) -> list[Line]:
    """The lines in the order in which `read` reads them: of several that give a variable, the last one stands."""
    parts = [part for part in mapping.parts if release in part.releases]
    tries = {name: Node() for name in (mapping.resource, "Each", *(part.name for part in parts))}
    for one in mapping.lines:
        if release in one.releases and one.direction != "to_fhir":
            node_of(tries, parse(one.path)).lines.append(one)
    found: list[Line] = []
    for node in tries.values():
        _gather(node, found)
    return found


def _gather(node: Node, found: list[Line]) -> None:
    for below in node.children.values():
        found += [one for one in below.lines if one.spelling.shape == "literal"]
        found += [one for one in below.lines if one.spelling.shape != "literal"]
        _gather(below, found)


def node_of(tries: dict[str, Node], path: Path) -> Node:
    """The step at which a path ends."""
    node = tries[path.root]
    for step in path.steps:
        node = node.children.setdefault(step, Node())
    return node
