"""Questions that a conversion from forms asks a person, and the decisions that settle them at the next run.

A question is known by its source, record key, column and the text as it stands: the same file gives the same question
ids, wherever the row has moved. A decision says who and why; without both it is not applied.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trialbridge.base.finding import Finding, Severity, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialbridge.crf.reading.doubt import Kind

Action = Literal["accept", "reject", "edit"]


@dataclass(frozen=True, slots=True)
class Question:
    """A doubtful value: where it stands, what is the matter, and what is proposed (empty: leave it empty)."""

    id: str
    source: str
    where: Where
    key: str
    column: str
    text: str
    kind: Kind
    message: str
    proposal: str = ""
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided: accept the proposal, reject (leave the value empty), or edit it to `text`."""

    id: str
    action: Action
    text: str
    who: str
    why: str


def question_id(source: str, key: str, column: str, text: str) -> str:
    """Twelve hex digits, the same in every run."""
    whole = f"{source}\x1f{key}\x1f{column}\x1f{text}"
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


@dataclass(slots=True)
class Questions:
    """The questions of a run by their ids, and the decisions it was given."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    asked: dict[str, Question] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def decision(self, source: str, key: str, column: str, text: str) -> Decision | None:
        """What was decided about that text, if anything."""
        if not self.decisions:  # the usual case, for each cell of a study
            return None
        found = self.decisions.get(question_id(source, key, column, text))
        if found is not None:
            self.used.add(found.id)
        return found

    def ask(self, question: Question) -> None:
        """Ask once; a second variable of the same cell is added to the question."""
        known = self.asked.get(question.id)
        if known is None:
            self.asked[question.id] = question
        elif not set(question.variables) <= set(known.variables):
            both = tuple(dict.fromkeys((*known.variables, *question.variables)))
            self.asked[question.id] = Question(
                known.id, known.source, known.where, known.key, known.column, known.text,
                known.kind, known.message, known.proposal, both,
            )  # fmt: skip

    def findings(self) -> Iterator[Finding]:
        """Each open question as a finding, without its value; and decisions that nothing asked for."""
        for one in self.asked.values():
            names = f" ({', '.join(one.variables)} left empty)" if one.variables else ""
            message = f"{str(one.kind)[0].upper()}{str(one.kind)[1:]}: {one.message}{names}."
            yield Finding(
                "TB-CRF-ASK", Severity.WARNING, one.where, message, f"settle question {one.id} in the adjudication file"
            )
        for stale in sorted(set(self.decisions) - self.used):
            yield Finding(
                "TB-CRF-STALE", Severity.NOTE, Where(), f"Decision {stale} fits no question any more.", "delete its row"
            )


def usable(decisions: Iterable[Decision]) -> tuple[dict[str, Decision], list[Finding]]:
    """The decisions that say who and why, by id; the others as findings."""
    found: dict[str, Decision] = {}
    findings = []
    for one in decisions:
        if one.who and one.why:
            found[one.id] = one
        else:
            missing = " and ".join(name for name, given in (("who", one.who), ("why", one.why)) if not given)
            message = f"Decision {one.id} does not say {missing}; it was not applied."
            findings.append(
                Finding("TB-CRF-UNSIGNED", Severity.WARNING, Where(), message, "fill the column and run again")
            )
    return found, findings
