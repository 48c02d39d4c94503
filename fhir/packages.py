"""FHIR packages in the cache that all FHIR tools share: `~/.fhir/packages/NAME#VERSION/package/…`.

Facts: https://hl7.org/fhir/R5/packages.html (layout, package.json, .index.json) and
https://confluence.hl7.org/display/FHIR/FHIR+Package+Cache (the folder, `#` between name and version). A package comes
from a .tgz, or from a registry of the NPM kind whose address the user gives; nothing is fetched otherwise. Another
folder than the standard one is chosen by the environment variable TRIALBRIDGE_FHIR_PACKAGES.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trialbridge.base.errors import TrialbridgeError, UnknownNameError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.http import fetch
from trialbridge.base.writing import whole_file, whole_folder
from trialbridge.fhir.jsontext import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER_VARIABLE = "TRIALBRIDGE_FHIR_PACKAGES"
REGISTRY_VARIABLE = "TRIALBRIDGE_FHIR_REGISTRY"
INDEX = ".index.json"
LARGEST = 2 * 1024**3
"""Bytes a package may have when unpacked: a bound against archives made to fill a disk."""
_INDEXED = ("resourceType", "id", "url", "version", "kind", "type", "supplements", "content")
_NAME = re.compile(r"[a-z0-9@][a-zA-Z0-9._\-/]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+\-]*")
CORE = frozenset({"hl7.fhir.r4.core", "hl7.fhir.r5.core", "hl7.fhir.r4b.core"})
BUNDLED = {"hl7.fhir.r4.core": "4.0.1", "hl7.fhir.r5.core": "5.0.0"}
"""The packages whose definitions come with trialbridge (`fhir/data/core_*.ndjson.gz`): they need not be installed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a package: the file, and its type and canonical URL where it has one."""

    file: str
    kind: str
    url: str
    version: str


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package. `dependencies` gives name -> version as package.json has them."""

    name: str
    version: str
    folder: Path
    fhir_versions: tuple[str, ...] = ()
    dependencies: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """`hl7.fhir.us.mcode#4.0.0`."""
        return f"{self.name}#{self.version}"

    def entries(self) -> tuple[Entry, ...]:
        """What its index lists; an index that is missing is made by reading the files."""
        return _entries(self.folder)

    def read(self, entry: Entry) -> Any:
        """One of its resources as JSON. Raises UnreadableInputError."""
        path = self.folder / "package" / entry.file
        try:
            return decode(path.read_bytes())
        except UnreadableInputError as error:
            raise UnreadableInputError(error.message, Where(file=str(path)), "Add the package again.") from None


@dataclass(frozen=True, slots=True)
class Added:
    """What `add` did: the packages installed, those that were there, and the dependencies that cannot be had, with why."""

    installed: tuple[Package, ...]
    present: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]


def cache_folder() -> Path:
    """Where packages are kept: TRIALBRIDGE_FHIR_PACKAGES, else `~/.fhir/packages`."""
    return Path(os.environ.get(FOLDER_VARIABLE) or Path.home() / ".fhir" / "packages")


def installed() -> list[Package]:
    """All packages of the cache, by name, the newest version of each first; folders that hold none are passed over."""
    folder = cache_folder()
    if not folder.is_dir():
        return []
    found = [
        _opened(one) for one in folder.iterdir() if "#" in one.name and (one / "package" / "package.json").is_file()
    ]
    found.sort(key=lambda one: version_key(one.version), reverse=True)
    return sorted(found, key=lambda one: one.name)


def get(name: str) -> Package:
    """The package a user names, `NAME#VERSION` or `NAME` for the newest. Raises UnknownNameError."""
    own, _, version = name.partition("#")
    for one in installed():
        if one.name == own and (not version or _fits(one.version, version)):
            return one
    raise UnknownNameError(
        f"The package {name} is not installed.", Where(file=str(cache_folder())), f"trialbridge packages add {name}"
    )


def load(names: Iterable[str]) -> list[Package]:
    """The packages named and all they depend on that is installed, each once, in that order.

    Raises UnknownNameError for one that is named and not installed. Of a dependency another version of the same
    major serves where the one asked for is not installed; where there is none, what only it defines is reported as
    unchecked by the validator.
    """
    found: dict[str, Package] = {}
    left = [get(name) for name in names]
    while left:
        one = left.pop(0)
        if str(one) in found:
            continue
        found[str(one)] = one
        for name, version in one.dependencies:
            left += _dependency(name, version)
    return list(found.values())


