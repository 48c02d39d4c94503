"""Every rule rejects a case made for it, and accepts the made-up trial, the driving trial and NCT02552212."""

from __future__ import annotations

import pytest

from trialbridge.base.finding import Severity
from trialbridge.registry import rules
from trialbridge.registry.record import Record

P = "protocolSection."
STATUS = P + "statusModule."
DESIGN = P + "designModule."
INFO = DESIGN + "designInfo."
ARMS = P + "armsInterventionsModule.armGroups"
DRUGS = P + "armsInterventionsModule.interventions"
FIRST = P + "outcomesModule.primaryOutcomes[0]."
SECOND = P + "outcomesModule.secondaryOutcomes[0]."
ELIGIBLE = P + "eligibilityModule."
SUMMARY = P + "descriptionModule.briefSummary"
FLOW = "resultsSection.participantFlowModule."
PERIOD = FLOW + "periods[0]."
BASE = "resultsSection.baselineCharacteristicsModule."
OUT = "resultsSection.outcomeMeasuresModule.outcomeMeasures"
COUNT, MEDIAN, UNITS = OUT + "[0].", OUT + "[1].", OUT + "[2]."
AE = "resultsSection.adverseEventsModule."
CELL = "classes[0].categories[0].measurements[0]."
REMOVED = "removed"
AGES = (ELIGIBLE + "minimumAge", ELIGIBLE + "maximumAge")
WATCHED = {DESIGN + "studyType": "OBSERVATIONAL", DESIGN + "phases": []}
DRUG = {"type": "DRUG", "name": "Another"}
LONGER = (
    ("13 Months", "1 Year"),
    ("5 Weeks", "1 Month"),
    ("8 Days", "1 Week"),
    ("25 Hours", "1 Day"),
    ("61 Minutes", "1 Hour"),
)
SHORTER = (
    ("11 Months", "1 Year"),
    ("4 Weeks", "1 Month"),
    ("6 Days", "1 Week"),
    ("23 Hours", "1 Day"),
    ("59 Minutes", "1 Hour"),
)

