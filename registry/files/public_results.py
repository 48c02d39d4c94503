"""The results of the older public XML (`clinical_results`) as API v2's resultsSection.

Groups P1, B1, O1, E1 become FG000, BG000, OG000, EG000 by their place. The made-up category "Total" of adverse events
holds the groups' totals and is read into them. Source: schema public_2019.02.14 and its change notes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Where
from trialbridge.registry import enums
from trialbridge.registry.content import number_of
from trialbridge.registry.files.xmltree import child_text
from trialbridge.registry.markup import relaid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

    from trialbridge.registry.files.xmllines import Findings

TOTAL = "Total"
MORTALITY = "all-cause mortality"


def read(results: etree._Element, findings: Findings) -> dict[str, Any]:
    """The resultsSection of a `clinical_results` element."""
    outcomes = results.findall("outcome_list/outcome")
    return _filled(
        participantFlowModule=_flow(results.find("participant_flow")),
        baselineCharacteristicsModule=_baseline(results.find("baseline"), findings),
        outcomeMeasuresModule=_filled(outcomeMeasures=[_outcome(one, findings) for one in outcomes]),
        adverseEventsModule=_events(results.find("reported_events"), findings),
        moreInfoModule=_more(results),
    )


def _filled(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in (None, "", [], {})}


def _prose(element: etree._Element, tag: str) -> str:
    return relaid(child_text(element, tag))


def _groups(element: etree._Element, prefix: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The groups of a table, and their ids in the XML with those of the API."""
    found = element.findall("group_list/group")
    ids = {str(one.get("group_id")): f"{prefix}{number:03}" for number, one in enumerate(found)}
    return ids, [
        _filled(id=ids[str(one.get("group_id"))], title=_prose(one, "title"), description=_prose(one, "description"))
        for one in found
    ]


def _id(ids: Mapping[str, str], element: etree._Element) -> str:
    name = str(element.get("group_id"))
    return ids.get(name, name)


def _coded(name: str, text: str, path: str, findings: Findings) -> str:
    if not text:
        return ""
    value, found = enums.read(name, text, "public", Where(path=path))
    findings += found
    return value or text


def _flow(element: etree._Element | None) -> dict[str, Any]:
    if element is None:
        return {}
    ids, groups = _groups(element, "FG")
    return _filled(
        preAssignmentDetails=_prose(element, "pre_assignment_details"),
        recruitmentDetails=_prose(element, "recruitment_details"),
        groups=groups,
        periods=[
            _filled(
                title=_prose(one, "title"),
                milestones=[
                    _filled(type=_prose(step, "title"), achievements=_people(step, ids))
                    for step in one.findall("milestone_list/milestone")
                ],
                dropWithdraws=[
                    _filled(type=_prose(why, "title"), reasons=_people(why, ids))
                    for why in one.findall("drop_withdraw_reason_list/drop_withdraw_reason")
                ],
            )
            for one in element.findall("period_list/period")
        ],
    )


def _people(element: etree._Element, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        _filled(groupId=_id(ids, one), comment=relaid((one.text or "").strip()), numSubjects=one.get("count"))
        for one in element.findall("participants_list/participants")
    ]


def _denoms(element: etree._Element, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        _filled(
            units=child_text(one, "units"),
            counts=[
                _filled(groupId=_id(ids, count), value=count.get("value")) for count in one.findall("count_list/count")
            ],
        )
        for one in element.findall("analyzed_list/analyzed")
    ]


def _classes(element: etree._Element, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        _filled(
            title=_prose(one, "title"),
            denoms=_denoms(one, ids),
            categories=[
                _filled(
                    title=_prose(row, "title"),
                    measurements=[_cell(cell, ids) for cell in row.findall("measurement_list/measurement")],
                )
                for row in one.findall("category_list/category")
            ],
        )
        for one in element.findall("class_list/class")
    ]


def _cell(element: etree._Element, ids: Mapping[str, str]) -> dict[str, Any]:
    return _filled(
        groupId=_id(ids, element),
        value=element.get("value"),
        spread=element.get("spread"),
        lowerLimit=element.get("lower_limit"),
        upperLimit=element.get("upper_limit"),
        comment=relaid((element.text or "").strip()),
    )


