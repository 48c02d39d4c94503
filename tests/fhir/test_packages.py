"""FHIR packages: from a file, from a registry, in the layout other tools share; nothing half done."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

import pytest

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.fhir import packages


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache of our own."""
    monkeypatch.setenv("TRIALBRIDGE_FHIR_PACKAGES", str(tmp_path / "cache"))
    monkeypatch.delenv("TRIALBRIDGE_FHIR_REGISTRY", raising=False)
    return tmp_path / "cache"


def tgz(name="test.one", version="1.0.0", dependencies=None, more=(), manifest=True):
    """A package's bytes: package.json, one StructureDefinition, and more members."""
    about = {"name": name, "version": version, "fhirVersions": ["4.0.1"], "dependencies": dependencies or {}}
    definition = {"resourceType": "StructureDefinition", "id": "x", "url": "https://example.org/x", "version": version}
    members = {"package/StructureDefinition-x.json": json.dumps(definition).encode()}
    if manifest:
        members["package/package.json"] = json.dumps(about).encode()
    members |= dict(more)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, content in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(made.getvalue(), mtime=0)


def test_a_file_is_installed_as_other_tools_have_it(tmp_path, folder):
    """HL7's validator, SUSHI and Firely would not find what we install, or we not what they do."""
    file = tmp_path / "one.tgz"
    file.write_bytes(tgz())
    done = packages.add(str(file))
    assert [str(one) for one in done.installed] == ["test.one#1.0.0"]
    home = folder / "test.one#1.0.0" / "package"
    assert json.loads((home / "package.json").read_bytes())["name"] == "test.one"
    # https://hl7.org/fhir/R5/packages.html, .index.json
    index = json.loads((home / ".index.json").read_bytes())
    assert index["files"] == [
        {
            "filename": "StructureDefinition-x.json",
            "resourceType": "StructureDefinition",
            "id": "x",
            "url": "https://example.org/x",
            "version": "1.0.0",
        }
    ]
    assert [entry.url for entry in packages.get("test.one").entries()] == ["https://example.org/x"]
    assert packages.add(str(file)).installed  # again: replaced, no fault
    packages.remove("test.one#1.0.0")
    assert packages.installed() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "no .tgz"),
        (tgz()[:200], "no .tgz"),
        (tgz(manifest=False), "no FHIR package"),
        (tgz(more={"package/../../evil.json": b"{}"}.items()), "outside"),
        (tgz(more={"/evil.json": b"{}"}.items()), "outside"),
        (tgz(name="../evil"), "proper name"),
    ],
    ids=["text", "cut", "no manifest", "climbing", "absolute", "name climbs"],
)
def test_what_is_no_package_leaves_nothing(tmp_path, folder, content, message):
    """A broken or hostile archive would leave files behind, or outside of the cache."""
    file = tmp_path / "one.tgz"
    file.write_bytes(content)
    with pytest.raises(UnreadableInputError, match=message):
        packages.add(str(file))
    assert packages.installed() == []
    assert not [one for one in tmp_path.rglob("*") if one.is_file() and one != file]


def served(monkeypatch, made):
    """A registry of the NPM kind that has these packages (name, version) -> bytes; the addresses asked for."""
    asked = []

    def fetch(url, **_):
        asked.append(url)
        name = url.removeprefix("https://registry.example/")
        if name.startswith("-/"):
            own, version = name[2:].split("/")
            return made[own, version]
        versions = {
            version: {
                "dist": {
                    "tarball": f"https://registry.example/-/{own}/{version}",
                    "shasum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
                }
            }
            for (own, version), content in made.items()
            if own == name
        }
        if not versions:
            raise UnreadableInputError("The server answered 404.")
        return json.dumps({"versions": versions, "dist-tags": {"latest": max(versions)}}).encode()

    monkeypatch.setattr(packages, "fetch", fetch)
    return asked


def test_a_registry_gives_a_package_and_what_it_needs(monkeypatch):
    """Dependencies would be missing, core definitions fetched though they are here, or a missing one pass in silence."""
    needs = {"test.two": "2.0.x", "hl7.fhir.r4.core": "4.0.1", "test.gone": "1.0.0"}
    made = {
        ("test.one", "1.0.0"): tgz(dependencies=needs),
        ("test.two", "2.0.0"): tgz("test.two", "2.0.0"),
        ("test.two", "2.0.3"): tgz("test.two", "2.0.3"),
        ("test.two", "2.1.0"): tgz("test.two", "2.1.0"),
    }
    asked = served(monkeypatch, made)
    done = packages.add("test.one#1.0.0", "https://registry.example/")
    assert [str(one) for one in done.installed] == ["test.one#1.0.0", "test.two#2.0.3"]
    assert [name for name, _ in done.missing] == ["test.gone#1.0.0"]
    assert not any("core" in url for url in asked)
    assert [str(one) for one in packages.load(["test.one"])] == ["test.one#1.0.0", "test.two#2.0.3"]
    again = packages.add("test.one#1.0.0", "https://registry.example")
    assert again.installed == ()


def test_a_checksum_that_differs_is_refused(monkeypatch, folder):
    """A package changed on its way would be installed."""
    content = tgz()
    served(monkeypatch, {("test.one", "1.0.0"): content})
    honest = packages.fetch
    monkeypatch.setattr(
        packages, "fetch", lambda url, **more: tgz("test.one", "6.6.6") if "/-/" in url else honest(url, **more)
    )
    with pytest.raises(UnreadableInputError, match="checksum"):
        packages.add("test.one#1.0.0", "https://registry.example")
    assert packages.installed() == []


def test_nothing_is_fetched_unasked(monkeypatch):
    """A look at the network would happen that nobody asked for."""
    monkeypatch.setattr(packages, "fetch", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(UnreadableInputError, match="No registry"):
        packages.add("hl7.fhir.us.mcode#4.0.0")
    with pytest.raises(UnknownNameError, match="not installed"):
        packages.load(["hl7.fhir.us.mcode#4.0.0"])


def test_versions_are_sorted_as_numbers():
    """4.10.0 would count as older than 4.9.0, or a ballot as newer than its release."""
    found = sorted(["4.10.0", "4.9.0", "4.10.0-ballot", "4.9.0-cibuild"], key=packages.version_key)
    assert found == ["4.9.0-cibuild", "4.9.0", "4.10.0-ballot", "4.10.0"]
