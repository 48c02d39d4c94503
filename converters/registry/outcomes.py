"""Outcome measures of a registry's results, from what `oncology` computes, each tied to a registered measure.

A registered measure keeps its title, type and time frame as registered; how it was computed stands in its description.
One that nothing here computes is listed as not posted, with a finding. Remission is counted lesion by lesion too, in
units of lesions; those measures, and the median of progression-free survival, are post hoc.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.mappings.registry_outcomes import answer_to
from trialbridge.oncology import ctcae as grades
from trialbridge.oncology import outcomes as oncology
from trialbridge.oncology.groups import IRRADIATED, NON_IRRADIATED, end_of_radiotherapy
from trialbridge.oncology.lesion_remission import lesion_remissions
from trialbridge.oncology.recist_criteria import criteria_of
from trialbridge.oncology.survival_rules import PfsRules
from trialbridge.registry import measures as m

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trialbridge.converters.registry.subjects import Arms
    from trialbridge.oncology.lesion_remission import LesionRemission
    from trialbridge.registry.record import Outcome, Record
    from trialbridge.sdtm.table import Study

LESIONS = "Lesions"
TYPES = {"PRIMARY": "PRIMARY", "SECONDARY": "SECONDARY", "OTHER": "OTHER_PRE_SPECIFIED"}
_REPEATS = "Grade 3 or higher"
_OPEN = "A limit given as NA was not reached within the time observed."
_LONGEST_TEXT, _ELLIPSIS = 999, " ..."


def outcome_measures(
    study: Study,
    record: Record,
    arms: Arms,
    findings: list[Finding],
    *,
    criteria: str = "1.0",
    ctcae: str = "4.0",
    day: int = 91,
    window: int = 28,
    evaluator: str = "INVESTIGATOR",
) -> m.OutcomeMeasures:
    """The registered measures in their order, then what was computed beyond them.

    Raises UnknownNameError for criteria and versions that do not exist.
    """
    criteria_of(criteria)
    grades.terms(ctcae)  # a version that does not exist is wrong usage, not a thing the study lacks
    try:
        done = oncology.outcomes(study, criteria, ctcae, rules=_rules(record, evaluator), day=day, window=window)
    except UnknownNameError as error:
        findings.append(_finding("OUTCOMES-MISSING", f"The outcome measures cannot be computed: {error.message}"))
        return m.OutcomeMeasures(tuple(_fitting(_unposted(one, findings), findings) for one in record.outcomes))
    findings += done.findings
    lesions = list(_by_lesion(study, done, arms, criteria, day, window, evaluator))
    of_lesions = {key: counts for key, counts, _ in lesions}
    computed = {one.key: _measure(one, arms, of_lesions) for one in done.measures}
    made = []
    for registered in record.outcomes:
        key = answer_to(registered.measure, registered.description)
        if key in computed:
            made.append(_as_registered(computed.pop(key), registered))
        else:
            made.append(_unposted(registered, findings))
    beyond = [replace(one, type="POST_HOC") for one in computed.values()] if made else list(computed.values())
    every = (*made, *beyond, *(one for _, _, one in lesions))
    return m.OutcomeMeasures(tuple(_fitting(one, findings) for one in every))


def _fitting(measure: m.OutcomeMeasure, findings: list[Finding]) -> m.OutcomeMeasure:
    """A measure whose description fits the registry; a longer one is cut at a word, with a finding."""
    if len(measure.description) <= _LONGEST_TEXT:
        return measure
    message = (
        f"The description of {measure.title!r} has {len(measure.description)} characters with what was computed; "
        f"the registry takes {_LONGEST_TEXT}, and the rest is cut off."
    )
    findings.append(_finding("DESCRIPTION-CUT", message, "shorten it, and say by hand how the numbers were computed"))
    kept = measure.description[: _LONGEST_TEXT - len(_ELLIPSIS)].rsplit(" ", 1)[0]
    return replace(measure, description=kept + _ELLIPSIS)


def _rules(record: Record, evaluator: str) -> PfsRules:
    """Progression-free survival counts from the end of radiotherapy where its registered time frame says so."""
    frames = [one.time_frame for one in record.outcomes if answer_to(one.measure, one.description) == "pfs"]
    from_end = any(
        re.search(r"\b(?:after|from|since)\b.*\bend of (?:the )?(?:radio|irradi)", one, re.IGNORECASE) for one in frames
    )
    return PfsRules(start="end of radiotherapy" if from_end else "radiotherapy", evaluator=evaluator)


def _as_registered(computed: m.OutcomeMeasure, registered: Outcome) -> m.OutcomeMeasure:
    said = registered.description
    text = (
        computed.description
        if not said or said in computed.description
        else f"{_sentence(said)} {computed.description}"
    )
    return replace(
        computed,
        type=TYPES[registered.kind],
        title=registered.measure,
        time_frame=registered.time_frame or computed.time_frame,
        description=text,
    )


def _sentence(text: str) -> str:
    """A text that ends as a sentence does."""
    return text if text.rstrip().endswith((".", "!", "?", ":", ";")) else f"{text.rstrip()}."


def _unposted(registered: Outcome, findings: list[Finding]) -> m.OutcomeMeasure:
    message = f"Nothing here computes the registered measure {registered.measure!r}; it is listed as not posted."
    findings.append(_finding("OUTCOME-NOT-COMPUTED", message))
    return m.OutcomeMeasure(
        TYPES[registered.kind],
        registered.measure,
        registered.description,
        reporting_status="NOT_POSTED",
        time_frame=registered.time_frame,
    )


def _measure(one: oncology.Outcome, arms: Arms, lesions: Mapping[str, Mapping[str, int]]) -> m.OutcomeMeasure:
    """A computed outcome as the registry has it; where lesions are behind it, their number is a denominator too."""
    groups = tuple(m.MeasureGroup(group.id, group.title, arms.titles.get(group.title, "")) for group in one.groups)
    denoms = [m.denom(m.PARTICIPANTS, {group.id: group.participants for group in one.groups})]
    of_lesions = lesions.get(one.key)
    if of_lesions is not None:
        denoms.append(m.denom(LESIONS, of_lesions))
    return m.OutcomeMeasure(
        one.kind,
        one.title,
        " ".join((one.description, *_notes(one))),
        one.population,
        "POSTED",
        "",
        one.parameter,
        "" if one.dispersion == "NA" else one.dispersion,
        one.unit.capitalize() if one.parameter == "COUNT_OF_PARTICIPANTS" else one.unit,
        None,
        one.time_frame,
        LESIONS if of_lesions is not None else "",
        m.PARTICIPANTS if of_lesions is not None else "",
        groups,
        tuple(denoms),
        tuple(_classes(one)),
    )


def _notes(one: oncology.Outcome) -> Iterable[str]:
    """The footnotes that say how it was counted; what each number says stands at the number."""
    values = {value.text for row in one.rows for value in row.values}
    return (
        note if note.endswith(".") else note + "."
        for note in one.footnotes
        if note not in values and _REPEATS not in note
    )


def _classes(one: oncology.Outcome) -> Iterable[m.MeasureClass]:
    """Rows of one title are a class; rows that repeat participants of other rows are a class of their own."""
    decimals = 0 if one.parameter == "COUNT_OF_PARTICIPANTS" else 1
    limited = one.dispersion not in ("", "NA")
    found: dict[str, list[m.Category]] = {}
    for row in one.rows:
        title = f"{row.title}: {row.category}" if row.category == _REPEATS else row.title
        name = "" if row.category == _REPEATS else row.category
        cells = tuple(_cell(value, decimals, limited=limited) for value in row.values)
        found.setdefault(title, []).append(m.Category(name, cells))
    return (m.MeasureClass(title, (), tuple(categories)) for title, categories in found.items())


def _cell(value: oncology.Value, decimals: int, *, limited: bool) -> m.Measurement:
    limits = _limits(value, decimals) if limited else ("", "")
    if value.number is None:
        return m.Measurement(value.group, "NA", "", *limits, comment=value.text or "Not reached.")
    comment = _OPEN if "NA" in limits else ""  # the registry wants a reason beside each NA
    return m.Measurement(value.group, f"{value.number:.{decimals}f}", "", *limits, comment=comment)


def _limits(value: oncology.Value, decimals: int) -> tuple[str, str]:
    """Both limits; one that is open (a limit of the curve that is not reached) is NA."""
    low, high = (f"{one:.{decimals}f}" if one is not None else "NA" for one in (value.low, value.high))
    return low, high


def _by_lesion(
    study: Study, done: oncology.Outcomes, arms: Arms, criteria: str, day: int, window: int, evaluator: str
) -> Iterable[tuple[str, Mapping[str, int], m.OutcomeMeasure]]:
    """For each lesion group: its outcome's key, its lesions by column, and how many target lesions are in remission."""
    ends = end_of_radiotherapy(study)
    found = lesion_remissions(study, criteria, ends, evaluator=evaluator, day=day, window=window)
    for key, group, name in (
        ("remission-irradiated", IRRADIATED, "irradiated"),
        ("remission-non-irradiated", NON_IRRADIATED, "non-irradiated"),
    ):
        of = next((one for one in done.measures if one.key == key), None)
        mine = [one for one in found if one.group == group]
        if of is None or not any(one.measurable for one in mine):
            continue
        columns = _columns(of, mine, arms)
        counts = {group: len(lesions) for group, lesions in columns.items()}
        yield key, counts, _lesion_measure(of, columns, arms, criteria, name, day, window)