def _baseline(element: etree._Element | None, findings: Findings) -> dict[str, Any]:
    if element is None:
        return {}
    ids, groups = _groups(element, "BG")
    path = "resultsSection.baselineCharacteristicsModule.measures[]."
    return _filled(
        populationDescription=_prose(element, "population"),
        groups=groups,
        denoms=_denoms(element, ids),
        measures=[
            _filled(
                title=_prose(one, "title"),
                description=_prose(one, "description"),
                populationDescription=_prose(one, "population"),
                paramType=_coded("MeasureParam", child_text(one, "param"), path + "paramType", findings),
                dispersionType=_coded(
                    "MeasureDispersionType", child_text(one, "dispersion"), path + "dispersionType", findings
                ),
                unitOfMeasure=child_text(one, "units"),
                denomUnitsSelected=child_text(one, "units_analyzed"),
                denoms=_denoms(one, ids),
                classes=_classes(one, ids),
            )
            for one in element.findall("measure_list/measure")
        ],
    )


def _outcome(element: etree._Element, findings: Findings) -> dict[str, Any]:
    path = "resultsSection.outcomeMeasuresModule.outcomeMeasures[]."
    ids, groups = _groups(element, "OG")
    measure = element.find("measure")
    month, _, year = child_text(element, "posting_date").rpartition("/")
    of: dict[str, Any] = {}
    if measure is not None:
        of = {
            "paramType": _coded("MeasureParam", child_text(measure, "param"), path + "paramType", findings),
            "dispersionType": child_text(measure, "dispersion"),
            "unitOfMeasure": child_text(measure, "units"),
            "denomUnitsSelected": child_text(measure, "units_analyzed"),
            "denoms": _denoms(measure, ids),
            "classes": _classes(measure, ids),
        }
    return _filled(
        type=_coded("OutcomeMeasureType", child_text(element, "type"), path + "type", findings),
        title=_prose(element, "title"),
        description=_prose(element, "description"),
        populationDescription=_prose(element, "population"),
        reportingStatus="POSTED" if groups else "NOT_POSTED",
        anticipatedPostingDate="-".join(filter(None, (year, month))),
        timeFrame=_prose(element, "time_frame"),
        groups=groups,
        analyses=[_analysis(one, ids, findings) for one in element.findall("analysis_list/analysis")],
        **of,
    )


def _analysis(element: etree._Element, ids: Mapping[str, str], findings: Findings) -> dict[str, Any]:
    texts = {
        "paramType": "param_type",
        "paramValue": "param_value",
        "dispersionValue": "dispersion_value",
        "statisticalMethod": "method",
        "pValue": "p_value",
        "ciPctValue": "ci_percent",
        "ciLowerLimit": "ci_lower_limit",
        "ciUpperLimit": "ci_upper_limit",
    }
    prose = {
        "statisticalComment": "method_desc",
        "pValueComment": "p_value_desc",
        "ciUpperLimitComment": "ci_upper_limit_na_comment",
        "estimateComment": "estimate_desc",
        "nonInferiorityComment": "non_inferiority_desc",
        "otherAnalysisDescription": "other_analysis_desc",
        "groupDescription": "groups_desc",
    }
    coded = {
        "dispersionType": ("AnalysisDispersionType", "dispersion_type"),
        "ciNumSides": ("ConfidenceIntervalNumSides", "ci_n_sides"),
        "nonInferiorityType": ("NonInferiorityType", "non_inferiority_type"),
    }
    groups = [(one.text or "").strip() for one in element.findall("group_id_list/group_id")]
    path = "resultsSection.outcomeMeasuresModule.outcomeMeasures[].analyses[]."
    return _filled(
        groupIds=[ids.get(one, one) for one in groups],
        **{name: child_text(element, tag) for name, tag in texts.items()},
        **{name: _prose(element, tag) for name, tag in prose.items()},
        **{name: _coded(of, child_text(element, tag), path + name, findings) for name, (of, tag) in coded.items()},
    )


