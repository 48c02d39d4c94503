"""The proof of a push: everything read back and compared element by element, decimals digit by digit."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.http import shown
from trialbridge.converters.compare import compare_resources
from trialbridge.exchange.likeness import bare
from trialbridge.fhir.located import name_of
from trialbridge.fhir.server.search import by_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.converters.compare import Difference
    from trialbridge.exchange.push_state import Holdings
    from trialbridge.fhir.located import Resource

_SOME = 50


@dataclass(slots=True)
class Verified:
    """What was compared and what differs. `digits` are decimals that lost or gained digits (23.50 and 23.5)."""

    resources: int = 0
    elements: int = 0
    missing: list[str] = field(default_factory=list)
    digits: list[Difference] = field(default_factory=list)
    different: list[Difference] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the server gives back exactly what was sent."""
        return not (self.missing or self.digits or self.different)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "resources": self.resources,
            "elements": self.elements,
            "missing": self.missing,
            "digits": [one.as_dict() for one in self.digits],
            "different": [one.as_dict() for one in self.different],
        }


def verify(holdings: Holdings, names: list[str], told: Callable[[str], None] = lambda _: None) -> Verified:
    """Read these resources back and compare. Raises ServerError."""
    found = Verified()
    for at in range(0, len(names), _SOME):
        some = names[at : at + _SOME]
        told(f"reading back: {at + len(some):,} of {len(names):,}")
        there = _there(holdings, [holdings.names[name] for name in some if name in holdings.names])
        ours, theirs = [], []
        for name in some:
            copy = there.get(holdings.names.get(name, ""))
            if copy is None:
                found.missing.append(name)
                continue
            expected = holdings.expected(name)
            ours.append(expected)
            theirs.append(_alike(copy, expected, holdings))
        compared = compare_resources(ours, theirs)
        found.resources += len(ours)
        found.elements += sum(one.compared for one in compared.places)
        for one in compared.differences:
            (found.digits if _digits_only(one) else found.different).append(one)
    return found


def findings(found: Verified, holdings: Holdings) -> Iterator[Finding]:
    """TB-PUSH-MISSING, TB-PUSH-DIFFERS, TB-PUSH-DIGITS: by path, with how often and where first."""
    server = shown(holdings.server.url)
    if found.missing:
        message = f"{len(found.missing)} resources are not on the server: {', '.join(found.missing[:3])}."
        yield Finding("TB-PUSH-MISSING", Severity.ERROR, Where(file=server), message, "push again")
    kinds = (
        ("TB-PUSH-DIFFERS", Severity.ERROR, found.different, "differs on the server", "see verify.json in the journal"),
        (
            "TB-PUSH-DIGITS",
            Severity.WARNING,
            found.digits,
            "lost digits on the server (such as 23.50, given back as 23.5)",
            "the server is not to be the only home of these data; FHIR R4 2.24.0.1 asks it to keep them",
        ),
    )
    for kind, severity, differences, what, fix in kinds:
        first: dict[str, str] = {}
        times: Counter[str] = Counter()
        for one in differences:
            path = re.sub(r"\[\d+\]", "", one.where.path or "")
            times[path] += 1
            first.setdefault(path, one.where.resource or "")
        for path, count in sorted(times.items()):
            where = Where(file=server, resource=first[path], path=path)
            yield Finding(kind, severity, where, f"{path} {what}: {count} times.", fix)


def _there(holdings: Holdings, names: list[str]) -> dict[str, Resource]:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for name in names:
        kind, _, one_id = name.partition("/")
        by_kind[kind].append(one_id)
    found: dict[str, Resource] = {}
    for kind, own in by_kind.items():
        if holdings.server.capabilities().of_type(kind).searchable:
            found.update((name_of(one), one) for one in by_ids(holdings.server, kind, own))
        else:
            read = ((f"{kind}/{one}", holdings.server.read(f"{kind}/{one}")) for one in own)
            found.update((name, one) for name, one in read if one is not None)
    return found


def _alike(copy: Resource, expected: Resource, holdings: Holdings) -> Resource:
    """The server's copy without what is its own."""
    made = bare(copy, holdings.server.url, holdings.tag_system)
    return made if "text" in expected else {name: value for name, value in made.items() if name != "text"}


def _digits_only(one: Difference) -> bool:
    numbers = (int, Decimal)
    both = isinstance(one.a, numbers) and isinstance(one.b, numbers)
    return one.kind == "element" and one.missing is None and both and one.a == one.b