REJECTED = [
    ("fields_are_known", {P + "shoeSize": 9}, "FIELD-UNKNOWN"),
    ("fields_are_known", {"colour": {"deep": 1}}, "FIELD-UNKNOWN"),
    ("types_fit", {DESIGN + "enrollmentInfo.count": "100"}, "TYPE"),
    ("types_fit", {DESIGN + "phases": "PHASE2"}, "TYPE"),
    ("types_fit", {P + "oversightModule.oversightHasDmc": "Yes"}, "TYPE"),
    ("types_fit", {DESIGN + "enrollmentInfo.count": True}, "TYPE"),
    ("values_are_listed", {STATUS + "overallStatus": "Completed"}, "VALUE"),
    ("values_are_listed", {DESIGN + "phases[0]": "PHASE5"}, "VALUE"),
    ("dates_are_dates", {STATUS + "startDateStruct.date": "February 2020"}, "DATE"),
    ("dates_are_dates", {STATUS + "studyFirstSubmitDate": "2020-02"}, "DATE"),
    ("ages_are_ages", {ELIGIBLE + "minimumAge": "18"}, "AGE"),
    ("ages_are_ages", {ELIGIBLE + "maximumAge": "N/A"}, "AGE"),
    ("number_is_a_number", {P + "identificationModule.nctId": "NCT0340646"}, "NUMBER"),
    ("texts_fit", {P + "identificationModule.briefTitle": "x" * 301}, "LENGTH"),
    ("texts_fit", {AE + "otherEvents[0].sourceVocabulary": "x" * 21}, "LENGTH"),
    ("texts_fit", {FLOW + "groups[0].title": "Arm"}, "LENGTH"),
    ("required_fields", {SUMMARY: ""}, "REQUIRED"),
    ("required_fields", {INFO + "allocation": REMOVED}, "REQUIRED"),
    ("required_fields", {DESIGN + "studyType": "OBSERVATIONAL"}, "REQUIRED"),
    ("dates_in_order", {STATUS + "primaryCompletionDateStruct.date": "2020-01"}, "DATE-ORDER"),
    ("dates_in_order", {STATUS + "completionDateStruct.date": "2022-03-30"}, "DATE-ORDER"),
    ("actual_dates_have_passed", {STATUS + "completionDateStruct.date": "2023-07"}, "DATE-ACTUAL"),
    ("actual_dates_have_passed", {STATUS + "completionDateStruct.type": "ESTIMATED"}, "DATE-ESTIMATED"),
    ("status_fits_start", {STATUS + "overallStatus": "NOT_YET_RECRUITING"}, "STATUS-START"),
    ("status_fits_start", {STATUS + "startDateStruct.type": "ESTIMATED"}, "STATUS-START"),
    ("status_fits_end", {STATUS + "completionDateStruct.type": "ESTIMATED"}, "STATUS-END"),
    ("status_fits_end", {STATUS + "overallStatus": "RECRUITING"}, "STATUS-END"),
    ("stopped_says_why", {STATUS + "overallStatus": "TERMINATED"}, "WHY-STOPPED"),
    ("stopped_says_why", {STATUS + "whyStopped": "No funds"}, "WHY-STOPPED"),
    ("enrolment_fits_status", {STATUS + "overallStatus": "WITHDRAWN"}, "ENROLMENT"),
    ("enrolment_fits_status", {DESIGN + "enrollmentInfo.count": 0}, "ENROLMENT"),
    ("enrolment_fits_status", {DESIGN + "enrollmentInfo.type": "ESTIMATED"}, "ENROLMENT"),
    ("enrolment_fits_status", {STATUS + "overallStatus": "NOT_YET_RECRUITING"}, "ENROLMENT"),
    ("model_fits_arms", {INFO + "interventionModel": "SINGLE_GROUP"}, "MODEL-ARMS"),
    ("model_fits_arms", {ARMS + "[1]": REMOVED}, "MODEL-ARMS"),
    ("allocation_fits_arms", {INFO + "allocation": "NA"}, "ALLOCATION"),
    ("allocation_fits_arms", {ARMS + "[1]": REMOVED}, "ALLOCATION"),
    ("masking_fits_roles", {INFO + "maskingInfo.masking": "TRIPLE"}, "MASKING"),
    ("masking_fits_roles", {INFO + "maskingInfo.masking": "NONE"}, "MASKING"),
    ("type_fits_design", {DESIGN + "phases[1]": "NA"}, "TYPE-DESIGN"),
    ("type_fits_design", {DESIGN + "studyType": "OBSERVATIONAL", INFO: {}, ARMS: []}, "TYPE-DESIGN"),
    ("type_fits_design", {**WATCHED, INFO: {"allocation": "RANDOMIZED"}, ARMS: []}, "TYPE-DESIGN"),
    ("type_fits_design", {**WATCHED, INFO: {"maskingInfo": {"masking": "DOUBLE"}}, ARMS: []}, "TYPE-DESIGN"),
    ("type_fits_design", {**WATCHED, INFO: {}, ARMS + "[0].type": REMOVED}, "TYPE-DESIGN"),
    ("title_fits_design", {INFO + "allocation": "NON_RANDOMIZED"}, "TITLE-DESIGN"),
    ("title_fits_design", {INFO + "maskingInfo.masking": "NONE"}, "TITLE-DESIGN"),
    ("title_fits_design", {P + "identificationModule": {"briefTitle": "Open-label study"}}, "TITLE-DESIGN"),
    ("labels_are_unique", {ARMS + "[1].label": "EXAMPLINIB"}, "ARM-TWICE"),
    ("labels_are_unique", {DRUGS + "[1].name": "Examplinib"}, "INTERVENTION-TWICE"),
    ("arms_and_interventions_meet", {DRUGS + "[0].armGroupLabels[0]": "Arm 1"}, "CROSS-REFERENCE"),
    ("arms_and_interventions_meet", {DRUGS + "[0].armGroupLabels": REMOVED}, "CROSS-REFERENCE"),
    ("arms_and_interventions_meet", {ARMS + "[1].type": "NO_INTERVENTION"}, "CROSS-REFERENCE"),
    ("arms_and_interventions_meet", {DRUGS + "[2]": {**DRUG, "armGroupLabels": ["Nowhere"]}}, "CROSS-REFERENCE"),
    ("arms_and_interventions_meet", {DRUGS + "[2]": DRUG}, "CROSS-REFERENCE"),
    ("arms_and_interventions_meet", {DRUGS + "[1]": REMOVED}, "CROSS-REFERENCE"),
    ("arms_name_their_interventions", {ARMS + "[0].interventionNames[0]": "Drug: Other"}, "ARM-NAMES"),
    ("comparators_have_something_to_compare", {ARMS + "[0]": REMOVED}, "COMPARATOR"),
    ("comparators_have_something_to_compare", {INFO + "maskingInfo.masking": "NONE"}, "COMPARATOR"),
    ("time_frames_are_given", {FIRST + "timeFrame": REMOVED}, "TIME-FRAME"),
    ("time_frames_are_given", {FIRST + "timeFrame": "through study completion"}, "TIME-FRAME"),
    ("measures_are_measures", {FIRST + "measure": "To evaluate the response"}, "MEASURE"),
    ("measures_are_measures", {FIRST + "measure": ""}, "MEASURE"),
    ("measures_are_single", {FIRST + "measure": "Response, survival, and toxicity"}, "MEASURE-SEVERAL"),
    ("measures_are_described", {SECOND + "measure": "Safety", SECOND + "description": "safety"}, "MEASURE-VAGUE"),
    ("scales_are_explained", {SECOND + "description": "Lower is better."}, "SCALE"),
    (
        "measures_are_unique",
        {
            P + "outcomesModule.secondaryOutcomes[1].measure": "weight",
            P + "outcomesModule.secondaryOutcomes[1].timeFrame": "Week  12",
        },
        "MEASURE-TWICE",
    ),
    (
        "criteria_are_given",
        {ELIGIBLE + "eligibilityCriteria": "Inclusion Criteria:\n\nExclusion Criteria:"},
        "CRITERIA",
    ),
    ("criteria_are_given", {ELIGIBLE + "eligibilityCriteria": "Exclusion Criteria:\n\n* Pregnancy"}, "CRITERIA"),
    ("criteria_have_headings", {ELIGIBLE + "eligibilityCriteria": "* Adults\n* Consent"}, "CRITERIA-HEADING"),
    (
        "criteria_have_headings",
        {
            ELIGIBLE
            + "eligibilityCriteria": "* Consent\n\nInclusion Criteria:\n\n* Adults\n\nExclusion Criteria:\n\n* Pregnancy"
        },
        "CRITERIA-HEADING",
    ),
    (
        "criteria_have_headings",
        {ELIGIBLE + "eligibilityCriteria": "Inclusion Criteria:\n\n* Adults"},
        "CRITERIA-HEADING",
    ),
    (
        "criteria_are_single",
        {ELIGIBLE + "eligibilityCriteria": "Inclusion Criteria:\n\n* Adults\n* adults"},
        "CRITERIA-TWICE",
    ),
    ("ages_in_order", {ELIGIBLE + "maximumAge": "17 Years"}, "AGE-ORDER"),
    ("ages_in_order", {ELIGIBLE + "maximumAge": "200 Months"}, "AGE-ORDER"),
    ("ages_fit_criteria", {ELIGIBLE + "minimumAge": "21 Years"}, "AGE-CRITERIA"),
    ("gender_is_described", {ELIGIBLE + "genderBased": True}, "GENDER"),
    ("no_results_in_prose", {SUMMARY: "Examplinib was better (p < 0.05)."}, "PROSE-RESULT"),
    ("no_results_in_prose", {FIRST + "description": "The results showed a response."}, "PROSE-RESULT"),
    ("no_payments", {SUMMARY: "Participants will receive $50."}, "PROSE-PAYMENT"),
    ("no_payments", {SUMMARY: "Participants will be compensated for their time."}, "PROSE-PAYMENT"),
    ("no_persons_in_prose", {SUMMARY: "Write to nobody@example.org."}, "PROSE-PERSON"),
    ("no_persons_in_prose", {SUMMARY: "Call 555-555-0100."}, "PROSE-PERSON"),
    ("no_placeholders", {FIRST + "timeFrame": "TBD"}, "PROSE-PLACEHOLDER"),
    ("periods_have_their_milestones", {PERIOD + "milestones[2]": REMOVED}, "FLOW-MILESTONE"),
    ("flow_adds_up", {PERIOD + "milestones[3].achievements[0].numSubjects": "6"}, "FLOW-SUM"),
    ("flow_adds_up", {PERIOD + "milestones[2].achievements[0].numSubjects": "51"}, "FLOW-SUM"),
    ("reasons_add_up", {PERIOD + "dropWithdraws[1].reasons[0].numSubjects": "1"}, "FLOW-REASONS"),
    ("groups_are_listed", {PERIOD + "milestones[0].achievements[0].groupId": "FG007"}, "GROUP-UNKNOWN"),
    ("groups_are_listed", {FLOW + "groups[1].title": "Examplinib"}, "GROUP-TWICE"),
    ("started_fits_enrolment", {DESIGN + "enrollmentInfo.count": 99}, "FLOW-ENROLMENT"),
    (
        "started_fits_enrolment",
        {DESIGN + "enrollmentInfo.count": 110, FLOW + "preAssignmentDetails": REMOVED},
        "FLOW-ENROLMENT",
    ),
    ("baseline_has_age_and_sex", {BASE + "measures[1]": REMOVED}, "BASELINE-REQUIRED"),
    ("baseline_has_age_and_sex", {BASE + "measures[0]": REMOVED}, "BASELINE-REQUIRED"),
    ("total_is_the_sum", {BASE + "denoms[0].counts[2].value": "101"}, "BASELINE-TOTAL"),
    ("total_is_the_sum", {BASE + "measures[1].classes[0].categories[0].measurements[2].value": "51"}, "BASELINE-TOTAL"),
    ("categories_fit_denominator", {BASE + "measures[1]." + CELL + "value": "21"}, "BASELINE-COUNT"),
    ("categories_fit_denominator", {BASE + "measures[1]." + CELL + "value": "19"}, "BASELINE-COUNT"),
    ("dispersion_is_given", {BASE + "measures[0].dispersionType": "NA"}, "DISPERSION"),
    ("dispersion_is_given", {BASE + "measures[0]." + CELL + "spread": REMOVED}, "DISPERSION"),
    ("prescribed_categories", {BASE + "measures[1].classes[0].categories[0].title": "Women"}, "BASELINE-ROWS"),
    (
        "baseline_fits_flow",
        {PERIOD + "milestones[0].achievements[0].numSubjects": "49", BASE + "populationDescription": REMOVED},
        "BASELINE-FLOW",
    ),
    ("registered_are_reported", {OUT + "[0]": REMOVED}, "OUTCOME-MISSING"),
    ("registered_are_reported", {COUNT + "title": "Response"}, "OUTCOME-MISSING"),
    ("reported_were_registered", {COUNT + "title": "Response"}, "OUTCOME-UNREGISTERED"),
    ("reported_were_registered", {COUNT + "timeFrame": "Week 12"}, "OUTCOME-TIME-FRAME"),
    ("outcome_dispersion_is_given", {MEDIAN + "dispersionType": REMOVED}, "DISPERSION"),
    ("outcome_dispersion_is_given", {MEDIAN + CELL[:-1]: {"groupId": "OG000", "value": "-8.0"}}, "DISPERSION"),
    ("values_are_valid", {COUNT + CELL + "value": "51"}, "VALUE-INVALID"),
    ("values_are_valid", {COUNT + CELL + "value": "30.5"}, "VALUE-INVALID"),
    ("values_are_valid", {COUNT + CELL + "value": "thirty"}, "VALUE-INVALID"),
    ("values_are_valid", {COUNT + CELL + "value": "NA"}, "VALUE-NA"),
    (
        "values_are_valid",
        {
            COUNT + "paramType": "NUMBER",
            COUNT + "unitOfMeasure": "percentage of participants",
            COUNT + CELL + "value": "101",
        },
        "VALUE-INVALID",
    ),
    ("limits_enclose_values", {MEDIAN + CELL + "value": "-6.0"}, "LIMITS"),
    ("limits_enclose_values", {MEDIAN + CELL + "lowerLimit": "-6.0"}, "LIMITS"),
    ("unit_fits_measure", {COUNT + "unitOfMeasure": "Percent"}, "UNIT"),
    ("unit_fits_measure", {COUNT + "paramType": "NUMBER"}, "UNIT"),
    ("unit_fits_measure", {COUNT + "title": "Percentage of Participants With Response"}, "UNIT"),
    ("unit_fits_measure", {COUNT + "unitOfMeasure": REMOVED}, "UNIT"),
    ("tables_are_complete", {COUNT + "denoms[0].counts[1]": REMOVED}, "OUTCOME-TABLE"),
    ("tables_are_complete", {COUNT + "groups": []}, "OUTCOME-TABLE"),
    ("tables_are_complete", {COUNT + CELL + "groupId": "OG009"}, "GROUP-UNKNOWN"),
    (
        "tables_are_complete",
        {MEDIAN + "denoms[0].counts": [{"groupId": "OG000", "value": "0"}, {"groupId": "OG001", "value": "0"}]},
        "OUTCOME-TABLE",
    ),
    ("units_are_counted", {UNITS + "denoms[1]": REMOVED}, "UNITS-ANALYSED"),
    (
        "units_are_counted",
        {UNITS + "denomUnitsSelected": REMOVED, UNITS + "typeUnitsAnalyzed": REMOVED},
        "UNITS-ANALYSED",
    ),
    ("analyses_are_consistent", {COUNT + "analyses[0].groupIds[0]": "OG009"}, "GROUP-UNKNOWN"),
    ("analyses_are_consistent", {COUNT + "analyses[0].pValue": "1.2"}, "ANALYSIS"),
    ("analyses_are_consistent", {COUNT + "analyses[0].paramValue": "9"}, "ANALYSIS"),
    ("analyses_are_consistent", {COUNT + "analyses[0].statisticalMethod": REMOVED}, "ANALYSIS"),
    ("events_say_when_and_how", {AE + "timeFrame": REMOVED}, "EVENTS-TIME-FRAME"),
    ("events_say_when_and_how", {AE + "frequencyThreshold": "10"}, "EVENTS-THRESHOLD"),
    ("events_say_when_and_how", {AE + "frequencyThreshold": REMOVED}, "EVENTS-THRESHOLD"),
    ("events_say_when_and_how", {AE + "eventGroups[0].deathsNumAffected": REMOVED}, "EVENTS-MORTALITY"),
    ("affected_fit_at_risk", {AE + "eventGroups[0].seriousNumAffected": 51}, "EVENTS-AT-RISK"),
    (
        "affected_fit_at_risk",
        {AE + "seriousEvents[0].stats[0].numAffected": 51, AE + "seriousEvents[0].stats[0].numEvents": 60},
        "EVENTS-AT-RISK",
    ),
    ("affected_fit_at_risk", {AE + "seriousEvents[0].stats[0].numEvents": 1}, "EVENTS-COUNT"),
    ("totals_fit_terms", {AE + "eventGroups[0].otherNumAffected": 14}, "EVENTS-TOTAL"),
    ("totals_fit_terms", {AE + "eventGroups[0].otherNumAffected": 9}, "EVENTS-TOTAL"),
    (
        "others_exceed_threshold",
        {AE + "otherEvents[1].stats[0].numAffected": 2, AE + "otherEvents[1].stats[0].numAtRisk": 40},
        "EVENTS-THRESHOLD",
    ),
    (
        "terms_are_complete",
        {AE + "otherEvents[1].term": "fatigue", AE + "otherEvents[1].organSystem": "General disorders"},
        "EVENTS-TWICE",
    ),
    ("terms_are_complete", {AE + "otherEvents[1].assessmentType": REMOVED}, "EVENTS-TERM"),
    ("terms_are_complete", {AE + "otherEvents[1].stats[1]": REMOVED}, "EVENTS-TERM"),
    ("terms_are_complete", {AE + "otherEvents[1].stats[1].groupId": "EG009"}, "GROUP-UNKNOWN"),
    ("serious_are_apart", {AE + "eventGroups[0].seriousNumAtRisk": REMOVED}, "EVENTS-SERIOUS"),
    *(("ages_in_order", dict(zip(AGES, ages, strict=True)), "AGE-ORDER") for ages in LONGER),
    ("limits_enclose_values", {MEDIAN + CELL + "value": "-10.2"}, "LIMITS"),
    ("limits_enclose_values", {MEDIAN + CELL + "value": "-6.1"}, "LIMITS"),
    ("limits_enclose_values", {MEDIAN + CELL + "value": "NA", MEDIAN + CELL + "upperLimit": "-10.2"}, "LIMITS"),
    ("analyses_are_consistent", {COUNT + "analyses[0].paramValue": "1.4"}, "ANALYSIS"),
    (
        "analyses_are_consistent",
        {COUNT + "analyses[0].paramValue": REMOVED, COUNT + "analyses[0].ciUpperLimit": "1.4"},
        "ANALYSIS",
    ),
    ("values_are_valid", {COUNT + CELL + "value": "-1"}, "VALUE-INVALID"),
    ("values_are_valid", {COUNT + CELL + "value": "0.5"}, "VALUE-INVALID"),
    ("values_are_valid", {MEDIAN + "unitOfMeasure": "percent", MEDIAN + CELL + "value": "100.1"}, "VALUE-INVALID"),
]

