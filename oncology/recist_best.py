"""Best overall response of one reader: confirmation, least duration of stable disease, date of progression.

RECIST 1.0: Therasse 2000, "Best overall response", "Confirmation". RECIST 1.1: Eisenhauer 2009, section 4.4.3 and
Table 3, 4.6. iRECIST: Seymour 2017, Table 3 (an iUPD that is not confirmed does not end the search).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialbridge.oncology.recist_criteria import CR, IMMUNE, NE, NED, NON_CR_NON_PD, PD, PR, SD
from trialbridge.oncology.recist_days import days_at_least

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialbridge.oncology.recist_criteria import Choices, Criteria

_PLAIN = {immune: plain for plain, immune in IMMUNE.items()}
_STABLE = (CR, PR, SD, NON_CR_NON_PD)


@dataclass(frozen=True, slots=True)
class Timed:
    """An overall response, its date, and the date of progression where the criteria place it earlier."""

    response: str
    date: str
    progression: str = ""


@dataclass(frozen=True, slots=True)
class BestFound:
    """The best response, when its criteria were first met, whether confirmed (None: not asked), date of progression."""

    response: str
    date: str
    confirmed: bool | None
    progression: str
    text: str


def best_response(visits: Sequence[Timed], start: str, criteria: Criteria, choices: Choices) -> BestFound:
    """The best overall response over the visits up to progression. `start`: treatment start or baseline, ISO 8601."""

    def said(response: str, why: str) -> str:
        return f"{_named(criteria, response)}: {why} ({criteria.label})"

    last_word = "iCPD" if criteria.immune else PD
    ends = next((index for index, one in enumerate(visits) if one.response == last_word), len(visits))
    over = visits[ends] if ends < len(visits) else None
    progression = "" if over is None else over.progression or over.date
    # Where a new lesion dates the progression back to its first sight, what was said from that day on is no response.
    before = (one for one in visits[:ends] if not progression or one.date < progression)
    until = [Timed(_PLAIN.get(one.response, one.response), one.date) for one in before]
    must = criteria.confirmation if choices.confirmation is None else choices.confirmation
    for response, as_good in ((CR, (CR,)), (PR, (CR, PR))):
        found = _responded(until, response, as_good, choices.confirmation_days if must else 0)
        if found:
            first, later = found
            rule = f"confirmed on {later}" if must else "confirmation not required"
            text = f"{response} first met on {first}, {rule}"
            return BestFound(_named(criteria, response), first, must or None, progression, said(response, text))
    for one in until:
        days = days_at_least(start, one.date)
        if one.response in _STABLE and days is not None and days >= choices.stable_days:
            stable = NON_CR_NON_PD if _only_nontarget(until) else SD
            why = " (a response was not confirmed)" if must and one.response in (CR, PR) else ""
            text = f"not progressed {days} days after {start}, at least {choices.stable_days}{why}"
            return BestFound(_named(criteria, stable), one.date, None, progression, said(stable, text))
    if until and all(one.response == NED for one in until) and over is None:
        return BestFound(_named(criteria, NED), until[0].date, None, "", said(NED, "no disease at any visit"))
    if over is not None:
        text = f"progression on {progression} before response or {choices.stable_days} days of stable disease"
        return BestFound(last_word, over.date, None, progression, said(last_word, text))
    unsure = next((one for one in until if one.response == PD), None)
    if unsure is not None:
        return BestFound(
            _named(criteria, PD), unsure.date, None, "", said(PD, "progression never confirmed, nothing better seen")
        )
    text = f"no response, no {choices.stable_days} days of stable disease after {start or 'unknown date'}"
    return BestFound(_named(criteria, NE), until[0].date if until else "", None, "", said(NE, text))


def _responded(
    visits: Sequence[Timed], response: str, as_good: tuple[str, ...], least_days: int
) -> tuple[str, str] | None:
    """The date a response was first met, and the date it was confirmed; missed scans in between do no harm.

    `least_days` 0: no confirmation asked. Eisenhauer 2009, Table 3: PR, NE, PR is a confirmed PR; PR, SD is not.
    """
    for index, one in enumerate(visits):
        if one.response not in as_good:
            continue
        if not least_days:
            if one.response == response:
                return one.date, one.date
            continue
        for later in visits[index + 1 :]:
            if later.response == NE:
                continue
            if later.response not in as_good:
                break
            if (days_at_least(one.date, later.date) or 0) >= least_days:
                return one.date, later.date
    return None


def _only_nontarget(visits: Sequence[Timed]) -> bool:
    """Whether the visits are those of a subject without target lesions, by the word for persisting disease."""
    said = {one.response for one in visits}
    return NON_CR_NON_PD in said and not said & {PR, SD}


def _named(criteria: Criteria, response: str) -> str:
    return IMMUNE.get(response, response) if criteria.immune else response
