"""The results tables of a record's page: flow, baseline, outcomes, adverse events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.registry.content import at, items, number_of, text, texts
from trialbridge.registry.enums import enumeration
from trialbridge.registry.flow import COMPLETED, NOT_COMPLETED, STARTED
from trialbridge.registry.html import escaped, facts, prose, section, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Groups = list[tuple[str, str]]


def sections(results: Mapping[str, Any]) -> list[str]:
    """The sections of a resultsSection, empty ones as empty text."""
    return [
        section("Participant flow", _flow(at(results, "participantFlowModule") or {})),
        section("Baseline characteristics", _baseline(at(results, "baselineCharacteristicsModule") or {})),
        section("Results of outcome measures", _outcomes(results)),
        section("Adverse events", _events(at(results, "adverseEventsModule") or {})),
        section("Limitations", prose(text(results, "moreInfoModule.limitationsAndCaveats.description"))),
    ]


def _groups(module: Mapping[str, Any], name: str = "groups") -> Groups:
    return [(text(one, "id"), text(one, "title")) for one in items(module, name)]


def _titles(groups: Groups) -> list[str]:
    return [title or group for group, title in groups]


def _flow(module: Mapping[str, Any]) -> str:
    groups = _groups(module)
    parts = [prose(text(module, "recruitmentDetails")), prose(text(module, "preAssignmentDetails"))]
    for period in items(module, "periods"):
        rows: list[Sequence[str]] = [
            [_milestone(text(one, "type")), *_subjects(one, "achievements", groups)]
            for one in items(period, "milestones")
        ]
        if items(period, "dropWithdraws"):
            rows.append(["Reasons for not completing"])
        rows += [[text(one, "type"), *_subjects(one, "reasons", groups)] for one in items(period, "dropWithdraws")]
        parts.append(table(["", *_titles(groups)], rows, text(period, "title")))
    return "".join(parts) if module else ""


def _milestone(name: str) -> str:
    return name.capitalize() if name in (STARTED, COMPLETED, NOT_COMPLETED) else name


def _subjects(of: Mapping[str, Any], name: str, groups: Groups) -> list[str]:
    by_group = {text(one, "groupId"): text(one, "numSubjects") for one in items(of, name)}
    return [by_group.get(group, "") for group, _ in groups]


def _counts(holder: Mapping[str, Any], groups: Groups) -> list[list[str]]:
    """A row for each unit with the number analysed."""
    rows = []
    for one in items(holder, "denoms"):
        by_group = {text(count, "groupId"): text(count, "value") for count in items(one, "counts")}
        rows.append([f"{text(one, 'units')} analysed", *(by_group.get(group, "") for group, _ in groups)])
    return rows


def _baseline(module: Mapping[str, Any]) -> str:
    groups = _groups(module)
    if not groups:
        return ""
    rows: list[Sequence[str]] = list(_counts(module, groups))
    for one in items(module, "measures"):
        rows.append([_heading(one, "MeasureDispersionType")])
        rows += _rows(one, groups)
    return prose(text(module, "populationDescription")) + table(["", *_titles(groups)], rows)


def _heading(measure: Mapping[str, Any], dispersion: str = "") -> str:
    """`Age, Continuous – Mean (Standard Deviation), years`."""
    kind = enumeration("MeasureParam").writes["public"].get(text(measure, "paramType"), text(measure, "paramType"))
    spread = text(measure, "dispersionType")
    spread = enumeration(dispersion).writes["public"].get(spread, spread) if dispersion else spread
    what = kind + (f" ({spread})" if spread and spread != "Not Applicable" else "")
    unit = "" if text(measure, "paramType") == "COUNT_OF_PARTICIPANTS" else text(measure, "unitOfMeasure")
    title = text(measure, "title") + " – " if dispersion else ""
    return title + ", ".join(filter(None, (what, unit)))


def _rows(measure: Mapping[str, Any], groups: Groups) -> list[list[str]]:
    rows = []
    for of in items(measure, "classes"):
        rows += [[f"{text(of, 'title')}: {row[0]}", *row[1:]] for row in _counts(of, groups)]
        for category in items(of, "categories"):
            by_group = {text(one, "groupId"): _cell(one) for one in items(category, "measurements")}
            name = ": ".join(filter(None, (text(of, "title"), text(category, "title")))) or "All"
            rows.append([name, *(by_group.get(group, "") for group, _ in groups)])
    return rows


def _cell(measurement: Mapping[str, Any]) -> str:
    """`7.0 (1.2)`, `7.0 (5.1 to 9.2)`, `NA – not reached`."""
    value, spread = text(measurement, "value"), text(measurement, "spread")
    low, high = text(measurement, "lowerLimit"), text(measurement, "upperLimit")
    inner = spread or (f"{low or '–'} to {high or '–'}" if low or high else "")
    shown = value + (f" ({inner})" if inner else "")
    comment = text(measurement, "comment")
    return f"{shown} – {comment}" if comment else shown


def _outcomes(results: Mapping[str, Any]) -> str:
    parts = []
    for one in items(results, "outcomeMeasuresModule.outcomeMeasures"):
        groups = _groups(one)
        kind = enumeration("OutcomeMeasureType").writes["public"].get(text(one, "type"), text(one, "type"))
        parts.append(f"<h3>{escaped(kind)}: {escaped(text(one, 'title'))}</h3>")
        parts.append(
            facts((("Time frame", text(one, "timeFrame")), ("Population", text(one, "populationDescription"))))
        )
        parts.append(prose(text(one, "description")))
        if groups:
            rows: list[Sequence[str]] = [*_counts(one, groups), *_rows(one, groups)]
            parts.append(table(["", *_titles(groups)], rows, _heading(one)))
        else:
            parts.append("<p class=note>No results are posted.</p>")
        parts += [_analysis(analysis, dict(groups)) for analysis in items(one, "analyses")]
    return "".join(parts)


def _analysis(analysis: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    low, high = text(analysis, "ciLowerLimit"), text(analysis, "ciUpperLimit")
    interval = f"{low or '–'} to {high or '–'}" if low or high else ""
    level = text(analysis, "ciPctValue")
    return facts(
        (
            ("Groups compared", " vs ".join(titles.get(one, one) for one in texts(analysis, "groupIds"))),
            (text(analysis, "paramType") or "Estimate", text(analysis, "paramValue")),
            (f"{level}% confidence interval" if level else "Confidence interval", interval),
            ("p-value", text(analysis, "pValue")),
            ("Method", text(analysis, "statisticalMethod")),
            ("Comment", text(analysis, "groupDescription")),
        )
    )


def _events(module: Mapping[str, Any]) -> str:
    if not module:
        return ""
    groups = _groups(module, "eventGroups")
    threshold = text(module, "frequencyThreshold")
    shown = facts(
        (("Time frame", text(module, "timeFrame")), ("Threshold", f"over {threshold} %" if threshold else ""))
    )
    totals = [
        [name, *(_share(one, f"{kind}NumAffected", f"{kind}NumAtRisk") for one in items(module, "eventGroups"))]
        for name, kind in (
            ("Deaths of any cause", "deaths"),
            ("Any serious event", "serious"),
            ("Any other event", "other"),
        )
    ]
    head = ["", *_titles(groups)]
    parts = [shown, prose(text(module, "description")), table(head, totals, "Subjects affected of those at risk")]
    for title, name in (("Serious adverse events", "seriousEvents"), ("Other adverse events", "otherEvents")):
        rows: list[Sequence[str]] = []
        system = ""
        for one in items(module, name):
            if text(one, "organSystem") != system:
                system = text(one, "organSystem")
                rows.append([system])
            stats = {text(cell, "groupId"): cell for cell in items(one, "stats")}
            shares = [_share(stats.get(group, {}), "numAffected", "numAtRisk", "numEvents") for group, _ in groups]
            rows.append([text(one, "term"), *shares])
        if rows:
            parts.append(table(head, rows, f"{title}: subjects affected of those at risk [events]"))
    return "".join(parts)


def _share(of: Mapping[str, Any], affected: str, at_risk: str, events: str = "") -> str:
    """`4 / 158 (2.5 %)`, with the events where they are given: `4 / 158 (2.5 %) [5]`."""
    some, all_, times = number_of(of.get(affected)), number_of(of.get(at_risk)), number_of(of.get(events))
    if some is None:
        return "–"
    share = f" / {all_} ({100 * some / all_:.1f} %)" if all_ else ""
    return f"{some}{share}" + (f" [{times}]" if times else "")
