"""API v2 JSON: kept digit for digit, broken files refused; an independent model (altissimo) takes what we write."""

from __future__ import annotations

import json

import pytest

from trialbridge.base.errors import UnreadableInputError
from trialbridge.registry.files import formats, v2
from trialbridge.registry.record import Record


def test_a_record_is_written_as_it_was_read(data, tmp_path, large):
    """If it failed, reading and writing a record would change it (geo points have decimals)."""
    (tmp_path / "in.json").write_bytes(v2.serialize(large))
    record, findings = v2.read(tmp_path / "in.json")
    v2.write(record, tmp_path / "out.json")
    assert findings == []
    assert record.content == large
    assert (tmp_path / "out.json").read_bytes() == (tmp_path / "in.json").read_bytes()


def test_decimals_keep_their_digits():
    """If it failed, a coordinate of 40.10 would come back as 40.1."""
    text = b'{"protocolSection": {"x": 40.10, "y": 1E+2, "z": 0.30000000000000004441}}'
    record, _ = v2.parse(text, "x.json")
    written = v2.serialize(record.content)
    assert b"40.10" in written
    assert b"0.30000000000000004441" in written


def test_unknown_fields_are_kept():
    """If it failed, what the API adds tomorrow would be lost today."""
    text = b'{"protocolSection": {"newModule": {"a": [1, null, true]}}, "other": "kept"}'
    record, _ = v2.parse(text, "x.json")
    assert json.loads(v2.serialize(record.content)) == json.loads(text)


def test_a_page_of_studies(made_up, driving, tmp_path):
    """If it failed, a search result could not be read."""
    v2.write_all([Record(made_up), Record(driving)], tmp_path / "page.json")
    found = formats.read(tmp_path / "page.json")
    assert [record.nct_id for record, _ in found] == ["NCT09999999", "NCT03406468"]
    with pytest.raises(UnreadableInputError, match="2 studies"):
        v2.read(tmp_path / "page.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON"),
        (b'{"protocolSection": {', "not JSON"),
        (b'{"a": 1}', "no study"),
        (b"[1]", "no study"),
        (b'{"protocolSection": {}, "protocolSection": {}}', "given twice"),
        (b'{"protocolSection": {"x": NaN}}', "NaN"),
        (b'{"protocolSection": {"x": "\xff"}}', "not UTF-8"),
        (b'{"protocolSection":' + b"[" * 200_000, "too deep"),
    ],
)
def test_broken_files_are_refused(text, message):
    """If it failed, a broken file would end in a traceback or be read as something."""
    with pytest.raises(UnreadableInputError, match=message):
        v2.parse(text, "x.json")


@pytest.mark.parametrize("name", ["driving", "large", "made_up"])
def test_an_independent_model_accepts_what_we_write(name, request):
    """If it failed, our JSON would not be the API's (altissimo's models come from the API's own description)."""
    clinicaltrials = pytest.importorskip("clinicaltrials", reason="altissimo-clinicaltrials is not installed")
    content = request.getfixturevalue(name)
    written = v2.serialize(content)
    study = clinicaltrials.Study.from_json(written.decode())
    back = json.loads(study.to_json())
    expected = json.loads(written)
    expected.get("derivedSection", {}).get("miscInfoModule", {}).pop("modelPredictions", None)  # their model lacks it
    assert back == expected


def test_the_independent_model_refuses_a_value_of_no_enumeration(changed, made_up):
    """If it failed, the oracle above would accept anything."""
    clinicaltrials = pytest.importorskip("clinicaltrials", reason="altissimo-clinicaltrials is not installed")
    wrong = changed(made_up, {"protocolSection.statusModule.overallStatus": "PAUSED"})
    with pytest.raises(ValueError, match="overallStatus"):
        clinicaltrials.Study.from_json(v2.serialize(wrong).decode())
