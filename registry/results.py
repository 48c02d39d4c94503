"""A results section as plain data: flow, baseline, outcome measures, adverse events and the rest.

`read` takes API v2's resultsSection apart into the dataclasses of `flow`, `measures` and `adverse_events`; `write` gives
it back exactly as the API spells it. Numbers that should add up are checked by `trialbridge.registry.rules`.

>>> section = {"adverseEventsModule": {"frequencyThreshold": "5", "timeFrame": "3 months"}}
>>> results, findings = read(section)
>>> write(results) == section
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.registry.adverse_events import AdverseEvents  # noqa: TC001 - the JSON form reads the fields' hints as it runs
from trialbridge.registry.flow import ParticipantFlow  # noqa: TC001 - the JSON form reads the fields' hints as it runs
from trialbridge.registry.jsonform import from_json, to_json
from trialbridge.registry.measures import Baseline, OutcomeMeasures  # noqa: TC001 - the JSON form reads the fields' hints as it runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.base.finding import Finding


@dataclass(frozen=True, slots=True)
class LimitationsAndCaveats:
    """What limits the results."""

    description: str = ""


@dataclass(frozen=True, slots=True)
class CertainAgreement:
    """What the sponsor agreed with investigators on publication. `restriction_type` is LTE60, GT60 or OTHER."""

    pi_sponsor_employee: bool | None = None
    restriction_type: str = ""
    restrictive_agreement: bool | None = None
    other_details: str = ""


@dataclass(frozen=True, slots=True)
class PointOfContact:
    """Whom to ask about the results: a person or an office; carried only when asked."""

    title: str = ""
    organization: str = ""
    email: str = ""
    phone: str = ""
    phone_ext: str = ""


@dataclass(frozen=True, slots=True)
class MoreInfo:
    """The last module: limitations, agreements, contact."""

    limitations_and_caveats: LimitationsAndCaveats | None = None
    certain_agreement: CertainAgreement | None = None
    point_of_contact: PointOfContact | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """The results section: five modules, each of which may be missing."""

    participant_flow_module: ParticipantFlow | None = None
    baseline_characteristics_module: Baseline | None = None
    outcome_measures_module: OutcomeMeasures | None = None
    adverse_events_module: AdverseEvents | None = None
    more_info_module: MoreInfo | None = None


def read(section: Mapping[str, Any]) -> tuple[Results, list[Finding]]:
    """A resultsSection as data, with findings for fields the API does not have and values of the wrong shape."""
    findings: list[Finding] = []
    return from_json(Results, section, "resultsSection", findings), findings


def write(results: Results) -> dict[str, Any]:
    """The data as a resultsSection."""
    return to_json(results)
