"""The results section as PRS results XML (`rrs:result`): participant flow, baseline, outcomes, adverse events.

Children stand in the schema's order, which is alphabetical for most. The API's tables go by category, then group; PRS's
by row, group, then category: they are turned. What the upload has no place for is found by reading it back (`prs`).
Source: RRSUploadSchema 2017.04.18 and its comments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry import enums, flow, measures
from trialbridge.registry.content import at, flag, items, text, texts
from trialbridge.registry.files import prs_events_write, rrs
from trialbridge.registry.files.prs_parts import group_ids, group_of, some, spelled
from trialbridge.registry.files.xmltree import add

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

    from trialbridge.registry.files.xmllines import Findings

YES = {True: "Yes", False: "No"}


def write(section: Mapping[str, Any], study: etree._Element, findings: Findings) -> None:
    """Add `rrs:result` to a clinical_study."""
    result = add(study, f"{{{rrs.RRS}}}result")
    if at(section, "baselineCharacteristicsModule"):
        _baseline(section["baselineCharacteristicsModule"], result, findings)
    _agreement(section, result, findings)
    if text(section, "moreInfoModule.limitationsAndCaveats.description"):
        limits = add(result, "limitationsAndCaveats")
        add(limits, "description", text(section, "moreInfoModule.limitationsAndCaveats.description"))
    outcomes = add(result, "outcomeMeasures")
    for number, one in enumerate(items(section, "outcomeMeasuresModule.outcomeMeasures")):
        _outcome(one, number, outcomes, findings)
    if at(section, "participantFlowModule"):
        _flow(section["participantFlowModule"], result)
    _contact(section, result)
    if at(section, "adverseEventsModule"):
        prs_events_write.write(section["adverseEventsModule"], result, findings)


def _agreement(section: Mapping[str, Any], result: etree._Element, findings: Findings) -> None:
    given = at(section, "moreInfoModule.certainAgreement")
    if not given:
        return
    element = add(result, "certainAgreement")
    some(element, "otherDetails", text(given, "otherDetails"))
    for name in ("piSponsorEmployee", "restrictionType", "restrictiveAgreement"):
        if name == "restrictionType":
            path = "resultsSection.moreInfoModule.certainAgreement.restrictionType"
            some(element, name, spelled("AgreementRestrictionType", text(given, name), path, findings))
        elif flag(given, name) is not None:
            add(element, name, YES[bool(flag(given, name))])


def _contact(section: Mapping[str, Any], result: etree._Element) -> None:
    given = at(section, "moreInfoModule.pointOfContact")
    if given:
        element = add(result, "pointOfContact")
        names = ("email", "email"), ("organizationName", "organization"), ("phoneExtension", "phoneExt")
        for tag, name in (*names, ("phoneNumber", "phone"), ("title", "title")):
            some(element, tag, text(given, name))


def _flow(module: Mapping[str, Any], result: etree._Element) -> None:
    ids = group_ids(rrs.FLOW, items(module, "groups"))
    element = add(result, "participantFlow")
    groups = add(element, "participantFlowGroups")
    for one in items(module, "groups"):
        group = add(groups, "flowGroup", id=ids[text(one, "id")])
        some(group, "description", text(one, "description"))
        some(group, "title", text(one, "title"))
    periods = add(element, "periods")
    for one in items(module, "periods"):
        _period(one, add(periods, "period"), ids)
    some(element, "preAssignmentDescription", text(module, "preAssignmentDetails"))
    some(element, "recruitmentDetails", text(module, "recruitmentDetails"))
    some(element, "typeUnitsAnalyzed", text(module, "typeUnitsAnalyzed"))


def _period(period: Mapping[str, Any], element: etree._Element, ids: Mapping[str, str]) -> None:
    """A period: completed, reasons, own milestones, started. NOT COMPLETED is computed by PRS and not written."""
    by_type = {text(one, "type"): one for one in items(period, "milestones")}
    _milestone(by_type.get(flow.COMPLETED, {}), add(element, "completedMilestone"), ids)
    reasons = add(element, "dropWithdrawReasons")
    for one in items(period, "dropWithdraws"):
        reason = add(reasons, "dropWithdrawReason")
        details = add(reason, "dropWithdrawReasonDetails")
        for stats in items(one, "reasons"):
            detail = add(details, "reasonDetail")
            add(detail, "reportingGroupId", group_of(ids, stats))
            some(detail, "subjectsAffected", text(stats, "numSubjects"))
        kind = text(one, "type")
        if kind not in flow.REASONS:
            add(reason, "otherReasonName", kind)
        add(reason, "reasonType", kind if kind in flow.REASONS else rrs.OTHER)
    own = add(element, "milestones")
    for kind, one in by_type.items():
        if kind not in (flow.STARTED, flow.COMPLETED, flow.NOT_COMPLETED):
            milestone = add(own, "milestone")
            _milestone(one, milestone, ids)
            add(milestone, "titleOther", kind)
    _milestone(by_type.get(flow.STARTED, {}), add(element, "startedMilestone"), ids)
    some(element, "title", text(period, "title"))


def _milestone(milestone: Mapping[str, Any], element: etree._Element, ids: Mapping[str, str]) -> None:
    some(element, "comment", text(milestone, "comment"))
    achievements = add(element, "milestoneAchievements")
    for stats in items(milestone, "achievements"):
        achieved = add(achievements, "milestoneAchievement")
        add(achieved, "reportingGroupId", group_of(ids, stats))
        some(achieved, "comment", text(stats, "comment"))
        some(achieved, "subjectsAchieve", text(stats, "numSubjects"))
        some(achieved, "unitsAchieve", text(stats, "numUnits"))


def _baseline(module: Mapping[str, Any], result: etree._Element, findings: Findings) -> None:
    groups = items(module, "groups")
    ids = group_ids(rrs.BASELINE, groups)
    counts = _denoms(module)
    element = add(result, "baseline")
    table = add(element, "baselineMeasures")
    path = "resultsSection.baselineCharacteristicsModule.measures[]"
    for one in items(module, "measures"):
        measure, title = add(table, "baselineMeasure"), text(one, "title")
        own = title not in measures.STANDARD_MEASURES
        dispersion = _dispersion(_baseline_dispersion(text(one, "dispersionType")), path, findings)
        _measure(one, measure, ids, path, findings, rrs.STUDY_SPECIFIC if own else title, dispersion)
        some(measure, "otherTitle", title if own else "")
    listed = add(element, "baselineReportingGroups")
    total = len(groups) > 1 and text(groups[-1], "title").casefold().startswith(measures.TOTAL.casefold())
    for one in groups[: len(groups) - total]:
        _measure_group(one, add(listed, "baselineReportingGroup", id=ids[text(one, "id")]), counts)
    some(element, "populationAnalysisDescription", text(module, "populationDescription"))
    if total:
        last = groups[-1]
        _measure_group(last, add(element, "totalBaselineReportingGroup", id=ids[text(last, "id")]), counts)
    some(element, "typeUnitsAnalyzed", _units(module))


def _units(module: Mapping[str, Any]) -> str:
    """The unit analysed beside participants: as named, or the unit of the other denominators."""
    units = [text(one, "units") for one in items(module, "denoms") if text(one, "units") != measures.PARTICIPANTS]
    return text(module, "typeUnitsAnalyzed") or next(iter(units), "")


def _denoms(holder: Mapping[str, Any]) -> dict[tuple[str, bool], str]:
    """Denominators by group, and whether they count participants (else the other unit)."""
    return {
        (text(count, "groupId"), text(one, "units") == measures.PARTICIPANTS): text(count, "value")
        for one in items(holder, "denoms")
        for count in items(one, "counts")
    }


def _measure_group(group: Mapping[str, Any], element: etree._Element, counts: Mapping[tuple[str, bool], str]) -> None:
    some(element, "description", text(group, "description"))
    some(element, "numUnitsAnalyzed", counts.get((text(group, "id"), False), ""))
    some(element, "subjectsAnalyzed", counts.get((text(group, "id"), True), ""))
    some(element, "title", text(group, "title"))


def _baseline_dispersion(value: str) -> str:
    """A baseline's dispersion, an enumeration, as the text an outcome's has."""
    return enums.enumeration("MeasureDispersionType").writes["prs"].get(value, value)


def _dispersion(value: str, path: str, findings: Findings) -> tuple[str, str]:
    """A dispersion as PRS's display value, and the level of an interval that has no name of its own."""
    level = value.removesuffix(rrs.INTERVAL).strip() if value.endswith(rrs.INTERVAL) else ""
    if (level and level not in rrs.LISTED_LEVELS) or value == "CONFIDENCE_OTHER":
        message = f"PRS's name for an interval of another level is not published; {rrs.OTHER_LEVEL!r} is written."
        where = Where(path=path + ".dispersionType")
        findings.append(Finding("TB-REG-PICKLIST", Severity.WARNING, where, message, "check it in PRS"))
        return rrs.OTHER_LEVEL, level
    return value, ""


