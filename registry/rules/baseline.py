"""Baseline characteristics: required measures, totals, denominators, dispersion.

Sources: definition of the Baseline Characteristics module (age, sex, race and ethnicity if collected; the total of the
groups; measure of dispersion); NLM Major Comments on missing dispersion and on inconsistent information.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.registry import measures as m
from trialbridge.registry.content import at, items, number_of, text
from trialbridge.registry.flow import STARTED
from trialbridge.registry.rules.say import error, warning
from trialbridge.registry.rules.tables import BASELINE, CONTINUOUS, COUNTS, baseline_measures, cells, denominators

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.finding import Finding
    from trialbridge.registry.record import Record

MODULE = "baselineCharacteristicsModule"
SAME_WHOLE = (m.SEX, m.ETHNICITY, m.RACE, m.AGE_CATEGORICAL)
"""Measures whose categories cover every participant."""


def baseline_has_age_and_sex(record: Record) -> Iterator[Finding]:
    """The baseline has an age and a sex or gender measure. Source: definition of the module, required measures."""
    if not at(record.results, MODULE):
        return
    titles = [text(one, "title") for _, one in baseline_measures(record)]
    for word, starts in (("age", ("Age,",)), ("sex", ("Sex",)), ("race and ethnicity", ("Race", "Ethnicity"))):
        if not any(title.startswith(starts) for title in titles):
            severity = warning if word.startswith("race") else error
            yield severity("BASELINE-REQUIRED", BASELINE + ".measures", f"No measure of {word}.", "add it")


def total_is_the_sum(record: Record) -> Iterator[Finding]:
    """In the last group, called Total, every count and denominator is the sum of the others. Source: Baseline totals."""
    groups = items(record.results, MODULE + ".groups")
    if len(groups) < 2 or not text(groups[-1], "title").casefold().startswith("total"):
        return
    total, parts = text(groups[-1], "id"), {text(one, "id") for one in groups[:-1]}
    counted = denominators(at(record.results, MODULE))
    if total in counted and parts <= counted.keys() and counted[total] != sum(counted[one] for one in parts):
        message = f"The total is {counted[total]}, the groups add up to {sum(counted[one] for one in parts)}."
        yield error("BASELINE-TOTAL", BASELINE + ".denoms", message, "correct the numbers")
    for path, measure in baseline_measures(record):
        if text(measure, "paramType") not in COUNTS:
            continue
        rows: dict[tuple[str, str], dict[str, int]] = {}
        for cell in cells(measure, path):
            number = number_of(cell.content.get("value"))
            if number is not None:
                rows.setdefault((cell.path, cell.category), {})[cell.group] = number
        for (place, category), row in rows.items():
            if total in row and parts <= row.keys() and row[total] != sum(row[one] for one in parts):
                message = f"{category or text(measure, 'title')}: the total is {row[total]}, the groups add up to "
                message += f"{sum(row[one] for one in parts)}."
                yield error("BASELINE-TOTAL", place, message, "correct the numbers")


def categories_fit_denominator(record: Record) -> Iterator[Finding]:
    """Counts of the categories of one class do not exceed those analysed; for sex, race, ethnicity and age they are all.

    Source: definition of Category (mutually exclusive); NLM Major Comment on inconsistency within the measure.
    """
    overall = denominators(at(record.results, MODULE))
    for path, measure in baseline_measures(record):
        if text(measure, "paramType") != "COUNT_OF_PARTICIPANTS":
            continue
        own = overall | denominators(measure)
        for number, of in enumerate(items(measure, "classes")):
            counted = own | denominators(of)
            sums: dict[str, int] = {}
            for cell in cells({"classes": [of]}, path):
                sums[cell.group] = sums.get(cell.group, 0) + (number_of(cell.content.get("value")) or 0)
            for group, found in sums.items():
                place = f"{path}.classes[{number}]"
                if group in counted and found > counted[group]:
                    message = f"{group}: the categories add up to {found} of {counted[group]}."
                    yield error("BASELINE-COUNT", place, message, "correct the numbers")
                elif group in counted and found < counted[group] and text(measure, "title") in SAME_WHOLE:
                    message = f"{group}: the categories add up to {found} of {counted[group]}."
                    yield warning("BASELINE-COUNT", place, message, "add the unknown, or give the number analysed")


def dispersion_is_given(record: Record) -> Iterator[Finding]:
    """A mean or median has a measure of dispersion and its numbers. Source: NLM Major Comment on missing dispersion."""
    for path, measure in baseline_measures(record):
        if text(measure, "paramType") not in CONTINUOUS:
            continue
        if text(measure, "dispersionType") in ("", "NA"):
            yield error("DISPERSION", path, f"{text(measure, 'title')} has no measure of dispersion.", "add it")
        elif any(
            not (text(cell.content, "spread") or text(cell.content, "lowerLimit") or text(cell.content, "comment"))
            for cell in cells(measure, path)
        ):
            yield error("DISPERSION", path, f"{text(measure, 'title')} lacks numbers of dispersion.", "give them")


def prescribed_categories(record: Record) -> Iterator[Finding]:
    """The measures whose rows the registry prescribes have those rows. Source: lists of the NIH/OMB categories."""
    for path, measure in baseline_measures(record):
        rows = m.CATEGORIES.get(text(measure, "title"))
        odd = {cell.category for cell in cells(measure, path)} - set(rows or ())
        if rows and odd:
            message = f"{text(measure, 'title')} has no row {', '.join(sorted(map(repr, odd)))}."
            yield error("BASELINE-ROWS", path, message, f"use {', '.join(rows)}, or a customized measure")


def baseline_fits_flow(record: Record) -> Iterator[Finding]:
    """Those at baseline are those who started, or the population is described. Source: Baseline Analysis Population."""
    counted = denominators(at(record.results, MODULE) or {})
    groups = items(record.results, MODULE + ".groups")
    periods = items(record.results, "participantFlowModule.periods")
    if not counted or not periods:
        return
    last = text(groups[-1], "id") if groups else ""
    has_total = bool(groups) and text(groups[-1], "title").casefold().startswith("total")
    there = counted.get(last, 0) if has_total else sum(counted.values())
    started = sum(
        number_of(one.get("numSubjects")) or 0
        for milestone in items(periods[0], "milestones")
        if text(milestone, "type") == STARTED
        for one in items(milestone, "achievements")
    )
    if there != started and not text(record.results, MODULE + ".populationDescription"):
        message = f"{there} at baseline, {started} started, and nothing says why."
        yield warning("BASELINE-FLOW", BASELINE + ".denoms", message, "describe the baseline population")
