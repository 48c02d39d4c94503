"""The order of a push: what others point at goes first, what points at one another goes together.

A server that checks references refuses a resource whose target it does not have yet; and a reference to a resource
whose id the server chooses can only be written once that id is known, or within one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.converters.order import TYPES
from trialbridge.exchange.kinds import references
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.located import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trialbridge.fhir.located import Resource

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of one Bundle, about: servers and proxies often stop at five or ten million."""


def groups(resources: Iterable[Resource]) -> list[list[str]]:
    """The names of resources, targets before what points at them; those that point at one another in one group."""
    ranks = {name: rank for rank, name in enumerate(TYPES)}
    listed = sorted(resources, key=lambda one: ranks.get(one["resourceType"], len(ranks)))
    names = {name_of(one) for one in listed}
    targets = {name_of(one): [at for at in dict.fromkeys(references(one)) if at in names] for one in listed}
    return list(_components(targets))


def _components(targets: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Tarjan's strongly connected components, targets first, without recursion (chains may be long)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    waiting: set[str] = set()
    for root in targets:
        if root in number:
            continue
        path = [(root, iter(targets[root]))]
        number[root] = lowest[root] = len(number)
        stack.append(root)
        waiting.add(root)
        while path:
            at, rest = path[-1]
            for target in rest:
                if target not in number:
                    number[target] = lowest[target] = len(number)
                    stack.append(target)
                    waiting.add(target)
                    path.append((target, iter(targets[target])))
                    break
                if target in waiting:
                    lowest[at] = min(lowest[at], number[target])
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[at])
                if lowest[at] == number[at]:
                    component = [stack.pop()]
                    while component[-1] != at:
                        component.append(stack.pop())
                    waiting.difference_update(component)
                    yield component[::-1]


def packed(ordered: Iterable[list[str]], resources: Mapping[str, Resource], most: int) -> Iterator[list[list[str]]]:
    """Groups together in Bundles of at most `most` resources and about MOST_BYTES; a group is never torn."""
    bundle: list[list[str]] = []
    count = size = 0
    for group in ordered:
        weight = sum(len(encode(resources[name])) for name in group)
        if bundle and (count + len(group) > most or size + weight > MOST_BYTES):
            yield bundle
            bundle, count, size = [], 0, 0
        bundle.append(group)
        count += len(group)
        size += weight
    if bundle:
        yield bundle