def _measure(
    measure: Mapping[str, Any],
    element: etree._Element,
    ids: Mapping[str, str],
    path: str,
    findings: Findings,
    title: str,
    dispersion: tuple[str, str],
) -> None:
    """The fields baseline and outcome measures share."""
    if flag(measure, "calculatePct") is not None:
        add(element, "calculatePct", YES[bool(flag(measure, "calculatePct"))])
    some(element, "ciPctLevel", dispersion[1])
    some(element, "dispersionType", dispersion[0])
    rows = add(element, "measureRows")
    for one in items(measure, "classes"):
        _row(one, measure, add(rows, "measureRow"), ids)
    some(element, "measureDescription", text(measure, "description"))
    some(element, "parameterType", spelled("MeasureParam", text(measure, "paramType"), path + ".paramType", findings))
    some(element, "populationAnalysisDescription", text(measure, "populationDescription"))
    some(element, "selectedUnitOfAnalysis", _selected(text(measure, "denomUnitsSelected")))
    some(element, "timeFrame", text(measure, "timeFrame"))
    some(element, "title", title)
    some(element, "unitOfMeasure", text(measure, "unitOfMeasure"))


def _selected(units: str) -> str:
    """PRS says Participants or Units; the API names the unit."""
    return units if units in ("", measures.PARTICIPANTS) else "Units"


