"""The example study to a server and back, on two servers that share no code: nothing is lost, nothing is doubled."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import trialbridge
from trialbridge.converters.study import to_fhir

pytestmark = pytest.mark.once

EXAMPLES = Path(__file__).parents[2] / "examples"


def _there_and_back(run, server, folder, back, count, *options):
    """Push `count` resources, push again, pull; what was pulled as a study."""
    first = run("push", folder, server.url, *options)
    assert (first["created"], first["updated"], first["failed"]) == (count, 0, 0)
    again = run("push", folder, server.url)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, count)
    assert again["requests"] == 0
    pulled = run("pull", server.url, "-o", back, "--study", "NCT03406468")
    assert sum(pulled["held"].values()) == count
    assert pulled["findings"] == {"error": 0, "warning": 0, "note": 0}
    return trialbridge.to_sdtm(back).study


def test_the_whole_example_comes_home(sekmet, run, tmp_path, size):
    """What a hospital's server was given would not be what a sponsor gets from it; or it would be there twice."""
    sys.path.insert(0, str(EXAMPLES))
    from re_induction import generate

    study = generate.build()  # forty subjects and the screen failures: some 5,000 resources
    trialbridge.write(to_fhir(study).resources, tmp_path / "fhir", "ndjson")
    count = size(tmp_path / "fhir").total()
    back = _there_and_back(run, sekmet, tmp_path / "fhir", tmp_path / "back", count, "--bundle-size", 500)
    found = trialbridge.diff(study, back)
    assert found.equal, found.differences[:5]


def test_another_server(medplum, run, tmp_path, cohort, size):
    """What works on one server alone works by its accidents: this one has no paging links and no rollback."""
    back = _there_and_back(run, medplum, cohort, tmp_path / "back", size(cohort).total())
    found = trialbridge.diff(trialbridge.to_sdtm(cohort).study, back)
    assert found.equal, found.differences[:5]


def test_only_one_study_is_taken(sekmet, run, tmp_path, cohort, size):
    """Patients of other studies on the same server would leave the hospital."""
    run("push", cohort, sekmet.url)
    other = tmp_path / "other"
    other.mkdir()
    for path in cohort.glob("*.ndjson"):
        text = path.read_text().replace("NCT03406468", "NCT99999999")
        # other ids, as another study has them: UUIDs of version 4 in the place of version 5
        (other / path.name).write_text(
            re.sub(r"([0-9a-f]{8}-[0-9a-f]{4}-)5([0-9a-f]{3}-[0-9a-f]{4}-)", r"\g<1>4\2", text)
        )
    assert run("push", other, sekmet.url)["created"] == size(cohort).total()
    pulled = run("pull", sekmet.url, "-o", tmp_path / "back", "--study", "NCT03406468")
    assert sum(pulled["held"].values()) == size(cohort).total()
    assert trialbridge.diff(cohort, _without_meta(tmp_path / "back")).equal


def _without_meta(folder):
    """The resources pulled, without the server's version and time."""
    resources = []
    for one in trialbridge.read(folder, kind="fhir"):
        meta = {name: value for name, value in one["meta"].items() if name not in ("versionId", "lastUpdated")}
        rest = {name: value for name, value in one.items() if name != "meta"}
        resources.append({**rest, "meta": meta} if meta else rest)
    return resources
