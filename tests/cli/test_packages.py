"""trialbridge packages add, list, remove."""

from __future__ import annotations

import json
import tarfile

import pytest


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A package's file, and an empty cache."""
    monkeypatch.setenv("TRIALBRIDGE_FHIR_PACKAGES", str(tmp_path / "cache"))
    monkeypatch.delenv("TRIALBRIDGE_FHIR_REGISTRY", raising=False)
    about = {"name": "test.one", "version": "1.0.0", "fhirVersions": ["4.0.1"], "dependencies": {"test.two": "1.0.0"}}
    (tmp_path / "package.json").write_text(json.dumps(about))
    made = tmp_path / "one.tgz"
    with tarfile.open(made, "w:gz") as archive:
        archive.add(tmp_path / "package.json", "package/package.json")
    return made


def test_add_list_remove(run, file):
    """A user could not install a package, see it, or be rid of it."""
    done = run("packages", "add", str(file))
    assert done.code == 0
    assert "test.one#1.0.0" in done.out
    assert "test.two#1.0.0: not installed" in done.out
    listed = run("packages", "list", "--json").json
    assert [(one["name"], one["version"]) for one in listed["installed"]] == [("test.one", "1.0.0")]
    assert listed["bundled"] == {"hl7.fhir.r4.core": "4.0.1", "hl7.fhir.r5.core": "5.0.0"}
    assert run("packages", "remove", "test.one#1.0.0").code == 0
    assert run("packages", "list", "--json").json["installed"] == []


def test_what_cannot_be_had_says_how(run, file):
    """A user without a registry would not learn what to give."""
    done = run("packages", "add", "hl7.fhir.us.mcode#4.0.0")
    assert done.code == 2
    assert "--registry" in done.err
    assert run("packages", "remove", "test.none").code == 2
