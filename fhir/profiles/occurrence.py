"""One value of an element as the walk meets it, and how a definition's demands on its number are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbridge.fhir.profiles.plan import Member
    from trialbridge.fhir.profiles.tree import Node


@dataclass(slots=True)
class Occurrence:
    """One value of an element: with the twin that holds its extensions (primitives), and the slices it fell into."""

    member: Member
    value: Any
    twin: Any
    path: str
    slices: tuple[Node, ...] = ()


def times(node: Node) -> str:
    """How often an element may be: `at least 1`, `exactly 1`, `none`, `at most 1`, `1 to 2`."""
    if node.most == 0:
        return "none"
    if node.most is None:
        return f"at least {node.least}"
    if node.least == node.most:
        return f"exactly {node.least}"
    return f"{node.least} to {node.most}" if node.least else f"at most {node.most}"


def by(node: Node) -> str:
    """Who asks: the definition's last part and the element."""
    return f"{node.definition.rpartition('/')[2]}, {node.id}"
