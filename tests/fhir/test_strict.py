"""The quick check may say no to what is right, but never yes to what the full check rejects."""

from __future__ import annotations

import copy
import random
from decimal import Decimal

import pytest

from trialbridge.fhir.check import check
from trialbridge.fhir.jsontext import encode
from trialbridge.fhir.located import is_resource
from trialbridge.fhir.strict import sound

OBSERVATION = {
    "resourceType": "Observation",
    "id": "size-1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "21889-1"}], "text": "Size Tumor"},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2019-08-16",
    "valueQuantity": {"value": Decimal("23.50"), "unit": "mm"},
    "component": [{"code": {"text": "longest"}, "valueInteger": 3}],
    "extension": [{"url": "http://example.org/x", "valueString": "y"}],
}
WRONG = {
    "an unknown element": ("colour", "red"),
    "two values of a choice": ("valueString", "x"),
    "a code with blanks at its end": ("status", "final "),
    "a number for text": ("status", 5),
    "null": ("bodySite", None),
    "an empty list": ("category", []),
    "an empty object": ("method", {}),
    "an object for a list": ("identifier", {"value": "x"}),
    "an empty text": ("code", {"text": ""}),
    "a text of odd blanks": ("code", {"text": "\u2003"}),
    "an empty object deep inside": ("code", {"coding": [{}]}),
    "a 30th of February": ("effectiveDateTime", "2019-02-30"),
    "a time without a zone": ("issued", "2019-02-03T10:00:00"),
    "an id with a slash": ("id", "a/b"),
    "an extension without url": ("extension", [{"valueString": "y"}]),
    "an extension of two values": ("extension", [{"url": "u", "valueString": "y", "valueCode": "z"}]),
    "a component without code": ("component", [{"valueInteger": 3}]),
    "a required element missing": ("code", ...),
    "an unknown element deep inside": ("subject", {"reference": "Patient/1", "colour": "red"}),
}


def test_a_right_resource_is_passed_at_once():
    """A check that always says no would be slow and never found out."""
    assert check(OBSERVATION, "R4") == []
    assert sound(encode(OBSERVATION), "Observation", "R4")


LONG = [{"url": f"http://example.org/{at}", "extension": [{"url": "in", "valueString": "x" * 40}]} for at in range(60)]
WRONG_EXTENSIONS = {
    "no url": {"valueString": "y"},
    "two values": {"url": "u", "valueString": "y", "valueCode": "z"},
    "an unknown element": {"url": "u", "colour": "red"},
    "a type, as of a resource": {"url": "u", "resourceType": "Observation"},
    "a wrong value deep inside": {"url": "u", "extension": [{"url": "v", "extension": [{"url": "w", "valueCode": 5}]}]},
    "an empty list inside": {"url": "u", "extension": []},
    "no object": "text",
}


@pytest.mark.parametrize("what", WRONG_EXTENSIONS)
def test_a_long_list_of_extensions_is_no_hiding_place(what):
    """Of a list that is gone through item by item one wrong item would pass."""
    right = OBSERVATION | {"extension": LONG}
    assert sound(encode(right), "Observation", "R4")
    wrong = OBSERVATION | {"extension": [*LONG[:30], WRONG_EXTENSIONS[what], *LONG[30:]]}
    assert not sound(encode(wrong), "Observation", "R4")
    assert sound(encode(right), "Observation", "R4")


def test_an_excuse_is_asked_for_each_time():
    """An element that may be absent once, with a reason, would be taken for absent with reason always."""
    reason = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    without = {key: one for key, one in OBSERVATION.items() if key != "status"}
    assert sound(encode(without | {"_status": reason}), "Observation", "R4")
    assert not sound(encode(without | {"_status": {"id": "x"}}), "Observation", "R4")


@pytest.mark.parametrize(
    ("day", "was"),
    [("2020-02-29", True), ("2000-02-29", True), ("2019-02-29", False), ("1900-02-29", False), ("2100-02-29", False)],
)
def test_a_leap_day_is_a_day_of_leap_years_alone(day, was):
    """Each record of such a day would go the slow way, or a day that never was would come in (ISO 8601 4.2.1)."""
    of = OBSERVATION | {"effectiveDateTime": day}
    assert sound(encode(of), "Observation", "R4") is was
    assert (check(of, "R4") == []) is was


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_resource_is_not_passed(what):
    """A resource that the full check rejects would come in."""
    name, value = WRONG[what]
    wrong = {key: one for key, one in OBSERVATION.items() if key != name} | ({} if value is ... else {name: value})
    assert check(wrong, "R4"), "this case must be wrong"
    assert not sound(encode(wrong), "Observation", "R4")


def _examples(package, dice, most):
    """Some of a package's examples, none of the definitions and none very large."""
    names = [name for name in package.names if name.endswith(".json")]
    dice.shuffle(names)
    found = []
    for name in names:
        content = package.json(name)
        if is_resource(content) and "url" not in content and len(encode(content)) < 40_000:
            found.append(content)
        if len(found) == most:
            break
    return found


def _spoiled(resource, dice):
    """The resource with one thing changed somewhere in it."""
    made = copy.deepcopy(resource)
    place = made
    for _ in range(dice.randrange(6)):
        inner = [one for one in (place.values() if isinstance(place, dict) else place) if isinstance(one, dict | list)]
        if not inner:
            break
        place = dice.choice(inner)
    value = dice.choice(
        ["", " ", "x y", "a\n", 5, -1, 2**40, Decimal("1.5"), True, None, {}, [], [None], "2019-02-30", "\u00a0"]
    )
    if isinstance(place, list):
        place[dice.randrange(len(place))] = value
    elif place and dice.random() < 0.8:
        key = dice.choice(list(place))
        if dice.random() < 0.3:
            del place[key]
        else:
            place[key] = value
    else:
        place[dice.choice(["colour", "id", "value", "extension", "_status"])] = value
    return made


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_what_is_passed_the_full_check_passes(release, request):
    """Of real resources and of spoiled ones, none that is wrong may be passed; and most right ones must be."""
    package = request.getfixturevalue("r4_examples" if release == "R4" else "r5_examples")
    dice = random.Random(20190715)  # noqa: S311 - seeded
    passed = right = 0
    for resource in _examples(package, dice, 60):
        if not check(resource, release):
            right += 1
            passed += sound(encode(resource), resource["resourceType"], release)
        for _ in range(4):
            spoiled = _spoiled(resource, dice)
            if is_resource(spoiled) and sound(encode(spoiled), spoiled["resourceType"], release):
                assert check(spoiled, release) == []
    assert right > 30
    assert passed > right / 2, (passed, right)
