"""Results as data: their JSON is the API's, and constructors give the numbers worked out by hand below."""

from __future__ import annotations

import pytest

from trialbridge.registry import adverse_events, flow, measures, results


@pytest.mark.parametrize("name", ["large", "made_up"])
def test_a_section_comes_back_as_it_was(name, request):
    """If it failed, reading results into data would lose or change a value."""
    section = request.getfixturevalue(name)["resultsSection"]
    found, findings = results.read(section)
    assert findings == []
    assert results.write(found) == section


def test_unknown_fields_and_wrong_shapes_are_reported(changed, made_up):
    """If it failed, a value would vanish between record and data."""
    content = changed(
        made_up,
        {
            "resultsSection.adverseEventsModule.colour": "red",
            "resultsSection.adverseEventsModule.eventGroups[0].deathsNumAffected": "one",
            "resultsSection.participantFlowModule.groups": "none",
        },
    )
    _, findings = results.read(content["resultsSection"])
    assert {(one.id, one.where.path) for one in findings} == {
        ("TB-REG-FIELD-UNKNOWN", "resultsSection.adverseEventsModule.colour"),
        ("TB-REG-SHAPE", "resultsSection.adverseEventsModule.eventGroups[0].deathsNumAffected"),
        ("TB-REG-SHAPE", "resultsSection.participantFlowModule.groups"),
    }


def test_flow_is_built_from_counts_by_arm():
    """If it failed, converters would fill the flow with wrong groups or numbers."""
    found = flow.participant_flow(
        {"A": "drug", "B": "none"},
        [
            flow.period(
                "Overall Study", {"A": 86, "B": 84}, {"A": 58, "B": 27}, {"Death": {"B": 57}, "Pregnancy": {"A": 28}}
            )
        ],
    )
    module = results.write(results.Results(participant_flow_module=found))["participantFlowModule"]
    assert module["groups"] == [
        {"id": "FG000", "title": "A", "description": "drug"},
        {"id": "FG001", "title": "B", "description": "none"},
    ]
    milestones = {
        one["type"]: [cell["numSubjects"] for cell in one["achievements"]] for one in module["periods"][0]["milestones"]
    }
    assert milestones == {"STARTED": ["86", "84"], "COMPLETED": ["58", "27"], "NOT COMPLETED": ["28", "57"]}
    assert module["periods"][0]["dropWithdraws"][0] == {
        "type": "Death",
        "reasons": [{"groupId": "FG000", "numSubjects": "0"}, {"groupId": "FG001", "numSubjects": "57"}],
    }


def test_flow_refuses_an_arm_that_is_not_listed():
    """If it failed, numbers of an unknown arm would be written without a group."""
    with pytest.raises(KeyError):
        flow.participant_flow({"A": ""}, [flow.period("Overall Study", {"Z": 1}, {"Z": 1})])


def test_baseline_is_built_as_the_made_up_record_has_it(made_up):
    """If it failed, the constructors would spell a table differently from the API."""
    arms = {"Examplinib": "10 mg daily", "Placebo": "Tablets without drug"}
    cells = {"BG000": ("50.1", "9.8"), "BG001": ("51.3", "10.2"), "BG002": ("50.7", "10.0")}
    age = measures.values([measures.Measurement(group, value, spread) for group, (value, spread) in cells.items()])
    sex = measures.counts(
        {"Female": {"BG000": 20, "BG001": 30, "BG002": 50}, "Male": {"BG000": 30, "BG001": 20, "BG002": 50}}
    )
    found = measures.Baseline(
        population_description="All assigned.",
        groups=measures.groups("BG", arms, total=True),
        denoms=(measures.denom("Participants", {"BG000": 50, "BG001": 50, "BG002": 100}),),
        measures=(
            measures.BaselineMeasure(
                measures.AGE_CONTINUOUS,
                param_type="MEAN",
                dispersion_type="STANDARD_DEVIATION",
                unit_of_measure="years",
                classes=(age,),
            ),
            measures.BaselineMeasure(measures.SEX, **measures.COUNTED, classes=(sex,)),
        ),
    )
    module = results.write(results.Results(baseline_characteristics_module=found))["baselineCharacteristicsModule"]
    expected = made_up["resultsSection"]["baselineCharacteristicsModule"]
    assert module == {**expected, "measures": expected["measures"][:2]}


@pytest.mark.parametrize(
    ("affected", "at_risk", "threshold", "over"),
    [(2, 40, 5, False), (3, 40, 5, True), (1, 40, 0, True), (0, 40, 0, False), (0, 0, 5, False), (1, 19, 5, True)],
)
def test_a_share_of_exactly_the_threshold_is_not_over_it(affected, at_risk, threshold, over):
    """If it failed, terms at exactly 5 percent would be reported (42 CFR 11.48 says exceed)."""
    assert adverse_events.exceeds(affected, at_risk, threshold) is over
