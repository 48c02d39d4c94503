"""How a rule is declared: a generator of `Hit`s becomes a `Rule` whose findings carry its id, severity and words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.base.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.sdtm.rules.data import Data


@dataclass(frozen=True, slots=True)
class Hit:
    """One place that breaks a rule: where, and the variables concerned with their values.

    `message` and `fix` stand instead of the rule's own where it has several to say; a message never holds a subject's
    values.
    """

    where: Where
    cells: tuple[tuple[str, str], ...] = ()
    message: str = ""
    fix: str = ""


def rule(
    id: str,  # noqa: A002 - it is the rule's id
    message: str,
    fix: str,
    *,
    severity: Severity = Severity.ERROR,
    cdisc: str = "",
    fda: str = "",
    section: str = "",
    domains: str = "",
) -> Callable[[Callable[[Data], Iterator[Hit]]], Rule]:
    """Makes a rule of a generator function; `cdisc`, `fda` and `domains` are lists parted by blanks."""

    def made(function: Callable[[Data], Iterator[Hit]]) -> Rule:
        @wraps(function)
        def check(data: Data) -> Iterator[Finding]:
            for hit in function(data):
                yield Finding(id, severity, hit.where, hit.message or message, hit.fix or fix, hit.cells)

        return Rule(
            id,
            check,
            severity,
            message,
            fix,
            tuple(cdisc.split()),
            tuple(fda.split()),
            section,
            tuple(domains.split()),
        )

    return made
