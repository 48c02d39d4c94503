"""Adverse events of a results section: all-cause mortality, serious and other events by group (adverseEventsModule).

Numbers are subjects unless they say events. `other` events are those whose share of affected subjects is strictly over
the threshold (at most 5 percent) in at least one group; a term in the table is given for all groups.

>>> group = EventGroup("EG000", "Radiotherapy", "", 1, 40, 2, 40, 30, 40)
>>> event("Fatigue", "General disorders", {"EG000": (3, 2, 40)}).stats
(EventStats(group_id='EG000', num_events=3, num_affected=2, num_at_risk=40),)

Source: OpenAPI description of the API; 42 CFR 11.48(a)(4) for the three tables and the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HIGHEST_THRESHOLD = 5
"""The registry takes a threshold from 0 to this percentage."""
SYSTEMATIC, NON_SYSTEMATIC = "SYSTEMATIC_ASSESSMENT", "NON_SYSTEMATIC_ASSESSMENT"


@dataclass(frozen=True, slots=True)
class EventGroup:
    """A group with its totals: deaths of any cause, subjects with serious and with other events, each with those at risk."""

    id: str = ""
    title: str = ""
    description: str = ""
    deaths_num_affected: int | None = None
    deaths_num_at_risk: int | None = None
    serious_num_affected: int | None = None
    serious_num_at_risk: int | None = None
    other_num_affected: int | None = None
    other_num_at_risk: int | None = None


@dataclass(frozen=True, slots=True)
class EventStats:
    """A term's numbers in a group: events, subjects affected, subjects at risk."""

    group_id: str = ""
    num_events: int | None = None
    num_affected: int | None = None
    num_at_risk: int | None = None


@dataclass(frozen=True, slots=True)
class AdverseEvent:
    """A term within its organ system, with its vocabulary ("MedDRA 27.0") and how it was assessed."""

    term: str = ""
    organ_system: str = ""
    source_vocabulary: str = ""
    assessment_type: str = ""
    notes: str = ""
    stats: tuple[EventStats, ...] = ()


@dataclass(frozen=True, slots=True)
class AdverseEvents:
    """The module as the API has it."""

    frequency_threshold: str = ""
    time_frame: str = ""
    description: str = ""
    all_cause_mortality_comment: str = ""
    event_groups: tuple[EventGroup, ...] = ()
    serious_events: tuple[AdverseEvent, ...] = ()
    other_events: tuple[AdverseEvent, ...] = ()


def event(
    term: str,
    organ_system: str,
    by_group: Mapping[str, tuple[int | None, int, int]],
    *,
    vocabulary: str = "",
    assessment: str = SYSTEMATIC,
    notes: str = "",
) -> AdverseEvent:
    """A term from group id -> (events or None, subjects affected, subjects at risk)."""
    stats = tuple(EventStats(group, *numbers) for group, numbers in by_group.items())
    return AdverseEvent(term, organ_system, vocabulary, assessment, notes, stats)


def exceeds(affected: int, at_risk: int, threshold: float) -> bool:
    """Whether a share of subjects lies strictly over the threshold in percent (a share of exactly 5 % does not).

    >>> exceeds(2, 40, 5), exceeds(3, 40, 5), exceeds(0, 0, 5)
    (False, True, False)
    """
    return at_risk > 0 and affected * 100 > threshold * at_risk