ACCEPTED = [  # near misses: each is right, and a rule written too widely would reject it
    ("types_fit", {P + "identificationModule.acronym": ""}),
    ("dates_are_dates", {STATUS + "startDateStruct.date": "2020"}),
    ("ages_are_ages", {ELIGIBLE + "minimumAge": "6 Months"}),
    ("texts_fit", {P + "identificationModule.briefTitle": "x" * 300}),
    ("texts_fit", {AE + "otherEvents[0].sourceVocabulary": "x" * 18 + "\\>>"}),
    ("dates_in_order", {STATUS + "primaryCompletionDateStruct.date": "2020-02"}),
    ("dates_in_order", {STATUS + "completionDateStruct.date": "2022-03-31"}),
    ("actual_dates_have_passed", {STATUS + "completionDateStruct.date": "2023-06-30"}),
    ("stopped_says_why", {STATUS + "overallStatus": "TERMINATED", STATUS + "whyStopped": "No funds"}),
    ("enrolment_fits_status", {STATUS + "overallStatus": "WITHDRAWN", DESIGN + "enrollmentInfo.count": 0}),
    ("masking_fits_roles", {INFO + "maskingInfo.whoMasked": []}),
    (
        "title_fits_design",
        {P + "identificationModule": {"briefTitle": "Non-randomized study"}, INFO + "allocation": "NON_RANDOMIZED"},
    ),
    ("arms_and_interventions_meet", {ARMS + "[1].type": "NO_INTERVENTION", DRUGS + "[1]": REMOVED}),
    ("time_frames_are_given", {FIRST + "timeFrame": "3 months after end of radiotherapy"}),
    ("time_frames_are_given", {FIRST + "timeFrame": "From randomization until death"}),
    ("measures_are_measures", {FIRST + "measure": "Time to progression"}),
    ("measures_are_single", {FIRST + "measure": "Safety and tolerability"}),
    (
        "measures_are_described",
        {SECOND + "measure": "Toxicity", SECOND + "description": "Grade 3 or higher by CTCAE 4.0"},
    ),
    ("ages_in_order", {ELIGIBLE + "minimumAge": "6 Months", ELIGIBLE + "maximumAge": "2 Years"}),
    ("ages_fit_criteria", {ELIGIBLE + "minimumAge": "216 Months"}),
    ("no_results_in_prose", {SUMMARY: "Earlier trials gave p-values; this one will too."}),
    ("no_persons_in_prose", {SUMMARY: "See 2015-001894-41 and 10.1000/182."}),
    ("started_fits_enrolment", {DESIGN + "enrollmentInfo.count": 110}),
    ("total_is_the_sum", {BASE + "groups[2].title": "Another arm", BASE + "denoms[0].counts[2].value": "7"}),
    ("registered_are_reported", {OUT: []}),
    ("values_are_valid", {COUNT + CELL + "value": "50"}),
    ("limits_enclose_values", {MEDIAN + CELL + "upperLimit": "NA"}),
    ("analyses_are_consistent", {COUNT + "analyses[0].pValue": "≤.05"}),
    (
        "others_exceed_threshold",
        {AE + "otherEvents[1].stats[0].numAffected": 1, AE + "otherEvents[1].stats[0].numAtRisk": 19},
    ),
    ("totals_fit_terms", {AE + "eventGroups[0].otherNumAffected": 13}),
    ("type_fits_design", {**WATCHED, INFO: {}, ARMS + "[0].type": REMOVED, ARMS + "[1].type": REMOVED}),
    ("type_fits_design", {DESIGN + "phases": ["NA"]}),
    ("title_fits_design", {P + "identificationModule.briefTitle": "Open-label extension of a double-blind study"}),
    (
        "title_fits_design",
        {P + "identificationModule": {"briefTitle": "Open-label study"}, INFO + "maskingInfo": {"masking": "NONE"}},
    ),
    (
        "status_fits_start",
        {STATUS + "overallStatus": "NOT_YET_RECRUITING", STATUS + "startDateStruct.type": "ESTIMATED"},
    ),
    (
        "enrolment_fits_status",
        {STATUS + "overallStatus": "NOT_YET_RECRUITING", DESIGN + "enrollmentInfo.type": "ESTIMATED"},
    ),
    ("texts_fit", {FLOW + "groups[0].title": "Arms"}),
    *(("ages_in_order", dict(zip(AGES, ages, strict=True))) for ages in (*SHORTER, ("18 Years", "18 Years"))),
    (
        "ages_fit_criteria",
        {
            ELIGIBLE + "eligibilityCriteria": "Inclusion Criteria:\n\n* Diagnosed at least 10 years ago\n\n"
            "Exclusion Criteria:\n\n* At least 70 years of age"
        },
    ),
    ("gender_is_described", {ELIGIBLE + "genderBased": True, ELIGIBLE + "genderDescription": "Women by self-report"}),
    ("started_fits_enrolment", {DESIGN + "enrollmentInfo": {"count": 90, "type": "ESTIMATED"}}),
    ("started_fits_enrolment", {FLOW + "preAssignmentDetails": REMOVED}),
    ("baseline_fits_flow", {BASE + "populationDescription": REMOVED}),
    ("baseline_fits_flow", {BASE + "denoms[0].counts[2].value": "90"}),
    ("total_is_the_sum", {BASE + "denoms[0].counts[1]": REMOVED}),
    (
        "categories_fit_denominator",  # a measure whose categories need not be the whole
        {BASE + "measures[2].title": "Region", BASE + "measures[2]." + CELL + "value": "9"},
    ),
    (
        "dispersion_is_given",
        {BASE + "measures[0]." + CELL + "spread": REMOVED, BASE + "measures[0]." + CELL + "comment": "One subject."},
    ),
    ("values_are_valid", {COUNT + CELL + "value": "0"}),
    ("values_are_valid", {MEDIAN + CELL + "value": "150"}),
    ("values_are_valid", {MEDIAN + "unitOfMeasure": "percent", MEDIAN + CELL + "value": "100"}),
    ("values_are_valid", {MEDIAN + "unitOfMeasure": "percent change", MEDIAN + CELL + "value": "150"}),
    ("limits_enclose_values", {MEDIAN + CELL + "value": "-10.1"}),
    ("limits_enclose_values", {MEDIAN + CELL + "value": "-6.2"}),
    ("analyses_are_consistent", {COUNT + "analyses[0].paramValue": "1.5"}),
    ("analyses_are_consistent", {COUNT + "analyses[0].paramValue": "8.0"}),
    ("events_say_when_and_how", {AE + "frequencyThreshold": "0"}),
    (
        "events_say_when_and_how",
        {AE + "eventGroups[0].deathsNumAffected": REMOVED, AE + "allCauseMortalityComment": "Not collected."},
    ),
    ("affected_fit_at_risk", {AE + "eventGroups[0].seriousNumAffected": 50}),
    ("affected_fit_at_risk", {AE + "otherEvents[1].stats[0].numAffected": 50}),
    (
        "outcome_dispersion_is_given",
        {
            MEDIAN + "dispersionType": "NA",
            MEDIAN + "denoms[0].counts": [{"groupId": "OG000", "value": "0"}, {"groupId": "OG001", "value": "0"}],
        },
    ),
    ("unit_fits_measure", {MEDIAN + "reportingStatus": "NOT_POSTED", MEDIAN + "unitOfMeasure": REMOVED}),
]


