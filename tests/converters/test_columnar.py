"""The parts of reading by columns: lists taken apart, tests of the dictionary watched, columns of codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from trialbridge.converters.columnar.columns import Column, combinations, first_given, frame
from trialbridge.converters.columnar.lists import ITEM_KEYS, NAMED, NUMBER, SEQUENCE, Keyed
from trialbridge.converters.columnar.members import CARRIED, Element, NotPlainError, readings
from trialbridge.converters.columnar.roots import Root
from trialbridge.converters.columnar.routes import Asked, AskedMoreError, ItemTexts, Watched
from trialbridge.converters.context import Context
from trialbridge.fhir.ids import BASE, system
from trialbridge.mappings.kit import Mapping, Spelling, line
from trialbridge.mappings.names import constants
from trialbridge.mappings.spellings import TEXT

RECORD = system(BASE, "sdtm-record")


@pytest.fixture
def identifiers():
    """The identifiers of a resource of which no line reads any but the record's."""
    made = Keyed("identifier", {}, BASE, None, None)
    made.begin()
    return made


def _texts(*items):
    return json.dumps([{"system": name, "value": value} for name, value in items]).encode()


def test_a_record_is_taken_apart(identifiers):
    """--SEQ or the dataset would be another record's."""
    ctx = Context(BASE, "R4")
    for subject in "AB":
        for number in (1, 12, 2.5):
            found = identifiers.take(_texts((RECORD, f"S|TR|{subject}|{number}"), ("lnkgrp", f"V{number}")), ctx)
            assert (found[NAMED], found[SEQUENCE]) == ("TR", number)
            assert found[ITEM_KEYS] == (RECORD, "lnkgrp")
    assert identifiers.take(_texts((RECORD, "S|SV|A|4 WEEK 12")), ctx)[SEQUENCE] is None


def test_a_text_that_only_looks_like_the_record_is_not_taken_for_it(identifiers):
    """The last text with a bar would be cut out, although the record stands elsewhere."""
    ctx = Context(BASE, "R4")
    for number in (3, 4, 5):
        found = identifiers.take(_texts((RECORD, f"S|TR|A|{number}"), ("other", f"S|AE|A|{number + 1}")), ctx)
        assert (found[NAMED], found[SEQUENCE]) == ("TR", number)
    for number in (3, 4, 5):  # one that speaks of the record's system, and is none
        texts = [{"system": RECORD, "value": "S|TR|A|3"}, {"system": "x", "type": RECORD, "value": f"S|AE|A|{number}"}]
        said = identifiers.take(json.dumps(texts).encode(), ctx)
        assert (said[NAMED], said[SEQUENCE]) == ("TR", 3)
    twice = [(RECORD, "S|TR|A|3"), ("other", "S|TR|A|3")]
    assert identifiers.take(_texts(*twice), ctx)[SEQUENCE] == 3
    assert identifiers.take(_texts((RECORD, "S|TR|A|3"), ("other", "S|TR|A|9")), ctx)[SEQUENCE] == 3


def test_escaped_bars_and_quotes_are_part_of_the_text(identifiers):
    """A quote inside a value would end it."""
    ctx = Context(BASE, "R4")
    for value, number in (('S"|TR|A|3', 3), ("S|TR|A%7CB|4", 4), ("S\\|TR|A|5", 5), ("Sé|TR|A|6", 6)):
        for _ in range(2):
            found = identifiers.take(_texts((RECORD, value)), ctx)
            assert (found[NAMED], found[SEQUENCE]) == ("TR", number)


@pytest.mark.parametrize(
    "text",
    [
        _texts((RECORD, "S|TR|A|3"), (RECORD, "S|TR|A|4")),
        _texts((RECORD, "no record")),
        json.dumps([{"system": RECORD, "value": 3}]).encode(),
        json.dumps({"system": RECORD, "value": "S|TR|A|3"}).encode(),
        b'["x"]',
        b"[1",
    ],
)
def test_what_is_no_plain_list_is_left_to_the_ordinary_reader(identifiers, text):
    """A list of another shape would be read as if it said nothing."""
    with pytest.raises(NotPlainError):
        identifiers.take(text, Context(BASE, "R4"))


def test_what_is_carried_is_read_together():
    """Of two carried values one would hide the other."""
    ctx = Context(BASE, "R4")
    url = ctx.url("x-sdtm-variable")
    carrier = Element("Observation", (CARRIED,), (), "R4", BASE)
    carrier.begin(ctx)
    made = Keyed("extension", {}, BASE, carrier, None)
    made.begin()

    def item(name, value):
        inside = [{"url": "name", "valueCode": name}, {"url": "value", "valueString": value}]
        return {"url": url, "extension": inside}

    said = made.take(json.dumps([item("AA", "1"), {"url": "x"}, item("BB", "2")]).encode(), ctx)
    number = made.numbers()[said[NUMBER]][-1]
    assert {name: one.value for name, one in carrier.kept[number].items()} == {"AA": "1", "BB": "2"}


