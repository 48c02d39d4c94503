"""Participant flow: who started, who completed, and why the others did not (participantFlowModule of API v2).

Build one with `participant_flow` and `period`; the numbers are counts of subjects by arm title.

>>> flow = participant_flow(
...     {"Radiotherapy": "24 Gy in 3 fractions"},
...     [period("Overall Study", {"Radiotherapy": 40}, {"Radiotherapy": 37}, {"Death": {"Radiotherapy": 3}})],
... )
>>> [(one.type, one.achievements[0].num_subjects) for one in flow.periods[0].milestones]
[('STARTED', '40'), ('COMPLETED', '37'), ('NOT COMPLETED', '3')]

Source: OpenAPI description of the API; reasons: list "Reason Not Completed" of the results data element definitions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STARTED, COMPLETED, NOT_COMPLETED = "STARTED", "COMPLETED", "NOT COMPLETED"
REASONS = (
    "Adverse Event",
    "Death",
    "Lack of Efficacy",
    "Lost to Follow-up",
    "Physician Decision",
    "Pregnancy",
    "Protocol Violation",
    "Withdrawal by Subject",
)
"""The reasons the registry lists; any other text is "Other" with that name."""


@dataclass(frozen=True, slots=True)
class FlowGroup:
    """An arm of the flow: `FG000`, title, description."""

    id: str = ""
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class FlowStats:
    """How many subjects (and units) of a group; counts are text, as the API has them."""

    group_id: str = ""
    comment: str = ""
    num_subjects: str = ""
    num_units: str = ""


@dataclass(frozen=True, slots=True)
class Milestone:
    """A milestone: STARTED, COMPLETED, NOT COMPLETED or one of the study's own."""

    type: str = ""
    comment: str = ""
    achievements: tuple[FlowStats, ...] = ()


@dataclass(frozen=True, slots=True)
class DropWithdraw:
    """A reason for not completing, with its numbers."""

    type: str = ""
    comment: str = ""
    reasons: tuple[FlowStats, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """A period of the study with its milestones and reasons."""

    title: str = ""
    milestones: tuple[Milestone, ...] = ()
    drop_withdraws: tuple[DropWithdraw, ...] = ()


@dataclass(frozen=True, slots=True)
class ParticipantFlow:
    """The module as the API has it."""

    pre_assignment_details: str = ""
    recruitment_details: str = ""
    type_units_analyzed: str = ""
    groups: tuple[FlowGroup, ...] = ()
    periods: tuple[Period, ...] = ()


def period(
    title: str,
    started: Mapping[str, int],
    completed: Mapping[str, int],
    reasons: Mapping[str, Mapping[str, int]] | None = None,
) -> Period:
    """A period from counts of subjects by arm title; NOT COMPLETED is started minus completed.

    `reasons` goes from reason to counts by arm title; an arm that a reason does not name counts 0.
    """
    milestones = {
        STARTED: started,
        COMPLETED: {arm: completed.get(arm, 0) for arm in started},
        NOT_COMPLETED: {arm: count - completed.get(arm, 0) for arm, count in started.items()},
    }
    given = reasons or {}
    return Period(
        title,
        tuple(Milestone(name, "", _stats(counts)) for name, counts in milestones.items()),
        tuple(DropWithdraw(why, "", _stats({arm: given[why].get(arm, 0) for arm in started})) for why in given),
    )


def _stats(counts: Mapping[str, int]) -> tuple[FlowStats, ...]:
    return tuple(FlowStats(group_id=arm, num_subjects=str(count)) for arm, count in counts.items())


def participant_flow(
    arms: Mapping[str, str],
    periods: Iterable[Period],
    *,
    pre_assignment_details: str = "",
    recruitment_details: str = "",
) -> ParticipantFlow:
    """A flow whose groups are `FG000`, `FG001` … in the order of `arms` (title -> description).

    Periods made by `period` name arms by title; the titles are replaced by the groups' ids. Raises KeyError for an
    arm that is not in `arms`.
    """
    ids = {title: f"FG{number:03}" for number, title in enumerate(arms)}
    groups = tuple(FlowGroup(ids[title], title, description) for title, description in arms.items())
    named = tuple(_with_ids(one, ids) for one in periods)
    return ParticipantFlow(pre_assignment_details, recruitment_details, "", groups, named)


def _with_ids(of: Period, ids: Mapping[str, str]) -> Period:
    def renamed(stats: tuple[FlowStats, ...]) -> tuple[FlowStats, ...]:
        return tuple(replace(one, group_id=ids[one.group_id]) for one in stats)

    milestones = tuple(replace(one, achievements=renamed(one.achievements)) for one in of.milestones)
    reasons = tuple(replace(one, reasons=renamed(one.reasons)) for one in of.drop_withdraws)
    return replace(of, milestones=milestones, drop_withdraws=reasons)
