"""A rule and what became of it: what every check of ours is, whichever language it reads, and what reports show.

A rule is a generator function whose docstring is the rule in our words with its source; `Rule` says how it is known
outside: its id, the standard's ids it answers to, and how to mend what it finds.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.base.finding import Finding, Severity


class Status(StrEnum):
    """What became of a rule in one run, as CDISC CORE spells it."""

    SUCCESS = "SUCCESS"
    SKIPPED = "SKIPPED"
    ISSUE_REPORTED = "ISSUE REPORTED"
    EXECUTION_ERROR = "EXECUTION ERROR"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `id` is ours (`TB-…`); `cdisc` and `fda` are published ids (CG0001, SD0063, FB0101) it answers to."""

    id: str
    check: Callable[..., Iterator[Finding]]
    severity: Severity
    message: str
    fix: str = ""
    cdisc: tuple[str, ...] = ()
    fda: tuple[str, ...] = ()
    section: str = ""
    domains: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The rule in our words: its function's docstring."""
        return inspect.getdoc(self.check) or ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one rule said of one study. `why` tells why it was skipped or failed."""

    rule: Rule
    status: Status
    findings: tuple[Finding, ...] = ()
    why: str = ""
