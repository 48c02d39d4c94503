"""PRS results XML (`rrs:result`) read back as API v2's resultsSection; the inverse of `prs_results_write`.

Groups are numbered in their tables as the API does (FG000, BG000, OG000, EG000). NOT COMPLETED, which PRS computes, is
computed here: started less completed. Source: RRSUploadSchema 2017.04.18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.registry import enums, flow, measures
from trialbridge.registry.content import number_of
from trialbridge.registry.files import rrs
from trialbridge.registry.files.prs_events_write import EVENT_GROUP, EVENT_STATS
from trialbridge.registry.files.xmltree import child_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

    from trialbridge.registry.files.xmllines import Findings


def read(result: etree._Element, findings: Findings) -> dict[str, Any]:
    """The resultsSection of an `rrs:result` element."""
    modules = {
        "participantFlowModule": _flow(result.find("participantFlow")),
        "baselineCharacteristicsModule": _baseline(result.find("baseline"), findings),
        "outcomeMeasuresModule": _filled(
            outcomeMeasures=[_outcome(one, findings) for one in result.findall("outcomeMeasures/outcomeMeasure")]
        ),
        "adverseEventsModule": _events(result.find("reportedEvents"), findings),
        "moreInfoModule": _more(result, findings),
    }
    return {name: module for name, module in modules.items() if module}


def _filled(**given: Any) -> dict[str, Any]:
    """The fields that hold something."""
    return {name: value for name, value in given.items() if value not in (None, "", [], {})}


def _value(name: str, text: str, path: str, findings: Findings) -> str:
    """A display text as the API's value; one that is none stays, with a finding."""
    if not text:
        return ""
    value, found = enums.read(name, text, "prs", Where(path=path))
    findings += found
    return value or text


def _yes(text: str) -> bool | None:
    return {"yes": True, "true": True, "no": False, "false": False}.get(text.casefold())


def _ids(prefix: str, groups: Sequence[etree._Element]) -> dict[str, str]:
    """The document's group ids with the API's."""
    return {str(one.get("id")): f"{prefix}{number:03}" for number, one in enumerate(groups)}


def _id(ids: Mapping[str, str], element: etree._Element, tag: str = "reportingGroupId") -> str:
    name = child_text(element, tag)
    return ids.get(name, name)


def _flow(element: etree._Element | None) -> dict[str, Any]:
    if element is None:
        return {}
    groups = element.findall("participantFlowGroups/flowGroup")
    ids = _ids("FG", groups)
    return _filled(
        preAssignmentDetails=child_text(element, "preAssignmentDescription"),
        recruitmentDetails=child_text(element, "recruitmentDetails"),
        typeUnitsAnalyzed=child_text(element, "typeUnitsAnalyzed"),
        groups=[_group(one, ids) for one in groups],
        periods=[_period(one, ids) for one in element.findall("periods/period")],
    )


def _group(element: etree._Element, ids: Mapping[str, str]) -> dict[str, Any]:
    return _filled(
        id=ids[str(element.get("id"))],
        title=child_text(element, "title"),
        description=child_text(element, "description"),
    )


def _period(element: etree._Element, ids: Mapping[str, str]) -> dict[str, Any]:
    started = _milestone(element.find("startedMilestone"), flow.STARTED, ids)
    completed = _milestone(element.find("completedMilestone"), flow.COMPLETED, ids)
    own = [_milestone(one, child_text(one, "titleOther"), ids) for one in element.findall("milestones/milestone")]
    drops = [_drop(one, ids) for one in element.findall("dropWithdrawReasons/dropWithdrawReason")]
    milestones = [started, *own, completed, _not_completed(started, completed)]
    return _filled(
        title=child_text(element, "title"),
        milestones=[one for one in milestones if one.get("achievements")],
        dropWithdraws=drops,
    )