def _row(of: Mapping[str, Any], measure: Mapping[str, Any], element: etree._Element, ids: Mapping[str, str]) -> None:
    """A class of rows: for each group its entries, one a category."""
    cells: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for category in items(of, "categories"):
        for one in items(category, "measurements"):
            cells.setdefault(group_of(ids, one), []).append((text(category, "title"), one))
    own = _denoms(of)
    if not own and "groups" not in measure:  # an outcome's own denominators stand at its groups
        own = _denoms(measure)
    denoms = {(ids.get(group, ""), people): value for (group, people), value in own.items()}
    values = add(element, "reportedValues")
    for group in dict.fromkeys([*cells, *(group for group, _ in denoms if group)]):
        value = add(values, "reportedValue")
        add(value, "reportingGroupId", group)
        some(value, "numUnitsAnalyzed", denoms.get((group, False), ""))
        entries = add(value, "reportedEntries")
        for title, one in cells.get(group, []):
            _entry(title, one, add(entries, "reportedEntry"))
        some(value, "subjectsAnalyzed", denoms.get((group, True), ""))
    some(element, "title", text(of, "title"))


def _entry(title: str, measurement: Mapping[str, Any], element: etree._Element) -> None:
    some(element, "catName", title)
    names = (
        ("dispersionLowerLimit", "lowerLimit"),
        ("dispersionSpread", "spread"),
        ("dispersionUpperLimit", "upperLimit"),
    )
    for tag, name in (*names, ("naComment", "comment"), ("parameterValue", "value")):
        some(element, tag, text(measurement, name))


