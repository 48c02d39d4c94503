"""The rules of a record: plain generators `rule(record) -> Iterator[Finding]`, each with its text and source.

`ALL` lists them; `check` runs them all. Adding one: a function in the module of its subject, its name here, and a case
it rejects and one it accepts in tests/registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.registry.rules import (
    baseline,
    design,
    eligibility,
    events,
    flow,
    outcomes,
    prose,
    reported,
    status,
    structure,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

PROTOCOL: tuple[Callable[[Record], Iterator[Finding]], ...] = (
    structure.fields_are_known,
    structure.types_fit,
    structure.values_are_listed,
    structure.dates_are_dates,
    structure.ages_are_ages,
    structure.number_is_a_number,
    structure.texts_fit,
    status.required_fields,
    status.dates_in_order,
    status.actual_dates_have_passed,
    status.status_fits_start,
    status.status_fits_end,
    status.stopped_says_why,
    status.enrolment_fits_status,
    design.model_fits_arms,
    design.allocation_fits_arms,
    design.masking_fits_roles,
    design.type_fits_design,
    design.title_fits_design,
    design.labels_are_unique,
    design.arms_and_interventions_meet,
    design.arms_name_their_interventions,
    design.comparators_have_something_to_compare,
    outcomes.time_frames_are_given,
    outcomes.measures_are_measures,
    outcomes.measures_are_single,
    outcomes.measures_are_described,
    outcomes.scales_are_explained,
    outcomes.measures_are_unique,
    eligibility.criteria_are_given,
    eligibility.criteria_have_headings,
    eligibility.criteria_are_single,
    eligibility.ages_in_order,
    eligibility.ages_fit_criteria,
    eligibility.gender_is_described,
    prose.no_results_in_prose,
    prose.no_payments,
    prose.no_persons_in_prose,
    prose.no_placeholders,
)
RESULTS: tuple[Callable[[Record], Iterator[Finding]], ...] = (
    flow.periods_have_their_milestones,
    flow.flow_adds_up,
    flow.reasons_add_up,
    flow.groups_are_listed,
    flow.started_fits_enrolment,
    baseline.baseline_has_age_and_sex,
    baseline.total_is_the_sum,
    baseline.categories_fit_denominator,
    baseline.dispersion_is_given,
    baseline.prescribed_categories,
    baseline.baseline_fits_flow,
    reported.registered_are_reported,
    reported.reported_were_registered,
    reported.outcome_dispersion_is_given,
    reported.values_are_valid,
    reported.limits_enclose_values,
    reported.unit_fits_measure,
    reported.tables_are_complete,
    reported.units_are_counted,
    reported.analyses_are_consistent,
    events.events_say_when_and_how,
    events.affected_fit_at_risk,
    events.totals_fit_terms,
    events.others_exceed_threshold,
    events.terms_are_complete,
    events.serious_are_apart,
)
ALL = (*PROTOCOL, *RESULTS)


def check(record: Record) -> list[Finding]:
    """What all rules find in a record, in the order of the rules."""
    return [finding for rule in ALL for finding in rule(record)]