def _milestone(element: etree._Element | None, kind: str, ids: Mapping[str, str]) -> dict[str, Any]:
    achieved = [] if element is None else element.findall("milestoneAchievements/milestoneAchievement")
    stats = [
        _filled(
            groupId=_id(ids, one),
            comment=child_text(one, "comment"),
            numSubjects=child_text(one, "subjectsAchieve"),
            numUnits=child_text(one, "unitsAchieve"),
        )
        for one in achieved
    ]
    comment = "" if element is None else child_text(element, "comment")
    return _filled(type=kind, comment=comment, achievements=stats)


def _not_completed(started: Mapping[str, Any], completed: Mapping[str, Any]) -> dict[str, Any]:
    done = {one["groupId"]: one for one in completed.get("achievements", [])}
    stats = []
    for one in started.get("achievements", []):
        left: dict[str, Any] = {"groupId": one["groupId"]}
        for name in ("numSubjects", "numUnits"):
            began, ended = number_of(one.get(name)), number_of(done.get(one["groupId"], {}).get(name))
            if began is not None and ended is not None:
                left[name] = str(began - ended)
        stats.append(left)
    return _filled(type=flow.NOT_COMPLETED, achievements=[one for one in stats if len(one) > 1])


def _drop(element: etree._Element, ids: Mapping[str, str]) -> dict[str, Any]:
    return _filled(
        type=child_text(element, "otherReasonName") or child_text(element, "reasonType"),
        reasons=[
            _filled(groupId=_id(ids, one), numSubjects=child_text(one, "subjectsAffected"))
            for one in element.findall("dropWithdrawReasonDetails/reasonDetail")
        ],
    )


def _baseline(element: etree._Element | None, findings: Findings) -> dict[str, Any]:
    if element is None:
        return {}
    total = element.findall("totalBaselineReportingGroup")
    groups = [*element.findall("baselineReportingGroups/baselineReportingGroup"), *total]
    ids = _ids("BG", groups)
    units = child_text(element, "typeUnitsAnalyzed")
    return _filled(
        populationDescription=child_text(element, "populationAnalysisDescription"),
        typeUnitsAnalyzed=units,
        groups=[_group(one, ids) for one in groups],
        denoms=_group_denoms(groups, ids, units),
        measures=[
            _baseline_measure(one, ids, units, findings) for one in element.findall("baselineMeasures/baselineMeasure")
        ],
    )


def _group_denoms(groups: Sequence[etree._Element], ids: Mapping[str, str], units: str) -> list[dict[str, Any]]:
    """Denominators that stand at the groups: participants, and the other unit."""
    return _denoms([(ids[str(one.get("id"))], one) for one in groups], units)


def _denoms(counted: Sequence[tuple[str, etree._Element]], units: str) -> list[dict[str, Any]]:
    found = []
    for name, tag in ((measures.PARTICIPANTS, "subjectsAnalyzed"), (units, "numUnitsAnalyzed")):
        counts = [{"groupId": group, "value": value} for group, one in counted if (value := child_text(one, tag))]
        if counts:
            found.append({"units": name, "counts": counts})
    return found


def _baseline_measure(
    element: etree._Element, ids: Mapping[str, str], units: str, findings: Findings
) -> dict[str, Any]:
    path = "resultsSection.baselineCharacteristicsModule.measures[]"
    shared = _measure(element, ids, units, path, findings)
    dispersion = shared.get("dispersionType", "")
    if dispersion:
        other = dispersion == rrs.OTHER_LEVEL or dispersion.endswith(rrs.INTERVAL)
        value, _ = enums.read("MeasureDispersionType", dispersion, "prs")
        shared["dispersionType"] = value or ("CONFIDENCE_OTHER" if other else dispersion)
    return _filled(**{**shared, "title": child_text(element, "otherTitle") or child_text(element, "title")})