def _list_read(path, spelling):
    """A list of extensions of which one path is read, and the element that reads it."""
    mapping = Mapping("XX", "x", "Observation", (), (line("XXVAL", path, spelling),))
    root = Root("Observation", [one for found in readings(mapping, "R4") for one in found.slots], "R4", BASE)
    return root, root.elements[min(root.elements, key=lambda name: not name.startswith("extension"))]


def _said(root, element, items):
    ctx = Context(BASE, "R4")
    root.begin(ctx)
    listed = root.lists["extension"]
    found = []
    for one in items:
        said = listed.take(json.dumps(one).encode(), ctx)
        number = listed.numbers()[said[NUMBER]][listed.elements.index(element)]
        found.append((element.cells[0][number], said[SEQUENCE]))
    return found


def test_items_of_one_url_are_told_apart_by_what_else_is_asked_of_them():
    """The first criterion of seriousness would be taken for all."""
    path = "Observation.extension.where(url='u' and extension('code').valueCode='b').extension('value').value.ofType(string)"
    root, element = _list_read(path, TEXT)

    def item(code, value, url="u"):
        return {"url": url, "extension": [{"url": "code", "valueCode": code}, {"url": "value", "valueString": value}]}

    lists = [
        [item("a", "1"), item("b", "2")],
        [item("b", "3")],
        [item("b", "4", "v")],
        [item("b", "5"), item("b", "6")],
    ]
    assert [value for value, _ in _said(root, element, lists)] == ["2", "3", None, "5"]


@pytest.mark.parametrize("looks", [False, True])
def test_a_list_read_as_a_whole_is_known_without_its_record(looks):
    """Where the whole list is read each record would be new; or what a record says would be another record's."""

    def read(one, _ctx):
        if isinstance(one, dict) and one.get("url") == "grade":
            return one["valueString"]
        return one.get("valueIdentifier", {}).get("value") if looks and isinstance(one, dict) else None

    root, element = _list_read("Observation.extension", Spelling("test", read, lambda _v, _c: None, shape="member"))
    record = constants(BASE)["x-sdtm-record"]

    def item(number):
        return {"url": record, "valueIdentifier": {"system": RECORD, "value": f"S|AE|A|{number}"}}

    grade = {"url": "grade", "valueString": "3"}
    lists = [[grade, item(1)], [grade, item(2)], [item(1)], [item(2)], [item(2), grade], [{"url": "z"}]]
    told = [f"S|AE|A|{number}" if looks else None for number in (1, 2, 2)]
    said = _said(root, element, lists)
    assert [value for value, _ in said] == ["3", "3", told[0], told[1], told[2] if looks else "3", None]
    assert [number for _, number in said] == [1, 2, 1, 2, 2, None]
    if not looks:
        assert len(element.memo) == 5  # nothing, the grade, a record alone, both in the other order, another


def test_tests_of_the_dictionary_are_watched():
    """A resource would go the way of another that differs in what the test looks at."""
    watched = Watched({"code": {"text": "x"}, "component": [{"code": 1, "valueQuantity": 2}]})
    assert watched.get("code") == {"text": "x"}
    assert "method" not in watched
    assert any(one.get("code") == 1 and "valueQuantity" in one for one in watched.get("component"))
    asked = Asked()
    with pytest.raises(AskedMoreError):
        asked.learn(watched, frozenset())
    assert (asked.values, asked.presence) == (["code"], ["component", "method"])
    assert asked.items == {"component": ["", "?valueQuantity", "code"]}
    asked.learn(watched, frozenset())
    with pytest.raises(NotPlainError):
        list(watched)


def test_items_are_told_apart_by_what_was_asked_of_them():
    """Two lists would be one although a test tells them apart, or each measured value would be a route of its own."""
    texts = ItemTexts(["code", "?value"])
    one = texts.number(b'[{"code":1,"value":5}]')
    assert texts.number(b'[{"code": 1, "value": 6}]') == one
    assert len({one, texts.number(b'[{"code":1}]'), texts.number(b"[]"), texts.number(None)}) == 4
    assert len({texts.number(one) for one in (b'["x"]', b'["y"]', b'{"code":1}', b"[]")}) == 4


def test_columns_of_codes():
    """A cell would be another row's."""
    first = Column(np.array([0, 1, 0, 1, 2]), ["a", "b", None])
    second = Column(np.array([0, 0, 1, 0, 1]), [1.0, 2.0])
    found = combinations([first, second, first], 5)
    assert list(zip(found.of(first), found.of(second), strict=True)) == [
        ("a", 1.0),
        ("a", 2.0),
        ("b", 1.0),
        (None, 2.0),
    ]
    assert found.codes.tolist() == [0, 2, 1, 2, 3]
    assert combinations([], 3).codes.tolist() == [0, 0, 0]
    assert first_given([first, Column(np.zeros(5, int), ["z"])]).cells() == ["a", "b", "a", "b", "z"]
    assert first.with_cells(np.array([0, 4]), np.array([1, 0]), ["x", "y"]).cells() == ["y", "b", "a", "b", "x"]
    made = frame({"A": first, "N": second, "E": Column(np.zeros(5, int), [None])})
    assert made.to_dict(as_series=False) == {"A": ["a", "b", "a", "b", None], "N": [1.0, 1.0, 2.0, 1.0, 2.0]}