def _rule(name):
    return next(one for one in rules.ALL if one.__name__ == name)


def _changed(changed, delete, content, changes):
    return changed(content, {path: delete if value is REMOVED else value for path, value in changes.items()})


@pytest.mark.parametrize(("name", "changes", "finding"), REJECTED)
def test_a_rule_rejects_its_case(name, changes, finding, changed, delete, made_up):
    """If it failed, a reviewer would send back what our check let pass."""
    found = list(_rule(name)(Record(_changed(changed, delete, made_up, changes))))
    assert f"TB-REG-{finding}" in {one.id for one in found}
    assert all(one.message and one.where.path and one.fix for one in found)


@pytest.mark.parametrize(("name", "changes"), ACCEPTED)
def test_a_rule_accepts_its_near_miss(name, changes, changed, delete, made_up):
    """If it failed, a right record would be called wrong."""
    assert list(_rule(name)(Record(_changed(changed, delete, made_up, changes)))) == []


@pytest.mark.parametrize("rule", rules.ALL, ids=lambda rule: rule.__name__)
def test_every_rule_accepts_the_made_up_record(rule, made_up):
    """If it failed, a complete and consistent record would be called wrong."""
    assert list(rule(Record(made_up))) == []


def test_every_rule_has_a_case_it_rejects_and_says_its_source():
    """If it failed, a rule could be one that never finds anything."""
    assert {name for name, _, _ in REJECTED} == {rule.__name__ for rule in rules.ALL}
    assert all("Source" in rule.__doc__ for rule in rules.ALL)
    assert len({rule.__name__ for rule in rules.ALL}) == len(rules.ALL)


def test_the_driving_record_passes(driving):
    """If it failed, the record as posted would be called wrong by us alone."""
    assert rules.check(Record(driving)) == []


def test_the_large_record_passes_but_for_a_field_newer_than_the_description(large):
    """If it failed, a record that reviewers have passed would be called wrong."""
    found = rules.check(Record(large))
    assert [(one.severity, one.where.path) for one in found] == [
        (Severity.NOTE, "derivedSection.miscInfoModule.modelPredictions")
    ]


@pytest.mark.parametrize(
    "content", [{}, {"protocolSection": []}, {"resultsSection": {"participantFlowModule": {"periods": [1]}}}]
)
def test_rules_do_not_fail_on_wrong_shapes(content):
    """If it failed, a check of a broken record would end in a traceback."""
    assert any(one.severity is Severity.ERROR for one in rules.check(Record(content)))