def _dependency(name: str, version: str) -> list[Package]:
    """What a package depends on: the version asked for, else the newest of its major version; of terminology any."""
    there = [one for one in installed() if one.name == name]
    for one in there:
        if _fits(one.version, version):
            return [one]
    major = version.partition(".")[0]
    near = [one for one in there if name.startswith("hl7.terminology") or one.version.partition(".")[0] == major]
    return near[:1]


def remove(name: str) -> Package:
    """Takes a package out of the cache; which one it was. Raises UnknownNameError where it is not there."""
    package = get(name)
    shutil.rmtree(package.folder)
    return package


def add(source: str, registry: str | None = None, *, dependencies: bool = True) -> Added:
    """Installs a package: `NAME#VERSION` from a registry, or a .tgz; with its dependencies where a registry is given.

    What is installed already, and the core definitions that come with trialbridge, are not fetched. Raises
    UnreadableInputError where the package itself cannot be had; a dependency that cannot is reported in `missing`.
    """
    registry = registry or os.environ.get(REGISTRY_VARIABLE)
    made: list[Package] = []
    present: list[str] = []
    missing: list[tuple[str, str]] = []
    first, left = True, [source]
    while left:
        name = left.pop(0)
        there = _there(name)
        if there is None:
            try:
                package = _unpacked(_archive(name, registry), name)
            except TrialbridgeError as error:
                if first:
                    raise
                missing.append((name, error.message))
                continue
            made.append(package)
        else:
            package = there
            present.append(str(package))
        if dependencies:
            left += [f"{one}#{version}" for one, version in package.dependencies if BUNDLED.get(one) != version]
        first = False
    return Added(tuple(made), tuple(dict.fromkeys(present)), tuple(missing))


