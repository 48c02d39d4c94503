"""The Python API: `import trialbridge` and its names."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

import trialbridge


def test_public_names():
    """A public name would be gone, or one that is not there be promised."""
    for name in trialbridge.__all__:
        assert getattr(trialbridge, name).__doc__
    assert set(dir(trialbridge)) == set(trialbridge.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = trialbridge.nonsense


def test_read_knows_the_kind(study, patient, tmp_path):
    """`read` would take FHIR for SDTM, or give what `kind` excludes."""
    (tmp_path / "p.json").write_text(json.dumps(patient))
    assert isinstance(trialbridge.read(study), trialbridge.Study)
    assert isinstance(trialbridge.read(str(tmp_path / "p.json")), trialbridge.Resources)
    assert set(trialbridge.read([study / "dm.csv"], kind="sdtm").tables) == {"DM"}
    with pytest.raises(trialbridge.TrialbridgeError, match="sdtm, not fhir"):
        trialbridge.read(study, kind="fhir")


def test_there_and_back(study, tmp_path):
    """The five lines of the package's docstring would not hold."""
    source = trialbridge.read(study, kind="sdtm")
    done = trialbridge.to_fhir(source)
    written = trialbridge.write(done.resources, tmp_path / "fhir", "ndjson")
    assert all(path.is_file() for path in written)
    back = trialbridge.to_sdtm(tmp_path / "fhir").study
    assert trialbridge.diff(source, back).equal
    assert trialbridge.diff(study, back).equal
    trialbridge.write(back, tmp_path / "json", "dataset-json")
    assert trialbridge.diff(tmp_path / "json", source).equal


def test_diff_sees(study):
    """`diff` would call a changed study equal."""
    source = trialbridge.read(study, kind="sdtm")
    (study / "dm.csv").write_text((study / "dm.csv").read_text().replace("1961", "1962"))
    (one,) = trialbridge.diff(source, study).differences
    assert (one.where.variable, one.a, one.b) == ("BRTHDTC", "1961", "1962")


def test_written_residue_comes_with_the_study(patient, tmp_path):
    """`write` and read would lose what SDTM has no home for; or another study's residue be left there."""
    done = trialbridge.to_sdtm([patient])
    trialbridge.write(done.study, tmp_path / "s", "parquet")
    back = trialbridge.read(tmp_path / "s", kind="sdtm")
    assert list(trialbridge.to_fhir(back).resources) == [patient]
    trialbridge.write(trialbridge.Study(tables=back.tables), tmp_path / "s", "parquet")
    assert trialbridge.read(tmp_path / "s", kind="sdtm").residue == ()


def test_models(patient):
    """Models of fhir.resources would not go in and out."""
    (model,) = trialbridge.as_models([patient])
    assert type(model).__module__.startswith("fhir.resources.R4B")
    assert model.gender == "female"
    assert trialbridge.to_sdtm([model]).study["DM"].frame["SEX"].to_list() == ["F"]
    (model,) = trialbridge.as_models([patient], "R5")
    assert not type(model).__module__.startswith("fhir.resources.R4B")
    with pytest.raises(trialbridge.TrialbridgeError, match="gendre"):
        trialbridge.as_models([{"resourceType": "Patient", "id": "x", "gendre": "male"}])


def test_decimals_stay_exact(tmp_path):
    """`read` would turn 23.50 into a float."""
    text = '{"resourceType":"Observation","id":"o","valueQuantity":{"value":23.50}}'
    (tmp_path / "o.json").write_text(text)
    (one,) = trialbridge.read(tmp_path / "o.json", kind="fhir")
    assert str(one["valueQuantity"]["value"]) == "23.50"
    assert isinstance(one["valueQuantity"]["value"], Decimal)


def test_rejects_are_not_passed_over(patient, tmp_path):
    """to_sdtm and diff of files would be about a part of them only, without a word."""
    (tmp_path / "p.ndjson").write_text(json.dumps(patient) + '\n{"id": "no type"}\n')
    resources = trialbridge.read(tmp_path / "p.ndjson", kind="fhir")
    assert (len(resources), len(resources.rejects)) == (1, 1)
    with pytest.raises(trialbridge.TrialbridgeError, match="line 2"):
        trialbridge.to_sdtm(resources)
    with pytest.raises(trialbridge.TrialbridgeError, match="line 2"):
        trialbridge.diff(resources, [patient])


def test_explain():
    """`explain` would not give the line of a variable."""
    (line,) = trialbridge.explain("DM.SEX").lines
    assert line.path == "Patient.gender"
    assert ("F", "female") in {(pair.value, pair.code) for pair in line.pairs}
