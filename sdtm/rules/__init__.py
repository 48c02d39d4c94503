"""Rules of SDTM as generator functions, by theme. Each docstring is the rule in our words; its ids and section stand above it.

`RULES` lists them, `check` runs them. Adding one: a function in the module of its theme, its name in that module's RULES,
a planted error that it finds in tests/sdtm/rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.sdtm.rules import (
    adverse_events,
    arms,
    baseline_flags,
    codes,
    dates,
    demographics,
    disposition,
    identifiers,
    lesion_sizes,
    lesions,
    limits,
    qualifiers,
    relationships,
    response,
    results,
    running,
    structure,
    study_days,
    timing,
    trial_summary,
    visits,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trialbridge.base.rule import Checked, Rule
    from trialbridge.sdtm.codelists import Terminology
    from trialbridge.sdtm.table import Study

RULES: tuple[Rule, ...] = (
    *structure.RULES,
    *limits.RULES,
    *identifiers.RULES,
    *codes.RULES,
    *dates.RULES,
    *study_days.RULES,
    *timing.RULES,
    *visits.RULES,
    *results.RULES,
    *baseline_flags.RULES,
    *qualifiers.RULES,
    *adverse_events.RULES,
    *arms.RULES,
    *disposition.RULES,
    *relationships.RULES,
    *trial_summary.RULES,
    *lesions.RULES,
    *lesion_sizes.RULES,
    *response.RULES,
    *demographics.RULES,
)


def check(
    study: Study,
    *,
    rules: Sequence[Rule] = RULES,
    define: Any = None,
    ct: Terminology | None = None,
    most: int | None = None,
) -> Iterator[Checked]:
    """What each rule says of the study: see `running.run`, which says what the keywords mean. Never raises in the middle."""
    return running.run(study, rules, define=define, ct=ct, most=most)
