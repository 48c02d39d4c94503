"""Registered outcome measures: each is one measure with a time frame at which it is assessed.

Sources: definitions of Primary and Secondary Outcome Measure (title, description, time frame); protocol review criteria
of the NLM (one measure each, a specific time point, a scale explained).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.registry.rules.say import error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Outcome, Record

_TIME = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|baseline|birth|death|discharge|delivery|admission"
    r"|progression|relapse|enrol?lment|randomi[sz]ation|surgery|hour|day|night|week|month|year|visit|cycle|trimester"
    r"|perioperative(?:ly)?|intraoperative(?:ly)?|immediate(?:ly)?)s?\b",
    re.IGNORECASE,
)
_OBJECTIVE = re.compile(
    r"\s*(?:\(?\d+[.)]\s*)?to\s+(?:assess|evaluate|determine|compare|investigate|examine|explore|study|show|demonstrate)\b",
    re.IGNORECASE,
)
_SCALE = re.compile(r"\b(?:score|scale|questionnaire|inventory|index)\b", re.IGNORECASE)
_RANGE = re.compile(r"\d\s*(?:to|-|–|and|through)\s*\d|\bmin(?:imum)?\b|\bmax(?:imum)?\b|\brang", re.IGNORECASE)
_SEVERAL = re.compile(r";|\band\b[^,;]*\band\b|,[^,]+,\s*(?:and|or)\b", re.IGNORECASE)
_VAGUE = re.compile(
    r"\s*(?:safety(?: and tolerability)?|efficacy|quality of life|toxicity|tolerability|feasibility)\.?\s*",
    re.IGNORECASE,
)


def _placed(record: Record) -> Iterator[tuple[str, Outcome]]:
    counts: dict[str, int] = {}
    for one in record.outcomes:
        number = counts[one.kind] = counts.get(one.kind, -1) + 1
        yield f"protocolSection.outcomesModule.{one.kind.lower()}Outcomes[{number}]", one


def time_frames_are_given(record: Record) -> Iterator[Finding]:
    """Every outcome measure says when it is assessed: a point or period of time. Source: definition of Time Frame."""
    for path, one in _placed(record):
        if not one.time_frame:
            yield error("TIME-FRAME", path, f"{one.measure!r} has no time frame.", "say when it is assessed")
        elif not _TIME.search(one.time_frame):
            message = f"{one.time_frame!r} names no point or period of time."
            yield error("TIME-FRAME", path + ".timeFrame", message, "name weeks, months or an event")


def measures_are_measures(record: Record) -> Iterator[Finding]:
    """A title names what is measured, not an aim ("To evaluate …"). Source: definition of the measure's title."""
    for path, one in _placed(record):
        if not one.measure:
            yield error("MEASURE", path, "An outcome measure has no title.", "name the measure")
        elif _OBJECTIVE.match(one.measure):
            yield error("MEASURE", path + ".measure", f"{one.measure!r} is an aim, not a measure.", "name the measure")


def measures_are_single(record: Record) -> Iterator[Finding]:
    """Each outcome measure is one variable; several are given one by one. Source: NLM review comment on several measures."""
    for path, one in _placed(record):
        if _SEVERAL.search(one.measure):
            message = f"{one.measure!r} may be several measures."
            yield warning("MEASURE-SEVERAL", path + ".measure", message, "give each its own outcome measure")


def measures_are_described(record: Record) -> Iterator[Finding]:
    """A general title says in its description what is measured and how. Source: definition of Description."""
    for path, one in _placed(record):
        if _VAGUE.fullmatch(one.measure) and len(one.description) <= len(one.measure):
            message = f"{one.measure!r} does not say what is measured."
            yield warning("MEASURE-VAGUE", path + ".measure", message, "name the metric in title or description")


def scales_are_explained(record: Record) -> Iterator[Finding]:
    """A score or scale is described with its range and what a higher value means. Source: definition of Description."""
    for path, one in _placed(record):
        if _SCALE.search(one.measure) and not _RANGE.search(one.description):
            message = f"{one.measure!r} is a scale whose range is not described."
            yield warning("SCALE", path + ".description", message, "give its range and the better end")


def measures_are_unique(record: Record) -> Iterator[Finding]:
    """No outcome measure stands twice with the same time frame. Source: protocol review criteria."""
    seen: set[tuple[str, str]] = set()
    for path, one in _placed(record):
        key = (" ".join(one.measure.split()).casefold(), " ".join(one.time_frame.split()).casefold())
        if key in seen and key[0]:
            yield error("MEASURE-TWICE", path, f"{one.measure!r} stands twice.", "remove one or tell them apart")
        seen.add(key)
