"""The time in which toxicity counts: from the first fraction to some days after the end of radiotherapy."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from trialbridge.oncology.groups import end_of_radiotherapy
from trialbridge.oncology.recist_days import bounds
from trialbridge.oncology.survival_rules import PfsRules
from trialbridge.oncology.survival_sources import starts

if TYPE_CHECKING:
    from trialbridge.sdtm.table import Study


def periods(study: Study, day: int) -> dict[str, tuple[str, str]]:
    """Subject -> first fraction and the last day that counts, ISO 8601; `day` in days after the end of radiotherapy.

    Of a partial end the last day it may mean; subjects whose end says no year are left out.
    """
    first = starts(study, PfsRules())
    found = {}
    for usubjid, end in end_of_radiotherapy(study).items():
        span = bounds(end)
        if span is not None:
            found[usubjid] = (first.get(usubjid) or end, (span[1] + timedelta(days=day)).isoformat())
    return found