def _columns(of: oncology.Outcome, lesions: Sequence[LesionRemission], arms: Arms) -> dict[str, list[LesionRemission]]:
    """The lesions by column: those of the participants in its arm; all where there is one column."""
    if len(of.groups) == 1:
        return {of.groups[0].id: list(lesions)}
    arm = {str(row["USUBJID"]): title for title, rows in arms.actual.items() for row in rows}
    return {group.id: [one for one in lesions if arm.get(one.usubjid) == group.title] for group in of.groups}


def _lesion_measure(
    of: oncology.Outcome,
    every: Mapping[str, Sequence[LesionRemission]],
    arms: Arms,
    criteria: str,
    name: str,
    day: int,
    window: int,
) -> m.OutcomeMeasure:
    columns = {group: [one for one in lesions if one.measurable] for group, lesions in every.items()}
    rows = {
        "In remission": {group: sum(one.remission for one in mine) for group, mine in columns.items()},
        "Not in remission": {
            group: sum(one.assessed and not one.remission for one in mine) for group, mine in columns.items()
        },
        "Not assessed": {group: sum(not one.assessed for one in mine) for group, mine in columns.items()},
    }
    return m.OutcomeMeasure(
        "POST_HOC",
        f"Remission of {name} target lesions",
        f"Target lesions ({name}) that are gone or whose diameter is at most 70 % of that at baseline, the fall that RECIST "
        f"{criteria} asks of the sum, at the visit nearest to {day} days (+/- {window}) after radiotherapy.",
        f"Target lesions ({name}) with a size at baseline, of irradiated participants",
        "POSTED",
        "",
        "COUNT_OF_UNITS",
        "",
        LESIONS,
        None,
        of.time_frame,
        LESIONS,
        LESIONS,
        tuple(m.MeasureGroup(group.id, group.title, arms.titles.get(group.title, "")) for group in of.groups),
        (
            m.denom(m.PARTICIPANTS, {group: len({one.usubjid for one in mine}) for group, mine in columns.items()}),
            m.denom(LESIONS, {group: len(mine) for group, mine in columns.items()}),
        ),
        (m.counts(rows),),
    )


def _finding(name: str, message: str, fix: str = "report it by hand") -> Finding:
    where = Where(path="resultsSection.outcomeMeasuresModule")
    return Finding(f"TB-REG-{name}", Severity.WARNING, where, message, fix)
