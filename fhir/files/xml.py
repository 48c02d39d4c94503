"""FHIR XML files: one Bundle (`bundle.xml`) or one file a resource. See `xml_read` and `xml_write` for the language.

The format is the original spelling of FHIR (https://hl7.org/fhir/R4/xml.html); it holds exactly what the JSON holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.writing import whole_file, whole_folder
from trialbridge.fhir.bundle import relative_references
from trialbridge.fhir.files.bundle import bundle_of
from trialbridge.fhir.files.xml_read import read
from trialbridge.fhir.files.xml_write import xml_text
from trialbridge.fhir.ids import BASE
from trialbridge.fhir.located import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.fhir.located import Located, Resource
    from trialbridge.fhir.releases import Release

__all__ = ["read", "to_xml", "write", "write_each"]

FILE = "bundle.xml"
_FILE_SAFE = re.compile(r"[A-Za-z0-9.\-]{1,64}")  # the characters of a FHIR id


def to_xml(resource: Resource, release: Release) -> bytes:
    """A resource as an XML document, UTF-8. Raises DoesNotFitError for what FHIR XML cannot hold."""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + xml_text(resource, release)).encode()


def write(resources: Iterable[Located | Resource], folder: Path, release: Release, base_url: str = BASE) -> list[Path]:
    """All resources in one collection Bundle, `bundle.xml` in the folder; its path."""
    document = to_xml(bundle_of(resources, release, "collection", base_url), release)
    with whole_file(folder / FILE) as part:
        part.write_bytes(document)
    return [folder / FILE]


def write_each(resources: Iterable[Located | Resource], folder: Path, release: Release) -> list[Path]:
    """One file a resource, `Type-id.xml`; the paths in order. References by fullUrl become `Type/id`.

    Raises DoesNotFitError where a resource has no id, or one that is none of FHIR's, or stands twice.
    """
    names: dict[str, None] = {}
    with whole_folder(folder) as part:
        for resource in relative_references(resources):
            kind, _, own = name_of(resource).partition("/")
            name = f"{kind}-{own}.xml"
            if not _FILE_SAFE.fullmatch(own) or name in names:
                raise DoesNotFitError(
                    f"A {kind} has no id of its own to name its file by.", fix="Give it an id, or write one Bundle."
                )
            names[name] = None
            (part / name).write_bytes(to_xml(resource, release))
    return [folder / name for name in names]