def _measure(
    element: etree._Element, ids: Mapping[str, str], units: str, path: str, findings: Findings
) -> dict[str, Any]:
    """The fields baseline and outcome measures share."""
    dispersion, level = child_text(element, "dispersionType"), child_text(element, "ciPctLevel")
    selected = child_text(element, "selectedUnitOfAnalysis")
    return {
        "title": child_text(element, "title"),
        "description": child_text(element, "measureDescription"),
        "populationDescription": child_text(element, "populationAnalysisDescription"),
        "paramType": _value("MeasureParam", child_text(element, "parameterType"), path + ".paramType", findings),
        "dispersionType": f"{level}{rrs.INTERVAL}" if level and dispersion == rrs.OTHER_LEVEL else dispersion,
        "unitOfMeasure": child_text(element, "unitOfMeasure"),
        "calculatePct": _yes(child_text(element, "calculatePct")),
        "denomUnitsSelected": units if selected == "Units" else selected,
        "classes": [_class(one, ids, units) for one in element.findall("measureRows/measureRow")],
    }


def _class(element: etree._Element, ids: Mapping[str, str], units: str) -> dict[str, Any]:
    """A row: its entries by group turned into categories with a measurement a group."""
    values = element.findall("reportedValues/reportedValue")
    rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for one in values:
        seen: dict[str, int] = {}
        for entry in one.findall("reportedEntries/reportedEntry"):
            title = child_text(entry, "catName")
            seen[title] = seen.get(title, -1) + 1
            rows.setdefault((title, seen[title]), []).append(
                _filled(
                    groupId=_id(ids, one),
                    value=child_text(entry, "parameterValue"),
                    spread=child_text(entry, "dispersionSpread"),
                    lowerLimit=child_text(entry, "dispersionLowerLimit"),
                    upperLimit=child_text(entry, "dispersionUpperLimit"),
                    comment=child_text(entry, "naComment"),
                )
            )
    return _filled(
        title=child_text(element, "title"),
        denoms=_denoms([(_id(ids, one), one) for one in values], units),
        categories=[_filled(title=title, measurements=cells) for (title, _), cells in rows.items()],
    )


def _outcome(element: etree._Element, findings: Findings) -> dict[str, Any]:
    path = "resultsSection.outcomeMeasuresModule.outcomeMeasures[]"
    groups = element.findall("outcomeReportingGroups/outcomeReportingGroup")
    ids = _ids("OG", groups)
    units = child_text(element, "typeUnitsAnalyzed")
    shared = _measure(element, ids, units, path, findings)
    posting = element.find("anticipatedResultPostingDate")
    date = (
        "" if posting is None else "-".join(filter(None, (child_text(posting, "year"), child_text(posting, "month"))))
    )
    return _filled(
        type=_value("OutcomeMeasureType", child_text(element, "measureType"), path + ".type", findings),
        **{**shared, "classes": None},
        reportingStatus="POSTED" if shared["classes"] or groups else "NOT_POSTED",
        anticipatedPostingDate=date,
        timeFrame=child_text(element, "timeFrame"),
        typeUnitsAnalyzed=units,
        groups=[_group(one, ids) for one in groups],
        denoms=_group_denoms(groups, ids, units),
    ) | _filled(
        classes=shared["classes"],
        analyses=[
            _analysis(one, ids, path + ".analyses[]", findings)
            for one in element.findall("outcomeMeasureAnalyses/measureAnalysis")
        ],
    )


def _analysis(element: etree._Element, ids: Mapping[str, str], path: str, findings: Findings) -> dict[str, Any]:
    groups = element.findall("outcomeReportingGroups/outcomeReportingGroupId")
    coded = {
        "dispersionType": ("AnalysisDispersionType", "dispersionType"),
        "ciNumSides": ("ConfidenceIntervalNumSides", "ciNumSides"),
        "nonInferiorityType": ("NonInferiorityType", "statisticalTestType"),
    }
    values = {
        name: _value(of, child_text(element, tag), f"{path}.{name}", findings) for name, (of, tag) in coded.items()
    }
    return _filled(
        groupIds=[ids.get((one.text or "").strip(), "") for one in groups],
        paramType=child_text(element, "otherTypeName") or child_text(element, "parameterType"),
        paramValue=child_text(element, "parameterValue"),
        dispersionValue=child_text(element, "dispersionValue"),
        statisticalMethod=child_text(element, "otherMethodName") or child_text(element, "statisticalMethod"),
        statisticalComment=child_text(element, "statisticalTestComment"),
        pValue=child_text(element, "pValue"),
        pValueComment=child_text(element, "pValueComment"),
        ciPctValue=child_text(element, "ciPctValue"),
        ciLowerLimit=child_text(element, "ciLowerLimit"),
        ciUpperLimit=child_text(element, "ciUpperLimit"),
        ciUpperLimitComment=child_text(element, "ciUpperLimitNaComment"),
        estimateComment=child_text(element, "estimateComment"),
        nonInferiorityComment=child_text(element, "nonInferiorityTestComment"),
        otherAnalysisDescription=child_text(element, "otherAnalysis"),
        groupDescription=child_text(element, "groupDescription"),
        **values,
    )


