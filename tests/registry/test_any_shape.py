"""A record with any one value broken is checked, written and shown without a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialbridge.base.errors import DoesNotFitError
from trialbridge.registry import page, results, rules
from trialbridge.registry.files import eudract, prs, v2
from trialbridge.registry.record import Record

MADE_UP = json.loads((Path(__file__).parent / "data" / "made-up.json").read_text())


def _places(content, here=()):
    """The path of every value."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in inner:
        yield (*here, name)
        yield from _places(value, (*here, name))


PLACES = sorted(_places(MADE_UP), key=str)
JUNK = [None, True, 7, -1, 1.5, "", "x", "NA", "\\>", [], ["x"], [1], [None], {}, {"x": 1}, [{"x": 1}], "9" * 400]


def _broken(place, junk):
    content = json.loads(json.dumps(MADE_UP))
    here = content
    for name in place[:-1]:
        here = here[name]
    here[place[-1]] = junk
    return content


@settings(max_examples=40)
@given(st.sampled_from(PLACES), st.sampled_from(JUNK))
def test_one_broken_value_never_ends_in_a_traceback(place, junk):
    """If it failed, a user would see a traceback instead of the place and the fix."""
    record = Record(_broken(place, junk))
    rules.check(record)
    assert page.page(record).startswith("<!doctype html>")
    assert v2.parse(v2.serialize(record.content), "x.json")[0].content is not None
    found, _ = results.read(record.results)
    results.write(found)
    try:
        prs.serialize([record])
        if found.adverse_events_module:
            eudract.serialize(found.adverse_events_module)
    except DoesNotFitError:
        pass


@pytest.mark.parametrize("place", [("protocolSection",), ("resultsSection",)])
def test_a_missing_section_is_no_failure(place):
    """If it failed, a record without protocol or results could not be shown."""
    record = Record(_broken(place, {}))
    assert page.page(record)
    assert prs.serialize([record])[0]