def _outcome(outcome: Mapping[str, Any], number: int, parent: etree._Element, findings: Findings) -> None:
    path = "resultsSection.outcomeMeasuresModule.outcomeMeasures[]"
    ids = group_ids(rrs.outcome_table(number), items(outcome, "groups"))
    element = add(parent, "outcomeMeasure")
    dispersion = _dispersion(text(outcome, "dispersionType"), path, findings)
    _measure({"groups": [], **outcome}, element, ids, path, findings, text(outcome, "title"), dispersion)
    if date := text(outcome, "anticipatedPostingDate"):
        year, _, month = date.partition("-")
        posting = add(element, "anticipatedResultPostingDate")
        some(posting, "month", month[:2])
        add(posting, "year", year)
    add(element, "measureType", spelled("OutcomeMeasureType", text(outcome, "type"), path + ".type", findings))
    analyses = add(element, "outcomeMeasureAnalyses")
    for one in items(outcome, "analyses"):
        _analysis(one, add(analyses, "measureAnalysis"), ids, path + ".analyses[]", findings)
    groups = add(element, "outcomeReportingGroups")
    counts = _denoms(outcome)
    for one in items(outcome, "groups"):
        _measure_group(one, add(groups, "outcomeReportingGroup", id=ids[text(one, "id")]), counts)
    some(element, "typeUnitsAnalyzed", _units(outcome))


def _analysis(
    analysis: Mapping[str, Any], element: etree._Element, ids: Mapping[str, str], path: str, findings: Findings
) -> None:
    groups = add(element, "outcomeReportingGroups")
    for name in texts(analysis, "groupIds"):
        add(groups, "outcomeReportingGroupId", group_of(ids, {"groupId": name}))
    method, estimate = text(analysis, "statisticalMethod"), text(analysis, "paramType")
    other_method = method if method and not _listed(method, rrs.METHODS) else ""
    other_estimate = estimate if estimate and not _listed(estimate, rrs.ESTIMATES) else ""
    sides = spelled("ConfidenceIntervalNumSides", text(analysis, "ciNumSides"), path + ".ciNumSides", findings)
    spread = spelled("AnalysisDispersionType", text(analysis, "dispersionType"), path + ".dispersionType", findings)
    kind = spelled("NonInferiorityType", text(analysis, "nonInferiorityType"), path + ".nonInferiorityType", findings)
    for tag, value in (
        ("ciLowerLimit", text(analysis, "ciLowerLimit")),
        ("ciNumSides", sides),
        ("ciPctValue", text(analysis, "ciPctValue")),
        ("ciUpperLimit", text(analysis, "ciUpperLimit")),
        ("ciUpperLimitNaComment", text(analysis, "ciUpperLimitComment")),
        ("dispersionType", spread),
        ("dispersionValue", text(analysis, "dispersionValue")),
        ("estimateComment", text(analysis, "estimateComment")),
        ("groupDescription", text(analysis, "groupDescription")),
        ("nonInferiorityTestComment", text(analysis, "nonInferiorityComment")),
        ("otherAnalysis", text(analysis, "otherAnalysisDescription")),
        ("otherMethodName", other_method),
        ("otherTypeName", other_estimate),
    ):
        some(element, tag, value)
    add(element, "parameterType", rrs.OTHER if other_estimate else estimate)
    for tag, value in (
        ("parameterValue", text(analysis, "paramValue")),
        ("pValue", text(analysis, "pValue")),
        ("pValueComment", text(analysis, "pValueComment")),
        ("statisticalMethod", rrs.OTHER if other_method else method),
        ("statisticalTestComment", text(analysis, "statisticalComment")),
        ("statisticalTestType", kind),
    ):
        some(element, tag, value)


def _listed(value: str, picklist: Sequence[str]) -> bool:
    return value.casefold() in {one.casefold() for one in picklist}