def _events(element: etree._Element | None, findings: Findings) -> dict[str, Any]:
    if element is None:
        return {}
    ids, groups = _groups(element, "EG")
    by_id = {one["id"]: one for one in groups}
    tables = {kind: element.find(f"{kind}_events") for kind in ("serious", "other")}
    events = {}
    for kind, table in tables.items():
        events[kind] = [] if table is None else _terms(table, kind, ids, by_id, findings)
    threshold = "" if tables["other"] is None else child_text(tables["other"], "frequency_threshold")
    return _filled(
        frequencyThreshold=threshold,
        timeFrame=_prose(element, "time_frame"),
        description=_prose(element, "desc"),
        eventGroups=groups,
        seriousEvents=events["serious"],
        otherEvents=events["other"],
    )


def _terms(
    table: etree._Element,
    kind: str,
    ids: Mapping[str, str],
    groups: Mapping[str, dict[str, Any]],
    findings: Findings,
) -> list[dict[str, Any]]:
    """The terms of one table by organ system; the category "Total" goes into the groups."""
    defaults = child_text(table, "default_vocab"), child_text(table, "default_assessment")
    terms = []
    for category in table.findall("category_list/category"):
        system = _prose(category, "title")
        for one in category.findall("event_list/event"):
            counts = one.findall("counts")
            if system == TOTAL:
                _totals("deaths" if MORTALITY in child_text(one, "sub_title") else kind, counts, ids, groups)
            else:
                terms.append(_term(one, system, counts, defaults, ids, findings))
    return terms


def _totals(
    kind: str, counts: Sequence[etree._Element], ids: Mapping[str, str], groups: Mapping[str, dict[str, Any]]
) -> None:
    for one in counts:
        group = groups.get(_id(ids, one), {})
        for name, attribute in (("NumAffected", "subjects_affected"), ("NumAtRisk", "subjects_at_risk")):
            number = number_of(one.get(attribute))
            if number is not None:
                group[kind + name] = number


def _term(
    element: etree._Element,
    system: str,
    counts: Sequence[etree._Element],
    defaults: tuple[str, str],
    ids: Mapping[str, str],
    findings: Findings,
) -> dict[str, Any]:
    title = element.find("sub_title")
    own = None if title is None else title.get("vocab")
    assessment = child_text(element, "assessment") or defaults[1]
    path = "resultsSection.adverseEventsModule.assessmentType"
    return _filled(
        term=_prose(element, "sub_title"),
        organSystem=system,
        sourceVocabulary=own or defaults[0],
        assessmentType=_coded("EventAssessment", assessment, path, findings),
        notes=_prose(element, "description"),
        stats=[
            _filled(
                groupId=_id(ids, one),
                numEvents=number_of(one.get("events")),
                numAffected=number_of(one.get("subjects_affected")),
                numAtRisk=number_of(one.get("subjects_at_risk")),
            )
            for one in counts
        ],
    )


def _more(results: etree._Element) -> dict[str, Any]:
    employee = child_text(results, "certain_agreements/pi_employee")
    agreement = relaid(child_text(results, "certain_agreements/restrictive_agreement"))
    days = re.search(r"(less than or equal to|more than) 60 days", agreement)
    limit = {"less than or equal to": "LTE60", "more than": "GT60"}
    return _filled(
        limitationsAndCaveats=_filled(description=_prose(results, "limitations_and_caveats")),
        certainAgreement=_filled(
            piSponsorEmployee=("NOT employed" not in employee) if employee else None,
            restrictionType=limit[days[1]] if days else None,
            restrictiveAgreement=("is NOT an agreement" not in agreement) if agreement else None,
            otherDetails=agreement if agreement and not days else "",
        ),
        pointOfContact=_filled(
            title=child_text(results, "point_of_contact/name_or_title"),
            organization=child_text(results, "point_of_contact/organization"),
            phone=child_text(results, "point_of_contact/phone"),
            email=child_text(results, "point_of_contact/email"),
        ),
    )