def _events(element: etree._Element | None, findings: Findings) -> dict[str, Any]:
    if element is None:
        return {}
    groups = element.findall("interventionGroups/interventionGroup")
    ids = _ids("EG", groups)
    defaults = child_text(element, "sourceVocabulary"), child_text(element, "assessmentType")
    serious = element.findall("seriousAdverseEvents/seriousEvent")
    other = element.findall("frequentAdverseEvents/frequentEvent")
    return _filled(
        frequencyThreshold=child_text(element, "frequencyReportingThreshold"),
        timeFrame=child_text(element, "timeFrame"),
        description=child_text(element, "notes"),
        allCauseMortalityComment=child_text(element, "allCauseMortComment"),
        eventGroups=[{**_group(one, ids), **_numbers(one, EVENT_GROUP, findings)} for one in groups],
        seriousEvents=[_event(one, ids, defaults, findings) for one in serious],
        otherEvents=[_event(one, ids, defaults, findings) for one in other],
    )


def _numbers(element: etree._Element, names: Sequence[tuple[str, str]], findings: Findings) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag, name in names:
        text = child_text(element, tag)
        number = number_of(text)
        if number is not None:
            found[name] = number
        elif text:
            message = f"{text!r} is no whole number; left out."
            findings.append(Finding("TB-REG-SHAPE", Severity.ERROR, Where(path=name), message, "correct the file"))
    return found


def _event(
    element: etree._Element, ids: Mapping[str, str], defaults: tuple[str, str], findings: Findings
) -> dict[str, Any]:
    """A term; its vocabulary and assessment are the table's where it has none of its own."""
    assessment = child_text(element, "assessmentType") or defaults[1]
    path = "resultsSection.adverseEventsModule.assessmentType"
    return _filled(
        term=child_text(element, "term"),
        organSystem=child_text(element, "organSystemName"),
        sourceVocabulary=child_text(element, "sourceVocabulary") or defaults[0],
        assessmentType=_value("EventAssessment", assessment, path, findings),
        notes=child_text(element, "notes"),
        stats=[
            {"groupId": _id(ids, one), **_numbers(one, EVENT_STATS, findings)}
            for one in element.findall("adverseEventStats/eventStats")
        ],
    )


def _more(result: etree._Element, findings: Findings) -> dict[str, Any]:
    agreement = result.find("certainAgreement")
    path = "resultsSection.moreInfoModule.certainAgreement.restrictionType"
    agreed = (
        {}
        if agreement is None
        else _filled(
            piSponsorEmployee=_yes(child_text(agreement, "piSponsorEmployee")),
            restrictionType=_value(
                "AgreementRestrictionType", child_text(agreement, "restrictionType"), path, findings
            ),
            restrictiveAgreement=_yes(child_text(agreement, "restrictiveAgreement")),
            otherDetails=child_text(agreement, "otherDetails"),
        )
    )
    tags = {
        "title": "title",
        "organization": "organizationName",
        "email": "email",
        "phone": "phoneNumber",
        "phoneExt": "phoneExtension",
    }
    return _filled(
        limitationsAndCaveats=_filled(description=child_text(result, "limitationsAndCaveats/description")),
        certainAgreement=agreed,
        pointOfContact=_filled(**{name: child_text(result, "pointOfContact/" + tag) for name, tag in tags.items()}),
    )