def version_key(version: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts versions: numbers as numbers, a release after its previews (4.0.0-ballot < 4.0.0)."""
    main, _, label = version.partition("-")
    numbers = tuple((1, int(part)) if part.isdecimal() else (0, part) for part in main.split("."))
    return (*numbers, (0, label) if label else (1, 0))


def _there(name: str) -> Package | None:
    """The installed package of exactly this name and version."""
    if "#" not in name:
        return None
    try:
        return get(name)
    except UnknownNameError:
        return None


def _archive(name: str, registry: str | None) -> bytes:
    """The .tgz of a package: a file, or what the registry gives."""
    path = Path(name)
    if path.suffix in {".tgz", ".gz"} or path.is_file():
        if not path.is_file():
            raise UnreadableInputError("There is no such file.", Where(file=name), "Check the path.")
        return path.read_bytes()
    own, _, version = name.partition("#")
    if not _NAME.fullmatch(own) or ".." in own or (version and not _VERSION.fullmatch(version)):
        raise UnreadableInputError("This is no package's name.", Where(file=name), "Give NAME#VERSION or FILE.tgz.")
    if not registry:
        fix = f"Give --registry URL or set {REGISTRY_VARIABLE}; or give the package as FILE.tgz."
        raise UnreadableInputError("No registry is configured.", Where(file=name), fix)
    return _fetched(own, version, registry.rstrip("/"))


def _fetched(name: str, version: str, registry: str) -> bytes:
    """A package from a registry, held against the checksum the registry states."""
    about = decode(fetch(f"{registry}/{quote(name, safe='@')}"))
    versions = about.get("versions") if isinstance(about, dict) else None
    if not isinstance(versions, dict) or not versions:
        raise UnreadableInputError("The registry knows no version of it.", Where(file=name), "Check name and registry.")
    latest = about.get("dist-tags", {}).get("latest")
    wanted = version if version in versions else None
    if wanted is None and not version:
        wanted = latest if latest in versions else max(versions, key=version_key)
    if wanted is None:
        fitting = [one for one in versions if _fits(one, version)]
        wanted = max(fitting, key=version_key, default=None)
    if wanted is None:
        newest = ", ".join(sorted(versions, key=version_key, reverse=True)[:5])
        raise UnreadableInputError(
            "The registry has no such version.", Where(file=f"{name}#{version}"), f"Try {newest}."
        )
    dist = versions[wanted].get("dist", {})
    content = fetch(dist.get("tarball") or f"{registry}/{name}/{wanted}", seconds=300.0)
    stated = dist.get("shasum")
    if (
        isinstance(stated, str)
        and stated
        and hashlib.sha1(content, usedforsecurity=False).hexdigest() != stated.lower()
    ):
        raise UnreadableInputError(
            "The package is not what the registry says it is (checksum).", Where(file=name), "Try again."
        )
    return content


def _unpacked(content: bytes, name: str) -> Package:
    """A .tgz in the cache, whole or not at all, with an index."""
    files = dict(_files(content, name))
    about = files.get("package/package.json")
    stated = decode(about) if about else None
    if not isinstance(stated, dict) or not {"name", "version"} <= stated.keys():
        raise UnreadableInputError("This is no FHIR package: it has no package/package.json.", Where(file=name))
    own, version = str(stated["name"]), str(stated["version"])
    if not _NAME.fullmatch(own) or ".." in own or not _VERSION.fullmatch(version):
        raise UnreadableInputError("Its package.json gives no proper name and version.", Where(file=name))
    target = cache_folder() / f"{own}#{version}"
    shutil.rmtree(target, ignore_errors=True)
    with whole_folder(target) as part:
        for member, text in files.items():
            place = part / member
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        _index(part / "package")
    return _opened(target)


def _files(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """The plain files of a .tgz, none outside of it."""
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if not member.isfile():
                    continue
                if path.is_absolute() or ".." in path.parts or "\\" in member.name:
                    raise UnreadableInputError("The archive has a file outside of itself.", Where(file=name))
                total += member.size
                if total > LARGEST:
                    raise UnreadableInputError(f"The archive unpacks to more than {LARGEST:,} bytes.", Where(file=name))
                stream = archive.extractfile(member)
                yield str(path), stream.read() if stream else b""
    except (tarfile.TarError, EOFError, OSError):
        raise UnreadableInputError("This is no .tgz, or it is cut.", Where(file=name), "Fetch it again.") from None


def _index(folder: Path) -> tuple[Entry, ...]:
    """Writes `.index.json` where it is missing (https://hl7.org/fhir/R5/packages.html); what it lists."""
    place = folder / INDEX
    if not place.is_file():
        files = []
        for path in sorted(folder.glob("*.json")):
            try:
                resource = decode(path.read_bytes())
            except UnreadableInputError:
                continue
            if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
                about = {key: resource[key] for key in _INDEXED if isinstance(resource.get(key), str)}
                files.append({"filename": path.name, **about})
        with whole_file(place) as part:
            part.write_bytes(encode({"index-version": 1, "files": files}))
    return _listed(place)


@lru_cache(maxsize=64)
def _entries(folder: Path) -> tuple[Entry, ...]:
    return _index(folder / "package")


def _listed(place: Path) -> tuple[Entry, ...]:
    """The entries of an index file."""
    index = decode(place.read_bytes())
    files = index.get("files") if isinstance(index, dict) else None
    if not isinstance(files, list):
        raise UnreadableInputError("This is no package index.", Where(file=str(place)), "Remove it; it is made anew.")
    return tuple(
        Entry(str(one["filename"]), str(one["resourceType"]), str(one.get("url") or ""), str(one.get("version") or ""))
        for one in files
        if isinstance(one, dict) and "filename" in one and "resourceType" in one
    )


def _opened(folder: Path) -> Package:
    """An installed package, from its package.json."""
    path = folder / "package" / "package.json"
    try:
        about = decode(path.read_bytes())
    except UnreadableInputError as error:
        raise UnreadableInputError(
            error.message, Where(file=str(path)), "Remove the folder and add it again."
        ) from None
    name, _, version = folder.name.partition("#")
    versions = about.get("fhirVersions") or about.get("fhir-version-list") or ()
    needs = about.get("dependencies") or {}
    return Package(name, version, folder, tuple(map(str, versions)), tuple((str(k), str(v)) for k, v in needs.items()))


def _fits(version: str, wanted: str) -> bool:
    """Whether a version is the wanted one; `4.0.x` and `latest` leave parts open."""
    if wanted in {version, "latest", "x", "*"}:
        return True
    return wanted.endswith(".x") and version.startswith(wanted[:-1])


def _same_release(one: str, other: str) -> bool:
    """Whether two FHIR versions are of one release (4.0.0 and 4.0.1; not 4.0.1 and 4.3.0)."""
    return one.split(".")[:2] == other.split(".")[:2]


def _full_of_examples(package: Package) -> bool:
    """Whether a package holds examples or ready expansions, which say nothing that validation needs."""
    return package.name.endswith((".examples", ".expansions", ".corexml", ".search"))
