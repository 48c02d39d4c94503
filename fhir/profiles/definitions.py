"""Where definitions are found: canonical URL to StructureDefinition, ValueSet or CodeSystem, each with its version.

Looked through in this order: what the caller gives (our own extensions), the packages, and the release's own
definitions, which come with trialbridge (`fhir/data/core_*.ndjson.gz`, made by `docs/make_core_definitions.py`). Only
what is asked for is decoded.

>>> definitions = Definitions("R4")
>>> definitions.structure("http://hl7.org/fhir/StructureDefinition/Patient")["type"]
'Patient'
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.fhir.jsontext import decode
from trialbridge.fhir.packages import version_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.packages import Entry, Package
    from trialbridge.fhir.releases import Release

DATA = Path(__file__).parent.parent / "data"
CORE = "http://hl7.org/fhir/StructureDefinition/"
KINDS = ("StructureDefinition", "ValueSet", "CodeSystem")
_R4B = "hl7.fhir.r4b.core"


class Definitions:
    """The definitions in force for one run. `release` is R4 or R5; R4B's own where its core package is among them.

    `generated` keeps snapshots made from differentials (`fhir.profiles.snapshot`) by `url|version`, `contexts` where
    extensions may stand (`fhir.profiles.extensions`) by url.
    """

    def __init__(self, release: Release, packages: Iterable[Package] = (), extra: Iterable[Resource] = ()) -> None:
        self.release = release
        self.packages = tuple(packages)
        self._given: dict[tuple[str, str], Resource] = {(one["resourceType"], one["url"]): one for one in extra}
        self._entries: dict[tuple[str, str], list[tuple[str, Package, Entry]]] = {}
        self._found: dict[tuple[str, str], Resource | None] = {}
        self.generated: dict[str, Resource | None] = {}
        self.contexts: dict[str, frozenset[str]] = {}
        self._bundled = _Bundled(release) if all(one.name != _R4B for one in self.packages) else None
        for package in self.packages:
            for entry in package.entries():
                if entry.kind in KINDS and entry.url:
                    self._entries.setdefault((entry.kind, entry.url), []).append((entry.version, package, entry))

    def structure(self, canonical: str) -> Resource | None:
        """The StructureDefinition of a canonical URL, `|version` allowed; None where none is known."""
        return self._get("StructureDefinition", canonical)

    def type(self, code: str) -> Resource | None:
        """The StructureDefinition of a FHIR type (`Patient`, `Quantity`)."""
        return self._get("StructureDefinition", code if ":" in code else CORE + code)

    def value_set(self, canonical: str) -> Resource | None:
        """The ValueSet of a canonical URL."""
        return self._get("ValueSet", canonical)

    def code_system(self, canonical: str) -> Resource | None:
        """The CodeSystem of a canonical URL, the fullest there is: a package may hold a mere stub of another's."""
        return self._get("CodeSystem", canonical)

    def structure_named(self, name: str) -> str:
        """The canonical URL of a profile a user names by URL or by id. Raises UnknownNameError."""
        if self.structure(name):
            return name
        own, _, version = name.partition("|")
        found = [url for kind, url in self._all() if kind == "StructureDefinition" and url.rsplit("/", 1)[-1] == own]
        if len(found) == 1:
            return found[0] + (f"|{version}" if version else "")
        known = ", ".join(str(one) for one in self.packages) or "none but the release's own"
        raise UnknownNameError(
            f"No profile is called {name}." if not found else f"{len(found)} profiles are called {name}.",
            fix=f"Give its canonical URL. Packages in use: {known}.",
        )

    def _all(self) -> Iterable[tuple[str, str]]:
        yield from self._given
        yield from self._entries
        if self._bundled:
            yield from self._bundled.lines

    def _get(self, kind: str, canonical: str) -> Resource | None:
        key = (kind, canonical)
        if key not in self._found:
            self._found[key] = self._looked_up(kind, canonical)
        return self._found[key]

    def _looked_up(self, kind: str, canonical: str) -> Resource | None:
        url, _, version = canonical.partition("|")
        if found := self._given.get((kind, url)):
            return found
        bundled = self._bundled.get(kind, url) if self._bundled else None
        if bundled is not None and url.startswith(CORE) and kind == "StructureDefinition":
            return bundled
        candidates = self._entries.get((kind, url), [])
        exact = [one for one in candidates if version and _matches(one[0], version)]
        # A version that is nowhere at hand is answered by the newest: packages are often refined without a new one.
        chosen = exact or sorted(candidates, key=lambda one: version_key(one[0]), reverse=True)
        read: list[Resource] = [package.read(entry) for _, package, entry in chosen]
        if bundled is not None and not exact:
            read.append(bundled)
        if kind == "CodeSystem":
            read.sort(key=_emptiness)
        return read[0] if read else None


class _Bundled:
    """The release's own definitions, as the data file has them."""

    def __init__(self, release: Release) -> None:
        self.lines, self._text = _read(release)

    def get(self, kind: str, url: str) -> Resource | None:
        """One definition."""
        line = self.lines.get((kind, url))
        found: Resource | None = None if line is None else decode(self._text[line])
        return found


@lru_cache(maxsize=2)
def _read(release: Release) -> tuple[Mapping[tuple[str, str], int], list[bytes]]:
    """The data file: (kind, URL) -> line number, and the lines."""
    with gzip.open(DATA / f"core_{release.lower()}.ndjson.gz") as stream:
        text = stream.read().split(b"\n")
    head: dict[str, Any] = decode(text[0])
    return {(kind, url): number for number, (kind, url, _) in enumerate(head["entries"], start=1)}, text


def _matches(version: str, wanted: str) -> bool:
    """Whether a version is the wanted one, or begins with it (`4.0` means 4.0.x)."""
    return version == wanted or version.startswith(wanted + ".")


def _emptiness(code_system: Resource) -> int:
    """Lower for a code system that lists its codes."""
    return 0 if code_system.get("content") == "complete" else 1 if code_system.get("concept") else 2
